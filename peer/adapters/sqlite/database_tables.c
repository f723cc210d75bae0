/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a database, their columns and keys. */
#include "peer/adapters/sqlite/database_tables.h"

#include "codec/item.h"
#include "codec/limits.h"
#include "codec/utf8.h"
#include "peer/adapters/record_file.h"
#include "peer/adapters/sqlite/database_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cf_status cf_schema_each(cf_schema_reading *self, const char *sql, cf_bytes table,
                         cf_row_visit *visit, void *context, cf_error *error)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;

    cf_status status =
        cf_database_prepare(self->database, cf_bytes_of_text(sql), &statement, error);
    if (!status && table.size)
        sqlite3_bind_text(statement, 1, (const char *)table.data, (int)table.size, SQLITE_STATIC);
    if (!status)
        status = cf_database_step(statement, &row, error);
    while (!status && row) {
        status = visit(self, statement, context, error);
        if (!status)
            status = cf_database_step(statement, &row, error);
    }
    sqlite3_finalize(statement);
    return status;
}

cf_bytes cf_schema_keep(cf_schema_reading *self, sqlite3_stmt *row, int column)
{
    return cf_arena_copy(&self->schema->arena, cf_database_text(row, column));
}

void cf_schema_notice(cf_schema_reading *self, cf_notice_kind kind, cf_bytes name,
                      const char *format, ...)
{
    cf_database_schema *schema = self->schema;
    char reason[CF_ERROR_TEXT];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    *cf_one_more(schema->notices, schema->notice_count, schema->notice_capacity) =
        (cf_database_notice){cf_arena_copy(&schema->arena, name),
                             cf_arena_text(&schema->arena, cf_bytes_of_text(reason)), kind};
}

cf_found_table *cf_schema_found(const cf_schema_reading *self, cf_bytes table)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_sql_name_equal(self->tables[i].table.name, table))
            return &self->tables[i];
    return NULL;
}

bool cf_sql_name_equal(cf_bytes a, cf_bytes b)
{
    return a.size == b.size &&
           sqlite3_strnicmp((const char *)a.data, (const char *)b.data, (int)a.size) == 0;
}

size_t cf_found_column(const cf_found_table *found, cf_bytes name)
{
    size_t at = 0;

    while (at < found->table.count && !cf_sql_name_equal(found->table.columns[at].name, name))
        at++;
    return at;
}

/* ---- What a column has where nobody said anything ---- */

static bool has_only(cf_bytes text, const char *characters)
{
    for (size_t i = 0; i < text.size; i++)
        if (!text.data[i] || !strchr(characters, text.data[i]))
            return false;
    return text.size > 0;
}

/* 'It''s fine' */
static bool is_text(cf_bytes text)
{
    if (text.size < 2 || text.data[0] != '\'' || text.data[text.size - 1] != '\'')
        return false;
    for (size_t i = 1; i + 1 < text.size; i++)
        if (text.data[i] == '\'' && (text.data[++i] != '\'' || i + 1 == text.size))
            return false;
    return true;
}

/* Nothing that is computed anew for each row, or that takes long. */
static bool is_plain(cf_bytes text)
{
    return has_only(text, "+-.0123456789abcdefxABCDEFX") || is_text(text) ||
           cf_sql_name_equal(text, cf_bytes_of_text("TRUE")) ||
           cf_sql_name_equal(text, cf_bytes_of_text("FALSE"));
}

static bool is_name_of_type(cf_bytes type)
{
    static const char characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ (),";

    return has_only(type, characters) && !cf_sql_name_equal(type, cf_bytes_of_text("ANY")) &&
           !cf_sql_name_equal(type, cf_bytes_of_text("BLOB"));
}

/* A type makes 5 of '5'; where it would make another value than a row gets, there is none. */
static void write_query(cf_bytes type, cf_bytes text, cf_buffer *sql)
{
    const int size = (int)text.size;
    const char *plain = (const char *)text.data;

    if (!is_name_of_type(type))
        cf_buffer_append_text(sql, "SELECT %.*s", size, plain);
    else
        cf_buffer_append_text(sql, "SELECT CAST(%.*s AS %.*s) WHERE CAST(%.*s AS %.*s) = %.*s",
                              size, plain, (int)type.size, (const char *)type.data, size, plain,
                              (int)type.size, (const char *)type.data, size, plain);
}

