/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of three writers, forks among them, in whatever they say: the view and the bytes that are
 * stored are the same in any order of arrival, step by step and as a whole, saved and read again; a
 * name is shown once in a folder, and every folder hangs on the root. The input says what the
 * changes are. */
#include "tests/fuzz/target.h"

#include "codec/content.h"
#include "codec/item.h"
#include "codec/pack.h"
#include "peer/merge/view.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 48, CHANGES_MAX = 6, ITEMS = 9, WRITERS = 3, OVER_MAX = 6 };

typedef struct {
    cf_dot dot;
    cf_time time;
    cf_change changes[CHANGES_MAX];
    size_t count;
} written;

typedef struct {
    cf_arena arena;
    written entries[ENTRIES_MAX];
    size_t count;
    uint64_t sequences[WRITERS];
} diary;

static const char *const fields[] = {"/parent", "/name", "/content", "/mode", "/mtime",
                                     "/kind",   "/pin",  "",         "/other"};

static cf_id item_of(uint8_t number)
{
    static const char kinds[] = "ddddffffl";
    cf_id item = {{0}};

    if (number < ITEMS) {
        item.bytes[0] = (uint8_t)kinds[number];
        item.bytes[1] = number;
    }
    return item;
}

/* The dot of an entry before this one, or of one that never comes. */
static cf_dot pick_dot(const diary *self, fuzz_input *input)
{
    uint8_t byte = fuzz_byte(input);

    if (byte < 250 && self->count)
        return self->entries[byte % self->count].dot;
    return (cf_dot){fuzz_id('x'), 1, {byte}};
}

static cf_bytes keep(diary *self, cf_buffer *value)
{
    cf_bytes kept = cf_arena_copy(&self->arena, cf_buffer_view(value));

    cf_buffer_release(value);
    return kept;
}

static cf_bytes covers(diary *self, fuzz_input *input)
{
    cf_cover list[OVER_MAX];
    size_t count = fuzz_below(input, OVER_MAX);
    cf_buffer value = {0};
    cf_arena arena = {0};
    cf_cover *read;
    cf_error error;

    for (size_t i = 0; i < count; i++)
        list[i] = (cf_cover){cf_bytes_of_text(fields[fuzz_below(input, 7)]), pick_dot(self, input)};
    cf_covers_pack(&value, list, count);
    fuzz_must(!cf_covers_read(cf_buffer_view(&value), &arena, &read, &count, &error));
    cf_arena_release(&arena);
    return keep(self, &value);
}

static cf_bytes pin(diary *self, fuzz_input *input)
{
    static const char *const names[] = {"a", "b", "c.txt"};
    cf_buffer value = {0};
    cf_pin pin = {.parent = item_of(fuzz_below(input, ITEMS + 1)),
                  .name = cf_bytes_of_text(names[fuzz_below(input, 3)]),
                  .has_parent_dot = fuzz_byte(input) % 4,
                  .has_name_dot = fuzz_byte(input) % 4};

    if (pin.has_parent_dot)
        pin.parent_dot = pick_dot(self, input);
    if (pin.has_name_dot)
        pin.name_dot = pick_dot(self, input);
    cf_pin_pack(&value, &pin);
    return keep(self, &value);
}

static cf_bytes value_of(diary *self, const cf_id *item, const char *field, fuzz_input *input)
{
    static const char *const names[] = {"a", "b", "c.txt"};
    const uint8_t kind = item->bytes[0];
    cf_buffer value = {0};
    cf_hash hash;
    cf_id parent;

    if (!*field)
        return covers(self, input);
    if (strcmp(field, "/pin") == 0)
        return pin(self, input);
    if (strcmp(field, "/parent") == 0) {
        parent = item_of(fuzz_below(input, ITEMS + 1));
        cf_pack_bin(&value, cf_bytes_of(parent.bytes, sizeof parent.bytes));
    } else if (strcmp(field, "/name") == 0) {
        cf_pack_bin(&value, cf_bytes_of_text(names[fuzz_below(input, 3)]));
    } else if (strcmp(field, "/content") == 0) {
        hash = fuzz_hash(fuzz_below(input, 4));
        cf_content_identity_pack(&value, &hash, 5);
    } else if (strcmp(field, "/kind") == 0) {
        cf_pack_text(&value, cf_bytes_of(kind ? &kind : (const uint8_t *)"d", 1));
    } else {
        cf_pack_uint(&value, fuzz_below(input, 8));
    }
    return keep(self, &value);
}

static int compare_dots(const void *a, const void *b)
{
    return cf_dot_compare(a, b);
}

