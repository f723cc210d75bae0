/* SPDX-License-Identifier: Apache-2.0 */
/* Which ends of a choice an earlier one has already: those of the same item and field. */
#include "peer/sources/records/record_choice.h"

#include "peer/records/row_same.h"

#include <stdlib.h>

static int compare_ends(const void *left, const void *right)
{
    const cf_record_end *a = left, *b = right;
    const int order = cf_id_compare(&a->item, &b->item);

    return order ? order : cf_bytes_compare(a->field, b->field);
}

cf_record_end cf_record_end_as_one(const cf_row *row, const cf_row *rival, cf_arena *arena)
{
    cf_record_end end = {.item = row->item,
                         .field = cf_bytes_of_text(CF_FIELD_SAME),
                         .changes = cf_arena_allocate(arena, 1, sizeof *end.changes),
                         .count = 1};
    end.changes[0] = (cf_change){.item = row->item,
                                 .field = end.field,
                                 .value = cf_row_same_pack(&rival->item, arena),
                                 .weak = true};
    return end;
}

void cf_record_choice_sort(cf_record_choice *choice)
{
    if (choice->count)
        qsort(choice->ends, choice->count, sizeof *choice->ends, compare_ends);
}

bool cf_record_choice_has(const cf_record_choice *choice, const cf_record_end *end)
{
    for (size_t i = 0; i < choice->count; i++)
        if (cf_id_equal(&choice->ends[i].item, &end->item) &&
            cf_bytes_equal(choice->ends[i].changes->value, end->changes->value))
            return true;
    return false;
}

void cf_record_choice_release(cf_record_choice *choice)
{
    cf_arena_release(&choice->arena);
    *choice = (cf_record_choice){0};
}

/* Leaves to the earlier choice the clashes that it has as well. */
static void leave_yields(cf_record_choice *choice, const cf_record_choice *earlier)
{
    size_t kept = 0;

    for (size_t i = 0; i < choice->yield_count; i++) {
        bool known = false;

        for (size_t k = 0; k < earlier->yield_count && !known; k++)
            known = cf_id_equal(&earlier->yields[k].hidden, &choice->yields[i].hidden);
        if (!known)
            choice->yields[kept++] = choice->yields[i];
    }
    choice->yield_count = kept;
}

void cf_record_choice_leave(cf_record_choice *choice, const cf_record_choice *earlier)
{
    size_t kept = 0, at = 0;

    for (size_t i = 0; i < choice->count; i++) {
        while (at < earlier->count && compare_ends(&earlier->ends[at], &choice->ends[i]) < 0)
            at++;
        if (at == earlier->count || compare_ends(&earlier->ends[at], &choice->ends[i]))
            choice->ends[kept++] = choice->ends[i];
    }
    choice->count = kept;
    leave_yields(choice, earlier);
}
