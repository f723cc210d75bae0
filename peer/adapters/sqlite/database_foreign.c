/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal does to those who refer to the row, and to the one that it refers to. A reference
 * whose row nobody wants is as it is wanted: its program lets it be so. One whose row was refused
 * here is refused, too; and what it refers to where it stays, stays:
 *
 *     here       tag 1 is "home", and label 1 is of tag 1
 *     wanted     tag 1 is another "home"; the one that is here is tag 2, "home (2)", with label 1
 *     refused    tag 2, by a rule of its table; so label 1, which would be of it, stays of tag 1;
 *                so tag 1, which would be the other one by then, stays
 *
 * Foreign keys that are no references of the merge (of several columns, or to what is no key) are
 * looked up. */
#include <stdlib.h>

#include "codec/hash_table.h"
#include "codec/pack.h"
#include "peer/adapters/sqlite/database_inside.h"

/* ---- References ---- */

typedef struct {
    cf_hash_link link;
    cf_row_change *change;
} changed_row;

static uint64_t place_hash(size_t place, cf_bytes key)
{
    return cf_hash_bytes(place, key);
}

static bool is_refused(const cf_hash_table *refused, size_t place, cf_bytes key)
{
    for (cf_hash_link *link = cf_hash_table_first(refused, place_hash(place, key)); link;
         link = cf_hash_table_next(link)) {
        const cf_row_change *change = cf_container_of(link, changed_row, link)->change;

        if (change->place == place && cf_bytes_equal(change->after->key, key))
            return true;
    }
    return false;
}

/* The row refers to one that is refused in this write, so that it would refer to nothing. */
static bool needs_refused(const cf_row_writing *self, const cf_row_change *change,
                          const cf_hash_table *refused)
{
    const cf_database_table *table = &self->schema->tables[change->place];

    for (size_t i = 0; i < table->count; i++) {
        const cf_database_column *column = &table->columns[i];
        const cf_row_field *field =
            column->target ? cf_row_field_named(change->after, column->field) : NULL;

        if (field && is_refused(refused, column->target - 1, field->values[0]))
            return true;
    }
    return false;
}

static void refuse_children(cf_row_writing *self)
{
    cf_hash_table refused = {0};
    changed_row *rows = cf_allocate(self->count, sizeof *rows);

    for (size_t i = 0; i < self->count; i++) {
        cf_row_change *change = &self->changes[i];

        if (!change->refused || !change->after ||
            (change->before && !cf_row_change_is_of_another(self, change)))
            continue;
        rows[i].change = change;
        cf_hash_table_add(&refused, &rows[i].link, place_hash(change->place, change->after->key));
    }
    for (size_t i = 0; refused.count && i < self->count; i++) {
        cf_row_change *change = &self->changes[i];

        if (change->refused || !change->after || !needs_refused(self, change, &refused))
            continue;
        cf_row_change_refuse(self, change, "what it refers to can't be brought here");
        self->again = true;
    }
    cf_hash_table_release(&refused);
    free(rows);
}

/* The change in this place that puts another record there; NULL: none does. */
static cf_row_change *find_another(const cf_hash_table *places, size_t place, cf_bytes key)
{
    for (cf_hash_link *link = cf_hash_table_first(places, place_hash(place, key)); link;
         link = cf_hash_table_next(link)) {
        cf_row_change *change = cf_container_of(link, changed_row, link)->change;

        if (change->place == place && !change->refused && cf_bytes_equal(change->before->key, key))
            return change;
    }
    return NULL;
}

static void keep_parents_of(cf_row_writing *self, const cf_row_change *stays,
                            const cf_hash_table *places)
{
    const cf_database_table *table = &self->schema->tables[stays->place];

    for (size_t i = 0; i < table->count; i++) {
        const cf_database_column *column = &table->columns[i];
        const cf_row_field *field =
            column->target ? cf_row_field_named(stays->before, column->field) : NULL;
        cf_row_change *parent =
            field ? find_another(places, column->target - 1, field->values[0]) : NULL;

        if (!parent)
            continue;
        cf_row_change_refuse(self, parent, "rows that stay here refer to the one that is there");
        self->again = true;
    }
}

static void keep_parents(cf_row_writing *self)
{
    cf_hash_table places = {0};
    changed_row *rows = cf_allocate(self->count, sizeof *rows);

    for (size_t i = 0; i < self->count; i++) {
        cf_row_change *change = &self->changes[i];

        if (change->refused || !cf_row_change_is_of_another(self, change))
            continue;
        rows[i].change = change;
        cf_hash_table_add(&places, &rows[i].link, place_hash(change->place, change->before->key));
    }
    for (size_t i = 0; places.count && i < self->count; i++)
        if (self->changes[i].refused && self->changes[i].before)
            keep_parents_of(self, &self->changes[i], &places);
    cf_hash_table_release(&places);
    free(rows);
}

