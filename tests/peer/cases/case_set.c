/* SPDX-License-Identifier: Apache-2.0 */
/* The set of all cases, and which of them are the same. */
#include <stdlib.h>

#include "tests/peer/cases/cases.h"

void case_set_add_same(case_set *self, const case_numbers *numbers, unsigned swaps)
{
    uint32_t *same = malloc(self->count * sizeof *same);

    if (!same)
        abort();
    for (size_t i = 0; i < self->count; i++) {
        case_work other = case_work_renumber(&self->works[i], numbers, swaps);
        const case_work *found =
            bsearch(&other, self->works, self->count, sizeof other, case_work_compare);

        if (!found)
            abort();
        same[i] = (uint32_t)(found - self->works);
    }
    self->same[self->same_count++] = same;
}

void case_set_open(case_set *self, const case_tree *tree, bool pauses)
{
    case_numbers numbers[24];
    size_t count = cases_same(tree, numbers);

    *self = (case_set){.tree = *tree};
    self->count = cases_works(tree, pauses, &self->works);
    for (size_t i = 0; i < count; i++) {
        case_set_add_same(self, &numbers[i], CASE_SWAP_NONE);
        case_set_add_same(self, &numbers[i], CASE_SWAP_ALL);
    }
}

void case_set_close(case_set *self)
{
    free(self->works);
    for (size_t k = 0; k < self->same_count; k++)
        free(self->same[k]);
    self->same_count = 0;
}

unsigned cases_ways(const case_set *set, size_t i, size_t j)
{
    return CASE_ORDERS * (set->works[i].count < 2 && set->works[j].count < 2 ? 1 : CASE_SCANS);
}

/* Burnside's lemma: as many as the average of what each way to renumber leaves as it is. With the
 * devices swapped, that is only what happens at once. */
static uint64_t count_distinct(const case_set *set)
{
    uint64_t fixed = 0;

    for (size_t k = 0; k < set->same_count; k++) {
        const uint32_t *same = set->same[k];
        uint64_t longer = 0, all = 0;

        for (size_t i = 0; i < set->count; i++) {
            all += same[i] == i;
            longer += same[i] == i && set->works[i].count == 2;
            if (same[same[i]] == i)
                fixed += cases_ways(set, i, same[i]) / CASE_ORDERS;
        }
        fixed += CASE_ORDERS * (CASE_SCANS * all * all - (all - longer) * (all - longer));
    }
    return fixed / (2 * set->same_count);
}

void cases_open(all_cases *all)
{
    for (uint8_t count = 0; count <= CASE_NODES; count++) {
        case_tree trees[CASE_TREES_MAX];
        size_t found = cases_trees(count, trees, CASE_TREES_MAX);

        for (size_t i = 0; i < found && all->count < CASE_TREES_MAX; i++) {
            case_set *set = &all->sets[all->count++];

            case_set_open(set, &trees[i], false);
            all->raw += (uint64_t)set->count * set->count * CASE_WAYS;
            all->distinct += count_distinct(set);
        }
    }
}

void cases_close(all_cases *all)
{
    for (size_t i = 0; i < all->count; i++)
        case_set_close(&all->sets[i]);
}

static unsigned mirrored(unsigned way)
{
    static const unsigned order[CASE_ORDERS] = {CASE_BOTH_AT_ONCE, CASE_SECOND_BEFORE,
                                                CASE_FIRST_BEFORE};

    return way - way % CASE_ORDERS + order[way % CASE_ORDERS];
}

static bool is_less(const size_t a[3], const size_t b[3])
{
    for (int i = 0; i < 3; i++)
        if (a[i] != b[i])
            return a[i] < b[i];
    return false;
}

/* The first of all that are the same. */
bool case_is_first(const case_set *set, size_t i, size_t j, unsigned way)
{
    const size_t this[3] = {i, j, way};

    for (size_t k = 0; k < set->same_count; k++) {
        const uint32_t *same = set->same[k];

        if (is_less((size_t[3]){same[i], same[j], way}, this) ||
            is_less((size_t[3]){same[j], same[i], mirrored(way)}, this))
            return false;
    }
    return true;
}

bool case_work_is_first(const case_set *set, size_t i)
{
    for (size_t k = 0; k < set->same_count; k++)
        if (set->same[k][i] < i)
            return false;
    return true;
}

static uint64_t mix(uint64_t number)
{
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

test_case case_at(const case_set *set, size_t i, size_t j, unsigned way)
{
    uint64_t seed = mix(((uint64_t)i << 32 | j) * CASE_WAYS + way + 1);

    return (test_case){
        .tree = set->tree,
        .works = {set->works[i], set->works[j]},
        .scans_each = {way / CASE_ORDERS, way / CASE_ORDERS},
        .order = (case_order)(way % CASE_ORDERS),
        .seed = seed,
        .ids = seed,
    };
}
