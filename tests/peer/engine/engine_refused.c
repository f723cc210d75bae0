/* SPDX-License-Identifier: Apache-2.0 */
/* What the own log refuses was not said: what lies on the disks stays, whoever asked for it is told
 * why, and the device goes on as if it had not tried. */
#include "tests/peer/small/shut_out.h"
#include "tests/peer/small/small_inside.h"
#include "tests/peer/small/small_table.h"

#include "broker/log/head_counts.h"
#include "codec/limits.h"
#include "peer/log/birth.h"
#include "peer/membership/membership.h"
#include "tests/support/expect.h"

#include <stdio.h>

static const cf_head_bounds none = {0};

/* Whether the device's log has room for a chain that it does not have yet. */
static void give_room(small_device *self, const cf_head_bounds *bounds)
{
    cf_log_bound_heads(peer_of(self)->log, bounds);
}

static const cf_binding *binding_of(const small_device *self, size_t index)
{
    return cf_engine_binding_at(self->engine, index);
}

static void expect_unsent(small_device *self, size_t index, size_t count, const char *when)
{
    cr_expect_eq(small_device_pending(self, binding_of(self, index), CF_PENDING_UNSENT), count,
                 "%s", when);
    cr_expect_eq(self->trouble, CF_OK, "%s: its engine could not go on", when);
}

/* ---- Changes ---- */

Test(engine_refused, keeps_files_until_the_log_takes_them)
{
    small_world *w = small_world_new(8101, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "theirs", "theirs");
    settles_equal(w);
    give_room(b, &none);
    user_makes(b, "way");
    user_writes_text(b, "way/notes", "mine");
    for (int round = 0; round < 3; round++) {
        small_device_sync(b);
        expect_text(b, "way/notes", "mine");
        expect_text(b, "theirs", "theirs");
        expect_unsent(b, 0, 1, "no room"); /* a directory speaks for what is in it */
    }
    user_writes_text(a, "more", "of theirs");
    small_device_sync(a);
    small_device_sync(b);
    expect_text(b, "more", "of theirs");
    expect_text(b, "way/notes", "mine");

    give_room(b, &cf_head_bounds_of_peer);
    settles_equal(w);
    expect_unsent(b, 0, 0, "room");
    expect_text(a, "way/notes", "mine");
    small_world_destroy(&w);
}

/* An edit, a move and a deletion of what others made. */
Test(engine_refused, keeps_what_was_done_to_files_until_the_log_takes_it)
{
    small_world *w = small_world_new(8102, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "notes", "theirs");
    user_writes_text(a, "list", "theirs");
    user_writes_text(a, "old", "theirs");
    settles_equal(w);
    give_room(b, &none);
    user_writes_text(b, "notes", "edited here");
    user_moves(b, "list", "moved");
    user_removes(b, "old");
    for (int round = 0; round < 3; round++) {
        small_device_sync(b);
        expect_text(b, "notes", "edited here");
        expect_text(b, "moved", "theirs");
        cr_expect_not(is_there(b, "list"));
        cr_expect_not(is_there(b, "old"));
        expect_unsent(b, 0, 3, "no room");
    }
    give_room(b, &cf_head_bounds_of_peer);
    settles_equal(w);
    expect_text(a, "notes", "edited here");
    expect_text(a, "moved", "theirs");
    cr_expect_not(is_there(a, "list"));
    cr_expect_not(is_there(a, "old"));
    small_world_destroy(&w);
}

static void writes_row(small_device *self, long id, const char *note)
{
    table rows = {0};

    user_reads_table(self, &rows);
    table_add(&rows, id, 10 * id, cf_bytes_of_text(note));
    user_writes_table(self, &rows);
    table_release(&rows);
}

static bool has_row(const small_device *self, long id)
{
    table rows = {0};

    user_reads_table(self, &rows);
    bool found = table_find(&rows, id) != NULL;
    table_release(&rows);
    return found;
}

