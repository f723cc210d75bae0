/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/history_places.h"

#include "codec/content.h"
#include "codec/pack.h"
#include "peer/log/catalog.h"
#include "peer/log/record_names.h"
#include "peer/records/record.h"

#include <search.h>
#include <stdlib.h>

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

static bool is_in_folder(const cf_last_place *at)
{
    return cf_kind_is_node(at->item.bytes[0]) && !cf_id_equal(&at->collection, &cf_catalog_id);
}

uint64_t cf_last_place_hash(const cf_last_place *at)
{
    return cf_hash_bytes(cf_hash_id(cf_hash_id(0, &at->collection), &at->parent), at->name);
}

/* What lies in a folder is listed by its name, from when that is known. */
static void list_anew(cf_last_places *self, cf_last_place *at)
{
    if (is_in_folder(at) && at->is_known)
        cf_hash_table_remove(&self->by_name, &at->by_name);
    at->is_known |= at->name.size > 0;
    if (is_in_folder(at) && at->is_known)
        cf_hash_table_add(&self->by_name, &at->by_name, cf_last_place_hash(at));
}

void cf_last_place_came(cf_last_places *self, cf_last_place *at, cf_time time, const cf_dot *dot)
{
    at->time = time;
    at->dot = *dot;
    at->original = NULL;
    list_anew(self, at);
}

/* Of what was moved since by somebody who had not seen it, a pin says nothing any more. */
bool cf_last_place_take_pin(cf_last_places *self, cf_last_place *at, cf_bytes value)
{
    cf_pin pin;
    cf_error ignored;

    if (cf_pin_read(value, &pin, &ignored))
        return false;
    bool has_place = at->is_known && at->dot.sequence > 0;
    if (has_place != (pin.has_name_dot || pin.has_parent_dot) ||
        (has_place && !cf_dot_equal(&pin.name_dot, &at->dot) &&
         !cf_dot_equal(&pin.parent_dot, &at->dot)))
        return false;
    at->parent = pin.parent;
    at->name = cf_arena_copy(self->arena, pin.name);
    list_anew(self, at);
    return true;
}

void cf_last_place_take_content(cf_last_place *at, cf_bytes value)
{
    cf_buffer identity = {0};
    cf_error ignored;

    if (cf_content_identity(value, &identity, &ignored))
        cf_buffer_append(&identity, value.data, value.size);
    at->content = value.size ? cf_hash_bytes(0, cf_buffer_view(&identity)) : 0;
    cf_buffer_release(&identity);
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
    return true;
}

bool cf_last_place_take_parent(cf_last_place *at, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    return cf_read_bin_exact(&reader, at->parent.bytes, CF_ID_SIZE, &ignored) == CF_OK;
}

void cf_last_place_take_from(cf_last_place *at, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    if (value.size && cf_read_bin_exact(&reader, at->from.bytes, CF_ID_SIZE, &ignored))
        at->from = cf_root_item;
}

/* The only write of a field that nobody has replaced, though a deletion may cover it; a value of
 * size 0: there is none, or the order of the log decides among several. */
static cf_write only_write(const cf_collection *collection, const cf_id *id, uint32_t field)
{
    const cf_item *item = cf_state_item(collection->state, id);
    cf_write found = {0};
    size_t count = 0;

    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(collection->state, item, i);

        if (write.field == field && ++count)
            found = write;
    }
    return count == 1 ? found : (cf_write){0};
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

