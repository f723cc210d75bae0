/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON document that is begun: what its pointer needs around the records. */
#include "peer/adapters/json_inside.h"

#include <string.h>

static void begin_line(size_t depth, cf_buffer *out)
{
    cf_buffer_append_text(out, "\n%*s", 2 * (int)depth, "");
}

void cf_json_records_begin(const cf_json_source *source, cf_buffer *out)
{
    const cf_bytes pointer = source->whole ? (cf_bytes){0} : source->pointer;
    cf_buffer name = {0};
    size_t depth = 0;

    for (size_t at = 0; at < pointer.size;) {
        const uint8_t *from = pointer.data + at + 1;
        const uint8_t *slash = memchr(from, '/', pointer.size - at - 1);
        size_t size = slash ? (size_t)(slash - from) : pointer.size - at - 1;

        cf_buffer_append_text(out, "{");
        begin_line(++depth, out);
        cf_buffer_clear(&name);
        cf_json_step(cf_bytes_of(from, size), &name);
        cf_json_write_text(cf_buffer_view(&name), out);
        cf_buffer_append_text(out, ": ");
        at += 1 + size;
    }
    cf_buffer_append_text(out, source->whole || !source->key.size ? "{}" : "[]");
    while (depth) {
        begin_line(--depth, out);
        cf_buffer_append_text(out, "}");
    }
    cf_buffer_append_text(out, "\n");
    cf_buffer_release(&name);
}
