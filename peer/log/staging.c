/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/staging.h"

#include "broker/platform/descriptor.h"
#include "broker/platform/names.h"
#include "codec/limits.h"
#include "codec/keys.h"
#include "codec/secret.h"

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
    bool is_inside; /* the path is in the place */
    bool is_kept;
    cf_hash code;
    cf_buffer said;
    cf_home *home;
};

enum { OPEN_FOLDERS = 16, ROOM = 2 << 20, SAID_SIZE = 2 * CF_KNOCK_MAX };

/* Of the home in the making alone; they are gone when it is finished. */
#define BEGUN "begun"   /* the code's name, and what was said with it */
#define SECRET "secret" /* of the account */
#define ROOM_KEPT "room"
#define MOVING "moving" /* it is whole, and its parts are on their way up */
#define INSIDE ".new"

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat, (void)kind, (void)where;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* But for what a new file system has, and what is begun here. `shown`: what else is there. */
static bool is_empty(const char *path, char shown[CF_NAME_SHOWN])
{
    DIR *folder = opendir(path);
    const struct dirent *found;

    *shown = '\0';
    if (!folder)
        return false;
    while ((found = cf_descriptor_next_name(folder)) &&
           (strcmp(found->d_name, "lost+found") == 0 || strcmp(found->d_name, INSIDE) == 0))
        ;
    bool ended = !found && errno == 0;
    if (found)
        cf_name_show(cf_bytes_of_text(found->d_name), shown);
    closedir(folder);
    return ended;
}

static char *path_in(const char *folder, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

static bool is_there(const char *folder, const char *name)
{
    char *path = path_in(folder, name);
    struct stat stat;
    bool is = lstat(path, &stat) == 0;

    free(path);
    return is;
}

static bool is_folder(const char *path)
{
    struct stat stat;

    return lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode);
}

static cf_status sync_folder(const char *path, cf_error *error)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cf_status status =
        folder < 0 || fsync(folder) ? cf_fail_errno(error, errno, "syncing %s", path) : CF_OK;

    if (folder >= 0)
        close(folder);
    return status;
}

static cf_status check_place(const char *path, cf_error *error)
{
    char shown[CF_NAME_SHOWN];
    struct stat stat;

    if (lstat(path, &stat) && errno == ENOENT)
        return CF_OK;
    if (is_there(path, "format"))
        return cf_fail(error, CF_USAGE,
                       "%s has a user already: `counterfoil devices` shows its devices, and "
                       "another user needs another --home",
                       path);
    if (is_empty(path, shown))
        return CF_OK;
    return *shown ? cf_fail(error, CF_CHANGED,
                            "%s is there, and is not empty: %s lies in it. Move that elsewhere, or "
                            "give another --home",
                            path, shown)
                  : cf_fail(error, CF_CHANGED, "%s is there, and is no empty folder", path);
}

static cf_status open_home(cf_staging *staging, cf_error *error)
{
    return cf_home_open(
        &(cf_home_options){.env = staging->env, .path = staging->path, .create = true},
        &staging->home, error);
}

/* ---- What is kept ---- */

static cf_status sync_parent(const char *path, cf_error *error)
{
    char *parent = cf_text_copy(path), *slash = strrchr(parent, '/');

    if (slash)
        slash[slash == parent] = '\0';
    cf_status status = sync_folder(slash ? parent : ".", error);
    free(parent);
    return status;
}

