/* SPDX-License-Identifier: Apache-2.0 */
/* Each row of the base says by which entries; of each device's the first is found from which on
 * hardly any is left; then it is weighed what the rows have in common that lost what is since. */
#include "peer/sources/records/database_rewound.h"

#include "codec/pack.h"
#include "peer/log/past.h"
#include "peer/records/row_index.h"
#include "peer/records/row_refs.h"
#include "peer/sources/records/record_intended.h"

#include <stdlib.h>

/* A write that is still there outweighs so many that are undone: of 100 rows that another device
 * added at once 95 may be missing, as in a copy after which 5 were typed anew; of 90 it is a choice
 * that somebody made. */
enum { KEPT_WEIGHS = 16 };

/* An entry that wrote something of a row of the base, and whether that is undone in the file. */
typedef struct {
    cf_id writer;
    uint64_t sequence;
    bool undone;
} mark;

/* The first entry of a device of which, and of all its later ones, hardly anything is left. */
typedef struct {
    cf_id writer;
    uint64_t first;
} cut;

typedef struct {
    const cf_row *base;
    const cf_row *there; /* NULL: it is missing */
} differing;

typedef struct {
    const cf_database_compared *of;
    cf_row_index here;
    cf_rows *intended; /* what a run that was ended has written, or has not; NULL: none was */
    mark *marks;
    size_t mark_count, mark_capacity;
    differing *rows;
    size_t row_count, row_capacity;
    cut *cuts;
    size_t cut_count, cut_capacity;
    cf_id own;
} rewinding;

/* ---- Which rows differ ---- */

/* A write of the base's row is undone: the row is missing, or says something else in the write's
 * field. */
static bool is_undone(const rewinding *self, const differing *row, const cf_row_ref *ref)
{
    return !row->there ||
           (!cf_row_field_is_reserved(ref->field) &&
            cf_database_differs_in(&self->of->columns, row->there, row->base, ref->field));
}

/* Whether the write tells anything: it is shown, and what is there in its field is known. */
static bool says(const rewinding *self, const differing *row, const cf_row_ref *ref)
{
    return ref->standing == CF_WRITE_SHOWN &&
           (!row->there || cf_row_field_is_reserved(ref->field) ||
            (cf_database_counts(&self->of->columns, row->base->table, ref->field) &&
             cf_database_comparable(cf_row_field_named(row->there, ref->field))));
}

/* The entry of this dot wrote something in the row that is undone. */
static bool is_undone_beside(const rewinding *self, const differing *row, const cf_row_ref *refs,
                             size_t count, const cf_dot *dot)
{
    bool found = false;

    for (size_t i = 0; !found && i < count; i++)
        found = refs[i].dot.sequence == dot->sequence &&
                cf_id_equal(&refs[i].dot.writer, &dot->writer) && says(self, row, &refs[i]) &&
                is_undone(self, row, &refs[i]);
    return found;
}

/* Marks of one row: for each entry that wrote any of it whether that is undone, once. Where what it
 * wrote in a row is undone, its number proves nothing: another row may have had that before.
 *
 *     5 (Ann, 3) became 5 (Eve, 7) elsewhere, another row; 5 (Ann, 3) is there: all is undone */
static void add_marks(rewinding *self, const differing *row)
{
    const size_t before = self->mark_count;
    cf_row_ref *refs = NULL;
    cf_arena arena = {0};
    size_t count = 0;
    cf_error ignored;

    if (cf_row_refs_read(row->base, &arena, &refs, &count, &ignored))
        count = 0;
    for (size_t i = 0; i < count; i++) {
        const mark one = {refs[i].dot.writer, refs[i].dot.sequence, is_undone(self, row, &refs[i])};
        bool has =
            !says(self, row, &refs[i]) || (!one.undone && cf_row_field_is_reserved(refs[i].field) &&
                                           is_undone_beside(self, row, refs, count, &refs[i].dot));

        for (size_t k = before; !has && k < self->mark_count; k++)
            has = self->marks[k].sequence == one.sequence && self->marks[k].undone == one.undone &&
                  cf_id_equal(&self->marks[k].writer, &one.writer);
        if (!has)
            *cf_one_more(self->marks, self->mark_count, self->mark_capacity) = one;
    }
    cf_arena_release(&arena);
}

