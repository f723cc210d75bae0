/* SPDX-License-Identifier: Apache-2.0 */
/* A medium that is one text file, of any format of peer/adapters/record_format.h. */
#ifndef CF_PEER_SOURCES_RECORDS_MEDIUM_FILE_H
#define CF_PEER_SOURCES_RECORDS_MEDIUM_FILE_H
#include "peer/sources/records/medium.h"

cf_medium *cf_medium_file_new(cf_files *files, cf_peer *peer, cf_binding *binding);

#endif
