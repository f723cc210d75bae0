/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/base_place.h"

#include "tests/support/faulty_disk.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static scratch *here;
static char dir[96];
static cf_error error;
static const cf_base_mark ours = {
    .id = {{1, 2, 3}}, .device = {{4, 5}}, .home = "/home/ann/.state", .source = "/srv/photos"};

static void arrive(void)
{
    here = scratch_new();
    snprintf(dir, sizeof dir, "%s/base", here->path);
}

static void leave(void)
{
    scratch_destroy(&here);
}

TestSuite(base_place, .init = arrive, .fini = leave);

static cf_base_place place_of(const cf_base_mark *mark)
{
    return (cf_base_place){dir, mark->id};
}

static cf_status opens(const cf_base_mark *mark)
{
    const cf_base_place place = place_of(mark);
    cf_folder *folder = NULL;

    cf_status status = cf_base_place_open(here->files, &place, &folder, &error);
    here->files->close_folder(here->files, &folder);
    return status;
}

static cf_status reads(cf_bytes text)
{
    cf_arena arena = {0};
    cf_base_mark mark;

    cf_status status = cf_base_mark_read(text, &arena, &mark, &error);
    if (!status) {
        cr_expect(cf_id_equal(&mark.id, &ours.id));
        cr_expect(cf_hash_equal(&mark.device, &ours.device));
        cr_expect_str_eq(mark.home, ours.home);
        cr_expect_str_eq(mark.source, ours.source);
    }
    cf_arena_release(&arena);
    return status;
}

Test(base_place, reads_what_it_wrote_and_nothing_less)
{
    cf_buffer text = {0};

    cf_base_mark_pack(&ours, &text);
    expect_ok(reads(cf_buffer_view(&text)), error);
    for (size_t size = 0; size < text.size; size++)
        expect_fails(reads(cf_bytes_of(text.data, size)), CF_MALFORMED);
    for (size_t i = 0; i < text.size; i++) {
        cf_arena arena = {0};
        cf_base_mark mark;

        text.data[i] ^= 0xff;
        (void)cf_base_mark_read(cf_buffer_view(&text), &arena, &mark, &error);
        text.data[i] ^= 0xff;
        cf_arena_release(&arena);
    }
    cf_buffer_append_text(&text, "later: more\n"); /* of a newer program */
    expect_ok(reads(cf_buffer_view(&text)), error);
    cf_buffer_release(&text);
}

Test(base_place, a_path_is_one_line)
{
    cf_base_mark mark = ours;
    cf_buffer text = {0};
    cf_arena arena = {0};

    mark.source = "/srv/a\nsource /etc";
    cf_base_mark_pack(&mark, &text);
    expect_ok(cf_base_mark_read(cf_buffer_view(&text), &arena, &mark, &error), error);
    cr_expect_str_eq(mark.source, "/srv/a?source /etc");
    cf_arena_release(&arena);
    cf_buffer_release(&text);
}

static void write_mark(size_t size)
{
    cf_buffer text = {0};

    cf_base_mark_pack(&ours, &text);
    while (text.size < size)
        cf_buffer_append(&text, "x", 1);
    cf_buffer_append(&text, "", 1);
    scratch_write(here, "base/" CF_BASE_FOLDER "/mark", (const char *)text.data);
    cf_buffer_release(&text);
}

Test(base_place, a_mark_has_a_bound)
{
    expect_ok(cf_base_place_make(here->files, dir, &ours, &error), error);
    write_mark(CF_BASE_MARK_MAX);
    expect_ok(opens(&ours), error);
    write_mark(CF_BASE_MARK_MAX + 1);
    expect_fails(opens(&ours), CF_CHANGED);
    cr_expect_str_eq(error.text, "has no mark that can be read");
}

