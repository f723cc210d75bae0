/* SPDX-License-Identifier: Apache-2.0 */
/* What of a device's changes counts once it is shut out: the entries that the revocation names, and
 * what is in their past. */
#include "broker/log/log.h"

#include "tests/broker/people/diary.h"

enum { KEPT_MAX = 6 };

/* A diary in which lap writes, and what it wrote. */
typedef struct {
    diary d;
    cf_buffer wires[KEPT_MAX];
    cf_head heads[KEPT_MAX];
    size_t count;
} scene;

static scene a_scene(void)
{
    scene made = {.d = a_diary()};

    found(&made.d);
    return made;
}

/* Returns the entry's number. */
static size_t write_down(scene *self, const char *body)
{
    person *lap = &self->d.lap;

    cr_assert_lt(self->count, KEPT_MAX);
    write_change(lap, body, NULL, 0);
    cr_assert_eq(offer(&self->d, lap, CF_BRINGER_ANOTHER).answer, CF_OFFER_NEW, "%s", body);
    cf_buffer_append(&self->wires[self->count], lap->wire.data, lap->wire.size);
    self->heads[self->count] = lap->head;
    return self->count++;
}

/* An entry of lap's, in a chain of its own, that comes after this one. */
static size_t write_after(scene *self, const char *body, size_t before)
{
    person *lap = &self->d.lap;

    begin_chain(lap, &papers, &self->d.account.head);
    cf_heads_insert(&lap->changes_after, &self->heads[before]);
    return write_down(self, body);
}

/* Shuts lap out, naming one of its entries, which is what counts of it, with its past. */
static void shut_lap_out(scene *self, size_t named)
{
    shut_out(&self->d.account, &self->d.lap.id, &self->heads[named], 1);
    cr_assert_eq(offer(&self->d, &self->d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&self->d);
}

static void expect_counts(const scene *self, const bool counts[KEPT_MAX])
{
    for (size_t i = 0; i < self->count; i++) {
        cf_arena arena = {0};
        cf_entry entry;
        bool is_void;
        cf_error error;

        expect_ok(cf_entry_read(cf_buffer_view(&self->wires[i]), &arena, &entry, &error), error);
        expect_ok(cf_log_is_void(self->d.log, &entry, &is_void, &error), error);
        cr_expect_eq(!is_void, counts[i], "entry %zu", i);
        cf_arena_release(&arena);
    }
}

static void end(scene *self)
{
    for (size_t i = 0; i < self->count; i++)
        cf_buffer_release(&self->wires[i]);
    diary_end(&self->d);
}

Test(log_limits, end_a_chain_behind_the_entry_that_is_named)
{
    scene a = a_scene();

    write_down(&a, "first");
    const size_t second = write_down(&a, "second");
    write_down(&a, "third");
    shut_lap_out(&a, second);
    expect_counts(&a, (bool[KEPT_MAX]){true, true, false});
    end(&a);
}

/* Both branches are as long: the number of an entry tells nothing. */
Test(log_limits, leave_of_two_branches_the_one_that_is_named)
{
    scene a = a_scene();

    write_down(&a, "first");
    const cf_header fork = a.d.lap.changes;
    const size_t named = write_down(&a, "second");
    a.d.lap.changes = fork;
    write_down(&a, "another second");
    shut_lap_out(&a, named);
    expect_counts(&a, (bool[KEPT_MAX]){true, true, false});
    end(&a);
}

/* The chain forks behind its first entry, so that each later one of it is in doubt. */
Test(log_limits, leave_what_is_before_the_entry_that_is_named)
{
    scene a = a_scene();

    write_down(&a, "first");
    const cf_header fork = a.d.lap.changes;
    write_down(&a, "second");
    a.d.lap.changes = fork;
    write_down(&a, "another second");
    write_down(&a, "its third");
    const size_t named = write_down(&a, "its fourth");
    shut_lap_out(&a, named);
    expect_counts(&a, (bool[KEPT_MAX]){true, false, true, true, true});
    end(&a);
}

/* The named entry is of a chain of its own, and comes after the second entry of another one. */
Test(log_limits, leave_what_the_entry_that_is_named_was_built_on)
{
    scene a = a_scene();

    write_down(&a, "first");
    const size_t second = write_down(&a, "second");
    write_down(&a, "third");
    const size_t named = write_after(&a, "of another chain", second);
    shut_lap_out(&a, named);
    expect_counts(&a, (bool[KEPT_MAX]){true, true, false, true});
    end(&a);
}
