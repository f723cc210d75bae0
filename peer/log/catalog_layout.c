/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog_layout.h"

#include "codec/limits.h"
#include "peer/adapters/sqlite/database_layout.h"

static const char *field_of(cf_format format, cf_arena *arena)
{
    cf_buffer field = {0};

    cf_buffer_append_text(&field, "/layout/%s", cf_format_text(format));
    const char *text = cf_arena_text(arena, cf_buffer_view(&field));
    cf_buffer_release(&field);
    return text;
}

static uint64_t max_of(cf_format format)
{
    return format == CF_FORMAT_SQLITE ? CF_DATABASE_LAYOUT_MAX : CF_LAYOUT_MAX;
}

cf_status cf_catalog_layout(cf_peer *peer, const cf_id *collection, cf_format format,
                            cf_arena *arena, cf_bytes *out, cf_error *error)
{
    const cf_id item = cf_catalog_item(CF_CATALOG_COLLECTION, collection->bytes);
    cf_collection *catalog;

    cf_status status = cf_catalog_open(peer, &catalog, error);
    if (status)
        return status;
    cf_bytes value = cf_catalog_value(catalog, &item, field_of(format, arena));
    *out = value.size > max_of(format) ? (cf_bytes){0} : cf_arena_copy(arena, value);
    return CF_OK;
}

cf_status cf_catalog_write_layout(cf_peer *peer, const cf_id *collection, cf_format format,
                                  cf_bytes layout, uint64_t now_ms, cf_error *error)
{
    cf_catalog_writing self = {0};

    cf_status status =
        cf_catalog_begin(&self, peer, CF_CATALOG_COLLECTION, collection->bytes, error);
    if (!status) {
        cf_catalog_write(&self, cf_bytes_of_text(field_of(format, &self.arena)), layout);
        status = cf_catalog_publish(&self, now_ms, error);
    }
    cf_catalog_writing_release(&self);
    return status;
}
