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

typedef struct {
    cf_peer *peer;
    const cf_dot *dot;
    cf_hash device;
} author_search;

static bool is_author(void *context, const cf_head *entry, uint64_t position)
{
    author_search *search = context;
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry parsed;
    cf_error ignored;

    (void)position;
    bool found = entry->sequence == search->dot->sequence &&
                 memcmp(entry->hash.bytes, search->dot->hash, sizeof search->dot->hash) == 0;
    if (found && cf_log_get(search->peer->log, entry, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &parsed, &ignored) == CF_OK)
        search->device = parsed.header.device;
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return !found && entry->sequence <= search->dot->sequence;
}

cf_hash cf_entry_author(cf_peer *peer, const cf_dot *dot)
{
    cf_store *store = cf_home_store(peer->home);
    author_search search = {.peer = peer, .dot = dot};
    cf_error ignored;

    store->chain(store, cf_peer_user(peer), &dot->writer, dot->sequence, is_author, &search,
                 &ignored);
    return search.device;
}
