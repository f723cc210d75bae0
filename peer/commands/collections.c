/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/collection_delete.h"
#include "broker/platform/times.h"
#include "peer/commands/sources.h"
#include "peer/log/catalog.h"
#include "peer/log/catalog_renamed.h"
#include "peer/commands/verbs.h"

#include <string.h>

/* ---- Another name ---- */

static cf_status rename_collection(cf_run *run, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const char *const *arguments = run->options.arguments;
    cf_catalog_collection found;
    cf_arena arena = {0};

    cf_status status = cf_run_check_count(run, 3, 3, error);
    if (!status)
        status = cf_catalog_find(peer, arguments[1], &arena, &found, error);
    if (status == CF_MISSING)
        cf_catalog_say_renamed(peer, arguments[1], error);
    if (!status)
        status = cf_catalog_rename(peer, &found.id, arguments[2], cf_loop_time(run->loop), error);
    if (!status && run->json)
        cf_print_json(&run->output, json_pack("{s:s, s:o}", "name", arguments[2], "id",
                                              cf_json_hex(found.id.bytes, CF_ID_SIZE)));
    else if (!status && !run->quiet)
        cf_print(&run->output, "%s: called %s from now on, on all devices%s\n", arguments[1],
                 arguments[2],
                 cf_loop_serves(run->loop) ? ""
                                           : "; others hear of it when this device has synced");
    cf_arena_release(&arena);
    cf_loop_wake(run->loop);
    return status;
}

/* ---- Listing them ---- */

/* What this device keeps of the log, and what any does. */
typedef struct {
    cf_kept own, any;
} keepers;

static json_t *source_json(const cf_binding *binding)
{
    return json_pack("{s:o, s:s, s:s}", "source", cf_json_name(cf_bytes_of_text(binding->path)),
                     "format", cf_format_text(binding->format), "mode",
                     cf_mode_name(binding->mode));
}

/* One document a collection, which has its first source; all of them where there are several. */
static json_t *collection_json(const cf_catalog_collection *collection, const char *format,
                               const cf_engine *engine, const keepers *kept)
{
    json_t *shown =
        json_pack("{s:s, s:s, s:o, s:n, s:n}", "name", collection->name, "format", format, "id",
                  cf_json_hex(collection->id.bytes, CF_ID_SIZE), "source", "mode");
    json_t *sources = json_array();

    for (size_t i = 0; i < cf_engine_binding_count(engine); i++)
        if (cf_id_equal(&cf_engine_binding_at(engine, i)->collection, &collection->id))
            json_array_append_new(sources, source_json(cf_engine_binding_at(engine, i)));
    if (json_array_size(sources))
        json_object_update(shown, json_array_get(sources, 0));
    json_object_set_new(shown, "sources", sources);
    json_object_set_new(shown, "kept", json_boolean(cf_kept_has(&kept->own, &collection->id)));
    json_object_set_new(shown, "kept_whole",
                        json_boolean(cf_kept_has(&kept->any, &collection->id)));
    json_object_set_new(shown, "taken_off", json_null());
    return shown;
}

/* Why a collection has no source here, and who has all of it then. */
static const char *absence(const keepers *kept, const cf_id *collection)
{
    return cf_kept_has(&kept->own, collection)   ? "(not here)"
           : cf_kept_has(&kept->any, collection) ? "(not kept here)"
                                                 : "(no device keeps all of it)";
}

static void show_one(const cf_run *run, const cf_catalog_collection *collection,
                     const keepers *kept, json_t *list)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    const char *format = collection->is_known ? cf_format_text(collection->format) : "unknown";
    bool here = false;

    if (run->json) {
        json_array_append_new(list, collection_json(collection, format, engine, kept));
        return;
    }
    for (size_t i = 0; i < cf_engine_binding_count(engine); i++) {
        const cf_binding *binding = cf_engine_binding_at(engine, i);

        if (!cf_id_equal(&binding->collection, &collection->id))
            continue;
        here = true;
        cf_print_name(&run->output, collection->name);
        cf_print(&run->output, "%-8s %s\n", cf_format_text(binding->format), binding->path);
    }
    if (!here) {
        cf_print_name(&run->output, collection->name);
        cf_print(&run->output, "%-8s %s\n", format, absence(kept, &collection->id));
    }
}

