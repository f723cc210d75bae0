/* SPDX-License-Identifier: Apache-2.0 */
/* What comes before its content key, in the presence of devices that are shut out. */
#include "tests/peer/small/shut_out.h"

#include "peer/account/notes.h"
#include "peer/log/catalog.h"
#include "tests/support/expect.h"

/* What can't be read yet waits for its key; when that comes, it comes too late. */
Test(engine_waiting, ignores_void_entries_that_waited_for_their_key)
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
    cr_assert(small_device_sync(s.suspect));
    small_device_sync(s.other);
    expect_unharmed(s.other, "it can't read that");
    revoke(s.owner, &s.id, &s.heads); /* and with the new key come all earlier ones */
    sync_both(&s);
    expect_unharmed(s.other, "other");
    user_writes_text(s.owner, "more", "is read");
    sync_both(&s);
    cr_expect(holds(s.other, "more", "is read"));
    expect_the_rest_alike(&s);
    cf_arena_release(&arena);
    scene_end(&s);
}

/* An epoch that the other can't read; in it the owner writes, the suspect over that, and more. */
static void work_without_the_other(scene *s)
{
    cf_hash others = id_of(s->other);
    cf_member fresh = {.kind = CF_MEMBER_EPOCH, .opens = true};
    cf_arena arena = {0};
    cf_error error;

    for (int i = 0; i < 3; i++)
        small_device_unplug(&s->w->devices[i]);
    open_epoch(s->owner, &others, &arena, &fresh.opening);
    expect_ok(cf_peer_publish_member(peer_of(s->owner), &fresh, &error), error);
    user_writes_text(s->owner, "report", "second");
    small_device_sync(s->owner);
    carry(s->owner, s->suspect);
    small_device_sync(s->suspect);
    user_writes_text(s->suspect, "report", "third");
    small_device_sync(s->suspect);
    user_writes_text(s->suspect, "notes", "the last word");
    small_device_sync(s->suspect);
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
Test(engine_waiting, counts_once_what_waited_for_its_key)
{
    scene s = a_scene(10);
    cf_bytes wires[64];
    cf_error error;

    work_without_the_other(&s);
    cf_heads heads = heads_of(s.owner, &s.id);
    parcel all = parcel_of(s.suspect);
    cr_assert_lt(all.count, sizeof wires / sizeof *wires);
    revoke(s.owner, &s.id, &heads);
    for (size_t i = 0; i < all.count; i++)
        wires[i + (i + 2 >= all.count)] = cf_buffer_view(&all.wires[i]);
    wires[all.count - 2] =
        cf_registry_entry(registry_of(s.owner), cf_registry_count(registry_of(s.owner)) - 1);
    expect_ok(cf_peer_take(peer_of(s.other), wires, all.count + 1, &error), error);
    plug_in_the_rest(&s);
    parcel_release(&all);
    cf_heads_release(&heads);
    scene_end(&s);
}

static bool has_note(small_device *self, const char *kind)
{
    cf_notes notes = {0};
    cf_arena arena = {0};
    cf_error error;
    bool found = false;

    expect_ok(cf_notes_collect(peer_of(self), small_world_time(self->in), &arena, &notes, &error),
              error);
    for (size_t i = 0; i < notes.count; i++)
        found |= strcmp(notes.at[i].kind, kind) == 0;
    cf_notes_release(&notes);
    cf_arena_release(&arena);
    return found;
}

/* A name that was given in an epoch that the other can't read: it tells that names may be missing,
 * until the key is there. */
Test(engine_waiting, tells_that_names_may_be_missing)
{
    scene s = a_scene(13);
    cf_error error;

    work_without_the_other(&s);
    expect_ok(
        cf_catalog_name_device(peer_of(s.owner), &s.id, "tower", small_world_time(s.w), &error),
        error);
    cr_expect_not(has_note(s.other, "unread"));
    carry(s.owner, s.other);
    cr_expect(has_note(s.other, "unread"));
    cr_expect_eq(small_device_pending(s.other, NULL, CF_PENDING_WAITS), 1, "the folder's name");
    plug_in_the_rest(&s);
    cr_expect_not(has_note(s.other, "unread"));
    expect_nothing_pending(s.other);
    scene_end(&s);
}

/* The process ends when the key is kept, and before what waits for it is read. */
Test(engine_waiting, reads_what_waited_for_its_key_after_a_restart)
{
    scene s = a_scene(11);
    cf_error error;

    work_without_the_other(&s);
    carry(s.owner, s.other);
    expect_ok(
        cf_home_save_secrets(s.other->home, peer_of(s.other)->keys, peer_of(s.owner)->ring, &error),
        error);
    small_device_crash(s.other);
    plug_in_the_rest(&s);
    scene_end(&s);
}

static size_t writes;
static cf_status (*real_write)(cf_store *store, const cf_hash *user, const cf_kv *records,
                               size_t count, bool synced, cf_error *error);

static cf_status count_write(cf_store *store, const cf_hash *user, const cf_kv *records,
                             size_t count, bool synced, cf_error *error)
{
    writes++;
    return real_write(store, user, records, count, synced, error);
}

/* Each command wrote anew, and made durable, what it could not read. */
Test(engine_waiting, writes_nothing_of_what_still_waits)
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
    scene_end(&s);
}
