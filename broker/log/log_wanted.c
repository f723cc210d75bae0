/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log/log_inside.h"

#include <string.h>

struct wanted {
    cf_log_wanted_visit *visit;
    void *context;
};

static bool visit_wanted(void *context, cf_bytes key, cf_bytes value)
{
    const struct wanted *wanted = context;
    cf_hash blob;

    (void)value;
    if (key.size != 1 + CF_HASH_SIZE)
        return true;
    memcpy(blob.bytes, key.data + 1, sizeof blob.bytes);
    return wanted->visit(wanted->context, &blob);
}

cf_status cf_log_wanted(cf_log *log, cf_log_wanted_visit *visit, void *context, cf_error *error)
{
    uint8_t table = CF_LOG_WANTED;
    struct wanted wanted = {visit, context};

    return log->store->scan(log->store, &log->user, cf_bytes_of(&table, 1), visit_wanted, &wanted,
                            error);
}

cf_status cf_log_stored(cf_log *log, const cf_hash *blob, cf_error *error)
{
    uint8_t bytes[CF_LOG_KEY_MAX];
    cf_bytes key = cf_log_record_key(CF_LOG_WANTED, blob->bytes, CF_HASH_SIZE, bytes);
    cf_buffer value = {0};
    cf_record record = {key, {0}};
    cf_append append = {
        .user = log->user, .epoch = log->epoch, .records = &record, .record_count = 1};
    cf_status status = log->store->get(log->store, &log->user, key, &value, error);

    cf_buffer_release(&value);
    if (!status)
        log->store->append(log->store, &append);
    return status == CF_MISSING ? CF_OK : status;
}

bool cf_log_wants(cf_store *store, const cf_hash *user, const cf_hash *blob)
{
    uint8_t bytes[CF_LOG_KEY_MAX];
    cf_bytes key = cf_log_record_key(CF_LOG_WANTED, blob->bytes, CF_HASH_SIZE, bytes);
    cf_buffer value = {0};
    cf_error ignored;

    bool wants = store->get(store, user, key, &value, &ignored) == CF_OK;
    cf_buffer_release(&value);
    return wants;
}

void cf_log_want(cf_log *log, const cf_hash *blob)
{
    uint8_t bytes[CF_LOG_KEY_MAX];

    cf_log_record(log, &(cf_record){
                           cf_log_record_key(CF_LOG_WANTED, blob->bytes, CF_HASH_SIZE, bytes),
                           cf_bytes_of("", 0),
                       });
}
