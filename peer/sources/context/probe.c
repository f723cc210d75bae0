/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/context/probe.h"

#include "broker/platform/jobs.h"
#include "codec/deadlines.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A job that may outlive its probe. */
typedef struct {
    cf_job job;
    cf_files *files;
    char *path;
    char *base_path;       /* where the copies of its base lie; NULL: in the home */
    atomic_bool asks_base; /* the disk of the source has answered */
    cf_probe *probe;       /* NULL: nobody waits for the answer */
} question;

struct cf_probe {
    const cf_env *env;
    cf_binding *binding;
    question *asked; /* NULL: none is under way */
    uint64_t asked_ms, answered_ms;
    unsigned answers; /* that came */
    char silence[CF_PROBE_TEXT];
};

cf_probe *cf_probe_new(const cf_env *env, cf_binding *binding)
{
    cf_probe *probe = cf_allocate(1, sizeof *probe);

    probe->env = env;
    probe->binding = binding;
    return probe;
}

void cf_probe_destroy(cf_probe **probe)
{
    if (!*probe)
        return;
    if ((*probe)->asked)
        (*probe)->asked->probe = NULL;
    (*probe)->binding->silence = NULL;
    (*probe)->binding->answers = false;
    free(*probe);
    *probe = NULL;
}

/* ---- The job ---- */

/* A path may be known by heart, as a share's is for a while; what its file system is like is asked
 * of whoever has the disk. That there is no folder is an answer, too, but may be known by heart as
 * well: then the next folder above is asked. */
static void ask_folder(cf_files *files, const char *path)
{
    char *at = cf_text_copy(path), *slash;
    cf_folder *folder = NULL;
    cf_filesystem system;
    cf_error ignored;

    while (files->open_root(files, at, &folder, &ignored) && (slash = strrchr(at, '/')) &&
           slash > at)
        *slash = '\0';
    if (folder)
        (void)files->filesystem(files, folder, &system, &ignored);
    files->close_folder(files, &folder);
    free(at);
}

static void ask_disk(cf_job *job)
{
    question *self = (question *)job;

    ask_folder(self->files, self->path);
    if (!self->base_path)
        return;
    atomic_store(&self->asks_base, true);
    ask_folder(self->files, self->base_path);
}

static void take_answer(cf_probe *probe)
{
    const cf_env *env = probe->env;

    probe->asked = NULL;
    probe->answers++;
    probe->answered_ms = env->now_ms(env->context);
    if (probe->binding->silence)
        cf_report(env, CF_REPORT_NOTICE, "%s: its disk answers again", probe->binding->path);
    probe->binding->silence = NULL;
}

static void answered(cf_job *job)
{
    question *self = (question *)job;

    if (self->probe)
        take_answer(self->probe);
    free(self->path);
    free(self->base_path);
    free(self);
}

/* A file is asked about by the folder in which it lies. */
static char *path_asked(const cf_binding *binding)
{
    const char *slash = strrchr(binding->path, '/');
    const bool is_file = cf_format_is_records(binding->format) && !cf_binding_is_folder(binding);
    const size_t size = is_file && slash > binding->path ? (size_t)(slash - binding->path)
                        : is_file                        ? 1
                                                         : strlen(binding->path);
    char *path = cf_allocate(size + 1, 1);

    memcpy(path, binding->path, size);
    return path;
}

static void ask(cf_probe *probe, uint64_t now_ms)
{
    const cf_env *env = probe->env;
    const char *base_path = probe->binding->place.dir;
    question *self = cf_allocate(1, sizeof *self);

    *self = (question){.job = {.work = ask_disk, .done = answered, .alone = true},
                       .files = env->files,
                       .path = path_asked(probe->binding),
                       .base_path = cf_text_copy(base_path),
                       .probe = probe};
    probe->asked = self;
    probe->asked_ms = now_ms;
    env->jobs->submit(env->jobs, &self->job);
}

/* ---- Whoever waits for it ---- */

void cf_probe_text(const cf_probe *probe, char text[CF_PROBE_TEXT])
{
    const time_t since = (time_t)(probe->asked_ms / 1000);
    char at[16];
    struct tm local;

    localtime_r(&since, &local);
    strftime(at, sizeof at, "%H:%M:%S", &local);
    snprintf(text, CF_PROBE_TEXT, "%s does not answer since %s",
             atomic_load(&probe->asked->asks_base) ? "the disk of its base" : "its disk", at);
}

static void tell_silence(cf_probe *probe)
{
    cf_probe_text(probe, probe->silence);
    probe->binding->silence = probe->silence;
    cf_report(probe->env, CF_REPORT_WARNING, "%s: %s", probe->binding->path, probe->silence);
}

static void await(cf_probe *probe, uint64_t now_ms, uint64_t *deadline)
{
    if (probe->asked_ms > now_ms) /* the clock was set back */
        probe->asked_ms = now_ms;
    const uint64_t silent_ms = probe->asked_ms + CF_PROBE_SILENT_MS;
    if (!probe->binding->silence && now_ms >= silent_ms)
        tell_silence(probe);
    if (!probe->binding->silence)
        cf_deadline_lower(deadline, silent_ms);
}

void cf_probe_rest(cf_probe *probe)
{
    probe->answered_ms = 0;
    probe->binding->answers = false;
}

static bool is_fresh(const cf_probe *probe, uint64_t now_ms)
{
    return probe->answered_ms && now_ms >= probe->answered_ms &&
           now_ms - probe->answered_ms < CF_PROBE_FRESH_MS;
}

bool cf_probe_answers(cf_probe *probe, uint64_t now_ms, uint64_t *deadline)
{
    probe->binding->answers = !probe->asked && is_fresh(probe, now_ms);
    if (probe->binding->answers)
        return true;
    if (!probe->asked)
        ask(probe, now_ms);
    await(probe, now_ms, deadline);
    return false;
}

bool cf_probe_heard(cf_probe *probe, unsigned *since, uint64_t now_ms)
{
    uint64_t ignored = UINT64_MAX;

    if (!*since)
        *since = probe->answers + 1;
    if (probe->answers >= *since)
        return true;
    if (!probe->asked)
        ask(probe, now_ms);
    await(probe, now_ms, &ignored);
    return false;
}
