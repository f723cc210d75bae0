/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that refer to each other, on a device that shows some of them only: what hangs on a row that
 * is deleted there goes with it, or is without it where it can, whatever call of the disk fails
 * before; unless it could not be known of there. A row's balance is the row that it refers to. */
#include "tests/peer/small/small_table.h"

#include "peer/log/catalog_schema.h"
#include "tests/support/expect.h"

#include <string.h>

enum { PARENT = 1, CHILD, GRANDCHILD, OTHER, LATER, AT_LEAST = 6 };

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

typedef struct {
    small_world *w;
    small_device *all, *some; /* the second one has only rows whose note begins with "top" */
} pair;

/* `alone`: of rows with one note there is one, and a note, which is weak here, gives way to none.
 */
static void write_schema(small_device *self, const cf_id *collection, bool owned, bool alone)
{
    const cf_bytes column[] = {NAME("/columns/note")};
    const cf_unique unique[] = {{.names = column, .count = 1}};
    const cf_field_rule fields[] = {
        {NAME("/columns/balance"), CF_MERGE_REFERENCE, NAME("records"), owned},
        {.name = NAME("/columns/note"), .merge = CF_MERGE_WEAK}};
    const cf_schema_table tables[] = {{.name = NAME("records"),
                                       .kind = CF_KIND_RECORD,
                                       .fields = fields,
                                       .field_count = alone ? 2 : 1,
                                       .unique = unique,
                                       .unique_count = alone}};
    const cf_schema schema = {tables, 1};
    cf_error error;

    expect_ok(cf_catalog_write_schema(cf_engine_peer(self->engine), collection, &schema,
                                      self->in->now_ms, &error),
              error);
}

static void put(table *rows, long id, long refers_to, const char *note)
{
    table_add(rows, id, refers_to, cf_bytes_of_text(note));
}

static void write_family(small_device *self, const char *child_note, bool later)
{
    table rows = {0};

    put(&rows, PARENT, TABLE_NO_BALANCE, "top");
    put(&rows, CHILD, PARENT, child_note);
    put(&rows, GRANDCHILD, CHILD, "low");
    put(&rows, OTHER, TABLE_NO_BALANCE, "top");
    if (later)
        put(&rows, LATER, PARENT, "low");
    user_writes_table(self, &rows);
    table_release(&rows);
}

static pair pair_of(const char *child_note, bool owned)
{
    pair self = {.w = small_world_new(11, 2)};

    self.all = &self.w->devices[0];
    self.some = &self.w->devices[1];
    cr_assert(small_world_settle(self.w));
    const cf_binding *binding =
        small_device_bind_table(self.all, &(table_place){.number = TABLE_NUMBER});
    small_device_bind_table(self.some,
                            &(table_place){.number = TABLE_NUMBER, .include = "note=top*"});
    write_schema(self.all, &binding->collection, owned, false);
    write_family(self.all, child_note, false);
    cr_assert(small_world_settle(self.w));
    return self;
}

static pair pair_new(const char *child_note)
{
    return pair_of(child_note, true);
}

static void delete_parent(small_device *self)
{
    table rows = {0};

    cr_assert(user_reads_table(self, &rows));
    table_drop(&rows, PARENT);
    user_writes_table(self, &rows);
    table_release(&rows);
}

static void expect_only_other(pair *self, unsigned long at)
{
    cr_assert(small_world_settle(self->w), "%lu: the world does not come to rest", at);
    for (long id = PARENT; id <= LATER; id++) {
        cr_assert_eq(user_has_row(self->all, id), id == OTHER, "%lu: row %ld on the one", at, id);
        cr_assert_eq(user_has_row(self->some, id), id == OTHER, "%lu: row %ld on the other", at,
                     id);
    }
}

Test(engine_families, go_with_the_row_they_hang_on)
{
    pair self = pair_new("low");

    cr_assert(user_has_row(self.some, PARENT));
    cr_assert(user_has_row(self.some, OTHER));
    cr_assert(!user_has_row(self.some, CHILD));
    write_family(self.all, "lower", true);
    cr_assert(small_world_settle(self.w));
    small_device_crash(self.some);
    delete_parent(self.some);
    expect_only_other(&self, 0);
    small_world_destroy(&self.w);
}

