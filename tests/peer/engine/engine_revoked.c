/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of folders when devices are shut out: what they write counts for nothing, whoever
 * brings it and whenever it comes, and all others end alike. */
#include "tests/peer/small/shut_out.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILES = 120 };

Test(engine_revoked, ignores_what_others_bring_of_a_device_that_is_out)
{
    scene s = a_scene(1);

    go_offline(s.suspect);
    vandalise(&s);
    small_device_sync(s.suspect);
    revoke(s.owner, &s.id, &s.heads);
    sync_both(&s);
    uint64_t before = small_world_entries(s.w);
    carry(s.suspect, s.other);
    sync_both(&s);
    cr_expect_gt(small_world_entries(s.w), before, "kept all the same");
    expect_unharmed(s.owner, "owner");
    expect_unharmed(s.other, "other");
    user_writes_text(s.other, "report", "second");
    sync_both(&s);
    cr_expect(holds(s.owner, "report", "second"));
    expect_the_rest_alike(&s);
    scene_end(&s);
}

/* The entries come first, and the revocation later. */
Test(engine_revoked, takes_back_what_was_on_the_disks_already)
{
    scene s = a_scene(2);

    vandalise(&s);
    cr_assert(small_world_settle(s.w));
    cr_assert(has_path(s.other, "spam"));
    user_writes_text(s.other, "own", "work of another");
    cr_assert(small_world_settle(s.w));
    revoke(s.owner, &s.id, &s.heads);
    sync_both(&s);
    expect_unharmed(s.owner, "owner");
    expect_unharmed(s.other, "other");
    cr_expect(holds(s.owner, "own", "work of another"));
    expect_the_rest_alike(&s);
    scene_end(&s);
}

/* World 941321: what lay there already and was the same was nobody's but his who brought it. */
Test(engine_revoked, leaves_what_a_user_had_before_others_brought_it)
{
    scene s = a_scene(13);

    small_device_unplug(s.owner);
    for (int i = 1; i < 3; i++) {
        user_makes(&s.w->devices[i], "box");
        user_writes_text(&s.w->devices[i], "box/letter", "to both of us");
        user_writes_text(&s.w->devices[i], "card", "to both of us, too");
        user_writes_text(&s.w->devices[i], "memo", "of both of us");
    }
    vandalise(&s);
    cr_assert(small_device_sync(s.suspect));
    cr_assert(small_device_sync(s.other));
    user_removes(s.other, "card");
    user_writes_text(s.suspect, "memo", "of one only");
    cr_assert(small_device_sync(s.suspect));
    cr_assert(small_device_sync(s.other));
    cr_assert(holds(s.other, "memo", "of one only"));
    user_stamps(s.other, "box/letter", 1234567890);
    revoke(s.owner, &s.id, &s.heads);
    s.owner->offline = false;
    sync_both(&s);
    for (small_device *each = s.owner; each; each = each == s.owner ? s.other : NULL) {
        cr_expect(holds(each, "box/letter", "to both of us"));
        cr_expect_not(has_path(each, "card"));
        cr_expect_not(has_path(each, "memo"));
        expect_unharmed(each, each == s.owner ? "owner" : "other");
    }
    expect_the_rest_alike(&s);
    scene_end(&s);
}

Test(engine_revoked, deletes_what_a_user_had_before_and_somebody_deleted)
{
    scene s = a_scene(14);

    small_device_unplug(s.owner);
    user_writes_text(s.owner, "card", "to all of us");
    user_writes_text(s.other, "card", "to all of us");
    cr_assert(small_device_sync(s.other));
    s.owner->offline = false;
    cr_assert(small_world_settle(s.w));
    user_removes(s.other, "card");
    cr_assert(small_world_settle(s.w));
    cr_expect_not(has_path(s.owner, "card"));
    cr_expect_not(has_path(s.other, "card"));
    scene_end(&s);
}

Test(engine_revoked, gives_back_what_the_account_annuls)
{
    scene s = a_scene(3);

    vandalise(&s);
    cr_assert(small_world_settle(s.w));
    revoke(s.owner, &s.id, &s.heads);
    sync_both(&s);
    expect_unharmed(s.other, "other");
    annul(s.other, &cf_registry_device(registry_of(s.other), &s.id)->ended);
    sync_both(&s);
    cr_expect(holds(s.owner, "report", "ruined"));
    cr_expect(holds(s.other, "spam", "buy"));
    cr_expect_not(has_path(s.owner, "notes"));
    expect_the_rest_alike(&s);
    scene_end(&s);
}

