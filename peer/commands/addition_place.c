/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/files_root.h"
#include "peer/commands/addition_inside.h"
#include "peer/commands/source_format.h"
#include "peer/commands/sources.h"
#include "peer/commands/verbs.h"
#include "peer/log/catalog.h"
#include "peer/sources/records/record_source.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has(const char *folder, const char *name)
{
    char path[PATH_MAX + sizeof "store/CURRENT"];
    struct stat there;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return lstat(path, &there) == 0;
}

/* What a program keeps there changes in step, and in no order that files could be synced in. */
static cf_status refuse_stores(const char *path, cf_error *error)
{
    if (!has(path, "store/CURRENT") || (!has(path, "keys") && !has(path, "key")))
        return CF_OK;
    return cf_fail(error, CF_USAGE,
                   has(path, "keys")
                       ? "%s is the home of another device, which can't be synced as a folder: a "
                         "device joins with a code of `counterfoil pair`"
                       : "%s is a broker's directory, which can't be synced as a folder: see "
                         "\"Backups\" in counterfoild(8)",
                   path);
}

cf_status cf_addition_check_place(cf_addition *self, cf_error *error)
{
    cf_buffer home = {0};
    cf_status status = cf_run_path(self->run, cf_loop_home_path(self->run->loop), &home, error);
    const char *home_path = (const char *)home.data;

    if (!status && (cf_path_is_in(home_path, self->path) || cf_path_is_in(self->path, home_path)))
        status = cf_fail(error, CF_USAGE,
                         "%s and the home %s lie in each other: a home can't sync itself",
                         self->path, home_path);
    if (!status)
        status = refuse_stores(self->path, error);
    for (size_t i = 0; !status && i < cf_engine_binding_count(self->engine); i++) {
        const char *other = cf_engine_binding_at(self->engine, i)->path;
        const char *base = cf_engine_binding_at(self->engine, i)->place.dir;

        if (strcmp(other, self->path) == 0 && cf_source_taken_off(self->run, other))
            continue; /* it makes way */
        if (strcmp(other, self->path) == 0)
            status = cf_fail(error, CF_USAGE,
                             "%s is a source already: `counterfoil set` "
                             "changes it",
                             self->path);
        else if (cf_path_is_in(other, self->path) || cf_path_is_in(self->path, other))
            status = cf_fail(error, CF_USAGE,
                             "%s and the source %s lie in each other: move one of them, or "
                             "`counterfoil remove` that source",
                             self->path, other);
        else if (base && cf_path_is_in(base, self->path))
            status = cf_fail(error, CF_USAGE,
                             "the base of %s lies in %s, in %s, and must lie "
                             "outside of any source",
                             other, base, self->path);
    }
    cf_buffer_release(&home);
    return status;
}

static cf_status is_nowhere(cf_addition *self, cf_error *error)
{
    cf_status status = cf_addition_say_missing(self, error);

    cf_error_while(error, "%s is not there", self->path);
    return status;
}

/* They may be missing where others have what will be there. */
cf_status cf_addition_check_records(cf_addition *self, cf_error *error)
{
    bool there, senseless;

    const cf_binding_options options = {.format = self->format,
                                        .path = self->path,
                                        .keys = self->keys,
                                        .key_count = self->key_count,
                                        .map = self->map};

    self->is_folder = cf_source_is_folder(self->format, self->path);
    if (!cf_format_is_records(self->format))
        return CF_OK;
    cf_status status = cf_source_check_records(self->run, &options, &there, &senseless, error);
    if (status == CF_MISSING && self->is_folder)
        return CF_OK;
    self->is_made = status == CF_MISSING && !self->is_new &&
                    cf_adapter_of(self->format)->storage == CF_STORAGE_DATABASE;
    if (self->is_made)
        return CF_OK;
    if (!self->is_folder && (senseless || status == CF_MALFORMED))
        status = cf_addition_refuse_unlike(self, status, error);
    if (!status && !there && self->is_new)
        status = is_nowhere(self, error);
    return status;
}

/* One that is missing is made, where others have what will be there. */
static cf_status find_folder(cf_addition *self, bool *there, cf_error *error)
{
    struct stat found;

    *there = stat(self->path, &found) == 0;
    if (*there)
        return S_ISDIR(found.st_mode) ? CF_OK
                                      : cf_fail(error, CF_USAGE, "%s is no folder", self->path);
    if (errno != ENOENT)
        return cf_fail_errno(error, errno, "%s", self->path);
    return self->is_new ? is_nowhere(self, error) : CF_OK;
}

static cf_status make_missing(cf_addition *self, cf_error *error)
{
    bool there;
    cf_status status = find_folder(self, &there, error);

    if (status || there)
        return status;
    if (mkdir(self->path, 0777) == 0)
        return CF_OK;
    if (errno == ENOENT)
        return cf_fail(error, CF_MISSING,
                       "%s is not there, nor is the folder that it would be made in: make that one "
                       "first",
                       self->path);
    return cf_fail_errno(error, errno, "making %s", self->path);
}

/* What was tried in it with files of our own is nobody's trouble. */
static cf_status refuse_unwritable(const cf_addition *self, cf_error *error)
{
    const cf_error why = *error;
    const char *reason = strrchr(why.text, ':');

    return cf_fail(error, why.status, "`--mode send` adds what can't be written to: %s%s",
                   self->path, reason ? reason : "");
}

