/* SPDX-License-Identifier: Apache-2.0 */
/* Which steps of a case have to do with each other. Two steps have when both are about one aspect
 * of one node (its place, its content, its mode), about one place (a name in a directory), or are
 * linked by others that are. More is linked than that, wherever the product looks at more:
 *
 * - the aspects of a node that one makes or removes, that both edit (the conflict copy has its name
 *   from the place), that comes where another comes (equal files of one name are shown as one), or
 *   that is a conflict copy or has one: the main file and its copy are one;
 * - a directory and what lies in it or comes into it, when it is removed or replaced (it stays for
 *   the sake of what is in it), or when another comes to a place that it has, had or gets (two
 *   directories of one name are shown as one);
 * - directories that may come to lie in each other, and what may have their names in the root (of a
 *   ring, one is shown there).
 *
 * Steps that are not linked come out as if the others were not there. A case with two groups of
 * steps therefore is no more than two smaller cases, each with pauses in place of the other's
 * steps, and each without the nodes that none of its steps needs. */
#ifndef CF_TESTS_CASE_APART_H
#define CF_TESTS_CASE_APART_H
#include "tests/peer/cases/case_deeds.h"

typedef struct {
    uint8_t groups[2][CASE_OPS]; /* of each step, from 1 on; a pause: 0 */
    uint8_t count;
    uint8_t needed[2 * CASE_OPS + 1]; /* by group, a bit for each node */
    bool ring;                        /* directories may come to lie in each other */
    bool directories_meet;            /* names of one directory may come into another */
} case_links;

void case_link(const case_tree *tree, const case_deeds deeds[2], case_links *out);

#endif
