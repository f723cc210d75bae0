/* SPDX-License-Identifier: Apache-2.0 */
/* What the base takes of a row that is shown: which writes that are (model, rule A3). */
#include <stdlib.h>

#include "peer/records/record_view_inside.h"

typedef struct {
    cf_bytes name;
    const cf_row_fact *fact;
} named_fact;

/* By field; what is shown before what isn't; of that the best first, of the rest by dot. */
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
                   : cf_dot_compare(&a->fact->write.dot, &b->fact->write.dot);
}

static bool is_entry(cf_row_view *view, const cf_schema_table *table, uint32_t field)
{
    if (field == CF_FIELD_NUMBER_TABLE || field == CF_FIELD_NUMBER_KEY)
        return false;
    return cf_row_view_property(view, table, field)->merge == CF_MERGE_SET;
}

static size_t name_facts(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts,
                         named_fact *out)
{
    size_t count = 0;

    for (size_t first = 0, end; first < facts->count; first = end) {
        uint32_t field = facts->at[first].write.field;

        end = cf_row_facts_end(facts, first);
        if (field == CF_FIELD_NUMBER_LEVEL)
            continue;
        cf_row_facts_stand(facts, first, end, is_entry(view, table, field));
        for (size_t i = first; i < end; i++)
            out[count++] = (named_fact){cf_state_field_name(view->state, field), &facts->at[i]};
    }
    qsort(out, count, sizeof *out, by_field);
    return count;
}

cf_row cf_row_view_agree(const cf_row_view *shown, const cf_row *row, cf_arena *arena)
{
    cf_row_view *view = (cf_row_view *)shown; /* what it remembers of fields grows */
    const cf_schema_table *table = cf_schema_find(view->schema, row->table);
    cf_row_facts facts = {0};
    cf_row agreed = cf_row_copy(row, arena);
    cf_buffer packed = {0};

    cf_row_facts_load(view->state, cf_state_item(view->state, &row->item), &facts);
    named_fact *named = cf_allocate(facts.count, sizeof *named);
    cf_row_ref *refs = cf_allocate(facts.count, sizeof *refs);
    size_t count = name_facts(view, table, &facts, named);
    for (size_t i = 0; i < count; i++)
        refs[i] = (cf_row_ref){named[i].name, named[i].fact->write.dot, named[i].fact->write.value,
                               named[i].fact->standing};
    cf_row_refs_pack(&packed, &agreed, refs, count);
    agreed.refs = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    cf_row_facts_release(&facts);
    free(named);
    free(refs);
    return agreed;
}
