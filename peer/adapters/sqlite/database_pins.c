/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of tables that are synced to which rows of other tables refer: those nobody asks for, or
 * that can't be synced. What becomes of the latter only their program knows. */
#include <stdlib.h>

#include "codec/hash_table.h"
#include "peer/adapters/sqlite/database_inside.h"
#include "peer/adapters/sqlite/database_tables.h"

/* A foreign key of a table that isn't synced, to one that is. */
typedef struct {
    cf_bytes child, parent;
    int64_t number; /* of it in its table */
    cf_bytes *from, *to;
    size_t count;
} left_key;

typedef struct {
    sqlite3 *database;
    const cf_database_schema *schema;
    cf_arena arena;
    left_key *keys;
    size_t count, capacity;
} left_keys;

/* ---- Foreign keys ---- */

static size_t place_of(const cf_database_schema *schema, cf_bytes table)
{
    size_t place = 0;

    while (place < schema->count && !cf_sql_name_equal(schema->tables[place].name, table))
        place++;
    return place;
}

static const cf_database_column *column_of(const cf_database_table *table, cf_bytes name)
{
    for (size_t i = 0; i < table->count; i++)
        if (cf_sql_name_equal(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

static void append(left_keys *self, cf_bytes **names, size_t count, cf_bytes name)
{
    cf_bytes *list = cf_arena_allocate(&self->arena, count + 1, sizeof *list);

    if (count)
        memcpy(list, *names, count * sizeof *list);
    list[count] = name;
    *names = list;
}

static cf_bytes keep(left_keys *self, sqlite3_stmt *row, int column)
{
    return cf_arena_copy(&self->arena, cf_database_text(row, column));
}

/* table, number, place in it, parent, from, to or NULL: the primary key */
static void add_part(left_keys *self, sqlite3_stmt *row)
{
    cf_bytes child = keep(self, row, 0), parent = keep(self, row, 3), to = keep(self, row, 5);
    size_t place = place_of(self->schema, parent), part = (size_t)sqlite3_column_int64(row, 2);

    if (place == self->schema->count || place_of(self->schema, child) < self->schema->count)
        return;
    const cf_database_table *table = &self->schema->tables[place];
    if (part == 0) {
        *cf_one_more(self->keys, self->count, self->capacity) = (left_key){
            .child = child, .parent = table->name, .number = sqlite3_column_int64(row, 1)};
    }
    left_key *key = &self->keys[self->count - 1];
    if (!to.size && part < table->key_count)
        to = table->columns[table->keys[part]].name;
    append(self, &key->from, key->count, keep(self, row, 4));
    append(self, &key->to, key->count, to);
    key->count++;
}

static cf_status read_keys(left_keys *self, cf_error *error)
{
    static const char SQL[] =
        "SELECT child.name, part.id, part.seq, part.\"table\", part.\"from\", part.\"to\" "
        "FROM pragma_table_list AS child, pragma_foreign_key_list(child.name, 'main') AS part "
        "WHERE child.schema = 'main' AND child.type = 'table' "
        "ORDER BY child.name, part.id, part.seq";
    sqlite3_stmt *statement = NULL;
    bool more = false;

    cf_status status =
        cf_database_prepare(self->database, cf_bytes_of_text(SQL), &statement, error);
    if (!status)
        status = cf_database_step(statement, &more, error);
    while (!status && more) {
        add_part(self, statement);
        status = cf_database_step(statement, &more, error);
    }
    sqlite3_finalize(statement);
    return status;
}

/* One that refers to no column that is there says nothing. */
static bool is_sound(const left_keys *self, const left_key *key)
{
    const cf_database_table *parent = &self->schema->tables[place_of(self->schema, key->parent)];
    bool sound = true;

    for (size_t i = 0; i < key->count; i++)
        sound &= column_of(parent, key->to[i]) != NULL;
    return sound;
}

/* ---- The rows that foreign keys lead to ---- */

static void list_names(const cf_bytes *names, size_t count, cf_buffer *sql)
{
    for (size_t i = 0; i < count; i++) {
        cf_buffer_append_text(sql, i ? ", " : "");
        cf_database_name(names[i], sql);
    }
}

static void write_where(const left_key *key, cf_buffer *sql)
{
    cf_buffer_append_text(sql, " WHERE (");
    list_names(key->to, key->count, sql);
    cf_buffer_append_text(sql, ") IN (SELECT ");
    list_names(key->from, key->count, sql);
    cf_buffer_append_text(sql, " FROM main.");
    cf_database_name(key->child, sql);
    cf_buffer_append_text(sql, ")");
}

static cf_status read_rows(const left_keys *self, const left_key *key, cf_record_file *out,
                           cf_error *error)
{
    cf_buffer where = {0};

    write_where(key, &where);
    cf_status status =
        cf_database_table_read(self->database, self->schema, place_of(self->schema, key->parent),
                               cf_buffer_view(&where), out, error);
    cf_buffer_release(&where);
    return status;
}

static uint64_t hash_rows(uint64_t seed, const cf_record_file *found)
{
    for (size_t i = 0; i < found->count; i++) {
        cf_buffer packed = {0};

        cf_row_pack(&found->rows[i], &packed);
        seed = cf_hash_bytes(seed, cf_buffer_view(&packed));
        cf_buffer_release(&packed);
    }
    return seed;
}

/* What the key doesn't say of what they refer to. */
static const cf_bytes *fields_of(const left_keys *self, const left_key *key, cf_arena *arena,
                                 size_t *count)
{
    const cf_database_table *parent = &self->schema->tables[place_of(self->schema, key->parent)];
    cf_bytes *fields = cf_arena_allocate(arena, key->count, sizeof *fields);

    *count = 0;
    for (size_t i = 0; i < key->count; i++) {
        cf_bytes field = column_of(parent, key->to[i])->field;

        if (field.size)
            fields[(*count)++] = cf_arena_copy(arena, field);
    }
    return fields;
}

static void add_pins(const left_keys *self, const left_key *key, const cf_record_file *found,
                     cf_record_file *out)
{
    size_t count;
    const cf_bytes *fields = fields_of(self, key, &out->arena, &count);
    cf_row_pin *pins = cf_arena_allocate(&out->arena, out->pin_count + found->count, sizeof *pins);

    if (out->pin_count)
        memcpy(pins, out->pins, out->pin_count * sizeof *pins);
    for (size_t i = 0; i < found->count; i++)
        pins[out->pin_count++] =
            (cf_row_pin){cf_arena_copy(&out->arena, found->rows[i].table),
                         cf_arena_copy(&out->arena, found->rows[i].key), fields, count};
    out->pins = pins;
}

cf_status cf_database_pins_read(sqlite3 *database, const cf_database_schema *schema,
                                const cf_rows *base, cf_record_file *out, cf_error *error)
{
    left_keys self = {.database = database, .schema = schema};

    out->pins_hash = 0;
    cf_status status = read_keys(&self, error);
    for (size_t i = 0; !status && i < self.count; i++) {
        cf_record_file found = {0};

        if (!is_sound(&self, &self.keys[i]))
            continue;
        status = read_rows(&self, &self.keys[i], &found, error);
        out->pins_hash = hash_rows(out->pins_hash, &found);
        if (base)
            cf_database_give_keys(schema, base, &found);
        if (found.count)
            add_pins(&self, &self.keys[i], &found, out);
        cf_record_file_release(&found);
    }
    free(self.keys);
    cf_arena_release(&self.arena);
    return status;
}
