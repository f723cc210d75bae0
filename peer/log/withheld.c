/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/withheld.h"

#include "peer/log/peer.h"
#include "peer/log/unsent.h"

#include <stdlib.h>

void cf_withheld_release(cf_withheld *withheld)
{
    free(withheld->at);
    *withheld = (cf_withheld){0};
}

bool cf_withheld_has(const cf_withheld *withheld, const cf_head *entry)
{
    for (size_t i = 0; i < withheld->count; i++)
        if (cf_id_equal(&withheld->at[i].last.writer, &entry->writer) &&
            entry->sequence >= withheld->at[i].first &&
            entry->sequence <= withheld->at[i].last.sequence)
            return true;
    return false;
}

void cf_withheld_leave_out(const cf_withheld *withheld, cf_heads *heads)
{
    for (size_t i = 0; i < withheld->count; i++) {
        const cf_withheld_part *part = &withheld->at[i];

        if (!cf_heads_contain(heads, &part->last))
            continue;
        cf_heads_remove(heads, &part->last);
        if (part->before.sequence)
            cf_heads_insert(heads, &part->before);
    }
}

/* ---- Which ---- */

typedef struct {
    uint64_t sequence;
    cf_head head;
    size_t count; /* entries of this sequence */
} first_entry;

static bool take_first(void *context, const cf_head *entry, uint64_t position)
{
    first_entry *self = context;

    (void)position;
    if (entry->sequence != self->sequence)
        return false;
    self->head = *entry;
    self->count++;
    return true;
}

/* The part that begins with this entry, if that counts for nothing: then so do all behind it, which
 * know no more of the role. */
static cf_status judge(cf_peer *peer, const cf_unsent_part *part, const cf_head *first,
                       cf_error *error)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    bool is_void = false;

    cf_status status = cf_log_get(peer->log, first, &wire, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    if (!status)
        status = cf_log_is_void(peer->log, &entry, &is_void, error);
    if (!status && is_void) {
        const cf_withheld_part withheld = {
            .first = part->first,
            .last = part->last,
            .before = {first->writer, first->sequence - 1, entry.header.previous}};
        cf_withheld *all = &peer->withheld;

        *cf_one_more(all->at, all->count, all->capacity) = withheld;
        cf_author_withhold(peer->author, &entry.header.collection, &withheld);
    }
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return status;
}

/* Where another copy of this home made an entry of that sequence, too, the broker has to say which
 * it takes. */
cf_status cf_withheld_find(cf_peer *peer, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_unsent unsent = {0};

    peer->withheld.count = 0;
    cf_status status = cf_unsent_load(store, cf_peer_user(peer), &unsent, error);
    for (size_t i = 0; !status && i < unsent.count; i++) {
        const cf_unsent_part *part = &unsent.at[i];
        first_entry first = {.sequence = part->first};

        status = store->chain(store, cf_peer_user(peer), &part->last.writer, part->first,
                              take_first, &first, error);
        if (!status && first.count == 1)
            status = judge(peer, part, &first.head, error);
    }
    cf_unsent_release(&unsent);
    return status;
}
