/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/disk_answers.h"

#include "broker/platform/jobs.h"
#include "peer/commands/sources.h"
#include "peer/sources/context/probe.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_MS = 250 };

/* ---- A place that is no source ---- */

/* Asked in the stead of a source. */
typedef struct {
    cf_env env;
    cf_binding binding;
    cf_probe *probe;
} stand_in;

/* Who asks says it. */
static void report_nothing(void *context, cf_report_level level, const char *text)
{
    (void)context;
    (void)level;
    (void)text;
}

static stand_in *stand_in_new(const cf_env *env, cf_jobs *jobs, const char *path)
{
    stand_in *self = cf_allocate(1, sizeof *self);

    self->env = *env;
    self->env.jobs = jobs;
    self->env.report = report_nothing;
    self->binding.path = cf_text_copy(path);
    self->probe = cf_probe_new(&self->env, &self->binding);
    return self;
}

static void stand_in_destroy(stand_in **self)
{
    if (!*self)
        return;
    cf_probe_destroy(&(*self)->probe);
    free((*self)->binding.path);
    free(*self);
    *self = NULL;
}

/* ---- One that is asked ---- */

static cf_status refuse(const char *path, const char *silence, cf_error *error)
{
    return cf_fail(error, CF_IO, "%s: %s: nothing was begun there", path, silence);
}

/* `*heard` becomes true when its disk has answered, or counts as silent. CF_IO: not in time. */
static cf_status hear(const cf_binding *binding, cf_probe *probe, unsigned *since, uint64_t time_ms,
                      bool is_late, bool *heard, cf_error *error)
{
    char text[CF_PROBE_TEXT];

    *heard = binding->silence || cf_probe_heard(probe, since, time_ms) || binding->silence;
    if (*heard || !is_late)
        return CF_OK;
    cf_probe_text(probe, text);
    return refuse(binding->path, text, error);
}

/* ---- Before a verb ---- */

/* What is meant by an argument; what is silent there, is an error where that is wanted. */
typedef struct {
    bool is_source;      /* not only a path */
    bool refuses_place;  /* in a source that is silent */
    bool refuses_source; /* that is silent */
} meaning;

typedef struct {
    size_t at;   /* of the arguments; */
    char *path;  /* of that one, as it was typed */
    char *found; /* path of the source that it means; NULL: none, or not known as yet */
    bool is_place_heard;
    stand_in *place; /* NULL: it lies in a source */
    unsigned since;
    uint64_t give_up_ms;
} waiting;

static cf_status begin(cf_run *run, uint64_t now_ms, cf_error *error)
{
    waiting *self = run->waiting = cf_allocate(1, sizeof *self);
    uint64_t patience_ms = 0;
    cf_error ignored;

    cf_status status = cf_run_patience(run, &patience_ms, error);
    self->give_up_ms = patience_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + patience_ms;
    if (!status && run->options.argument_count && !cf_loop_engine(run->loop))
        (void)cf_loop_open_engine(run->loop, &ignored); /* there may be none of a damaged home */
    return status;
}

static void begin_argument(const cf_run *run, waiting *self)
{
    cf_buffer path = {0};

    cf_run_typed_path(run, run->options.arguments[self->at], &path);
    self->path = cf_text_copy((const char *)path.data);
    cf_buffer_release(&path);
}

static void end_argument(waiting *self)
{
    free(self->path);
    free(self->found);
    stand_in_destroy(&self->place);
    self->path = self->found = NULL;
    self->is_place_heard = false;
    self->since = 0;
}

static cf_binding *source_around(cf_engine *engine, const char *path)
{
    for (size_t i = 0; engine && i < cf_engine_binding_count(engine); i++)
        if (cf_path_is_in(path, cf_engine_binding_at(engine, i)->path))
            return cf_engine_binding_at(engine, i);
    return NULL;
}

static cf_status hear_source(const cf_run *run, waiting *self, const cf_binding *binding,
                             bool refuses, bool is_late, bool *heard, cf_error *error)
{
    cf_probe *probe = cf_engine_probe(cf_loop_engine(run->loop), binding);
    cf_status status =
        hear(binding, probe, &self->since, cf_loop_time(run->loop), is_late, heard, error);

    return !status && refuses && binding->silence ? refuse(binding->path, binding->silence, error)
                                                  : status;
}

static cf_status hear_place(const cf_run *run, waiting *self, const meaning *meant, bool is_late,
                            cf_error *error)
{
    const cf_env *env = cf_loop_env(run->loop);
    const cf_binding *around = source_around(cf_loop_engine(run->loop), self->path);
    bool *heard = &self->is_place_heard;

    if (around)
        return hear_source(run, self, around, meant->refuses_place, is_late, heard, error);
    if (!self->place)
        self->place = stand_in_new(env, env->jobs, self->path);
    cf_status status = hear(&self->place->binding, self->place->probe, &self->since,
                            cf_loop_time(run->loop), is_late, heard, error);
    const char *silence = self->place->binding.silence;
    return !status && silence ? refuse(self->path, silence, error) : status;
}

