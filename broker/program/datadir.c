/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/datadir.h"

#include "broker/platform/control.h"
#include "broker/program/broker_key.h"
#include "broker/program/datadir_contents.h"
#include "broker/store/store_room.h"
#include "codec/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MODE_FOLDER = 0700,
    MODE_FILE = 0600,
    CHECK_TEXT = 128,
};

#define AMPLE (1024 * CF_MIB) /* more than a store ever needs */

struct cf_datadir {
    const cf_env *env;
    char *path;
    cf_folder *folder;
    cf_file *lock;
    cf_keys *keys;
    bool is_new;
    bool has_begun;    /* to make one; and with which key: */
    bool has_made_key; /* a new one */
    bool is_read_only; /* the file system: it is mounted so, or */
    bool has_failed;
};

bool cf_datadir_is_there(const cf_env *env, const char *path)
{
    cf_folder *folder = NULL;
    cf_datadir_contents found = {0};
    cf_error ignored;

    const bool is = !env->files->open_root(env->files, path, &folder, &ignored) &&
                    !cf_datadir_look(env, folder, &found, &ignored) &&
                    !cf_datadir_is_unmade(&found);
    env->files->close_folder(env->files, &folder);
    return is;
}

/* ---- Taking it ---- */

/* An ext4 that met an error of its disk writes nothing more, and needn't say so of its mount. */
static bool has_failed(const cf_datadir *datadir)
{
    const cf_bytes trial = cf_bytes_of_text("verified.new");
    cf_files *files = datadir->env->files;
    cf_file *made = NULL;
    cf_error error;

    const cf_status status =
        files->create_file(files, datadir->folder, trial, MODE_FILE, &made, &error);
    if (status && status != CF_CHANGED)
        return error.number == EROFS;
    files->close_file(files, &made);
    /* One that was left over can't be made anywhere: whether it can be removed tells. */
    return files->unlink(files, datadir->folder, trial, &error) && error.number == EROFS;
}

/* A broker has it as long as it answers there, also where somebody removed what it had locked. */
static cf_status look_for_broker(const cf_datadir *datadir, cf_error *error)
{
    char number[32] = "";
    long process;

    if (!cf_control_is_served(datadir->path, &process))
        return CF_OK;
    if (process)
        snprintf(number, sizeof number, "%ld ", process);
    return cf_fail(error, CF_LOCKED,
                   "a process %sanswers at %s/" CF_CONTROL_NAME ", though its lock was removed",
                   number, datadir->path);
}

static cf_status take(cf_datadir *datadir, cf_error *error)
{
    cf_files *files = datadir->env->files;
    cf_status status =
        files->lock(files, datadir->folder, cf_bytes_of_text("lock"), &datadir->lock, error);

    if (status != CF_LOCKED && look_for_broker(datadir, error))
        status = CF_LOCKED;
    if (!datadir->is_read_only && status != CF_LOCKED)
        datadir->is_read_only = datadir->has_failed = has_failed(datadir);
    if (status == CF_LOCKED)
        cf_error_while(error, "another counterfoild has it");
    /* A copy that nobody has served is nobody's. */
    return status == CF_MISSING && datadir->is_read_only ? CF_OK : status;
}

void cf_datadir_tell(const cf_datadir *datadir, const char *doing)
{
    cf_files *files = datadir->env->files;
    char who[CF_HOLDER_MAX + 1];
    cf_error ignored;

    snprintf(who, sizeof who, "%ld, %s", (long)getpid(), doing);
    if (datadir->lock && !files->truncate(files, datadir->lock, 0, &ignored))
        files->write_at(files, datadir->lock, 0, cf_bytes_of_text(who), &ignored);
}

/* A key whose bytes were flipped is a key. */
static cf_status check_served_key(const cf_datadir *datadir, cf_error *error)
{
    char line[CF_ADDRESS_TEXT];
    cf_address served;
    cf_error ignored;

    if (cf_datadir_address(datadir, line, &ignored) || cf_address_read(line, &served, &ignored) ||
        memcmp(served.key, cf_keys_public(datadir->keys)->curve, sizeof served.key) == 0)
        return CF_OK;
    return cf_fail(
        error, CF_BROKEN,
        "the broker's key is not the one that devices know (see %s/address): put a copy "
        "of that in its place; if this one is right, or another is meant, remove address",
        datadir->path);
}

static cf_status check_nobody_is_known(const cf_datadir *datadir, cf_error *error)
{
    char line[CF_ADDRESS_TEXT];
    cf_address served;
    cf_error ignored;

    if (cf_datadir_address(datadir, line, &ignored) || cf_address_read(line, &served, &ignored))
        return CF_OK;
    return cf_fail(error, CF_BROKEN,
                   "%s/address is of a broker that devices know, whose key is gone: put a copy of "
                   "that there, and its store and blobs; if a new broker is meant, remove address",
                   datadir->path);
}

