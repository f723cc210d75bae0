/* SPDX-License-Identifier: Apache-2.0 */
/* The statements that change one row, and the values that are bound in them. */
#include "codec/pack.h"
#include "peer/adapters/sqlite/database_inside.h"
#include "peer/adapters/value_map.h"

/* ---- Values ---- */

static cf_bytes key_part(const cf_database_table *table, const cf_row *row, size_t place)
{
    cf_value_walk walk = cf_value_walk_of(row->key);
    cf_bytes name, value = row->key;

    if (table->key_count > 1)
        for (size_t i = 0; i < place; i++)
            if (!cf_value_next(&walk, &name, &value))
                return (cf_bytes){0};
    return value;
}

/* Nothing: NULL. */
cf_bytes cf_row_column(const cf_database_table *table, const cf_row *row,
                       const cf_database_column *column)
{
    const cf_row_field *field = column->field.size ? cf_row_field_named(row, column->field) : NULL;

    if (field)
        return field->count == 1 ? field->values[0] : (cf_bytes){0};
    if (column->key && table->key_kind != CF_KEY_TUPLE)
        return key_part(table, row, column->key);
    return (cf_bytes){0};
}

static bool bind_number(sqlite3_stmt *statement, int at, cf_reader *reader, cf_type type)
{
    cf_error ignored;
    uint64_t positive;
    int64_t number;
    double real;

    if (type == CF_TYPE_FLOAT)
        return cf_read_float(reader, &real, &ignored) == CF_OK &&
               sqlite3_bind_double(statement, at, real) == SQLITE_OK;
    if (type == CF_TYPE_UINT) {
        if (cf_read_uint(reader, &positive, &ignored) || positive > INT64_MAX)
            return false;
        return sqlite3_bind_int64(statement, at, (int64_t)positive) == SQLITE_OK;
    }
    return cf_read_int(reader, &number, &ignored) == CF_OK &&
           sqlite3_bind_int64(statement, at, number) == SQLITE_OK;
}

