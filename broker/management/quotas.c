/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there is room: what is durable, with what is on its way and what comes, is within the
 * quota. An entry without blobs may take a margin beyond, one of the member log more, both from
 * what the user had where the quota was set below that. Entries in a minute are a debt that time
 * pays back. */
#include "broker/management/quotas.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE = 'q', MINUTE_MS = 60000, REST_MS = 10 * MINUTE_MS };

typedef struct {
    cf_hash user;
    bool is_loaded; /* quota and entries */
    bool is_off;    /* an append failed: whether it is there shows when it is loaded again */
    bool has_blobs; /* so are the blobs */
    uint64_t quota; /* bytes; 0: none */
    uint64_t had;   /* the least that was taken since it was set, if that is more than it; else 0 */
    uint64_t entry_bytes; /* durable */
    cf_blob_usage blobs;
    bool is_kept;          /* what is kept of them holds */
    uint64_t changes;      /* the number of the last one of them, see cf_quotas_changes */
    uint64_t changes_seen; /* by a tick, */
    uint64_t changed_ms;   /* which was at this time */
    uint64_t under_way;    /* bytes of entries and pieces that nobody answered yet */
    uint64_t seen_ms;      /* when a session last began, */
    uint64_t seen_kept_ms; /* and what of that is written */
    uint64_t debt;         /* of entries, see check_rate; at `since_ms` */
    uint64_t since_ms;
} account;

struct cf_quotas {
    cf_quotas_options options;
    account *accounts; /* ascending by user */
    size_t count, capacity;
    uint64_t next_ms; /* of a tick that looks */
    uint64_t changes; /* of all users' blobs: a number is of one user, who may come again */
};

/* Of what blobs take: bytes and number; empty: it changes. */
static const uint8_t table = TABLE, seen_key[] = {TABLE, 's'}, blobs_key[] = {TABLE, 'b'},
                     had_key[] = {TABLE, 'h'};
enum { BLOBS_SIZE = 8 + 8 };

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

void cf_quotas_set_limit(cf_quotas *quotas, uint64_t entries_per_minute)
{
    quotas->options.entries_per_minute = entries_per_minute;
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
    account *made = cf_one_more_at(quotas->accounts, quotas->count, quotas->capacity, at);
    *made = (account){.user = *user, .changes = ++quotas->changes};
    return made;
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
        status = load_number(quotas, user, cf_bytes_of(had_key, sizeof had_key), &it->had, error);
    if (!status)
        status = load_number(quotas, user, cf_bytes_of(seen_key, sizeof seen_key),
                             &it->seen_kept_ms, error);
    if (it->seen_ms < it->seen_kept_ms)
        it->seen_ms = it->seen_kept_ms;
    if (!status)
        status = store->size(store, user, &it->entry_bytes, error);
    it->is_loaded = !status;
    return status;
}

static cf_status write_blobs(const cf_quotas *quotas, const account *it, cf_bytes value,
                             bool synced, cf_error *error)
{
    cf_store *store = quotas->options.store;
    cf_kv record = {cf_bytes_of(blobs_key, sizeof blobs_key), value};

    return store->write(store, &it->user, &record, 1, synced, error);
}

/* Where that is lost, or fails, they are listed again. */
static void keep_blobs(const cf_quotas *quotas, account *it)
{
    uint8_t value[BLOBS_SIZE];
    cf_error ignored;

    cf_put_u64(value, it->blobs.size);
    cf_put_u64(value + 8, it->blobs.count);
    it->is_kept = !write_blobs(quotas, it, cf_bytes_of(value, sizeof value), false, &ignored);
}

/* Before they change; where that isn't `synced`, the store's next commit is before it, too. */
static cf_status forget_blobs(cf_quotas *quotas, account *it, bool synced, cf_error *error)
{
    cf_status status =
        it->is_kept ? write_blobs(quotas, it, cf_bytes_of("", 0), synced, error) : CF_OK;

    it->changes = ++quotas->changes;
    it->is_kept &= status != CF_OK;
    return status;
}

static cf_status let_blobs_change(cf_quotas *quotas, account *it, cf_error *error)
{
    return forget_blobs(quotas, it, true, error);
}

/* False: nothing is kept, or it was changing when the broker stopped. */
static bool read_blobs(const cf_quotas *quotas, account *it)
{
    cf_store *store = quotas->options.store;
    cf_buffer value = {0};
    cf_error ignored;

    it->is_kept =
        !store->get(store, &it->user, cf_bytes_of(blobs_key, sizeof blobs_key), &value, &ignored) &&
        value.size == BLOBS_SIZE;
    if (it->is_kept)
        it->blobs =
            (cf_blob_usage){.size = cf_get_u64(value.data), .count = cf_get_u64(value.data + 8)};
    cf_buffer_release(&value);
    return it->is_kept;
}

/* Not while pieces are under way, which it might count or not; but then they were counted before
 * the first of them. */
