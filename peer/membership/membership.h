/* SPDX-License-Identifier: Apache-2.0 */
/* Who is in and as what: the operations of the member log on devices, made and published. Limits
 * are what the log holds of a device and what the broker says beside it. Each is committed at
 * return, and `head` names its entry. codec/PROTOCOL.md, "Membership", is normative. */
#ifndef CF_PEER_MEMBERSHIP_MEMBERSHIP_H
#define CF_PEER_MEMBERSHIP_MEMBERSHIP_H
#include "codec/heads.h"
#include "peer/log/peer.h"
#include "peer/membership/epochs.h"

/* Who signs: this device, or, with its phrase in hand (peer->account), the account. */
typedef struct {
    cf_peer *peer;
    bool as_account;
} cf_signatory;

/* CF_DENIED unless this device is a valid owner's. */
cf_status cf_membership_check_owner(const cf_peer *peer, cf_error *error);
/* How many owners count; the account is none. */
size_t cf_membership_owners(const cf_peer *peer);

typedef struct {
    cf_public_keys keys;
    const uint8_t *proof; /* 64 bytes, cf_keys_prove */
    cf_role role;         /* a relay gets no key */
} cf_admission;
cf_status cf_membership_add(const cf_signatory *by, const cf_admission *admission, cf_head *head,
                            cf_error *error);
/* About how many entries of a device a revocation can't leave as they are, because its log has more
 * heads than fit; mostly 0. */
cf_status cf_membership_voided(cf_peer *peer, const cf_hash *device, uint64_t *voided,
                               cf_error *error);
/* A device that is out, or gets another role, and what the broker says that it has of the device:
 * that counts as what the own log has, which may not be all. NULL: the broker said nothing. */
typedef struct {
    const cf_hash *device;
    const cf_heads *told;
} cf_limited;
/* Shuts a device out, and opens an epoch of which neither it nor the outgoers know anything. */
cf_status cf_membership_revoke(const cf_signatory *by, const cf_limited *whom,
                               const cf_outgoers *outgoers, cf_head *head, cf_error *error);
/* A device that becomes a relay can't read what is written from then on. */
cf_status cf_membership_change_role(const cf_signatory *by, const cf_limited *whom, cf_role role,
                                    cf_head *head, cf_error *error);
/* Takes this revocation back; by the account only. */
cf_status cf_membership_annul(const cf_signatory *by, const cf_hash *revocation, cf_head *head,
                              cf_error *error);
/* Takes this device out. `told` as above. */
cf_status cf_membership_leave(cf_peer *peer, const cf_heads *told, cf_head *head, cf_error *error);

/* For a device that has no part any more. */
#define CF_WAY_BACK "the way back is `counterfoil leave`, then `counterfoil join` with a new code"
/* Why this device has no part any more, for a person: CF_OK while it has, else CF_DENIED with who
 * shut it out and when. */
cf_status cf_membership_standing(cf_peer *peer, cf_error *error);

/* This device has said that it leaves. */
bool cf_membership_left(const cf_peer *peer);

/* ---- Admitted ---- */

/* What the owner's device that let this one in said of the member log: the broker has no part in
 * that, so what it lacks of it, it holds back. */

/* Durable at return. */
cf_status cf_admitted_keep(cf_home *home, const cf_heads *members, cf_error *error);
/* CF_OK when the log has all of it, and from then on; CF_MALFORMED: the broker holds it back. */
cf_status cf_admitted_check(const cf_peer *peer, cf_error *error);

#endif
