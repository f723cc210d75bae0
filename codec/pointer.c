/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pointer.h"

#include <string.h>

bool cf_pointer_next(cf_bytes pointer, size_t *at, cf_bytes *step)
{
    if (*at >= pointer.size)
        return false;
    const uint8_t *from = pointer.data + *at + 1; /* behind the slash */
    const size_t left = pointer.size - *at - 1;
    const uint8_t *slash = left ? memchr(from, '/', left) : NULL;

    *step = cf_bytes_of(from, slash ? (size_t)(slash - from) : left);
    *at += 1 + step->size;
    return true;
}

void cf_pointer_read(cf_bytes step, cf_buffer *out)
{
    for (size_t i = 0; i < step.size; i++) {
        const bool is_escaped = step.data[i] == '~' && i + 1 < step.size &&
                                (step.data[i + 1] == '0' || step.data[i + 1] == '1');

        i += is_escaped;
        if (is_escaped)
            cf_buffer_append(out, step.data[i] == '1' ? "/" : "~", 1);
        else
            cf_buffer_append(out, &step.data[i], 1);
    }
}

void cf_pointer_write(cf_bytes name, cf_buffer *out)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '~' || name.data[i] == '/')
            cf_buffer_append(out, name.data[i] == '~' ? "~0" : "~1", 2);
        else
            cf_buffer_append(out, &name.data[i], 1);
}

void cf_pointer_add(cf_bytes name, cf_buffer *pointer)
{
    cf_buffer_append(pointer, "/", 1);
    cf_pointer_write(name, pointer);
}

bool cf_pointer_below(cf_bytes pointer, const char *above, cf_bytes *rest)
{
    const size_t size = strlen(above);

    if (pointer.size <= size || memcmp(pointer.data, above, size) != 0 || pointer.data[size] != '/')
        return false;
    *rest = cf_bytes_of(pointer.data + size + 1, pointer.size - size - 1);
    return true;
}
