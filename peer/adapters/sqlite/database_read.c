/* SPDX-License-Identifier: Apache-2.0 */
/* Rows out of a database, table by table. A row with a text that is no Unicode, or without a key,
 * is in trouble, and not missing; keys that are tuples get their numbers when all tables were read
 * (database_tuples.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"
#include "codec/utf8.h"
#include "peer/adapters/sqlite/database_inside.h"
#include "peer/adapters/value_map.h"

void cf_database_list_columns(const cf_database_table *table, cf_buffer *sql)
{
    for (size_t i = 0; i < table->count; i++) {
        cf_buffer_append_text(sql, i ? ", " : "");
        cf_database_name(table->columns[i].name, sql);
    }
}

/* ---- Values ---- */

/* As it lies there: SQLite makes something of what is none. */
static bool is_utf16(sqlite3_stmt *statement, int column)
{
    const uint16_t *text = sqlite3_column_text16(statement, column);
    size_t size = (size_t)sqlite3_column_bytes16(statement, column) / sizeof *text;

    for (size_t i = 0; i < size; i++) {
        bool high = (text[i] & 0xfc00) == 0xd800;

        if ((text[i] & 0xfc00) == 0xdc00 ||
            (high && (i + 1 == size || (text[i + 1] & 0xfc00) != 0xdc00)))
            return false;
        i += high;
    }
    return true;
}

bool cf_database_value(sqlite3_stmt *statement, int column, bool wide, cf_buffer *out)
{
    cf_bytes text;

    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
        return true;
    case SQLITE_INTEGER:
        cf_pack_int(out, sqlite3_column_int64(statement, column));
        return true;
    case SQLITE_FLOAT:
        cf_pack_float(out, sqlite3_column_double(statement, column));
        return true;
    case SQLITE_TEXT:
        if (wide && !is_utf16(statement, column))
            return false;
        text = cf_database_text(statement, column);
        if (!cf_utf8_valid(text))
            return false;
        cf_pack_text(out, text);
        return true;
    default: {
        const void *blob = sqlite3_column_blob(statement, column);

        cf_pack_bin(out, cf_bytes_of(blob, (size_t)sqlite3_column_bytes(statement, column)));
        return true;
    }
    }
}

/* ---- A row ---- */

static cf_bytes value_at(const cf_row_reading *self, const uint8_t *values, size_t column)
{
    size_t from = column ? self->ends[column - 1] : 0;

    return cf_bytes_of(values + from, self->ends[column] - from);
}

/* False: a part of it is missing, or is no value. */
static bool pack_key(const cf_row_reading *self, cf_buffer *out)
{
    const cf_database_table *table = self->table;

    if (table->key_count > 1)
        cf_pack_array(out, table->key_count);
    for (size_t i = 0; i < table->key_count; i++) {
        cf_bytes part = value_at(self, self->values.data, table->keys[i]);

        if (!part.size)
            return false;
        cf_collation_fold(table->columns[table->keys[i]].collation, part, out);
    }
    return true;
}

static void take_fields(cf_row_reading *self, cf_row *out)
{
    const cf_database_table *table = self->table;
    cf_row_field *fields = cf_arena_allocate(self->arena, table->count, sizeof *fields);
    cf_bytes *values = cf_arena_allocate(self->arena, table->count, sizeof *values);
    cf_bytes all = cf_arena_copy(self->arena, cf_buffer_view(&self->values));
    size_t count = 0;

    for (size_t i = 0; i < table->count; i++) {
        values[count] = value_at(self, all.data, i);
        if (!table->columns[i].field.size || !values[count].size)
            continue;
        fields[count] = (cf_row_field){self->names[i], &values[count], 1};
        count++;
    }
    out->fields = fields;
    out->field_count = count;
}

