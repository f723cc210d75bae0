/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/record_source_inside.h"

cf_bytes cf_record_run_kept(cf_record_run *run, cf_table_letter table)
{
    cf_peer *peer = run->source->workshop->peer;
    cf_store *store = cf_home_store(peer->home);
    cf_bytes key = cf_key_source(&run->arena, table, run->source->binding->number);
    cf_buffer kept = {0};
    cf_error ignored;

    if (store->get(store, cf_peer_user(peer), key, &kept, &ignored))
        cf_buffer_clear(&kept);
    cf_bytes copy = cf_arena_copy(&run->arena, cf_buffer_view(&kept));
    cf_buffer_release(&kept);
    return copy;
}

bool cf_record_run_keep(cf_record_run *run, cf_table_letter table, cf_bytes now,
                        cf_records *records)
{
    cf_bytes key = cf_key_source(&run->arena, table, run->source->binding->number);

    if (cf_bytes_equal(now, cf_record_run_kept(run, table)))
        return false;
    if (now.size)
        cf_records_put(records, key, now);
    else
        cf_records_delete(records, key);
    return true;
}
