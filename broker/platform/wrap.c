/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/wrap.h"

#include <string.h>

/* The size of a word, or of what stands in brackets, if a line has room for it. */
static size_t unbroken(const char *text, size_t room)
{
    size_t size = 0, depth = 0;

    for (; text[size] && (depth || !strchr(" \n", text[size])); size++) {
        depth += text[size] == '[';
        depth -= text[size] == ']' && depth;
    }
    return size <= room ? size : strcspn(text, " \n");
}

void cf_wrap(cf_buffer *out, const char *text, size_t column, size_t indent)
{
    bool follows = false; /* a word of the same line */

    for (const char *at = text; *at;) {
        const size_t size = unbroken(at, CF_WRAP_WIDTH - indent);

        if (follows && column + 1 + size > CF_WRAP_WIDTH) {
            cf_buffer_append_text(out, "\n%*s", (int)indent, "");
            column = indent;
            follows = false;
        }
        cf_buffer_append_text(out, "%s%.*s", follows ? " " : "", (int)size, at);
        column += follows + size;
        follows = at[size] == ' ';
        if (at[size] == '\n') {
            cf_buffer_append_text(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        at += size + (at[size] != 0);
    }
    cf_buffer_append_text(out, "\n");
}
