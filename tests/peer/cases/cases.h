/* SPDX-License-Identifier: Apache-2.0 */
/* All that two users can do to a small tree, each apart from the other, in at most two steps. Trees
 * and works are without names of their own: a node's first name is its number, a fresh one is x or
 * y. */
#ifndef CF_TESTS_CASES_H
#define CF_TESTS_CASES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CASE_NODES = 4,
    CASE_OPS = 2,
    CASE_X = CASE_NODES, /* names: a node's number, or one of these */
    CASE_Y,
    CASE_NAMES,
    CASE_ROOT = 15,
    CASE_SHARED = 9,                      /* a content that both may write */
    CASE_ALL = CASE_NODES + 2 * CASE_OPS, /* nodes of the tree, and what two works make */
    CASE_CONTENTS = CASE_SHARED + 1 + 2 * CASE_OPS,
    CASE_TREES_MAX = 256,
};

typedef struct {
    uint8_t parent; /* CASE_ROOT, or a node before this one */
    bool is_directory;
    uint8_t content; /* of a file; equal ones are equal */
    uint8_t copy_of; /* it is the conflict copy of that node - 1; 0: of none */
} case_node;

typedef struct {
    case_node nodes[CASE_NODES];
    uint8_t count;
} case_tree;

typedef enum {
    OP_NONE, /* for a moment, nothing */
    OP_CREATE,
    OP_MKDIR,
    OP_EDIT,
    OP_DELETE,
    OP_CHMOD,
    OP_REPLACE,
    OP_MOVE
} op_kind;

/* Nodes from CASE_NODES on are what this work's own steps made. */
typedef struct {
    uint8_t kind, node, directory, name;
    bool shared; /* writes CASE_SHARED, else something new */
} case_op;

typedef struct {
    case_op ops[CASE_OPS];
    uint8_t count;
} case_work;

typedef enum { CASE_BOTH_AT_ONCE, CASE_FIRST_BEFORE, CASE_SECOND_BEFORE, CASE_ORDERS } case_order;

typedef struct {
    case_tree tree;
    case_work works[2];
    bool scans_each[2];         /* published after each step, else after the last */
    case_order order;           /* BEFORE: the other receives it before its last scan */
    uint8_t called[CASE_NODES]; /* a node's first name is another one's number - 1; 0: its own */
    uint64_t seed;              /* how steps of plans are left out */
    uint64_t ids;               /* the seed of all until the first has published; may be the same */
} test_case;

/* A disk on paper. */
typedef struct {
    bool is_there, is_directory, has_mode;
    uint8_t parent, name, content;
} paper_node;

typedef struct {
    paper_node nodes[CASE_ALL];
} paper_disk;

void paper_begin(paper_disk *disk, const case_tree *tree);
/* The number of a work's node in a disk of both. */
static inline uint8_t paper_index(uint8_t node, unsigned who)
{
    return node >= CASE_NODES && node != CASE_ROOT ? (uint8_t)(node + CASE_OPS * who) : node;
}
static inline uint8_t paper_made(unsigned who, unsigned step)
{
    return (uint8_t)(CASE_NODES + CASE_OPS * who + step);
}
/* What a work's step writes, if it is something new. */
static inline uint8_t paper_content(unsigned who, unsigned step)
{
    return (uint8_t)(CASE_SHARED + 1 + CASE_OPS * who + step);
}
/* Who stands at a place; CASE_ROOT: nobody. */
uint8_t paper_at(const paper_disk *disk, uint8_t directory, uint8_t name);
bool paper_is_directory(const paper_disk *disk, uint8_t node);
bool paper_is_within(const paper_disk *disk, uint8_t node, uint8_t directory);
/* Does one's step; false: it can't be done, nothing is. `over` gets what a move takes the place of
 * (CASE_ROOT: nothing). */
bool paper_do(paper_disk *disk, const case_op *op, unsigned who, unsigned step, uint8_t *over);
bool paper_equal(const paper_disk *a, const paper_disk *b);

/* All trees with `count` nodes, each once whatever its nodes' numbers are. */
size_t cases_trees(uint8_t count, case_tree *out, size_t most);
/* The numbers that nodes may get so that the tree is the same. */
typedef struct {
    uint8_t to[CASE_NODES];
} case_numbers;
size_t cases_same(const case_tree *tree, case_numbers out[24]);
bool case_tree_renumber(const case_tree *tree, const case_numbers *numbers, case_tree *out);

/* All works on a tree; free() ends them. With pauses: also of one step and a moment in which
 * nothing is done, before or after it. */
size_t cases_works(const case_tree *tree, bool pauses, case_work **out);
/* With the two fresh names swapped in some directories: a bit for each, CASE_NODES for the root. */
enum { CASE_SWAP_NONE = 0, CASE_SWAP_ALL = (1 << (CASE_NODES + 1)) - 1 };
case_work case_work_renumber(const case_work *work, const case_numbers *numbers, unsigned swaps);
int case_work_compare(const void *a, const void *b);

/* A tree with all works on it. `same`: how the works' indexes change when nodes are numbered, and
 * fresh names chosen, in another way that gives the same tree. */
enum {
    CASE_SAME_MAX = 24 << (CASE_NODES + 1),
    CASE_SCANS = 2,
    CASE_WAYS = CASE_ORDERS * CASE_SCANS
};
typedef struct {
    case_tree tree;
    case_work *works;
    size_t count;
    uint32_t *same[CASE_SAME_MAX];
    size_t same_count;
} case_set;

typedef struct {
    case_set sets[CASE_TREES_MAX];
    size_t count;
    uint64_t raw;      /* cases with all that are the same */
    uint64_t distinct; /* without */
} all_cases;

void case_set_open(case_set *self, const case_tree *tree, bool pauses);
void case_set_close(case_set *self);
/* One more way to number it, or to choose fresh names. */
void case_set_add_same(case_set *self, const case_numbers *numbers, unsigned swaps);

void cases_open(all_cases *all);
void cases_close(all_cases *all);
/* How many of CASE_WAYS differ for two works; the first of them. */
unsigned cases_ways(const case_set *set, size_t i, size_t j);
/* The first of all cases that are the same; no case with a work that is not. */
bool case_is_first(const case_set *set, size_t i, size_t j, unsigned way);
bool case_work_is_first(const case_set *set, size_t i);
test_case case_at(const case_set *set, size_t i, size_t j, unsigned way);

/* Of one that fails, a smaller one that fails too, as small as it goes. */
test_case case_shrink(const test_case *broken);
/* Its steps can be done. */
bool case_is_possible(const test_case *one);

/* As it is read again by case_read: one line. */
enum { CASE_TEXT = 256 };
void case_print(const test_case *one, char text[CASE_TEXT]);
bool case_read(const char *text, test_case *out);

/* Lets two devices live it, and aborts where what comes out is wrong. The steps taken. */
uint64_t case_run(const test_case *one, bool tracing);

#endif
