/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a store's entries, chains, index and heads against each other, through its own reads. */
#ifndef CF_BROKER_STORE_STORE_VERIFY_H
#define CF_BROKER_STORE_STORE_VERIFY_H
#include "broker/store/store.h"

typedef struct {
    uint64_t indexed; /* entries that the chain index has at their position */
    uint64_t end;     /* the position after the last that was looked at */
} cf_store_verified;

/* As cf_store.verify, for one user; others may append meanwhile. */
void cf_store_verify_user(cf_store *store, const cf_hash *user, cf_damage_visit *damaged,
                          void *context, cf_store_verified *out);
cf_status cf_store_verify_all(cf_store *store, cf_damage_visit *damaged, void *context,
                              cf_error *error);

#endif