/* The value that a column of this type gets from this DEFAULT; nothing: none, or one that only the
 * database can tell. */
static cf_bytes default_of(cf_schema_reading *self, cf_bytes type, cf_bytes text)
{
    sqlite3_stmt *statement = NULL;
    cf_buffer sql = {0}, value = {0};
    cf_bytes given = {0};
    bool row = false;
    cf_error ignored;

    if (!is_plain(text) || text.size > CF_INLINE_MAX)
        return given;
    write_query(type, text, &sql);
    if (cf_database_prepare(self->database, cf_buffer_view(&sql), &statement, &ignored) == CF_OK &&
        cf_database_step(statement, &row, &ignored) == CF_OK && row &&
        cf_database_value(statement, 0, false, &value))
        given = cf_arena_copy(&self->schema->arena, cf_buffer_view(&value));
    sqlite3_finalize(statement);
    cf_buffer_release(&sql);
    cf_buffer_release(&value);
    return given;
}

/* ---- Columns ---- */

typedef struct {
    cf_found_table *found;
    size_t capacity, keys; /* the latter counts columns of the key */
    bool integer;          /* a column of the key is declared INTEGER */
} columns_reading;

static bool field_of(cf_bytes name, cf_arena *arena, cf_bytes *out)
{
    cf_buffer field = {0};
    cf_error ignored;

    cf_column_field(name, &field);
    bool valid = cf_utf8_valid(name) && cf_field_check(cf_buffer_view(&field), &ignored) == CF_OK;
    *out = cf_arena_copy(arena, cf_buffer_view(&field));
    cf_buffer_release(&field);
    return valid;
}

static void name_column(cf_bytes table, cf_bytes column, cf_buffer *out)
{
    cf_buffer_append(out, table.data, table.size);
    cf_buffer_append(out, ".", 1);
    cf_buffer_append(out, column.data, column.size);
}

enum { HIDDEN_NONE = 0, HIDDEN_COMPUTED = 2, HIDDEN_STORED = 3 };

static void leave_out(cf_schema_reading *self, const columns_reading *reading, cf_bytes column,
                      cf_notice_kind kind, const char *reason)
{
    cf_buffer name = {0};

    name_column(reading->found->table.name, column, &name);
    cf_schema_notice(self, kind, cf_buffer_view(&name), "%s", reason);
    cf_buffer_release(&name);
}

/* name, type, NOT NULL, default, place in the key, hidden */
static cf_status add_column(cf_schema_reading *self, sqlite3_stmt *row, void *context,
                            cf_error *error)
{
    columns_reading *reading = context;
    cf_database_table *table = &reading->found->table;
    int hidden = sqlite3_column_int(row, 5);
    cf_database_column column = {
        .name = cf_schema_keep(self, row, 0),
        .required = sqlite3_column_int(row, 2) != 0,
        .preset = sqlite3_column_type(row, 3) != SQLITE_NULL,
        .key = (size_t)sqlite3_column_int(row, 4),
        .given = default_of(self, cf_database_text(row, 1), cf_database_text(row, 3)),
    };

    (void)error;
    if (hidden == HIDDEN_COMPUTED || hidden == HIDDEN_STORED) {
        leave_out(self, reading, column.name, CF_NOTICE_COMPUTED,
                  "a generated column: the database computes it by itself");
        return CF_OK;
    }
    if (column.key) {
        reading->keys++;
        reading->integer =
            sqlite3_stricmp((const char *)sqlite3_column_text(row, 1), "INTEGER") == 0;
    }
    if (!field_of(column.name, &self->schema->arena, &column.field)) {
        if (column.key || (column.required && !column.preset))
            reading->found->refused = "the name of a column that it needs can't be a field's";
        leave_out(self, reading, column.name, CF_NOTICE_TROUBLE, "its name can't be a field's");
        return CF_OK;
    }
    *cf_one_more(table->columns, table->count, reading->capacity) = column;
    return CF_OK;
}

