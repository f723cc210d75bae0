/* SPDX-License-Identifier: Apache-2.0 */
/* How the collection's files are laid out: the first source of a format that has something to say
 * of that tells the others, for the files that they make. Only that source tells it anew when its
 * file is laid out in another way, as by a column that was added: else two files that never agreed
 * would contradict each other for good.
 *
 *   laptop's id;name;tel is told; desktop's name,id,fax, which was there, is not
 *   laptop's becomes id;name;tel;town: that is told
 *   a phone's file, which is made, has id;name;tel;town, and fax behind them */
#include "peer/sources/records/record_source_inside.h"

#include "peer/log/catalog_layout.h"

cf_status cf_record_run_know_layout(cf_record_run *run, cf_error *error)
{
    const cf_binding *binding = run->source->binding;

    return cf_catalog_layout(run->source->workshop->peer, &binding->collection, binding->format,
                             &run->arena, &run->source->medium->layout, error);
}

static cf_status read_told(const cf_record_run *run, cf_bytes key, cf_buffer *out, cf_error *error)
{
    cf_peer *peer = run->source->workshop->peer;
    cf_store *store = cf_home_store(peer->home);

    cf_status status = store->get(store, cf_peer_user(peer), key, out, error);
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_record_run_tell_layout(cf_record_run *run, cf_error *error)
{
    const cf_binding *binding = run->source->binding;
    const cf_bytes known = run->source->medium->layout, own = run->content.layout;
    cf_bytes key = cf_key_source(&run->arena, CF_TABLE_LAYOUT, binding->number);
    cf_buffer told = {0};
    cf_pending_kind kind;

    if (!own.size || cf_bytes_equal(own, known) || run->look_only || run->cut ||
        cf_record_run_silence(run, &kind))
        return CF_OK;
    cf_status status = read_told(run, key, &told, error);
    if (!status && (!known.size || cf_bytes_equal(known, cf_buffer_view(&told)))) {
        status = cf_catalog_write_layout(run->source->workshop->peer, &binding->collection,
                                         binding->format, own, run->now_ms, error);
        if (!status)
            cf_records_put(&run->records, key, own);
    }
    cf_buffer_release(&told);
    return status;
}
