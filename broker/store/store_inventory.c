/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_inventory.h"

#include "broker/platform/descriptor.h"
#include "broker/store/store_tail.h"
#include "codec/bulk.h"
#include "codec/bytes.h"
#include "codec/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPENED_FILE CF_STORE_INVENTORY_FILE ".opened"
#define NEW_FILE CF_STORE_INVENTORY_FILE ".new"

/* A line for CURRENT's manifest, one for each file, and the hash of these. */
enum { NAME_SIZE = 64, LINE_SIZE = NAME_SIZE + 32, SIZE_MAX_READ = 16 * CF_MIB };

static bool read_current(int folder, char name[NAME_SIZE])
{
    size_t size = 0;
    const int file = openat(folder, "CURRENT", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool is_read = file >= 0 && cf_descriptor_read(file, name, NAME_SIZE - 1, &size);

    if (file >= 0)
        close(file);
    name[is_read ? size : 0] = '\0';
    name[strcspn(name, "\n")] = '\0';
    return is_read;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t size = strlen(name), of_end = strlen(end);

    return size >= of_end && strcmp(name + size - of_end, end) == 0;
}

/* An empty log may go at any time. */
static bool is_listed(const char *name, const char *manifest, uint64_t size)
{
    return strlen(name) < NAME_SIZE && (ends_with(name, ".sst") || strcmp(name, manifest) == 0 ||
                                        (ends_with(name, ".log") && size));
}

static void append_hash(cf_buffer *list)
{
    char hex[2 * CF_HASH_SIZE + 1];
    cf_sha256 *hasher = cf_sha256_new();

    cf_sha256_update(hasher, cf_buffer_view(list));
    const cf_hash hash = cf_sha256_finish(hasher);
    cf_sha256_destroy(&hasher);
    cf_hex(cf_bytes_of(hash.bytes, CF_HASH_SIZE), hex);
    cf_buffer_append_text(list, "%s\n", hex);
}

static bool list_files(int folder, cf_buffer *list)
{
    char manifest[NAME_SIZE];
    const int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = again < 0 ? NULL : fdopendir(again);
    const struct dirent *entry;
    struct stat found;

    if (!names && again >= 0)
        close(again);
    if (!names)
        return false;
    bool worked = read_current(folder, manifest);
    cf_buffer_append_text(list, "%s\n", manifest);
    while (worked && (entry = cf_descriptor_next_name(names))) {
        if (fstatat(folder, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
            is_listed(entry->d_name, manifest, (uint64_t)found.st_size))
            cf_buffer_append_text(list, "%s %llu\n", entry->d_name,
                                  (unsigned long long)found.st_size);
    }
    worked = worked && !errno;
    closedir(names);
    append_hash(list);
    return worked;
}

static void write_list(const char *path, const char *as)
{
    cf_buffer list = {0};
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder >= 0 && list_files(folder, &list)) {
        const int file =
            openat(folder, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        const bool is_written = file >= 0 && cf_descriptor_write(file, cf_buffer_view(&list));

        if (file >= 0)
            close(file);
        if (!is_written || renameat(folder, NEW_FILE, folder, as))
            unlinkat(folder, NEW_FILE, 0);
    }
    if (folder >= 0)
        close(folder);
    cf_buffer_release(&list);
}

/* One that ends in a write that failed is as one of a program that was killed. */
void cf_store_inventory_write(const char *path)
{
    cf_error ignored;

    write_list(path, CF_STORE_INVENTORY_FILE);
    if (!cf_store_inventory_check_logs(path, &ignored))
        return;
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    unlinkat(folder, CF_STORE_INVENTORY_FILE, 0);
    close(folder);
}

void cf_store_inventory_write_opened(const char *path)
{
    write_list(path, OPENED_FILE);
}

/* Whether the list is whole; its hash is cut off then. */
static bool is_whole(cf_buffer *list)
{
    enum { HASH_LINE = 2 * CF_HASH_SIZE + 1 };
    cf_buffer again = {0};

    if (list->size < HASH_LINE)
        return false;
    cf_buffer_append(&again, list->data, list->size - HASH_LINE);
    append_hash(&again);
    const bool is = cf_bytes_equal(cf_buffer_view(&again), cf_buffer_view(list));
    cf_buffer_release(&again);
    list->size -= HASH_LINE;
    return is;
}

/* Of the time when CURRENT named the manifest that it names; else false. */
static bool read_list(int folder, const char *from, cf_buffer *list)
{
    char manifest[NAME_SIZE];
    struct stat found;
    const int file = openat(folder, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool is_read = file >= 0 && fstat(file, &found) == 0 && found.st_size <= SIZE_MAX_READ;

    if (is_read) {
        const size_t size = (size_t)found.st_size;

        is_read = cf_descriptor_read(file, cf_buffer_reserve(list, size), size, &list->size);
    }
    if (file >= 0)
        close(file);
    if (!is_read || !is_whole(list) || !read_current(folder, manifest))
        return false;
    cf_buffer_append(list, "", 1);
    const char *lines = (const char *)list->data;
    const size_t size = strcspn(lines, "\n");
    return strlen(manifest) == size && strncmp(lines, manifest, size) == 0;
}

static cf_status check_file(int folder, const char *line, cf_error *error)
{
    char name[NAME_SIZE];
    unsigned long long size;
    struct stat found;

    if (sscanf(line, "%63s %llu", name, &size) != 2)
        return CF_OK;
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? cf_fail(error, CF_BROKEN, "%s is missing", name)
                               : cf_fail_errno(error, errno, "looking for %s", name);
    if ((uint64_t)found.st_size != size)
        return cf_fail(error, CF_BROKEN, "%s is damaged: it has %llu bytes, and had %llu", name,
                       (unsigned long long)found.st_size, size);
    return CF_OK;
}

static cf_status say_torn(const char *name, uint64_t whole, cf_error *error)
{
    return cf_fail(error, CF_BROKEN, "%s is damaged behind its byte %" PRIu64, name, whole);
}

static cf_status check_log(int folder, const char *line, cf_error *error)
{
    char name[NAME_SIZE];
    bool is_whole = true;
    uint64_t whole = 0;

    if (sscanf(line, "%63s", name) != 1 || ends_with(name, ".sst") || !strchr(line, ' '))
        return CF_OK;
    cf_status status = cf_store_tail_check(folder, name, &is_whole, &whole, error);
    return status || is_whole ? status : say_torn(name, whole, error);
}

typedef cf_status line_check(int folder, const char *line, cf_error *error);

/* CF_OK, too, where there is no list of this time. */
static cf_status check_lines(const char *path, line_check *check, cf_error *error)
{
    cf_buffer list = {0};
    cf_status status = CF_OK;
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder >= 0 && read_list(folder, CF_STORE_INVENTORY_FILE, &list)) {
        const char *line = strchr((const char *)list.data, '\n');

        for (; !status && line; line = strchr(line + 1, '\n'))
            status = check(folder, line + 1, error);
    }
    if (folder >= 0)
        close(folder);
    cf_buffer_release(&list);
    return status;
}

cf_status cf_store_inventory_check(const char *path, cf_error *error)
{
    return check_lines(path, check_file, error);
}

cf_status cf_store_inventory_check_logs(const char *path, cf_error *error)
{
    return check_lines(path, check_log, error);
}

/* ---- A manifest that ends in what is no record ---- */

/* As it stands in the list. */
static bool is_in(const cf_buffer *list, const char *name, uint64_t *size)
{
    const size_t length = strlen(name);
    const char *line = strchr((const char *)list->data, '\n');

    for (; line; line = strchr(line + 1, '\n'))
        if (strncmp(line + 1, name, length) == 0 && line[1 + length] == ' ') {
            *size = strtoull(line + 1 + length, NULL, 10);
            return true;
        }
    return false;
}

/* A store that was closed has no torn write. In that of a program that was killed, what a power cut
 * leaves begins behind all that stood there when it was opened. */
static bool may_be_cut(int folder, const char *manifest, uint64_t whole)
{
    cf_buffer list = {0}, opened = {0};
    uint64_t size = 0;
    bool is_torn = false;
    cf_error ignored;

    const bool was_closed = read_list(folder, CF_STORE_INVENTORY_FILE, &list);
    const bool is_known =
        read_list(folder, OPENED_FILE, &opened) && is_in(&opened, manifest, &size);
    cf_buffer_release(&list);
    cf_buffer_release(&opened);
    return !was_closed && (!is_known || whole >= size) &&
           !cf_store_tail_is_torn(folder, manifest, &is_torn, &ignored) && is_torn;
}

cf_status cf_store_inventory_check_manifest(const char *path, cf_error *error)
{
    char manifest[NAME_SIZE];
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cf_status status = CF_OK;
    uint64_t whole = 0;
    bool is_whole = true;

    if (folder >= 0 && read_current(folder, manifest)) {
        status = cf_store_tail_check(folder, manifest, &is_whole, &whole, error);
        if (!status && !is_whole && !may_be_cut(folder, manifest, whole))
            status = say_torn(manifest, whole, error);
    }
    if (folder >= 0)
        close(folder);
    return status;
}
