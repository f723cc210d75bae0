/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/sqlite/database_layout.h"

#include "codec/pack.h"
#include "peer/adapters/sqlite/database.h"

#include <string.h>

enum { ELEMENTS = 7 };
enum { WRITER_AT = 18, READER_AT = 19, LOGS = 2 }; /* in the header */
enum { SHOWN = 60 };                               /* of a statement, in an error */

static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};

/* ---- Reading ---- */

static cf_status read_page_size(cf_reader *reader, uint64_t *out, cf_error *error)
{
    cf_status status = cf_read_uint(reader, out, error);

    if (!status && (*out < 512 || *out > 65536 || (*out & (*out - 1))))
        status = cf_fail(error, CF_MALFORMED, "no size of a page");
    return status;
}

static cf_status read_encoding(cf_reader *reader, const char **out, cf_error *error)
{
    cf_bytes text;

    cf_status status = cf_read_text(reader, &text, error);
    if (status)
        return status;
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
        if (cf_bytes_equal(text, cf_bytes_of_text(encodings[i]))) {
            *out = encodings[i];
            return CF_OK;
        }
    return cf_fail(error, CF_MALFORMED, "no encoding of texts");
}

static cf_status read_vacuum(cf_reader *reader, uint64_t *out, cf_error *error)
{
    cf_status status = cf_read_uint(reader, out, error);

    return !status && *out > 2 ? cf_fail(error, CF_MALFORMED, "no kind of vacuum") : status;
}

static cf_status read_number(cf_reader *reader, int64_t *out, cf_error *error)
{
    cf_status status = cf_read_int(reader, out, error);

    return !status && (*out < INT32_MIN || *out > INT32_MAX)
               ? cf_fail(error, CF_MALFORMED, "a number of more than 32 bits")
               : status;
}

static cf_status read_statement(cf_reader *reader, cf_bytes *out, cf_error *error)
{
    cf_status status = cf_read_text(reader, out, error);

    return !status && out->size && memchr(out->data, '\0', out->size)
               ? cf_fail(error, CF_MALFORMED, "a statement that ends before its end")
               : status;
}

static cf_status read_statements(cf_reader *reader, cf_arena *arena, cf_database_layout *out,
                                 cf_error *error)
{
    cf_status status = cf_read_array(reader, &out->count, error);

    if (!status && out->count > CF_DATABASE_STATEMENTS_MAX)
        status = cf_fail(error, CF_TOO_LARGE, "more than %d statements",
                         (int)CF_DATABASE_STATEMENTS_MAX);
    if (!status && !out->count)
        status = cf_fail(error, CF_MALFORMED, "no statement");
    if (status)
        return status;
    cf_bytes *statements = cf_arena_allocate(arena, out->count, sizeof *statements);
    for (size_t i = 0; !status && i < out->count; i++)
        status = read_statement(reader, &statements[i], error);
    out->statements = statements;
    return status;
}

cf_status cf_database_layout_read(cf_bytes value, cf_arena *arena, cf_database_layout *out,
                                  cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_database_layout found = {0};
    size_t elements = 0;

    if (value.size > CF_DATABASE_LAYOUT_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a layout of more than %llu bytes",
                       (unsigned long long)CF_DATABASE_LAYOUT_MAX);
    cf_status status = cf_read_array(&reader, &elements, error);
    if (!status && elements < ELEMENTS)
        status = cf_fail(error, CF_MALFORMED, "a layout that says too little");
    if (!status)
        status = read_page_size(&reader, &found.page_size, error);
    if (!status)
        status = read_encoding(&reader, &found.encoding, error);
    if (!status)
        status = read_vacuum(&reader, &found.vacuum, error);
    if (!status)
        status = cf_read_bool(&reader, &found.is_logged, error);
    if (!status)
        status = read_number(&reader, &found.application, error);
    if (!status)
        status = read_number(&reader, &found.version, error);
    if (!status)
        status = read_statements(&reader, arena, &found, error);
    if (!status)
        *out = found;
    return status;
}

/* ---- Declaring ---- */

typedef struct {
    sqlite3 *made;
    bool is_virtual; /* what is declared now: its module makes tables of its own and fills them */
} making;

/* As SQLite keeps what was declared: nothing stands before these words. */
static bool begins(cf_bytes statement, const char *words)
{
    const size_t size = strlen(words);

    return statement.size > size &&
           sqlite3_strnicmp((const char *)statement.data, words, (int)size) == 0;
}

