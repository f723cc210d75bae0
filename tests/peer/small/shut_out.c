/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/shut_out.h"

#include "codec/envelope.h"
#include "tests/support/expect.h"

#include <stdlib.h>

/* ---- Acts on the member log ---- */

cf_peer *peer_of(small_device *self)
{
    return cf_engine_peer(self->engine);
}

const cf_registry *registry_of(small_device *self)
{
    return cf_log_registry(peer_of(self)->log);
}

void open_epoch(small_device *owner, const cf_hash *but, cf_arena *arena, cf_opening *out)
{
    const cf_registry *registry = registry_of(owner);
    size_t count = cf_registry_device_count(registry);
    cf_addressee *to = cf_arena_allocate(arena, count, sizeof *to);
    uint8_t key[32], *random = cf_arena_allocate(arena, count, 32);
    cf_opening_parts parts = {.ring = peer_of(owner)->ring, .key = key, .addressees = to};
    cf_error error;

    for (size_t i = 0; i < count; i++) {
        const cf_device *known = cf_registry_device_at(registry, i);

        if (!known->is_valid || cf_hash_equal(&known->id, but))
            continue;
        to[parts.count].device = known->id;
        memcpy(to[parts.count++].sealing, known->keys.sealing, 32);
    }
    owner->env.random(owner->env.context, key, sizeof key);
    owner->env.random(owner->env.context, random, 32 * count);
    parts.random = random;
    expect_ok(cf_opening_make(&parts, arena, out, &error), error);
}

void revoke(small_device *owner, const cf_hash *whom, const cf_heads *heads)
{
    cf_member member = {.kind = CF_MEMBER_REVOKE,
                        .device = *whom,
                        .heads = heads->heads,
                        .head_count = heads->count,
                        .opens = true};
    cf_arena arena = {0};
    cf_error error;

    open_epoch(owner, whom, &arena, &member.opening);
    expect_ok(cf_peer_publish_member(peer_of(owner), &member, &error), error);
    cf_arena_release(&arena);
}

cf_hash id_of(small_device *self)
{
    return *cf_peer_device(peer_of(self));
}

cf_heads heads_of(small_device *holder, const cf_hash *whom)
{
    cf_heads heads = {0};
    cf_error error;

    expect_ok(cf_log_device_heads(peer_of(holder)->log, whom, &heads, &error), error);
    return heads;
}

void give_role(small_device *owner, const cf_hash *whom, cf_role role)
{
    cf_heads heads = heads_of(owner, whom);
    cf_member member = {.kind = CF_MEMBER_ROLE,
                        .device = *whom,
                        .role = role,
                        .heads = heads.heads,
                        .head_count = heads.count};
    cf_error error;

    expect_ok(cf_peer_publish_member(peer_of(owner), &member, &error), error);
    cf_heads_release(&heads);
}

void annul(small_device *at, const cf_hash *revocation)
{
    cf_keys *account = cf_keys_of_phrase(at->in->phrase);
    const cf_heads *seen = cf_registry_heads(registry_of(at));
    cf_member member = {.kind = CF_MEMBER_ANNUL, .revocation = *revocation};
    cf_buffer body = {0}, wire = {0};
    cf_hash hash;
    cf_error error;
    cf_header header = {.version = 1,
                        .type = CF_ENTRY_MEMBER,
                        .user = *cf_peer_user(peer_of(at)),
                        .device = *cf_peer_user(peer_of(at)),
                        .collection = cf_member_log_id,
                        .sequence = 1,
                        .previous = {"any sixteen byte"},
                        .after = seen->heads,
                        .after_count = seen->count};

    memset(header.previous.bytes + 16, 0, 16);
    header.writer =
        cf_writer_id(&header.user, &header.device, &header.collection, header.previous.bytes);
    cf_member_pack(&member, &body);
    expect_ok(cf_entry_build(&header, cf_buffer_view(&body), cf_keys_signing_secret(account), &wire,
                             &hash, &error),
              error);
    cf_bytes bytes = cf_buffer_view(&wire);
    expect_ok(cf_peer_take(peer_of(at), &bytes, 1, &error), error);
    cf_buffer_release(&body);
    cf_buffer_release(&wire);
    cf_keys_destroy(&account);
}

/* ---- Carrying ---- */

parcel parcel_of(small_device *from)
{
    return parcel_of_log(from->home, cf_peer_user(peer_of(from)));
}

void carry(small_device *from, small_device *to)
{
    parcel all = parcel_of(from);
    cf_error error;

    for (size_t i = 0; i < all.count; i++) {
        cf_bytes wire = cf_buffer_view(&all.wires[i]);

        expect_ok(cf_peer_take(peer_of(to), &wire, 1, &error), error);
    }
    parcel_release(&all);
}

/* ---- The world ---- */

scene a_scene(uint64_t seed)
{
    scene s = {.w = small_world_new(seed, 3)};

    s.owner = &s.w->devices[0];
    s.suspect = &s.w->devices[1];
    s.other = &s.w->devices[2];
    user_writes_text(s.owner, "report", "first");
    user_writes_text(s.suspect, "notes", "mine");
    cr_assert(small_world_settle(s.w));
    s.id = id_of(s.suspect);
    s.heads = heads_of(s.owner, &s.id);
    return s;
}

void scene_end(scene *s)
{
    cf_heads_release(&s->heads);
    small_world_destroy(&s->w);
}

void vandalise(scene *s)
{
    user_writes_text(s->suspect, "report", "ruined");
    user_writes_text(s->suspect, "spam", "buy");
    user_removes(s->suspect, "notes");
}

void sync_both(scene *s)
{
    for (int i = 0; i < 3; i++) {
        cr_assert(small_device_sync(s->owner));
        cr_assert(small_device_sync(s->other));
    }
}

void expect_unharmed(const small_device *self, const char *who)
{
    cr_expect(holds(self, "report", "first"), "%s", who);
    cr_expect(holds(self, "notes", "mine"), "%s", who);
    cr_expect_not(has_path(self, "spam"), "%s", who);
}

void expect_the_rest_alike(scene *s)
{
    cf_buffer trees[2] = {{0}, {0}};

    small_device_tree(s->owner, &trees[0]);
    small_device_tree(s->other, &trees[1]);
    cr_expect(cf_bytes_equal(cf_buffer_view(&trees[0]), cf_buffer_view(&trees[1])), "%.*s\n%.*s",
              (int)trees[0].size, (const char *)trees[0].data, (int)trees[1].size,
              (const char *)trees[1].data);
    cf_buffer_release(&trees[0]);
    cf_buffer_release(&trees[1]);
}

void go_offline(small_device *self)
{
    self->offline = true;
    small_device_crash(self); /* and its connection with it */
}