/* A new key would lock out every peer that knows the old one, so it is made for a new directory
 * only. */
static cf_status load_key(cf_datadir *datadir, cf_error *error)
{
    const cf_env *env = datadir->env;
    cf_status status = cf_broker_key_read(env->files, datadir->folder, &datadir->keys, error);
    const bool lacks_key = status == CF_MISSING && datadir->is_new;

    if (!status && cf_datadir_is_key_open(datadir))
        cf_report(env, CF_REPORT_WARNING, CF_DATADIR_KEY_OPEN_FORMAT, datadir->path);
    if (!status)
        status = check_served_key(datadir, error);
    else if (lacks_key)
        status = check_nobody_is_known(datadir, error);
    if (status || !datadir->is_new)
        return status;
    datadir->has_begun = true;
    status = cf_files_write(env->files, datadir->folder, cf_bytes_of_text("making"), MODE_FILE,
                            (cf_bytes){0}, error);
    datadir->has_made_key = lacks_key && !status;
    return datadir->has_made_key ? cf_broker_key_make(env, datadir->folder, &datadir->keys, error)
                                 : status;
}

/* What was refused leaves nothing behind, of which whoever restores a backup there then would not
 * know; what it has in its store is gone on with by the next one. */
static void leave_nothing(const cf_datadir *datadir)
{
    cf_files *files = datadir->env->files;
    cf_datadir_contents found;
    cf_error ignored;

    if (!datadir->has_begun || !datadir->is_new ||
        cf_datadir_look(datadir->env, datadir->folder, &found, &ignored) ||
        found.parts & (CF_DATADIR_STORE | CF_DATADIR_BLOBS))
        return;
    if (datadir->has_made_key)
        files->unlink(files, datadir->folder, cf_bytes_of_text("key"), &ignored);
    files->unlink(files, datadir->folder, cf_bytes_of_text("making"), &ignored);
}

static cf_status open_folder(cf_datadir *datadir, cf_datadir_way way, cf_error *error)
{
    cf_files *files = datadir->env->files;
    cf_filesystem filesystem = {0};
    cf_status status = CF_OK;

    if (way != CF_DATADIR_EXISTING)
        status = files->make_root(files, datadir->path, MODE_FOLDER, error);
    if (!status)
        status = files->open_root(files, datadir->path, &datadir->folder, error);
    if (status == CF_MISSING)
        status = cf_fail(error, CF_MISSING, "no broker has been here");
    if (!status)
        status = files->filesystem(files, datadir->folder, &filesystem, error);
    datadir->is_read_only = filesystem.is_read_only;
    return status;
}

/* A repair was killed where it had put the damaged store aside, and not yet the mended one in its
 * place: that is whole. Where a power cut undoes the rename, the next one makes it again. */
static cf_status put_mended_in_place(cf_datadir *datadir, cf_datadir_contents *found,
                                     cf_error *error)
{
    cf_files *files = datadir->env->files;

    if (found->parts != (CF_DATADIR_KEY | CF_DATADIR_BLOBS) || !found->has_mended)
        return CF_OK;
    cf_status status = datadir->lock ? CF_OK : take(datadir, error);
    if (!status) /* nobody else puts it there meanwhile */
        status = cf_datadir_look(datadir->env, datadir->folder, found, error);
    if (status || found->parts != (CF_DATADIR_KEY | CF_DATADIR_BLOBS) || !found->has_mended)
        return status;
    status = cf_files_rename(files, datadir->folder, cf_bytes_of_text(CF_DATADIR_MENDED),
                             datadir->folder, cf_bytes_of_text("store"), error);
    if (status) {
        cf_error_while(error, "a repair was interrupted: putting " CF_DATADIR_MENDED
                              " in the place of the store");
        return status;
    }
    cf_report(datadir->env, CF_REPORT_NOTICE,
              "a repair was interrupted: what it mended, %s/" CF_DATADIR_MENDED
              ", is the store now",
              datadir->path);
    return cf_datadir_look(datadir->env, datadir->folder, found, error);
}

