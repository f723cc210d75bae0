/* SPDX-License-Identifier: Apache-2.0 */
/* Writing; member_read.c reads. */
#include "codec/member.h"

#include "codec/heads.h"
#include "codec/pack.h"

#include <assert.h>
#include <string.h>

static void pack_hash(cf_buffer *out, const cf_hash *hash)
{
    cf_pack_bin(out, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
}

static void pack_sealed_key(cf_buffer *out, const cf_sealed_key *key)
{
    cf_pack_bin(out, cf_bytes_of(key->bytes, CF_SEALED_KEY_SIZE));
}

static void pack_keys(cf_buffer *out, const cf_public_keys *keys)
{
    cf_pack_array(out, 3);
    cf_pack_bin(out, cf_bytes_of(keys->signing, sizeof keys->signing));
    cf_pack_bin(out, cf_bytes_of(keys->curve, sizeof keys->curve));
    cf_pack_bin(out, cf_bytes_of(keys->sealing, sizeof keys->sealing));
}

static void pack_opening(cf_buffer *out, const cf_opening *opening)
{
    cf_pack_array(out, 3);
    pack_hash(out, &opening->commitment);
    cf_pack_array(out, opening->recipient_count);
    for (size_t i = 0; i < opening->recipient_count; i++) {
        cf_pack_array(out, 2);
        pack_hash(out, &opening->recipients[i].device);
        pack_sealed_key(out, &opening->recipients[i].key);
    }
    cf_pack_bin(out, opening->earlier);
}

static void pack_opening_or_nil(cf_buffer *out, const cf_member *member)
{
    if (member->opens)
        pack_opening(out, &member->opening);
    else
        cf_pack_nil(out);
}

/* nil | [epoch, key] | [epoch, [[collection, key]…]] */
static void pack_access(cf_buffer *out, const cf_access *access)
{
    if (!access->readable) {
        cf_pack_nil(out);
        return;
    }
    cf_pack_array(out, 2);
    pack_hash(out, &access->epoch);
    if (!access->limited) {
        pack_sealed_key(out, &access->key);
        return;
    }
    cf_pack_array(out, access->share_count);
    for (size_t i = 0; i < access->share_count; i++) {
        cf_pack_array(out, 2);
        cf_pack_bin(out, cf_bytes_of(access->shares[i].collection.bytes, CF_ID_SIZE));
        pack_sealed_key(out, &access->shares[i].key);
    }
}

static void pack_first(const cf_member *member, cf_buffer *out)
{
    pack_keys(out, &member->keys);
    pack_opening(out, &member->opening);
}

static void pack_add(const cf_member *member, cf_buffer *out)
{
    pack_keys(out, &member->keys);
    cf_pack_bin(out, cf_bytes_of(member->proof, sizeof member->proof));
    cf_pack_uint(out, member->role);
    pack_access(out, &member->access);
}

static void pack_epoch(const cf_member *member, cf_buffer *out)
{
    pack_opening(out, &member->opening);
}

static void pack_grant(const cf_member *member, cf_buffer *out)
{
    pack_hash(out, &member->device);
    pack_access(out, &member->access);
}

static void pack_revoke(const cf_member *member, cf_buffer *out)
{
    pack_hash(out, &member->device);
    cf_heads_pack(out, member->heads, member->head_count);
    pack_opening(out, &member->opening);
}

static void pack_annul(const cf_member *member, cf_buffer *out)
{
    pack_hash(out, &member->revocation);
}

static void pack_leave(const cf_member *member, cf_buffer *out)
{
    cf_heads_pack(out, member->heads, member->head_count);
}

static void pack_home(const cf_member *member, cf_buffer *out)
{
    cf_pack_uint(out, member->generation);
    cf_pack_text(out, member->address);
}

static void pack_role(const cf_member *member, cf_buffer *out)
{
    pack_hash(out, &member->device);
    cf_pack_uint(out, member->role);
    cf_heads_pack(out, member->heads, member->head_count);
    pack_opening_or_nil(out, member);
}

/* What follows kind and time: how many elements, and which. */
static const struct {
    size_t elements;
    void (*pack)(const cf_member *member, cf_buffer *out);
} shapes[] = {
    [CF_MEMBER_FIRST] = {2, pack_first},   [CF_MEMBER_ADD] = {4, pack_add},
    [CF_MEMBER_EPOCH] = {1, pack_epoch},   [CF_MEMBER_GRANT] = {2, pack_grant},
    [CF_MEMBER_REVOKE] = {3, pack_revoke}, [CF_MEMBER_ANNUL] = {1, pack_annul},
    [CF_MEMBER_LEAVE] = {1, pack_leave},   [CF_MEMBER_HOME] = {2, pack_home},
    [CF_MEMBER_ROLE] = {4, pack_role},
};

void cf_member_pack(const cf_member *member, cf_buffer *out)
{
    assert(member->kind >= CF_MEMBER_FIRST && member->kind <= CF_MEMBER_ROLE);
    cf_pack_array(out, 2 + shapes[member->kind].elements);
    cf_pack_uint(out, member->kind);
    cf_pack_uint(out, member->time_ms);
    shapes[member->kind].pack(member, out);
}

static const char *const role_names[] = {
    [CF_ROLE_OWNER] = "owner",
    [CF_ROLE_MEMBER] = "member",
    [CF_ROLE_READER] = "reader",
    [CF_ROLE_RELAY] = "relay",
};

const char *cf_role_name(cf_role role)
{
    return role_names[role];
}

cf_status cf_role_read(const char *name, cf_role *out, cf_error *error)
{
    for (cf_role role = CF_ROLE_OWNER; role <= CF_ROLE_RELAY; role++)
        if (strcmp(name, role_names[role]) == 0) {
            *out = role;
            return CF_OK;
        }
    return cf_fail(error, CF_USAGE, "unknown role %.64s", name);
}
