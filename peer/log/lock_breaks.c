/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/lock_breaks.h"

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/log/catalog_rights.h"

#include <string.h>

/* No more of it than a name may have, not cut within a character. */
static cf_bytes short_name(const char *what)
{
    size_t size = strlen(what);

    if (size > CF_NAME_MAX)
        size = CF_NAME_MAX;
    while (what[size] && ((uint8_t)what[size] & 0xc0) == 0x80)
        size--;
    return cf_bytes_of(what, size);
}

cf_status cf_lock_break_record(cf_peer *peer, const cf_lock_break *broken, uint64_t now_ms,
                               cf_error *error)
{
    cf_buffer values[3] = {{0}};
    cf_collection *catalog;
    cf_id item;

    peer->env->random(peer->env->context, item.bytes, CF_ID_SIZE);
    item.bytes[0] = CF_CATALOG_BREAK;
    cf_pack_bin(&values[0], cf_bytes_of(broken->collection.bytes, CF_ID_SIZE));
    cf_pack_bin(&values[1], cf_bytes_of(broken->holder.bytes, CF_HASH_SIZE));
    cf_pack_text(&values[2], short_name(broken->what));
    const cf_change changes[] = {
        {.item = item,
         .field = cf_bytes_of_text("/collection"),
         .value = cf_buffer_view(&values[0])},
        {.item = item, .field = cf_bytes_of_text("/holder"), .value = cf_buffer_view(&values[1])},
        {.item = item,
         .field = cf_bytes_of_text(CF_FIELD_NAME),
         .value = cf_buffer_view(&values[2])},
    };
    cf_status status = cf_peer_collection(peer, &cf_catalog_id, &catalog, error);
    if (!status)
        status = cf_peer_publish_changes(peer, catalog, changes, 3, now_ms, error);
    for (size_t i = 0; i < 3; i++)
        cf_buffer_release(&values[i]);
    return status;
}
