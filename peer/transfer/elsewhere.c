/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/elsewhere.h"

#include "codec/content.h"

bool cf_is_elsewhere(const cf_peer *peer, const cf_id *collection, cf_bytes identity)
{
    cf_error ignored;
    cf_hash hash;
    uint64_t size;

    if (cf_content_identity_read(identity, &hash, &size, &ignored) || size <= CF_INLINE_MAX)
        return true;
    return peer->link && cf_link_is_idle_in(peer->link, collection) &&
           !cf_contents_lacks_unnamed(peer->contents) &&
           cf_contents_available(peer->contents, collection, &hash);
}
