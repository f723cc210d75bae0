/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/gone.h"

#include "codec/pack.h"
#include "peer/log/history.h"

#include <stdlib.h>

#define META_GONE "gone"

/* ---- Finding ---- */

/* What an entry gives an item. */
typedef struct {
    cf_id item;
    size_t index; /* of the change; the first one counts */
    cf_hash content;
    bool is_here; /* whole, and no blob of it is lacking */
} given;

/* Events of one entry follow each other: it is opened once for all of them. */
typedef struct {
    cf_peer *peer;
    cf_head entry;
    bool is_open;
    given *at; /* ascending by item */
    size_t count, capacity;
} finding;

static int by_item(const void *left, const void *right)
{
    const given *a = left, *b = right;
    const int order = cf_id_compare(&a->item, &b->item);

    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static void list_given(finding *self, const cf_entry *entry, const cf_body *body)
{
    for (size_t i = 0; i < body->change_count; i++) {
        const cf_change *change = &body->changes[i];
        cf_content content;
        cf_error ignored;

        if (!change->value.size ||
            !cf_bytes_equal(change->field, cf_bytes_of_text(CF_FIELD_CONTENT)) ||
            cf_content_read(change->value, entry->header.blob_count, &content, &ignored))
            continue;
        *cf_one_more(self->at, self->count, self->capacity) = (given){
            .item = change->item,
            .index = i,
            .content = content.hash,
            .is_here = !content.how.is_patch &&
                       cf_contents_lacks_none(self->peer->contents, &content, entry->header.blobs)};
    }
    if (self->count)
        qsort(self->at, self->count, sizeof *self->at, by_item);
}

/* An entry that can't be opened gives nothing. */
static void open_entry(finding *self, const cf_head *head)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    const cf_body *body = NULL;
    cf_error ignored;

    if (self->is_open && cf_head_compare(&self->entry, head) == 0)
        return;
    self->entry = *head;
    self->is_open = true;
    self->count = 0;
    if (cf_log_get(self->peer->log, head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK &&
        entry.header.type != CF_ENTRY_MEMBER &&
        cf_contents_open(self->peer->contents, &entry, &body, &ignored) == CF_OK)
        list_given(self, &entry, body);
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
}

static int against_item(const void *item, const void *element)
{
    return cf_id_compare(item, &((const given *)element)->item);
}

/* NULL: nothing. */
static const given *given_to(const finding *self, const cf_id *item)
{
    const given *found =
        self->count ? bsearch(item, self->at, self->count, sizeof *self->at, against_item) : NULL;

    while (found && found > self->at && cf_id_equal(&found[-1].item, item))
        found--;
    return found;
}

static bool is_gone(finding *self, const cf_event *event)
{
    if (cf_kind_of(&event->item) != CF_KIND_FILE)
        return false;
    open_entry(self, &event->entry);
    const given *one = given_to(self, &event->item);
    return one && !one->is_here &&
           !cf_contents_available(self->peer->contents, &event->collection, &one->content);
}

/* The latest first. */
static void find(cf_peer *peer, const cf_history *history, cf_gone *out)
{
    finding self = {.peer = peer};

    *out = (cf_gone){0};
    for (size_t i = history->count; i-- > 0;) {
        const cf_event *event = &history->at[i];

        if (!is_gone(&self, event))
            continue;
        out->count++;
        if (out->named == CF_GONE_NAMED)
            continue;
        out->at[out->named].time_ms = event->time_ms;
        out->at[out->named++].path = event->path;
    }
    free(self.at);
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
    cf_kv record = {cf_key_meta(&arena, META_GONE), cf_buffer_view(&value)};
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
