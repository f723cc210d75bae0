/* SPDX-License-Identifier: Apache-2.0 */
/* What a home costs whose user has many devices: signatures verified and entries read are counted,
 * for three numbers of devices. */
#include "peer/commands/last_seen.h"
#include "peer/log/catalog.h"
#include "peer/membership/membership.h"
#include "tests/peer/log/ann.h"

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
    ann *first;
    cf_peer *peer; /* its, as long as it is not closed */
    cf_hash *devices;
    unsigned count;
    cf_error error;
} crowd;

static void let_one_in(crowd *self)
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

static crowd *a_crowd(unsigned devices)
{
    crowd *self = cf_allocate(1, sizeof *self);

    self->first = make_ann();
    self->peer = self->first->peer;
    self->devices = cf_allocate(devices, sizeof *self->devices);
    while (self->count < devices)
        let_one_in(self);
    return self;
}

static void end(crowd *self)
{
    end_ann(self->first);
    free(self->devices);
    free(self);
}

Test(many_members, no_signature_of_theirs_is_verified_by_a_start)
{
    for (unsigned devices = 10; devices <= 160; devices *= 4) {
        crowd *self = a_crowd(devices);
        unsigned before;

        cf_peer_close(&self->first->peer);
        before = verifications;
        expect_ok(
            cf_peer_open(&self->first->env, self->first->home, &self->first->peer, &self->error),
            self->error);
        self->peer = self->first->peer;
        cr_expect_eq(verifications, before, "%u of %u devices", verifications - before, devices);
        cr_expect_eq(cf_registry_device_count(cf_log_registry(self->peer->log)), devices + 2);
        end(self);
    }
}

static void name_a_collection(crowd *self, const char *name)
{
    const cf_catalog_new new = {.name = name};
    cf_id id;

    expect_ok(cf_catalog_make(self->peer, &new, ++self->first->now_ms, &id, &self->error),
              self->error);
}

/* With what was seen of each: the log, and a newest entry of who wrote. */
Test(many_members, the_log_is_read_once_for_all_of_them)
{
    for (unsigned devices = 10; devices <= 160; devices *= 4) {
        crowd *self = a_crowd(devices);
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
