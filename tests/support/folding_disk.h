/* SPDX-License-Identifier: Apache-2.0 */
/* The disk behind it with one name for all spellings of letters of ASCII, as exFAT by FUSE has it:
 * what is there is found under each, keeps the one that it was made with, and a rename takes no
 * flags. */
#ifndef CF_TESTS_FOLDING_DISK_H
#define CF_TESTS_FOLDING_DISK_H
#include "broker/platform/files.h"

typedef struct {
    cf_files base;
    cf_files *inner;
    const char *refused;  /* letters that no name has there; NULL: none */
    bool keeps_case;      /* else it folds */
    const char *stripped; /* letters that no name ends in: it is without them; NULL: none */
    bool folds_unicode;   /* an e with its accent is one with it */
    int refusal;          /* errno of what is refused; 0: ENOENT */
    size_t longest;       /* bytes of a name; 0: as `inner` */
} folding_files;

/* What is not of names is `inner`'s own. */
void folding_files_put(folding_files *self, cf_files *inner, const char *refused);

#endif
