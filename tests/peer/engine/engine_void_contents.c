/* SPDX-License-Identifier: Apache-2.0 */
/* What void entries are good for: others' deltas may be made on what they brought. */
#include "tests/peer/small/shut_out.h"

#include "codec/content.h"
#include "peer/log/refold.h"
#include "tests/support/expect.h"

enum { SIZE = 40000 };

/* What one changed line makes of it is a small patch. */
static void compose(uint8_t edition, uint8_t bytes[SIZE])
{
    uint32_t state = 7;

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
    bytes[SIZE / 2] = edition;
}

static void write_book(small_device *self, uint8_t edition)
{
    uint8_t bytes[SIZE];

    compose(edition, bytes);
    user_writes(self, "book", bytes, sizeof bytes);
}

static bool can_make(small_device *self, uint8_t edition)
{
    uint8_t bytes[SIZE];

    compose(edition, bytes);
    cf_hash hash = cf_content_hash(cf_bytes_of(bytes, sizeof bytes));
    return cf_contents_available(peer_of(self)->contents, &self->in->collection, &hash);
}

static void expect_edition(const small_device *self, uint8_t edition, const char *who)
{
    cf_buffer bytes = {0};

    cr_assert(user_reads(self, "book", &bytes), "%s", who);
    cr_expect_eq(bytes.size, SIZE, "%s", who);
    cr_expect_eq(bytes.data[SIZE / 2], edition, "%s", who);
    cf_buffer_release(&bytes);
}

/* The owner's book has a first edition by the suspect, and a second one by the other. */
static void print_second_edition(scene *s)
{
    write_book(s->owner, 0);
    cr_assert(small_world_settle(s->w));
    small_device_unplug(s->owner);
    write_book(s->suspect, 1);
    cr_assert(small_device_sync(s->suspect));
    cr_assert(small_device_sync(s->other));
    small_device_unplug(s->suspect);
    write_book(s->other, 2);
    cr_assert(small_device_sync(s->other));
    revoke(s->owner, &s->id, &s->heads);
    s->owner->offline = false;
}

/* World 920400: who heard of the revocation first had never looked at what the void entry brought,
 * and lacked the file for ever. */
Test(engine_void_contents, are_what_a_delta_is_made_on)
{
    scene s = a_scene(1);

    print_second_edition(&s);
    sync_both(&s);
    expect_edition(s.owner, 2, "owner");
    expect_edition(s.other, 2, "other");
    expect_the_rest_alike(&s);
    scene_end(&s);
}

/* The same where all is worked out anew from the log. */
Test(engine_void_contents, are_known_of_after_a_repair)
{
    scene s = a_scene(2);
    cf_refolded ignored = {0};
    cf_error error;

    print_second_edition(&s);
    sync_both(&s);
    expect_ok(cf_table_clear(peer_of(s.owner), CF_TABLE_CONTENT, &error), error);
    expect_ok(cf_refold(peer_of(s.owner), true, &ignored, &error), error);
    cf_refolded_release(&ignored);
    cr_expect(can_make(s.owner, 1));
    cr_expect(can_make(s.owner, 2));
    scene_end(&s);
}

static void publish_epoch(small_device *owner, const cf_hash *but)
{
    cf_member fresh = {.kind = CF_MEMBER_EPOCH, .opens = true};
    cf_arena arena = {0};
    cf_error error;

    open_epoch(owner, but, &arena, &fresh.opening);
    expect_ok(cf_peer_publish_member(peer_of(owner), &fresh, &error), error);
    cf_arena_release(&arena);
}

/* An epoch of the suspect's, which the owner has no key of till the other opens the next. */
Test(engine_void_contents, are_known_of_when_their_key_comes)
{
    scene s = a_scene(3);
    cf_hash owner = id_of(s.owner), other = id_of(s.other);

    write_book(s.owner, 0);
    give_role(s.owner, &s.id, CF_ROLE_OWNER);
    give_role(s.owner, &other, CF_ROLE_OWNER);
    cr_assert(small_world_settle(s.w));
    cf_heads heads = heads_of(s.owner, &s.id);
    for (int i = 0; i < 3; i++)
        small_device_unplug(&s.w->devices[i]);
    publish_epoch(s.suspect, &owner);
    write_book(s.suspect, 1);
    user_writes_text(s.suspect, "spam", "buy");
    small_device_sync(s.suspect);
    carry(s.suspect, s.other);
    small_device_sync(s.other);
    write_book(s.other, 2);
    small_device_sync(s.other);
    revoke(s.owner, &s.id, &heads);
    carry(s.other, s.owner);
    carry(s.owner, s.other);
    publish_epoch(s.other, &s.id);
    s.owner->offline = s.other->offline = false;
    sync_both(&s);
    expect_edition(s.owner, 2, "owner");
    cr_expect_not(has_path(s.owner, "spam"));
    expect_the_rest_alike(&s);
    cf_heads_release(&heads);
    scene_end(&s);
}

static void expect_nothing_missed(small_device *self)
{
    cf_collection *collection;
    cf_error error;

    expect_ok(cf_peer_collection(peer_of(self), &self->in->collection, &collection, &error), error);
    cr_expect_null(collection->waits);
}

/* Nothing waits for what only one who is out could read. */
Test(engine_void_contents, are_missed_by_nobody)
{
    scene s = a_scene(4);
    cf_hash owner = id_of(s.owner);

    give_role(s.owner, &s.id, CF_ROLE_OWNER);
    cr_assert(small_world_settle(s.w));
    cf_heads heads = heads_of(s.owner, &s.id);
    small_device_unplug(s.suspect);
    publish_epoch(s.suspect, &owner);
    write_book(s.suspect, 1);
    small_device_sync(s.suspect);
    revoke(s.owner, &s.id, &heads);
    carry(s.suspect, s.owner);
    cr_expect(small_device_sync(s.owner));
    expect_nothing_missed(s.owner);
    small_device_crash(s.owner);
    cr_expect(small_device_sync(s.owner));
    expect_nothing_missed(s.owner);
    cf_heads_release(&heads);
    scene_end(&s);
}
