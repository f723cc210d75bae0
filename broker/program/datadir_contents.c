/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/datadir_contents.h"

#include "broker/store/store_format.h"

#include <stdio.h>

static const char *const parts[] = {"key", "store", "blobs", "making"};

/* What a broker leaves beside them, or the system in an empty file system. */
static const char *const beside[] = {"lock",
                                     "control",
                                     "address",
                                     "address.new",
                                     "key.new",
                                     "making.new",
                                     "verified",
                                     "verified.new",
                                     "lost+found",
                                     "ballast",
                                     "advertise",
                                     "advertise.new",
                                     CF_BROKER_KEY_SERVED,
                                     CF_BROKER_KEY_SERVED ".new"};

static size_t find(const char *const *names, size_t count, cf_bytes name)
{
    size_t i = 0;

    while (i < count && !cf_bytes_equal(name, cf_bytes_of_text(names[i])))
        i++;
    return i;
}

static bool note_name(void *context, cf_bytes name)
{
    cf_datadir_contents *found = context;
    const size_t part_count = sizeof parts / sizeof *parts;
    const size_t beside_count = sizeof beside / sizeof *beside;
    const size_t part = find(parts, part_count, name);

    if (cf_bytes_equal(name, cf_bytes_of_text(CF_DATADIR_MENDED)))
        found->has_mended = true;
    if (cf_bytes_equal(name, cf_bytes_of_text("ballast")))
        found->has_ballast = true;
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
                            cf_datadir_contents *found)
{
    cf_files *files = env->files;
    cf_folder *there = NULL;
    bool is_empty = true;
    cf_error ignored;

    const cf_bytes name = cf_bytes_of_text(part == CF_DATADIR_STORE ? "store" : "blobs");
    if (found->parts & part && !files->open_folder(files, folder, name, &there, &ignored) &&
        !files->list(files, there, is_nothing, &is_empty, &ignored) && is_empty)
        found->parts &= ~part;
    files->close_folder(files, &there);
}

typedef struct {
    bool has_any, is_being_made;
} store_contents;

static bool note_of_store(void *context, cf_bytes name)
{
    store_contents *found = context;

    found->has_any |= !cf_bytes_equal(name, cf_bytes_of_text("lost+found"));
    found->is_being_made |= cf_bytes_equal(name, cf_bytes_of_text(CF_STORE_FORMAT_MAKING));
    return true;
}

/* As one that was restored, whatever is damaged there. */
static bool is_store_finished(const cf_env *env, const cf_folder *folder)
{
    cf_files *files = env->files;
    cf_folder *store = NULL;
    store_contents found = {0};
    cf_error ignored;

    const bool is =
        !files->open_folder(files, folder, cf_bytes_of_text("store"), &store, &ignored) &&
        !files->list(files, store, note_of_store, &found, &ignored) && found.has_any &&
        !found.is_being_made;
    files->close_folder(files, &store);
    return is;
}

cf_status cf_datadir_look(const cf_env *env, const cf_folder *folder, cf_datadir_contents *out,
                          cf_error *error)
{
    *out = (cf_datadir_contents){0};
    cf_status status = env->files->list(env->files, folder, note_name, out, error);
    if (!status)
        forget_if_empty(env, folder, CF_DATADIR_STORE, out);
    if (!status && !(out->parts & CF_DATADIR_KEY)) /* a broker may have none yet */
        forget_if_empty(env, folder, CF_DATADIR_BLOBS, out);
    out->has_stray_making = !status && out->parts & CF_DATADIR_MAKING &&
                            out->parts & CF_DATADIR_KEY && is_store_finished(env, folder);
    if (out->has_stray_making && out->parts & CF_DATADIR_BLOBS)
        out->parts &= ~(unsigned)CF_DATADIR_MAKING;
    return status;
}

bool cf_datadir_is_unmade(const cf_datadir_contents *found)
{
    return !(found->parts & (CF_DATADIR_KEY | CF_DATADIR_STORE | CF_DATADIR_BLOBS)) ||
           (found->parts & CF_DATADIR_MAKING);
}

/* What is gone, and the next step. */
static cf_status fail_of_part(const cf_datadir_contents *found, cf_error *error)
{
    switch (found->parts) {
    case CF_DATADIR_KEY:
    case CF_DATADIR_KEY | CF_DATADIR_BLOBS:
        return cf_fail(error, CF_BROKEN,
                       "its store is gone: mount it or restore a backup; without one move blobs "
                       "away, and `init` begins an empty one with the key");
    case CF_DATADIR_KEY | CF_DATADIR_STORE:
        return cf_fail(error, CF_BROKEN,
                       "its blobs are gone: mount or restore them; after `mkdir blobs` there, "
                       "`verify` asks the devices for them");
    case CF_DATADIR_BLOBS:
        return cf_fail(error, CF_BROKEN,
                       "there are blobs, but neither key nor store: restore a backup");
    default:
        return cf_fail(error, CF_BROKEN,
                       "there is a store, but the broker's key is gone: put its copy there, since "
                       "no device accepts another");
    }
}

cf_status cf_datadir_check_contents(const cf_datadir_contents *found, cf_datadir_way way,
                                    cf_error *error)
{
    const bool is_whole = found->parts == (CF_DATADIR_KEY | CF_DATADIR_STORE | CF_DATADIR_BLOBS);

    if (is_whole && way == CF_DATADIR_NEW)
        return cf_fail(error, CF_CHANGED, "there is a broker already");
    if (is_whole)
        return CF_OK;
    if (!cf_datadir_is_unmade(found) && !(found->parts == CF_DATADIR_KEY && way == CF_DATADIR_NEW))
        return fail_of_part(found, error);
    if (way == CF_DATADIR_EXISTING && found->has_stray_making)
        return cf_fail(error, CF_BROKEN,
                       "by the file making its broker was never finished, and it has no blobs: "
                       "`init` finishes it; where one was restored, remove making");
    if (way == CF_DATADIR_EXISTING)
        return cf_fail(error, CF_MISSING, "no broker has been here");
    if (!found->parts && found->has_ballast)
        return cf_fail(error, CF_USAGE,
                       "the file ballast is of a broker that ran there: mount its volume; if there "
                       "is none any more, remove ballast");
    if (found->other[0])
        return cf_fail(error, CF_USAGE,
                       "%s is no broker's: one is made where the directory is missing or empty",
                       found->other);
    return CF_OK;
}
