/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of folders when devices are shut out: what they write counts for nothing, whoever
 * brings it and whenever it comes, and all others end alike. */
#include "tests/peer/small_folder.h"

#include "codec/envelope.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILES = 12 };

/* ---- Acts on the member log ---- */

static cf_peer *peer_of(device *self)
{
    return cf_engine_peer(self->engine);
}

static const cf_registry *registry_of(device *self)
{
    return cf_log_registry(peer_of(self)->log);
}

/* A new epoch for all that are valid but one, as an owner opens it. */
static void open_epoch(device *owner, const cf_hash *but, cf_arena *arena, cf_opening *out)
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

/* What counts of the device is what `heads` names. */
static void revoke(device *owner, const cf_hash *whom, const cf_heads *heads)
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

static cf_hash id_of(device *self)
{
    return *cf_peer_device(peer_of(self));
}

static cf_heads heads_of(device *holder, const cf_hash *whom)
{
    cf_heads heads = {0};
    cf_error error;

    expect_ok(cf_log_device_heads(peer_of(holder)->log, whom, &heads, &error), error);
    return heads;
}

static void make_owner(device *owner, const cf_hash *whom)
{
    cf_heads heads = heads_of(owner, whom);
    cf_member role = {.kind = CF_MEMBER_ROLE,
                      .device = *whom,
                      .role = CF_ROLE_OWNER,
                      .heads = heads.heads,
                      .head_count = heads.count};
    cf_error error;

    expect_ok(cf_peer_publish_member(peer_of(owner), &role, &error), error);
    cf_heads_release(&heads);
}

/* With the phrase in hand, at this device. */
static void annul(device *at, const cf_hash *revocation)
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

typedef struct {
    cf_buffer *wires;
    size_t count, capacity;
} parcel;

static bool pack(void *context, uint64_t position, cf_bytes wire)
{
    parcel *self = context;

    (void)position;
    self->wires = cf_grow(self->wires, &self->capacity, self->count + 1, sizeof *self->wires);
    self->wires[self->count] = (cf_buffer){0};
    cf_buffer_append(&self->wires[self->count++], wire.data, wire.size);
    return true;
}

/* All that one device holds, by hand to another. */
static void carry(device *from, device *to)
{
    cf_store *store = cf_home_store(from->home);
    parcel all = {0};
    cf_error error;

    expect_ok(store->read(store, cf_peer_user(peer_of(from)), 1, pack, &all, &error), error);
    for (size_t i = 0; i < all.count; i++) {
        cf_bytes wire = cf_buffer_view(&all.wires[i]);

        expect_ok(cf_peer_take(peer_of(to), &wire, 1, &error), error);
        cf_buffer_release(&all.wires[i]);
    }
    free(all.wires);
}

/* ---- The world ---- */

static bool holds(const device *self, const char *path, const char *text)
{
    cf_buffer bytes = {0};
    bool equal = user_reads(self, path, &bytes) &&
                 cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(text));

    cf_buffer_release(&bytes);
    return equal;
}

static bool has(const device *self, const char *path)
{
    char token[64];

    return device_token(self, path, token);
}

/* An owner, one whom this is about, and another; all hold the same. */
typedef struct {
    world *w;
    device *owner, *suspect, *other;
    cf_hash id;     /* of the suspect */
    cf_heads heads; /* of it, by then */
} scene;

static scene a_scene(uint64_t seed)
{
    scene s = {.w = world_new(seed, 3)};

    s.owner = &s.w->devices[0];
    s.suspect = &s.w->devices[1];
    s.other = &s.w->devices[2];
    user_writes_text(s.owner, "report", "first");
    user_writes_text(s.suspect, "notes", "mine");
    cr_assert(world_settle(s.w));
    s.id = id_of(s.suspect);
    s.heads = heads_of(s.owner, &s.id);
    return s;
}

static void end(scene *s)
{
    cf_heads_release(&s->heads);
    world_destroy(&s->w);
}

static void vandalise(scene *s)
{
    user_writes_text(s->suspect, "report", "ruined");
    user_writes_text(s->suspect, "spam", "buy");
    user_removes(s->suspect, "notes");
}

static void sync_both(scene *s)
{
    for (int i = 0; i < 3; i++) {
        cr_assert(device_sync(s->owner));
        cr_assert(device_sync(s->other));
    }
}

static void expect_unharmed(const device *self, const char *who)
{
    cr_expect(holds(self, "report", "first"), "%s", who);
    cr_expect(holds(self, "notes", "mine"), "%s", who);
    cr_expect_not(has(self, "spam"), "%s", who);
}

