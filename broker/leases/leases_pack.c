/* SPDX-License-Identifier: Apache-2.0 */
/* A record of leases is whole or broken: with one element more or less, or bytes behind the last
 * lease, its reader says CF_BROKEN, whatever is wrong with the bytes. A thing without a lease has
 * no record. */
#include "broker/leases/leases_pack.h"

#include "codec/pack.h"

enum { ELEMENTS = 7 };

static void pack_lease(const cf_lease_held *held, cf_buffer *out)
{
    cf_pack_array(out, ELEMENTS);
    cf_pack_bin(out, cf_bytes_of(held->request.bytes, CF_ID_SIZE));
    cf_pack_bin(out, cf_bytes_of(held->holder.bytes, CF_HASH_SIZE));
    cf_pack_uint(out, held->token.generation);
    cf_pack_uint(out, held->token.counter);
    cf_pack_uint(out, held->for_ms);
    cf_pack_bool(out, held->shared);
    cf_pack_uint(out, held->since_ms);
}

void cf_leases_pack(const cf_leases *leases, const cf_id *collection, const cf_id *name,
                    cf_buffer *out)
{
    size_t count;
    const cf_lease_held *held = cf_leases_of(leases, collection, name, &count);

    if (!count)
        return;
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        pack_lease(&held[i], out);
}

static cf_status read_lease(cf_reader *reader, cf_lease_held *held, cf_error *error)
{
    size_t count;
    cf_status status = cf_read_array(reader, &count, error);

    if (!status && count != ELEMENTS)
        status = cf_fail(error, CF_MALFORMED, "%zu elements", count);
    if (!status)
        status = cf_read_bin_exact(reader, held->request.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(reader, held->holder.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &held->token.generation, error);
    if (!status)
        status = cf_read_uint(reader, &held->token.counter, error);
    if (!status)
        status = cf_read_uint(reader, &held->for_ms, error);
    if (!status)
        status = cf_read_bool(reader, &held->shared, error);
    if (!status)
        status = cf_read_uint(reader, &held->since_ms, error);
    return status;
}

static cf_status is_broken(cf_error *error)
{
    error->status = CF_BROKEN;
    cf_error_while(error, "reading a lease");
    return CF_BROKEN;
}

cf_status cf_leases_read(cf_leases *leases, const cf_id *collection, const cf_id *name,
                         cf_bytes record, cf_error *error)
{
    cf_reader reader = cf_reader_of(record);
    size_t count = 0;

    cf_status status = cf_read_array(&reader, &count, error);
    for (size_t i = 0; !status && i < count; i++) {
        cf_lease_held held = {.collection = *collection, .name = *name};

        status = read_lease(&reader, &held, error);
        if (!status)
            cf_leases_put(leases, &held);
    }
    if (!status)
        status = cf_read_end(&reader, error);
    return status ? is_broken(error) : CF_OK;
}

void cf_leases_pack_token(const cf_leases *leases, cf_buffer *out)
{
    const cf_lease_token token = cf_leases_token(leases);

    cf_pack_array(out, 2);
    cf_pack_uint(out, token.generation);
    cf_pack_uint(out, token.counter);
}

cf_status cf_leases_read_token(cf_leases *leases, cf_bytes record, cf_error *error)
{
    cf_reader reader = cf_reader_of(record);
    cf_lease_token token = {0};
    size_t count;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status && count != 2)
        status = cf_fail(error, CF_MALFORMED, "%zu elements", count);
    if (!status)
        status = cf_read_uint(&reader, &token.generation, error);
    if (!status)
        status = cf_read_uint(&reader, &token.counter, error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (status)
        return is_broken(error);
    cf_leases_put_token(leases, &token);
    return CF_OK;
}
