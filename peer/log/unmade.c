/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/unmade.h"

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/log/catalog_writing.h"

#include <stdlib.h>
#include <string.h>

#define UNMADE_FIELD "/unmade"

/* ---- The list ---- */

void cf_unmade_release(cf_unmade *unmade)
{
    free(unmade->at);
    *unmade = (cf_unmade){0};
}

static int compare(const cf_unmade_one *a, const cf_unmade_one *b)
{
    const int order = cf_id_compare(&a->collection, &b->collection);

    return order ? order : cf_hash_compare(&a->content, &b->content);
}

bool cf_unmade_add(cf_unmade *unmade, const cf_id *collection, const cf_hash *content)
{
    const cf_unmade_one one = {*collection, *content};
    size_t at = 0;

    while (at < unmade->count && compare(&unmade->at[at], &one) < 0)
        at++;
    if (unmade->count == CF_UNMADE_MAX ||
        (at < unmade->count && compare(&unmade->at[at], &one) == 0))
        return false;
    (void)cf_one_more(unmade->at, unmade->count, unmade->capacity);
    memmove(&unmade->at[at + 1], &unmade->at[at], (unmade->count - 1 - at) * sizeof *unmade->at);
    unmade->at[at] = one;
    return true;
}

bool cf_unmade_drop_made(cf_unmade *unmade, cf_peer *peer)
{
    const size_t count = unmade->count;
    size_t left = 0;

    for (size_t i = 0; i < count; i++)
        if (!cf_contents_has_whole(peer->contents, &unmade->at[i].collection,
                                   &unmade->at[i].content))
            unmade->at[left++] = unmade->at[i];
    unmade->count = left;
    return left < count;
}

/* ---- In the catalog ---- */

static cf_bytes said_of(cf_peer *peer, const cf_hash *device)
{
    const cf_id item = cf_catalog_item(CF_CATALOG_DEVICE, device->bytes);
    cf_collection *catalog;
    cf_error ignored;

    return cf_catalog_open(peer, &catalog, &ignored)
               ? (cf_bytes){0}
               : cf_catalog_value(catalog, &item, UNMADE_FIELD);
}

/* What is of another form says nothing. */
static void read_list(cf_bytes value, cf_unmade *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    size_t count, parts;

    if (!value.size || cf_read_array(&reader, &count, &ignored) || count > CF_UNMADE_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        cf_unmade_one one;

        if (cf_read_array(&reader, &parts, &ignored) || parts != 2 ||
            cf_read_bin_exact(&reader, one.collection.bytes, CF_ID_SIZE, &ignored) ||
            cf_read_bin_exact(&reader, one.content.bytes, CF_HASH_SIZE, &ignored))
            return;
        cf_unmade_add(out, &one.collection, &one.content);
    }
}

void cf_unmade_recall(cf_unmade *unmade, cf_peer *peer)
{
    read_list(said_of(peer, cf_peer_device(peer)), unmade);
}

static void write_list(const cf_unmade *unmade, cf_buffer *out)
{
    if (!unmade->count) {
        cf_pack_nil(out);
        return;
    }
    cf_pack_array(out, unmade->count);
    for (size_t i = 0; i < unmade->count; i++) {
        cf_pack_array(out, 2);
        cf_pack_bin(out, cf_bytes_of(unmade->at[i].collection.bytes, CF_ID_SIZE));
        cf_pack_bin(out, cf_bytes_of(unmade->at[i].content.bytes, CF_HASH_SIZE));
    }
}

cf_status cf_unmade_tell(const cf_unmade *unmade, cf_peer *peer, uint64_t now_ms, cf_error *error)
{
    const cf_hash *device = cf_peer_device(peer);
    const cf_bytes said = said_of(peer, device);
    cf_catalog_writing self = {0};
    cf_buffer value = {0};
    cf_status status = CF_OK;

    write_list(unmade, &value);
    const bool is_said =
        said.size ? cf_bytes_equal(said, cf_buffer_view(&value)) : unmade->count == 0;
    if (!is_said)
        status = cf_catalog_begin(&self, peer, CF_CATALOG_DEVICE, device->bytes, error);
    if (!status && !is_said && cf_collection_lives(self.catalog, &self.item)) {
        cf_catalog_write(&self, cf_bytes_of_text(UNMADE_FIELD), cf_buffer_view(&value));
        status = cf_catalog_publish(&self, now_ms, error);
    }
    cf_catalog_writing_release(&self);
    cf_buffer_release(&value);
    return status;
}

bool cf_unmade_doubt_all(cf_peer *peer)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    cf_unmade asked = {0};
    bool is_new = false;

    for (size_t i = 0; i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        asked.count = 0;
        if (device->is_valid)
            read_list(said_of(peer, &device->id), &asked);
        for (size_t k = 0; k < asked.count; k++)
            is_new |= cf_contents_doubt(peer->contents, &asked.at[k].content) &&
                      !cf_contents_has_whole(peer->contents, &asked.at[k].collection,
                                             &asked.at[k].content);
    }
    cf_unmade_release(&asked);
    return is_new;
}
