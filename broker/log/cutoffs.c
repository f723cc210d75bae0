/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a limit leaves an entry: the limit names it, or an entry that has it in its past.
 * Everything before the lowest position in doubt is left: a position is in doubt behind the highest
 * sequence that is named of its writer, and where the chain forks. From there on the past of the
 * named entries is walked, from the newest position down. */
#include "broker/log/cutoffs.h"

#include "broker/store/store.h"
#include "codec/heads.h"

#include <stdlib.h>

/* What one limit leaves of one collection. */
struct bound {
    struct bound *next;
    cf_hash limit;
    cf_id collection;
    uint64_t lowest;  /* all entries of the device before this position are left */
    uint64_t *marked; /* a bit for each position from there on: named, or in such a one's past */
    uint64_t count;   /* of the bits */
};

/* The end of a branch, and where. */
struct end {
    cf_head head;
    cf_id collection;
};

struct cf_cutoffs {
    cf_store *store;
    const cf_hash *user;
    struct bound *all;
    cf_hash device; /* whose ends these are; all zero: nobody's */
    struct end *ends;
    size_t end_count, end_capacity;
    cf_hash limit;  /* whose heads these are; all zero: nobody's */
    cf_heads named; /* those that are here, */
    uint64_t *positions;
};

cf_cutoffs *cf_cutoffs_new(cf_store *store, const cf_hash *user)
{
    cf_cutoffs *cutoffs = cf_allocate(1, sizeof *cutoffs);

    cutoffs->store = store;
    cutoffs->user = user;
    return cutoffs;
}

void cf_cutoffs_forget(cf_cutoffs *cutoffs)
{
    while (cutoffs->all) {
        struct bound *first = cutoffs->all;

        cutoffs->all = first->next;
        free(first->marked);
        free(first);
    }
    cutoffs->device = cutoffs->limit = (cf_hash){0};
    cutoffs->end_count = 0;
    cf_heads_release(&cutoffs->named);
    free(cutoffs->positions);
    cutoffs->positions = NULL;
}

void cf_cutoffs_destroy(cf_cutoffs **cutoffs)
{
    if (!*cutoffs)
        return;
    cf_cutoffs_forget(*cutoffs);
    free((*cutoffs)->ends);
    free(*cutoffs);
    *cutoffs = NULL;
}

/* ---- The ends of branches ---- */

static bool add_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

cf_status cf_device_ends(cf_store *store, const cf_hash *user, const cf_hash *device,
                         cf_end_visit *visit, void *context, cf_error *error)
{
    cf_heads heads = {0};
    bool goes_on = true;
    cf_status status = store->heads(store, user, add_head, &heads, error);

    for (size_t i = 0; !status && goes_on && i < heads.count; i++) {
        cf_buffer wire = {0};
        cf_arena arena = {0};
        cf_entry entry;

        status = cf_store_entry(store, user, &heads.heads[i], &wire, &arena, &entry, error);
        if (!status && (!device || cf_hash_equal(&entry.header.device, device)))
            goes_on = visit(context, &heads.heads[i], &entry);
        cf_arena_release(&arena);
        cf_buffer_release(&wire);
    }
    cf_heads_release(&heads);
    return status;
}

/* ---- Where doubt begins ---- */

struct writers {
    cf_heads ends; /* of the device, in the collection */
};

static bool add_end(void *context, const cf_head *head, const cf_entry *entry)
{
    cf_cutoffs *cutoffs = context;

    *cf_one_more(cutoffs->ends, cutoffs->end_count, cutoffs->end_capacity) =
        (struct end){*head, entry->header.collection};
    return true;
}

/* The device's, in all collections: who opened 4,000 in as many collections is asked about in each.
 */
static cf_status read_ends(cf_cutoffs *cutoffs, const cf_hash *device, cf_error *error)
{
    if (cf_hash_equal(&cutoffs->device, device))
        return CF_OK;
    cutoffs->end_count = 0;
    cf_status status =
        cf_device_ends(cutoffs->store, cutoffs->user, device, add_end, cutoffs, error);
    cutoffs->device = status ? (cf_hash){0} : *device;
    return status;
}

static cf_status find_writers(cf_cutoffs *cutoffs, const cf_header *header, struct writers *out,
                              cf_error *error)
{
    cf_status status = read_ends(cutoffs, &header->device, error);

    for (size_t i = 0; !status && i < cutoffs->end_count; i++)
        if (cf_id_equal(&cutoffs->ends[i].collection, &header->collection))
            cf_heads_insert(&out->ends, &cutoffs->ends[i].head);
    return status;
}

/* A chain, looked at for entries that aren't plainly before a named head: those behind the highest
 * one, and where it forks. */
struct looking {
    uint64_t named;  /* the highest sequence that is, of this writer */
    uint64_t lowest; /* position in doubt */
    uint64_t last_sequence, last_position;
};

static void doubt(struct looking *looking, uint64_t position)
{
    if (position < looking->lowest)
        looking->lowest = position;
}

static bool look(void *context, const cf_head *entry, uint64_t position)
{
    struct looking *looking = context;

    if (entry->sequence > looking->named)
        doubt(looking, position);
    if (entry->sequence == looking->last_sequence) {
        doubt(looking, position);
        doubt(looking, looking->last_position);
    }
    looking->last_sequence = entry->sequence;
    looking->last_position = position;
    return true;
}

