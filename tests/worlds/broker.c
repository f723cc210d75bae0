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
    memory_broker_make_disks(&self->broker, id);
}

static void start(world_broker *self)
{
    self->jobs = self->env.jobs = cf_jobs_inline_new(chance_next(&self->in->chance) | 1);
    memory_broker_start(&self->broker, &(memory_broker_options){.env = &self->env},
                        self->in->now_ms);
    cf_gateway_advertise(self->broker.gateway, &self->address);
    memset(self->revoked_ms, 0, sizeof self->revoked_ms);
}

static void stop(world_broker *self)
{
    network_cut_broker(self);
    memory_broker_stop(&self->broker);
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
    memory_broker_drop_disks(&self->broker);
    cf_store_memory_disk_destroy(&self->old_disk);
    cf_blob_memory_disk_destroy(&self->old_blob_disk);
    promises_release(&self->promises);
}

void broker_copy(world_broker *self)
{
    cf_store_memory_disk_destroy(&self->old_disk);
    cf_blob_memory_disk_destroy(&self->old_blob_disk);
    self->old_disk = cf_store_memory_disk_copy(self->broker.disk);
    self->old_blob_disk = cf_blob_memory_disk_copy(self->broker.blob_disk);
}

void broker_crash(world_broker *self, broker_disk with)
{
    bool has_old = self->old_disk != NULL;

    stop(self);
    if (with == BROKER_EMPTY || (with == BROKER_AS_OF_OLD && has_old)) {
        promises_release(&self->promises);
        memory_broker_drop_disks(&self->broker);
    }
    if (with == BROKER_EMPTY) {
        make_disks(self);
    } else if (with == BROKER_AS_OF_OLD && has_old) {
        self->broker.disk = cf_store_memory_disk_copy(self->old_disk);
        self->broker.blob_disk = cf_blob_memory_disk_copy(self->old_blob_disk);
    }
    start(self);
}

bool broker_knows_user(const world_broker *self)
{
    world *in = self->in;

    return cf_users_find(self->broker.users, cf_peer_user(device_peer(&in->devices[0]))) != NULL;
}
