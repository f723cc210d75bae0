/* SPDX-License-Identifier: Apache-2.0 */
/* The folder that a store or the blobs live in. */
#ifndef CF_BROKER_PLATFORM_DURABLE_FOLDER_H
#define CF_BROKER_PLATFORM_DURABLE_FOLDER_H
#include "codec/error.h"

/* Opens the directory, making it when absent; the parent of a new one is synced, so that what is
 * durable in it does not vanish with it. */
cf_status cf_durable_folder_open(const char *path, int *descriptor, cf_error *error);

#endif
