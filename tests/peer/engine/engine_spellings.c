/* SPDX-License-Identifier: Apache-2.0 */
/* A device whose disk takes `A` for `a`: one of the names that are one there is placed, the others
 * wait, and nothing is said of it to anybody. */
#include "tests/peer/small/two_spellings.h"

#include "tests/support/expect.h"

#include <string.h>
#include <strings.h>

TestSuite(engine_spellings, .init = two_spellings_begin, .fini = two_spellings_end);

/* ---- Two names that are one ---- */

static void make_two(void)
{
    user_writes_text(full, "Case", "1");
    settle_without_news();
    user_writes_text(full, "cASE", "22");
    settle_without_news();
    cr_expect(user_reads_as(full, "Case", "1"));
    cr_expect(user_reads_as(full, "cASE", "22"));
    cr_expect(user_reads_as(folds, "Case", "1"));
    cr_expect(!is_there(folds, "cASE"));
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_UNAPPLIED), 1);
    expect_reason(CF_PENDING_UNAPPLIED, "cASE", "this disk takes Case for cASE");
}

Test(engine_spellings, one_of_two_that_come_together_is_placed)
{
    user_writes_text(full, "Case", "1");
    user_writes_text(full, "cASE", "22");
    user_makes(full, "Folder");
    user_makes(full, "fOLDER");
    user_writes_text(full, "Folder/a", "a");
    user_writes_text(full, "fOLDER/b", "b");
    settle_without_news();
    cr_expect(user_reads_as(full, "Case", "1"));
    cr_expect(user_reads_as(full, "cASE", "22"));
    cr_expect(user_reads_as(full, "Folder/a", "a"));
    cr_expect(user_reads_as(full, "fOLDER/b", "b"));
    cr_expect(is_there(folds, "Case") != is_there(folds, "cASE"));
    cr_expect(is_there(folds, "Folder/a") != is_there(folds, "fOLDER/b"));
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_UNAPPLIED), 2);
}

Test(engine_spellings, the_other_waits_and_edits_of_both_go_where_they_belong)
{
    make_two();
    user_writes_text(full, "cASE", "three");
    settle_without_news();
    user_writes_text(full, "Case", "four");
    settle_without_news();
    cr_expect(user_reads_as(folds, "Case", "four"));
    cr_expect(!is_there(folds, "cASE"));
    user_writes_text(folds, "Case", "fifth");
    cr_assert(small_world_settle(w));
    cr_expect(user_reads_as(full, "Case", "fifth"));
    cr_expect(user_reads_as(full, "cASE", "three"));
}

Test(engine_spellings, the_other_comes_when_the_one_is_deleted_elsewhere)
{
    make_two();
    user_removes(full, "Case");
    settle_without_news();
    cr_expect(user_reads_as(folds, "cASE", "22"));
    cr_expect(!is_there(folds, "Case"));
    cr_expect(user_reads_as(full, "cASE", "22"));
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_UNAPPLIED), 0);
}

Test(engine_spellings, the_other_comes_when_the_one_is_renamed_elsewhere)
{
    make_two();
    cr_assert(user_moves(full, "Case", "another"));
    settle_without_news();
    cr_expect(user_reads_as(folds, "another", "1"));
    cr_expect(user_reads_as(folds, "cASE", "22"));
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_UNAPPLIED), 0);
}

Test(engine_spellings, the_other_comes_when_the_one_goes_here)
{
    make_two();
    user_removes(folds, "Case");
    cr_assert(small_world_settle(w));
    cr_expect(user_reads_as(folds, "cASE", "22"));
    cr_expect(!is_there(folds, "Case"));
    cr_expect(user_reads_as(full, "cASE", "22"));
    cr_expect(!is_there(full, "Case"));
}

Test(engine_spellings, the_other_comes_when_the_one_is_renamed_here)
{
    make_two();
    cr_assert(user_moves(folds, "Case", "another"));
    cr_assert(small_world_settle(w));
    cr_expect(user_reads_as(folds, "another", "1"));
    cr_expect(user_reads_as(folds, "cASE", "22"));
    cr_expect(user_reads_as(full, "another", "1"));
    cr_expect(user_reads_as(full, "cASE", "22"));
}

/* What waits is not there, and so nobody deleted it. */
Test(engine_spellings, what_waits_is_no_deletion)
{
    make_two();
    user_removes(full, "cASE");
    settle_without_news();
    cr_expect(user_reads_as(folds, "Case", "1"));
    cr_expect(user_reads_as(full, "Case", "1"));
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_UNAPPLIED), 0);
}

