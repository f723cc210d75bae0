/* SPDX-License-Identifier: Apache-2.0 */
/* Letters that refer to a person by the mail address, which is not the key, and compares without
 * case. */
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/made_schema.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const cf_tied_column from[] = {{.field = NAME("/to")}};
static const cf_tied_column mail[] = {{.field = NAME("/mail"), .collation = CF_COLLATION_NOCASE}};
static const cf_row_tie tie = {NAME("letter"),        NAME("person"), from, mail, 1,
                               NAME("/tie/person/to")};
static const cf_row_tie bond = {NAME("letter"),         NAME("person"), from, mail, 1,
                                NAME("/bond/person/to")};
static const cf_row_format by_tie = {.whole = true, .ties = &tie, .tie_count = 1};
static const cf_row_format by_bond = {.whole = true, .ties = &bond, .tie_count = 1};

/* Two devices that show the same and know of each other; each writes once more, not knowing of
 * what the other wrote. */
typedef struct {
    rule_world world;
    cf_schema schema;
    cf_arena arena;
    cf_rows *base;
} pair;

static void begin_with(pair *self, const char *tables, const char *rows)
{
    *self = (pair){0};
    self->schema = made_schema(tables, &self->arena);
    self->world = rule_world_of(&self->schema);
    self->world.format = &by_tie;
    rule_world_write_apart(&self->world, 'A', 10, rows);
    self->base = rule_world_applied(&self->world);
}

static void begin(pair *self, const char *rows)
{
    begin_with(self, "letter;person # =/mail", rows);
}

static void apart(pair *self, const char *first, const char *second)
{
    cf_row_diff one = rule_world_scan(&self->world, self->world.state, self->base, 'A', 20, first);
    cf_row_diff other =
        rule_world_scan(&self->world, self->world.state, self->base, 'B', 30, second);

    rule_world_publish(&self->world, &one);
    rule_world_publish(&self->world, &other);
}

static void end(pair *self)
{
    cf_rows_destroy(&self->base);
    rule_world_end(&self->world);
    cf_arena_release(&self->arena);
}

/* How many rows are shown, and how many are held back. */
static void expect_view(const pair *self, size_t shown, size_t held)
{
    cf_row_view *view = cf_row_view_new(self->world.state, &self->schema);
    size_t count;

    cf_row_view_held(view, &count);
    cr_expect_eq(cf_row_view_count(view), shown, "%zu are shown", cf_row_view_count(view));
    cr_expect_eq(count, held, "%zu are held back", count);
    cf_row_view_destroy(&view);
}

Test(record_ties, bring_back_what_a_new_row_refers_to)
{
    pair self;

    begin(&self, "person 1 mail=x name=Ann");
    apart(&self, "", "person 1 mail=x name=Ann;letter a to=X");
    expect_view(&self, 2, 0);
    cf_row_view *view = cf_row_view_new(self.world.state, &self.schema);
    const cf_row *ann =
        cf_row_view_find(view, cf_bytes_of_text("person"), made_int(1, &self.arena));
    cr_assert(ann);
    cr_expect(cf_row_field_named(ann, cf_bytes_of_text("/name")), "all of her");
    cr_expect_eq(ann->field_count, 2, "the tie is no field");
    cf_row_view_destroy(&view);
    end(&self);
}

Test(record_ties, bring_back_what_a_row_refers_to_since_its_user_said_so)
{
    pair self;

    begin(&self, "person 1 mail=x name=Ann;letter a text=hello");
    apart(&self, "letter a text=hello", "person 1 mail=x name=Ann;letter a text=hello to=x");
    expect_view(&self, 2, 0);
    end(&self);
}

Test(record_ties, let_go_of_what_nobody_refers_to_any_more)
{
    pair self;

    begin(&self, "person 1 mail=x name=Ann;letter a to=x");
    cf_row_diff made =
        rule_world_write(&self.world, self.base, 'A', 20, "person 1 mail=x name=Ann;letter a");
    cr_expect_eq(made.count, 2, "what it says, and the tie");
    cf_rows_destroy(&self.base);
    self.base = rule_world_applied(&self.world);
    apart(&self, "letter a", "person 1 mail=x name=Ann;letter a text=hello");
    expect_view(&self, 1, 0);
    end(&self);
}

/* With references unchecked: the letter refers to nothing, and that is so everywhere. */
Test(record_ties, let_go_of_what_is_deleted_while_a_row_refers_to_it)
{
    pair self;

    begin(&self, "person 1 mail=x name=Ann;letter a to=x");
    cf_row_diff made = rule_world_write(&self.world, self.base, 'A', 20, "letter a to=x");
    cr_assert_eq(made.count, 2);
    for (size_t i = 0; i < made.count; i++)
        if (cf_row_field_is_tie(made.changes[i].field))
            cr_expect_eq(made.changes[i].value.size, 0, "nothing is said there any more");
        else
            cr_expect_eq(made.changes[i].field.size, 0, "a deletion");
    expect_view(&self, 1, 0);
    end(&self);
}

/* One that knows nothing of the tie, its table having no such reference any more. */
Test(record_ties, let_go_of_what_is_deleted_where_it_is_no_tie)
{
    static const cf_row_format untied = {.whole = true};
    pair self;

    begin(&self, "person 1 mail=x name=Ann;letter a to=x");
    self.world.format = &untied;
    rule_world_write(&self.world, self.base, 'A', 20, "letter a to=x");
    expect_view(&self, 1, 0);
    end(&self);
}

