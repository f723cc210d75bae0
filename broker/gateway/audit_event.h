/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker decided, of whom, and why: what the audit log (broker/management/audit.h) is told.
 */
#ifndef CF_BROKER_GATEWAY_AUDIT_EVENT_H
#define CF_BROKER_GATEWAY_AUDIT_EVENT_H
#include "codec/ids.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    CF_AUDIT_CONNECTION_ADMITTED, /* by ZAP */
    CF_AUDIT_CONNECTION_REFUSED,  /* by ZAP or a limit of connections */
    CF_AUDIT_SESSION_BEGUN,       /* HELLO was accepted */
    CF_AUDIT_SESSION_REFUSED,     /* HELLO was refused */
    CF_AUDIT_SESSION_ENDED,
    CF_AUDIT_REPLAY_BEGUN,
    CF_AUDIT_REPLAY_ENDED,
    CF_AUDIT_MESSAGE_REFUSED, /* nobody could read it, or it is CLOCK of another version */
    CF_AUDIT_PUBLISH_REFUSED,
    CF_AUDIT_QUOTA_REFUSED, /* PUBLISH or PUT */
    CF_AUDIT_DEVICE_ADDED,
    CF_AUDIT_DEVICE_REVOKED,
    CF_AUDIT_DEVICE_RESTORED, /* a revocation was annulled */
    CF_AUDIT_DEVICE_ROLE,
    CF_AUDIT_GUEST_REGISTERED,
    CF_AUDIT_GUEST_KNOCKED, /* who has the key of a code, or of an invitation, asks to come in */
    CF_AUDIT_GUEST_REFUSED,
    CF_AUDIT_GUEST_ADMITTED,
    CF_AUDIT_INVITATION_MADE,
    CF_AUDIT_INVITATION_USED,
    CF_AUDIT_INVITATION_REFUSED,
    CF_AUDIT_INVITATION_REVOKED,
    CF_AUDIT_LEASE_GRANTED,
    CF_AUDIT_LEASE_WAITED, /* somebody waits for one from now on */
    CF_AUDIT_LEASE_RELEASED,
    CF_AUDIT_LEASE_BROKEN,
    CF_AUDIT_LEASE_EXPIRED,
    CF_AUDIT_LEASE_REFUSED,
    CF_AUDIT_EXCLUSIVE_BEGUN, /* a removal, which no replay may meet; a device that communicates
                               * alone */
    CF_AUDIT_EXCLUSIVE_ENDED,
    CF_AUDIT_USER_QUOTA, /* it was set */
    CF_AUDIT_USER_NAME,  /* the operator gave another */
    CF_AUDIT_USER_REMOVED,
    CF_AUDIT_USER_MOVED,
    CF_AUDIT_BLOBS_COLLECTED,
    CF_AUDIT_DECISIONS
} cf_audit_decision;

/* All are borrowed for the call; NULL: there is none. */
typedef struct {
    cf_audit_decision what;
    const cf_hash *user;
    const char *name; /* that the operator gave; "": none */
    const cf_hash *device;
    const cf_hash *key;   /* the CURVE key of a connection or guest */
    const cf_hash *entry; /* its hash */
    const cf_id *collection;
    const char *address; /* of the other end */
    const char *why;     /* for people; no content, no names that users gave */
    uint64_t size;       /* bytes; 0: left out */
    bool is_detail;      /* only for who wants to know more */
} cf_audit_event;

#endif
