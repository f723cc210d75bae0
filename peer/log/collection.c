/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/collection.h"

#include "codec/heads.h"
#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/merge/covered.h"
#include "peer/merge/state_item.h"

#include <stdlib.h>

/* ---- Loading ---- */

typedef struct {
    cf_collection *collection;
    cf_waiting_entries parts;
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

void cf_waiting_entries_add(cf_waiting_entries *list, cf_bytes key, cf_bytes value)
{
    cf_waiting_entry waiting = {.part = 0};

    if (!cf_key_waiting_read(key, &waiting.head) || (value.size && value.size != CF_WAITING_PART))
        return;
    if (value.size) {
        waiting.part = cf_get_u64(value.data);
        waiting.parts = cf_get_u64(value.data + 8);
    }
    *cf_one_more(list->at, list->count, list->capacity) = waiting;
}

static bool note_waiting(void *context, cf_bytes key, cf_bytes value)
{
    loading *load = context;

    if (value.size)
        cf_waiting_entries_add(&load->parts, key, value);
    else
        load->collection->waits = "some entries can't be read yet";
    return true;
}

static cf_status load_part(cf_collection *collection, cf_log *log, const cf_waiting_entry *waiting,
                           cf_error *error)
{
    cf_arena arena = {0};
    cf_buffer wire = {0};
    cf_entry entry;
    bool is_void = false;

    cf_status status = cf_log_get(log, &waiting->head, &wire, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    if (!status)
        status = cf_log_is_void(log, &entry, &is_void, error);
    if (!status && !is_void)
        cf_changesets_hold(collection->changesets, &entry, waiting->part, waiting->parts);
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return status;
}

static cf_status load_all(loading *load, cf_log *log)
{
    cf_store *store = cf_log_store(log);
    const cf_id *id = &load->collection->id;
    cf_arena arena = {0};

    cf_status status =
        store->scan(store, cf_log_user(log), cf_key_collection(&arena, CF_TABLE_ITEM, id),
                    load_item, load, load->error);
    if (!status)
        status = load->status == CF_MALFORMED ? CF_BROKEN : load->status;
    if (!status)
        status =
            store->scan(store, cf_log_user(log), cf_key_collection(&arena, CF_TABLE_WAITING, id),
                        note_waiting, load, load->error);
    for (size_t i = 0; !status && i < load->parts.count; i++)
        status = load_part(load->collection, log, &load->parts.at[i], load->error);
    cf_arena_release(&arena);
    return status;
}

/* Who may write what decides in the catalog, not how much: else any member could hide a collection
 * by writing into its item. */
static uint64_t most_writes(const cf_id *collection, const cf_rules *rules)
{
    if (cf_id_equal(collection, &cf_catalog_id))
        return UINT64_MAX;
    return rules->item_writes ? rules->item_writes : CF_ITEM_WRITES_MAX;
}

cf_collection *cf_collection_new(const cf_id *id, const cf_rules *rules)
{
    cf_collection *collection = cf_allocate(1, sizeof *collection);

    collection->id = *id;
    collection->state = cf_state_new();
    cf_state_bound_items(collection->state, most_writes(id, rules));
    collection->view = cf_view_new(rules, collection->state);
    collection->changesets = cf_changesets_new();
    return collection;
}

cf_status cf_collection_load(cf_log *log, const cf_id *id, const cf_rules *rules,
                             cf_collection **out, cf_error *error)
{
    loading load = {.collection = cf_collection_new(id, rules), .error = error};
    cf_status status = load_all(&load, log);

    free(load.parts.at);
    if (status) {
        cf_error_while(error, "reading what is known of a collection");
        cf_collection_destroy(&load.collection);
        return status;
    }
    cf_view_update_all(load.collection->view);
    *out = load.collection;
    return CF_OK;
}

void cf_collection_destroy(cf_collection **collection)
{
    if (!*collection)
        return;
    cf_view_destroy(&(*collection)->view);
    cf_state_destroy(&(*collection)->state);
    cf_changesets_destroy(&(*collection)->changesets);
    free(*collection);
    *collection = NULL;
}

/* ---- Plain values ---- */

static bool is_better(const cf_write *a, const cf_write *b)
{
    if (a->weak != b->weak)
        return b->weak;
    int order = cf_time_compare(a->time, b->time);
    return order ? order > 0 : cf_dot_compare(&a->dot, &b->dot) > 0;
}

typedef struct {
    bool covered;         /* also what a deletion covers */
    cf_write_choice *may; /* NULL: any */
    void *context;
} wanted;

static cf_bytes best_value(const cf_collection *collection, const cf_id *id, const char *field,
                           const wanted *want)
{
    const cf_item *item = want->covered ? cf_state_record(collection->state, id)
                                        : cf_state_item(collection->state, id);
    cf_bytes name = cf_bytes_of_text(field);
    cf_write best = {0};
    bool found = false;
    cf_arena arena = {0};
    cf_covered gone = {0};

    if (!want->covered)
        gone = cf_covered_by(collection->state, item, &arena);
    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(collection->state, item, i);

        if (!cf_bytes_equal(cf_state_field_name(collection->state, write.field), name) ||
            cf_covered_has(&gone, collection->state, &write) ||
            (want->may && !want->may(want->context, &write)) ||
            (found && !is_better(&write, &best)))
            continue;
        best = write;
        found = true;
    }
    cf_arena_release(&arena);
    return found ? best.value : (cf_bytes){0};
}

cf_bytes cf_collection_value(const cf_collection *collection, const cf_id *item, const char *field)
{
    return best_value(collection, item, field, &(wanted){0});
}

cf_bytes cf_collection_last(const cf_collection *collection, const cf_id *item, const char *field)
{
    return best_value(collection, item, field, &(wanted){.covered = true});
}

cf_bytes cf_collection_choose(const cf_collection *collection, const cf_id *item, const char *field,
                              cf_write_choice *may, void *context)
{
    return best_value(collection, item, field, &(wanted){.may = may, .context = context});
}

bool cf_collection_lives(const cf_collection *collection, const cf_id *id)
{
    const cf_item *item = cf_state_item(collection->state, id);
    cf_arena arena = {0};
    cf_covered gone = cf_covered_by(collection->state, item, &arena);
    bool lives = false;

    for (size_t i = 0; item && !lives && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(collection->state, item, i);

        lives = write.field != CF_FIELD_NUMBER_DELETED && !write.weak &&
                !cf_covered_has(&gone, collection->state, &write);
    }
    cf_arena_release(&arena);
    return lives;
}
