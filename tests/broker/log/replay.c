/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log/replay.h"

#include <stdlib.h>
#include <string.h>

#include "tests/broker/people/people.h"
#include "tests/support/author.h"

enum { WRITERS = 4, ENTRIES_MAX = 48 };

/* Some entries of one user, each after those that its author had seen; writers fork now and then.
 */
typedef struct {
    cf_buffer wire;
    cf_head head;
    size_t past[ENTRIES_MAX]; /* what must be held before it */
    size_t past_count;
} story;

typedef struct {
    story stories[ENTRIES_MAX];
    size_t count;
    cf_hash user;
    uint64_t state; /* of the random numbers */
} library;

typedef struct {
    cf_store_memory_disk *disk;
    cf_store *store;
    uint64_t epoch;
    bool has[ENTRIES_MAX];
    size_t order[ENTRIES_MAX]; /* by position - 1 */
    size_t count;
} shelf;

static size_t draw(library *l, size_t limit)
{
    l->state ^= l->state << 13;
    l->state ^= l->state >> 7;
    l->state ^= l->state << 17;
    return (size_t)(l->state >> 33) % limit;
}

/* One entry more for a random writer: on its chain's end, or, sometimes, beside it. */
static void write_one(library *l, author *authors, cf_header *before)
{
    size_t who = draw(l, WRITERS);
    author *by = &authors[who];
    story *made = &l->stories[l->count];
    cf_heads after = {0};

    if (by->next.sequence > 1 && draw(l, 12) == 0) {
        const uint8_t branch = (uint8_t)l->count;
        by->next = before[who];
        by->next.epoch.bytes[0] = branch; /* another entry in its place */
    }
    before[who] = by->next;
    for (size_t i = 0; i < l->count; i++) {
        const cf_head *head = &l->stories[i].head;
        bool is_previous = cf_hash_equal(&head->hash, &by->next.previous);

        if (!is_previous && (cf_id_equal(&head->writer, &by->next.writer) || draw(l, 6)))
            continue;
        made->past[made->past_count++] = i;
        if (!is_previous)
            cf_heads_insert(&after, head);
    }
    by->next.after = after.heads;
    by->next.after_count = after.count;
    author_write(by, cf_bytes_of_text("body"), &made->wire);
    made->head = (cf_head){by->next.writer, by->next.sequence - 1, by->next.previous};
    cf_heads_release(&after);
    l->count++;
}

static library *a_library(uint64_t seed)
{
    library *l = cf_allocate(1, sizeof *l);
    author authors[WRITERS];
    cf_header before[WRITERS];

    l->state = seed * 2654435769u + 1;
    for (size_t i = 0; i < WRITERS; i++)
        authors[i] = an_author((uint8_t)(i + 1));
    l->user = authors[0].next.user;
    while (l->count < ENTRIES_MAX)
        write_one(l, authors, before);
    return l;
}

static shelf a_shelf(const library *l)
{
    static const uint8_t instance[16] = "a shelf";
    shelf made = {.disk = cf_store_memory_disk_new(instance)};
    cf_error error;

    made.store = cf_store_memory_new(made.disk);
    expect_ok(made.store->acquire(made.store, &l->user, &made.epoch, &error), error);
    return made;
}

static void shelf_end(shelf *s)
{
    cf_store_destroy(&s->store);
    cf_store_memory_disk_destroy(&s->disk);
}

static bool fits(const library *l, const shelf *s, size_t i)
{
    for (size_t k = 0; k < l->stories[i].past_count; k++)
        if (!s->has[l->stories[i].past[k]])
            return false;
    return true;
}

static void put(const library *l, shelf *s, size_t i)
{
    cf_error error;
    cf_arena arena = {0};
    cf_entry entry;

    expect_ok(cf_entry_read(cf_buffer_view(&l->stories[i].wire), &arena, &entry, &error), error);
    s->store->append(s->store, &(cf_append){.user = l->user, .epoch = s->epoch, .entry = &entry});
    expect_ok(s->store->commit(s->store, &error), error);
    s->has[i] = true;
    s->order[s->count++] = i;
    cf_arena_release(&arena);
}