/* What was taken off the list has its name and its sources still. */
static void show_gone(const cf_run *run, const cf_catalog_gone *gone, const keepers *kept,
                      json_t *list)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_engine *engine = cf_loop_engine(run->loop);
    const cf_catalog_collection *collection = &gone->collection;
    const char *format = collection->is_known ? cf_format_text(collection->format) : "unknown";
    const cf_binding *binding = cf_source_of_collection(engine, &collection->id);
    char time[CF_TIME_TEXT];
    cf_arena arena = {0};
    cf_buffer text = {0};

    if (run->json) {
        json_t *shown = collection_json(collection, format, engine, kept);

        cf_time_show(gone->deletion.time_ms, time);
        json_object_set_new(shown, "taken_off",
                            json_pack("{s:s, s:s}", "device",
                                      cf_catalog_device_name(peer, &gone->deletion.device, &arena),
                                      "time", time));
        json_array_append_new(list, shown);
    } else {
        cf_catalog_deletion_text(peer, &gone->deletion, &text);
        cf_print_name(&run->output, collection->name);
        cf_print(&run->output, "%-8s %s%s(%.*s)\n", format, binding ? binding->path : "",
                 binding ? " " : "", (int)text.size, (const char *)text.data);
    }
    cf_buffer_release(&text);
    cf_arena_release(&arena);
}

static bool is_name_of_any(const cf_catalog_collection *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return true;
    return false;
}

/* Of each name that is free the last one, and what has a source here. */
static cf_status list_gone(const cf_run *run, const cf_catalog_collection *live, size_t live_count,
                           const keepers *kept, json_t *shown, bool *any, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_catalog_gone *list;
    cf_arena arena = {0};
    size_t count = 0;

    cf_status status = cf_catalog_list_gone(cf_loop_peer(run->loop), &arena, &list, &count, error);
    for (size_t i = 0; !status && i < count; i++) {
        const char *name = list[i].collection.name;
        const bool is_last = i + 1 == count || strcmp(list[i + 1].collection.name, name) != 0;

        if ((!is_last || is_name_of_any(live, live_count, name)) &&
            !cf_source_of_collection(engine, &list[i].collection.id))
            continue;
        show_gone(run, &list[i], kept, shown);
        *any = true;
    }
    cf_arena_release(&arena);
    return status;
}

static cf_status list_collections(cf_run *run, cf_error *error)
{
    cf_catalog_collection *list;
    cf_arena arena = {0};
    json_t *shown = json_array();
    size_t count;

    cf_status status = cf_catalog_list(cf_loop_peer(run->loop), &arena, &list, &count, error);
    keepers kept = {cf_engine_kept(cf_loop_engine(run->loop), &arena), {0}};
    kept.any = cf_kept_by_any(cf_loop_peer(run->loop), &kept.own, &arena);
    bool any = !status && count;
    for (size_t i = 0; !status && i < count; i++)
        show_one(run, &list[i], &kept, shown);
    if (!status)
        status = list_gone(run, list, count, &kept, shown, &any, error);
    if (!status && run->json)
        cf_print_json(&run->output, json_incref(shown));
    else if (!status && !any && !run->quiet)
        cf_say(&run->output,
               "no collection is known here yet: `counterfoil sync` asks for those of other "
               "devices, `counterfoil add SOURCE` makes one");
    json_decref(shown);
    cf_arena_release(&arena);
    return status;
}

static cf_status start(cf_run *run, cf_error *error)
{
    const char *subverb = run->options.argument_count ? run->options.arguments[0] : NULL;

    if (!subverb)
        return list_collections(run, error);
    if (strcmp(subverb, "rename") == 0)
        return rename_collection(run, error);
    if (strcmp(subverb, "delete") == 0)
        return cf_collection_delete(run, error);
    return cf_fail(error, CF_USAGE, "unknown subverb '%s' of collections: rename or delete",
                   subverb);
}

static const cf_option options[] = {
    {"yes", 0, NULL, "delete: without asking, though other devices have it"},
    {"dry-run", 'n', NULL, "delete: only say which devices have it"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

static const cf_subverb subverbs[] = {
    {"rename NAME NEW", "Gives a collection another name, on all devices"},
    {"delete NAME [-n] [--yes] [--timeout T]",
     "Takes a collection off the list; what sources hold stays where it is"},
    {0},
};

const cf_verb cf_verb_collections = {
    .name = "collections",
    .usage = "collections [rename NAME NEW | delete NAME]",
    .summary = "Lists the user's collections, renames one, or takes one off the list",
    .more = "What sources hold stays where it is. `delete` exits 1 where this device has a source "
            "of the collection: `counterfoil remove` comes first; and 8 where other devices have "
            "one, and --yes was not given. The broker is asked first what they have.",
    .subverbs = subverbs,
    .alone = "",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .prepare = cf_collection_ask_delete,
    .start = start,
    .step = cf_collection_delete_step,
    .end = cf_collection_delete_end,
};