static int by_field(const void *left, const void *right)
{
    const cf_database_column *a = left, *b = right;

    return cf_bytes_compare(a->field, b->field);
}

static void find_keys(cf_found_table *found, cf_arena *arena, size_t count)
{
    cf_database_table *table = &found->table;

    table->key_count = count;
    table->keys = cf_arena_allocate(arena, count, sizeof *table->keys);
    for (size_t i = 0; i < table->count; i++)
        if (table->columns[i].key)
            table->keys[table->columns[i].key - 1] = i;
}

/* ---- Indexes ---- */

typedef struct {
    cf_found_table *found;
    cf_found_unique unique;
    bool of_key, plain;
} index_reading;

static bool collation_of(cf_bytes name, cf_collation *out)
{
    static const char *const names[] = {"BINARY", "NOCASE", "RTRIM"};

    for (size_t i = 0; i < 3; i++)
        if (cf_sql_name_equal(name, cf_bytes_of_text(names[i]))) {
            *out = (cf_collation)i;
            return true;
        }
    return false;
}

static void add_unique_column(cf_arena *arena, cf_found_unique *unique, cf_bytes field,
                              cf_collation collation)
{
    const cf_found_unique before = *unique;

    unique->columns = cf_arena_allocate(arena, before.count + 1, sizeof *unique->columns);
    unique->collations = cf_arena_allocate(arena, before.count + 1, sizeof *unique->collations);
    if (before.count) {
        memcpy(unique->columns, before.columns, before.count * sizeof *before.columns);
        memcpy(unique->collations, before.collations, before.count * sizeof *before.collations);
    }
    unique->columns[unique->count] = field;
    unique->collations[unique->count++] = collation;
}

/* name of the column or NULL, collation, whether it is in the index' key */
static cf_status add_index_column(cf_schema_reading *self, sqlite3_stmt *row, void *context,
                                  cf_error *error)
{
    index_reading *index = context;
    size_t at = cf_found_column(index->found, cf_database_text(row, 0));
    cf_database_column *column =
        at < index->found->table.count ? &index->found->table.columns[at] : NULL;
    cf_collation collation = CF_COLLATION_BINARY;

    (void)error;
    if (!collation_of(cf_database_text(row, 1), &collation))
        index->found->refused = "it is ordered in a way that only its own program knows";
    if (!sqlite3_column_int(row, 2))
        return CF_OK;
    if (index->of_key && column)
        column->collation = collation;
    index->plain &= column != NULL;
    if (column)
        add_unique_column(&self->schema->arena, &index->unique, column->field, collation);
    return CF_OK;
}

static void add_unique(cf_found_table *found, const cf_found_unique *unique)
{
    *cf_one_more(found->unique, found->unique_count, found->unique_capacity) = *unique;
}

/* name, whether unique, origin, whether partial */
static cf_status add_index(cf_schema_reading *self, sqlite3_stmt *row, void *context,
                           cf_error *error)
{
    cf_found_table *found = context;
    cf_bytes name = cf_schema_keep(self, row, 0);
    bool unique = sqlite3_column_int(row, 1) != 0, partial = sqlite3_column_int(row, 3) != 0;
    index_reading index = {
        .found = found,
        .of_key = cf_bytes_equal(cf_database_text(row, 2), cf_bytes_of_text("pk")),
        .plain = unique && !partial,
    };

    if (index.of_key)
        found->rowid = false;
    cf_status status =
        cf_schema_each(self, "SELECT name, coll, key FROM pragma_index_xinfo(?1, 'main')", name,
                       add_index_column, &index, error);
    if (!status && index.plain && !index.of_key)
        add_unique(found, &index.unique);
    return status;
}

/* ---- Tables ---- */