Test(engine_spellings, a_move_waits_for_such_a_name_too)
{
    make_two();
    user_writes_text(full, "apart", "apart");
    settle_without_news();
    cr_assert(user_moves(full, "apart", "FIRST"));
    settle_without_news();
    cr_expect(user_reads_as(folds, "first", "first"));
    cr_expect(user_reads_as(folds, "apart", "apart"));
    expect_reason(CF_PENDING_UNAPPLIED, "apart", "this disk takes first for FIRST");
    user_removes(full, "first");
    settle_without_news();
    cr_expect(user_reads_as(folds, "FIRST", "apart"));
    cr_expect(!is_there(folds, "apart"));
}

/* ---- Names that the disk changes ---- */

static void expect_kept_elsewhere(bool keeps_case)
{
    folds->faults.lacks.keeps_case = keeps_case;
    folds->faults.lacks.strips = ". ";
    folds->faults.lacks.kind = 2; /* another disk */
    small_device_crash(folds);
    user_writes_text(full, "end.", "1");
    user_writes_text(full, "blank ", "22");
    user_makes(full, "in...");
    user_writes_text(full, "in.../file", "3");
    user_writes_text(full, "ok.c", "ok");
    user_points(full, "link.", "ok.c");
    settle_without_news();
    cr_expect(user_reads_as(folds, "ok.c", "ok"));
    cr_expect(!is_there(folds, "end"));
    cr_expect(!is_there(folds, "blank"));
    cr_expect(!is_there(folds, "in"));
    expect_reason(CF_PENDING_SKIPPED, "end.", "this disk changes the name");
    user_writes_text(full, "end.", "edited");
    user_writes_text(full, "end", "its own");
    settle_without_news();
    cr_expect(user_reads_as(full, "end.", "edited"));
    cr_expect(user_reads_as(folds, "end", "its own"));
    user_moves(full, "ok.c", "ok. ");
    user_writes_text(full, "ok. ", "moved");
    settle_without_news();
    cr_expect(user_reads_as(full, "ok. ", "moved"));
    cr_expect(user_reads_as(folds, "ok.c", "ok"));
    expect_reason(CF_PENDING_SKIPPED, "ok.c", "renaming it to ok.");
    expect_reason(CF_PENDING_SKIPPED, "ok.c", "this disk changes the name");
    user_moves(full, "end.", "fine");
    user_moves(full, "in...", "inside");
    user_removes(full, "ok. ");
    settle_without_news();
    cr_expect(user_reads_as(folds, "fine", "edited"));
    cr_expect(user_reads_as(folds, "inside/file", "3"));
    cr_expect(!is_there(folds, "ok.c"));
}

Test(engine_spellings, a_name_that_the_disk_would_change_is_kept_elsewhere)
{
    expect_kept_elsewhere(true);
}

Test(engine_spellings, a_name_that_a_disk_that_folds_would_change_is_kept_elsewhere)
{
    expect_kept_elsewhere(false);
}

/* ---- A rename of case alone ---- */

Test(engine_spellings, a_rename_of_case_alone_goes_from_here)
{
    user_makes(full, "Dir");
    user_writes_text(full, "Dir/Case", "1");
    settle_without_news();
    cr_assert(user_moves(folds, "Dir/Case", "Dir/cASE"));
    cr_assert(small_world_settle(w));
    cr_expect(user_reads_as(full, "Dir/cASE", "1"));
    cr_expect(!is_there(full, "Dir/Case"));
    cr_assert(user_moves(folds, "Dir", "dIR"));
    cr_assert(small_world_settle(w));
    cr_expect(user_reads_as(full, "dIR/cASE", "1"));
    cr_expect(!is_there(full, "Dir"));
    cr_expect(user_reads_as(folds, "dIR/cASE", "1"));
}

Test(engine_spellings, a_rename_of_case_alone_comes_from_elsewhere)
{
    user_makes(full, "Dir");
    user_writes_text(full, "Dir/Case", "1");
    settle_without_news();
    cr_assert(user_moves(full, "Dir/Case", "Dir/cASE"));
    settle_without_news();
    cr_expect(user_reads_as(folds, "Dir/cASE", "1"));
    cr_expect(!is_there(folds, "Dir/Case"));
    cr_assert(user_moves(full, "Dir", "dIR"));
    settle_without_news();
    cr_expect(user_reads_as(folds, "dIR/cASE", "1"));
    cr_expect(!is_there(folds, "Dir"));
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_UNAPPLIED), 0);
    cr_assert(user_moves(full, "dIR/cASE", "dIR/Case"));
    user_writes_text(full, "dIR/Case", "edited");
    settle_without_news();
    cr_expect(user_reads_as(folds, "dIR/Case", "edited"));
}

