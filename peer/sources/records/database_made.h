/* SPDX-License-Identifier: Apache-2.0 */
/* A database of a source where there is none: made with the tables that the collection's first one
 * has, as that device told, and without a row; a look fills it as any other. */
#ifndef CF_PEER_SOURCES_RECORDS_DATABASE_MADE_H
#define CF_PEER_SOURCES_RECORDS_DATABASE_MADE_H
#include "broker/platform/files.h"

/* Appends its bytes. CF_MISSING: nobody told how it is laid out. CF_MALFORMED, CF_TOO_LARGE: none
 * can be made as they told. */
cf_status cf_database_made_bytes(cf_bytes layout, cf_buffer *out, cf_error *error);

/* What lies beside the name, as the log of a program that crashed, would be taken for a part of the
 * database that is put there: CF_LOCKED. */
cf_status cf_database_made_alone(cf_files *files, const cf_folder *folder, cf_bytes name,
                                 cf_error *error);

/* Makes it durable and whole, or nothing at all. `rehearses`: nothing in any case. CF_CHANGED:
 * something is there by now, and stays as it is; CF_MISSING also: its folder is not there. */
cf_status cf_database_made(cf_files *files, const char *path, cf_bytes layout, bool rehearses,
                           cf_error *error);

#endif
