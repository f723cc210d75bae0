/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/coroutine.h"
#include "broker/platform/files_posix_inside.h"
#include "codec/bytes.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <poll.h>
#include <unistd.h>

enum { PATIENCE_MS = 5, GOES_ON_MS = 50, LONG_MS = 60000, MANY = 2000 };

typedef struct {
    cf_jobs *jobs;
    cf_coroutine *coroutine;
    int calls[2]; /* a call returns when something comes here */
    size_t steps;
    bool ended;
    cf_files *files; /* NULL: it is in no file's call, but in one of its own */
    const char *folder;
} scene;

static void call(scene *self)
{
    char byte;

    cf_coroutine_leave(self->coroutine);
    cr_assert_eq(read(self->calls[0], &byte, 1), 1);
    cf_coroutine_enter(self->coroutine);
}

static void run(void *context)
{
    scene *self = context;

    self->steps++;
    call(self);
    self->steps++;
    call(self);
    self->steps++;
}

static void ended(void *context)
{
    ((scene *)context)->ended = true;
}

static void begin(scene *self, cf_jobs *jobs, void (*work)(void *context))
{
    *self = (scene){.jobs = jobs};
    cr_assert_eq(pipe(self->calls), 0);
    self->coroutine =
        cf_coroutine_new(&(cf_coroutine_options){jobs, .run = work, .ended = ended, self});
    jobs->submit(jobs, cf_coroutine_job(self->coroutine));
}

static void end(scene *self)
{
    cr_assert(self->ended);
    cf_coroutine_destroy(&self->coroutine);
    cf_jobs_destroy(&self->jobs);
    close(self->calls[0]);
    close(self->calls[1]);
}

static cf_jobs *threads(void)
{
    cf_jobs *jobs;
    cf_error error;

    cr_assert_eq(cf_jobs_threads_new(1, 1, &jobs, &error), CF_OK);
    return jobs;
}

static void answer(scene *self)
{
    cr_assert_eq(write(self->calls[1], "x", 1), 1);
}

static void expect_word(scene *self)
{
    struct pollfd word = {.fd = self->jobs->descriptor(self->jobs), .events = POLLIN};

    cr_assert_eq(poll(&word, 1, LONG_MS), 1);
}

/* Until it waits in a call, however slow the machine is. */
static void resume_until(scene *self, size_t steps)
{
    while (!cf_coroutine_resume(self->coroutine, PATIENCE_MS) && self->steps < steps)
        ;
    cr_assert_eq(self->steps, steps);
}

Test(coroutine, owner_goes_on_during_a_call_and_it_only_when_he_waits)
{
    scene s;

    begin(&s, threads(), run);
    resume_until(&s, 1);
    for (int i = 0; i < MANY; i++) /* none waits again for the same call */
        cr_assert_not(cf_coroutine_resume(s.coroutine, LONG_MS));
    answer(&s);
    expect_word(&s);
    poll(NULL, 0, GOES_ON_MS);
    cr_expect_eq(s.steps, 1, "it went on beside its owner");
    cr_expect_eq(s.jobs->deliver(s.jobs), 0);
    cr_expect_not(s.ended);
    resume_until(&s, 2);
    answer(&s);
    cr_assert(cf_coroutine_resume(s.coroutine, CF_COROUTINE_FOREVER));
    cr_expect_eq(s.steps, 3);
    cr_expect_not(s.ended, "from within a call of its owner's");
    while (!s.ended)
        cf_jobs_await(s.jobs);
    end(&s);
}

Test(coroutine, word_is_taken_with_what_is_delivered)
{
    scene s;
    struct pollfd word = {.events = POLLIN};

    begin(&s, threads(), run);
    resume_until(&s, 1);
    answer(&s);
    expect_word(&s);
    s.jobs->deliver(s.jobs);
    word.fd = s.jobs->descriptor(s.jobs);
    cr_expect_eq(poll(&word, 1, 0), 0, "its owner would never rest");
    answer(&s);
    cr_assert(cf_coroutine_resume(s.coroutine, CF_COROUTINE_FOREVER));
    while (!s.ended)
        cf_jobs_await(s.jobs);
    end(&s);
}

Test(coroutine, runs_as_a_job_where_there_are_no_threads)
{
    scene s;

    begin(&s, cf_jobs_inline_new(0), run);
    answer(&s);
    answer(&s);
    cr_expect_not(cf_coroutine_resume(s.coroutine, CF_COROUTINE_FOREVER));
    cr_expect_eq(s.steps, 0);
    cr_expect_eq(s.jobs->deliver(s.jobs), 1);
    cr_expect_eq(s.steps, 3);
    end(&s);
}

