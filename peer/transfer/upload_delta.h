/* SPDX-License-Identifier: Apache-2.0 */
/* The delta of a large file that is to be sent: a job which makes it from the base's bytes, or,
 * where only the hashes of their leaves are kept, from those. The patch goes to a file in the home.
 */
#ifndef CF_PEER_TRANSFER_UPLOAD_DELTA_H
#define CF_PEER_TRANSFER_UPLOAD_DELTA_H
#include "broker/platform/jobs.h"
#include "peer/bindings/base.h"

typedef struct cf_delta_job cf_delta_job;

typedef struct {
    cf_peer *peer;
    const cf_binding *binding;
    uint64_t folder; /* node of the file's directory */
    cf_bytes name;
    uint64_t size;
    cf_bytes leaves; /* borrowed; what is read of the file must be as they say */
    cf_hash before;
    uint64_t before_size;
    cf_bytes before_leaves; /* borrowed; none: not kept */
    uint64_t number;        /* names the file of the patch */
} cf_delta_job_options;

cf_delta_job *cf_delta_job_start(const cf_delta_job_options *options, cf_error *error);
bool cf_delta_job_over(const cf_delta_job *job);
/* Waits if it must. */
void cf_delta_job_destroy(cf_delta_job **job);

/* After it is over. The size of the patch; CF_TOO_LARGE: not worth it. */
cf_status cf_delta_job_result(const cf_delta_job *job, uint64_t *size, cf_error *error);
/* The patch; the file is gone with its last handle. */
cf_status cf_delta_job_take(cf_delta_job *job, cf_file **out, cf_error *error);

#endif
