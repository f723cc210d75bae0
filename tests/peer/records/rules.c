/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that take a schema of their own to be seen. */
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

/* ---- People who have a boss, and an e-mail address that nobody else has ---- */

/* Of the addresses the later counts, so that they are no column that gives way. */
static const cf_field_rule boss[] = {{NAME("/boss"), CF_MERGE_REFERENCE, NAME("person"), false},
                                     {.name = NAME("/email"), .merge = CF_MERGE_WEAK}};
static const cf_bytes email[] = {NAME("/email")}, mark[] = {NAME("/mark")};
static const cf_unique unique[] = {{.names = email, .count = 1}};
static const cf_schema_table person = {.name = NAME("person"),
                                       .kind = CF_KIND_ROW,
                                       .serial = true,
                                       .fields = boss,
                                       .field_count = 2,
                                       .unique = unique,
                                       .unique_count = 1,
                                       .required = mark,
                                       .required_count = 1};
static const cf_schema people = {&person, 1};

static void expect_held(const cf_row_view *view, const char *who, int why)
{
    size_t count;
    const cf_row_held *held = cf_row_view_held(view, &count);

    for (size_t i = 0; i < count; i++) {
        const cf_row_field *field = cf_row_field_named(&held[i].row, mark[0]);
        cf_arena arena = {0};
        bool same = cf_bytes_equal(field->values[0], made_text(who, &arena));

        cf_arena_release(&arena);
        if (!same)
            continue;
        cr_assert_eq((int)held[i].why, why, "%s is held for %d", who, (int)held[i].why);
        return;
    }
    cr_assert_eq(why, -1, "%s is not held", who);
}

/* Y is held, and so is Z, whose boss is Y. What Z claimed W has then, though W came later. */
Test(record_rules, free_what_a_row_claimed_that_is_held_back_with_its_parent)
{
    rule_world self = rule_world_of(&people);
    cf_row_view *view;

    rule_world_write_apart(&self, 'A', 10, "person 1 mark=X email=e");
    rule_world_write_apart(&self, 'B', 20,
                           "person 2 mark=Y email=e;person 3 mark=Z email=f boss=2");
    rule_world_write_apart(&self, 'C', 30, "person 4 mark=W email=f;person 5 mark=V boss=4");
    view = cf_row_view_new(self.state, &people);
    expect_held(view, "X", -1);
    expect_held(view, "Y", CF_HELD_UNIQUE);
    expect_held(view, "Z", CF_HELD_PARENT);
    expect_held(view, "W", -1);
    expect_held(view, "V", CF_HELD_PARENT); /* it was, while W was; and that is for good */
    cf_row_view_destroy(&view);
    rule_world_end(&self);
}

/* ---- What is volatile ---- */

static const cf_field_rule revision[] = {{.name = NAME("/rev"), .merge = CF_MERGE_VOLATILE}};
static const cf_schema_table thing = {.name = NAME("thing"),
                                      .kind = CF_KIND_ROW,
                                      .serial = true,
                                      .fields = revision,
                                      .field_count = 1};
static const cf_schema things = {&thing, 1};

/* Two wrote it apart; cleared, it was the other one. */
Test(record_rules, clear_all_that_was_said_of_a_volatile_field)
{
    rule_world self = rule_world_of(&things);

    rule_world_write_apart(&self, 'A', 10, "thing 1 mark=a");
    cf_rows *base = rule_world_applied(&self);
    cf_row_diff other =
        rule_world_scan(&self, self.state, base, 'B', 20, "thing 1 mark=a name=b rev=2");
    rule_world_write(&self, base, 'A', 30, "thing 1 mark=c rev=3");
    rule_world_publish(&self, &other);
    cf_rows_destroy(&base);
    base = rule_world_applied(&self);
    rule_world_write(&self, base, 'A', 40, "thing 1 mark=d name=b");
    cf_rows_destroy(&base);
    base = rule_world_applied(&self);
    cr_expect_null(cf_row_field_named(cf_rows_next(base, NULL), revision[0].name));
    cf_rows_destroy(&base);
    rule_world_end(&self);
}

/* ---- Houses in a town ---- */

static const cf_field_rule in_town[] = {{NAME("/town"), CF_MERGE_REFERENCE, NAME("town"), false}};
static const cf_schema_table towns[] = {
    {.name = NAME("house"),
     .kind = CF_KIND_ROW,
     .serial = true,
     .fields = in_town,
     .field_count = 1},
    {.name = NAME("town"), .kind = CF_KIND_ROW},
};
static const cf_schema land = {towns, 2};

/* ---- Rings ---- */

