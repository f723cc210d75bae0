/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/collection.h"

#include "codec/heads.h"
#include "codec/pack.h"

#include <stdlib.h>

/* ---- Loading ---- */

typedef struct {
    cf_collection *collection;
    cf_status status;
    cf_error *error;
} loading;

static bool load_item(void *context, cf_bytes key, cf_bytes value)
{
    loading *load = context;
    cf_id item;

    if (key.size != 1 + 2 * CF_ID_SIZE) {
        load->status = cf_fail(load->error, CF_BROKEN, "an item's key has %zu bytes", key.size);
        return false;
    }
    memcpy(item.bytes, key.data + 1 + CF_ID_SIZE, CF_ID_SIZE);
    load->status = cf_state_item_read(load->collection->state, &item, value, load->error);
    return load->status == CF_OK;
}

static bool note_waiting(void *context, cf_bytes key, cf_bytes value)
{
    (void)key, (void)value;
    ((cf_collection *)context)->waits = "some of its entries can't be read yet";
    return false;
}

cf_status cf_collection_load(cf_log *log, const cf_id *id, const cf_rules *rules,
                             cf_collection **out, cf_error *error)
{
    cf_collection *collection = cf_allocate(1, sizeof *collection);
    cf_store *store = cf_log_store(log);
    cf_arena arena = {0};
    loading load = {collection, CF_OK, error};

    collection->id = *id;
    collection->state = cf_state_new();
    collection->view = cf_view_new(rules, collection->state);
    cf_status status =
        store->scan(store, cf_log_user(log), cf_key_collection(&arena, CF_TABLE_ITEM, id),
                    load_item, &load, error);
    if (!status)
        status = load.status == CF_MALFORMED ? CF_BROKEN : load.status;
    if (!status)
        status =
            store->scan(store, cf_log_user(log), cf_key_collection(&arena, CF_TABLE_WAITING, id),
                        note_waiting, collection, error);
    cf_arena_release(&arena);
    if (status) {
        cf_error_while(error, "reading what is known of a collection");
        cf_collection_destroy(&collection);
        return status;
    }
    cf_view_update_all(collection->view);
    *out = collection;
    return CF_OK;
}

void cf_collection_destroy(cf_collection **collection)
{
    if (!*collection)
        return;
    cf_view_destroy(&(*collection)->view);
    cf_state_destroy(&(*collection)->state);
    free(*collection);
    *collection = NULL;
}

/* ---- Folding ---- */

/* The state holds of a content only what it is; how to get it stays in the log. */
static void reduce_contents(const cf_folding *folding, const cf_entry *entry, const cf_body *body,
                            cf_change *changes, cf_arena *arena, cf_records *records)
{
    cf_bytes field = cf_bytes_of_text(CF_FIELD_CONTENT);
    cf_buffer identity = {0};
    cf_error ignored;
    cf_content content;

    for (size_t i = 0; i < body->change_count; i++) {
        changes[i] = body->changes[i];
        if (!changes[i].value.size || !cf_bytes_equal(changes[i].field, field) ||
            cf_content_read(changes[i].value, entry->header.blob_count, &content, &ignored))
            continue;
        cf_contents_note(folding->contents, entry, &content, records);
        cf_buffer_clear(&identity);
        cf_content_identity_pack(&identity, &content.hash, content.size);
        changes[i].value = cf_arena_copy(arena, cf_buffer_view(&identity));
    }
    for (size_t i = 0; i < body->supply_count; i++)
        cf_contents_note_supply(folding->contents, entry, &body->supplies[i], records);
    cf_buffer_release(&identity);
}

static void save_items(const cf_collection *collection, const cf_ids *items, cf_records *records)
{
    cf_arena arena = {0};
    cf_buffer record = {0};

    for (size_t i = 0; i < items->count; i++) {
        cf_bytes key = cf_key_item(&arena, &collection->id, &items->at[i]);

        cf_buffer_clear(&record);
        if (cf_state_item_pack(collection->state, &items->at[i], &record))
            cf_records_put(records, key, cf_buffer_view(&record));
        else
            cf_records_delete(records, key);
    }
    cf_buffer_release(&record);
    cf_arena_release(&arena);
}

static void fold_body(cf_collection *collection, const cf_folding *folding, const cf_entry *entry,
                      const cf_body *body, cf_records *records)
{
    cf_arena arena = {0};
    cf_ids dirty = {0};
    cf_dot dot = cf_entry_dot(entry);
    cf_change *changes = cf_arena_allocate(&arena, body->change_count, sizeof *changes);

    reduce_contents(folding, entry, body, changes, &arena, records);
    cf_state_apply(collection->state, &dot, body->time, changes, body->change_count, &dirty);
    save_items(collection, &dirty, records);
    cf_view_update(collection->view, dirty.at, dirty.count);
    if (cf_time_compare(body->time, collection->latest) > 0)
        collection->latest = body->time;
    free(dirty.at);
    cf_arena_release(&arena);
}