/* Whether the row is there, but can't be read. */
static bool is_troubled(const cf_record_file *file, const cf_row *row)
{
    bool found = false;

    for (size_t i = 0; !found && i < file->trouble_count; i++)
        found = file->troubles[i].known && cf_bytes_equal(file->troubles[i].table, row->table) &&
                cf_bytes_equal(file->troubles[i].key, row->key);
    return found;
}

/* All rows of the base whose tables are there; not those that can't be read, nor what a run that
 * was ended was about to write. */
static void look_at_rows(rewinding *self)
{
    for (const cf_row *row = NULL; (row = cf_rows_next(self->of->binding->rows, row));) {
        const differing one = {row, cf_row_index_find(&self->here, row->table, row->key)};

        if (!cf_database_table_named(self->of->columns.schema, row->table) ||
            (!one.there && is_troubled(self->of->file, row)) ||
            (self->intended && cf_rows_of_item(self->intended, &row->item)))
            continue;
        add_marks(self, &one);
        if (!one.there || cf_database_differs(&self->of->columns, one.there, row))
            *cf_one_more(self->rows, self->row_count, self->row_capacity) = one;
    }
}

/* ---- Since when all is undone ---- */

static int latest_first(const void *left, const void *right)
{
    const mark *a = left, *b = right;
    const int order = memcmp(a->writer.bytes, b->writer.bytes, sizeof a->writer.bytes);

    return order ? order : (a->sequence < b->sequence) - (a->sequence > b->sequence);
}

/* Of one device's marks, the latest first. An entry counts as a whole. 0: nothing is undone.
 *
 *     entry 9: 20 rows undone; 8: 1 undone, 3 there; 7: 40 there   9
 *     entry 9: 3 rows there; 8: 20 undone                          0: what came later is there */
static uint64_t first_undone(const mark *marks, size_t count)
{
    int64_t weight = 0, most = 0;
    uint64_t first = 0;

    for (size_t i = 0; i < count;) {
        const uint64_t sequence = marks[i].sequence;

        for (; i < count && marks[i].sequence == sequence; i++)
            weight += marks[i].undone ? 1 : -KEPT_WEIGHS;
        if (weight > most) {
            most = weight;
            first = sequence;
        }
    }
    return first;
}

/* The entry is one of those of which hardly anything is left. */
static bool is_since(const rewinding *self, const cf_id *writer, uint64_t sequence)
{
    for (size_t i = 0; i < self->cut_count; i++)
        if (cf_id_equal(&self->cuts[i].writer, writer))
            return sequence >= self->cuts[i].first;
    return false;
}

/* Finds the cut of each device. False: nothing was undone, or all that there ever was: no copy is
 * told from emptied tables. */
static bool find_cuts(rewinding *self)
{
    bool older = false;
    size_t run;

    if (self->mark_count)
        qsort(self->marks, self->mark_count, sizeof *self->marks, latest_first);
    for (size_t i = 0; i < self->mark_count; i += run) {
        const cf_id writer = self->marks[i].writer;

        for (run = 1;
             i + run < self->mark_count && cf_id_equal(&self->marks[i + run].writer, &writer);)
            run++;
        const uint64_t first = first_undone(&self->marks[i], run);
        if (first)
            *cf_one_more(self->cuts, self->cut_count, self->cut_capacity) = (cut){writer, first};
    }
    for (size_t i = 0; !older && i < self->mark_count; i++)
        older = !self->marks[i].undone &&
                !is_since(self, &self->marks[i].writer, self->marks[i].sequence);
    return older && self->cut_count;
}

/* ---- What was undone since ---- */

