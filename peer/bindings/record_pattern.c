/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/record_pattern.h"

#include <string.h>

cf_record_pattern cf_record_pattern_of(const char *pattern)
{
    const char *slashes = strstr(pattern, "//"), *equals = strchr(pattern, '=');
    cf_record_pattern found = {0};

    if (!equals)
        return (cf_record_pattern){.table = pattern, .table_size = strlen(pattern)};
    found.field = pattern;
    if (slashes && slashes < equals) {
        found.table = pattern;
        found.table_size = (size_t)(slashes - pattern);
        found.field = slashes + 2;
    }
    found.field_size = (size_t)(equals - found.field);
    found.value = equals + 1;
    return found;
}

cf_status cf_record_pattern_check(const char *const *patterns, size_t count, cf_error *error)
{
    for (size_t i = 0; i < count; i++) {
        cf_record_pattern found = cf_record_pattern_of(patterns[i]);

        if ((found.table && !found.table_size) || (found.field && !found.field_size))
            return cf_fail(error, CF_USAGE,
                           "--include '%s': of records it is TABLE, FIELD=VALUE or "
                           "TABLE//FIELD=VALUE",
                           patterns[i]);
    }
    return CF_OK;
}

cf_status cf_table_pattern_check(const char *const *patterns, size_t count, cf_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!*patterns[i] || strchr(patterns[i], '=') || strstr(patterns[i], "//"))
            return cf_fail(error, CF_USAGE,
                           "--exclude '%s': it leaves out whole tables, by their names",
                           patterns[i]);
    return CF_OK;
}

cf_status cf_column_names_check(const char *option, const char *const *names, size_t count,
                                cf_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const char *dot = strchr(names[i], '.');

        if (!dot || dot == names[i] || !dot[1])
            return cf_fail(error, CF_USAGE, "--%s '%s': it names a column, as TABLE.COLUMN", option,
                           names[i]);
    }
    return CF_OK;
}
