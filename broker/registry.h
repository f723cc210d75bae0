/* SPDX-License-Identifier: Apache-2.0 */
/* The members of one user: what the entries of the member log say of devices, their keys and roles,
 * and of epochs. A pure function of the entries held: the order in which they came doesn't matter.
 *
 * An operation counts when its author was an owner in the operation's own past (the account always
 * is). One that doesn't count is kept and passed on, and changes nothing. */
#ifndef CF_BROKER_REGISTRY_H
#define CF_BROKER_REGISTRY_H
#include "codec/entry.h"
#include "codec/heads.h"
#include "codec/member.h"

typedef struct cf_registry cf_registry;

typedef struct {
    cf_hash id;
    cf_public_keys keys;
    cf_role role;
    cf_hash added; /* the entry that let it in; of several the one of the lowest hash */
} cf_device;

cf_registry *cf_registry_new(const cf_hash *user);
void cf_registry_destroy(cf_registry **registry);

/* Judges an entry of the member log whose past is here (predecessor and `after`). CF_MALFORMED: its
 * past doesn't reach the `add` of its device; CF_FORGED: so is its signature. From nobody is it
 * taken then. Else it may be added, and counts or doesn't (an unknown operation doesn't). */
cf_status cf_registry_check(const cf_registry *registry, const cf_entry *entry, bool *counts,
                            cf_error *error);
/* Takes an entry that was checked, and copies it; twice is once. */
void cf_registry_add(cf_registry *registry, const cf_entry *entry);
bool cf_registry_holds(const cf_registry *registry, const cf_hash *entry);
size_t cf_registry_count(const cf_registry *registry); /* entries */
/* In the order in which they were added. */
cf_bytes cf_registry_entry(const cf_registry *registry, size_t index);
bool cf_registry_entry_counts(const cf_registry *registry, size_t index);
/* The ends of the member log's branches. */
const cf_heads *cf_registry_heads(const cf_registry *registry);

/* Devices that count, the account among them under the user's id; in no order. */
size_t cf_registry_device_count(const cf_registry *registry);
const cf_device *cf_registry_device_at(const cf_registry *registry, size_t index);
/* NULL when there is none. */
const cf_device *cf_registry_device(const cf_registry *registry, const cf_hash *device);
const cf_device *cf_registry_by_curve(const cf_registry *registry, const uint8_t curve[32]);

/* Whether the past of these heads (and they themselves) reaches the device's `add`, or the opening
 * of an epoch. Heads that are not of the member log are passed over. */
bool cf_registry_reaches_device(const cf_registry *registry, const cf_head *heads, size_t count,
                                const cf_hash *device);
bool cf_registry_reaches_epoch(const cf_registry *registry, const cf_head *heads, size_t count,
                               const cf_hash *epoch);
/* The epoch that authors seal under now; NULL when none was opened. */
const cf_hash *cf_registry_epoch(const cf_registry *registry);

#endif
