/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/missing.h"

#include "broker/hash_set.h"
#include "broker/publish.h"

#include <stdlib.h>

typedef struct {
    cf_store *store;
    cf_blobs *blobs;
    cf_missing *out;
    cf_hash *users;
    size_t user_count, user_capacity;
    cf_hash user;     /* in hand */
    cf_hash_set seen; /* of its blobs */
} search;

static bool list_user(void *context, const cf_hash *user)
{
    search *self = context;

    self->users =
        cf_grow(self->users, &self->user_capacity, self->user_count + 1, sizeof *self->users);
    self->users[self->user_count++] = *user;
    return true;
}

static void look(search *self, const cf_hash *blob)
{
    cf_missing *out = self->out;

    if (!cf_hash_set_insert(&self->seen, blob) ||
        cf_blob_is_stored(self->blobs, &self->user, blob) ||
        cf_log_wants(self->store, &self->user, blob))
        return;
    out->list = cf_grow(out->list, &out->capacity, out->count + 1, sizeof *out->list);
    out->list[out->count++] = (cf_missing_blob){self->user, *blob};
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
    return true;
}

cf_status cf_missing_find(cf_store *store, cf_blobs *blobs, cf_missing *out, cf_error *error)
{
    search self = {.store = store, .blobs = blobs, .out = out};

    cf_status status = store->users(store, list_user, &self, error);
    for (size_t i = 0; !status && i < self.user_count; i++) {
        self.user = self.users[i];
        self.seen.count = 0;
        status = store->read(store, &self.user, 1, visit, &self, error);
    }
    cf_hash_set_release(&self.seen);
    free(self.users);
    return status;
}

void cf_missing_note(cf_users *users, cf_blobs *blobs, const cf_missing *missing)
{
    for (size_t i = 0; i < missing->count; i++) {
        const cf_missing_blob *it = &missing->list[i];
        cf_log *log = cf_users_find(users, &it->user);

        if (log && !cf_blob_is_stored(blobs, &it->user, &it->blob))
            cf_log_want(log, &it->blob);
    }
}

void cf_missing_release(cf_missing *missing)
{
    free(missing->list);
    *missing = (cf_missing){0};
}
