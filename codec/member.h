/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of the member log: clear bodies, readable by brokers, that say whose devices are
 * whose and to whom the content keys are sealed. This file knows their form, not whether they count
 * (that is decided over the whole log). codec/PROTOCOL.md, "Membership", is normative. */
#ifndef CF_CODEC_MEMBER_H
#define CF_CODEC_MEMBER_H
#include "codec/arena.h"
#include "codec/entry.h"
#include "codec/limits.h"
#include "codec/ring.h"

typedef enum {
    CF_MEMBER_FIRST = 1,  /* by the account: its keys; opens the first epoch */
    CF_MEMBER_ADD = 2,    /* a device joins */
    CF_MEMBER_EPOCH = 3,  /* a new content key */
    CF_MEMBER_GRANT = 4,  /* a content key for a device that lacks it */
    CF_MEMBER_REVOKE = 5, /* a device is out, and a new content key */
    CF_MEMBER_ANNUL = 6,  /* by the account: a revocation is void */
    CF_MEMBER_LEAVE = 7,  /* a device takes itself out */
    CF_MEMBER_HOME = 8,   /* where the home broker is */
    CF_MEMBER_ROLE = 9,   /* a device's role changes */
} cf_member_kind;

typedef enum {
    CF_ROLE_OWNER = 1,  /* admits and revokes devices */
    CF_ROLE_MEMBER = 2, /* reads and writes */
    CF_ROLE_READER = 3, /* reads */
    CF_ROLE_RELAY = 4,  /* carries, can't read */
} cf_role;

enum {
    CF_MEMBER_RECIPIENTS_MAX = 1024,
    CF_MEMBER_EPOCHS_MAX = 4096,
    CF_MEMBER_HEADS_MAX = 8192,
    CF_MEMBER_HEADS_NAMED_MAX = 6144, /* by an author */
    CF_MEMBER_SHARES_MAX = 1024,
    CF_MEMBER_ADDRESS_MAX = 512,
    CF_SEALED_KEY_SIZE = 80,
};

/* Packed, at most: a head of an operation or of `after`, a recipient or a share, an earlier key. */
enum { CF_MEMBER_PACKED_HEAD = 62, CF_MEMBER_PACKED_KEY = 117, CF_MEMBER_PACKED_EPOCH = 64 };

static_assert(CF_MEMBER_PACKED_HEAD * (CF_ENTRY_AFTER_MAX + CF_MEMBER_HEADS_NAMED_MAX) +
                      CF_MEMBER_PACKED_KEY * CF_MEMBER_RECIPIENTS_MAX +
                      CF_MEMBER_PACKED_EPOCH * CF_MEMBER_EPOCHS_MAX + CF_PACKED_AROUND <=
                  CF_ENTRY_MAX,
              "a revocation fits into an entry, however many heads, devices and keys there are");
static_assert(CF_MEMBER_PACKED_KEY * CF_MEMBER_SHARES_MAX + CF_PACKED_AROUND <= CF_ENTRY_MAX,
              "and so does an access");
static_assert(CF_HEADS_OF_DEVICE_MAX + CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX <=
                      CF_MEMBER_HEADS_NAMED_MAX &&
                  CF_MEMBER_HEADS_NAMED_MAX <= CF_MEMBER_HEADS_MAX,
              "all is named that a log takes of a device from its own sessions");
static_assert(CF_HEADS_OF_DEVICE_MAX + CF_HEADS_OF_MEMBER_LOG_MAX <= CF_MEMBER_HEADS_MAX,
              "and all is read, were all heads of the member log the device's, too");

/* A content key that only the holder of one sealing key opens. */
typedef struct {
    uint8_t bytes[CF_SEALED_KEY_SIZE];
} cf_sealed_key;

typedef struct {
    cf_hash device;
    cf_sealed_key key;
} cf_recipient;

/* Opens an epoch, whose name is the hash of the entry that carries this. */
typedef struct {
    cf_hash commitment;
    const cf_recipient *recipients; /* ascending by device */
    size_t recipient_count;
    cf_bytes earlier; /* all earlier content keys, sealed under the new one; may be empty */
} cf_opening;

typedef struct {
    cf_id collection;
    cf_sealed_key key; /* of the collection's key, not of the epoch's */
} cf_share;

/* What a device may read: nothing, an epoch's content key, or some collections only. */
typedef struct {
    bool readable;
    cf_hash epoch;
    bool limited;
    cf_sealed_key key; /* unless limited */
    const cf_share *shares;
    size_t share_count; /* ascending by collection; when limited */
} cf_access;

/* Which members are used goes by the kind. Borrows from what it was read from and from the arena.
 */
typedef struct {
    cf_member_kind kind;
    uint64_t time_ms;     /* the author's clock; for people only */
    cf_public_keys keys;  /* FIRST: the account's; ADD: the newcomer's */
    uint8_t proof[64];    /* ADD: the newcomer's signature, cf_keys_prove */
    cf_role role;         /* ADD, ROLE */
    cf_access access;     /* ADD, GRANT */
    cf_hash device;       /* GRANT, REVOKE, ROLE: whom it is about */
    const cf_head *heads; /* REVOKE, LEAVE, ROLE: the device's heads that count, one a branch, */
    size_t head_count;    /* ascending by writer, hash */
    bool opens;           /* always in FIRST, EPOCH, REVOKE; ROLE: maybe; never in others */
    cf_opening opening;   /* when it opens */
    cf_hash revocation;   /* ANNUL: hash of the entry that revoked */
    uint64_t generation;  /* HOME: 1 for the first, one more for each later one */
    cf_bytes address;     /* HOME: a line as codec/address.h writes it */
} cf_member;

/* The body of a `member` entry. */
void cf_member_pack(const cf_member *member, cf_buffer *out);
/* Strict: form, order, limits. Not: proofs, signatures, whether the author may. */
cf_status cf_member_read(cf_bytes body, cf_arena *arena, cf_member *out, cf_error *error);

const char *cf_role_name(cf_role role);
/* CF_USAGE, and says which role is unknown. */
cf_status cf_role_read(const char *name, cf_role *out, cf_error *error);

#endif
