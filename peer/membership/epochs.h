/* SPDX-License-Identifier: Apache-2.0 */
/* Content keys as an owner's device, or the account, hands them out: it opens epochs, and gives a
 * device the key that it lacks. */
#ifndef CF_PEER_MEMBERSHIP_EPOCHS_H
#define CF_PEER_MEMBERSHIP_EPOCHS_H
#include "peer/log/peer.h"

/* Devices that are about to lose what they may read. */
typedef struct {
    const cf_hash *at;
    size_t count;
} cf_outgoers;

/* A new content key, sealed to the account and to each valid device that reads, the outgoers
 * excepted, with all earlier keys sealed under it. For an operation that carries it; the key is in
 * the ring once that is published. In the arena. */
cf_status cf_epochs_make(const cf_peer *peer, const cf_outgoers *outgoers, cf_arena *arena,
                         cf_opening *out, cf_error *error);
/* What an `add` or a `grant` carries: the key of the epoch in use, or, while there is none, of the
 * newest that this device has the key of. */
cf_status cf_epochs_access(const cf_peer *peer, const uint8_t sealing[32], cf_access *out,
                           cf_error *error);
/* An epoch by itself, signed by this device or by the account. */
cf_status cf_epochs_open(cf_peer *peer, bool as_account, cf_head *head, cf_error *error);

/* What an owner's device owes the others: an epoch when none is in use, a key for each that lacks
 * it. Does nothing elsewhere, or when nothing is owed. To be called when the log is as the broker
 * has it. */
cf_status cf_epochs_hand_out(cf_peer *peer, cf_error *error);

#endif
