/* SPDX-License-Identifier: Apache-2.0 */
/* Of which branches rungs are offered: of those whose writer has a head at the other side that
 * isn't held here, since only there the two may have gone apart. The rungs of a branch are those of
 * its ladder, from the newest down; where the chain forks, the branch is walked. */
#include "broker/log/rungs.h"

static bool step_back(void *context, uint64_t position, cf_bytes wire)
{
    cf_head *head = context;
    cf_arena arena = {0};
    cf_error error;
    cf_entry entry;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &error))
        head->sequence = 0; /* damaged: the walk ends here */
    else
        *head = (cf_head){head->writer, head->sequence - 1, entry.header.previous};
    cf_arena_release(&arena);
    return false;
}

cf_status cf_chain_step_back(cf_store *store, const cf_hash *user, cf_head *head, cf_error *error)
{
    uint64_t position;
    cf_status status = store->find(store, user, head, &position, error);

    return status ? status : store->read(store, user, position, step_back, head, error);
}

/* The first entry of a writer at or after a sequence, and whether another has the sequence, too. */
struct first {
    cf_head entry;
    uint64_t position;
    size_t count;
};

static bool take_first(void *context, const cf_head *entry, uint64_t position)
{
    struct first *first = context;

    if (first->count && entry->sequence != first->entry.sequence)
        return false;
    if (first->count == 0 || position < first->position) {
        first->entry = *entry;
        first->position = position;
    }
    first->count++;
    return true;
}

static cf_status first_from(cf_store *store, const cf_hash *user, const cf_id *writer,
                            uint64_t sequence, struct first *out, cf_error *error)
{
    *out = (struct first){0};
    return store->chain(store, user, writer, sequence, take_first, out, error);
}

/* The entry at `sequence` on the branch that leads to `from`. Where the chain has but one, that is
 * it; else the branch is walked. */
static cf_status find_rung(cf_store *store, const cf_hash *user, uint64_t sequence, cf_head *from,
                           cf_error *error)
{
    struct first there;
    cf_status status = first_from(store, user, &from->writer, sequence, &there, error);

    if (!status && there.count == 1 && there.entry.sequence == sequence)
        *from = there.entry;
    while (!status && from->sequence > sequence)
        status = cf_chain_step_back(store, user, from, error);
    return status;
}

static cf_status visit_branch(cf_store *store, const cf_hash *user, cf_head branch,
                              cf_head_visit *visit, void *context, cf_error *error)
{
    uint64_t ladder[CF_LADDER_MAX];
    size_t count = cf_ladder(branch.sequence, ladder);
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++) {
        status = find_rung(store, user, ladder[i], &branch, error);
        if (status || branch.sequence != ladder[i] || !visit(context, &branch))
            break;
    }
    return status;
}

/* Whether some of these is not held here. */
static cf_status names_more(cf_store *store, const cf_hash *user, const cf_head *heads,
                            size_t count, bool *more, cf_error *error)
{
    cf_status status = CF_OK;
    uint64_t position;

    *more = false;
    for (size_t i = 0; !status && !*more && i < count; i++) {
        status = store->find(store, user, &heads[i], &position, error);
        *more = status == CF_MISSING;
        if (*more)
            status = CF_OK;
    }
    return status;
}

static bool gather(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

cf_status cf_rungs(cf_store *store, const cf_hash *user, const cf_heads *theirs,
                   cf_head_visit *visit, void *context, cf_error *error)
{
    cf_heads ours = {0};
    cf_status status = store->heads(store, user, gather, &ours, error);

    for (size_t i = 0; !status && i < ours.count; i++) {
        size_t count;
        const cf_head *of_writer = cf_heads_of_writer(theirs, &ours.heads[i].writer, &count);
        bool more;

        status = names_more(store, user, of_writer, count, &more, error);
        if (!status && more)
            status = visit_branch(store, user, ours.heads[i], visit, context, error);
    }
    cf_heads_release(&ours);
    return status;
}