/* Equal rings that were made apart are one: ids do not depend on where one begins. */
Test(record_rules, name_rows_that_refer_to_each_other_in_a_ring)
{
    rule_world self = rule_world_of(&people);

    rule_world_write_apart(&self, 'A', 10, "person 1 mark=X boss=2;person 2 mark=Y boss=1");
    rule_world_write_apart(&self, 'B', 20, "person 2 mark=Y boss=1;person 1 mark=X boss=2");
    cf_rows *base = rule_world_applied(&self);
    cr_expect_eq(cf_rows_count(base), 2);
    cf_rows_destroy(&base);
    rule_world_end(&self);
}

/* A and B write seen=2 and seen=3 apart, while it was a field as any other: B's is shown and A's
 * listed. Once the last value counts, nothing is listed; and what B writes from then on revives no
 * row. */
Test(record_rules, list_nothing_where_the_last_value_counts)
{
    static const cf_field_rule last[] = {{NAME("/seen"), CF_MERGE_WEAK, {NULL, 0}, false}};
    const cf_schema_table plain = {.name = NAME("page"), .kind = CF_KIND_ROW};
    const cf_schema before = {&plain, 1};
    cf_schema_table counted = plain;
    const cf_schema now = {&counted, 1};
    rule_world self = rule_world_of(&before);
    size_t count;

    counted.fields = last;
    counted.field_count = 1;
    rule_world_write_apart(&self, 'A', 10, "page p name=x seen=1");
    cf_rows *base = rule_world_applied(&self);
    cf_row_diff other = rule_world_scan(&self, self.state, base, 'B', 30, "page p name=x seen=3");
    rule_world_write(&self, base, 'A', 20, "page p name=x seen=2");
    rule_world_publish(&self, &other);
    cf_row_view *view = cf_row_view_new(self.state, &before);
    cf_row_view_conflicts(view, &count);
    cr_expect_eq(count, 1);
    cf_row_view_destroy(&view);
    view = cf_row_view_new(self.state, &now);
    cf_row_view_conflicts(view, &count);
    cr_expect_eq(count, 0);
    cf_row_view_destroy(&view);
    cf_rows_destroy(&base);
    base = rule_world_applied(&self);
    self.schema = &now;
    other = rule_world_scan(&self, self.state, base, 'B', 40, "page p name=x seen=4");
    rule_world_write(&self, base, 'A', 35, "");
    rule_world_publish(&self, &other);
    view = cf_row_view_new(self.state, &now);
    cr_expect_eq(cf_row_view_count(view), 0);
    cf_row_view_destroy(&view);
    cf_rows_destroy(&base);
    rule_world_end(&self);
}

/* A chain as long as a table is no chain of calls. */
Test(record_rules, name_a_long_chain_of_rows)
{
    rule_world self = rule_world_of(&people);
    cf_buffer rows = {0};

    for (int i = 1; i < 20000; i++)
        cf_buffer_append_text(&rows, "person %d mark=%d boss=%d;", i, i, i + 1);
    cf_buffer_append_text(&rows, "person 20000 mark=last");
    cf_buffer_append(&rows, "", 1);
    rule_world_write_apart(&self, 'A', 10, (const char *)rows.data);
    cf_rows *base = rule_world_applied(&self);
    cr_expect_eq(cf_rows_count(base), 20000);
    cf_rows_destroy(&base);
    cf_buffer_release(&rows);
    rule_world_end(&self);
}

/* ---- Formats ---- */

static const cf_format_field house_fields[] = {{NAME("/mark"), false}, {NAME("/town"), false}};
static const cf_format_table houses = {
    .name = NAME("house"), .fields = house_fields, .field_count = 2};
static const cf_row_format only_houses = {.tables = &houses, .count = 1};

/* A CSV of houses that has their towns' keys, and no towns. */
Test(record_rules, leave_references_to_tables_that_the_format_lacks)
{
    rule_world self = rule_world_of(&land);

    rule_world_write_apart(&self, 'B', 10, "town berlin;town rome;house 1 mark=b town=berlin");
    cf_rows *base = rule_world_applied(&self);
    cf_row_view *view = cf_row_view_new(self.state, &land);
    cf_row disk = made_row("house 1 mark=c town=berlin", &self.arena);
    cf_row_diff_input input = {.ids = &cf_record_ids_product,
                               .schema = &land,
                               .format = &only_houses,
                               .state = self.state,
                               .view = view,
                               .base = base,
                               .disk = &disk,
                               .disk_count = 1,
                               .writer = {{'A'}},
                               .sequence = 1,
                               .time = {.ms = 20}};
    cf_row_diff made;
    cf_id item,
        town = cf_record_ids_product.natural(NULL, &towns[1], made_text("rome", &self.arena));

    cf_row_diff_run(&input, &self.arena, &made);
    cr_assert_eq(made.count, 1, "%zu changes", made.count);
    disk = made_row("house 1 mark=b town=rome", &self.arena);
    cf_row_diff_run(&input, &self.arena, &made);
    cr_assert_eq(made.count, 1, "%zu changes", made.count);
    cr_assert(cf_reference_item(made.changes[0].value, &item));
    cr_assert(cf_id_equal(&item, &town));
    cf_row_view_destroy(&view);
    cf_rows_destroy(&base);
    rule_world_end(&self);
}

