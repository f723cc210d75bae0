/* SPDX-License-Identifier: Apache-2.0 */
/* What the base says of each write after a scan: the same as the view that has what was
 * published. */
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/made_schema.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

/* Bob's card as A shows it, which B and C changed apart, C later. */
typedef struct {
    rule_world world;
    cf_schema schema;
    cf_arena arena;
    cf_rows *base;
} card;

static void begin(card *self, const char *made, const char *by_b, const char *by_c)
{
    *self = (card){0};
    self->schema = made_schema("card /tel*", &self->arena);
    self->world = rule_world_of(&self->schema);
    rule_world_write_apart(&self->world, 'A', 10, made);
    cf_rows *before = rule_world_applied(&self->world);
    cf_row_diff b = rule_world_scan(&self->world, self->world.state, before, 'B', 20, by_b);
    cf_row_diff c = rule_world_scan(&self->world, self->world.state, before, 'C', 30, by_c);

    rule_world_publish(&self->world, &b);
    rule_world_publish(&self->world, &c);
    cf_rows_destroy(&before);
    self->base = rule_world_applied(&self->world);
}

static void end(card *self)
{
    cf_rows_destroy(&self->base);
    rule_world_end(&self->world);
    cf_arena_release(&self->arena);
}

static bool says(const cf_row_ref *refs, size_t count, const cf_row_ref *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (cf_dot_equal(&refs[i].dot, &wanted->dot) &&
            cf_bytes_equal(refs[i].field, wanted->field) &&
            cf_bytes_equal(refs[i].value, wanted->value))
            return refs[i].standing == wanted->standing;
    return false;
}

static void expect_as_view(card *self, size_t conflicts)
{
    cf_row_view *view = cf_row_view_new(self->world.state, &self->schema);
    cf_row viewed = cf_row_view_agree(view, cf_row_view_at(view, 0), &self->arena);
    cf_row_ref *said, *shown;
    size_t said_count, shown_count, listed;
    cf_error error;

    cf_row_view_conflicts(view, &listed);
    cr_expect_eq(listed, conflicts, "%zu are listed", listed);
    expect_ok(
        cf_row_refs_read(cf_rows_next(self->base, NULL), &self->arena, &said, &said_count, &error),
        error);
    expect_ok(cf_row_refs_read(&viewed, &self->arena, &shown, &shown_count, &error), error);
    cr_expect_eq(said_count, shown_count, "%zu writes of %zu", said_count, shown_count);
    for (size_t i = 0; i < said_count; i++)
        cr_expect(says(shown, shown_count, &said[i]), "%.*s of %c, standing %d",
                  (int)said[i].field.size, (const char *)said[i].field.data,
                  said[i].dot.writer.bytes[0], (int)said[i].standing);
    cf_row_view_destroy(&view);
}

/* A's user does so, and nothing is applied. */
static void edit(card *self, uint64_t ms, const char *row, size_t conflicts)
{
    cf_row_diff made = rule_world_write(&self->world, self->base, 'A', ms, row);

    rule_world_rebase(&self->world, self->base, &made);
    expect_as_view(self, conflicts);
}

Test(record_rebase, leaves_listed_what_was)
{
    card self;

    begin(&self, "card bob name=Bob", "card bob name=Rob", "card bob name=Bert");
    edit(&self, 40, "card bob name=Robert", 1);
    end(&self);
}

/* What the user chose, and changed afterwards, was listed again. */
Test(record_rebase, shows_what_was_listed_when_its_user_writes_the_same)
{
    card self;

    begin(&self, "card bob name=Bob", "card bob name=Rob", "card bob name=Bert");
    edit(&self, 40, "card bob name=Rob", 0);
    edit(&self, 50, "card bob name=Robert", 0);
    end(&self);
}

Test(record_rebase, lets_go_of_what_was_listed_when_its_user_clears_the_field)
{
    card self;

    begin(&self, "card bob name=Bob", "card bob name=Rob", "card bob name=Bert");
    edit(&self, 40, "card bob", 0);
    edit(&self, 50, "card bob name=Rob", 0);
    end(&self);
}

Test(record_rebase, shows_both_values_of_an_entry)
{
    card self;

    begin(&self, "card bob tel=1", "card bob tel=2", "card bob tel=3");
    edit(&self, 40, "card bob tel=2,4", 0);
    edit(&self, 50, "card bob tel=4,5", 0);
    end(&self);
}
