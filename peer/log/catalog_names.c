/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog_names.h"

#include <string.h>

#include "broker/platform/names.h"
#include "codec/pack.h"
#include "codec/utf8.h"

cf_id cf_catalog_item(uint8_t kind, const uint8_t *id)
{
    cf_id item;

    item.bytes[0] = kind;
    memcpy(item.bytes + 1, id, CF_ID_SIZE - 1);
    return item;
}

cf_status cf_catalog_check_name(const char *name, cf_error *error)
{
    size_t size = strlen(name);

    if (!size || size > CF_NAME_MAX || !cf_utf8_valid(cf_bytes_of_text(name)))
        return cf_fail(error, CF_USAGE, "a name is UTF-8, 1 to %d bytes", CF_NAME_MAX);
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return cf_fail(error, CF_USAGE, "a name has no control characters");
    return CF_OK;
}

static const char *text_in(cf_bytes value, cf_arena *arena)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes text;
    cf_error ignored;

    if (cf_read_text(&reader, &text, &ignored) || !text.size || memchr(text.data, 0, text.size))
        return NULL;
    return cf_arena_text(arena, text);
}

const char *cf_catalog_text(const cf_collection *catalog, const cf_id *item, const char *field,
                            cf_arena *arena)
{
    return text_in(cf_catalog_value(catalog, item, field), arena);
}

const char *cf_catalog_last_text(const cf_collection *catalog, const cf_id *item, const char *field,
                                 cf_arena *arena)
{
    return text_in(cf_collection_last(catalog, item, field), arena);
}

/* A name that another program gave, and that ours would not, is none. */
static const char *checked(const char *name)
{
    cf_error ignored;

    return name && cf_catalog_check_name(name, &ignored) == CF_OK ? name : NULL;
}

const char *cf_catalog_shown_name(const cf_collection *catalog, const cf_id *item, cf_arena *arena)
{
    return checked(cf_catalog_text(catalog, item, CF_FIELD_NAME, arena));
}

const char *cf_catalog_last_name(const cf_collection *catalog, const cf_id *item, cf_arena *arena)
{
    return checked(cf_catalog_last_text(catalog, item, CF_FIELD_NAME, arena));
}

static const char *hex_of(cf_arena *arena, const void *bytes, size_t size)
{
    char *text = cf_arena_allocate(arena, 2 * size + 1, 1);

    cf_hex(cf_bytes_of(bytes, size), text);
    return text;
}

const char *cf_catalog_collection_called(const cf_collection *catalog, const cf_id *collection,
                                         cf_arena *arena)
{
    const cf_id item = cf_catalog_item(CF_CATALOG_COLLECTION, collection->bytes);
    const char *name = catalog ? cf_catalog_shown_name(catalog, &item, arena) : NULL;

    if (catalog && !name)
        name = cf_catalog_last_name(catalog, &item, arena);
    return name ? name : hex_of(arena, collection->bytes, CF_ID_SIZE);
}

const char *cf_catalog_device_called(const cf_collection *catalog, const cf_hash *device,
                                     cf_arena *arena)
{
    const cf_id item = cf_catalog_item(CF_CATALOG_DEVICE, device->bytes);
    const char *name = catalog ? cf_catalog_shown_name(catalog, &item, arena) : NULL;

    if (name)
        return name;
    char *fingerprint = cf_arena_allocate(arena, CF_FINGERPRINT_TEXT, 1);
    cf_fingerprint(device, fingerprint);
    return fingerprint;
}

/* ---- How people are told of an entry ---- */

static const char *called_where(const cf_collection *catalog, const cf_id *collection,
                                cf_arena *arena)
{
    if (cf_id_equal(collection, &cf_member_log_id))
        return "the member log";
    if (cf_id_equal(collection, &cf_catalog_id))
        return "the catalog";
    return cf_catalog_collection_called(catalog, collection, arena);
}

const char *cf_entry_name(const cf_collection *catalog, const cf_entry *entry, cf_arena *arena)
{
    char id[2 * CF_HASH_SIZE + 1];
    cf_buffer text = {0};

    cf_hex(cf_bytes_of(entry->hash.bytes, CF_HASH_SIZE), id);
    id[CF_ENTRY_ID_TEXT] = '\0';
    cf_buffer_append_text(&text, "entry %s of %s in %s", id,
                          cf_catalog_device_called(catalog, &entry->header.device, arena),
                          called_where(catalog, &entry->header.collection, arena));
    const char *name = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return name;
}