/* The child refers to nothing any more; nothing else of the family is touched. */
static void expect_loose(pair *self, unsigned long at)
{
    table rows = {0};

    cr_assert(small_world_settle(self->w), "%lu: the world does not come to rest", at);
    cr_assert(user_reads_table(self->all, &rows), "%lu", at);
    cr_assert(!user_has_row(self->all, PARENT), "%lu: it came back", at);
    cr_assert(!user_has_row(self->some, PARENT), "%lu: it came back", at);
    cr_assert(user_has_row(self->all, CHILD), "%lu: they went", at);
    cr_assert(user_has_row(self->all, GRANDCHILD), "%lu: they went", at);
    cr_assert_eq(table_find(&rows, CHILD)->balance, TABLE_NO_BALANCE, "%lu", at);
    cr_assert_eq(table_find(&rows, GRANDCHILD)->balance, CHILD, "%lu", at);
    table_release(&rows);
}

Test(engine_families, stay_without_it_where_they_can)
{
    pair self = pair_of("low", false);

    write_family(self.all, "lower", false);
    cr_assert(small_world_settle(self.w));
    small_device_crash(self.some);
    delete_parent(self.some);
    expect_loose(&self, 0);
    small_world_destroy(&self.w);
}

Test(engine_families, come_back_for_one_that_was_not_known)
{
    pair self = pair_new("low");

    write_family(self.all, "low", true);
    cr_assert(small_device_sync(self.all));
    delete_parent(self.some);
    cr_assert(small_world_settle(self.w));
    cr_assert(user_has_row(self.all, PARENT));
    cr_assert(user_has_row(self.some, PARENT));
    cr_assert(user_has_row(self.all, LATER));
    cr_assert(!user_has_row(self.all, CHILD));
    cr_assert(!user_has_row(self.all, GRANDCHILD));
    cr_assert(!user_has_row(self.some, LATER));
    small_world_destroy(&self.w);
}

/* What arrives between the delete and the look that finds it. */
Test(engine_families, learn_nothing_of_a_row_that_is_gone_already)
{
    pair self = pair_new("low");
    cf_engine *engine = self.some->engine;
    cf_binding *binding = NULL;

    for (size_t i = 0; i < cf_engine_binding_count(engine); i++)
        if (cf_engine_binding_at(engine, i)->number == TABLE_NUMBER)
            binding = cf_engine_binding_at(engine, i);
    binding->mode = CF_MODE_RECEIVE; /* so that the look publishes nothing */
    delete_parent(self.some);
    cr_assert(small_device_sync(self.some));
    write_family(self.all, "low", true);
    cr_assert(small_device_sync(self.all));
    cr_assert(small_device_sync(self.some));
    binding->mode = CF_MODE_BOTH;
    cr_assert(small_world_settle(self.w));
    cr_assert(user_has_row(self.all, PARENT));
    cr_assert(user_has_row(self.some, PARENT));
    cr_assert(user_has_row(self.all, LATER));
    cr_assert(!user_has_row(self.all, CHILD));
    cr_assert(!user_has_row(self.all, GRANDCHILD));
    small_world_destroy(&self.w);
}

/* ---- Rows that are only here ---- */

enum { OWN = 7, OWN_CHILD };

/* What the other one has of the row; false: nothing. */
static bool reads(const small_device *self, long id, table_row *out)
{
    table rows = {0};
    table_row *found = user_reads_table(self, &rows) ? table_find(&rows, id) : NULL;

    if (found)
        *out = (table_row){.id = found->id, .balance = found->balance};
    table_release(&rows);
    return found != NULL;
}

