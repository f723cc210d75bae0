/* SPDX-License-Identifier: Apache-2.0 */
/* A case while it is lived, and what is checked at its end. */
#ifndef CF_TESTS_CASE_INSIDE_H
#define CF_TESTS_CASE_INSIDE_H
#include "tests/peer/cases/cases.h"
#include "tests/peer/model/model_world.h"

typedef struct {
    const test_case *of;
    model_world world;
    uint64_t numbers[2][CASE_ALL];     /* of the nodes, on each device's disk */
    uint8_t over[2][CASE_OPS];         /* what moves took the place of */
    char copy_name[MODEL_NAME_SIZE];   /* of the conflict copy in the tree, which is one at most */
    uint64_t mtimes_ns[CASE_CONTENTS]; /* when each content was written */
    uint64_t begun_ms;
    paper_disk disks[2]; /* what each user made of the tree, on paper */
    bool tracing;
} case_life;

/* A life in parts: until both agree on the tree, what the one does who publishes first, what the
 * other does, and all else. */
void case_begin(case_life *self, const test_case *one, bool tracing);
void case_do_first(case_life *self);
void case_do_second(case_life *self);
void case_do_rest(case_life *self);

const char *case_name(const case_life *self, uint8_t name);
void case_content(uint8_t content, char text[24]);

/* `disks`: what each device's user made of the tree, on paper. */
void case_check(case_life *self, const paper_disk disks[2]);

#endif