static bool is_declaration(cf_bytes statement)
{
    static const char *const kinds[] = {"CREATE TABLE ",        "CREATE INDEX ",
                                        "CREATE UNIQUE INDEX ", "CREATE VIEW ",
                                        "CREATE TRIGGER ",      "CREATE VIRTUAL TABLE "};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins(statement, kinds[i]))
            return true;
    return false;
}

static bool may_virtual(int action, const char *argument)
{
    switch (action) {
    case SQLITE_CREATE_VTABLE:
    case SQLITE_SELECT:
    case SQLITE_DELETE:
    case SQLITE_SAVEPOINT:
        return true;
    case SQLITE_PRAGMA: /* of which it only reads */
        return strcmp(argument, "page_size") == 0 || strcmp(argument, "data_version") == 0;
    default:
        return false;
    }
}

/* Whatever else a statement does, it is not to be done: to attach a file, to read one, to put rows
 * into a table, to be of the connection alone. */
static int authorize(void *context, int action, const char *first, const char *second,
                     const char *database, const char *trigger)
{
    const making *self = context;

    (void)trigger;
    if (database && strcmp(database, "main") != 0)
        return SQLITE_DENY;
    switch (action) {
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_INDEX:
    case SQLITE_CREATE_VIEW:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_REINDEX:
        return SQLITE_OK;
    default:
        return self->is_virtual && may_virtual(action, first) &&
                       !(action == SQLITE_PRAGMA && second)
                   ? SQLITE_OK
                   : SQLITE_DENY;
    }
}

static cf_status refuse(cf_bytes statement, const char *why, cf_error *error)
{
    return cf_fail(error, CF_MALFORMED, "`%.*s%s`: %s",
                   (int)(statement.size < SHOWN ? statement.size : SHOWN),
                   (const char *)statement.data, statement.size > SHOWN ? "…" : "", why);
}

/* SQLite's own words, but where there is no room for what it makes. */
static cf_status refuse_step(making *self, cf_bytes statement, cf_error *error)
{
    return sqlite3_errcode(self->made) == SQLITE_FULL
               ? cf_fail(error, CF_TOO_LARGE,
                         "a database of more than %llu bytes before its first row",
                         (unsigned long long)CF_DATABASE_MADE_MAX)
               : refuse(statement, sqlite3_errmsg(self->made), error);
}

static cf_status declare(making *self, cf_bytes statement, cf_error *error)
{
    const char *end = (const char *)statement.data + statement.size, *rest = end;
    sqlite3_stmt *prepared = NULL;
    cf_status status = CF_OK;

    if (!is_declaration(statement))
        return refuse(statement, "it declares no table, index, view or trigger", error);
    self->is_virtual = begins(statement, "CREATE VIRTUAL TABLE ");
    if (sqlite3_prepare_v2(self->made, (const char *)statement.data, (int)statement.size, &prepared,
                           &rest) != SQLITE_OK)
        status = refuse_step(self, statement, error);
    else if (rest != end)
        status = refuse(statement, "more follows it", error);
    else if (sqlite3_step(prepared) != SQLITE_DONE)
        status = refuse_step(self, statement, error);
    sqlite3_finalize(prepared);
    return status;
}

/* ---- Making ---- */

