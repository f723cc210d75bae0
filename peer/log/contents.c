/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/contents.h"

#include "broker/platform/hash_set.h"
#include "codec/delta.h"
#include "peer/log/contents_opened.h"
#include "peer/log/contents_ways.h"

#include <stdlib.h>

enum {
    SMALL_WAYS_MAX = 2, /* of what stands in the log itself */
    LOOKS_MAX = 256,    /* at references, to find a way that can be gone */
};

struct cf_contents {
    cf_ways_table *ways;
    cf_hash_set lacking;
    bool lacks_unnamed;
    cf_hash_set doubted; /* contents that patches don't make */
    cf_opened_entries *opened;
};

cf_contents *cf_contents_new(cf_log *log, const cf_ring *ring)
{
    cf_contents *contents = cf_allocate(1, sizeof *contents);

    contents->ways = cf_ways_table_new(log);
    contents->opened = cf_opened_entries_new(log, ring);
    return contents;
}

void cf_contents_destroy(cf_contents **contents)
{
    if (!*contents)
        return;
    cf_opened_entries_destroy(&(*contents)->opened);
    cf_ways_table_destroy(&(*contents)->ways);
    cf_hash_set_release(&(*contents)->lacking);
    cf_hash_set_release(&(*contents)->doubted);
    free(*contents);
    *contents = NULL;
}

cf_status cf_contents_open(cf_contents *contents, const cf_entry *entry, const cf_body **out,
                           cf_error *error)
{
    const cf_opened *one;

    cf_status status = cf_opened_entries_take(contents->opened, entry, &one, error);
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
                      bool is_void, cf_kv_list *records)
{
    cf_content_key key = {entry->header.collection, content->hash};
    cf_way way = {cf_head_of(entry), content->depth, is_void};
    cf_ways known;
    cf_error ignored;

    if (stands_in_the_log(content) && !cf_ways_get(contents->ways, &key, &known, &ignored) &&
        known.count >= SMALL_WAYS_MAX && known.at[0].is_void == is_void)
        return;
    cf_ways_add(contents->ways, &key, content->size, &way, records);
}

