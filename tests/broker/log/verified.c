/* SPDX-License-Identifier: Apache-2.0 */
/* What a log remembers of the signatures of its members. They are counted. */
#include "broker/log/log_tables.h"
#include "broker/members/registry.h"
#include "broker/members/verified.h"
#include "tests/broker/people/people.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

static unsigned verifications;

int __real_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *message,
                                       unsigned long long size, const unsigned char *key);
int __wrap_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *message,
                                       unsigned long long size, const unsigned char *key);
int __wrap_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *message,
                                       unsigned long long size, const unsigned char *key)
{
    verifications++;
    return __real_crypto_sign_verify_detached(signature, message, size, key);
}

/* A home with a log in it, of an account that lets devices in. */
typedef struct {
    person account;
    cf_keys *keys;
    cf_store_memory_disk *disk;
    cf_store *store;
    cf_log *log;
    unsigned devices;
} world;

static cf_keys *keys_of(uint8_t number)
{
    uint8_t seed[32] = {number, 'h'};

    return cf_keys_new(seed);
}

static void commit(world *self)
{
    cf_error error;

    expect_ok(self->store->commit(self->store, &error), error);
}

/* What opening it verified. */
static unsigned open_with(world *self, const cf_keys *keys)
{
    unsigned before = verifications;
    cf_error error;

    cf_log_destroy(&self->log);
    if (self->store)
        cf_store_destroy(&self->store);
    self->store = cf_store_memory_new(self->disk);
    expect_ok(cf_log_open(self->store, &self->account.user, keys, &self->log, &error), error);
    return verifications - before;
}

static unsigned reopen(world *self)
{
    return open_with(self, self->keys);
}

static void let_one_in(world *self)
{
    person device = a_device((uint8_t)++self->devices, &self->account.user);

    let_in(&self->account, &device, CF_ROLE_MEMBER);
    append_entry(self->log, &self->account);
    commit(self);
    person_end(&device);
}

/* With its first entry, and as many devices. */
static world a_broker_world(unsigned devices)
{
    static const uint8_t instance[16] = "a world";
    world self = {
        .account = an_account(1), .keys = keys_of(1), .disk = cf_store_memory_disk_new(instance)};

    reopen(&self);
    first_entry(&self.account);
    append_entry(self.log, &self.account);
    commit(&self);
    while (self.devices < devices)
        let_one_in(&self);
    return self;
}

static void end(world *self)
{
    cf_log_destroy(&self->log);
    cf_store_destroy(&self->store);
    cf_store_memory_disk_destroy(&self->disk);
    cf_keys_destroy(&self->keys);
    person_end(&self->account);
}

static void put(world *self, cf_bytes key, cf_bytes value)
{
    cf_kv record = {key, value};
    cf_error error;

    expect_ok(self->store->write(self->store, &self->account.user, &record, 1, true, &error),
              error);
}

static cf_bytes record_key(void)
{
    static const uint8_t table = CF_LOG_VERIFIED;

    return cf_bytes_of(&table, 1);
}

static cf_buffer get(world *self, cf_bytes key)
{
    cf_buffer value = {0};
    cf_error error;

    expect_ok(self->store->get(self->store, &self->account.user, key, &value, &error), error);
    return value;
}

static cf_bytes member_key(uint64_t number, uint8_t key[CF_LOG_KEY_MAX])
{
    uint8_t ordinal[8];

    cf_put_u64(ordinal, number);
    return cf_log_record_key(CF_LOG_REGISTRY, ordinal, sizeof ordinal, key);
}

/* The first entry is signed once, and each that lets a device in twice. */
static unsigned signatures(const world *self)
{
    return 1 + 2 * self->devices;
}

static size_t valid_devices(const world *self)
{
    const cf_registry *registry = cf_log_registry(self->log);
    size_t count = 0;

    for (size_t i = 0; i < cf_registry_device_count(registry); i++)
        count += cf_registry_device_at(registry, i)->is_valid;
    return count;
}

Test(verified, members_are_not_verified_again_by_a_start)
{
    for (unsigned devices = 10; devices <= 160; devices *= 4) {
        world self = a_broker_world(devices);

        cr_expect_eq(reopen(&self), 0, "%u devices", devices);
        cr_expect_eq(valid_devices(&self), devices + 1);
        end(&self);
    }
}

Test(verified, each_signature_is_verified_once_by_a_log_that_has_no_keys)
{
    for (unsigned devices = 10; devices <= 160; devices *= 4) {
        world self = a_broker_world(devices);

        unsigned found = open_with(&self, NULL);
        cr_expect_eq(found, signatures(&self), "%u devices: %u", devices, found);
        end(&self);
    }
}

/* The judge verifies, and the registry that takes what was judged. */
Test(verified, an_entry_that_comes_costs_the_same_however_many_there_are)
{
    unsigned cost = 0;

    for (unsigned devices = 10; devices <= 160; devices *= 4) {
        world self = a_broker_world(devices);
        unsigned before = verifications;

        let_one_in(&self);
        if (!cost)
            cost = verifications - before;
        cr_expect_eq(verifications - before, cost);
        cr_expect_leq(cost, 4);
        end(&self);
    }
}

