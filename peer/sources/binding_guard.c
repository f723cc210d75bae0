/* SPDX-License-Identifier: Apache-2.0 */
/* Of how many items so many would vanish: of those that there were when the first of them was
 * missed. Else what is new meanwhile would let them go in the end without the user's word. */
#include "peer/sources/binding.h"

#include <string.h>

#include "codec/pack.h"

static bool is_counting(const cf_binding *binding)
{
    return binding->counted[CF_GUARD_HERE] || binding->counted[CF_GUARD_THERE];
}

/* For the next process. Where it fails the next one counts anew. */
static void keep(cf_peer *peer, cf_binding *binding)
{
    cf_store *store = cf_home_store(peer->home);
    cf_records records = {0};
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error ignored;
    cf_bytes key = cf_key_source(&arena, CF_TABLE_GUARDED, binding->number);

    cf_pack_array(&value, 2);
    cf_pack_uint(&value, binding->counted[CF_GUARD_HERE]);
    cf_pack_uint(&value, binding->counted[CF_GUARD_THERE]);
    if (is_counting(binding))
        cf_records_put(&records, key, cf_buffer_view(&value));
    else
        cf_records_delete(&records, key);
    if (!store->write(store, cf_peer_user(peer), records.at, records.count, true, &ignored))
        memcpy(binding->counted_kept, binding->counted, sizeof binding->counted);
    cf_records_release(&records);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_binding_count(cf_binding *binding, cf_guard_side side, uint64_t items)
{
    uint64_t *counted = &binding->counted[side];

    if (!*counted || items < *counted)
        *counted = items;
}

void cf_binding_end_count(cf_peer *peer, cf_binding *binding, cf_guard_side side)
{
    binding->counted[side] = 0;
    if (binding->counted_kept[side])
        keep(peer, binding);
}

uint64_t cf_binding_counted(const cf_binding *binding, cf_guard_side side, uint64_t items)
{
    uint64_t counted = binding->counted[side];

    return counted && counted < items ? counted : items;
}

bool cf_binding_allows(cf_peer *peer, cf_binding *binding, cf_guard_side side, cf_delete_word word,
                       uint64_t deleted, uint64_t items)
{
    if (!deleted)
        return true;
    cf_binding_count(binding, side, items);
    bool allowed = cf_guard_allows(word, deleted, binding->counted[side]);
    if (allowed)
        cf_binding_end_count(peer, binding, side);
    else if (binding->counted_kept[side] != binding->counted[side])
        keep(peer, binding);
    return allowed;
}

/* ---- What is told ---- */

/* /home/ann/my notes -> '/home/ann/my notes' */
void cf_binding_path_word(const cf_binding *binding, cf_buffer *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_@%+=:,./-";
    const char *path = binding->path;

    if (path[strspn(path, plain)] == '\0') {
        cf_buffer_append_text(out, "%s", path);
        return;
    }
    cf_buffer_append_text(out, "'");
    for (; *path; path++)
        cf_buffer_append_text(out, *path == '\'' ? "'\\''" : "%c", *path);
    cf_buffer_append_text(out, "'");
}

const char *cf_binding_held_text(const cf_binding *binding, cf_guard_side side, uint64_t held,
                                 uint64_t items, cf_arena *arena)
{
    const unsigned long long count = held, all = items;
    cf_buffer word = {0}, text = {0};

    cf_binding_path_word(binding, &word);
    cf_buffer_append(&word, "", 1);
    const char *path = (const char *)word.data;
    if (side == CF_GUARD_HERE)
        cf_buffer_append_text(&text,
                              "%llu of %llu items are missing here: `counterfoil sync %s --yes` "
                              "deletes them elsewhere too, `counterfoil repair %s --refill` brings "
                              "them back",
                              count, all, path, path);
    else
        cf_buffer_append_text(&text,
                              "%llu of %llu items were deleted elsewhere: `counterfoil sync %s "
                              "--yes` deletes them here too; `counterfoil remove %s`, then "
                              "`counterfoil add %s --existing --mine` bring them back everywhere",
                              count, all, path, path, path);
    const char *kept = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&word);
    cf_buffer_release(&text);
    return kept;
}

/* ---- For the next process ---- */

static bool load(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    (void)key;
    if (cf_read_array_of(&reader, 2, &ignored) ||
        cf_read_uint(&reader, &binding->counted[CF_GUARD_HERE], &ignored) ||
        cf_read_uint(&reader, &binding->counted[CF_GUARD_THERE], &ignored))
        memset(binding->counted, 0, sizeof binding->counted);
    memcpy(binding->counted_kept, binding->counted, sizeof binding->counted);
    return true;
}

cf_status cf_binding_load_count(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};

    cf_status status =
        store->scan(store, cf_peer_user(peer),
                    cf_key_source(&arena, CF_TABLE_GUARDED, binding->number), load, binding, error);
    cf_arena_release(&arena);
    return status;
}
