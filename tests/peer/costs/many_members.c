/* SPDX-License-Identifier: Apache-2.0 */
/* What a home costs whose user has many devices: signatures verified and entries read are counted,
 * for three numbers of devices. */
#include "peer/commands/last_seen.h"
#include "peer/log/birth.h"
#include "peer/log/catalog.h"
#include "peer/membership/membership.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned verifications, reads;

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

cf_status __real_cf_entry_read(cf_bytes wire, cf_arena *arena, cf_entry *out, cf_error *error);
cf_status __wrap_cf_entry_read(cf_bytes wire, cf_arena *arena, cf_entry *out, cf_error *error);
cf_status __wrap_cf_entry_read(cf_bytes wire, cf_arena *arena, cf_entry *out, cf_error *error)
{
    reads++;
    return __real_cf_entry_read(wire, arena, out, error);
}

/* Ann's first device; the others are let in, and write nothing. */
typedef struct {
    scratch *scratch;
    char path[96];
    cf_env env;
    cf_home *home;
    cf_peer *peer;
    uint64_t now_ms;
    cf_hash *devices;
    unsigned count;
    cf_error error;
} ann;

static void let_one_in(ann *self)
{
    const cf_signatory by = {self->peer, false};
    uint8_t seed[32] = {(uint8_t)self->count, (uint8_t)(self->count >> 8), 1}, proof[64];
    cf_keys *keys = cf_keys_new(seed);
    cf_head head;

    cf_keys_prove(keys, cf_peer_user(self->peer), proof);
    const cf_admission admission = {*cf_keys_public(keys), proof, CF_ROLE_MEMBER};
    expect_ok(cf_membership_add(&by, &admission, &head, &self->error), self->error);
    self->devices[self->count++] = cf_device_id(cf_keys_public(keys)->signing);
    cf_keys_destroy(&keys);
}

static ann *an_ann(unsigned devices)
{
    ann *self = cf_allocate(1, sizeof *self);
    uint8_t secret[CF_PHRASE_SECRET];

    cr_assert_geq(sodium_init(), 0);
    self->scratch = scratch_new();
    self->now_ms = 1000;
    self->devices = cf_allocate(devices, sizeof *self->devices);
    snprintf(self->path, sizeof self->path, "%s/home", self->scratch->path);
    cf_env_system(&self->env, "test", CF_REPORT_ERROR);
    cf_home_options options = {.env = &self->env, .path = self->path, .create = true};
    expect_ok(cf_home_open(&options, &self->home, &self->error), self->error);
    cf_birth birth = {&self->env, self->home, "laptop", self->now_ms};
    expect_ok(cf_birth_user(&birth, secret, &self->error), self->error);
    expect_ok(cf_peer_open(&self->env, self->home, &self->peer, &self->error), self->error);
    while (self->count < devices)
        let_one_in(self);
    return self;
}

static void end(ann *self)
{
    cf_peer_close(&self->peer);
    cf_home_close(&self->home);
    scratch_destroy(&self->scratch);
    free(self->devices);
    free(self);
}

Test(many_members, no_signature_of_theirs_is_verified_by_a_start)
{
    for (unsigned devices = 10; devices <= 160; devices *= 4) {
        ann *self = an_ann(devices);
        unsigned before;

        cf_peer_close(&self->peer);
        before = verifications;
        expect_ok(cf_peer_open(&self->env, self->home, &self->peer, &self->error), self->error);
        cr_expect_eq(verifications, before, "%u of %u devices", verifications - before, devices);
        cr_expect_eq(cf_registry_device_count(cf_log_registry(self->peer->log)), devices + 2);
        end(self);
    }
}

static void name_a_collection(ann *self, const char *name)
{
    const cf_catalog_new new = {.name = name};
    cf_id id;

    expect_ok(cf_catalog_make(self->peer, &new, ++self->now_ms, &id, &self->error), self->error);
}

/* With what was seen of each: the log, and a newest entry of who wrote. */
Test(many_members, the_log_is_read_once_for_all_of_them)
{
    for (unsigned devices = 10; devices <= 160; devices *= 4) {
        ann *self = an_ann(devices);
        cf_sightings *sightings;
        unsigned before;

        name_a_collection(self, "papers");
        before = reads;
        expect_ok(cf_sightings_read(self->peer, &sightings, &self->error), self->error);
        for (unsigned i = 0; i < devices; i++) {
            cf_last_seen seen = cf_sightings_of(sightings, &self->devices[i]);

            cr_expect_not(seen.wrote);
            cr_expect_gt(seen.time_ms, 0);
        }
        cf_last_seen own = cf_sightings_of(sightings, cf_peer_device(self->peer));
        cr_expect(own.wrote);
        cr_expect_eq(own.behind, 0);
        cr_expect_gt(own.time_ms, 0);
        cr_expect_leq(reads - before, devices + 10, "%u for %u devices", reads - before, devices);
        cf_sightings_destroy(&sightings);
        end(self);
    }
}
