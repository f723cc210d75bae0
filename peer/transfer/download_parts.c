/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_parts.h"

#include "codec/limits.h"
#include "peer/transfer/in_hand.h"

#include <stdlib.h>

#define FOLDER "parts"

typedef struct {
    cf_list_link place;
    cf_hash blob;
    uint64_t size, kept_ms; /* the latter when more of it was kept last, by the time of day */
} part;

struct cf_parts {
    const cf_env *env;
    const cf_home *home;
    cf_folder *folder; /* NULL: there is none yet */
    bool has_looked;
    cf_list line;    /* of parts that are there, the oldest first */
    uint64_t size;   /* of all */
    uint64_t due_ms; /* when to look for old ones again, on the clock that nobody sets */
};

typedef struct {
    char text[2 * CF_HASH_SIZE + 1];
} part_name;

static cf_bytes name_of(const cf_hash *blob, part_name *out)
{
    cf_hex(cf_bytes_of(blob->bytes, CF_HASH_SIZE), out->text);
    return cf_bytes_of_text(out->text);
}

cf_parts *cf_parts_new(const cf_env *env, const cf_home *home)
{
    cf_parts *parts = cf_allocate(1, sizeof *parts);

    parts->env = env;
    parts->home = home;
    parts->due_ms = cf_env_steady_ms(env) + CF_DAY_MS;
    return parts;
}

static part *part_at(const cf_list_link *place)
{
    return cf_container_of(place, part, place);
}

static void forget(cf_parts *parts, part *one)
{
    cf_list_remove(&parts->line, &one->place);
    parts->size -= one->size;
    free(one);
}

void cf_parts_destroy(cf_parts **parts)
{
    if (!*parts)
        return;
    while ((*parts)->line.first)
        forget(*parts, part_at((*parts)->line.first));
    (*parts)->env->files->close_folder((*parts)->env->files, &(*parts)->folder);
    free(*parts);
    *parts = NULL;
}

static part *find(const cf_parts *parts, const cf_hash *blob)
{
    for (cf_list_link *at = parts->line.last; at; at = at->before)
        if (cf_hash_equal(&part_at(at)->blob, blob))
            return part_at(at);
    return NULL;
}

static void drop(cf_parts *parts, part *one)
{
    cf_files *files = parts->env->files;
    cf_error ignored;
    part_name name;

    files->unlink(files, parts->folder, name_of(&one->blob, &name), &ignored);
    forget(parts, one);
}

/* ---- What is kept for too long, or too much ---- */

/* Nobody has asked for the rest of what is older. */
static bool is_old(const cf_parts *parts, const part *one)
{
    return one->kept_ms + CF_KEPT_PARTS_MS < cf_env_now_ms(parts->env);
}

static void drop_old(cf_parts *parts)
{
    for (cf_list_link *at = parts->line.first, *after; at; at = after) {
        after = at->after;
        if (is_old(parts, part_at(at)))
            drop(parts, part_at(at));
    }
}

/* Parts of 60 MiB are kept, and 8 MiB more of another blob are to be: the oldest go, until no more
 * than 56 MiB are left. */
static void make_room(cf_parts *parts, uint64_t size, size_t count)
{
    while (parts->line.first && (parts->size + size > CF_KEPT_PARTS_SIZE_MAX ||
                                 parts->line.count + count > CF_KEPT_PARTS_MAX))
        drop(parts, part_at(parts->line.first));
}

/* ---- What is there ---- */

static bool read_name(cf_bytes name, cf_hash *out)
{
    part_name text = {0};

    if (name.size != sizeof text.text - 1)
        return false;
    memcpy(text.text, name.data, name.size);
    return cf_unhex(text.text, out->bytes, sizeof out->bytes);
}

/* Among those that are there, by their age. */
static void add_by_age(cf_parts *parts, part *one)
{
    cf_list younger = {0};

    while (parts->line.last && part_at(parts->line.last)->kept_ms > one->kept_ms) {
        cf_list_link *last = parts->line.last;

        cf_list_remove(&parts->line, last);
        cf_list_add(&younger, last);
    }
    cf_list_add(&parts->line, &one->place);
    while (younger.last) {
        cf_list_link *next = younger.last;

        cf_list_remove(&younger, next);
        cf_list_add(&parts->line, next);
    }
}