/* Entries that the revocation leaves may come after it; until its head is here they are void. */
Test(engine_revoked, counts_what_a_revocation_leaves_in_whatever_order_it_comes)
{
    scene s = a_scene(4);

    small_device_unplug(s.other);
    user_writes_text(s.suspect, "late", "but in time");
    cr_assert(small_device_sync(s.suspect));
    cr_assert(small_device_sync(s.owner));
    cf_heads heads = heads_of(s.owner, &s.id);
    vandalise(&s);
    cr_assert(small_device_sync(s.suspect));
    cr_assert(small_device_sync(s.owner));
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
    scene_end(&s);
}

/* The process ends after the revocation is in the log, and before the folders are worked out. */
Test(engine_revoked, goes_on_with_it_after_a_restart)
{
    scene s = a_scene(5);
    cf_offer offer = {.bringer = CF_BRINGER_ANOTHER};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    vandalise(&s);
    cr_assert(small_world_settle(s.w));
    revoke(s.owner, &s.id, &s.heads);
    cf_bytes last =
        cf_registry_entry(registry_of(s.owner), cf_registry_count(registry_of(s.owner)) - 1);
    expect_ok(cf_entry_read(last, &arena, &entry, &error), error);
    cf_log_append(peer_of(s.other)->log, &entry, &offer, NULL, 0, NULL, NULL);
    cf_store *store = cf_home_store(s.other->home);
    expect_ok(store->commit(store, &error), error);
    go_offline(s.other);
    small_device_sync(s.other);
    expect_unharmed(s.other, "other");
    cf_arena_release(&arena);
    scene_end(&s);
}

/* It is not told, mostly; and if it is, what its user did stays his. */
Test(engine_revoked, leaves_the_folder_of_a_device_that_is_out_alone)
{
    scene s = a_scene(9);

    go_offline(s.suspect);
    vandalise(&s);
    small_device_sync(s.suspect);
    user_writes_text(s.owner, "later", "not for all");
    small_device_sync(s.owner);
    revoke(s.owner, &s.id, &s.heads);
    carry(s.owner, s.suspect);
    small_device_sync(s.suspect);
    small_device_crash(s.suspect);
    small_device_sync(s.suspect);
    cr_expect_not(holds(s.suspect, "later", "not for all"));
    cr_expect(holds(s.suspect, "spam", "buy"));
    cr_expect(holds(s.suspect, "report", "ruined"));
    scene_end(&s);
}

static size_t lines_of(cf_bytes text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    return count;
}

/* Its folder was not touched meanwhile, and what its user goes on with is an edit of what he had.
 */
Test(engine_revoked, goes_on_where_it_was_when_the_account_takes_it_back)
{
    scene s = a_scene(10);

    go_offline(s.suspect);
    vandalise(&s);
    small_device_sync(s.suspect);
    revoke(s.owner, &s.id, &s.heads);
    carry(s.owner, s.suspect);
    small_device_sync(s.suspect);
    user_writes_text(s.suspect, "spam", "buy more");
    user_removes(s.suspect, "report");
    small_device_sync(s.suspect);
    annul(s.owner, &cf_registry_device(registry_of(s.owner), &s.id)->ended);
    s.suspect->offline = false;
    cr_assert(small_world_settle(s.w));
    for (int i = 0; i < 3; i++) {
        cf_buffer tree = {0};

        small_device_tree(&s.w->devices[i], &tree);
        cr_expect(holds(&s.w->devices[i], "spam", "buy more"), "%d", i);
        cr_expect_eq(lines_of(cf_buffer_view(&tree)), 1, "%.*s", (int)tree.size,
                     (const char *)tree.data);
        cf_buffer_release(&tree);
    }
    scene_end(&s);
}

/* What it wrote since counts for nothing and comes to nobody, but is its user's all the same. */
Test(engine_revoked, leaves_what_a_device_wrote_that_only_reads_now)
{
    scene s = a_scene(15);

    go_offline(s.suspect);
    vandalise(&s);
    small_device_sync(s.suspect);
    give_role(s.owner, &s.id, CF_ROLE_READER);
    user_writes_text(s.owner, "later", "for all");
    s.suspect->offline = false;
    cr_assert(small_world_settle(s.w));
    for (small_device *each = s.w->devices; each < s.w->devices + 3; each++)
        cr_expect(holds(each, "later", "for all"));
    cr_expect(holds(s.suspect, "spam", "buy"));
    expect_unharmed(s.owner, "owner");
    expect_unharmed(s.other, "other");
    scene_end(&s);
}

