/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/quotas.h"

#include "codec/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE = 'q', MINUTE_MS = 60000 };

#define MEMBER_SLACK (16 * CF_MIB)

typedef struct {
    cf_hash user;
    bool is_loaded;       /* quota and entries */
    bool is_off;          /* an append failed: whether it is there shows when it is loaded again */
    bool has_blobs;       /* so are the blobs */
    uint64_t quota;       /* bytes; 0: none */
    uint64_t entry_bytes; /* durable */
    uint64_t blob_bytes;
    uint64_t under_way; /* bytes of entries and pieces that nobody answered yet */
    uint64_t seen_ms;   /* written */
    uint64_t debt;      /* of entries, see check_rate; at `since_ms` */
    uint64_t since_ms;
} account;

struct cf_quotas {
    cf_quotas_options options;
    account *accounts; /* ascending by user */
    size_t count, capacity;
};

static const uint8_t table = TABLE, seen_key[] = {TABLE, 's'};

void cf_size_write(uint64_t size, char text[CF_SIZE_TEXT])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double shown = (double)size;
    size_t unit = 0;

    while (shown >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        shown /= 1024;
        unit++;
    }
    snprintf(text, CF_SIZE_TEXT, unit ? "%.1f %s" : "%.0f %s", shown, units[unit]);
}

cf_quotas *cf_quotas_new(const cf_quotas_options *options)
{
    cf_quotas *quotas = cf_allocate(1, sizeof *quotas);

    quotas->options = *options;
    return quotas;
}

void cf_quotas_destroy(cf_quotas **quotas)
{
    if (!*quotas)
        return;
    free((*quotas)->accounts);
    free(*quotas);
    *quotas = NULL;
}

