/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest for a RocksDB of ours that lost its own, made from the tables and logs that lie there.
 *
 * RocksDB's own repair makes tables of the logs, and drops each table of which it can't read one
 * block. What was flushed stands in a log, too, until all of what is in that log was flushed; so
 * the tables overlap, and RocksDB as Debian builds it refuses to open them. Here the tables are
 * named as they are, the logs are left to be replayed whole when it is opened, and which of two
 * values is newer say the sequence numbers in them.
 *
 * The form of a manifest is that of a log: store_tail.h; of a table:
 * https://github.com/facebook/rocksdb/wiki/Rocksdb-BlockBasedTable-Format */
#ifndef CF_BROKER_STORE_STORE_MANIFEST_H
#define CF_BROKER_STORE_STORE_MANIFEST_H
#include "codec/error.h"

/* Writes MANIFEST and CURRENT into the folder `path`, a copy: nobody has it open. What RocksDB
 * can't open of the tables is left out; `trial` is a folder beside it, made for that and removed.
 * CF_IO: the disk doesn't give one, which is not damage; CF_BROKEN: a newer RocksDB wrote one. */
cf_status cf_store_manifest_make(const char *path, const char *trial, cf_error *error);

#endif
