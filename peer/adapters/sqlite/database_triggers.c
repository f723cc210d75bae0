/* SPDX-License-Identifier: Apache-2.0 */
/* Which triggers fire while rows are applied. All of them are off, since what they did where the
 * user was arrives as rows. But what they write that isn't synced (the index of a full-text search,
 * a table without a key) doesn't arrive: such a trigger is made once more as a temporary one, which
 * does fire, and nobody else sees. Of what it does to synced rows nothing is done. */
#include "peer/adapters/sqlite/database_triggers.h"

#include <string.h>

static const char CREATE[] = "CREATE TRIGGER ";

/* What a trigger writes, as the preparation of its table's statements tells. */
typedef struct {
    cf_schema_reading *reading;
    const char *name;
    bool synced, unsynced, deletes; /* the latter of what is synced */
    bool follows;                   /* this time what is not synced is marked */
} writes;

static int note_write(void *context, int action, const char *table, const char *column,
                      const char *schema, const char *trigger)
{
    writes *self = context;

    (void)column;
    (void)schema;
    if (!trigger || sqlite3_stricmp(trigger, self->name) != 0 ||
        (action != SQLITE_INSERT && action != SQLITE_UPDATE && action != SQLITE_DELETE))
        return SQLITE_OK;
    cf_found_table *found = cf_schema_found(self->reading, cf_bytes_of_text(table));
    if (found && !found->refused) {
        self->synced = true;
        self->deletes |= action == SQLITE_DELETE;
    } else {
        self->unsynced = true;
        if (found && self->follows)
            found->followed = true;
    }
    return SQLITE_OK;
}

/* Every statement that may make a trigger of the table fire. */
static cf_status prepare_all(cf_schema_reading *self, const cf_found_table *found, cf_error *error)
{
    static const char *const parts[][2] = {{"INSERT INTO main.", " DEFAULT VALUES"},
                                           {"DELETE FROM main.", ""},
                                           {"UPDATE main.", " SET "}};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < 3; i++) {
        cf_buffer sql = {0};
        sqlite3_stmt *statement = NULL;

        cf_buffer_append_text(&sql, "%s", parts[i][0]);
        cf_database_name(found->table.name, &sql);
        cf_buffer_append_text(&sql, "%s", parts[i][1]);
        for (size_t k = 0; i == 2 && k < found->table.count; k++) {
            cf_buffer_append_text(&sql, k ? ", " : "");
            cf_database_name(found->table.columns[k].name, &sql);
            cf_buffer_append_text(&sql, " = NULL");
        }
        status = cf_database_prepare(self->database, cf_buffer_view(&sql), &statement, error);
        sqlite3_finalize(statement);
        cf_buffer_release(&sql);
    }
    return status;
}

/* Prepares them with this trigger and no other. */
static cf_status try_trigger(cf_schema_reading *self, const cf_found_table *found, const char *sql,
                             writes *out, cf_error *error)
{
    cf_buffer drop = {0};
    cf_status status = cf_database_run(self->database, sql, error);

    if (status)
        return status;
    sqlite3_set_authorizer(self->database, note_write, out);
    status = prepare_all(self, found, error);
    sqlite3_set_authorizer(self->database, NULL, NULL);
    cf_buffer_append_text(&drop, "DROP TRIGGER temp.");
    cf_database_name(cf_bytes_of_text(out->name), &drop);
    cf_buffer_append(&drop, "", 1);
    cf_error ignored;
    cf_database_run(self->database, (const char *)drop.data, &ignored);
    cf_buffer_release(&drop);
    return status;
}

static void follow(cf_schema_reading *self, const char *sql)
{
    cf_database_schema *schema = self->schema;
    const char **all = cf_arena_allocate(&schema->arena, schema->follower_count + 1, sizeof *all);

    if (schema->follower_count)
        memcpy(all, schema->followers, schema->follower_count * sizeof *all);
    all[schema->follower_count++] = sql;
    schema->followers = all;
}

static void refuse(cf_schema_reading *self, cf_found_table *found, const char *trigger,
                   const char *reason)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "its trigger %s can't be followed: %s", trigger, reason);
    if (!found->refused)
        found->refused = cf_arena_text(&self->schema->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
}

/* name, table, SQL */
static cf_status see_trigger(cf_schema_reading *self, sqlite3_stmt *row, void *context,
                             cf_error *error)
{
    cf_arena *arena = &self->schema->arena;
    cf_found_table *found = cf_schema_found(self, cf_database_text(row, 1));
    cf_bytes made = cf_database_text(row, 2);
    size_t prefix = sizeof CREATE - 1;
    cf_buffer sql = {0};
    writes seen = {.reading = self, .name = cf_arena_text(arena, cf_database_text(row, 0))};

    (void)context;
    if (!found || found->unwanted || !found->table.count || made.size < prefix ||
        memcmp(made.data, CREATE, prefix) != 0)
        return CF_OK;
    cf_buffer_append_text(&sql, "CREATE TEMP TRIGGER ");
    cf_buffer_append(&sql, made.data + prefix, made.size - prefix);
    const char *temporary = cf_arena_text(arena, cf_buffer_view(&sql));
    cf_buffer_release(&sql);
    cf_status status = try_trigger(self, found, temporary, &seen, error);
    if (status == CF_LOCKED || status == CF_MALFORMED)
        return status;
    if (status) {
        refuse(self, found, seen.name, error->text);
    } else if (seen.unsynced && seen.deletes) {
        refuse(self, found, seen.name, "it deletes rows, and writes what is not synced");
    } else if (seen.unsynced) {
        seen.follows = true;
        status = try_trigger(self, found, temporary, &seen, error);
        follow(self, temporary);
        return status;
    }
    return CF_OK;
}

cf_status cf_schema_find_followers(cf_schema_reading *self, cf_error *error)
{
    return cf_schema_each(self,
                          "SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = "
                          "'trigger' ORDER BY rowid",
                          (cf_bytes){0}, see_trigger, NULL, error);
}
