/* SPDX-License-Identifier: Apache-2.0 */
/* Two devices, of which one has a disk that takes `A` for `a`, and refuses ":" and "?" in names. */
#ifndef CF_TESTS_TWO_SPELLINGS_H
#define CF_TESTS_TWO_SPELLINGS_H
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_folder.h"

/* Of the case that runs: two_spellings_begin fills them in. */
extern small_world *w;
extern small_device *full, *folds;

/* Before and after each case. */
void two_spellings_begin(void);
void two_spellings_end(void);

/* Whatever is looked at, and however often: nobody did anything. */
void settle_without_news(void);
/* The one that folds says this of what lies at `path`, once. */
void expect_reason(cf_pending_kind kind, const char *path, const char *reason);

#endif
