/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/home.h"

#include "peer/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT "1\n"
enum { OPEN_FOLDERS = 16 };

struct cf_home {
    const cf_env *env;
    char *path;
    int lock;
    cf_folder *root, *base, *temporary;
    cf_store *store;
};

cf_status cf_home_path(const char *given, cf_buffer *path, cf_error *error)
{
    const char *set = given ? given : getenv("COUNTERFOIL_HOME");
    const char *state = getenv("XDG_STATE_HOME"), *user = getenv("HOME");

    if (set && *set)
        cf_buffer_append_text(path, "%s", set);
    else if (state && *state == '/')
        cf_buffer_append_text(path, "%s/counterfoil", state);
    else if (user && *user)
        cf_buffer_append_text(path, "%s/.local/state/counterfoil", user);
    else
        return cf_fail(error, CF_USAGE, "no home: give --home DIR or set COUNTERFOIL_HOME");
    cf_buffer_append(path, "", 1);
    return CF_OK;
}

static cf_status make_directories(const char *path, cf_error *error)
{
    cf_buffer part = {0};
    cf_status status = CF_OK;

    for (const char *slash = path; !status && slash;) {
        slash = strchr(slash + 1, '/');
        cf_buffer_clear(&part);
        cf_buffer_append(&part, path, slash ? (size_t)(slash - path) : strlen(path));
        cf_buffer_append(&part, "", 1);
        if (mkdir((const char *)part.data, 0700) && errno != EEXIST)
            status = cf_fail_errno(error, errno, "making %s", (const char *)part.data);
    }
    cf_buffer_release(&part);
    return status;
}

static cf_status refuse_locked(const cf_home *home, cf_error *error)
{
    char who[24] = "";

    if (pread(home->lock, who, sizeof who - 1, 0) <= 0)
        strcpy(who, "unknown");
    return cf_fail(error, CF_LOCKED, "%s is in use by another process (%s)", home->path, who);
}

