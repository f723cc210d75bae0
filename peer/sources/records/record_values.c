/* SPDX-License-Identifier: Apache-2.0 */
/* By which content a long value is known: its terse form, unless the plain one is known first, to
 * the base's row, any row of the base, the view's row or the log, in this order. A row can't be
 * synced whose value is too large or looks like an identity, or that has more values than an item
 * may show. */
#include "peer/sources/records/record_values_files.h"

#include "codec/content.h"
#include "codec/limits.h"
#include "codec/terse.h"

#include <stdio.h>
#include <stdlib.h>

static const cf_id record = {{CF_KIND_RECORD}};

void cf_row_identities(const cf_row *row, cf_identity_visit *visit, void *context)
{
    for (size_t i = 0; i < row->field_count; i++)
        for (size_t k = 0; k < row->fields[i].count; k++)
            if (cf_item_has_content(&record, row->fields[i].name, row->fields[i].values[k]))
                visit(context, row->fields[i].name, row->fields[i].values[k]);
}

/* ---- What the base shows ---- */

static void show(void *context, cf_bytes field, cf_bytes identity)
{
    cf_record_value *one = cf_record_values_of(context, identity);

    (void)field;
    if (one)
        one->is_shown = true;
}

/* Which values the base shows. */
static void show_base(cf_record_values *self)
{
    const cf_rows *base = self->binding->rows;

    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        cf_row_identities(row, show, self);
}

cf_record_values *cf_record_values_new(cf_source_context *context, cf_binding *binding)
{
    cf_record_values *values = cf_allocate(1, sizeof *values);

    values->context = context;
    values->binding = binding;
    show_base(values);
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&values->table, link));)
        cf_value_file_find(values, cf_container_of(link, cf_record_value, link));
    return values;
}

static void forget(cf_record_values *self, cf_record_value *one)
{
    cf_value_file_drop(self, one);
    cf_hash_table_remove(&self->table, &one->link);
    free(one);
}

void cf_record_values_destroy(cf_record_values **values)
{
    if (!*values)
        return;
    for (cf_hash_link *link; (link = cf_hash_table_walk(&(*values)->table, NULL));)
        forget(*values, cf_container_of(link, cf_record_value, link));
    cf_hash_table_release(&(*values)->table);
    free(*values);
    *values = NULL;
}

void cf_record_values_refill(cf_record_values *values)
{
    cf_error ignored;

    if (values->binding->base == CF_BASE_LEAVES)
        return;
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&values->table, link));) {
        cf_record_value *one = cf_container_of(link, cf_record_value, link);

        if (one->is_shown && one->value.size && !one->node && !cf_record_value_is_small(one))
            cf_value_file_write(values, one, &ignored);
    }
}

void cf_record_values_end(cf_record_values *values)
{
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&values->table, link));) {
        cf_record_value *one = cf_container_of(link, cf_record_value, link);

        /* What the medium shows and the base doesn't yet is on its way out. */
        one->is_shown = one->value.size > 0;
        one->value = (cf_bytes){0};
    }
    if (values->table.count)
        show_base(values);
    for (cf_hash_link *link = cf_hash_table_walk(&values->table, NULL), *next; link; link = next) {
        cf_record_value *one = cf_container_of(link, cf_record_value, link);

        next = cf_hash_table_walk(&values->table, link);
        if (!one->is_shown && !one->was_asked && !one->is_asked)
            forget(values, one);
    }
}

/* ---- Reducing ---- */

static const char TOO_LARGE[] = "a value of it is too large: more than 32 MiB";

/* The value can't be synced: too large, or as it is it looks like an identity. */
static bool is_odd(cf_bytes name, cf_bytes value)
{
    return value.size > CF_RECORD_VALUE_MAX || cf_item_has_content(&record, name, value);
}

/* How many values a row may have so that its item is still shown. */
static uint64_t most_values(const cf_values_look *look)
{
    uint64_t writes = look->peer ? look->peer->env->item_writes : 0;

    return (writes ? writes : CF_ITEM_WRITES_MAX) - CF_ROW_OWN_WRITES;
}

static const char *text_of_most(uint64_t most, cf_arena *arena)
{
    char text[96];

    snprintf(text, sizeof text, "it has more than %llu values: split it", (unsigned long long)most);
    return cf_arena_text(arena, cf_bytes_of_text(text));
}

/* Whether a value of the row is long, or the row is odd: `odd` is why the row can't be synced, or
 * NULL. */
static bool is_long(const cf_row *row, uint64_t most, cf_arena *arena, const char **odd)
{
    bool found = false;
    uint64_t count = 0;

    *odd = NULL;
    for (size_t i = 0; i < row->field_count; i++) {
        count += row->fields[i].count;
        for (size_t k = 0; k < row->fields[i].count; k++) {
            found |= row->fields[i].values[k].size > CF_INLINE_MAX;
            if (is_odd(row->fields[i].name, row->fields[i].values[k]))
                *odd = TOO_LARGE;
        }
    }
    if (count > most)
        *odd = text_of_most(most, arena);
    return found || *odd;
}