static cf_row_diff scan_house(rule_world *self, const cf_rows *base, const char *row)
{
    static const cf_format_preset presets[] = {{NAME("/mark"),
                                                NAME("\xa3"
                                                     "new"),
                                                true},
                                               {NAME("/town"),
                                                NAME("\xa4"
                                                     "rome"),
                                                false}};
    cf_format_table *table = cf_arena_allocate(&self->arena, 1, sizeof *table);
    cf_row_format format = {.tables = table, .count = 1};
    cf_row_view *view = cf_row_view_new(self->state, self->schema);
    cf_row disk = made_row(row, &self->arena);
    cf_row_diff made;

    *table = houses;
    table->presets = presets;
    table->preset_count = 2;
    const cf_row_diff_input input = {.ids = &cf_record_ids_product,
                                     .schema = self->schema,
                                     .format = &format,
                                     .state = self->state,
                                     .view = view,
                                     .base = base,
                                     .disk = &disk,
                                     .disk_count = 1,
                                     .writer = {{'A'}},
                                     .sequence = 1,
                                     .time = {.ms = 20}};
    cf_row_diff_run(&input, &self->arena, &made);
    cf_row_view_destroy(&view);
    return made;
}

/* What a column gave the row by itself is nobody's word. */
Test(record_rules, write_a_default_weakly_and_a_word_of_the_user_not)
{
    rule_world self = rule_world_of(&land);

    rule_world_write_apart(&self, 'B', 10, "house 1");
    cf_rows *base = rule_world_applied(&self);
    cf_row_diff given = scan_house(&self, base, "house 1 mark=new");
    cr_assert_eq(given.count, 1);
    cr_expect(given.changes[0].weak);
    cf_row_diff said = scan_house(&self, base, "house 1 mark=old");
    cr_assert_eq(said.count, 1);
    cr_expect_not(said.changes[0].weak);
    cf_rows_destroy(&base);
    rule_world_end(&self);
    self = rule_world_of(&land);
    rule_world_write_apart(&self, 'B', 10, "house 1 mark=old");
    base = rule_world_applied(&self);
    cf_row_diff changed = scan_house(&self, base, "house 1 mark=new");
    cr_assert_eq(changed.count, 1);
    cr_expect_not(changed.changes[0].weak, "the user put it there");
    cf_rows_destroy(&base);
    rule_world_end(&self);
}

/* ---- What only a mistaken device does ---- */

static void write_field(rule_world *self, const cf_id *item, const char *field, cf_bytes value)
{
    cf_dot dot = {.writer = {{'M'}}, .sequence = 1, .hash = {item->bytes[1]}};
    cf_change change = {*item, cf_bytes_of_text(field), value, NULL, 0, false};

    cf_state_apply(self->state, &dot, (cf_time){50, 0}, &change, 1, NULL);
}

Test(record_rules, hold_back_what_has_no_key_or_that_of_another)
{
    rule_world self = rule_world_of(&land);
    const cf_id keyless = {{'r', 1}}, worded = {{'r', 2}}, second = {{'r', 3}};
    size_t count;

    rule_world_write_apart(&self, 'A', 10, "town berlin");
    write_field(&self, &keyless, CF_FIELD_TABLE, made_text("house", &self.arena));
    write_field(&self, &worded, CF_FIELD_TABLE, made_text("house", &self.arena));
    write_field(&self, &worded, CF_FIELD_KEY, made_text("one", &self.arena));
    write_field(&self, &second, CF_FIELD_TABLE, made_text("town", &self.arena));
    write_field(&self, &second, CF_FIELD_KEY, made_text("berlin", &self.arena));
    cf_row_view *view = cf_row_view_new(self.state, &land);
    const cf_row_held *held = cf_row_view_held(view, &count);
    cr_assert_eq(count, 3);
    cr_assert_eq(held[0].why, CF_HELD_REQUIRED);
    cr_assert_eq(held[1].why, CF_HELD_REQUIRED);
    cr_assert_eq(held[2].why, CF_HELD_UNIQUE);
    cr_assert_eq(cf_row_view_count(view), 1);
    cf_row_view_destroy(&view);
    rule_world_end(&self);
}

Test(record_rules, find_a_free_key_at_the_end_of_all_numbers)
{
    rule_world self = rule_world_of(&land);

    rule_world_write_apart(&self, 'A', 10, "house 9223372036854775807 mark=a");
    rule_world_write_apart(&self, 'B', 20, "house 9223372036854775807 mark=b");
    cf_row_view *view = cf_row_view_new(self.state, &land);
    const cf_row *given = cf_row_view_find(view, towns[0].name, made_int(1, &self.arena));
    cr_assert(given);
    cr_assert(given->displaced);
    cf_row_view_destroy(&view);
    rule_world_end(&self);
}
