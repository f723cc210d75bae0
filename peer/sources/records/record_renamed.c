/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/record_renamed.h"

#include "codec/pack.h"
#include "peer/adapters/json_value.h"
#include "peer/records/row_index.h"

#include <string.h>

/* ---- Kept in the home ---- */

static cf_bytes key_of(const cf_binding *binding, cf_arena *arena)
{
    return cf_key_source(arena, CF_TABLE_RENAMED, binding->number);
}

static cf_status read_columns(cf_bytes kept, cf_arena *arena, cf_renamed_columns *out,
                              cf_error *error)
{
    cf_reader reader = cf_reader_of(kept);
    size_t count = 0;

    cf_status status = cf_read_array(&reader, &count, error);
    if (status)
        return status;
    cf_renamed_column *at = cf_arena_allocate(arena, count, sizeof *at);
    for (size_t i = 0; !status && i < count; i++) {
        status = cf_read_array_of(&reader, 2, error);
        if (!status)
            status = cf_read_text(&reader, &at[i].name, error);
        if (!status)
            status = cf_read_text(&reader, &at[i].before, error);
    }
    *out = (cf_renamed_columns){at, status ? 0 : count};
    return status;
}

cf_status cf_renamed_load(const cf_binding *binding, cf_peer *peer, cf_arena *arena,
                          cf_renamed_columns *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_buffer kept = {0};

    *out = (cf_renamed_columns){0};
    cf_status status = store->get(store, cf_peer_user(peer), key_of(binding, arena), &kept, error);
    if (!status)
        status = read_columns(cf_arena_copy(arena, cf_buffer_view(&kept)), arena, out, error);
    cf_buffer_release(&kept);
    return status == CF_MISSING     ? CF_OK
           : status == CF_MALFORMED ? error->status = CF_BROKEN
                                    : status;
}

void cf_renamed_save(const cf_binding *binding, const cf_renamed_columns *columns, cf_arena *arena,
                     cf_records *records)
{
    cf_buffer kept = {0};

    cf_pack_array(&kept, columns->count);
    for (size_t i = 0; i < columns->count; i++) {
        cf_pack_array(&kept, 2);
        cf_pack_text(&kept, columns->at[i].name);
        cf_pack_text(&kept, columns->at[i].before);
    }
    cf_records_put(records, key_of(binding, arena), cf_buffer_view(&kept));
    cf_buffer_release(&kept);
}

bool cf_renamed_is_same(const cf_row_format *format, const cf_row_format *had)
{
    for (size_t i = 0; i < had->count; i++)
        for (size_t k = 0; k < had->tables[i].field_count; k++)
            if (!cf_format_holds(format, had->tables[i].name, had->tables[i].fields[k].name))
                return false;
    return true;
}

/* ---- Whether a field was ever said ---- */

typedef struct {
    const cf_state *state;
    cf_bytes field;
    bool is_found;
} usage;

static void look_for(void *context, const cf_id *id)
{
    usage *self = context;
    const cf_item *item = self->is_found ? NULL : cf_state_item(self->state, id);

    for (size_t i = 0; item && i < cf_item_write_count(item) && !self->is_found; i++)
        self->is_found = cf_bytes_equal(
            cf_state_field_name(self->state, cf_state_write(self->state, item, i).field),
            self->field);
}

static bool is_used(const cf_state *state, cf_bytes field)
{
    usage self = {.state = state, .field = field};

    cf_state_each(state, look_for, &self);
    return self.is_found;
}

/* ---- Which is which ---- */

/* The file's row of a row of the base, whose key may be a number there and a text here. */
static const cf_row *row_here(const cf_row_index *here, const cf_row *base)
{
    const cf_row *row = cf_row_index_find(here, base->table, base->key);
    cf_buffer text = {0}, key = {0};

    if (row)
        return row;
    cf_value_text(base->key, &text);
    cf_pack_text(&key, cf_buffer_view(&text));
    row = cf_row_index_find(here, base->table, cf_buffer_view(&key));
    cf_buffer_release(&text);
    cf_buffer_release(&key);
    return row;
}

