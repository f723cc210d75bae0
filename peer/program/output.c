/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/output.h"

#include "broker/platform/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_own(void *context, cf_control_stream stream, cf_bytes bytes)
{
    FILE *file = stream == CF_CONTROL_OUTPUT ? stdout : stderr;

    (void)context;
    fwrite(bytes.data, 1, bytes.size, file);
    fflush(file);
}

cf_output cf_output_own(void)
{
    return (cf_output){.write = write_own};
}

static void note_printed(const cf_output *output)
{
    if (output->has_printed)
        *output->has_printed = true;
}

/* Names that others gave are in it: they never reach a terminal as they are. */
static void write_text(const cf_output *output, cf_control_stream stream, const char *before,
                       const char *after, const char *format, va_list arguments)
{
    char *text = NULL;
    cf_buffer line = {0};

    int size = vasprintf(&text, format, arguments);
    if (size < 0)
        abort();
    cf_buffer_append(&line, before, strlen(before));
    cf_text_append(&line, cf_bytes_of(text, (size_t)size));
    cf_buffer_append(&line, after, strlen(after));
    output->write(output->context, stream, cf_buffer_view(&line));
    cf_buffer_release(&line);
    free(text);
}

void cf_print(const cf_output *output, const char *format, ...)
{
    va_list arguments;

    note_printed(output);
    va_start(arguments, format);
    write_text(output, CF_CONTROL_OUTPUT, "", "", format, arguments);
    va_end(arguments);
}

void cf_print_name(const cf_output *output, const char *name)
{
    int width = 20;

    for (const char *at = name; *at; at++)
        width += ((unsigned char)*at & 0xC0) == 0x80; /* a byte of a character that has begun */
    cf_print(output, "%-*s ", width, name);
}

void cf_say(const cf_output *output, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_text(output, CF_CONTROL_MESSAGES, "counterfoil: ", "\n", format, arguments);
    va_end(arguments);
}

void cf_print_json(const cf_output *output, json_t *document)
{
    char *text = json_dumps(document, JSON_INDENT(2) | JSON_ENCODE_ANY);
    cf_buffer shown = {0};

    if (!text)
        abort();
    note_printed(output);
    cf_json_text_append(&shown, cf_bytes_of_text(text));
    cf_buffer_append(&shown, "\n", 1);
    output->write(output->context, CF_CONTROL_OUTPUT, cf_buffer_view(&shown));
    cf_buffer_release(&shown);
    free(text);
    json_decref(document);
}

json_t *cf_json_name(cf_bytes name)
{
    cf_buffer shown = {0};

    cf_name_append(&shown, name);
    json_t *string = json_stringn(shown.size ? (const char *)shown.data : "", shown.size);
    cf_buffer_release(&shown);
    return string;
}

json_t *cf_json_hex(const void *bytes, size_t size)
{
    char *text = cf_allocate(2 * size + 1, 1);

    cf_hex(cf_bytes_of(bytes, size), text);
    json_t *string = json_string(text);
    free(text);
    return string;
}
