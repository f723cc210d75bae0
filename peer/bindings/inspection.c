/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/inspection.h"

#include "broker/platform/names.h"
#include "codec/content.h"
#include "peer/bindings/base.h"
#include "peer/log/catalog.h"
#include "peer/log/catalog_writing.h"
#include "peer/log/record_names.h"
#include "peer/log/refold.h"
#include "peer/merge/node.h"
#include "peer/merge/state_item.h"
#include "peer/records/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    cf_peer *peer;
    cf_damage_found *found;
    void *context;
    const cf_refolded *refolded;
    cf_collection *collection;
    const cf_base_place *place; /* whose copies are looked at, */
    const cf_folder *copies;    /* and where these are */
} inspection;

static void tell(const inspection *self, cf_damage_kind kind, cf_bytes key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void tell(const inspection *self, cf_damage_kind kind, cf_bytes key, const char *format, ...)
{
    char text[CF_ERROR_TEXT];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    self->found(self->context, &(cf_damage){kind, text, key, self->place});
}

static void store_damaged(void *context, const cf_hash *user, const cf_error *what)
{
    const cf_damage_kind kind = what->status == CF_CHANGED ? CF_DAMAGE_ENDED
                                : cf_error_is_lack(what)   ? CF_DAMAGE_AWAY
                                                           : CF_DAMAGE_STORE;

    (void)user;
    tell(context, kind, (cf_bytes){0}, "the store: %s", what->text);
}

/* ---- The state ---- */

static cf_collection *refolded_of(const inspection *self, const uint8_t *id)
{
    for (size_t i = 0; i < self->refolded->count; i++)
        if (memcmp(self->refolded->at[i]->id.bytes, id, CF_ID_SIZE) == 0)
            return self->refolded->at[i];
    return NULL;
}

/* What the log calls a collection: what is recorded of the catalog may be damaged, too. */
static void append_collection(const inspection *self, const cf_id *id, cf_buffer *out)
{
    const cf_collection *catalog = refolded_of(self, cf_catalog_id.bytes);
    cf_id listed = cf_catalog_item(CF_CATALOG_COLLECTION, id->bytes);
    cf_arena arena = {0};

    if (catalog && cf_state_item(catalog->state, &listed))
        cf_item_path(catalog, &listed, out);
    else
        cf_buffer_append_text(out, "%s", cf_catalog_name(self->peer, id, &arena));
    cf_arena_release(&arena);
}

/* What an item is called, for people: COLLECTION: PATH (item ID). Where the log knows nothing of
 * it, as the state calls it. */
static void append_name(const inspection *self, const cf_id *collection, const cf_id *item,
                        cf_buffer *out)
{
    cf_collection *named = self->collection;
    char id[2 * CF_ID_SIZE + 1];
    cf_error ignored;

    if (!cf_state_item(named->state, item) &&
        cf_peer_collection(self->peer, collection, &named, &ignored))
        named = self->collection;
    cf_hex(cf_bytes_of(item->bytes, CF_ID_SIZE), id);
    append_collection(self, collection, out);
    cf_buffer_append_text(out, ": ");
    cf_item_path(named, item, out);
    cf_buffer_append_text(out, " (item %s)", id);
}

static void tell_item(const inspection *self, const cf_id *item, const char *what)
{
    cf_buffer name = {0};

    append_name(self, &self->collection->id, item, &name);
    tell(self, CF_DAMAGE_STATE, (cf_bytes){0}, "%.*s: %s", (int)name.size, (const char *)name.data,
         what);
    cf_buffer_release(&name);
}

/* Whether two records say the same of an item: older programs wrote them in another order, and left
 * names in them that nothing needs. An empty one says nothing. */
static bool says_same(const cf_id *item, cf_bytes expected, cf_bytes found)
{
    const cf_bytes records[2] = {expected, found};
    cf_state *states[2] = {cf_state_new(), cf_state_new()};
    cf_buffer packed[2] = {{0}, {0}};
    bool readable = true;
    cf_error ignored;

    for (int i = 0; i < 2; i++)
        readable = readable && (!records[i].size ||
                                cf_state_item_read(states[i], item, records[i], &ignored) == CF_OK);
    if (readable)
        cf_state_drop_uncounted(states[0], states[1], item);
    for (int i = 0; i < 2; i++)
        cf_state_item_pack(states[i], item, &packed[i]);
    bool same = readable && cf_bytes_equal(cf_buffer_view(&packed[0]), cf_buffer_view(&packed[1]));
    for (int i = 0; i < 2; i++) {
        cf_buffer_release(&packed[i]);
        cf_state_destroy(&states[i]);
    }
    return same;
}

static bool check_item(void *context, cf_bytes key, cf_bytes value)
{
    inspection *self = context;
    cf_buffer expected = {0};
    cf_id item;

    if (key.size != 1 + 2 * CF_ID_SIZE || !(self->collection = refolded_of(self, key.data + 1))) {
        tell(self, CF_DAMAGE_STATE, (cf_bytes){0}, "the state has a record of no collection");
        return true;
    }
    memcpy(item.bytes, key.data + 1 + CF_ID_SIZE, CF_ID_SIZE);
    bool held = cf_state_item_pack(self->collection->state, &item, &expected);
    if (!cf_bytes_equal(cf_buffer_view(&expected), value) &&
        !says_same(&item, cf_buffer_view(&expected), value))
        tell_item(self, &item,
                  held ? "its state is not what the log says"
                       : "the state has it, the log has not");
    cf_buffer_release(&expected);
    return true;
}

static void check_presence(void *context, const cf_id *item)
{
    inspection *self = context;
    cf_store *store = cf_home_store(self->peer->home);
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error ignored;

    if (store->get(store, cf_peer_user(self->peer),
                   cf_key_item(&arena, &self->collection->id, item), &value, &ignored))
        tell_item(self, item, "the log has it, the state lacks it");
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

/* Every content that the state shows can be found in the log. */
static void check_contents(void *context, const cf_id *item)
{
    inspection *self = context;
    uint64_t depth, size;
    cf_error error;
    cf_hash hash;

    cf_bytes value = cf_collection_value(self->collection, item, CF_FIELD_CONTENT);
    if (!value.size || cf_content_identity_read(value, &hash, &size, &error))
        return;
    if (cf_contents_find(self->peer->contents, &self->collection->id, &hash, &depth, &size,
                         &error) == CF_OK)
        return;
    cf_error_while(&error, "where its content is found is not known");
    tell_item(self, item, error.text);
}

static cf_status check_state(inspection *self, cf_error *error)
{
    cf_store *store = cf_home_store(self->peer->home);
    const uint8_t items = CF_TABLE_ITEM;
    cf_refolded refolded = {0};

    cf_status status = cf_refold(self->peer, false, &refolded, error);
    self->refolded = &refolded;
    if (!status)
        status = store->scan(store, cf_peer_user(self->peer), cf_bytes_of(&items, 1), check_item,
                             self, error);
    for (size_t i = 0; !status && i < refolded.count; i++) {
        self->collection = refolded.at[i];
        cf_state_each_record(self->collection->state, check_presence, self);
        cf_state_each(self->collection->state, check_contents, self);
    }
    self->refolded = NULL;
    cf_refolded_release(&refolded);
    return status;
}

/* ---- Bases ---- */

enum {
    NODE_KEY_SIZE = 1 + 4 + 8,
    ROW_KEY_SIZE = 1 + 4 + CF_HASH_SIZE,
    DEPENDANT_KEY_SIZE = 1 + 4 + CF_ID_SIZE
};

static bool check_node(void *context, cf_bytes key, cf_bytes value)
{
    inspection *self = context;
    cf_arena arena = {0};
    cf_node node;
    cf_error error;

    if (key.size != NODE_KEY_SIZE)
        tell(self, CF_DAMAGE_BASE, key, "a record of a base has a key of %zu bytes", key.size);
    else if (cf_node_read(value, &arena, &node, &error))
        tell(self, CF_DAMAGE_BASE, key, "the base of source %u: record %llu: %s",
             cf_get_u32(key.data + 1), (unsigned long long)cf_get_u64(key.data + 5), error.text);
    else if (node.number != cf_get_u64(key.data + 5))
        tell(self, CF_DAMAGE_BASE, key, "the base of source %u: record %llu is another's",
             cf_get_u32(key.data + 1), (unsigned long long)cf_get_u64(key.data + 5));
    cf_arena_release(&arena);
    return true;
}

static size_t row_key_size(cf_bytes key)
{
    return key.data[0] == CF_TABLE_ROW ? ROW_KEY_SIZE : DEPENDANT_KEY_SIZE;
}

/* The key that the row should have in the table of this one. */
static cf_bytes row_key_as(cf_bytes key, const cf_row *row, cf_arena *arena)
{
    uint32_t source = cf_get_u32(key.data + 1);

    return key.data[0] == CF_TABLE_ROW ? cf_key_row(arena, source, row->table, row->key)
                                       : cf_key_dependant(arena, source, &row->item);
}

static bool check_row(void *context, cf_bytes key, cf_bytes value)
{
    inspection *self = context;
    cf_arena arena = {0};
    cf_row row;
    cf_error error;

    if (key.size != row_key_size(key))
        tell(self, CF_DAMAGE_BASE, key, "a record of a base has a key of %zu bytes", key.size);
    else if (cf_row_read(value, &arena, &row, &error))
        tell(self, CF_DAMAGE_BASE, key, "the base of source %u: %s", cf_get_u32(key.data + 1),
             error.text);
    else if (!cf_bytes_equal(key, row_key_as(key, &row, &arena)))
        tell(self, CF_DAMAGE_BASE, key, "the base of source %u: a record is another's",
             cf_get_u32(key.data + 1));
    cf_arena_release(&arena);
    return true;
}

static cf_status hash_file(cf_files *files, const cf_file *file, cf_hash *out, cf_error *error)
{
    uint8_t *window = cf_allocate(CF_MIB, 1);
    cf_content_hasher *hasher = cf_content_hasher_new(NULL);
    uint64_t at = 0;
    size_t read = 0;
    cf_status status;

    do {
        status = files->read_at(files, file, at, window, CF_MIB, &read, error);
        if (!status)
            cf_content_hasher_update(hasher, cf_bytes_of(window, read));
        at += read;
    } while (!status && read);
    if (!status)
        *out = cf_content_hasher_finish(hasher, &at);
    cf_content_hasher_destroy(&hasher);
    free(window);
    return status;
}

static bool check_copy(void *context, cf_bytes name)
{
    inspection *self = context;
    cf_files *files = self->peer->env->files;
    char text[2 * CF_HASH_SIZE + 1];
    cf_file *file = NULL;
    cf_hash named, hash;
    cf_error error;

    if (name.size != 2 * CF_HASH_SIZE) /* one that is being made */
        return true;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    if (!cf_unhex(text, named.bytes, CF_HASH_SIZE))
        return true;
    cf_status status = files->open_file(files, self->copies, name, &file, &error);
    if (!status)
        status = hash_file(files, file, &hash, &error);
    files->close_file(files, &file);
    if (status || !cf_hash_equal(&hash, &named))
        tell(self, CF_DAMAGE_CACHE, name, "the kept copy %s: %s", text,
             status ? error.text : "its bytes are others");
    return true;
}

static cf_status check_copies(inspection *self, const cf_base_place *place, cf_error *error)
{
    const cf_base_cache cache = {self->peer->env, self->peer->home, place};
    cf_files *files = self->peer->env->files;
    cf_hold hold = {0};
    cf_error why;

    self->place = place;
    if (cf_base_hold(&cache, &hold, &why)) {
        tell(self, CF_DAMAGE_AWAY, (cf_bytes){0},
             "%s, where the base of a source lies, %s: its copies were not looked at", place->dir,
             why.text);
        self->place = NULL;
        return CF_OK;
    }
    self->copies = hold.folder;
    cf_status status = files->list(files, hold.folder, check_copy, self, error);
    cf_hold_release(&hold, files);
    self->place = NULL;
    return status;
}

static bool check_place(void *context, cf_bytes key, cf_bytes value)
{
    inspection *self = context;
    cf_base_place place;
    cf_error error;

    (void)key;
    if (!cf_binding_place_read(value, &place))
        return true;
    if (check_copies(self, &place, &error)) {
        self->place = &place;
        tell(self, CF_DAMAGE_AWAY, (cf_bytes){0}, "%s: %s", place.dir, error.text);
        self->place = NULL;
    }
    cf_base_place_release(&place);
    return true;
}

cf_status cf_inspect_store(cf_home *home, cf_damage_found *found, void *context, cf_error *error)
{
    cf_store *store = cf_home_store(home);
    inspection self = {.found = found, .context = context};

    return store->verify(store, store_damaged, &self, error);
}

cf_status cf_inspect_open(const cf_env *env, cf_home *home, cf_damage_found *found, void *context,
                          cf_peer **out, cf_error *error)
{
    inspection self = {.found = found, .context = context};

    *out = NULL;
    cf_status status = cf_peer_open(env, home, out, error);
    if (status != CF_BROKEN)
        return status;
    tell(&self, CF_DAMAGE_STORE, (cf_bytes){0}, "the log can't be opened: %s", error->text);
    return CF_OK;
}

/* ---- What is carried for others ---- */

static void blob_damaged(void *context, const cf_hash *user, const cf_hash *id, const cf_error *why)
{
    const inspection *self = context;
    char name[2 * CF_HASH_SIZE + 1];
    cf_blobs *blobs;
    cf_error ignored;

    cf_hex(cf_bytes_of(id->bytes, CF_HASH_SIZE), name);
    if (cf_home_blobs(self->peer->home, false, &blobs, &ignored) == CF_OK &&
        blobs->set_aside(blobs, user, id, &ignored) == CF_OK)
        tell(self, CF_DAMAGE_ENDED, (cf_bytes){0}, "a blob that is carried for others, %.8s: %s",
             name, why->text);
}

static cf_status check_carried(inspection *self, cf_error *error)
{
    cf_blobs *blobs;

    cf_status status = cf_home_blobs(self->peer->home, false, &blobs, error);
    if (status == CF_MISSING)
        return CF_OK;
    return status ? status : cf_blobs_verify(blobs, blob_damaged, self, error);
}

cf_status cf_inspect(cf_peer *peer, cf_damage_found *found, void *context, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    inspection self = {.peer = peer, .found = found, .context = context};
    const cf_base_place home = {0};
    const uint8_t nodes = CF_TABLE_NODE, places = CF_TABLE_CACHE,
                  rows[] = {CF_TABLE_ROW, CF_TABLE_HIDDEN};

    cf_status status = check_state(&self, error);
    if (!status)
        status = store->scan(store, cf_peer_user(peer), cf_bytes_of(&nodes, 1), check_node, &self,
                             error);
    for (size_t i = 0; !status && i < sizeof rows; i++)
        status = store->scan(store, cf_peer_user(peer), cf_bytes_of(&rows[i], 1), check_row, &self,
                             error);
    if (!status)
        status = check_copies(&self, &home, error);
    if (!status)
        status = store->scan(store, cf_peer_user(peer), cf_bytes_of(&places, 1), check_place, &self,
                             error);
    return status ? status : check_carried(&self, error);
}
