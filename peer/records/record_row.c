/* SPDX-License-Identifier: Apache-2.0 */
/* From the facts of an item to the row that they say (model, rules c and d). */
#include <stdlib.h>

#include "codec/pack.h"
#include "peer/records/record_view_inside.h"
#include "peer/records/row_same.h"
#include "peer/records/seats.h"

/* ---- Sets ---- */

typedef struct {
    cf_bytes value, field;
    cf_dot dot;
} set_value;

static int by_place(const void *left, const void *right)
{
    const set_value *a = left, *b = right;
    int order = cf_bytes_compare(a->field, b->field);

    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

static int by_value(const void *left, const void *right)
{
    const set_value *a = left, *b = right;
    int order = cf_bytes_compare(a->value, b->value);

    return order ? order : by_place(left, right);
}

/* Of equal values the one whose entry is first; in the order of the entries, so that an edit keeps
 * its place. */
static size_t ordered(set_value *values, size_t count)
{
    size_t kept = 0;

    qsort(values, count, sizeof *values, by_value);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !cf_bytes_equal(values[i].value, values[kept - 1].value))
            values[kept++] = values[i];
    qsort(values, kept, sizeof *values, by_place);
    return kept;
}

/* ---- The row ---- */

typedef struct {
    cf_row_view *view;
    cf_row_facts *facts;
    cf_viewed *viewed;
    cf_row_field *fields;
    size_t count;
    set_value *values; /* of sets, those of one field behind those of another */
    size_t value_count;
} making;

/* The place of a field among those that there are, ascending; a new one is without values. */
static cf_row_field *field_of(making *self, cf_bytes name)
{
    size_t i = self->count;

    while (i > 0 && cf_bytes_compare(self->fields[i - 1].name, name) > 0)
        i--;
    if (i > 0 && cf_bytes_equal(self->fields[i - 1].name, name))
        return &self->fields[i - 1];
    memmove(&self->fields[i + 1], &self->fields[i], (self->count - i) * sizeof *self->fields);
    self->count++;
    self->fields[i] = (cf_row_field){.name = name};
    return &self->fields[i];
}

/* Of a set each write that is shown is a value; a set of which none is left is a field without
 * values. */
static void add_set_values(making *self, const cf_row_property *property, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        const cf_write *write = &self->facts->at[i].write;

        if (self->facts->at[i].standing != CF_WRITE_SHOWN)
            continue;
        self->values[self->value_count++] = (set_value){
            write->value, cf_state_field_name(self->view->state, write->field), write->dot};
    }
    field_of(self, property->name);
}

/* Whether the row can't be without the row that it refers to by the property: a bond, or a field
 * that is required or owned. */
static bool is_bound(const making *self, const cf_row_property *property)
{
    const cf_schema_table *table = self->viewed->table;

    if (property->tie)
        return cf_row_field_is_bond(cf_state_field_name(self->view->state, property->field));
    for (size_t i = 0; i < table->required_count; i++)
        if (cf_bytes_equal(table->required[i], property->name))
            return true;
    return cf_schema_field(table, property->name).owned;
}

/* `shown`: where the key of the row referred to is to be shown. A value that is neither form of a
 * reference is shown as it is. */
static void add_edge(making *self, const cf_row_property *property, cf_bytes value, cf_bytes *shown)
{
    cf_row_edge found = {.child = self->viewed, .value = shown, .bound = is_bound(self, property)};

    if (!cf_reference_item(value, &found.target) && !cf_reference_nothing(value, &found.nothing))
        return;
    found.next_of_child = self->viewed->parents;
    self->viewed->parents = cf_arena_allocate(&self->view->arena, 1, sizeof found);
    *self->viewed->parents = found;
}

static void add_value(making *self, const cf_row_property *property, cf_bytes name, cf_bytes value)
{
    cf_row_field *field = field_of(self, name);
    cf_bytes *values = cf_arena_allocate(&self->view->arena, 1, sizeof *values);

    values[0] = value;
    field->values = values;
    field->count = 1;
    if (property->merge == CF_MERGE_REFERENCE)
        add_edge(self, property, value, values);
}

/* Whether the value is the set's own, or that of an entry of it: NAME, or NAME/ENTRY. */
static bool belongs_to(const set_value *value, cf_bytes set)
{
    return value->field.size >= set.size && memcmp(value->field.data, set.data, set.size) == 0 &&
           (value->field.size == set.size || value->field.data[set.size] == '/');
}

