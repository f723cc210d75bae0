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
