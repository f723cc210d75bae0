/* SPDX-License-Identifier: Apache-2.0 */
/* What apply's own files share: a step on its way, the jobs that write new contents, what is done
 * to the disk, and one run over the steps of a plan, batch by batch. */
#ifndef CF_PEER_SOURCES_FILES_APPLY_INSIDE_H
#define CF_PEER_SOURCES_FILES_APPLY_INSIDE_H
#include "broker/platform/coroutine.h"
#include "peer/sources/files/apply.h"
#include "peer/sources/files/unplaced.h"
#include "broker/platform/jobs.h"
#include "codec/hash_table.h"
#include "peer/transfer/partial_file.h"
#include "peer/sources/files/intents.h"
#include "peer/merge/node_set.h"
#include "peer/bindings/rescued.h"
#include "peer/sources/context/watch.h"
#include "peer/merge/node_stat.h"
#include "peer/merge/plan.h"

typedef enum {
    CF_TASK_WAITING, /* for other steps */
    CF_TASK_DONE,
    CF_TASK_BLOCKED, /* the disk is not as the base has it, or something else stands there */
    CF_TASK_FAILED,  /* can't be done: see the reason */
} cf_task_state;

typedef struct cf_task cf_task;

/* A content that steps of one run ask for: it comes once. The last step that asks takes the file
 * that it came in, the others have it copied before. */
typedef struct {
    cf_hash_link by_content;
    cf_hash hash;
    uint64_t size;
    size_t askers;  /* steps that have no file of it yet */
    size_t copying; /* jobs that read the file */
    cf_task *taker; /* begins when these are done; NULL: nobody has asked last */
} cf_asked_content;

/* A step on its way. */
struct cf_task {
    cf_step step;
    cf_task_state state;
    const char *reason; /* why it is not done; NULL: nothing is known against it */
    uint64_t number;    /* of the node: a fresh one for CREATE */
    bool needs_file;    /* a new file or link is written beside */
    bool made;
    bool waits;      /* FAILED: its content is not here */
    bool is_of_disk; /* FAILED, as all will: the disk is full, or can't be written to */
    bool spoiled; /* FAILED: the file that came is not what it was; or it could not be synced, and
                     may never have all of its bytes, however well that goes the next time */
    bool is_put_off; /* FAILED before, as others of which one is tried: not in this run */
    bool stays;      /* DELETE: the user had it before others brought it, and that counts no more */
    bool looks;      /* DONE, but its directory has something of a user's that is to be looked at */
    bool misses;     /* BLOCKED: something is missing in the folder to which it comes */
    bool torn;    /* FAILED half way: its intents stay, and settle it once the root is held anew */
    bool settled; /* DONE, but for the mode: it is a directory that stood there */
    bool drops;   /* what it displaced lies under its temporary name, and is to be unlinked */
    bool is_leaving; /* WAITING: its directory may go, and a job has it or will have it removed */
    char temporary[CF_TEMPORARY_NAME];
    char partial[CF_PARTIAL_FILE_NAME]; /* where a content that was fetched stands, for this step */
    char original[CF_PARTIAL_FILE_NAME]; /* or, for others: a copy is made of it */
    cf_asked_content *asked;             /* what its file is to hold; NULL: it needs none */
    cf_stat made_stat;
    cf_disk_traits traits; /* of the disk on which it is made */
    cf_head source;        /* the entry that introduced the content */
    cf_bytes small;        /* the content, when it is in the log itself */
    cf_bytes leaves;       /* of a large one */
    cf_bytes rank;         /* DELETE: in this order */
    cf_node after;         /* the base's node when it is done */
    uint64_t intents[4];
    size_t intent_count;
};

/* Waits only for other steps: its new file is written, if it needs one. */
static inline bool cf_task_is_prepared(const cf_task *task)
{
    return task->state == CF_TASK_WAITING && !task->is_leaving && (task->made || !task->needs_file);
}

/* Writes the task's new file in the temporary folder, whole, durable, with mode and time; in a job.
 * A file that was downloaded stands there already, for one task; a copy of it is proved. */
cf_status cf_task_make(cf_files *files, const cf_folder *temporary, cf_task *task, cf_error *error);

/* Does a step that is ready to the disk, if that is as the base has it, and puts the new node into
 * the base and the records. `touched` gets the numbers of directories to be synced. */
typedef struct {
    cf_files *files;
    cf_binding *binding;
    cf_kv_list *records;
    cf_arena *arena; /* for the reasons */
    cf_watch *watch; /* or NULL */
    uint64_t now_ms;
    cf_node_set touched;
    cf_node_set watched; /* gets the numbers of directories that are watched from now on */
    size_t leaving;      /* tasks that wait for a job to remove their directories */
} cf_task_place;
void cf_task_perform(cf_task_place *place, cf_task *task);
/* Of steps that wait for each other: gives `node`, which is in this one's way or its own, another
 * name for now. False: it can't, and the task has ended with the reason. */
bool cf_task_step_aside(cf_task_place *place, cf_task *task, const cf_node *node);
/* Of such that are directories: where this one is to come, it is the one that stands there now, if
 * what is not asked for may lie in that, which then would be hidden. What that one was is no more.
 */
bool cf_task_take_over(cf_task_place *place, cf_task *task, const cf_node *node);

/* ---- A run ---- */

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
