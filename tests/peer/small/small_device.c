/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/small_inside.h"

#include "tests/support/bound_source.h"
#include "tests/support/first_entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void start_engine(small_device *self)
{
    cf_error error;

    must(cf_engine_open(&(cf_engine_options){&self->env, self->home, self->serves},
                        self->in->now_ms, &self->engine, &error),
         &error, "engine");
    memcpy(self->curve.bytes, cf_keys_public(cf_engine_peer(self->engine)->keys)->curve,
           CF_HASH_SIZE);
}

void small_device_stop(small_device *self)
{
    small_device_disconnect(self);
    cf_engine_close(&self->engine);
    cf_home_close(&self->home);
}

void small_device_crash(small_device *self)
{
    small_device_stop(self);
    self->faults = (disk_faults){.calls = self->faults.calls, .lacks = self->faults.lacks};
    cf_store_memory_disk_fail(self->disk, CF_OK);
    self->home = faulty_home(&self->env, self->home_path, self->disk, &self->faults);
    start_engine(self);
}

void small_device_serves(small_device *self)
{
    self->serves = true;
    small_device_crash(self);
}

static void make_home(small_device *self)
{
    small_world *in = self->in;
    uint8_t id[16];

    snprintf(self->home_path, sizeof self->home_path, "%s/home%d", in->path, self->number);
    snprintf(self->folder, sizeof self->folder, "%s/folder%d", in->path, self->number);
    mkdir(self->folder, 0755);
    chance_fill(&in->chance, id, sizeof id);
    self->disk = cf_store_memory_disk_new(id);
    self->outbox = cf_outbox_new();
    self->env = in->env;
    self->env.files = faulty_files_new(&in->files, &self->faults);
    self->home = faulty_home(&self->env, self->home_path, self->disk, &self->faults);
}

/* 32 zeros. */
#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void set_broker(small_device *self)
{
    cf_error error;

    must(cf_home_set(self->home, CF_HOME_BROKER, cf_bytes_of_text("tcp://world:1#" KEY), &error),
         &error, "broker");
}

void small_device_bear_user(small_device *self)
{
    cf_error error;

    make_home(self);
    must(cf_birth_user(&(cf_birth){&self->env, self->home, "desk", self->in->now_ms},
                       self->in->phrase, &error),
         &error, "birth");
    set_broker(self);
    must(first_entries_bring(self->home, self->in->broker.users, self->in->broker.store, &error),
         &error, "first entries");
    start_engine(self);
}

void small_device_admit(small_device *owner, small_device *self)
{
    const uint64_t now_ms = self->in->now_ms;

    make_home(self);
    first_entries_admit(cf_engine_peer(owner->engine), now_ms,
                        &(cf_birth){&self->env, self->home, "lap", now_ms});
    set_broker(self);
    start_engine(self);
}

void small_device_take_folder(small_device *self, const cf_binding_options *options)
{
    small_world *in = self->in;
    cf_id instance;

    chance_fill(&in->chance, instance.bytes, CF_ID_SIZE);
    bind_source(
        self->engine,
        &(bound_source){.options = *options, .instance = &instance, .files = in->env.files});
}

void small_device_bind_folder(small_device *self)
{
    small_world *in = self->in;

    in->collection = collection_named(self->engine, "things");
    small_device_take_folder(
        self,
        &(cf_binding_options){.number = 1, .collection = in->collection, .path = self->folder});
}

size_t small_device_pending(const small_device *self, const cf_binding *source,
                            cf_pending_kind kind)
{
    cf_arena arena = {0};
    cf_binding_status status;
    size_t count = 0;

    cf_engine_status(self->engine, source ? source : cf_engine_binding_at(self->engine, 0), &arena,
                     &status);
    for (size_t i = 0; i < status.pending_count; i++)
        count += status.pending[i].kind == kind;
    cf_arena_release(&arena);
    return count;
}