static void expect_the_rest_alike(scene *s)
{
    cf_buffer trees[2] = {{0}, {0}};

    device_tree(s->owner, &trees[0]);
    device_tree(s->other, &trees[1]);
    cr_expect(cf_bytes_equal(cf_buffer_view(&trees[0]), cf_buffer_view(&trees[1])), "%.*s\n%.*s",
              (int)trees[0].size, (const char *)trees[0].data, (int)trees[1].size,
              (const char *)trees[1].data);
    cf_buffer_release(&trees[0]);
    cf_buffer_release(&trees[1]);
}

static void go_offline(device *self)
{
    self->offline = true;
    device_crash(self); /* and its connection with it */
}

/* ---- Tests ---- */

Test(engine_revoked, ignores_what_others_bring_of_a_device_that_is_out)
{
    scene s = a_scene(1);

    go_offline(s.suspect);
    vandalise(&s);
    device_sync(s.suspect);
    revoke(s.owner, &s.id, &s.heads);
    sync_both(&s);
    uint64_t before = world_entries(s.w);
    carry(s.suspect, s.other);
    sync_both(&s);
    cr_expect_gt(world_entries(s.w), before, "kept all the same");
    expect_unharmed(s.owner, "owner");
    expect_unharmed(s.other, "other");
    user_writes_text(s.other, "report", "second");
    sync_both(&s);
    cr_expect(holds(s.owner, "report", "second"));
    expect_the_rest_alike(&s);
    end(&s);
}

/* The entries come first, and the revocation later. */
Test(engine_revoked, takes_back_what_was_on_the_disks_already)
{
    scene s = a_scene(2);

    vandalise(&s);
    cr_assert(world_settle(s.w));
    cr_assert(has(s.other, "spam"));
    user_writes_text(s.other, "own", "work of another");
    cr_assert(world_settle(s.w));
    revoke(s.owner, &s.id, &s.heads);
    sync_both(&s);
    expect_unharmed(s.owner, "owner");
    expect_unharmed(s.other, "other");
    cr_expect(holds(s.owner, "own", "work of another"));
    expect_the_rest_alike(&s);
    end(&s);
}

Test(engine_revoked, gives_back_what_the_account_annuls)
{
    scene s = a_scene(3);

    vandalise(&s);
    cr_assert(world_settle(s.w));
    revoke(s.owner, &s.id, &s.heads);
    sync_both(&s);
    expect_unharmed(s.other, "other");
    annul(s.other, &cf_registry_device(registry_of(s.other), &s.id)->ended);
    sync_both(&s);
    cr_expect(holds(s.owner, "report", "ruined"));
    cr_expect(holds(s.other, "spam", "buy"));
    cr_expect_not(has(s.owner, "notes"));
    expect_the_rest_alike(&s);
    end(&s);
}

/* Entries that the revocation leaves may come after it; until its head is here they are void. */
Test(engine_revoked, counts_what_a_revocation_leaves_in_whatever_order_it_comes)
{
    scene s = a_scene(4);

    device_unplug(s.other);
    user_writes_text(s.suspect, "late", "but in time");
    cr_assert(device_sync(s.suspect));
    cr_assert(device_sync(s.owner));
    cf_heads heads = heads_of(s.owner, &s.id);
    vandalise(&s);
    cr_assert(device_sync(s.suspect));
    cr_assert(device_sync(s.owner));
    revoke(s.owner, &s.id, &heads);
    /* The member log first, then the rest. */
    cf_bytes last =
        cf_registry_entry(registry_of(s.owner), cf_registry_count(registry_of(s.owner)) - 1);
    cf_error error;
    expect_ok(cf_peer_take(peer_of(s.other), &last, 1, &error), error);
    carry(s.suspect, s.other);
    s.other->offline = false;
    sync_both(&s);
    cr_expect(holds(s.other, "late", "but in time"));
    expect_unharmed(s.other, "other");
    expect_unharmed(s.owner, "owner");
    expect_the_rest_alike(&s);
    cf_heads_release(&heads);
    end(&s);
}

