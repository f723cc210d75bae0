/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/home.h"

#include "codec/limits.h"
#include "peer/log/tables.h"

#include <stdio.h>
#include <stdlib.h>

#define FORMAT "1\n"
#define BLOBS "blobs"
#define REMEDY                                                                                     \
    "this home is damaged: move it away and `counterfoil join`, or `recover` where no other "      \
    "device is left, with `add SOURCE --existing`; or put a copy of it back"

struct cf_home {
    const cf_env *env;
    char *path;
    cf_file *lock;
    cf_folder *root, *base, *temporary;
    cf_store *store;
    cf_blobs *blobs;   /* NULL until they are asked for */
    bool is_elsewhere; /* the store was given, and nothing of it lies in `path` */
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

/* `what` may be the error's own text. */
static cf_status fail_damaged(const char *what, cf_error *error)
{
    char shown[81];

    snprintf(shown, sizeof shown, "%.80s", what);
    return cf_fail(error, CF_BROKEN, "%s: " REMEDY, shown);
}

/* A number and a line end, as any version of the program writes it. */
static bool is_version(cf_bytes format)
{
    size_t digits = 0;

    while (digits < format.size && format.data[digits] >= '0' && format.data[digits] <= '9')
        digits++;
    return digits && digits + 1 == format.size && format.data[digits] == '\n';
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
    else if (!status && !is_version(cf_buffer_view(&format)))
        status = fail_damaged("the format of the home is cut short or spoilt", error);
    else if (!status && !cf_bytes_equal(cf_buffer_view(&format), cf_bytes_of_text(FORMAT)))
        status =
            cf_fail(error, CF_BROKEN,
                    "%s is of another format version: use the program that made it", home->path);
    cf_buffer_release(&format);
    return status;
}

static cf_status open_folder(const cf_home *home, const cf_folder *above, const char *name,
                             cf_folder **out, cf_error *error)
{
    cf_files *files = home->env->files;
    cf_bytes bytes = cf_bytes_of_text(name);

    cf_status status = files->open_folder(files, above, bytes, out, error);
    if (status == CF_MISSING) {
        status = files->make_folder(files, above, bytes, 0700, error);
        if (!status)
            status = files->open_folder(files, above, bytes, out, error);
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

static cf_status open_store(cf_home *home, bool create, cf_error *error)
{
    uint8_t instance[16];
    cf_buffer path = {0};
    size_t cut = 0;

    home->env->random(home->env->context, instance, sizeof instance);
    cf_buffer_append_text(&path, "%s/store", home->path);
    cf_store_options options = {.path = (const char *)path.data,
                                .existing = !create,
                                .random = instance,
                                .write_buffer = 4 * CF_MIB,
                                .cut = &cut,
                                .remedy = REMEDY};
    cf_status status = cf_store_rocksdb_open(&options, &home->store, error);
    cf_store_report_cut(home->env, (const char *)path.data, cut);
    cf_buffer_release(&path);
    return status;
}

static cf_home *home_new(const cf_env *env, const char *path)
{
    cf_home *home = cf_allocate(1, sizeof *home);

    home->env = env;
    home->path = cf_text_copy(path);
    return home;
}

static void say_missing(const cf_home *home, cf_error *error)
{
    cf_fail(error, CF_MISSING,
            "%s is no home: make one with `counterfoil init`, `join` or `recover`", home->path);
}

cf_status cf_home_lock_serving(const cf_env *env, const char *path, cf_file **out, cf_error *error)
{
    cf_home *home = home_new(env, path);

    cf_status status = check_format(home, false, error);
    if (status == CF_MISSING)
        say_missing(home, error);
    if (!status)
        status =
            env->files->lock(env->files, home->root, cf_bytes_of_text("serve-lock"), out, error);
    if (status == CF_LOCKED)
        cf_error_while(error, "another `serve`");
    cf_home_close(&home);
    return status;
}

/* "1234" of the lock becomes "1234, sync". Words for who is refused: nothing depends on it. */
static void tell_holder(const cf_home *home, const char *doing)
{
    cf_files *files = home->env->files;
    cf_buffer words = {0};
    cf_stat stat;
    cf_error ignored;

    cf_buffer_append_text(&words, ", %s", doing);
    if (files->stat_file(files, home->lock, &stat, &ignored) == CF_OK)
        files->write_at(files, home->lock, stat.size, cf_buffer_view(&words), &ignored);
    cf_buffer_release(&words);
}

cf_status cf_home_open(const cf_home_options *options, cf_home **out, cf_error *error)
{
    cf_home *home = home_new(options->env, options->path);
    cf_files *files = home->env->files;
    cf_status status = options->create ? files->make_root(files, home->path, 0700, error) : CF_OK;
    if (!status)
        status = check_format(home, options->create, error);
    if (!status)
        status = files->lock(files, home->root, cf_bytes_of_text("lock"), &home->lock, error);
    if (!status && options->doing)
        tell_holder(home, options->doing);
    if (!status)
        status = open_folder(home, home->root, "base", &home->base, error);
    if (!status)
        status = open_folder(home, home->root, "tmp", &home->temporary, error);
    if (!status)
        status = files->list(files, home->temporary, drop_one, home, error);
    home->store = options->store;
    home->blobs = options->blobs;
    home->is_elsewhere = options->store != NULL;
    if (!status && !home->store)
        status = open_store(home, options->create, error);
    if (status == CF_MISSING)
        say_missing(home, error);
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
    cf_blobs_destroy(&(*home)->blobs);
    files->close_folder(files, &(*home)->base);
    files->close_folder(files, &(*home)->temporary);
    files->close_file(files, &(*home)->lock);
    files->close_folder(files, &(*home)->root);
    free((*home)->path);
    free(*home);
    *home = NULL;
}

/* ---- Its end ---- */

static cf_status overwrite(cf_files *files, const cf_file *file, cf_error *error)
{
    static const uint8_t zeros[4096];
    cf_stat stat;

    cf_status status = files->stat_file(files, file, &stat, error);
    for (uint64_t at = 0; !status && at < stat.size; at += sizeof zeros)
        status = files->write_at(files, file, at, cf_bytes_of(zeros, sizeof zeros), error);
    return status ? status : files->sync_file(files, file, error);
}

static cf_status wipe_keys(cf_home *home, cf_error *error)
{
    cf_files *files = home->env->files;
    cf_bytes name = cf_bytes_of_text("keys");
    cf_file *file = NULL;

    cf_status status = files->reopen_file(files, home->root, name, &file, error);
    if (status == CF_MISSING)
        return CF_OK;
    if (!status)
        status = overwrite(files, file, error);
    files->close_file(files, &file);
    if (!status)
        status = files->unlink(files, home->root, name, error);
    if (status)
        cf_error_while(error, "wiping");
    return status;
}

/* What others put beside it stays, and so does the folder then. */
static void remove_empty(cf_files *files, const char *path)
{
    cf_folder *above = NULL;
    cf_bytes name;
    cf_error ignored;

    if (cf_files_open_above(files, path, &above, &name, &ignored) == CF_OK)
        files->remove_folder(files, above, name, &ignored);
    files->close_folder(files, &above);
}

cf_status cf_home_wipe(cf_home **home, cf_error *error)
{
    static const char *const parts[] = {"format", "store",   "base",       "tmp",
                                        BLOBS,    "control", "serve-lock", "lock"};
    cf_files *files = (*home)->env->files;
    char *path = cf_text_copy((*home)->path);
    cf_error ignored;

    cf_store_destroy(&(*home)->store);
    cf_status status = wipe_keys(*home, error);
    for (size_t i = 0; !status && i < sizeof parts / sizeof parts[0]; i++)
        cf_files_remove(files, (*home)->root, cf_bytes_of_text(parts[i]), &ignored);
    cf_home_close(home);
    if (!status)
        remove_empty(files, path);
    free(path);
    return status;
}

/* ---- What is in it ---- */

const char *cf_home_shown(const cf_home *home)
{
    return home->path;
}

cf_status cf_home_check_place(const cf_home *home, cf_error *error)
{
    cf_files *files = home->env->files;
    cf_folder *there = NULL;
    cf_stat opened, found;
    cf_error ignored;

    cf_status status = files->open_root(files, home->path, &there, &ignored);
    bool is_other = status == CF_MISSING;
    if (!status && !files->stat_folder(files, home->root, &opened, &ignored) &&
        !files->stat_folder(files, there, &found, &ignored))
        is_other = !cf_stat_same_file(&opened, &found);
    files->close_folder(files, &there);
    return is_other ? cf_fail(error, CF_BROKEN,
                              "%s was removed or moved while it was served: if there is a home "
                              "there again, `counterfoil serve` serves that",
                              home->path)
                    : CF_OK;
}

cf_store *cf_home_store(const cf_home *home)
{
    return home->store;
}

static bool has_blobs(const cf_home *home)
{
    cf_files *files = home->env->files;
    cf_folder *folder = NULL;
    cf_error ignored;

    const bool has =
        files->open_folder(files, home->root, cf_bytes_of_text(BLOBS), &folder, &ignored) == CF_OK;
    files->close_folder(files, &folder);
    return has;
}

cf_status cf_home_blobs(cf_home *home, bool make, cf_blobs **out, cf_error *error)
{
    cf_buffer path = {0};
    cf_status status = CF_OK;

    if (!home->blobs && (home->is_elsewhere || (!make && !has_blobs(home))))
        return cf_fail(error, CF_MISSING, "no blobs are carried here");
    if (!home->blobs) {
        cf_buffer_append_text(&path, "%s/" BLOBS, home->path);
        status = cf_blob_files_open((const char *)path.data, &home->blobs, error);
        cf_buffer_release(&path);
    }
    *out = home->blobs;
    return status;
}

const cf_folder *cf_home_base(const cf_home *home)
{
    return home->base;
}

const cf_folder *cf_home_temporary(const cf_home *home)
{
    return home->temporary;
}

cf_status cf_home_open_temporary(const cf_home *home, const char *use, uint32_t source,
                                 cf_folder **out, cf_error *error)
{
    char name[64];

    snprintf(name, sizeof name, "%s-%u", use, source);
    return open_folder(home, home->temporary, name, out, error);
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
    if (status == CF_BROKEN)
        status = fail_damaged(error->text, error);
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
    cf_kv record = {cf_key_meta(&arena, name), value.data ? value : cf_bytes_of("", 0)};

    cf_status status = home->store->write(home->store, &nobody, &record, 1, true, error);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_home_get_choice(cf_home *home, const char *name, const char *const *texts,
                             size_t count, size_t *out, cf_error *error)
{
    cf_buffer text = {0};
    size_t found = 0;

    cf_status status = cf_home_get(home, name, &text, error);
    while (!status && found < count &&
           !cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(texts[found])))
        found++;
    if (!status && found == count)
        status = cf_fail(error, CF_BROKEN, "what is kept here of '%s' is damaged", name);
    if (status == CF_MISSING)
        status = CF_OK;
    if (!status)
        *out = found;
    cf_buffer_release(&text);
    return status;
}
