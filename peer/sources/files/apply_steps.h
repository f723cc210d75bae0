/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of apply: a step on its way, the jobs that write new contents, and what is done to the
 * disk. */
#ifndef CF_PEER_SOURCES_FILES_APPLY_STEPS_H
#define CF_PEER_SOURCES_FILES_APPLY_STEPS_H
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

#endif
