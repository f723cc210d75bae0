/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_format.h"
#include "peer/log/author.h"
#include "peer/log/catalog.h"
#include "peer/commands/addition_inside.h"
#include "peer/commands/disk_answers.h"
#include "peer/commands/base_dir.h"
#include "peer/commands/remove.h"
#include "peer/commands/source_format.h"
#include "peer/commands/source_rows.h"
#include "peer/commands/sources.h"
#include "peer/commands/verbs.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_MS = 250 };

/* ---- What is wanted ---- */

/* The folder's; of what was taken off the list and is added again, that of before. */
static const char *own_name(cf_addition *self)
{
    const char *slash = strrchr(self->path, '/');
    const cf_binding *before = cf_source_taken_off(self->run, self->path);

    if (before)
        return cf_catalog_name(self->peer, &before->collection, &self->arena);
    return slash[1] ? slash + 1 : "root";
}

static cf_status choose_name(cf_addition *self, cf_error *error)
{
    const char *given = cf_options_value(&self->run->options, "collection");

    self->name = given ? given : own_name(self);
    cf_status status = cf_catalog_check_name(self->name, error);
    if (status && !given)
        cf_error_while(error, "the source's name is none for a collection: --collection NAME");
    return status;
}

/* ---- The binding ---- */

static uint32_t next_number(const cf_engine *engine)
{
    uint32_t highest = 0;

    for (size_t i = 0; i < cf_engine_binding_count(engine); i++)
        if (cf_engine_binding_at(engine, i)->number > highest)
            highest = cf_engine_binding_at(engine, i)->number;
    return highest + 1;
}

static cf_status make_binding(cf_addition *self, cf_binding **out, cf_error *error)
{
    cf_binding_options options = {.number = next_number(self->engine),
                                  .collection = self->collection,
                                  .format = self->format,
                                  .place = self->place,
                                  .path = self->path,
                                  .keys = self->keys,
                                  .key_count = self->key_count,
                                  .map = self->map};

    cf_status status = cf_source_choose(self->run, &self->arena, &options, error);
    if (!status)
        status = cf_binding_new(&options, out, error);
    if (status)
        return status;
    (*out)->instance = self->instance;
    (*out)->meets = self->is_new                                  ? CF_MEETS_NEW
                    : cf_options_has(&self->run->options, "mine") ? CF_MEETS_MINE
                                                                  : CF_MEETS_OLD;
    return CF_OK;
}

/* Before anything is said of it. What is wrong with the root is told when it is looked at. */
static void learn_disk(const cf_addition *self, cf_binding *binding)
{
    cf_error ignored;

    if (!cf_format_is_records(binding->format) &&
        cf_binding_open_root(self->peer, binding, &ignored) == CF_OK)
        cf_binding_close_root(binding, cf_loop_env(self->run->loop)->files);
}

static cf_status bind_source(cf_addition *self, cf_error *error)
{
    cf_binding *binding = NULL;

    cf_status status = make_binding(self, &binding, error);
    if (status)
        return status;
    if (!self->is_new)
        status = cf_source_meet_rows(self->run, binding, &self->counts_up, error);
    if (!status)
        status = cf_binding_save(self->peer, binding, error);
    self->has_place = !status;
    if (!status && self->is_image)
        status = cf_binding_make_image(self->peer, binding, error);
    if (status) {
        cf_binding_destroy(&binding, cf_loop_env(self->run->loop)->files);
        return status;
    }
    learn_disk(self, binding);
    self->binding = binding;
    status = cf_engine_take_binding(self->engine, binding, error);
    cf_loop_wake(self->run->loop);
    return status;
}

/* What is equal is agreed before that is said. Where rows meet under numbers that somebody counts
 * up, which of them are the same is found out of all together, when they are published. */