static void write_own(small_device *self)
{
    table rows = {0};

    cr_assert(user_reads_table(self, &rows));
    put(&rows, OWN, TABLE_NO_BALANCE, "own");
    put(&rows, OWN_CHILD, OWN, "top own");
    put(&rows, OWN_CHILD + 1, OWN_CHILD, "top own");
    user_writes_table(self, &rows);
    table_release(&rows);
}

Test(engine_families, stay_here_with_a_row_that_is_only_here)
{
    pair self = pair_new("low");

    write_own(self.some);
    cr_assert(small_world_settle(self.w));
    for (long id = OWN; id <= OWN_CHILD + 1; id++) {
        cr_expect(user_has_row(self.some, id), "row %ld is gone", id);
        cr_expect(!user_has_row(self.all, id), "row %ld came", id);
    }
    small_world_destroy(&self.w);
}

Test(engine_families, keep_to_what_they_referred_to_before_a_row_that_is_only_here)
{
    pair self = pair_new("top child");
    table_row child;

    write_own(self.some);
    user_sets_balance(self.some, CHILD, OWN);
    cr_assert(small_world_settle(self.w));
    cr_assert(reads(self.all, CHILD, &child));
    cr_expect_eq(child.balance, PARENT, "it refers to %ld there", child.balance);
    cr_assert(reads(self.some, CHILD, &child));
    cr_expect_eq(child.balance, OWN, "it refers to %ld here", child.balance);
    user_sets_balance(self.some, CHILD, OTHER);
    cr_assert(small_world_settle(self.w));
    cr_assert(reads(self.all, CHILD, &child));
    cr_expect_eq(child.balance, OTHER, "it refers to %ld there in the end", child.balance);
    small_world_destroy(&self.w);
}

static void drop(small_device *self, long id)
{
    table rows = {0};

    cr_assert(user_reads_table(self, &rows));
    table_drop(&rows, id);
    user_writes_table(self, &rows);
    table_release(&rows);
}

static void add(small_device *self, long id, long refers_to, const char *note)
{
    table rows = {0};

    cr_assert(user_reads_table(self, &rows));
    put(&rows, id, refers_to, note);
    user_writes_table(self, &rows);
    table_release(&rows);
}

Test(engine_families, wait_for_a_row_in_whose_place_another_one_is)
{
    pair self = pair_new("low");

    write_own(self.some);
    cr_assert(small_world_settle(self.w));
    add(self.all, OWN, TABLE_NO_BALANCE, "top");
    add(self.all, LATER, OWN, "top");
    add(self.all, LATER + 10, LATER, "top");
    small_device_sync(self.all);
    small_device_sync(self.some);
    cr_expect(!user_has_row(self.some, LATER));
    cr_expect(!user_has_row(self.some, LATER + 10));
    cr_expect(user_has_row(self.some, OWN_CHILD));
    for (long id = OWN; id <= OWN_CHILD + 1; id++)
        drop(self.some, id);
    cr_assert(small_world_settle(self.w));
    for (int i = 0; i < 2; i++) {
        const small_device *one = &self.w->devices[i];

        cr_expect(user_has_row(one, OWN));
        cr_expect(user_has_row(one, LATER));
        cr_expect(user_has_row(one, LATER + 10));
        cr_expect(!user_has_row(one, OWN_CHILD));
    }
    small_world_destroy(&self.w);
}

/* There it refers to nothing: it is not to refer to another one's row. */
Test(engine_families, wait_where_what_they_lack_is_only_here)
{
    pair self = pair_new("low");

    write_own(self.some);
    cr_assert(small_world_settle(self.w));
    add(self.all, LATER, OWN, "top");
    small_device_sync(self.all);
    small_device_sync(self.some);
    cr_expect(!user_has_row(self.some, LATER));
    cr_expect(user_has_row(self.some, OWN_CHILD));
    for (long id = OWN; id <= OWN_CHILD + 1; id++)
        drop(self.some, id);
    cr_assert(small_world_settle(self.w));
    cr_expect(user_has_row(self.some, LATER));
    cr_expect(user_has_row(self.all, LATER));
    small_world_destroy(&self.w);
}

