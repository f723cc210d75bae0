/* SPDX-License-Identifier: Apache-2.0 */
/* Reading; member.c writes. One function for each operation, in a table; whether the operation
 * counts is asked elsewhere. */
#include "codec/member.h"

#include "codec/heads.h"
#include "codec/limits.h"
#include "codec/pack.h"

#include <string.h>

/* Where a body is being read from, and where its lists go. */
typedef struct {
    cf_reader reader;
    cf_arena *arena;
} source;

static cf_status read_count(source *from, size_t wanted, const char *what, cf_error *error)
{
    size_t count;

    cf_status status = cf_read_array(&from->reader, &count, error);
    if (!status && count != wanted)
        status = cf_fail(error, CF_MALFORMED, "%s has %zu parts, not %zu", what, count, wanted);
    return status;
}

static cf_status read_limited(source *from, size_t limit, const char *what, size_t *count,
                              cf_error *error)
{
    cf_status status = cf_read_array(&from->reader, count, error);

    if (!status && *count > limit)
        status = cf_fail(error, CF_TOO_LARGE, "%zu %s", *count, what);
    return status;
}

static cf_status read_hash(source *from, cf_hash *hash, cf_error *error)
{
    return cf_read_bin_exact(&from->reader, hash->bytes, CF_HASH_SIZE, error);
}

static cf_status read_sealed_key(source *from, cf_sealed_key *key, cf_error *error)
{
    return cf_read_bin_exact(&from->reader, key->bytes, CF_SEALED_KEY_SIZE, error);
}

static cf_status read_keys(source *from, cf_public_keys *keys, cf_error *error)
{
    cf_status status = read_count(from, 3, "a set of keys", error);

    if (!status)
        status = cf_read_bin_exact(&from->reader, keys->signing, sizeof keys->signing, error);
    if (!status)
        status = cf_read_bin_exact(&from->reader, keys->curve, sizeof keys->curve, error);
    if (!status)
        status = cf_read_bin_exact(&from->reader, keys->sealing, sizeof keys->sealing, error);
    return status;
}

static cf_status read_recipients(source *from, cf_opening *opening, cf_error *error)
{
    size_t count;

    cf_status status = read_limited(from, CF_MEMBER_RECIPIENTS_MAX, "recipients", &count, error);
    if (status)
        return status;
    cf_recipient *recipients = cf_arena_allocate(from->arena, count, sizeof *recipients);
    for (size_t i = 0; i < count; i++) {
        status = read_count(from, 2, "a recipient", error);
        if (!status)
            status = read_hash(from, &recipients[i].device, error);
        if (!status)
            status = read_sealed_key(from, &recipients[i].key, error);
        if (!status && i > 0 &&
            cf_hash_compare(&recipients[i - 1].device, &recipients[i].device) >= 0)
            status = cf_fail(error, CF_MALFORMED, "recipients are not ascending");
        if (status)
            return status;
    }
    opening->recipients = recipients;
    opening->recipient_count = count;
    return CF_OK;
}

static cf_status read_opening(source *from, cf_member *member, cf_error *error)
{
    enum { EARLIER_MAX = CF_MEMBER_EPOCHS_MAX * 2 * CF_HASH_SIZE + 128 };
    cf_opening *opening = &member->opening;

    member->opens = true;
    cf_status status = read_count(from, 3, "an opening", error);
    if (!status)
        status = read_hash(from, &opening->commitment, error);
    if (!status)
        status = read_recipients(from, opening, error);
    if (!status)
        status = cf_read_bin(&from->reader, &opening->earlier, error);
    if (!status && opening->earlier.size > EARLIER_MAX)
        status = cf_fail(error, CF_TOO_LARGE, "too many earlier keys");
    return status;
}

static cf_status next_is_nil(source *from, bool *is_nil, cf_error *error)
{
    cf_type type;

    cf_status status = cf_read_type(&from->reader, &type, error);
    if (status)
        return status;
    *is_nil = type == CF_TYPE_NIL;
    return *is_nil ? cf_read_nil(&from->reader, error) : CF_OK;
}

static cf_status read_shares(source *from, cf_access *access, cf_error *error)
{
    size_t count;

    cf_status status = read_limited(from, CF_MEMBER_SHARES_MAX, "shares", &count, error);
    if (status)
        return status;
    cf_share *shares = cf_arena_allocate(from->arena, count, sizeof *shares);
    for (size_t i = 0; i < count; i++) {
        status = read_count(from, 2, "a share", error);
        if (!status)
            status =
                cf_read_bin_exact(&from->reader, shares[i].collection.bytes, CF_ID_SIZE, error);
        if (!status)
            status = read_sealed_key(from, &shares[i].key, error);
        if (!status && i > 0 &&
            cf_id_compare(&shares[i - 1].collection, &shares[i].collection) >= 0)
            status = cf_fail(error, CF_MALFORMED, "shares are not ascending");
        if (status)
            return status;
    }
    access->limited = true;
    access->shares = shares;
    access->share_count = count;
    return CF_OK;
}

static cf_status read_access(source *from, cf_access *access, cf_error *error)
{
    bool none;
    cf_type type;

    cf_status status = next_is_nil(from, &none, error);
    if (status || none)
        return status;
    access->readable = true;
    status = read_count(from, 2, "an access", error);
    if (!status)
        status = read_hash(from, &access->epoch, error);
    if (!status)
        status = cf_read_type(&from->reader, &type, error);
    if (status)
        return status;
    return type == CF_TYPE_BIN ? read_sealed_key(from, &access->key, error)
                               : read_shares(from, access, error);
}

