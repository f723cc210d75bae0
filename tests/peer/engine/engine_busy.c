/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that never rest, of devices that serve: what happens in them is seen all the same, a
 * move is a move, and each event costs the same, however much lies beside it. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_folder.h"

#include "peer/sources/files/files_identity.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

enum { FEW = 100, MANY = 1600, EVENT_MS = 30, SETTLE_MS = 9000, BUSY_MS = 6000 };

/* What looks were about: nodes of the base and entries found. The linker brings calls here. */
static uint64_t compared;

void __real_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out);
void __wrap_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out);

void __wrap_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out)
{
    compared += input->node_count + input->listing->entry_count;
    __real_cf_identity_decide(input, arena, out);
}

static small_world *busy_world(int files, const char *const *folders, size_t count)
{
    small_world *w = small_world_new(9, 2);
    char path[64], text[32];

    for (size_t i = 0; i < count; i++)
        user_makes(&w->devices[0], folders[i]);
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/m%d", folders[0], i);
        snprintf(text, sizeof text, "mail %d", i);
        user_writes_text(&w->devices[0], path, text);
    }
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++)
        small_device_serves(&w->devices[i]);
    small_world_passes(w, SETTLE_MS);
    return w;
}

/* Files that come, are written again and go, one event after the other, for so long. */
static void is_busy(small_world *w, const char *folder, uint64_t ms)
{
    char path[64], text[32];

    for (uint64_t end_ms = w->now_ms + ms; w->now_ms < end_ms;) {
        int turn = (int)(w->now_ms / EVENT_MS);

        snprintf(path, sizeof path, "%s/noise%d", folder, turn % 7);
        snprintf(text, sizeof text, "%llu", (unsigned long long)w->now_ms);
        user_writes_text(&w->devices[0], path, text);
        snprintf(path, sizeof path, "%s/noise%d", folder, (turn + 3) % 7);
        user_removes(&w->devices[0], path);
        small_world_passes(w, EVENT_MS);
    }
}

typedef struct {
    uint64_t calls, compared;
} cost;

/* Of events that edit, of a move and of a deletion among so many files. */
static cost cost_among(int files)
{
    static const char *const folders[] = {"d"};
    small_world *w = busy_world(files, folders, 1);
    small_device *first = &w->devices[0];

    first->faults.reads = true;
    const uint64_t calls_before = first->faults.calls, compared_before = compared;
    is_busy(w, "d", BUSY_MS / 2);
    user_moves(first, "d/m1", "d/moved");
    user_removes(first, "d/m2");
    is_busy(w, "d", BUSY_MS);
    cost out = {first->faults.calls - calls_before, compared - compared_before};
    small_world_destroy(&w);
    return out;
}

/* A single walk over what lies beside it would cost MANY. */
Test(engine_busy, costs_what_happens_and_not_what_lies_beside_it)
{
    cost few = cost_among(FEW), many = cost_among(MANY);

    cr_expect_gt(few.calls, 0);
    cr_expect_lt(many.calls, few.calls + MANY / 2, "%llu calls among few, %llu among many",
                 (unsigned long long)few.calls, (unsigned long long)many.calls);
    cr_expect_lt(many.compared, few.compared + MANY / 2, "%llu things among few, %llu among many",
                 (unsigned long long)few.compared, (unsigned long long)many.compared);
}

/* Of an edit of this one file. */
static uint64_t calls_for_edit(small_world *w, const char *path)
{
    small_device *first = &w->devices[0];
    const uint64_t before = first->faults.calls;

    user_writes_text(first, path, "edited");
    small_world_passes(w, SETTLE_MS);
    return first->faults.calls - before;
}

/* Where it was before is looked at with the move, and not again with each edit. */
Test(engine_busy, an_edit_of_what_was_moved_costs_what_any_costs)
{
    static const char *const folders[] = {"d"};
    small_world *w = busy_world(FEW, folders, 1);
    small_device *first = &w->devices[0];

    user_moves(first, "d/m1", "d/n1");
    small_world_passes(w, SETTLE_MS);
    first->faults.reads = true;
    const uint64_t moved = calls_for_edit(w, "d/n1"), other = calls_for_edit(w, "d/m2");
    cr_expect_eq(moved, other, "%llu calls, %llu of one that was not moved",
                 (unsigned long long)moved, (unsigned long long)other);
    small_world_destroy(&w);
}

