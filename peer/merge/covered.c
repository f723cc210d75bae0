/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/covered.h"

#include <stdlib.h>

static int compare_covers(const void *left, const void *right)
{
    const cf_cover *a = left, *b = right;
    int order = cf_bytes_compare(a->field, b->field);

    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

/* Deletions come first among the writes, and are few where nobody means harm. */
cf_covered cf_covered_by(const cf_state *state, const cf_item *item, cf_arena *arena)
{
    size_t writes = item ? cf_item_write_count(item) : 0, deletions = 0, all = 0;
    cf_covered covered = {0};

    while (deletions < writes &&
           cf_state_write(state, item, deletions).field == CF_FIELD_NUMBER_DELETED)
        deletions++;
    if (!deletions)
        return covered;
    cf_covered *lists = cf_arena_allocate(arena, deletions, sizeof *lists);
    for (size_t i = 0; i < deletions; i++) {
        cf_error ignored;

        if (cf_covers_read(cf_state_write(state, item, i).value, arena, &lists[i].at,
                           &lists[i].count, &ignored))
            lists[i].count = 0;
        all += lists[i].count;
    }
    covered.at = cf_arena_allocate(arena, all, sizeof *covered.at);
    for (size_t i = 0; i < deletions; i++) {
        if (lists[i].count)
            memcpy(covered.at + covered.count, lists[i].at, lists[i].count * sizeof *covered.at);
        covered.count += lists[i].count;
    }
    if (covered.count)
        qsort(covered.at, covered.count, sizeof *covered.at, compare_covers);
    return covered;
}

bool cf_covered_has(const cf_covered *covered, const cf_state *state, const cf_write *write)
{
    cf_cover wanted = {.dot = write->dot};

    if (!covered->count)
        return false;
    wanted.field = cf_state_field_name(state, write->field);
    return bsearch(&wanted, covered->at, covered->count, sizeof wanted, compare_covers) != NULL;
}
