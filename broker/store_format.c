/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_format.h"

#include "broker/descriptor.h"
#include "broker/durable_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_WORDS "counterfoil store "
#define NEW_FILE CF_STORE_FORMAT_FILE ".new"

static cf_status check_text(const char *text, const char *path, bool *older, cf_error *error)
{
    char *end;

    if (strncmp(text, FIRST_WORDS, strlen(FIRST_WORDS)) != 0)
        goto damaged;
    errno = 0;
    unsigned long version = strtoul(text + strlen(FIRST_WORDS), &end, 10);
    if (errno || *end != '\n' || version == 0)
        goto damaged;
    if (version > CF_STORE_FORMAT)
        return cf_fail(error, CF_BROKEN, "%s has the newer format %lu, this program knows %d", path,
                       version, CF_STORE_FORMAT);
    *older = version < CF_STORE_FORMAT;
    return CF_OK;
damaged:
    return cf_fail(error, CF_BROKEN, "%s/%s is damaged", path, CF_STORE_FORMAT_FILE);
}

static cf_status read_file(int directory, const char *path, bool *absent, bool *older,
                           cf_error *error)
{
    char text[64] = "";
    size_t size;
    int file = openat(directory, CF_STORE_FORMAT_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    *absent = file < 0 && errno == ENOENT;
    if (*absent)
        return CF_OK;
    if (file < 0)
        return cf_fail_errno(error, errno, "opening %s", CF_STORE_FORMAT_FILE);
    bool is_read = cf_descriptor_read(file, text, sizeof text - 1, &size);
    int number = errno;
    close(file);
    if (!is_read)
        return cf_fail_errno(error, number, "reading %s", CF_STORE_FORMAT_FILE);
    return check_text(text, path, older, error);
}

static cf_status write_durably(int directory, cf_error *error)
{
    char text[64];
    snprintf(text, sizeof text, FIRST_WORDS "%d\n", CF_STORE_FORMAT);
    int file = openat(directory, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (file < 0 || !cf_descriptor_write(file, cf_bytes_of_text(text)) || fsync(file) ||
        renameat(directory, NEW_FILE, directory, CF_STORE_FORMAT_FILE) || fsync(directory)) {
        int number = errno;

        if (file >= 0)
            close(file);
        return cf_fail_errno(error, number, "writing %s", CF_STORE_FORMAT_FILE);
    }
    close(file);
    return CF_OK;
}

cf_status cf_store_format_check(const char *path, cf_error *error)
{
    int directory = -1;
    bool absent, older = false;

    cf_status status = cf_durable_folder_open(path, &directory, error);
    if (status)
        return status;
    status = read_file(directory, path, &absent, &older, error);
    if (status == CF_OK && absent) {
        if (faccessat(directory, "CURRENT", F_OK, 0) == 0)
            status = cf_fail(error, CF_BROKEN, "%s holds a database without its %s", path,
                             CF_STORE_FORMAT_FILE);
        else
            status = write_durably(directory, error);
    }
    if (status == CF_OK && older)
        status = write_durably(directory, error);
    close(directory);
    return status;
}