/* Gives each set its values; they came field by field, entries of one set not all in a row. */
static void fill_sets(making *self)
{
    set_value *own = cf_allocate(self->value_count, sizeof *own);

    for (size_t i = 0; i < self->count; i++) {
        cf_row_field *field = &self->fields[i];
        size_t count = 0;

        if (field->count)
            continue;
        for (size_t k = 0; k < self->value_count; k++)
            if (belongs_to(&self->values[k], field->name))
                own[count++] = self->values[k];
        count = ordered(own, count);
        cf_bytes *values = cf_arena_allocate(&self->view->arena, count, sizeof *values);
        for (size_t k = 0; k < count; k++)
            values[k] = own[k].value;
        field->values = values;
        field->count = count;
    }
    free(own);
}

/* A listed write is a conflict that is told, unless another write of its act is. */
static void note_conflicts(making *self, size_t first, size_t end)
{
    cf_row_view *view = self->view;

    for (size_t i = first; i < end; i++) {
        const cf_row_fact *fact = &self->facts->at[i];

        if (fact->standing != CF_WRITE_LISTED || fact->untold)
            continue;
        const cf_bytes field = cf_state_field_name(view->state, fact->write.field);
        *cf_one_more(view->conflicts, view->conflict_count, view->conflict_capacity) =
            (cf_row_conflict){.row = &self->viewed->row,
                              .field = field,
                              .as = fact->as.size ? fact->as : field,
                              .value = fact->write.value,
                              .dot = fact->write.dot,
                              .time = fact->write.time};
    }
}

/* The facts of /table or /key. Only those of the key say what the row claims, and since when. */
static void add_key(making *self, size_t first, size_t end)
{
    const cf_write *best = &cf_row_facts_best(self->facts, first, end)->write;

    note_conflicts(self, first, end);
    if (best->field != CF_FIELD_NUMBER_KEY)
        return;
    self->viewed->key = best->value;
    cf_claimed_note(&self->viewed->key_claimed, best);
}

/* A level that can't be read is none. */
static void add_level(making *self, size_t first, size_t end)
{
    cf_reader reader = cf_reader_of(cf_row_facts_best(self->facts, first, end)->write.value);
    cf_error ignored;

    if (cf_read_uint(&reader, &self->viewed->level, &ignored))
        self->viewed->level = 0;
}

/* False: the field says nothing of a column that gives way, but is a tie. In the stead of a
 * reference only nothing can stand: another value is of a column that was none before. */
static bool add_instead(making *self, const cf_write *best)
{
    cf_viewed *viewed = self->viewed;
    const cf_bytes column =
        cf_row_instead_column(cf_state_field_name(self->view->state, best->field));
    cf_column_instead found = {.column = column, .next = viewed->instead};

    if (!column.size)
        return false;
    if (!cf_column_gives_way(viewed->table, column) ||
        !cf_row_instead_read(best->value, &found.said) ||
        (found.said.value.size && cf_column_refers(viewed->table, column)))
        return true;
    viewed->instead = cf_arena_allocate(&self->view->arena, 1, sizeof found);
    *viewed->instead = found;
    return true;
}

/* What was said of two rows that are one counts, deleted or not: it is not undone. */
static void add_same(making *self, size_t first, size_t end)
{
    cf_row_view *view = self->view;

    for (size_t i = first; i < end; i++) {
        cf_row_said_same said = {.viewed = self->viewed, .next = view->sames};

        if (!cf_row_same_read(self->facts->at[i].write.value, &said.other))
            continue;
        view->sames = cf_arena_allocate(&view->arena, 1, sizeof said);
        *view->sames = said;
    }
}

/* What the facts of one field make of the row: a word that the row is another one, a tie, values of
 * a set, or a value. A field has none where what another one says excludes that, as another act
 * that says when the row is. */
