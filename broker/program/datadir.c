/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/datadir.h"

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
    SEED_SIZE = 32,
    MODE_FOLDER = 0700,
    MODE_FILE = 0600,
    CHECK_TEXT = 96,
};

#define AMPLE (1024 * CF_MIB) /* more than a store ever needs */

struct cf_datadir {
    const cf_env *env;
    char *path;
    cf_folder *folder;
    cf_file *lock;
    cf_keys *keys;
    bool is_new;
    bool is_read_only; /* the file system: it is mounted so, or */
    bool has_failed;
};

/* ---- What lies there ---- */

/* Of a broker, by its bit. */
enum { KEY = 1, STORE = 2, BLOBS = 4, MAKING = 8 };

static const char *const parts[] = {"key", "store", "blobs", "making"};

/* What a broker leaves beside them, or the system in an empty file system. */
static const char *const beside[] = {"lock",       "control",    "address",   "address.new",
                                     "key.new",    "making.new", "verified",  "verified.new",
                                     "lost+found", "ballast",    "advertise", "advertise.new"};

typedef struct {
    unsigned parts;
    bool has_mended; /* store.mended */
    char other[100]; /* a name that is none of a broker's */
} contents;

static size_t find(const char *const *names, size_t count, cf_bytes name)
{
    size_t i = 0;

    while (i < count && !cf_bytes_equal(name, cf_bytes_of_text(names[i])))
        i++;
    return i;
}

static bool note_name(void *context, cf_bytes name)
{
    contents *found = context;
    const size_t part_count = sizeof parts / sizeof *parts;
    const size_t beside_count = sizeof beside / sizeof *beside;
    const size_t part = find(parts, part_count, name);

    if (cf_bytes_equal(name, cf_bytes_of_text(CF_DATADIR_MENDED)))
        found->has_mended = true;
    if (part < part_count)
        found->parts |= 1U << part;
    else if (find(beside, beside_count, name) == beside_count)
        snprintf(found->other, sizeof found->other, "%.*s", (int)name.size,
                 (const char *)name.data);
    return true;
}

static bool is_nothing(void *context, cf_bytes name)
{
    bool *is = context;

    *is = cf_bytes_equal(name, cf_bytes_of_text("lost+found"));
    return *is;
}

/* A file system that was mounted there for it, and is empty, is no part of a broker yet. */
static void forget_if_empty(const cf_env *env, const cf_folder *folder, unsigned part,
                            contents *found)
{
    cf_files *files = env->files;
    cf_folder *there = NULL;
    bool is_empty = true;
    cf_error ignored;

    const cf_bytes name = cf_bytes_of_text(part == STORE ? "store" : "blobs");
    if (found->parts & part && !files->open_folder(files, folder, name, &there, &ignored) &&
        !files->list(files, there, is_nothing, &is_empty, &ignored) && is_empty)
        found->parts &= ~part;
    files->close_folder(files, &there);
}

static cf_status look(const cf_env *env, const cf_folder *folder, contents *out, cf_error *error)
{
    *out = (contents){0};
    cf_status status = env->files->list(env->files, folder, note_name, out, error);
    if (!status && !(out->parts & KEY)) {
        forget_if_empty(env, folder, STORE, out);
        forget_if_empty(env, folder, BLOBS, out);
    }
    return status;
}

/* Nothing of a broker, or one that was never finished, of which nobody knows. */
static bool is_unmade(const contents *found)
{
    return !(found->parts & (KEY | STORE | BLOBS)) || (found->parts & MAKING);
}

/* What is gone, and the next step. */
static cf_status fail_of_part(const contents *found, cf_error *error)
{
    switch (found->parts) {
    case KEY:
    case KEY | BLOBS:
        return cf_fail(error, CF_BROKEN,
                       "its store is gone: mount it or restore a backup; with nothing but the key "
                       "there, `init` begins an empty one");
    case KEY | STORE:
        return cf_fail(error, CF_BROKEN,
                       "its blobs are gone: mount or restore them; after `mkdir blobs` there, "
                       "`verify` asks the devices for them");
    case BLOBS:
        return cf_fail(error, CF_BROKEN,
                       "there are blobs, but neither key nor store: restore a backup");
    default:
        return cf_fail(error, CF_BROKEN,
                       "there is a store, but the broker's key is gone: put its copy there, since "
                       "no device accepts another");
    }
}

static cf_status check_contents(const contents *found, cf_datadir_way way, cf_error *error)
{
    const bool is_whole = found->parts == (KEY | STORE | BLOBS);

    if (is_whole && way == CF_DATADIR_NEW)
        return cf_fail(error, CF_CHANGED, "there is a broker already");
    if (is_whole)
        return CF_OK;
    if (!is_unmade(found) && !(found->parts == KEY && way == CF_DATADIR_NEW))
        return fail_of_part(found, error);
    if (way == CF_DATADIR_EXISTING)
        return cf_fail(error, CF_MISSING, "no broker has been here");
    if (found->other[0])
        return cf_fail(error, CF_USAGE,
                       "%s is no broker's: one is made where the directory is missing or empty",
                       found->other);
    return CF_OK;
}

