/* SPDX-License-Identifier: Apache-2.0 */
/* Removing the folder of one user's blob files. */
#ifndef CF_BROKER_BLOBS_BLOB_FILES_FORGET_H
#define CF_BROKER_BLOBS_BLOB_FILES_FORGET_H
#include "codec/error.h"

/* The folder `name` in the directory `root`, with folders of files in it. Durable at return; CF_OK
 * when there is none. */
cf_status cf_blob_files_forget(int root, const char *name, cf_error *error);

#endif
