/* SPDX-License-Identifier: Apache-2.0 */
/* A medium that is the database of a program which runs meanwhile. */
#ifndef CF_PEER_SOURCES_RECORDS_MEDIUM_DATABASE_H
#define CF_PEER_SOURCES_RECORDS_MEDIUM_DATABASE_H
#include "peer/sources/records/medium.h"

cf_medium *cf_medium_database_new(cf_files *files, cf_peer *peer, cf_binding *binding);

#endif
