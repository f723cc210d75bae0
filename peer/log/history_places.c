/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/history_places.h"

#include "codec/pack.h"
#include "peer/log/catalog.h"
#include "peer/log/record_names.h"
#include "peer/merge/rules.h"
#include "peer/records/record.h"

#include <search.h>
#include <stdlib.h>

enum { DEPTH_MAX = 512 };

static int compare_places(const void *a, const void *b)
{
    const cf_last_place *first = a, *second = b;
    int order = cf_id_compare(&first->collection, &second->collection);

    return order ? order : cf_id_compare(&first->item, &second->item);
}

static cf_last_place *find_place(cf_last_places *self, const cf_id *collection, const cf_id *item)
{
    cf_last_place wanted = {.collection = *collection, .item = *item};
    cf_last_place **found = tfind(&wanted, &self->tree, compare_places);

    return found ? *found : NULL;
}

cf_last_place *cf_last_place_of(cf_last_places *self, const cf_id *collection, const cf_id *item)
{
    cf_last_place *found = find_place(self, collection, item);

    if (found)
        return found;
    found = cf_arena_allocate(self->arena, 1, sizeof *found);
    *found = (cf_last_place){.collection = *collection, .item = *item};
    if (!tsearch(found, &self->tree, compare_places))
        abort();
    return found;
}

bool cf_last_place_take_name(cf_last_places *self, cf_last_place *at, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes bytes;
    cf_error ignored;

    /* Of files a name is any bytes, in the catalog it is text. */
    if (cf_read_bin(&reader, &bytes, &ignored)) {
        reader = cf_reader_of(value);
        if (cf_read_text(&reader, &bytes, &ignored))
            return false;
    }
    at->name = cf_arena_copy(self->arena, bytes);
    at->is_known = true;
    return true;
}

bool cf_last_place_take_parent(cf_last_place *at, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    return cf_read_bin_exact(&reader, at->parent.bytes, CF_ID_SIZE, &ignored) == CF_OK;
}

/* The only write of a field that nobody has replaced, though a deletion may cover it; size 0: there
 * is none, or the order of the log decides among several. */
static cf_bytes only_value(const cf_collection *collection, const cf_id *id, uint32_t field)
{
    const cf_item *item = cf_state_item(collection->state, id);
    cf_bytes found = {0};
    size_t count = 0;

    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(collection->state, item, i);

        if (write.field == field && ++count)
            found = write.value;
    }
    return count == 1 ? found : (cf_bytes){0};
}

/* What table a record is of; it never changes. */
static cf_bytes table_of(const cf_last_places *self, const cf_last_place *at)
{
    cf_collection *collection;
    cf_error ignored;

    if (cf_peer_collection(self->peer, &at->collection, &collection, &ignored))
        return (cf_bytes){0};
    return cf_record_table(collection, &at->item);
}

bool cf_last_place_take_key(cf_last_places *self, cf_last_place *at, cf_bytes value)
{
    cf_buffer text = {0};

    if (!value.size)
        return false;
    cf_record_path(at->item.bytes[0], table_of(self, at), value, &text);
    at->name = cf_arena_copy(self->arena, cf_buffer_view(&text));
    at->is_known = true;
    cf_buffer_release(&text);
    return true;
}

bool cf_last_place_is_record(const cf_last_place *at)
{
    return cf_kind_is_record(at->item.bytes[0]) && !cf_id_equal(&at->collection, &cf_catalog_id);
}

static void ask_state(cf_last_places *self, cf_last_place *at)
{
    cf_collection *collection;
    cf_error ignored;

    at->is_asked = true;
    if (at->moves || cf_peer_collection(self->peer, &at->collection, &collection, &ignored))
        return;
    if (cf_last_place_is_record(at)) {
        cf_last_place_take_key(self, at, only_value(collection, &at->item, CF_FIELD_NUMBER_KEY));
        return;
    }
    cf_bytes name = only_value(collection, &at->item, CF_FIELD_NUMBER_NAME);
    cf_bytes parent = only_value(collection, &at->item, CF_FIELD_NUMBER_PARENT);
    bool has_parent = cf_state_has_field(collection->state, &at->item, CF_FIELD_NUMBER_PARENT);

    if (name.size && (!has_parent || (parent.size && cf_last_place_take_parent(at, parent))))
        cf_last_place_take_name(self, at, name);
}

cf_last_place *cf_last_place_known(cf_last_places *self, const cf_id *collection, const cf_id *item)
{
    cf_last_place *found = self->is_tail ? cf_last_place_of(self, collection, item)
                                         : find_place(self, collection, item);

    if (found && !found->is_known && self->is_tail && !found->is_asked)
        ask_state(self, found);
    if (found && found->is_known)
        return found;
    self->lacks |= self->is_tail;
    return NULL;
}

static void append_path(cf_last_places *self, const cf_last_place *at, cf_buffer *out,
                        unsigned depth)
{
    const cf_last_place *parent = NULL;

    if (depth < DEPTH_MAX && !cf_id_equal(&at->parent, &cf_root_item))
        parent = cf_last_place_known(self, &at->collection, &at->parent);
    if (parent) {
        append_path(self, parent, out, depth + 1);
        cf_buffer_append(out, "/", 1);
    }
    cf_buffer_append(out, at->name.data, at->name.size);
}

cf_bytes cf_last_place_path(cf_last_places *self, const cf_last_place *at)
{
    cf_buffer path = {0};

    append_path(self, at, &path, 0);
    cf_bytes copy = cf_arena_copy(self->arena, cf_buffer_view(&path));
    cf_buffer_release(&path);
    return copy;
}

static void keep_place(void *at)
{
    (void)at; /* the arena's */
}

void cf_last_places_release(cf_last_places *self)
{
    tdestroy(self->tree, keep_place);
    self->tree = NULL;
}