/* Where no mark can be written, in a folder that can be read: it may be one that only sends. */
static cf_status take_unwritable(cf_addition *self, cf_status status, cf_error *error)
{
    const char *mode = cf_options_value(&self->run->options, "mode");

    if (!status || !cf_error_is_unwritable(error) || cf_format_is_records(self->format))
        return status;
    if (access(self->path, R_OK | X_OK) != 0) {
        cf_root_say_shut(self->path, "", error);
        return status;
    }
    self->is_image = mode && strcmp(mode, cf_mode_name(CF_MODE_SEND)) == 0;
    return self->is_image ? CF_OK : refuse_unwritable(self, error);
}

static void say_taken_over(const cf_addition *self)
{
    const bool is_dry = cf_options_has(&self->run->options, "dry-run");

    if (!self->run->quiet)
        cf_say(&self->run->output,
               "%s was a source already, of another home or of this one before, and %s one of this "
               "now: another home that is in use still stops there",
               self->path, is_dry ? "would be" : "is");
}

/* An instance id of another home, or of one that is lost, makes way: if that other home is still
 * in use, it stops by itself, since this is not the folder that it knew any more. */
static cf_status make_root(cf_addition *self, cf_error *error)
{
    const cf_env *env = cf_loop_env(self->run->loop);
    cf_files *files = env->files;
    cf_folder *root = NULL;

    env->random(env->context, self->instance.bytes, CF_ID_SIZE);
    cf_status status = files->open_root(files, self->path, &root, error);
    if (!status)
        status = cf_root_make(files, root, &self->instance, error);
    if (status == CF_CHANGED) {
        status = cf_root_take_over(files, root, &self->instance, error);
        if (!status)
            say_taken_over(self);
    }
    files->close_folder(files, &root);
    return take_unwritable(self, status, error);
}

/* As make_root, which takes over nothing where it can't write. */
static cf_status rehearse_root(cf_addition *self, cf_error *error)
{
    cf_files *files = cf_loop_env(self->run->loop)->files;
    cf_folder *root = NULL;
    cf_id before;

    cf_status status = files->open_root(files, self->path, &root, error);
    if (!status)
        status = cf_root_read(files, root, &before, error);
    if (!status && access(self->path, W_OK) == 0)
        say_taken_over(self);
    files->close_folder(files, &root);
    return status == CF_MISSING ? CF_OK : take_unwritable(self, status, error);
}

/* With no row: that is for the first sync. */
static cf_status make_database(const cf_addition *self, bool rehearses, cf_error *error)
{
    const cf_binding_options source = {
        .collection = self->collection, .path = self->path, .format = self->format};
    cf_status status = cf_record_source_make(self->peer, &source, rehearses, error);

    if (!status && !self->run->quiet)
        cf_say(&self->run->output,
               "%s %s made, with the tables that the collection's first one has", self->path,
               rehearses ? "would be" : "is");
    return status;
}

cf_status cf_addition_prepare_place(cf_addition *self, cf_error *error)
{
    cf_status status = cf_addition_check_records(self, error);

    if (!status && self->is_made)
        return make_database(self, false, error);
    if (status || !self->is_folder)
        return status;
    status = make_missing(self, error);
    return status ? status : make_root(self, error);
}

cf_status cf_addition_rehearse_place(cf_addition *self, cf_error *error)
{
    cf_status status = cf_addition_check_records(self, error);
    bool there = false;

    if (!status && self->is_made)
        return make_database(self, true, error);
    if (!status && self->is_folder)
        status = find_folder(self, &there, error);
    return status || !there ? status : rehearse_root(self, error);
}

/* ---- A source that was moved here ---- */

static cf_status read_instance(cf_files *files, const char *path, cf_id *out)
{
    cf_folder *root = NULL;
    cf_error ignored;

    cf_status status = files->open_root(files, path, &root, &ignored);
    if (!status)
        status = cf_root_read(files, root, out, &ignored);
    files->close_folder(files, &root);
    return status;
}

cf_binding *cf_source_find_moved(const cf_run *run, const char *path)
{
    cf_files *files = cf_loop_env(run->loop)->files;
    const cf_engine *engine = cf_loop_engine(run->loop);
    cf_id here, there;

    if (read_instance(files, path, &here))
        return NULL;
    for (size_t i = 0; i < cf_engine_binding_count(engine); i++) {
        cf_binding *binding = cf_engine_binding_at(engine, i);

        if (cf_id_equal(&binding->instance, &here) &&
            (read_instance(files, binding->path, &there) || !cf_id_equal(&there, &here)))
            return binding;
    }
    return NULL;
}

cf_status cf_source_move(cf_run *run, cf_binding *binding, const char *path, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_arena arena = {0};
    char *before = binding->path;

    binding->path = cf_text_copy(path);
    cf_status status = cf_binding_save(peer, binding, error);
    if (status) {
        free(binding->path);
        binding->path = before;
        return status;
    }
    cf_engine_touch_binding(cf_loop_engine(run->loop), binding);
    cf_loop_wake(run->loop);
    if (run->json)
        cf_print_json(&run->output,
                      json_pack("{s:s, s:o, s:o}", "collection",
                                cf_catalog_name(peer, &binding->collection, &arena), "source",
                                cf_json_name(cf_bytes_of_text(binding->path)), "moved_from",
                                cf_json_name(cf_bytes_of_text(before))));
    else
        cf_print(&run->output, "%s: moved here from %s\n",
                 cf_catalog_name(peer, &binding->collection, &arena), before);
    free(before);
    cf_arena_release(&arena);
    return CF_OK;
}
