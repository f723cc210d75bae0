/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the log and the manifest that this process writes to still lie in the store's folder, and
 * all of them is sound. Where somebody removed, moved or replaced one, RocksDB writes on where
 * nobody finds it again; where it was cut, behind a hole, which is the end of it for who reads it.
 * Told by the descriptors in /proc; any thread. */
#ifndef CF_BROKER_STORE_STORE_OPEN_FILES_H
#define CF_BROKER_STORE_STORE_OPEN_FILES_H
#include <stdbool.h>

typedef struct {
    bool log, manifest; /* is lost */
} cf_store_lost_files;

/* Of a store that is open for writing. Where /proc is not there, nothing is lost. Logs that are
 * closed, and needed until all tables have what is in them, are not looked at. */
void cf_store_find_lost(int folder, cf_store_lost_files *out);

#endif
