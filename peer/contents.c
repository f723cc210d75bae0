/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/contents.h"

#include "broker/hash_set.h"
#include "codec/heads.h"
#include "codec/seal.h"
#include "peer/contents_ways.h"

#include <stdlib.h>

enum {
    KEPT = 4,           /* opened entries: neighbours in a folder came in the same one */
    SMALL_WAYS_MAX = 2, /* of what stands in the log itself */
    LOOKS_MAX = 256,    /* at references, to find a way that can be gone */
};

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
    cf_hash epoch;
    struct place {
        cf_hash content;
        cf_bytes value; /* the reference, or a supply's `how` */
        bool is_supply;
    } * places; /* ascending by content */
    size_t place_count;
} opened;

struct cf_contents {
    cf_log *log;
    const cf_ring *ring;
    cf_ways_table *ways;
    cf_hash_set lacking;
    opened kept[KEPT];
    uint64_t turn;
};

cf_contents *cf_contents_new(cf_log *log, const cf_ring *ring)
{
    cf_contents *contents = cf_allocate(1, sizeof *contents);

    contents->log = log;
    contents->ring = ring;
    contents->ways = cf_ways_table_new(log);
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
    cf_ways_table_destroy(&(*contents)->ways);
    cf_hash_set_release(&(*contents)->lacking);
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

    one->places = cf_arena_allocate(&one->arena, one->body.change_count + one->body.supply_count,
                                    sizeof *one->places);
    for (size_t i = 0; i < one->body.change_count; i++) {
        const cf_change *change = &one->body.changes[i];

        if (change->value.size && cf_bytes_equal(change->field, field) &&
            cf_content_read(change->value, one->blob_count, &content, &ignored) == CF_OK)
            one->places[one->place_count++] = (struct place){content.hash, change->value, false};
    }
    for (size_t i = 0; i < one->body.supply_count; i++) {
        const cf_supply *supply = &one->body.supplies[i];

        one->places[one->place_count++] = (struct place){supply->content, supply->how, true};
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
    one->epoch = header->epoch;
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

/* ---- The ways to a content ---- */

static cf_status read_ways(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                           cf_ways *out, cf_error *error)
{
    return cf_ways_get(contents->ways, &(cf_content_key){*collection, *hash}, out, error);
}

cf_status cf_contents_entry(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                            cf_head *out, cf_error *error)
{
    cf_ways ways;

    cf_status status = read_ways(contents, collection, hash, &ways, error);
    if (!status)
        *out = ways.at[0].entry;
    return status;
}

static bool stands_in_the_log(const cf_content *content)
{
    return content->how.is_inline && content->size <= CF_INLINE_MAX;
}

void cf_contents_note(cf_contents *contents, const cf_entry *entry, const cf_content *content,
                      cf_records *records)
{
    cf_content_key key = {entry->header.collection, content->hash};
    cf_way way = {cf_head_of(entry), content->depth};
    cf_ways known;
    cf_error ignored;

    if (stands_in_the_log(content) && !cf_ways_get(contents->ways, &key, &known, &ignored) &&
        known.count >= SMALL_WAYS_MAX)
        return;
    cf_ways_add(contents->ways, &key, content->size, &way, records);
}

/* A whole says its size; what waited for a key may come before the content itself. */
void cf_contents_note_supply(cf_contents *contents, const cf_entry *entry, const cf_supply *supply,
                             cf_records *records)
{
    cf_content_key key = {entry->header.collection, supply->content};
    cf_way way = {.entry = cf_head_of(entry)};
    cf_ways known, base;
    cf_error ignored;
    cf_how how;

    if (cf_how_read(supply->how, entry->header.blob_count, &how, &ignored))
        return;
    bool is_known = cf_ways_get(contents->ways, &key, &known, &ignored) == CF_OK;
    if (how.is_patch &&
        (!is_known || read_ways(contents, &key.collection, &how.base, &base, &ignored)))
        return;
    if (how.is_patch)
        way.depth = base.at[0].depth + 1;
    else if (is_known && how.length != known.size)
        return;
    if (way.depth <= CF_DELTA_DEPTH_MAX)
        cf_ways_add(contents->ways, &key, is_known ? known.size : how.length, &way, records);
}

void cf_contents_settle(cf_contents *contents)
{
    cf_ways_settle(contents->ways);
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

static cf_status read_place(const opened *one, const struct place *place, cf_bytes value,
                            const cf_ways *ways, size_t way, cf_content *out, cf_error *error)
{
    if (!place->is_supply)
        return cf_content_read(value, one->blob_count, out, error);
    *out = (cf_content){.hash = place->content, .size = ways->size, .depth = ways->at[way].depth};
    return cf_how_read(value, one->blob_count, &out->how, error);
}

/* The reference as one of the ways has it. */
static cf_status read_source(cf_contents *contents, const cf_ways *ways, size_t way,
                             const cf_hash *hash, cf_arena *arena, cf_content_source *out,
                             cf_error *error)
{
    struct place wanted = {.content = *hash};
    opened *one;

    cf_status status = load_opened(contents, &ways->at[way].entry, &one, error);
    if (status)
        return status;
    const struct place *place = one->place_count ? bsearch(&wanted, one->places, one->place_count,
                                                           sizeof *one->places, by_content)
                                                 : NULL;
    if (!place)
        return cf_fail(error, CF_BROKEN, "an entry does not have the content it is recorded for");
    out->epoch = one->epoch;
    out->blob_count = one->blob_count;
    out->blobs = (const cf_hash *)cf_arena_copy(
                     arena, cf_bytes_of(one->blobs, one->blob_count * sizeof *one->blobs))
                     .data;
    return read_place(one, place, cf_arena_copy(arena, place->value), ways, way, &out->content,
                      error);
}

/* ---- What can't be had ---- */

void cf_contents_lack(cf_contents *contents, const cf_hash *blob)
{
    cf_hash_set_insert(&contents->lacking, blob);
}

void cf_contents_lack_no_more(cf_contents *contents, const cf_hash *blob)
{
    cf_hash_set_remove(&contents->lacking, blob);
}

void cf_contents_lack_nothing(cf_contents *contents)
{
    cf_hash_set_release(&contents->lacking);
}

bool cf_contents_lacks(const cf_contents *contents, const cf_hash *blob)
{
    return cf_hash_set_contains(&contents->lacking, blob);
}

size_t cf_contents_lacking(const cf_contents *contents)
{
    return contents->lacking.count;
}

static bool has_all_blobs(const cf_contents *contents, const cf_content_source *source)
{
    cf_slice_reader reader = cf_slice_reader_of(source->content.how.slices);
    cf_slice slice;

    if (source->content.how.is_inline)
        return true;
    while (cf_slice_next(&reader, &slice))
        if (!slice.zeros && cf_contents_lacks(contents, &source->blobs[slice.blob]))
            return false;
    return true;
}

typedef struct {
    cf_contents *contents;
    const cf_id *collection;
    unsigned looks; /* left */
} way_search;

/* The first way that can be gone to its end; false: there is none within so many patches. */
static bool find_way(way_search *self, const cf_ways *ways, const cf_hash *hash, unsigned patches,
                     size_t *found)
{
    for (size_t i = 0; i < ways->count && self->looks; i++) {
        cf_arena arena = {0};
        cf_content_source source;
        cf_ways base;
        size_t ignored_way;
        cf_error ignored;

        self->looks--;
        bool good =
            read_source(self->contents, ways, i, hash, &arena, &source, &ignored) == CF_OK &&
            has_all_blobs(self->contents, &source);
        if (good && source.content.how.is_patch)
            good = patches > 0 &&
                   read_ways(self->contents, self->collection, &source.content.how.base, &base,
                             &ignored) == CF_OK &&
                   find_way(self, &base, &source.content.how.base, patches - 1, &ignored_way);
        cf_arena_release(&arena);
        if (good) {
            *found = i;
            return true;
        }
    }
    return false;
}

static bool choose_way(cf_contents *contents, const cf_id *collection, const cf_ways *ways,
                       const cf_hash *hash, size_t *way)
{
    way_search search = {contents, collection, LOOKS_MAX};

    *way = 0;
    return !contents->lacking.count || find_way(&search, ways, hash, CF_DELTA_DEPTH_MAX, way);
}

bool cf_contents_available(cf_contents *contents, const cf_id *collection, const cf_hash *hash)
{
    cf_ways ways;
    cf_error ignored;
    size_t way;

    return read_ways(contents, collection, hash, &ways, &ignored) == CF_OK &&
           choose_way(contents, collection, &ways, hash, &way);
}

cf_status cf_contents_find(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                           uint64_t *depth, uint64_t *size, cf_error *error)
{
    cf_ways ways;
    size_t way = 0;

    cf_status status = read_ways(contents, collection, hash, &ways, error);
    if (status)
        return status;
    choose_way(contents, collection, &ways, hash, &way);
    *depth = ways.at[way].depth;
    *size = ways.size;
    return CF_OK;
}

cf_status cf_contents_get(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                          cf_arena *arena, cf_content_source *out, cf_error *error)
{
    cf_ways ways;
    size_t way = 0;

    cf_status status = read_ways(contents, collection, hash, &ways, error);
    if (!status) {
        choose_way(contents, collection, &ways, hash, &way);
        status = read_source(contents, &ways, way, hash, arena, out, error);
    }
    if (status)
        cf_error_while(error, "looking for a content in the log");
    return status;
}
