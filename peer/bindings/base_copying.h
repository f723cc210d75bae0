/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a file on its way into the cache of bases, made by a job: sharing its blocks where the
 * disk can; else by bringing the copy of what the file was before up to date, where that may be
 * given up; else by writing all of it. Owned by the engine's thread. */
#ifndef CF_PEER_BINDINGS_BASE_COPYING_H
#define CF_PEER_BINDINGS_BASE_COPYING_H
#include "peer/bindings/binding.h"

typedef struct cf_base_copying cf_base_copying;

/* A content, and the hashes of its leaves. */
typedef struct {
    cf_hash hash;
    uint64_t size;
    cf_bytes leaves;
} cf_base_content;

typedef struct {
    cf_peer *peer;
    const cf_binding *binding;
    const cf_node *node; /* of the file; for the call */
    cf_hold cache;       /* where copies lie; taken over */
    cf_base_content now; /* what the file holds */
    /* Whose copy may be given up; NULL: none. Nobody reads that copy. */
    const cf_base_content *before;
    bool any_size; /* a large one, too, if it shares no blocks; so it is outside the home */
} cf_base_copying_options;

cf_base_copying *cf_base_copying_start(const cf_base_copying_options *options);
bool cf_base_copying_over(const cf_base_copying *copying);
const cf_binding *cf_base_copying_binding(const cf_base_copying *copying);
const cf_hash *cf_base_copying_content(const cf_base_copying *copying);
/* Bytes that it has put onto the disk; once it is over. */
uint64_t cf_base_copying_size(const cf_base_copying *copying);
/* Waits if it must. */
void cf_base_copying_destroy(cf_base_copying **copying);

/* How a copy is named; with a suffix of at most 4 bytes. */
enum { CF_BASE_NAME = 2 * CF_HASH_SIZE + 5 };
cf_bytes cf_base_name(const cf_hash *hash, const char *suffix, char text[CF_BASE_NAME]);

/* What is left free of the disk on which copies lie, the home's or another one of so many bytes. */
uint64_t cf_base_room_left(bool is_elsewhere, uint64_t whole);

#endif
