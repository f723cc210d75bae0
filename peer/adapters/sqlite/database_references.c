/* SPDX-License-Identifier: Apache-2.0 */
/* How the tables of a database refer to each other. */
#include "peer/adapters/sqlite/database_references.h"

/* ---- Foreign keys ---- */

typedef struct {
    cf_found_table *found;
    int64_t id; /* of the last one */
} foreign_reading;

static void append_name(cf_schema_reading *self, const cf_bytes **names, size_t count,
                        cf_bytes name)
{
    cf_bytes *list = cf_arena_allocate(&self->schema->arena, count + 1, sizeof *list);

    if (count)
        memcpy(list, *names, count * sizeof *list);
    list[count] = name;
    *names = list;
}

/* id, place in it, table, from, to or NULL: the primary key, what a delete does */
static cf_status add_foreign(cf_schema_reading *self, sqlite3_stmt *row, void *context,
                             cf_error *error)
{
    foreign_reading *reading = context;
    cf_database_table *table = &reading->found->table;
    cf_foreign_key *last = table->foreign_count ? &table->foreign[table->foreign_count - 1] : NULL;
    size_t place = (size_t)sqlite3_column_int64(row, 1);
    cf_bytes cascade = cf_bytes_of_text("CASCADE");

    (void)error;
    if (!last || reading->id != sqlite3_column_int64(row, 0)) {
        cf_foreign_key *all =
            cf_arena_allocate(&self->schema->arena, table->foreign_count + 1, sizeof *all);

        if (last)
            memcpy(all, table->foreign, table->foreign_count * sizeof *all);
        table->foreign = all;
        last = &table->foreign[table->foreign_count++];
        last->parent = cf_schema_keep(self, row, 2);
        last->cascades = cf_sql_name_equal(cf_schema_keep(self, row, 5), cascade);
        reading->id = sqlite3_column_int64(row, 0);
    }
    const cf_found_table *parent = cf_schema_found(self, last->parent);
    cf_bytes to = cf_schema_keep(self, row, 4);
    if (!to.size && parent && place < parent->table.key_count)
        to = parent->table.columns[parent->table.keys[place]].name;
    append_name(self, &last->from, last->count, cf_schema_keep(self, row, 3));
    append_name(self, &last->to, last->count, to);
    last->count++;
    return CF_OK;
}

/* One that refers to no column that is there says nothing. */
static bool is_sound(const cf_schema_reading *self, const cf_database_table *table,
                     const cf_foreign_key *key)
{
    const cf_found_table *parent = cf_schema_found(self, key->parent);
    const cf_found_table child = {.table = *table};
    bool sound = parent && !parent->virtual;

    for (size_t i = 0; sound && i < key->count; i++)
        sound = cf_found_column(parent, key->to[i]) < parent->table.count &&
                cf_found_column(&child, key->from[i]) < table->count;
    return sound;
}

static void drop_unsound(const cf_schema_reading *self, cf_database_table *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->foreign_count; i++)
        if (is_sound(self, table, &table->foreign[i]))
            table->foreign[kept++] = table->foreign[i];
    table->foreign_count = kept;
}

static cf_status read_foreign(cf_schema_reading *self, cf_found_table *found, cf_error *error)
{
    foreign_reading reading = {.found = found};
    cf_status status = cf_schema_each(self,
                                      "SELECT id, seq, \"table\", \"from\", \"to\", on_delete "
                                      "FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq",
                                      found->table.name, add_foreign, &reading, error);

    if (!status)
        drop_unsound(self, &found->table);
    return status;
}

/* ---- What nobody declares ---- */

/* Why it can't be; NULL: it can. */
static const char *wrong_with(const cf_schema_reading *self, const cf_found_table *found,
                              const cf_named_reference *named)
{
    const cf_found_table *parent = cf_schema_found(self, named->parent);

    if (cf_found_column(found, named->column) == found->table.count)
        return "which it doesn't have";
    if (!parent || parent->refused)
        return "to a table that isn't synced";
    return parent->table.key_count == 1 ? NULL : "to a table whose key has several columns";
}