static void append_text(const cf_row *row, cf_bytes field, cf_buffer *out)
{
    const cf_row_field *found = cf_row_field_named(row, field);

    cf_buffer_clear(out);
    if (found)
        cf_value_text(found->values[0], out);
}

/* Every row of the base is here and says under `name` what it said under `before`, and any says
 * something. */
static bool says_the_same(const cf_renaming *self, const cf_row_index *here, cf_bytes table,
                          cf_bytes before, cf_bytes name)
{
    cf_buffer was = {0}, is = {0};
    bool same = true, any = false;

    for (const cf_row *base = NULL; same && (base = cf_rows_next(self->binding->rows, base));) {
        if (!cf_bytes_equal(base->table, table))
            continue;
        const cf_row *row = row_here(here, base);
        same = row != NULL;
        if (!same)
            break;
        append_text(base, before, &was);
        append_text(row, name, &is);
        same = cf_bytes_equal(cf_buffer_view(&was), cf_buffer_view(&is));
        any |= was.size > 0;
    }
    cf_buffer_release(&was);
    cf_buffer_release(&is);
    return same && any;
}

/* The one column that says what `before` said; nothing: there is none, or one of two. */
static cf_bytes name_of(const cf_renaming *self, const cf_row_index *here,
                        const cf_format_table *now, cf_bytes before)
{
    cf_bytes found = {0};

    for (size_t i = 0; i < now->field_count; i++) {
        cf_bytes name = now->fields[i].name;

        if (cf_format_holds(self->had, now->name, name) ||
            !says_the_same(self, here, now->name, before, name))
            continue;
        if (found.size)
            return (cf_bytes){0};
        found = name;
    }
    return found.size && !is_used(self->state, found) ? found : (cf_bytes){0};
}

static void add(cf_renamed_columns *columns, cf_bytes name, cf_bytes before, cf_arena *arena)
{
    cf_renamed_column *at = cf_arena_allocate(arena, columns->count + 1, sizeof *at);

    if (columns->count)
        memcpy(at, columns->at, columns->count * sizeof *at);
    if (!cf_column_name(name, arena, &at[columns->count].name) ||
        !cf_column_name(before, arena, &at[columns->count].before))
        return;
    columns->at = at;
    columns->count++;
}

static const cf_format_table *table_of(const cf_row_format *format, cf_bytes name)
{
    for (size_t i = 0; i < format->count; i++)
        if (cf_bytes_equal(format->tables[i].name, name))
            return &format->tables[i];
    return NULL;
}

/* Two columns that said the same have one name between them: nobody knows whose. */
static bool is_taken(const cf_renamed_columns *columns, size_t from, cf_bytes name, cf_arena *arena)
{
    cf_bytes plain;

    if (!cf_column_name(name, arena, &plain))
        return true;
    for (size_t i = from; i < columns->count; i++)
        if (cf_bytes_equal(columns->at[i].name, plain))
            return true;
    return false;
}

bool cf_renamed_find(const cf_renaming *self, cf_arena *arena, cf_renamed_columns *columns)
{
    const size_t known = columns->count;
    cf_row_index here = {0};
    bool is_indexed = false;

    for (size_t i = 0; i < self->had->count; i++) {
        const cf_format_table *had = &self->had->tables[i],
                              *now = table_of(self->format, had->name);

        for (size_t k = 0; now && !had->whole && !now->whole && k < had->field_count; k++) {
            cf_bytes before = had->fields[k].name;

            if (cf_format_holds(self->format, had->name, before))
                continue;
            if (!is_indexed)
                here = cf_row_index_of(self->file->rows, self->file->count);
            is_indexed = true;
            cf_bytes name = name_of(self, &here, now, before);
            if (name.size && !is_taken(columns, known, name, arena))
                add(columns, name, before, arena);
        }
    }
    cf_row_index_release(&here);
    return columns->count > known;
}
