/* SPDX-License-Identifier: Apache-2.0 */
/* A broker that lost blobs need not know it. So a relay offers it what is here, from the newest to
 * the oldest and then again, but few at a time: the broker's answer to HAVE says which it lacks,
 * and these are brought. */
#include "peer/transfer/carried_inside.h"

enum {
    AT_ONCE = 256,          /* offered, as many as one HAVE has: 9 KB */
    EACH_MS = 3600000,      /* and not sooner again, in whatever session or process */
    COMPARED_SIZE = 32 + 8, /* the blob, then the time */
};

static const char name[] = "carried-compared";

void cf_carried_recall_compared(cf_carried *self)
{
    cf_buffer value = {0};
    cf_error ignored; /* then the first ones are asked for once more */

    if (cf_home_get(self->options.peer->home, name, &value, &ignored) == CF_OK &&
        value.size == COMPARED_SIZE) {
        memcpy(self->compared.bytes, value.data, sizeof self->compared.bytes);
        self->compared_ms = cf_get_u64(value.data + sizeof self->compared.bytes);
    }
    cf_buffer_release(&value);
}

static void keep(cf_carried *self)
{
    uint8_t value[COMPARED_SIZE];
    cf_error error;

    memcpy(value, self->compared.bytes, sizeof self->compared.bytes);
    cf_put_u64(value + sizeof self->compared.bytes, self->compared_ms);
    if (cf_home_set(self->options.peer->home, name, cf_bytes_of(value, sizeof value), &error))
        cf_carried_in_trouble(self, &error);
}

/* After the last one; after the oldest, and where that one is not here any more, the newest. */
static cf_carried_blob *next(const cf_carried *self)
{
    const cf_carried_blob *last = cf_carried_find(self, &self->compared);

    return last && last->older ? last->older : self->newest;
}

void cf_carried_compare(cf_carried *self, uint64_t now_ms, uint64_t *deadline)
{
    cf_transfer *transfer = cf_link_transfer(self->options.peer->link);
    const uint64_t time_ms = cf_env_now_ms(self->options.peer->env);
    size_t left = AT_ONCE;

    if (!cf_carried_is_through(self) || self->counts[CF_CARRIED_FETCHING] ||
        !self->counts[CF_CARRIED_HELD])
        return;
    if (self->compared_ms <= time_ms && time_ms - self->compared_ms < EACH_MS) {
        const uint64_t due_ms = now_ms + EACH_MS - (time_ms - self->compared_ms);

        *deadline = due_ms < *deadline ? due_ms : *deadline;
        return;
    }
    for (cf_carried_blob *blob = next(self); blob && left; blob = blob->older, left--) {
        self->compared = blob->id;
        if (blob->state == CF_CARRIED_HELD)
            cf_transfer_offer(transfer, &blob->id, blob->size, CF_RANK_LARGE);
    }
    self->compared_ms = time_ms;
    keep(self);
}
