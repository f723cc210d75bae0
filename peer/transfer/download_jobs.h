/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with whole files on their way in, in jobs: made out of a base by a patch, copied,
 * proved to be the content that was meant. They touch nothing but open files. To copy and to prove
 * is there for other jobs as well. */
#ifndef CF_PEER_TRANSFER_DOWNLOAD_JOBS_H
#define CF_PEER_TRANSFER_DOWNLOAD_JOBS_H
#include "broker/platform/env.h"
#include "broker/platform/files.h"
#include "codec/ids.h"

enum { CF_FILE_WINDOW = 1 << 20 }; /* bytes of memory that copying and proving take */

/* In any thread. `to` is empty; it shares its blocks with `from` where the file system can. */
cf_status cf_file_copy(cf_files *files, const cf_file *from, const cf_file *to, uint64_t size,
                       cf_error *error);
/* In any thread. CF_FORGED when it is another content. `leaves` gets the hashes of the leaves, 32
 * bytes each, appended. */
cf_status cf_file_prove(cf_files *files, const cf_file *file, const cf_hash *content, uint64_t size,
                        cf_buffer *leaves, cf_error *error);

typedef struct cf_file_job cf_file_job;

/* All are borrowed until the job's end; `target` is empty. */
typedef struct {
    const cf_env *env;
    const cf_file *base;
    uint64_t base_size;
    cf_bytes patch;            /* or, when there is a file: */
    const cf_file *patch_file; /* NULL: none */
    uint64_t patch_size;       /* of the file */
    const cf_file *target;
    uint64_t target_size;
} cf_patch_options;
cf_file_job *cf_file_job_patch(const cf_patch_options *options);

typedef struct {
    const cf_env *env;
    const cf_file *from, *to;
    uint64_t size;
} cf_copy_options;
cf_file_job *cf_file_job_copy(const cf_copy_options *options);

/* As cf_file_prove. */
cf_file_job *cf_file_job_verify(const cf_env *env, const cf_file *file, const cf_hash *content,
                                uint64_t size);

/* Waits for it. */
void cf_file_job_destroy(cf_file_job **job);
bool cf_file_job_over(const cf_file_job *job);
/* Once it is over. */
cf_status cf_file_job_result(const cf_file_job *job, cf_error *error);
/* What verifying found: 32 bytes each, `*out` is replaced. */
void cf_file_job_leaves(cf_file_job *job, cf_buffer *out);

#endif
