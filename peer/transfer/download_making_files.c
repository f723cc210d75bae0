/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_making_inside.h"

#include "codec/bulk.h"

#define WORK_NAME "get-work" /* of files that have lost their names when they are written */

cf_files *cf_making_files(const cf_making *making)
{
    return making->peer->env->files;
}

const cf_file *cf_making_file(const cf_product *made)
{
    return made->landing ? cf_landing_file(made->landing) : made->file;
}

void cf_making_release(cf_making *making, cf_product *made)
{
    cf_landing_destroy(&made->landing);
    cf_making_files(making)->close_file(cf_making_files(making), &made->file);
    *made = (cf_product){0};
}

cf_status cf_making_create_unnamed(cf_making *making, const cf_folder *folder, uint64_t size,
                                   cf_file **out, cf_error *error)
{
    cf_files *files = cf_making_files(making);
    cf_bytes name = cf_bytes_of_text(WORK_NAME);
    cf_file *file = NULL;
    cf_error ignored;

    files->unlink(files, folder, name, &ignored);
    cf_status status = files->create_file(files, folder, name, 0600, &file, error);
    if (!status)
        status = files->unlink(files, folder, name, error);
    if (!status && size)
        status = files->truncate(files, file, size, error);
    if (status)
        files->close_file(files, &file);
    else
        *out = file;
    return status;
}

cf_status cf_making_create_named(cf_making *making, cf_file **out, cf_error *error)
{
    cf_files *files = cf_making_files(making);
    const cf_folder *folder = making->options.binding->temporary;
    char name[CF_LANDING_NAME];

    cf_landing_remove(files, folder, &making->options.content);
    cf_landing_name(&making->options.content, false, name);
    return files->create_file(files, folder, cf_bytes_of_text(name), 0600, out, error);
}

cf_status cf_making_create_target(cf_making *making, uint64_t size, uint64_t length,
                                  cf_error *error)
{
    making->target.size = size;
    if (making->left > 1)
        return cf_making_create_unnamed(making, making->options.binding->temporary, length,
                                        &making->target.file, error);
    cf_status status = cf_making_create_named(making, &making->target.file, error);
    if (!status && length)
        status = cf_making_files(making)->truncate(cf_making_files(making), making->target.file,
                                                   length, error);
    return status;
}

const cf_hash *cf_making_content(const cf_making *making)
{
    return &making->chain.at[making->left - 1].content;
}

static cf_hash plan_of(const cf_content_source *source)
{
    const cf_bytes parts[] = {
        cf_bytes_of(source->blobs, source->blob_count * sizeof *source->blobs),
        source->content.how.slices,
    };
    cf_sha256 *hasher = cf_sha256_new();

    cf_sha256_update(hasher, parts[0]);
    cf_sha256_update(hasher, parts[1]);
    cf_hash plan = cf_sha256_finish(hasher);
    cf_sha256_destroy(&hasher);
    return plan;
}

cf_status cf_making_open_landing(cf_making *making, cf_error *error)
{
    cf_landing_options options = {
        .env = making->peer->env,
        .folder = making->options.binding->temporary,
        .content = *cf_making_content(making),
        .size = making->source.content.size,
        .plan = plan_of(&making->source),
        .blob_count = making->source.blob_count,
        .afresh = making->options.places.afresh,
    };

    cf_status status = cf_landing_open(&options, &making->target.landing, error);
    if (!status) {
        making->target.size = options.size;
        making->resumed |= cf_landing_is_resumed(making->target.landing);
    }
    return status;
}

void cf_making_remove_bottom(cf_making *making)
{
    const cf_chain *chain = &making->chain;

    if (chain->count > 1 && !making->from_here && making->options.binding->temporary)
        cf_landing_remove(cf_making_files(making), making->options.binding->temporary,
                          &chain->at[chain->count - 1].content);
}

void cf_making_remove_files(cf_making *making)
{
    cf_making_remove_bottom(making);
    if (making->options.binding->temporary)
        cf_landing_remove(cf_making_files(making), making->options.binding->temporary,
                          &making->options.content);
}
