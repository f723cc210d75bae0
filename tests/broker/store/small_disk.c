/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/store/small_disk.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

void small_disk_mount(const char *path, size_t size)
{
    char options[64];

    snprintf(options, sizeof options, "size=%zu", size);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", path, "tmpfs", 0, options) != 0)
        cr_skip_test("needs the right to mount a small file system");
}

void small_disk_unmount(const char *path)
{
    cr_assert_eq(umount(path), 0, "%m");
}

static void ballast(const char *path, char *name, size_t size)
{
    snprintf(name, size, "%s/ballast", path);
}

void small_disk_fill(const char *path, size_t room)
{
    char name[128];
    struct statvfs disk;

    ballast(path, name, sizeof name);
    cr_assert_eq(statvfs(path, &disk), 0);
    size_t left = disk.f_bavail * disk.f_frsize;
    int file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert(file >= 0);
    cr_assert_eq(posix_fallocate(file, 0, (off_t)(left > room ? left - room : 1)), 0);
    close(file);
}

void small_disk_make_room(const char *path)
{
    char name[128];

    ballast(path, name, sizeof name);
    cr_assert_eq(unlink(name), 0);
}
