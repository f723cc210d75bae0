/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/membership/admitted.h"

#include "codec/pack.h"

#define ADMITTED "admitted" /* in the home: heads; gone or empty once they were seen */

cf_status cf_admitted_keep(cf_home *home, const cf_heads *members, cf_error *error)
{
    cf_buffer value = {0};

    cf_heads_pack(&value, members->heads, members->count);
    cf_status status = cf_home_set(home, ADMITTED, cf_buffer_view(&value), error);
    cf_buffer_release(&value);
    return status;
}

static cf_status count_lacking(const cf_peer *peer, const cf_heads *heads, size_t *out,
                               cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    uint64_t position;

    *out = 0;
    for (size_t i = 0; i < heads->count; i++) {
        cf_status status =
            store->find(store, cf_peer_user(peer), &heads->heads[i], &position, error);

        if (status && status != CF_MISSING)
            return status;
        *out += status == CF_MISSING;
    }
    return CF_OK;
}

cf_status cf_admitted_check(const cf_peer *peer, cf_error *error)
{
    cf_buffer value = {0};
    cf_heads heads = {0};
    size_t lacking = 0;

    cf_status status = cf_home_get(peer->home, ADMITTED, &value, error);
    if (status || !value.size) {
        cf_buffer_release(&value);
        return status == CF_MISSING ? CF_OK : status;
    }
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    status = cf_heads_read(&reader, SIZE_MAX, &heads, error);
    if (!status)
        status = count_lacking(peer, &heads, &lacking, error);
    if (!status && lacking)
        status = cf_fail(error, CF_MALFORMED,
                         "the broker holds back the member log that the device which let this one "
                         "in has (%zu of %zu heads)",
                         lacking, heads.count);
    else if (!status)
        status = cf_home_set(peer->home, ADMITTED, (cf_bytes){0}, error);
    cf_heads_release(&heads);
    cf_buffer_release(&value);
    return status;
}
