/* SPDX-License-Identifier: Apache-2.0 */
/* What files_identity decides, with histories and answers that are lines of text.
 *
 * Histories are written as what the base knows and what the disk has: "PATH INODE [CONTENT]", with
 * commas; a path with a slash at its end is a directory, whose CONTENT is the time of its last
 * change; an inode is INODE or INODE.BIRTH, with ^ of a draft. The base's nodes are numbered 1, 2,
 * … in their order. The answer, by path: =N same, ~N replaced, >N moved, + new, . none; then "gone"
 * and the numbers.
 */
#ifndef CF_TESTS_IDENTITY_LINES_H
#define CF_TESTS_IDENTITY_LINES_H
#include "peer/sources/files/files_identity.h"

enum { LISTED_MAX = 64 };

typedef struct {
    char path[200]; /* without a slash at its end */
    char kind;
    cf_stat stat;
    cf_hash content;
    bool unreadable, excluded, special, busy, draft; /* inodes with ! - ? * ^ */
} listed_thing;

typedef struct {
    listed_thing things[LISTED_MAX];
    size_t count;
} tree;

typedef struct {
    tree base, disk;
    const char *listed;  /* directories listed at first, " a b/c "; NULL: all. "." is the root */
    const char *failing; /* directories whose listing fails */
    bool known_hashes[LISTED_MAX], listed_later[LISTED_MAX], root_later;
    size_t hashes_asked, lists_asked;
} identity_case;

identity_case identity_case_of(const char *base, const char *disk);
/* Decides, and is given what is wanted, until nothing is. */
void expect_partly(identity_case *self, const char *expected);
/* The same of a disk that is listed whole. */
void expect_identity(const char *base, const char *disk, const char *expected);

#endif
