/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of a change log: header ‖ signature ‖ body, at most CF_ENTRY_MAX bytes. The header is
 * clear, chained by hash and signed by the device; the body of a `change` is sealed.
 * codec/PROTOCOL.md, "Entries", is normative. */
#ifndef CF_CODEC_ENTRY_H
#define CF_CODEC_ENTRY_H
#include "codec/arena.h"
#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/ids.h"

enum { CF_ENTRY_VERSION = 1, CF_SIGNATURE_SIZE = 64 };

typedef enum {
    CF_ENTRY_CHANGE = 1,
    CF_ENTRY_MEMBER = 2,
    CF_ENTRY_SNAPSHOT = 3,
} cf_entry_type;

/* The end of one branch of a writer's chain. */
typedef struct {
    cf_id writer;
    uint64_t sequence;
    cf_hash hash; /* of the header at `sequence` */
} cf_head;

typedef struct {
    uint64_t version;
    uint64_t type; /* cf_entry_type, or a newer one that is passed on */
    cf_hash user;
    cf_hash device; /* hash of its signing key */
    cf_id collection;
    cf_id writer;
    uint64_t sequence;
    cf_hash previous; /* header hash of sequence - 1; when sequence is 1, 16 random bytes and then
                         zeros */
    const cf_head *after; /* ascending by writer, sequence, hash; what changed since this writer's
                             previous entry */
    size_t after_count;
    cf_hash epoch; /* all zero for `member` */
    const cf_hash *blobs;
    size_t blob_count;
    cf_hash body; /* hash of (nonce ‖ sealed body), or of the clear body */
} cf_header;

/* A parsed entry; borrows from the bytes it was read from and from the arena. */
typedef struct {
    cf_header header;
    cf_hash hash;  /* of the header's bytes: names the entry */
    cf_bytes wire; /* all of it */
    cf_bytes header_wire;
    cf_bytes sealed_under; /* the header up to, not including, its last element: associated data of
                              the body */
    cf_bytes signature;    /* 64 bytes */
    cf_bytes body;         /* nonce ‖ sealed body, or the clear body of a member entry */
} cf_entry;

/* Parses and checks form, limits, the binding of the writer id (when sequence is 1) and of the
 * body's hash. It does not check the signature: whose key that needs is the log's to know. A header
 * of a newer version is taken with what keeps its place in every version: epoch and blobs are empty
 * then, and what the entry says can't be read. CF_TOO_LARGE: beyond a limit; else CF_MALFORMED, or
 * CF_FORGED where an id or hash does not fit. */
cf_status cf_entry_read(cf_bytes wire, cf_arena *arena, cf_entry *out, cf_error *error);
cf_dot cf_entry_dot(const cf_entry *entry);

/* CF_FORGED unless `signing_key` (32 bytes, Ed25519) is the one that the device id is the hash of
 * and it signed. */
cf_status cf_entry_verify(const cf_entry *entry, const uint8_t signing_key[32], cf_error *error);

/* The header up to its last element, to seal a body under; then the whole. */
void cf_header_pack_open(const cf_header *header, cf_buffer *out);
/* Fills header->body from `body`, signs with the 64-byte Ed25519 secret and appends the whole entry
 * to `out`; `hash` gets its name. CF_TOO_LARGE over CF_ENTRY_MAX or a limit of the header. */
cf_status cf_entry_build(cf_header *header, cf_bytes body, const uint8_t secret[64], cf_buffer *out,
                         cf_hash *hash, cf_error *error);

/* Ids that are bound to keys. The device id of the account's own key is the user id. */
cf_hash cf_device_id(const uint8_t signing_key[32]);
cf_id cf_writer_id(const cf_hash *user, const cf_hash *device, const cf_id *collection,
                   const uint8_t random[16]);
/* Fixed ids: the member log and the catalog. */
extern const cf_id cf_member_log_id;
extern const cf_id cf_catalog_id;
/* Whether a collection is one of the two, which every device keeps. */
bool cf_collection_is_common(const cf_id *collection);

#endif
