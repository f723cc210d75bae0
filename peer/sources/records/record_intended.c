/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as intended: all rows of both lists in the record; no rows where there is no record.
 */
#include "peer/sources/records/record_intended.h"

#include "codec/pack.h"

static cf_status add_rows(cf_reader *reader, cf_rows *out, cf_error *error)
{
    size_t count;

    cf_status status = cf_read_array(reader, &count, error);
    for (size_t i = 0; !status && i < count; i++) {
        cf_arena arena = {0};
        cf_bytes packed;
        cf_row row;

        status = cf_read_bin(reader, &packed, error);
        if (!status)
            status = cf_row_read(packed, &arena, &row, error);
        if (!status)
            cf_rows_put(out, &row);
        cf_arena_release(&arena);
    }
    return status;
}

cf_status cf_record_intended_rows(cf_peer *peer, const cf_binding *binding, cf_rows **out,
                                  cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_buffer value = {0};
    cf_arena arena = {0};

    *out = NULL;
    cf_status status =
        store->get(store, cf_peer_user(peer),
                   cf_key_source(&arena, CF_TABLE_AGREED, binding->number), &value, error);
    if (!status) {
        cf_reader reader = cf_reader_of(cf_buffer_view(&value));

        *out = cf_rows_new();
        status = add_rows(&reader, *out, error);
        if (!status)
            status = add_rows(&reader, *out, error);
    }
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status == CF_MISSING ? CF_OK : status;
}
