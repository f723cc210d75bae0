/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a kept file is the value: by its name, which is the hash, and its size; when it is read,
 * by its bytes, and a damaged one is dropped. In the temporary folder only a download is left that
 * an earlier process noted. */
#include "peer/sources/records/record_values_files.h"

#include "codec/content.h"
#include "codec/limits.h"
#include "codec/terse.h"
#include "peer/merge/node_stat.h"
#include "peer/transfer/partial_file.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME = 2 * CF_HASH_SIZE + 1 };

/* ---- By hash ---- */

static uint64_t key_of(const cf_hash *hash)
{
    return cf_hash_bytes(0, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
}

cf_record_value *cf_record_values_find(const cf_record_values *values, const cf_hash *hash)
{
    for (cf_hash_link *link = cf_hash_table_first(&values->table, key_of(hash)); link;
         link = cf_hash_table_next(link)) {
        cf_record_value *one = cf_container_of(link, cf_record_value, link);

        if (cf_hash_equal(&one->hash, hash))
            return one;
    }
    return NULL;
}

cf_record_value *cf_record_values_get(cf_record_values *values, const cf_hash *hash, uint64_t size)
{
    cf_record_value *one = cf_record_values_find(values, hash);

    if (one)
        return one;
    one = cf_allocate(1, sizeof *one);
    one->hash = *hash;
    one->size = size;
    cf_hash_table_add(&values->table, &one->link, key_of(hash));
    return one;
}

cf_record_value *cf_record_values_of(cf_record_values *values, cf_bytes value)
{
    cf_error ignored;
    cf_hash hash;
    uint64_t size;

    return cf_content_identity_read(value, &hash, &size, &ignored)
               ? NULL
               : cf_record_values_get(values, &hash, size);
}

bool cf_record_value_is_small(const cf_record_value *one)
{
    return one->size <= CF_INLINE_MAX;
}

static cf_files *files_of(const cf_record_values *self)
{
    return self->context->peer->env->files;
}

/* The file's name in the home, as cf_base_open has it. */
static cf_bytes name_of(const cf_record_value *one, char text[NAME])
{
    cf_hex(cf_bytes_of(one->hash.bytes, CF_HASH_SIZE), text);
    return cf_bytes_of_text(text);
}

/* ---- Folders ---- */

/* Takes away what lies in the temporary folder, but for a download that an earlier process noted
 * how far it came with, which is gone on with. */
static bool clean(void *context, cf_bytes name)
{
    const cf_record_values *self = context;
    cf_files *files = files_of(self);
    cf_error ignored;

    if (!cf_partial_file_is_awaited(files, self->binding->temporary, name, 0))
        files->unlink(files, self->binding->temporary, name, &ignored);
    return true;
}

static cf_status open_temporary(cf_record_values *self, cf_error *error)
{
    cf_files *files = files_of(self);
    cf_binding *binding = self->binding;

    cf_status status = cf_home_open_temporary(self->context->peer->home, "values", binding->number,
                                              &binding->temporary, error);
    return status ? status : files->list(files, self->binding->temporary, clean, self, error);
}

cf_status cf_value_files_open(cf_record_values *values, cf_error *error)
{
    cf_binding *binding = values->binding;
    cf_files *files = files_of(values);
    cf_buffer path = {0};

    if (binding->root)
        return CF_OK;
    cf_buffer_append_text(&path, "%s/base", cf_home_shown(values->context->peer->home));
    cf_status status = files->open_root(files, (const char *)path.data, &binding->root, error);
    if (!status)
        status = open_temporary(values, error);
    if (status)
        cf_binding_close_root(binding, files);
    cf_buffer_release(&path);
    return status;
}

/* ---- Files ---- */

static void put_node(cf_record_values *self, cf_record_value *one, const cf_stat *stat)
{
    cf_buffer identity = {0};
    char text[NAME];

    cf_content_identity_pack(&identity, &one->hash, one->size);
    if (!one->node)
        one->node = cf_binding_new_number(self->binding);
    cf_nodes_put(self->binding->nodes, &(cf_node){.number = one->node,
                                                  .parent = CF_NODE_ROOT,
                                                  .name = name_of(one, text),
                                                  .kind = CF_KIND_FILE,
                                                  .content = cf_buffer_view(&identity),
                                                  .stat = cf_node_stat_of(stat)});
    cf_buffer_release(&identity);
}

bool cf_value_file_find(cf_record_values *values, cf_record_value *one)
{
    cf_files *files = files_of(values);
    char text[NAME];
    cf_error ignored;
    cf_stat stat;

    if (cf_value_files_open(values, &ignored) ||
        files->stat(files, values->binding->root, name_of(one, text), &stat, &ignored) ||
        stat.kind != CF_FILE_REGULAR || stat.size != one->size)
        return false;
    put_node(values, one, &stat);
    return true;
}

static cf_status write_bytes(cf_record_values *self, const cf_record_value *one, cf_bytes name,
                             cf_stat *stat, cf_error *error)
{
    cf_files *files = files_of(self);
    cf_buffer made = {0};
    cf_file *file = NULL;

    cf_status status = files->create_file(files, self->binding->root, name, 0600, &file, error);
    if (!status)
        status = files->write_at(files, file, 0, cf_record_value_content(one, &made), error);
    if (!status)
        status = files->sync_file(files, file, error); /* its size makes it whole to others */
    if (!status)
        status = files->stat_file(files, file, stat, error);
    files->close_file(files, &file);
    cf_buffer_release(&made);
    return status;
}

/* Who reads the file that there was goes on with that one: the new file is another of its name. */
cf_status cf_value_file_write(cf_record_values *values, cf_record_value *one, cf_error *error)
{
    cf_files *files = files_of(values);
    char text[NAME];
    cf_bytes name = name_of(one, text);
    cf_error ignored;
    cf_stat stat;

    cf_status status = cf_value_files_open(values, error);
    if (status)
        return status;
    files->unlink(files, values->binding->root, name, &ignored);
    status = write_bytes(values, one, name, &stat, error);
    if (status) {
        files->unlink(files, values->binding->root, name, &ignored);
        return status;
    }
    one->is_written = true;
    cf_bases_wrote(values->context->bases, one->size);
    put_node(values, one, &stat);
    return CF_OK;
}

static cf_status make_durable(cf_files *files, const cf_folder *folder, cf_bytes name,
                              cf_error *error)
{
    cf_file *file = NULL;

    cf_status status = files->open_file(files, folder, name, &file, error);
    if (!status)
        status = files->sync_file(files, file, error);
    files->close_file(files, &file);
    return status;
}

cf_status cf_value_file_take(cf_record_values *values, cf_record_value *one, cf_bytes name,
                             cf_error *error)
{
    cf_files *files = files_of(values);
    const cf_binding *binding = values->binding;
    char text[NAME];
    cf_stat stat;

    cf_status status = make_durable(files, binding->temporary, name, error);
    if (!status)
        status = files->replace(files, binding->temporary, name, binding->root, name_of(one, text),
                                error);
    if (!status)
        status = files->stat(files, binding->root, name_of(one, text), &stat, error);
    if (status)
        return status;
    cf_bases_wrote(values->context->bases, one->size);
    put_node(values, one, &stat);
    return CF_OK;
}

void cf_value_file_drop(cf_record_values *values, cf_record_value *one)
{
    if (one->node)
        cf_nodes_drop(values->binding->nodes, one->node);
    one->node = 0;
    one->is_written = false;
}

/* ---- Bytes ---- */

cf_status cf_value_bytes(cf_record_values *values, const cf_folder *folder, cf_bytes name,
                         const cf_record_value *one, cf_arena *arena, cf_bytes *out,
                         cf_error *error)
{
    cf_files *files = files_of(values);
    cf_file *file = NULL;
    size_t read = 0;

    cf_status status = files->open_file(files, folder, name, &file, error);
    if (status)
        return status;
    uint8_t *bytes = cf_arena_allocate(arena, one->size, 1);
    status = files->read_at(files, file, 0, bytes, one->size, &read, error);
    files->close_file(files, &file);
    if (status)
        return status;
    cf_hash hash = cf_content_hash(cf_bytes_of(bytes, read));
    if (read != one->size || !cf_hash_equal(&hash, &one->hash))
        return cf_fail(error, CF_MISSING, "the kept copy of a value is damaged");
    *out = cf_bytes_of(bytes, read);
    return CF_OK;
}

cf_status cf_value_file_read(cf_record_values *values, cf_record_value *one, cf_arena *arena,
                             cf_bytes *out, cf_error *error)
{
    cf_peer *peer = values->context->peer;
    char text[NAME];

    if (!one->node && !cf_value_file_find(values, one))
        return cf_fail(error, CF_MISSING, "it is not kept");
    cf_status status =
        cf_value_bytes(values, values->binding->root, name_of(one, text), one, arena, out, error);
    if (status == CF_MISSING) {
        const cf_base_cache cache = {peer->env, peer->home, &values->binding->place};

        cf_base_drop(&cache, &one->hash);
        cf_value_file_drop(values, one);
    }
    return status;
}

cf_bytes cf_record_value_content(const cf_record_value *one, cf_buffer *made)
{
    if (!one->is_terse)
        return one->value;
    cf_terse_write(one->value, made);
    return cf_buffer_view(made);
}
