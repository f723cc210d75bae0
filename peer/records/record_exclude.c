/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of which only one can be in a document: a text, and the members of an object of the same
 * name (model, rule c).
 *
 *     A: theme/name "dark"; later B: theme "light"     theme is shown, theme/name is listed
 *     A: theme {}, its last member gone; B: theme/tabs 4     theme/tabs alone: {} says nothing then
 */
#include <stdlib.h>

#include "peer/records/record_view_inside.h"

/* A field of the record, with the place of the next one above that the record has, too. */
typedef struct {
    size_t first, end; /* of its facts */
    cf_bytes name;
    const cf_row_fact *best;
    size_t above; /* in the list; its size: none */
    bool shown, has_shown_below;
} one_field;

typedef struct {
    cf_row_facts *facts;
    one_field *at; /* ascending by name */
    one_field **ranked;
    size_t count;
} field_list;

/* /columns/a/b is below /columns/a; /columns/ab is not. */
static bool is_below(cf_bytes field, cf_bytes other)
{
    return field.size > other.size && field.data[other.size] == '/' &&
           memcmp(field.data, other.data, other.size) == 0;
}

bool cf_fields_exclude(cf_bytes field, cf_bytes other)
{
    return is_below(field, other) || is_below(other, field);
}

static int by_name(const void *left, const void *right)
{
    const one_field *a = left, *b = right;

    return cf_bytes_compare(a->name, b->name);
}

/* The best first. */
static int by_rank(const void *left, const void *right)
{
    const one_field *const *a = left, *const *b = right;
    const int order = cf_row_fact_compare((*b)->best, (*a)->best);

    return order ? order : cf_bytes_compare((*a)->name, (*b)->name);
}

/* The nearest field of the list below which the name lies; the list's count: none.
 *
 *     /columns/a and /columns/a/b in the list     /columns/a/b/c lies below /columns/a/b */
static size_t find_above(const field_list *self, cf_bytes name)
{
    const one_field *found = NULL;

    while (!found && name.size > 1) {
        do
            name.size--;
        while (name.size && name.data[name.size] != '/');
        found = name.size ? bsearch(&(one_field){.name = name}, self->at, self->count,
                                    sizeof *self->at, by_name)
                          : NULL;
    }
    return found ? (size_t)(found - self->at) : self->count;
}

static void open_list(field_list *self, cf_row_view *view, const cf_schema_table *table)
{
    const cf_row_facts *facts = self->facts;

    self->at = cf_allocate(facts->count, sizeof *self->at);
    self->ranked = cf_allocate(facts->count, sizeof(one_field *));
    for (size_t first = 0, end; first < facts->count; first = end) {
        const uint32_t field = facts->at[first].write.field;

        end = cf_row_facts_end(facts, first);
        if (field < CF_FIELD_NUMBERS || !cf_row_view_property(view, table, field)->excludes)
            continue;
        self->at[self->count++] = (one_field){.first = first,
                                              .end = end,
                                              .name = cf_state_field_name(view->state, field),
                                              .best = cf_row_facts_best(facts, first, end)};
    }
    qsort(self->at, self->count, sizeof *self->at, by_name);
    for (size_t i = 0; i < self->count; i++) {
        self->at[i].above = find_above(self, self->at[i].name);
        self->ranked[i] = &self->at[i];
    }
    qsort(self->ranked, self->count, sizeof(one_field *), by_rank);
}

/* The write says {}: an object whose last member went. */
static bool says_empty_object(const cf_row_fact *fact)
{
    return fact->write.value.size == 1 && fact->write.value.data[0] == 0x80;
}

/* Whether a better field is shown that excludes this one. An object without members excludes none
 * that has. */
static bool is_excluded(const field_list *self, const one_field *field)
{
    bool found = field->has_shown_below && !says_empty_object(field->best);

    for (size_t i = field->above; !found && i < self->count; i = self->at[i].above)
        found = self->at[i].shown && !says_empty_object(self->at[i].best);
    return found;
}

static void show(field_list *self, one_field *field)
{
    field->shown = true;
    for (size_t i = field->above; i < self->count; i = self->at[i].above)
        self->at[i].has_shown_below = true;
}

/* A field that gives way lists each value that a user wrote and no deletion covers, and hides the
 * rest. An empty object above shown members is hidden: beside them {} says nothing. */
static void give_way(field_list *self, const one_field *field)
{
    for (size_t i = field->first; i < field->end; i++) {
        cf_row_fact *fact = &self->facts->at[i];
        const bool is_said =
            fact->live && !fact->write.weak && !(field->has_shown_below && says_empty_object(fact));

        fact->standing = is_said ? CF_WRITE_LISTED : CF_WRITE_HIDDEN;
    }
}

void cf_row_view_exclude(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts)
{
    field_list self = {.facts = facts};

    open_list(&self, view, table);
    for (size_t i = 0; i < self.count; i++)
        if (!is_excluded(&self, self.ranked[i]))
            show(&self, self.ranked[i]);
    for (size_t i = 0; i < self.count; i++)
        if (!self.at[i].shown || self.at[i].has_shown_below)
            give_way(&self, &self.at[i]);
    free(self.at);
    free(self.ranked);
}

/* ---- How a table sees a field ---- */

const cf_row_property *cf_row_view_property(cf_row_view *view, const cf_schema_table *table,
                                            uint32_t field)
{
    uint64_t hash = ((uint64_t)field << 16 ^ (uint64_t)(table - view->schema->tables)) *
                    UINT64_C(0x9e3779b97f4a7c15);

    hash ^= hash >> 32;
    for (cf_hash_link *link = cf_hash_table_first(&view->properties, hash); link;
         link = cf_hash_table_next(link)) {
        const cf_row_property *known = cf_container_of(link, cf_row_property, link);

        if (known->field == field && known->table == table)
            return known;
    }
    cf_row_property *fresh = cf_arena_allocate(&view->arena, 1, sizeof *fresh);
    fresh->table = table;
    fresh->field = field;
    fresh->merge = cf_schema_property(table, cf_state_field_name(view->state, field), &fresh->name);
    fresh->tie = cf_row_field_is_tie(cf_state_field_name(view->state, field));
    fresh->same =
        cf_bytes_equal(cf_state_field_name(view->state, field), cf_bytes_of_text(CF_FIELD_SAME));
    fresh->seated = fresh->merge == CF_MERGE_SET && cf_set_has_seats(table->kind, fresh->name);
    fresh->has_lines = cf_field_has_lines(table->kind, fresh->name);
    fresh->when = cf_when_of_field(table->kind, fresh->name);
    fresh->occurs = cf_field_is_occurrence(table->kind, fresh->name);
    fresh->greatest =
        fresh->merge == CF_MERGE_VOLATILE && cf_field_is_greatest(table->kind, fresh->name);
    fresh->excludes = (table->kind == CF_KIND_ROW || table->kind == CF_KIND_RECORD) &&
                      fresh->merge != CF_MERGE_SET && !fresh->tie;
    fresh->nested = fresh->excludes && cf_state_field_is_nested(view->state, field);
    cf_hash_table_add(&view->properties, &fresh->link, hash);
    return fresh;
}
