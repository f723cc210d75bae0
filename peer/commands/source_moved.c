/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/source_moved.h"

#include "peer/bindings/files_root.h"
#include "peer/log/catalog.h"

#include <stdlib.h>
#include <string.h>

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
