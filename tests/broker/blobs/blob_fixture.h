/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs of each kind, and what tests of them say. */
#ifndef CF_TESTS_BLOB_FIXTURE_H
#define CF_TESTS_BLOB_FIXTURE_H
#include "broker/blobs/blob_actor.h"
#include "broker/blobs/blobs.h"
#include "codec/limits.h"
#include "tests/broker/store/two_users.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

typedef enum {
    BLOBS_IN_MEMORY,
    BLOBS_IN_FILES,
    BLOB_ACTOR_OF_MEMORY,
    BLOB_ACTOR_OF_FILES
} blobs_kind;
enum { BLOB_KINDS = 4 };

typedef struct {
    blobs_kind kind;
    scratch *folder;           /* of files */
    cf_blob_memory_disk *disk; /* of memory */
    cf_blob_actor *actor;
    cf_blobs *blobs;
    /* What the last put answered. */
    cf_status status;
    cf_blob_held held;
    cf_error error;
    size_t answered;
} shelf;

shelf a_shelf(blobs_kind kind);
/* With blobs below `path`. */
shelf a_shelf_at(const char *path);
void shelf_restart(shelf *self);
void shelf_end(shelf *self);

/* Bytes that no other size has, and their name. */
typedef struct {
    cf_buffer bytes;
    cf_hash id;
} a_blob;
a_blob blob_of(size_t size);
void blob_release(a_blob *blob);

/* Puts the piece that begins at `offset` and waits for the answer. */
cf_status shelf_put(shelf *self, const cf_hash *user, const a_blob *blob, uint64_t offset);
void shelf_put_raw(shelf *self, const cf_blob_put *put);
/* From where `held` says to the end; expects that it is taken. */
void shelf_put_all(shelf *self, const cf_hash *user, const a_blob *blob);
void expect_held(shelf *self, const cf_hash *user, const a_blob *blob, uint64_t size,
                 bool complete);
void expect_blob(shelf *self, const cf_hash *user, const a_blob *blob);

#endif
