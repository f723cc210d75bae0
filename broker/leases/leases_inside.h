/* SPDX-License-Identifier: Apache-2.0 */
/* What leases.c and leases_record.c (how they are kept) share. Nobody else includes this. */
#ifndef CF_BROKER_LEASES_LEASES_INSIDE_H
#define CF_BROKER_LEASES_LEASES_INSIDE_H
#include "broker/leases/leases.h"

typedef struct {
    cf_id collection, name;
} cf_lease_thing;

struct cf_leases {
    cf_lease_token token;
    cf_lease_held *held; /* by thing; of one thing in the order of granting */
    size_t held_count, held_capacity;
    cf_lease_ask *waiters; /* in the order in which they came */
    size_t waiter_count, waiter_capacity;
    cf_lease_thing *changed;
    size_t changed_count, changed_capacity;
    uint64_t deadline_ms;
    bool is_deadline_known;
};

/* The leases of one thing stand together; where they begin, or would. */
size_t cf_leases_place(const cf_leases *leases, const cf_id *collection, const cf_id *name);
bool cf_lease_is_of(const cf_lease_held *held, const cf_id *collection, const cf_id *name);
/* Puts one in behind the others of its thing. */
void cf_leases_insert(cf_leases *leases, const cf_lease_held *lease);
/* Ends the one at this place. Each end makes all tokens before it old. */
void cf_leases_end(cf_leases *leases, size_t at);
void cf_leases_drop_waiter(cf_leases *leases, size_t at);
/* How many there are of the thing, from `*first` on. */
size_t cf_leases_count_of(const cf_leases *leases, const cf_id *collection, const cf_id *name,
                          size_t *first);
/* For cf_leases_changed. */
void cf_leases_note_change(cf_leases *leases, const cf_id *collection, const cf_id *name);

#endif
