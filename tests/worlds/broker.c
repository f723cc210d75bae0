/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/inside.h"

#include <stdio.h>
#include <string.h>

static void fill(void *context, void *out, size_t size)
{
    chance_fill(&((world_broker *)context)->in->chance, out, size);
}

static uint64_t read_clock(void *context)
{
    return ((world_broker *)context)->in->now_ms;
}

static void report(void *context, cf_report_level level, const char *text)
{
    world_broker *self = context;

    (void)level;
    world_tell(self->in, "broker %d says: %s", self->number, text);
}

/* An address of its own, that no other has. */
static void take_address(world_broker *self)
{
    snprintf(self->address.host, sizeof self->address.host, "broker%d", self->number);
    self->address.port = 4000;
    fill(self, self->address.key, sizeof self->address.key);
    cf_address_write(&self->address, self->line);
}

static void make_disks(world_broker *self)
{
    uint8_t id[16];

    fill(self, id, sizeof id);
    self->disk = cf_store_memory_disk_new(id);
    self->blob_disk = cf_blob_memory_disk_new();
}

static void drop_disks(world_broker *self)
{
    cf_store_memory_disk_destroy(&self->disk);
    cf_blob_memory_disk_destroy(&self->blob_disk);
}

static void start(world_broker *self)
{
    cf_error error;

    self->jobs = self->env.jobs = cf_jobs_inline_new(chance_next(&self->in->chance) | 1);
    self->store = cf_store_memory_new(self->disk);
    self->blobs = cf_blob_memory_new(self->blob_disk);
    must(cf_users_open(&(cf_users_options){.env = &self->env, .store = self->store}, &self->users,
                       &error),
         &error, "users");
    must(cf_management_open(&(cf_management_options){.env = &self->env,
                                                     .store = self->store,
                                                     .blobs = self->blobs,
                                                     .users = self->users},
                            self->in->now_ms, &self->management, &error),
         &error, "management");
    self->outbox = cf_outbox_new();
    self->gateway = cf_gateway_new(&(cf_gateway_options){
        .env = &self->env,
        .store = self->store,
        .blobs = self->blobs,
        .users = self->users,
        .outbox = self->outbox,
    });
    self->authority = cf_authority_new(
        &(cf_authority_options){.gateway = self->gateway, .management = self->management});
    cf_gateway_advertise(self->gateway, &self->address);
    memset(self->revoked_ms, 0, sizeof self->revoked_ms);
}

static void stop(world_broker *self)
{
    network_cut_broker(self);
    cf_store_destroy(&self->store); /* first: what was not committed is never answered */
    cf_authority_destroy(&self->authority);
    cf_gateway_destroy(&self->gateway);
    cf_outbox_destroy(&self->outbox);
    cf_management_destroy(&self->management);
    cf_users_destroy(&self->users);
    cf_blobs_destroy(&self->blobs);
    cf_jobs_destroy(&self->jobs);
}

void broker_open(world_broker *self)
{
    self->env = (cf_env){.context = self, .random = fill, .now_ms = read_clock, .report = report};
    take_address(self);
    make_disks(self);
    start(self);
}

void broker_close(world_broker *self)
{
    stop(self);
    drop_disks(self);
    cf_store_memory_disk_destroy(&self->old_disk);
    cf_blob_memory_disk_destroy(&self->old_blob_disk);
    promises_release(&self->promises);
}

void broker_copy(world_broker *self)
{
    cf_store_memory_disk_destroy(&self->old_disk);
    cf_blob_memory_disk_destroy(&self->old_blob_disk);
    self->old_disk = cf_store_memory_disk_copy(self->disk);
    self->old_blob_disk = cf_blob_memory_disk_copy(self->blob_disk);
}

void broker_crash(world_broker *self, broker_disk with)
{
    bool has_old = self->old_disk != NULL;

    stop(self);
    if (with == BROKER_EMPTY || (with == BROKER_AS_OF_OLD && has_old)) {
        promises_release(&self->promises);
        drop_disks(self);
    }
    if (with == BROKER_EMPTY) {
        make_disks(self);
    } else if (with == BROKER_AS_OF_OLD && has_old) {
        self->disk = cf_store_memory_disk_copy(self->old_disk);
        self->blob_disk = cf_blob_memory_disk_copy(self->old_blob_disk);
    }
    start(self);
}

bool broker_knows_user(const world_broker *self)
{
    world *in = self->in;

    return cf_users_find(self->users, cf_peer_user(device_peer(&in->devices[0]))) != NULL;
}
