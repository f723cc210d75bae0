/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/item.h"

#include <string.h>

#include "codec/change.h"
#include "codec/limits.h"
#include "codec/pack.h"
#include "codec/utf8.h"

enum { MODE_MAX = 0777 };

bool cf_item_is_file(const cf_id *item)
{
    static const cf_id root = {{0}};
    uint8_t kind = item->bytes[0];

    return kind == 'd' || kind == 'f' || kind == 'l' || cf_id_equal(item, &root);
}

bool cf_item_is_record(const cf_id *item)
{
    uint8_t kind = item->bytes[0];

    return kind == 'c' || kind == 'e' || kind == 't' || kind == 'r' || kind == 'j';
}

bool cf_item_has_content(const cf_id *item, cf_bytes field, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    size_t count;
    cf_bytes first;
    cf_type type;
    cf_error ignored;

    if (cf_item_is_file(item))
        return cf_bytes_equal(field, cf_bytes_of_text(CF_FIELD_CONTENT));
    return cf_item_is_record(item) && !cf_field_is_deletion(field) &&
           cf_read_array(&reader, &count, &ignored) == CF_OK && count > 0 &&
           cf_read_type(&reader, &type, &ignored) == CF_OK && type == CF_TYPE_BIN &&
           cf_read_bin(&reader, &first, &ignored) == CF_OK && first.size == CF_HASH_SIZE;
}

cf_status cf_field_check(cf_bytes field, cf_error *error)
{
    if (field.size > CF_FIELD_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a field name of %zu bytes", field.size);
    if (!cf_utf8_valid(field))
        return cf_fail(error, CF_MALFORMED, "a field name is not UTF-8");
    if (field.size && field.data[0] != '/')
        return cf_fail(error, CF_MALFORMED, "a field name does not begin with /");
    for (size_t i = 0; i < field.size; i++)
        if (field.data[i] == '~' && (i + 1 == field.size || (field.data[i + 1] & ~1) != '0'))
            return cf_fail(error, CF_MALFORMED, "a field name has a ~ without 0 or 1");
    return CF_OK;
}

cf_status cf_name_check(cf_bytes name, cf_error *error)
{
    if (name.size == 0 || name.size > CF_NAME_MAX)
        return cf_fail(error, CF_MALFORMED, "a name of %zu bytes", name.size);
    if (memchr(name.data, '\0', name.size) || memchr(name.data, '/', name.size))
        return cf_fail(error, CF_MALFORMED, "a name has a NUL or a / in it");
    if (cf_bytes_equal(name, cf_bytes_of_text(".")) || cf_bytes_equal(name, cf_bytes_of_text("..")))
        return cf_fail(error, CF_MALFORMED, "a name is . or ..");
    if (cf_bytes_equal(name, cf_bytes_of_text(CF_OWN_FOLDER)))
        return cf_fail(error, CF_MALFORMED, "a name is " CF_OWN_FOLDER);
    return CF_OK;
}

static cf_status check_kind(cf_reader *reader, const cf_id *item, cf_error *error)
{
    cf_bytes kind;
    cf_status status = cf_read_text(reader, &kind, error);

    if (!status && (kind.size != 1 || kind.data[0] != item->bytes[0]))
        status = cf_fail(error, CF_MALFORMED, "a kind is not that of the item's id");
    return status;
}

static cf_status check_name(cf_reader *reader, cf_error *error)
{
    cf_bytes name;
    cf_status status = cf_read_bin(reader, &name, error);

    return status ? status : cf_name_check(name, error);
}

static cf_status check_mode(cf_reader *reader, cf_error *error)
{
    uint64_t mode;
    cf_status status = cf_read_uint(reader, &mode, error);

    if (!status && mode > MODE_MAX)
        status = cf_fail(error, CF_MALFORMED, "a mode is over 0777");
    return status;
}

cf_status cf_item_check(const cf_id *item, cf_bytes field, cf_bytes value, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_id parent;
    int64_t mtime;

    if (!cf_item_is_file(item))
        return CF_OK;
    if (cf_bytes_equal(field, cf_bytes_of_text(CF_FIELD_KIND)))
        return check_kind(&reader, item, error);
    if (cf_bytes_equal(field, cf_bytes_of_text(CF_FIELD_PARENT)))
        return cf_read_bin_exact(&reader, parent.bytes, sizeof parent.bytes, error);
    if (cf_bytes_equal(field, cf_bytes_of_text(CF_FIELD_NAME)))
        return check_name(&reader, error);
    if (cf_bytes_equal(field, cf_bytes_of_text(CF_FIELD_MODE)))
        return check_mode(&reader, error);
    if (cf_bytes_equal(field, cf_bytes_of_text(CF_FIELD_MTIME)))
        return cf_read_int(&reader, &mtime, error);
    return CF_OK;
}
