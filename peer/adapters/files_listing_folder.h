/* SPDX-License-Identifier: Apache-2.0 */
/* The part of files_listing that looks into one directory. */
#ifndef CF_PEER_ADAPTERS_FILES_LISTING_FOLDER_H
#define CF_PEER_ADAPTERS_FILES_LISTING_FOLDER_H
#include "peer/adapters/files_listing.h"

/* Lists the open directory `held` as folders[index]. What fails is its trouble, and the answer. */
cf_status cf_listing_folder(cf_listing *listing, const cf_listing_options *options, size_t index,
                            const cf_folder *held, cf_error *error);
/* Notes why the folder is incomplete, if it is the first reason. */
void cf_listing_trouble(cf_listing *listing, size_t index, const cf_error *error);
/* Whether something in folders[index] is asked for. */
cf_include_answer cf_listing_included(const cf_listing *listing, const cf_listing_options *options,
                                      size_t index, cf_bytes name, bool directory);

#endif
