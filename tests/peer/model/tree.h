/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of a view as lines, one for each node, to compare and to print. */
#ifndef CF_TESTS_TREE_H
#define CF_TESTS_TREE_H
#include "peer/merge/view.h"

typedef struct {
    cf_bytes path; /* names joined with '/' */
    const cf_shown *shown;
    cf_group group; /* of a directory: that of its items */
    size_t depth;   /* how many directories are above it */
} tree_line;

typedef struct {
    cf_arena arena;
    tree_line *lines; /* by path, names compared one by one */
    size_t count, capacity;
} test_tree;

void tree_of(test_tree *tree, cf_view *view);
void tree_release(test_tree *tree);
/* Path, kind, content, mode, mtime, items and refs of all nodes; equal trees give equal texts. */
void tree_print(const test_tree *tree, cf_buffer *out);
/* The same for the machine. */
void tree_pack(const test_tree *tree, cf_buffer *out);

#endif