static void add_named(cf_schema_reading *self, const cf_named_reference *named)
{
    cf_found_table *found = cf_schema_found(self, named->table);
    const char *wrong =
        found && !found->refused ? wrong_with(self, found, named) : "but the table isn't synced";
    cf_arena *arena = &self->schema->arena;

    if (wrong) {
        cf_schema_notice(self, CF_NOTICE_TROUBLE, named->table,
                         "the map says that a column %.*s refers, %s", (int)named->column.size,
                         (const char *)named->column.data, wrong);
        return;
    }
    const cf_database_table *parent = &cf_schema_found(self, named->parent)->table;
    cf_database_table *table = &found->table;
    cf_foreign_key *all = cf_arena_allocate(arena, table->foreign_count + 1, sizeof *all);
    cf_bytes *names = cf_arena_allocate(arena, 2, sizeof *names);

    names[0] = table->columns[cf_found_column(found, named->column)].name;
    names[1] = parent->columns[parent->keys[0]].name;
    if (table->foreign_count)
        memcpy(all, table->foreign, table->foreign_count * sizeof *all);
    all[table->foreign_count++] =
        (cf_foreign_key){.parent = parent->name, .from = &names[0], .to = &names[1], .count = 1};
    table->foreign = all;
}

/* ---- What a column stands for ---- */

typedef struct {
    const cf_found_table *found;
    size_t column;
    bool cascades; /* the foreign key that leads there */
} place;

/* What a key is made of is the same whoever asks for which tables. `members (person, grp)` joins
 * two that count up; without `people` here, its key is no pair of numbers all the same. */
static bool is_known(const cf_found_table *found)
{
    return !found->refused || found->unwanted;
}

/* Where the column's foreign key leads; no table: it has none. */
static place follow(const cf_schema_reading *self, place from)
{
    const cf_database_table *table = &from.found->table;
    cf_bytes name = table->columns[from.column].name;

    for (size_t i = 0; i < table->foreign_count; i++)
        for (size_t k = 0; k < table->foreign[i].count; k++) {
            const cf_foreign_key *key = &table->foreign[i];
            place to = {cf_schema_found(self, key->parent), 0, key->cascades};

            to.column = cf_found_column(to.found, key->to[k]);
            if (cf_sql_name_equal(key->from[k], name) && is_known(to.found) &&
                (to.found != from.found || to.column != from.column))
                return to;
        }
    return (place){0};
}

/* The column alone is the key of its table. */
static bool is_only_key(place at)
{
    const cf_database_table *table = &at.found->table;

    return table->key_count == 1 && table->keys[0] == at.column;
}

/* The table whose key the column holds, through others whose key is a reference, too. A natural key
 * that is folded says less than the column does. */
static const cf_found_table *target_of(const cf_schema_reading *self, place from)
{
    const cf_found_table *target = NULL;

    for (size_t steps = 0; steps <= self->count; steps++) {
        place to = follow(self, from);

        if (!to.found)
            return target;
        target =
            is_only_key(to) && to.found->table.columns[to.column].collation == CF_COLLATION_BINARY
                ? to.found
                : NULL;
        from = to;
    }
    return NULL;
}

static cf_key_kind kind_of(const cf_schema_reading *self, const cf_found_table *found)
{
    for (size_t i = 0; i < found->table.key_count; i++) {
        const cf_found_table *target =
            target_of(self, (place){.found = found, .column = found->table.keys[i]});

        if (target && target->rowid)
            return CF_KEY_TUPLE;
    }
    return found->rowid ? CF_KEY_SERIAL : CF_KEY_NATURAL;
}

static void find_targets(const cf_schema_reading *self, cf_found_table *found)
{
    for (size_t i = 0; i < found->table.count; i++) {
        const place from = {.found = found, .column = i};
        const cf_found_table *target = target_of(self, from);

        if (!target || target->unwanted || target->table.key_kind == CF_KEY_TUPLE)
            continue;
        found->table.columns[i].target = (size_t)(target - self->tables) + 1;
        found->table.columns[i].cascades = follow(self, from).cascades;
    }
}

/* ---- Columns of which a user said something ---- */

static bool is_named(const cf_database_table *table, cf_bytes column, cf_bytes name)
{
    const size_t size = table->name.size;

    return name.size > size && name.data[size] == '.' &&
           cf_sql_name_equal(cf_bytes_of(name.data, size), table->name) &&
           cf_sql_name_equal(cf_bytes_of(name.data + size + 1, name.size - size - 1), column);
}

