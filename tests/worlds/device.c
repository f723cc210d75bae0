/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/inside.h"

#include "tests/support/bound_source.h"
#include "tests/support/first_entries.h"
#include "tests/worlds/asking.h"
#include "tests/worlds/disk_users.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- The outside ---- */

static void fill(void *context, void *out, size_t size)
{
    chance_fill(&((device *)context)->chance, out, size);
}

uint64_t device_now(const device *self)
{
    return self->in->now_ms + (uint64_t)self->skew_ms;
}

void device_set_clock(device *self, int64_t skew_ms)
{
    self->skew_ms = skew_ms;
    self->clock_ms = device_now(self);
}

static uint64_t read_clock(void *context)
{
    return device_now(context);
}

static uint64_t read_steady_clock(void *context)
{
    return ((device *)context)->in->now_ms;
}

static void report(void *context, cf_report_level level, const char *text)
{
    device *self = context;

    (void)level;
    world_tell(self->in, "device %d says: %s", self->number, text);
}

cf_peer *device_peer(device *self)
{
    return cf_engine_peer(self->engine);
}

/* ---- Its process ---- */

static void open_home(device *self)
{
    self->env.jobs = cf_jobs_inline_new(chance_next(&self->chance) | 1);
    self->home = faulty_home(&self->env, self->home_path, self->disk, &self->faults);
}

static void start(device *self)
{
    cf_error error;

    must(cf_engine_open(&(cf_engine_options){&self->env, self->home, false}, device_now(self),
                        &self->engine, &error),
         &error, "engine");
    self->broker_number = UINT64_MAX;
    device_connect(self);
}

/* From now on nothing that this process does has an effect. */
static void kill_process(device *self)
{
    self->faults = (disk_faults){.calls = self->faults.calls, .at = 1, .status = CF_IO};
    cf_store_memory_disk_fail(self->disk, CF_IO);
    cf_jobs_inline_hang(self->env.jobs, NULL, NULL);
}

static void stop(device *self)
{
    device_end_round(self);
    if (self->station.outbox)
        station_close(&self->station);
    if (self->is_hanging && self->is_share)
        kill_process(self);
    cf_engine_close(&self->engine);
    cf_home_close(&self->home);
    cf_jobs_destroy(&self->env.jobs);
}

void device_mend(device *self)
{
    self->faults = (disk_faults){.calls = self->faults.calls};
    cf_store_memory_disk_fail(self->disk, CF_OK);
    disk_set_rates(self->drive, NULL);
    disk_set_capacity(self->drive, 0);
}

void device_restart(device *self, device_end how)
{
    world_tell(self->in, "device %d: ends %s", self->number,
               how == END_CALMLY   ? "calmly"
               : how == END_KILLED ? "by a kill"
                                   : "by a power cut");
    if (self->is_hanging && self->is_share)
        how = END_KILLED; /* by its watchdog: it waits for what it puts there */
    if (how != END_CALMLY)
        kill_process(self);
    if (how == END_POWER_CUT)
        disk_crash(self->drive);
    stop(self);
    device_mend(self);
    self->claims = self->is_hanging = false;
    self->is_unsure |= how != END_CALMLY;
    open_home(self);
    start(self);
}

int world_broker_at(const world *self, const char *line)
{
    cf_address address;
    cf_error ignored;

    if (cf_address_read(line, &address, &ignored))
        return -1;
    for (int i = 0; i < self->broker_count; i++)
        if (memcmp(address.key, self->brokers[i].address.key, sizeof address.key) == 0)
            return i;
    return -1;
}

void device_connect(device *self)
{
    cf_link *link = cf_engine_link(self->engine);
    cf_buffer line = {0};
    cf_error error;

    if (!link || self->broker_number == cf_engine_broker_number(self->engine))
        return;
    if (self->station.outbox)
        station_close(&self->station);
    must(cf_home_get(self->home, CF_HOME_BROKER, &line, &error), &error, "broker");
    cf_buffer_append(&line, "", 1);
    station_open(&self->station, self, link, cf_keys_public(device_peer(self)->keys)->curve,
                 world_broker_at(self->in, (const char *)line.data));
    cf_buffer_release(&line);
    self->broker_number = cf_engine_broker_number(self->engine);
    cf_link_start(link);
}