static cf_status agree(cf_addition *self, cf_error *error)
{
    cf_status status = cf_engine_compare(self->engine, self->binding, &self->found, error);

    if (status || self->is_new || self->found.meeting) {
        if (!status)
            cf_addition_tell(self);
        return status;
    }
    self->round = cf_round_begin(self->engine, &(cf_round_options){.kind = CF_ROUND_AGREE,
                                                                   .collections = &self->collection,
                                                                   .collection_count = 1});
    cf_loop_wake(self->run->loop);
    return CF_OK;
}

static cf_status choose_base_dir(cf_addition *self, const cf_binding_options *options,
                                 cf_error *error)
{
    const cf_base_owner owner = {.path = self->path, .base = options->base};
    bool said;

    return cf_base_dir_choose(self->run, &owner, &self->arena, &said, &self->base_dir, error);
}

static cf_status check_options(cf_addition *self, cf_error *error)
{
    const cf_options *given = &self->run->options;
    cf_binding_options options = {.path = self->path};
    cf_binding *trial = NULL;

    if (cf_options_has(given, "new") && cf_options_has(given, "existing"))
        return cf_fail(error, CF_USAGE, "--new and --existing exclude each other");
    cf_status status = cf_source_choose_format(self->run, self->path, &self->format, error);
    options.format = self->format;
    if (!status)
        status = cf_source_choose(self->run, &self->arena, &options, error);
    if (!status)
        status = cf_source_choose_keys(self->run, self->format, &self->arena, &options, error);
    self->keys = cf_arena_allocate(&self->arena, options.key_count + 1, sizeof *self->keys);
    self->key_count = options.key_count;
    for (size_t i = 0; i < options.key_count; i++)
        self->keys[i] = options.keys[i];
    if (!status)
        status = cf_addition_read_map(self, error);
    if (!status)
        status = cf_source_check_counting(self->run, self->format, options.key_count, error);
    if (!status)
        status = cf_binding_new(&options, &trial, error);
    if (!status)
        cf_binding_destroy(&trial, cf_loop_env(self->run->loop)->files);
    return status ? status : choose_base_dir(self, &options, error);
}

static cf_status choose_counting(cf_addition *self, cf_error *error)
{
    return cf_addition_is_translated(self)
               ? CF_OK
               : cf_source_choose_counting(self->run, self->format, self->path, &self->counts_up,
                                           error);
}

static cf_status make_collection(cf_addition *self, cf_error *error)
{
    cf_schema_table table = cf_schema_records.tables[0];
    const cf_schema counted = {&table, 1};
    cf_catalog_new new = {.name = self->name, .format = self->holds};
    cf_status status = choose_counting(self, error);

    if (status)
        return status;
    table.serial = true;
    if (self->counts_up)
        new.schema = &counted;
    return cf_catalog_make(self->peer, &new, cf_loop_time(self->run->loop), &self->collection,
                           error);
}

/* A collection that is not there yet has nothing that could be equal. */
static void choose_trial(cf_addition *self)
{
    const cf_env *env = cf_loop_env(self->run->loop);

    if (self->is_new)
        env->random(env->context, self->collection.bytes, CF_ID_SIZE);
}

/* What it would be, and nothing is done. */
static cf_status rehearse(cf_addition *self, cf_error *error)
{
    cf_binding *trial = NULL;

    choose_trial(self);
    cf_status status = cf_addition_rehearse_place(self, error);
    if (!status)
        status = make_binding(self, &trial, error);
    if (!status && self->is_new)
        status = choose_counting(self, error);
    if (!status)
        status = cf_engine_compare(self->engine, trial, &self->found, error);
    cf_binding_destroy(&trial, cf_loop_env(self->run->loop)->files);
    if (!status)
        cf_addition_tell(self);
    return status;
}

static cf_status check_asked(cf_addition *self, cf_error *error)
{
    cf_binding *trial = NULL;

    cf_status status = make_binding(self, &trial, error);
    if (!status)
        status = cf_source_check_asked(self->run, trial, self->is_new, error);
    cf_binding_destroy(&trial, cf_loop_env(self->run->loop)->files);
    return status;
}

/* A collection that this device kept nothing of is fetched first: what lies here is compared with
 * all of it. */
