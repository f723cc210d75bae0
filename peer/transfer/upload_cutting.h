/* SPDX-License-Identifier: Apache-2.0 */
/* How a long run of bytes, a file or a patch, is cut into pieces to be sealed, around what blobs of
 * the log have already. */
#ifndef CF_PEER_TRANSFER_UPLOAD_CUTTING_H
#define CF_PEER_TRANSFER_UPLOAD_CUTTING_H
#include "codec/delta_copies.h"
#include "peer/log/contents.h"

typedef struct {
    bool is_known; /* it stands in blobs of the known content, from known_offset on */
    uint64_t offset, size;
    uint64_t known_offset;
} cf_upload_cut;

/* In the order of the run, of which they leave nothing out. */
typedef struct {
    cf_upload_cut *at;
    size_t count, capacity;
    uint64_t known_bytes;
} cf_cuts; /* {0} is empty */

typedef struct {
    uint64_t size;
    cf_bytes leaves; /* 32 bytes each; none: nothing of it is known */
    /* A content in whole whose blobs the log has, with its leaves; NULL: none. */
    const cf_content_source *known;
    cf_bytes known_leaves;
    /* What the run has of that whole, at any place; NULL: as the leaves say. */
    const cf_delta_copies *copies;
} cf_cut_options;

void cf_cut_run(const cf_cut_options *options, cf_cuts *out);
void cf_cuts_release(cf_cuts *cuts);

#endif
