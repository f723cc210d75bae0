/* SPDX-License-Identifier: Apache-2.0 */
/* What the base takes of a row that is shown: which writes that are (model, rule A3). */
#include <stdlib.h>

#include "peer/records/record_view_inside.h"
#include "peer/records/row_dependants.h"

typedef struct cf_named_fact {
    cf_bytes name;
    const cf_row_fact *fact;
} named_fact;

/* By field; what is shown before what isn't; of what is shown the best first, of the rest by
 * dot. */
static int by_field(const void *left, const void *right)
{
    const named_fact *a = left, *b = right;
    bool a_shown = a->fact->standing == CF_WRITE_SHOWN;
    bool b_shown = b->fact->standing == CF_WRITE_SHOWN;
    int order = cf_bytes_compare(a->name, b->name);

    if (order)
        return order;
    if (a_shown != b_shown)
        return a_shown ? -1 : 1;
    return a_shown ? cf_row_fact_compare(b->fact, a->fact)
           : (order = cf_dot_compare(&a->fact->write.dot, &b->fact->write.dot))
               ? order
               : cf_bytes_compare(a->fact->write.value, b->fact->write.value);
}

/* All facts but those of /level: of these the view alone asks. */
static size_t name_facts(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts,
                         named_fact *out)
{
    size_t count = 0;

    cf_row_view_stand(view, table, facts);
    for (size_t first = 0, end; first < facts->count; first = end) {
        uint32_t field = facts->at[first].write.field;

        end = cf_row_facts_end(facts, first);
        if (field == CF_FIELD_NUMBER_LEVEL)
            continue;
        for (size_t i = first; i < end; i++)
            out[count++] = (named_fact){cf_state_field_name(view->state, field), &facts->at[i]};
    }
    qsort(out, count, sizeof *out, by_field);
    return count;
}

/* The writes of the row's item, in the view's room; until the next row's. */
static size_t collect_refs(cf_row_view *view, const cf_row *row)
{
    cf_row_agreeing *room = &view->agreeing;
    const cf_schema_table *table = cf_schema_find(view->schema, row->table);

    cf_row_view_facts(view, &row->item, &room->facts);
    room->named =
        cf_grow(room->named, &room->named_capacity, room->facts.count, sizeof *room->named);
    room->refs = cf_grow(room->refs, &room->ref_capacity, room->facts.count, sizeof *room->refs);
    size_t count = name_facts(view, table, &room->facts, room->named);
    for (size_t i = 0; i < count; i++)
        room->refs[i] =
            (cf_row_ref){room->named[i].name, room->named[i].fact->write.dot,
                         room->named[i].fact->write.value, room->named[i].fact->standing};
    return count;
}

/* The refs of the row, packed. */
static cf_bytes refs_of(cf_row_view *view, const cf_row *row)
{
    cf_row_agreeing *room = &view->agreeing;
    size_t count = collect_refs(view, row);

    cf_buffer_clear(&room->packed);
    cf_row_refs_pack(&room->packed, row, room->refs, count);
    return cf_buffer_view(&room->packed);
}

void cf_row_agreeing_release(cf_row_agreeing *room)
{
    cf_row_facts_release(&room->facts);
    free(room->named);
    free(room->refs);
    cf_buffer_release(&room->packed);
}

/* What the view remembers of fields, and its room, grow. */
static cf_row_view *open_view(const cf_row_view *view)
{
    return (cf_row_view *)view;
}

cf_row cf_row_view_agree(const cf_row_view *view, const cf_row *row, cf_arena *arena)
{
    cf_row agreed = cf_row_copy(row, arena);

    agreed.refs = cf_arena_copy(arena, refs_of(open_view(view), row));
    return agreed;
}

cf_row cf_row_view_dependant(const cf_row_view *view, const cf_row *row, cf_arena *arena)
{
    size_t count = collect_refs(open_view(view), row);

    /* What is hidden and lives would bring the row back: to be covered with the others. */
    for (size_t i = 0; i < count; i++) {
        const cf_row_fact *fact = view->agreeing.named[i].fact;
        cf_row_ref *ref = &view->agreeing.refs[i];

        if (ref->standing == CF_WRITE_HIDDEN && fact->live && !fact->write.weak)
            ref->standing = CF_WRITE_LISTED;
    }
    return cf_row_dependant(row, view->agreeing.refs, count, arena);
}

/* Also fields without values must be the same: refs name fields by their number in the row. */
static bool same_fields(const cf_row *a, const cf_row *b)
{
    bool same = a->field_count == b->field_count;

    for (size_t i = 0; same && i < a->field_count; i++)
        same = cf_bytes_equal(a->fields[i].name, b->fields[i].name) &&
               cf_row_field_equal(&a->fields[i], &b->fields[i]);
    return same;
}

bool cf_row_view_agrees(const cf_row_view *view, const cf_row *row, const cf_row *base)
{
    return cf_id_equal(&row->item, &base->item) && row->displaced == base->displaced &&
           cf_bytes_equal(row->key, base->key) && cf_bytes_equal(row->table, base->table) &&
           same_fields(row, base) && cf_bytes_equal(refs_of(open_view(view), row), base->refs);
}
