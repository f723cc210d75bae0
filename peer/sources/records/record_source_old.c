/* SPDX-License-Identifier: Apache-2.0 */
/* A source that meets its collection: what a row here says was true once, so it is behind, not
 * different. The base takes it as if this device had shown it then, and the plan brings it up to
 * date. So it is field by field; a row is old where each field that is not as it is now has a value
 * that it had before:
 *
 *   row x is (Ann, 12) here, in the log (Ann, 11), then (Anna, 11), then (Anna, 12): old
 *   row x is (Ann, 13) here:                                 Ann is old, 13 beside 12 a conflict
 *   row y is (Bob, 1) here, was that in the log, and was deleted:                    deleted */
#include "peer/sources/records/record_source_inside.h"

#include "peer/merge/fields.h"

#include <stdlib.h>

/* A base row in the making. */
typedef struct {
    cf_record_run *run;
    const cf_schema_table *table;
    const cf_past_item *item;
    cf_row row;
    cf_row_field *fields;
    cf_row_ref *refs;
    size_t ref_count;
    bool parts; /* what never was as it is here stands apart (stand_apart()) */
} old_row;

/* Whether the field is NAME, or an entry of it: NAME/ENTRY. */
static bool is_entry_of(cf_bytes field, cf_bytes name)
{
    return field.size >= name.size && memcmp(field.data, name.data, name.size) == 0 &&
           (field.size == name.size || field.data[name.size] == '/');
}

/* The field of the state is the named one, or, of a set, an entry of it. */
static bool is_of(const old_row *self, cf_bytes field, cf_bytes name)
{
    bool is_set = cf_schema_field(self->table, name).merge == CF_MERGE_SET;

    return is_set ? is_entry_of(field, name) : cf_bytes_equal(field, name);
}

/* The value as the state has it: of a reference the item of the row that has the key, by the base
 * or else the view; nothing: no row has it. */
static cf_bytes value_of(const old_row *self, cf_bytes name, cf_bytes value)
{
    const cf_field_rule rule = cf_schema_field(self->table, name);
    cf_buffer packed = {0};

    if (rule.merge != CF_MERGE_REFERENCE)
        return value;
    const cf_row *there = cf_rows_find(self->run->source->binding->rows, rule.table, value);
    if (!there)
        there = cf_row_view_find(self->run->view, rule.table, value);
    if (there)
        cf_reference_pack_item(&packed, &there->item);
    cf_bytes copy = cf_arena_copy(&self->run->arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

/* The latest write that gave the field, or an entry of it, this value; nothing: that took it away.
 */
static const cf_past_write *find_write(const old_row *self, cf_bytes name, cf_bytes value)
{
    for (size_t i = self->item->count; i-- > 0;)
        if (is_of(self, self->item->writes[i].field, name) &&
            cf_bytes_equal(self->item->writes[i].value, value))
            return &self->item->writes[i];
    return NULL;
}

/* There was a time when the item had nothing in the field: it was made without, or what it had was
 * taken away. */
static bool was_without(const old_row *self, cf_bytes name)
{
    const cf_dot *born = self->item->count ? &self->item->writes[0].dot : NULL;

    for (size_t i = 0; i < self->item->count; i++)
        if (is_of(self, self->item->writes[i].field, name) &&
            cf_dot_equal(&self->item->writes[i].dot, born))
            return find_write(self, name, (cf_bytes){0});
    return true;
}

/* ---- A field ---- */

static void drop_refs(old_row *self, cf_bytes name)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->ref_count; i++)
        if (!is_of(self, self->refs[i].field, name))
            self->refs[kept++] = self->refs[i];
    self->ref_count = kept;
}

static void add_ref(old_row *self, const cf_past_write *write)
{
    self->refs[self->ref_count++] =
        (cf_row_ref){write->field, write->dot, write->value, CF_WRITE_SHOWN};
}

