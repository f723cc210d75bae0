/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/upkeep/lost_blobs.h"

#include "broker/gateway/publish.h"
#include "broker/platform/hash_set.h"

#include <stdlib.h>

typedef struct {
    cf_store *store;
    cf_blobs *blobs;
    cf_lost_blobs *out;
    cf_hash *users;
    size_t user_count, user_capacity;
    cf_hash user;             /* in hand */
    cf_hash_set seen;         /* of its blobs */
    const atomic_bool *stops; /* or NULL */
} search;

static bool list_user(void *context, const cf_hash *user)
{
    search *self = context;

    *cf_one_more(self->users, self->user_count, self->user_capacity) = *user;
    return true;
}

static void count_owed(search *self)
{
    cf_lost_blobs *out = self->out;
    cf_lost_blobs_owed *last = out->owed_count ? &out->owed[out->owed_count - 1] : NULL;

    if (!last || !cf_hash_equal(&last->user, &self->user)) {
        last = cf_one_more(out->owed, out->owed_count, out->owed_capacity);
        *last = (cf_lost_blobs_owed){.user = self->user};
    }
    last->count++;
}

static void look(search *self, const cf_hash *blob)
{
    cf_lost_blobs *out = self->out;

    if (!cf_hash_set_insert(&self->seen, blob) || cf_blob_is_stored(self->blobs, &self->user, blob))
        return;
    if (cf_log_wants(self->store, &self->user, blob)) {
        count_owed(self);
        return;
    }
    *cf_one_more(out->list, out->count, out->capacity) = (cf_lost_blob){self->user, *blob};
}

/* What can't be read is named by the store's own check. */
static bool visit(void *context, uint64_t position, cf_bytes wire)
{
    search *self = context;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &ignored) == CF_OK)
        for (size_t i = 0; i < entry.header.blob_count; i++)
            look(self, &entry.header.blobs[i]);
    cf_arena_release(&arena);
    return !self->stops || !*self->stops;
}

static cf_status look_at_user(search *self, const cf_hash *user, cf_error *error)
{
    self->user = *user;
    cf_hash_set_release(&self->seen); /* not cleared: the next one may have few */
    return self->store->read(self->store, user, 1, visit, self, error);
}

cf_status cf_lost_blobs_find_of(cf_store *store, cf_blobs *blobs, const cf_hash *user,
                                const atomic_bool *stops, cf_lost_blobs *out, cf_error *error)
{
    search self = {.store = store, .blobs = blobs, .out = out, .stops = stops};

    cf_status status = look_at_user(&self, user, error);
    cf_hash_set_release(&self.seen);
    return status;
}

cf_status cf_lost_blobs_find(cf_store *store, cf_blobs *blobs, cf_lost_blobs *out, cf_error *error)
{
    search self = {.store = store, .blobs = blobs, .out = out};

    cf_status status = store->users(store, list_user, &self, error);
    for (size_t i = 0; !status && i < self.user_count; i++)
        status = look_at_user(&self, &self.users[i], error);
    cf_hash_set_release(&self.seen);
    free(self.users);
    return status;
}

void cf_lost_blobs_note(cf_users *users, cf_quotas *quotas, cf_blobs *blobs, cf_lost_blobs *missing)
{
    size_t kept = 0;

    for (size_t i = 0; i < missing->count; i++) {
        const cf_lost_blob it = missing->list[i];
        cf_log *log = cf_users_find(users, &it.user);

        if (!log || cf_blob_is_stored(blobs, &it.user, &it.blob))
            continue;
        cf_log_want(log, &it.blob);
        if (quotas)
            cf_quotas_doubt(quotas, &it.user);
        missing->list[kept++] = it;
    }
    missing->count = kept;
}

static int compare(const void *a, const void *b)
{
    const cf_lost_blob *left = a, *right = b;
    const int by_user = cf_hash_compare(&left->user, &right->user);

    return by_user ? by_user : cf_hash_compare(&left->blob, &right->blob);
}

void cf_lost_blobs_sort(cf_lost_blobs *missing)
{
    if (missing->count)
        qsort(missing->list, missing->count, sizeof *missing->list, compare);
}

bool cf_lost_blobs_contains(const cf_lost_blobs *missing, const cf_hash *user, const cf_hash *blob)
{
    const cf_lost_blob sought = {*user, *blob};

    return missing->count &&
           bsearch(&sought, missing->list, missing->count, sizeof *missing->list, compare) != NULL;
}

void cf_lost_blobs_release(cf_lost_blobs *missing)
{
    free(missing->list);
    free(missing->owed);
    *missing = (cf_lost_blobs){0};
}
