/* SPDX-License-Identifier: Apache-2.0 */
/* What came out of a case, without what differs each time: ids, numbers, times. */
#ifndef CF_TESTS_CASE_OUTCOME_H
#define CF_TESTS_CASE_OUTCOME_H
#include "tests/peer/cases/case_inside.h"

enum { OUTCOME_NODES = 32, OUTCOME_NAME = 64, OUTCOME_PATH = 256 };

/* A node on the disk. `is`: which nodes of the tree and of the works, a bit for each as in a paper
 * disk; none of them: a conflict copy. */
typedef struct {
    uint8_t is, within; /* within: 0 is the root */
    bool is_directory, has_mode;
    char name[OUTCOME_NAME], content[24], path[OUTCOME_PATH];
} outcome_node;

typedef struct {
    outcome_node nodes[OUTCOME_NODES];
    size_t count;
} case_outcome;

/* `begun`: as both agreed at the beginning, if not NULL. */
void case_outcome_of(const test_case *one, case_outcome *begun, case_outcome *out);
const outcome_node *case_outcome_find(const case_outcome *self, uint8_t node);

#endif