Test(verified, a_store_of_before_is_verified_until_the_next_entry_is_taken)
{
    world self = a_broker_world(10);

    put(&self, record_key(), (cf_bytes){0});
    cr_expect_eq(reopen(&self), signatures(&self));
    cr_expect_eq(reopen(&self), signatures(&self), "opening writes nothing");
    write_change(&self.account, "any", NULL, 0);
    append_entry(self.log, &self.account);
    commit(&self);
    cr_expect_eq(reopen(&self), 0);
    end(&self);
}

Test(verified, a_record_with_a_flipped_byte_says_nothing)
{
    world self = a_broker_world(10);
    cf_buffer record = get(&self, record_key());

    for (size_t i = 0; i < record.size; i++) {
        record.data[i] ^= 1;
        put(&self, record_key(), cf_buffer_view(&record));
        cr_expect_eq(reopen(&self), signatures(&self), "byte %zu", i);
        cr_expect_eq(valid_devices(&self), self.devices + 1);
        record.data[i] ^= 1;
    }
    for (size_t size = 0; size < record.size; size++) {
        put(&self, record_key(), cf_bytes_of(record.data, size));
        cr_expect_eq(reopen(&self), signatures(&self), "cut at %zu", size);
    }
    cf_buffer_append(&record, "", 1);
    put(&self, record_key(), cf_buffer_view(&record));
    cr_expect_eq(reopen(&self), signatures(&self), "one byte more");
    cf_buffer_release(&record);
    end(&self);
}

Test(verified, a_record_of_other_keys_or_of_another_user_says_nothing)
{
    world self = a_broker_world(10);
    cf_keys *other = keys_of(2);
    cf_hash stranger = self.account.user;

    cr_expect_eq(open_with(&self, other), signatures(&self));
    cr_expect_eq(reopen(&self), 0);
    cf_buffer record = get(&self, record_key());
    cf_bytes wires[11];
    const cf_registry *registry = cf_log_registry(self.log);
    for (size_t i = 0; i < 11; i++)
        wires[i] = cf_registry_entry(registry, i);
    cr_expect_eq(
        cf_verified_read(self.keys, &self.account.user, cf_buffer_view(&record), wires, 11).count,
        11);
    stranger.bytes[0] ^= 1;
    cr_expect_eq(cf_verified_read(self.keys, &stranger, cf_buffer_view(&record), wires, 11).count,
                 0);
    cf_buffer_release(&record);
    cf_keys_destroy(&other);
    end(&self);
}

Test(verified, a_log_that_lost_an_entry_is_verified)
{
    for (uint64_t lost = 0; lost <= 10; lost++) {
        world self = a_broker_world(10);
        uint8_t key[CF_LOG_KEY_MAX];

        put(&self, member_key(lost, key), (cf_bytes){0});
        cr_expect_geq(reopen(&self), lost ? 1 + 2 * ((unsigned)lost - 1) : 0, "entry %d",
                      (int)lost);
        cr_expect_eq(valid_devices(&self), lost, "what comes after it has no past");
        end(&self);
    }
}

/* Of one byte of the signature each, which its hash doesn't cover. */
Test(verified, a_log_in_which_an_entry_changed_is_verified)
{
    for (uint64_t changed = 0; changed <= 10; changed++) {
        world self = a_broker_world(10);
        uint8_t key[CF_LOG_KEY_MAX];
        cf_bytes at = member_key(changed, key);
        cf_buffer wire = get(&self, at);
        cf_arena arena = {0};
        cf_entry entry;
        cf_error error;

        expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), error);
        wire.data[entry.signature.data - wire.data] ^= 1;
        put(&self, at, cf_buffer_view(&wire));
        cr_expect_gt(reopen(&self), 0);
        cr_expect_eq(valid_devices(&self), changed, "what is forged, and what comes after it");
        cf_arena_release(&arena);
        cf_buffer_release(&wire);
        end(&self);
    }
}

Test(verified, of_a_log_that_grew_only_what_is_new_is_verified)
{
    for (unsigned more = 1; more <= 16; more *= 4) {
        world self = a_broker_world(10);
        cf_buffer old = get(&self, record_key());

        for (unsigned i = 0; i < more; i++)
            let_one_in(&self);
        put(&self, record_key(), cf_buffer_view(&old));
        cr_expect_eq(reopen(&self), 2 * more, "%u more", more);
        cr_expect_eq(valid_devices(&self), self.devices + 1);
        let_one_in(&self);
        cr_expect_eq(reopen(&self), 0);
        cf_buffer_release(&old);
        end(&self);
    }
}

/* Signed by an owner, and not by the newcomer: kept, and looked at each time. */
Test(verified, nobody_is_let_in_by_the_record_without_a_proof)
{
    world self = a_broker_world(3);
    person thief = a_device(99, &self.account.user);
    cf_member add = {.kind = CF_MEMBER_ADD, .role = CF_ROLE_OWNER};

    add.keys = *cf_keys_public(thief.keys);
    add.access.readable = true;
    add.access.epoch = self.account.epoch;
    write_operation(&self.account, &add);
    append_entry(self.log, &self.account);
    commit(&self);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(reopen(&self), 1);
        cr_expect_eq(cf_registry_count(cf_log_registry(self.log)), 5);
        cr_expect_not(cf_registry_is_valid(cf_log_registry(self.log), &thief.id));
    }
    person_end(&thief);
    end(&self);
}
