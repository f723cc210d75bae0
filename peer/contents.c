/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/contents.h"

#include "codec/heads.h"
#include "codec/pack.h"
#include "codec/seal.h"

#include <stdlib.h>

enum { KEPT = 4 }; /* opened entries: neighbours in a folder came in the same one */

/* An entry opened, and where in it each content stands. */
typedef struct {
    bool used;
    uint64_t turn; /* when it was last asked for */
    cf_hash hash;
    cf_buffer plain;
    cf_arena arena;
    cf_body body;
    const cf_hash *blobs;
    size_t blob_count;
    struct place {
        cf_hash content;
        size_t change;
    } * places; /* ascending by content */
    size_t place_count;
} opened;

struct cf_contents {
    cf_log *log;
    const cf_ring *ring;
    opened kept[KEPT];
    uint64_t turn;
};

cf_contents *cf_contents_new(cf_log *log, const cf_ring *ring)
{
    cf_contents *contents = cf_allocate(1, sizeof *contents);

    contents->log = log;
    contents->ring = ring;
    return contents;
}

static void drop(opened *one)
{
    cf_buffer_release(&one->plain);
    cf_arena_release(&one->arena);
    *one = (opened){0};
}

void cf_contents_destroy(cf_contents **contents)
{
    if (!*contents)
        return;
    for (size_t i = 0; i < KEPT; i++)
        drop(&(*contents)->kept[i]);
    free(*contents);
    *contents = NULL;
}

/* ---- Opening entries ---- */

static int by_content(const void *a, const void *b)
{
    return cf_hash_compare(&((const struct place *)a)->content,
                           &((const struct place *)b)->content);
}

static void index_places(opened *one)
{
    cf_bytes field = cf_bytes_of_text(CF_FIELD_CONTENT);
    cf_error ignored;
    cf_content content;

    one->places = cf_arena_allocate(&one->arena, one->body.change_count, sizeof *one->places);
    for (size_t i = 0; i < one->body.change_count; i++) {
        const cf_change *change = &one->body.changes[i];

        if (change->value.size && cf_bytes_equal(change->field, field) &&
            cf_content_read(change->value, one->blob_count, &content, &ignored) == CF_OK)
            one->places[one->place_count++] = (struct place){content.hash, i};
    }
    if (one->place_count)
        qsort(one->places, one->place_count, sizeof *one->places, by_content);
}

static cf_status open_body(cf_contents *contents, const cf_entry *entry, opened *one,
                           cf_error *error)
{
    const cf_header *header = &entry->header;
    cf_seal_place place = {contents->ring, &header->epoch, &header->collection};

    one->hash = entry->hash;
    cf_status status = cf_body_open(&place, entry->sealed_under, entry->body, &one->plain, error);
    if (!status)
        status = cf_body_read(cf_buffer_view(&one->plain), entry, &one->arena, &one->body, error);
    if (status)
        return status;
    one->blob_count = header->blob_count;
    one->blobs =
        (const cf_hash *)cf_arena_copy(
            &one->arena, cf_bytes_of(header->blobs, header->blob_count * sizeof *header->blobs))
            .data;
    index_places(one);
    one->used = true;
    return CF_OK;
}

static opened *oldest(cf_contents *contents)
{
    opened *found = &contents->kept[0];

    for (size_t i = 0; i < KEPT; i++)
        if (contents->kept[i].turn < found->turn)
            found = &contents->kept[i];
    drop(found);
    return found;
}

static opened *find_opened(cf_contents *contents, const cf_hash *hash)
{
    for (size_t i = 0; i < KEPT; i++)
        if (contents->kept[i].used && cf_hash_equal(&contents->kept[i].hash, hash))
            return &contents->kept[i];
    return NULL;
}

static cf_status open_entry(cf_contents *contents, const cf_entry *entry, opened **out,
                            cf_error *error)
{
    opened *one = find_opened(contents, &entry->hash);

    if (!one) {
        one = oldest(contents);
        cf_status status = open_body(contents, entry, one, error);
        if (status) {
            drop(one);
            return status;
        }
    }
    one->turn = ++contents->turn;
    *out = one;
    return CF_OK;
}

