/* SPDX-License-Identifier: Apache-2.0 */
/* From what a survey found to entries in the log: the changes that the merge rules make of it, how
 * others get the contents, cut into parts, committed together with the base's new nodes. */
#ifndef CF_PEER_SOURCES_FILES_PUBLISH_H
#define CF_PEER_SOURCES_FILES_PUBLISH_H
#include "peer/sources/files/survey.h"
#include "peer/log/base.h"
#include "peer/transfer/uploads.h"

typedef struct {
    cf_peer *peer;
    cf_binding *binding;
    cf_uploads *uploads;
    cf_bases *bases;
    uint64_t now_ms;
    /* Told of each thing that can't be published yet. */
    void (*waits)(void *context, const cf_observation *seen, cf_upload_answer why);
    void *context;
} cf_publishing;

/* `gone` are those of the batch's that may count. CF_OK also when nothing was to be published. A
 * failure other than CF_DENIED (no content key) leaves the peer unusable. */
cf_status cf_publish_batch(const cf_publishing *publishing, const cf_survey_batch *batch,
                           const uint64_t *gone, size_t gone_count, cf_error *error);

#endif
