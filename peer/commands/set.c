/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog.h"
#include "peer/commands/disk_answers.h"
#include "peer/commands/base_dir.h"
#include "peer/commands/keep_shown.h"
#include "peer/commands/metered_shown.h"
#include "peer/commands/source_format.h"
#include "peer/commands/sources.h"
#include "peer/bindings/base_moving.h"
#include "peer/commands/verbs.h"
#include "peer/sources/files/deselect.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_MS = 250 };

/* One run of `set`. */
typedef struct {
    const char *path;  /* of the source; copies of its base are moved meanwhile */
    cf_binding *trial; /* with the options that it gets */
    cf_base_moving *moving;
    cf_base_place made; /* where they go; {0}: to the home */
    cf_base_moved moved;
    bool moves;
    cf_arena arena;
} setting;

static const char *way_of(cf_mode mode)
{
    return mode == CF_MODE_SEND      ? "only sends"
           : mode == CF_MODE_RECEIVE ? "only receives"
                                     : "sends and receives";
}

/* "notes: /home/ann/notes sends and receives, --merge text, --include *.txt". */
static void tell_how(cf_run *run, const cf_binding *binding)
{
    static const char *const bases[] = {[CF_BASE_AUTO] = "",
                                        [CF_BASE_FULL] = ", --base full",
                                        [CF_BASE_LEAVES] = ", --base leaves"};
    cf_arena arena = {0};
    char limit[CF_DELETE_WORD_TEXT], poll[CF_SOURCE_POLL_TEXT];

    cf_delete_word_show(binding->limit, limit);
    cf_source_poll_text(binding, poll);
    cf_print(&run->output, "%s: %s %s%s%s%s%s%s%s%s",
             cf_catalog_name(cf_loop_peer(run->loop), &binding->collection, &arena), binding->path,
             way_of(binding->mode), bases[binding->base], binding->place.dir ? ", --base-dir " : "",
             binding->place.dir ? binding->place.dir : "", binding->merges ? ", --merge text" : "",
             binding->limit.given ? ", --max-delete " : "", binding->limit.given ? limit : "",
             poll);
    for (size_t i = 0; i < binding->include_count; i++)
        cf_print(&run->output, ", --include %s", binding->include[i]);
    for (size_t i = 0; i < binding->exclude_count; i++)
        cf_print(&run->output, ", --exclude %s", binding->exclude[i]);
    for (size_t i = 0; i < binding->last_count; i++)
        cf_print(&run->output, ", --last %s", binding->last[i]);
    for (size_t i = 0; i < binding->natural_count; i++)
        cf_print(&run->output, ", --natural-key %s", binding->natural[i]);
    cf_print(&run->output, "%s\n", binding->unites ? ", --unique same" : "");
    cf_arena_release(&arena);
}

static void tell_moved(const cf_run *run, const setting *self)
{
    const cf_base_moved *moved = &self->moved;

    if (self->moves && moved->was_away)
        cf_print(&run->output, "where its base lay is away: a new one begins\n");
    else if (self->moves)
        cf_print(&run->output, "%zu cop%s of its base moved\n", moved->moved,
                 moved->moved == 1 ? "y" : "ies");
    if (moved->left_out)
        cf_print(&run->output, "%zu had no room, or could not be read\n", moved->left_out);
}

static json_t *list_json(char *const *texts, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, cf_json_name(cf_bytes_of_text(texts[i])));
    return list;
}

static json_t *how_json(const cf_binding *binding)
{
    static const char *const bases[] = {
        [CF_BASE_AUTO] = "auto", [CF_BASE_FULL] = "full", [CF_BASE_LEAVES] = "leaves"};
    char limit[CF_DELETE_WORD_TEXT];

    cf_delete_word_show(binding->limit, limit);
    return json_pack("{s:o, s:s, s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:s}", "source",
                     cf_json_name(cf_bytes_of_text(binding->path)), "mode",
                     cf_mode_name(binding->mode), "base", bases[binding->base], "merge",
                     binding->merges ? "text" : "copies", "max_delete",
                     binding->limit.given ? limit : NULL, "include",
                     list_json(binding->include, binding->include_count), "exclude",
                     list_json(binding->exclude, binding->exclude_count), "last",
                     list_json(binding->last, binding->last_count), "natural_key",
                     list_json(binding->natural, binding->natural_count), "unique",
                     binding->unites ? "same" : "apart");
}

