/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/platform/descriptor.h"

enum { RECORD_SIZE = 16384, NAME_SIZE = 384 };

static void describe(uid_t user, gid_t group, cf_owner *out)
{
    char text[RECORD_SIZE];
    struct passwd record, *found = NULL;

    *out = (cf_owner){.user = user, .group = group};
    if (getpwuid_r(user, &record, text, sizeof text, &found) == 0 && found) {
        out->group = found->pw_gid;
        snprintf(out->name, sizeof out->name, "%s", found->pw_name);
    } else {
        snprintf(out->name, sizeof out->name, "%lu", (unsigned long)user);
    }
}

bool cf_owner_is_other_than_root(const char *path, cf_owner *out)
{
    struct stat there;

    if (geteuid() != 0 || stat(path, &there) != 0 || there.st_uid == 0)
        return false;
    describe(there.st_uid, there.st_gid, out);
    return true;
}

cf_status cf_owner_become(const cf_owner *owner, cf_error *error)
{
    /* The last one is what gives up the right to the others. */
    if (setgroups(0, NULL) == 0 && setgid(owner->group) == 0 && setuid(owner->user) == 0)
        return CF_OK;
    return cf_fail_errno(error, errno, "becoming the user %s", owner->name);
}

/* The first file that is not the user's; names of folders in it are followed once. */
static bool find_strange(int folder, uid_t user, bool descends, char name[NAME_SIZE],
                         struct stat *out)
{
    DIR *stream = folder < 0 ? NULL : fdopendir(folder);
    const struct dirent *entry;
    char below[NAME_SIZE];
    bool is_found = false;

    while (stream && !is_found && (entry = cf_descriptor_next_name(stream))) {
        if (fstatat(dirfd(stream), entry->d_name, out, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        snprintf(name, NAME_SIZE, "%s", entry->d_name);
        is_found = out->st_uid != user;
        if (is_found || !descends || !S_ISDIR(out->st_mode))
            continue;
        is_found = find_strange(
            openat(dirfd(stream), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
            user, false, below, out);
        snprintf(name, NAME_SIZE, "%.64s/%.255s", entry->d_name, below);
    }
    if (stream)
        closedir(stream);
    else if (folder >= 0)
        close(folder);
    return is_found;
}

void cf_owner_explain(const char *path, cf_error *error)
{
    char name[NAME_SIZE];
    cf_owner owner, other;
    struct stat there, strange;

    if (error->number != EACCES || stat(path, &there) != 0)
        return;
    if (there.st_uid == geteuid() && (there.st_mode & S_IRWXU) != S_IRWXU) {
        cf_fail(
            error, error->status,
            "%s is shut to its owner by its mode %03o: Permission denied; type `chmod u+rwx %s`",
            path, there.st_mode & 07777, path);
        return;
    }
    if (!find_strange(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), there.st_uid, true, name,
                      &strange))
        return;
    describe(there.st_uid, there.st_gid, &owner);
    describe(strange.st_uid, strange.st_gid, &other);
    cf_fail(error, error->status,
            "%s in %s belongs to %s, and not to %s as the directory: Permission denied; as root "
            "type `chown -R %s %s`",
            name, path, other.name, owner.name, owner.name, path);
}
