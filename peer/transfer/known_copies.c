/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/known_copies.h"

#include "codec/pack.h"

#include <string.h>

/* What a new blob beside it would cost in its entry, in a message, and to be sealed. */
enum { COPY_MIN = 512 };
/* Copies that are kept of one content: more are too scattered for an entry anyway. */
enum { KEPT_MAX = 8192, PARTS = 3 };

void cf_known_release(cf_known *known)
{
    cf_delta_copies_release(&known->copies);
}

static bool take(cf_peer *peer, const cf_id *collection, const cf_hash *content, cf_arena *arena,
                 cf_content_source *out)
{
    cf_error ignored;

    return cf_contents_available(peer->contents, collection, content) &&
           cf_contents_get(peer->contents, collection, content, arena, out, &ignored) == CF_OK;
}

bool cf_known_whole(cf_peer *peer, const cf_id *collection, const cf_hash *content, cf_arena *arena,
                    cf_content_source *out)
{
    cf_hash at = *content;

    for (int i = 0; i <= CF_DELTA_DEPTH_MAX; i++) {
        if (!take(peer, collection, &at, arena, out))
            return false;
        if (!out->content.how.is_patch)
            return true;
        at = out->content.how.base;
    }
    return false;
}

cf_status cf_known_go_on(cf_known *known, const cf_reader_at *patch, uint64_t base_size,
                         uint64_t size, cf_error *error)
{
    cf_delta_copies later = {0}, joined = {0};

    cf_status status = cf_delta_copies_read(patch, base_size, size, &later, error);
    if (!status)
        status = cf_delta_copies_join(&known->copies, &later, &joined, error);
    cf_delta_copies_release(&later);
    cf_delta_copies_release(&known->copies);
    known->copies = joined;
    return status;
}

uint64_t cf_known_leave_out_short(cf_known *known)
{
    cf_delta_copies *copies = &known->copies;
    size_t kept = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; i < copies->count; i++)
        if (copies->at[i].size >= COPY_MIN) {
            bytes += copies->at[i].size;
            copies->at[kept++] = copies->at[i];
        }
    copies->count = kept;
    return bytes;
}

/* ---- Kept ---- */

/* [the whole's hash, (at, base, size)…] */
void cf_known_put(const cf_hash *content, const cf_known *known, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    if (known->copies.count > KEPT_MAX)
        return;
    cf_pack_array(&value, 1 + PARTS * known->copies.count);
    cf_pack_bin(&value, cf_bytes_of(known->whole.content.hash.bytes, CF_HASH_SIZE));
    for (size_t i = 0; i < known->copies.count; i++) {
        cf_pack_uint(&value, known->copies.at[i].at);
        cf_pack_uint(&value, known->copies.at[i].base);
        cf_pack_uint(&value, known->copies.at[i].size);
    }
    cf_kv_list_put(records, cf_key_hash(&arena, CF_TABLE_KNOWN, content), cf_buffer_view(&value));
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

/* A copy that is read is within both contents, and behind those before. */
static cf_status read_copy(cf_reader *reader, uint64_t behind, uint64_t size, uint64_t base_size,
                           cf_delta_copy *out, cf_error *error)
{
    cf_status status = cf_read_uint(reader, &out->at, error);

    if (!status)
        status = cf_read_uint(reader, &out->base, error);
    if (!status)
        status = cf_read_uint(reader, &out->size, error);
    if (!status && (out->at < behind || out->at > size || out->size > size - out->at ||
                    out->base > base_size || out->size > base_size - out->base || !out->size))
        status = cf_fail(error, CF_BROKEN, "the record of copies is damaged");
    return status;
}

static cf_status read_kept(cf_peer *peer, const cf_content *content, const cf_id *collection,
                           cf_bytes value, cf_arena *arena, cf_known *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_hash whole;
    size_t parts = 0;
    uint64_t behind = 0;

    cf_status status = cf_read_array(&reader, &parts, error);
    if (!status && (parts % PARTS != 1 || parts / PARTS > KEPT_MAX))
        status = cf_fail(error, CF_BROKEN, "the record of copies is damaged");
    if (!status)
        status = cf_read_bin_exact(&reader, whole.bytes, CF_HASH_SIZE, error);
    if (!status && (!take(peer, collection, &whole, arena, &out->whole) ||
                    out->whole.content.how.is_patch || out->whole.content.how.is_inline))
        status = cf_fail(error, CF_MISSING, "its whole isn't there any more");
    for (size_t i = 0; !status && i < parts / PARTS; i++) {
        cf_delta_copy copy;

        status = read_copy(&reader, behind, content->size, out->whole.content.size, &copy, error);
        if (!status) {
            behind = copy.at + copy.size;
            *cf_one_more(out->copies.at, out->copies.count, out->copies.capacity) = copy;
        }
    }
    return status;
}

static cf_status find_kept(cf_peer *peer, const cf_content *content, const cf_id *collection,
                           cf_arena *arena, cf_known *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_buffer value = {0};

    cf_status status =
        store->get(store, cf_peer_user(peer), cf_key_hash(arena, CF_TABLE_KNOWN, &content->hash),
                   &value, error);
    if (!status)
        status = read_kept(peer, content, collection, cf_buffer_view(&value), arena, out, error);
    cf_buffer_release(&value);
    return status;
}

/* ---- Along a chain ---- */

/* The contents from one down to where something is known of a whole. */
typedef struct {
    cf_content_source at[CF_DELTA_DEPTH_MAX + 1];
    size_t count;
} chain;

/* True: that was found. */
static bool go_down(cf_peer *peer, const cf_id *collection, const cf_hash *content, cf_arena *arena,
                    chain *down, cf_known *out)
{
    cf_hash at = *content;
    cf_error ignored;

    while (down->count <= CF_DELTA_DEPTH_MAX) {
        cf_content_source *one = &down->at[down->count++];
        const cf_how *how = &one->content.how;

        if (!take(peer, collection, &at, arena, one))
            return false;
        if (!how->is_patch) {
            out->whole = *one;
            cf_delta_copies_all(one->content.size, &out->copies);
            return !how->is_inline;
        }
        if (!how->is_inline)
            return find_kept(peer, &one->content, collection, arena, out, &ignored) == CF_OK;
        at = how->base;
    }
    return false;
}

bool cf_known_find(cf_peer *peer, const cf_id *collection, const cf_hash *content, cf_arena *arena,
                   cf_known *out)
{
    chain down = {0};
    cf_known known = {0};
    cf_status status = CF_OK;
    cf_error ignored;

    bool found = go_down(peer, collection, content, arena, &down, &known);
    for (size_t i = down.count - 1; found && !status && i-- > 0;) {
        const cf_content *made = &down.at[i].content;
        const cf_reader_at patch = cf_reader_of_bytes(&made->how.bytes);

        status = cf_known_go_on(&known, &patch, down.at[i + 1].content.size, made->size, &ignored);
    }
    if (found && !status)
        *out = known;
    else
        cf_known_release(&known);
    return found && !status;
}
