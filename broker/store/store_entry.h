/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one entry out of a store. */
#ifndef CF_BROKER_STORE_STORE_ENTRY_H
#define CF_BROKER_STORE_STORE_ENTRY_H
#include "broker/store/store.h"

/* The bytes are appended to `wire`; CF_MISSING when it isn't held. */
cf_status cf_store_wire(cf_store *store, const cf_hash *user, const cf_head *entry, cf_buffer *wire,
                        cf_error *error);
/* The same, read; `out` borrows from `wire`, which was empty, and from the arena. */
cf_status cf_store_entry(cf_store *store, const cf_hash *user, const cf_head *entry,
                         cf_buffer *wire, cf_arena *arena, cf_entry *out, cf_error *error);
/* The entry at a position. */
cf_status cf_store_entry_at(cf_store *store, const cf_hash *user, uint64_t position,
                            cf_buffer *wire, cf_arena *arena, cf_entry *out, cf_error *error);
/* Whether it is committed; what is under way isn't. */
cf_status cf_store_holds(cf_store *store, const cf_hash *user, const cf_head *entry, bool *held,
                         cf_error *error);
/* The predecessor that a header names; its sequence is 0 when it is the first. */
cf_head cf_head_before(const cf_header *header);

#endif
