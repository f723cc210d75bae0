/* SPDX-License-Identifier: Apache-2.0 */
/* The users that a RocksDB store appends for, as it remembers them between commits. */
#ifndef CF_BROKER_STORE_ROCKS_ACCOUNTS_H
#define CF_BROKER_STORE_ROCKS_ACCOUNTS_H
#include "codec/bytes.h"
#include "codec/ids.h"

typedef struct {
    cf_hash user;
    uint64_t epoch;
    uint64_t next; /* position of its next entry, those that wait for the commit counted */
    uint64_t size; /* bytes of its entries, those that wait counted */
} cf_rocks_account;

typedef struct {
    cf_rocks_account *list; /* ascending by user; owned */
    size_t count, capacity;
} cf_rocks_accounts;

/* NULL when it is not there; valid until the next add. */
cf_rocks_account *cf_rocks_account_of(const cf_rocks_accounts *accounts, const cf_hash *user);
void cf_rocks_account_add(cf_rocks_accounts *accounts, const cf_rocks_account *account);

void cf_rocks_account_remove(cf_rocks_accounts *accounts, const cf_hash *user);

/* The keys of the user's numbers in the default table. */
enum { CF_ROCKS_USER_KEY_SIZE = 1 + CF_HASH_SIZE, CF_ROCKS_EPOCH = 'u', CF_ROCKS_SIZE = 'b' };
void cf_rocks_user_key(uint8_t kind, const cf_hash *user, uint8_t out[CF_ROCKS_USER_KEY_SIZE]);

#endif
