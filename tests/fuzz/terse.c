/* SPDX-License-Identifier: Apache-2.0 */
/* Long values: whoever reads one from a content would write the content so. */
#include "tests/fuzz/target.h"

#include "codec/base64.h"
#include "codec/pack.h"
#include "codec/terse.h"

enum { PICTURE = 800, LIMIT = 1 << 20 };

static void add_text(const char *prefix, bool padded, cf_buffer *value)
{
    uint8_t picture[PICTURE];
    cf_buffer text = {0};

    for (size_t i = 0; i < PICTURE; i++)
        picture[i] = (uint8_t)(i * i >> 3 ^ i);
    cf_buffer_append_text(&text, "%s", prefix);
    cf_base64_write(cf_bytes_of(picture, PICTURE), padded, &text);
    cf_pack_text(value, cf_buffer_view(&text));
    cf_buffer_release(&text);
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    cf_buffer value = {0};

    if (number > 2)
        return false;
    cf_pack_map(&value, 1);
    cf_pack_uint(&value, number);
    add_text(number ? "data:image/png;base64," : "", number % 2, &value);
    if (number == 2)
        cf_pack_raw(out, cf_buffer_view(&value));
    else
        fuzz_must(cf_terse_write(cf_buffer_view(&value), out));
    cf_buffer_release(&value);
    return true;
}

bool fuzz_run(cf_bytes input)
{
    cf_buffer value = {0}, terse = {0};
    cf_error error;

    bool taken = cf_terse_read(input, LIMIT, &value, &error) == CF_OK;
    if (taken) {
        cf_bytes read = cf_buffer_view(&value);

        fuzz_must(read.size <= LIMIT);
        fuzz_must(!cf_value_check(read, &error));
        bool shorter = cf_terse_write(read, &terse);
        fuzz_must(cf_bytes_equal(input, read) ||
                  (shorter && cf_bytes_equal(input, cf_buffer_view(&terse))));
    }
    cf_buffer_release(&value);
    cf_buffer_release(&terse);
    return taken;
}
