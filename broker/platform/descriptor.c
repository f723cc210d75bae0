/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

bool cf_descriptor_read_at(int descriptor, uint64_t offset, void *buffer, size_t size, size_t *read)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got =
            pread(descriptor, (uint8_t *)buffer + done, size - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *read = done;
    return true;
}

bool cf_descriptor_write_at(int descriptor, uint64_t offset, cf_bytes bytes)
{
    for (size_t done = 0; done < bytes.size;) {
        ssize_t put =
            pwrite(descriptor, bytes.data + done, bytes.size - done, (off_t)(offset + done));

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

bool cf_descriptor_read(int descriptor, void *buffer, size_t size, size_t *read_size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = read(descriptor, (uint8_t *)buffer + done, size - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *read_size = done;
    return true;
}

bool cf_descriptor_write(int descriptor, cf_bytes bytes)
{
    for (size_t done = 0; done < bytes.size;) {
        ssize_t put = write(descriptor, bytes.data + done, bytes.size - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

const struct dirent *cf_descriptor_next_name(DIR *stream)
{
    const struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(stream);
    } while (entry ? is_dots(entry->d_name) : errno == EINTR);
    return entry;
}

void cf_descriptor_fill_standard(void)
{
    int opened;

    do
        opened = open("/dev/null", O_RDONLY);
    while (opened >= 0 && opened <= STDERR_FILENO);
    if (opened > STDERR_FILENO)
        close(opened);
}

cf_status cf_durable_folder_open(const char *path, int *descriptor, cf_error *error)
{
    bool made = mkdir(path, 0700) == 0;

    if (!made && errno != EEXIST)
        return cf_fail_errno(error, errno, "making %s", path);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = directory < 0 ? -1 : openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || (made && fsync(parent))) {
        cf_fail_errno(error, errno, "opening %s", path);
        if (directory >= 0)
            close(directory);
        if (parent >= 0)
            close(parent);
        return error->status;
    }
    close(parent);
    *descriptor = directory;
    return CF_OK;
}
