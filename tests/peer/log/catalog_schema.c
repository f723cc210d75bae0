/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a collection, as it travels in the catalog. */
#include "peer/log/catalog_schema.h"

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/adapters/record_format.h"
#include "peer/log/catalog_forgotten.h"
#include "tests/peer/records/made_schema.h"
#include "tests/peer/log/ann.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With a collection of that schema. */
static ann *make_people(const char *schema)
{
    ann *self = make_ann();

    cf_schema first = made_schema(schema, &self->arena);
    const cf_catalog_new new = {"people", CF_FORMAT_CSV, *schema ? &first : NULL};
    expect_ok(cf_catalog_make(self->peer, &new, ++self->now_ms, &self->collection, &self->error),
              self->error);
    return self;
}

static void write_schema(ann *self, const char *words)
{
    cf_schema schema = made_schema(words, &self->arena);

    expect_ok(cf_catalog_write_schema(self->peer, &self->collection, &schema, ++self->now_ms,
                                      &self->error),
              self->error);
}

/* As another device would, which has seen nothing of what is there. */
static void write_apart(ann *self, const char *field, cf_bytes value)
{
    cf_id item = cf_catalog_item(CF_CATALOG_COLLECTION, self->collection.bytes);
    cf_change change = {.item = item, .field = cf_bytes_of_text(field), .value = value};
    cf_collection *catalog;

    expect_ok(cf_catalog_open(self->peer, &catalog, &self->error), self->error);
    expect_ok(
        cf_peer_publish_changes(self->peer, catalog, &change, 1, ++self->now_ms, &self->error),
        self->error);
}

static void write_table_apart(ann *self, const char *field, const char *words)
{
    cf_schema_table table = made_table(words, &self->arena);
    cf_buffer value = {0};

    cf_schema_table_pack(&value, &table);
    write_apart(self, field, cf_buffer_view(&value));
    cf_buffer_release(&value);
}

static void expect_schema(ann *self, const char *words)
{
    cf_schema expected = made_schema(words, &self->arena), found;
    size_t known = 0;

    cf_peer_close(&self->peer);
    expect_ok(cf_peer_open(&self->env, self->home, &self->peer, &self->error), self->error);
    expect_ok(cf_catalog_schema(self->peer, &self->collection, &self->arena, &found, &self->error),
              self->error);
    for (size_t i = 0; i < found.count; i++) {
        const cf_schema_table *wanted = cf_schema_find(&expected, found.tables[i].name);

        cr_assert(i == 0 || cf_bytes_compare(found.tables[i - 1].name, found.tables[i].name) < 0);
        known += !wanted;
        cr_assert(!wanted || cf_schema_table_equal(wanted, &found.tables[i]), "%.*s is not in %s",
                  (int)found.tables[i].name.size, (const char *)found.tables[i].name.data, words);
    }
    cr_assert_eq(found.count - known, expected.count, "%s", words);
    cr_assert_eq(known, 5, "contacts, document, events, records, tasks");
}

/* Rises with each entry of the catalog. */
static uint64_t entries(ann *self)
{
    cf_collection *catalog;

    expect_ok(cf_catalog_open(self->peer, &catalog, &self->error), self->error);
    return catalog->changes;
}

Test(catalog_schema, is_that_of_texts_unless_another_is_said)
{
    ann *self = make_people("");
    cf_schema found;

    expect_schema(self, "");
    expect_ok(cf_catalog_schema(self->peer, &self->collection, &self->arena, &found, &self->error),
              self->error);
    cr_expect_not(cf_schema_find(&found, cf_bytes_of_text(CF_TABLE_RECORDS))->serial);
    cr_expect_eq(cf_schema_find(&found, cf_bytes_of_text(CF_TABLE_CONTACTS))->kind,
                 CF_KIND_CONTACT);
    end_ann(self);
}

Test(catalog_schema, begins_with_its_collection)
{
    ann *self = make_people("p # /a>q =/a;q");

    expect_schema(self, "p # /a>q =/a;q");
    end_ann(self);
}

Test(catalog_schema, is_published_only_where_it_changes)
{
    ann *self = make_people("p #;q");
    uint64_t before = entries(self);

    write_schema(self, "q;p #");
    cr_expect_eq(entries(self), before);
    write_schema(self, "p # /a>q;r");
    cr_expect_eq(entries(self), before + 1);
    expect_schema(self, "p # /a>q;q;r");
    end_ann(self);
}

Test(catalog_schema, has_what_devices_wrote_apart)
{
    ann *self = make_people("p =/a !/b");

    write_table_apart(self, "/schema/q", "q /a~");
    write_table_apart(self, "/schema/p", "p =/a /c~");
    expect_schema(self, "p =/a /c~;q /a~");
    write_schema(self, "p !/b");
    expect_schema(self, "p !/b;q /a~");
    end_ann(self);
}