/* Looks once more when nobody else can change it. */
static cf_status check(cf_datadir *datadir, cf_datadir_way way, cf_error *error)
{
    cf_datadir_contents found;
    cf_error ignored;

    cf_status status = cf_datadir_look(datadir->env, datadir->folder, &found, error);
    if (!status)
        status = put_mended_in_place(datadir, &found, error);
    if (!status)
        status = cf_datadir_check_contents(&found, way, error);
    if (!status && !datadir->lock)
        status = take(datadir, error);
    if (!status && found.has_stray_making && found.parts & CF_DATADIR_BLOBS)
        datadir->env->files->unlink(datadir->env->files, datadir->folder,
                                    cf_bytes_of_text("making"), &ignored);
    datadir->is_new = found.parts != (CF_DATADIR_KEY | CF_DATADIR_STORE | CF_DATADIR_BLOBS);
    return status;
}

/* Where nothing can be written: the next step. */
static void say_unwritable(cf_error *error)
{
    const size_t used = strlen(error->text);

    if (error->number == EROFS)
        snprintf(error->text + used, sizeof error->text - used,
                 ": mount it writable, or, if its disk failed, see RECOVERY in counterfoild(8)");
    else if (error->number == EACCES)
        snprintf(error->text + used, sizeof error->text - used, CF_DATADIR_OTHERS_TEXT);
}

cf_status cf_datadir_open(const cf_env *env, const char *path, cf_datadir_way way, cf_datadir **out,
                          cf_error *error)
{
    cf_datadir *datadir = cf_allocate(1, sizeof *datadir);

    datadir->env = env;
    datadir->path = cf_text_copy(path);
    cf_status status = open_folder(datadir, way, error);
    if (!status)
        status = check(datadir, way, error);
    if (!status)
        status = check(datadir, way, error);
    if (!status)
        status = load_key(datadir, error);
    if (status) {
        cf_error_while(error, "data directory %s", path);
        say_unwritable(error);
        cf_datadir_destroy(&datadir);
        return status;
    }
    *out = datadir;
    return CF_OK;
}

cf_status cf_datadir_finish(cf_datadir *datadir, cf_error *error)
{
    cf_files *files = datadir->env->files;

    cf_status status = files->unlink(files, datadir->folder, cf_bytes_of_text("making"), error);
    if (!status)
        status = files->sync_folder(files, datadir->folder, error);
    datadir->is_new = status != CF_OK;
    return status;
}

bool cf_datadir_is_new(const cf_datadir *datadir)
{
    return datadir->is_new;
}

bool cf_datadir_has_made_key(const cf_datadir *datadir)
{
    return datadir->has_made_key;
}

bool cf_datadir_is_read_only(const cf_datadir *datadir)
{
    return datadir->is_read_only;
}

cf_status cf_datadir_need_writes(const cf_datadir *datadir, cf_error *error)
{
    if (!datadir->is_read_only)
        return CF_OK;
    if (datadir->has_failed)
        return cf_fail(error, CF_IO,
                       "%s is on a file system that takes no writes, as after an error of its "
                       "disk: see RECOVERY in counterfoild(8), or work on a copy of the directory",
                       datadir->path);
    return cf_fail(error, CF_IO,
                   "%s is on a file system that is mounted read-only: mount it for writing, or "
                   "work on a copy of the directory",
                   datadir->path);
}

void cf_datadir_destroy(cf_datadir **datadir)
{
    cf_datadir *self = *datadir;

    if (!self)
        return;
    leave_nothing(self);
    cf_keys_destroy(&self->keys);
    self->env->files->close_file(self->env->files, &self->lock);
    self->env->files->close_folder(self->env->files, &self->folder);
    free(self->path);
    free(self);
    *datadir = NULL;
}

bool cf_datadir_is_at_its_path(const cf_datadir *datadir)
{
    cf_files *files = datadir->env->files;
    cf_folder *named = NULL;
    cf_stat here, there;
    cf_error ignored;

    const cf_status status = files->open_root(files, datadir->path, &named, &ignored);
    if (status)
        return status != CF_MISSING;
    const bool is_other = !files->stat_folder(files, named, &there, &ignored) &&
                          !files->stat_folder(files, datadir->folder, &here, &ignored) &&
                          (here.device != there.device || here.inode != there.inode);
    files->close_folder(files, &named);
    return !is_other;
}

uint64_t cf_datadir_blobs(const cf_datadir *datadir)
{
    cf_files *files = datadir->env->files;
    cf_folder *blobs = NULL;
    cf_stat found = {0};
    cf_error ignored;

    if (files->open_folder(files, datadir->folder, cf_bytes_of_text("blobs"), &blobs, &ignored) ||
        files->stat_folder(files, blobs, &found, &ignored))
        found.inode = 0;
    files->close_folder(files, &blobs);
    return found.inode;
}

const char *cf_datadir_path(const cf_datadir *datadir)
{
    return datadir->path;
}

