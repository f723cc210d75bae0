/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a store had when it was closed, and how long they were. RocksDB takes a log that is
 * gone, or a manifest that was cut, for an older state, and removes the tables that this one
 * doesn't know; with the list such a store is told as damaged before it is opened.
 *
 * RocksDB begins a new manifest each time, so the list is of the store as it lies there if CURRENT
 * names the manifest that stands in it. A list that is gone, cut, or of another time says nothing:
 * it is that of a program that was killed. Such a one may have a manifest whose last record is not
 * whole, as a power cut leaves it, and that is cut off. A second list, written when the store was
 * opened, says what stood in the manifest before: there nothing is cut off. */
#ifndef CF_BROKER_STORE_STORE_INVENTORY_H
#define CF_BROKER_STORE_STORE_INVENTORY_H
#include "codec/error.h"

#define CF_STORE_INVENTORY_FILE "INVENTORY"

/* Once it is closed. That it can't be written harms nothing. */
void cf_store_inventory_write(const char *path);
/* CF_BROKEN, with its name: a file is gone, or has another length. */
cf_status cf_store_inventory_check(const char *path, cf_error *error);
/* CF_BROKEN, with its name: a log or manifest of a store that was closed does not end with a whole
 * record. What was acknowledged stands there. */
cf_status cf_store_inventory_check_logs(const char *path, cf_error *error);

/* Once it is open. */
void cf_store_inventory_write_opened(const char *path);
/* CF_BROKEN: the manifest ends in what is no record, and may not be cut there. */
cf_status cf_store_inventory_check_manifest(const char *path, cf_error *error);

#endif