/* A whole says its size; what waited for a key may come before the content itself. */
void cf_contents_note_supply(cf_contents *contents, const cf_entry *entry, const cf_supply *supply,
                             bool is_void, cf_kv_list *records)
{
    cf_content_key key = {entry->header.collection, supply->content};
    cf_way way = {.entry = cf_head_of(entry), .is_void = is_void};
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

static cf_status read_place(const cf_opened *one, const cf_opened_place *place, cf_bytes value,
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
    const cf_opened *one;

    cf_status status = cf_opened_entries_load(contents->opened, &ways->at[way].entry, &one, error);
    if (status)
        return status;
    const cf_opened_place *place = cf_opened_find(one, hash);
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
    contents->lacks_unnamed = false;
}

void cf_contents_lack_unnamed(cf_contents *contents)
{
    contents->lacks_unnamed = true;
}

bool cf_contents_lacks_unnamed(const cf_contents *contents)
{
    return contents->lacks_unnamed;
}

bool cf_contents_lacks(const cf_contents *contents, const cf_hash *blob)
{
    return cf_hash_set_contains(&contents->lacking, blob);
}

size_t cf_contents_lacking(const cf_contents *contents)
{
    return contents->lacking.count;
}

const cf_hash *cf_contents_lacked(const cf_contents *contents, size_t *count)
{
    *count = contents->lacking.count;
    return contents->lacking.hashes;
}

bool cf_contents_lacks_none(const cf_contents *contents, const cf_content *content,
                            const cf_hash *blobs)
{
    cf_slice_reader reader = cf_slice_reader_of(content->how.slices);
    cf_slice slice;

    if (content->how.is_inline)
        return true;
    while (cf_slice_next(&reader, &slice))
        if (!slice.zeros && cf_contents_lacks(contents, &blobs[slice.blob]))
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
            cf_contents_lacks_none(self->contents, &source.content, source.blobs);
        if (good && cf_content_is_pieced(&source.content))
            good = !cf_hash_set_contains(&self->contents->doubted, hash);
        if (good && source.content.how.is_patch)
            good = patches > 0 && !cf_hash_set_contains(&self->contents->doubted, hash) &&
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
    return (!contents->lacking.count && !contents->doubted.count) ||
           find_way(&search, ways, hash, CF_DELTA_DEPTH_MAX, way);
}

/* What its slices are in. */
static void lack_no_more_of(cf_contents *contents, const cf_content_source *source)
{
    cf_slice_reader reader = cf_slice_reader_of(source->content.how.slices);
    cf_slice slice;

    while (!source->content.how.is_inline && cf_slice_next(&reader, &slice))
        if (!slice.zeros)
            cf_contents_lack_no_more(contents, &source->blobs[slice.blob]);
}

/* All ways to a content, and to what they are patches on; those that are `tried` lack nothing from
 * now on. True: there were several to one of these contents.
 *
 *     C from B by a patch, B from A by a patch that is lacking, or whole, lacking too: true
 *     C from B by a patch, B from A by a patch that is lacking: false, this way is asked for anyway
 */
static bool pass_ways(way_search *self, const cf_hash *hash, unsigned patches, bool tried)
{
    cf_ways ways;
    cf_error ignored;
    bool several;

    if (read_ways(self->contents, self->collection, hash, &ways, &ignored))
        return false;
    several = ways.count > 1;
    for (size_t i = 0; i < ways.count && self->looks; i++) {
        cf_arena arena = {0};
        cf_content_source source;

        self->looks--;
        if (read_source(self->contents, &ways, i, hash, &arena, &source, &ignored) == CF_OK) {
            if (tried)
                lack_no_more_of(self->contents, &source);
            if (source.content.how.is_patch && patches)
                several |= pass_ways(self, &source.content.how.base, patches - 1, tried);
        }
        cf_arena_release(&arena);
    }
    return several;
}

void cf_contents_ask_again(cf_contents *contents, const cf_id *collection, const cf_hash *hash)
{
    way_search search = {contents, collection, LOOKS_MAX};

    if (!contents->lacking.count || cf_contents_available(contents, collection, hash) ||
        !pass_ways(&search, hash, CF_DELTA_DEPTH_MAX, false))
        return;
    search.looks = LOOKS_MAX;
    pass_ways(&search, hash, CF_DELTA_DEPTH_MAX, true);
}

bool cf_contents_doubt(cf_contents *contents, const cf_hash *hash)
{
    return cf_hash_set_insert(&contents->doubted, hash);
}

bool cf_contents_doubts_any(const cf_contents *contents)
{
    return contents->doubted.count > 0;
}

bool cf_contents_has_whole(cf_contents *contents, const cf_id *collection, const cf_hash *hash)
{
    way_search search = {contents, collection, LOOKS_MAX};
    cf_ways ways;
    cf_error ignored;
    size_t way;

    return read_ways(contents, collection, hash, &ways, &ignored) == CF_OK &&
           find_way(&search, &ways, hash, 0, &way);
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
    if (status == CF_MISSING)
        return cf_fail(error, CF_MISSING, "it is made of a content that the log does not have");
    if (status)
        cf_error_while(error, "looking for a content in the log");
    return status;
}

cf_status cf_contents_get_patch(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                                const cf_hash *base, cf_arena *arena, cf_content_source *out,
                                cf_error *error)
{
    cf_ways ways;

    cf_status status = read_ways(contents, collection, hash, &ways, error);
    if (status)
        return status;
    for (size_t i = 0; i < ways.count && !cf_hash_set_contains(&contents->doubted, hash); i++)
        if (!read_source(contents, &ways, i, hash, arena, out, error) &&
            out->content.how.is_patch && (!base || cf_hash_equal(&out->content.how.base, base)) &&
            cf_contents_lacks_none(contents, &out->content, out->blobs))
            return CF_OK;
    return cf_fail(error, CF_MISSING, "no patch makes it");
}

/* ---- Small contents ---- */

static cf_status apply_patch(cf_bytes base, const cf_content *content, cf_buffer *out,
                             cf_error *error)
{
    cf_delta_decoding decoding = {
        .source = cf_reader_of_bytes(&base),
        .patch = cf_reader_of_bytes(&content->how.bytes),
        .target = cf_sink_of_buffer(out),
        .form = CF_DELTA_LOG,
        .target_max = content->size,
    };

    return cf_delta_decode(&decoding, error);
}

/* From the content down to one that is whole. */
static cf_status read_chain(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                            cf_arena *arena, cf_content_source chain[CF_DELTA_DEPTH_MAX + 1],
                            size_t *count, cf_error *error)
{
    cf_hash at = *hash;

    for (*count = 0; *count <= CF_DELTA_DEPTH_MAX; at = chain[*count - 1].content.how.base) {
        const cf_content *content = &chain[*count].content;

        cf_status status = cf_contents_get(contents, collection, &at, arena, &chain[*count], error);
        if (!status && (!content->how.is_inline || content->size > CF_INLINE_MAX))
            status = cf_fail(error, CF_MISSING, "the content is not in the log itself");
        if (status)
            return status;
        ++*count;
        if (!content->how.is_patch)
            return CF_OK;
    }
    return cf_fail(error, CF_MALFORMED, "a chain of more than %d patches", CF_DELTA_DEPTH_MAX);
}

cf_status cf_contents_small(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                            cf_buffer *out, cf_error *error)
{
    cf_content_source chain[CF_DELTA_DEPTH_MAX + 1];
    cf_arena arena = {0};
    cf_buffer bytes = {0}, next = {0};
    size_t count = 0;

    cf_status status = read_chain(contents, collection, hash, &arena, chain, &count, error);
    if (!status)
        cf_buffer_append(&bytes, chain[count - 1].content.how.bytes.data,
                         chain[count - 1].content.how.bytes.size);
    for (size_t i = count - 1; !status && i-- > 0;) {
        cf_buffer_clear(&next);
        status = apply_patch(cf_buffer_view(&bytes), &chain[i].content, &next, error);
        cf_buffer swap = bytes;
        bytes = next;
        next = swap;
    }
    cf_hash made = status ? *hash : cf_content_hash(cf_buffer_view(&bytes));
    if (!status && !cf_hash_equal(&made, hash))
        status = cf_fail(error, CF_FORGED, "a content is not what its name says");
    if (!status)
        cf_buffer_append(out, bytes.data, bytes.size);
    cf_buffer_release(&bytes);
    cf_buffer_release(&next);
    cf_arena_release(&arena);
    return status;
}
