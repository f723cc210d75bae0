/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that devices edit apart, where their users want them merged. */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 12, APART = 4, STEPS = 60 };

static void set_merges(small_device *self, bool merges)
{
    cf_binding *binding = cf_engine_binding_at(self->engine, 0);
    cf_error error;

    binding->merges = merges;
    expect_ok(cf_binding_save(cf_engine_peer(self->engine), binding, &error), error);
}

static small_world *make_world(uint64_t seed, int devices, int merging)
{
    small_world *w = small_world_new(seed, devices);

    for (int i = 0; i < merging; i++)
        set_merges(&w->devices[i], true);
    return w;
}

static bool has_copy(const small_device *self)
{
    cf_buffer listing = {0};

    small_device_tree(self, &listing);
    cf_buffer_append(&listing, "", 1);
    bool has = strstr((char *)listing.data, "(conflict ") != NULL;
    cf_buffer_release(&listing);
    return has;
}

/* Both edit one text while apart. */
static small_world *edit_apart(uint64_t seed, int merging, const char *here, const char *there)
{
    small_world *w = make_world(seed, 2, merging);

    user_writes_text(&w->devices[0], "text", "a\nb\nc\nd\ne\nf\n");
    settles_equal(w);
    user_writes_text(&w->devices[0], "text", here);
    user_writes_text(&w->devices[1], "text", there);
    return w;
}

Test(engine_merge, makes_one_text_of_edits_in_different_places)
{
    for (int merging = 1; merging <= 2; merging++) {
        small_world *w =
            edit_apart(40 + (uint64_t)merging, merging, "A\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\ne\nF\n");

        settles_equal(w);
        for (int i = 0; i < 2; i++) {
            expect_text(&w->devices[i], "text", "A\nb\nc\nd\ne\nF\n");
            cr_expect_not(has_copy(&w->devices[i]));
        }
        uint64_t entries = small_world_entries(w);
        settles_equal(w);
        cr_expect_eq(small_world_entries(w), entries, "it is not quiet");
        small_world_destroy(&w);
    }
}

Test(engine_merge, keeps_both_where_they_touch)
{
    small_world *w = edit_apart(43, 2, "A\nb\nc\nd\ne\nf\n", "B\nb\nc\nd\ne\nf\n");

    settles_equal(w);
    cr_expect(has_copy(&w->devices[0]));
    small_world_destroy(&w);
}

Test(engine_merge, is_left_to_the_user_unless_he_wants_it)
{
    small_world *w = edit_apart(44, 0, "A\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\ne\nF\n");

    settles_equal(w);
    cr_expect(has_copy(&w->devices[0]));
    small_world_destroy(&w);
}

Test(engine_merge, leaves_a_copy_that_somebody_took_in_hand)
{
    small_world *w = edit_apart(45, 0, "A\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\ne\nF\n");
    char name[200] = "";
    cf_buffer listing = {0};

    settles_equal(w);
    small_device_tree(&w->devices[0], &listing);
    cf_buffer_append(&listing, "", 1);
    const char *at = strstr((char *)listing.data, "text (conflict ");
    cr_assert_not_null(at);
    snprintf(name, sizeof name, "%.*s", (int)(strchr(at, ')') + 1 - at), at);
    cr_assert(user_moves(&w->devices[0], name, "mine"));
    set_merges(&w->devices[0], true);
    set_merges(&w->devices[1], true);
    settles_equal(w);
    cf_buffer mine = {0};
    cr_expect(user_reads(&w->devices[1], "mine", &mine));
    cf_buffer_release(&mine);
    cf_buffer_release(&listing);
    small_world_destroy(&w);
}

/* Merges what is known here, and tells nobody yet. The other file makes it look at the folder. */
static void merges_apart(small_device *self, const char *other)
{
    small_device_unplug(self);
    set_merges(self, true);
    user_writes_text(self, other, "");
    small_device_sync(self);
    set_merges(self, false);
    expect_text(self, "text", "A\nb\nc\nd\ne\nF\n");
}

