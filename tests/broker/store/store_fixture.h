/* SPDX-License-Identifier: Apache-2.0 */
/* A store of each kind, and what tests of stores say about it. */
#ifndef CF_TESTS_STORE_FIXTURE_H
#define CF_TESTS_STORE_FIXTURE_H
#include "broker/store/store.h"
#include "broker/store/store_actor.h"
#include "codec/heads.h"
#include "tests/broker/store/two_users.h"
#include "tests/support/author.h"
#include "tests/support/scratch.h"

typedef enum {
    STORE_IN_MEMORY,
    STORE_IN_ROCKSDB,
    STORE_ACTOR_OF_MEMORY,
    STORE_ACTOR_OF_ROCKSDB
} store_kind;
enum { STORE_KINDS = 4 };

typedef struct {
    store_kind kind;
    scratch *folder;            /* of RocksDB */
    cf_store_memory_disk *disk; /* of memory */
    cf_store_actor *actor;
    cf_store *store;
    uint64_t epoch;          /* of the user in `author` */
    cf_append_answer answer; /* of the last append */
    uint64_t position;
    cf_error error;  /* what the last append said */
    size_t answered; /* how many appends */
} stage;

stage a_stage(store_kind kind);
/* Drops the store without a commit and opens it again. */
void stage_crash(stage *self);
void stage_end(stage *self);

/* Makes the author's next entry in `wire` and appends it for ann. */
void stage_append(stage *self, author *writer, cf_buffer *wire);
/* Appends bytes that are an entry. */
void stage_append_wire(stage *self, const cf_hash *user, uint64_t epoch, cf_bytes wire);
void stage_append_with(stage *self, cf_append *append);
/* Appends, commits, and expects the answer. */
void expect_append(stage *self, author *writer, cf_append_answer answer, uint64_t position);
void expect_commit(stage *self);
/* In so many commits of ten. */
void stage_append_tens(stage *self, author *ann, int tens);
/* Of ann; the caller's. */
cf_heads stage_heads(stage *self);
/* Expects exactly these positions from `from` on. */
void expect_positions(stage *self, const cf_hash *user, uint64_t from, uint64_t last);
/* Writes one record, both as text; value NULL deletes. */
void stage_write(stage *self, const cf_hash *user, const char *key, const char *value, bool synced);
/* value NULL: there is none. */
void expect_record(stage *self, const cf_hash *user, const char *key, const char *value);
size_t stage_damages(stage *self, char text[CF_ERROR_TEXT]);

#endif