/* ---- Other foreign keys ---- */

static void write_query(const cf_database_table *table, const cf_foreign_key *key, cf_buffer *sql)
{
    cf_buffer_append_text(sql, "SELECT ");
    cf_database_list_columns(table, sql);
    cf_buffer_append_text(sql, " FROM main.");
    cf_database_name(table->name, sql);
    cf_buffer_append_text(sql, " AS child WHERE NOT EXISTS (SELECT 1 FROM main.");
    cf_database_name(key->parent, sql);
    cf_buffer_append_text(sql, " AS parent WHERE 1");
    for (size_t i = 0; i < key->count; i++) {
        cf_buffer_append_text(sql, " AND parent.");
        cf_database_name(key->to[i], sql);
        cf_buffer_append_text(sql, " = child.");
        cf_database_name(key->from[i], sql);
    }
    cf_buffer_append_text(sql, ")");
    for (size_t i = 0; i < key->count; i++) {
        cf_buffer_append_text(sql, " AND child.");
        cf_database_name(key->from[i], sql);
        cf_buffer_append_text(sql, " IS NOT NULL");
    }
}

typedef cf_status visit(cf_row_writing *self, size_t place, const cf_foreign_key *key,
                        const cf_row *row, cf_error *error);

static cf_status each_dangling(cf_row_writing *self, size_t place, const cf_foreign_key *key,
                               visit *visit_row, cf_error *error)
{
    cf_row_reading *reading = &self->statements[place].reading;
    sqlite3_stmt *statement = NULL;
    cf_buffer sql = {0};
    bool more = false, known;
    const char *trouble;
    cf_row row;

    write_query(reading->table, key, &sql);
    reading->arena = &self->arena;
    cf_status status = cf_database_prepare(self->database, cf_buffer_view(&sql), &statement, error);
    if (!status)
        status = cf_database_step(statement, &more, error);
    while (!status && more) {
        cf_database_row_of(reading, statement, &row, &trouble, &known);
        status = visit_row(self, place, key, &row, error);
        if (!status)
            status = cf_database_step(statement, &more, error);
    }
    sqlite3_finalize(statement);
    cf_buffer_release(&sql);
    return status;
}

static bool is_named(cf_bytes a, cf_bytes b)
{
    return a.size == b.size &&
           sqlite3_strnicmp((const char *)a.data, (const char *)b.data, (int)a.size) == 0;
}

/* This write changes rows of the table. */
static bool touches(const cf_row_writing *self, cf_bytes table)
{
    for (size_t i = 0; i < self->count; i++)
        if (is_named(self->schema->tables[self->changes[i].place].name, table))
            return true;
    return false;
}

static cf_status each_foreign(cf_row_writing *self, visit *visit_row, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; i < self->schema->count; i++) {
        const cf_database_table *table = &self->schema->tables[i];

        for (size_t k = 0; !status && k < table->foreign_count; k++)
            if (!cf_foreign_key_is_reference(table, &table->foreign[k]) &&
                (touches(self, table->name) || touches(self, table->foreign[k].parent)))
                status = each_dangling(self, i, &table->foreign[k], visit_row, error);
    }
    return status;
}

/* Both have one key; of a key that is a tuple its columns are compared, as the row's number is made
 * up. */
static bool same_key(const cf_database_table *table, const cf_row *a, const cf_row *b)
{
    bool same = true;

    if (table->key_kind != CF_KEY_TUPLE)
        return cf_bytes_equal(a->key, b->key);
    for (size_t i = 0; same && i < table->key_count; i++) {
        cf_bytes field = table->columns[table->keys[i]].field;
        const cf_row_field *left = cf_row_field_named(a, field);
        const cf_row_field *right = cf_row_field_named(b, field);

        same = left && right && cf_row_field_equal(left, right);
    }
    return same;
}

/* The row referred to nothing by this foreign key already before the write: its program left it so.
 */
static bool dangled_before(const cf_row_writing *self, size_t place, const cf_foreign_key *key,
                           const cf_row *row)
{
    const cf_database_table *table = &self->schema->tables[place];

    for (const cf_dangling *known = self->dangling; known; known = known->next)
        if (known->place == place && known->key == key && same_key(table, &known->row, row))
            return true;
    return false;
}

