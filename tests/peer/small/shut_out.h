/* SPDX-License-Identifier: Apache-2.0 */
/* A small world in which a device is shut out: what owners and the account write in the member log,
 * and entries that are carried by hand. */
#ifndef CF_TESTS_SHUT_OUT_H
#define CF_TESTS_SHUT_OUT_H
#include "tests/peer/small/small_checks.h"
#include "tests/support/whole_log.h"

cf_peer *peer_of(small_device *self);
const cf_registry *registry_of(small_device *self);
cf_hash id_of(small_device *self);
cf_heads heads_of(small_device *holder, const cf_hash *whom); /* the caller's */

/* A new epoch for all that are valid but one, as an owner opens it. */
void open_epoch(small_device *owner, const cf_hash *but, cf_arena *arena, cf_opening *out);
/* What counts of the device is what `heads` names. */
void revoke(small_device *owner, const cf_hash *whom, const cf_heads *heads);
/* As above: by the heads that the owner holds. */
void give_role(small_device *owner, const cf_hash *whom, cf_role role);
/* With the phrase in hand, at this device. */
void annul(small_device *at, const cf_hash *revocation);

/* All that a device holds, in its order. */
parcel parcel_of(small_device *from);
/* That, by hand to another. */
void carry(small_device *from, small_device *to);

/* An owner, one whom this is about, and another; all hold the same. */
typedef struct {
    small_world *w;
    small_device *owner, *suspect, *other;
    cf_hash id;     /* of the suspect */
    cf_heads heads; /* of it, by then */
} scene;
scene a_scene(uint64_t seed);
void scene_end(scene *s);
/* The suspect edits, adds and removes. */
void vandalise(scene *s);
void sync_both(scene *s);
void expect_unharmed(const small_device *self, const char *who);
void expect_the_rest_alike(scene *s);
void go_offline(small_device *self);

#endif