static cf_status set_up(making *self, const cf_database_layout *layout, cf_error *error)
{
    cf_buffer sql = {0};

    if (sqlite3_open_v2(":memory:", &self->made,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
        return cf_database_fail(self->made, error);
    sqlite3_db_config(self->made, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(self->made, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(self->made, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_limit(self->made, SQLITE_LIMIT_ATTACHED, 0);
    cf_buffer_append_text(
        &sql,
        "PRAGMA encoding = '%s'; PRAGMA page_size = %llu; PRAGMA max_page_count = %llu;"
        "PRAGMA auto_vacuum = %llu; PRAGMA application_id = %lld; PRAGMA user_version = %lld",
        layout->encoding, (unsigned long long)layout->page_size,
        (unsigned long long)(CF_DATABASE_MADE_MAX / layout->page_size),
        (unsigned long long)layout->vacuum, (long long)layout->application,
        (long long)layout->version);
    cf_buffer_append(&sql, "", 1);
    cf_status status = cf_database_run(self->made, (const char *)sql.data, error);
    cf_buffer_release(&sql);
    return status;
}

/* In one transaction: each statement reads what there is again. */
static cf_status declare_all(making *self, const cf_database_layout *layout, cf_error *error)
{
    cf_status status = cf_database_run(self->made, "BEGIN", error);

    sqlite3_set_authorizer(self->made, authorize, self);
    for (size_t i = 0; !status && i < layout->count; i++)
        status = declare(self, layout->statements[i], error);
    sqlite3_set_authorizer(self->made, NULL, NULL);
    return status ? status : cf_database_run(self->made, "COMMIT", error);
}

cf_status cf_database_bytes(sqlite3 *made, bool is_logged, cf_buffer *out, cf_error *error)
{
    cf_status status = CF_OK;
    sqlite3_int64 size = 0;

    unsigned char *bytes = sqlite3_serialize(made, "main", &size, 0);
    if (!bytes || size <= READER_AT)
        status = cf_fail(error, CF_IO, "it can't be made anew");
    if (!status && is_logged)
        bytes[WRITER_AT] = bytes[READER_AT] = LOGS;
    if (!status)
        cf_buffer_append(out, bytes, (size_t)size);
    sqlite3_free(bytes);
    return status;
}

cf_status cf_database_layout_make(const cf_database_layout *layout, cf_buffer *out, cf_error *error)
{
    making self = {0};

    cf_status status = set_up(&self, layout, error);
    if (!status)
        status = declare_all(&self, layout, error);
    if (!status)
        status = cf_database_bytes(self.made, layout->is_logged, out, error);
    cf_database_close(&self.made);
    return status;
}

/* ---- Writing ---- */

static cf_status pack_number(sqlite3 *database, const char *pragma, cf_buffer *out, cf_error *error)
{
    int64_t number;

    cf_status status = cf_database_number(database, pragma, &number, error);
    if (!status)
        cf_pack_int(out, number);
    return status;
}

static cf_status pack_encoding(sqlite3 *database, cf_buffer *out, cf_error *error)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;

    cf_status status =
        cf_database_prepare(database, cf_bytes_of_text("PRAGMA main.encoding"), &statement, error);
    if (!status)
        status = cf_database_step(statement, &row, error);
    if (row)
        cf_pack_text(out, cf_database_text(statement, 0));
    sqlite3_finalize(statement);
    return status;
}

static cf_status pack_traits(sqlite3 *database, cf_buffer *out, cf_error *error)
{
    bool is_logged = false;

    cf_status status = pack_number(database, "PRAGMA main.page_size", out, error);
    if (!status)
        status = pack_encoding(database, out, error);
    if (!status)
        status = pack_number(database, "PRAGMA main.auto_vacuum", out, error);
    if (!status)
        status = cf_database_logs(database, &is_logged, error);
    cf_pack_bool(out, is_logged);
    if (!status)
        status = pack_number(database, "PRAGMA main.application_id", out, error);
    if (!status)
        status = pack_number(database, "PRAGMA main.user_version", out, error);
    return status;
}

/* What a virtual table keeps in tables of its own its module makes. */
static cf_status pack_statements(sqlite3 *database, cf_buffer *out, size_t *count, cf_error *error)
{
    static const char ASKED[] =
        "SELECT sql FROM main.sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' AND "
        "tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = "
        "'shadow') ORDER BY rowid";
    sqlite3_stmt *statement = NULL;
    bool row = false;

    cf_status status = cf_database_prepare(database, cf_bytes_of_text(ASKED), &statement, error);
    if (!status)
        status = cf_database_step(statement, &row, error);
    while (!status && row && out->size <= CF_DATABASE_LAYOUT_MAX) {
        cf_pack_text(out, cf_database_text(statement, 0));
        ++*count;
        status = cf_database_step(statement, &row, error);
    }
    sqlite3_finalize(statement);
    return status;
}

cf_status cf_database_layout_pack(sqlite3 *database, cf_buffer *out, cf_error *error)
{
    cf_buffer value = {0}, statements = {0};
    size_t count = 0;

    cf_pack_array(&value, ELEMENTS);
    cf_status status = pack_traits(database, &value, error);
    if (!status)
        status = pack_statements(database, &statements, &count, error);
    cf_pack_array(&value, count);
    cf_buffer_append(&value, statements.data, statements.size);
    if (!status && count && count <= CF_DATABASE_STATEMENTS_MAX &&
        value.size <= CF_DATABASE_LAYOUT_MAX)
        cf_buffer_append(out, value.data, value.size);
    cf_buffer_release(&value);
    cf_buffer_release(&statements);
    return status;
}

bool cf_database_layout_works(cf_bytes value)
{
    cf_database_layout layout;
    cf_buffer made = {0};
    cf_arena arena = {0};
    cf_error ignored;

    const bool works = cf_database_layout_read(value, &arena, &layout, &ignored) == CF_OK &&
                       cf_database_layout_make(&layout, &made, &ignored) == CF_OK;
    cf_buffer_release(&made);
    cf_arena_release(&arena);
    return works;
}