Test(engine_refused, keeps_rows_until_the_log_takes_them)
{
    small_world *w = small_world_new(8103, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_world_bind_tables(w);
    writes_row(a, 1, "theirs");
    cr_assert(small_world_settle(w));
    give_room(b, &none);
    writes_row(b, 2, "mine");
    for (int round = 0; round < 3; round++) {
        small_device_sync(b);
        cr_expect(has_row(b, 1));
        cr_expect(has_row(b, 2));
        expect_unsent(b, 1, 1, "no room");
    }
    give_room(b, &cf_head_bounds_of_peer);
    cr_assert(small_world_settle(w));
    cr_expect(has_row(a, 2));
    expect_unsent(b, 1, 0, "room");
    small_world_destroy(&w);
}

static bool has_copy(const small_device *self)
{
    return count_texts(self, "(conflict ") > 0;
}

/* Two edited one text apart, and a third would merge it for them. */
Test(engine_refused, leaves_texts_unmerged_that_the_log_does_not_take)
{
    small_world *w = small_world_new(8106, 3);
    small_device *a = &w->devices[0], *b = &w->devices[1], *c = &w->devices[2];

    cf_engine_binding_at(c->engine, 0)->merges = true;
    user_writes_text(a, "text", "a\nb\nc\nd\ne\nf\n");
    user_writes_text(b, "other", "theirs");
    settles_equal(w);
    give_room(c, &none);
    user_writes_text(a, "text", "A\nb\nc\nd\ne\nf\n");
    user_writes_text(b, "text", "a\nb\nc\nd\ne\nF\n");
    settles_equal(w);
    cr_expect_eq(c->trouble, CF_OK, "its engine could not go on");
    cr_expect(has_copy(c));
    user_writes_text(b, "other", "edited");
    settles_equal(w);
    expect_text(c, "other", "edited");

    give_room(c, &cf_head_bounds_of_peer);
    user_writes_text(b, "text", "a\nb\nc\nd\nE\nF\n");
    settles_equal(w);
    cr_expect_not(has_copy(c));
    small_world_destroy(&w);
}

/* ---- Operations ---- */

/* Only owners annul. */
static void expect_refused(small_device *member)
{
    cf_head head;
    cf_error error;

    cf_status status = cf_membership_annul(&(cf_signatory){peer_of(member), false}, &(cf_hash){{1}},
                                           &head, &error);
    expect_fails(status, CF_DENIED);
}

Test(engine_refused, goes_on_after_an_operation_that_it_may_not_do)
{
    small_world *w = small_world_new(8104, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "theirs", "theirs");
    settles_equal(w);
    expect_refused(b);
    user_writes_text(b, "notes", "mine");
    small_device_sync(b);
    expect_text(b, "notes", "mine");
    expect_unsent(b, 0, 0, "after the first");
    expect_refused(b);
    user_writes_text(b, "list", "mine");
    settles_equal(w);
    expect_text(a, "notes", "mine");
    expect_text(a, "list", "mine");
    small_world_destroy(&w);
}

/* With the phrase in hand: the account signs with a chain of its own each time. */
Test(engine_refused, goes_on_after_an_operation_of_the_account)
{
    small_world *w = small_world_new(8107, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_keys *account = cf_keys_of_phrase(w->phrase);
    cf_head head;
    cf_error error;

    user_writes_text(a, "notes", "mine");
    settles_equal(w);
    give_room(a, &none);
    peer_of(a)->account = account;
    cf_status status =
        cf_membership_annul(&(cf_signatory){peer_of(a), true}, &(cf_hash){{1}}, &head, &error);
    peer_of(a)->account = NULL;
    expect_fails(status, CF_DENIED);
    user_writes_text(a, "notes", "edited");
    settles_equal(w);
    expect_text(b, "notes", "edited");
    cf_keys_destroy(&account);
    small_world_destroy(&w);
}

/* An entry may say no later time than the year 9999. */
Test(engine_refused, says_what_it_does_whatever_the_clock_shows)
{
    small_world *w = small_world_new(8105, 3);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    const cf_hash out = id_of(&w->devices[2]);
    const cf_signatory owner = {peer_of(a), false};
    cf_head head;
    cf_error error;

    w->now_ms = CF_TIME_MS_MAX + 1000;
    expect_ok(cf_membership_revoke(&owner, &(cf_limited){.device = &out}, &(cf_outgoers){&out, 1},
                                   &head, &error),
              error);
    user_writes_text(a, "notes", "mine");
    small_device_sync(a);
    small_device_sync(b);
    expect_text(b, "notes", "mine");
    cr_expect_not(cf_registry_is_valid(registry_of(b), &out));
    small_world_destroy(&w);
}

Test(engine_refused, bears_a_user_whatever_the_clock_shows)
{
    small_world *w = small_world_new(8108, 1);
    uint8_t id[16] = "disk of a device", phrase[CF_PHRASE_SECRET];
    cf_store_memory_disk *disk = cf_store_memory_disk_new(id);
    cf_home *home = NULL;
    cf_peer *peer = NULL;
    char path[96];
    cf_error error;

    snprintf(path, sizeof path, "%s/late", w->path);
    const cf_home_options options = {
        .env = &w->env, .path = path, .create = true, .store = cf_store_memory_new(disk)};
    expect_ok(cf_home_open(&options, &home, &error), error);
    const cf_birth birth = {&w->env, home, "desk", CF_TIME_MS_MAX + 1};
    expect_ok(cf_birth_user(&birth, phrase, &error), error);
    expect_ok(cf_peer_open(&w->env, home, &peer, &error), error);
    cr_expect(cf_registry_is_valid(cf_log_registry(peer->log), cf_peer_device(peer)));
    cf_peer_close(&peer);
    cf_home_close(&home);
    cf_store_memory_disk_destroy(&disk);
    small_world_destroy(&w);
}
