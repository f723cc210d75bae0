/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON document that is begun: what its pointer needs around the records. */
#include "peer/adapters/json_inside.h"

#include "codec/pointer.h"

static void begin_line(size_t depth, cf_buffer *out)
{
    cf_buffer_append_text(out, "\n%*s", 2 * (int)depth, "");
}

void cf_json_records_begin(const cf_json_source *source, cf_buffer *out)
{
    const cf_bytes pointer = source->whole ? (cf_bytes){0} : source->pointer;
    cf_buffer name = {0};
    size_t depth = 0;
    cf_bytes step;

    for (size_t at = 0; cf_pointer_next(pointer, &at, &step);) {
        cf_buffer_append_text(out, "{");
        begin_line(++depth, out);
        cf_buffer_clear(&name);
        cf_pointer_read(step, &name);
        cf_json_write_text(cf_buffer_view(&name), out);
        cf_buffer_append_text(out, ": ");
    }
    cf_buffer_append_text(out, source->whole || !source->key.size ? "{}" : "[]");
    while (depth) {
        begin_line(--depth, out);
        cf_buffer_append_text(out, "}");
    }
    cf_buffer_append_text(out, "\n");
    cf_buffer_release(&name);
}