static int compare_writes(const cf_write *a, const cf_write *b)
{
    int order = cf_time_compare(a->time, b->time);

    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

/* Where a file or a directory was put, and what the file has. */
static void ask_place(cf_last_places *self, const cf_collection *collection, cf_last_place *at)
{
    cf_write name = only_write(collection, &at->item, CF_FIELD_NUMBER_NAME);
    cf_write parent = only_write(collection, &at->item, CF_FIELD_NUMBER_PARENT);
    bool has_parent = cf_state_has_field(collection->state, &at->item, CF_FIELD_NUMBER_PARENT);

    if (!name.value.size ||
        (has_parent && (!parent.value.size || !cf_last_place_take_parent(at, parent.value))) ||
        !cf_last_place_take_name(self, at, name.value))
        return;
    const cf_write *last = has_parent && compare_writes(&name, &parent) < 0 ? &parent : &name;
    cf_last_place_came(self, at, last->time, &last->dot);
    cf_last_place_take_content(at,
                               only_write(collection, &at->item, CF_FIELD_NUMBER_CONTENT).value);
}

static void ask_state(cf_last_places *self, const cf_collection *collection, cf_last_place *at)
{
    if (cf_last_place_is_record(at)) {
        cf_last_place_take_key(self, at,
                               only_write(collection, &at->item, CF_FIELD_NUMBER_KEY).value);
        return;
    }
    ask_place(self, collection, at);
    cf_last_place_take_pin(self, at, only_write(collection, &at->item, CF_FIELD_NUMBER_PIN).value);
    cf_last_place_take_from(at, only_write(collection, &at->item, CF_FIELD_NUMBER_FROM).value);
    at->is_deleted = !at->dies && !cf_collection_lives(collection, &at->item);
}

/* A conflict copy that nobody had touched has no place of its own: it lies beside the file that it
 * is one of. The name is the one that the view gives it, but where several would be called so. */
static void ask_original(cf_last_places *self, const cf_collection *collection, cf_last_place *at)
{
    const cf_rules *rules = &self->peer->rules;
    cf_buffer name = {0};
    cf_id holder;
    cf_write content;

    if (!is_in_folder(at) || !cf_view_copied(collection->view, &at->item, &holder, &content))
        return;
    const cf_last_place *original = cf_last_place_known(self, &at->collection, &holder);
    if (!original)
        return;
    rules->conflict_name(rules->context, original->name, content.time, &content.dot, 1, &name);
    at->original = original;
    at->parent = original->parent;
    at->name = cf_arena_copy(self->arena, cf_buffer_view(&name));
    list_anew(self, at);
    cf_buffer_release(&name);
}

static void ask(cf_last_places *self, cf_last_place *at)
{
    cf_collection *collection;
    cf_error ignored;

    at->is_asked = true;
    if (cf_peer_collection(self->peer, &at->collection, &collection, &ignored))
        return;
    if (self->is_tail && !at->moves)
        ask_state(self, collection, at);
    if (!at->is_known)
        ask_original(self, collection, at);
}

cf_last_place *cf_last_place_known(cf_last_places *self, const cf_id *collection, const cf_id *item)
{
    cf_last_place *found = self->is_tail ? cf_last_place_of(self, collection, item)
                                         : find_place(self, collection, item);

    if (found && !found->is_known && !found->is_asked)
        ask(self, found);
    if (found && found->is_known)
        return found;
    self->lacks |= self->is_tail;
    return NULL;
}

void cf_last_place_ask_namesakes(cf_last_places *self, const cf_last_place *at)
{
    cf_collection *collection;
    cf_error ignored;
    cf_ids called = {0};

    if (!self->is_tail || !is_in_folder(at) ||
        cf_peer_collection(self->peer, &at->collection, &collection, &ignored))
        return;
    cf_view_called(collection->view, &at->parent, at->name, &called);
    for (size_t i = 0; i < called.count; i++) {
        cf_last_place *one = cf_last_place_of(self, &at->collection, &called.at[i]);

        if (!one->is_known && !one->is_asked)
            ask(self, one);
    }
    free(called.at);
}

static void keep_place(void *at)
{
    (void)at; /* the arena's */
}

void cf_last_places_release(cf_last_places *self)
{
    tdestroy(self->tree, keep_place);
    self->tree = NULL;
    cf_hash_table_release(&self->by_name);
}
