/* SPDX-License-Identifier: Apache-2.0 */
/* The reading of a scan: files by their place in its listing, several of one folder to a job, as
 * many at a time as there is memory for. */
#ifndef CF_PEER_SOURCES_FILES_SCAN_READS_H
#define CF_PEER_SOURCES_FILES_SCAN_READS_H
#include "peer/bindings/binding.h"
#include "peer/bindings/files_read.h"
#include "peer/sources/files/files_listing.h"

typedef struct cf_scan_reads cf_scan_reads;

/* All borrowed; the listing may grow. */
cf_scan_reads *cf_scan_reads_new(const cf_env *env, cf_binding *binding, const cf_listing *listing);
/* Waits for jobs under way. */
void cf_scan_reads_destroy(cf_scan_reads **reads);
void cf_scan_reads_clock(cf_scan_reads *reads, uint64_t now_ms);

/* An entry is to be read; nothing happens when it was. */
void cf_scan_reads_want(cf_scan_reads *reads, size_t entry, const cf_read_past *past);
/* Starts what is wanted. */
void cf_scan_reads_start(cf_scan_reads *reads);
bool cf_scan_reads_busy(const cf_scan_reads *reads);
/* Whether more may be wanted before the next start. */
bool cf_scan_reads_room(const cf_scan_reads *reads);
/* Forgets what was read of the entries before this one, which were reported. */
void cf_scan_reads_drop(cf_scan_reads *reads, size_t entry);

/* NULL with a reason when it could not be read. */
const cf_read *cf_scan_reads_get(const cf_scan_reads *reads, size_t entry, const char **reason);
cf_read_answer cf_scan_reads_answer(const cf_scan_reads *reads, size_t entry);
/* By entry, NULL while not known; as cf_identity_input takes them. */
const cf_hash *const *cf_scan_reads_hashes(cf_scan_reads *reads);

#endif
