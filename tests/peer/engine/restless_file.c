/* SPDX-License-Identifier: Apache-2.0 */
/* A file that a program changes each time when it is read: what the other device gets is what the
 * file was at one moment, and in the end what it is. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_inside.h"

#include "codec/clock.h"
#include "codec/content.h"
#include "codec/limits.h"
#include "peer/transfer/upload_delta.h"
#include "tests/support/expect.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZES = 3, SMALLEST = 100000, TIMES = 2, SECONDS_MS = 1000, LINE = 32 };

/* The short form leaves out the last: the largest file, and the second time. */
static int some(int count)
{
    return getenv("CF_ALL_CASES") ? count : count - 1;
}

/* ---- Who writes ---- */

static struct {
    char path[PATH_MAX];
    void (*write)(int file, uint64_t size);
    uint64_t reads;
    uint8_t turn;
    cf_status (*read_at)(cf_files *files, const cf_file *file, uint64_t offset, void *into,
                         size_t size, size_t *got, cf_error *error);
} program;

/* In whatever thread. */
static void end_unless(bool works)
{
    if (!works)
        abort();
}

static void works(void)
{
    struct stat stat;
    int file = open(program.path, O_RDWR | O_CLOEXEC);

    end_unless(fstat(file, &stat) == 0);
    program.write(file, (uint64_t)stat.st_size);
    close(file);
}

static cf_status read_and_work(cf_files *files, const cf_file *file, uint64_t offset, void *into,
                               size_t size, size_t *got, cf_error *error)
{
    struct stat named;
    cf_stat stat;

    cf_status status = program.read_at(files, file, offset, into, size, got, error);
    end_unless(files->stat_file(files, file, &stat, error) == CF_OK);
    if (program.write && lstat(program.path, &named) == 0 && named.st_ino == stat.inode) {
        program.reads++;
        works();
    }
    return status;
}

static void starts(small_device *self, void (*write)(int file, uint64_t size))
{
    snprintf(program.path, sizeof program.path, "%s/log", self->folder);
    program.write = write;
    program.reads = 0;
    program.turn = 0;
    if (self->env.files->read_at != read_and_work)
        program.read_at = self->env.files->read_at;
    self->env.files->read_at = read_and_work;
}

static void ends(void)
{
    program.write = NULL;
}

/* Not while each line that came is read. */
static void append(int file, uint64_t size)
{
    char line[LINE + 1];

    if (program.reads % 3)
        return;
    snprintf(line, sizeof line, "line %*llu\n", LINE - 6, (unsigned long long)size);
    end_unless(pwrite(file, line, LINE, (off_t)size) == LINE);
}

/* Front and end are one transaction. */
static void overwrite(int file, uint64_t size)
{
    program.turn++;
    end_unless(pwrite(file, &program.turn, 1, 0) == 1);
    end_unless(pwrite(file, &program.turn, 1, (off_t)size - 1) == 1);
}

/* ---- What comes of it ---- */

static cf_buffer contents(const small_device *self)
{
    cf_buffer bytes = {0};

    cr_assert(user_reads(self, "log", &bytes));
    return bytes;
}

static small_world *with_log(uint64_t seed, size_t size)
{
    small_world *w = small_world_new(seed, 2);
    cf_buffer bytes = small_world_noise(w, size);

    bytes.data[0] = bytes.data[size - 1] = 0;
    user_writes(&w->devices[0], "log", bytes.data, bytes.size);
    settles_equal(w);
    small_device_serves(&w->devices[0]);
    small_device_passes(&w->devices[0], SECONDS_MS);
    cf_buffer_release(&bytes);
    return w;
}

static void passes(small_world *w, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        small_device_passes(&w->devices[0], SECONDS_MS);
        cr_assert(small_device_sync(&w->devices[1]));
        expect_nothing_pending(&w->devices[1]); /* what came could be put together */
    }
}

static void expect_last(small_world *w)
{
    ends();
    passes(w, 5);
    cf_buffer bytes = contents(&w->devices[0]);
    cr_expect(holds_bytes(&w->devices[1], "log", cf_buffer_view(&bytes)), "the last state");
    cf_buffer_release(&bytes);
}

Test(restless_file, is_followed_where_it_is_only_appended_to, .timeout = 120)
{
    size_t size = SMALLEST;

    for (int i = 0; i < some(SIZES); i++, size *= 6) {
        small_world *w = with_log(91 + (uint64_t)i, size);
        size_t last = size;

        starts(&w->devices[0], append);
        works();
        for (int k = 0; k < TIMES; k++) {
            passes(w, 10);
            cf_buffer here = contents(&w->devices[0]), there = contents(&w->devices[1]);
            cr_expect_gt(there.size, last, "%zu, %d", size, k);
            cr_expect_leq(there.size, here.size);
            cr_expect_eq(memcmp(here.data, there.data, there.size), 0);
            last = there.size;
            cf_buffer_release(&here);
            cf_buffer_release(&there);
        }
        expect_last(w);
        small_world_destroy(&w);
    }
}

