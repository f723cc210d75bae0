/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/unsent.h"

bool cf_unsent_holds(cf_store *store, const cf_hash *user, const cf_head *entry)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error ignored;

    cf_status status =
        store->get(store, user, cf_key_entry(&arena, CF_TABLE_UNSENT, entry), &value, &ignored);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status != CF_MISSING;
}

static void write_records(const cf_env *env, cf_store *store, const cf_hash *user,
                          const cf_record *records, size_t count)
{
    cf_error error;

    if (count && store->write(store, user, records, count, false, &error))
        cf_report(env, CF_REPORT_WARNING, "noting what the broker has: %s", error.text);
}

void cf_unsent_forget(const cf_env *env, cf_store *store, const cf_hash *user, const cf_head *entry)
{
    cf_arena arena = {0};
    cf_record record = {cf_key_entry(&arena, CF_TABLE_UNSENT, entry), {NULL, 0}};

    write_records(env, store, user, &record, 1);
    cf_arena_release(&arena);
}

/* ---- What it shows ---- */

typedef struct {
    cf_store *store;
    const cf_hash *user;
    const cf_heads *shown;
    cf_heads own;
    cf_records records;
} showing;

static bool collect_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

/* Where the own chain has branches, which of them is shown is left to the session. */
static bool is_shown(const showing *self, const cf_head *entry)
{
    size_t branches = 0, count = 0;
    const cf_head *heads = cf_heads_of_writer(self->shown, &entry->writer, &count);
    cf_error ignored;
    uint64_t position;
    bool is = false;

    cf_heads_of_writer(&self->own, &entry->writer, &branches);
    for (size_t i = 0; branches == 1 && !is && i < count; i++)
        is = heads[i].sequence >= entry->sequence &&
             self->store->find(self->store, self->user, &heads[i], &position, &ignored) == CF_OK;
    return is;
}

static bool drop_shown(void *context, cf_bytes key, cf_bytes value)
{
    showing *self = context;
    cf_head entry;

    (void)value;
    if (cf_key_entry_read(key, &entry) && is_shown(self, &entry))
        cf_records_delete(&self->records, key);
    return true;
}

void cf_unsent_shown(const cf_env *env, cf_store *store, const cf_hash *user, const cf_heads *shown)
{
    const uint8_t table = CF_TABLE_UNSENT;
    showing self = {.store = store, .user = user, .shown = shown};
    cf_error error;

    cf_status status = store->heads(store, user, collect_head, &self.own, &error);
    if (!status)
        status = store->scan(store, user, cf_bytes_of(&table, 1), drop_shown, &self, &error);
    if (status)
        cf_report(env, CF_REPORT_WARNING, "noting what the broker has: %s", error.text);
    else
        write_records(env, store, user, self.records.at, self.records.count);
    cf_heads_release(&self.own);
    cf_records_release(&self.records);
}

/* ---- All ---- */

static bool drop_key(void *context, cf_bytes key, cf_bytes value)
{
    (void)value;
    cf_records_delete(context, key);
    return true;
}

void cf_unsent_clear(const cf_env *env, cf_store *store, const cf_hash *user)
{
    const uint8_t table = CF_TABLE_UNSENT;
    cf_records records = {0};
    cf_error error;

    if (store->scan(store, user, cf_bytes_of(&table, 1), drop_key, &records, &error))
        cf_report(env, CF_REPORT_WARNING, "noting what the broker has: %s", error.text);
    write_records(env, store, user, records.at, records.count);
    cf_records_release(&records);
}