/* Who refers to Ann refers to Eve since: when Eve goes, Ann is not to come back. */
Test(record_ties, let_go_of_one_whose_value_another_one_took_over)
{
    pair self;

    begin(&self, "person 1 mail=x name=Ann");
    apart(&self, "person 2 mail=x name=Eve", "person 1 mail=x name=Ann;letter a to=x");
    expect_view(&self, 2, 0);
    cf_rows_destroy(&self.base);
    self.base = rule_world_applied(&self.world);
    rule_world_write(&self.world, self.base, 'B', 40, "letter a to=x");
    expect_view(&self, 1, 0);
    end(&self);
}

/* Ann can't come back, and neither does the town that only she refers to. */
Test(record_ties, bring_nothing_back_by_one_that_stays_deleted)
{
    pair self;

    begin_with(&self, "letter;person # =/mail /town>town;town",
               "town u name=Ulm;person 1 mail=x name=Ann town=u");
    apart(&self, "person 2 mail=x name=Eve",
          "town u name=Ulm;person 1 mail=x name=Ann town=u;letter a to=x");
    expect_view(&self, 2, 0);
    end(&self);
}

Test(record_ties, bring_back_what_it_refers_to_with_it)
{
    pair self;

    begin_with(&self, "letter;person # =/mail /town>town;town",
               "town u name=Ulm;person 1 mail=x name=Ann town=u");
    apart(&self, "", "town u name=Ulm;person 1 mail=x name=Ann town=u;letter a to=x");
    expect_view(&self, 3, 0);
    end(&self);
}

Test(record_ties, say_nothing_of_what_others_did)
{
    pair self;

    begin(&self, "letter a to=x");
    rule_world_write_apart(&self.world, 'B', 20, "person 1 mail=x name=Ann");
    cf_rows_destroy(&self.base);
    self.base = rule_world_applied(&self.world);
    cf_row_diff made = rule_world_scan(&self.world, self.world.state, self.base, 'A', 30,
                                       "letter a to=x;person 1 mail=x name=Ann");
    cr_expect_eq(made.count, 0);
    made = rule_world_scan(&self.world, self.world.state, self.base, 'A', 30,
                           "letter a to=x text=hello;person 1 mail=x name=Ann");
    cr_expect_eq(made.count, 1, "it refers to her as before");
    end(&self);
}

/* She was not shown here, though the letter said by then that it is hers. */
Test(record_ties, say_once_what_they_say)
{
    pair self;

    begin(&self, "person 1 mail=x name=Ann");
    rule_world_write(&self.world, self.base, 'B', 20, "person 1 mail=x name=Ann;letter a to=x");
    cf_rows_destroy(&self.base);
    self.base = rule_world_applied(&self.world);
    cf_rows_drop(self.base, cf_bytes_of_text("person"), made_int(1, &self.arena));
    const cf_row_diff made = rule_world_scan(&self.world, self.world.state, self.base, 'A', 30,
                                             "letter a to=x;person 1 mail=x name=Ann");
    for (size_t i = 0; i < made.count; i++)
        cr_expect_not(cf_row_field_is_tie(made.changes[i].field));
    end(&self);
}

/* ---- Where the letters aren't shown ---- */

static const cf_format_table persons = {.name = NAME("person"), .whole = true};
static const cf_row_format only_persons = {.tables = &persons, .count = 1};

static cf_row_diff delete_ann_where_no_letter_is_shown(pair *self, const cf_row_format *written)
{
    begin(self, "");
    self->world.format = written;
    rule_world_write_apart(&self->world, 'A', 10, "person 1 mail=x name=Ann;letter a to=x");
    cf_rows_destroy(&self->base);
    self->base = rule_world_applied(&self->world);
    self->world.format = &only_persons;
    return rule_world_write(&self->world, self->base, 'B', 20, "");
}

Test(record_ties, stay_where_a_row_can_be_without_the_other)
{
    pair self;
    cf_row_diff made = delete_ann_where_no_letter_is_shown(&self, &by_tie);

    cr_expect_eq(made.cascaded, 0);
    expect_view(&self, 1, 0);
    end(&self);
}

Test(record_ties, go_with_the_other_where_a_row_can_t_be_without_it)
{
    pair self;
    cf_row_diff made = delete_ann_where_no_letter_is_shown(&self, &by_bond);

    cr_expect_eq(made.cascaded, 1);
    expect_view(&self, 0, 0);
    end(&self);
}

/* Two who change their addresses, and a letter to the one that was Ann's. */
Test(record_ties, stay_with_another_one_that_has_what_they_say_by_now)
{
    pair self;

    begin(&self, "person 1 mail=x name=Ann;person 2 mail=y name=Eve");
    self.world.format = &by_bond;
    apart(&self, "person 1 mail=y name=Ann;person 2 mail=x name=Eve",
          "person 1 mail=x name=Ann;person 2 mail=y name=Eve;letter a to=x");
    cf_rows_destroy(&self.base);
    self.base = rule_world_applied(&self.world);
    self.world.format = &only_persons;
    cf_row_diff made =
        rule_world_write(&self.world, self.base, 'B', 40, "person 2 mail=x name=Eve");
    cr_expect_eq(made.cascaded, 0);
    expect_view(&self, 2, 0);
    end(&self);
}