/* The process ends after the revocation is in the log, and before the folders are worked out. */
Test(engine_revoked, goes_on_with_it_after_a_restart)
{
    scene s = a_scene(5);
    cf_offer offer = {.bringer = CF_BRINGER_DEVICE};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    vandalise(&s);
    cr_assert(world_settle(s.w));
    revoke(s.owner, &s.id, &s.heads);
    cf_bytes last =
        cf_registry_entry(registry_of(s.owner), cf_registry_count(registry_of(s.owner)) - 1);
    expect_ok(cf_entry_read(last, &arena, &entry, &error), error);
    cf_log_append(peer_of(s.other)->log, &entry, &offer, NULL, 0, NULL, NULL);
    cf_store *store = cf_home_store(s.other->home);
    expect_ok(store->commit(store, &error), error);
    go_offline(s.other);
    device_sync(s.other);
    expect_unharmed(s.other, "other");
    cf_arena_release(&arena);
    end(&s);
}

/* What can't be read yet waits for its key; when that comes, it comes too late. */
Test(engine_revoked, ignores_void_entries_that_waited_for_their_key)
{
    scene s = a_scene(8);
    cf_hash others = id_of(s.other);
    cf_member fresh = {.kind = CF_MEMBER_EPOCH, .opens = true};
    cf_arena arena = {0};
    cf_error error;

    open_epoch(s.owner, &others, &arena, &fresh.opening);
    expect_ok(cf_peer_publish_member(peer_of(s.owner), &fresh, &error), error);
    carry(s.owner, s.suspect); /* an owner at the broker would grant the other the key */
    vandalise(&s);
    cr_assert(device_sync(s.suspect));
    device_sync(s.other);
    expect_unharmed(s.other, "it can't read that");
    revoke(s.owner, &s.id, &s.heads); /* and with the new key come all earlier ones */
    sync_both(&s);
    expect_unharmed(s.other, "other");
    user_writes_text(s.owner, "more", "is read");
    sync_both(&s);
    cr_expect(holds(s.other, "more", "is read"));
    expect_the_rest_alike(&s);
    cf_arena_release(&arena);
    end(&s);
}

/* An epoch that the other can't read; in it the owner writes, the suspect over that, and more. */
static void work_without_the_other(scene *s)
{
    cf_hash others = id_of(s->other);
    cf_member fresh = {.kind = CF_MEMBER_EPOCH, .opens = true};
    cf_arena arena = {0};
    cf_error error;

    for (int i = 0; i < 3; i++)
        device_unplug(&s->w->devices[i]);
    open_epoch(s->owner, &others, &arena, &fresh.opening);
    expect_ok(cf_peer_publish_member(peer_of(s->owner), &fresh, &error), error);
    user_writes_text(s->owner, "report", "second");
    device_sync(s->owner);
    carry(s->owner, s->suspect);
    device_sync(s->suspect);
    user_writes_text(s->suspect, "report", "third");
    device_sync(s->suspect);
    user_writes_text(s->suspect, "notes", "the last word");
    device_sync(s->suspect);
    carry(s->suspect, s->owner);
    cf_arena_release(&arena);
}

static void plug_in_the_rest(scene *s)
{
    s->owner->offline = s->other->offline = false;
    sync_both(s);
    cr_expect(holds(s->other, "report", "third"));
    cr_expect(holds(s->other, "notes", "the last word"));
    expect_the_rest_alike(s);
}

/* World 700601: the key comes with the revocation, whose head comes last. All was read anew from
 * the log then; and once more what had waited for its key, as if nobody had replaced it since. */
Test(engine_revoked, counts_once_what_waited_for_its_key)
{
    scene s = a_scene(10);
    cf_bytes wires[64];
    parcel all = {0};
    cf_error error;

    work_without_the_other(&s);
    cf_heads heads = heads_of(s.owner, &s.id);
    cf_store *store = cf_home_store(s.suspect->home);
    expect_ok(store->read(store, cf_peer_user(peer_of(s.suspect)), 1, pack, &all, &error), error);
    cr_assert_lt(all.count, sizeof wires / sizeof *wires);
    revoke(s.owner, &s.id, &heads);
    for (size_t i = 0; i < all.count; i++)
        wires[i + (i + 2 >= all.count)] = cf_buffer_view(&all.wires[i]);
    wires[all.count - 2] =
        cf_registry_entry(registry_of(s.owner), cf_registry_count(registry_of(s.owner)) - 1);
    expect_ok(cf_peer_take(peer_of(s.other), wires, all.count + 1, &error), error);
    plug_in_the_rest(&s);
    for (size_t i = 0; i < all.count; i++)
        cf_buffer_release(&all.wires[i]);
    free(all.wires);
    cf_heads_release(&heads);
    end(&s);
}

