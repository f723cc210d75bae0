/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/records/row_acts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/pack.h"
#include "tests/peer/records/made_row.h"

/* One source that is acted on. */
typedef struct {
    row_acting *acting;
    row_source *source;
    cf_arena *arena; /* the world's */
} row_hand;

/* ---- Rows ---- */

static bool is_table(const cf_row *row, const char *table)
{
    return cf_bytes_equal(row->table, cf_bytes_of_text(table));
}

static cf_row *any_row(row_hand *hand, const char *table, const char *other)
{
    cf_row *found = NULL;
    uint64_t count = 0;

    for (size_t i = 0; i < hand->source->count; i++) {
        cf_row *row = &hand->source->disk[i];

        if ((is_table(row, table) || is_table(row, other)) &&
            chance_below(&hand->acting->chance, ++count) == 0)
            found = row;
    }
    return found;
}

static int64_t key_of(const cf_row *row)
{
    cf_reader reader = cf_reader_of(row->key);
    cf_error error;
    int64_t key = 0;

    return cf_read_int(&reader, &key, &error) == CF_OK ? key : 0;
}

static bool is_taken(const row_hand *hand, const char *table, int64_t key)
{
    for (size_t i = 0; i < hand->source->count; i++)
        if (is_table(&hand->source->disk[i], table) && key_of(&hand->source->disk[i]) == key)
            return true;
    return false;
}

/* As a database counts: above all others, or the first that is free. */
static int64_t next_key(row_hand *hand, const char *table)
{
    int64_t key = 0;

    if (chance_below(&hand->acting->chance, 4)) {
        for (size_t i = 0; i < hand->source->count; i++)
            if (is_table(&hand->source->disk[i], table) && key_of(&hand->source->disk[i]) > key)
                key = key_of(&hand->source->disk[i]);
        return key + 1;
    }
    for (key = 1; is_taken(hand, table, key); key++)
        continue;
    return key;
}

static const cf_bytes *one_value(row_hand *hand, cf_bytes value)
{
    cf_bytes *values = cf_arena_allocate(hand->arena, 1, sizeof *values);

    values[0] = value;
    return values;
}

static cf_bytes fresh(row_hand *hand, const char *letter)
{
    char text[32];

    snprintf(text, sizeof text, "%s%" PRIu64, letter, ++hand->acting->serial);
    return made_text(text, hand->arena);
}

/* In place of the field of this name. */
static void set_field(row_hand *hand, cf_row *row, const char *name, const cf_bytes *values,
                      size_t count)
{
    cf_row_field *fields = cf_arena_allocate(hand->arena, row->field_count + 1, sizeof *fields);
    cf_row_field own = {cf_bytes_of_text(name), values, count};
    size_t kept = 0, i = 0;

    for (; i < row->field_count && cf_bytes_compare(row->fields[i].name, own.name) < 0; i++)
        fields[kept++] = row->fields[i];
    fields[kept++] = own;
    for (; i < row->field_count; i++)
        if (!cf_bytes_equal(row->fields[i].name, own.name))
            fields[kept++] = row->fields[i];
    row->fields = fields;
    row->field_count = kept;
}

static void set(row_hand *hand, cf_row *row, const char *name, cf_bytes value)
{
    set_field(hand, row, name, one_value(hand, value), value.size > 0);
}

static bool holds(const row_hand *hand, const char *table, const char *field)
{
    return cf_format_holds(hand->source->format, cf_bytes_of_text(table), cf_bytes_of_text(field));
}

/* ---- Acts ---- */

static cf_row new_person(row_hand *hand, int64_t key)
{
    cf_row row = {.table = cf_bytes_of_text("person"), .key = made_int(key, hand->arena)};

    set(hand, &row, "/mark", fresh(hand, "M"));
    set(hand, &row, "/name", fresh(hand, "v"));
    return row;
}

static void person(row_hand *hand)
{
    row_disk_put(hand->source, new_person(hand, next_key(hand, "person")));
}

/* Two make it apart. */
static void same(row_hand *hand)
{
    cf_row row = {.table = cf_bytes_of_text("person")};

    row.key = made_int(next_key(hand, "person"), hand->arena);
    set(hand, &row, "/mark", made_text("same", hand->arena));
    set(hand, &row, "/name", made_text("same", hand->arena));
    row_disk_put(hand->source, row);
}

