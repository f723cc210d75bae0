/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/hidden_named.h"

#include "peer/adapters/record_format.h"
#include "peer/commands/sources.h"
#include "peer/log/catalog_schema.h"
#include "peer/log/record_names.h"

/* ---- All of them ---- */

/* Without a source here only the view holds rows back. */
static void find_all(const cf_run *run, const cf_collection *collection, cf_hidden_names *names)
{
    const cf_binding *binding = cf_source_of_collection(cf_loop_engine(run->loop), &collection->id);

    names->search = (cf_clash_search){.peer = cf_loop_peer(run->loop),
                                      .binding = binding,
                                      .collection = collection,
                                      .schema = &names->schema,
                                      .view = names->view};
    if (binding && cf_format_is_records(binding->format))
        names->clash_count = cf_record_clashes(&names->search, &names->arena, &names->clashes);
    else
        names->search.hidden = cf_hidden_rows_of(names->search.peer, collection, &names->schema,
                                                 names->view, &names->arena);
}

cf_status cf_hidden_names_know(const cf_run *run, const cf_id *id, cf_hidden_names *names,
                               cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_collection *collection;

    cf_hidden_names_release(names);
    names->collection = *id;
    cf_status status = cf_peer_collection(peer, id, &collection, error);
    if (!status)
        status = cf_catalog_schema(peer, id, &names->arena, &names->schema, error);
    if (status)
        return status;
    names->view = cf_row_view_new(collection->state, &names->schema);
    find_all(run, collection, names);
    return CF_OK;
}

void cf_hidden_names_release(cf_hidden_names *names)
{
    cf_row_view_destroy(&names->view);
    cf_arena_release(&names->arena);
    *names = (cf_hidden_names){0};
}

/* ---- One of them ---- */

static const cf_record_clash *clash_of(const cf_hidden_names *names, const cf_id *item)
{
    for (size_t i = 0; i < names->clash_count; i++)
        if (cf_id_equal(&names->clashes[i].row->item, item))
            return &names->clashes[i];
    return NULL;
}

bool cf_hidden_names_find(const cf_hidden_names *names, cf_bytes path, cf_id *item)
{
    const cf_hidden_row *hidden = cf_hidden_row_named(&names->search.hidden, path);

    if (hidden)
        *item = hidden->held->row.item;
    for (size_t i = 0; !hidden && i < names->clash_count; i++)
        if (cf_bytes_equal(names->clashes[i].path, path)) {
            *item = names->clashes[i].row->item;
            return true;
        }
    return hidden != NULL;
}

cf_bytes cf_hidden_names_path(const cf_hidden_names *names, const cf_id *item)
{
    const cf_hidden_row *hidden = cf_hidden_row_of_item(&names->search.hidden, item);
    const cf_record_clash *clash = hidden ? NULL : clash_of(names, item);

    return hidden ? hidden->path : clash ? clash->path : (cf_bytes){0};
}

static const char *why_held(cf_held_why why)
{
    static const char *const texts[] = {
        [CF_HELD_REQUIRED] = "it lacks something without which it can't be shown",
        [CF_HELD_UNIQUE] = "another one has the same key, or a value that only one can have",
        [CF_HELD_PARENT] = "what it refers to can't be shown",
    };

    return texts[why];
}

const char *cf_hidden_names_why(const cf_hidden_names *names, const cf_id *item, cf_arena *arena)
{
    const cf_hidden_row *hidden = cf_hidden_row_of_item(&names->search.hidden, item);
    const cf_record_clash *clash = clash_of(names, item);
    cf_buffer text = {0};

    if (!clash)
        return hidden ? why_held(hidden->held->why) : NULL;
    cf_buffer_append_text(&text, "only one row can have the same ");
    for (size_t i = 0; i < clash->column_count; i++) {
        cf_buffer_append_text(&text, i ? ", " : "");
        cf_record_field_text(clash->columns[i], &text);
    }
    cf_buffer_append_text(&text, ", and that is ");
    cf_record_path(clash->rival->item.bytes[0], clash->rival->table, clash->rival->key, &text);
    const char *copy = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}