Test(engine_families, keep_a_row_to_which_one_refers_that_is_only_here)
{
    pair self = pair_new("low");

    add(self.some, OWN, OTHER, "own");
    small_device_sync(self.some);
    drop(self.all, OTHER);
    small_device_sync(self.all);
    small_device_sync(self.some);
    cr_expect(user_has_row(self.some, OTHER));
    cr_expect(user_has_row(self.some, OWN));
    cr_expect(!user_has_row(self.all, OTHER));
    drop(self.some, OWN);
    cr_assert(small_world_settle(self.w));
    cr_expect(!user_has_row(self.some, OTHER));
    cr_expect(!user_has_row(self.all, OTHER));
    cr_expect(user_has_row(self.some, PARENT));
    small_world_destroy(&self.w);
}

/* The device's clock stands behind that of another: all that it does is of one ms. */
Test(engine_families, come_back_without_what_went_before)
{
    enum { AHEAD_MS = 600000 };
    pair self = pair_new("top child");

    write_family(self.all, "top child", true);
    cr_assert(small_world_settle(self.w));
    self.w->skew_ms += AHEAD_MS;
    user_sets_balance(self.some, OTHER, CHILD);
    cr_assert(small_world_settle(self.w));
    self.w->skew_ms -= AHEAD_MS;
    drop(self.all, LATER);
    cr_assert(small_device_sync(self.all));
    delete_parent(self.all);
    drop(self.all, CHILD);
    drop(self.all, GRANDCHILD);
    cr_assert(small_device_sync(self.all));
    user_sets_balance(self.some, PARENT, OTHER);
    cr_assert(small_world_settle(self.w));
    cr_expect(user_has_row(self.all, PARENT));
    cr_expect(user_has_row(self.all, CHILD));
    cr_expect_not(user_has_row(self.all, LATER), "what was deleted before is back");
    small_world_destroy(&self.w);
}

/* ---- Rows that are held back ---- */

/* Each of two made one that refers to it, with one note, and only one can have that: the other's
 * row is nowhere to be seen. */
static pair rivals_new(bool owned)
{
    pair self = {.w = small_world_new(11, 2)};

    self.all = &self.w->devices[0];
    self.some = &self.w->devices[1];
    cr_assert(small_world_settle(self.w));
    const cf_binding *binding =
        small_device_bind_table(self.all, &(table_place){.number = TABLE_NUMBER});
    small_device_bind_table(self.some, &(table_place){.number = TABLE_NUMBER});
    write_schema(self.all, &binding->collection, owned, true);
    table rows = {0};
    put(&rows, PARENT, TABLE_NO_BALANCE, "top");
    put(&rows, OTHER, TABLE_NO_BALANCE, "other");
    user_writes_table(self.all, &rows);
    table_release(&rows);
    cr_assert(small_world_settle(self.w));
    add(self.all, CHILD, PARENT, "twin");
    cr_assert(small_device_sync(self.all));
    add(self.some, LATER, PARENT, "twin");
    cr_assert(small_world_settle(self.w));
    cr_assert(user_has_row(self.all, CHILD));
    cr_assert(user_has_row(self.some, CHILD));
    cr_assert(!user_has_row(self.all, LATER));
    cr_assert(!user_has_row(self.some, LATER));
    return self;
}

static void delete_both(small_device *self)
{
    drop(self, CHILD);
    drop(self, PARENT);
}

static void expect_deleted(pair *self, bool owned)
{
    table_row later = {0};

    cr_assert(small_world_settle(self->w));
    for (int i = 0; i < 2; i++) {
        const small_device *one = &self->w->devices[i];

        cr_expect_not(user_has_row(one, PARENT), "%d: what was deleted is back", i);
        cr_expect_not(user_has_row(one, CHILD), "%d: what was deleted is back", i);
        cr_expect(user_has_row(one, OTHER));
        cr_expect_eq(reads(one, LATER, &later), !owned, "%d", i);
        if (!owned)
            cr_expect_eq(later.balance, TABLE_NO_BALANCE, "%d: it refers to nothing", i);
    }
}

