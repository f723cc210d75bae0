/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog.h"

#include "broker/platform/names.h"
#include "broker/platform/times.h"
#include "codec/pack.h"
#include "peer/log/catalog_names.h"
#include "peer/log/catalog_schema.h"
#include "peer/log/catalog_writing.h"
#include "peer/log/dot_entry.h"

#include <stdlib.h>
#include <string.h>

/* ---- Reading ---- */

static bool read_id(const cf_collection *catalog, const cf_id *item, void *out, size_t size)
{
    cf_reader reader = cf_reader_of(cf_catalog_value(catalog, item, CF_CATALOG_ID));
    cf_error ignored;

    return cf_read_bin_exact(&reader, out, size, &ignored) == CF_OK;
}

typedef struct {
    cf_collection *catalog;
    cf_arena *arena;
    cf_catalog_collection *list;
    size_t count, capacity;
} listing;

static void list_item(void *context, const cf_id *item)
{
    listing *self = context;
    cf_catalog_collection found = {0};
    cf_error ignored;

    if (item->bytes[0] != CF_CATALOG_COLLECTION ||
        !read_id(self->catalog, item, found.id.bytes, CF_ID_SIZE))
        return;
    found.name = cf_catalog_shown_name(self->catalog, item, self->arena);
    const char *format = cf_catalog_text(self->catalog, item, CF_CATALOG_FORMAT, self->arena);
    if (!found.name || !format)
        return;
    found.is_known = cf_format_of_text(format, &found.format, &ignored) == CF_OK;
    *cf_one_more(self->list, self->count, self->capacity) = found;
}

static int by_name(const void *a, const void *b)
{
    const cf_catalog_collection *first = a, *second = b;
    int order = strcmp(first->name, second->name);

    return order ? order : cf_id_compare(&first->id, &second->id);
}

cf_status cf_catalog_list(cf_peer *peer, cf_arena *arena, cf_catalog_collection **out,
                          size_t *count, cf_error *error)
{
    listing self = {.arena = arena};

    cf_status status = cf_catalog_open(peer, &self.catalog, error);
    if (status)
        return status;
    cf_state_each(self.catalog->state, list_item, &self);
    if (self.count > 1)
        qsort(self.list, self.count, sizeof *self.list, by_name);
    *out = cf_arena_allocate(arena, self.count, sizeof *self.list);
    if (self.count)
        memcpy(*out, self.list, self.count * sizeof *self.list);
    *count = self.count;
    free(self.list);
    return CF_OK;
}

/* By its name, or by what is shown of that. */
static bool is_called(const char *name, const char *given)
{
    cf_buffer shown = {0};

    cf_text_append(&shown, cf_bytes_of_text(name));
    bool is =
        strcmp(name, given) == 0 || cf_bytes_equal(cf_buffer_view(&shown), cf_bytes_of_text(given));
    cf_buffer_release(&shown);
    return is;
}

/* NULL: it can't be read. */
static const cf_collection *readable(cf_peer *peer)
{
    cf_collection *catalog;
    cf_error ignored;

    return cf_catalog_open(peer, &catalog, &ignored) == CF_OK ? catalog : NULL;
}

const char *cf_catalog_name(cf_peer *peer, const cf_id *collection, cf_arena *arena)
{
    if (cf_id_equal(collection, &cf_catalog_id))
        return "(catalog)";
    if (cf_id_equal(collection, &cf_member_log_id))
        return "(members)";
    return cf_catalog_collection_called(readable(peer), collection, arena);
}

/* The last deletion of an item that the state has, and that is not shown any more. */
static bool last_deletion(const cf_collection *catalog, const cf_id *item, cf_write *out)
{
    const cf_item *found = cf_state_item(catalog->state, item);
    bool is_deleted = false;

    if (!found || cf_catalog_value(catalog, item, CF_FIELD_NAME).size)
        return false;
    for (size_t i = 0; i < cf_item_write_count(found); i++) {
        cf_write write = cf_state_write(catalog->state, found, i);

        if (write.field != CF_FIELD_NUMBER_DELETED ||
            (is_deleted && cf_time_compare(write.time, out->time) < 0))
            continue;
        *out = write;
        is_deleted = true;
    }
    return is_deleted;
}

bool cf_catalog_deleted(cf_peer *peer, const cf_id *collection, cf_catalog_deletion *out)
{
    cf_id item = cf_catalog_item(CF_CATALOG_COLLECTION, collection->bytes);
    cf_collection *catalog;
    cf_write deletion;
    cf_error ignored;

    if (cf_catalog_open(peer, &catalog, &ignored) || !last_deletion(catalog, &item, &deletion))
        return false;
    *out = (cf_catalog_deletion){cf_dot_device(peer, &deletion.dot), deletion.time.ms};
    return true;
}

