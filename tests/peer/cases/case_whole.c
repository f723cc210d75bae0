/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_whole.h"

#include <stdlib.h>

static const struct {
    bool scans_each[2], is_before; /* the first's work is received before the other's last scan */
} ways[WHOLE_WAYS] = {
    {{false, false}, false}, {{false, false}, true}, {{true, true}, false},
    {{true, true}, true},    {{false, true}, true},
};

int whole_way(const bool scans_each[2], bool is_before)
{
    for (int way = 0; way < WHOLE_WAYS; way++)
        if (ways[way].scans_each[0] == scans_each[0] && ways[way].scans_each[1] == scans_each[1] &&
            ways[way].is_before == is_before)
            return way;
    return -1;
}

bool whole_is_ordered(unsigned way)
{
    return ways[way].is_before;
}

case_role whole_role(unsigned way, unsigned who)
{
    if (!ways[way].scans_each[who])
        return PUBLISHED_ONCE;
    return who && ways[way].is_before ? RECEIVING : PUBLISHED_EACH;
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);

    if (!memory)
        abort();
    return memory;
}

/* A bit for each directory that both know, as in case_work_renumber. */
static unsigned directories_of(const case_tree *tree)
{
    unsigned directories = 1U << CASE_NODES;

    for (uint8_t i = 0; i < tree->count; i++)
        directories |= tree->nodes[i].is_directory ? 1U << i : 0;
    return directories;
}

static void add_swaps(case_set *set, const case_numbers *numbers, unsigned directories)
{
    for (unsigned swaps = (directories - 1) & directories; swaps; swaps = (swaps - 1) & directories)
        case_set_add_same(set, numbers, swaps);
}

void whole_open(whole_set *self, const case_tree *tree)
{
    case_numbers numbers[24];
    size_t count = cases_same(tree, numbers);

    *self = (whole_set){0};
    case_set_open(&self->set, tree, true);
    self->plain_count = self->set.same_count;
    for (size_t i = 0; i < count; i++)
        add_swaps(&self->set, &numbers[i], directories_of(tree));
    for (unsigned who = 0; who < 2; who++) {
        self->deeds[who] = allocate(self->set.count, sizeof(case_deeds));
        for (size_t i = 0; i < self->set.count; i++)
            self->deeds[who][i] = case_deeds_of(tree, &self->set.works[i], who);
    }
    for (case_role role = 0; role < CASE_ROLES; role++) {
        self->first[role] = allocate(self->set.count, sizeof(uint32_t));
        case_alike(&self->set, role, self->first[role]);
    }
}

void whole_close(whole_set *self)
{
    case_set_close(&self->set);
    for (unsigned who = 0; who < 2; who++)
        free(self->deeds[who]);
    for (case_role role = 0; role < CASE_ROLES; role++)
        free(self->first[role]);
}

bool whole_has_row(const whole_set *self, unsigned way, size_t i)
{
    const uint32_t *first = self->first[whole_role(way, 0)];

    if (first[i] != i)
        return false;
    for (size_t k = 0; k < self->plain_count; k++)
        if (first[self->set.same[k][i]] < i)
            return false;
    return true;
}

static bool is_first(const whole_set *self, unsigned way, size_t i, size_t j, size_t same_count)
{
    const uint32_t *first = self->first[whole_role(way, 0)],
                   *second = self->first[whole_role(way, 1)];

    for (size_t k = 0; k < same_count; k++) {
        const uint32_t *same = self->set.same[k];
        size_t a = first[same[i]], b = second[same[j]];

        if (a < i || (a == i && b < j))
            return false;
        if (ways[way].is_before)
            continue;
        a = first[same[j]];
        b = second[same[i]];
        if (a < i || (a == i && b < j))
            return false;
    }
    return true;
}

bool whole_has(const whole_set *self, unsigned way, size_t i, size_t j)
{
    const case_deeds deeds[2] = {self->deeds[0][i], self->deeds[1][j]};
    bool directories_meet;

    if (self->first[whole_role(way, 1)][j] != j || (!ways[way].is_before && j < i))
        return false;
    return case_is_whole(&self->set.tree, deeds, &directories_meet) &&
           is_first(self, way, i, j, directories_meet ? self->plain_count : self->set.same_count) &&
           case_matters_when(&self->set.tree, deeds, ways[way].scans_each, ways[way].is_before);
}

test_case whole_at(const whole_set *self, unsigned way, size_t i, size_t j)
{
    test_case one =
        case_at(&self->set, i, j, ways[way].is_before ? CASE_FIRST_BEFORE : CASE_BOTH_AT_ONCE);

    for (unsigned who = 0; who < 2; who++)
        one.scans_each[who] = ways[way].scans_each[who];
    one.seed += way;
    return one;
}
