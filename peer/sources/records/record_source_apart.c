/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a record source that is not at work, or of its collection. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/adapters/record_counting.h"
#include "peer/adapters/record_types.h"
#include "peer/log/catalog_schema.h"

/* By a clock of the future nothing is fresh. */
static const uint64_t FUTURE_MS = INT64_MAX / 1000000;

cf_status cf_record_source_check(cf_files *files, const cf_binding *binding, bool *there,
                                 cf_error *error)
{
    cf_medium *medium = cf_medium_new(files, NULL, binding);
    cf_medium_content content = {0};

    medium->only_looks = true;
    cf_status status = cf_medium_check(medium, error);
    if (!status)
        status = cf_medium_read(medium, FUTURE_MS, &content, error);
    *there = content.there;
    cf_medium_content_release(&content);
    cf_medium_destroy(&medium);
    return status;
}

cf_status cf_record_source_counts_up(cf_files *files, const cf_binding *binding, bool *counts_up,
                                     bool *rows, cf_error *error)
{
    cf_medium *medium = cf_medium_new(files, NULL, binding);
    cf_medium_content content = {0};

    cf_status status = cf_medium_read(medium, FUTURE_MS, &content, error);
    *counts_up = cf_record_keys_count_up(content.file.rows, content.file.count);
    *rows = content.file.count > 0;
    cf_medium_content_release(&content);
    cf_medium_destroy(&medium);
    return status;
}

static void count_different(const cf_record_run *run, const cf_row *row, cf_comparison *out)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, row->table);

    out->different++;
    out->meeting += table && table->serial;
}

/* What isn't asked for here counts on neither side. */
static void compare(cf_record_run *run, const cf_binding *binding, cf_comparison *out)
{
    cf_record_select(binding, &run->content.format, &run->schema, run->view, &run->arena,
                     &run->selection);
    for (size_t i = 0; i < cf_row_view_count(run->view); i++)
        out->only_there += cf_record_selected(&run->selection, cf_row_view_at(run->view, i));
    for (size_t i = 0; i < run->content.file.count; i++) {
        const cf_row *row = &run->content.file.rows[i];
        const cf_row *shown = cf_record_run_shown(run, row->table, row->key);

        if (!shown && cf_record_includes(binding, &run->content.format, row))
            out->only_here++;
        else if (shown && cf_record_run_shows(run, row, shown))
            out->equal++;
        else if (shown)
            count_different(run, row, out);
    }
    out->only_there -= out->equal + out->different;
}

cf_status cf_record_source_compare(cf_peer *peer, const cf_binding *binding, cf_comparison *out,
                                   cf_error *error)
{
    cf_record_run run = {0};
    cf_medium *medium = cf_medium_new(peer->env->files, peer, binding);

    *out = (cf_comparison){0};
    cf_status status = cf_peer_collection(peer, &binding->collection, &run.collection, error);
    if (!status)
        status = cf_catalog_schema(peer, &binding->collection, &run.arena, &run.schema, error);
    medium->schema = &run.schema;
    medium->only_looks = true;
    if (!status)
        status = cf_medium_read(medium, FUTURE_MS, &run.content, error);
    if (!status) {
        run.view = cf_row_view_new(run.collection->state, &run.schema);
        if (run.content.map)
            cf_record_map_give(run.content.map, &run.content.file, binding->rows, run.view);
        if (run.content.keyed)
            cf_record_keys_give(&run.content.file, binding->rows, run.view);
        if (run.content.texts)
            cf_record_types_give(&run.content.file, &run.content.format, binding->rows, run.view);
        cf_record_values_reduce(&(cf_values_look){.peer = peer, .collection = &binding->collection},
                                &run.content.file, &run.arena, &run.as_read);
        compare(&run, binding, out);
    }
    cf_row_view_destroy(&run.view);
    cf_medium_content_release(&run.content);
    cf_medium_destroy(&medium);
    cf_arena_release(&run.arena);
    return status;
}
