/* SPDX-License-Identifier: Apache-2.0 */
/* A database that is cut short or damaged, made anew without its rows. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_REMAKE_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_REMAKE_H
#include "codec/bytes.h"
#include "codec/error.h"

/* Appends the bytes of a database that has the tables, views, indexes and triggers which the one at
 * `path` declares, its size of pages, encoding, numbers of its program and kind of log, and no row.
 * `path` is only read, and nobody may write it meanwhile. CF_MALFORMED: what it declares can't be
 * read, or declares no table. */
cf_status cf_database_remake(const char *path, cf_buffer *out, cf_error *error);

#endif
