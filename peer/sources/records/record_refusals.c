/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a refusal still holds: the row says what it said when it was refused, by a hash without
 * its refs. Of a record that is damaged what comes before the damage counts. */
#include "peer/sources/records/record_refusals.h"

#include <stdlib.h>

#include "codec/pack.h"

uint64_t cf_record_refusal_hash(const cf_row *shown)
{
    cf_buffer packed = {0};

    if (!shown)
        return 0;
    cf_row bare = *shown;
    bare.refs = (cf_bytes){0};
    cf_row_pack(&bare, &packed);
    uint64_t hash = cf_hash_bytes(0, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return hash;
}

cf_bytes cf_record_refusals_load(cf_peer *peer, uint32_t source, cf_arena *arena)
{
    cf_store *store = cf_home_store(peer->home);
    const cf_bytes key = cf_key_source(arena, CF_TABLE_REFUSED, source);
    cf_buffer kept = {0};
    cf_error ignored;

    if (store->get(store, cf_peer_user(peer), key, &kept, &ignored))
        cf_buffer_clear(&kept);
    const cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&kept));
    cf_buffer_release(&kept);
    return copy;
}

static int by_place(const void *a, const void *b)
{
    const cf_record_refusal *one = a, *other = b;
    int order = cf_bytes_compare(one->table, other->table);

    return order ? order : cf_bytes_compare(one->key, other->key);
}

static cf_status read_refusal(cf_reader *reader, cf_record_refusal *out, cf_error *error)
{
    cf_status status = cf_read_array_of(reader, 4, error);

    if (!status)
        status = cf_read_bin(reader, &out->table, error);
    if (!status)
        status = cf_read_bin(reader, &out->key, error);
    if (!status)
        status = cf_read_uint(reader, &out->hash, error);
    if (!status)
        status = cf_read_bin(reader, &out->reason, error);
    return status;
}

cf_record_refusals cf_record_refusals_read(cf_bytes kept, cf_arena *arena)
{
    cf_reader reader = cf_reader_of(kept);
    size_t count = 0, read = 0;
    cf_error ignored;

    if (reader.at == reader.end || cf_read_array(&reader, &count, &ignored))
        return (cf_record_refusals){0};
    cf_record_refusal *all = cf_arena_allocate(arena, count, sizeof *all);
    while (read < count && read_refusal(&reader, &all[read], &ignored) == CF_OK)
        read++;
    if (read)
        qsort(all, read, sizeof *all, by_place);
    return (cf_record_refusals){all, read};
}

const cf_record_refusal *cf_record_refusals_find(const cf_record_refusals *refusals, cf_bytes table,
                                                 cf_bytes key)
{
    const cf_record_refusal wanted = {.table = table, .key = key};

    return refusals->count
               ? bsearch(&wanted, refusals->at, refusals->count, sizeof wanted, by_place)
               : NULL;
}
