/* SPDX-License-Identifier: Apache-2.0 */
/* The cases on one tree that have to be lived so that all are: of those that come to the same, one.
 * What is the same, and why:
 *
 * - nodes numbered in another way that gives the same tree, and the two fresh names swapped: names
 *   are only asked whether they are equal (a conflict name is made from the file's own);
 * - the fresh names swapped in one directory only: names meet in one directory, unless two are
 *   shown as one, or a ring of moves brings one to the root;
 * - the devices swapped: their writers' order is as random as before;
 * - works that come to the same (case_alike.h), with the other's;
 * - files that are equal, or write the same, if they can't meet: content is compared in one place;
 * - a case of parts that have nothing to do with each other (case_apart.h): its parts are lived;
 * - published after each step, if neither publishes twice: that is published once, too.
 *
 * So that parts are cases too, works may have pauses. `exhaustive --doubt` tries it. */
#ifndef CF_TESTS_CASE_WHOLE_H
#define CF_TESTS_CASE_WHOLE_H
#include "tests/peer/cases/case_alike.h"
#include "tests/peer/cases/case_plainer.h"

/* Both publish once, or both each step; at once, or the first before the second. And the first once
 * before the second, who publishes each. */
enum { WHOLE_WAYS = 5 };

typedef struct {
    case_set set; /* with pauses; `same` has the swaps in one directory last */
    size_t plain_count;
    case_deeds *deeds[2];
    uint32_t *first[CASE_ROLES];
} whole_set;

/* -1 for what is in none of them. */
int whole_way(const bool scans_each[2], bool is_before);
/* In it, the second publishes behind the first. */
bool whole_is_ordered(unsigned way);
case_role whole_role(unsigned way, unsigned who);

void whole_open(whole_set *self, const case_tree *tree);
void whole_close(whole_set *self);

/* Whether the i-th work is in any of them as the first device's. */
bool whole_has_row(const whole_set *self, unsigned way, size_t i);
bool whole_has(const whole_set *self, unsigned way, size_t i, size_t j);
test_case whole_at(const whole_set *self, unsigned way, size_t i, size_t j);

#endif