static void put_field(old_row *self, const cf_row_field *field)
{
    size_t i = self->row.field_count;

    while (i > 0 && cf_bytes_compare(self->fields[i - 1].name, field->name) > 0)
        i--;
    if (i > 0 && cf_bytes_equal(self->fields[i - 1].name, field->name)) {
        self->fields[i - 1] = *field;
        return;
    }
    memmove(&self->fields[i + 1], &self->fields[i],
            (self->row.field_count - i) * sizeof *self->fields);
    self->fields[i] = *field;
    self->row.field_count++;
}

/* The row in the making gets the field as it is here, by the writes that said so; false: it never
 * was like that. */
static bool rewind_field(old_row *self, const cf_row_field *here)
{
    const cf_past_write **writes =
        cf_arena_allocate(&self->run->arena, here->count + 1, sizeof *writes);

    for (size_t i = 0; i < here->count; i++) {
        cf_bytes value = value_of(self, here->name, here->values[i]);

        writes[i] = value.size ? find_write(self, here->name, value) : NULL;
        if (!writes[i])
            return false;
    }
    if (!here->count && !was_without(self, here->name))
        return false;
    drop_refs(self, here->name);
    for (size_t i = 0; i < here->count; i++)
        add_ref(self, writes[i]);
    put_field(self, here);
    return true;
}

/* ---- A row ---- */

