/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/adapter.h"

#include <string.h>

static const char *const formats[] = {
    [CF_FORMAT_FILES] = "files",         [CF_FORMAT_CSV] = "csv",
    [CF_FORMAT_JSON] = "json",           [CF_FORMAT_VCARD] = "vcard",
    [CF_FORMAT_ICALENDAR] = "icalendar", [CF_FORMAT_SQLITE] = "sqlite",
};

cf_status cf_format_of_text(const char *text, cf_format *out, cf_error *error)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(formats[i], text) == 0) {
            *out = (cf_format)i;
            return CF_OK;
        }
    return cf_fail(error, CF_USAGE,
                   "unknown format '%s': files, csv, json, vcard, icalendar or sqlite", text);
}

const char *cf_format_what(cf_format format)
{
    static const char *const what[] = {
        [CF_FORMAT_FILES] = "files",
        [CF_FORMAT_CSV] = "records",
        [CF_FORMAT_JSON] = "records",
        [CF_FORMAT_VCARD] = "contacts",
        [CF_FORMAT_ICALENDAR] = "events and tasks",
        [CF_FORMAT_SQLITE] = "rows of a database",
    };

    return what[format];
}

const char *cf_format_text(cf_format format)
{
    return formats[format];
}
