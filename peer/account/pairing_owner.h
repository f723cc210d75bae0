/* SPDX-License-Identifier: Apache-2.0 */
/* An owner's device that lets one newcomer in: registers the code's guest key with the broker,
 * waits for the KNOCK, publishes the `add` and, once the broker has it, sends the ADMIT. It has a
 * link of its own, so that it works beside any engine. A handler. */
#ifndef CF_PEER_ACCOUNT_PAIRING_OWNER_H
#define CF_PEER_ACCOUNT_PAIRING_OWNER_H
#include "codec/address.h"
#include "peer/log/peer.h"

typedef struct cf_pairing_owner cf_pairing_owner;

typedef struct {
    cf_peer *peer;
    cf_role role;
    uint64_t expires_ms;
} cf_pairing_owner_options;

/* CF_DENIED unless this device is an owner's and has a content key to give; CF_MISSING without a
 * broker. */
cf_status cf_pairing_owner_new(const cf_pairing_owner_options *options, cf_pairing_owner **out,
                               cf_error *error);
void cf_pairing_owner_destroy(cf_pairing_owner **owner_side);
cf_link *cf_pairing_owner_link(const cf_pairing_owner *owner_side);
const cf_address *cf_pairing_owner_address(const cf_pairing_owner *owner_side);
/* The broker was reached there: the code says so from now on. */
void cf_pairing_owner_is_at(cf_pairing_owner *owner_side, const cf_address *address);

typedef enum {
    CF_PAIRING_OWNER_OPENING, /* the broker doesn't know the code yet */
    CF_PAIRING_OWNER_OPEN,    /* the code is good now */
    CF_PAIRING_OWNER_ADDING,  /* somebody knocked */
    CF_PAIRING_OWNER_DONE,    /* admitted */
    CF_PAIRING_OWNER_FAILED,  /* see the error */
} cf_pairing_owner_state;

/* `now_ms` ends what has expired: CF_UNREACHABLE then. */
cf_pairing_owner_state cf_pairing_owner_step(cf_pairing_owner *owner_side, uint64_t now_ms,
                                             cf_error *error);
/* The code's line. */
const char *cf_pairing_owner_code(const cf_pairing_owner *owner_side);
/* Who it is, from CF_PAIRING_OWNER_ADDING on; it may have got another name than it gave. */
const char *cf_pairing_owner_name(const cf_pairing_owner *owner_side);
bool cf_pairing_owner_renamed(const cf_pairing_owner *owner_side);
const cf_hash *cf_pairing_owner_device(const cf_pairing_owner *owner_side);

#endif