static void card(row_hand *hand)
{
    char key[8];
    cf_row row = {.table = cf_bytes_of_text("card")};

    snprintf(key, sizeof key, "u%" PRIu64, chance_below(&hand->acting->chance, 3));
    row.key = made_text(key, hand->arena);
    set(hand, &row, "/name", fresh(hand, "v"));
    if (!row_disk_find(hand->source, row.table, row.key))
        row_disk_put(hand->source, row);
}

static void phone(row_hand *hand)
{
    const cf_row *owner = any_row(hand, "person", "person");
    cf_row row = {.table = cf_bytes_of_text("phone")};

    if (!owner || !holds(hand, "phone", "/number"))
        return;
    row.key = made_int(next_key(hand, "phone"), hand->arena);
    set(hand, &row, "/mark", fresh(hand, "M"));
    set(hand, &row, "/person", owner->key);
    set(hand, &row, "/number", fresh(hand, "v"));
    const cf_row_field *email = cf_row_field_named(owner, cf_bytes_of_text("/email"));
    if (email)
        set(hand, &row, "/mail", email->values[0]);
    row_disk_put(hand->source, row);
}

static void edit(row_hand *hand)
{
    cf_row *row = any_row(hand, "person", "card");

    if (row)
        set(hand, row, "/name", fresh(hand, "v"));
}

static void clear(row_hand *hand)
{
    cf_row *row = any_row(hand, "card", "card");

    if (row)
        set(hand, row, "/name", (cf_bytes){0});
}

/* Of a set: adds a value, takes one away, changes one, or turns the order. */
static void tel(row_hand *hand)
{
    cf_row *row = any_row(hand, "person", "card");
    char table[16] = "";

    if (!row)
        return;
    snprintf(table, sizeof table, "%.*s", (int)row->table.size, (const char *)row->table.data);
    if (!holds(hand, table, "/tel"))
        return;
    const cf_row_field *old = cf_row_field_named(row, cf_bytes_of_text("/tel"));
    size_t count = old ? old->count : 0, kept = 0;
    cf_bytes *values = cf_arena_allocate(hand->arena, count + 1, sizeof *values);
    uint64_t what = chance_below(&hand->acting->chance, 4),
             which = chance_below(&hand->acting->chance, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (what == 3)
            values[count - 1 - kept++] = old->values[i];
        else if (i != which || what == 0)
            values[kept++] = old->values[i];
        else if (what == 1)
            values[kept++] = fresh(hand, "v");
    }
    if (what == 0 && (count == 0 || hand->source->format->whole))
        values[kept++] = fresh(hand, "v");
    set_field(hand, row, "/tel", values, kept);
}

static void email(row_hand *hand)
{
    cf_row *row = any_row(hand, "person", "person");
    char text[8];

    snprintf(text, sizeof text, "e%" PRIu64, chance_below(&hand->acting->chance, 3));
    cf_bytes value = made_text(text, hand->arena);
    for (size_t i = 0; i < hand->source->count; i++) {
        const cf_row_field *field =
            cf_row_field_named(&hand->source->disk[i], cf_bytes_of_text("/email"));

        if (field && cf_bytes_equal(field->values[0], value))
            return;
    }
    if (row)
        set(hand, row, "/email", value);
}

static bool refers_to(const cf_row *row, cf_bytes key)
{
    const cf_row_field *field = cf_row_field_named(row, cf_bytes_of_text("/person"));

    return field && cf_bytes_equal(field->values[0], key);
}

/* With its telephones, unless they shall dangle. */
static void remove_row(row_hand *hand, const cf_row *row, bool alone)
{
    cf_bytes table = row->table, key = row->key;
    bool is_person = is_table(row, "person");

    for (size_t i = hand->source->count; is_person && !alone && i-- > 0;) {
        const cf_row *child = &hand->source->disk[i];

        if (refers_to(child, key))
            row_disk_drop(hand->source, child->table, child->key);
    }
    row_disk_drop(hand->source, table, key);
}