/* Now its path may be resolved. The verb says why, where none is meant. */
static void find_source(const cf_run *run, waiting *self)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_binding *binding = NULL;
    cf_error ignored;

    if (!engine || cf_source_wanted(run, run->options.arguments[self->at], &binding, &ignored))
        return;
    self->found = cf_text_copy(binding->path);
    if (binding != source_around(engine, self->path))
        self->since = 0;
}

static cf_status hear_argument(const cf_run *run, waiting *self, const meaning *meant, bool is_late,
                               bool *heard, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_status status = CF_OK;

    *heard = false;
    if (!self->is_place_heard) {
        status = hear_place(run, self, meant, is_late, error);
        if (status || !self->is_place_heard)
            return status;
        if (meant->is_source)
            find_source(run, self);
    }
    const cf_binding *source = self->found && engine ? cf_source_at(engine, self->found) : NULL;
    if (source)
        return hear_source(run, self, source, meant->refuses_source, is_late, heard, error);
    *heard = true;
    return CF_OK;
}

static cf_status step(cf_run *run, uint64_t now_ms, const meaning *meant, cf_progress *progress,
                      cf_error *error)
{
    cf_status status = run->waiting ? CF_OK : begin(run, now_ms, error);
    waiting *self = run->waiting;

    for (bool heard = true; !status && heard && self->at < run->options.argument_count;) {
        if (!self->path)
            begin_argument(run, self);
        status = hear_argument(run, self, meant, now_ms >= self->give_up_ms, &heard, error);
        if (!status && heard) {
            end_argument(self);
            self->at++;
        }
    }
    progress->over = self->at == run->options.argument_count;
    progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
    return status;
}

static void end(cf_run *run)
{
    waiting *self = run->waiting;

    if (!self)
        return;
    end_argument(self);
    free(self);
    run->waiting = NULL;
}

static cf_status await_source(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    return step(run, now_ms, &(meaning){.is_source = true, .refuses_source = true}, progress,
                error);
}

static cf_status await_source_or_silence(cf_run *run, uint64_t now_ms, cf_progress *progress,
                                         cf_error *error)
{
    return step(run, now_ms, &(meaning){.is_source = true}, progress, error);
}

static cf_status await_paths(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    return step(run, now_ms, &(meaning){0}, progress, error);
}

static cf_status await_place(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    return step(run, now_ms, &(meaning){.refuses_place = true}, progress, error);
}

const cf_prerequisite cf_disk_answers_source = {await_source, end};
const cf_prerequisite cf_disk_answers_source_or_silence = {await_source_or_silence, end};
const cf_prerequisite cf_disk_answers_paths = {await_paths, end};
const cf_prerequisite cf_disk_answers_place = {await_place, end};

/* ---- Where it was typed ---- */

static cf_status hear_here(stand_in *asked, cf_jobs *jobs, uint64_t patience_ms, cf_error *error)
{
    const uint64_t since_ms = cf_env_steady_ms(&asked->env);
    cf_status status = CF_OK;
    unsigned since = 0;

    for (bool heard = false; !status && !heard;) {
        const bool is_late = cf_env_steady_ms(&asked->env) - since_ms >= patience_ms;

        jobs->deliver(jobs);
        status = hear(&asked->binding, asked->probe, &since, cf_env_now_ms(&asked->env), is_late,
                      &heard, error);
        if (!status && !heard)
            poll(&(struct pollfd){.fd = jobs->descriptor(jobs), .events = POLLIN}, 1,
                 LOOK_AGAIN_MS);
    }
    const char *silence = asked->binding.silence;
    return !status && silence ? refuse(asked->binding.path, silence, error) : status;
}

cf_status cf_disk_answers_here(const cf_run *run, const char *path, cf_error *error)
{
    cf_buffer typed = {0};
    cf_jobs *jobs = NULL;
    uint64_t patience_ms;

    cf_status status = cf_run_patience(run, &patience_ms, error);
    if (!status)
        status = cf_jobs_threads_new(1, 1, &jobs, error);
    if (status)
        return status;
    cf_run_typed_path(run, path, &typed);
    stand_in *asked = stand_in_new(run->env, jobs, (const char *)typed.data);
    status = hear_here(asked, jobs, patience_ms, error);
    stand_in_destroy(&asked);
    cf_jobs_destroy(&jobs);
    cf_buffer_release(&typed);
    return status;
}