/* Two merge alike at once, while a third one edits: theirs is one copy, of two writes. */
Test(engine_merge, merges_a_copy_that_two_devices_wrote_alike)
{
    small_world *w = make_world(47, 3, 0);
    small_device *third = &w->devices[2];

    user_writes_text(&w->devices[0], "text", "a\nb\nc\nd\ne\nf\n");
    settles_equal(w);
    small_device_unplug(third);
    user_writes_text(&w->devices[0], "text", "A\nb\nc\nd\ne\nf\n");
    user_writes_text(&w->devices[1], "text", "a\nb\nc\nd\ne\nF\n");
    for (int i = 0; i < 4; i++)
        cr_assert(small_device_sync(&w->devices[i % 2]));
    for (int i = 0; i < 2; i++)
        cr_assert(has_copy(&w->devices[i]));
    merges_apart(&w->devices[0], "x");
    merges_apart(&w->devices[1], "y");
    w->now_ms += 60000;
    user_writes_text(third, "text", "a\nb\nC\nd\ne\nf\n"); /* the latest is what is shown */
    small_device_sync(third);
    for (int i = 0; i < 3; i++)
        w->devices[i].offline = false;
    for (int i = 0; i < 2; i++)
        cr_assert(small_device_sync(&w->devices[i]));
    set_merges(third, true);
    settles_equal(w);
    for (int i = 0; i < 3; i++) {
        expect_text(&w->devices[i], "text", "A\nb\nC\nd\ne\nF\n");
        cr_expect_not(has_copy(&w->devices[i]));
    }
    small_world_destroy(&w);
}

/* More writes ago than are looked at. */
Test(engine_merge, keeps_both_that_parted_too_long_ago)
{
    enum { LOOKED_AT = 256 };
    small_world *w = make_world(46, 2, 2);
    small_device *away = &w->devices[0], *other = &w->devices[1];
    char text[24];

    user_writes_text(away, "text", "0\nb\nc\nd\n");
    settles_equal(w);
    small_device_unplug(away);
    for (int i = 1; i <= LOOKED_AT + 2; i++) {
        snprintf(text, sizeof text, "%d\nb\nc\nd\n", i);
        user_writes_text(away, "text", text);
        small_device_sync(away);
    }
    user_writes_text(other, "text", "0\nb\nc\nD\n");
    cr_assert(small_device_sync(other));
    away->offline = false;
    settles_equal(w);
    cr_expect(has_copy(other));
    small_world_destroy(&w);
}

/* Saved there, while nobody hears of it. */
static void edits_alone(small_device *self, const char *text)
{
    small_device_unplug(self);
    user_writes_text(self, "text", text);
    small_device_sync(self);
}

/* Both edit apart, hear of each other, and merge before either hears of the other's merge. */
static void cross(small_world *w, int number)
{
    char text[2][60], other[16];

    for (int i = 0; i < 2; i++) {
        snprintf(text[i], sizeof text[i], "%d\nb\nc\nd\ne\n%d\n", number - i, number - 1 + i);
        set_merges(&w->devices[i], false);
        edits_alone(&w->devices[i], text[i]);
    }
    for (int i = 0; i < 2; i++)
        w->devices[i].offline = false;
    for (int i = 0; i < 4; i++)
        cr_assert(small_device_sync(&w->devices[i % 2]));
    snprintf(other, sizeof other, "%d", number);
    for (int i = 0; i < 2; i++) {
        small_device_unplug(&w->devices[i]);
        set_merges(&w->devices[i], true);
        user_writes_text(&w->devices[i], i ? "y" : "x", other);
        small_device_sync(&w->devices[i]);
    }
    for (int i = 0; i < 2; i++)
        w->devices[i].offline = false;
    settles_equal(w);
}

/* What both were made from is what merging gave, and so on, deeper each time: at a bound both are
 * kept. */
