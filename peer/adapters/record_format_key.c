/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys a file has a place for: what is written without one can't be read again, or is another
 * record then. */
#include "peer/adapters/record_adapter.h"

#include "codec/pack.h"

size_t cf_record_key_parts(cf_bytes key)
{
    cf_reader reader = cf_reader_of(key);
    cf_type type = CF_TYPE_NIL;
    size_t count = 0;
    cf_error ignored;

    if (cf_read_type(&reader, &type, &ignored) || type == CF_TYPE_NIL || type == CF_TYPE_MAP)
        return 0;
    if (type != CF_TYPE_ARRAY)
        return 1;
    return cf_read_array(&reader, &count, &ignored) ? 0 : count;
}

bool cf_record_key_says_any(cf_bytes key, size_t parts)
{
    cf_buffer text = {0};

    for (size_t i = 0; i < parts && !text.size; i++)
        cf_record_key_text(cf_row_key_part(key, i, parts), &text);
    bool any = text.size > 0;
    cf_buffer_release(&text);
    return any;
}

bool cf_record_is_document(cf_format format, size_t key_count, cf_bytes table)
{
    return cf_adapter_of(format)->keying == CF_KEYING_MEMBER &&
           cf_bytes_equal(table,
                          cf_bytes_of_text(key_count ? CF_TABLE_DOCUMENT : CF_TABLE_RECORDS));
}

bool cf_record_format_keeps(const cf_record_options *options, cf_bytes table, cf_bytes key)
{
    const cf_record_adapter *records = options->adapter->records;

    return !records || !records->keeps || records->keeps(options, table, key);
}
