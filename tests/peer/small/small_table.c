/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/small_table.h"

#include "peer/adapters/record_format.h"
#include "peer/log/catalog_schema.h"
#include "tests/peer/small/small_inside.h"
#include "tests/support/bound_source.h"
#include "tests/support/columns.h"

#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH = 160 };

static void path_of(const small_device *self, char path[PATH])
{
    snprintf(path, PATH, "%s.csv", self->folder);
}

/* ---- Binding ---- */

cf_binding *small_device_bind_table(small_device *self, const table_place *where)
{
    static const char *const keys[] = {"id"};
    char path[PATH];

    path_of(where->at ? where->at : self, path);
    return bind_source(self->engine,
                       &(bound_source){.collection = "table",
                                       .options = {.number = where->number,
                                                   .format = CF_FORMAT_CSV,
                                                   .mode = where->mode,
                                                   .path = path,
                                                   .include = &where->include,
                                                   .include_count = where->include != NULL,
                                                   .keys = keys,
                                                   .key_count = 1}});
}

small_device table_beside(const small_device *self)
{
    small_device beside = {.in = self->in, .number = self->number};

    snprintf(beside.folder, sizeof beside.folder, "%.100s-beside", self->folder);
    return beside;
}

void small_world_count_up(small_world *self)
{
    cf_schema_table counted = cf_schema_records.tables[0];
    cf_schema schema = {&counted, 1};
    small_device *first = &self->devices[0];
    cf_id collection = collection_named(first->engine, "table");
    cf_error error;

    counted.serial = true;
    must(cf_catalog_write_schema(cf_engine_peer(first->engine), &collection, &schema, self->now_ms,
                                 &error),
         &error, "schema");
}

void small_world_bind_tables(small_world *self)
{
    for (int i = 0; i < self->count; i++)
        small_device_bind_table(&self->devices[i], &(table_place){.number = TABLE_NUMBER});
}

/* ---- Rows ---- */

void table_release(table *self)
{
    for (size_t i = 0; i < self->count; i++)
        cf_buffer_release(&self->at[i].note);
    free(self->at);
    *self = (table){0};
}

table_row *table_add(table *self, long id, long balance, cf_bytes note)
{
    table_row *row = cf_one_more(self->at, self->count, self->capacity);
    *row = (table_row){.id = id, .balance = balance};
    cf_buffer_append(&row->note, note.data, note.size);
    return row;
}

table_row *table_find(const table *self, long id)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].id == id)
            return &self->at[i];
    return NULL;
}

void table_drop(table *self, long id)
{
    table_row *row = table_find(self, id);

    if (!row)
        return;
    cf_buffer_release(&row->note);
    *row = self->at[--self->count];
}

bool tables_equal(const table *a, const table *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const table_row *other = table_find(b, a->at[i].id);

        if (!other || other->balance != a->at[i].balance ||
            !cf_bytes_equal(cf_buffer_view(&other->note), cf_buffer_view(&a->at[i].note)))
            return false;
    }
    return a->count == b->count;
}

/* ---- Files ---- */

static void write_row(FILE *file, const table_row *row)
{
    char balance[24] = "";

    if (row->balance != TABLE_NO_BALANCE)
        snprintf(balance, sizeof balance, "%ld", row->balance);
    fprintf(file, "%ld,%s,%.*s\n", row->id, balance, (int)row->note.size,
            (const char *)row->note.data);
}

void user_writes_table(small_device *self, const table *what)
{
    char path[PATH], beside[PATH + 4];

    path_of(self, path);
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "w");
    if (!file)
        abort();
    fputs("id,balance,note\n", file);
    for (size_t i = 0; i < what->count; i++)
        write_row(file, &what->at[i]);
    if (fclose(file) || rename(beside, path))
        abort();
}

int user_opens_table(const small_device *self)
{
    char path[PATH];

    path_of(self, path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        abort();
    return file;
}

/* A device that makes the file has the columns that it needs. */
enum { COLUMNS_MAX = 3 };

static void take_line(table *out, char *const names[], char *const cells[], size_t count)
{
    table_row *row = table_add(out, 0, TABLE_NO_BALANCE, cf_bytes_of_text(""));

    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], "id") == 0)
            row->id = strtol(cells[i], NULL, 10);
        else if (strcmp(names[i], "balance") == 0 && *cells[i])
            row->balance = strtol(cells[i], NULL, 10);
        else if (strcmp(names[i], "note") == 0)
            cf_buffer_append_text(&row->note, "%s", cells[i]);
}

bool user_reads_table(const small_device *self, table *out)
{
    char path[PATH];
    char *head = NULL, *line = NULL, *names[COLUMNS_MAX], *cells[COLUMNS_MAX];
    size_t head_size = 0, size = 0;

    path_of(self, path);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    if (getline(&head, &head_size, file) > 0) {
        size_t count = columns_of(head, names, COLUMNS_MAX);

        while (getline(&line, &size, file) > 0)
            if (columns_of(line, cells, COLUMNS_MAX) == count)
                take_line(out, names, cells, count);
    }
    free(head);
    free(line);
    fclose(file);
    return true;
}

bool small_world_tables_equal(small_world *self, cf_buffer *difference)
{
    table first = {0};
    bool there = user_reads_table(&self->devices[0], &first), equal = true;

    for (int i = 1; equal && i < self->count; i++) {
        table other = {0};

        equal =
            user_reads_table(&self->devices[i], &other) == there && tables_equal(&first, &other);
        if (!equal)
            cf_buffer_append_text(difference, "device %d has %zu rows, the first %zu", i,
                                  other.count, first.count);
        table_release(&other);
    }
    table_release(&first);
    return equal;
}

void user_writes_rows(small_device *self, long count, long balance, long without)
{
    table rows = {0};

    for (long id = 1; id <= count; id++)
        if (id != without)
            table_add(&rows, id, balance, cf_bytes_of_text("note"));
    user_writes_table(self, &rows);
    table_release(&rows);
}

void user_writes_row(small_device *self, long id)
{
    table rows = {0};

    table_add(&rows, id, 1, cf_bytes_of_text("row"));
    user_writes_table(self, &rows);
    table_release(&rows);
}

void user_sets_balance(small_device *self, long id, long balance)
{
    table rows = {0};

    if (!user_reads_table(self, &rows) || !table_find(&rows, id))
        abort();
    table_find(&rows, id)->balance = balance;
    user_writes_table(self, &rows);
    table_release(&rows);
}

bool user_has_row(const small_device *self, long id)
{
    table rows = {0};

    bool there = user_reads_table(self, &rows) && table_find(&rows, id);
    table_release(&rows);
    return there;
}

cf_bytes noise_text(small_world *in, size_t size, cf_arena *arena)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    char *text = cf_arena_allocate(arena, size, 1);

    for (size_t i = 0; i < size; i++)
        text[i] = letters[chance_below(&in->chance, sizeof letters - 1)];
    return cf_bytes_of(text, size);
}
