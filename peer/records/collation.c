/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/records/collation.h"

#include "codec/pack.h"

static bool is_text(cf_bytes value, cf_bytes *text)
{
    cf_reader reader = cf_reader_of(value);
    cf_type type;
    cf_error ignored;

    return !cf_read_type(&reader, &type, &ignored) && type == CF_TYPE_TEXT &&
           !cf_read_text(&reader, text, &ignored);
}

void cf_collation_fold(cf_collation collation, cf_bytes value, cf_buffer *out)
{
    cf_bytes text;

    if (collation == CF_COLLATION_BINARY || !is_text(value, &text)) {
        cf_buffer_append(out, value.data, value.size);
        return;
    }
    if (collation == CF_COLLATION_RTRIM)
        while (text.size && text.data[text.size - 1] == ' ')
            text.size--;
    cf_pack_text(out, text);
    for (size_t i = out->size - text.size; i < out->size && collation == CF_COLLATION_NOCASE; i++)
        if (out->data[i] >= 'A' && out->data[i] <= 'Z')
            out->data[i] = (uint8_t)(out->data[i] - 'A' + 'a');
}
