/* SPDX-License-Identifier: Apache-2.0 */
/* What the work that a gateway does for nothing costs a user, in points: a point is about a
 * microsecond of the gateway. All prices stand here; how many points may be owed, and are
 * paid back, is known to broker/management/work_budget.h. */
#ifndef CF_BROKER_GATEWAY_PRICES_H
#define CF_BROKER_GATEWAY_PRICES_H
#include "codec/limits.h"

enum {
    CF_PRICE_FREE = 0,       /* what is bounded otherwise: CREDIT, GUEST, ADMIT, leases */
    CF_PRICE_BY_HANDLER = 0, /* who serves the message charges what comes of it: HAVE, PUBLISH */
    CF_PRICE_BLOB = 3,       /* in HAVE, missing; given back when it is brought or named */
    CF_PRICE_HELD_BLOBS = 2, /* in HAVE, so many for a point: those of the largest file fit */
    CF_PRICE_HEADS = 32,     /* in HELLO, SUBSCRIBE, REPORT and what answers QUERY, so many for a
                                point; a rung likewise: as many as a user may have cost a twentieth
                                of what may be owed */
    CF_PRICE_GREETING = 5,   /* HELLO, SUBSCRIBE: how often somebody comes is bounded, too */
    CF_PRICE_ANEW = 100,     /* HELLO on a connection that has a session */
    CF_PRICE_QUESTION = 25,  /* QUERY, CHAINS */
    CF_PRICE_REPORT = 5,     /* REPORT, LOCATE, LACKING, CHECKPOINT, CLOCK */
    CF_PRICE_ABSENT = 1,     /* GET of a blob that isn't here */
    CF_PRICE_HELD = 1,       /* an entry that is here, */
    CF_PRICE_HELD_SIZE = 16 * CF_KIB, /* and for so many bytes of it; given back for a new one */
    CF_PRICE_CHECKED_MIB = 2,         /* of a blob that is read whole before its end goes out */
    CF_PRICE_UNTAKEN = 3,             /* a sound entry that is refused: a backlog of 10,000 fits */
    CF_PRICE_FORGED = 1000,           /* an entry or a blob that nobody honest sends */
    CF_PRICE_GARBAGE = 3000,          /* what can't be read */
    CF_PRICE_ENTRY = -50,             /* an entry that was new */
};

#endif
