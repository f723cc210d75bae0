/* SPDX-License-Identifier: Apache-2.0 */
/* What a user can be called: 1 to CF_USER_NAME_MAX bytes that can all be seen, and that nobody
 * takes for a number, an option, or the beginning of an id, which is CF_USER_DIGITS hexadecimal
 * digits or more. */
#include "broker/management/user_name.h"

#include <string.h>

#include "broker/platform/names.h"

static const uint8_t table = 'n';

bool cf_user_digits(const char *text, size_t least)
{
    size_t size = strlen(text);

    return size >= least && size <= 2 * CF_HASH_SIZE &&
           strspn(text, "0123456789abcdefABCDEF") == size;
}

cf_status cf_user_name_read(const char *text, cf_user_name *out, cf_error *error)
{
    char shown[CF_NAME_SHOWN];
    size_t size = strlen(text);

    cf_name_show(cf_bytes_of_text(text), shown);
    if (size == 0 || size > CF_USER_NAME_MAX)
        return cf_fail(error, CF_USAGE, "a user's name has 1 to %d bytes", CF_USER_NAME_MAX);
    if (strcmp(shown, text) != 0)
        return cf_fail(error, CF_USAGE, "%s can't be a user's name: not all of it can be seen",
                       shown);
    if (*text == '-' || strspn(text, "0123456789") == size || cf_user_digits(text, CF_USER_DIGITS))
        return cf_fail(error, CF_USAGE,
                       "%s can't be a user's name: it could be taken for a number, an id or an "
                       "option",
                       shown);
    memcpy(out->text, text, size + 1);
    return CF_OK;
}

cf_kv cf_user_name_record(const cf_user_name *name)
{
    return (cf_kv){cf_bytes_of(&table, 1), cf_bytes_of_text(name->text)};
}

cf_status cf_user_name_get(cf_store *store, const cf_hash *user, cf_user_name *out, cf_error *error)
{
    cf_buffer value = {0};
    cf_status status = store->get(store, user, cf_bytes_of(&table, 1), &value, error);

    *out = (cf_user_name){0};
    if (status == CF_MISSING)
        status = CF_OK;
    else if (!status && value.size > CF_USER_NAME_MAX)
        status = cf_fail(error, CF_BROKEN, "a user's name has %zu bytes", value.size);
    else if (!status)
        memcpy(out->text, value.data, value.size);
    cf_buffer_release(&value);
    return status;
}