/* False: a database has no such value. The value outlives the statement's run. */
static bool bind(sqlite3_stmt *statement, int at, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    cf_bytes bytes;
    cf_type type;

    if (!value.size)
        return sqlite3_bind_null(statement, at) == SQLITE_OK;
    if (cf_read_type(&reader, &type, &ignored))
        return false;
    switch (type) {
    case CF_TYPE_TEXT:
        return cf_read_text(&reader, &bytes, &ignored) == CF_OK &&
               sqlite3_bind_text64(statement, at, bytes.size ? (const char *)bytes.data : "",
                                   bytes.size, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
    case CF_TYPE_BIN:
        return cf_read_bin(&reader, &bytes, &ignored) == CF_OK &&
               sqlite3_bind_blob64(statement, at, bytes.size ? (const void *)bytes.data : "",
                                   bytes.size, SQLITE_STATIC) == SQLITE_OK;
    case CF_TYPE_UINT:
    case CF_TYPE_INT:
    case CF_TYPE_FLOAT:
        return bind_number(statement, at, &reader, type);
    default:
        return false;
    }
}

/* ---- Statements ---- */

static void append_keys(const cf_database_table *table, cf_buffer *sql, size_t first)
{
    cf_buffer_append_text(sql, " WHERE ");
    for (size_t i = 0; i < table->key_count; i++) {
        cf_buffer_append_text(sql, i ? " AND " : "");
        cf_database_name(table->columns[table->keys[i]].name, sql);
        cf_buffer_append_text(sql, " = ?%zu", first + i);
    }
}

bool cf_row_bind_keys(const cf_database_table *table, const cf_row *row, sqlite3_stmt *statement,
                      size_t first)
{
    for (size_t i = 0; i < table->key_count; i++) {
        cf_bytes value = cf_row_column(table, row, &table->columns[table->keys[i]]);

        if (!value.size || !bind(statement, (int)(first + i), value))
            return false;
    }
    return true;
}

/* What a row doesn't say, the database does: its default. */
bool cf_row_is_left_out(const cf_database_table *table, const cf_row *row, size_t column)
{
    return row && table->columns[column].required && table->columns[column].preset &&
           !cf_row_column(table, row, &table->columns[column]).size;
}

bool cf_row_leaves_out(const cf_database_table *table, const cf_row *row)
{
    bool any = false;

    for (size_t i = 0; !any && i < table->count; i++)
        any = cf_row_is_left_out(table, row, i);
    return any;
}

/* A constraint that resolves conflicts would delete rows, or write other values. Of another table
 * nothing is said, since that would hold in what its triggers do, too. */
static const char *resolution(const cf_database_table *table)
{
    return table->resolves ? "OR ABORT " : "";
}

/* `row` NULL: of one that says everything. Each column keeps its own parameter. */
void cf_row_write_insert(const cf_database_table *table, const cf_row *row, cf_buffer *sql)
{
    cf_buffer values = {0};
    size_t count = 0;

    cf_buffer_append_text(sql, "INSERT %sINTO main.", resolution(table));
    cf_database_name(table->name, sql);
    cf_buffer_append_text(sql, " (");
    for (size_t i = 0; i < table->count; i++) {
        if (cf_row_is_left_out(table, row, i))
            continue;
        cf_buffer_append_text(sql, count ? ", " : "");
        cf_database_name(table->columns[i].name, sql);
        cf_buffer_append_text(&values, count++ ? ", ?%zu" : "?%zu", i + 1);
    }
    cf_buffer_append_text(sql, ") VALUES (");
    cf_buffer_append(sql, values.data, values.size);
    cf_buffer_append_text(sql, ")");
    cf_buffer_release(&values);
}

void cf_row_write_update(const cf_database_table *table, const cf_row *row, cf_buffer *sql)
{
    size_t count = 0;

    cf_buffer_append_text(sql, "UPDATE %smain.", resolution(table));
    cf_database_name(table->name, sql);
    cf_buffer_append_text(sql, " SET ");
    for (size_t i = 0; i < table->count; i++) {
        if (cf_row_is_left_out(table, row, i))
            continue;
        cf_buffer_append_text(sql, count++ ? ", " : "");
        cf_database_name(table->columns[i].name, sql);
        cf_buffer_append_text(sql, " = ?%zu", i + 1);
    }
    append_keys(table, sql, table->count + 1);
}

void cf_row_write_select(const cf_database_table *table, const cf_row *row, cf_buffer *sql)
{
    (void)row;
    cf_buffer_append_text(sql, "SELECT ");
    cf_database_list_columns(table, sql);
    cf_buffer_append_text(sql, " FROM main.");
    cf_database_name(table->name, sql);
    append_keys(table, sql, 1);
}

void cf_row_write_remove(const cf_database_table *table, const cf_row *row, cf_buffer *sql)
{
    (void)row;
    cf_buffer_append_text(sql, "DELETE FROM main.");
    cf_database_name(table->name, sql);
    append_keys(table, sql, 1);
}

/* `kept`: where the statement stays for the next row; one that leaves columns out serves once. */
cf_status cf_row_statement(sqlite3 *database, const cf_database_table *table, const cf_row *row,
                           void (*write)(const cf_database_table *, const cf_row *, cf_buffer *),
                           sqlite3_stmt **kept, sqlite3_stmt **out, cf_error *error)
{
    bool once = row && cf_row_leaves_out(table, row);
    cf_status status = CF_OK;
    cf_buffer sql = {0};

    *out = once ? NULL : *kept;
    if (!*out) {
        write(table, once ? row : NULL, &sql);
        status = cf_database_prepare(database, cf_buffer_view(&sql), out, error);
        if (!once)
            *kept = *out;
    }
    cf_buffer_release(&sql);
    return status;
}

void cf_row_statement_end(sqlite3_stmt *statement, sqlite3_stmt *kept)
{
    if (statement != kept) {
        sqlite3_finalize(statement);
    } else if (statement) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
}

bool cf_row_bind_columns(const cf_database_table *table, const cf_row *row, sqlite3_stmt *statement)
{
    for (size_t i = 0; i < table->count; i++)
        if (!cf_row_is_left_out(table, row, i) &&
            !bind(statement, (int)i + 1, cf_row_column(table, row, &table->columns[i])))
            return false;
    return true;
}

/* A row in whose key something is missing would get one. */
bool cf_row_has_key(const cf_database_table *table, const cf_row *row)
{
    bool has = true;

    for (size_t i = 0; has && i < table->key_count; i++)
        has = cf_row_column(table, row, &table->columns[table->keys[i]]).size > 0;
    return has;
}