int cf_datadir_descriptor(const cf_datadir *datadir)
{
    return datadir->env->files->descriptor(datadir->env->files, datadir->folder);
}

bool cf_datadir_is_key_open(const cf_datadir *datadir)
{
    return cf_broker_key_is_open(datadir->env->files, datadir->folder);
}

cf_broker_key_place cf_datadir_look_for_key(const cf_datadir *datadir)
{
    return cf_broker_key_look(datadir->env->files, datadir->folder, datadir->keys);
}

cf_status cf_datadir_keep_key(const cf_datadir *datadir, cf_error *error)
{
    const cf_broker_key_place place = cf_datadir_look_for_key(datadir);

    if (place == CF_BROKER_KEY_IS_THERE)
        return CF_OK;
    cf_status status =
        cf_broker_key_keep(datadir->env->files, datadir->folder, datadir->keys, error);
    if (status) {
        cf_error_while(error, "writing the broker's key anew");
        return status;
    }
    return place == CF_BROKER_KEY_IS_LOST
               ? cf_fail(error, CF_CHANGED,
                         "the broker's key was gone from %s, or damaged, and was written anew: "
                         "keep a copy of it",
                         datadir->path)
               : cf_fail(error, CF_CHANGED,
                         "another key lies in %s than the one that is used, which was written to "
                         "%s/" CF_BROKER_KEY_SERVED
                         ": put that in its place; if the other one is meant, remove address",
                         datadir->path, datadir->path);
}

const cf_keys *cf_datadir_keys(const cf_datadir *datadir)
{
    return datadir->keys;
}

cf_status cf_datadir_room(const cf_datadir *datadir, uint64_t *out, uint64_t *whole,
                          cf_error *error)
{
    return datadir->env->files->free_bytes(datadir->env->files, datadir->folder, out, whole, error);
}

cf_status cf_datadir_reserve(const cf_datadir *datadir, cf_reserve *out, cf_error *error)
{
    char store[4096];
    cf_reserve left = {0};
    cf_status status = cf_datadir_room(datadir, &left.room, &left.whole, error);

    if (status)
        return status;
    if (left.room < AMPLE || left.room < left.whole / 8) {
        snprintf(store, sizeof store, "%s/store", datadir->path);
        left.needed = cf_store_room_to_go_on(store);
    }
    *out = left;
    return CF_OK;
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

static cf_status keep(const cf_datadir *datadir, const char *name, const char *text,
                      cf_error *error)
{
    return cf_files_write(datadir->env->files, datadir->folder, cf_bytes_of_text(name), MODE_FILE,
                          cf_bytes_of_text(text), error);
}

cf_status cf_datadir_keep_address(const cf_datadir *datadir, const char *line, cf_error *error)
{
    return keep(datadir, "address", line, error);
}

const char *cf_datadir_advertise(const cf_env *env, const char *path, char text[CF_ADDRESS_TEXT])
{
    cf_files *files = env->files;
    cf_folder *folder = NULL;
    cf_buffer read = {0};
    cf_error ignored;

    bool is_there = !files->open_root(files, path, &folder, &ignored) &&
                    !cf_files_read(files, folder, cf_bytes_of_text("advertise"),
                                   CF_ADDRESS_TEXT - 1, &read, &ignored);
    snprintf(text, CF_ADDRESS_TEXT, "%.*s", (int)read.size, (const char *)read.data);
    cf_buffer_release(&read);
    files->close_folder(files, &folder);
    return is_there && *text ? text : NULL;
}

cf_status cf_datadir_keep_advertise(const cf_datadir *datadir, const char *text, cf_error *error)
{
    return keep(datadir, "advertise", text, error);
}

cf_status cf_datadir_checked(const cf_datadir *datadir, cf_datadir_check *out, cf_error *error)
{
    cf_buffer text = {0};

    cf_status status = cf_files_read(datadir->env->files, datadir->folder,
                                     cf_bytes_of_text("verified"), CHECK_TEXT, &text, error);
    cf_buffer_append(&text, "", 1);
    out->missing = out->known = out->mended_ms = 0; /* of before they were kept */
    if (!status &&
        sscanf((const char *)text.data, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
               &out->time_ms, &out->damages, &out->missing, &out->known, &out->mended_ms) < 2)
        status = cf_fail(error, CF_MISSING, "it is not known when all was checked");
    cf_buffer_release(&text);
    return status;
}

cf_status cf_datadir_keep_check(const cf_datadir *datadir, const cf_datadir_check *check,
                                cf_error *error)
{
    char text[CHECK_TEXT];

    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
             check->time_ms, check->damages, check->missing, check->known, check->mended_ms);
    return keep(datadir, "verified", text, error);
}
