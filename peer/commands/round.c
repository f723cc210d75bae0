/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/round.h"

#include "peer/log/catalog.h"
#include "peer/commands/sources.h"

cf_status cf_round_collections(const cf_run *run, cf_arena *arena, cf_id **out, size_t *count,
                               cf_error *error)
{
    const cf_options *options = &run->options;
    cf_status status = CF_OK;

    *out = cf_arena_allocate(arena, options->argument_count, sizeof **out);
    *count = options->argument_count;
    for (size_t i = 0; !status && i < options->argument_count; i++) {
        cf_catalog_collection found;

        status =
            cf_catalog_find(cf_loop_peer(run->loop), options->arguments[i], arena, &found, error);
        if (!status && !cf_source_of_collection(cf_loop_engine(run->loop), &found.id))
            status = cf_fail(error, CF_MISSING,
                             "'%s' has no source here: `counterfoil add SOURCE "
                             "--collection %s`",
                             found.name, found.name);
        if (!status)
            (*out)[i] = found.id;
    }
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