/* What SQLite can't tell of the column is told of no column. */
static bool counts_on(const cf_schema_reading *self, const cf_found_table *found)
{
    const cf_database_table *table = &found->table;
    cf_arena arena = {0};
    int counted = 0;

    const bool told =
        found->rowid &&
        sqlite3_table_column_metadata(self->database, "main", cf_arena_text(&arena, table->name),
                                      cf_arena_text(&arena, table->columns[table->keys[0]].name),
                                      NULL, NULL, NULL, NULL, &counted) == SQLITE_OK;
    cf_arena_release(&arena);
    return told && counted;
}

static cf_status read_columns(cf_schema_reading *self, cf_found_table *found, bool without_rowid,
                              cf_error *error)
{
    columns_reading reading = {.found = found};
    cf_status status = cf_schema_each(self,
                                      "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM "
                                      "pragma_table_xinfo(?1, 'main') ORDER BY cid",
                                      found->table.name, add_column, &reading, error);

    if (status)
        return status;
    if (found->table.count)
        qsort(found->table.columns, found->table.count, sizeof *found->table.columns, by_field);
    if (found->refused)
        return CF_OK;
    if (!reading.keys) {
        found->refused = "it has no primary key, so nobody can say which row is which";
        found->keyless = true;
        return CF_OK;
    }
    find_keys(found, &self->schema->arena, reading.keys);
    found->rowid = reading.keys == 1 && reading.integer && !without_rowid;
    found->table.counts_on = counts_on(self, found);
    return cf_schema_each(
        self, "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1, 'main')",
        found->table.name, add_index, found, error);
}

/* Whether it can be written here at all: an index or a CHECK may need a function that only its own
 * program has. */
static void try_writing(cf_schema_reading *self, cf_found_table *found)
{
    cf_buffer sql = {0};
    sqlite3_stmt *statement = NULL;
    cf_error error;

    cf_buffer_append_text(&sql, "REPLACE INTO main.");
    cf_database_name(found->table.name, &sql);
    cf_buffer_append_text(&sql, " DEFAULT VALUES");
    if (!found->refused &&
        cf_database_prepare(self->database, cf_buffer_view(&sql), &statement, &error)) {
        cf_error_while(&error, "it can't be written here");
        found->refused = cf_arena_text(&self->schema->arena, cf_bytes_of_text(error.text));
    }
    sqlite3_finalize(statement);
    cf_buffer_release(&sql);
}

/* name, type, WITHOUT ROWID, whether CONFLICT stands in its text */
static cf_status add_table(cf_schema_reading *self, sqlite3_stmt *row, void *context,
                           cf_error *error)
{
    const cf_database_choice *choice = context;
    cf_bytes name = cf_schema_keep(self, row, 0), type = cf_database_text(row, 1);
    cf_found_table found = {.table.name = name};

    if (!cf_utf8_valid(name))
        return CF_OK;
    found.table.resolves = sqlite3_column_int(row, 3) != 0;
    found.unwanted = choice->wants && !choice->wants(choice->context, name);
    if (cf_bytes_equal(type, cf_bytes_of_text("virtual"))) {
        found.refused = "a virtual table";
        found.virtual = true;
    }
    cf_status status =
        found.refused ? CF_OK : read_columns(self, &found, sqlite3_column_int(row, 2) != 0, error);
    if (found.unwanted)
        found.refused = "nobody asks for it here";
    if (!status)
        try_writing(self, &found);
    *cf_one_more(self->tables, self->count, self->capacity) = found;
    return status;
}

cf_status cf_schema_find_tables(cf_schema_reading *self, const cf_database_choice *choice,
                                cf_error *error)
{
    return cf_schema_each(self,
                          "SELECT name, type, wr, (SELECT sql LIKE '%CONFLICT%' FROM "
                          "main.sqlite_schema AS s WHERE s.type = 'table' AND s.name = l.name) "
                          "FROM pragma_table_list AS l WHERE schema = 'main' AND "
                          "type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                          "ORDER BY name COLLATE BINARY",
                          (cf_bytes){0}, add_table, (void *)choice, error);
}
