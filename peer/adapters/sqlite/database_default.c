/* SPDX-License-Identifier: Apache-2.0 */
/* What a column has where nobody said anything. */
#include <string.h>

#include "codec/limits.h"
#include "peer/adapters/sqlite/database_inside.h"
#include "peer/adapters/sqlite/database_schema_inside.h"

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

cf_bytes cf_schema_default(cf_schema_reading *self, cf_bytes type, cf_bytes text)
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
