/* SPDX-License-Identifier: Apache-2.0 */
/* A store of one user's records, what is done to its files, and what a repair reads of it. */
#ifndef CF_TESTS_DAMAGED_STORE_H
#define CF_TESTS_DAMAGED_STORE_H
#include "broker/store/store_rocksdb.h"
#include "tests/support/scratch.h"

#include <sys/types.h>

extern const cf_hash store_user;
extern const uint8_t instance[16];
extern char path[128], copy[128]; /* of the store, and where a repair copies it to */
extern char file[512];            /* that was found */

scratch *arrive(void);
/* `flushed`: each record goes into a table of its own, which the manifest has to name. */
void make_store(size_t count, size_t size, bool flushed);
/* Opens it, and closes it again. */
cf_status reopen(bool has_inventory, cf_error *error);
/* The last file of the store, by name, that has it in its name: `file`. Returns its size. */
off_t find_file(const char *part);
/* Four bytes of `file`. */
void flip(off_t at);
size_t count_tables(void);

/* How many records; `readable`: what can't be read is an error. */
size_t salvaged_by(bool readable);
size_t salvaged(void);
/* Their context is a size_t. */
bool count_record(void *context, cf_bytes key, cf_bytes value);
bool count_entry(void *context, uint64_t position, cf_bytes wire);

#endif
