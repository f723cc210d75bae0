/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of a work are about, as they are done on paper. */
#ifndef CF_TESTS_CASE_DEEDS_H
#define CF_TESTS_CASE_DEEDS_H
#include "tests/peer/cases/cases.h"

/* A step; nodes are numbered as on a disk of both. */
typedef struct {
    uint8_t kind, node, made, directory, over;
    uint8_t from, to;      /* places */
    uint8_t gone;          /* a bit for each node that it removes */
    bool brings_directory; /* to the place `to` */
    bool leans;            /* it is another one, or can't be done, without the step before */
} case_deed;

typedef struct {
    case_deed deeds[CASE_OPS];
    uint8_t count;
    uint8_t about;  /* a bit for each node of the tree that it could be linked to */
    uint8_t shared; /* how many steps write CASE_SHARED */
} case_deeds;

case_deeds case_deeds_of(const case_tree *tree, const case_work *work, unsigned who);

static inline bool op_has_node(uint8_t kind)
{
    return kind != OP_NONE && kind != OP_CREATE && kind != OP_MKDIR;
}

static inline bool op_has_place(uint8_t kind)
{
    return kind == OP_CREATE || kind == OP_MKDIR || kind == OP_MOVE;
}

static inline uint8_t case_bit(uint8_t node)
{
    return (uint8_t)(1U << node);
}

/* A name in a directory, the root being the last. */
enum { CASE_SPOTS = (CASE_ALL + 1) * CASE_NAMES };

static inline uint8_t case_spot(uint8_t directory, uint8_t name)
{
    return (uint8_t)((directory == CASE_ROOT ? CASE_ALL : directory) * CASE_NAMES + name);
}

#endif
