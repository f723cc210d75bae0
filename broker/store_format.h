/* SPDX-License-Identifier: Apache-2.0 */
/* The format version of a store's directory, in a small file beside RocksDB's: opening RocksDB to
 * read a version key would already write, and a store of a newer format is left untouched. */
#ifndef CF_BROKER_STORE_FORMAT_H
#define CF_BROKER_STORE_FORMAT_H
#include "codec/error.h"

#define CF_STORE_FORMAT 2
#define CF_STORE_FORMAT_FILE "FORMAT"

/* Makes the directory and the file when absent; a store of an older format, which this program
 * reads, is of this one from now on. CF_BROKEN: of a newer format, or damaged. */
cf_status cf_store_format_check(const char *path, cf_error *error);

#endif
