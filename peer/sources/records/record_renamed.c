/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a new column is a missing one: it alone says in each of the base's rows, which are all
 * here, what that said, and nobody has ever written a field of its name. The former name is over
 * once the file has it again, unless the new one came back beside it: then nobody can tell them
 * apart. */
#include "peer/sources/records/record_renamed.h"

#include "codec/pack.h"
#include "peer/adapters/json_value.h"
#include "peer/records/row_index.h"

#include <stdlib.h>
#include <string.h>

/* ---- Kept in the home ---- */

static cf_bytes key_of(const cf_binding *binding, cf_arena *arena)
{
    return cf_key_source(arena, CF_TABLE_RENAMED, binding->number);
}

/* Leaves of each column its latest name: earlier programs kept each that it ever had. */
static size_t keep_latest(cf_renamed_column *at, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        size_t later = i + 1;

        while (later < count && !cf_bytes_equal(at[later].before, at[i].before))
            later++;
        if (later == count)
            at[kept++] = at[i];
    }
    return kept;
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
    *out = (cf_renamed_columns){at, status ? 0 : keep_latest(at, count)};
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
                     cf_kv_list *records)
{
    cf_buffer kept = {0};

    cf_pack_array(&kept, columns->count);
    for (size_t i = 0; i < columns->count; i++) {
        cf_pack_array(&kept, 2);
        cf_pack_text(&kept, columns->at[i].name);
        cf_pack_text(&kept, columns->at[i].before);
    }
    cf_kv_list_put(records, key_of(binding, arena), cf_buffer_view(&kept));
    cf_buffer_release(&kept);
}

bool cf_renamed_has_fields(const cf_row_format *had)
{
    bool has = false;

    for (size_t i = 0; i < had->count; i++)
        has |= had->tables[i].field_count > 0;
    return has;
}

static bool has_field(const cf_format_field *fields, size_t count, cf_bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(fields[i].name, name))
            return true;
    return false;
}

cf_row_format cf_renamed_made(const cf_rows *rows, cf_arena *arena)
{
    cf_format_field *fields = NULL;
    size_t count = 0, capacity = 0;

    for (const cf_row *row = NULL; (row = cf_rows_next(rows, row));)
        for (size_t i = 0; i < row->field_count; i++)
            if (cf_bytes_equal(row->table, cf_bytes_of_text(CF_TABLE_RECORDS)) &&
                row->fields[i].count && !has_field(fields, count, row->fields[i].name))
                *cf_one_more(fields, count, capacity) =
                    (cf_format_field){.name = cf_arena_copy(arena, row->fields[i].name)};
    cf_format_table *table = cf_arena_allocate(arena, 1, sizeof *table);
    cf_format_field *kept = cf_arena_allocate(arena, count, sizeof *kept);
    if (count)
        memcpy(kept, fields, count * sizeof *kept);
    free(fields);
    *table = (cf_format_table){
        .name = cf_bytes_of_text(CF_TABLE_RECORDS), .fields = kept, .field_count = count};
    return (cf_row_format){.tables = table, .count = 1};
}

bool cf_renamed_is_same(const cf_row_format *format, const cf_row_format *had)
{
    for (size_t i = 0; i < had->count; i++)
        for (size_t k = 0; k < had->tables[i].field_count; k++)
            if (!cf_format_holds(format, had->tables[i].name, had->tables[i].fields[k].name))
                return false;
    return true;
}

static const cf_format_table *table_of(const cf_row_format *format, cf_bytes name)
{
    for (size_t i = 0; i < format->count; i++)
        if (cf_bytes_equal(format->tables[i].name, name))
            return &format->tables[i];
    return NULL;
}

/* ---- Former names that are over ---- */

/* The file has a column of this name. Of a file with nothing in it nobody knows: no. */
static bool has_column(const cf_row_format *format, cf_bytes name)
{
    const cf_format_table *table =
        format ? table_of(format, cf_bytes_of_text(CF_TABLE_RECORDS)) : NULL;
    cf_buffer field = {0};

    cf_column_field(name, &field);
    const bool has =
        table && !table->whole && cf_format_holds(format, table->name, cf_buffer_view(&field));
    cf_buffer_release(&field);
    return has;
}

