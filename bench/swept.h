/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's sweep of blobs that no entry names, a month later than it is, in this process: at a
 * broker that runs it comes once a day, and takes what is a week old. */
#ifndef CF_BENCH_SWEPT_H
#define CF_BENCH_SWEPT_H
#include "codec/error.h"

#include <stddef.h>

/* A broker's store and blobs, with one user, whose one change names all blobs that are to stay. */
typedef struct cf_swept cf_swept;

/* With so many blobs that are named; in folders whose paths begin with `folder`. */
cf_status cf_swept_new(const char *folder, size_t count, cf_swept **out, cf_error *error);
void cf_swept_destroy(cf_swept **swept);
/* A few come that nothing names, and go. CF_BROKEN: they are still there, or a named one isn't. */
cf_status cf_swept_sweep(cf_swept *swept, cf_error *error);

#endif
