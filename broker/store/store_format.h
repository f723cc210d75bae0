/* SPDX-License-Identifier: Apache-2.0 */
/* The format version of a store's directory, in a small file beside RocksDB's: opening RocksDB to
 * read a version key would already write, and a store of a newer format is left untouched.
 *
 * Whoever makes a store writes MAKING before anything else and removes it last. So a directory is
 * empty, or unfinished, or a whole store, and one that lacks something has lost it: RocksDB, asked
 * to make what is missing, would begin anew over what is left and remove it. */
#ifndef CF_BROKER_STORE_STORE_FORMAT_H
#define CF_BROKER_STORE_STORE_FORMAT_H
#include <stdbool.h>

#include "codec/error.h"

#define CF_STORE_FORMAT 2
#define CF_STORE_FORMAT_FILE "FORMAT"
#define CF_STORE_FORMAT_MAKING "MAKING" /* lies there until the store is finished */

/* `*absent`: there is no directory, or an empty or unfinished one. A store of an older format,
 * which this program reads, is of this one from now on. CF_BROKEN: of a newer format, or damaged,
 * or without a file that a store has, which the text names; it is untouched then. */
cf_status cf_store_format_check(const char *path, bool *absent, cf_error *error);

/* Of a newer format, so that nothing here can mend it. */
bool cf_store_format_is_newer(const char *path);

/* What was absent is an empty directory, in which a database may be made. */
cf_status cf_store_format_begin(const char *path, cf_error *error);
/* Once that is there and closed. */
cf_status cf_store_format_finish(const char *path, cf_error *error);

#endif
