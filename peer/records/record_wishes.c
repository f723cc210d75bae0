/* SPDX-License-Identifier: Apache-2.0 */
/* What rows wish for, and are not shown with, since another row has that value (model, rule h).
 *
 *     row 2 wishes for "home", and is shown as "home (2)": "home" is listed, row 1 is the rival
 *     row 1 is renamed by one who sees both rows: row 2 is pinned as "home (2)" by that (rule p);
 *     "home" is listed still, and nobody has it */
#include <stdlib.h>

#include "peer/records/record_view_inside.h"
#include "peer/records/row_same.h"

void cf_viewed_set_column(const cf_row_view *view, cf_viewed *viewed, cf_bytes column,
                          cf_bytes value)
{
    cf_arena *arena = (cf_arena *)&view->arena;
    const cf_row *row = &viewed->row;
    cf_row_field *fields = cf_arena_allocate(arena, row->field_count, sizeof *fields);
    cf_bytes *values = cf_arena_allocate(arena, 1, sizeof *values);
    size_t count = 0;

    *values = value;
    for (size_t i = 0; i < row->field_count; i++) {
        const bool own = cf_bytes_equal(row->fields[i].name, column);

        if (own && !value.size)
            continue;
        fields[count] = row->fields[i];
        if (own)
            fields[count].values = values;
        count++;
    }
    viewed->row.fields = fields;
    viewed->row.field_count = count;
}

/* The row refers to nothing there: what it wishes for is neither shown nor held back for its sake,
 * but who deletes that has to know of the wish. */
static void refer_no_more(cf_viewed *viewed, const cf_bytes *value)
{
    cf_row_edge **at = &viewed->parents;

    while (*at && (*at)->value != value)
        at = &(*at)->next_of_child;
    cf_row_edge *edge = *at;
    if (!edge)
        return;
    *at = edge->next_of_child;
    edge->next_of_child = viewed->wishes;
    edge->bound = false;
    viewed->wishes = edge;
}

void cf_viewed_pin(const cf_row_view *view, cf_viewed *viewed)
{
    for (const cf_column_instead *one = viewed->instead; one; one = one->next) {
        const cf_row_field *field = cf_row_field_named(&viewed->row, one->column);

        if (!field || !one->said.wish.size || !cf_bytes_equal(field->values[0], one->said.wish))
            continue;
        refer_no_more(viewed, field->values);
        cf_viewed_set_column(view, viewed, one->column, one->said.value);
        viewed->pinned = true;
    }
    viewed->wished = viewed->row.fields;
    viewed->wished_count = viewed->row.field_count;
}

/* ---- Rivals ---- */

typedef struct {
    cf_hash_link link;
    const cf_viewed *viewed;
    size_t unique;
} kept_claim;

typedef struct {
    cf_row_view *view;
    cf_hash_table claims; /* of the rows that are shown, of tables in which some give way */
    cf_row_facts facts;
    cf_arena arena;
} listing;

static void keep_claims(listing *self, const cf_viewed *viewed)
{
    uint64_t hash;

    for (size_t i = 0; i < viewed->table->unique_count; i++) {
        if (!cf_unique_hash(viewed->table, i, &viewed->row, &hash))
            continue;
        kept_claim *kept = cf_arena_allocate(&self->arena, 1, sizeof *kept);
        *kept = (kept_claim){.viewed = viewed, .unique = i};
        cf_hash_table_add(&self->claims, &kept->link, hash);
    }
}

/* The row that has what this one says in the columns of the tuple; NULL: none, or this one lacks a
 * value there. */
static const cf_row *who_has(const listing *self, const cf_schema_table *table, size_t unique,
                             const cf_row *row)
{
    uint64_t hash;

    if (!cf_unique_hash(table, unique, row, &hash))
        return NULL;
    for (cf_hash_link *link = cf_hash_table_first(&self->claims, hash); link;
         link = cf_hash_table_next(link)) {
        const kept_claim *kept = cf_container_of(link, kept_claim, link);

        if (kept->viewed->table == table && kept->unique == unique &&
            cf_unique_equal(&table->unique[unique], &kept->viewed->row, row))
            return &kept->viewed->row;
    }
    return NULL;
}

cf_bytes cf_row_view_shown_value(const cf_row_view *view, cf_bytes value)
{
    const cf_row *row;
    cf_bytes key = value;
    cf_id item;

    if (cf_reference_item(value, &item))
        key = (row = cf_row_view_of_item(view, cf_row_view_one(view, &item))) ? row->key
                                                                              : (cf_bytes){0};
    else
        cf_reference_nothing(value, &key);
    return key;
}