static cf_status remember(cf_row_writing *self, size_t place, const cf_foreign_key *key,
                          const cf_row *row, cf_error *error)
{
    cf_dangling *known = cf_arena_allocate(&self->arena, 1, sizeof *known);

    (void)error;
    *known = (cf_dangling){self->dangling, place, key, *row};
    self->dangling = known;
    return CF_OK;
}

/* What the row has in the column; nothing: nobody knows. */
static cf_bytes value_in(const cf_database_table *table, const cf_row *row, cf_bytes name,
                         cf_collation *collation)
{
    for (size_t i = 0; i < table->count; i++) {
        const cf_database_column *column = &table->columns[i];

        *collation = column->collation;
        if (is_named(column->name, name))
            return cf_row_column(table, row, column);
    }
    return (cf_bytes){0};
}

/* False: they are surely not the same. */
static bool may_equal(cf_bytes a, cf_bytes b, cf_collation collation)
{
    cf_reader left = cf_reader_of(a), right = cf_reader_of(b);
    cf_buffer folded[2] = {{0}, {0}};
    cf_type types[2];
    cf_error ignored;

    if (cf_read_type(&left, &types[0], &ignored) || cf_read_type(&right, &types[1], &ignored) ||
        types[0] != types[1])
        return true;
    cf_collation_fold(collation, a, &folded[0]);
    cf_collation_fold(collation, b, &folded[1]);
    bool equal = cf_bytes_equal(cf_buffer_view(&folded[0]), cf_buffer_view(&folded[1]));
    cf_buffer_release(&folded[0]);
    cf_buffer_release(&folded[1]);
    return equal;
}

/* The child's columns may say what the parent's do, as the parent's columns compare. */
static bool may_refer(const cf_database_table *table, const cf_row *child,
                      const cf_database_table *parent, const cf_row *row, const cf_foreign_key *key)
{
    cf_collation ignored, collation = CF_COLLATION_BINARY;
    bool may = true;

    for (size_t i = 0; may && i < key->count; i++) {
        cf_bytes says = value_in(table, child, key->from[i], &ignored);
        cf_bytes is = value_in(parent, row, key->to[i], &collation);

        may = may_equal(says, is, collation);
    }
    return may;
}

/* What was done elsewhere to what the child refers to is not done. */
static void refuse_parents(cf_row_writing *self, size_t place, const cf_foreign_key *key,
                           const cf_row *child)
{
    for (size_t i = 0; i < self->count; i++) {
        cf_row_change *change = &self->changes[i];
        const cf_database_table *parent = &self->schema->tables[change->place];

        if (!change->before || change->refused || !is_named(parent->name, key->parent) ||
            !may_refer(&self->schema->tables[place], child, parent, change->before, key))
            continue;
        cf_row_change_refuse(self, change, "rows that stay here refer to what it says");
        self->again = true;
    }
}

/* The row referred to the same before: not what it says is new, but that nobody has it. */
static bool refers_as_before(const cf_database_table *table, const cf_foreign_key *key,
                             const cf_row_change *change)
{
    bool same = change->before != NULL;
    cf_collation ignored;

    for (size_t i = 0; same && i < key->count; i++)
        same = cf_bytes_equal(value_in(table, change->before, key->from[i], &ignored),
                              value_in(table, change->after, key->from[i], &ignored));
    return same;
}

static cf_status refuse_dangling(cf_row_writing *self, size_t place, const cf_foreign_key *key,
                                 const cf_row *row, cf_error *error)
{
    const cf_database_table *table = &self->schema->tables[place];

    (void)error;
    if (dangled_before(self, place, key, row))
        return CF_OK;
    for (size_t i = 0; i < self->count; i++) {
        cf_row_change *change = &self->changes[i];

        if (change->place != place || !change->after || change->refused ||
            !same_key(table, change->after, row))
            continue;
        if (refers_as_before(table, key, change))
            break;
        cf_row_change_refuse(self, change, "it refers to a row that is not here");
        self->again = true;
        return CF_OK;
    }
    refuse_parents(self, place, key, row);
    return CF_OK;
}

cf_status cf_row_writing_look_up(cf_row_writing *self, cf_error *error)
{
    return each_foreign(self, remember, error);
}

cf_status cf_row_writing_check(cf_row_writing *self, cf_error *error)
{
    refuse_children(self);
    keep_parents(self);
    return self->again ? CF_OK : each_foreign(self, refuse_dangling, error);
}