/* Who looks at single names, as somebody who watches does, takes no spelling for another. */
Test(engine_spellings, a_rename_of_case_alone_is_seen_by_who_watches)
{
    user_writes_text(full, "Case", "1");
    settle_without_news();
    small_device_serves(folds);
    cr_assert(small_world_settle(w));
    cr_assert(user_moves(folds, "Case", "cASE"));
    small_device_passes(folds, 10000);
    cr_assert(small_world_settle(w));
    cr_expect(user_reads_as(full, "cASE", "1"));
    cr_expect(!is_there(full, "Case"));
    user_writes_text(full, "CASE", "22");
    settle_without_news();
    cr_expect(user_reads_as(folds, "cASE", "1"));
    cr_expect(user_reads_as(full, "cASE", "1"));
    cr_expect(user_reads_as(full, "CASE", "22"));
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_UNAPPLIED), 1);
}

/* ---- Crashes ---- */

/* False: the device was done before that call. */
static bool crash_at(uint64_t call, void (*act)(void))
{
    act();
    cr_assert(small_device_sync(full));
    folds->faults.at = folds->faults.calls + call;
    folds->faults.status = CF_IO;
    small_device_sync(folds);
    const bool reached = folds->faults.calls >= folds->faults.at;
    folds->faults.at = 0;
    small_device_crash(folds);
    settle_without_news();
    return reached;
}

static void respell(void)
{
    cr_assert(user_moves(full, "Case", "cASE"));
}

static void make_other(void)
{
    user_writes_text(full, "cASE", "22");
}

Test(engine_spellings, a_crash_at_any_call_of_a_rename_of_case_alone)
{
    bool reached = true;

    for (uint64_t call = 1; reached; call++) {
        user_writes_text(full, "Case", "1");
        cr_assert(small_world_settle(w));
        reached = crash_at(call, respell);
        cr_assert(user_reads_as(folds, "cASE", "1"), "call %d", (int)call);
        cr_assert(!is_there(folds, "Case"), "call %d", (int)call);
        cr_assert(user_reads_as(full, "cASE", "1"), "call %d", (int)call);
        cr_assert(!is_there(full, "Case"), "call %d", (int)call);
        cr_assert(call < 100);
        cr_assert((reached || call > 10));
        user_removes(full, "cASE");
        cr_assert(small_world_settle(w));
    }
}

Test(engine_spellings, a_crash_at_any_call_while_one_waits_for_the_other)
{
    bool reached = true;

    for (uint64_t call = 1; reached; call++) {
        user_writes_text(full, "Case", "1");
        cr_assert(small_world_settle(w));
        reached = crash_at(call, make_other);
        cr_assert(user_reads_as(folds, "Case", "1"), "call %d", (int)call);
        cr_assert(!is_there(folds, "cASE"), "call %d", (int)call);
        cr_assert(user_reads_as(full, "Case", "1"), "call %d", (int)call);
        cr_assert(user_reads_as(full, "cASE", "22"), "call %d", (int)call);
        cr_assert(call < 100);
        cr_assert((reached || call > 10));
        user_removes(full, "Case");
        user_removes(full, "cASE");
        cr_assert(small_world_settle(w));
    }
}

/* ---- Rings ---- */

static const char *const places[] = {"a", "A", "b", "B", "c"};
enum { PLACES = sizeof places / sizeof places[0], THREE = 3 };

/* By way of names of their own, and nobody looks in between. */
static void arrange(const size_t from[THREE], const size_t to[THREE])
{
    static const char *const aside[THREE] = {"x", "y", "z"};

    for (size_t i = 0; i < THREE; i++)
        cr_assert(user_moves(full, places[from[i]], aside[i]));
    for (size_t i = 0; i < THREE; i++)
        cr_assert(user_moves(full, aside[i], places[to[i]]));
}

static bool are_apart(const size_t to[THREE])
{
    return strcasecmp(places[to[0]], places[to[1]]) != 0 &&
           strcasecmp(places[to[1]], places[to[2]]) != 0 &&
           strcasecmp(places[to[0]], places[to[2]]) != 0;
}

/* Three that can be there have their names; where two of them are one, somebody waits, and nothing
 * is said of it. */
static void expect_arranged(const size_t to[THREE])
{
    static const char *const texts[THREE] = {"1", "22", "333"};

    for (size_t i = 0; i < THREE; i++) {
        const char *place = places[to[i]];

        cr_assert(user_reads_as(full, place, texts[i]), "%s of %s%s%s", place, places[to[0]],
                  places[to[1]], places[to[2]]);
        if (are_apart(to))
            cr_expect(user_reads_as(folds, place, texts[i]), "%s of %s%s%s", place, places[to[0]],
                      places[to[1]], places[to[2]]);
    }
}

static const size_t apart[THREE] = {0, 2, 4};

static void try_ring(const size_t to[THREE])
{
    arrange(apart, to);
    settle_without_news();
    expect_arranged(to);
    arrange(to, apart);
    settle_without_news();
    expect_arranged(apart);
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_UNAPPLIED), 0);
}

