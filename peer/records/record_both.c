/* SPDX-License-Identifier: Apache-2.0 */
/* Which values stand beside the one that they were: of one entry of a set those that are shown and
 * say something else than the earliest. Where they are meant, each of them gets an entry named by
 * its value, with the first number that neither the row nor a value before has. */
#include "peer/records/record_both.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hash_table.h"
#include "peer/merge/fields.h"

typedef struct {
    const cf_row_view *view;
    const cf_state *state;
    cf_arena *arena;
    const cf_row *row;      /* under way */
    const cf_row_ref *refs; /* what it shows, by field and dot */
    size_t ref_count;
    cf_row_both *at;
    size_t count, capacity;
} finding;

static int by_field_and_dot(const void *left, const void *right)
{
    const cf_row_ref *a = left, *b = right;
    const int order = cf_bytes_compare(a->field, b->field);

    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

/* Whether the row under way shows this write. */
static bool is_shown(const finding *self, const cf_write *write)
{
    const cf_row_ref key = {.field = cf_state_field_name(self->state, write->field),
                            .dot = write->dot};

    return self->ref_count &&
           bsearch(&key, self->refs, self->ref_count, sizeof *self->refs, by_field_and_dot);
}

/* False: what the row shows can't be read. */
static bool know_shown(finding *self)
{
    const cf_row base = cf_row_view_agree(self->view, self->row, self->arena);
    cf_row_ref *refs = NULL;
    size_t count = 0, kept = 0;
    cf_error ignored;

    if (cf_row_refs_read(&base, self->arena, &refs, &count, &ignored))
        return false;
    for (size_t i = 0; i < count; i++)
        if (refs[i].standing == CF_WRITE_SHOWN)
            refs[kept++] = refs[i];
    if (kept)
        qsort(refs, kept, sizeof *refs, by_field_and_dot);
    self->refs = refs;
    self->ref_count = kept;
    return true;
}

static int by_time(const void *left, const void *right)
{
    const cf_write *a = left, *b = right;
    const int order = cf_time_compare(a->time, b->time);

    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

static int by_value(const void *left, const void *right)
{
    const cf_write *a = left, *b = right;
    const int order = cf_bytes_compare(a->value, b->value);

    return order ? order : by_time(left, right);
}

/* Keeps of each value the first write; returns how many are kept. */
static size_t drop_equal(cf_write *writes, size_t count)
{
    size_t kept = 0;

    qsort(writes, count, sizeof *writes, by_value);
    for (size_t i = 0; i < count; i++)
        if (!kept || !cf_bytes_equal(writes[kept - 1].value, writes[i].value))
            writes[kept++] = writes[i];
    qsort(writes, kept, sizeof *writes, by_time);
    return kept;
}

/* The writes of one entry: of those that are shown each other value is kept beside the first
 * one. */
static void find_in_entry(finding *self, cf_write *writes, size_t count)
{
    size_t shown = 0;

    for (size_t i = 0; i < count; i++)
        if (is_shown(self, &writes[i]))
            writes[shown++] = writes[i];
    if (shown)
        shown = drop_equal(writes, shown);
    for (size_t i = 1; i < shown; i++) {
        *cf_one_more(self->at, self->count, self->capacity) =
            (cf_row_both){.first = writes[0].value,
                          .other = {.row = self->row,
                                    .field = cf_state_field_name(self->state, writes[i].field),
                                    .value = writes[i].value,
                                    .dot = writes[i].dot,
                                    .time = writes[i].time}};
    }
}

/* The field of the state is an entry of a set: only there values stand side by side. */
static bool is_of_set(const cf_schema_table *table, cf_bytes field)
{
    cf_bytes name;

    return cf_schema_property(table, field, &name) == CF_MERGE_SET;
}

/* The values of the row that stand beside others. Which writes a row shows is asked for only where
 * two of one field of a set live. */
static void find_in_row(finding *self, const cf_row *row, const cf_schema_table *table)
{
    const cf_item *item = cf_state_item(self->state, &row->item);
    const size_t count = item ? cf_item_write_count(item) : 0;
    bool agreed = false;

    self->row = row;
    for (size_t from = 0, to; from < count; from = to) {
        const uint32_t field = cf_state_write(self->state, item, from).field;

        for (to = from + 1; to < count && cf_state_write(self->state, item, to).field == field;)
            to++;
        if (to - from < 2 || field < CF_FIELD_NUMBERS ||
            !is_of_set(table, cf_state_field_name(self->state, field)))
            continue;
        if (!agreed && !know_shown(self))
            return;
        agreed = true;
        cf_write *writes = cf_arena_allocate(self->arena, to - from, sizeof *writes);
        for (size_t i = from; i < to; i++)
            writes[i - from] = cf_state_write(self->state, item, i);
        find_in_entry(self, writes, to - from);
    }
}

static int by_item_and_field(const void *left, const void *right)
{
    const cf_row_conflict *a = &((const cf_row_both *)left)->other,
                          *b = &((const cf_row_both *)right)->other;
    int order = cf_id_compare(&a->row->item, &b->row->item);

    if (order == 0)
        order = cf_bytes_compare(a->field, b->field);
    if (order == 0)
        order = cf_time_compare(a->time, b->time);
    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

const cf_row_both *cf_row_both_kept(const cf_row_view *view, const cf_state *state,
                                    const cf_schema *schema, cf_arena *arena, size_t *count)
{
    finding self = {.view = view, .state = state, .arena = arena};

    for (size_t i = 0; cf_state_contested_count(state) && i < cf_row_view_count(view); i++) {
        const cf_row *row = cf_row_view_at(view, i);
        const cf_schema_table *table = cf_schema_find(schema, row->table);

        if (table)
            find_in_row(&self, row, table);
    }
    if (self.count)
        qsort(self.at, self.count, sizeof *self.at, by_item_and_field);
    cf_row_both *out = cf_arena_allocate(arena, self.count, sizeof *out);
    for (size_t i = 0; i < self.count; i++)
        out[i] = self.at[i];
    free(self.at);
    *count = self.count;
    return out;
}

/* ---- Each by itself ---- */

/* NAME of NAME/ENTRY. */
static cf_bytes set_of(cf_bytes field)
{
    const uint8_t *end = memrchr(field.data, '/', field.size);

    return cf_bytes_of(field.data, (size_t)(end - field.data));
}

/* An entry that one of the values has got. */
typedef struct {
    cf_hash_link link;
    cf_bytes field;
} given_entry;

typedef struct {
    const cf_state *state;
    const cf_record_ids *ids;
    cf_arena *arena;
    const cf_item *item;
    size_t at; /* of the writes of the item, which are ascending by field, as the values are */
    cf_hash_table given;
    given_entry *entries;
    size_t count;
} parting;

/* Whether a value before has got the entry. */
static bool is_given(const parting *self, cf_bytes field)
{
    cf_hash_link *link =
        self->count ? cf_hash_table_first(&self->given, cf_hash_bytes(0, field)) : NULL;

    while (link && !cf_bytes_equal(cf_container_of(link, given_entry, link)->field, field))
        link = cf_hash_table_next(link);
    return link != NULL;
}

static void give(parting *self, cf_bytes field)
{
    given_entry *entry = &self->entries[self->count++];

    entry->field = field;
    cf_hash_table_add(&self->given, &entry->link, cf_hash_bytes(0, field));
}

/* The entry that is named by the value, or the next one that no other value has. */
static cf_bytes entry_of(parting *self, const cf_row_both *both)
{
    const cf_bytes set = set_of(both->other.field);
    cf_bytes field = {0};

    for (uint64_t number = 0; !field.size; number++) {
        char name[CF_ENTRY_NAME_MAX];
        cf_buffer text = {0};

        self->ids->entry(self->ids->context, both->other.value, number, name);
        cf_buffer_append(&text, set.data, set.size);
        cf_buffer_append_text(&text, "/%s", name);
        if (!is_given(self, cf_buffer_view(&text)) &&
            !cf_state_knows_field(self->state, &both->other.row->item, cf_buffer_view(&text)))
            field = cf_arena_copy(self->arena, cf_buffer_view(&text));
        cf_buffer_release(&text);
    }
    give(self, field);
    return field;
}

static int by_field(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_change *)left)->field, ((const cf_change *)right)->field);
}