cf_status device_set_broker(device *self, const char *line, cf_error *error)
{
    cf_status status = cf_home_set(self->home, CF_HOME_BROKER, cf_bytes_of_text(line), error);

    return status || !self->engine ? status : cf_engine_use_broker(self->engine, error);
}

bool device_turn(device *self, uint64_t *deadline)
{
    uint64_t at_ms = UINT64_MAX, now_ms = device_now(self);
    cf_error error;

    bool moved = self->env.jobs->deliver(self->env.jobs) > 0;
    if (cf_engine_step(self->engine, now_ms, &at_ms, &error)) {
        world_tell(self->in, "device %d can't go on: %s", self->number, error.text);
        self->in_trouble = true;
        device_restart(self, END_KILLED);
        return true;
    }
    device_connect(self);
    if (self->station.outbox)
        moved |= station_pump(&self->station, &at_ms);
    if (at_ms <= now_ms)
        moved = true;
    else if (at_ms != UINT64_MAX && at_ms - now_ms < *deadline - self->in->now_ms)
        *deadline = self->in->now_ms + (at_ms - now_ms);
    return moved;
}

/* ---- Rounds ---- */

void device_begin_round(device *self, const world_round *round)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC};

    if (!round->guarded)
        options.word = cf_delete_word_all();
    self->in_trouble = false;
    self->touched = false;
    self->claims = self->is_bereft = self->is_held_up = false;
    cf_buffer_clear(&self->bereft);
    self->round = cf_round_begin(self->engine, &options);
}

void device_end_round(device *self)
{
    cf_round_end(&self->round);
}

static void append_pending(const cf_binding_status *source, cf_buffer *why)
{
    if (source->trouble)
        cf_buffer_append_text(why, "; %s", source->trouble_text);
    for (size_t i = 0; i < source->pending_count; i++)
        cf_buffer_append_text(why, "; %.*s: %s", (int)source->pending[i].path.size,
                              (const char *)source->pending[i].path.data,
                              source->pending[i].reason);
}

bool device_waits_for(const cf_pending *one)
{
    return one->kind != CF_PENDING_LEFT_OUT;
}

bool device_status_is_clean(device *self, cf_buffer *why)
{
    cf_arena arena = {0};
    cf_broker_status home;

    cf_engine_broker_status(self->engine, &home);
    size_t count = cf_engine_binding_count(self->engine);
    bool clean = count && !home.unsent && !home.refused;
    cf_buffer_append_text(why, "%s%s; %zu unsent", home.connected ? "connected" : home.text,
                          home.delay, home.unsent);
    for (size_t i = 0; i < count; i++) {
        cf_binding_status source;

        cf_engine_status(self->engine, cf_engine_binding_at(self->engine, i), &arena, &source);
        clean &= !source.trouble;
        for (size_t k = 0; k < source.pending_count; k++)
            clean &= !device_waits_for(&source.pending[k]);
        append_pending(&source, why);
    }
    cf_arena_release(&arena);
    return clean;
}

/* ---- Birth ---- */

/* Of one user's disks every fourth takes no flags of rename, half of those no hard links either;
 * every third has other numbers when it is mounted anew, half of them keep times to seconds, and
 * every fourth is a share. In some worlds half of them keep no modes. */
static void draw_lacks(const world *in, disk_options *options)
{
    static const int64_t step_s[] = {0, 0, 1, 2};

    options->flags_never = options->seed % 4 == 0;
    options->hard_links_never = options->seed % 8 == 0;
    if (!in->plan.lessens)
        return;
    options->renumbers = options->seed / 8 % 3 == 0;
    options->tells_numbers = !options->births_unknown || options->seed / 32 % 2;
    options->step_ns = step_s[options->seed / 128 % 4] * INT64_C(1000000000);
    options->modes_never = in->modes_vary && options->seed / 512 % 2;
    options->is_remote = options->seed / 1024 % 4 == 0;
}

