/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CF_TESTS_CASE_PART_H
#define CF_TESTS_CASE_PART_H
#include "tests/peer/cases/case_plainer.h"

/* The steps of one group, on the nodes that it needs, under their names; `original` gets what their
 * numbers were. */
test_case case_part(const test_case *one, const case_links *links, uint8_t group,
                    uint8_t original[CASE_ALL]);

#endif
