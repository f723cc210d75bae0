/* SPDX-License-Identifier: Apache-2.0 */
/* The part of files_listing that looks into one directory. */
#ifndef CF_PEER_SOURCES_FILES_FILES_LISTING_FOLDER_H
#define CF_PEER_SOURCES_FILES_FILES_LISTING_FOLDER_H
#include "peer/sources/files/files_listing.h"

/* Lists the open directory `held` as folders[index]. What fails is its trouble, and the answer. */
cf_status cf_listing_folder(cf_listing *listing, const cf_listing_options *options, size_t index,
                            const cf_folder *held, cf_error *error);
/* Notes why the folder is incomplete, if it is the first reason. */
void cf_listing_trouble(cf_listing *listing, size_t index, const cf_error *error);

#endif
