/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_salvage.h"

#include "broker/platform/descriptor.h"
#include "broker/platform/hash_set.h"
#include "broker/store/store_format.h"
#include "broker/store/store_inventory.h"
#include "broker/store/store_manifest.h"
#include "broker/store/store_rocksdb.h"
#include "broker/store/store_tail.h"
#include "codec/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NFTW_FOLDERS = 16, PIECE = 1 << 20, SECTOR = 1 << 12 };

/* ---- Copies ---- */

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat, (void)kind, (void)where;
    return remove(path);
}

cf_status cf_store_salvage_remove(const char *copy, cf_error *error)
{
    if (nftw(copy, remove_one, NFTW_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return cf_fail_errno(error, errno, "removing %s", copy);
    return CF_OK;
}

/* A sector that can't be read is a hole of zeros: what stands before and behind it is there. */
static cf_status copy_bytes(int from, int to, const char *name, bool *is_whole, cf_error *error)
{
    uint8_t *piece = cf_allocate(1, PIECE);
    size_t step = PIECE, size = 0;
    struct stat found;
    uint64_t at = 0;
    cf_status status =
        fstat(from, &found) ? cf_fail_errno(error, errno, "copying %s", name) : CF_OK;
    const uint64_t end = status ? 0 : (uint64_t)found.st_size;

    while (!status && at < end) {
        if (cf_descriptor_read_at(from, at, piece, step, &size)) {
            if (!size)
                break;
            if (!cf_descriptor_write_at(to, at, cf_bytes_of(piece, size)))
                status = cf_fail_errno(error, errno, "copying %s", name);
            at += size;
            step = at % PIECE ? step : PIECE;
        } else if (step > SECTOR) {
            step = SECTOR;
        } else {
            *is_whole = false;
            at += SECTOR;
        }
    }
    if (!status && ftruncate(to, (off_t)end))
        status = cf_fail_errno(error, errno, "copying %s", name);
    free(piece);
    return status;
}

static cf_status copy_file(int folder, const char *name, int to, const char *as, bool *is_whole,
                           cf_error *error)
{
    const int from = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const int made =
        from < 0 ? -1 : openat(to, as, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    cf_status status = made < 0 ? cf_fail_errno(error, errno, "copying %s", name)
                                : copy_bytes(from, made, name, is_whole, error);

    if (from >= 0)
        close(from);
    if (made >= 0)
        close(made);
    return status;
}

/* Of the tables, whose names end in .sst: `number` gets it. */
static bool is_table(const char *name, unsigned long *number)
{
    char *end;

    *number = strtoul(name, &end, 10);
    return end != name && strcmp(end, ".sst") == 0;
}

static bool is_log(const char *name)
{
    const char *end = strrchr(name, '.');

    return end && strcmp(end, ".log") == 0;
}

/* RocksDB's own, but for what it tells people. */
static bool is_wanted(const char *name)
{
    unsigned long number;

    return is_table(name, &number) || is_log(name) || strcmp(name, "CURRENT") == 0 ||
           strncmp(name, "MANIFEST-", 9) == 0;
}

/* A table never changes once it is written. */
static cf_status take_file(int folder, const char *name, int to, const char *as, bool *is_whole,
                           cf_error *error)
{
    unsigned long number;

    if (is_table(name, &number) && linkat(folder, name, to, as, 0) == 0)
        return CF_OK;
    return copy_file(folder, name, to, as, is_whole, error);
}

typedef cf_status name_taker(int folder, const char *name, int to, void *context, cf_error *error);

static cf_status take_files(const char *path, const char *copy, name_taker *take, void *context,
                            cf_error *error)
{
    DIR *names = opendir(path);
    const struct dirent *entry = NULL;
    cf_status status = CF_OK;

    if (!names)
        return cf_fail_errno(error, errno, "opening %s", path);
    const int to = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (to < 0)
        status = cf_fail_errno(error, errno, "opening %s", copy);
    while (!status && (entry = cf_descriptor_next_name(names)))
        status = take(dirfd(names), entry->d_name, to, context, error);
    if (!status && errno)
        status = cf_fail_errno(error, errno, "listing %s", path);
    if (to >= 0)
        close(to);
    closedir(names);
    return status;
}

static cf_status take_wanted(int folder, const char *name, int to, void *context, cf_error *error)
{
    bool *has_manifest = context, is_whole = true;
    cf_status status =
        is_wanted(name) ? take_file(folder, name, to, name, &is_whole, error) : CF_OK;

    if (!status && is_log(name))
        status = cf_store_tail_keep_whole(to, name, error);
    if (!is_whole && (strcmp(name, "CURRENT") == 0 || strncmp(name, "MANIFEST-", 9) == 0))
        *has_manifest = false;
    return status;
}

/* `has_manifest` becomes false where it, or what names it, could not be read whole. */
static cf_status make_copy(const char *path, const char *copy, bool *has_manifest, cf_error *error)
{
    cf_status status = cf_store_salvage_remove(copy, error);

    if (!status && cf_store_format_is_newer(path))
        status = cf_fail(error, CF_BROKEN, "%s is of a newer format", path);
    if (!status)
        status = cf_store_format_begin(copy, error);
    if (!status)
        status = take_files(path, copy, take_wanted, has_manifest, error);
    if (!status)
        status = cf_store_format_finish(copy, error);
    return status;
}

/* ---- A manifest from what is left ---- */

static cf_status make_manifest(const char *copy, cf_error *error)
{
    char trial[PATH_MAX];

    snprintf(trial, sizeof trial, "%s.trial", copy);
    return cf_store_manifest_make(copy, trial, error);
}

/* ---- Users ---- */

static bool note_key(void *context, cf_bytes key, cf_bytes value)
{
    cf_hash *user = context;

    (void)value;
    if (key.size < CF_HASH_SIZE)
        return false;
    memcpy(user->bytes, key.data, CF_HASH_SIZE);
    return false;
}

/* The first key behind all of the user's; `whole`: of all users that begin with his first byte.
 * False: there is none. */
static bool next_user(cf_hash *user, bool whole)
{
    size_t size = whole ? 1 : CF_HASH_SIZE;

    while (size && user->bytes[size - 1] == UINT8_MAX)
        size--;
    if (!size)
        return false;
    user->bytes[size - 1]++;
    memset(user->bytes + size, 0, CF_HASH_SIZE - size);
    return true;
}

/* Goes from user to user; of those who begin with one byte, what lies behind a damaged block stays
 * unseen. */
static void find_users_in(cf_rocks_store *self, cf_rocks_table table, cf_hash_set *out)
{
    static const cf_hash none;
    cf_hash at = none;
    cf_error ignored;

    for (bool more = true; more;) {
        const cf_rocks_range range = {
            table, {0}, cf_bytes_of(at.bytes, CF_HASH_SIZE), .once = true};
        cf_hash found = none;
        const bool is_read = !cf_rocks_each(self->rocks, &range, note_key, &found, &ignored);
        const bool is_found = is_read && cf_hash_compare(&found, &at) >= 0;

        if (is_found && cf_hash_compare(&found, &none) != 0)
            cf_hash_set_insert(out, &found);
        if (is_found)
            at = found;
        more = (is_found || !is_read) && next_user(&at, !is_read);
    }
}

static bool note_user(void *context, cf_bytes key, cf_bytes value)
{
    cf_hash user;

    (void)value;
    if (key.size == CF_ROCKS_USER_KEY_SIZE) {
        memcpy(user.bytes, key.data + 1, CF_HASH_SIZE);
        cf_hash_set_insert(context, &user);
    }
    return true;
}

/* Of whom anything is left. */
static cf_status salvaged_users(cf_store *base, cf_user_visit *visit, void *context,
                                cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    const cf_rocks_range known = {CF_ROCKS_DEFAULT, cf_bytes_of("u", 1), {0}, .once = false};
    cf_hash_set users = {0};
    cf_error ignored;

    (void)error;
    cf_rocks_each(self->rocks, &known, note_user, &users, &ignored);
    find_users_in(self, CF_ROCKS_RECORDS, &users);
    find_users_in(self, CF_ROCKS_ENTRIES, &users);
    for (size_t i = 0; i < users.count && visit(context, &users.hashes[i]); i++)
        ;
    cf_hash_set_release(&users);
    return CF_OK;
}

cf_status cf_store_salvage_open(const char *path, const char *copy, cf_store **out, cf_error *error)
{
    static const uint8_t random[16];
    const cf_store_options options = {
        .path = copy, .existing = true, .salvages = true, .random = random};

    bool has_manifest = true;

    cf_status status = make_copy(path, copy, &has_manifest, error);
    if (status)
        return status;
    /* Of an older state RocksDB would remove the tables that are newer. */
    status = has_manifest ? cf_store_inventory_check(path, error) : CF_BROKEN;
    if (!status)
        status = cf_store_inventory_check_manifest(path, error);
    if (!status)
        status = cf_store_rocksdb_open(&options, out, error);
    if (status && status != CF_FULL) {
        status = make_manifest(copy, error);
        if (!status)
            status = cf_store_rocksdb_open(&options, out, error);
    }
    if (!status)
        (*out)->users = salvaged_users;
    return status;
}