static void tell_json(const cf_run *run, const cf_binding *binding, size_t left)
{
    json_t *told = how_json(binding);

    json_object_set_new(told, "left", json_integer((json_int_t)left));
    json_object_set_new(told, "disk", cf_source_disk_json(binding));
    json_object_set_new(told, "poll_ms", json_integer((json_int_t)cf_binding_poll_ms(binding)));
    json_object_set_new(told, "base_dir", cf_base_dir_json(cf_loop_env(run->loop), binding));
    cf_print_json(&run->output, told);
}

/* What it is now, and what lies there and is not asked for any more. */
static void tell(cf_run *run, const setting *self, const cf_binding *binding)
{
    size_t left = cf_deselect_count(binding);

    if (run->json)
        tell_json(run, binding, left);
    if (run->json || run->quiet)
        return;
    tell_how(run, binding);
    tell_moved(run, self);
    cf_source_print_disk(&run->output, "", binding);
    if (left)
        cf_print(&run->output,
                 left == 1 ? "%zu file is not asked for any more: it stays here, no longer synced\n"
                           : "%zu files are not asked for any more: they stay here, no longer "
                             "synced\n",
                 left);
}

/* What is kept of it speaks of the new place before the old one is taken away. */
static cf_status change(cf_run *run, setting *self, cf_binding *binding, cf_error *error)
{
    const cf_env *env = cf_loop_env(run->loop);

    cf_status status = cf_binding_change(cf_loop_peer(run->loop), binding, self->trial, error);
    if (status)
        return status;
    if (self->moves) {
        cf_base_place_release(&self->made);
        cf_base_dir_leave(env, &run->output, &self->trial->place);
        cf_engine_tidy_bases(cf_loop_engine(run->loop));
    }
    tell(run, self, binding);
    /* Without `serve`, whoever comes next may ask first what this comes to: `status`. */
    if (cf_loop_serves(run->loop))
        cf_engine_touch_binding(cf_loop_engine(run->loop), binding);
    cf_loop_wake(run->loop);
    return CF_OK;
}

static cf_status choose(cf_run *run, setting *self, const cf_binding *binding,
                        cf_binding_options *options, cf_error *error)
{
    cf_status status = cf_source_check_options(run, binding->format, error);

    if (!status)
        status = cf_source_choose(run, &self->arena, options, error);
    if (!status && binding->is_image && options->mode != CF_MODE_SEND)
        status =
            cf_fail(error, CF_USAGE,
                    "%s could not be written to when it was added, and can only send: `counterfoil "
                    "remove` it and add it again, where that has changed",
                    binding->path);
    if (!status && options->base == CF_BASE_LEAVES && binding->place.dir &&
        !cf_options_has(&run->options, "base-dir"))
        status = cf_fail(error, CF_USAGE,
                         "--base leaves keeps no copies, and its base lies in %s: say --base-dir "
                         "default, too",
                         binding->place.dir);
    return status;
}

