/* SPDX-License-Identifier: Apache-2.0 */
/* A medium that is the database of a program which runs meanwhile: read in one transaction, and
 * written in another, on the condition that the rows to be changed are as they were read. It is
 * never made here, unless it is damaged and filled from the log (cf_medium_mend).
 *
 *     row 1 was read as Ann, and Anna is to be written; its program made it Anne meanwhile:
 *       CF_CHANGED, nothing is written, and the next look finds Anne
 *     its program has it locked: CF_CHANGED for eight looks, then CF_LOCKED, which is listed */
#ifndef CF_PEER_SOURCES_RECORDS_MEDIUM_DATABASE_H
#define CF_PEER_SOURCES_RECORDS_MEDIUM_DATABASE_H
#include "peer/sources/records/medium.h"

cf_medium *cf_medium_database_new(cf_files *files, cf_peer *peer, cf_binding *binding);

#endif
