/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/files_root.h"
#include "peer/catalog.h"
#include "peer/commands/learning.h"
#include "peer/commands/source_moved.h"
#include "peer/commands/sources.h"
#include "peer/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the user wants, as it becomes clear. */
typedef struct {
    cf_run *run;
    cf_peer *peer;
    cf_engine *engine;
    cf_arena arena;
    cf_learning *learning;
    cf_error unasked; /* why the broker could not be; CF_OK: it was, or there is none */
    const char *path; /* absolute */
    const char *name; /* of the collection */
    cf_format format;
    bool is_new;
    cf_id collection;
    cf_id instance;
    cf_binding *binding;
} addition;

/* ---- May it be a source ---- */

static cf_status check_place(addition *self, cf_error *error)
{
    cf_buffer home = {0};
    cf_status status = cf_run_path(self->run, cf_loop_home_path(self->run->loop), &home, error);
    const char *home_path = (const char *)home.data;

    if (!status && (cf_path_is_in(home_path, self->path) || cf_path_is_in(self->path, home_path)))
        status = cf_fail(error, CF_USAGE,
                         "%s and the home %s lie in each other: a home can't sync itself",
                         self->path, home_path);
    for (size_t i = 0; !status && i < cf_engine_binding_count(self->engine); i++) {
        const char *other = cf_engine_binding_at(self->engine, i)->path;

        if (strcmp(other, self->path) == 0)
            status = cf_fail(error, CF_CHANGED,
                             "%s is a source already: `counterfoil set` "
                             "changes it",
                             self->path);
        else if (cf_path_is_in(other, self->path) || cf_path_is_in(self->path, other))
            status = cf_fail(error, CF_USAGE, "%s and the source %s lie in each other", self->path,
                             other);
    }
    cf_buffer_release(&home);
    return status;
}

static cf_status choose_name(addition *self, cf_error *error)
{
    const char *given = cf_options_value(&self->run->options, "collection");
    const char *format = cf_options_value(&self->run->options, "format");
    const char *slash = strrchr(self->path, '/');

    self->name = given ? given : slash[1] ? slash + 1 : "root";
    cf_status status = format ? cf_format_of_text(format, &self->format, error) : CF_OK;
    if (!status)
        status = cf_catalog_check_name(self->name, error);
    if (status && !given && !format)
        cf_error_while(error, "the folder's name is none for a collection: --collection NAME");
    return status;
}

/* ---- Which collection ---- */

static cf_status choose_collection(addition *self, cf_error *error)
{
    const cf_options *options = &self->run->options;
    bool new = cf_options_has(options, "new"), existing = cf_options_has(options, "existing");
    cf_catalog_collection found;

    cf_status status = cf_catalog_find(self->peer, self->name, &self->arena, &found, error);
    if (status == CF_MISSING && existing && self->unasked.status)
        return cf_fail(error, CF_UNREACHABLE,
                       "nothing is known here of a collection '%s', and the broker can't be asked: "
                       "%s",
                       self->name, self->unasked.text);
    if (status == CF_MISSING && !existing) {
        self->is_new = true;
        return cf_peer_may_write(self->peer, error);
    }
    if (status)
        return status;
    if (new)
        return cf_fail(error, CF_CHANGED,
                       "there is a collection '%s' already: --existing, or "
                       "another name with --collection",
                       self->name);
    if (!found.is_known)
        return cf_fail(error, CF_DENIED, "'%s' needs a newer program", self->name);
    const cf_binding *binding = cf_source_of_collection(self->engine, &found.id);
    if (binding)
        return cf_fail(error, CF_CHANGED, "'%s' is bound to %s on this device already", self->name,
                       binding->path);
    self->collection = found.id;
    return CF_OK;
}

/* ---- The folder ---- */

static cf_status make_missing(addition *self, cf_error *error)
{
    struct stat found;

    if (stat(self->path, &found) == 0)
        return S_ISDIR(found.st_mode) ? CF_OK
                                      : cf_fail(error, CF_USAGE, "%s is no folder", self->path);
    if (errno != ENOENT)
        return cf_fail_errno(error, errno, "%s", self->path);
    if (self->is_new)
        return cf_fail(error, CF_MISSING, "%s is not there, nor a collection '%s'", self->path,
                       self->name);
    if (mkdir(self->path, 0777))
        return cf_fail_errno(error, errno, "making %s", self->path);
    return CF_OK;
}

/* An instance id of another home, or of one that is lost, makes way: if that other home is still
 * in use, it stops by itself, since this is not the folder that it knew any more. */
