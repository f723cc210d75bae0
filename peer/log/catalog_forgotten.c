/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog_forgotten.h"

#include "codec/pack.h"
#include "codec/pointer.h"

#include <stdlib.h>

#define ABOVE "/forgotten"

/* ---- Names ---- */

/* "/forgotten/notes/columns/nick" */
static cf_bytes field_of(const cf_forgotten_place *place, cf_arena *arena)
{
    cf_buffer field = {0};

    cf_buffer_append_text(&field, ABOVE);
    cf_pointer_add(place->table, &field);
    cf_buffer_append(&field, place->field.data, place->field.size);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&field));
    cf_buffer_release(&field);
    return copy;
}

/* False: the field says nothing of that. */
static bool place_of(cf_bytes field, cf_arena *arena, cf_forgotten_place *out)
{
    size_t at = sizeof ABOVE - 1;
    cf_buffer table = {0};
    cf_bytes rest, step;

    if (!cf_pointer_below(field, ABOVE, &rest) || !cf_pointer_next(field, &at, &step))
        return false;
    cf_pointer_read(step, &table);
    out->table = cf_arena_copy(arena, cf_buffer_view(&table));
    out->field = cf_arena_copy(arena, cf_bytes_of(field.data + at, field.size - at));
    cf_buffer_release(&table);
    return true;
}

/* ---- Reading ---- */

static bool says_yes(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    bool yes = false;
    cf_error ignored;

    return cf_read_bool(&reader, &yes, &ignored) == CF_OK && yes;
}

cf_status cf_catalog_forgotten(cf_peer *peer, const cf_id *collection, cf_arena *arena,
                               cf_forgotten *out, cf_error *error)
{
    const cf_id id = cf_catalog_item(CF_CATALOG_COLLECTION, collection->bytes);
    cf_collection *catalog;

    *out = (cf_forgotten){0};
    cf_status status = cf_catalog_open(peer, &catalog, error);
    if (status)
        return status;
    const cf_item *item = cf_state_item(catalog->state, &id);
    const size_t count = item ? cf_item_write_count(item) : 0;
    cf_forgotten_place *at =
        cf_arena_allocate(arena, count < CF_FORGOTTEN_MAX ? count : CF_FORGOTTEN_MAX, sizeof *at);
    uint32_t last = 0;
    for (size_t i = 0; i < count && out->count < CF_FORGOTTEN_MAX; i++) {
        const uint32_t field = cf_state_write(catalog->state, item, i).field;
        const cf_bytes name = cf_state_field_name(catalog->state, field);

        if (!(i && field == last) && place_of(name, arena, &at[out->count]) &&
            says_yes(cf_catalog_value(catalog, &id, cf_arena_text(arena, name))))
            out->count++;
        last = field;
    }
    out->at = at;
    return CF_OK;
}

/* ---- Writing ---- */

typedef struct {
    cf_bytes field;
    bool is_forgotten;
} word;

static int by_field(const void *a, const void *b)
{
    return cf_bytes_compare(((const word *)a)->field, ((const word *)b)->field);
}

static void write_word(cf_catalog_writing *writing, const word *said)
{
    cf_buffer value = {0};

    cf_pack_bool(&value, said->is_forgotten);
    cf_catalog_write(writing, said->field, cf_buffer_view(&value));
    cf_buffer_release(&value);
}

cf_status cf_catalog_write_forgotten(cf_peer *peer, const cf_id *collection,
                                     const cf_forgotten_word *words, size_t count, uint64_t now_ms,
                                     cf_error *error)
{
    cf_catalog_writing self = {0};
    size_t said_count = 0;

    cf_status status =
        cf_catalog_begin(&self, peer, CF_CATALOG_COLLECTION, collection->bytes, error);
    word *said = cf_arena_allocate(&self.arena, count, sizeof *said);
    for (size_t i = 0; i < count; i++) {
        cf_bytes field = field_of(&words[i].place, &self.arena);

        if (field.size <= CF_FIELD_MAX)
            said[said_count++] = (word){field, words[i].is_forgotten};
    }
    if (said_count)
        qsort(said, said_count, sizeof *said, by_field);
    for (size_t i = 0; i < said_count && !status; i++)
        write_word(&self, &said[i]);
    if (!status && self.count)
        status = cf_catalog_publish(&self, now_ms, error);
    cf_catalog_writing_release(&self);
    return status;
}
