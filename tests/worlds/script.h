/* SPDX-License-Identifier: Apache-2.0 */
/* What is to happen in a world: a list of acts of users and of misfortunes, drawn from a seed
 * before anything happens. Each carries what it needs to go the same way in a shorter list, too. */
#ifndef CF_TESTS_WORLDS_SCRIPT_H
#define CF_TESTS_WORLDS_SCRIPT_H
#include "tests/worlds/world.h"

typedef enum {
    /* What users do. */
    ACT_WRITE,
    ACT_LARGE,
    ACT_SPARSE,
    ACT_COPY,  /* equal contents in two places */
    ACT_TWINS, /* the same file or record at all devices */
    ACT_FOLDER,
    ACT_REMOVE,
    ACT_MOVE,
    ACT_SWAP,
    ACT_POINT, /* a symbolic link */
    ACT_LINK,  /* a hard one */
    ACT_MODE,
    ACT_STAMP,
    ACT_REPLACE,  /* by another kind of thing */
    ACT_CONFLICT, /* something done with a conflict copy */
    ACT_TABLE,    /* a row of one of the records' sources */
    ACT_NUMBERS,
    ACT_CARDS,
    ACT_SETTINGS,
    ACT_EVENTS,
    ACT_ASK, /* for other things than until now (asking.h) */
    ACT_LOCK,
    ACT_UNLOCK,
    /* What goes well. */
    ACT_SYNC,
    ACT_SYNC_MANY,
    ACT_SYNC_A_WHILE,
    ACT_REST, /* time goes by, and caches reach the disk */
    ACT_MEET, /* two devices hand each other their logs, without a broker */
    /* What goes wrong. */
    ACT_CUT,
    ACT_NETWORK, /* off, or on again */
    ACT_KILL,
    ACT_POWER_CUT,
    ACT_CRASH_IN_SYNC,
    ACT_FAULT_IN_SYNC,
    ACT_BAD_DISK, /* for a while */
    ACT_FULL_DISK,
    ACT_WORK_IN_SYNC, /* the user is at it at the same time */
    ACT_CLOCK,
    ACT_BROKER_CRASH,
    ACT_COPY_DEVICE,
    ACT_RESTORE_DEVICE,
    ACT_RESTORE_HOME,
    ACT_CLONE,
    ACT_COPY_BROKER,
    ACT_ROLL_BROKER_BACK,
    ACT_EMPTY_BROKER,
    ACT_MOVE_HOME,
    ACT_REVOKE,
    ACT_HOSTILE, /* what a revoked device wrote is brought to another */
    ACT_MOUNT,   /* the disk of the folder goes away, or is mounted anew */
    ACT_UNMOUNT_IN_SYNC,
    ACT_HANG,           /* it does not answer for a while */
    ACT_OLDER_DISK,     /* as it was once, and then as it was last again */
    ACT_CUT_FILE,       /* one of records, and then it is whole again */
    ACT_CLEAR,          /* a column of one, and then its values are there again */
    ACT_EMPTY,          /* all rows of one, and then they are there again */
    ACT_EMPTY_SETTINGS, /* the same of a document's members */
    ACTS
} act_kind;

typedef struct {
    act_kind kind;
    uint8_t who, other; /* devices */
    uint8_t path, to;   /* of the paths there are */
    uint64_t seed;
} event;

typedef struct {
    world_plan plan;
    bool is_calm; /* one thing after the other, and all are in sync in between */
    event *acts;
    size_t count;
} story;

void script_draw(story *self, uint64_t seed, size_t count);
void script_release(story *self);
/* In one line, and from it. CF_USAGE when it is none. */
void script_write(const story *self, cf_buffer *out);
cf_status script_read(const char *text, story *out, cf_error *error);
const char *act_name(act_kind kind);

enum { PATHS = 10 };
extern const char *const script_paths[PATHS];

#endif
