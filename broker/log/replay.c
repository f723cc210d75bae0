/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries the other lacks: of each writer those behind the highest sequence that the other
 * named and that is here; where the chain forks before that, those that no named entry has before
 * it, as far as WALK_MAX steps tell: beyond, an entry is rather sent twice. What was kept back of a
 * collection goes, once that is released, before anything new. */
#include "broker/log/replay.h"

#include "codec/id_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPS_MAX = 4096, WALK_MAX = 4096, PASSED_MAX = 4096 };

/* Entries of a writer that the other holds: all up to `sequence`, as far as they are at or before
 * the end that the log had at the beginning. */
typedef struct {
    cf_id writer;
    uint64_t sequence;
} known_writer;

/* Entries of a collection that were passed over, from a position on. */
typedef struct {
    cf_id collection;
    bool is_released;
    uint64_t first; /* where they begin; 0: there are none */
    size_t count;   /* that are to be sent; fewer where some were skipped */
} kept_back;

struct cf_replay {
    cf_store *store;
    cf_hash user;
    cf_heads points;  /* what the other holds and we do, too */
    cf_heads covered; /* what is in the past of points beyond forks */
    known_writer *known;
    size_t known_count, known_capacity;
    cf_ids collections; /* sorted */
    bool is_selective;
    uint64_t next;
    uint64_t end; /* of the log at the beginning */
    uint64_t skips[SKIPS_MAX];
    size_t first_skip, skip_count;
    cf_id rung_writer; /* the branch that rungs are read of, across pages */
    uint64_t rung_sequence;
    bool rung_found;
    kept_back *kept; /* of a collection one that is held, and one that is released, at most */
    size_t kept_count, kept_capacity;
    bool has_more; /* after many that it passed over: others' turn */
};

cf_replay *cf_replay_new(cf_store *store, const cf_hash *user)
{
    cf_replay *replay = cf_allocate(1, sizeof *replay);

    replay->store = store;
    replay->user = *user;
    return replay;
}

void cf_replay_destroy(cf_replay **replay)
{
    if (!*replay)
        return;
    cf_heads_release(&(*replay)->points);
    cf_heads_release(&(*replay)->covered);
    free((*replay)->known);
    free((*replay)->collections.at);
    free((*replay)->kept);
    free(*replay);
    *replay = NULL;
}

cf_status cf_replay_holds(cf_replay *replay, const cf_head *entry, bool *held, cf_error *error)
{
    uint64_t position;
    cf_status status = replay->store->find(replay->store, &replay->user, entry, &position, error);

    *held = status == CF_OK;
    if (status == CF_OK)
        cf_heads_insert(&replay->points, entry);
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_replay_rungs(cf_replay *replay, const cf_head *rungs, size_t count, cf_heads *held,
                          cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++) {
        bool is_same_branch = cf_id_equal(&rungs[i].writer, &replay->rung_writer) &&
                              rungs[i].sequence < replay->rung_sequence;

        if (!is_same_branch)
            replay->rung_found = false;
        replay->rung_writer = rungs[i].writer;
        replay->rung_sequence = rungs[i].sequence;
        if (replay->rung_found)
            continue;
        status = cf_replay_holds(replay, &rungs[i], &replay->rung_found, error);
        if (!status && replay->rung_found)
            cf_heads_insert(held, &rungs[i]);
    }
    return status;
}

void cf_replay_select(cf_replay *replay, const cf_id *collections, size_t count)
{
    replay->collections.count = 0;
    cf_ids_add_all(&replay->collections, collections, count);
    cf_ids_sort(&replay->collections);
    replay->is_selective = true;
}

static bool is_selected(const cf_replay *replay, const cf_id *collection)
{
    return !replay->is_selective || cf_collection_is_common(collection) ||
           cf_ids_has(&replay->collections, collection);
}

/* Of a forked writer the lowest sequence that two entries have. */
struct fork {
    uint64_t last;
    uint64_t sequence; /* 0: none yet */
};

static bool look_for_fork(void *context, const cf_head *entry, uint64_t position)
{
    struct fork *fork = context;

    (void)position;
    if (entry->sequence == fork->last)
        fork->sequence = entry->sequence;
    fork->last = entry->sequence;
    return fork->sequence == 0;
}

static bool read_collection(void *context, uint64_t position, cf_bytes wire)
{
    cf_arena arena = {0};
    cf_error error;
    cf_entry entry;

    (void)position;
    if (!cf_entry_read(wire, &arena, &entry, &error))
        *(cf_id *)context = entry.header.collection;
    cf_arena_release(&arena);
    return false;
}

static void know(cf_replay *replay, const cf_id *writer, uint64_t sequence)
{
    *cf_one_more(replay->known, replay->known_count, replay->known_capacity) =
        (known_writer){*writer, sequence};
}

/* Beyond a fork it depends on the branch what a point covers, so that is walked; of very long
 * branches the rest is sent again. */