static void make_home(device *self)
{
    uint8_t id[16];
    disk_options options = {
        .seed = chance_next(&self->chance),
        .now_ms = &self->clock_ms,
        .names_follow_files = chance_one_in(&self->chance, 2),
        .births_unknown = chance_one_in(&self->chance, 8),
        .clones_never = chance_one_in(&self->chance, 2),
    };

    draw_lacks(self->in, &options);
    self->is_share = options.is_remote;
    strcpy(self->home_path, "/home");
    strcpy(self->folder, "/things");
    self->drive = disk_new(&options);
    disk_make_folder(self->drive, self->home_path);
    if (chance_one_in(&self->chance, 2))
        disk_mount(self->drive, self->folder);
    else
        disk_make_folder(self->drive, self->folder);
    fill(self, id, sizeof id);
    self->disk = cf_store_memory_disk_new(id);
    self->env = (cf_env){.context = self,
                         .random = fill,
                         .now_ms = read_clock,
                         .steady_ms = read_steady_clock,
                         .report = report};
    self->env.files = faulty_files_new(disk_files(self->drive), &self->faults);
    open_home(self);
}

void device_bear_user(device *self)
{
    world *in = self->in;
    cf_error error;

    make_home(self);
    must(cf_birth_user(&(cf_birth){&self->env, self->home, "desk", device_now(self)}, in->phrase,
                       &error),
         &error, "birth");
    must(device_set_broker(self, in->brokers[0].line, &error), &error, "broker");
    must(first_entries_bring(self->home, in->brokers[0].broker.users, in->brokers[0].broker.store,
                             &error),
         &error, "first entries");
    start(self);
}

void device_admit(device *owner, device *self)
{
    cf_error error;

    make_home(self);
    first_entries_admit(device_peer(owner), device_now(owner),
                        &(cf_birth){&self->env, self->home, "lap", device_now(self)});
    must(device_set_broker(self, self->in->brokers[self->in->home].line, &error), &error, "broker");
    start(self);
}

void device_bind_folder(device *self)
{
    cf_id instance;

    self->in->collection = collection_named(self->engine, "things");
    fill(self, instance.bytes, CF_ID_SIZE);
    bind_source(self->engine, &(bound_source){.options = {.number = 1,
                                                          .collection = self->in->collection,
                                                          .path = self->folder},
                                              .instance = &instance,
                                              .files = self->env.files});
}

void device_destroy(device *self)
{
    stop(self);
    asking_forget(self);
    free(self->known);
    cf_buffer_release(&self->bereft);
    cf_buffer_release(&self->instead);
    free(self->env.files);
    cf_store_memory_disk_destroy(&self->disk);
    cf_store_memory_disk_destroy(&self->old_disk);
    disk_image_destroy(&self->old_drive);
    disk_destroy(&self->drive);
}

/* ---- Copies of it ---- */

void device_copy(device *self)
{
    disk_image_destroy(&self->old_drive);
    cf_store_memory_disk_destroy(&self->old_disk);
    disk_sync(self->drive);
    self->old_drive = disk_snapshot(self->drive);
    self->old_disk = cf_store_memory_disk_copy(self->disk);
}

void device_restore(device *self, bool with_folder)
{
    if (!self->old_disk)
        return;
    kill_process(self);
    stop(self);
    cf_store_memory_disk_destroy(&self->disk);
    self->disk = cf_store_memory_disk_copy(self->old_disk);
    if (with_folder)
        disk_restore(self->drive, self->old_drive);
    device_mend(self);
    self->claims = false;
    self->is_unsure = true;
    open_home(self);
    start(self);
}

void device_put_disk(device *self, const disk_image *image)
{
    stop(self);
    disk_restore(self->drive, image);
    self->claims = false;
    open_home(self);
    start(self);
}

void device_clone(device *self, device *of)
{
    device_copy(of);
    *self = (device){.in = of->in,
                     .number = self->number,
                     .chance = chance_of_seed(of->in->plan.seed, 100 + (uint64_t)self->number),
                     .serves = of->serves,
                     .knows_all = true,
                     .counted = of->counted};
    device_set_clock(self, 0);
    strcpy(self->home_path, of->home_path);
    strcpy(self->folder, of->folder);
    disk_options options = {.seed = chance_next(&self->chance), .now_ms = &self->clock_ms};
    draw_lacks(self->in, &options);
    self->is_share = options.is_remote;
    self->drive = disk_new(&options);
    disk_restore(self->drive, of->old_drive);
    self->disk = cf_store_memory_disk_copy(of->old_disk);
    self->env = (cf_env){.context = self,
                         .random = fill,
                         .now_ms = read_clock,
                         .steady_ms = read_steady_clock,
                         .report = report};
    self->env.files = faulty_files_new(disk_files(self->drive), &self->faults);
    open_home(self);
    start(self);
}