static size_t place_of(const cf_quotas *quotas, const cf_hash *user)
{
    size_t low = 0, high = quotas->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_hash_compare(&quotas->accounts[middle].user, user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static account *find(const cf_quotas *quotas, const cf_hash *user)
{
    size_t at = place_of(quotas, user);
    bool found = at < quotas->count && cf_hash_equal(&quotas->accounts[at].user, user);

    return found ? &quotas->accounts[at] : NULL;
}

static account *find_or_add(cf_quotas *quotas, const cf_hash *user)
{
    size_t at = place_of(quotas, user);

    if (at < quotas->count && cf_hash_equal(&quotas->accounts[at].user, user))
        return &quotas->accounts[at];
    quotas->accounts =
        cf_grow(quotas->accounts, &quotas->capacity, quotas->count + 1, sizeof *quotas->accounts);
    memmove(quotas->accounts + at + 1, quotas->accounts + at,
            (quotas->count - at) * sizeof *quotas->accounts);
    quotas->accounts[at] = (account){.user = *user};
    quotas->count++;
    return &quotas->accounts[at];
}

/* 0 when there is none. */
static cf_status load_number(const cf_quotas *quotas, const cf_hash *user, cf_bytes key,
                             uint64_t *out, cf_error *error)
{
    cf_store *store = quotas->options.store;
    cf_buffer value = {0};
    cf_status status = store->get(store, user, key, &value, error);

    if (status == CF_OK && value.size != 8)
        status = cf_fail(error, CF_BROKEN, "a number kept of a user is damaged");
    else if (status == CF_OK)
        *out = cf_get_u64(value.data);
    else if (status == CF_MISSING) {
        *out = 0;
        status = CF_OK;
    }
    cf_buffer_release(&value);
    return status;
}

/* Entries that are under way when the store is asked are not in its number: they were not published
 * through here, or this was loaded before. */
static cf_status load(cf_quotas *quotas, const cf_hash *user, account **out, cf_error *error)
{
    cf_store *store = quotas->options.store;
    account *it = find_or_add(quotas, user);

    *out = it;
    if (it->is_loaded && !(it->is_off && it->under_way == 0))
        return CF_OK;
    it->is_off = false;
    cf_status status = load_number(quotas, user, cf_bytes_of(&table, 1), &it->quota, error);
    if (!status)
        status =
            load_number(quotas, user, cf_bytes_of(seen_key, sizeof seen_key), &it->seen_ms, error);
    if (!status)
        status = store->size(store, user, &it->entry_bytes, error);
    it->is_loaded = !status;
    return status;
}

/* Not while pieces are under way, which it might count or not; but then they were counted before
 * the first of them. */
static cf_status load_blobs(cf_quotas *quotas, account *it, cf_error *error)
{
    cf_blob_usage usage = {0};

    if (it->has_blobs)
        return CF_OK;
    cf_status status = cf_blobs_usage(quotas->options.blobs, &it->user, &usage, error);
    it->blob_bytes = usage.size;
    it->has_blobs = !status;
    return status;
}

cf_record cf_quotas_record(uint64_t bytes, uint8_t value[8])
{
    cf_put_u64(value, bytes);
    return (cf_record){cf_bytes_of(&table, 1), cf_bytes_of(value, 8)};
}

cf_status cf_quotas_set(cf_quotas *quotas, const cf_hash *user, uint64_t bytes, cf_error *error)
{
    cf_store *store = quotas->options.store;
    account *it = find(quotas, user);
    uint8_t value[8];
    cf_record record = cf_quotas_record(bytes, value);
    cf_status status = store->write(store, user, &record, 1, true, error);

    if (!status && it)
        it->quota = bytes;
    return status;
}

void cf_quotas_forget(cf_quotas *quotas, const cf_hash *user)
{
    account *it = find(quotas, user);

    if (!it)
        return;
    quotas->count--;
    memmove(it, it + 1, (size_t)(quotas->accounts + quotas->count - it) * sizeof *it);
}

cf_status cf_quotas_figures(cf_quotas *quotas, const cf_hash *user, cf_quota_figures *out,
                            cf_error *error)
{
    account *it;
    cf_status status = load(quotas, user, &it, error);

    if (!status)
        status = load_blobs(quotas, it, error);
    if (!status)
        *out = (cf_quota_figures){it->quota, it->entry_bytes, it->blob_bytes, it->seen_ms};
    return status;
}

void cf_quotas_seen(cf_quotas *quotas, cf_log *log, uint64_t now_ms)
{
    uint8_t value[8];
    cf_record record = {cf_bytes_of(seen_key, sizeof seen_key), cf_bytes_of(value, sizeof value)};
    cf_error error;
    account *it;

    if (load(quotas, cf_log_user(log), &it, &error) ||
        (now_ms >= it->seen_ms && now_ms - it->seen_ms < MINUTE_MS))
        return;
    it->seen_ms = now_ms;
    cf_put_u64(value, now_ms);
    cf_log_record(log, &record);
}

static cf_status check_room(cf_quotas *quotas, account *it, uint64_t more, uint64_t slack,
                            cf_error *error)
{
    char quota[CF_SIZE_TEXT], used[CF_SIZE_TEXT];

    if (!it->quota)
        return CF_OK;
    cf_status status = load_blobs(quotas, it, error);
    uint64_t taken = it->entry_bytes + it->blob_bytes + it->under_way;
    uint64_t most = it->quota < UINT64_MAX - slack ? it->quota + slack : UINT64_MAX;
    if (status || (taken <= most && more <= most - taken))
        return status;
    cf_size_write(it->quota, quota);
    cf_size_write(taken, used);
    return cf_fail(error, CF_FULL,
                   "your room on this broker is used up (%s of %s): its operator can give you more",
                   used, quota);
}

/* An entry is a debt of MINUTE_MS, `most` are paid back in each ms, and as much as in a minute may
 * be owed. */
static cf_status check_rate(const cf_quotas *quotas, account *it, uint64_t now_ms, cf_error *error)
{
    uint64_t most = quotas->options.entries_per_minute, passed;

    if (!most)
        return CF_OK;
    passed = now_ms > it->since_ms ? now_ms - it->since_ms : 0;
    passed = passed < MINUTE_MS ? passed : MINUTE_MS;
    it->debt -= it->debt < passed * most ? it->debt : passed * most;
    it->since_ms = now_ms;
    if (it->debt + MINUTE_MS > MINUTE_MS * most)
        return cf_fail(error, CF_LOCKED,
                       "more than %" PRIu64 " entries in a minute: this broker takes the others in "
                       "a little while",
                       most);
    it->debt += MINUTE_MS;
    return CF_OK;
}

cf_status cf_quotas_publish(cf_quotas *quotas, const cf_entry *entry, uint64_t now_ms,
                            cf_error *error)
{
    bool is_member = entry->header.type == CF_ENTRY_MEMBER;
    account *it;
    cf_status status = load(quotas, &entry->header.user, &it, error);

    if (!status)
        status = check_room(quotas, it, entry->wire.size, is_member ? MEMBER_SLACK : 0, error);
    if (!status)
        status = check_rate(quotas, it, now_ms, error);
    if (!status)
        it->under_way += entry->wire.size;
    return status;
}

void cf_quotas_published(cf_quotas *quotas, const cf_hash *user, uint64_t size,
                         cf_append_answer answer)
{
    account *it = find(quotas, user);

    if (!it)
        return;
    it->under_way -= size;
    if (answer == CF_APPEND_STORED)
        it->entry_bytes += size;
    else if (answer == CF_APPEND_FAILED)
        it->is_off = true;
}

cf_status cf_quotas_put(cf_quotas *quotas, const cf_hash *user, uint64_t size, uint64_t rest,
                        cf_error *error)
{
    account *it;
    cf_status status = load(quotas, user, &it, error);

    if (!status)
        status = load_blobs(quotas, it, error);
    if (!status)
        status = check_room(quotas, it, rest > size ? rest : size, 0, error);
    if (!status)
        it->under_way += size;
    return status;
}

void cf_quotas_was_put(cf_quotas *quotas, const cf_hash *user, uint64_t size, int64_t change)
{
    account *it = find(quotas, user);

    if (!it)
        return;
    it->under_way -= size;
    it->blob_bytes += (uint64_t)change; /* which may be negative */
}

void cf_quotas_dropped(cf_quotas *quotas, const cf_hash *user, uint64_t bytes)
{
    account *it = find(quotas, user);

    if (it && it->has_blobs)
        it->blob_bytes -= bytes < it->blob_bytes ? bytes : it->blob_bytes;
}
