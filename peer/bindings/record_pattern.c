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
