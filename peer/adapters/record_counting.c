/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_counting.h"

#include "codec/pack.h"

static bool number_of(cf_bytes key, int64_t *number)
{
    cf_reader reader = cf_reader_of(key);
    cf_buffer packed = {0};
    cf_bytes text;
    cf_error ignored;

    if (cf_read_int(&reader, number, &ignored) == CF_OK)
        return true;
    reader = cf_reader_of(key);
    bool read =
        cf_read_text(&reader, &text, &ignored) == CF_OK && cf_serial_key_pack(text, &packed);
    reader = cf_reader_of(cf_buffer_view(&packed));
    read = read && cf_read_int(&reader, number, &ignored) == CF_OK;
    cf_buffer_release(&packed);
    return read;
}

bool cf_record_keys_count_up(const cf_row *rows, size_t count)
{
    int64_t number, before = -1, highest = 0;
    bool ascends = true;

    for (size_t i = 0; i < count; i++) {
        if (!number_of(rows[i].key, &number) || number < 0)
            return false;
        ascends = ascends && number > before;
        before = number;
        highest = number > highest ? number : highest;
    }
    return count && (ascends || (uint64_t)highest <= 2 * count);
}
