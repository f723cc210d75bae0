/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/target_file.h"

#include "broker/platform/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct cf_target_file {
    int descriptor;
    char *path;      /* where it will be; a symbolic link is followed */
    char *temporary; /* NULL: written in place, or committed */
    cf_sink sink;
};

static cf_status write_on(void *context, const void *data, size_t size, cf_error *error)
{
    const cf_target_file *file = context;

    if (!cf_descriptor_write(file->descriptor, cf_bytes_of(data, size)))
        return cf_fail_errno(error, errno, "writing %s", file->path);
    return CF_OK;
}

/* The directory of `path` with a slash behind it; empty for a plain name. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (int)(slash + 1 - path) : 0;
}

static cf_status open_temporary(cf_target_file *file, cf_error *error)
{
    uint64_t number;

    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return cf_fail_errno(error, errno, "naming a temporary file");
    if (asprintf(&file->temporary, "%.*s.counterfoil-%016llx", folder_length(file->path),
                 file->path, (unsigned long long)number) < 0)
        abort();
    file->descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file->descriptor >= 0)
        return CF_OK;
    free(file->temporary);
    file->temporary = NULL;
    return cf_fail_errno(error, errno, "writing beside %s", file->path);
}

static cf_status open_in_place(cf_target_file *file, cf_error *error)
{
    file->descriptor = open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return file->descriptor < 0 ? cf_fail_errno(error, errno, "opening %s", file->path) : CF_OK;
}

static cf_status open_at(cf_target_file *file, const char *path, cf_error *error)
{
    struct stat there;
    char *resolved = realpath(path, NULL);

    file->path = resolved ? resolved : cf_text_copy(path);
    if (stat(file->path, &there))
        return open_temporary(file, error);
    if (S_ISDIR(there.st_mode))
        return cf_fail(error, CF_USAGE, "%s is a directory", path);
    if (!S_ISREG(there.st_mode))
        return open_in_place(file, error);
    cf_status status = open_temporary(file, error);
    if (!status && fchmod(file->descriptor, there.st_mode & 0777))
        status = cf_fail_errno(error, errno, "giving %s its mode again", path);
    return status;
}

static cf_status open_standard_output(cf_target_file *file, cf_error *error)
{
    file->path = cf_text_copy("standard output");
    file->descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    return file->descriptor < 0 ? cf_fail_errno(error, errno, "opening standard output") : CF_OK;
}

cf_status cf_target_file_open(const char *path, cf_target_file **out, cf_error *error)
{
    cf_target_file *file = cf_allocate(1, sizeof *file);

    file->descriptor = -1;
    file->sink = (cf_sink){write_on, file};
    cf_status status =
        strcmp(path, "-") == 0 ? open_standard_output(file, error) : open_at(file, path, error);
    if (status)
        cf_target_file_destroy(&file);
    else
        *out = file;
    return status;
}

const cf_sink *cf_target_file_sink(const cf_target_file *file)
{
    return &file->sink;
}

cf_status cf_target_name_sync(const char *path, cf_error *error)
{
    int length = folder_length(path);
    char *folder = length ? cf_text_copy_of(cf_bytes_of(path, (size_t)length)) : cf_text_copy(".");
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cf_status status = CF_OK;

    if (descriptor < 0 ? errno != EACCES : fsync(descriptor) != 0)
        status = cf_fail_errno(error, errno, "making the name %s durable", path);
    if (descriptor >= 0)
        close(descriptor);
    free(folder);
    return status;
}

cf_status cf_target_file_commit(cf_target_file *file, cf_error *error)
{
    if (!file->temporary)
        return CF_OK;
    if (fsync(file->descriptor))
        return cf_fail_errno(error, errno, "making %s durable", file->path);
    if (rename(file->temporary, file->path))
        return cf_fail_errno(error, errno, "putting %s in place", file->path);
    free(file->temporary);
    file->temporary = NULL;
    return cf_target_name_sync(file->path, error);
}

void cf_target_file_destroy(cf_target_file **file)
{
    if (!*file)
        return;
    if ((*file)->descriptor >= 0)
        close((*file)->descriptor);
    if ((*file)->temporary)
        unlink((*file)->temporary);
    free((*file)->temporary);
    free((*file)->path);
    free(*file);
    *file = NULL;
}
