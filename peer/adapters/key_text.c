/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/key_text.h"

#include "codec/pack.h"
#include "peer/adapters/json_value.h"

static void pack_said(cf_bytes key, cf_buffer *out)
{
    cf_buffer text = {0};

    cf_value_text(key, &text);
    cf_pack_text(out, cf_buffer_view(&text));
    cf_buffer_release(&text);
}

/* Whether the key, which is no text, reads like this one. */
static bool reads_like(cf_bytes key, cf_bytes text)
{
    cf_buffer said = {0};

    pack_said(key, &said);
    bool same = cf_bytes_equal(cf_buffer_view(&said), text);
    cf_buffer_release(&said);
    return same;
}

static bool read_number(cf_bytes key, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(key);
    cf_buffer value = {0};
    cf_json json = {0};
    cf_error ignored;
    cf_bytes text;

    if (cf_read_text(&reader, &text, &ignored) || cf_json_read(text, &json, &ignored))
        return false;
    bool read = json.count == 1 && json.nodes[0].type < CF_JSON_ARRAY &&
                json.nodes[0].type != CF_JSON_NULL &&
                cf_json_value(&json, 0, &value, &ignored) == CF_OK &&
                reads_like(cf_buffer_view(&value), key);
    if (read)
        cf_buffer_append(out, value.data, value.size);
    cf_json_release(&json);
    cf_buffer_release(&value);
    return read;
}

bool cf_key_otherwise(cf_bytes key, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(key);
    cf_error ignored;
    cf_type type;

    if (cf_read_type(&reader, &type, &ignored) || type == CF_TYPE_NIL || type >= CF_TYPE_ARRAY)
        return false;
    if (type == CF_TYPE_TEXT)
        return read_number(key, out);
    pack_said(key, out);
    return true;
}