static int by_field(const void *left, const void *right)
{
    const cf_row_ref *a = left, *b = right;
    int order = cf_bytes_compare(a->field, b->field);

    if (!order)
        order = (int)a->standing - (int)b->standing;
    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

static void open_old(old_row *self, const cf_row *from, const cf_row *here)
{
    size_t fields = from->field_count + here->field_count, values = fields;
    cf_row_ref *refs = NULL;
    size_t count = 0;
    cf_error ignored;

    for (size_t i = 0; i < here->field_count; i++)
        values += here->fields[i].count;
    if (cf_row_refs_read(from, &self->run->arena, &refs, &count, &ignored))
        count = 0;
    self->row = *from;
    self->fields = cf_arena_allocate(&self->run->arena, fields, sizeof *self->fields);
    if (from->field_count)
        memcpy(self->fields, from->fields, from->field_count * sizeof *self->fields);
    self->row.fields = self->fields;
    self->refs = cf_arena_allocate(&self->run->arena, count + values, sizeof *self->refs);
    if (count)
        memcpy(self->refs, refs, count * sizeof *refs);
    self->ref_count = count;
}

static cf_row close_old(old_row *self)
{
    cf_buffer packed = {0};

    if (self->ref_count)
        qsort(self->refs, self->ref_count, sizeof *self->refs, by_field);
    cf_row_refs_pack(&packed, &self->row, self->refs, self->ref_count);
    self->row.refs = cf_arena_copy(&self->run->arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return self->row;
}

/* The base gets those values of the set that are there, or were; whether any only was. */
static bool part_set(old_row *self, const cf_row_field *here)
{
    const cf_row_field *there = cf_row_field_named(&self->row, here->name);
    cf_bytes *values = cf_arena_allocate(&self->run->arena, here->count, sizeof *values);
    cf_row_field known = {.name = here->name, .values = values};
    bool any_old = false;

    drop_refs(self, here->name);
    for (size_t i = 0; self->item && i < here->count; i++) {
        const cf_past_write *write = find_write(self, here->name, here->values[i]);

        if (!write)
            continue;
        add_ref(self, write);
        values[known.count++] = here->values[i];
        any_old |= !cf_row_field_has(there, here->values[i]);
    }
    put_field(self, &known);
    return any_old;
}

/* What is new in the field stands apart: the base says of no write that this device saw it, so that
 * what is published replaces none. What is missing here nobody took away, as far as anybody knows.
 * Whether something in the field is old all the same.
 *
 *     title: Dr here, Prof there                   both, and one of them is a conflict
 *     title: none here, Prof there from the first  Prof
 *     phones: 1 and 5 here, 2 there, which was 1   2 and 5 */
static bool stand_apart(old_row *self, const cf_row_field *here)
{
    if (cf_schema_field(self->table, here->name).merge == CF_MERGE_SET)
        return part_set(self, here);
    drop_refs(self, here->name);
    if (!here->count)
        put_field(self, here);
    return false;
}

typedef struct {
    size_t olds, news; /* fields that are not as in `from`: that were so once, at least in part;
                          that never were */
} differences;

/* A field that was once as it is here is rewound to that; any other is new, and stands apart if the
 * row may be taken in part. */
static void rewind_or_part(old_row *self, const cf_row_field *here, differences *found)
{
    if (self->item && rewind_field(self, here)) {
        found->olds++;
        return;
    }
    found->news++;
    if (self->parts && stand_apart(self, here))
        found->olds++;
}

/* Takes over what is old here, field by field. */
static differences rewind_row(old_row *self, const cf_row *from, const cf_row *here)
{
    static const cf_row_field nothing;
    differences found = {0};

    for (size_t i = 0; i < here->field_count; i++) {
        const cf_row_field *was = cf_row_field_named(from, here->fields[i].name);

        if (!cf_row_field_equal(was ? was : &nothing, &here->fields[i]))
            rewind_or_part(self, &here->fields[i], &found);
    }
    for (size_t i = 0; i < from->field_count; i++) {
        const cf_row_field gone = {.name = from->fields[i].name};

        if (from->fields[i].count && !cf_row_field_named(here, gone.name) &&
            cf_format_holds(&self->run->content.format, from->table, gone.name))
            rewind_or_part(self, &gone, &found);
    }
    return found;
}

/* False: the log has nothing of the item, so that nothing here can be old. */
static bool begin(cf_record_run *run, const cf_id *item, cf_bytes table, old_row *out)
{
    static const cf_schema_table plain;
    const cf_schema_table *known = cf_schema_find(&run->schema, table);

    *out = (old_row){.run = run,
                     .table = known ? known : &plain,
                     .item = run->past ? cf_past_find(run->past, item) : NULL};
    return out->item;
}

/* The row that is shown, as the base takes it where it is here; what is old here is as it is here.
 */
static differences rewind_shown(old_row *self, const cf_row *here, const cf_row *shown)
{
    const cf_row from = cf_record_run_based_here(self->run, shown, here);
    const cf_row agreed = cf_row_view_agree(self->run->view, &from, &self->run->arena);

    open_old(self, &agreed, here);
    return rewind_row(self, &agreed, here);
}

bool cf_record_run_is_old(cf_record_run *run, const cf_row *here, const cf_row *shown, cf_row *out)
{
    old_row old;

    if (!begin(run, &shown->item, here->table, &old))
        return false;
    const differences found = rewind_shown(&old, here, shown);
    if (!found.olds || found.news)
        return false;
    *out = close_old(&old);
    return cf_record_run_shows(run, here, out);
}

bool cf_record_run_is_old_in_part(cf_record_run *run, const cf_row *here, const cf_row *shown,
                                  cf_row *out)
{
    old_row old;

    (void)begin(run, &shown->item, here->table, &old);
    old.parts = true;
    const differences found = rewind_shown(&old, here, shown);
    *out = close_old(&old);
    return found.olds > 0;
}

bool cf_record_run_was_told(cf_record_run *run, const cf_row *here, const cf_row *base, cf_row *out)
{
    old_row old;

    const cf_row known = cf_row_copy(base, &run->arena); /* which takes the place of the base's */

    if (!begin(run, &known.item, here->table, &old))
        return false;
    open_old(&old, &known, here);
    const differences found = rewind_row(&old, &known, here);
    *out = close_old(&old);
    return found.olds > 0;
}

/* ---- What was deleted ---- */

typedef struct {
    cf_record_run *run;
    const cf_row *here;
    cf_row *out;
    bool found;
} looking;

/* The row here is a deleted item as it once was: no value of the row is new, and the item is
 * neither shown, nor held back, nor in the base. True: go on looking. */
static bool look_at(void *context, const cf_past_item *item, const cf_past_place *place)
{
    looking *self = context;
    cf_record_run *run = self->run;
    const cf_row from = {.table = self->here->table, .key = self->here->key, .item = item->id};
    old_row old;

    if (cf_row_view_of_item(run->view, &item->id) || cf_row_view_holds_back(run->view, &item->id) ||
        cf_rows_of_item(run->source->binding->rows, &item->id) ||
        !begin(run, &item->id, from.table, &old))
        return true;
    open_old(&old, &from, self->here);
    if (rewind_row(&old, &from, self->here).news)
        return true;
    cf_row_ref *refs = cf_arena_allocate(&run->arena, old.ref_count + 2, sizeof *refs);
    if (old.ref_count)
        memcpy(refs, old.refs, old.ref_count * sizeof *refs);
    refs[old.ref_count++] = (cf_row_ref){cf_field_fixed(CF_FIELD_NUMBER_TABLE), place->within_dot,
                                         place->within, CF_WRITE_SHOWN};
    refs[old.ref_count++] = (cf_row_ref){cf_field_fixed(CF_FIELD_NUMBER_KEY), place->name_dot,
                                         place->name, CF_WRITE_SHOWN};
    old.refs = refs;
    *self->out = close_old(&old);
    self->found = true;
    return false;
}

/* The row has no long value: a row that was deleted is not looked for by such, and stays. */
static bool is_short(const cf_row *row)
{
    static const cf_id any = {{CF_KIND_ROW}};

    for (size_t i = 0; i < row->field_count; i++)
        for (size_t k = 0; k < row->fields[i].count; k++)
            if (cf_item_has_content(&any, row->fields[i].name, row->fields[i].values[k]))
                return false;
    return true;
}

/* The keys under which the row may have been there once: its own; of a row that is known by what it
 * joins also those that would be made up for it, with the base's rows and without. */
enum { KEYS_MAX = 3 };
static size_t keys_of(cf_record_run *run, const cf_row *here, cf_bytes keys[KEYS_MAX])
{
    const cf_database_schema *joins = run->content.joins;
    size_t count = 0;

    keys[count++] = here->key;
    if (joins && cf_database_joins(joins, here->table)) {
        keys[count++] = cf_database_join_key(joins, here, run->source->binding->rows, &run->arena);
        keys[count++] = cf_database_join_key(joins, here, NULL, &run->arena);
    }
    return count;
}

/* The row refers to a row here that the base doesn't know yet, and that may be another one than has
 * the key elsewhere. */
static bool refers_to_new(const cf_record_run *run, const cf_row *here)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, here->table);
    bool found = false;

    for (size_t i = 0; table && !found && i < table->field_count; i++) {
        const cf_field_rule *rule = &table->fields[i];
        const cf_row_field *field =
            rule->merge == CF_MERGE_REFERENCE ? cf_row_field_named(here, rule->name) : NULL;

        found = field && field->count &&
                cf_row_index_find(&run->here, rule->table, field->values[0]) &&
                !cf_rows_find(run->source->binding->rows, rule->table, field->values[0]);
    }
    return found;
}

bool cf_record_run_is_deleted(cf_record_run *run, const cf_row *here, cf_row *out)
{
    looking self = {.run = run, .here = here, .out = out};
    cf_bytes keys[KEYS_MAX];
    cf_buffer table = {0};

    if (!run->past || !is_short(here) || refers_to_new(run, here))
        return false;
    cf_pack_text(&table, here->table);
    const size_t count = keys_of(run, here, keys);
    for (size_t i = 0; !self.found && i < count; i++)
        cf_past_at(run->past, cf_buffer_view(&table), keys[i], look_at, &self);
    cf_buffer_release(&table);
    return self.found;
}

/* ---- The past ---- */

cf_status cf_record_run_know_past(cf_record_run *run, unsigned meets, cf_peer *peer,
                                  cf_error *error)
{
    return meets & (CF_MEETS_OLD | CF_MEETS_AGAIN)
               ? cf_past_read(peer, &run->collection->id, &run->past, error)
               : CF_OK;
}
