/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/store/bad_disk.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

enum { COMMAND_SIZE = 512 };

static int shell(const char *format, const char *first, const char *second)
{
    char command[COMMAND_SIZE];

    snprintf(command, sizeof command, format, first, second);
    return system(command);
}

void bad_disk_mount(const char *path)
{
    char image[128], found[128];

    snprintf(image, sizeof image, "%s.image", path);
    snprintf(found, sizeof found, "%s/lost+found", path);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        shell("truncate -s 64M %s && mkfs.ext4 -q -F %s 2>/dev/null", image, image) != 0 ||
        shell("mount -o loop,errors=remount-ro %s %s 2>/dev/null", image, path) != 0) {
        unlink(image);
        cr_skip_test("needs the right to mount a loop device");
    }
    unlink(image); /* the loop device keeps it */
    cr_assert_eq(rmdir(found), 0, "%m");
}

void bad_disk_unmount(const char *path)
{
    cr_assert_eq(umount(path), 0, "%m");
}

void bad_disk_fail(const char *path)
{
    cr_assert_eq(shell("echo 1 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE %s))/"
                       "trigger_fs_error%s",
                       path, ""),
                 0);
}

static void set_immutable(int file, bool on)
{
    int flags;

    cr_assert_eq(ioctl(file, FS_IOC_GETFLAGS, &flags), 0, "%m");
    flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    cr_assert_eq(ioctl(file, FS_IOC_SETFLAGS, &flags), 0, "%m");
}

void bad_disk_refuse(const char *path, bool refuses)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    cr_assert(folder);
    while ((entry = readdir(folder))) {
        int file = entry->d_type == DT_REG ? openat(dirfd(folder), entry->d_name, O_RDONLY) : -1;

        if (file >= 0)
            set_immutable(file, refuses);
        if (file >= 0)
            close(file);
    }
    set_immutable(dirfd(folder), refuses);
    closedir(folder);
}