Test(base_place, only_its_own_mark_opens_it)
{
    cf_base_mark other = ours;

    expect_fails(opens(&ours), CF_CHANGED);
    cr_expect_str_eq(error.text, "is not there");
    scratch_mkdir(here, "base");
    expect_fails(opens(&ours), CF_CHANGED);
    expect_ok(cf_base_place_make(here->files, dir, &ours, &error), error);
    expect_ok(opens(&ours), error);
    other.id.bytes[15] = 1;
    expect_fails(opens(&other), CF_CHANGED);
    cr_expect_str_eq(error.text, "is another one");
    expect_ok(cf_base_place_make(here->files, dir, &other, &error), error);
    expect_ok(opens(&other), error);
    expect_fails(opens(&ours), CF_CHANGED);
    scratch_write(here, "base/" CF_BASE_FOLDER "/mark", "garbage");
    expect_fails(opens(&other), CF_CHANGED);
}

Test(base_place, is_durable_before_anybody_speaks_of_it)
{
    expect_ok(cf_base_place_make(here->files, dir, &ours, &error), error);
    cr_expect(syncs_had(here->path), "the name of the folder");
    cr_expect(syncs_had("/base"), "the name of the program's own folder");
    cr_expect(syncs_had("/" CF_BASE_FOLDER), "the name of the mark");
}

Test(base_place, is_made_where_the_folder_above_is)
{
    char deep[128];

    snprintf(deep, sizeof deep, "%s/not/there", here->path);
    expect_fails(cf_base_place_make(here->files, deep, &ours, &error), CF_MISSING);
    cr_expect(!scratch_exists(here, "not"));
}

Test(base_place, takes_away_its_own_things_only)
{
    const cf_base_place place = place_of(&ours);
    char name[160], other[160];
    const char *const suffixes[] = {"", ".new", ".was"};

    expect_ok(cf_base_place_make(here->files, dir, &ours, &error), error);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "base/" CF_BASE_FOLDER "/%064d%s", i, suffixes[i]);
        scratch_write(here, name, "bytes");
    }
    scratch_write(here, "base/mine", "a user's");
    snprintf(name, sizeof name, "base/" CF_BASE_FOLDER "/%064d.txt", 7);
    scratch_write(here, name, "a user's");
    snprintf(other, sizeof other, "base/" CF_BASE_FOLDER "/%063dg.new", 0);
    scratch_write(here, other, "a user's, too: it is no hash");
    expect_ok(cf_base_place_remove(here->files, &place, &error), error);
    cr_expect(scratch_holds(here, "base/mine", "a user's"));
    cr_expect(scratch_holds(here, name, "a user's"));
    cr_expect(scratch_exists(here, other));
    scratch_remove(here, name);
    scratch_remove(here, other);
    expect_fails(cf_base_place_remove(here->files, &place, &error), CF_CHANGED);
    expect_ok(cf_base_place_make(here->files, dir, &ours, &error), error);
    expect_ok(cf_base_place_remove(here->files, &place, &error), error);
    cr_expect(!scratch_exists(here, "base/" CF_BASE_FOLDER));
    cr_expect(scratch_exists(here, "base/mine"));
}

/* Another one's mark is its own, or the new one's, at every call at which the disk fails. */
Test(base_place, a_mark_is_whole_wherever_making_it_ends)
{
    cf_base_mark next = ours;
    disk_faults faults = {.status = CF_OK};
    cf_files *failing = faulty_files_new(here->files, &faults);
    bool made = false;
    unsigned at = 0;

    next.id.bytes[0] = 9;
    while (!made) {
        expect_ok(cf_base_place_make(here->files, dir, &ours, &error), error);
        faults = (disk_faults){.status = CF_IO, .at = ++at};
        made = cf_base_place_make(failing, dir, &next, &error) == CF_OK;
        cr_expect((opens(&ours) == CF_OK) != (opens(&next) == CF_OK), "call %u", at);
        cr_expect(!made || opens(&next) == CF_OK);
    }
    cr_expect_geq(at, 4);
    free(failing);
}