static void write_rows(small_device *self, const char *first, const char *second)
{
    table rows = {0};

    table_add(&rows, 1, 10, cf_bytes_of_text(first));
    if (second)
        table_add(&rows, 2, 20, cf_bytes_of_text(second));
    user_writes_table(self, &rows);
    table_release(&rows);
}

/* NULL: there is no such row. */
static void expect_row(const small_device *self, long id, const char *note)
{
    table rows = {0};

    cr_assert(user_reads_table(self, &rows));
    const table_row *row = table_find(&rows, id);
    cr_expect_eq(row != NULL, note != NULL, "row %ld of %d", id, self->number);
    if (row && note)
        cr_expect(cf_bytes_equal(cf_buffer_view(&row->note), cf_bytes_of_text(note)),
                  "row %ld of %d has %.*s", id, self->number, (int)row->note.size,
                  (const char *)row->note.data);
    table_release(&rows);
}

/* Of rows, too: what is shown without them is not put in place of what its user wrote. */
Test(engine_revoked, leaves_the_rows_of_a_device_that_only_reads_now)
{
    scene s = a_scene(16);

    small_world_bind_tables(s.w);
    write_rows(s.suspect, "first", NULL);
    cr_assert(small_world_settle(s.w));
    go_offline(s.suspect);
    write_rows(s.suspect, "ruined", "spam");
    small_device_sync(s.suspect);
    give_role(s.owner, &s.id, CF_ROLE_READER);
    s.suspect->offline = false;
    cr_assert(small_world_settle(s.w));
    small_device_crash(s.suspect);
    cr_assert(small_world_settle(s.w));
    expect_row(s.suspect, 1, "ruined");
    expect_row(s.suspect, 2, "spam");
    for (small_device *each = s.owner; each; each = each == s.owner ? s.other : NULL) {
        expect_row(each, 1, "first");
        expect_row(each, 2, NULL);
    }
    scene_end(&s);
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
    cr_assert(small_world_settle(s.w));
    revoke(s.owner, &s.id, &s.heads);
    sync_both(&s);
    cr_expect_eq(small_device_pending(s.other, NULL, CF_PENDING_SPARED), FILES);
    cr_expect(has_path(s.other, "file3"));
    cr_expect(has_path(s.owner, "file3"));
    cr_assert(small_device_round(s.other, &round, SMALL_TURNS_MAX));
    cr_expect_eq(small_device_pending(s.other, NULL, CF_PENDING_SPARED), 0);
    cr_expect_not(has_path(s.other, "file3"));
    cr_expect(holds(s.other, "notes", "mine"));
    scene_end(&s);
}

/* Both are out, alike everywhere, whichever comes first; nobody writes before the account. */
Test(engine_revoked, puts_both_out_who_revoke_each_other)
{
    for (int order = 0; order < 2; order++) {
        scene s = a_scene(7);
        cf_hash first = id_of(s.owner);

        give_role(s.owner, &s.id, CF_ROLE_OWNER);
        cr_assert(small_world_settle(s.w));
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
        scene_end(&s);
    }
}

/* An owner forgot it when she opened an epoch. What it holds is not all that there is, and it says
 * so until she gives it the key. */
Test(engine_revoked, tells_of_what_a_device_has_no_key_for)
{
    scene s = a_scene(8);
    cf_hash other = id_of(s.other);
    cf_member member = {.kind = CF_MEMBER_EPOCH, .opens = true};
    cf_arena arena = {0};
    cf_error error;

    go_offline(s.owner);
    open_epoch(s.owner, &other, &arena, &member.opening);
    expect_ok(cf_peer_publish_member(peer_of(s.owner), &member, &error), error);
    user_writes_text(s.owner, "sealed", "under the new key");
    small_device_sync(s.owner);
    carry(s.owner, s.other);
    small_device_sync(s.other);
    cr_expect_eq(small_device_pending(s.other, NULL, CF_PENDING_WAITS), 1);
    small_device_crash(s.other);
    small_device_sync(s.other);
    cr_expect_eq(small_device_pending(s.other, NULL, CF_PENDING_WAITS), 1, "after a restart");
    s.owner->offline = false;
    cr_assert(small_world_settle(s.w));
    cr_expect_eq(small_device_pending(s.other, NULL, CF_PENDING_WAITS), 0);
    cr_expect(holds(s.other, "sealed", "under the new key"));
    cf_arena_release(&arena);
    scene_end(&s);
}