/* An entry of the log has brought this content, whoever shows it. */
static bool is_in_log(const cf_values_look *look, const cf_hash *content)
{
    uint64_t depth, size;
    cf_error ignored;

    return cf_contents_find(look->peer->contents, look->collection, content, &depth, &size,
                            &ignored) == CF_OK;
}

/* A field of the medium. */
typedef struct {
    const cf_row *row;
    cf_bytes name;
} field_place;

/* Whether the row's field says this content. */
static bool is_named(const cf_row *row, cf_bytes field, const cf_record_value *one)
{
    const cf_row_field *found = row ? cf_row_field_named(row, field) : NULL;
    cf_buffer identity = {0};

    if (!found)
        return false;
    cf_content_identity_pack(&identity, &one->hash, one->size);
    bool named = cf_row_field_has(found, cf_buffer_view(&identity));
    cf_buffer_release(&identity);
    return named;
}

/* Who knows a form of a value: the base's row; any other row of the base (the row may have got
 * another key); the row of the view; the log. */
enum { IN_ROW, IN_BASE, IN_VIEW, IN_LOG, KNOWN_BY };

/* Whether the value is known as this content to who is asked (`by`). */
static bool is_known(const cf_values_look *look, const field_place *at, const cf_record_value *one,
                     int by)
{
    const cf_record_value *kept;

    switch (by) {
    case IN_ROW:
        return look->base &&
               is_named(cf_rows_find(look->base, at->row->table, at->row->key), at->name, one);
    case IN_BASE:
        kept = look->values ? cf_record_values_find(look->values, &one->hash) : NULL;
        return kept && kept->is_shown;
    case IN_VIEW:
        return look->view &&
               is_named(cf_row_view_find(look->view, at->row->table, at->row->key), at->name, one);
    default:
        return is_in_log(look, &one->hash);
    }
}

/* The content that the value is: its terse form, unless an older program has said the value by its
 * encoding. Whoever shows one of these forms stays with it, so that nothing changes which nobody
 * did. */
static cf_record_value content_of(const cf_values_look *look, const field_place *at, cf_bytes value)
{
    cf_buffer terse = {0};
    cf_record_value one = {.value = value}, plain = one;

    one.is_terse = cf_terse_write(value, &terse);
    cf_bytes content = one.is_terse ? cf_buffer_view(&terse) : value;
    one.hash = cf_content_hash(content);
    one.size = content.size;
    cf_buffer_release(&terse);
    if (!one.is_terse || is_known(look, at, &one, IN_ROW))
        return one;
    plain.hash = cf_content_hash(value);
    plain.size = value.size;
    for (int by = IN_ROW; by < KNOWN_BY; by++) {
        if (is_known(look, at, &one, by))
            return one;
        if (is_known(look, at, &plain, by))
            return plain;
    }
    return one;
}

/* The identity of the value's content; where values are noted, the value is known by it from now
 * on. */
static cf_bytes identity_of(const cf_values_look *look, const field_place *at, cf_bytes value,
                            cf_arena *arena)
{
    cf_record_value found = content_of(look, at, value);
    cf_buffer identity = {0};

    if (look->values) {
        cf_record_value *one = cf_record_values_get(look->values, &found.hash, found.size);

        one->value = value;
        one->is_terse = found.is_terse;
    }
    cf_content_identity_pack(&identity, &found.hash, found.size);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&identity));
    cf_buffer_release(&identity);
    return copy;
}

static void reduce(const cf_values_look *look, cf_row *row, cf_arena *arena)
{
    cf_row_field *fields = cf_arena_allocate(arena, row->field_count, sizeof *fields);

    for (size_t i = 0; i < row->field_count; i++) {
        cf_bytes *values = cf_arena_allocate(arena, row->fields[i].count, sizeof *values);
        const field_place at = {row, row->fields[i].name};

        fields[i] = row->fields[i];
        for (size_t k = 0; k < fields[i].count; k++)
            values[k] = fields[i].values[k].size > CF_INLINE_MAX
                            ? identity_of(look, &at, fields[i].values[k], arena)
                            : fields[i].values[k];
        fields[i].values = values;
    }
    row->fields = fields;
}

void cf_record_values_reduce(const cf_values_look *look, cf_record_file *file, cf_arena *arena,
                             cf_rows_as_read *out)
{
    const uint64_t most = most_values(look);
    cf_row *as_read = NULL;

    *out = (cf_rows_as_read){.rows = file->rows};
    for (size_t i = 0; i < file->count; i++) {
        const char *odd;

        if (!is_long(&file->rows[i], most, arena, &odd))
            continue;
        if (!as_read) {
            out->rows = as_read = cf_arena_allocate(arena, file->count, sizeof *as_read);
            out->odd = cf_arena_allocate(arena, file->count, sizeof *out->odd);
            memcpy(as_read, file->rows, file->count * sizeof *as_read);
        }
        out->odd[i] = odd;
        if (!odd)
            reduce(look, &file->rows[i], arena);
    }
}