/* The field is in a tuple that is unique. */
static bool is_unique(const cf_found_table *found, cf_bytes field)
{
    bool unique = false;

    for (size_t i = 0; i < found->unique_count; i++)
        for (size_t k = 0; k < found->unique[i].count; k++)
            unique |= cf_bytes_equal(found->unique[i].columns[k], field);
    return unique;
}

/* The column refers to another table: by itself, or as part of a foreign key. */
static bool refers(const cf_database_table *table, const cf_database_column *column)
{
    bool found = column->target > 0;

    for (size_t i = 0; i < table->foreign_count; i++)
        for (size_t k = 0; k < table->foreign[i].count; k++)
            found |= cf_sql_name_equal(table->foreign[i].from[k], column->name);
    return found;
}

/* Why it can't be; NULL: it can. */
static const char *wrong_with_last(const cf_found_table *found, const cf_database_column *column)
{
    return column->key                       ? "it is a part of the key"
           : refers(&found->table, column)   ? "it refers to other rows"
           : is_unique(found, column->field) ? "no two rows may have it alike"
                                             : NULL;
}

/* Why its text can't name a row. */
static const char *wrong_with_natural(const cf_found_table *found, const cf_database_column *column)
{
    return column->key                              ? "it is a part of the key"
           : found->table.key_kind != CF_KEY_SERIAL ? "the key of its table is none that is counted"
           : refers(&found->table, column)          ? "it refers to other rows"
                                                    : NULL;
}

typedef struct {
    const char *option;
    const char *(*wrong)(const cf_found_table *found, const cf_database_column *column);
    void (*mark)(cf_database_column *column);
} column_word;

static void mark_last(cf_database_column *column)
{
    column->last = true;
}

static void mark_natural(cf_database_column *column)
{
    column->names = true;
}

static const column_word word_of_last = {"last", wrong_with_last, mark_last};
static const column_word word_of_natural = {"natural-key", wrong_with_natural, mark_natural};

static void mark_column(cf_schema_reading *self, const column_word *word, const char *text)
{
    const char *wrong = "no column that is synced is called so";
    cf_buffer name = {0};

    for (size_t i = 0; i < self->count; i++)
        for (size_t k = 0; !self->tables[i].refused && k < self->tables[i].table.count; k++) {
            cf_database_column *column = &self->tables[i].table.columns[k];

            if (!is_named(&self->tables[i].table, column->name, cf_bytes_of_text(text)))
                continue;
            wrong = word->wrong(&self->tables[i], column);
            if (!wrong)
                word->mark(column);
        }
    cf_buffer_append_text(&name, "--%s %s", word->option, text);
    if (wrong)
        cf_schema_notice(self, CF_NOTICE_COMPUTED, cf_buffer_view(&name), "%s", wrong);
    cf_buffer_release(&name);
}

/* ---- All ---- */

/* Whether these rows are there is not ours to know. */
static void drop_unwanted(const cf_schema_reading *self, cf_database_table *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->foreign_count; i++)
        if (!cf_schema_found(self, table->foreign[i].parent)->unwanted)
            table->foreign[kept++] = table->foreign[i];
    table->foreign_count = kept;
}

cf_status cf_schema_find_references(cf_schema_reading *self, const cf_database_choice *choice,
                                    cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < self->count; i++)
        if (is_known(&self->tables[i]))
            status = read_foreign(self, &self->tables[i], error);
    for (size_t i = 0; !status && i < choice->reference_count; i++)
        add_named(self, &choice->references[i]);
    for (size_t i = 0; !status && i < self->count; i++)
        self->tables[i].table.key_kind = kind_of(self, &self->tables[i]);
    for (size_t i = 0; !status && i < self->count; i++)
        find_targets(self, &self->tables[i]);
    for (size_t i = 0; !status && i < choice->last_count; i++)
        mark_column(self, &word_of_last, choice->last[i]);
    for (size_t i = 0; !status && i < choice->natural_count; i++)
        mark_column(self, &word_of_natural, choice->natural[i]);
    for (size_t i = 0; !status && i < self->count; i++)
        drop_unwanted(self, &self->tables[i].table);
    return status;
}
