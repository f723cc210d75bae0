/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a file on its way into the cache of bases, made by a job: sharing its blocks where the
 * disk can; else by bringing the copy of what the file was before up to date, where that may be
 * given up; else by writing all of it. Of a file that gets no copy the prints of its blocks are
 * kept (base_prints.h). Owned by the engine's thread. */
#ifndef CF_PEER_BINDINGS_BASE_COPYING_H
#define CF_PEER_BINDINGS_BASE_COPYING_H
#include "peer/bindings/base_prints.h"
#include "peer/bindings/binding.h"

typedef struct cf_base_copying cf_base_copying;

typedef struct {
    cf_peer *peer;
    const cf_binding *binding;
    const cf_node *node;    /* of the file; for the call */
    cf_hold cache;          /* where copies lie; taken over */
    cf_base_content now;    /* what the file holds; its leaves are copied */
    cf_base_content before; /* what it held; size 0: nothing is known of that. The same */
    bool gives_up_before;   /* nobody reads the copy of that, or needs it */
    bool any_size;  /* a large one, too, if it shares no blocks; so it is outside the home */
    bool no_copies; /* prints alone are wanted */
} cf_base_copying_options;

cf_base_copying *cf_base_copying_start(const cf_base_copying_options *options);
bool cf_base_copying_over(const cf_base_copying *copying);
const cf_binding *cf_base_copying_binding(const cf_base_copying *copying);
const cf_hash *cf_base_copying_content(const cf_base_copying *copying);
/* Bytes that it has put onto the disk; once it is over. */
uint64_t cf_base_copying_size(const cf_base_copying *copying);
/* Waits if it must. */
void cf_base_copying_destroy(cf_base_copying **copying);

/* What is left free of the disk on which copies lie, the home's or another one of so many bytes. */
uint64_t cf_base_room_left(bool is_elsewhere, uint64_t whole);

#endif