static void add_field(making *self, size_t first, size_t end)
{
    cf_viewed *viewed = self->viewed;
    const cf_write *best = &cf_row_facts_best(self->facts, first, end)->write;
    const cf_row_property *property = cf_row_view_property(self->view, viewed->table, best->field);

    if (property->same) {
        add_same(self, first, end);
        return;
    }
    if (property->tie) {
        if (!add_instead(self, best))
            add_edge(self, property, best->value, NULL);
        return;
    }
    note_conflicts(self, first, end);
    const cf_row_fact *shown = cf_row_facts_shown(self->facts, first, end);
    if (property->merge == CF_MERGE_SET)
        add_set_values(self, property, first, end);
    else if (shown->standing == CF_WRITE_SHOWN)
        add_value(self, property, shown->as.size ? shown->as : property->name, shown->write.value);
}

/* The table that the item says, if the schema has it, and for items of this kind; else NULL: no
 * row. */
static const cf_schema_table *table_of(const cf_row_view *view, const cf_id *id,
                                       const cf_row_facts *facts)
{
    size_t first = 0;
    cf_bytes name;
    cf_error ignored;

    while (first < facts->count && facts->at[first].write.field != CF_FIELD_NUMBER_TABLE)
        first = cf_row_facts_end(facts, first);
    if (first == facts->count)
        return NULL;
    size_t end = cf_row_facts_end(facts, first);
    cf_reader reader = cf_reader_of(cf_row_facts_best(facts, first, end)->write.value);
    if (cf_read_text(&reader, &name, &ignored))
        return NULL;
    const cf_schema_table *table = cf_schema_find(view->schema, name);
    return table && table->kind == id->bytes[0] ? table : NULL;
}

bool cf_viewed_key_read(const cf_schema_table *table, cf_bytes key, int64_t *number)
{
    cf_reader reader = cf_reader_of(key);
    cf_error ignored;

    if (!table->serial)
        return key.size > 0;
    return cf_read_int(&reader, number, &ignored) == CF_OK;
}

/* A key of digits, made where the table's keys were no numbers yet, is the number. */
static void read_digits(making *self)
{
    cf_viewed *viewed = self->viewed;
    cf_reader reader = cf_reader_of(viewed->key);
    cf_buffer number = {0};
    cf_bytes digits;
    cf_error ignored;

    if (viewed->table->serial && cf_read_text(&reader, &digits, &ignored) == CF_OK &&
        cf_serial_key_pack(digits, &number))
        viewed->key = cf_arena_copy(&self->view->arena, cf_buffer_view(&number));
    cf_buffer_release(&number);
}

static void add_facts(making *self)
{
    cf_row_view_stand(self->view, self->viewed->table, self->facts);
    for (size_t first = 0, end; first < self->facts->count; first = end) {
        end = cf_row_facts_end(self->facts, first);
        switch (self->facts->at[first].write.field) {
        case CF_FIELD_NUMBER_TABLE:
        case CF_FIELD_NUMBER_KEY:
            add_key(self, first, end);
            break;
        case CF_FIELD_NUMBER_LEVEL:
            add_level(self, first, end);
            break;
        default:
            add_field(self, first, end);
        }
    }
}

static uint64_t latest_shown(const cf_row_facts *facts)
{
    uint64_t latest = 0;

    for (size_t i = 0; i < facts->count; i++)
        if (facts->at[i].standing == CF_WRITE_SHOWN && facts->at[i].write.time.ms > latest)
            latest = facts->at[i].write.time.ms;
    return latest;
}

cf_viewed *cf_viewed_of(cf_row_view *view, const cf_id *id, cf_row_facts *facts)
{
    const cf_schema_table *table = table_of(view, id, facts);
    making self = {.view = view, .facts = facts};

    if (!table)
        return NULL;
    self.viewed = cf_arena_allocate(&view->arena, 1, sizeof *self.viewed);
    self.viewed->table = table;
    self.viewed->alive = facts->lives;
    self.fields = cf_arena_allocate(&view->arena, facts->count, sizeof *self.fields);
    self.values = cf_allocate(facts->count, sizeof *self.values);
    add_facts(&self);
    if (self.value_count)
        fill_sets(&self);
    free(self.values);
    read_digits(&self);
    self.viewed->lacking = !cf_viewed_key_read(table, self.viewed->key, &self.viewed->number);
    self.viewed->row = (cf_row){.table = table->name,
                                .key = self.viewed->key,
                                .fields = self.fields,
                                .field_count = self.count,
                                .item = *id,
                                .changed_ms = latest_shown(facts)};
    cf_viewed_pin(view, self.viewed);
    return self.viewed;
}