Test(engine_families, bring_nothing_back_that_is_deleted_under_one_held_back)
{
    for (int owned = 0; owned < 2; owned++) {
        pair self = rivals_new(owned);

        small_device_crash(self.some); /* what was known is on the disk */
        delete_both(self.some);
        expect_deleted(&self, owned);
        small_world_destroy(&self.w);
    }
}

/* It came, and was held back, after the user had deleted what it refers to. */
Test(engine_families, come_back_for_one_held_back_that_was_not_known)
{
    pair self = rivals_new(true);

    add(self.all, OWN, OTHER, "third");
    cr_assert(small_device_sync(self.all));
    add(self.all, OWN_CHILD, OTHER, "third");
    cr_assert(small_device_sync(self.all));
    drop(self.some, OTHER);
    cr_assert(small_world_settle(self.w));
    cr_expect(user_has_row(self.all, OTHER));
    cr_expect(user_has_row(self.some, OTHER));
    small_world_destroy(&self.w);
}

/* ---- Every call ---- */

static bool fails_at(small_device *self, disk_faults how)
{
    unsigned long first = self->faults.calls, at = how.at;

    self->faults = how;
    self->faults.calls = first;
    self->faults.at += first;
    small_device_sync(self);
    bool over = self->faults.calls < first + at;
    small_device_crash(self);
    return over;
}

typedef bool trial(disk_faults how);

static void try_every(trial *is_over)
{
    static const disk_faults faults[] = {{.status = CF_IO},
                                         {.status = CF_FULL, .once = true, .reads = true}};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        disk_faults how = faults[i];

        for (how.at = 1; !is_over(how); how.at++)
            continue;
        cr_assert_geq(how.at, AT_LEAST, "hardly anything was tried");
    }
}

static bool hears_of_a_child(disk_faults how)
{
    pair self = pair_new("low");

    write_family(self.all, "low", true);
    cr_assert(small_device_sync(self.all));
    bool over = fails_at(self.some, how);
    cr_assert(small_world_settle(self.w));
    delete_parent(self.some);
    expect_only_other(&self, how.at);
    small_world_destroy(&self.w);
    return over;
}

static bool publishes_the_deletion(disk_faults how)
{
    pair self = pair_new("low");

    delete_parent(self.some);
    bool over = fails_at(self.some, how);
    expect_only_other(&self, how.at);
    small_world_destroy(&self.w);
    return over;
}

static bool publishes_what_they_lose(disk_faults how)
{
    pair self = pair_of("low", false);

    delete_parent(self.some);
    bool over = fails_at(self.some, how);
    expect_loose(&self, how.at);
    small_world_destroy(&self.w);
    return over;
}

/* A child goes from the file because it is not asked for any more; its parent is deleted at once
 * after the crash. */
static bool hides_a_child(disk_faults how)
{
    pair self = pair_new("top child");

    cr_assert(user_has_row(self.some, CHILD));
    write_family(self.all, "low", false);
    cr_assert(small_device_sync(self.all));
    bool over = fails_at(self.some, how);
    if (!user_has_row(self.some, CHILD)) {
        delete_parent(self.some);
        expect_only_other(&self, how.at);
    } else {
        cr_assert(small_world_settle(self.w));
        cr_assert(user_has_row(self.all, CHILD));
        cr_assert(user_has_row(self.all, PARENT));
        cr_assert(!user_has_row(self.some, CHILD));
    }
    small_world_destroy(&self.w);
    return over;
}

Test(engine_families, are_known_whatever_fails_meanwhile)
{
    try_every(hears_of_a_child);
}

Test(engine_families, go_whole_whatever_fails_meanwhile)
{
    try_every(publishes_the_deletion);
}

Test(engine_families, stay_whatever_fails_meanwhile)
{
    try_every(publishes_what_they_lose);
}

Test(engine_families, are_known_though_it_ends_while_they_are_taken_away)
{
    try_every(hides_a_child);
}
