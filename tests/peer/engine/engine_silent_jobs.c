/* SPDX-License-Identifier: Apache-2.0 */
/* What is under way on a disk that may hang is so little that others have workers when it does. */
#include "tests/peer/small/small_folder.h"

#include "broker/platform/jobs.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

static struct {
    cf_status (*real)(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                      cf_error *error);
    const char *path; /* of a source that others change; NULL: of none */
} remote;

static cf_status filesystem(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                            cf_error *error)
{
    const cf_status status = remote.real(files, folder, out, error);

    if (!status && remote.path &&
        strncmp(files->shown(files, folder), remote.path, strlen(remote.path)) == 0)
        out->is_remote = true;
    return status;
}

enum { COME = 40, WORKERS = 16 };

/* What was submitted and has not ended. */
static struct {
    void (*submit)(cf_jobs *jobs, cf_job *job);
    struct {
        cf_job *job;
        void (*done)(cf_job *job);
    } at[256];
    size_t count, most;
} begun;

static void end_job(cf_job *job)
{
    size_t i = 0;

    while (begun.at[i].job != job)
        i++;
    job->done = begun.at[i].done;
    begun.at[i] = begun.at[--begun.count];
    job->done(job);
}

static void submit(cf_jobs *jobs, cf_job *job)
{
    cr_assert_lt(begun.count, 256);
    begun.at[begun.count].job = job;
    begun.at[begun.count++].done = job->done;
    job->done = end_job;
    begun.most = begun.count > begun.most ? begun.count : begun.most;
    begun.submit(jobs, job);
}

static void count_jobs(small_world *w)
{
    begun.most = 0;
    begun.submit = w->env.jobs->submit;
    w->env.jobs->submit = submit;
}

static void expect_few_jobs(small_world *w, bool is_remote)
{
    w->env.jobs->submit = begun.submit;
    cr_expect(is_remote ? begun.most < WORKERS : begun.most >= COME, "%zu were under way",
              begun.most);
    cr_expect_eq(begun.count, 0);
}

static small_world *make_world(int is_remote)
{
    small_world *w = small_world_new(11, 2);

    remote.real = w->files.filesystem;
    remote.path = is_remote ? w->devices[0].folder : NULL;
    w->files.filesystem = filesystem;
    return w;
}

/* When it hangs, what is under way there does, too. */
Test(engine_silent, files_that_come_leave_others_workers_where_a_disk_may_hang)
{
    for (int is_remote = 0; is_remote < 2; is_remote++) {
        small_world *w = make_world(is_remote);
        small_device *first = &w->devices[0], *second = &w->devices[1];
        char name[16], token[64];

        user_makes(second, "in");
        for (int i = 0; i < COME; i++) {
            snprintf(name, sizeof name, "in/%d", i);
            user_writes_text(second, name, name);
        }
        cr_assert(small_device_sync(second));
        count_jobs(w);
        cr_assert(small_device_sync(first));
        expect_few_jobs(w, is_remote);
        cr_expect(small_device_token(first, "in/39", token));
        small_world_destroy(&w);
    }
}

/* Each folder is read, and synced, by a job. */
Test(engine_silent, a_look_leaves_others_workers_where_a_disk_may_hang)
{
    for (int is_remote = 0; is_remote < 2; is_remote++) {
        small_world *w = make_world(is_remote);
        small_device *first = &w->devices[0], *second = &w->devices[1];
        char name[24], token[64];

        for (int i = 0; i < COME; i++) {
            snprintf(name, sizeof name, "%d", i);
            user_makes(first, name);
            snprintf(name, sizeof name, "%d/in", i);
            user_writes_text(first, name, name);
        }
        count_jobs(w);
        cr_assert(small_device_sync(first));
        expect_few_jobs(w, is_remote);
        cr_assert(small_device_sync(second));
        cr_expect(small_device_token(second, "39/in", token));
        small_world_destroy(&w);
    }
}
