/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that become state: those that can be read, and whose changeset is whole. */
#include "peer/log/collection.h"

#include "codec/heads.h"
#include "codec/item.h"
#include "codec/pack.h"
#include "peer/log/catalog_rights.h"

#include <stdlib.h>

/* So many items, about, are changed before they are saved. */
enum { ITEMS_AT_ONCE = 4096 };

/* A folding under way, of one entry or of several. */
typedef struct {
    cf_collection *collection;
    const cf_folding *folding;
    cf_kv_list *records;
    cf_error *error;
    cf_ids dirty; /* the items of what was applied, once for each entry that names them */
} fold_run;

/* The state holds of a content only what it is; how to get it stays in the log. */
static void reduce_contents(const cf_folding *folding, const cf_entry *entry, const cf_body *body,
                            cf_change *changes, cf_arena *arena, cf_kv_list *records)
{
    cf_buffer identity = {0};
    cf_error ignored;
    cf_content content;

    for (size_t i = 0; i < body->change_count; i++) {
        changes[i] = body->changes[i];
        if (!cf_item_has_content(&changes[i].item, changes[i].field, changes[i].value) ||
            cf_content_read(changes[i].value, entry->header.blob_count, &content, &ignored))
            continue;
        cf_contents_note(folding->contents, entry, &content, false, records);
        cf_buffer_clear(&identity);
        cf_content_identity_pack(&identity, &content.hash, content.size);
        changes[i].value = cf_arena_copy(arena, cf_buffer_view(&identity));
    }
    for (size_t i = 0; i < body->supply_count; i++)
        cf_contents_note_supply(folding->contents, entry, &body->supplies[i], false, records);
    cf_buffer_release(&identity);
}

/* All that a void entry is good for. */
static void note_contents(const cf_folding *folding, const cf_entry *entry, const cf_body *body,
                          cf_kv_list *records)
{
    cf_error ignored;
    cf_content content;

    for (size_t i = 0; i < body->change_count; i++) {
        const cf_change *change = &body->changes[i];

        if (cf_item_has_content(&change->item, change->field, change->value) &&
            cf_content_read(change->value, entry->header.blob_count, &content, &ignored) == CF_OK)
            cf_contents_note(folding->contents, entry, &content, true, records);
    }
    for (size_t i = 0; i < body->supply_count; i++)
        cf_contents_note_supply(folding->contents, entry, &body->supplies[i], true, records);
}

static void save_items(const cf_collection *collection, const cf_ids *items, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer record = {0};

    for (size_t i = 0; i < items->count; i++) {
        cf_bytes key = cf_key_item(&arena, &collection->id, &items->at[i]);

        cf_buffer_clear(&record);
        if (cf_state_item_pack(collection->state, &items->at[i], &record))
            cf_kv_list_put(records, key, cf_buffer_view(&record));
        else
            cf_kv_list_delete(records, key);
    }
    cf_buffer_release(&record);
    cf_arena_release(&arena);
}

static int compare_ids(const void *left, const void *right)
{
    return cf_id_compare(left, right);
}

/* What was applied is saved and seen: each item once, however many of the entries name it. */
static void take_dirty(fold_run *self)
{
    cf_collection *collection = self->collection;
    cf_ids *dirty = &self->dirty;
    size_t count = 0;

    if (dirty->count)
        qsort(dirty->at, dirty->count, sizeof *dirty->at, compare_ids);
    for (size_t i = 0; i < dirty->count; i++)
        if (i == 0 || !cf_id_equal(&dirty->at[i], &dirty->at[count - 1]))
            dirty->at[count++] = dirty->at[i];
    dirty->count = count;
    save_items(collection, dirty, self->records);
    cf_view_update(collection->view, dirty->at, dirty->count);
    free(dirty->at);
    *dirty = (cf_ids){0};
}

/* What its author may say of it. */
static cf_status limit_changes(const cf_folding *folding, const cf_entry *entry, cf_change *changes,
                               size_t *count, cf_arena *arena, cf_error *error)
{
    if (!cf_id_equal(&entry->header.collection, &cf_catalog_id))
        return CF_OK;
    return cf_catalog_rights_apply(folding->log, entry, changes, count, arena, error);
}