/* The process ends when the key is kept, and before what waits for it is read. */
Test(engine_revoked, reads_what_waited_for_its_key_after_a_restart)
{
    scene s = a_scene(11);
    cf_error error;

    work_without_the_other(&s);
    carry(s.owner, s.other);
    expect_ok(
        cf_home_save_secrets(s.other->home, peer_of(s.other)->keys, peer_of(s.owner)->ring, &error),
        error);
    device_crash(s.other);
    plug_in_the_rest(&s);
    end(&s);
}

static size_t writes;
static cf_status (*real_write)(cf_store *store, const cf_hash *user, const cf_record *records,
                               size_t count, bool synced, cf_error *error);

static cf_status count_write(cf_store *store, const cf_hash *user, const cf_record *records,
                             size_t count, bool synced, cf_error *error)
{
    writes++;
    return real_write(store, user, records, count, synced, error);
}

/* Each command wrote anew, and made durable, what it could not read. */
Test(engine_revoked, writes_nothing_of_what_still_waits)
{
    scene s = a_scene(12);
    cf_store *store = cf_home_store(s.other->home);
    cf_peer *again;
    cf_error error;

    work_without_the_other(&s);
    carry(s.owner, s.other);
    real_write = store->write;
    store->write = count_write;
    expect_ok(cf_peer_open(&s.other->env, s.other->home, &again, &error), error);
    store->write = real_write;
    cr_expect_eq(writes, 0);
    cf_peer_close(&again);
    end(&s);
}

/* It is not told, mostly; and if it is, what its user did stays his. */
Test(engine_revoked, leaves_the_folder_of_a_device_that_is_out_alone)
{
    scene s = a_scene(9);

    go_offline(s.suspect);
    vandalise(&s);
    device_sync(s.suspect);
    user_writes_text(s.owner, "later", "not for all");
    device_sync(s.owner);
    revoke(s.owner, &s.id, &s.heads);
    carry(s.owner, s.suspect);
    device_sync(s.suspect);
    device_crash(s.suspect);
    device_sync(s.suspect);
    cr_expect_not(holds(s.suspect, "later", "not for all"));
    cr_expect(holds(s.suspect, "spam", "buy"));
    cr_expect(holds(s.suspect, "report", "ruined"));
    end(&s);
}

static size_t held(device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;
    size_t count = 0;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        count += status.pending[i].kind == CF_PENDING_HELD;
    cf_arena_release(&arena);
    return count;
}

Test(engine_revoked, holds_back_a_mass_delete_that_a_revocation_makes)
{
    scene s = a_scene(6);
    cf_round_options round = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};
    char name[16];

    s.w->guarded = true;
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file%d", i);
        user_writes_text(s.suspect, name, name);
    }
    cr_assert(world_settle(s.w));
    revoke(s.owner, &s.id, &s.heads);
    sync_both(&s);
    cr_expect_eq(held(s.other), FILES);
    cr_expect(has(s.other, "file3"));
    cr_expect(has(s.owner, "file3"));
    cr_assert(device_round(s.other, &round, TURNS_MAX));
    cr_expect_eq(held(s.other), 0);
    cr_expect_not(has(s.other, "file3"));
    cr_expect(holds(s.other, "notes", "mine"));
    end(&s);
}

/* Both are out, alike everywhere, whichever comes first; nobody writes before the account. */
Test(engine_revoked, puts_both_out_who_revoke_each_other)
{
    for (int order = 0; order < 2; order++) {
        scene s = a_scene(7);
        cf_hash first = id_of(s.owner);

        make_owner(s.owner, &s.id);
        cr_assert(world_settle(s.w));
        cf_heads mine = heads_of(s.owner, &first), theirs = heads_of(s.suspect, &s.id);
        revoke(s.owner, &s.id, &theirs);
        revoke(s.suspect, &first, &mine);
        carry(order ? s.owner : s.suspect, s.other);
        carry(order ? s.suspect : s.owner, s.other);
        carry(s.other, s.owner);
        carry(s.other, s.suspect);
        for (int i = 0; i < 3; i++) {
            const cf_registry *registry = registry_of(&s.w->devices[i]);

            cr_expect_not(cf_registry_is_valid(registry, &first), "order %d, %d", order, i);
            cr_expect_not(cf_registry_is_valid(registry, &s.id), "order %d, %d", order, i);
            cr_expect_null(cf_registry_epoch(registry));
        }
        cf_heads_release(&mine);
        cf_heads_release(&theirs);
        end(&s);
    }
}
