/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/entry_name.h"

#include "peer/log/catalog.h"

static const char *collection_name(cf_peer *peer, const cf_id *collection, cf_arena *arena)
{
    if (cf_id_equal(collection, &cf_member_log_id))
        return "the member log";
    if (cf_id_equal(collection, &cf_catalog_id))
        return "the catalog";
    return cf_catalog_name(peer, collection, arena);
}

const char *cf_entry_name(cf_peer *peer, const cf_entry *entry, cf_arena *arena)
{
    char id[2 * CF_HASH_SIZE + 1];
    cf_buffer text = {0};

    cf_hex(cf_bytes_of(entry->hash.bytes, CF_HASH_SIZE), id);
    id[CF_ENTRY_ID_TEXT] = '\0';
    cf_buffer_append_text(&text, "entry %s of %s in %s", id,
                          cf_catalog_device_name(peer, &entry->header.device, arena),
                          collection_name(peer, &entry->header.collection, arena));
    const char *name = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return name;
}