Test(engine_merge, keeps_both_that_crossed_too_often)
{
    enum { OFTEN = 3, TOO_OFTEN = 12 };
    small_world *w = make_world(48, 2, 2);
    int merged = 0;

    user_writes_text(&w->devices[0], "text", "0\nb\nc\nd\ne\n0\n");
    settles_equal(w);
    while (merged < TOO_OFTEN && !has_copy(&w->devices[1]))
        cross(w, ++merged);
    cr_expect_gt(merged, OFTEN);
    cr_expect_lt(merged, TOO_OFTEN, "it goes as deep as it must");
    small_world_destroy(&w);
}

/* ---- Many edits ---- */

typedef struct {
    int values[SLOTS]; /* as their owner wrote them last */
} truth;

static void pack(const truth *lines, cf_buffer *out)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        cf_buffer_append_text(out, "slot %d has %d\n", slot, lines->values[slot]);
        for (int line = 1; line < APART; line++)
            cf_buffer_append_text(out, "between %d and %d\n", slot, slot + 1);
    }
}

static bool unpack(cf_bytes text, truth *lines)
{
    cf_buffer copy = {0};
    bool all = true;

    cf_buffer_append(&copy, text.data, text.size);
    cf_buffer_append(&copy, "", 1);
    for (int slot = 0; slot < SLOTS && all; slot++) {
        char wanted[40];

        snprintf(wanted, sizeof wanted, "slot %d has ", slot);
        const char *at = strstr((char *)copy.data, wanted);
        all = at != NULL;
        lines->values[slot] = at ? atoi(at + strlen(wanted)) : 0;
    }
    cf_buffer_release(&copy);
    return all;
}

/* Each device edits slots of its own only: so all of it merges, whoever is how far behind. */
static void edit(small_world *w, small_device *self, truth *lasting, int value)
{
    int slot = (int)chance_below(&w->chance, SLOTS / (uint64_t)w->count) * w->count + self->number;
    cf_buffer text = {0}, changed = {0};
    truth lines;

    cr_assert(user_reads(self, "text", &text));
    cr_assert(unpack(cf_buffer_view(&text), &lines));
    lines.values[slot] = lasting->values[slot] = value;
    pack(&lines, &changed);
    cr_assert(user_saves(self, "text", cf_buffer_view(&changed), SAVE_BY_RENAME));
    cf_buffer_release(&text);
    cf_buffer_release(&changed);
}

static void try_history(uint64_t seed, int devices)
{
    small_world *w = make_world(seed, devices, devices);
    cf_buffer text = {0};
    truth lasting = {{0}}, shown;

    pack(&lasting, &text);
    cr_assert(user_saves(&w->devices[0], "text", cf_buffer_view(&text), SAVE_BY_RENAME));
    settles_equal(w);
    w->loss = 20;
    for (int step = 1; step <= STEPS; step++) {
        small_device *one = &w->devices[chance_below(&w->chance, (uint64_t)devices)];

        if (chance_below(&w->chance, 2))
            edit(w, one, &lasting, step);
        else
            small_device_round(one, &(cf_round_options){.kind = CF_ROUND_SYNC},
                               (unsigned)chance_below(&w->chance, 40));
    }
    settles_equal(w);
    cf_buffer_clear(&text);
    cr_assert(user_reads(&w->devices[0], "text", &text));
    cr_assert(unpack(cf_buffer_view(&text), &shown));
    for (int slot = 0; slot < SLOTS; slot++)
        cr_expect_eq(shown.values[slot], lasting.values[slot], "seed %lu, slot %d: %d, not %d",
                     (unsigned long)seed, slot, shown.values[slot], lasting.values[slot]);
    cr_expect_not(has_copy(&w->devices[0]), "seed %lu", (unsigned long)seed);
    cf_buffer_release(&text);
    small_world_destroy(&w);
}

Test(engine_merge, loses_no_edit_of_two_or_three_devices)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        try_history(seed, 2 + (int)(seed % 2));
}
