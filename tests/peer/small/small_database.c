/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/small_database.h"

#include "peer/log/catalog.h"
#include "tests/peer/small/small_inside.h"
#include "tests/support/expect.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER = 5, SQL_MAX = 2048, BLOCK = 4096 };

static void path_of(const small_device *self, char path[COPY_PATH])
{
    snprintf(path, COPY_PATH, "%.100s.db", self->folder);
}

/* ---- Binding ---- */

static void bind(small_device *self, const cf_id *collection, const char *exclude)
{
    cf_peer *peer = cf_engine_peer(self->engine);
    char path[COPY_PATH];
    cf_binding *binding;
    cf_error error;

    path_of(self, path);
    const cf_binding_options options = {.number = NUMBER,
                                        .collection = *collection,
                                        .format = CF_FORMAT_SQLITE,
                                        .path = path,
                                        .exclude = &exclude,
                                        .exclude_count = exclude != NULL};
    must(cf_binding_new(&options, &binding, &error), &error, "database");
    binding->meets = self->number ? CF_MEETS_OLD : CF_MEETS_NEW;
    must(cf_binding_save(peer, binding, &error), &error, "database");
    must(cf_engine_take_binding(self->engine, binding, &error), &error, "database");
}

void small_world_bind_databases(small_world *self, const database_layout *layout)
{
    const cf_catalog_new new = {.name = "base", .format = CF_FORMAT_SQLITE};
    cf_error error;
    cf_id collection;

    must(cf_catalog_make(cf_engine_peer(self->devices[0].engine), &new, self->now_ms, &collection,
                         &error),
         &error, "collection");
    for (int i = 0; i < self->count; i++) {
        user_counts(&self->devices[i], 0, "PRAGMA journal_mode = %s", layout->journal);
        cr_assert(user_runs(&self->devices[i], "%s", layout->tables));
        bind(&self->devices[i], &collection, i == self->count - 1 ? layout->exclude : NULL);
        small_device_sync(&self->devices[0]);
        small_device_sync(&self->devices[i]);
    }
}

/* ---- Its program ---- */

static sqlite3 *open_database(const small_device *self)
{
    sqlite3 *database;
    char path[COPY_PATH];

    path_of(self, path);
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(database, "PRAGMA foreign_keys = ON", NULL, NULL, NULL), SQLITE_OK);
    return database;
}

static void close_database(sqlite3 *database)
{
    cr_assert_eq(sqlite3_close(database), SQLITE_OK);
}

bool user_runs(small_device *self, const char *format, ...)
{
    char sql[SQL_MAX];
    va_list arguments;
    sqlite3 *database = open_database(self);

    va_start(arguments, format);
    vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    cr_assert_eq(sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const int result = sqlite3_exec(database, sql, NULL, NULL, NULL);
    cr_assert(result == SQLITE_OK || result == SQLITE_CONSTRAINT, "%s: %s", sql,
              sqlite3_errmsg(database));
    cr_assert_eq(sqlite3_exec(database, result ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL),
                 SQLITE_OK);
    close_database(database);
    return result == SQLITE_OK;
}

static sqlite3_stmt *prepare(sqlite3 *database, const char *format, va_list arguments)
{
    char sql[SQL_MAX];
    sqlite3_stmt *rows;

    vsnprintf(sql, sizeof sql, format, arguments);
    cr_assert_eq(sqlite3_prepare_v2(database, sql, -1, &rows, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(database));
    return rows;
}

long user_counts(const small_device *self, long none, const char *format, ...)
{
    sqlite3 *database = open_database(self);
    va_list arguments;
    long found = none;

    va_start(arguments, format);
    sqlite3_stmt *rows = prepare(database, format, arguments);
    va_end(arguments);
    if (sqlite3_step(rows) == SQLITE_ROW && sqlite3_column_type(rows, 0) != SQLITE_NULL)
        found = (long)sqlite3_column_int64(rows, 0);
    sqlite3_finalize(rows);
    close_database(database);
    return found;
}

void user_lists(const small_device *self, cf_buffer *out, const char *format, ...)
{
    sqlite3 *database = open_database(self);
    va_list arguments;

    va_start(arguments, format);
    sqlite3_stmt *rows = prepare(database, format, arguments);
    va_end(arguments);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(rows); i++) {
            const unsigned char *text = sqlite3_column_text(rows, i);

            cf_buffer_append_text(out, "%s%s", i ? "|" : "", text ? (const char *)text : "NULL");
        }
        cf_buffer_append_text(out, "\n");
    }
    sqlite3_finalize(rows);
    close_database(database);
}

sqlite3 *user_holds_database(const small_device *self)
{
    sqlite3 *database = open_database(self);

    cr_assert_eq(sqlite3_exec(database, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    return database;
}

void user_lets_go(sqlite3 *held)
{
    cr_assert_eq(sqlite3_exec(held, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    close_database(held);
}

/* ---- Copies ---- */

void name_copy(const small_world *in, const char *name, char path[COPY_PATH])
{
    snprintf(path, COPY_PATH, "%.60s/%.40s", in->path, name);
}

static void copy_bytes(const char *from, const char *to)
{
    char block[BLOCK];
    size_t size;
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");

    cr_assert(in, "%s", from);
    cr_assert(out, "%s", to);
    while ((size = fread(block, 1, sizeof block, in)) > 0)
        cr_assert_eq(fwrite(block, 1, size, out), size);
    fclose(in);
    cr_assert_eq(fclose(out), 0);
}

void user_copies_database(const small_device *self, const char *copy)
{
    char path[COPY_PATH];

    user_counts(self, 0, "PRAGMA wal_checkpoint(TRUNCATE)");
    path_of(self, path);
    copy_bytes(path, copy);
}

void user_puts_database(const small_device *self, const char *copy, bool in_place)
{
    char path[COPY_PATH], beside[COPY_PATH + 8];

    path_of(self, path);
    snprintf(beside, sizeof beside, "%s.put", path);
    if (in_place) {
        copy_bytes(copy, path);
        return;
    }
    copy_bytes(copy, beside);
    cr_assert_eq(rename(beside, path), 0);
}

/* ---- What is said of it ---- */

static void status_of(small_device *self, cf_arena *arena, cf_binding_status *out)
{
    for (size_t i = 0;; i++) {
        const cf_binding *binding = cf_engine_binding_at(self->engine, i);

        if (binding->number != NUMBER)
            continue;
        cf_engine_status(self->engine, binding, arena, out);
        return;
    }
}

cf_status database_trouble(small_device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    status_of(self, &arena, &status);
    cf_arena_release(&arena);
    return status.trouble;
}

size_t database_conflicts(small_device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    status_of(self, &arena, &status);
    cf_arena_release(&arena);
    return status.conflict_count;
}

void database_pending(small_device *self, cf_buffer *out)
{
    cf_arena arena = {0};
    cf_binding_status status;

    status_of(self, &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        cf_buffer_append_text(out, "%.*s: %s\n", (int)status.pending[i].path.size,
                              (const char *)status.pending[i].path.data,
                              status.pending[i].reason ? status.pending[i].reason : "waits");
    cf_arena_release(&arena);
}