/* ---- Files ---- */

static struct {
    cf_files files;
    scene *scene;
    size_t stats, syncs;
} slow;

static cf_status sync_folder(cf_files *files, const cf_folder *folder, cf_error *error)
{
    (void)files;
    slow.syncs++;
    return cf_files_posix()->sync_folder(cf_files_posix(), folder, error);
}

static cf_status sync_file(cf_files *files, const cf_file *file, cf_error *error)
{
    (void)files;
    slow.syncs++;
    return cf_files_posix()->sync_file(cf_files_posix(), file, error);
}

/* A disk that takes its time for each answer. */
static cf_status stat_slowly(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                             cf_error *error)
{
    char byte;

    slow.stats++;
    cr_assert_eq(read(slow.scene->calls[0], &byte, 1), 1);
    return cf_files_posix()->stat(files, folder, name, out, error);
}

static void use_files(void *context)
{
    scene *self = context;
    cf_files *files = cf_coroutine_files(self->coroutine, &slow.files);
    cf_folder *folder = NULL;
    cf_file *file;
    cf_stat there;
    cf_error error;

    cr_assert_eq(slow.files.open_root(&slow.files, self->folder, &folder, &error), CF_OK);
    cr_assert_eq(files->make_folder(files, folder, cf_bytes_of_text("a"), 0700, &error), CF_OK);
    self->steps++;
    cr_assert_eq(files->stat(files, folder, cf_bytes_of_text("a"), &there, &error), CF_OK);
    cr_assert_eq(there.kind, CF_FILE_FOLDER);
    self->steps++;
    cr_assert_eq(files->stat(files, folder, cf_bytes_of_text("b"), &there, &error), CF_MISSING);
    cr_assert_eq(
        files->rename(files, folder, cf_bytes_of_text("a"), folder, cf_bytes_of_text("b"), &error),
        CF_OK);
    cr_assert_eq(files->remove_folder(files, folder, cf_bytes_of_text("b"), &error), CF_OK);
    cr_assert_eq(files->create_file(files, folder, cf_bytes_of_text("c"), 0600, &file, &error),
                 CF_OK);
    cr_assert_eq(files->sync_file(files, file, &error), CF_OK);
    files->sync_files(files, &(cf_file_sync){.file = file}, 1);
    files->close_file(files, &file);
    cr_assert_eq(files->sync_folder(files, folder, &error), CF_OK);
    self->steps++;
    files->close_folder(files, &folder);
}

Test(coroutine, calls_of_files_are_made_away)
{
    scratch *disk = scratch_new();
    scene s;

    slow.files = *cf_files_posix();
    slow.files.stat = stat_slowly;
    slow.files.sync_folder = sync_folder;
    slow.files.sync_file = sync_file;
    slow.files.sync_files = cf_files_sync_each;
    slow.scene = &s;
    begin(&s, threads(), use_files);
    s.folder = disk->path;
    resume_until(&s, 1);
    cr_expect_not(cf_coroutine_resume(s.coroutine, PATIENCE_MS));
    answer(&s);
    expect_word(&s);
    cr_expect_eq(s.steps, 1);
    resume_until(&s, 2);
    answer(&s);
    cr_assert(cf_coroutine_resume(s.coroutine, CF_COROUTINE_FOREVER));
    cr_expect_eq(s.steps, 3);
    cr_expect_eq(slow.stats, 2);
    cr_expect_eq(slow.syncs, 3);
    while (!s.ended)
        cf_jobs_await(s.jobs);
    end(&s);
    scratch_destroy(&disk);
}

/* ---- A disk that is slow, and doesn't hang ---- */

enum { SHORT_CALLS = 2000 };

static void call_often(void *context)
{
    scene *self = context;

    for (int i = 0; i < SHORT_CALLS; i++) {
        cf_coroutine_leave(self->coroutine);
        usleep(1000);
        cf_coroutine_enter(self->coroutine);
        self->steps++;
    }
}

/* Each call is shorter than the owner's patience, and all of them are much longer. */
Test(coroutine, owner_goes_on_between_many_short_calls)
{
    size_t turns = 0;
    scene s;

    begin(&s, threads(), call_often);
    for (; !cf_coroutine_resume(s.coroutine, 20); turns++)
        expect_word(&s);
    while (!s.ended)
        s.jobs->deliver(s.jobs);
    cr_expect_eq(s.steps, SHORT_CALLS);
    cr_expect_gt(turns, 10, "he was kept: %zu", turns);
    end(&s);
}