static cf_status fetch(cf_addition *self, cf_error *error)
{
    if (self->is_new || cf_engine_carries(self->engine, &self->collection))
        return CF_OK;
    cf_engine_want(self->engine, &self->collection);
    return cf_learning_begin(self->run, &self->learning, error);
}

/* Without the broker what it has of the collection is not known; what was here before will do. */
static cf_status check_fetched(const cf_addition *self, cf_error *error)
{
    return self->unasked.status && !self->is_new &&
                   !cf_author_heads(self->peer->author, &self->collection)->count &&
                   !cf_engine_keeps_all(self->engine)
               ? cf_fail(error, CF_UNREACHABLE,
                         "this device keeps nothing of '%s' yet, and the broker can't be asked: %s",
                         self->name, self->unasked.text)
               : CF_OK;
}

/* What is added again was a source of a collection that was taken off the list. */
static cf_status end_before(cf_addition *self, cf_error *error)
{
    cf_binding *before = cf_source_taken_off(self->run, self->path);

    return before ? cf_source_stop(self->run, before, false, &self->waits, error) : CF_OK;
}

static cf_status add(cf_addition *self, cf_error *error)
{
    self->waits = false;
    cf_status status = cf_addition_check_place(self, error); /* another may have come since */

    if (!status)
        status = cf_addition_choose_collection(self, error);
    if (!status)
        status = fetch(self, error);
    if (status || self->learning)
        return status;
    status = check_fetched(self, error);
    if (!status)
        status = cf_addition_choose_map(self, error);
    if (!status)
        status = check_asked(self, error);
    if (!status && cf_options_has(&self->run->options, "dry-run"))
        return rehearse(self, error);
    if (!status)
        status = end_before(self, error);
    if (status || self->waits)
        return status;
    if (self->base_dir)
        status = cf_base_dir_make(self->run, self->path, self->base_dir, &self->place, error);
    if (!status)
        status = cf_addition_prepare_place(self, error);
    if (!status && self->is_new)
        status = make_collection(self, error);
    if (!status)
        status = bind_source(self, error);
    if (!status)
        cf_addition_say_unasked(self);
    return status ? status : agree(self, error);
}

static cf_status check_role(const cf_addition *self, cf_error *error)
{
    const cf_device *device =
        cf_registry_device(cf_log_registry(self->peer->log), cf_peer_device(self->peer));

    return device && device->role == CF_ROLE_RELAY
               ? cf_fail(error, CF_DENIED,
                         "this device is a relay: it carries what others write and can't read it, "
                         "so it has no sources")
               : CF_OK;
}

static cf_status begin(cf_addition *self, cf_error *error)
{
    cf_status status = check_role(self, error);

    if (!status)
        status = cf_addition_check_place(self, error);
    if (!status)
        status = choose_name(self, error);
    if (!status)
        status = check_options(self, error);
    return status ? status : cf_learning_begin(self->run, &self->learning, error);
}

static cf_status start(cf_run *run, cf_error *error)
{
    cf_addition *self = cf_allocate(1, sizeof *self);
    cf_buffer path = {0};

    run->state = self;
    *self = (cf_addition){
        .run = run, .peer = cf_loop_peer(run->loop), .engine = cf_loop_engine(run->loop)};
    cf_status status = cf_run_check_count(run, 1, 1, error);
    if (!status)
        status = cf_run_path(run, run->options.arguments[0], &path, error);
    if (!status)
        self->path = cf_arena_text(&self->arena, cf_bytes_of(path.data, path.size - 1));
    cf_buffer_release(&path);
    if (status)
        return status;
    cf_binding *moved = cf_source_find_moved(run, self->path);
    if (moved)
        return cf_source_move(run, moved, self->path, error);
    status = begin(self, error);
    return status || self->learning ? status : add(self, error);
}

static cf_status go_on(cf_addition *self, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    cf_status status = add(self, error);

    if (self->learning || self->waits)
        *progress = (cf_progress){.deadline_ms =
                                      now_ms + (self->waits ? CF_SOURCE_STOPS_MS : LOOK_AGAIN_MS)};
    return status;
}