const char *cf_catalog_device_name(cf_peer *peer, const cf_hash *device, cf_arena *arena)
{
    return cf_catalog_device_called(readable(peer), device, arena);
}

void cf_catalog_deletion_text(cf_peer *peer, const cf_catalog_deletion *deletion, cf_buffer *out)
{
    cf_arena arena = {0};
    char time[CF_TIME_TEXT];

    cf_time_show_local(deletion->time_ms, time);
    cf_buffer_append_text(out, "taken off the list by %.80s, %s",
                          cf_catalog_device_name(peer, &deletion->device, &arena), time);
    cf_arena_release(&arena);
}

/* ---- What was taken off the list ---- */

typedef struct {
    cf_peer *peer;
    const cf_collection *catalog;
    cf_arena *arena;
    cf_catalog_gone *list;
    size_t count, capacity;
} gone_listing;

static void list_gone(void *context, const cf_id *item)
{
    gone_listing *self = context;
    cf_catalog_gone found = {0};
    cf_write deletion;
    cf_error ignored;

    if (item->bytes[0] != CF_CATALOG_COLLECTION || !last_deletion(self->catalog, item, &deletion))
        return;
    cf_reader id = cf_reader_of(cf_collection_last(self->catalog, item, CF_CATALOG_ID));
    const char *format = cf_catalog_last_text(self->catalog, item, CF_CATALOG_FORMAT, self->arena);
    found.collection.name = cf_catalog_last_name(self->catalog, item, self->arena);
    if (!found.collection.name ||
        cf_read_bin_exact(&id, found.collection.id.bytes, CF_ID_SIZE, &ignored))
        return;
    found.collection.is_known =
        format && cf_format_of_text(format, &found.collection.format, &ignored) == CF_OK;
    found.deletion =
        (cf_catalog_deletion){cf_dot_device(self->peer, &deletion.dot), deletion.time.ms};
    *cf_one_more(self->list, self->count, self->capacity) = found;
}

static int by_name_and_time(const void *a, const void *b)
{
    const cf_catalog_gone *first = a, *second = b;
    const uint64_t time = first->deletion.time_ms, other = second->deletion.time_ms;
    const int order = strcmp(first->collection.name, second->collection.name);

    return order           ? order
           : time != other ? (time < other ? -1 : 1)
                           : cf_id_compare(&first->collection.id, &second->collection.id);
}

cf_status cf_catalog_list_gone(cf_peer *peer, cf_arena *arena, cf_catalog_gone **out, size_t *count,
                               cf_error *error)
{
    gone_listing self = {.peer = peer, .arena = arena};
    cf_collection *catalog;

    cf_status status = cf_catalog_open(peer, &catalog, error);
    if (status)
        return status;
    self.catalog = catalog;
    cf_state_each(catalog->state, list_gone, &self);
    if (self.count > 1)
        qsort(self.list, self.count, sizeof *self.list, by_name_and_time);
    *out = cf_arena_allocate(arena, self.count, sizeof *self.list);
    if (self.count)
        memcpy(*out, self.list, self.count * sizeof *self.list);
    *count = self.count;
    free(self.list);
    return CF_OK;
}

bool cf_catalog_say_taken_off(cf_peer *peer, const char *name, cf_error *error)
{
    const cf_catalog_deletion *last = NULL;
    cf_catalog_gone *list;
    cf_arena arena = {0};
    cf_buffer text = {0};
    cf_error ignored;
    size_t count = 0;

    if (cf_catalog_list_gone(peer, &arena, &list, &count, &ignored))
        count = 0;
    for (size_t i = 0; i < count; i++)
        if (is_called(list[i].collection.name, name) &&
            (!last || list[i].deletion.time_ms >= last->time_ms))
            last = &list[i].deletion;
    if (last) {
        cf_catalog_deletion_text(peer, last, &text);
        cf_fail(error, CF_MISSING,
                "there is no collection '%.80s' any more: %.*s; `counterfoil add SOURCE "
                "--collection NAME` makes one of that name",
                name, (int)text.size, (const char *)text.data);
    }
    cf_buffer_release(&text);
    cf_arena_release(&arena);
    return last != NULL;
}

cf_status cf_catalog_find(cf_peer *peer, const char *name, cf_arena *arena,
                          cf_catalog_collection *out, cf_error *error)
{
    cf_catalog_collection *list;
    size_t count, found = 0;

    cf_status status = cf_catalog_list(peer, arena, &list, &count, error);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        if (is_called(list[i].name, name) && ++found)
            *out = list[i];
    if (!found && cf_catalog_say_taken_off(peer, name, error))
        return CF_MISSING;
    if (!found)
        return cf_fail(error, CF_MISSING,
                       "there is no collection '%s': `counterfoil collections` lists them", name);
    return found == 1 ? CF_OK
                      : cf_fail(error, CF_CHANGED,
                                "there are %zu collections '%s': rename one of them, where it is "
                                "bound",
                                found, name);
}