static cf_status apply_body(fold_run *self, const cf_entry *entry, const cf_body *body)
{
    cf_collection *collection = self->collection;
    cf_arena arena = {0};
    cf_dot dot = cf_entry_dot(entry);
    size_t count = body->change_count;
    cf_change *changes = cf_arena_allocate(&arena, count, sizeof *changes);

    reduce_contents(self->folding, entry, body, changes, &arena, self->records);
    cf_status status = limit_changes(self->folding, entry, changes, &count, &arena, self->error);
    if (!status)
        cf_state_apply(collection->state, &dot, body->time, changes, count, &self->dirty);
    collection->changes++;
    cf_arena_release(&arena);
    return status;
}

/* ---- Parts of a changeset ---- */

/* An entry that the log has, that is not void and can be read, and is not kept as a part: it was
 * folded, with another branch of its writer's chain. */
static bool was_folded(void *context, const cf_head *head)
{
    fold_run *self = context;
    cf_arena arena = {0};
    cf_buffer wire = {0};
    cf_entry entry;
    const cf_body *body;
    cf_error ignored;
    bool is_void = true;

    bool folded = cf_log_get(self->folding->log, head, &wire, &ignored) == CF_OK &&
                  cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK &&
                  cf_log_is_void(self->folding->log, &entry, &is_void, &ignored) == CF_OK &&
                  !is_void &&
                  cf_contents_open(self->folding->contents, &entry, &body, &ignored) == CF_OK;
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return folded;
}

static cf_status fold_whole(fold_run *self, const cf_bytes *wires, size_t count)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++) {
        cf_arena arena = {0};
        const cf_body *body;
        cf_entry entry;

        status = cf_entry_read(wires[i], &arena, &entry, self->error);
        if (!status)
            status = cf_contents_open(self->folding->contents, &entry, &body, self->error);
        if (!status) {
            cf_head head = cf_head_of(&entry);

            status = apply_body(self, &entry, body);
            cf_kv_list_delete(self->records, cf_key_waiting(&arena, &self->collection->id, &head));
        }
        cf_arena_release(&arena);
    }
    return status;
}

static void note_part(fold_run *self, const cf_entry *entry, const cf_body *body)
{
    uint8_t record[CF_WAITING_PART];
    cf_arena arena = {0};
    cf_head head = cf_head_of(entry);

    cf_put_u64(record, body->part);
    cf_put_u64(record + 8, body->parts);
    cf_kv_list_put(self->records, cf_key_waiting(&arena, &self->collection->id, &head),
                   cf_bytes_of(record, sizeof record));
    cf_arena_release(&arena);
}

static cf_status fold_part(fold_run *self, const cf_entry *entry, const cf_body *body)
{
    cf_collection *collection = self->collection;
    cf_arena arena = {0};
    cf_bytes *wires;
    size_t count;
    cf_status status = CF_OK;

    cf_changesets_hold(collection->changesets, entry, body->part, body->parts);
    note_part(self, entry, body);
    while (!status &&
           cf_changesets_take(collection->changesets, was_folded, self, &arena, &wires, &count))
        status = fold_whole(self, wires, count);
    cf_arena_release(&arena);
    return status;
}

static cf_status fold_what_counts(fold_run *self, const cf_entry *entry, const cf_body *body)
{
    self->folding->saw(self->folding->context, entry, body->time, self->records);
    return body->parts > 1 ? fold_part(self, entry, body) : apply_body(self, entry, body);
}

static const char *why_it_waits(cf_status status)
{
    return status == CF_MISSING
               ? "some entries can't be read: their key comes when an owner's device syncs"
               : "some entries can't be read by this version of the program";
}

static void note_waiting(cf_collection *collection, const cf_entry *entry, bool is_void,
                         cf_status why, cf_kv_list *records)
{
    static const uint8_t of_void[CF_WAITING_VOID];
    cf_arena arena = {0};
    cf_head head = cf_head_of(entry);

    if (!is_void)
        collection->waits = why_it_waits(why);
    cf_kv_list_put(records, cf_key_waiting(&arena, &collection->id, &head),
                   is_void ? cf_bytes_of(of_void, sizeof of_void) : cf_bytes_of_text(""));
    cf_arena_release(&arena);
}