static cf_status read_role(source *from, cf_role *role, cf_error *error)
{
    uint64_t number;

    cf_status status = cf_read_uint(&from->reader, &number, error);
    if (!status && (number < CF_ROLE_OWNER || number > CF_ROLE_RELAY))
        status = cf_fail(error, CF_MALFORMED, "an unknown role");
    if (!status)
        *role = (cf_role)number;
    return status;
}

static cf_status read_heads(source *from, cf_member *member, cf_error *error)
{
    cf_heads heads = {0};

    cf_status status = cf_heads_read(&from->reader, CF_MEMBER_HEADS_MAX, &heads, error);
    if (!status) {
        cf_bytes all = cf_bytes_of(heads.heads, heads.count * sizeof *heads.heads);
        member->heads = (const cf_head *)(const void *)cf_arena_copy(from->arena, all).data;
        member->head_count = heads.count;
    }
    cf_heads_release(&heads);
    return status;
}

static cf_status read_first(source *from, cf_member *out, cf_error *error)
{
    cf_status status = read_keys(from, &out->keys, error);

    return status ? status : read_opening(from, out, error);
}

static cf_status read_add(source *from, cf_member *out, cf_error *error)
{
    cf_status status = read_keys(from, &out->keys, error);

    if (!status)
        status = cf_read_bin_exact(&from->reader, out->proof, sizeof out->proof, error);
    if (!status)
        status = read_role(from, &out->role, error);
    if (!status)
        status = read_access(from, &out->access, error);
    if (!status && out->access.readable != (out->role != CF_ROLE_RELAY))
        status = cf_fail(error, CF_MALFORMED, "a relay gets no key, the others do");
    return status;
}

static cf_status read_grant(source *from, cf_member *out, cf_error *error)
{
    cf_status status = read_hash(from, &out->device, error);

    if (!status)
        status = read_access(from, &out->access, error);
    if (!status && !out->access.readable)
        status = cf_fail(error, CF_MALFORMED, "nothing is granted");
    return status;
}

static cf_status read_revoke(source *from, cf_member *out, cf_error *error)
{
    cf_status status = read_hash(from, &out->device, error);

    if (!status)
        status = read_heads(from, out, error);
    return status ? status : read_opening(from, out, error);
}

static cf_status read_annul(source *from, cf_member *out, cf_error *error)
{
    return read_hash(from, &out->revocation, error);
}

static cf_status read_home(source *from, cf_member *out, cf_error *error)
{
    cf_status status = cf_read_uint(&from->reader, &out->generation, error);

    if (!status)
        status = cf_read_text(&from->reader, &out->address, error);
    if (!status && out->generation == 0)
        status = cf_fail(error, CF_MALFORMED, "homes are counted from 1");
    if (!status && (out->address.size == 0 || out->address.size > CF_MEMBER_ADDRESS_MAX))
        status = cf_fail(error, CF_TOO_LARGE, "an address of %zu bytes", out->address.size);
    return status;
}

static cf_status read_role_change(source *from, cf_member *out, cf_error *error)
{
    bool none;

    cf_status status = read_hash(from, &out->device, error);
    if (!status)
        status = read_role(from, &out->role, error);
    if (!status)
        status = read_heads(from, out, error);
    source ahead = *from;
    if (!status)
        status = next_is_nil(&ahead, &none, error);
    if (status)
        return status;
    if (!none)
        return read_opening(from, out, error);
    *from = ahead;
    return CF_OK;
}

static const struct {
    size_t elements;
    cf_status (*read)(source *from, cf_member *out, cf_error *error);
} shapes[] = {
    [CF_MEMBER_FIRST] = {2, read_first},      [CF_MEMBER_ADD] = {4, read_add},
    [CF_MEMBER_EPOCH] = {1, read_opening},    [CF_MEMBER_GRANT] = {2, read_grant},
    [CF_MEMBER_REVOKE] = {3, read_revoke},    [CF_MEMBER_ANNUL] = {1, read_annul},
    [CF_MEMBER_LEAVE] = {1, read_heads},      [CF_MEMBER_HOME] = {2, read_home},
    [CF_MEMBER_ROLE] = {4, read_role_change},
};

cf_status cf_member_read(cf_bytes body, cf_arena *arena, cf_member *out, cf_error *error)
{
    source from = {cf_reader_of(body), arena};
    cf_member member = {0};
    uint64_t kind = 0;
    size_t count;

    cf_status status = cf_read_array(&from.reader, &count, error);
    if (!status)
        status = cf_read_uint(&from.reader, &kind, error);
    if (!status && (kind < CF_MEMBER_FIRST || kind > CF_MEMBER_ROLE))
        status = cf_fail(error, CF_MALFORMED, "an unknown member operation");
    if (!status && count != 2 + shapes[kind].elements)
        status = cf_fail(error, CF_MALFORMED, "a member operation has %zu parts", count);
    if (!status)
        status = cf_read_uint(&from.reader, &member.time_ms, error);
    if (!status && member.time_ms > CF_TIME_MS_MAX)
        status = cf_fail(error, CF_MALFORMED, "a time after the year 9999");
    if (!status)
        status = shapes[kind].read(&from, &member, error);
    if (!status)
        status = cf_read_end(&from.reader, error);
    if (status)
        return status;
    member.kind = (cf_member_kind)kind;
    *out = member;
    return CF_OK;
}
