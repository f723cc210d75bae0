/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack.h"

#include <msgpack/pack.h>

static int append_packed(void *buffer, const char *data, size_t size)
{
    cf_buffer_append(buffer, data, size);
    return 0;
}

static msgpack_packer packer_into(cf_buffer *out)
{
    return (msgpack_packer){out, append_packed};
}

void cf_pack_nil(cf_buffer *out)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_nil(&packer);
}

void cf_pack_bool(cf_buffer *out, bool value)
{
    msgpack_packer packer = packer_into(out);

    if (value)
        msgpack_pack_true(&packer);
    else
        msgpack_pack_false(&packer);
}

void cf_pack_uint(cf_buffer *out, uint64_t value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_uint64(&packer, value);
}

void cf_pack_int(cf_buffer *out, int64_t value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_int64(&packer, value);
}

void cf_pack_float(cf_buffer *out, double value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_double(&packer, value);
}

void cf_pack_bin(cf_buffer *out, cf_bytes value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_bin(&packer, value.size);
    cf_buffer_append(out, value.data, value.size);
}

void cf_pack_text(cf_buffer *out, cf_bytes value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_str(&packer, value.size);
    cf_buffer_append(out, value.data, value.size);
}

void cf_pack_array(cf_buffer *out, size_t count)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_array(&packer, count);
}

void cf_pack_map(cf_buffer *out, size_t count)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_map(&packer, count);
}

void cf_pack_raw(cf_buffer *out, cf_bytes encoded)
{
    cf_buffer_append(out, encoded.data, encoded.size);
}
