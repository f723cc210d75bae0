/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog_writing.h"

#include "codec/pack.h"

#include <stdlib.h>

cf_status cf_catalog_open(cf_peer *peer, cf_collection **out, cf_error *error)
{
    return cf_peer_collection(peer, &cf_catalog_id, out, error);
}

cf_status cf_catalog_begin(cf_catalog_writing *out, cf_peer *peer, uint8_t kind, const uint8_t *id,
                           cf_error *error)
{
    cf_catalog_writing_release(out);
    *out = (cf_catalog_writing){.peer = peer, .item = cf_catalog_item(kind, id)};
    return cf_catalog_open(peer, &out->catalog, error);
}

void cf_catalog_writing_release(cf_catalog_writing *writing)
{
    free(writing->changes);
    cf_arena_release(&writing->arena);
    *writing = (cf_catalog_writing){0};
}

static cf_change *add_change(cf_catalog_writing *writing, cf_bytes field, cf_bytes value)
{
    cf_change *change = cf_one_more(writing->changes, writing->count, writing->capacity);
    *change = (cf_change){
        .item = writing->item, .field = field, .value = cf_arena_copy(&writing->arena, value)};
    return change;
}

static void replace_shown(cf_catalog_writing *writing, cf_change *change)
{
    const cf_state *state = writing->catalog->state;
    const cf_item *item = cf_state_item(state, &writing->item);
    size_t count = item ? cf_item_write_count(item) : 0;
    cf_dot *dots = cf_arena_allocate(&writing->arena, count, sizeof *dots);

    for (size_t i = 0; i < count; i++) {
        cf_write write = cf_state_write(state, item, i);

        if (cf_bytes_equal(cf_state_field_name(state, write.field), change->field))
            dots[change->over_count++] = write.dot;
    }
    change->over = dots;
}

void cf_catalog_write(cf_catalog_writing *writing, cf_bytes field, cf_bytes value)
{
    replace_shown(writing, add_change(writing, field, value));
}

void cf_catalog_write_text(cf_catalog_writing *writing, const char *field, const char *text)
{
    cf_buffer value = {0};

    cf_pack_text(&value, cf_bytes_of_text(text));
    cf_catalog_write(writing, cf_bytes_of_text(field), cf_buffer_view(&value));
    cf_buffer_release(&value);
}

void cf_catalog_write_id(cf_catalog_writing *writing, const void *id, size_t size)
{
    cf_buffer value = {0};

    cf_pack_bin(&value, cf_bytes_of(id, size));
    cf_catalog_write(writing, cf_bytes_of_text(CF_CATALOG_ID), cf_buffer_view(&value));
    cf_buffer_release(&value);
}

void cf_catalog_write_deletion(cf_catalog_writing *writing)
{
    const cf_state *state = writing->catalog->state;
    const cf_item *item = cf_state_item(state, &writing->item);
    size_t count = item ? cf_item_write_count(item) : 0, covered = 0;
    cf_cover *covers = cf_arena_allocate(&writing->arena, count, sizeof *covers);
    cf_buffer value = {0};

    for (size_t i = 0; i < count; i++) {
        cf_write write = cf_state_write(state, item, i);
        cf_bytes field = cf_state_field_name(state, write.field);

        if (!cf_field_is_deletion(field))
            covers[covered++] = (cf_cover){field, write.dot};
    }
    cf_covers_pack(&value, covers, covered);
    add_change(writing, cf_bytes_of_text(CF_FIELD_DELETED), cf_buffer_view(&value));
    cf_buffer_release(&value);
}

cf_status cf_catalog_publish(cf_catalog_writing *writing, uint64_t now_ms, cf_error *error)
{
    cf_status status = cf_peer_publish_changes(writing->peer, writing->catalog, writing->changes,
                                               writing->count, now_ms, error);

    if (status)
        cf_error_while(error, "writing to the catalog");
    return status;
}