static cf_status load_blobs(cf_quotas *quotas, account *it, cf_error *error)
{
    if (it->has_blobs)
        return CF_OK;
    cf_status status = CF_OK;
    if (!read_blobs(quotas, it)) {
        status = cf_blobs_usage(quotas->options.blobs, &it->user, &it->blobs, error);
        if (!status)
            keep_blobs(quotas, it);
    }
    it->has_blobs = !status;
    return status;
}

static bool may_be_kept(const account *it)
{
    return it->has_blobs && !it->is_kept && it->under_way == 0;
}

void cf_quotas_tick(cf_quotas *quotas, uint64_t now_ms)
{
    if (now_ms < quotas->next_ms)
        return;
    quotas->next_ms = now_ms + MINUTE_MS;
    for (size_t i = 0; i < quotas->count; i++) {
        account *it = &quotas->accounts[i];

        if (it->changes != it->changes_seen) {
            it->changes_seen = it->changes;
            it->changed_ms = now_ms;
        } else if (may_be_kept(it) && now_ms - it->changed_ms >= REST_MS) {
            keep_blobs(quotas, it);
        }
    }
}

static void keep_seen(const cf_quotas *quotas, account *it)
{
    cf_store *store = quotas->options.store;
    uint8_t value[8];
    const cf_kv record = {cf_bytes_of(seen_key, sizeof seen_key), cf_bytes_of(value, sizeof value)};
    cf_error ignored; /* at most a minute is forgotten */

    if (it->seen_ms == it->seen_kept_ms)
        return;
    cf_put_u64(value, it->seen_ms);
    if (!store->write(store, &it->user, &record, 1, false, &ignored))
        it->seen_kept_ms = it->seen_ms;
}

void cf_quotas_finish(cf_quotas *quotas)
{
    for (size_t i = 0; i < quotas->count; i++) {
        if (may_be_kept(&quotas->accounts[i]))
            keep_blobs(quotas, &quotas->accounts[i]);
        keep_seen(quotas, &quotas->accounts[i]);
    }
}

cf_kv cf_quotas_record(uint64_t bytes, uint8_t value[8])
{
    cf_put_u64(value, bytes);
    return (cf_kv){cf_bytes_of(&table, 1), cf_bytes_of(value, 8)};
}

cf_status cf_quotas_set(cf_quotas *quotas, const cf_hash *user, uint64_t bytes, cf_error *error)
{
    cf_store *store = quotas->options.store;
    uint8_t value[8], had_value[8];
    cf_quota_figures figures;
    uint64_t had = 0;

    if (bytes) {
        cf_status status = cf_quotas_figures(quotas, user, &figures, error);

        if (status)
            return status;
        had = figures.entry_bytes + figures.blob_bytes;
        had = had > bytes ? had : 0;
    }
    account *it = find(quotas, user);
    cf_put_u64(had_value, had);
    const cf_kv records[] = {
        cf_quotas_record(bytes, value),
        {cf_bytes_of(had_key, sizeof had_key), cf_bytes_of(had ? had_value : NULL, had ? 8 : 0)}};
    const cf_status status = store->write(store, user, records, 2, true, error);
    if (!status && it) {
        it->quota = bytes;
        it->had = had;
    }
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
        *out = (cf_quota_figures){it->quota, it->entry_bytes, it->blobs.size, it->blobs.count,
                                  it->seen_ms};
    return status;
}

void cf_quotas_seen(cf_quotas *quotas, cf_log *log, uint64_t now_ms)
{
    uint8_t value[8];
    cf_kv record = {cf_bytes_of(seen_key, sizeof seen_key), cf_bytes_of(value, sizeof value)};
    cf_error error;
    account *it;

    if (load(quotas, cf_log_user(log), &it, &error))
        return;
    it->seen_ms = now_ms;
    if (now_ms >= it->seen_kept_ms && now_ms - it->seen_kept_ms < MINUTE_MS)
        return;
    it->seen_kept_ms = now_ms;
    cf_put_u64(value, now_ms);
    cf_log_record(log, &record);
}

static uint64_t margin_of(uint64_t bytes)
{
    const uint64_t part = bytes / CF_QUOTA_MARGIN_PART;

    return part < CF_QUOTA_MARGIN_MAX ? part : CF_QUOTA_MARGIN_MAX;
}

/* A quota of 50 MiB that is used up: deletions and small edits take 512 KiB more. One of 1 KiB that
 * was set for who had 9 MiB: 92 KiB more than these 9 MiB. */
static uint64_t slack_of(const account *it, const cf_header *header)
{
    const uint64_t margin = margin_of(it->had);

    if (header->type == CF_ENTRY_MEMBER)
        return (it->had > it->quota ? it->had - it->quota : 0) + CF_QUOTA_MEMBER_SLACK;
    if (header->blob_count)
        return 0;
    if (it->had <= it->quota)
        return margin_of(it->quota);
    return it->had - it->quota +
           (margin > CF_QUOTA_MARGIN_OF_HAD ? margin : CF_QUOTA_MARGIN_OF_HAD);
}

