/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *cut_below;
static atomic_size_t calls;
static int names_left = -1;
static const char *bad_path;
static off_t bad_from, bad_end;
static atomic_int bad_times;

static _Atomic(const char *) failing_part;
static bool failing_syncs;
static int failing_number;
static atomic_size_t failed;

static ssize_t path_of(int file, char path[PATH_MAX])
{
    char name[64];

    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    return readlink(name, path, PATH_MAX - 1);
}

static bool is_below(int file, const char *above)
{
    char path[PATH_MAX];
    size_t size = strlen(above);

    const ssize_t length = path_of(file, path);
    return length >= (ssize_t)size && memcmp(path, above, size) == 0 &&
           (length == (ssize_t)size || path[size] == '/');
}

/* False with errno: the disk takes nothing. */
static bool is_taken(int file, bool syncs)
{
    const char *part = failing_part;
    char path[PATH_MAX];

    if (!part || syncs != failing_syncs)
        return true;
    const ssize_t length = path_of(file, path);
    path[length > 0 ? length : 0] = '\0';
    if (!strstr(path, part))
        return true;
    atomic_fetch_add(&failed, 1);
    errno = failing_number;
    return false;
}

/* False with errno: interrupted. */
static bool begins(int file, size_t *size)
{
    if (!cut_below || !is_below(file, cut_below))
        return true;
    if (atomic_fetch_add(&calls, 1) % 2 == 0) {
        errno = EINTR;
        return false;
    }
    *size = (*size + 1) / 2;
    return true;
}

ssize_t read(int file, void *buffer, size_t size)
{
    return begins(file, &size) ? syscall(SYS_read, file, buffer, size) : -1;
}

/* False with errno: this part of the file can't be read. */
static bool is_readable(int file, size_t *size, off_t offset)
{
    if (!bad_path || !bad_times || offset >= bad_end || offset + (off_t)*size <= bad_from ||
        !is_below(file, bad_path))
        return true;
    if (offset < bad_from) {
        *size = (size_t)(bad_from - offset);
        return true;
    }
    if (bad_times > 0)
        bad_times--;
    errno = EIO;
    return false;
}

ssize_t pread(int file, void *buffer, size_t size, off_t offset)
{
    if (!is_readable(file, &size, offset))
        return -1;
    return begins(file, &size) ? syscall(SYS_pread64, file, buffer, size, offset) : -1;
}

ssize_t write(int file, const void *bytes, size_t size)
{
    return is_taken(file, false) && begins(file, &size) ? syscall(SYS_write, file, bytes, size)
                                                        : -1;
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    return is_taken(file, false) && begins(file, &size)
               ? syscall(SYS_pwrite64, file, bytes, size, offset)
               : -1;
}

/* Weak, for syncs.c has its own: a test that takes both has that one's. */
__attribute__((weak)) int fsync(int file)
{
    return is_taken(file, true) ? (int)syscall(SYS_fsync, file) : -1;
}

__attribute__((weak)) int fdatasync(int file)
{
    return is_taken(file, true) ? (int)syscall(SYS_fdatasync, file) : -1;
}

struct dirent *readdir(DIR *stream)
{
    struct dirent *(*next)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");
    size_t ignored = 1;

    if (!begins(dirfd(stream), &ignored))
        return NULL;
    if (names_left == 0) {
        errno = EIO;
        return NULL;
    }
    names_left -= names_left > 0;
    return next(stream);
}

void calls_cut_short(const char *path)
{
    calls = 0;
    cut_below = path;
}

size_t calls_were_cut_short(void)
{
    return calls;
}

void calls_give_eio(const char *path, off_t from, off_t end, int times)
{
    bad_from = from;
    bad_end = end;
    bad_times = times;
    bad_path = path;
}

void calls_fail_writes(const char *part, bool syncs, int number)
{
    failed = 0;
    failing_syncs = syncs;
    failing_number = number;
    failing_part = part;
}

size_t calls_failed(void)
{
    return failed;
}

void calls_list_only(int names)
{
    names_left = names;
}
