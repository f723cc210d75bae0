/* SPDX-License-Identifier: Apache-2.0 */
/* What a power cut leaves of the write that it met. A write that takes several blocks of the disk
 * may have reached some of them only, in any order. RocksDB's recovery (wal_recovery_mode 0) takes
 * it for an incomplete one when its end is missing, and for damage when something before its end
 * is. Such a write was never synced, hence never acknowledged, and nothing sound stands behind it;
 * damage of what was synced is told from it by the sound records that follow.
 *
 * The form of RocksDB's logs: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format
 */
#ifndef CF_BROKER_STORE_STORE_TAIL_H
#define CF_BROKER_STORE_STORE_TAIL_H
#include "codec/bytes.h"
#include "codec/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cuts a last write that isn't whole off the newest write-ahead log and the manifest of the RocksDB
 * in the folder `path`; durable at return. To be called when opening it failed as damaged, by who
 * has it for himself. `*cut` gets how many bytes were cut off: 0, and then it is damaged. */
cf_status cf_store_tail_mend(const char *path, size_t *cut, cf_error *error);
/* Whether all of a log or manifest is sound records; `*whole` gets how many bytes of it are, from
 * its beginning. Only reads, with little memory. */
cf_status cf_store_tail_check(int folder, const char *name, bool *is_whole, uint64_t *whole,
                              cf_error *error);
/* Whether what isn't sound in it is what a power cut leaves: nothing sound stands behind that. */
cf_status cf_store_tail_is_torn(int folder, const char *name, bool *is_torn, cf_error *error);

/* Leaves the logical records in a log that are whole, and drops what is damaged, as RocksDB's
 * recovery with wal_recovery_mode 3 should: a block's rest behind damage, and what lost a part of
 * itself. It begins the checksum of a record in parts with that of one before it whose end was
 * damaged, and ends there (7.8.3; https://github.com/facebook/rocksdb/issues/15007). */
cf_status cf_store_tail_keep_whole(int folder, const char *name, cf_error *error);

/* Puts one more logical record behind those of a log that is made in memory. */
void cf_store_tail_append(cf_buffer *log, cf_bytes content);

#endif
