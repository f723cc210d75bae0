/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a case comes to a plainer one. */
#ifndef CF_TESTS_CASE_PLAINER_H
#define CF_TESTS_CASE_PLAINER_H
#include "tests/peer/cases/case_apart.h"

/* Whether it matters that works are published step by step. If not, the same comes out as when all
 * steps are of the second moment and published together: by both where they publish at once, by the
 * first where both do in order, and by the second, who then publishes behind the first. */
bool case_matters_when(const case_tree *tree, const case_deeds deeds[2], const bool scans_each[2],
                       bool is_before);

/* If it does not matter, makes it so. False: it was left as it is. Not if the second is before. */
bool case_publish_plainer(test_case *one, const case_deeds deeds[2]);

/* A file that is equal to others, but where they can't meet. */
bool case_could_differ(const case_tree *tree, const case_deeds deeds[2], uint8_t node);

/* One group, all nodes are needed, and no two contents are equal that could as well differ. */
bool case_is_whole(const case_tree *tree, const case_deeds deeds[2], bool *directories_meet);

#endif
