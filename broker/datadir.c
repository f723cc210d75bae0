/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/datadir.h"

#include <stdlib.h>
#include <string.h>

enum { SEED_SIZE = 32, MODE_FOLDER = 0700, MODE_FILE = 0600 };

struct cf_datadir {
    const cf_env *env;
    char *path;
    cf_folder *folder;
    cf_file *lock;
    cf_keys *keys;
};

static cf_status take(cf_datadir *datadir, cf_error *error)
{
    cf_files *files = datadir->env->files;
    cf_status status =
        files->lock(files, datadir->folder, cf_bytes_of_text("lock"), &datadir->lock, error);

    return status == CF_LOCKED ? cf_fail(error, CF_LOCKED, "another counterfoild has it") : status;
}

static bool has(const cf_datadir *datadir, const char *name)
{
    cf_files *files = datadir->env->files;
    cf_stat found;
    cf_error ignored;

    return files->stat(files, datadir->folder, cf_bytes_of_text(name), &found, &ignored) == CF_OK;
}

/* A new key would lock out every peer that knows the old one, so it is made for a new directory
 * only. */
static cf_status make_key(cf_datadir *datadir, cf_error *error)
{
    const cf_env *env = datadir->env;
    uint8_t seed[SEED_SIZE];

    if (has(datadir, "store"))
        return cf_fail(error, CF_BROKEN, "there is a store, but the broker's key is gone");
    env->random(env->context, seed, sizeof seed);
    cf_status status = cf_files_write(env->files, datadir->folder, cf_bytes_of_text("key"),
                                      MODE_FILE, cf_bytes_of(seed, sizeof seed), error);
    if (!status)
        datadir->keys = cf_keys_new(seed);
    cf_wipe(seed, sizeof seed);
    return status;
}

static cf_status load_key(cf_datadir *datadir, cf_error *error)
{
    const cf_env *env = datadir->env;
    cf_buffer seed = {0};
    cf_error missing;

    cf_status status = cf_files_read(env->files, datadir->folder, cf_bytes_of_text("key"),
                                     SEED_SIZE, &seed, &missing);
    if (status == CF_MISSING) {
        status = make_key(datadir, error);
    } else if (status == CF_TOO_LARGE || (!status && seed.size != SEED_SIZE)) {
        status = cf_fail(error, CF_BROKEN, "the broker's key is damaged");
    } else if (status) {
        *error = missing;
    } else {
        datadir->keys = cf_keys_new(seed.data);
    }
    cf_buffer_wipe(&seed);
    return status;
}

cf_status cf_datadir_open(const cf_env *env, const char *path, bool create, cf_datadir **out,
                          cf_error *error)
{
    cf_datadir *datadir = cf_allocate(1, sizeof *datadir);
    cf_status status = CF_OK;

    datadir->env = env;
    datadir->path = strdup(path);
    if (create)
        status = env->files->make_root(env->files, path, MODE_FOLDER, error);
    if (!status)
        status = env->files->open_root(env->files, path, &datadir->folder, error);
    if (status == CF_MISSING || (!status && !create && !has(datadir, "key")))
        status = cf_fail(error, CF_MISSING, "no broker has been here");
    if (!status)
        status = take(datadir, error);
    if (!status)
        status = load_key(datadir, error);
    if (status) {
        cf_error_while(error, "data directory %s", path);
        cf_datadir_destroy(&datadir);
        return status;
    }
    *out = datadir;
    return CF_OK;
}

void cf_datadir_destroy(cf_datadir **datadir)
{
    cf_datadir *self = *datadir;

    if (!self)
        return;
    cf_keys_destroy(&self->keys);
    self->env->files->close_file(self->env->files, &self->lock);
    self->env->files->close_folder(self->env->files, &self->folder);
    free(self->path);
    free(self);
    *datadir = NULL;
}

const char *cf_datadir_path(const cf_datadir *datadir)
{
    return datadir->path;
}

const cf_keys *cf_datadir_keys(const cf_datadir *datadir)
{
    return datadir->keys;
}

cf_status cf_datadir_room(const cf_datadir *datadir, uint64_t *out, cf_error *error)
{
    cf_files *files = datadir->env->files;

    return files->free_bytes(files, datadir->folder, out, NULL, error);
}

cf_status cf_datadir_address(const cf_datadir *datadir, char line[CF_ADDRESS_TEXT], cf_error *error)
{
    cf_buffer text = {0};

    cf_status status =
        cf_files_read(datadir->env->files, datadir->folder, cf_bytes_of_text("address"),
                      CF_ADDRESS_TEXT - 1, &text, error);
    if (!status) {
        memcpy(line, text.data, text.size);
        line[text.size] = '\0';
    }
    cf_buffer_release(&text);
    return status;
}

cf_status cf_datadir_keep_address(const cf_datadir *datadir, const char *line, cf_error *error)
{
    return cf_files_write(datadir->env->files, datadir->folder, cf_bytes_of_text("address"),
                          MODE_FILE, cf_bytes_of_text(line), error);
}