/* ---- Writing ---- */

static cf_status check_free(cf_peer *peer, const char *name, cf_error *error)
{
    cf_arena arena = {0};
    cf_catalog_collection found;

    cf_status status = cf_catalog_check_name(name, error);
    if (!status) {
        status = cf_catalog_find(peer, name, &arena, &found, error);
        status = status == CF_MISSING ? CF_OK
                 : status == CF_OK || status == CF_CHANGED
                     ? cf_fail(error, CF_CHANGED, "there is a collection '%s' already", name)
                     : status;
    }
    cf_arena_release(&arena);
    return status;
}

/* Of the collections that were made under this name one after the other, each deleted or renamed
 * since, the next; where devices that are apart know of the same, they make the same. PROTOCOL,
 * section 8. */
static cf_status next_of_name(const cf_peer *peer, const cf_collection *catalog, const char *name,
                              cf_id *out, cf_error *error)
{
    cf_status status = CF_OK;
    bool is_taken = true;

    for (unsigned number = 0; !status && is_taken; number++) {
        cf_buffer label = {0};

        cf_buffer_append(&label, name, strlen(name));
        if (number) {
            cf_buffer_append(&label, "", 1);
            cf_buffer_append_text(&label, "%u", number);
        }
        status = cf_ring_collection_id(peer->ring, cf_buffer_view(&label), out, error);
        cf_id item = cf_catalog_item(CF_CATALOG_COLLECTION, out->bytes);
        is_taken = !status && cf_collection_last(catalog, &item, CF_CATALOG_ID).size;
        cf_buffer_release(&label);
    }
    return status;
}

cf_status cf_catalog_make(cf_peer *peer, const cf_catalog_new *new, uint64_t now_ms, cf_id *out,
                          cf_error *error)
{
    cf_catalog_writing self = {0};
    cf_collection *catalog;

    cf_status status = check_free(peer, new->name, error);
    if (!status)
        status = cf_catalog_open(peer, &catalog, error);
    if (!status)
        status = next_of_name(peer, catalog, new->name, out, error);
    if (status == CF_MISSING)
        status = cf_fail(error, CF_DENIED,
                         "no content key for this device yet: `counterfoil "
                         "sync` while an owner's device is there");
    if (!status)
        status = cf_catalog_begin(&self, peer, CF_CATALOG_COLLECTION, out->bytes, error);
    if (!status) {
        cf_catalog_write_text(&self, CF_CATALOG_FORMAT, cf_format_text(new->format));
        cf_catalog_write_id(&self, out->bytes, CF_ID_SIZE);
        cf_catalog_write_text(&self, CF_FIELD_NAME, new->name);
        if (new->schema)
            cf_catalog_write_tables(&self, new->schema, NULL);
        status = cf_catalog_publish(&self, now_ms, error);
    }
    cf_catalog_writing_release(&self);
    return status;
}

static bool is_owner(const cf_peer *peer)
{
    const cf_device *self = cf_peer_self(peer);

    return self && self->is_valid && self->role == CF_ROLE_OWNER;
}

/* What others would not heed is not written. */
static cf_status check_rights(const cf_catalog_writing *self, cf_error *error)
{
    cf_id writer;

    if (is_owner(self->peer) || (cf_author_writer(self->peer->author, &cf_catalog_id, &writer) &&
                                 cf_catalog_made_by(self->catalog, &self->item, &writer)))
        return CF_OK;
    return cf_fail(error, CF_DENIED,
                   "only an owner renames or deletes a collection that this device didn't make, or "
                   "that an owner has named: do it on an owner's device (`counterfoil devices` "
                   "shows the roles)");
}

cf_status cf_catalog_may_change(cf_peer *peer, const cf_id *collection, cf_error *error)
{
    cf_catalog_writing self = {0};

    cf_status status =
        cf_catalog_begin(&self, peer, CF_CATALOG_COLLECTION, collection->bytes, error);
    if (!status)
        status = check_rights(&self, error);
    cf_catalog_writing_release(&self);
    return status;
}

/* What an owner has named, no other changes any more: neither its id nor its format. */
static void adopt(cf_catalog_writing *self, const cf_id *collection)
{
    const char *format =
        cf_catalog_text(self->catalog, &self->item, CF_CATALOG_FORMAT, &self->arena);

    if (!is_owner(self->peer) || !format)
        return;
    cf_catalog_write_text(self, CF_CATALOG_FORMAT, format);
    cf_catalog_write_id(self, collection->bytes, CF_ID_SIZE);
}

