/* SPDX-License-Identifier: Apache-2.0 */
/* Works that come to the same, so that one of them is lived for all.
 *
 * PUBLISHED ONCE: the disk is the same at the scan, and so is the moment. What a scan publishes is
 * made of the base and the disk, not of how the user got there.
 * PUBLISHED EACH, after every step: the disk is the same in the end, and the last write of each
 * place, content, mode, and of what is gone, is from the same moment. Who gets all entries together
 * has no other writes in the state: a later entry replaces what an earlier one of its writer wrote.
 * Not so for what is removed or made besides: that may come back, and is known by how it was made.
 * RECEIVING: one that gets the other's entries between its steps is like no other.
 *
 * Nodes that a work makes are the same whatever step makes them; contents that a user writes and
 * nobody else does are the same, whatever they are called. */
#ifndef CF_TESTS_CASE_ALIKE_H
#define CF_TESTS_CASE_ALIKE_H
#include "tests/peer/cases/cases.h"

typedef enum { PUBLISHED_ONCE, PUBLISHED_EACH, RECEIVING, CASE_ROLES } case_role;

/* Of each work, the number of the one that is lived for it: with as few steps as there are. */
void case_alike(const case_set *set, case_role role, uint32_t *first);

/* Its steps, without pauses. */
unsigned case_steps(const case_work *work);

#endif
