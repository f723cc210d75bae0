/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields have a number: those of `fixed`. In a record only the first CF_FIELD_NUMBERS_KEPT of
 * them are numbers; all others are names there, and a number from there on is malformed. */
#include "peer/merge/fields.h"

#include "codec/change.h"

#include <assert.h>

#define FIXED(text)                                                                                \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const cf_bytes fixed[CF_FIELD_NUMBERS] = {
    [CF_FIELD_NUMBER_DELETED] = FIXED(CF_FIELD_DELETED),
    [CF_FIELD_NUMBER_KIND] = FIXED(CF_FIELD_KIND),
    [CF_FIELD_NUMBER_PARENT] = FIXED(CF_FIELD_PARENT),
    [CF_FIELD_NUMBER_NAME] = FIXED(CF_FIELD_NAME),
    [CF_FIELD_NUMBER_CONTENT] = FIXED(CF_FIELD_CONTENT),
    [CF_FIELD_NUMBER_MODE] = FIXED(CF_FIELD_MODE),
    [CF_FIELD_NUMBER_MTIME] = FIXED(CF_FIELD_MTIME),
    [CF_FIELD_NUMBER_PIN] = FIXED(CF_FIELD_PIN),
    [CF_FIELD_NUMBER_TABLE] = FIXED(CF_FIELD_TABLE),
    [CF_FIELD_NUMBER_KEY] = FIXED(CF_FIELD_KEY),
    [CF_FIELD_NUMBER_LEVEL] = FIXED(CF_FIELD_LEVEL),
    [CF_FIELD_NUMBER_FROM] = FIXED(CF_FIELD_FROM),
};

cf_bytes cf_field_fixed(uint32_t number)
{
    assert(number < CF_FIELD_NUMBERS);
    return fixed[number];
}

uint32_t cf_field_number(cf_bytes name)
{
    uint32_t number = 0;

    while (number < CF_FIELD_NUMBERS && !cf_field_is(name, number))
        number++;
    return number;
}

void cf_field_pack(cf_buffer *out, cf_bytes name)
{
    uint32_t number = cf_field_number(name);

    if (number < CF_FIELD_NUMBERS_KEPT)
        cf_pack_uint(out, number);
    else
        cf_pack_text(out, name);
}

cf_status cf_field_read(cf_reader *reader, cf_bytes *out, cf_error *error)
{
    cf_type type;
    uint64_t number;
    cf_status status = cf_read_type(reader, &type, error);

    if (status)
        return status;
    if (type != CF_TYPE_UINT)
        return cf_read_text(reader, out, error);
    status = cf_read_uint(reader, &number, error);
    if (!status && number >= CF_FIELD_NUMBERS_KEPT)
        return cf_fail(error, CF_MALFORMED, "an unknown field number");
    if (!status)
        *out = cf_field_fixed((uint32_t)number);
    return status;
}

cf_status cf_read_array_of(cf_reader *reader, size_t count, cf_error *error)
{
    size_t found;
    cf_status status = cf_read_array(reader, &found, error);

    if (!status && found != count)
        return cf_fail(error, CF_MALFORMED, "an array of %zu instead of %zu", found, count);
    return status;
}
