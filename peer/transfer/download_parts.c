/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_parts.h"

#include "codec/limits.h"

#include <stdlib.h>

#define FOLDER "parts"
#define KEPT_MS (7 * CF_DAY_MS)

struct cf_parts {
    const cf_env *env;
    const cf_home *home;
    cf_folder *folder; /* NULL: there is none yet */
    bool has_looked;
    size_t count; /* of parts in it, no fewer than there are; 0: none is looked for */
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
    return parts;
}

void cf_parts_destroy(cf_parts **parts)
{
    if (!*parts)
        return;
    (*parts)->env->files->close_folder((*parts)->env->files, &(*parts)->folder);
    free(*parts);
    *parts = NULL;
}

/* Nobody has asked for the rest of what is older. */
static bool visit(void *context, cf_bytes name)
{
    cf_parts *parts = context;
    cf_files *files = parts->env->files;
    cf_stat stat;
    cf_error ignored;

    if (files->stat(files, parts->folder, name, &stat, &ignored) ||
        (uint64_t)(stat.mtime_ns / 1000000) + KEPT_MS < cf_env_now_ms(parts->env))
        files->unlink(files, parts->folder, name, &ignored);
    else
        parts->count++;
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
}

void cf_parts_load(cf_parts *parts, const cf_hash *blob, cf_buffer *out)
{
    cf_error ignored;
    part_name name;

    look(parts);
    if (parts->count)
        cf_files_read(parts->env->files, parts->folder, name_of(blob, &name),
                      CF_BLOB_MAX + CF_BLOB_OVERHEAD, out, &ignored);
}

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

static cf_status open_part(cf_parts *parts, cf_bytes name, bool is_new, cf_file **out,
                           cf_error *error)
{
    cf_files *files = parts->env->files;

    if (!is_new)
        return files->reopen_file(files, parts->folder, name, out, error);
    parts->count++;
    return files->create_file(files, parts->folder, name, 0600, out, error);
}

void cf_parts_keep(cf_parts *parts, const cf_hash *blob, uint64_t offset, cf_bytes bytes)
{
    cf_files *files = parts->env->files;
    cf_file *file = NULL;
    cf_error ignored;
    part_name name;

    if (make_folder(parts, &ignored))
        return;
    cf_status status = open_part(parts, name_of(blob, &name), offset == 0, &file, &ignored);
    if (!status)
        status = files->write_at(files, file, offset, bytes, &ignored);
    files->close_file(files, &file);
    if (status)
        cf_parts_drop(parts, blob);
}

void cf_parts_drop(cf_parts *parts, const cf_hash *blob)
{
    cf_error ignored;
    part_name name;

    if (parts->count && parts->folder)
        parts->env->files->unlink(parts->env->files, parts->folder, name_of(blob, &name), &ignored);
}