/* What was freed since the quota was set is not taken again beyond it. Where a crash loses the
 * record, it is freed anew at the next start, from what is taken then. */
static void note_freed(const cf_quotas *quotas, account *it)
{
    const uint64_t taken = it->entry_bytes + it->blobs.size;
    cf_store *store = quotas->options.store;
    uint8_t value[8];
    cf_error ignored;

    if (taken >= it->had)
        return;
    it->had = taken > it->quota ? taken : 0;
    cf_put_u64(value, it->had);
    const cf_kv record = {cf_bytes_of(had_key, sizeof had_key),
                          cf_bytes_of(it->had ? value : NULL, it->had ? sizeof value : 0)};
    store->write(store, &it->user, &record, 1, false, &ignored);
}

/* Of an entry, or of a piece of a blob (NULL). */
static cf_status check_room(cf_quotas *quotas, account *it, uint64_t more, const cf_header *header,
                            cf_error *error)
{
    char quota[CF_SIZE_TEXT], used[CF_SIZE_TEXT];

    if (!it->quota)
        return CF_OK;
    cf_status status = load_blobs(quotas, it, error);
    if (status)
        return status;
    note_freed(quotas, it);
    const uint64_t slack = header ? slack_of(it, header) : 0;
    const uint64_t taken = it->entry_bytes + it->blobs.size + it->under_way;
    const uint64_t most = it->quota < UINT64_MAX - slack ? it->quota + slack : UINT64_MAX;
    if (taken <= most && more <= most - taken)
        return CF_OK;
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
    account *it;
    cf_status status = load(quotas, &entry->header.user, &it, error);

    if (!status)
        status = check_room(quotas, it, entry->wire.size, &entry->header, error);
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
        status = check_room(quotas, it, rest > size ? rest : size, NULL, error);
    if (!status)
        status = let_blobs_change(quotas, it, error);
    if (!status)
        it->under_way += size;
    return status;
}

void cf_quotas_was_put(cf_quotas *quotas, const cf_hash *user, uint64_t size,
                       const cf_blob_held *held)
{
    account *it = find(quotas, user);

    if (!it)
        return;
    it->under_way -= size;
    it->changes = ++quotas->changes;
    it->blobs.size += (uint64_t)held->change; /* which may be negative */
    it->blobs.count += (uint64_t)held->count_change;
}

cf_status cf_quotas_dropping(cf_quotas *quotas, const cf_hash *user, cf_error *error)
{
    account *it = find_or_add(quotas, user);
    cf_status status = load_blobs(quotas, it, error);

    return status ? status : let_blobs_change(quotas, it, error);
}

void cf_quotas_dropped(cf_quotas *quotas, const cf_hash *user, cf_blob_usage dropped)
{
    account *it = find(quotas, user);

    if (!it || !it->has_blobs)
        return;
    it->blobs.size -= dropped.size < it->blobs.size ? dropped.size : it->blobs.size;
    it->blobs.count -= dropped.count < it->blobs.count ? dropped.count : it->blobs.count;
}

/* True: something is to be made durable, if it wasn't `synced`. */
static bool doubt(cf_quotas *quotas, const cf_hash *user, bool synced)
{
    account *it = find_or_add(quotas, user);
    cf_error ignored;

    if (!it->has_blobs)
        read_blobs(quotas, it);
    const bool was_kept = it->is_kept;
    if (forget_blobs(quotas, it, synced, &ignored) == CF_OK)
        it->has_blobs &= it->under_way > 0;
    return was_kept;
}

void cf_quotas_doubt(cf_quotas *quotas, const cf_hash *user)
{
    doubt(quotas, user, true);
}

struct doubting {
    cf_quotas *quotas;
    bool wrote;
};

static void doubt_user(void *context, cf_log *log)
{
    struct doubting *self = context;

    self->wrote |= doubt(self->quotas, cf_log_user(log), false);
}

void cf_quotas_doubt_all(cf_quotas *quotas, cf_users *users)
{
    cf_store *store = quotas->options.store;
    struct doubting self = {.quotas = quotas};
    cf_error ignored;

    cf_users_each(users, doubt_user, &self);
    if (self.wrote)
        store->commit(store, &ignored);
}

uint64_t cf_quotas_changes(cf_quotas *quotas, const cf_hash *user)
{
    const account *it = find_or_add(quotas, user);

    return it->under_way ? 0 : it->changes;
}

void cf_quotas_recounted(cf_quotas *quotas, const cf_hash *user, uint64_t changes,
                         cf_blob_usage usage)
{
    account *it = find(quotas, user);

    if (!it || !changes || it->under_way || it->changes != changes)
        return;
    bool is_same = it->has_blobs && it->blobs.size == usage.size && it->blobs.count == usage.count;
    it->has_blobs = true;
    it->blobs = usage;
    if (!is_same || !it->is_kept)
        keep_blobs(quotas, it);
}