/* The lock is the system's: it ends with the process, however that ends. */
static cf_status take_lock(cf_home *home, cf_error *error)
{
    cf_buffer name = {0};

    cf_buffer_append_text(&name, "%s/lock", home->path);
    home->lock = open((const char *)name.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cf_buffer_release(&name);
    if (home->lock < 0)
        return cf_fail_errno(error, errno, "opening the lock of %s", home->path);
    if (flock(home->lock, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK ? refuse_locked(home, error)
                                    : cf_fail_errno(error, errno, "locking %s", home->path);
    /* Who it is, for the message above only. */
    if (ftruncate(home->lock, 0) || dprintf(home->lock, "%ld", (long)getpid()) < 0)
        return cf_fail_errno(error, errno, "writing the lock of %s", home->path);
    return CF_OK;
}

static cf_status check_format(cf_home *home, bool create, cf_error *error)
{
    cf_files *files = home->env->files;
    cf_buffer format = {0};

    cf_status status = files->open_root(files, home->path, &home->root, error);
    if (status)
        return status;
    status = cf_files_read(files, home->root, cf_bytes_of_text("format"), 64, &format, error);
    if (status == CF_MISSING && create)
        status = cf_files_write(files, home->root, cf_bytes_of_text("format"), 0600,
                                cf_bytes_of_text(FORMAT), error);
    else if (status == CF_MISSING)
        cf_fail(error, CF_MISSING, "%s is no home: make one with `counterfoil init` or `join`",
                home->path);
    else if (!status && !cf_bytes_equal(cf_buffer_view(&format), cf_bytes_of_text(FORMAT)))
        status =
            cf_fail(error, CF_BROKEN,
                    "%s is of another format version: use the program that made it", home->path);
    cf_buffer_release(&format);
    return status;
}

static cf_status open_folder(cf_home *home, const char *name, cf_folder **out, cf_error *error)
{
    cf_files *files = home->env->files;
    cf_bytes bytes = cf_bytes_of_text(name);

    cf_status status = files->open_folder(files, home->root, bytes, out, error);
    if (status == CF_MISSING) {
        status = files->make_folder(files, home->root, bytes, 0700, error);
        if (!status)
            status = files->open_folder(files, home->root, bytes, out, error);
    }
    return status;
}

/* What a process that was killed was making is of no use to anybody. */
static bool drop_one(void *context, cf_bytes name)
{
    cf_home *home = context;
    cf_error ignored;

    home->env->files->unlink(home->env->files, home->temporary, name, &ignored);
    return true;
}

static cf_status open_store(cf_home *home, cf_error *error)
{
    uint8_t instance[16];
    cf_buffer path = {0};

    home->env->random(home->env->context, instance, sizeof instance);
    cf_buffer_append_text(&path, "%s/store", home->path);
    cf_status status = cf_store_rocksdb_open(
        &(cf_store_options){.path = (const char *)path.data, .random = instance}, &home->store,
        error);
    cf_buffer_release(&path);
    return status;
}

cf_status cf_home_open(const cf_home_options *options, cf_home **out, cf_error *error)
{
    cf_home *home = cf_allocate(1, sizeof *home);

    home->env = options->env;
    home->path = strdup(options->path);
    home->lock = -1;
    cf_status status = options->create ? make_directories(home->path, error) : CF_OK;
    if (!status)
        status = check_format(home, options->create, error);
    if (!status)
        status = take_lock(home, error);
    if (!status)
        status = open_folder(home, "base", &home->base, error);
    if (!status)
        status = open_folder(home, "tmp", &home->temporary, error);
    if (!status)
        status = home->env->files->list(home->env->files, home->temporary, drop_one, home, error);
    home->store = options->store;
    if (!status && !home->store)
        status = open_store(home, error);
    if (status == CF_MISSING)
        cf_fail(error, CF_MISSING, "%s is no home: make one with `counterfoil init` or `join`",
                home->path);
    if (status) {
        cf_home_close(&home);
        return status;
    }
    *out = home;
    return CF_OK;
}

void cf_home_close(cf_home **home)
{
    if (!*home)
        return;
    cf_files *files = (*home)->env->files;

    cf_store_destroy(&(*home)->store);
    files->close_folder(files, &(*home)->base);
    files->close_folder(files, &(*home)->temporary);
    files->close_folder(files, &(*home)->root);
    if ((*home)->lock >= 0)
        close((*home)->lock);
    free((*home)->path);
    free(*home);
    *home = NULL;
}

/* ---- Its end ---- */

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat, (void)kind, (void)where;
    return remove(path);
}

static void remove_part(const char *path, const char *name)
{
    char *whole = NULL;

    if (asprintf(&whole, "%s/%s", path, name) < 0)
        abort();
    nftw(whole, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    free(whole);
}

static cf_status wipe_keys(const char *path, cf_error *error)
{
    static const uint8_t zeros[4096];
    struct stat found;
    char *name = NULL;

    if (asprintf(&name, "%s/keys", path) < 0)
        abort();
    int file = open(name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool wiped = file >= 0 && fstat(file, &found) == 0;
    for (off_t at = 0; wiped && at < found.st_size; at += (off_t)sizeof zeros)
        wiped = pwrite(file, zeros, sizeof zeros, at) == (ssize_t)sizeof zeros;
    wiped = wiped && fsync(file) == 0 && unlink(name) == 0;
    cf_status status = wiped || (file < 0 && errno == ENOENT)
                           ? CF_OK
                           : cf_fail_errno(error, errno, "wiping %s", name);
    if (file >= 0)
        close(file);
    free(name);
    return status;
}

cf_status cf_home_wipe(cf_home **home, cf_error *error)
{
    static const char *const parts[] = {"format", "store", "base", "tmp", "control", "lock"};
    char *path = strdup((*home)->path);

    cf_home_close(home);
    cf_status status = wipe_keys(path, error);
    for (size_t i = 0; !status && i < sizeof parts / sizeof parts[0]; i++)
        remove_part(path, parts[i]);
    if (!status)
        rmdir(path);
    free(path);
    return status;
}

/* ---- What is in it ---- */

const char *cf_home_shown(const cf_home *home)
{
    return home->path;
}

cf_store *cf_home_store(const cf_home *home)
{
    return home->store;
}

const cf_folder *cf_home_base(const cf_home *home)
{
    return home->base;
}

const cf_folder *cf_home_temporary(const cf_home *home)
{
    return home->temporary;
}

enum { SECRETS_MAX = 1 << 20 };

cf_status cf_home_load_secrets(cf_home *home, cf_keys **keys, cf_ring **ring, cf_error *error)
{
    cf_buffer secrets = {0};

    cf_status status = cf_files_read(home->env->files, home->root, cf_bytes_of_text("keys"),
                                     SECRETS_MAX, &secrets, error);
    if (status == CF_MISSING)
        status = cf_fail(error, CF_MISSING, "%s has no user yet: `counterfoil init` or `join`",
                         home->path);
    else if (!status)
        status = cf_secrets_read(cf_buffer_view(&secrets), keys, ring, error);
    cf_buffer_wipe(&secrets);
    return status;
}

cf_status cf_home_save_secrets(cf_home *home, const cf_keys *keys, const cf_ring *ring,
                               cf_error *error)
{
    cf_buffer secrets = {0};

    cf_secrets_pack(keys, ring, &secrets);
    cf_status status = cf_files_write(home->env->files, home->root, cf_bytes_of_text("keys"), 0600,
                                      cf_buffer_view(&secrets), error);
    cf_buffer_wipe(&secrets);
    if (status)
        cf_error_while(error, "saving the keys of %s", home->path);
    return status;
}

/* Of no user: the home's own. */
static const cf_hash nobody;

cf_status cf_home_get(cf_home *home, const char *name, cf_buffer *value, cf_error *error)
{
    cf_arena arena = {0};

    cf_status status =
        home->store->get(home->store, &nobody, cf_key_meta(&arena, name), value, error);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_home_set(cf_home *home, const char *name, cf_bytes value, cf_error *error)
{
    cf_arena arena = {0};
    cf_record record = {cf_key_meta(&arena, name), value.data ? value : cf_bytes_of("", 0)};

    cf_status status = home->store->write(home->store, &nobody, &record, 1, true, error);
    cf_arena_release(&arena);
    return status;
}