static cf_status cover_branches(cf_replay *replay, const cf_head *points, size_t count,
                                uint64_t fork, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++) {
        cf_head at = points[i];

        for (int steps = 0; !status && at.sequence >= fork && steps < WALK_MAX; steps++) {
            if (cf_heads_contain(&replay->covered, &at))
                break;
            cf_heads_insert(&replay->covered, &at);
            status = cf_chain_step_back(replay->store, &replay->user, &at, error);
        }
    }
    return status;
}

/* Up to which sequence the other holds everything of a writer, whose branches here are `heads`. */
static cf_status find_known(cf_replay *replay, const cf_head *heads, size_t count,
                            uint64_t *sequence, cf_error *error)
{
    size_t point_count;
    const cf_head *points = cf_heads_of_writer(&replay->points, &heads[0].writer, &point_count);
    struct fork fork = {0};
    bool has_all = true;
    cf_status status = CF_OK;

    *sequence = point_count ? points[point_count - 1].sequence : 0;
    for (size_t i = 0; i < count; i++)
        has_all = has_all && cf_heads_contain(&replay->points, &heads[i]);
    if (has_all)
        *sequence = heads[count - 1].sequence;
    if (has_all || count == 1 || point_count == 0)
        return CF_OK;
    status = replay->store->chain(replay->store, &replay->user, &heads[0].writer, 1, look_for_fork,
                                  &fork, error);
    if (status || fork.sequence == 0 || *sequence < fork.sequence)
        return status;
    *sequence = fork.sequence - 1;
    return cover_branches(replay, points, point_count, fork.sequence, error);
}

/* The earliest entry of a writer that the other lacks. */
struct missing {
    const cf_replay *replay;
    bool is_chain; /* without forks: the first one is the earliest */
    uint64_t position;
};

static bool look_for_missing(void *context, const cf_head *entry, uint64_t position)
{
    struct missing *missing = context;

    if (cf_heads_contain(&missing->replay->covered, entry))
        return true;
    if (missing->position == 0 || position < missing->position)
        missing->position = position;
    return !missing->is_chain;
}

/* Moves the start to the first entry of the writer that the other lacks. */
static cf_status consider_writer(cf_replay *replay, const cf_head *heads, size_t count,
                                 cf_error *error)
{
    struct missing missing = {replay, count == 1, 0};
    cf_id collection = {{0}};
    uint64_t sequence;
    cf_status status = find_known(replay, heads, count, &sequence, error);

    if (status)
        return status;
    if (sequence)
        know(replay, &heads[0].writer, sequence);
    if (sequence == heads[count - 1].sequence)
        return CF_OK;
    status = replay->store->chain(replay->store, &replay->user, &heads[0].writer, sequence + 1,
                                  look_for_missing, &missing, error);
    if (status || missing.position == 0 || missing.position >= replay->next)
        return status;
    if (replay->is_selective && sequence == 0) {
        status = replay->store->read(replay->store, &replay->user, missing.position,
                                     read_collection, &collection, error);
        if (status || !is_selected(replay, &collection))
            return status;
    }
    replay->next = missing.position;
    return CF_OK;
}

static bool gather(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

cf_status cf_replay_begin(cf_replay *replay, cf_error *error)
{
    cf_heads heads = {0};
    cf_status status = replay->store->last(replay->store, &replay->user, &replay->end, error);

    replay->next = replay->end + 1;
    replay->known_count = 0;
    if (!status)
        status = replay->store->heads(replay->store, &replay->user, gather, &heads, error);
    for (size_t i = 0; !status && i < heads.count;) {
        size_t count;
        const cf_head *of_writer = cf_heads_of_writer(&heads, &heads.heads[i].writer, &count);

        status = consider_writer(replay, of_writer, count, error);
        i += count;
    }
    cf_heads_release(&heads);
    return status;
}

static int compare_known(const void *a, const void *b)
{
    return cf_id_compare(a, &((const known_writer *)b)->writer);
}

/* `known` is ascending, as heads are. */
static bool is_known(const cf_replay *replay, const cf_entry *entry)
{
    const cf_head head = cf_head_of(entry);
    const known_writer *found = NULL;

    if (replay->known_count)
        found = bsearch(&head.writer, replay->known, replay->known_count, sizeof *replay->known,
                        compare_known);
    return (found && head.sequence <= found->sequence) || cf_heads_contain(&replay->covered, &head);
}

static kept_back *find_kept(const cf_replay *replay, const cf_id *collection, bool is_released)
{
    for (size_t i = 0; i < replay->kept_count; i++)
        if (replay->kept[i].is_released == is_released &&
            cf_id_equal(&replay->kept[i].collection, collection))
            return &replay->kept[i];
    return NULL;
}

/* Known to the other, or not wished. */
static bool is_needless(const cf_replay *replay, uint64_t position, const cf_entry *entry)
{
    return !is_selected(replay, &entry->header.collection) ||
           (position <= replay->end && is_known(replay, entry));
}

static bool is_held(cf_replay *replay, uint64_t position, const cf_entry *entry)
{
    kept_back *kept = find_kept(replay, &entry->header.collection, false);

    if (kept && kept->count++ == 0)
        kept->first = position;
    return kept != NULL;
}

/* The entry is not to be sent, or not now. */
static bool is_passed_over(cf_replay *replay, uint64_t position, cf_bytes wire)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    bool passed = false; /* also when it can't be read: the other finds out */

    if (!replay->is_selective && !replay->kept_count &&
        (position > replay->end || replay->known_count == 0))
        return false;
    if (!cf_entry_read(wire, &arena, &entry, &error))
        passed = is_needless(replay, position, &entry) || is_held(replay, position, &entry);
    cf_arena_release(&arena);
    return passed;
}

