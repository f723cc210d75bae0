/* SPDX-License-Identifier: Apache-2.0 */
/* An owner's device that lets one newcomer in: registers the code's guest key with the broker,
 * waits for the KNOCK, publishes the `add` and, once the broker has it, sends the ADMIT. It has a
 * link of its own, so that it works beside any engine. A handler. */
#ifndef CF_PEER_ACCOUNT_RECEPTION_H
#define CF_PEER_ACCOUNT_RECEPTION_H
#include "codec/address.h"
#include "peer/log/peer.h"

typedef struct cf_reception cf_reception;

typedef struct {
    cf_peer *peer;
    cf_role role;
    uint64_t expires_ms;
} cf_reception_options;

/* CF_DENIED unless this device is an owner's and has a content key to give; CF_MISSING without a
 * broker. */
cf_status cf_reception_new(const cf_reception_options *options, cf_reception **out,
                           cf_error *error);
void cf_reception_destroy(cf_reception **reception);
cf_link *cf_reception_link(const cf_reception *reception);
const cf_address *cf_reception_address(const cf_reception *reception);
/* The broker was reached there: the code says so from now on. */
void cf_reception_is_at(cf_reception *reception, const cf_address *address);

typedef enum {
    CF_RECEPTION_OPENING, /* the broker doesn't know the code yet */
    CF_RECEPTION_OPEN,    /* the code is good now */
    CF_RECEPTION_ADDING,  /* somebody knocked */
    CF_RECEPTION_DONE,    /* admitted */
    CF_RECEPTION_FAILED,  /* see the error */
} cf_reception_state;

/* `now_ms` ends what has expired: CF_UNREACHABLE then. */
cf_reception_state cf_reception_step(cf_reception *reception, uint64_t now_ms, cf_error *error);
/* The code's line. */
const char *cf_reception_code(const cf_reception *reception);
/* Who it is, from CF_RECEPTION_ADDING on; it may have got another name than it gave. */
const char *cf_reception_name(const cf_reception *reception);
bool cf_reception_renamed(const cf_reception *reception);
const cf_hash *cf_reception_device(const cf_reception *reception);

#endif
