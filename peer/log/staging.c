/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/staging.h"

#include "broker/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cf_staging {
    const cf_env *env;
    char *place, *path;
    cf_home *home;
};

enum { OPEN_FOLDERS = 16 };

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat, (void)kind, (void)where;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);

    if (!folder)
        return false;
    bool ended = !cf_descriptor_next_name(folder) && errno == 0;
    closedir(folder);
    return ended;
}

static cf_status check_place(const char *path, cf_error *error)
{
    struct stat stat;
    char *format = NULL;

    if (lstat(path, &stat) && errno == ENOENT)
        return CF_OK;
    if (asprintf(&format, "%s/format", path) < 0)
        abort();
    bool is_home = lstat(format, &stat) == 0;
    free(format);
    if (is_home)
        return cf_fail(error, CF_USAGE,
                       "%s has a user already: `counterfoil devices` shows its devices, and "
                       "another user needs another --home",
                       path);
    return is_empty(path) ? CF_OK
                          : cf_fail(error, CF_CHANGED, "%s is there, and is not empty", path);
}

static cf_status open_home(cf_staging *staging, cf_error *error)
{
    return cf_home_open(
        &(cf_home_options){.env = staging->env, .path = staging->path, .create = true},
        &staging->home, error);
}

/* What a process that was killed left. */
static cf_status remove_remains(cf_staging *staging, cf_error *error)
{
    struct stat stat;

    if (lstat(staging->path, &stat))
        return CF_OK;
    cf_status status = open_home(staging, error);
    cf_home_close(&staging->home);
    if (status == CF_LOCKED)
        return status;
    remove_tree(staging->path);
    return CF_OK;
}

cf_status cf_staging_begin(const cf_env *env, const char *home_path, cf_staging **out,
                           cf_error *error)
{
    cf_status status = check_place(home_path, error);
    if (status)
        return status;
    cf_staging *staging = cf_allocate(1, sizeof *staging);
    staging->env = env;
    staging->place = strdup(home_path);
    for (size_t size = strlen(staging->place); size > 1 && staging->place[size - 1] == '/'; size--)
        staging->place[size - 1] = '\0';
    if (asprintf(&staging->path, "%s.new", staging->place) < 0)
        abort();
    status = remove_remains(staging, error);
    if (!status)
        status = open_home(staging, error);
    if (status == CF_OK) {
        *out = staging;
        return CF_OK;
    }
    if (status == CF_LOCKED) { /* another's */
        free(staging->place);
        free(staging->path);
        free(staging);
    } else {
        cf_staging_abandon(&staging);
    }
    return status;
}

cf_home *cf_staging_home(const cf_staging *staging)
{
    return staging->home;
}

static cf_status sync_parent(const char *path, cf_error *error)
{
    char *parent = strdup(path), *slash = strrchr(parent, '/');

    if (slash)
        slash[slash == parent] = '\0';
    int folder = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cf_status status = folder < 0 || fsync(folder)
                           ? cf_fail_errno(error, errno, "syncing the folder of %s", path)
                           : CF_OK;
    if (folder >= 0)
        close(folder);
    free(parent);
    return status;
}

cf_status cf_staging_finish(cf_staging **staging, cf_error *error)
{
    cf_status status = CF_OK;

    cf_home_close(&(*staging)->home);
    if (rename((*staging)->path, (*staging)->place))
        status = cf_fail_errno(error, errno, "putting the new home at %s", (*staging)->place);
    else
        status = sync_parent((*staging)->place, error);
    cf_staging_abandon(staging);
    return status;
}

void cf_staging_abandon(cf_staging **staging)
{
    if (!*staging)
        return;
    cf_home_close(&(*staging)->home);
    remove_tree((*staging)->path);
    free((*staging)->place);
    free((*staging)->path);
    free(*staging);
    *staging = NULL;
}
