/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes of a field go when its user says which version stays. */
#include "peer/records/record_resolve.h"

#include "codec/limits.h"
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/made_schema.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const cf_schema_table card = {.name = NAME("card"), .kind = CF_KIND_ROW};
static const cf_schema cards = {&card, 1};

/* Ann, made Anna by A at 20, Anne by B at 30, and Anni by C at 25: Anne is shown. */
typedef struct {
    rule_world world;
    cf_row_view *view;
    const cf_row_conflict *listed;
    size_t count;
    cf_row agreed;
    cf_dot shown;
} quarrel;

static void begin(quarrel *self)
{
    cf_row_ref *refs;
    size_t count;
    cf_error error;

    *self = (quarrel){.world = rule_world_of(&cards)};
    rule_world *world = &self->world;
    rule_world_write_apart(world, 'A', 10, "card u name=Ann note=x");
    cf_rows *base = rule_world_applied(world);
    cf_row_diff second =
        rule_world_scan(world, world->state, base, 'B', 30, "card u name=Anne note=x");
    cf_row_diff third =
        rule_world_scan(world, world->state, base, 'C', 25, "card u name=Anni note=x");
    rule_world_write(world, base, 'A', 20, "card u name=Anna note=x");
    rule_world_publish(world, &second);
    rule_world_publish(world, &third);
    cf_rows_destroy(&base);
    self->view = cf_row_view_new(world->state, &cards);
    self->listed = cf_row_view_conflicts(self->view, &self->count);
    cr_assert_eq(self->count, 2);
    self->agreed = cf_row_view_agree(self->view, self->listed->row, &world->arena);
    expect_ok(cf_row_refs_read(&self->agreed, &world->arena, &refs, &count, &error), error);
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(refs[i].field, self->listed->field) &&
            refs[i].standing == CF_WRITE_SHOWN)
            self->shown = refs[i].dot;
}

static void end(quarrel *self)
{
    cf_row_view_destroy(&self->view);
    rule_world_end(&self->world);
}

/* That `kept` stays, of the three; NULL: that there is no such version. */
static void expect_kept(quarrel *self, const cf_keep *keep, const cf_dot *kept)
{
    const cf_dot dots[] = {self->shown, self->listed[0].dot, self->listed[1].dot};
    const cf_row_contest contest = {self->world.state, &self->agreed, &card, self->listed,
                                    self->count};
    cf_change *found, change;

    cr_assert_eq(cf_row_resolve(&contest, keep, &self->world.arena, &found), kept != NULL);
    if (!kept)
        return;
    change = *found;
    cr_expect_eq(change.value.size, 0, "no value is written anew");
    cr_expect_eq(change.over_count, 2);
    cr_expect(cf_id_equal(&change.item, &self->listed->row->item));
    cr_expect(cf_bytes_equal(change.field, self->listed->field));
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(cf_change_names(&change, &dots[i]), !cf_dot_equal(&dots[i], kept));
    cr_expect_lt(cf_dot_compare(&change.over[0], &change.over[1]), 0);
}

Test(record_resolve, keeps_the_version_of_a_number)
{
    quarrel self;

    begin(&self);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = 1}, &self.shown);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = 2}, &self.listed[0].dot);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = 3}, &self.listed[1].dot);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = 4}, NULL);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = CF_KEEP_NUMBER_MAX}, NULL);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_NUMBER}, NULL);
    end(&self);
}

Test(record_resolve, keeps_this_devices_version_or_the_latest_of_another)
{
    quarrel self;
    const cf_id nobody = {{7}};

    begin(&self);
    const cf_row_conflict *late = &self.listed[self.listed[0].time.ms == 25 ? 0 : 1];
    const cf_row_conflict *early = &self.listed[self.listed[0].time.ms == 25 ? 1 : 0];
    const cf_id *a = &early->dot.writer, *b = &self.shown.writer;

    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_MINE, .writer = a}, &early->dot);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_THEIRS, .writer = a}, &self.shown);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_MINE, .writer = b}, &self.shown);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_THEIRS, .writer = b}, &late->dot);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_MINE, .writer = &nobody}, NULL);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_MINE}, NULL);
    expect_kept(&self, &(cf_keep){.kind = CF_KEEP_THEIRS}, &self.shown);
    end(&self);
}

/* Of rows that are one, one entry wrote a value to each: both have its dot. What is kept must not
 * go with the other. */
Test(record_resolve, writes_anew_what_was_written_with_what_goes)
{
    quarrel self;
    cf_row_ref *refs;
    size_t count;
    cf_buffer packed = {0};
    cf_change *found, change;
    cf_error error;

    begin(&self);
    const cf_row_contest contest = {self.world.state, &self.agreed, &card, self.listed, self.count};
    expect_ok(cf_row_refs_read(&self.agreed, &self.world.arena, &refs, &count, &error), error);
    const cf_dot kept = self.listed[0].dot, other = self.listed[1].dot;
    for (size_t i = 0; i < count; i++)
        if (cf_dot_equal(&refs[i].dot, &other))
            refs[i].dot = kept;
    cf_row_refs_pack(&packed, &self.agreed, refs, count);
    self.agreed.refs = cf_buffer_view(&packed);
    cr_assert_eq(cf_row_resolve(&contest, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = 2},
                                &self.world.arena, &found),
                 1);
    change = *found;
    cr_expect(cf_change_names(&change, &kept));
    cr_expect(change.value.size, "what is kept goes, too");
    cf_buffer_release(&packed);
    end(&self);
}

/* ---- Of a column that gives way ---- */

/* Of two tags x and y, A makes home and flat, then B makes the second home: that is shown as y, or
 * with a number, and home, which it wishes for, and flat are listed. */