static void delete (row_hand *hand)
{
    if (hand->source->count)
        remove_row(hand,
                   &hand->source->disk[chance_below(&hand->acting->chance, hand->source->count)],
                   false);
}

static void dangle(row_hand *hand)
{
    const cf_row *row = any_row(hand, "person", "person");

    if (row)
        remove_row(hand, row, true);
}

static void rekey(row_hand *hand)
{
    const cf_row *row = any_row(hand, "person", "person");

    if (!row)
        return;
    cf_row moved = *row;
    moved.key = made_int(next_key(hand, "person") + (int64_t)chance_below(&hand->acting->chance, 3),
                         hand->arena);
    if (row_disk_find(hand->source, moved.table, moved.key))
        return;
    cf_bytes old = row->key;
    row_disk_drop(hand->source, moved.table, old);
    row_disk_put(hand->source, moved);
    for (size_t i = 0; i < hand->source->count; i++)
        if (refers_to(&hand->source->disk[i], old))
            set(hand, &hand->source->disk[i], "/person", moved.key);
}

static void reuse(row_hand *hand)
{
    const cf_row *row = any_row(hand, "person", "person");

    if (!row)
        return;
    int64_t key = key_of(row);
    remove_row(hand, row, false);
    row_disk_put(hand->source, new_person(hand, key));
}

/* INSERT OR REPLACE: a new row takes over a unique value. */
static void swap(row_hand *hand)
{
    const cf_row *row = any_row(hand, "person", "person");

    if (!row)
        return;
    const cf_row_field *old = cf_row_field_named(row, cf_bytes_of_text("/email"));
    cf_row made = new_person(hand, next_key(hand, "person"));
    if (old)
        set(hand, &made, "/email", old->values[0]);
    remove_row(hand, row, false);
    row_disk_put(hand->source, made);
}

static void touch(row_hand *hand, const char *field, const char *letter)
{
    cf_row *row = any_row(hand, "person", "card");
    char table[16] = "";

    if (row)
        snprintf(table, sizeof table, "%.*s", (int)row->table.size, (const char *)row->table.data);
    if (row && holds(hand, table, field))
        set(hand, row, field, fresh(hand, letter));
}

static void rev(row_hand *hand)
{
    touch(hand, "/rev", "rev");
}

static void seen(row_hand *hand)
{
    touch(hand, "/seen", "seen");
}

static void reparent(row_hand *hand)
{
    cf_row *child = any_row(hand, "phone", "phone");
    const cf_row *parent = any_row(hand, "person", "person");

    if (child && parent)
        set(hand, child, "/person", parent->key);
}

/* Refers to a person by the e-mail address, or to none any more. */
static void mail(row_hand *hand)
{
    cf_row *child = any_row(hand, "phone", "phone");
    const cf_row *parent = any_row(hand, "person", "person");
    const cf_row_field *email =
        parent ? cf_row_field_named(parent, cf_bytes_of_text("/email")) : NULL;

    if (child)
        set(hand, child, "/mail", email ? email->values[0] : (cf_bytes){0});
}

static const struct {
    const char *name;
    void (*act)(row_hand *hand);
} acts[] = {
    {"person", person}, {"person", person}, {"phone", phone},       {"phone", phone},
    {"card", card},     {"card", card},     {"edit", edit},         {"edit", edit},
    {"edit", edit},     {"tel", tel},       {"tel", tel},           {"tel", tel},
    {"email", email},   {"clear", clear},   {"delete", delete},     {"delete", delete},
    {"rekey", rekey},   {"reuse", reuse},   {"swap", swap},         {"rev", rev},
    {"seen", seen},     {"same", same},     {"reparent", reparent}, {"dangle", dangle},
    {"mail", mail},     {"mail", mail},     {"email", email},
};

void row_act(row_acting *acting, row_device *device)
{
    row_hand hand = {acting, &device->sources[chance_below(&acting->chance, device->source_count)],
                     &acting->world->arena};
    size_t which = chance_below(&acting->chance, sizeof acts / sizeof *acts);

    if (acting->tracing)
        fprintf(stderr, "%c %s\n", device->name, acts[which].name);
    acts[which].act(&hand);
}
