/* SPDX-License-Identifier: Apache-2.0 */
/* A large file on its way in, which goes on after an interruption: beside it stands a note of the
 * blobs that are in it, durably. It is named by its content, and what is in it is proved in the end
 * by that hash alone, so the note need not be believed. Owned by the engine's thread. */
#ifndef CF_PEER_TRANSFER_PARTIAL_FILE_H
#define CF_PEER_TRANSFER_PARTIAL_FILE_H
#include "broker/platform/env.h"
#include "broker/platform/files.h"
#include "codec/ids.h"

enum { CF_PARTIAL_FILE_NAME = 40 };
/* The file's name, from the first 12 bytes of the content's hash; with the note's when `note`. */
void cf_partial_file_name(const cf_hash *content, bool note, char out[CF_PARTIAL_FILE_NAME]);
/* Takes the file and its note away, where they are. */
void cf_partial_file_remove(cf_files *files, const cf_folder *folder, const cf_hash *content);

/* What an earlier process left there will be gone on with: a file with its note, or the note,
 * unless nobody has asked for it for a week. */
bool cf_partial_file_is_awaited(cf_files *files, const cf_folder *folder, cf_bytes name,
                                uint64_t now_ms);

typedef struct cf_partial_file cf_partial_file;

typedef struct {
    const cf_env *env;
    const cf_folder *folder; /* borrowed for the call */
    cf_hash content;
    uint64_t size;
    cf_hash plan;      /* of which blobs make it: another plan's numbers mean nothing */
    size_t blob_count; /* that the note counts */
    bool afresh;       /* begin anew whatever there is */
} cf_partial_file_options;

/* The file has its full length, holes where nothing was written yet. */
cf_status cf_partial_file_open(const cf_partial_file_options *options, cf_partial_file **out,
                               cf_error *error);
/* Waits for a job; what is on the disk stays. */
void cf_partial_file_destroy(cf_partial_file **partial);

const cf_file *cf_partial_file_file(const cf_partial_file *partial);
/* Something of an earlier time is in it. */
bool cf_partial_file_is_resumed(const cf_partial_file *partial);
bool cf_partial_file_has(const cf_partial_file *partial, size_t blob);
/* These bytes of a blob were written. */
void cf_partial_file_wrote(cf_partial_file *partial, size_t blob, uint64_t size);
/* Makes it durable and notes it, in a job: when there is much, or, `all`, anything. True while one
 * is under way. A failure is final. */
cf_status cf_partial_file_step(cf_partial_file *partial, bool all, bool *busy, cf_error *error);

#endif
