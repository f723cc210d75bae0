/* SPDX-License-Identifier: Apache-2.0 */
/* A medium that is one text file, of any format of adapters/record_format.h. What it should say is
 * made beside it, as `.NAME.counterfoil`, synced, and exchanged with it; the intent, [hash of
 * after, hash of before], says after a crash which of both lies there (cf_record_disk_clear); that
 * a user made the file anew meanwhile is kept under the same key, until what it lacks is settled.
 */
#ifndef CF_PEER_SOURCES_RECORDS_MEDIUM_FILE_H
#define CF_PEER_SOURCES_RECORDS_MEDIUM_FILE_H
#include "peer/sources/records/medium.h"

cf_medium *cf_medium_file_new(cf_files *files, cf_peer *peer, cf_binding *binding);

#endif