cf_status cf_renamed_check(const cf_row_format *plain, const cf_row_format *had, cf_arena *arena,
                           cf_renamed_columns *columns, cf_error *error)
{
    cf_renamed_column *at = cf_arena_allocate(arena, columns->count, sizeof *at);
    size_t kept = 0;

    for (size_t i = 0; i < columns->count; i++) {
        const cf_renamed_column *one = &columns->at[i];

        if (!has_column(plain, one->before))
            at[kept++] = *one;
        else if (has_column(plain, one->name) && !has_column(had, one->name))
            return cf_fail(error, CF_MALFORMED,
                           "%.*s was called %.*s before: give the new column another name",
                           (int)one->name.size, (const char *)one->name.data, (int)one->before.size,
                           (const char *)one->before.data);
    }
    *columns = (cf_renamed_columns){at, kept};
    return CF_OK;
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

/* Some device wrote the field: so its name is a column's own. */
static bool is_used(const cf_state *state, cf_bytes field)
{
    usage self = {.state = state, .field = field};

    cf_state_each(state, look_for, &self);
    return self.is_found;
}

/* ---- Which new column is which missing one ---- */

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

/* Numbers and texts are compared as a CSV file writes them; a field that isn't there is empty. */
static void append_text(const cf_row *row, cf_bytes field, cf_buffer *out)
{
    const cf_row_field *found = cf_row_field_named(row, field);

    cf_buffer_clear(out);
    if (found)
        cf_value_text(found->values[0], out);
}

/* A column that the file has and had not, and a hash of all that it says in the base's rows. */
typedef struct {
    cf_bytes name;
    uint64_t hash;
} new_column;

typedef struct {
    const cf_renaming *of;
    cf_row_index here;
    const cf_row **base, **rows; /* of the table, and those of the file */
    size_t count;
    new_column *columns;
    size_t column_count;
    cf_arena arena;
} search;

/* A hash of all that the column says in these rows; false: it says nothing. */
static bool hash_of(const cf_row **rows, size_t count, cf_bytes field, uint64_t *out)
{
    cf_buffer text = {0};
    bool any = false;

    *out = 0;
    for (size_t i = 0; i < count; i++) {
        append_text(rows[i], field, &text);
        any |= text.size > 0;
        *out = cf_hash_bytes(*out + i, cf_buffer_view(&text));
    }
    cf_buffer_release(&text);
    return any;
}

/* The base's rows of the table, and the file's that they are; false: one of them isn't here, and
 * nothing can be told. */
static bool find_rows(search *self, cf_bytes table)
{
    const cf_rows *rows = self->of->binding->rows;
    size_t count = 0;

    for (const cf_row *base = NULL; (base = cf_rows_next(rows, base));)
        count += cf_bytes_equal(base->table, table);
    self->base = cf_arena_allocate(&self->arena, count, sizeof *self->base);
    self->rows = cf_arena_allocate(&self->arena, count, sizeof *self->rows);
    self->count = 0;
    for (const cf_row *base = NULL; (base = cf_rows_next(rows, base));) {
        if (!cf_bytes_equal(base->table, table))
            continue;
        self->base[self->count] = base;
        self->rows[self->count] = row_here(&self->here, base);
        if (!self->rows[self->count++])
            return false;
    }
    return true;
}

/* Columns that the file has and had not, and that say something. Each is read once, however many
 * are missing. */
static void find_new(search *self, const cf_format_table *now)
{
    self->columns = cf_arena_allocate(&self->arena, now->field_count, sizeof *self->columns);
    self->column_count = 0;
    for (size_t i = 0; i < now->field_count; i++) {
        new_column *column = &self->columns[self->column_count];

        column->name = now->fields[i].name;
        if (!cf_format_holds(self->of->had, now->name, column->name) &&
            hash_of(self->rows, self->count, column->name, &column->hash))
            self->column_count++;
    }
}

/* What the hash says already, value by value: two columns are not one by chance. */
static bool says_the_same(const search *self, cf_bytes before, cf_bytes name)
{
    cf_buffer was = {0}, is = {0};
    bool same = true;

    for (size_t i = 0; same && i < self->count; i++) {
        append_text(self->base[i], before, &was);
        append_text(self->rows[i], name, &is);
        same = cf_bytes_equal(cf_buffer_view(&was), cf_buffer_view(&is));
    }
    cf_buffer_release(&was);
    cf_buffer_release(&is);
    return same;
}

/* The one column that says in every row of the base what `before` said; nothing: there is none, or
 * one of two, or it said nothing. */
static cf_bytes name_of(const search *self, cf_bytes before)
{
    cf_bytes found = {0};
    uint64_t hash;

    if (!self->column_count || !hash_of(self->base, self->count, before, &hash))
        return found;
    for (size_t i = 0; i < self->column_count; i++) {
        const new_column *column = &self->columns[i];

        if (column->hash != hash || !says_the_same(self, before, column->name))
            continue;
        if (found.size)
            return (cf_bytes){0};
        found = column->name;
    }
    return found.size && !is_used(self->of->state, found) ? found : (cf_bytes){0};
}

/* Puts the pair in the place of what was known of its column, and of any other column of its name.
 */
static void put(cf_renamed_columns *columns, cf_renamed_column made, cf_arena *arena)
{
    cf_renamed_column *at = cf_arena_allocate(arena, columns->count + 1, sizeof *at);
    size_t kept = 0;

    for (size_t i = 0; i < columns->count; i++)
        if (!cf_bytes_equal(columns->at[i].before, made.before) &&
            !cf_bytes_equal(columns->at[i].name, made.name))
            at[kept++] = columns->at[i];
    at[kept++] = made;
    *columns = (cf_renamed_columns){at, kept};
}

/* Fields that are no columns of the file have no name to keep. */
static void add(cf_renamed_columns *columns, cf_bytes name, cf_bytes before, cf_arena *arena)
{
    cf_renamed_column made;

    if (cf_column_name(name, arena, &made.name) && cf_column_name(before, arena, &made.before))
        put(columns, made, arena);
}

/* Another column was found to have this name: both said the same, and nobody knows whose it is. */
static bool is_taken(const cf_renamed_columns *found, cf_bytes name, cf_arena *arena)
{
    cf_bytes plain;

    if (!cf_column_name(name, arena, &plain))
        return true;
    for (size_t i = 0; i < found->count; i++)
        if (cf_bytes_equal(found->at[i].name, plain))
            return true;
    return false;
}

/* Of one table, which both had and has no room for all: a column that is missing and a new one that
 * says the same are one. */
static void find_in(search *self, const cf_format_table *had, const cf_format_table *now,
                    cf_arena *arena, cf_renamed_columns *found)
{
    if (!find_rows(self, had->name))
        return;
    find_new(self, now);
    for (size_t i = 0; i < had->field_count; i++) {
        const cf_bytes before = had->fields[i].name;

        if (cf_format_holds(self->of->format, had->name, before))
            continue;
        const cf_bytes name = name_of(self, before);
        if (name.size && !is_taken(found, name, arena))
            add(found, name, before, arena);
    }
}

bool cf_renamed_find(const cf_renaming *self, cf_arena *arena, cf_renamed_columns *columns)
{
    search made = {.of = self, .here = cf_row_index_of(self->file->rows, self->file->count)};
    cf_renamed_columns found = {0};

    for (size_t i = 0; i < self->had->count; i++) {
        const cf_format_table *had = &self->had->tables[i],
                              *now = table_of(self->format, had->name);

        if (now && !had->whole && !now->whole)
            find_in(&made, had, now, arena, &found);
    }
    for (size_t i = 0; i < found.count; i++)
        put(columns, found.at[i], arena);
    cf_row_index_release(&made.here);
    cf_arena_release(&made.arena);
    return found.count > 0;
}