/* Fills the shelf with some of the entries, in an order of its own that is causal. */
static void fill(library *l, shelf *s)
{
    size_t tries = draw(l, 6 * ENTRIES_MAX);

    for (size_t t = 0; t < tries; t++) {
        size_t i = draw(l, l->count);

        if (!s->has[i] && fits(l, s, i))
            put(l, s, i);
    }
}

typedef struct {
    const library *library;
    shelf *to;
    size_t sent, doubles, most; /* at most so many a turn */
} post;

static bool receive(void *context, uint64_t position, cf_bytes wire)
{
    post *p = context;
    size_t i = 0;

    (void)position;
    while (!cf_bytes_equal(cf_buffer_view(&p->library->stories[i].wire), wire))
        cr_assert_lt(++i, p->library->count);
    p->sent++;
    if (p->to->has[i]) {
        p->doubles++;
    } else {
        cr_assert(fits(p->library, p->to, i), "an entry came before what it comes after");
        put(p->library, p->to, i);
    }
    return p->sent % p->most != 0;
}

static bool gather(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

typedef struct {
    cf_replay *replay;
    cf_heads *held;
} rungs_reader;

static bool read_rung(void *context, const cf_head *rung)
{
    rungs_reader *reader = context;
    cf_error error;

    expect_ok(cf_replay_rungs(reader->replay, rung, 1, reader->held, &error), error);
    return true;
}

/* The exchange of HELLO, WELCOME and SUBSCRIBE, as far as `from` learns of `to` by it. */
static cf_replay *introduce(const library *l, shelf *from, shelf *to)
{
    cf_replay *replay = cf_replay_new(from->store, &l->user);
    cf_heads theirs = {0}, ours = {0}, held = {0};
    rungs_reader reader = {replay, &held};
    cf_error error;

    expect_ok(to->store->heads(to->store, &l->user, gather, &theirs, &error), error);
    for (size_t i = 0; i < theirs.count; i++) {
        bool known;
        expect_ok(cf_replay_holds(replay, &theirs.heads[i], &known, &error), error);
    }
    expect_ok(from->store->heads(from->store, &l->user, gather, &ours, &error), error);
    for (size_t i = 0; i < ours.count; i++) { /* what it holds of our heads it offers, too */
        uint64_t position;
        if (!to->store->find(to->store, &l->user, &ours.heads[i], &position, &error))
            read_rung(&reader, &ours.heads[i]);
    }
    expect_ok(cf_rungs(to->store, &l->user, &ours, read_rung, &reader, &error), error);
    expect_ok(cf_replay_begin(replay, &error), error);
    cf_heads_release(&theirs);
    cf_heads_release(&ours);
    cf_heads_release(&held);
    return replay;
}

static void run(post *p, cf_replay *replay)
{
    cf_error error;
    size_t before;

    do {
        before = p->sent;
        expect_ok(cf_replay_next(replay, receive, p, &error), error);
    } while (p->sent != before);
}

static void expect_all(const library *l, const shelf *from, const shelf *to)
{
    for (size_t i = 0; i < l->count; i++)
        cr_assert(!from->has[i] || to->has[i], "entry %zu did not come", i);
}

static void library_end(library **l)
{
    for (size_t i = 0; i < (*l)->count; i++)
        cf_buffer_release(&(*l)->stories[i].wire);
    free(*l);
    *l = NULL;
}

/* Random logs with forks, each with a part of the entries; what is appended meanwhile follows. */
Test(replay, brings_everything_in_a_causal_order_and_little_twice)
{
    size_t sent = 0, doubles = 0;

    for (uint64_t seed = 1; seed <= 400; seed++) {
        library *l = a_library(seed);
        shelf from = a_shelf(l), to = a_shelf(l);

        fill(l, &from);
        fill(l, &to);
        cf_replay *replay = introduce(l, &from, &to);
        post p = {l, &to, 0, 0, 1 + draw(l, 5)};
        run(&p, replay);
        expect_all(l, &from, &to);
        sent += p.sent;
        doubles += p.doubles;
        fill(l, &from);
        run(&p, replay);
        expect_all(l, &from, &to);
        cf_replay_destroy(&replay);
        shelf_end(&from);
        shelf_end(&to);
        library_end(&l);
    }
    cr_expect_gt(sent, 500);
    cr_expect_lt(doubles * 50, sent, "%zu of %zu came twice", doubles, sent);
}

Test(replay, sends_nothing_to_who_has_all)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        library *l = a_library(seed);
        shelf from = a_shelf(l), to = a_shelf(l);

        fill(l, &from);
        for (size_t i = 0; i < from.count; i++)
            put(l, &to, from.order[i]);
        cf_replay *replay = introduce(l, &from, &to);
        post p = {l, &to, 0, 0, 100};
        run(&p, replay);
        cr_expect_eq(p.sent, 0);
        cf_replay_destroy(&replay);
        shelf_end(&from);
        shelf_end(&to);
        library_end(&l);
    }
}