static bool is_skipped(cf_replay *replay, uint64_t position)
{
    while (replay->skip_count && replay->skips[replay->first_skip] < position) {
        replay->first_skip = (replay->first_skip + 1) % SKIPS_MAX;
        replay->skip_count--;
    }
    return replay->skip_count && replay->skips[replay->first_skip] == position;
}

struct sending {
    cf_replay *replay;
    cf_entry_visit *visit;
    void *context;
    size_t passed;
};

static bool pass(cf_replay *replay, size_t *passed)
{
    replay->has_more = ++*passed == PASSED_MAX;
    return !replay->has_more;
}

static bool send(void *context, uint64_t position, cf_bytes wire)
{
    struct sending *sending = context;
    cf_replay *replay = sending->replay;

    replay->next = position + 1;
    if (is_skipped(replay, position) || is_passed_over(replay, position, wire))
        return pass(replay, &sending->passed);
    return sending->visit(sending->context, position, wire);
}

/* ---- What was kept back ---- */

void cf_replay_hold(cf_replay *replay, const cf_id *collection)
{
    if (find_kept(replay, collection, false))
        return;
    *cf_one_more(replay->kept, replay->kept_count, replay->kept_capacity) =
        (kept_back){.collection = *collection};
}

static void drop_kept(cf_replay *replay, kept_back *kept)
{
    const size_t after = (size_t)(replay->kept + replay->kept_count - kept) - 1;

    memmove(kept, kept + 1, after * sizeof *kept);
    replay->kept_count--;
}

/* While something is owed, nothing new is read, and so nothing more is kept back. */
void cf_replay_release(cf_replay *replay, const cf_id *collection)
{
    kept_back *held = find_kept(replay, collection, false);

    if (held && held->count)
        held->is_released = true;
    else if (held)
        drop_kept(replay, held);
}

size_t cf_replay_kept_back(const cf_replay *replay, const cf_id *collection)
{
    const kept_back *held = find_kept(replay, collection, false);

    return held ? held->count : 0;
}

size_t cf_replay_count_kept(const cf_replay *replay)
{
    size_t count = 0;

    for (size_t i = 0; i < replay->kept_count; i++)
        count += !replay->kept[i].is_released && replay->kept[i].count > 0;
    return count;
}

static kept_back *first_owed(const cf_replay *replay)
{
    for (size_t i = 0; i < replay->kept_count; i++)
        if (replay->kept[i].is_released)
            return &replay->kept[i];
    return NULL;
}

bool cf_replay_owes(const cf_replay *replay)
{
    return first_owed(replay) != NULL;
}

struct paying {
    cf_replay *replay;
    kept_back *owed;
    cf_entry_visit *visit;
    void *context;
    size_t passed;
    bool stopped;
};

static bool pay(void *context, uint64_t position, cf_bytes wire)
{
    struct paying *paying = context;
    kept_back *owed = paying->owed;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    if (position >= paying->replay->next)
        return false;
    owed->first = position + 1;
    const bool is_of_it = !cf_entry_read(wire, &arena, &entry, &error) &&
                          cf_id_equal(&entry.header.collection, &owed->collection) &&
                          !is_needless(paying->replay, position, &entry);
    cf_arena_release(&arena);
    if (!is_of_it)
        return pass(paying->replay, &paying->passed);
    owed->count -= owed->count > 0;
    paying->stopped = !paying->visit(paying->context, position, wire);
    return !paying->stopped;
}

cf_status cf_replay_next(cf_replay *replay, cf_entry_visit *visit, void *context, cf_error *error)
{
    struct sending sending = {replay, visit, context, 0};
    kept_back *owed;

    replay->has_more = false;
    assert(replay->next > 0); /* begun */
    while ((owed = first_owed(replay))) {
        struct paying paying = {replay, owed, visit, context, 0, false};
        cf_status status =
            replay->store->read(replay->store, &replay->user, owed->first, pay, &paying, error);

        if (status)
            return status;
        if (owed->first >= replay->next || !(paying.stopped || replay->has_more))
            drop_kept(replay, owed);
        if (paying.stopped || replay->has_more)
            return CF_OK;
    }
    return replay->store->read(replay->store, &replay->user, replay->next, send, &sending, error);
}

bool cf_replay_has_more(const cf_replay *replay)
{
    return replay->has_more;
}

void cf_replay_skip(cf_replay *replay, uint64_t position)
{
    if (replay->skip_count == SKIPS_MAX || position < replay->next)
        return;
    replay->skips[(replay->first_skip + replay->skip_count++) % SKIPS_MAX] = position;
}

uint64_t cf_replay_position(const cf_replay *replay)
{
    return replay->next;
}
