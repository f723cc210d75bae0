/* SPDX-License-Identifier: Apache-2.0 */
/* What a user does moves none of the rows that he was shown. */
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/made_schema.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

/* People who have a boss, and an e-mail address that nobody else has; and houses in towns, no two
 * with one mayor. None of them is a column that gives way, since the later value counts. */
static const char tables[] = "house # /town>town;person # /boss>person /email? =/email !/mark;"
                             "town /mayor? =/mayor";

typedef struct {
    rule_world world;
    cf_schema schema;
    cf_arena arena;
    cf_rows *base;
} source;

static void begin(source *self)
{
    *self = (source){0};
    self->schema = made_schema(tables, &self->arena);
    self->world = rule_world_of(&self->schema);
    self->base = cf_rows_new();
}

static void end(source *self)
{
    cf_rows_destroy(&self->base);
    rule_world_end(&self->world);
    cf_arena_release(&self->arena);
}

/* It shows all that was written. */
static void apply(source *self)
{
    cf_rows_destroy(&self->base);
    self->base = rule_world_applied(&self->world);
}

static void write_apart(source *self, char device, uint64_t ms, const char *rows)
{
    rule_world_write_apart(&self->world, device, ms, rows);
}

/* What a device does that shows the same; not yet known to anybody. */
static cf_row_diff scan(source *self, char device, uint64_t ms, const char *rows)
{
    return rule_world_scan(&self->world, self->world.state, self->base, device, ms, rows);
}

static void write(source *self, char device, uint64_t ms, const char *rows)
{
    rule_world_write(&self->world, self->base, device, ms, rows);
}

static size_t levels(const cf_row_diff *made)
{
    size_t count = 0;

    for (size_t i = 0; i < made->count; i++)
        count += cf_bytes_equal(made->changes[i].field, cf_bytes_of_text(CF_FIELD_LEVEL));
    return count;
}

static void expect_at(source *self, int64_t key, const char *who)
{
    cf_row_view *view = cf_row_view_new(self->world.state, &self->schema);
    const cf_row *row =
        cf_row_view_find(view, cf_bytes_of_text("person"), made_int(key, &self->arena));

    cr_assert(row, "nobody is at %d", (int)key);
    cr_expect(cf_bytes_equal(cf_row_field_named(row, cf_bytes_of_text("/mark"))->values[0],
                             made_text(who, &self->arena)),
              "%s is not at %d", who, (int)key);
    cf_row_view_destroy(&view);
}

/* A row that can't be shown claims in vain, but it claims. */
Test(record_pins, try_out_rows_that_lack_what_is_required)
{
    source self;

    begin(&self);
    cf_row_diff full = scan(&self, 'A', 10, "person 1 mark=X");
    cf_row_diff lacking = scan(&self, 'A', 10, "person 1 name=x");
    cr_expect_eq(levels(&full), 0);
    cr_expect_eq(levels(&lacking), 1);
    write_apart(&self, 'A', 10, "person 1 mark=X name=x");
    apply(&self);
    lacking = scan(&self, 'A', 20, "person 1 name=x");
    cr_expect_eq(levels(&lacking), 1);
    end(&self);
}

/* It was deleted elsewhere, and is not to be had beside a town that lives: nor is the house. */
Test(record_pins, try_out_rows_that_refer_to_one_that_is_not_shown)
{
    source self;

    begin(&self);
    write_apart(&self, 'A', 10, "town ulm mayor=m");
    apply(&self);
    write(&self, 'B', 20, "town bonn mayor=m");
    cf_row_diff made = scan(&self, 'A', 30, "town ulm mayor=m;house 1 town=ulm");
    cr_expect_eq(levels(&made), 1);
    end(&self);
}

Test(record_pins, try_out_rows_that_refer_from_now_on_to_one_that_is_not_shown)
{
    source self;

    begin(&self);
    write_apart(&self, 'A', 10, "town ulm mayor=m;house 1 mark=a");
    apply(&self);
    write(&self, 'B', 20, "town bonn mayor=m;house 1 mark=a");
    cf_row_diff made = scan(&self, 'A', 30, "town ulm mayor=m;house 1 mark=a town=ulm");
    cr_expect_eq(levels(&made), 1);
    end(&self);
}

/* Another device made X under key 1, too, and before W was made. C, which shows X as 2, knows of
 * that and has not applied it: it pins the 2, and what the other one said prevails over that. */
Test(record_pins, try_out_a_pin_over_which_another_key_prevails)
{
    source self;

    begin(&self);
    write_apart(&self, 'B', 16, "person 1 mark=W");
    write_apart(&self, 'C', 17, "person 1 mark=X");
    apply(&self);
    expect_at(&self, 2, "X");
    write_apart(&self, 'A', 8, "person 1 mark=X");
    expect_at(&self, 2, "X");
    cf_row_diff made = scan(&self, 'C', 30, "person 1 mark=W;person 2 mark=X note=n");
    cr_expect_eq(levels(&made), 2);
    end(&self);
}