static void add_over(diary *self, cf_change *change, fuzz_input *input)
{
    cf_dot *over = cf_arena_allocate(&self->arena, OVER_MAX, sizeof *over);
    size_t count = fuzz_below(input, OVER_MAX), kept = 0;

    if (change->field.size == 0)
        return;
    for (size_t i = 0; i < count; i++)
        over[i] = pick_dot(self, input);
    qsort(over, count, sizeof *over, compare_dots);
    for (size_t i = 0; i < count; i++)
        if (!kept || !cf_dot_equal(&over[i], &over[kept - 1]))
            over[kept++] = over[i];
    change->over = over;
    change->over_count = kept;
}

static int compare_changes(const void *a, const void *b)
{
    const cf_change *x = a, *y = b;
    int order = cf_id_compare(&x->item, &y->item);

    return order ? order : cf_bytes_compare(x->field, y->field);
}

static void write_changes(diary *self, written *entry, fuzz_input *input)
{
    size_t count = 1 + fuzz_below(input, CHANGES_MAX), kept = 0;

    for (size_t i = 0; i < count; i++) {
        cf_change *change = &entry->changes[i];
        const char *field = fields[fuzz_below(input, sizeof fields / sizeof *fields)];

        *change = (cf_change){.item = item_of(fuzz_below(input, ITEMS)),
                              .field = cf_bytes_of_text(field),
                              .weak = *field && (fuzz_byte(input) % 4 == 0)};
        add_over(self, change, input);
        if (!change->over_count || fuzz_byte(input) % 8)
            change->value = value_of(self, &change->item, field, input);
    }
    qsort(entry->changes, count, sizeof *entry->changes, compare_changes);
    for (size_t i = 0; i < count; i++)
        if (!kept || compare_changes(&entry->changes[i], &entry->changes[kept - 1]) != 0)
            entry->changes[kept++] = entry->changes[i];
    entry->count = kept;
}

static void write_entry(diary *self, fuzz_input *input)
{
    written *entry = &self->entries[self->count];
    uint8_t writer = fuzz_below(input, WRITERS), fork = fuzz_byte(input);

    if (fork % 8 || !self->sequences[writer])
        self->sequences[writer]++;
    entry->dot =
        (cf_dot){fuzz_id((uint8_t)('A' + writer)), self->sequences[writer], {(uint8_t)self->count}};
    entry->time = (cf_time){fuzz_below(input, 16), fuzz_below(input, 2)};
    write_changes(self, entry, input);
    self->count++;
}

/* ---- What a state shows ---- */

typedef struct {
    cf_state *state;
    cf_view *view;
} shop;

static shop open_shop(const cf_rules *rules)
{
    shop made = {.state = cf_state_new()};

    made.view = cf_view_new(rules, made.state);
    return made;
}

static void close_shop(shop *self)
{
    cf_view_destroy(&self->view);
    cf_state_destroy(&self->state);
}

static void list_group(shop *self, const cf_group *group, cf_buffer *out, int depth);

static void list_below(shop *self, const cf_shown *shown, cf_buffer *out, int depth)
{
    cf_arena arena = {0};
    cf_group below;

    cf_view_group_of(self->view, &shown->items[0], &arena, &below);
    fuzz_must(below.visible);
    list_group(self, &below, out, depth + 1);
    cf_arena_release(&arena);
}

static void list_group(shop *self, const cf_group *group, cf_buffer *out, int depth)
{
    cf_arena arena = {0};
    const cf_shown *shown;
    cf_error error;
    size_t count;

    fuzz_must(depth <= ITEMS); /* else a folder is in itself */
    cf_view_list(self->view, group, &arena, &shown, &count);
    for (size_t i = 0; i < count; i++) {
        fuzz_must(!cf_name_check(shown[i].name, &error) && shown[i].item_count);
        fuzz_must(!i || cf_bytes_compare(shown[i - 1].name, shown[i].name) < 0);
        cf_buffer_append_text(out, "%d %c %.*s%s ", depth, shown[i].kind, (int)shown[i].name.size,
                              (const char *)shown[i].name.data, shown[i].conflict ? " copy" : "");
        cf_buffer_append(out, shown[i].content.data, shown[i].content.size);
        cf_buffer_append(out, shown[i].mode.data, shown[i].mode.size);
        cf_buffer_append(out, shown[i].mtime.data, shown[i].mtime.size);
        for (size_t k = 0; k < shown[i].item_count; k++)
            cf_buffer_append(out, shown[i].items[k].bytes, sizeof shown[i].items[k].bytes);
        if (shown[i].kind == CF_KIND_DIRECTORY)
            list_below(self, &shown[i], out, depth);
    }
    cf_arena_release(&arena);
}

