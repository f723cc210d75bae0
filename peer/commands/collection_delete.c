/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/collection_delete.h"

#include "broker/platform/hash_set.h"
#include "broker/platform/names.h"
#include "peer/commands/catching_up.h"
#include "peer/commands/sources.h"
#include "peer/log/catalog.h"
#include "peer/log/catalog_renamed.h"
#include "peer/log/keeping.h"

#include <string.h>

/* The other devices that have a source of a collection, as far as is known here. */
typedef struct {
    cf_peer *peer;
    const cf_id *collection;
    cf_hash_set writers; /* in it */
    json_t *names;
} holders;

static bool visit_head(void *context, const cf_head *head)
{
    holders *self = context;
    cf_head_place place;

    if (cf_log_head_place(self->peer->log, head, &place) &&
        cf_id_equal(&place.collection, self->collection))
        cf_hash_set_insert(&self->writers, &place.device);
    return true;
}

/* A reader can't say what it has; a program from before has what it wrote in. */
static bool has_source(const holders *self, const cf_device *device, cf_arena *arena)
{
    cf_kept sources;

    if (device->role == CF_ROLE_READER)
        return true;
    if (cf_kept_sources_of(self->peer, &device->id, arena, &sources))
        return cf_kept_has(&sources, self->collection);
    return cf_hash_set_contains(&self->writers, &device->id);
}

static cf_status find_holders(holders *self, cf_error *error)
{
    const cf_registry *registry = cf_log_registry(self->peer->log);
    cf_arena arena = {0};

    cf_status status = cf_log_heads(self->peer->log, visit_head, self, error);
    for (size_t i = 0; !status && i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        if (device->is_valid && !cf_hash_equal(&device->id, cf_peer_device(self->peer)) &&
            !cf_hash_equal(&device->id, cf_peer_user(self->peer)) &&
            has_source(self, device, &arena))
            json_array_append_new(
                self->names, json_string(cf_catalog_device_name(self->peer, &device->id, &arena)));
    }
    cf_arena_release(&arena);
    return status;
}

static void append_names(const json_t *names, cf_buffer *out)
{
    size_t i;
    json_t *name;

    json_array_foreach(names, i, name)
    {
        cf_buffer_append_text(out, i ? ", " : "");
        cf_text_append(out, cf_bytes_of_text(json_string_value(name)));
    }
}

static cf_status check_holders(const cf_run *run, const holders *others, cf_error *error)
{
    cf_buffer names = {0};

    if (!json_array_size(others->names) || cf_options_has(&run->options, "yes"))
        return CF_OK;
    append_names(others->names, &names);
    cf_status status =
        cf_fail(error, CF_UNSAFE,
                "'%s' would be synced nowhere any more, and it is on %.*s, too, as far as is known "
                "here: --yes says that this is meant",
                run->options.arguments[1], (int)names.size, (const char *)names.data);
    cf_buffer_release(&names);
    return status;
}

/* What would be done, as `--dry-run` tells it, or what was. */
static void tell(const cf_run *run, const holders *others, bool rehearses)
{
    cf_error why = {0};

    if (run->json)
        cf_print_json(&run->output, json_pack("{s:O}", "devices", others->names));
    else if (rehearses && check_holders(run, others, &why))
        cf_say(&run->output, "%s", why.text);
    else if (!run->quiet)
        cf_print(&run->output, "%s: %s off the list; what sources hold stays where it is%s\n",
                 run->options.arguments[1], rehearses ? "would be taken" : "taken",
                 rehearses || cf_loop_serves(run->loop)
                     ? ""
                     : "; others hear of it when this device has synced");
}

static cf_status take_off(cf_run *run, const cf_id *collection, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const bool rehearses = cf_options_has(&run->options, "dry-run");
    holders others = {peer, collection, .names = json_array()};

    cf_status status = cf_catalog_may_change(peer, collection, error);
    if (!status)
        status = find_holders(&others, error);
    if (!status && !rehearses)
        status = check_holders(run, &others, error);
    if (!status && !rehearses)
        status = cf_catalog_delete(peer, collection, cf_loop_time(run->loop), error);
    if (!status)
        tell(run, &others, rehearses);
    json_decref(others.names);
    cf_hash_set_release(&others.writers);
    return status;
}

static cf_status delete_named(cf_run *run, cf_error *error)
{
    const char *name = run->options.arguments[1];
    cf_catalog_collection found;
    cf_arena arena = {0};
    char typed[CF_PATH_TYPED];

    cf_status status = cf_catalog_find(cf_loop_peer(run->loop), name, &arena, &found, error);
    if (status == CF_MISSING)
        cf_catalog_say_renamed(cf_loop_peer(run->loop), name, error);
    const cf_binding *binding =
        status ? NULL : cf_source_of_collection(cf_loop_engine(run->loop), &found.id);
    if (binding)
        status = cf_fail(error, CF_CHANGED, "'%s' has a source here: `counterfoil remove %s` first",
                         name, cf_binding_path_typed(binding, typed));
    if (!status)
        status = take_off(run, &found.id, error);
    cf_arena_release(&arena);
    cf_loop_wake(run->loop);
    return status;
}

/* Who says that it is meant, whoever has it, need not wait for anybody. */
static bool depends_on_others(const cf_run *run)
{
    return !cf_options_has(&run->options, "yes") || cf_options_has(&run->options, "dry-run");
}

cf_status cf_collection_delete(cf_run *run, cf_error *error)
{
    cf_learning *learning = NULL;

    cf_status status = cf_run_check_count(run, 2, 2, error);
    if (!status && depends_on_others(run))
        status = cf_learning_begin(run, &learning, error);
    run->state = learning;
    run->connects = learning != NULL;
    return status || learning ? status : delete_named(run, error);
}

cf_status cf_collection_delete_step(cf_run *run, uint64_t now_ms, cf_progress *progress,
                                    cf_error *error)
{
    cf_learning *learning = run->state;
    cf_error unasked = {0};

    if (!learning)
        return CF_OK;
    progress->over = cf_learning_over(learning, now_ms, &progress->deadline_ms, &unasked);
    if (!progress->over)
        return CF_OK;
    cf_collection_delete_end(run);
    cf_status status = cf_learning_refused(&unasked, error);
    if (status)
        return status;
    if (unasked.status)
        cf_say(&run->output,
               "the broker can't be asked: %s; what other devices did since is not known here",
               unasked.text);
    return delete_named(run, error);
}

void cf_collection_delete_end(cf_run *run)
{
    cf_learning *learning = run->state;

    cf_learning_destroy(&learning);
    run->state = NULL;
}

cf_status cf_collection_ask_delete(cf_run *run, cf_error *error)
{
    const cf_options *given = &run->options;
    cf_buffer names = {0};
    json_t *found = NULL;
    bool yes = true;

    if (given->argument_count != 2 || strcmp(given->arguments[0], "delete") != 0 ||
        !cf_run_asks(run))
        return CF_OK;
    const char *words[] = {"collections", "--dry-run", "delete", given->arguments[1]};
    cf_status status = run->consult(run, words, sizeof words / sizeof *words, &found, error);
    append_names(json_object_get(found, "devices"), &names);
    if (!status && names.size)
        status = cf_run_confirm(
            run, &yes, error,
            "It is on %.*s, too, as far as is known here: it would be synced nowhere any more, and "
            "files stay as they are. Take it off the list? [y/N]",
            (int)names.size, (const char *)names.data);
    if (!status)
        status = cf_run_take_answer(run, yes, error);
    cf_buffer_release(&names);
    json_decref(found);
    return status;
}