/* C wrote that the house is in Ulm, and B deleted Ulm: A knows of both, and has not applied them.
 */
Test(record_pins, try_out_a_reference_that_is_cleared_beside_another)
{
    source self;

    begin(&self);
    write_apart(&self, 'A', 10, "town bonn;town ulm mayor=m;house 1 mark=a");
    apply(&self);
    cf_row_diff c = scan(&self, 'C', 15, "town bonn;town ulm mayor=m;house 1 mark=a town=ulm");
    cf_row_diff b = scan(&self, 'B', 20, "town bonn;town essen mayor=m;house 1 mark=a");
    write(&self, 'A', 18, "town bonn;town ulm mayor=m;house 1 mark=a town=bonn");
    apply(&self);
    rule_world_publish(&self.world, &c);
    rule_world_publish(&self.world, &b);
    cf_row_diff made = scan(&self, 'A', 30, "town bonn;town ulm mayor=m;house 1 mark=a");
    cr_expect_eq(levels(&made), 1);
    end(&self);
}

/* Two gave it other keys apart, so one of these is listed. That prevailed over the key that the row
 * was given as soon as this was pinned. */
Test(record_pins, pin_a_key_over_what_is_listed_of_it)
{
    source self;

    begin(&self);
    write_apart(&self, 'A', 10, "person 3 mark=moved");
    apply(&self);
    cf_row_diff other = scan(&self, 'B', 30, "person 6 mark=moved");
    write(&self, 'A', 20, "person 4 mark=moved");
    rule_world_publish(&self.world, &other);
    write_apart(&self, 'C', 5, "person 6 mark=first");
    expect_at(&self, 7, "moved");
    apply(&self);
    write(&self, 'A', 40, "person 6 mark=first;person 7 mark=moved;person 9 mark=new");
    expect_at(&self, 7, "moved");
    end(&self);
}

/* X is there only since Z refers to it. W, which lives, comes when V lets go of what both claim: no
 * level keeps X in its place, but that its user writes it. */
Test(record_pins, keep_a_row_in_its_place_that_lives_by_another)
{
    source self;

    begin(&self);
    write_apart(&self, 'A', 10, "person 1 mark=X;person 2 mark=Z boss=1");
    apply(&self);
    cf_row_diff edited = scan(&self, 'A', 20, "person 1 mark=X;person 2 mark=Z boss=1 note=n");
    write(&self, 'B', 30, "");
    rule_world_publish(&self.world, &edited);
    write_apart(&self, 'D', 4, "person 9 mark=V email=e");
    write_apart(&self, 'C', 5, "person 1 mark=W email=e");
    expect_at(&self, 1, "X");
    apply(&self);
    write(&self, 'A', 40, "person 1 mark=X;person 2 mark=Z boss=1 note=n;person 9 mark=V email=f");
    expect_at(&self, 1, "X");
    end(&self);
}

/* X was deleted, and lives by the key that B gave it meanwhile, and since Z refers to it. To pin
 * another key takes that from it, and then W, which lives, has the address. */
Test(record_pins, keep_a_row_that_lived_by_the_key_it_had)
{
    source self;

    begin(&self);
    write_apart(&self, 'A', 10, "person 5 mark=X email=e");
    apply(&self);
    cf_row_diff moved = scan(&self, 'B', 30, "person 6 mark=X email=e;person 8 mark=Z boss=6");
    write(&self, 'A', 20, "");
    rule_world_publish(&self.world, &moved);
    write_apart(&self, 'C', 15, "person 1 mark=W email=e");
    write_apart(&self, 'D', 5, "person 6 mark=first");
    expect_at(&self, 7, "X");
    apply(&self);
    write(&self, 'A', 40,
          "person 6 mark=first;person 7 mark=X email=e;person 8 mark=Z boss=7;person 9 mark=new");
    expect_at(&self, 7, "X");
    expect_at(&self, 8, "Z");
    end(&self);
}

static void forget_town(source *self)
{
    const cf_schema_table *table = cf_schema_find(&self->schema, cf_bytes_of_text("town"));
    cf_id town = cf_record_ids_product.natural(NULL, table, made_text("berlin", &self->arena));

    cf_state_forget_item(self->world.state, &town);
}

/* B's house waits for its town, of which nothing is known. A names that town: B's house comes, and
 * it was first to have the key of A's. */
Test(record_pins, keep_a_row_in_its_place_when_another_comes_by_a_new_parent)
{
    source self;

    begin(&self);
    write_apart(&self, 'B', 10, "town berlin;house 1 mark=b town=berlin");
    write_apart(&self, 'A', 20, "house 1 mark=a");
    forget_town(&self);
    apply(&self);
    cr_assert_eq(cf_rows_count(self.base), 1);
    cf_row_diff made = scan(&self, 'A', 30, "house 1 mark=a;town berlin");
    cr_expect_eq(levels(&made), 1);
    end(&self);
}
