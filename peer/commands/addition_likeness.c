/* SPDX-License-Identifier: Apache-2.0 */
/* A file that was said to be of a format and is none: what it looks like instead. */
#include "broker/platform/descriptor.h"
#include "peer/commands/addition.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { ENOUGH = 4096 }; /* of a file, to tell */

static bool begins(cf_bytes bytes, const char *with, bool any_case)
{
    const size_t size = strlen(with);

    return bytes.size >= size && (any_case ? strncasecmp((const char *)bytes.data, with, size)
                                           : memcmp(bytes.data, with, size)) == 0;
}

/* A mark of the byte order, and blanks, before what tells. */
static cf_bytes skip_blanks(cf_bytes bytes)
{
    size_t at = begins(bytes, "\xef\xbb\xbf", false) ? 3 : 0;

    while (at < bytes.size && strchr(" \t\r\n", bytes.data[at]) && bytes.data[at])
        at++;
    return cf_bytes_of(bytes.data + at, bytes.size - at);
}

/* Names of several columns; `Dear Ann, ...` is a table, too, as far as its first line tells. */
static bool is_table(cf_bytes bytes)
{
    const uint8_t *end = memchr(bytes.data, '\n', bytes.size);
    const size_t size = end ? (size_t)(end - bytes.data) : bytes.size;

    for (size_t i = 0; i < size; i++)
        if (strchr(",;\t", bytes.data[i]) && bytes.data[i])
            return !memchr(bytes.data, '\0', bytes.size);
    return false;
}

/* CF_FORMAT_FILES: like nothing that has records. */
static cf_format likeness(cf_bytes bytes)
{
    const cf_bytes text = skip_blanks(bytes);

    if (begins(bytes, "SQLite format 3", false))
        return CF_FORMAT_SQLITE;
    if (begins(text, "BEGIN:VCARD", true))
        return CF_FORMAT_VCARD;
    if (begins(text, "BEGIN:VCALENDAR", true))
        return CF_FORMAT_ICALENDAR;
    if (begins(text, "{", false) || begins(text, "[", false))
        return CF_FORMAT_JSON;
    return text.size && is_table(text) ? CF_FORMAT_CSV : CF_FORMAT_FILES;
}

/* UTF-16, as spreadsheets export it: why that is not read says what to do. */
static bool is_wide(cf_bytes bytes)
{
    return begins(bytes, "\xff\xfe", false) || begins(bytes, "\xfe\xff", false);
}

typedef struct {
    cf_format format;
    bool is_binary;
} appearance;

static cf_status look(const cf_addition *self, appearance *out, cf_error *error)
{
    uint8_t bytes[ENOUGH];
    size_t size = 0;
    cf_status status = CF_OK;
    int file = open(self->path, O_RDONLY | O_CLOEXEC);

    if (file < 0 || !cf_descriptor_read(file, bytes, sizeof bytes, &size))
        status = cf_fail_errno(error, errno, "%s", self->path);
    if (file >= 0)
        close(file);
    if (status)
        return status;
    const cf_bytes found = cf_bytes_of(bytes, size);
    out->is_binary = size && memchr(bytes, '\0', size);
    out->format = is_wide(found) || !skip_blanks(found).size ? self->format : likeness(found);
    return CF_OK;
}

/* A CSV file may have one column, and JSON any beginning: there what is wrong with a line says
 * more, unless it is another format for sure. */
static bool is_another(const cf_addition *self, const appearance *looks, cf_status why)
{
    const bool may_be = self->format == CF_FORMAT_CSV || self->format == CF_FORMAT_JSON;

    if (looks->format == self->format)
        return false;
    if (!may_be)
        return true;
    return looks->format == CF_FORMAT_FILES                                    ? looks->is_binary
           : looks->format == CF_FORMAT_CSV || looks->format == CF_FORMAT_JSON ? why == CF_MALFORMED
                                                                               : true;
}

cf_status cf_addition_refuse_unlike(const cf_addition *self, cf_status why, cf_error *error)
{
    const char *said = cf_format_text(self->format);
    cf_error unread;
    appearance looks;

    if (look(self, &looks, &unread) || !is_another(self, &looks, why))
        return why;
    if (looks.format == CF_FORMAT_FILES)
        return cf_fail(error, CF_USAGE,
                       "nothing in %s can be read as %s, nor does it look like another format of "
                       "records: as a file it is synced with the folder that it lies in",
                       self->path, said);
    const char *like = cf_format_text(looks.format);
    return cf_fail(
        error, CF_USAGE, "nothing in %s can be read as %s: it looks like %s, so say --format %s%s",
        self->path, said, like, like, looks.format == CF_FORMAT_CSV ? " --key COLUMN" : "");
}
