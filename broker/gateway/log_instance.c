/* SPDX-License-Identifier: Apache-2.0 */
/* The instance is the store's as long as the user has no record of another; then a hash of both, so
 * that neither in another store nor in another life of the user it is the same. */
#include "broker/gateway/log_instance.h"

#include "codec/bulk.h"

#include <string.h>

static const uint8_t table = 'i';

cf_kv cf_log_instance_record(const uint8_t random[CF_LOG_INSTANCE_SIZE])
{
    return (cf_kv){cf_bytes_of(&table, 1), cf_bytes_of(random, CF_LOG_INSTANCE_SIZE)};
}

cf_status cf_log_instance(cf_store *store, const cf_hash *user, uint8_t out[CF_LOG_INSTANCE_SIZE],
                          cf_error *error)
{
    cf_buffer both = {0};

    store->instance(store, out);
    cf_buffer_append(&both, out, CF_LOG_INSTANCE_SIZE);
    const cf_status status = store->get(store, user, cf_bytes_of(&table, 1), &both, error);
    if (!status) {
        const cf_hash hash = cf_sha256_of(cf_buffer_view(&both));

        memcpy(out, hash.bytes, CF_LOG_INSTANCE_SIZE);
    }
    cf_buffer_release(&both);
    return status == CF_MISSING ? CF_OK : status;
}
