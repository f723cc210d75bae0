/* SPDX-License-Identifier: Apache-2.0 */
/* Guests: the keys of newcomers that an owner lets in over a link, said anew on each session, and
 * the answers to their knocks. Owned by a link. */
#ifndef CF_BROKER_LINK_GUESTS_H
#define CF_BROKER_LINK_GUESTS_H
#include "broker/wire/outbox.h"

typedef struct cf_guests cf_guests;

cf_guests *cf_guests_new(void);
void cf_guests_destroy(cf_guests **guests);

/* Lets in until `expires_ms`; 0 ends it. */
void cf_guests_allow(cf_guests *guests, const cf_hash *key, uint64_t expires_ms);
void cf_guests_admit(cf_guests *guests, const cf_hash *key, cf_bytes sealed);

/* A new session knows of none. The other's clock is so far ahead of ours: what it is told is by its
 * own. With a broker's clock 20 minutes ahead, who is let in until 12:10 here is until 12:30 there.
 */
void cf_guests_begin(cf_guests *guests, int64_t clock_difference_ms);
/* Says what this session has not been told; forgets who has expired. */
void cf_guests_pump(cf_guests *guests, uint64_t now_ms, cf_outbox *outbox);
/* The answer to a registration came. False: nobody waits for it. */
bool cf_guests_answered(cf_guests *guests, const cf_hash *key, bool refused);
bool cf_guests_is_waiting(const cf_guests *guests);

#endif