static cf_status learn(cf_addition *self, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    progress->over =
        cf_learning_over(self->learning, now_ms, &progress->deadline_ms, &self->unasked);
    if (!progress->over)
        return CF_OK;
    cf_learning_destroy(&self->learning);
    cf_status status = cf_learning_refused(&self->unasked, error);
    return status ? status : go_on(self, now_ms, progress, error);
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    cf_addition *self = run->state;
    cf_status status = self->learning ? learn(self, now_ms, progress, error)
                       : self->waits  ? go_on(self, now_ms, progress, error)
                                      : CF_OK;

    if (status || !self->round)
        return status;
    progress->over = cf_round_over(self->round, now_ms);
    progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
    if (progress->over)
        cf_addition_tell(self);
    return CF_OK;
}

static void end(cf_run *run)
{
    cf_addition *self = run->state;

    if (!self)
        return;
    cf_learning_destroy(&self->learning);
    cf_round_end(&self->round);
    cf_engine_want(self->engine, NULL);
    if (!self->has_place)
        cf_base_dir_leave(cf_loop_env(run->loop), &run->output, &self->place);
    cf_base_place_release(&self->place);
    cf_arena_release(&self->arena);
    free(self);
}

static cf_status prepare(cf_run *run, cf_error *error)
{
    cf_status status = CF_OK;

    if (run->options.argument_count == 1)
        status = cf_disk_answers_here(run, run->options.arguments[0], error);
    if (!status)
        status = cf_source_ask_format(run, error);
    return status ? status : cf_source_ask_rows(run, error);
}

static void usage_of_formats(cf_buffer *out)
{
    for (size_t i = 0; i < CF_FORMATS; i++)
        cf_buffer_append_text(out, "\n%s", cf_adapter_of((cf_format)i)->usage);
}

static const cf_option options[] = {
    {"collection", 0, "NAME", "which collection (else the folder's name)"},
    {"new", 0, NULL, "it must be a new collection"},
    {"existing", 0, NULL, "it must be one that exists"},
    {"mine", 0, NULL, "what lies here is the newest"},
    {"format", 0, "F", "what it is, one of those above (files)"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {"key", 0, "K", "of records: what tells which one it is; see above"},
    {"map", 0, "FILE", "what columns stand for, or refer to; see above"},
    CF_SOURCE_ROWS_OPTIONS,
    CF_SOURCE_OPTIONS,
    {0},
};

const cf_verb cf_verb_add = {
    .name = "add",
    .usage = "add SOURCE [--collection NAME] [--new|--existing] [--mine] [--format F] "
             "[--key K]... [--map FILE] [--base full|leaves|auto] [--base-dir DIR] "
             "[--mode both|send|receive] [--poll T|default] [--merge text|copies] "
             "[--include PATTERN]... [--exclude TABLE]... [--last TABLE.COLUMN]... "
             "[--natural-key TABLE.COLUMN]... "
             "[--unique same|apart] [--serial|--natural] [--rows same|apart] "
             "[-n] [--timeout T]",
    .summary = "Puts a folder, or a file of records, under sync: a new collection, or this "
               "device's place for one that "
               "exists",
    .more = "A folder that moved is recognised, and keeps what is known of it. The broker is asked "
            "first which collections there are; where it can't be, --existing takes only one that "
            "is known here, and two of one name that were made apart become one.\nWhat is only old "
            "here, as in a folder that was away, is brought up to date; with --mine it is what the "
            "others get.\nA collection may have several sources on one device, which follow each "
            "other: say --collection or --existing.\nA source whose collection was taken off the "
            "list is added again by the same words.",
    .more_of = usage_of_formats,
    .needs = CF_NEEDS_PEER,
    .connects = true,
    .options = options,
    .prepare = prepare,
    .prerequisite = &cf_disk_answers_place,
    .start = start,
    .step = step,
    .end = end,
};
