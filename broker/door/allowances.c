/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/door/allowances.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Such that no honest use meets them: a first sync of many small files, an office behind one
 * address. */
const cf_allowances cf_allowances_default = {
    .entries_per_minute = 60000,
    .connections_per_user = 64,
    .connections_per_minute = 3000,
    .strangers_per_address = 256,
    .strangers = 2048,
    .silence = 60,
    .waste_per_second = 500,
};

static const struct {
    const char *name;
    size_t offset;
} names[] = {
    {"entries-per-minute", offsetof(cf_allowances, entries_per_minute)},
    {"connections-per-user", offsetof(cf_allowances, connections_per_user)},
    {"connections-per-minute", offsetof(cf_allowances, connections_per_minute)},
    {"strangers-per-address", offsetof(cf_allowances, strangers_per_address)},
    {"strangers", offsetof(cf_allowances, strangers)},
    {"silence", offsetof(cf_allowances, silence)},
    {"waste-per-second", offsetof(cf_allowances, waste_per_second)},
};

static cf_status read_number(const char *text, uint64_t *out, cf_error *error)
{
    char *end = NULL;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || number > UINT32_MAX)
        return cf_fail(error, CF_USAGE, "%s is not a number from 0 to %u", text, UINT32_MAX);
    *out = number;
    return CF_OK;
}

static cf_status fail_unknown(const char *text, size_t size, cf_error *error)
{
    char all[256] = "";

    for (size_t i = 0, used = 0; i < sizeof names / sizeof *names && used < sizeof all; i++)
        used +=
            (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i].name);
    return cf_fail(error, CF_USAGE, "unknown limit %.*s: there are %s", (int)size, text, all);
}

cf_status cf_allowances_read(const char *text, cf_allowances *allowances, cf_error *error)
{
    const char *sign = strchr(text, '=');
    size_t size = sign ? (size_t)(sign - text) : strlen(text);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i].name) != size || strncmp(names[i].name, text, size) != 0)
            continue;
        if (!sign)
            return cf_fail(error, CF_USAGE, "limit %s needs a number: %s=N", text, text);
        return read_number(sign + 1, (uint64_t *)((char *)allowances + names[i].offset), error);
    }
    return fail_unknown(text, size, error);
}

void cf_allowances_write(const cf_allowances *allowances, char text[CF_ALLOWANCES_TEXT])
{
    size_t used = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && used < CF_ALLOWANCES_TEXT; i++)
        used += (size_t)snprintf(text + used, CF_ALLOWANCES_TEXT - used, "%s%s=%" PRIu64,
                                 i ? ", " : "", names[i].name,
                                 *(const uint64_t *)((const char *)allowances + names[i].offset));
}
