/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/adapters/database.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

database *database_arrive(void)
{
    database *self = cf_allocate(1, sizeof *self);

    temporary_pattern(self->folder, sizeof self->folder, "database");
    cr_assert(mkdtemp(self->folder));
    snprintf(self->path, sizeof self->path, "%s/a%%?#b.db", self->folder);
    cr_assert_eq(sqlite3_open(self->path, &self->other), SQLITE_OK);
    self->base = cf_rows_new();
    return self;
}

void database_leave(database **self)
{
    char command[128];

    sqlite3_close((*self)->other);
    cf_database_schema_release(&(*self)->schema);
    cf_record_file_release(&(*self)->rows);
    cf_rows_destroy(&(*self)->base);
    snprintf(command, sizeof command, "rm -rf %s", (*self)->folder);
    cr_assert_eq(system(command), 0);
    free(*self);
    *self = NULL;
}

void database_does(database *self, const char *sql)
{
    char *text = NULL;

    sqlite3_exec(self->other, sql, NULL, NULL, &text);
    cr_assert_null(text, "%s", text);
}

void expect_query(database *self, const char *sql, const char *text)
{
    sqlite3_stmt *statement;
    cf_buffer found = {0};

    cr_assert_eq(sqlite3_prepare_v2(self->other, sql, -1, &statement, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(self->other));
    if (sqlite3_step(statement) == SQLITE_ROW)
        cf_buffer_append_text(&found, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    expect_written(&found, text);
}

cf_status database_read(database *self)
{
    sqlite3 *ours = NULL;

    cf_database_schema_release(&self->schema);
    cf_record_file_release(&self->rows);
    cf_status status = cf_database_open(self->path, false, &ours, &self->error);
    if (!status)
        status = cf_database_run(ours, "BEGIN", &self->error);
    if (!status)
        status = cf_database_schema_read(ours, NULL, &self->schema, &self->error);
    if (!status)
        status = cf_database_rows_read(ours, &self->schema, self->base, &self->rows, &self->error);
    cf_database_close(&ours);
    return status;
}

static void print_bytes(cf_buffer *out, const char *before, cf_bytes bytes)
{
    cf_buffer_append_text(out, "%s%.*s", before, (int)bytes.size, (const char *)bytes.data);
}

static bool is_named(const cf_bytes *names, size_t count, cf_bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(names[i], name))
            return true;
    return false;
}

static void print_preset(cf_buffer *out, const cf_format_table *format, cf_bytes field)
{
    for (size_t i = 0; i < format->preset_count; i++)
        if (cf_bytes_equal(format->presets[i].name, field)) {
            cf_buffer_append_text(out, format->presets[i].stands ? "==" : "=");
            cf_value_json(format->presets[i].value, out);
        }
}

void expect_schema(database *self, const char *text)
{
    static const char *const kinds[] = {"serial", "natural", "tuple"};
    static const char *const collations[] = {"", "^", "$"};
    cf_buffer out = {0};

    for (size_t i = 0; i < self->schema.count; i++) {
        const cf_schema_table *table = &self->schema.schema.tables[i];
        const cf_format_table *format = &self->schema.format.tables[i];

        print_bytes(&out, "", table->name);
        cf_buffer_append_text(&out, "(%s)", kinds[self->schema.tables[i].key_kind]);
        for (size_t k = 0; k < format->field_count; k++) {
            cf_field_rule rule = cf_schema_field(table, format->fields[k].name);

            print_bytes(&out, " ", format->fields[k].name);
            if (is_named(table->required, table->required_count, rule.name))
                cf_buffer_append_text(&out, "!");
            if (rule.merge == CF_MERGE_REFERENCE)
                print_bytes(&out, rule.owned ? ">>" : ">", rule.table);
            print_preset(&out, format, rule.name);
        }
        for (size_t k = 0; k < table->unique_count; k++) {
            cf_buffer_append_text(&out, " unique(");
            for (size_t n = 0; n < table->unique[k].count; n++) {
                print_bytes(&out, n ? "," : "", table->unique[k].names[n]);
                cf_buffer_append_text(&out, "%s",
                                      collations[cf_unique_collation(&table->unique[k], n)]);
            }
            cf_buffer_append_text(&out, ")");
        }
        cf_buffer_append_text(&out, "\n");
    }
    expect_written(&out, text);
}

void expect_notices(database *self, const char *text)
{
    cf_buffer out = {0};

    for (size_t i = 0; i < self->schema.notice_count; i++) {
        print_bytes(&out, "", self->schema.notices[i].name);
        cf_buffer_append_text(&out, ": %s\n", self->schema.notices[i].reason);
    }
    expect_written(&out, text);
}

void expect_database(database *self, const char *text)
{
    cf_buffer out = {0};

    expect_ok(database_read(self), self->error);
    for (size_t i = 0; i < self->rows.count; i++) {
        cf_record_file one = {.rows = &self->rows.rows[i], .count = 1};

        print_bytes(&out, "", self->rows.rows[i].table);
        cf_buffer_append_text(&out, " ");
        print_rows(&one, &out);
    }
    expect_written(&out, text);
}

cf_status database_write(database *self, const database *from, cf_database_outcome *out)
{
    return cf_database_rows_write(self->path, &self->schema, self->base, &self->rows,
                                  from->rows.rows, from->rows.count, out, &self->error);
}

void expect_refusals(const cf_database_outcome *outcome, const char *text)
{
    cf_buffer out = {0};

    for (size_t i = 0; i < outcome->count; i++) {
        print_bytes(&out, "", outcome->refusals[i].table);
        cf_buffer_append_text(&out, " ");
        cf_value_json(outcome->refusals[i].key, &out);
        cf_buffer_append_text(&out, " %s\n", outcome->refusals[i].reason);
    }
    expect_written(&out, text);
}
