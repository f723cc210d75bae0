/* SPDX-License-Identifier: Apache-2.0 */
/* From what a scan found to entries in the log: the changes that the merge rules make of it, how
 * others get the contents, cut into parts, committed together with the base's new nodes. */
#ifndef CF_PEER_SOURCES_FILES_PUBLISH_H
#define CF_PEER_SOURCES_FILES_PUBLISH_H
#include "peer/log/past.h"
#include "peer/sources/files/scan.h"
#include "peer/bindings/base.h"
#include "peer/transfer/uploads.h"

typedef struct {
    cf_peer *peer;
    cf_binding *binding;
    cf_uploads *uploads;
    cf_bases *bases;
    uint64_t now_ms;
    const cf_past *past; /* while the source meets its folder (meeting.h); else NULL */
    /* Told of what was deleted elsewhere since, and goes from here once the broker has it. NULL:
     * what was deleted is left to a later look. */
    void (*awaits)(void *context, const cf_observation *seen);
    /* Told of each thing that can't be published yet. */
    void (*waits)(void *context, const cf_observation *seen, cf_upload_answer why);
    void *context;
} cf_publishing;

/* What the batch has that others have brought to this disk already is agreed, with nothing to
 * publish: so two folders that hold the same data meet without a word. So is the same content in
 * another file. The rest of it is left in `left_brokers`, which lies in the arena. */
cf_status cf_publish_agreed(const cf_publishing *publishing, const cf_scan_batch *batch,
                            cf_arena *arena, cf_scan_batch *left, cf_error *error);
/* Of what is new here: others have something there, and it is another thing. */
bool cf_publish_differs(const cf_publishing *publishing, const cf_finding *finding);

/* `gone` are those of the batch's that may count. CF_OK also when nothing was to be published. A
 * failure other than CF_DENIED (no content key) leaves the peer unusable. */
cf_status cf_publish_batch(const cf_publishing *publishing, const cf_scan_batch *batch,
                           const uint64_t *gone, size_t gone_count, cf_error *error);

#endif