cf_status cf_collection_fold(cf_collection *collection, const cf_folding *folding,
                             const cf_entry *entry, cf_records *records, cf_error *error)
{
    const cf_body *body;
    cf_arena arena = {0};
    cf_head head = cf_head_of(entry);

    cf_status status = cf_contents_open(folding->contents, entry, &body, error);
    switch (status) {
    case CF_OK:
        fold_body(collection, folding, entry, body, records);
        break;
    case CF_MISSING:
    case CF_DENIED:
        collection->waits = status == CF_MISSING ? "the key of some entries has not come yet"
                                                 : "some entries need a newer program";
        cf_records_put(records, cf_key_waiting(&arena, &collection->id, &head),
                       cf_bytes_of_text(""));
        break;
    case CF_MALFORMED:
    case CF_FORGED:
    case CF_TOO_LARGE:
        cf_report(folding->env, CF_REPORT_WARNING, "an entry is left out: %s", error->text);
        status = CF_OK;
        break;
    default:
        break;
    }
    cf_arena_release(&arena);
    return status;
}

/* ---- What waits ---- */

typedef struct {
    cf_head *at;
    size_t count, capacity;
} waiting_list;

static bool collect_waiting(void *context, cf_bytes key, cf_bytes value)
{
    waiting_list *list = context;
    cf_head head;

    (void)value;
    if (!cf_key_waiting_read(key, &head))
        return true;
    list->at = cf_grow(list->at, &list->capacity, list->count + 1, sizeof *list->at);
    list->at[list->count++] = head;
    return true;
}

static cf_status fold_one_waiting(cf_collection *collection, const cf_folding *folding, cf_log *log,
                                  const cf_head *head, cf_records *records, cf_error *error)
{
    cf_arena arena = {0};
    cf_buffer wire = {0};
    cf_entry entry;
    bool is_void = false;

    cf_status status = cf_log_get(log, head, &wire, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    if (!status)
        status = cf_log_is_void(log, &entry, &is_void, error);
    if (!status && !is_void)
        status = cf_collection_fold(collection, folding, &entry, records, error);
    if (!status)
        cf_records_delete(records, cf_key_waiting(&arena, &collection->id, head));
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_collection_fold_waiting(cf_collection *collection, const cf_folding *folding,
                                     cf_log *log, cf_records *records, cf_error *error)
{
    cf_store *store = cf_log_store(log);
    cf_arena arena = {0};
    waiting_list list = {0};

    collection->waits = NULL;
    cf_status status = store->scan(store, cf_log_user(log),
                                   cf_key_collection(&arena, CF_TABLE_WAITING, &collection->id),
                                   collect_waiting, &list, error);
    for (size_t i = 0; !status && i < list.count; i++) {
        status = fold_one_waiting(collection, folding, log, &list.at[i], records, error);
        if (status == CF_MISSING || status == CF_DENIED)
            status = CF_OK; /* waits on */
    }
    free(list.at);
    cf_arena_release(&arena);
    return status;
}

/* ---- Plain values ---- */

static bool is_covered(const cf_state *state, const cf_item *item, const cf_write *write)
{
    cf_bytes name = cf_state_field_name(state, write->field);
    cf_arena arena = {0};
    cf_error ignored;
    bool covered = false;

    for (size_t i = 0; !covered && i < cf_item_write_count(item); i++) {
        cf_write deletion = cf_state_write(state, item, i);
        cf_cover *covers;
        size_t count;

        if (deletion.field != CF_FIELD_NUMBER_DELETED)
            break; /* they come first */
        if (cf_covers_read(deletion.value, &arena, &covers, &count, &ignored))
            continue;
        for (size_t k = 0; !covered && k < count; k++)
            covered =
                cf_dot_equal(&covers[k].dot, &write->dot) && cf_bytes_equal(covers[k].field, name);
    }
    cf_arena_release(&arena);
    return covered;
}

static bool is_better(const cf_write *a, const cf_write *b)
{
    if (a->weak != b->weak)
        return b->weak;
    int order = cf_time_compare(a->time, b->time);
    return order ? order > 0 : cf_dot_compare(&a->dot, &b->dot) > 0;
}

cf_bytes cf_collection_value(const cf_collection *collection, const cf_id *id, const char *field)
{
    const cf_item *item = cf_state_item(collection->state, id);
    cf_bytes wanted = cf_bytes_of_text(field);
    cf_write best = {0};
    bool found = false;

    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(collection->state, item, i);

        if (!cf_bytes_equal(cf_state_field_name(collection->state, write.field), wanted) ||
            is_covered(collection->state, item, &write) || (found && !is_better(&write, &best)))
            continue;
        best = write;
        found = true;
    }
    return found ? best.value : (cf_bytes){0};
}

bool cf_collection_lives(const cf_collection *collection, const cf_id *id)
{
    const cf_item *item = cf_state_item(collection->state, id);

    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(collection->state, item, i);

        if (write.field != CF_FIELD_NUMBER_DELETED && !write.weak &&
            !is_covered(collection->state, item, &write))
            return true;
    }
    return false;
}
