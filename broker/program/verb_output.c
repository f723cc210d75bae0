/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/verb_output.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/program/endpoint.h"

void cf_verb_append_json(cf_buffer *out, json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2));

    cf_buffer_append_text(out, "%s\n", text);
    free(text);
    json_decref(value);
}

void cf_verb_warn_of_address(const cf_desk *desk)
{
    cf_address address;
    cf_error ignored;

    if (!desk->said || cf_address_read(desk->address, &address, &ignored) ||
        !cf_endpoint_is_bare(address.host))
        return;
    cf_buffer_append_text(desk->said, "counterfoild: " CF_ENDPOINT_BARE_FORMAT "\n", address.host);
}

void cf_verb_write_time(uint64_t time_ms, char text[CF_VERB_TIME])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;

    if (time_ms == 0 || !gmtime_r(&seconds, &parts) ||
        strftime(text, CF_VERB_TIME, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        memcpy(text, "never", sizeof "never");
}

void cf_verb_show_name(const cf_user_name *name, char text[CF_NAME_SHOWN])
{
    cf_name_show(cf_bytes_of_text(name->text[0] ? name->text : "-"), text);
}

json_t *cf_verb_json_name(const cf_user_name *name)
{
    char text[CF_NAME_SHOWN];

    cf_verb_show_name(name, text);
    return name->text[0] ? json_string(text) : json_null();
}
