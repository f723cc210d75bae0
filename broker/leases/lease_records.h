/* SPDX-License-Identifier: Apache-2.0 */
/* How a store keeps a user's leases: a record for the token and one for each thing that is leased,
 * in table 'l'. Every change names the token that it found, so of two who change the leases one
 * fails; and what is published to a collection names its lease's record, so an append itself is
 * fenced. */
#ifndef CF_BROKER_LEASES_LEASE_RECORDS_H
#define CF_BROKER_LEASES_LEASE_RECORDS_H
#include "broker/leases/leases.h"
#include "broker/store/store.h"
#include "codec/arena.h"

/* What a log remembers of it. */
typedef struct {
    cf_leases *leases;
    cf_buffer token; /* its record, as far as that is on its way; empty: there is none */
} cf_lease_records;

/* Reads them from the store. Who waited goes on waiting. */
cf_status cf_lease_records_load(cf_lease_records *keeper, cf_store *store, const cf_hash *user,
                                cf_error *error);
void cf_lease_records_release(cf_lease_records *keeper);

/* What has changed as records, and what must hold before; all in the arena. */
typedef struct {
    cf_kv *records;
    size_t count;
    cf_kv expected; /* the token's */
} cf_lease_change;
void cf_lease_records_take(cf_lease_records *keeper, cf_arena *arena, cf_lease_change *out);
/* What must hold for something to be published to the collection. */
cf_kv cf_lease_records_fence(const cf_lease_records *keeper, const cf_id *collection,
                             cf_arena *arena);

#endif