/* Another folder, or the same one where another disk lies in its place. */
static cf_status choose_place(cf_run *run, setting *self, cf_binding *binding,
                              cf_binding_options *options, cf_error *error)
{
    const cf_base_owner owner = {binding, binding->path, options->base};
    const char *dir;
    bool said;

    cf_status status = cf_base_dir_choose(run, &owner, &self->arena, &said, &dir, error);
    if (status || !said || (!dir && !binding->place.dir))
        return status;
    if (dir && binding->place.dir && strcmp(dir, binding->place.dir) == 0 &&
        cf_binding_check_place(binding, cf_loop_env(run->loop)->files, error) == CF_OK)
        return CF_OK;
    if (binding->is_base_moving)
        return cf_fail(error, CF_LOCKED, "another `counterfoil set` moves the base of %s now",
                       binding->path);
    if (dir)
        status = cf_base_dir_make(run, binding->path, dir, &self->made, error);
    if (!status) {
        self->moves = binding->is_base_moving = true;
        options->place = self->made;
        status = cf_base_moving_start(cf_loop_peer(run->loop), binding, &self->made, &self->moving,
                                      error);
    }
    return status;
}

static cf_binding_options options_of(const cf_binding *binding)
{
    return (cf_binding_options){.collection = binding->collection,
                                .format = binding->format,
                                .mode = binding->mode,
                                .merges = binding->merges,
                                .base = binding->base,
                                .place = binding->place,
                                .limit = binding->limit,
                                .poll = binding->poll,
                                .path = binding->path,
                                .include = (const char *const *)binding->include,
                                .include_count = binding->include_count,
                                .exclude = (const char *const *)binding->exclude,
                                .exclude_count = binding->exclude_count,
                                .last = (const char *const *)binding->last,
                                .last_count = binding->last_count,
                                .natural = (const char *const *)binding->natural,
                                .natural_count = binding->natural_count,
                                .unites = binding->unites};
}

/* Before any place is made. */
static cf_status check_asked(const cf_run *run, const cf_binding_options *options, cf_error *error)
{
    cf_binding *trial = NULL;

    cf_status status = cf_binding_new(options, &trial, error);
    if (!status)
        status = cf_source_check_asked(run, trial, false, error);
    cf_binding_destroy(&trial, cf_loop_env(run->loop)->files);
    return status;
}

/* What is said on one device makes rows one for all, and what ends it is said there. */
static void say_of_another(const cf_run *run, const cf_binding *binding)
{
    const char *unique = cf_options_value(&run->options, "unique");
    const char *natural = cf_options_value(&run->options, "natural-key");

    if (unique && strcmp(unique, "apart") == 0 && !binding->unites)
        cf_say(&run->output, "--unique same was not said on this device: a device that said it "
                             "ends it");
    if (natural && strcmp(natural, "default") == 0 && !binding->natural_count)
        cf_say(&run->output, "--natural-key was not said on this device: a device that said it "
                             "ends it");
}

static cf_status begin(cf_run *run, setting *self, cf_binding *binding, cf_error *error)
{
    cf_binding_options options = options_of(binding);

    self->path = cf_arena_text(&self->arena, cf_bytes_of_text(binding->path));
    cf_status status = choose(run, self, binding, &options, error);
    if (!status)
        status = check_asked(run, &options, error);
    if (!status && !run->quiet)
        say_of_another(run, binding);
    if (!status)
        status = choose_place(run, self, binding, &options, error);
    if (!status)
        status = cf_binding_new(&options, &self->trial, error);
    return status || self->moves ? status : change(run, self, binding, error);
}

static cf_status check_alone(const cf_run *run, const char *name, cf_error *error)
{
    bool is_alone = !run->options.argument_count;

    for (const cf_option *at = run->verb->options; at->name; at++)
        is_alone &= strcmp(at->name, name) == 0 || !cf_options_has(&run->options, at->name);
    return is_alone ? CF_OK
                    : cf_fail(error, CF_USAGE,
                              "--%s is said of this device, not of a source: give it alone", name);
}

/* What is said of this device. */
static const struct {
    const char *name;
    cf_status (*set)(cf_run *run, cf_error *error);
} of_device[] = {{"metered", cf_metered_set}, {"keep", cf_keep_choose}};

