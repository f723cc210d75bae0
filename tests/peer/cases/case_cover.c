/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_cover.h"

#include <stdlib.h>
#include <string.h>

#include "tests/peer/cases/case_part.h"

typedef struct {
    const whole_set *sets;
    size_t count;
    test_case *lost;
} search;

static bool follow(const search *self, test_case one);

static void exchange_devices(test_case *one)
{
    case_work work = one->works[0];
    bool scans_each = one->scans_each[0];

    one->works[0] = one->works[1];
    one->works[1] = work;
    one->scans_each[0] = one->scans_each[1];
    one->scans_each[1] = scans_each;
    one->order = CASE_FIRST_BEFORE;
}

static const whole_set *find_tree(const search *self, const case_tree *tree)
{
    for (size_t i = 0; i < self->count; i++)
        if (memcmp(&self->sets[i].set.tree, tree, sizeof *tree) == 0)
            return &self->sets[i];
    return NULL;
}

/* Its tree may have other numbers there; the case gets these. */
static const whole_set *find_set(const search *self, test_case *one)
{
    const whole_set *found = find_tree(self, &one->tree);

    for (unsigned code = 0; code < 256 && !found; code++) {
        case_numbers numbers;
        case_tree tree;
        unsigned used = 0;

        for (uint8_t i = 0; i < CASE_NODES; i++) {
            numbers.to[i] = code >> 2 * i & 3;
            used |= 1U << numbers.to[i];
        }
        for (uint8_t i = one->tree.count; i < CASE_NODES; i++)
            used = numbers.to[i] == i ? used : 0;
        if (used != (1U << CASE_NODES) - 1 || !case_tree_renumber(&one->tree, &numbers, &tree))
            continue;
        found = find_tree(self, &tree);
        if (!found)
            continue;
        one->tree = tree;
        for (unsigned who = 0; who < 2; who++)
            one->works[who] = case_work_renumber(&one->works[who], &numbers, CASE_SWAP_NONE);
    }
    return found;
}

static bool is_lost(const search *self, const test_case *one)
{
    *self->lost = *one;
    return false;
}

static bool follow_parts(const search *self, const test_case *one, const case_links *links)
{
    uint8_t original[CASE_ALL];

    for (uint8_t group = 1; group <= links->count; group++)
        if (!follow(self, case_part(one, links, group, original)))
            return false;
    return true;
}

static bool make_plainer(test_case *one, const case_deeds deeds[2])
{
    if (deeds[0].shared + deeds[1].shared == 1) {
        for (unsigned who = 0; who < 2; who++)
            for (unsigned step = 0; step < CASE_OPS; step++)
                one->works[who].ops[step].shared = false;
        return true;
    }
    for (uint8_t i = 0; i < one->tree.count; i++)
        if (case_could_differ(&one->tree, deeds, i)) {
            one->tree.nodes[i].content = CASE_NODES;
            return true;
        }
    return case_publish_plainer(one, deeds);
}

/* Of all that are the same but for numbers, fresh names and devices, the first. */
static void find_first(const whole_set *set, unsigned way, size_t same_count, size_t index[2])
{
    const uint32_t *first = set->first[whole_role(way, 0)];
    const uint32_t *second = set->first[whole_role(way, 1)];
    size_t i = index[0], j = index[1];

    for (unsigned swapped = 0; swapped < 2; swapped++)
        for (size_t k = 0; k < same_count && !(swapped && whole_is_ordered(way)); k++) {
            size_t a = first[set->set.same[k][swapped ? j : i]];
            size_t b = second[set->set.same[k][swapped ? i : j]];

            if (a < index[0] || (a == index[0] && b < index[1])) {
                index[0] = a;
                index[1] = b;
            }
        }
}

static bool follow_works(const search *self, const whole_set *set, test_case *one)
{
    size_t index[2];
    int known = whole_way(one->scans_each, one->order != CASE_BOTH_AT_ONCE);
    unsigned way = (unsigned)known;
    bool directories_meet, changed = false;
    case_deeds deeds[2];
    size_t from[2];

    if (known < 0)
        return is_lost(self, one);
    for (unsigned who = 0; who < 2; who++) {
        const case_work *found = bsearch(&one->works[who], set->set.works, set->set.count,
                                         sizeof *found, case_work_compare);

        if (!found)
            return is_lost(self, one);
        from[who] = (size_t)(found - set->set.works);
        index[who] = set->first[whole_role(way, who)][from[who]];
        deeds[who] = set->deeds[who][index[who]];
    }
    if (case_is_whole(&set->set.tree, deeds, &directories_meet))
        find_first(set, way, directories_meet ? set->plain_count : set->set.same_count, index);
    for (unsigned who = 0; who < 2; who++) {
        one->works[who] = set->set.works[index[who]];
        changed |= index[who] != from[who];
    }
    if (changed) /* that may be of parts again */
        return follow(self, *one);
    return (whole_has_row(set, way, index[0]) && whole_has(set, way, index[0], index[1])) ||
           is_lost(self, one);
}

static bool follow(const search *self, test_case one)
{
    case_deeds deeds[2];
    case_links links;

    for (unsigned who = 0; who < 2; who++)
        if (case_steps(&one.works[who]) == 0)
            one.works[who] = (case_work){0};
    if (one.order == CASE_SECOND_BEFORE)
        exchange_devices(&one);
    const whole_set *set = find_set(self, &one);
    if (!set)
        return is_lost(self, &one);
    for (unsigned who = 0; who < 2; who++)
        deeds[who] = case_deeds_of(&one.tree, &one.works[who], who);
    if (make_plainer(&one, deeds))
        return follow(self, one);
    case_link(&one.tree, deeds, &links);
    if (links.count > 1 || (links.count ? links.needed[1] : 0) != (1U << one.tree.count) - 1)
        return follow_parts(self, &one, &links);
    return follow_works(self, set, &one);
}

bool case_is_covered(const whole_set *sets, size_t count, const test_case *one, test_case *lost)
{
    search self = {sets, count, lost};

    return follow(&self, *one);
}