typedef struct {
    rule_world world;
    cf_schema schema;
    cf_row_view *view;
    const cf_row_conflict *listed;
    size_t count;
    cf_row agreed;
    size_t wished; /* which of the listed; the other is flat */
} rivalry;

static void look(rivalry *self)
{
    cf_row_view_destroy(&self->view);
    self->view = cf_row_view_new(self->world.state, &self->schema);
    self->listed = cf_row_view_conflicts(self->view, &self->count);
    if (self->count)
        self->agreed = cf_row_view_agree(self->view, self->listed->row, &self->world.arena);
    for (size_t i = 0; i < self->count; i++)
        if (self->listed[i].gives_way)
            self->wished = i;
}

static void begin_rivalry(rivalry *self)
{
    *self = (rivalry){.world = rule_world_of(&self->schema)};
    rule_world *world = &self->world;
    self->schema = made_schema("tag # =/name", &world->arena);
    rule_world_write_apart(world, 'A', 10, "tag 1 name=x;tag 2 name=y");
    cf_rows *base = rule_world_applied(world);
    cf_row_diff second =
        rule_world_scan(world, world->state, base, 'B', 30, "tag 1 name=x;tag 2 name=home");
    rule_world_write(world, base, 'A', 20, "tag 1 name=home;tag 2 name=flat");
    rule_world_publish(world, &second);
    cf_rows_destroy(&base);
    look(self);
    cr_assert_eq(self->count, 2);
}

static void end_rivalry(rivalry *self)
{
    cf_row_view_destroy(&self->view);
    rule_world_end(&self->world);
}

static bool settle(rivalry *self, const cf_keep *keep)
{
    const cf_dot dot = {.writer = {{'D'}}, .sequence = 1};
    const cf_row_contest contest = {self->world.state, &self->agreed, self->schema.tables,
                                    self->listed, self->count};
    cf_change *chosen, change = {0};

    if (!cf_row_resolve(&contest, keep, &self->world.arena, &chosen))
        return false;
    cr_assert_eq(cf_row_resolve_still(&contest, chosen, 1, &self->world.arena, &change), 1);
    cf_state_apply(self->world.state, &dot, (cf_time){40, 0}, &change, 1, NULL);
    look(self);
    return true;
}

/* The tags' names, in the order of their keys. */
static void expect_names(rivalry *self, const char *first, const char *second)
{
    const char *const names[] = {first, second};

    cr_expect_eq(self->count, 0, "nothing is listed any more");
    for (int key = 1; key <= 2; key++) {
        const cf_row *row = cf_row_view_find(self->view, self->schema.tables->name,
                                             made_int(key, &self->world.arena));
        const cf_row_field *name = row ? cf_row_field_named(row, (cf_bytes)NAME("/name")) : NULL;

        cr_assert(row);
        cr_assert_eq(name != NULL, names[key - 1] != NULL);
        if (name)
            cr_expect(
                cf_bytes_equal(name->values[0], made_text(names[key - 1], &self->world.arena)));
    }
}

static void expect_settled(const cf_keep *keep, const char *second)
{
    rivalry self;

    begin_rivalry(&self);
    cr_expect(settle(&self, keep));
    expect_names(&self, "home", second);
    end_rivalry(&self);
}

Test(record_resolve, keeps_what_another_wrote_in_a_column_that_gives_way)
{
    const cf_id a = {{'A'}}, b = {{'B'}}, nobody = {{7}};
    rivalry self;

    begin_rivalry(&self);
    const size_t wish = 2 + self.wished, flat = 3 - self.wished;
    cr_expect_not(settle(&self, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = 4}));
    cr_expect_not(settle(&self, &(cf_keep){.kind = CF_KEEP_BOTH, .writer = &b}));
    cr_expect_eq(self.count, 2);
    end_rivalry(&self);
    expect_settled(&(cf_keep){.kind = CF_KEEP_NUMBER, .number = flat}, "flat");
    expect_settled(&(cf_keep){.kind = CF_KEEP_THEIRS, .writer = &b}, "flat");
    expect_settled(&(cf_keep){.kind = CF_KEEP_MINE, .writer = &a}, "flat");
    expect_settled(&(cf_keep){.kind = CF_KEEP_NUMBER, .number = 1}, "y");
    expect_settled(&(cf_keep){.kind = CF_KEEP_NUMBER, .number = wish}, "y");
    expect_settled(&(cf_keep){.kind = CF_KEEP_THEIRS, .writer = &a}, "y");
    expect_settled(&(cf_keep){.kind = CF_KEEP_MINE, .writer = &b}, "y");
    expect_settled(&(cf_keep){.kind = CF_KEEP_MINE, .writer = &nobody}, "y");
}

/* A text as long as an entry takes has no other that could be shown. */
Test(record_resolve, keeps_nothing_where_a_column_is_shown_without_a_value)
{
    char row[CF_INLINE_MAX - 3 + sizeof "tag 1 name="] = "tag 1 name=";
    rivalry self = {.world = rule_world_of(&self.schema)};

    memset(row + strlen(row), 'x', CF_INLINE_MAX - 3);
    self.schema = made_schema("tag # =/name", &self.world.arena);
    rule_world_write_apart(&self.world, 'A', 10, row);
    row[4] = '2';
    rule_world_write_apart(&self.world, 'B', 20, row);
    look(&self);
    cr_assert_eq(self.count, 1);
    cr_expect(settle(&self, &(cf_keep){.kind = CF_KEEP_MINE}));
    expect_names(&self, row + strlen("tag 1 name="), NULL);
    end_rivalry(&self);
}
