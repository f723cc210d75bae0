/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/rocks_accounts.h"

/* Index of the first account that is not before `user`. */
static size_t index_of(const cf_rocks_accounts *accounts, const cf_hash *user)
{
    size_t low = 0, high = accounts->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_hash_compare(&accounts->list[middle].user, user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

cf_rocks_account *cf_rocks_account_of(const cf_rocks_accounts *accounts, const cf_hash *user)
{
    size_t at = index_of(accounts, user);

    if (at < accounts->count && cf_hash_equal(&accounts->list[at].user, user))
        return &accounts->list[at];
    return NULL;
}

void cf_rocks_account_add(cf_rocks_accounts *accounts, const cf_rocks_account *account)
{
    size_t at = index_of(accounts, &account->user);

    accounts->list =
        cf_grow(accounts->list, &accounts->capacity, accounts->count + 1, sizeof *accounts->list);
    memmove(accounts->list + at + 1, accounts->list + at,
            (accounts->count - at) * sizeof *accounts->list);
    accounts->list[at] = *account;
    accounts->count++;
}

void cf_rocks_account_remove(cf_rocks_accounts *accounts, const cf_hash *user)
{
    cf_rocks_account *it = cf_rocks_account_of(accounts, user);

    if (!it)
        return;
    accounts->count--;
    memmove(it, it + 1, (size_t)(accounts->list + accounts->count - it) * sizeof *it);
}

void cf_rocks_user_key(uint8_t kind, const cf_hash *user, uint8_t out[CF_ROCKS_USER_KEY_SIZE])
{
    out[0] = kind;
    memcpy(out + 1, user->bytes, CF_HASH_SIZE);
}
