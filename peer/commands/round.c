/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/round.h"

#include "peer/log/catalog.h"
#include "peer/log/catalog_renamed.h"
#include "peer/commands/sources.h"

#include <unistd.h>

/* What lies in a source isn't synced by itself. */
static cf_status refuse_path(const cf_run *run, const char *named, cf_arena *arena, cf_error *error)
{
    cf_binding *binding;
    cf_bytes rest;
    cf_error ignored;
    char typed[CF_PATH_TYPED];

    if (cf_source_of_path(run, named, arena, &binding, &rest, &ignored) || !rest.size)
        return error->status;
    cf_buffer path = {0};
    cf_buffer_append_text(&path, "%s/%.*s", binding->path, (int)rest.size, (const char *)rest.data);
    cf_buffer_append(&path, "", 1);
    if (access((const char *)path.data, F_OK) == 0)
        cf_fail(error, CF_MISSING,
                "%.80s lies in a source, which is synced as a whole: `counterfoil sync %s`", named,
                cf_binding_path_typed(binding, typed));
    cf_buffer_release(&path);
    return error->status;
}

/* One that the user named, or whose source he did. */
static cf_status find_collection(const cf_run *run, const char *named, cf_arena *arena, cf_id *out,
                                 cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_catalog_collection found;
    cf_binding *binding;
    cf_error ignored;

    cf_status status = cf_catalog_find(cf_loop_peer(run->loop), named, arena, &found, error);
    if (status == CF_MISSING && cf_source_wanted(run, named, &binding, &ignored) == CF_OK) {
        *out = binding->collection;
        return CF_OK;
    }
    if (status == CF_MISSING)
        return cf_catalog_say_renamed(cf_loop_peer(run->loop), named, error)
                   ? CF_MISSING
                   : refuse_path(run, named, arena, error);
    if (status)
        return status;
    *out = found.id;
    return cf_source_of_collection(engine, &found.id)
               ? CF_OK
               : cf_fail(error, CF_MISSING,
                         "'%s' has no source here: `counterfoil add SOURCE --collection %s`",
                         found.name, found.name);
}

cf_status cf_round_collections(const cf_run *run, cf_arena *arena, cf_id **out, size_t *count,
                               cf_error *error)
{
    const cf_options *options = &run->options;
    cf_status status = CF_OK;

    *out = cf_arena_allocate(arena, options->argument_count, sizeof **out);
    *count = options->argument_count;
    for (size_t i = 0; !status && i < options->argument_count; i++)
        status = find_collection(run, options->arguments[i], arena, &(*out)[i], error);
    return status;
}

cf_status cf_round_word(const cf_run *run, cf_delete_word *out, cf_error *error)
{
    const char *limit = cf_options_value(&run->options, "max-delete");

    *out = (cf_delete_word){0};
    if (limit)
        return cf_delete_word_read(limit, out, error);
    if (cf_options_has(&run->options, "yes"))
        *out = cf_delete_word_all();
    return CF_OK;
}
