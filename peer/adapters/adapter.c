/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/adapter.h"

#include <string.h>

static const char *const formats[] = {
    [CF_FORMAT_FILES] = "files",
};

cf_status cf_format_of_text(const char *text, cf_format *out, cf_error *error)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(formats[i], text) == 0) {
            *out = (cf_format)i;
            return CF_OK;
        }
    return cf_fail(error, CF_USAGE, "unknown format '%s'", text);
}

const char *cf_format_text(cf_format format)
{
    return formats[format];
}
