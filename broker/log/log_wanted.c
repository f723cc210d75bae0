/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that entries name and that are not here: a record for each, in the commit of the entry. As
 * long as the blobs are few, memory knows them, too; else, and at the first question, the store is
 * scanned. */
#include "broker/log/log_inside.h"

#include <stdlib.h>
#include <string.h>

static cf_bytes key_of(const cf_hash *blob, uint8_t out[CF_LOG_KEY_MAX])
{
    return cf_log_record_key(CF_LOG_WANTED, blob->bytes, CF_HASH_SIZE, out);
}

/* False: it isn't one of a blob. */
static bool blob_of(cf_bytes key, cf_hash *out)
{
    if (key.size != CF_LOG_WANTED_KEY)
        return false;
    memcpy(out->bytes, key.data + 1, sizeof out->bytes);
    return true;
}

void cf_log_mark_wanted(const cf_log *log, const cf_entry *entry, const cf_offer *offer,
                        cf_arena *arena, cf_record_list *out)
{
    for (size_t i = 0; i < entry->header.blob_count && offer->stored; i++) {
        const cf_hash *blob = &entry->header.blobs[i];
        uint8_t key[CF_LOG_KEY_MAX];

        if (!offer->stored(offer->context, &log->user, blob))
            *cf_one_more(out->at, out->count, out->capacity) =
                (cf_kv){cf_arena_copy(arena, key_of(blob, key)), cf_bytes_of("", 0)};
    }
}

cf_hash *cf_log_wanted_of(const cf_kv *records, size_t count)
{
    cf_hash *blobs = count ? cf_allocate(count, sizeof *blobs) : NULL;

    for (size_t i = 0; i < count; i++)
        blob_of(records[i].key, &blobs[i]);
    return blobs;
}

/* False: they are too many to be known. */
static bool note(cf_wanted_blobs *wanted, const cf_hash *blob)
{
    if (wanted->blobs.count < CF_LOG_WANTED_KNOWN)
        cf_hash_set_insert(&wanted->blobs, blob);
    else if (!cf_hash_set_contains(&wanted->blobs, blob))
        return false;
    return true;
}

void cf_log_note_wanted(cf_log *log, const cf_hash *blobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        log->wanted.is_known &= note(&log->wanted, &blobs[i]);
}

struct wanted {
    cf_log *log;
    cf_log_wanted_visit *visit;
    void *context;
    bool all; /* were seen, and noted */
};

static bool visit_wanted(void *context, cf_bytes key, cf_bytes value)
{
    struct wanted *wanted = context;
    cf_hash blob;

    (void)value;
    if (!blob_of(key, &blob))
        return true;
    wanted->all &= note(&wanted->log->wanted, &blob);
    bool goes_on = wanted->visit(wanted->context, &blob);
    wanted->all &= goes_on;
    return goes_on;
}

static cf_status scan(cf_log *log, cf_log_wanted_visit *visit, void *context, cf_error *error)
{
    uint8_t table = CF_LOG_WANTED;
    struct wanted wanted = {log, visit, context, .all = true};

    cf_status status = log->store->scan(log->store, &log->user, cf_bytes_of(&table, 1),
                                        visit_wanted, &wanted, error);
    log->wanted.is_known = !status && wanted.all;
    return status;
}

cf_status cf_log_wanted(cf_log *log, cf_log_wanted_visit *visit, void *context, cf_error *error)
{
    const cf_hash_set *blobs = &log->wanted.blobs;

    if (!log->wanted.is_known)
        return scan(log, visit, context, error);
    for (size_t i = 0; i < blobs->count && visit(context, &blobs->hashes[i]); i++)
        ;
    return CF_OK;
}

cf_status cf_log_stored(cf_log *log, const cf_hash *blob, cf_error *error)
{
    uint8_t bytes[CF_LOG_KEY_MAX];
    cf_bytes key = key_of(blob, bytes);
    cf_buffer value = {0};
    cf_status status = log->store->get(log->store, &log->user, key, &value, error);

    cf_buffer_release(&value);
    if (!status || cf_hash_set_contains(&log->wanted.blobs, blob)) /* it may be on its way */
        cf_log_put_record(log, &(cf_kv){key, {0}});
    cf_hash_set_remove(&log->wanted.blobs, blob);
    if (!log->wanted.blobs.count)
        cf_hash_set_release(&log->wanted.blobs);
    return status == CF_MISSING ? CF_OK : status;
}

bool cf_log_wants(cf_store *store, const cf_hash *user, const cf_hash *blob)
{
    uint8_t bytes[CF_LOG_KEY_MAX];
    cf_bytes key = key_of(blob, bytes);
    cf_buffer value = {0};
    cf_error ignored;

    bool wants = store->get(store, user, key, &value, &ignored) == CF_OK;
    cf_buffer_release(&value);
    return wants;
}

void cf_log_want(cf_log *log, const cf_hash *blob)
{
    uint8_t bytes[CF_LOG_KEY_MAX];

    cf_log_put_record(log, &(cf_kv){key_of(blob, bytes), cf_bytes_of("", 0)});
    cf_log_note_wanted(log, blob, 1);
}
