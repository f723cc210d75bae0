/* SPDX-License-Identifier: Apache-2.0 */
/* Values: whoever accepts one accepts the only encoding of it. */
#include "tests/fuzz/target.h"

#include "codec/item.h"
#include "codec/limits.h"
#include "codec/pack.h"

bool fuzz_seed(size_t number, cf_buffer *out)
{
    switch (number) {
    case 0:
        cf_pack_map(out, 2);
        cf_pack_uint(out, 7);
        cf_pack_float(out, 0.5);
        cf_pack_text(out, cf_bytes_of_text("/name"));
        cf_pack_array(out, 3);
        cf_pack_nil(out);
        cf_pack_bool(out, true);
        cf_pack_bin(out, cf_bytes_of_text("bytes"));
        return true;
    case 1:
        for (int i = 0; i < CF_VALUE_DEPTH_MAX; i++)
            cf_pack_array(out, 1);
        cf_pack_int(out, -70000);
        return true;
    case 2:
        cf_pack_uint(out, UINT64_MAX);
        return true;
    default:
        return false;
    }
}

static void pack_again(cf_reader *reader, cf_buffer *out);

static void pack_scalar(cf_reader *reader, cf_type type, cf_buffer *out)
{
    cf_error error;
    cf_bytes bytes;
    uint64_t number;
    int64_t negative;
    double real;
    bool flag;

    switch (type) {
    case CF_TYPE_NIL:
        fuzz_must(!cf_read_nil(reader, &error));
        cf_pack_nil(out);
        break;
    case CF_TYPE_BOOL:
        fuzz_must(!cf_read_bool(reader, &flag, &error));
        cf_pack_bool(out, flag);
        break;
    case CF_TYPE_UINT:
        fuzz_must(!cf_read_uint(reader, &number, &error));
        cf_pack_uint(out, number);
        break;
    case CF_TYPE_INT:
        fuzz_must(!cf_read_int(reader, &negative, &error));
        cf_pack_int(out, negative);
        break;
    case CF_TYPE_FLOAT:
        fuzz_must(!cf_read_float(reader, &real, &error));
        cf_pack_float(out, real);
        break;
    case CF_TYPE_TEXT:
        fuzz_must(!cf_read_text(reader, &bytes, &error));
        cf_pack_text(out, bytes);
        break;
    default:
        fuzz_must(type == CF_TYPE_BIN && !cf_read_bin(reader, &bytes, &error));
        cf_pack_bin(out, bytes);
    }
}

static void pack_again(cf_reader *reader, cf_buffer *out)
{
    cf_error error;
    cf_type type;
    size_t count;

    fuzz_must(!cf_read_type(reader, &type, &error));
    if (type == CF_TYPE_ARRAY) {
        fuzz_must(!cf_read_array(reader, &count, &error));
        cf_pack_array(out, count);
    } else if (type == CF_TYPE_MAP) {
        fuzz_must(!cf_read_map(reader, &count, &error));
        cf_pack_map(out, count);
        count *= 2;
    } else {
        pack_scalar(reader, type, out);
        return;
    }
    while (count--)
        pack_again(reader, out);
}

bool fuzz_run(cf_bytes input)
{
    static const char *const fields[] = {"/kind", "/parent", "/name", "/mode", "/mtime", "/other"};
    cf_reader reader = cf_reader_of(input);
    cf_buffer again = {0};
    cf_error error;

    if (cf_value_check(input, &error))
        return false;
    pack_again(&reader, &again);
    fuzz_must(!cf_read_end(&reader, &error));
    fuzz_must(cf_bytes_equal(cf_buffer_view(&again), input));
    cf_buffer_release(&again);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        cf_id item = fuzz_id('f');

        cf_item_check(&item, cf_bytes_of_text(fields[i]), input, &error);
        item.bytes[0] = 'C';
        cf_item_check(&item, cf_bytes_of_text(fields[i]), input, &error);
    }
    return true;
}