/* The limit's heads, of those that are here, and where they stand. */
static cf_status find_named(cf_cutoffs *cutoffs, const cf_limit *limit, cf_error *error)
{
    cf_status status = CF_OK;

    if (cf_hash_equal(&cutoffs->limit, &limit->entry))
        return CF_OK;
    cf_heads_release(&cutoffs->named);
    free(cutoffs->positions);
    cutoffs->positions = cf_allocate(limit->head_count, sizeof *cutoffs->positions);
    cutoffs->limit = (cf_hash){0};
    cf_heads_add(&cutoffs->named, limit->heads, limit->head_count);
    size_t held = 0;
    for (size_t i = 0; !status && i < cutoffs->named.count; i++) {
        status = cutoffs->store->find(cutoffs->store, cutoffs->user, &cutoffs->named.heads[i],
                                      &cutoffs->positions[held], error);
        if (!status)
            cutoffs->named.heads[held++] = cutoffs->named.heads[i];
        status = status == CF_MISSING ? CF_OK : status;
    }
    cutoffs->named.count = held;
    if (!status)
        cutoffs->limit = limit->entry;
    return status;
}

static cf_status find_lowest(const cf_cutoffs *cutoffs, const struct writers *writers,
                             uint64_t *lowest, cf_error *error)
{
    cf_status status = CF_OK;

    *lowest = UINT64_MAX;
    for (size_t i = 0; !status && i < writers->ends.count; i++) {
        const cf_id *writer = &writers->ends.heads[i].writer;
        struct looking looking = {.lowest = *lowest};

        if (i && cf_id_equal(writer, &writers->ends.heads[i - 1].writer))
            continue;
        size_t count;
        const cf_head *of_writer = cf_heads_of_writer(&cutoffs->named, writer, &count);
        if (of_writer)
            looking.named = of_writer[count - 1].sequence;
        status =
            cutoffs->store->chain(cutoffs->store, cutoffs->user, writer, 1, look, &looking, error);
        *lowest = looking.lowest;
    }
    return status;
}

/* ---- The past of the heads ---- */

static void mark_at(struct bound *bound, uint64_t position)
{
    uint64_t bit = position - bound->lowest;

    if (position >= bound->lowest && bit < bound->count)
        bound->marked[bit / 64] |= UINT64_C(1) << bit % 64;
}

static cf_status mark(const cf_cutoffs *cutoffs, struct bound *bound, const cf_head *entry,
                      cf_error *error)
{
    uint64_t position;
    cf_status status = cutoffs->store->find(cutoffs->store, cutoffs->user, entry, &position, error);

    if (!status)
        mark_at(bound, position);
    return status == CF_MISSING ? CF_OK : status; /* a head that isn't here yet */
}

static bool is_marked(const struct bound *bound, uint64_t position)
{
    uint64_t bit = position - bound->lowest;

    return bit < bound->count && (bound->marked[bit / 64] >> bit % 64 & 1);
}

/* Positions are causal: what is before an entry stands at lower ones. */
static cf_status mark_before(const cf_cutoffs *cutoffs, struct bound *bound, uint64_t position,
                             cf_error *error)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_status status =
        cf_store_entry_at(cutoffs->store, cutoffs->user, position, &wire, &arena, &entry, error);

    if (!status && entry.header.sequence > 1) {
        const cf_head previous = cf_head_before(&entry.header);

        status = mark(cutoffs, bound, &previous, error);
    }
    for (size_t i = 0; !status && i < entry.header.after_count; i++)
        status = mark(cutoffs, bound, &entry.header.after[i], error);
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return status;
}

static cf_status work_out(cf_cutoffs *cutoffs, const cf_limit *limit, const struct writers *writers,
                          struct bound *bound, cf_error *error)
{
    uint64_t last;
    cf_status status = find_named(cutoffs, limit, error);
    if (!status)
        status = find_lowest(cutoffs, writers, &bound->lowest, error);

    if (status || bound->lowest == UINT64_MAX)
        return status;
    status = cutoffs->store->last(cutoffs->store, cutoffs->user, &last, error);
    if (status)
        return status;
    bound->count = last - bound->lowest + 1;
    bound->marked = cf_allocate(bound->count / 64 + 1, sizeof *bound->marked);
    for (size_t i = 0; i < cutoffs->named.count; i++)
        mark_at(bound, cutoffs->positions[i]);
    for (uint64_t bit = bound->count; !status && bit-- > 0;)
        if (is_marked(bound, bound->lowest + bit))
            status = mark_before(cutoffs, bound, bound->lowest + bit, error);
    return status;
}

static cf_status bound_of(cf_cutoffs *cutoffs, const cf_limit *limit, const cf_entry *entry,
                          const struct bound **out, cf_error *error)
{
    const cf_header *header = &entry->header;
    struct writers writers = {0};
    struct bound *made;

    for (struct bound *at = cutoffs->all; at; at = at->next)
        if (cf_hash_equal(&at->limit, &limit->entry) &&
            cf_id_equal(&at->collection, &header->collection)) {
            *out = at;
            return CF_OK;
        }
    made = cf_allocate(1, sizeof *made);
    *made = (struct bound){
        .next = cutoffs->all, .limit = limit->entry, .collection = header->collection};
    cf_status status = find_writers(cutoffs, header, &writers, error);
    if (!status)
        status = work_out(cutoffs, limit, &writers, made, error);
    cf_heads_release(&writers.ends);
    if (status) {
        free(made->marked);
        free(made);
        return status;
    }
    cutoffs->all = made;
    *out = made;
    return CF_OK;
}

cf_status cf_cutoffs_leave(cf_cutoffs *cutoffs, const cf_limit *limit, const cf_entry *entry,
                           bool *left, cf_error *error)
{
    const cf_head head = cf_head_of(entry);
    const struct bound *bound;
    uint64_t position;
    cf_status status = bound_of(cutoffs, limit, entry, &bound, error);

    if (!status)
        status = cutoffs->store->find(cutoffs->store, cutoffs->user, &head, &position, error);
    if (!status)
        *left = position < bound->lowest || is_marked(bound, position);
    return status;
}