static bool visit(void *context, cf_bytes name)
{
    cf_parts *parts = context;
    cf_files *files = parts->env->files;
    cf_stat stat = {0};
    cf_hash blob;
    cf_error ignored;

    if (!read_name(name, &blob) || files->stat(files, parts->folder, name, &stat, &ignored)) {
        files->unlink(files, parts->folder, name, &ignored);
        return true;
    }
    part *one = cf_allocate(1, sizeof *one);

    *one = (part){.blob = blob, .size = stat.size};
    one->kept_ms = stat.mtime_ns > 0 ? (uint64_t)(stat.mtime_ns / 1000000) : 0;
    parts->size += one->size;
    add_by_age(parts, one);
    make_room(parts, 0, 0);
    return true;
}

static void look(cf_parts *parts)
{
    cf_files *files = parts->env->files;
    cf_error ignored;

    if (parts->has_looked)
        return;
    parts->has_looked = true;
    if (files->open_folder(files, cf_home_temporary(parts->home), cf_bytes_of_text(FOLDER),
                           &parts->folder, &ignored) == CF_OK)
        files->list(files, parts->folder, visit, parts, &ignored);
    drop_old(parts);
}

void cf_parts_step(cf_parts *parts)
{
    const uint64_t now_ms = cf_env_steady_ms(parts->env);

    if (now_ms < parts->due_ms)
        return;
    parts->due_ms = now_ms + CF_DAY_MS;
    look(parts);
    drop_old(parts);
}

void cf_parts_load(cf_parts *parts, const cf_hash *blob, cf_buffer *out)
{
    cf_error ignored;
    part_name name;

    look(parts);
    if (parts->line.count)
        cf_files_read(parts->env->files, parts->folder, name_of(blob, &name),
                      CF_BLOB_MAX + CF_BLOB_OVERHEAD, out, &ignored);
}

/* ---- Keeping ---- */

static cf_status make_folder(cf_parts *parts, cf_error *error)
{
    cf_files *files = parts->env->files;
    const cf_folder *above = cf_home_temporary(parts->home);
    const cf_bytes name = cf_bytes_of_text(FOLDER);

    look(parts);
    if (parts->folder)
        return CF_OK;
    cf_status status = files->make_folder(files, above, name, 0700, error);
    return status ? status : files->open_folder(files, above, name, &parts->folder, error);
}

/* The blob's part, the youngest now. NULL: what comes before was dropped to make room for others.
 */
static part *take(cf_parts *parts, const cf_hash *blob, uint64_t offset, uint64_t size)
{
    part *one = find(parts, blob);

    if (!one && offset > 0)
        return NULL;
    if (!one) {
        make_room(parts, size, 1);
        one = cf_allocate(1, sizeof *one);
        one->blob = *blob;
    } else {
        cf_list_remove(&parts->line, &one->place);
        parts->size -= one->size;
        make_room(parts, offset + size, 1);
    }
    one->size = offset + size;
    one->kept_ms = cf_env_now_ms(parts->env);
    parts->size += one->size;
    cf_list_add(&parts->line, &one->place);
    return one;
}

void cf_parts_keep(cf_parts *parts, const cf_hash *blob, uint64_t offset, cf_bytes bytes)
{
    cf_files *files = parts->env->files;
    cf_file *file = NULL;
    cf_error ignored;
    part_name name;

    if (make_folder(parts, &ignored))
        return;
    part *one = take(parts, blob, offset, bytes.size);
    if (!one)
        return;
    name_of(blob, &name);
    cf_status status =
        offset
            ? files->reopen_file(files, parts->folder, cf_bytes_of_text(name.text), &file, &ignored)
            : files->create_file(files, parts->folder, cf_bytes_of_text(name.text), 0600, &file,
                                 &ignored);
    if (!status)
        status = files->write_at(files, file, offset, bytes, &ignored);
    files->close_file(files, &file);
    if (status)
        drop(parts, one);
}

void cf_parts_drop(cf_parts *parts, const cf_hash *blob)
{
    part *one = find(parts, blob);

    if (one)
        drop(parts, one);
}