static cf_status fold_entry(fold_run *self, const cf_entry *entry, bool is_void)
{
    const cf_folding *folding = self->folding;
    const cf_body *body;

    cf_status status = cf_contents_open(folding->contents, entry, &body, self->error);
    switch (status) {
    case CF_OK:
        if (is_void)
            note_contents(folding, entry, body, self->records);
        else
            status = fold_what_counts(self, entry, body);
        break;
    case CF_MISSING:
    case CF_DENIED:
        note_waiting(self->collection, entry, is_void, status, self->records);
        break;
    case CF_MALFORMED:
    case CF_FORGED:
    case CF_TOO_LARGE:
        if (!is_void)
            folding->left_out(folding->context, entry, self->error);
        status = CF_OK;
        break;
    default:
        break;
    }
    return status;
}

cf_status cf_collection_fold(cf_collection *collection, const cf_folding *folding,
                             const cf_entry *entry, bool is_void, cf_kv_list *records,
                             cf_error *error)
{
    fold_run self = {collection, folding, records, error, {0}};

    cf_status status = fold_entry(&self, entry, is_void);
    take_dirty(&self);
    return status;
}

/* ---- What waits ---- */

/* Parts wait for others, not for a key: they are kept. */
static bool collect_waiting(void *context, cf_bytes key, cf_bytes value)
{
    if (value.size != CF_WAITING_PART)
        cf_waiting_entries_add(context, key, cf_bytes_of_text(""));
    return true;
}

/* It can't be read yet: nothing is to be written of it. */
static bool waits_on(fold_run *self, const cf_entry *entry, bool is_void)
{
    const cf_body *body;
    cf_error ignored;
    cf_status status = cf_contents_open(self->folding->contents, entry, &body, &ignored);

    if (status != CF_MISSING && status != CF_DENIED)
        return false;
    if (!is_void)
        self->collection->waits = why_it_waits(status);
    return true;
}

static cf_status fold_one_waiting(fold_run *self, const cf_head *head)
{
    const cf_folding *folding = self->folding;
    cf_arena arena = {0};
    cf_buffer wire = {0};
    cf_entry entry;
    bool is_void = false, waits = false;

    cf_status status = cf_log_get(folding->log, head, &wire, self->error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, self->error);
    if (!status)
        status = cf_log_is_void(folding->log, &entry, &is_void, self->error);
    if (!status)
        waits = waits_on(self, &entry, is_void);
    if (!status && !waits) { /* unless it is put again, as a part */
        cf_kv_list_delete(self->records, cf_key_waiting(&arena, &self->collection->id, head));
        status = fold_entry(self, &entry, is_void);
    }
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return status == CF_MISSING || status == CF_DENIED ? CF_OK : status; /* it waits on */
}

/* Of whole entries: who ends here goes on with the next one. */
static cf_status write_folded(fold_run *self)
{
    const cf_log *log = self->folding->log;
    cf_store *store = cf_log_store(log);
    cf_status status = CF_OK;

    take_dirty(self);
    if (self->records->count)
        status = store->write(store, cf_log_user(log), self->records->at, self->records->count,
                              true, self->error);
    cf_kv_list_release(self->records);
    return status;
}

cf_status cf_collection_fold_waiting(cf_collection *collection, const cf_folding *folding,
                                     cf_error *error)
{
    cf_store *store = cf_log_store(folding->log);
    cf_kv_list records = {0};
    fold_run self = {collection, folding, &records, error, {0}};
    cf_arena arena = {0};
    cf_waiting_entries list = {0};

    collection->waits = NULL;
    cf_status status = store->scan(store, cf_log_user(folding->log),
                                   cf_key_collection(&arena, CF_TABLE_WAITING, &collection->id),
                                   collect_waiting, &list, error);
    for (size_t i = 0; !status && i < list.count; i++) {
        status = fold_one_waiting(&self, &list.at[i].head);
        if (!status && self.dirty.count >= ITEMS_AT_ONCE)
            status = write_folded(&self);
    }
    if (!status)
        status = write_folded(&self);
    free(self.dirty.at);
    cf_kv_list_release(&records);
    free(list.at);
    cf_arena_release(&arena);
    return status;
}
