/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CF_TESTS_REMOVE_TREE_H
#define CF_TESTS_REMOVE_TREE_H
#include <ftw.h>
#include <stdio.h>

static inline int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    (void)stat, (void)kind, (void)walk;
    return remove(path);
}

/* With all below the path; 0: done. */
static inline int remove_tree(const char *path)
{
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
