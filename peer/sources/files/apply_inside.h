/* SPDX-License-Identifier: Apache-2.0 */
/* What apply's own files share: one run over the steps of a plan, batch by batch. */
#ifndef CF_PEER_SOURCES_FILES_APPLY_INSIDE_H
#define CF_PEER_SOURCES_FILES_APPLY_INSIDE_H
#include "broker/platform/coroutine.h"
#include "peer/sources/files/apply.h"
#include "peer/sources/files/apply_steps.h"
#include "peer/sources/files/unplaced.h"

typedef enum {
    CF_APPLY_IDLE,
    CF_APPLY_STARTING,
    CF_APPLY_MAKING,
    CF_APPLY_PERFORMING, /* directories are removed, level by level */
    CF_APPLY_SYNCING,
    CF_APPLY_RETURNING, /* folders that were lifted get their modes back */
} cf_apply_phase;

/* An item that may have changed in the group of a directory. */
typedef struct {
    cf_id directory, item;
} cf_marked_item;

typedef struct {
    cf_marked_item *at;
    size_t count, capacity;
} cf_marked_items;

struct cf_applying {
    cf_applying_options options;
    cf_collection *collection;
    cf_ids marked, later;
    cf_marked_items marked_items; /* of groups that are not marked as wholes */
    bool woken; /* during a run, which may have left undone what is possible now */
    cf_unplaced *unplaced;
    cf_buffer awaited; /* the identity of a content that may not leave yet; empty: none */
    cf_apply_phase phase;

    cf_arena arena; /* of one run */
    cf_task *tasks;
    size_t count;
    cf_hash_table asked; /* contents, by their hash; in the arena */
    size_t first, end;   /* the batch, with what others left; what is before it has ended */
    bool is_last;        /* no step comes after these */
    size_t jobs;         /* that have not ended */
    cf_task_place place;
    cf_kv_list records;
    uint64_t numbers;   /* of temporary files and intents */
    cf_node_set lifted; /* folders that get their modes back, */
    size_t returned;    /* and how many of them have it */
    cf_status sync_status;
    cf_error sync_error;

    /* Where the disk may hang: */
    cf_coroutine *apart; /* does all of a step; NULL: none is under way */
    bool ends;           /* what is under way is finished, nothing begun: others are gone already */
    bool is_stuck;       /* in a call of the disk, as its last step ended */
    bool apart_is_over;  /* and its outcome waits for the next step: */
    cf_status apart_status;
    cf_error apart_error;
    cf_job *submitted, **submitted_end; /* by it, for the owner to pass on */

    cf_applied result;
    cf_pending *pending;
    size_t pending_capacity;
    cf_look_places look_at;
};

/* For jobs; the step itself asks the disk by `place.files`. */
static inline cf_files *cf_applying_files(const cf_applying *applying)
{
    return applying->options.peer->env->files;
}

/* Makes tasks of the marked groups' steps. Deletes that need the user's word end at once. */
cf_status cf_applying_plan(cf_applying *applying, const cf_applying_how *how, cf_error *error);
/* What the plan deletes, but may not, is from now on what is to come into its place, and of its
 * kind. True: some is. Folders that are so are marked: what is in them may be, too; and `groups`
 * gets what is to be planned anew when none is left. Where that has some already, the plan is of
 * such folders, and may not delete. */
bool cf_applying_meet_held(cf_applying *applying, const cf_plan *plan, cf_delete_word word,
                           cf_ids *groups);
/* The tasks of deletions that may not be done, or not yet, fail; the result says that something is
 * held, or awaits more. */
void cf_applying_hold_deletes(cf_applying *applying, const cf_plan *plan,
                              const cf_applying_how *how);

/* All jobs of a run begin with this; `done` takes one off `jobs`. None ends while a step is under
 * way. */
void cf_applying_submit(cf_applying *applying, cf_job *job);

/* A batch: its new files are written, in jobs; what is about to be done is recorded; it is done;
 * the directories are synced, in jobs; the base is committed. Directories that go are removed in
 * jobs: it is done when cf_applying_perform has begun none, and is called again until then. */
void cf_applying_start_batch(cf_applying *applying);
cf_status cf_applying_record(cf_applying *applying, cf_error *error);
void cf_applying_perform(cf_applying *applying);
void cf_applying_start_removing(cf_applying *applying);
void cf_applying_start_syncing(cf_applying *applying);
cf_status cf_applying_commit(cf_applying *applying, cf_error *error);
void cf_applying_after_commit(cf_applying *applying);
/* At the end of a run: false when no folder is to get its mode back now. Then some of them get it,
 * and are synced, in jobs; when these are done, the next ones. */
bool cf_applying_start_returning(cf_applying *applying);
cf_status cf_applying_return(cf_applying *applying, bool *more, cf_error *error);
/* The directory's group, and those of all directories in it, are to be planned again. */
void cf_applying_mark_below(cf_applying *applying, const cf_node *directory);

void cf_applying_drop_intents(cf_applying *applying, cf_task *task);
/* Writes the records gathered, durably. */
cf_status cf_applying_write(cf_applying *applying, cf_error *error);

#endif
