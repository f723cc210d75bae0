/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/gone.h"

#include "codec/pack.h"
#include "peer/log/history.h"

#define META_GONE "gone"

/* ---- Finding ---- */

/* The content that an entry gives an item; false when it gives none. */
static bool content_of(cf_peer *peer, const cf_event *event, cf_hash *hash)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    const cf_body *body = NULL;
    cf_content content;
    cf_error ignored;
    bool found = false;

    if (cf_log_get(peer->log, &event->entry, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK &&
        entry.header.type != CF_ENTRY_MEMBER &&
        cf_contents_open(peer->contents, &entry, &body, &ignored) == CF_OK)
        for (size_t i = 0; i < body->change_count && !found; i++) {
            const cf_change *change = &body->changes[i];

            found = change->value.size && cf_id_equal(&change->item, &event->item) &&
                    cf_bytes_equal(change->field, cf_bytes_of_text(CF_FIELD_CONTENT)) &&
                    cf_content_read(change->value, entry.header.blob_count, &content, &ignored) ==
                        CF_OK;
            if (found)
                *hash = content.hash;
        }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return found;
}

static bool is_gone(cf_peer *peer, const cf_event *event)
{
    cf_hash hash;

    return cf_kind_of(&event->item) == CF_KIND_FILE && content_of(peer, event, &hash) &&
           !cf_contents_available(peer->contents, &event->collection, &hash);
}

/* The latest first. */
static void find(cf_peer *peer, const cf_history *history, cf_gone *out)
{
    *out = (cf_gone){0};
    for (size_t i = history->count; i-- > 0;) {
        const cf_event *event = &history->at[i];

        if (!is_gone(peer, event))
            continue;
        out->count++;
        if (out->named == CF_GONE_NAMED)
            continue;
        out->at[out->named].time_ms = event->time_ms;
        out->at[out->named++].path = event->path;
    }
}

/* ---- Keeping ---- */

static cf_status read_record(cf_peer *peer, cf_buffer *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};

    cf_status status =
        store->get(store, cf_peer_user(peer), cf_key_meta(&arena, META_GONE), out, error);
    cf_arena_release(&arena);
    return status == CF_MISSING ? CF_OK : status;
}

static cf_status write_record(cf_peer *peer, const cf_gone *gone, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    cf_buffer value = {0}, before = {0};

    cf_pack_array(&value, 1 + 2 * gone->named);
    cf_pack_uint(&value, gone->count);
    for (size_t i = 0; i < gone->named; i++) {
        cf_pack_uint(&value, gone->at[i].time_ms);
        cf_pack_bin(&value, gone->at[i].path);
    }
    cf_record record = {cf_key_meta(&arena, META_GONE), cf_buffer_view(&value)};
    cf_status status = read_record(peer, &before, error);
    bool is_new =
        before.size ? !cf_bytes_equal(cf_buffer_view(&before), record.value) : gone->count > 0;
    if (!status && is_new)
        status = store->write(store, cf_peer_user(peer), &record, 1, true, error);
    cf_buffer_release(&value);
    cf_buffer_release(&before);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_gone_keep(cf_peer *peer, cf_error *error)
{
    cf_history history = {0};
    cf_gone gone = {0};
    cf_status status = CF_OK;

    if (cf_contents_lacking(peer->contents)) {
        status = cf_history_read(peer, 1, &history, error);
        if (!status)
            find(peer, &history, &gone);
    }
    if (!status)
        status = write_record(peer, &gone, error);
    cf_history_release(&history);
    return status;
}

cf_status cf_gone_recall(cf_peer *peer, cf_arena *arena, cf_gone *out, cf_error *error)
{
    cf_buffer value = {0};
    size_t count = 0;

    *out = (cf_gone){0};
    cf_status status = read_record(peer, &value, error);
    cf_reader reader = cf_reader_of(cf_arena_copy(arena, cf_buffer_view(&value)));
    if (!status && value.size) {
        status = cf_read_array(&reader, &count, error);
        if (!status)
            status = cf_read_uint(&reader, &out->count, error);
        for (size_t i = 0; !status && i < count / 2 && i < CF_GONE_NAMED; i++) {
            status = cf_read_uint(&reader, &out->at[i].time_ms, error);
            if (!status)
                status = cf_read_bin(&reader, &out->at[i].path, error);
            out->named += !status;
        }
    }
    cf_buffer_release(&value);
    return status == CF_MALFORMED ? cf_fail(error, CF_BROKEN, "a record of what is gone is damaged")
                                  : status;
}
