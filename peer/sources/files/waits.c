/* SPDX-License-Identifier: Apache-2.0 */
/* Which reasons are kept: of what was tried, and was skipped, waits or was not applied; not of what
 * is only on its way. Of more than CF_WAITS_MAX the first ones by path. */
#include "peer/sources/files/waits.h"

#include "codec/pack.h"
#include "peer/sources/files/apply.h"

#include <stdlib.h>
#include <string.h>

static bool is_tried(const cf_pending *pending)
{
    return (pending->kind == CF_PENDING_SKIPPED || pending->kind == CF_PENDING_WAITS ||
            pending->kind == CF_PENDING_UNAPPLIED) &&
           pending->tried && strcmp(pending->reason, CF_ON_THE_WAY) != 0;
}

static void pack(const cf_pending *left, size_t count, cf_buffer *out)
{
    cf_pendings tried = {0};

    for (size_t i = 0; i < count; i++)
        if (is_tried(&left[i]))
            cf_pendings_add(&tried, left[i].kind, left[i].path, left[i].reason);
    cf_pendings_sort(&tried);
    const size_t kept = tried.count < CF_WAITS_MAX ? tried.count : CF_WAITS_MAX;
    if (kept)
        cf_pack_array(out, kept);
    for (size_t i = 0; i < kept; i++) {
        cf_pack_array(out, 2);
        cf_pack_bin(out, tried.at[i].path);
        cf_pack_bin(out, cf_bytes_of_text(tried.at[i].reason));
    }
    cf_pendings_release(&tried);
}

/* Nothing, where it can't be read. */
static void recall(cf_peer *peer, const cf_binding *binding, cf_buffer *out)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    cf_error ignored;

    if (store->get(store, cf_peer_user(peer),
                   cf_key_source(&arena, CF_TABLE_WAITED, binding->number), out, &ignored))
        cf_buffer_clear(out);
    cf_arena_release(&arena);
}

cf_status cf_waits_keep(cf_peer *peer, const cf_binding *binding, const cf_pending *left,
                        size_t count, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_buffer now = {0}, before = {0};
    cf_kv_list records = {0};
    cf_arena arena = {0};
    cf_status status = CF_OK;

    pack(left, count, &now);
    recall(peer, binding, &before);
    if (cf_bytes_equal(cf_buffer_view(&now), cf_buffer_view(&before)))
        goto done;
    cf_bytes key = cf_key_source(&arena, CF_TABLE_WAITED, binding->number);
    if (now.size)
        cf_kv_list_put(&records, key, cf_buffer_view(&now));
    else
        cf_kv_list_delete(&records, key);
    status = store->write(store, cf_peer_user(peer), records.at, records.count, false, error);
done:
    cf_kv_list_release(&records);
    cf_arena_release(&arena);
    cf_buffer_release(&now);
    cf_buffer_release(&before);
    return status;
}

void cf_waits_recall(cf_peer *peer, const cf_binding *binding, cf_pendings *out)
{
    cf_buffer kept = {0};
    cf_bytes path, reason;
    size_t count = 0;
    cf_error ignored;

    recall(peer, binding, &kept);
    cf_reader reader = cf_reader_of(cf_buffer_view(&kept));
    if (kept.size && cf_read_array(&reader, &count, &ignored))
        count = 0;
    for (size_t i = 0; i < count && cf_read_array_of(&reader, 2, &ignored) == CF_OK &&
                       cf_read_bin(&reader, &path, &ignored) == CF_OK &&
                       cf_read_bin(&reader, &reason, &ignored) == CF_OK;
         i++) {
        cf_buffer text = {0};

        cf_buffer_append_text(&text, "%.*s", (int)reason.size, (const char *)reason.data);
        cf_pendings_add(out, CF_PENDING_WAITS, path, (const char *)text.data);
        cf_buffer_release(&text);
    }
    cf_buffer_release(&kept);
}

static int by_path(const void *a, const void *b)
{
    return cf_bytes_compare(((const cf_pending *)a)->path, ((const cf_pending *)b)->path);
}

const char *cf_waits_reason(const cf_pendings *kept, cf_bytes path)
{
    const cf_pending asked = {.path = path};
    const cf_pending *found =
        kept->count ? bsearch(&asked, kept->at, kept->count, sizeof asked, by_path) : NULL;

    return found ? found->reason : NULL;
}
