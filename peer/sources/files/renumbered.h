/* SPDX-License-Identifier: Apache-2.0 */
/* What an intent names, found again where inode numbers don't last: by kind, size, time and
 * content.
 *
 *     ours was made as 7 and is to replace 5; mounted anew, ours is 5, the replaced file 6
 *     the intent says 7, the base 5: from here on the intent says 5, the base 6 */
#ifndef CF_PEER_SOURCES_FILES_RENUMBERED_H
#define CF_PEER_SOURCES_FILES_RENUMBERED_H
#include "peer/sources/files/intents.h"

/* `intent->after` and `before`, a copy of what the base has of that node (NULL: nothing), get the
 * numbers that their files have now; one whose file is nowhere gets 0, which no file has. Where
 * numbers last both stay as they are. A disk that can't say where they are fails it. */
cf_status cf_renumber(const cf_binding *binding, cf_files *files, cf_intent *intent,
                      cf_node *before, cf_error *error);

#endif
