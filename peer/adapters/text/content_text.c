/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/content_text.h"

#include <string.h>

static void append_byte(cf_buffer *out, uint8_t byte)
{
    cf_buffer_append(out, &byte, 1);
}

void cf_content_text_read(cf_bytes spelled, cf_buffer *out)
{
    for (size_t i = 0; i < spelled.size; i++) {
        uint8_t next = i + 1 < spelled.size ? spelled.data[i + 1] : 0;

        if (spelled.data[i] != '\\' || !next || !strchr("nN\\,;:", next)) {
            append_byte(out, spelled.data[i]);
            continue;
        }
        append_byte(out, next == 'n' || next == 'N' ? '\n' : next);
        i++;
    }
}

/* A line end at `at`, as CR LF, CR or LF: its size, else 0. */
static size_t line_end_size(cf_bytes text, size_t at)
{
    if (text.data[at] == '\n')
        return 1;
    if (text.data[at] != '\r')
        return 0;
    return at + 1 < text.size && text.data[at + 1] == '\n' ? 2 : 1;
}

void cf_content_text_write(cf_bytes text, cf_buffer *out)
{
    for (size_t i = 0; i < text.size;) {
        size_t line_end = line_end_size(text, i);
        uint8_t byte = text.data[i];

        if (line_end) {
            cf_buffer_append(out, "\\n", 2);
        } else {
            if (byte == '\\' || byte == ',' || byte == ';')
                append_byte(out, '\\');
            append_byte(out, byte);
        }
        i += line_end ? line_end : 1;
    }
}

bool cf_content_part(cf_bytes spelled, char separator, size_t *at, cf_bytes *part)
{
    size_t end = *at;

    if (end > spelled.size)
        return false;
    while (end < spelled.size && spelled.data[end] != (uint8_t)separator)
        end += spelled.data[end] == '\\' && end + 1 < spelled.size ? 2 : 1;
    *part = spelled.size ? cf_bytes_of(spelled.data + *at, end - *at) : (cf_bytes){0};
    *at = end + 1;
    return true;
}

bool cf_parameter_part(cf_bytes spelled, size_t *at, cf_bytes *part)
{
    size_t from = *at, end = from;
    bool quoted = false;

    if (from > spelled.size)
        return false;
    for (; end < spelled.size && (quoted || spelled.data[end] != ','); end++)
        quoted ^= spelled.data[end] == '"';
    *at = end + 1;
    if (end - from >= 2 && spelled.data[from] == '"' && spelled.data[end - 1] == '"')
        from++, end--;
    *part = spelled.size ? cf_bytes_of(spelled.data + from, end - from) : (cf_bytes){0};
    return true;
}

void cf_parameter_read(cf_bytes part, cf_buffer *out)
{
    for (size_t i = 0; i < part.size; i++) {
        uint8_t next = i + 1 < part.size ? part.data[i + 1] : 0;

        if (part.data[i] != '^' || !next || !strchr("n^'", next)) {
            append_byte(out, part.data[i]);
            continue;
        }
        append_byte(out, next == 'n' ? '\n' : next == '^' ? '^' : '"');
        i++;
    }
}

static bool needs_quotes(cf_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (strchr(":;,", text.data[i]) && text.data[i])
            return true;
    return false;
}

void cf_parameter_write(cf_bytes text, cf_buffer *out)
{
    bool quotes = needs_quotes(text);

    if (quotes)
        append_byte(out, '"');
    for (size_t i = 0; i < text.size;) {
        size_t line_end = line_end_size(text, i);
        uint8_t byte = text.data[i];

        if (line_end)
            cf_buffer_append(out, "^n", 2);
        else if (byte == '"' || byte == '^')
            cf_buffer_append_text(out, "^%c", byte == '"' ? '\'' : '^');
        else
            append_byte(out, byte);
        i += line_end ? line_end : 1;
    }
    if (quotes)
        append_byte(out, '"');
}

static int digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return -1;
}

void cf_quoted_printable_read(cf_bytes spelled, cf_buffer *out)
{
    for (size_t i = 0; i < spelled.size; i++) {
        int high = i + 2 < spelled.size ? digit(spelled.data[i + 1]) : -1;
        int low = i + 2 < spelled.size ? digit(spelled.data[i + 2]) : -1;

        if (spelled.data[i] != '=' || high < 0 || low < 0) {
            append_byte(out, spelled.data[i]);
            continue;
        }
        append_byte(out, (uint8_t)(high << 4 | low));
        i += 2;
    }
}
