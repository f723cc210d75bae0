/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/report_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/platform/names.h"
#include "broker/platform/times.h"
#include "codec/error.h"

static const struct {
    const char *word;
    int priority;
} levels[] = {
    [CF_REPORT_ERROR] = {"error", 3},
    [CF_REPORT_WARNING] = {"warning", 4},
    [CF_REPORT_NOTICE] = {"notice", 5},
    [CF_REPORT_DETAIL] = {"info", 6},
};

/* cf_text_append leaves a line's end as it is; here it would begin a line of no time and level. */
static void append_text(cf_buffer *out, const char *text)
{
    for (const char *at = text; *at;) {
        size_t size = strcspn(at, "\n");

        cf_text_append(out, cf_bytes_of(at, size));
        at += size;
        if (*at == '\n') {
            cf_buffer_append_text(out, at[1] ? " " : "");
            at++;
        }
    }
}

static void append_json_text(cf_buffer *out, const char *text)
{
    cf_buffer plain = {0};

    append_text(&plain, text);
    cf_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < plain.size; i++) {
        const uint8_t byte = plain.data[i];

        if (byte < ' ')
            cf_buffer_append_text(out, "\\u%04x", byte);
        else
            cf_buffer_append_text(out, "%s%c", byte == '"' || byte == '\\' ? "\\" : "", byte);
    }
    cf_buffer_append(out, "\"", 1);
    cf_buffer_release(&plain);
}

static void append_time(cf_buffer *out, uint64_t ms)
{
    char text[CF_TIME_TEXT];

    cf_time_show(ms, text);
    cf_buffer_append_text(out, "%.*s.%03uZ", (int)strcspn(text, "Z"), text, (unsigned)(ms % 1000));
}

void cf_report_line_append(cf_buffer *out, const cf_report_line *line)
{
    switch (line->form) {
    case CF_REPORT_PLAIN:
        cf_buffer_append_text(out, "%s: ", line->program);
        cf_text_append(out, cf_bytes_of_text(line->text));
        break;
    case CF_REPORT_DATED:
        append_time(out, line->time_ms);
        cf_buffer_append_text(out, " %s %s: ", levels[line->level].word, line->program);
        append_text(out, line->text);
        break;
    case CF_REPORT_JOURNAL:
        cf_buffer_append_text(out, "<%d>", levels[line->level].priority);
        append_text(out, line->text);
        break;
    case CF_REPORT_JSON:
        cf_buffer_append_text(out, "{\"time\": \"");
        append_time(out, line->time_ms);
        cf_buffer_append_text(out, "\", \"level\": \"%s\", \"text\": ", levels[line->level].word);
        append_json_text(out, line->text);
        cf_buffer_append(out, "}", 1);
        break;
    }
    cf_buffer_append(out, "\n", 1);
}

bool cf_report_is_journal(const char *stream, dev_t device, ino_t inode)
{
    uintmax_t of_device, of_inode;
    int end = 0;

    return stream &&
           sscanf(stream, "%" SCNuMAX ":%" SCNuMAX "%n", &of_device, &of_inode, &end) == 2 &&
           !stream[end] && of_device == (uintmax_t)device && of_inode == (uintmax_t)inode;
}

/* ---- A failure, as both programs say it with --json ---- */

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
