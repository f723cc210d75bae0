/* SPDX-License-Identifier: Apache-2.0 */
/* Small contents whose bytes stand in the log itself, whole or as a chain of patches. */
#ifndef CF_PEER_LOG_CONTENTS_SMALL_H
#define CF_PEER_LOG_CONTENTS_SMALL_H
#include "peer/log/contents.h"

/* Appends the bytes, verified. CF_MISSING when some of it is in blobs, or it is over CF_INLINE_MAX.
 */
cf_status cf_contents_small(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                            cf_buffer *out, cf_error *error);

#endif
