/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/durable_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

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