static cf_buffer show(shop *self)
{
    cf_arena arena = {0};
    cf_buffer out = {0};
    cf_group root;

    cf_view_group_of(self->view, &cf_root_item, &arena, &root);
    list_group(self, &root, &out, 0);
    cf_arena_release(&arena);
    return out;
}

static void apply(shop *self, const written *entry, cf_ids *dirty)
{
    cf_state_apply(self->state, &entry->dot, entry->time, entry->changes, entry->count, dirty);
}

/* Records that remember only names are items without a write; all ids are known here. */
static void must_store(const shop *self, const shop *expected)
{
    cf_buffer records[2] = {{0}, {0}};

    for (uint8_t i = 0; i < ITEMS; i++) {
        cf_id item = item_of(i);

        cf_state_item_pack(self->state, &item, &records[0]);
        cf_state_item_pack(expected->state, &item, &records[1]);
        fuzz_must(cf_bytes_equal(cf_buffer_view(&records[0]), cf_buffer_view(&records[1])));
    }
    cf_buffer_release(&records[0]);
    cf_buffer_release(&records[1]);
}

/* The shop is closed. */
static void must_be(shop *self, const shop *expected, const cf_buffer *expected_shown)
{
    cf_view_update_all(self->view);
    cf_buffer shown = show(self);

    fuzz_must(cf_bytes_equal(cf_buffer_view(&shown), cf_buffer_view(expected_shown)));
    must_store(self, expected);
    cf_buffer_release(&shown);
    close_shop(self);
}

static void backwards(const diary *self, const cf_rules *rules, const shop *expected,
                      const cf_buffer *shown)
{
    shop other = open_shop(rules);

    for (size_t i = self->count; i-- > 0;)
        apply(&other, &self->entries[i], NULL);
    must_be(&other, expected, shown);
}

/* In steps of 5, 7, 9 and 11 around all of them. */
static void shuffled(const diary *self, const cf_rules *rules, const shop *expected,
                     const cf_buffer *shown)
{
    for (size_t step = 5; step <= 11; step += 2) {
        shop other = open_shop(rules);
        bool came[ENTRIES_MAX] = {false};

        for (size_t i = 0, at = 0; i < self->count; i++, at = (at + step) % self->count) {
            while (came[at])
                at = (at + 1) % self->count;
            came[at] = true;
            apply(&other, &self->entries[at], NULL);
        }
        must_be(&other, expected, shown);
    }
}

static void saved(const shop *from, const cf_rules *rules, const cf_buffer *shown)
{
    shop other = open_shop(rules);
    cf_buffer record = {0};
    cf_error error;

    for (uint8_t i = 0; i < ITEMS; i++) {
        cf_id item = item_of(i);

        cf_buffer_clear(&record);
        if (cf_state_item_pack(from->state, &item, &record))
            fuzz_must(!cf_state_item_read(other.state, &item, cf_buffer_view(&record), &error));
    }
    cf_buffer_release(&record);
    must_be(&other, from, shown);
}

static cf_id no_random_id(void *context, uint8_t kind)
{
    (void)context;
    return fuzz_id(kind);
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    uint32_t random = (uint32_t)number + 1;

    for (size_t i = 0; i < 200 + 50 * number; i++) {
        random = random * 1664525 + 1013904223; /* Numerical Recipes' generator */
        cf_buffer_append(out, &(uint8_t){(uint8_t)(random >> 24)}, 1);
    }
    return number < 12;
}

bool fuzz_run(cf_bytes bytes)
{
    fuzz_input input = {bytes};
    diary *self = cf_allocate(1, sizeof *self);
    cf_rules rules;
    cf_ids dirty = {0};
    cf_buffer shown = {0};

    cf_rules_product(&rules, NULL);
    rules.random_id = no_random_id;
    shop main = open_shop(&rules);
    while (input.rest.size && self->count < ENTRIES_MAX) {
        write_entry(self, &input);
        apply(&main, &self->entries[self->count - 1], &dirty);
        cf_view_update(main.view, dirty.at, dirty.count);
        dirty.count = 0;
        cf_buffer_release(&shown);
        shown = show(&main);
    }
    backwards(self, &rules, &main, &shown);
    shuffled(self, &rules, &main, &shown);
    saved(&main, &rules, &shown);
    close_shop(&main);
    cf_buffer_release(&shown);
    free(dirty.at);
    cf_arena_release(&self->arena);
    free(self);
    return true;
}