cf_status cf_catalog_rename(cf_peer *peer, const cf_id *collection, const char *name,
                            uint64_t now_ms, cf_error *error)
{
    cf_catalog_writing self = {0};

    cf_status status = check_free(peer, name, error);
    if (!status)
        status = cf_catalog_begin(&self, peer, CF_CATALOG_COLLECTION, collection->bytes, error);
    if (!status)
        status = check_rights(&self, error);
    if (!status) {
        adopt(&self, collection);
        cf_catalog_write_text(&self, CF_FIELD_NAME, name);
        status = cf_catalog_publish(&self, now_ms, error);
    }
    cf_catalog_writing_release(&self);
    return status;
}

cf_status cf_catalog_delete(cf_peer *peer, const cf_id *collection, uint64_t now_ms,
                            cf_error *error)
{
    cf_catalog_writing self = {0};

    cf_status status =
        cf_catalog_begin(&self, peer, CF_CATALOG_COLLECTION, collection->bytes, error);
    if (!status)
        status = check_rights(&self, error);
    if (!status) {
        cf_catalog_write_deletion(&self);
        status = cf_catalog_publish(&self, now_ms, error);
    }
    cf_catalog_writing_release(&self);
    return status;
}

cf_status cf_catalog_name_device(cf_peer *peer, const cf_hash *device, const char *name,
                                 uint64_t now_ms, cf_error *error)
{
    cf_catalog_writing self = {0};
    cf_hash known;

    cf_status status = cf_catalog_check_name(name, error);
    if (!status && !cf_hash_equal(device, cf_peer_device(peer)) && !is_owner(peer))
        status = cf_fail(error, CF_DENIED,
                         "only an owner names another device: do it there, or on an owner's device "
                         "(`counterfoil devices` shows the roles)");
    if (!status)
        status = cf_catalog_begin(&self, peer, CF_CATALOG_DEVICE, device->bytes, error);
    if (!status) {
        if (!read_id(self.catalog, &self.item, known.bytes, CF_HASH_SIZE))
            cf_catalog_write_id(&self, device->bytes, CF_HASH_SIZE);
        cf_catalog_write_text(&self, CF_FIELD_NAME, name);
        status = cf_catalog_publish(&self, now_ms, error);
    }
    cf_catalog_writing_release(&self);
    return status;
}

static bool is_taken(cf_peer *peer, const cf_hash *device, const char *name)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    cf_arena arena = {0};
    bool taken = false;

    for (size_t i = 0; !taken && i < cf_registry_device_count(registry); i++) {
        const cf_device *other = cf_registry_device_at(registry, i);

        taken = other->is_valid && !cf_hash_equal(&other->id, device) &&
                !cf_hash_equal(&other->id, cf_peer_user(peer)) &&
                strcmp(cf_catalog_device_name(peer, &other->id, &arena), name) == 0;
    }
    cf_arena_release(&arena);
    return taken;
}

const char *cf_catalog_free_name(cf_peer *peer, const cf_hash *device, const char *name,
                                 cf_arena *arena)
{
    size_t room = CF_NAME_MAX - strlen(" (4294967295)"), size = strlen(name);
    const char *free = name;

    while (size > room || (size < strlen(name) && ((uint8_t)name[size] & 0xc0) == 0x80))
        size--; /* cut before a character */
    for (unsigned number = 2; is_taken(peer, device, free); number++) {
        cf_buffer text = {0};

        cf_buffer_append_text(&text, "%.*s (%u)", (int)size, name, number);
        free = cf_arena_text(arena, cf_buffer_view(&text));
        cf_buffer_release(&text);
    }
    return free;
}

cf_status cf_catalog_introduce(cf_peer *peer, uint64_t now_ms, cf_error *error)
{
    cf_id item = cf_catalog_item(CF_CATALOG_DEVICE, cf_peer_device(peer)->bytes);
    cf_buffer name = {0};
    cf_arena arena = {0};
    cf_collection *catalog;
    cf_hash epoch;

    if (cf_peer_epoch(peer, &epoch, error))
        return CF_OK;
    cf_status status = cf_catalog_open(peer, &catalog, error);
    if (status || cf_collection_lives(catalog, &item))
        return status;
    status = cf_home_get(peer->home, CF_HOME_DEVICE, &name, error);
    cf_buffer_append(&name, "", 1);
    if (!status)
        status = cf_catalog_name_device(
            peer, cf_peer_device(peer),
            cf_catalog_free_name(peer, cf_peer_device(peer), (const char *)name.data, &arena),
            now_ms, error);
    cf_buffer_release(&name);
    cf_arena_release(&arena);
    return status;
}
