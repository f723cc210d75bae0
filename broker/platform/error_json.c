/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/error_json.h"

#include "broker/platform/names.h"
#include "codec/error.h"

/* NULL: null. */
static json_t *json_text(const char *text)
{
    cf_buffer shown = {0};

    if (!text)
        return json_null();
    cf_text_append(&shown, cf_bytes_of_text(text));
    json_t *string = json_stringn(shown.size ? (const char *)shown.data : "", shown.size);
    cf_buffer_release(&shown);
    return string;
}

json_t *cf_error_json(int code, const char *message)
{
    return json_pack("{s:{s:i, s:o, s:o}}", "error", "code", code, "message", json_text(message),
                     "hint", json_text(cf_error_hint(message)));
}
