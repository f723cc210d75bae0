/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/small_inside.h"

#include "broker/platform/jobs.h"
#include "broker/upkeep/lost_blobs.h"
#include "tests/peer/small/small_folder.h"
#include "tests/support/rest.h"
#include "tests/support/temporary.h"
#include "tests/support/whole_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- The outside ---- */

static void fill(void *context, void *out, size_t size)
{
    chance_fill(&((small_world *)context)->chance, out, size);
}

uint64_t small_world_time(const small_world *self)
{
    return self->now_ms + (uint64_t)self->skew_ms;
}

static uint64_t read_clock(void *context)
{
    return small_world_time(context);
}

/* Time that a test lets pass passes on both clocks; it sets back the time of day alone. */
static uint64_t read_steady_clock(void *context)
{
    small_world *self = context;

    if (self->now_ms > self->seen_ms)
        self->steady_ms += self->now_ms - self->seen_ms;
    self->seen_ms = self->now_ms;
    return self->steady_ms;
}

uint64_t small_world_steady(small_world *self)
{
    return read_steady_clock(self);
}

static void report(void *context, cf_report_level level, const char *text)
{
    (void)level;
    if (((small_world *)context)->loud)
        fprintf(stderr, "    %s\n", text);
}

/* ---- The broker ---- */

static cf_reserve room_left(void *context)
{
    const small_world *self = context;

    return self->room.whole ? self->room : (cf_reserve){.room = UINT64_MAX};
}

void small_broker_crash(small_world *self)
{
    memory_broker_stop(&self->broker);
    for (int i = 0; i < self->count; i++) {
        small_device *one = &self->devices[i];
        cf_error error;

        if (!one->session)
            continue;
        one->session = 0;
        cf_fail(&error, CF_UNREACHABLE, "the broker went away");
        cf_link_disconnected(cf_engine_link(one->engine), &error, small_world_steady(self));
        cf_outbox_destroy(&one->outbox);
        one->outbox = cf_outbox_new();
    }
    memory_broker_start(&self->broker, &self->options, self->now_ms);
}

/* ---- The world ---- */

/* Folders outlive the processes of a world: nothing has to be brought to a disk. */
static cf_status sync_file(cf_files *files, const cf_file *file, cf_error *error)
{
    (void)files, (void)file, (void)error;
    return CF_OK;
}

static cf_status sync_folder(cf_files *files, const cf_folder *folder, cf_error *error)
{
    (void)files, (void)folder, (void)error;
    return CF_OK;
}

small_world *small_world_new(uint64_t seed, int devices)
{
    small_world *self = cf_allocate(1, sizeof *self);
    uint8_t id[16];

    temporary_pattern(self->path, sizeof self->path, "counterfoil-world");
    if (!mkdtemp(self->path))
        abort();
    self->loud = getenv("WORLD_LOUD") != NULL;
    self->chance = (chance){seed};
    self->now_ms = (uint64_t)time(NULL) * 1000;
    self->files = *cf_files_posix();
    self->files.tick_ns = -INT64_C(1000000000000); /* the world's clock is not the file system's */
    self->files.sync_file = sync_file;
    self->files.sync_folder = sync_folder;
    self->env = (cf_env){.context = self,
                         .random = fill,
                         .now_ms = read_clock,
                         .steady_ms = read_steady_clock,
                         .report = report,
                         .files = &self->files,
                         .jobs = cf_jobs_inline_new(seed | 1)};
    chance_fill(&self->chance, id, sizeof id);
    self->options =
        (memory_broker_options){.env = &self->env, .room_left = room_left, .context = self};
    memory_broker_make_disks(&self->broker, id);
    memory_broker_start(&self->broker, &self->options, self->now_ms);
    self->count = devices;
    for (int i = 0; i < devices; i++)
        self->devices[i] = (small_device){.in = self, .number = i};
    small_device_bear_user(&self->devices[0]);
    for (int i = 1; i < devices; i++) {
        small_device_admit(&self->devices[0], &self->devices[i]);
        small_device_sync(&self->devices[0]);
        small_device_sync(&self->devices[i]);
    }
    for (int i = 0; i < devices; i++)
        small_device_bind_folder(&self->devices[i]);
    return self;
}

void small_world_destroy(small_world **self)
{
    small_world *w = *self;

    for (int i = 0; i < w->count; i++) {
        small_device_stop(&w->devices[i]);
        cf_outbox_destroy(&w->devices[i].outbox);
        cf_store_memory_disk_destroy(&w->devices[i].disk);
        free(w->devices[i].env.files);
    }
    memory_broker_stop(&w->broker);
    memory_broker_drop_disks(&w->broker);
    cf_jobs_destroy(&w->env.jobs);
    folder_remove(w->path);
    free(w);
    *self = NULL;
}

static bool settle_once(void *world)
{
    small_world *self = world;

    for (int i = 0; i < self->count; i++) {
        self->now_ms += 60000;
        small_device *one = &self->devices[i];

        /* A store that failed some time ago says so when it is written to. */
        if (!small_device_sync(one) && !(one->trouble && small_device_sync(one))) {
            fprintf(stderr, "world: device %d does not come to an end\n", i);
            return false;
        }
    }
    return true;
}

static void list_all(void *world, cf_buffer *out)
{
    small_world *self = world;

    for (int i = 0; i < self->count; i++)
        small_device_tree(&self->devices[i], out);
}

static uint64_t count_entries(void *world)
{
    return small_world_entries(world);
}

bool small_world_settle(small_world *self)
{
    for (int i = 0; i < self->count; i++)
        self->devices[i].offline = false;
    self->loss = 0;
    return comes_to_rest(&(resting){.world = self,
                                    .round = settle_once,
                                    .list = list_all,
                                    .entries = count_entries,
                                    .rounds = 12,
                                    .ends_at_first = true});
}

bool small_world_alike(small_world *self, void (*list)(const small_device *of, cf_buffer *out),
                       cf_buffer *difference)
{
    cf_buffer first = {0}, other = {0};
    bool alike = true;

    list(&self->devices[0], &first);
    for (int i = 1; i < self->count && alike; i++) {
        cf_buffer_clear(&other);
        list(&self->devices[i], &other);
        alike = lists_alike(cf_buffer_view(&first), 0, cf_buffer_view(&other), i, difference);
    }
    cf_buffer_release(&first);
    cf_buffer_release(&other);
    return alike;
}

static const cf_hash *user_of(const small_world *self)
{
    return cf_peer_user(cf_engine_peer(self->devices[0].engine));
}

uint64_t small_world_entries(small_world *self)
{
    return whole_log_entries(self->broker.store, user_of(self));
}

size_t small_world_blobs(small_world *self)
{
    cf_blob_usage usage;
    cf_error error;

    must(cf_blobs_usage(self->broker.blobs, user_of(self), &usage, &error), &error, "usage");
    return usage.count;
}

void small_world_loses_blobs(small_world *self)
{
    cf_lost_blobs missing = {0};
    cf_error error;

    must(self->broker.blobs->forget(self->broker.blobs, user_of(self), &error), &error,
         "forgetting");
    must(cf_lost_blobs_find(self->broker.store, self->broker.blobs, &missing, &error), &error,
         "missing");
    cf_lost_blobs_note(self->broker.users, NULL, self->broker.blobs, &missing);
    must(self->broker.store->commit(self->broker.store, &error), &error, "commit");
    cf_lost_blobs_release(&missing);
}