bool cf_datadir_is_there(const cf_env *env, const char *path)
{
    cf_folder *folder = NULL;
    contents found = {0};
    cf_error ignored;

    const bool is = !env->files->open_root(env->files, path, &folder, &ignored) &&
                    !look(env, folder, &found, &ignored) && !is_unmade(&found);
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

static cf_status take(cf_datadir *datadir, cf_error *error)
{
    cf_files *files = datadir->env->files;
    cf_status status =
        files->lock(files, datadir->folder, cf_bytes_of_text("lock"), &datadir->lock, error);

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

static cf_status make_key(cf_datadir *datadir, cf_error *error)
{
    const cf_env *env = datadir->env;
    uint8_t seed[SEED_SIZE];

    env->random(env->context, seed, sizeof seed);
    cf_status status = cf_files_write(env->files, datadir->folder, cf_bytes_of_text("key"),
                                      MODE_FILE, cf_bytes_of(seed, sizeof seed), error);
    if (!status)
        datadir->keys = cf_keys_new(seed);
    cf_wipe(seed, sizeof seed);
    return status;
}

/* Who can read the key can be the broker. */
bool cf_datadir_is_key_open(const cf_datadir *datadir)
{
    cf_files *files = datadir->env->files;
    cf_stat key;
    cf_error ignored;

    return files->stat(files, datadir->folder, cf_bytes_of_text("key"), &key, &ignored) == CF_OK &&
           key.mode & (S_IRWXG | S_IRWXO);
}

static void warn_of_open_key(const cf_datadir *datadir)
{
    if (cf_datadir_is_key_open(datadir))
        cf_report(datadir->env, CF_REPORT_WARNING, CF_DATADIR_KEY_OPEN_FORMAT, datadir->path);
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
    return cf_fail(error, CF_BROKEN,
                   "the broker's key is not the one that devices know (see %s/address): put a copy "
                   "of that in its place; if another one is meant, remove address",
                   datadir->path);
}

/* A new key would lock out every peer that knows the old one, so it is made for a new directory
 * only. */
static cf_status load_key(cf_datadir *datadir, cf_error *error)
{
    const cf_env *env = datadir->env;
    cf_buffer seed = {0};

    cf_status status = cf_files_read(env->files, datadir->folder, cf_bytes_of_text("key"),
                                     SEED_SIZE, &seed, error);
    if (status == CF_MISSING && datadir->is_new)
        status = make_key(datadir, error);
    else if (status == CF_TOO_LARGE || (!status && seed.size != SEED_SIZE))
        status =
            cf_fail(error, CF_BROKEN, "the broker's key is damaged: put a copy of it in its place");
    else if (!status)
        datadir->keys = cf_keys_new(seed.data);
    if (!status)
        warn_of_open_key(datadir);
    if (!status)
        status = check_served_key(datadir, error);
    cf_buffer_wipe(&seed);
    return status;
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
static cf_status put_mended_in_place(cf_datadir *datadir, contents *found, cf_error *error)
{
    cf_files *files = datadir->env->files;

    if (found->parts != (KEY | BLOBS) || !found->has_mended)
        return CF_OK;
    cf_status status = datadir->lock ? CF_OK : take(datadir, error);
    if (!status) /* nobody else puts it there meanwhile */
        status = look(datadir->env, datadir->folder, found, error);
    if (status || found->parts != (KEY | BLOBS) || !found->has_mended)
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
    return look(datadir->env, datadir->folder, found, error);
}

/* Looks once more when nobody else can change it. */
static cf_status check(cf_datadir *datadir, cf_datadir_way way, cf_error *error)
{
    contents found;

    cf_status status = look(datadir->env, datadir->folder, &found, error);
    if (!status)
        status = put_mended_in_place(datadir, &found, error);
    if (!status)
        status = check_contents(&found, way, error);
    if (!status && !datadir->lock)
        status = take(datadir, error);
    datadir->is_new = found.parts != (KEY | STORE | BLOBS);
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
        snprintf(error->text + used, sizeof error->text - used,
                 ": it is for whoever runs the broker: try as that user");
}

cf_status cf_datadir_open(const cf_env *env, const char *path, cf_datadir_way way, cf_datadir **out,
                          cf_error *error)
{
    cf_datadir *datadir = cf_allocate(1, sizeof *datadir);

    datadir->env = env;
    datadir->path = strdup(path);
    cf_status status = open_folder(datadir, way, error);
    if (!status)
        status = check(datadir, way, error);
    if (!status)
        status = check(datadir, way, error);
    if (!status && datadir->is_new)
        status = cf_files_write(env->files, datadir->folder, cf_bytes_of_text("making"), MODE_FILE,
                                (cf_bytes){0}, error);
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

    const bool is = !files->open_root(files, datadir->path, &named, &ignored) &&
                    !files->stat_folder(files, named, &there, &ignored) &&
                    !files->stat_folder(files, datadir->folder, &here, &ignored) &&
                    here.device == there.device && here.inode == there.inode;
    files->close_folder(files, &named);
    return is;
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
    out->missing = 0; /* of before it was kept */
    if (!status && sscanf((const char *)text.data, "%" SCNu64 " %" SCNu64 " %" SCNu64,
                          &out->time_ms, &out->damages, &out->missing) < 2)
        status = cf_fail(error, CF_MISSING, "it is not known when all was checked");
    cf_buffer_release(&text);
    return status;
}

cf_status cf_datadir_keep_check(const cf_datadir *datadir, const cf_datadir_check *check,
                                cf_error *error)
{
    char text[CHECK_TEXT];

    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", check->time_ms,
             check->damages, check->missing);
    return keep(datadir, "verified", text, error);
}