static int by_dot(const void *left, const void *right)
{
    return cf_dot_compare(left, right);
}

static int by_other_value(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

/* All writes of the values in their entry are replaced, by nothing. */
static cf_change take_out(parting *self, const cf_row_both *all, size_t count)
{
    const cf_bytes field = all[0].other.field;
    const size_t writes = cf_item_write_count(self->item);
    cf_bytes *values = cf_arena_allocate(self->arena, count, sizeof *values);
    cf_dot *over = NULL;
    size_t taken = 0, capacity = 0;

    for (size_t i = 0; i < count; i++)
        values[i] = all[i].other.value;
    qsort(values, count, sizeof *values, by_other_value);
    for (; self->at < writes; self->at++) {
        const cf_write write = cf_state_write(self->state, self->item, self->at);
        const int order = cf_bytes_compare(cf_state_field_name(self->state, write.field), field);

        if (order > 0 && write.field >= CF_FIELD_NUMBERS)
            break;
        if (order || !bsearch(&write.value, values, count, sizeof *values, by_other_value))
            continue;
        *cf_one_more(over, taken, capacity) = write.dot;
    }
    cf_dot *kept = cf_arena_allocate(self->arena, taken, sizeof *kept);
    if (taken) {
        memcpy(kept, over, taken * sizeof *kept);
        qsort(kept, taken, sizeof *kept, by_dot);
    }
    free(over);
    return (cf_change){.item = all[0].other.row->item,
                       .field = cf_arena_copy(self->arena, field),
                       .over = kept,
                       .over_count = taken};
}

size_t cf_row_both_part(const cf_row_both *all, size_t count, const cf_state *state,
                        const cf_record_ids *ids, cf_arena *arena, cf_change *out)
{
    parting self = {.state = state,
                    .ids = ids,
                    .arena = arena,
                    .item = count ? cf_state_item(state, &all[0].other.row->item) : NULL,
                    .entries = cf_arena_allocate(arena, count, sizeof *self.entries)};
    size_t made = 0;

    for (size_t from = 0, to; from < count; from = to) {
        to = from + 1;
        while (to < count && cf_bytes_equal(all[to].other.field, all[from].other.field))
            to++;
        out[made++] = take_out(&self, all + from, to - from);
        for (size_t i = from; i < to; i++)
            out[made++] = (cf_change){.item = all[i].other.row->item,
                                      .field = entry_of(&self, &all[i]),
                                      .value = cf_arena_copy(arena, all[i].other.value)};
    }
    if (made)
        qsort(out, made, sizeof *out, by_field);
    cf_hash_table_release(&self.given);
    return made;
}
