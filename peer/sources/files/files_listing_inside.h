/* SPDX-License-Identifier: Apache-2.0 */
/* What of a listing its own files share. */
#ifndef CF_PEER_SOURCES_FILES_FILES_LISTING_INSIDE_H
#define CF_PEER_SOURCES_FILES_FILES_LISTING_INSIDE_H
#include "peer/sources/files/files_listing.h"

/* The directory is among the folders, as a whole. */
bool cf_listing_has(const cf_listing *listing, const cf_stat *stat);
/* Some of its names were looked for where it was before: nothing is to be found twice. */
bool cf_listing_is_asked(const cf_listing *listing, const cf_stat *stat);
/* The answer is its index. */
size_t cf_listing_add_folder(cf_listing *listing, cf_listed_folder folder);
/* The names are to be looked for in it; of a directory in which something is found already only the
 * rest is. They are copied. */
void cf_listing_ask(cf_listing *listing, cf_listed_folder *folder, const cf_bytes *names,
                    size_t count);

#endif
