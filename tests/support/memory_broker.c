/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/memory_broker.h"

#include "tests/support/must.h"

void memory_broker_make_disks(memory_broker *self, const uint8_t id[16])
{
    self->disk = cf_store_memory_disk_new(id);
    self->blob_disk = cf_blob_memory_disk_new();
}

void memory_broker_drop_disks(memory_broker *self)
{
    cf_store_memory_disk_destroy(&self->disk);
    cf_blob_memory_disk_destroy(&self->blob_disk);
}

/* Who is there, and what they may bring. */
static void open_users(memory_broker *self, const memory_broker_options *options, uint64_t now_ms)
{
    cf_error error;

    must(cf_users_open(&(cf_users_options){.env = options->env,
                                           .store = self->store,
                                           .access = options->access,
                                           .doubt = options->doubt,
                                           .context = options->context},
                       &self->users, &error),
         &error, "users");
    if (options->has_quotas)
        self->quotas =
            cf_quotas_new(&(cf_quotas_options){.store = self->store,
                                               .blobs = self->blobs,
                                               .entries_per_minute = options->entries_per_minute});
    must(cf_management_open(&(cf_management_options){.env = options->env,
                                                     .store = self->store,
                                                     .blobs = self->blobs,
                                                     .users = self->users,
                                                     .quotas = self->quotas,
                                                     .closed = options->closed,
                                                     .audit = options->audit},
                            now_ms, &self->management, &error),
         &error, "management");
}

void memory_broker_start(memory_broker *self, const memory_broker_options *options, uint64_t now_ms)
{
    self->store = cf_store_memory_new(self->disk);
    self->blobs = cf_blob_memory_new(self->blob_disk);
    open_users(self, options, now_ms);
    self->outbox = cf_outbox_new();
    self->gateway =
        cf_gateway_new(&(cf_gateway_options){.env = options->env,
                                             .store = self->store,
                                             .blobs = self->blobs,
                                             .users = self->users,
                                             .sessions_of_user = options->sessions_of_user,
                                             .outbox = self->outbox,
                                             .room_left = options->room_left,
                                             .absent = options->absent,
                                             .context = options->context});
    self->authority =
        cf_authority_new(&(cf_authority_options){.gateway = self->gateway,
                                                 .management = self->management,
                                                 .quotas = self->quotas,
                                                 .audit = options->audit,
                                                 .waste_per_second = options->waste_per_second});
}

void memory_broker_stop(memory_broker *self)
{
    cf_error ignored;

    cf_store_memory_disk_fail(self->disk, CF_IO);
    self->store->commit(self->store, &ignored);
    cf_store_memory_disk_fail(self->disk, CF_OK);
    cf_authority_destroy(&self->authority);
    cf_gateway_destroy(&self->gateway);
    cf_quotas_destroy(&self->quotas);
    cf_management_destroy(&self->management);
    cf_users_destroy(&self->users);
    cf_outbox_destroy(&self->outbox);
    cf_blobs_destroy(&self->blobs);
    cf_store_destroy(&self->store);
}