static cf_status start(cf_run *run, cf_error *error)
{
    cf_binding *binding = NULL;

    for (size_t i = 0; i < sizeof of_device / sizeof *of_device; i++)
        if (cf_options_has(&run->options, of_device[i].name))
            return check_alone(run, of_device[i].name, error) ? error->status
                                                              : of_device[i].set(run, error);
    cf_status status = cf_run_check_count(run, 1, 1, error);
    if (!status)
        status = cf_source_wanted(run, run->options.arguments[0], &binding, error);
    if (status)
        return status;
    run->state = cf_allocate(1, sizeof(setting));
    return begin(run, run->state, binding, error);
}

/* What another `set` changed while copies were moved stays so. */
static cf_status try_again(cf_run *run, setting *self, const cf_binding *binding, cf_error *error)
{
    cf_binding_options options = options_of(binding);

    cf_binding_destroy(&self->trial, cf_loop_env(run->loop)->files);
    cf_status status = choose(run, self, binding, &options, error);
    options.place = self->made;
    return status ? status : cf_binding_new(&options, &self->trial, error);
}

/* Somebody may have taken the source away, or its base elsewhere, in the meantime. */
static cf_status end_moving(cf_run *run, setting *self, cf_error *error)
{
    cf_binding *binding = cf_source_at(cf_loop_engine(run->loop), self->path);

    cf_status status = cf_base_moving_result(self->moving, &self->moved, error);
    cf_base_moving_destroy(&self->moving);
    if (!status && !binding)
        status = cf_fail(error, CF_MISSING, "%s is no source any more", self->path);
    if (!status)
        status = try_again(run, self, binding, error);
    return status ? status : change(run, self, binding, error);
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    setting *self = run->state;

    if (!self || !self->moving)
        return CF_OK;
    progress->over = cf_base_moving_over(self->moving);
    progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
    return progress->over ? end_moving(run, self, error) : CF_OK;
}

/* What was not brought to its end leaves no place behind. */
static void end(cf_run *run)
{
    setting *self = run->state;
    const cf_env *env = cf_loop_env(run->loop);

    if (!self)
        return;
    cf_binding *binding = self->moves ? cf_source_at(cf_loop_engine(run->loop), self->path) : NULL;
    if (binding)
        binding->is_base_moving = false;
    cf_base_moving_destroy(&self->moving);
    cf_base_dir_leave(env, &run->output, &self->made);
    cf_base_place_release(&self->made);
    cf_binding_destroy(&self->trial, env->files);
    cf_arena_release(&self->arena);
    free(self);
}

static const cf_option options_of_set[] = {
    CF_SOURCE_OPTIONS,
    {"metered", 0, "pause|send",
     "of this device, without a source: whether contents over 1 MiB wait where the network is "
     "metered"},
    {"keep", 0, "all|bound",
     "of this device, likewise: it keeps all of the user's log, or only what it has sources of"},
    {"yes", 0, NULL, "--include asks for nothing that is there; another home's base is replaced"},
    {0},
};

const cf_verb cf_verb_set = {
    .name = "set",
    .usage = "set SOURCE [--base full|leaves|auto] [--base-dir DIR|default] "
             "[--mode both|send|receive] "
             "[--max-delete N|P%|default] [--poll T|default] [--merge text|copies] [--include "
             "PATTERN]... [--exclude TABLE|default]... [--last TABLE.COLUMN|default]... "
             "[--natural-key TABLE.COLUMN|default]... "
             "[--unique same|apart] [--yes] | "
             "set --metered pause|send | set --keep all|bound",
    .summary = "Changes how a source is synced",
    .more = "With --metered how this device syncs: with `pause` contents over 1 MiB are neither "
            "sent nor fetched while NetworkManager calls the network metered. With --keep what it "
            "keeps: with `bound` nothing of collections is fetched that it has no source of; `add` "
            "fetches one.",
    .needs = CF_NEEDS_PEER,
    .options = options_of_set,
    .prerequisite = &cf_disk_answers_source,
    .start = start,
    .step = step,
    .end = end,
};