/* What the rows that lost something since have in common. */
typedef struct {
    size_t missing, changed;
    size_t anew;      /* rows that say what they did not say then, either */
    bool own, others; /* this device wrote it, another one did */
    bool entries;     /* more than one did */
    cf_dot entry;
    bool uneven;          /* a column doesn't have one value in all of a table's that are changed */
    const cf_row **first; /* such a row of each table */
    size_t tables, capacity;
} tally;

/* The field says what a write from before the first entry that is undone said. Of an entry that
 * nothing is left of nobody knows whether that moment was before it:
 *
 *     n = 1 is added; a copy is made; another device says n = 27, then this one n = 53
 *     the copy says n = 1, and 53 alone is undone, as 27 is nowhere any more */
static bool was_then(const rewinding *self, const cf_past_item *item, const cf_row_field *here,
                     cf_bytes name)
{
    const cf_bytes said = here && here->count == 1 ? here->values[0] : (cf_bytes){0};
    bool any = false, found = false;

    for (size_t i = 0; item && !found && i < item->count; i++)
        if (cf_bytes_equal(item->writes[i].field, name) &&
            !is_since(self, &item->writes[i].dot.writer, item->writes[i].dot.sequence)) {
            any = true;
            found = cf_database_said(self->of->binding, item->writes[i].value, said);
        }
    return found || (!any && !said.size);
}

/* All in which the row differs from the base is as the item said it before the cuts. */
static bool says_then(const rewinding *self, const differing *row, const cf_past_item *item)
{
    bool same = true;

    for (size_t i = 0; same && i < row->there->field_count; i++) {
        const cf_row_field *field = &row->there->fields[i];

        same = !cf_database_differs_in(&self->of->columns, row->there, row->base, field->name) ||
               was_then(self, item, field, field->name);
    }
    for (size_t i = 0; same && i < row->base->field_count; i++) {
        const cf_bytes name = row->base->fields[i].name;

        same = cf_row_field_named(row->there, name) ||
               !cf_database_counts(&self->of->columns, row->base->table, name) ||
               was_then(self, item, NULL, name);
    }
    return same;
}

typedef struct {
    const rewinding *self;
    const differing *row;
    bool found;
} looking;

/* True: go on looking. */
static bool look_at(void *context, const cf_past_item *item, const cf_past_place *place)
{
    looking *self = context;

    (void)place;
    self->found = says_then(self->self, self->row, item);
    return !self->found;
}

/* The row is what it was before the cuts, or what had its number then. */
static bool is_as_then(const rewinding *self, const differing *row, const cf_past *past)
{
    looking then = {self, row, false};
    cf_buffer table = {0};

    cf_pack_text(&table, row->base->table);
    cf_past_at(past, cf_buffer_view(&table), row->base->key, look_at, &then);
    cf_buffer_release(&table);
    return then.found || says_then(self, row, cf_past_find(past, &row->base->item));
}

/* Notes where changed rows of a table have more than one value in a changed column: an UPDATE
 * mostly gives one. */
static void compare_columns(const rewinding *self, tally *out, const differing *row)
{
    const cf_row *first = NULL;

    for (size_t i = 0; !first && i < out->tables; i++)
        if (cf_bytes_equal(out->first[i]->table, row->there->table))
            first = out->first[i];
    if (!first)
        *cf_one_more(out->first, out->tables, out->capacity) = first = row->there;
    for (size_t i = 0; i < row->base->field_count; i++) {
        const cf_bytes name = row->base->fields[i].name;
        const cf_row_field *a = cf_row_field_named(first, name);
        const cf_row_field *b = cf_row_field_named(row->there, name);

        out->uneven |= cf_database_differs_in(&self->of->columns, row->there, row->base, name) &&
                       !(a && b ? cf_row_field_equal(a, b) : a == b);
    }
}

/* All writes that the row lost are since the cuts, and there are some: these are added to the
 * tally. */
