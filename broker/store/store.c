/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store.h"

#include <string.h>

/* Hands out the memory of one allocation piece by piece. */
typedef struct {
    uint8_t *at;
} carver;

static cf_bytes carve(carver *from, cf_bytes bytes)
{
    cf_bytes copy = {bytes.data ? from->at : NULL, bytes.size};

    if (bytes.size)
        memcpy(from->at, bytes.data, bytes.size);
    from->at += bytes.size;
    return copy;
}

typedef struct {
    cf_append append;
    cf_entry entry;
    cf_kv records[]; /* then those expected, then the bytes */
} append_copy;

static size_t size_of_records(const cf_kv *records, size_t count)
{
    size_t size = count * sizeof(cf_kv);

    for (size_t i = 0; i < count; i++)
        size += records[i].key.size + records[i].value.size;
    return size;
}

static void carve_records(carver *from, const cf_kv *records, size_t count, cf_kv *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i].key = carve(from, records[i].key);
        out[i].value = carve(from, records[i].value);
    }
}

static size_t copied_size(const cf_append *append)
{
    size_t size = sizeof(append_copy) + size_of_records(append->records, append->record_count) +
                  size_of_records(append->expected, append->expected_count);

    if (append->entry)
        size += append->entry->wire.size;
    return size + 1; /* so that an empty last value has an address inside */
}

cf_append *cf_append_copy(const cf_append *append)
{
    append_copy *copy = cf_allocate(1, copied_size(append));
    cf_kv *expected = copy->records + append->record_count;
    carver from = {(uint8_t *)(expected + append->expected_count)};

    copy->append = *append;
    copy->append.records = copy->records;
    copy->append.expected = expected;
    carve_records(&from, append->records, append->record_count, copy->records);
    carve_records(&from, append->expected, append->expected_count, expected);
    if (append->entry) {
        copy->entry = (cf_entry){.header = append->entry->header, .hash = append->entry->hash};
        copy->entry.header.after = NULL;
        copy->entry.header.after_count = 0;
        copy->entry.header.blobs = NULL;
        copy->entry.header.blob_count = 0;
        copy->entry.wire = carve(&from, append->entry->wire);
        copy->append.entry = &copy->entry;
    }
    return &copy->append;
}

void cf_store_report_cut(const cf_env *env, const char *path, size_t cut)
{
    if (cut)
        cf_report(env, CF_REPORT_WARNING,
                  "%s: the last write was not whole, as a power cut leaves it: %zu bytes were cut "
                  "off, of which nobody was told that they are kept",
                  path, cut);
}

void cf_store_destroy(cf_store **store)
{
    if (*store)
        (*store)->destroy(*store);
    *store = NULL;
}

/* ---- Reading one entry out of a store ---- */

static bool copy_wire(void *context, uint64_t position, cf_bytes wire)
{
    (void)position;
    cf_buffer_append(context, wire.data, wire.size);
    return false;
}

cf_status cf_store_wire(cf_store *store, const cf_hash *user, const cf_head *entry, cf_buffer *wire,
                        cf_error *error)
{
    uint64_t position;
    cf_status status = store->find(store, user, entry, &position, error);

    if (!status)
        status = store->read(store, user, position, copy_wire, wire, error);
    return status;
}

cf_status cf_store_entry(cf_store *store, const cf_hash *user, const cf_head *entry,
                         cf_buffer *wire, cf_arena *arena, cf_entry *out, cf_error *error)
{
    cf_status status = cf_store_wire(store, user, entry, wire, error);

    if (!status)
        status = cf_entry_read(cf_buffer_view(wire), arena, out, error);
    return status;
}

cf_status cf_store_entry_at(cf_store *store, const cf_hash *user, uint64_t position,
                            cf_buffer *wire, cf_arena *arena, cf_entry *out, cf_error *error)
{
    cf_status status = store->read(store, user, position, copy_wire, wire, error);

    if (!status)
        status = cf_entry_read(cf_buffer_view(wire), arena, out, error);
    return status;
}

cf_status cf_store_holds(cf_store *store, const cf_hash *user, const cf_head *entry, bool *held,
                         cf_error *error)
{
    uint64_t position;
    cf_status status = store->find(store, user, entry, &position, error);

    *held = status == CF_OK;
    return status == CF_MISSING ? CF_OK : status;
}

cf_head cf_head_before(const cf_header *header)
{
    return (cf_head){header->writer, header->sequence - 1, header->previous};
}
