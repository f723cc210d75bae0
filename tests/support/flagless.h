/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a file system whose rename takes no flags, as most of FUSE and network shares are. */
#ifndef CF_TESTS_FLAGLESS_H
#define CF_TESTS_FLAGLESS_H
#include "broker/platform/files.h"

/* From now on `rename` and `exchange` can't be done, nor hard links unless `links`. */
void make_flagless(cf_files *files, bool links);

#endif