static bool lost_since(const rewinding *self, const differing *row, tally *out)
{
    size_t since = 0, before = 0, count = 0;
    cf_row_ref *refs = NULL;
    cf_arena arena = {0};
    cf_error ignored;
    tally found = *out;

    if (cf_row_refs_read(row->base, &arena, &refs, &count, &ignored))
        count = 0;
    for (size_t i = 0; i < count; i++) {
        const cf_dot *dot = &refs[i].dot;

        if (!says(self, row, &refs[i]) || !is_undone(self, row, &refs[i]))
            continue;
        const bool is_first = found.entry.sequence == 0;
        if (!is_since(self, &dot->writer, dot->sequence)) {
            before++;
            continue;
        }
        since++;
        *(cf_id_equal(&dot->writer, &self->own) ? &found.own : &found.others) = true;
        found.entries |= !is_first && !cf_dot_equal(&found.entry, dot);
        if (is_first)
            found.entry = *dot;
    }
    cf_arena_release(&arena);
    if (since && !before)
        *out = found;
    return since && !before;
}

/* `past` NULL: rows that are changed are taken for what they were. */
static tally take(const rewinding *self, const cf_past *past)
{
    tally out = {0};

    for (size_t i = 0; i < self->row_count; i++) {
        const differing *row = &self->rows[i];
        tally with = out;

        if (!lost_since(self, row, &with))
            continue;
        if (row->there && past && !is_as_then(self, row, past)) {
            out.anew++;
            continue;
        }
        out = with;
        out.missing += !row->there;
        out.changed += row->there != NULL;
        if (row->there)
            compare_columns(self, &out, row);
    }
    free((void *)out.first);
    return out;
}

/* Whether it is a copy, or an edit. Rows of one device that are missing may be what it had sent
 * here to be worked off; what is undone of all devices is more likely no work of a program's. */
static bool is_copy(const rewinding *self, const tally *found)
{
    const size_t rows = found->missing + found->changed;
    const bool of_all = found->own && found->others;

    if (rows <= CF_DATABASE_TAKEN_BACK || found->anew > rows)
        return false;
    if (self->of->shrank)
        return true;
    if (!found->changed)
        return of_all;
    if (!found->missing)
        return found->uneven && (found->tables > 1 || found->others || found->entries);
    return of_all || found->changed > CF_DATABASE_TAKEN_BACK;
}

/* Reads the log only where it looks like a copy even if all changed rows were as they had been. */
static cf_status weigh(rewinding *self, cf_database_rewound *out, cf_error *error)
{
    cf_past *past = NULL;
    tally found;

    if (self->row_count <= CF_DATABASE_TAKEN_BACK || !find_cuts(self))
        return CF_OK;
    found = take(self, NULL);
    if (!is_copy(self, &found))
        return CF_OK;
    if (found.changed) {
        cf_status status =
            cf_past_read(self->of->peer, &self->of->binding->collection, &past, error);
        if (status)
            return status;
        found = take(self, past);
        cf_past_destroy(&past);
    }
    if (is_copy(self, &found))
        *out = (cf_database_rewound){found.missing, found.changed};
    return CF_OK;
}

cf_status cf_database_rewound_count(const cf_database_compared *compared, cf_database_rewound *out,
                                    cf_error *error)
{
    const cf_binding *binding = compared->binding;
    rewinding self = {.of = compared};

    *out = (cf_database_rewound){0};
    cf_status status = cf_record_intended_rows(compared->peer, binding, &self.intended, error);
    if (status)
        return status;
    if (!cf_author_writer(compared->peer->author, &binding->collection, &self.own))
        self.own = (cf_id){{0}};
    self.here = cf_row_index_of(compared->file->rows, compared->file->count);
    look_at_rows(&self);
    status = weigh(&self, out, error);
    cf_row_index_release(&self.here);
    cf_rows_destroy(&self.intended);
    free(self.marks);
    free(self.rows);
    free(self.cuts);
    return status;
}