Test(catalog_schema, takes_a_table_of_any_name)
{
    ann *self = make_people("a/b~c #");

    expect_schema(self, "a/b~c #");
    write_schema(self, "a/b~c");
    expect_schema(self, "a/b~c");
    end_ann(self);
}

/* It stands for no table elsewhere, and keeps none of the others out. */
Test(catalog_schema, leaves_out_a_table_whose_name_no_field_can_have)
{
    char words[1100] = "p #;";
    ann *self = make_people("q");

    memset(words + 4, 't', 1050);
    write_schema(self, words);
    expect_schema(self, "p #;q");
    end_ann(self);
}

Test(catalog_schema, leaves_out_what_is_damaged)
{
    ann *self = make_people("p #");

    write_apart(self, "/schema/p", cf_bytes_of("\xc0", 1));
    write_table_apart(self, "/schema/p", "other");
    expect_schema(self, "p #");
    end_ann(self);
}

Test(catalog_schema, waits_for_a_newer_program)
{
    static const uint8_t newer[] = {0x99, 0xa1, 'p',  0xa1, 'r',  0xc2,
                                    0x90, 0x90, 0x90, 0xc0, 0xc0, 0xc0};
    ann *self = make_people("p #");
    uint64_t before;
    cf_schema found, mine = made_schema("q", &self->arena);

    write_apart(self, "/schema/p", cf_bytes_of(newer, sizeof newer));
    before = entries(self);
    expect_fails(
        cf_catalog_schema(self->peer, &self->collection, &self->arena, &found, &self->error),
        CF_DENIED);
    cr_expect(strstr(self->error.text, "people"), "%s", self->error.text);
    expect_fails(
        cf_catalog_write_schema(self->peer, &self->collection, &mine, ++self->now_ms, &self->error),
        CF_DENIED);
    cr_expect_eq(entries(self), before, "it is kept");
    end_ann(self);
}

Test(catalog_schema, begins_anew_with_a_collection_that_was_deleted)
{
    ann *self = make_people("p #");
    const cf_catalog_new again = {.name = "people", .format = CF_FORMAT_CSV};

    expect_ok(cf_catalog_delete(self->peer, &self->collection, ++self->now_ms, &self->error),
              self->error);
    expect_schema(self, "p #");
    expect_ok(cf_catalog_make(self->peer, &again, ++self->now_ms, &self->collection, &self->error),
              self->error);
    expect_schema(self, "");
    end_ann(self);
}

/* ---- Layouts ---- */

static void write_layout(ann *self, const char *text)
{
    cf_buffer value = {0};

    cf_pack_text(&value, cf_bytes_of_text(text));
    expect_ok(cf_catalog_write_layout(self->peer, &self->collection, CF_FORMAT_CSV,
                                      cf_buffer_view(&value), ++self->now_ms, &self->error),
              self->error);
    cf_buffer_release(&value);
}

static void expect_layout(ann *self, const char *text)
{
    cf_buffer value = {0};
    cf_bytes told;

    cf_pack_text(&value, cf_bytes_of_text(text));
    expect_ok(cf_catalog_layout(self->peer, &self->collection, CF_FORMAT_CSV, &self->arena, &told,
                                &self->error),
              self->error);
    cr_expect(cf_bytes_equal(told, cf_buffer_view(&value)), "%s", text);
    cf_buffer_release(&value);
}

static size_t count_listed(ann *self)
{
    cf_catalog_collection *found;
    size_t count;

    expect_ok(cf_catalog_list(self->peer, &self->arena, &found, &count, &self->error), self->error);
    return count;
}

/* No act of a user: a source that tells a layout, while another device deletes the collection, does
 * not bring it back. */
Test(catalog_layout, lists_no_collection_that_was_deleted)
{
    ann *self = make_people("");
    cf_catalog_deletion deletion;
    cf_buffer value = {0};

    write_layout(self, "id;name");
    expect_layout(self, "id;name");
    cr_expect_eq(count_listed(self), 1);
    expect_ok(cf_catalog_delete(self->peer, &self->collection, ++self->now_ms, &self->error),
              self->error);
    cf_pack_text(&value, cf_bytes_of_text("name;id"));
    write_apart(self, "/layout/csv", cf_buffer_view(&value));
    write_layout(self, "name;id;born");
    cr_expect_eq(count_listed(self), 0);
    cr_expect(cf_catalog_deleted(self->peer, &self->collection, &deletion));
    cf_buffer_release(&value);
    end_ann(self);
}

/* ---- What nobody has any more ---- */

