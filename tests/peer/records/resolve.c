/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes of a field go when its user says which version stays. */
#include "peer/records/record_resolve.h"

#include "tests/peer/records/made_row.h"
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
    cf_row_scan second =
        rule_world_scan(world, world->state, base, 'B', 30, "card u name=Anne note=x");
    cf_row_scan third =
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
    cf_change change = {0};

    cr_assert_eq(
        cf_row_resolve(&self->agreed, self->listed, self->count, keep, &self->world.arena, &change),
        kept != NULL);
    if (!kept)
        return;
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