static bool holds(const library *l, const shelf *s, const cf_head *head)
{
    for (size_t i = 0; i < l->count; i++)
        if (cf_hash_equal(&l->stories[i].head.hash, &head->hash))
            return s->has[i];
    return false;
}

static bool any_is_missing(const library *l, const shelf *s, const cf_head *heads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!holds(l, s, &heads[i]))
            return true;
    return false;
}

/* Where all that the other names of a writer is here, the other learns of it by these heads; where
 * one of them isn't, it needs to know where the two went apart. */
Test(replay, names_rungs_of_those_writers_of_whom_the_other_names_more)
{
    size_t with = 0, without = 0;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        library *l = a_library(seed);
        shelf from = a_shelf(l), to = a_shelf(l);
        cf_heads theirs = {0}, ours = {0}, rungs = {0};
        cf_error error;

        fill(l, &from);
        fill(l, &to);
        expect_ok(from.store->heads(from.store, &l->user, gather, &theirs, &error), error);
        expect_ok(to.store->heads(to.store, &l->user, gather, &ours, &error), error);
        expect_ok(cf_rungs(to.store, &l->user, &theirs, gather, &rungs, &error), error);
        for (size_t i = 0; i < ours.count; i++) {
            const cf_id *writer = &ours.heads[i].writer;
            size_t named, offered;
            const cf_head *heads = cf_heads_of_writer(&theirs, writer, &named);
            const bool more = any_is_missing(l, &to, heads, named);

            cf_heads_of_writer(&rungs, writer, &offered);
            cr_expect_eq(offered > 0, more, "seed %lu: %zu rungs, %zu heads named",
                         (unsigned long)seed, offered, named);
            cr_expect(!more || cf_heads_contain(&rungs, &ours.heads[i]),
                      "seed %lu: the end of a branch is its highest rung", (unsigned long)seed);
            with += more;
            without += !more;
        }
        cf_heads_release(&theirs);
        cf_heads_release(&ours);
        cf_heads_release(&rungs);
        shelf_end(&from);
        shelf_end(&to);
        library_end(&l);
    }
    cr_expect_gt(with, 20);
    cr_expect_gt(without, 20);
}

Test(replay, starts_at_the_first_entry_that_is_missing)
{
    library *l = a_library(7);
    shelf from = a_shelf(l), to = a_shelf(l);

    for (size_t i = 0; i < l->count; i++)
        put(l, &from, i);
    for (size_t i = 0; i < 10; i++)
        put(l, &to, i);
    cf_replay *replay = introduce(l, &from, &to);
    cr_expect_geq(cf_replay_position(replay), 5);
    cf_replay_destroy(&replay);
    shelf_end(&from);
    shelf_end(&to);
    library_end(&l);
}

