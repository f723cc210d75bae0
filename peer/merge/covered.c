/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a write is covered: a deletion names it by field and dot, unless that deletion is lifted,
 * or can't be read. A deletion deletes unless all that it names are deletions; one that names
 * nothing, or can't be read, deletes. */
#include "peer/merge/covered.h"

#include <stdlib.h>

static int compare_covers(const void *left, const void *right)
{
    const cf_cover *a = left, *b = right;
    int order = cf_bytes_compare(a->field, b->field);

    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

static int compare_dots(const void *left, const void *right)
{
    return cf_dot_compare(left, right);
}

bool cf_dots_have(const cf_dot *dots, size_t count, const cf_dot *dot)
{
    return count && bsearch(dot, dots, count, sizeof *dots, compare_dots);
}

size_t cf_deletion_count(const cf_state *state, const cf_item *item)
{
    size_t writes = item ? cf_item_write_count(item) : 0, count = 0;

    while (count < writes && cf_state_write(state, item, count).field == CF_FIELD_NUMBER_DELETED)
        count++;
    return count;
}

bool cf_deletion_deletes(cf_bytes value)
{
    cf_arena arena = {0};
    cf_cover *covers;
    cf_error ignored;
    size_t count = 0;

    bool deletes = cf_covers_read(value, &arena, &covers, &count, &ignored) || !count;
    for (size_t i = 0; i < count && !deletes; i++)
        deletes = !cf_field_is_deletion(covers[i].field);
    cf_arena_release(&arena);
    return deletes;
}

/* Each deletion is read anew at each call: there are few of an item where nobody means harm. */
cf_covered cf_covered_but(const cf_state *state, const cf_item *item, const cf_dot *lifted,
                          size_t lifted_count, cf_arena *arena)
{
    size_t deletions = cf_deletion_count(state, item), all = 0;
    cf_covered covered = {0};

    if (!deletions)
        return covered;
    cf_covered *lists = cf_arena_allocate(arena, deletions, sizeof *lists);
    for (size_t i = 0; i < deletions; i++) {
        cf_write write = cf_state_write(state, item, i);
        cf_error ignored;

        if (cf_dots_have(lifted, lifted_count, &write.dot) ||
            cf_covers_read(write.value, arena, &lists[i].at, &lists[i].count, &ignored))
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

cf_covered cf_covered_by(const cf_state *state, const cf_item *item, cf_arena *arena)
{
    return cf_covered_but(state, item, NULL, 0, arena);
}

bool cf_covered_has(const cf_covered *covered, const cf_state *state, const cf_write *write)
{
    cf_cover wanted = {.dot = write->dot};

    if (!covered->count)
        return false;
    wanted.field = cf_state_field_name(state, write->field);
    return bsearch(&wanted, covered->at, covered->count, sizeof wanted, compare_covers) != NULL;
}
