/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/reader_file.h"

#include "broker/platform/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP ((size_t)256 << 10)

struct cf_reader_file {
    int descriptor;
    const char *path; /* the caller's, for errors */
    cf_reader_at view;
};

static cf_status read_at(void *context, uint64_t offset, void *buffer, size_t size, cf_error *error)
{
    const cf_reader_file *file = context;

    size_t got;

    if (!cf_descriptor_read_at(file->descriptor, offset, buffer, size, &got))
        return cf_fail_errno(error, errno, "reading %s", file->path);
    return got == size ? CF_OK : cf_fail(error, CF_CHANGED, "%s has become shorter", file->path);
}

static cf_status open_nameless(int *descriptor, cf_error *error)
{
    const char *folder = getenv("TMPDIR");

    *descriptor = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return *descriptor < 0 ? cf_fail_errno(error, errno, "making a temporary file") : CF_OK;
}

/* Copies what the descriptor still gives to a file, which takes its place. */
static cf_status spool(cf_reader_file *file, cf_error *error)
{
    int spooled = -1;
    uint8_t *buffer = cf_allocate(STEP, 1);

    cf_status status = open_nameless(&spooled, error);
    for (size_t got = STEP; !status && got == STEP;) {
        if (!cf_descriptor_read(file->descriptor, buffer, STEP, &got))
            status = cf_fail_errno(error, errno, "reading %s", file->path);
        else if (!cf_descriptor_write(spooled, cf_bytes_of(buffer, got)))
            status = cf_fail_errno(error, errno, "writing a temporary copy");
    }
    free(buffer);
    if (!status) {
        close(file->descriptor);
        file->descriptor = spooled;
        spooled = -1;
    }
    if (spooled >= 0)
        close(spooled);
    return status;
}

static cf_status measure(cf_reader_file *file, cf_error *error)
{
    struct stat stat;

    if (fstat(file->descriptor, &stat))
        return cf_fail_errno(error, errno, "looking at %s", file->path);
    if (S_ISDIR(stat.st_mode))
        return cf_fail(error, CF_USAGE, "%s is a directory", file->path);
    if (!S_ISREG(stat.st_mode) && !S_ISBLK(stat.st_mode)) {
        cf_status status = spool(file, error);
        if (status)
            return status;
    }
    off_t end = lseek(file->descriptor, 0, SEEK_END);
    if (end < 0)
        return cf_fail_errno(error, errno, "looking at %s", file->path);
    file->view = (cf_reader_at){read_at, file, (uint64_t)end};
    return CF_OK;
}

cf_status cf_reader_file_open(const char *path, cf_reader_file **out, cf_error *error)
{
    bool standard_input = strcmp(path, "-") == 0;
    int descriptor = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (descriptor < 0)
        return cf_fail_errno(error, errno, "opening %s", path);
    cf_reader_file *file = cf_allocate(1, sizeof *file);
    file->descriptor = descriptor;
    file->path = standard_input ? "standard input" : path;
    cf_status status = measure(file, error);
    if (status)
        cf_reader_file_destroy(&file);
    else
        *out = file;
    return status;
}

void cf_reader_file_destroy(cf_reader_file **file)
{
    if (!*file)
        return;
    close((*file)->descriptor);
    free(*file);
    *file = NULL;
}

const cf_reader_at *cf_reader_file_view(const cf_reader_file *file)
{
    return &file->view;
}