static cf_status write_part(const cf_staging *staging, const char *name, cf_bytes bytes,
                            cf_error *error)
{
    char *path = path_in(staging->path, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    cf_status status = file < 0 || !cf_descriptor_write(file, bytes) || fsync(file)
                           ? cf_fail_errno(error, errno, "writing %s", path)
                           : CF_OK;
    if (file >= 0)
        close(file);
    free(path);
    return status;
}

/* Of what is too long nothing. */
static void read_part(const cf_staging *staging, const char *name, cf_buffer *out)
{
    char *path = path_in(staging->path, name);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = 1;

    while (file >= 0 && got && out->size <= SAID_SIZE) {
        got = read(file, cf_buffer_reserve(out, 4096), 4096);
        if (got < 0 && errno != EINTR)
            break;
        out->size += got > 0 ? (size_t)got : 0;
    }
    if (file < 0 || out->size > SAID_SIZE)
        cf_buffer_clear(out);
    if (file >= 0)
        close(file);
    free(path);
}

static void drop_part(const char *folder, const char *name)
{
    char *path = path_in(folder, name);

    unlink(path);
    free(path);
}

static void drop_parts(const char *folder)
{
    drop_part(folder, SECRET);
    drop_part(folder, ROOM_KEPT);
    drop_part(folder, BEGUN);
}

static cf_status keep_room(const cf_staging *staging, cf_error *error)
{
    char *path = path_in(staging->path, ROOM_KEPT);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int number = file < 0 ? errno : posix_fallocate(file, 0, ROOM);
    cf_status status = CF_OK;

    if (!number && fsync(file))
        number = errno;
    if (number)
        status = cf_fail_errno(error, number, "making room for the new home");
    if (file >= 0)
        close(file);
    free(path);
    return status;
}

cf_status cf_staging_keep(cf_staging *staging, cf_bytes said, const uint8_t *secret,
                          cf_error *error)
{
    cf_buffer begun = {0};

    cf_status status = keep_room(staging, error);
    if (!status && secret)
        status = write_part(staging, SECRET, cf_bytes_of(secret, CF_PHRASE_SECRET), error);
    cf_buffer_append(&begun, staging->code.bytes, CF_HASH_SIZE);
    cf_buffer_append(&begun, said.data, said.size);
    if (!status)
        status = write_part(staging, BEGUN, cf_buffer_view(&begun), error);
    if (!status)
        status = sync_folder(staging->path, error);
    if (!status)
        status = sync_parent(staging->path, error);
    if (!status)
        staging->is_kept = true;
    cf_buffer_release(&begun);
    return status;
}

bool cf_staging_is_kept(const cf_staging *staging)
{
    return staging->is_kept;
}

void cf_staging_give_up(cf_staging *staging)
{
    staging->is_kept = false;
}

cf_bytes cf_staging_said(const cf_staging *staging)
{
    return cf_buffer_view(&staging->said);
}

cf_status cf_staging_secret(const cf_staging *staging, uint8_t *secret, cf_error *error)
{
    cf_buffer value = {0};
    cf_status status = CF_OK;

    read_part(staging, SECRET, &value);
    if (value.size == CF_PHRASE_SECRET)
        memcpy(secret, value.data, CF_PHRASE_SECRET);
    else
        status = cf_fail(error, CF_BROKEN, "%s lacks what an earlier try kept there: take it away",
                         staging->path);
    if (value.size)
        cf_wipe(value.data, value.size);
    cf_buffer_release(&value);
    return status;
}

void cf_staging_make_room(cf_staging *staging)
{
    drop_part(staging->path, ROOM_KEPT);
}

/* ---- Its beginning ---- */

/* True: there is one of this code. */
static bool recall(cf_staging *staging, const cf_hash *code)
{
    cf_buffer begun = {0};

    read_part(staging, BEGUN, &begun);
    bool is_same =
        code && begun.size > CF_HASH_SIZE && memcmp(begun.data, code->bytes, CF_HASH_SIZE) == 0;
    if (is_same)
        cf_buffer_append(&staging->said, begun.data + CF_HASH_SIZE, begun.size - CF_HASH_SIZE);
    else if (begun.size)
        cf_report(staging->env, CF_REPORT_WARNING,
                  "what an earlier try with another code left is taken away: should `counterfoil "
                  "devices` list a device that there is not, `counterfoil devices revoke` it");
    cf_buffer_release(&begun);
    staging->is_kept = is_same;
    return is_same;
}

/* What a process that failed or was killed left. */
static cf_status look_at_remains(cf_staging *staging, const cf_hash *code, cf_error *error)
{
    struct stat stat;

    if (lstat(staging->path, &stat))
        return CF_OK;
    cf_status status = open_home(staging, error);
    if (status == CF_LOCKED || (!status && recall(staging, code)))
        return status;
    cf_home_close(&staging->home);
    remove_tree(staging->path);
    return CF_OK;
}

static cf_status finish_moving(const cf_staging *staging, cf_error *error);

cf_status cf_staging_begin(const cf_env *env, const char *home_path, const cf_hash *code,
                           cf_staging **out, cf_error *error)
{
    cf_staging *staging = cf_allocate(1, sizeof *staging);

    staging->env = env;
    staging->code = code ? *code : (cf_hash){0};
    staging->place = cf_text_copy(home_path);
    for (size_t size = strlen(staging->place); size > 1 && staging->place[size - 1] == '/'; size--)
        staging->place[size - 1] = '\0';
    staging->is_inside = is_folder(staging->place);
    if (asprintf(&staging->path, staging->is_inside ? "%s/" INSIDE : "%s.new", staging->place) < 0)
        abort();
    cf_status status = CF_OK;
    if (is_there(staging->path, MOVING))
        status = finish_moving(staging, error);
    if (!status)
        status = check_place(staging->place, error);
    bool is_ours = !status;
    if (!status)
        status = look_at_remains(staging, code, error);
    is_ours = is_ours && status != CF_LOCKED;
    if (!status && !staging->home)
        status = open_home(staging, error);
    if (status) {
        staging->is_kept = staging->is_kept || !is_ours; /* another's, or a home */
        cf_staging_abandon(&staging);
        return status;
    }
    *out = staging;
    return CF_OK;
}

cf_home *cf_staging_home(const cf_staging *staging)
{
    return staging->home;
}

/* ---- Its end ---- */

static cf_status move_up(const cf_staging *staging, const char *name, cf_error *error)
{
    char *from = path_in(staging->path, name), *to = path_in(staging->place, name);
    cf_status status = rename(from, to) && errno != ENOENT
                           ? cf_fail_errno(error, errno, "putting the new home at %s", to)
                           : CF_OK;

    free(from);
    free(to);
    return status;
}

static bool stays(const char *name)
{
    static const char *const staying[] = {"format", BEGUN, SECRET, ROOM_KEPT, MOVING};

    for (size_t i = 0; i < sizeof staying / sizeof *staying; i++)
        if (strcmp(name, staying[i]) == 0)
            return true;
    return false;
}

/* The format comes last: with it, it is a home. */
static cf_status finish_moving(const cf_staging *staging, cf_error *error)
{
    DIR *folder = opendir(staging->path);
    const struct dirent *found;
    cf_status status = folder ? CF_OK : cf_fail_errno(error, errno, "listing %s", staging->path);

    while (!status && (found = cf_descriptor_next_name(folder)))
        if (!stays(found->d_name))
            status = move_up(staging, found->d_name, error);
    if (folder)
        closedir(folder);
    if (!status)
        status = sync_folder(staging->place, error);
    if (!status)
        status = move_up(staging, "format", error);
    if (!status)
        status = sync_folder(staging->place, error);
    if (!status)
        remove_tree(staging->path);
    return status;
}

static cf_status put_inside(const cf_staging *staging, cf_error *error)
{
    cf_status status = write_part(staging, MOVING, (cf_bytes){0}, error);

    if (!status)
        status = sync_folder(staging->path, error);
    return status ? status : finish_moving(staging, error);
}

static cf_status put_beside(const cf_staging *staging, cf_error *error)
{
    if (rename(staging->path, staging->place))
        return cf_fail_errno(error, errno, "putting the new home at %s", staging->place);
    drop_parts(staging->place);
    return sync_parent(staging->place, error);
}

cf_status cf_staging_finish(cf_staging **staging, cf_error *error)
{
    cf_home_close(&(*staging)->home);
    cf_staging_make_room(*staging);
    cf_status status =
        (*staging)->is_inside ? put_inside(*staging, error) : put_beside(*staging, error);
    cf_staging_abandon(staging);
    return status;
}

void cf_staging_abandon(cf_staging **staging)
{
    if (!*staging)
        return;
    cf_home_close(&(*staging)->home);
    if (!(*staging)->is_kept)
        remove_tree((*staging)->path);
    cf_buffer_release(&(*staging)->said);
    free((*staging)->place);
    free((*staging)->path);
    free(*staging);
    *staging = NULL;
}