Test(engine_spellings, rings_of_names_that_are_one_in_one_step)
{
    user_writes_text(full, "a", "1");
    user_writes_text(full, "b", "22");
    user_writes_text(full, "c", "333");
    settle_without_news();
    for (size_t i = 0; i < PLACES * PLACES * PLACES; i++) {
        const size_t to[THREE] = {i % PLACES, i / PLACES % PLACES, i / PLACES / PLACES};

        if (to[0] != to[1] && to[1] != to[2] && to[0] != to[2])
            try_ring(to);
    }
}

/* In two folders. */
static void exchange(void)
{
    cr_assert(user_moves(full, "d/a", "x"));
    cr_assert(user_moves(full, "e/b", "d/A"));
    cr_assert(user_moves(full, "x", "e/B"));
}

static void respell_each_other(void)
{
    cr_assert(user_moves(full, "a", "x"));
    cr_assert(user_moves(full, "b", "A"));
    cr_assert(user_moves(full, "x", "B"));
}

static void expect_ring_after_crashes(const char *a, const char *b, const char *new_a,
                                      const char *new_b, void (*act)(void))
{
    bool reached = true;

    for (uint64_t call = 1; reached; call++) {
        user_writes_text(full, a, "1");
        user_writes_text(full, b, "22");
        cr_assert(small_world_settle(w));
        reached = crash_at(call, act);
        cr_assert(user_reads_as(folds, new_b, "1"), "%d", (int)call);
        cr_assert(user_reads_as(folds, new_a, "22"), "%d", (int)call);
        cr_assert(user_reads_as(full, new_b, "1"), "%d", (int)call);
        cr_assert(user_reads_as(full, new_a, "22"), "%d", (int)call);
        cr_assert(call < 200);
        cr_assert((reached || call > 10));
        user_removes(full, new_a);
        user_removes(full, new_b);
        cr_assert(small_world_settle(w));
    }
}

Test(engine_spellings, a_crash_at_any_call_of_a_ring)
{
    expect_ring_after_crashes("a", "b", "A", "B", respell_each_other);
}

Test(engine_spellings, a_crash_at_any_call_of_a_ring_over_two_folders)
{
    user_makes(full, "d");
    user_makes(full, "e");
    expect_ring_after_crashes("d/a", "e/b", "d/A", "e/B", exchange);
}

/* ---- Forms of one letter ---- */

#define COMPOSED "caf\xc3\xa9"
#define DECOMPOSED "cafe\xcc\x81"

static void begin_forms(void)
{
    folds->faults.lacks.keeps_case = folds->faults.lacks.folds_unicode = true;
    folds->faults.lacks.kind = 2; /* another disk */
    small_device_crash(folds);
}

Test(engine_spellings, two_forms_of_a_name_stay_two_elsewhere)
{
    begin_forms();
    user_writes_text(full, COMPOSED, "1");
    settle_without_news();
    user_writes_text(full, DECOMPOSED, "22");
    settle_without_news();
    cr_expect(user_reads_as(full, COMPOSED, "1"));
    cr_expect(user_reads_as(full, DECOMPOSED, "22"));
    cr_expect(user_reads_as(folds, COMPOSED, "1"));
    cr_expect(!is_there(folds, DECOMPOSED));
    expect_reason(CF_PENDING_UNAPPLIED, DECOMPOSED, "this disk takes");
    cr_assert(user_moves(full, COMPOSED, "another"));
    settle_without_news();
    cr_expect(user_reads_as(folds, "another", "1"));
    cr_expect(user_reads_as(folds, DECOMPOSED, "22"));
}

Test(engine_spellings, a_rename_to_the_other_form_goes_both_ways)
{
    begin_forms();
    user_makes(full, "d" COMPOSED);
    user_writes_text(full, "d" COMPOSED "/" COMPOSED, "1");
    settle_without_news();
    cr_assert(user_moves(full, "d" COMPOSED "/" COMPOSED, "d" COMPOSED "/" DECOMPOSED));
    settle_without_news();
    cr_expect(user_reads_as(folds, "d" COMPOSED "/" DECOMPOSED, "1"));
    cr_expect(!is_there(folds, "d" COMPOSED "/" COMPOSED));
    cr_assert(user_moves(full, "d" COMPOSED, "d" DECOMPOSED));
    settle_without_news();
    cr_expect(user_reads_as(folds, "d" DECOMPOSED "/" DECOMPOSED, "1"));
    cr_assert(user_moves(folds, "d" DECOMPOSED "/" DECOMPOSED, "d" DECOMPOSED "/" COMPOSED));
    cr_assert(small_world_settle(w));
    cr_assert(user_moves(folds, "d" DECOMPOSED, "d" COMPOSED));
    cr_assert(small_world_settle(w));
    cr_expect(user_reads_as(full, "d" COMPOSED "/" COMPOSED, "1"));
    cr_expect(!is_there(full, "d" DECOMPOSED));
}