cf_status cf_contents_open(cf_contents *contents, const cf_entry *entry, const cf_body **out,
                           cf_error *error)
{
    opened *one;

    cf_status status = open_entry(contents, entry, &one, error);
    if (!status)
        *out = &one->body;
    return status;
}

/* ---- The table ---- */

typedef struct {
    cf_head entry;
    uint64_t depth, size;
} record;

static cf_status read_record(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                             record *out, cf_error *error)
{
    cf_store *store = cf_log_store(contents->log);
    cf_arena arena = {0};
    cf_buffer value = {0};
    size_t count;

    cf_status status = store->get(store, cf_log_user(contents->log),
                                  cf_key_content(&arena, collection, hash), &value, error);
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    if (!status)
        status = cf_read_array(&reader, &count, error);
    if (!status && count != 5)
        status = cf_fail(error, CF_BROKEN, "the record of a content has %zu parts", count);
    if (!status)
        status = cf_read_bin_exact(&reader, out->entry.writer.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(&reader, &out->entry.sequence, error);
    if (!status)
        status = cf_read_bin_exact(&reader, out->entry.hash.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_uint(&reader, &out->depth, error);
    if (!status)
        status = cf_read_uint(&reader, &out->size, error);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status == CF_MALFORMED ? cf_fail(error, CF_BROKEN, "the record of a content is damaged")
                                  : status;
}

cf_status cf_contents_find(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                           uint64_t *depth, uint64_t *size, cf_error *error)
{
    record found;

    cf_status status = read_record(contents, collection, hash, &found, error);
    if (!status) {
        *depth = found.depth;
        *size = found.size;
    }
    return status;
}

cf_status cf_contents_entry(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                            cf_head *out, cf_error *error)
{
    record found;

    cf_status status = read_record(contents, collection, hash, &found, error);
    if (!status)
        *out = found.entry;
    return status;
}

void cf_contents_note(cf_contents *contents, const cf_entry *entry, const cf_content *content,
                      cf_records *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    record known;
    cf_error ignored;

    if (read_record(contents, &entry->header.collection, &content->hash, &known, &ignored) == CF_OK)
        return;
    cf_pack_array(&value, 5);
    cf_pack_bin(&value, cf_bytes_of(entry->header.writer.bytes, CF_ID_SIZE));
    cf_pack_uint(&value, entry->header.sequence);
    cf_pack_bin(&value, cf_bytes_of(entry->hash.bytes, CF_HASH_SIZE));
    cf_pack_uint(&value, content->depth);
    cf_pack_uint(&value, content->size);
    cf_records_put(records, cf_key_content(&arena, &entry->header.collection, &content->hash),
                   cf_buffer_view(&value));
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

/* ---- References ---- */

static cf_status load_opened(cf_contents *contents, const cf_head *head, opened **out,
                             cf_error *error)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;

    *out = find_opened(contents, &head->hash);
    if (*out) {
        (*out)->turn = ++contents->turn;
        return CF_OK;
    }
    cf_status status = cf_log_get(contents->log, head, &wire, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    if (!status)
        status = open_entry(contents, &entry, out, error);
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return status;
}

static cf_status copy_reference(const opened *one, const cf_hash *hash, cf_arena *arena,
                                cf_content_source *out, cf_error *error)
{
    struct place wanted = {.content = *hash};
    const struct place *place = one->place_count ? bsearch(&wanted, one->places, one->place_count,
                                                           sizeof *one->places, by_content)
                                                 : NULL;

    if (!place)
        return cf_fail(error, CF_BROKEN, "an entry does not have the content it is recorded for");
    cf_bytes value = cf_arena_copy(arena, one->body.changes[place->change].value);
    out->blob_count = one->blob_count;
    out->blobs = (const cf_hash *)cf_arena_copy(
                     arena, cf_bytes_of(one->blobs, one->blob_count * sizeof *one->blobs))
                     .data;
    return cf_content_read(value, one->blob_count, &out->content, error);
}

cf_status cf_contents_get(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                          cf_arena *arena, cf_content_source *out, cf_error *error)
{
    record found;
    opened *one;

    cf_status status = read_record(contents, collection, hash, &found, error);
    if (!status)
        status = load_opened(contents, &found.entry, &one, error);
    if (!status)
        status = copy_reference(one, hash, arena, out, error);
    if (status)
        cf_error_while(error, "looking for a content in the log");
    return status;
}