Test(restless_file, is_never_a_mixture_where_it_is_overwritten, .timeout = 120)
{
    small_world *w = with_log(95, SMALLEST * 20);

    starts(&w->devices[0], overwrite);
    works();
    for (int i = 0; i < some(TIMES); i++) {
        passes(w, 30);
        cf_buffer there = contents(&w->devices[1]);
        cr_expect_eq(there.data[0], there.data[there.size - 1]);
        cf_buffer_release(&there);
    }
    cr_expect_gt(program.reads, TIMES);
    cr_expect_gt(small_device_pending(&w->devices[0], cf_engine_binding_at(w->devices[0].engine, 0),
                                      CF_PENDING_WAITS),
                 0, "it is told");
    expect_last(w);
    small_world_destroy(&w);
}

/* ---- A program that keeps it open ---- */

static struct {
    ino_t inode;
    int64_t ctime_ns; /* by the world's clock */
    cf_status (*stat_file)(cf_files *files, const cf_file *file, cf_stat *out, cf_error *error);
} held;

static cf_status stat_held(cf_files *files, const cf_file *file, cf_stat *out, cf_error *error)
{
    cf_status status = held.stat_file(files, file, out, error);

    if (!status && out->inode == held.inode)
        out->ctime_ns = held.ctime_ns;
    return status;
}

/* It is all another one each second, and small: one reading is as good as the other. */
static void save_each_second(small_world *w, int file, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        held.ctime_ns = cf_ns_of_ms(w->now_ms);
        cr_assert_eq(pwrite(file, &(uint64_t){w->now_ms}, 8, 0), 8);
        passes(w, 1);
    }
}

static bool holds_time(const small_world *w, uint64_t least_ms)
{
    cf_buffer there = contents(&w->devices[1]);
    uint64_t time_ms;

    memcpy(&time_ms, there.data, sizeof time_ms);
    cf_buffer_release(&there);
    return time_ms >= least_ms && time_ms <= w->now_ms;
}

Test(restless_file, is_sent_each_minute_where_it_stays_open, .timeout = 120)
{
    small_world *w = with_log(96, 1000);
    small_device *a = &w->devices[0];
    struct stat stat;

    starts(a, NULL);
    int file = open(program.path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(fstat(file, &stat), 0);
    held.inode = stat.st_ino;
    held.stat_file = a->env.files->stat_file;
    a->env.files->stat_file = stat_held;
    uint64_t began_ms = w->now_ms;
    save_each_second(w, file, 50);
    cr_expect_not(holds_time(w, began_ms), "it may be in the midst of something");
    for (int i = 0; i < TIMES; i++) {
        save_each_second(w, file, 70);
        cr_expect(holds_time(w, w->now_ms - 75 * SECONDS_MS), "%d", i);
    }
    close(file);
    expect_last(w);
    small_world_destroy(&w);
}

/* ---- A patch ---- */

static cf_status make_patch(small_device *self, const cf_buffer *bytes)
{
    cf_buffer leaves = {0}, before = {0};
    cf_content_hasher *hasher = cf_content_hasher_new(&before);
    cf_peer *peer = cf_engine_peer(self->engine);
    uint64_t size;
    cf_error error;

    cf_content_hasher_update(hasher, cf_bytes_of(bytes->data, SMALLEST));
    cf_delta_job_options options = {
        .peer = peer,
        .binding = cf_engine_binding_at(self->engine, 0),
        .folder = CF_NODE_ROOT,
        .name = cf_bytes_of_text("log"),
        .size = bytes->size,
        .before = cf_content_hasher_finish(hasher, &size),
        .before_size = SMALLEST,
        .before_leaves = cf_buffer_view(&before),
    };
    cf_content_hasher_destroy(&hasher);
    hasher = cf_content_hasher_new(&leaves);
    cf_content_hasher_update(hasher, cf_buffer_view(bytes));
    cf_content_hasher_finish(hasher, &size);
    cf_content_hasher_destroy(&hasher);
    options.leaves = cf_buffer_view(&leaves);
    cf_delta_job *job = cf_delta_job_start(&options, &error);
    cr_assert_not_null(job);
    while (!cf_delta_job_over(job))
        peer->env->jobs->deliver(peer->env->jobs);
    cf_status status = cf_delta_job_result(job, &size, &error);
    cf_delta_job_destroy(&job);
    cf_buffer_release(&leaves);
    cf_buffer_release(&before);
    return status;
}

/* Which is of what was read, or is none. */
Test(restless_file, has_no_patch_made_from_what_it_is_by_then)
{
    small_world *w = with_log(97, SMALLEST);
    small_device *a = &w->devices[0];
    cf_buffer bytes = contents(a);

    cf_buffer_append(&bytes, "a line", 6);
    user_writes(a, "log", bytes.data, bytes.size);
    cr_expect_eq(make_patch(a, &bytes), CF_OK);
    bytes.data[SMALLEST - 1] ^= 1;
    user_writes(a, "log", bytes.data, bytes.size);
    bytes.data[SMALLEST - 1] ^= 1;
    cr_expect_eq(make_patch(a, &bytes), CF_CHANGED);
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}