/* The content is not sent again, and the old name goes with the new one: it is the same file. */
Test(engine_busy, a_move_is_a_move_while_others_go_on)
{
    static const char *const folders[] = {"d"};
    small_world *w = busy_world(FEW, folders, 1);
    small_device *first = &w->devices[0], *second = &w->devices[1];

    is_busy(w, "d", BUSY_MS / 6);
    user_moves(first, "d/m1", "d/moved");
    bool doubled = false;
    for (int i = 0; i < BUSY_MS / EVENT_MS; i++) {
        is_busy(w, "d", EVENT_MS);
        doubled |= has_path(second, "d/m1") && has_path(second, "d/moved");
    }
    cr_expect(has_path(second, "d/moved"));
    cr_expect(!has_path(second, "d/m1"));
    cr_expect(!doubled, "it was new there before it was moved");
    small_world_destroy(&w);
}

Test(engine_busy, a_deletion_is_heard_of_while_others_go_on)
{
    static const char *const folders[] = {"d"};
    small_world *w = busy_world(FEW, folders, 1);

    is_busy(w, "d", BUSY_MS / 6);
    user_removes(&w->devices[0], "d/m1");
    is_busy(w, "d", BUSY_MS);
    cr_expect(!has_path(&w->devices[1], "d/m1"));
    small_world_destroy(&w);
}

/* All that stands above it is gathered, in a list that grows. */
Test(engine_busy, a_name_far_below_the_root_is_looked_at)
{
    enum { DEPTH = 70 };
    static const char *const folders[] = {"d"};
    small_world *w = busy_world(FEW, folders, 1);
    char path[2 * DEPTH + 8] = "d";

    for (int i = 0; i < DEPTH; i++) {
        strcat(path, "/e");
        user_makes(&w->devices[0], path);
    }
    small_world_passes(w, SETTLE_MS);
    strcat(path, "/f");
    user_writes_text(&w->devices[0], path, "first");
    small_world_passes(w, SETTLE_MS);
    user_writes_text(&w->devices[0], path, "edited");
    small_world_passes(w, SETTLE_MS);
    expect_text(&w->devices[1], path, "edited");
    small_world_destroy(&w);
}

/* However slowly: each name has its own time, and the user's word is asked for all of them. It
 * isn't the device that made them a moment ago. */
Test(engine_busy, too_many_deletions_are_held_though_each_comes_alone)
{
    static const char *const folders[] = {"d"};
    small_world *w = busy_world(FEW, folders, 1);
    char path[64];

    for (int i = 0; i < FEW * 2 / 3; i++) {
        snprintf(path, sizeof path, "d/m%d", i);
        user_removes(&w->devices[1], path);
        small_world_passes(w, EVENT_MS);
    }
    small_world_passes(w, SETTLE_MS);
    for (int i = 0; i < FEW; i++) {
        snprintf(path, sizeof path, "d/m%d", i);
        cr_expect(has_path(&w->devices[0], path), "%s", path);
    }
    small_world_destroy(&w);
}

static size_t mails_named(const small_device *self, int mail)
{
    static const char *const places[] = {"new/m%d", "cur/m%d:2,S", "cur/m%d:2,FS"};
    char path[64];
    size_t count = 0;

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, places[i], mail);
        count += has_path(self, path);
    }
    return count;
}

/* A Maildir: who reads a mail moves it from one directory to another, and who flags it renames it
 * there; on both devices, other mails. */
Test(engine_busy, mails_that_are_read_and_flagged_on_both_sides_are_there_once)
{
    static const char *const folders[] = {"new", "cur"};
    small_world *w = busy_world(FEW, folders, 2);
    char from[64], to[64];

    for (int i = 0; i < FEW; i++) {
        small_device *one = &w->devices[i % 2];

        snprintf(from, sizeof from, "new/m%d", i);
        snprintf(to, sizeof to, "cur/m%d:2,S", i);
        cr_assert(user_moves(one, from, to));
        is_busy(w, "cur", EVENT_MS);
        if (i < 40)
            continue;
        snprintf(from, sizeof from, "cur/m%d:2,S", i - 40);
        snprintf(to, sizeof to, "cur/m%d:2,FS", i - 40);
        user_moves(&w->devices[i / 2 % 2], from, to);
    }
    is_busy(w, "cur", BUSY_MS);
    small_world_passes(w, SETTLE_MS);
    for (int i = 0; i < w->count; i++)
        for (int mail = 0; mail < FEW; mail++)
            cr_expect_eq(mails_named(&w->devices[i], mail), 1, "device %d, mail %d: %zu times", i,
                         mail, mails_named(&w->devices[i], mail));
    cf_buffer difference = {0};
    cr_expect(small_world_equal(w, &difference), "%.*s", (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
    small_world_destroy(&w);
}
