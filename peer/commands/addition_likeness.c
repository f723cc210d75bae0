/* SPDX-License-Identifier: Apache-2.0 */
/* A file that was said to be of a format and is none: what it looks like instead. */
#include "broker/platform/descriptor.h"
#include "peer/adapters/record_file.h"
#include "peer/commands/addition_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { ENOUGH = 4096 }; /* of a file, to tell */

static bool is_like(cf_format format, cf_bytes bytes, bool vaguely)
{
    const cf_adapter *adapter = cf_adapter_of(format);

    return adapter->is_vague == vaguely && adapter->looks(bytes);
}

/* What is like a format for sure is of no vague one. CF_FORMAT_FILES: like nothing that has
 * records. */
static cf_format likeness(cf_bytes bytes)
{
    for (int vaguely = false; vaguely <= true; vaguely++)
        for (size_t i = 0; i < CF_FORMATS; i++)
            if (is_like((cf_format)i, bytes, vaguely))
                return (cf_format)i;
    return CF_FORMAT_FILES;
}

/* UTF-16, as spreadsheets export it: why that is not read says what to do. */
static bool is_wide(cf_bytes bytes)
{
    return bytes.size >= 2 &&
           (memcmp(bytes.data, "\xff\xfe", 2) == 0 || memcmp(bytes.data, "\xfe\xff", 2) == 0);
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
    out->format =
        is_wide(found) || !cf_format_beginning(found).size ? self->format : likeness(found);
    return CF_OK;
}

/* A CSV file may have one column, and JSON any beginning: there what is wrong with a line says
 * more, unless it is another format for sure. */
static bool is_another(const cf_addition *self, const appearance *looks, cf_status why)
{
    const cf_adapter *like = cf_adapter_of(looks->format);

    if (looks->format == self->format)
        return false;
    if (!cf_adapter_of(self->format)->is_vague)
        return true;
    if (!cf_adapter_has_records(like))
        return looks->is_binary;
    return !like->is_vague || why == CF_MALFORMED;
}

cf_status cf_addition_refuse_unlike(const cf_addition *self, cf_status why, cf_error *error)
{
    const char *said = cf_format_text(self->format);
    cf_error unread;
    appearance looks;

    if (look(self, &looks, &unread) || !is_another(self, &looks, why))
        return why;
    if (!cf_format_is_records(looks.format))
        return cf_fail(error, CF_USAGE,
                       "nothing in %s can be read as %s, nor does it look like another format of "
                       "records: as a file it is synced with the folder that it lies in",
                       self->path, said);
    const cf_adapter *like = cf_adapter_of(looks.format);
    return cf_fail(error, CF_USAGE,
                   "nothing in %s can be read as %s: it looks like %s, so say --format %s%s",
                   self->path, said, like->name, like->name,
                   like->keying == CF_KEYING_COLUMNS ? " --key COLUMN" : "");
}