/* The row as it would be with its wish in the column. */
static cf_viewed as_wished(const listing *self, const cf_viewed *viewed, cf_bytes column,
                           cf_bytes wish)
{
    cf_viewed other = *viewed;
    cf_row_field *fields =
        cf_arena_allocate(&self->view->arena, viewed->row.field_count + 1, sizeof *fields);
    cf_bytes *values = cf_arena_allocate(&self->view->arena, 1, sizeof *values);
    size_t at = 0;

    while (at < viewed->row.field_count &&
           cf_bytes_compare(viewed->row.fields[at].name, column) < 0)
        at++;
    const bool has =
        at < viewed->row.field_count && cf_bytes_equal(viewed->row.fields[at].name, column);
    *values = wish;
    memcpy(fields, viewed->row.fields, at * sizeof *fields);
    fields[at] = (cf_row_field){.name = column, .values = values, .count = 1};
    memcpy(&fields[at + 1], &viewed->row.fields[at + has],
           (viewed->row.field_count - at - has) * sizeof *fields);
    other.row.fields = fields;
    other.row.field_count = viewed->row.field_count + !has;
    return other;
}

/* The row that has what this one would have with its wish, by any tuple with the column; NULL:
 * none. */
static const cf_row *rival_of(const listing *self, const cf_viewed *viewed, cf_bytes column,
                              cf_bytes wish)
{
    const cf_schema_table *table = viewed->table;
    const cf_viewed other = as_wished(self, viewed, column, wish);
    const cf_row *rival = NULL;

    for (size_t i = 0; !rival && i < table->unique_count; i++)
        for (size_t k = 0; !rival && k < table->unique[i].count; k++)
            if (cf_bytes_equal(table->unique[i].names[k], column))
                rival = who_has(self, table, i, &other.row);
    return rival && !cf_id_equal(&rival->item, &viewed->row.item) ? rival : NULL;
}

/* ---- What is listed ---- */

/* The entry that gave the row the value of the column; false: nobody did. */
static bool written_by(listing *self, const cf_row *row, cf_bytes column, cf_dot *out)
{
    const cf_state *state = self->view->state;
    cf_row_facts facts = {0};
    bool found = false;

    cf_row_view_facts(self->view, &row->item, &facts);
    for (size_t first = 0, end; !found && first < facts.count; first = end) {
        const cf_write *best =
            &cf_row_facts_best(&facts, first, cf_row_facts_end(&facts, first))->write;

        end = cf_row_facts_end(&facts, first);
        found = cf_bytes_equal(cf_state_field_name(state, best->field), column);
        if (found)
            *out = best->dot;
    }
    cf_row_facts_release(&facts);
    return found;
}

/* The row is shown with the value; a reference that is shown says a row, here its key. */
static bool is_shown_with(const cf_viewed *viewed, cf_bytes column, cf_bytes value)
{
    const cf_row_field *shown = cf_row_field_named(&viewed->row, column);

    return shown &&
           (cf_column_refers(viewed->table, column) || cf_bytes_equal(shown->values[0], value));
}

/* Lists the value of the write that is shown, where the column gives way and the row has another
 * there. */
static void list_field(listing *self, const cf_viewed *viewed, size_t first, size_t end)
{
    cf_row_view *view = self->view;
    const cf_write *write = &cf_row_facts_shown(&self->facts, first, end)->write;
    const cf_bytes name = cf_state_field_name(view->state, write->field);

    if (!cf_column_gives_way(viewed->table, name) || is_shown_with(viewed, name, write->value))
        return;
    const cf_row *rival = rival_of(self, viewed, name, cf_row_view_shown_value(view, write->value));
    *cf_one_more(view->conflicts, view->conflict_count, view->conflict_capacity) =
        (cf_row_conflict){.row = &viewed->row,
                          .field = name,
                          .as = name,
                          .value = write->value,
                          .dot = write->dot,
                          .time = write->time,
                          .gives_way = true,
                          .rival = rival};
    if (rival)
        written_by(self, rival, name, &view->conflicts[view->conflict_count - 1].rival_dot);
}

static void list_row(listing *self, const cf_viewed *viewed)
{
    cf_row_view_facts(self->view, &viewed->row.item, &self->facts);
    cf_row_view_stand(self->view, viewed->table, &self->facts);
    for (size_t first = 0, end; first < self->facts.count; first = end) {
        end = cf_row_facts_end(&self->facts, first);
        list_field(self, viewed, first, end);
    }
}

void cf_row_view_list_wishes(cf_row_view *view)
{
    listing self = {.view = view};

    if (!view->gave.count)
        return;
    for (size_t i = 0; i < view->shown.count; i++)
        keep_claims(&self, view->shown.at[i]);
    for (size_t i = 0; i < view->gave.count; i++)
        list_row(&self, view->gave.at[i]);
    cf_row_facts_release(&self.facts);
    cf_hash_table_release(&self.claims);
    cf_arena_release(&self.arena);
}