void cf_database_row_of(cf_row_reading *self, sqlite3_stmt *statement, cf_row *out,
                        const char **trouble, bool *known)
{
    const cf_database_table *table = self->table;
    cf_buffer key = {0};

    *trouble = NULL;
    *known = true;
    *out = (cf_row){.table = table->name};
    cf_buffer_clear(&self->values);
    for (size_t i = 0; i < table->count; i++) {
        if (!cf_database_value(statement, (int)i, self->wide, &self->values))
            *trouble = "a text in it is no Unicode: store it as UTF-8, or as a BLOB";
        self->ends[i] = self->values.size;
    }
    if (!pack_key(self, &key)) {
        *known = false;
        *trouble = "a row whose key is NULL, or no Unicode: give it another key";
    } else if (table->key_kind != CF_KEY_TUPLE) {
        out->key = cf_arena_copy(self->arena, cf_buffer_view(&key));
    }
    if (!*trouble)
        take_fields(self, out);
    else if (table->key_kind == CF_KEY_TUPLE)
        *known = false;
    cf_buffer_release(&key);
}

/* ---- All rows ---- */

static cf_bytes *keep_names(const cf_database_table *table, cf_arena *arena)
{
    cf_bytes *names = cf_arena_allocate(arena, table->count, sizeof *names);

    for (size_t i = 0; i < table->count; i++)
        names[i] = cf_arena_copy(arena, table->columns[i].field);
    return names;
}

static void add_trouble(cf_record_file *out, const cf_row *row, bool known, const char *trouble)
{
    cf_record_file_trouble(out, 0, row, trouble);
    out->troubles[out->trouble_count - 1].known = known;
}

static cf_status read_rows(sqlite3 *database, cf_row_reading *self, size_t place, cf_bytes where,
                           cf_record_file *out, cf_error *error)
{
    const cf_database_table *table = self->table;
    sqlite3_stmt *statement = NULL;
    cf_buffer sql = {0};
    bool more = false, known;
    const char *trouble;
    cf_row row;

    cf_buffer_append_text(&sql, "SELECT ");
    cf_database_list_columns(table, &sql);
    cf_buffer_append_text(&sql, " FROM main.");
    cf_database_name(table->name, &sql);
    cf_buffer_append_text(&sql, " NOT INDEXED"); /* the rows themselves, whatever an index says */
    cf_buffer_append(&sql, where.data, where.size);
    cf_bytes name = cf_arena_copy(&out->arena, table->name);
    cf_status status = cf_database_prepare(database, cf_buffer_view(&sql), &statement, error);
    if (!status)
        status = cf_database_step(statement, &more, error);
    while (!status && more) {
        cf_database_row_of(self, statement, &row, &trouble, &known);
        row.table = name;
        if (trouble)
            add_trouble(out, &row, known, trouble);
        else
            cf_record_file_add(out, &row, place);
        status = cf_database_step(statement, &more, error);
    }
    sqlite3_finalize(statement);
    cf_buffer_release(&sql);
    return status;
}

cf_status cf_database_table_read(sqlite3 *database, const cf_database_schema *schema, size_t place,
                                 cf_bytes where, cf_record_file *out, cf_error *error)
{
    int64_t wide = 0;
    cf_row_reading reading = {.table = &schema->tables[place],
                              .names = keep_names(&schema->tables[place], &out->arena),
                              .arena = &out->arena,
                              .ends = cf_allocate(schema->tables[place].count + 1, sizeof(size_t))};

    cf_status status = cf_database_number(
        database, "SELECT encoding <> 'UTF-8' FROM pragma_encoding", &wide, error);
    reading.wide = wide != 0;
    if (!status)
        status = read_rows(database, &reading, place, where, out, error);
    cf_buffer_release(&reading.values);
    free(reading.ends);
    return status;
}

cf_status cf_database_rows_read(sqlite3 *database, const cf_database_schema *schema,
                                const cf_rows *base, cf_record_file *out, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < schema->count; i++)
        status = cf_database_table_read(database, schema, i, (cf_bytes){0}, out, error);
    if (!status)
        cf_database_give_keys(schema, base, out);
    return status ? status : cf_database_pins_read(database, schema, base, out, error);
}
