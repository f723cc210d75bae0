/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bound_source.h"

#include "peer/bindings/files_root.h"
#include "tests/support/must.h"

cf_id collection_named(cf_engine *engine, const char *name)
{
    cf_error error;
    cf_id id;

    must(cf_ring_collection_id(cf_engine_peer(engine)->ring, cf_bytes_of_text(name), &id, &error),
         &error, name);
    return id;
}

void mark_source(cf_files *files, const char *path, const cf_id *instance)
{
    cf_folder *root = NULL;
    cf_error error;

    must(files->open_root(files, path, &root, &error), &error, path);
    must(cf_root_make(files, root, instance, &error), &error, path);
    files->close_folder(files, &root);
}

cf_binding *bind_source(cf_engine *engine, const bound_source *what)
{
    cf_binding_options options = what->options;
    cf_binding *binding;
    cf_error error;

    if (what->collection)
        options.collection = collection_named(engine, what->collection);
    must(cf_binding_new(&options, &binding, &error), &error, options.path);
    binding->meets = what->meets;
    if (what->instance) {
        binding->instance = *what->instance;
        mark_source(what->files, options.path, what->instance);
    }
    must(cf_binding_save(cf_engine_peer(engine), binding, &error), &error, options.path);
    must(cf_engine_take_binding(engine, binding, &error), &error, options.path);
    return binding;
}

cf_binding *source_numbered(cf_engine *engine, uint32_t number)
{
    for (size_t i = 0; i < cf_engine_binding_count(engine); i++)
        if (cf_engine_binding_at(engine, i)->number == number)
            return cf_engine_binding_at(engine, i);
    return NULL;
}