static cf_status make_root(addition *self, cf_error *error)
{
    const cf_env *env = cf_loop_env(self->run->loop);
    cf_files *files = env->files;
    cf_folder *root = NULL;

    env->random(env->context, self->instance.bytes, CF_ID_SIZE);
    cf_status status = files->open_root(files, self->path, &root, error);
    if (!status)
        status = cf_root_make(files, root, &self->instance, error);
    if (status == CF_CHANGED) {
        status = cf_root_remove(files, root, error);
        if (!status)
            status = cf_root_make(files, root, &self->instance, error);
        if (!status && !self->run->quiet)
            cf_say(&self->run->output, "%s was a source of another home, and is one of this now",
                   self->path);
    }
    files->close_folder(files, &root);
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

static cf_status bind_source(addition *self, cf_error *error)
{
    cf_binding_options options = {
        .number = next_number(self->engine), .collection = self->collection, .path = self->path};
    cf_binding *binding = NULL;

    cf_status status = cf_source_choose(self->run, &self->arena, &options, error);
    if (!status)
        status = cf_binding_new(&options, &binding, error);
    if (status)
        return status;
    binding->format = self->format;
    binding->instance = self->instance;
    status = cf_binding_save(self->peer, binding, error);
    if (status) {
        cf_binding_destroy(&binding, cf_loop_env(self->run->loop)->files);
        return status;
    }
    self->binding = binding;
    status = cf_engine_take_binding(self->engine, binding, error);
    cf_loop_wake(self->run->loop);
    return status;
}

static cf_status report(addition *self, cf_error *error)
{
    const cf_output *output = &self->run->output;
    cf_comparison found;

    cf_status status = cf_engine_compare(self->engine, self->binding, &found, error);
    if (status)
        return status;
    if (self->run->json)
        cf_print_json(
            output, json_pack("{s:s, s:o, s:b, s:b, s:I, s:I, s:I, s:I}", "collection", self->name,
                              "source", cf_json_name(cf_bytes_of_text(self->path)), "new",
                              (int)self->is_new, "asked", (int)!self->unasked.status, "equal",
                              (json_int_t)found.equal, "different", (json_int_t)found.different,
                              "only_here", (json_int_t)found.only_here, "only_there",
                              (json_int_t)found.only_there));
    else
        cf_print(output,
                 "%s: %s collection at %s: %zu equal, %zu different, %zu only here, %zu "
                 "only there\n",
                 self->name, self->is_new ? "a new" : "an existing", self->path, found.equal,
                 found.different, found.only_here, found.only_there);
    return CF_OK;
}

static cf_status check_options(addition *self, cf_error *error)
{
    const cf_options *given = &self->run->options;
    cf_binding_options options = {.path = self->path};
    cf_binding *trial = NULL;

    if (cf_options_has(given, "new") && cf_options_has(given, "existing"))
        return cf_fail(error, CF_USAGE, "--new and --existing exclude each other");
    cf_status status = cf_source_choose(self->run, &self->arena, &options, error);
    if (!status)
        status = cf_binding_new(&options, &trial, error);
    if (!status)
        cf_binding_destroy(&trial, cf_loop_env(self->run->loop)->files);
    return status;
}

/* What a device that could not ask should know of what it did. */
static void say_unasked(const addition *self)
{
    const cf_output *output = &self->run->output;

    if (!self->unasked.status || self->run->quiet)
        return;
    cf_say(output, "the broker can't be asked: %s", self->unasked.text);
    if (self->is_new)
        cf_say(output,
               "if another device made a collection '%s' as well, the two become one at the next "
               "sync",
               self->name);
    else
        cf_say(output, "compared with what was known here before");
}

static cf_status add(addition *self, cf_error *error)
{
    cf_status status = check_place(self, error); /* another may have come since */

    if (!status)
        status = choose_collection(self, error);
    if (!status)
        status = make_missing(self, error);
    if (!status)
        status = make_root(self, error);
    if (!status && self->is_new)
        status = cf_catalog_make(self->peer, self->name, self->format, cf_loop_now(self->run->loop),
                                 &self->collection, error);
    if (!status)
        status = bind_source(self, error);
    if (!status)
        say_unasked(self);
    return status ? status : report(self, error);
}

static cf_status check_role(const addition *self, cf_error *error)
{
    const cf_device *device =
        cf_registry_device(cf_log_registry(self->peer->log), cf_peer_device(self->peer));

    return device && device->role == CF_ROLE_RELAY
               ? cf_fail(error, CF_DENIED,
                         "this device is a relay: it carries what others write and can't read it, "
                         "so it has no sources")
               : CF_OK;
}

static cf_status begin(addition *self, cf_error *error)
{
    cf_status status = check_role(self, error);

    if (!status)
        status = check_place(self, error);
    if (!status)
        status = choose_name(self, error);
    if (!status)
        status = check_options(self, error);
    return status ? status : cf_learning_begin(self->run, &self->learning, error);
}

static cf_status start(cf_run *run, cf_error *error)
{
    addition *self = cf_allocate(1, sizeof *self);
    cf_buffer path = {0};

    run->state = self;
    *self = (addition){
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

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    addition *self = run->state;

    if (!self->learning)
        return CF_OK;
    progress->over =
        cf_learning_over(self->learning, now_ms, &progress->deadline_ms, &self->unasked);
    if (!progress->over)
        return CF_OK;
    cf_learning_destroy(&self->learning);
    return add(self, error);
}

static void end(cf_run *run)
{
    addition *self = run->state;

    if (!self)
        return;
    cf_learning_destroy(&self->learning);
    cf_arena_release(&self->arena);
    free(self);
}

static const cf_option options[] = {
    {"collection", 0, "NAME", "which collection (else the folder's name)"},
    {"new", 0, NULL, "it must be a new collection"},
    {"existing", 0, NULL, "it must be one that exists"},
    {"format", 0, "F", "files"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    CF_SOURCE_OPTIONS,
    {0},
};

const cf_verb cf_verb_add = {
    .name = "add",
    .usage = "add SOURCE [--collection NAME] [--new|--existing] [--format F] "
             "[--base full|leaves|auto] [--mode both|send|receive] [--include PATTERN]... "
             "[--timeout T]",
    .summary = "Puts a folder under sync: a new collection, or this device's place for one that "
               "exists",
    .more = "A folder that moved is recognised, and keeps what is known of it. The broker is asked "
            "first which collections there\nare; where it can't be, --existing takes only one that "
            "is known here, and two of one name that were\nmade apart become one.",
    .needs = CF_NEEDS_PEER,
    .connects = true,
    .options = options,
    .start = start,
    .step = step,
    .end = end,
};
