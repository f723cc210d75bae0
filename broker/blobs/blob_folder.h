/* SPDX-License-Identifier: Apache-2.0 */
/* Where the files of one blob lie, whether it is whole there, and how pieces of it come in. For
 * blob_files.c alone. */
#ifndef CF_BROKER_BLOBS_BLOB_FOLDER_H
#define CF_BROKER_BLOBS_BLOB_FOLDER_H
#include "broker/blobs/blobs.h"

enum { CF_BLOB_HEX = 2 * CF_HASH_SIZE, CF_BLOB_PATH = 2 * CF_BLOB_HEX + 32 };

/* Where a blob's things are, below the root. */
typedef struct {
    char user[CF_BLOB_PATH];
    char uploads[CF_BLOB_PATH]; /* directory */
    char upload[CF_BLOB_PATH];
    char folder[CF_BLOB_PATH]; /* directory */
    char file[CF_BLOB_PATH];
    char damaged[CF_BLOB_PATH]; /* directory of those that were set aside */
    char aside[CF_BLOB_PATH];
} cf_blob_places;

cf_blob_places cf_blob_places_of(const cf_hash *user, const cf_hash *id);

/* Whether the whole is there, and how large it is. False with a status: that can't be told. */
bool cf_blob_files_complete(int root, const cf_blob_places *at, uint64_t *size, cf_status *status,
                            cf_error *error);
/* Removes the folder `name` in the directory `root`, with folders of files in it. Durable at
 * return; CF_OK when there is none. */
cf_status cf_blob_files_forget(int root, const char *name, cf_error *error);
/* Renames a damaged blob to where it is not one. Where a crash undoes that, it is found once more.
 * CF_CHANGED: what was renamed is whole, and is back. */
cf_status cf_blob_files_set_aside(int root, const cf_blob_places *at, const cf_hash *id,
                                  cf_error *error);
/* Takes a piece of an upload; with the last one, proves and names the whole. Durable when `held`
 * says that it is complete. */
cf_status cf_blob_files_put(int root, const cf_blob_put *put, cf_blob_held *held, cf_error *error);

#endif