static cf_forgotten_place place(const char *table, const char *field)
{
    return (cf_forgotten_place){cf_bytes_of_text(table), cf_bytes_of_text(field)};
}

static void say(ann *self, const char *table, const char *field, bool is_forgotten)
{
    const cf_forgotten_word word = {place(table, field), is_forgotten};

    expect_ok(cf_catalog_write_forgotten(self->peer, &self->collection, &word, 1, ++self->now_ms,
                                         &self->error),
              self->error);
}

static cf_forgotten forgotten(ann *self)
{
    cf_forgotten found;

    expect_ok(
        cf_catalog_forgotten(self->peer, &self->collection, &self->arena, &found, &self->error),
        self->error);
    return found;
}

static bool is_forgotten(ann *self, const char *table, const char *field)
{
    cf_forgotten found = forgotten(self);

    return cf_forgotten_has(&found, cf_bytes_of_text(table), cf_bytes_of_text(field));
}

Test(catalog_forgotten, has_the_last_word_of_each_place)
{
    ann *self = make_people("");
    const cf_forgotten_word both[] = {{place("b", "/columns/x"), true}, {place("a/~", ""), true}};

    expect_ok(cf_catalog_write_forgotten(self->peer, &self->collection, both, 2, ++self->now_ms,
                                         &self->error),
              self->error);
    cr_expect(is_forgotten(self, "a/~", ""));
    cr_expect(is_forgotten(self, "b", "/columns/x"));
    cr_expect(!is_forgotten(self, "b", ""));
    cr_expect(!is_forgotten(self, "a/~", "/columns/x"));
    say(self, "b", "/columns/x", false);
    cr_expect(is_forgotten(self, "a/~", ""));
    cr_expect(!is_forgotten(self, "b", "/columns/x"));
    say(self, "b", "/columns/x", true);
    cr_expect(is_forgotten(self, "b", "/columns/x"));
    end_ann(self);
}

Test(catalog_forgotten, goes_by_the_latest_of_two_words)
{
    ann *self = make_people("");
    static const uint8_t yes = 0xc3, no = 0xc2;

    write_apart(self, "/forgotten/a", cf_bytes_of(&no, 1));
    write_apart(self, "/forgotten/a", cf_bytes_of(&yes, 1));
    write_apart(self, "/forgotten/b", cf_bytes_of(&yes, 1));
    write_apart(self, "/forgotten/b", cf_bytes_of(&no, 1));
    cr_expect(is_forgotten(self, "a", ""));
    cr_expect(!is_forgotten(self, "b", ""));
    end_ann(self);
}

Test(catalog_forgotten, leaves_out_what_says_nothing)
{
    ann *self = make_people("");
    static const uint8_t yes = 0xc3, one = 0x01;
    char name[CF_FIELD_MAX];

    write_apart(self, "/forgotten", cf_bytes_of(&yes, 1));
    write_apart(self, "/forgottenly/a", cf_bytes_of(&yes, 1));
    write_apart(self, "/forgotten/a", cf_bytes_of(&one, 1));
    cr_expect_eq(forgotten(self).count, 0);
    const uint64_t before = entries(self);
    memset(name, 't', sizeof name);
    name[sizeof name - sizeof "/forgotten/" + 1] = '\0';
    say(self, name, "", true);
    cr_expect_eq(forgotten(self).count, 1);
    name[strlen(name)] = 't';
    name[sizeof name - 1] = '\0';
    say(self, name, "", true);
    cr_expect_eq(forgotten(self).count, 1);
    cr_expect_eq(entries(self), before + 1, "no entry of nothing");
    end_ann(self);
}

Test(catalog_forgotten, has_no_more_places_than_there_may_be)
{
    ann *self = make_people("");
    cf_forgotten_word *words = cf_allocate(CF_FORGOTTEN_MAX + 1, sizeof *words);

    for (size_t i = 0; i <= CF_FORGOTTEN_MAX; i++) {
        char *name = cf_arena_allocate(&self->arena, 8, 1);

        snprintf(name, 8, "t%zu", i);
        words[i] = (cf_forgotten_word){place(name, ""), true};
    }
    expect_ok(cf_catalog_write_forgotten(self->peer, &self->collection, words, CF_FORGOTTEN_MAX,
                                         ++self->now_ms, &self->error),
              self->error);
    cr_expect_eq(forgotten(self).count, CF_FORGOTTEN_MAX);
    expect_ok(cf_catalog_write_forgotten(self->peer, &self->collection, words + CF_FORGOTTEN_MAX, 1,
                                         ++self->now_ms, &self->error),
              self->error);
    cr_expect_eq(forgotten(self).count, CF_FORGOTTEN_MAX);
    free(words);
    end_ann(self);
}