Test(replay, passes_over_what_the_other_brought)
{
    library *l = a_library(3);
    shelf from = a_shelf(l), to = a_shelf(l);

    cf_replay *replay = introduce(l, &from, &to);
    for (size_t i = 0; i < 3; i++)
        put(l, &from, i);
    cf_replay_skip(replay, 1);
    cf_replay_skip(replay, 3);
    put(l, &to, 0);
    put(l, &to, 2);
    post p = {l, &to, 0, 0, 100};
    run(&p, replay);
    cr_expect_eq(p.sent, 1);
    cr_expect_eq(p.doubles, 0);
    cf_replay_destroy(&replay);
    shelf_end(&from);
    shelf_end(&to);
    library_end(&l);
}

static cf_id collection_of(const library *l, size_t i)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    expect_ok(cf_entry_read(cf_buffer_view(&l->stories[i].wire), &arena, &entry, &error), error);
    const cf_id collection = entry.header.collection;
    cf_arena_release(&arena);
    return collection;
}

/* What the other brought itself is not counted when it is passed over, and comes a second time. */
Test(replay, brings_all_that_was_kept_back_though_the_other_brought_some)
{
    library *l = a_library(3);
    shelf from = a_shelf(l), to = a_shelf(l);
    const cf_id collection = collection_of(l, 0);

    cf_replay *replay = introduce(l, &from, &to);
    cf_replay_hold(replay, &collection);
    for (size_t i = 0; i < 4; i++)
        put(l, &from, i);
    cf_replay_skip(replay, 2);
    put(l, &to, 1);
    post p = {l, &to, 0, 0, 100};
    run(&p, replay);
    cr_expect_eq(p.sent, 0);
    cf_replay_release(replay, &collection);
    p.most = 1; /* it stops after each */
    run(&p, replay);
    for (size_t i = 0; i < 4; i++)
        cr_expect(to.has[i], "entry %zu did not come", i);
    cr_expect_not(cf_replay_owes(replay));
    cf_replay_destroy(&replay);
    shelf_end(&from);
    shelf_end(&to);
    library_end(&l);
}

static bool count_one(void *context, uint64_t position, cf_bytes wire)
{
    (void)position, (void)wire;
    ++*(size_t *)context;
    return true;
}

/* Others have their turn meanwhile. */
Test(replay, rests_after_many_that_are_not_to_be_sent)
{
    enum { AT_ONCE = 4096, MORE = 7 };
    library *l = a_library(3);
    shelf from = a_shelf(l);
    author by = an_author(9);
    const cf_id collection = by.next.collection;
    cf_replay *replay = cf_replay_new(from.store, &l->user);
    size_t sent = 0;
    cf_error error;

    expect_ok(cf_replay_begin(replay, &error), error);
    cf_replay_hold(replay, &collection);
    for (size_t i = 0; i < AT_ONCE + MORE; i++) {
        cf_arena arena = {0};
        cf_buffer wire = {0};
        cf_entry entry;

        author_write(&by, cf_bytes_of_text("body"), &wire);
        expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), error);
        from.store->append(from.store,
                           &(cf_append){.user = l->user, .epoch = from.epoch, .entry = &entry});
        cf_arena_release(&arena);
        cf_buffer_release(&wire);
    }
    expect_ok(from.store->commit(from.store, &error), error);
    for (size_t turn = 1; turn <= 2; turn++) {
        expect_ok(cf_replay_next(replay, count_one, &sent, &error), error);
        cr_expect_eq(cf_replay_has_more(replay), turn == 1);
        cr_expect_eq(cf_replay_position(replay), turn == 1 ? AT_ONCE + 1 : AT_ONCE + MORE + 1);
    }
    cr_expect_eq(sent, 0);
    cf_replay_release(replay, &collection);
    expect_ok(cf_replay_next(replay, count_one, &sent, &error), error);
    cr_expect_eq(sent, AT_ONCE + MORE);
    cf_replay_destroy(&replay);
    shelf_end(&from);
    library_end(&l);
}
