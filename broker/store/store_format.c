/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_format.h"

#include "broker/platform/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_WORDS "counterfoil store "
#define NEW_FILE CF_STORE_FORMAT_FILE ".new"

static cf_status check_text(const char *text, bool *older, cf_error *error)
{
    char *end;

    if (strncmp(text, FIRST_WORDS, strlen(FIRST_WORDS)) != 0)
        goto damaged;
    errno = 0;
    unsigned long version = strtoul(text + strlen(FIRST_WORDS), &end, 10);
    if (errno || *end != '\n' || version == 0)
        goto damaged;
    if (version > CF_STORE_FORMAT)
        return cf_fail(error, CF_BROKEN, "it has the newer format %lu, this program knows %d",
                       version, CF_STORE_FORMAT);
    *older = version < CF_STORE_FORMAT;
    return CF_OK;
damaged:
    return cf_fail(error, CF_BROKEN, CF_STORE_FORMAT_FILE " is damaged");
}

static cf_status read_file(int directory, bool *absent, bool *older, cf_error *error)
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
    return check_text(text, older, error);
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

/* Of a file system that was made for it. */
static bool is_the_system_s(const char *name)
{
    return strcmp(name, "lost+found") == 0;
}

static bool is_empty(int directory)
{
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = again < 0 ? NULL : fdopendir(again);
    const struct dirent *entry = NULL;

    while (names && (entry = cf_descriptor_next_name(names)) && is_the_system_s(entry->d_name))
        ;
    bool is = names && !entry && !errno;

    if (names)
        closedir(names);
    else if (again >= 0)
        close(again);
    return is;
}

/* Which of its files RocksDB begins with stands in CURRENT. */
static cf_status check_database(int directory, cf_error *error)
{
    char name[64] = "";
    size_t size;
    int current = openat(directory, "CURRENT", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (current < 0 && errno == ENOENT)
        return cf_fail(error, CF_BROKEN, "CURRENT is missing");
    bool is_read = current >= 0 && cf_descriptor_read(current, name, sizeof name - 1, &size);
    int number = errno;
    if (current >= 0)
        close(current);
    if (!is_read)
        return cf_fail_errno(error, number, "reading CURRENT");
    char *end = strchr(name, '\n');
    if (strncmp(name, "MANIFEST-", strlen("MANIFEST-")) != 0 || !end || strchr(name, '/'))
        return cf_fail(error, CF_BROKEN, "CURRENT is damaged");
    *end = '\0';
    if (faccessat(directory, name, F_OK, 0) && errno == ENOENT)
        return cf_fail(error, CF_BROKEN, "%s is missing, which CURRENT names", name);
    return CF_OK;
}

static cf_status check_whole(int directory, bool *absent, cf_error *error)
{
    bool unnamed = false, older = false;

    *absent = is_empty(directory) ||
              faccessat(directory, CF_STORE_FORMAT_MAKING, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (*absent)
        return CF_OK;
    cf_status status = read_file(directory, &unnamed, &older, error);
    if (status == CF_OK && unnamed)
        status = cf_fail(error, CF_BROKEN, CF_STORE_FORMAT_FILE " is missing");
    if (status == CF_OK)
        status = check_database(directory, error);
    return status == CF_OK && older ? write_durably(directory, error) : status;
}

cf_status cf_store_format_check(const char *path, bool *absent, cf_error *error)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *absent = directory < 0 && errno == ENOENT;
    if (*absent)
        return CF_OK;
    if (directory < 0)
        return cf_fail_errno(error, errno, "opening %s", path);
    cf_status status = check_whole(directory, absent, error);
    close(directory);
    return status;
}

bool cf_store_format_is_newer(const char *path)
{
    char text[64] = "";
    size_t size;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int file = directory < 0
                   ? -1
                   : openat(directory, CF_STORE_FORMAT_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool is = file >= 0 && cf_descriptor_read(file, text, sizeof text - 1, &size) &&
                    strncmp(text, FIRST_WORDS, strlen(FIRST_WORDS)) == 0 &&
                    strtoul(text + strlen(FIRST_WORDS), NULL, 10) > CF_STORE_FORMAT;

    if (file >= 0)
        close(file);
    if (directory >= 0)
        close(directory);
    return is;
}

/* ---- A new one ---- */

/* RocksDB makes no folders in its own. */
static cf_status empty(int directory, const char *path, cf_error *error)
{
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = again < 0 ? NULL : fdopendir(again);
    const struct dirent *entry = NULL;

    while (names && (entry = cf_descriptor_next_name(names)))
        if (strcmp(entry->d_name, CF_STORE_FORMAT_MAKING) != 0 && !is_the_system_s(entry->d_name) &&
            unlinkat(directory, entry->d_name, 0))
            break;
    int number = errno;
    if (names)
        closedir(names);
    else if (again >= 0)
        close(again);
    return names && !entry && !number ? CF_OK : cf_fail_errno(error, number, "emptying %s", path);
}

cf_status cf_store_format_begin(const char *path, cf_error *error)
{
    int directory = -1;

    cf_status status = cf_durable_folder_open(path, &directory, error);
    if (status)
        return status;
    int making = openat(directory, CF_STORE_FORMAT_MAKING,
                        O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (making < 0 || fsync(directory))
        status = cf_fail_errno(error, errno, "making %s", path);
    if (!status)
        status = empty(directory, path, error);
    if (making >= 0)
        close(making);
    close(directory);
    return status;
}

cf_status cf_store_format_finish(const char *path, cf_error *error)
{
    int directory = -1;

    cf_status status = cf_durable_folder_open(path, &directory, error);
    if (status)
        return status;
    status = write_durably(directory, error);
    if (!status && (unlinkat(directory, CF_STORE_FORMAT_MAKING, 0) || fsync(directory)))
        status = cf_fail_errno(error, errno, "making %s", path);
    close(directory);
    return status;
}
