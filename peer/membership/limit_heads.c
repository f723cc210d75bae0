/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which heads are named: of the member log, with a write that is shown, other chains
 * that are here, and what only others told of; within each the longest first. What isn't named is
 * void, and counted: a whole chain, or what lies beyond its named branch. */
#include "peer/membership/limit_heads.h"

#include "peer/merge/state.h"

#include <stdlib.h>
#include <string.h>

/* In the order in which they are chosen. What only the broker says comes last: it may say what it
 * likes, and takes no place of what is here. */
enum rank { MEMBER, SHOWN, OTHER, TOLD };

typedef struct {
    cf_head head;
    enum rank rank;
} candidate;

typedef struct {
    const cf_heads *heads;
    bool *shown;     /* of each: a write behind it is not replaced */
    cf_state *state; /* of one item at a time */
} scan;

static void mark(scan *self, const cf_dot *dot)
{
    size_t count;
    const cf_head *run = cf_heads_of_writer(self->heads, &dot->writer, &count);

    for (size_t i = 0; i < count; i++)
        if (run[i].sequence >= dot->sequence)
            self->shown[run - self->heads->heads + (ptrdiff_t)i] = true;
}

static bool look_at_item(void *context, cf_bytes key, cf_bytes value)
{
    scan *self = context;
    cf_error ignored;
    cf_id item;

    if (key.size != 1 + 2 * CF_ID_SIZE)
        return true;
    memcpy(item.bytes, key.data + 1 + CF_ID_SIZE, CF_ID_SIZE);
    if (cf_state_item_read(self->state, &item, value, &ignored))
        return true;
    const cf_item *held = cf_state_item(self->state, &item);
    for (size_t i = 0; held && i < cf_item_write_count(held); i++) {
        const cf_write write = cf_state_write(self->state, held, i);

        mark(self, &write.dot);
    }
    cf_state_forget_item(self->state, &item);
    return true;
}

static int by_choice(const void *a, const void *b)
{
    const candidate *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->head.sequence != y->head.sequence) /* the longest first */
        return x->head.sequence > y->head.sequence ? -1 : 1;
    return cf_head_compare(&x->head, &y->head);
}

/* Of a chain none of whose branches is named all is void, of a branch beside a named one what is
 * beyond that. */
static uint64_t count_voided(const cf_heads *named, const candidate *all, size_t from, size_t count)
{
    cf_heads left = {0};
    uint64_t voided = 0;

    cf_head *unnamed = cf_allocate(count - from, sizeof *unnamed);
    for (size_t i = from; i < count; i++)
        unnamed[i - from] = all[i].head;
    cf_heads_add(&left, unnamed, count - from);
    free(unnamed);
    for (size_t i = 0; i < left.count; i++) {
        const cf_head *head = &left.heads[i];
        bool is_last = i + 1 == left.count || !cf_id_equal(&head->writer, &head[1].writer);
        size_t kept_count;
        const cf_head *kept = cf_heads_of_writer(named, &head->writer, &kept_count);
        uint64_t before = kept ? kept[kept_count - 1].sequence : 0;

        voided += is_last && head->sequence > before ? head->sequence - before : 1;
    }
    cf_heads_release(&left);
    return voided;
}

static enum rank rank_of(const cf_peer *peer, const cf_head *head, bool is_shown)
{
    cf_id collection;
    const bool is_here = cf_log_head_collection(peer->log, head, &collection);

    if (!is_here)
        return TOLD;
    return cf_id_equal(&collection, &cf_member_log_id) ? MEMBER : is_shown ? SHOWN : OTHER;
}

static cf_status rank_all(cf_peer *peer, const cf_heads *heads, candidate *all, cf_error *error)
{
    cf_store *store = cf_log_store(peer->log);
    const uint8_t table = CF_TABLE_ITEM;
    scan self = {heads, cf_allocate(heads->count, sizeof(bool)), cf_state_new()};

    cf_status status =
        store->scan(store, cf_peer_user(peer), cf_bytes_of(&table, 1), look_at_item, &self, error);
    for (size_t i = 0; i < heads->count; i++)
        all[i] = (candidate){heads->heads[i], rank_of(peer, &heads->heads[i], self.shown[i])};
    cf_state_destroy(&self.state);
    free(self.shown);
    return status;
}

cf_status cf_limit_heads(cf_peer *peer, cf_heads *heads, size_t most, uint64_t *voided,
                         cf_error *error)
{
    size_t count = heads->count;

    *voided = 0;
    if (count <= most)
        return CF_OK;
    candidate *all = cf_allocate(count, sizeof *all);
    cf_status status = rank_all(peer, heads, all, error);
    if (!status) {
        cf_head *named = cf_allocate(most, sizeof *named);

        qsort(all, count, sizeof *all, by_choice);
        for (size_t i = 0; i < most; i++)
            named[i] = all[i].head;
        heads->count = 0;
        cf_heads_add(heads, named, most);
        *voided = count_voided(heads, all, most, count);
        free(named);
    }
    free(all);
    return status;
}
