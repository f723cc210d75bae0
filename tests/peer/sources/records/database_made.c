/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/database_made.h"

#include "codec/pack.h"
#include "tests/support/faulty_disk.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

#include <stdio.h>
#include <stdlib.h>

static const char THEIRS[] = "what its program made meanwhile";

typedef struct {
    scratch *disk;
    disk_faults faults;
    cf_files *files;
    cf_buffer layout, bytes;
    char path[128];
} scene;

static scene *arrive(void)
{
    scene *self = cf_allocate(1, sizeof *self);
    cf_error error;

    self->disk = scratch_new();
    self->files = faulty_files_new(self->disk->files, &self->faults);
    scratch_mkdir(self->disk, "book");
    snprintf(self->path, sizeof self->path, "%s/book/a.db", self->disk->path);
    cf_pack_array(&self->layout, 7);
    cf_pack_uint(&self->layout, 4096);
    cf_pack_text(&self->layout, cf_bytes_of_text("UTF-8"));
    cf_pack_uint(&self->layout, 0);
    cf_pack_bool(&self->layout, false);
    cf_pack_int(&self->layout, 0);
    cf_pack_int(&self->layout, 0);
    cf_pack_array(&self->layout, 1);
    cf_pack_text(&self->layout, cf_bytes_of_text("CREATE TABLE a (b)"));
    expect_ok(cf_database_made_bytes(cf_buffer_view(&self->layout), &self->bytes, &error), error);
    return self;
}

static void leave(scene **self)
{
    cf_buffer_release(&(*self)->layout);
    cf_buffer_release(&(*self)->bytes);
    free((*self)->files);
    scratch_destroy(&(*self)->disk);
    free(*self);
    *self = NULL;
}

static cf_status make(scene *self, cf_error *error)
{
    self->faults.calls = 0;
    return cf_database_made(self->files, self->path, cf_buffer_view(&self->layout), false, error);
}

static bool is_whole(const scene *self)
{
    cf_buffer there = {0};

    scratch_read(self->disk, "book/a.db", &there);
    const bool same = cf_bytes_equal(cf_buffer_view(&there), cf_buffer_view(&self->bytes));
    cf_buffer_release(&there);
    return same;
}

static bool is_there(const scene *self)
{
    return scratch_exists(self->disk, "book/a.db");
}

static bool is_left(const scene *self)
{
    return scratch_exists(self->disk, "book/.a.db.counterfoil");
}

Test(database_made, is_durable_before_it_has_its_name)
{
    scene *self = arrive();
    cf_error error;

    syncs_forget();
    expect_ok(make(self, &error), error);
    cr_expect(is_whole(self));
    cr_expect(!is_left(self));
    cr_expect(syncs_had("/.a.db.counterfoil"));
    cr_expect(syncs_had("/book"));
    scratch_remove(self->disk, "book/a.db");
    syncs_fail("/.a.db.counterfoil");
    expect_fails(make(self, &error), CF_IO);
    cr_expect(!is_there(self));
    cr_expect(!is_left(self));
    leave(&self);
}

/* From some call on nothing can be changed any more, as in a crash. */
Test(database_made, is_whole_or_not_there_wherever_it_ends)
{
    scene *self = arrive();
    uint64_t calls = 1;
    cf_error error;

    for (uint64_t at = 1; at <= calls; at++) {
        self->faults = (disk_faults){.at = at, .status = CF_IO};
        cf_status status = make(self, &error);
        calls = self->faults.calls > calls ? self->faults.calls : calls;
        cr_expect(!is_there(self) || is_whole(self), "call %d", (int)at);
        self->faults = (disk_faults){0};
        if (is_there(self))
            scratch_remove(self->disk, "book/a.db");
        status = make(self, &error); /* whatever was left */
        expect_ok(status, error);
        cr_expect(is_whole(self), "call %d", (int)at);
        cr_expect(!is_left(self), "call %d", (int)at);
        scratch_remove(self->disk, "book/a.db");
    }
    cr_expect_gt(calls, 4);
    leave(&self);
}

Test(database_made, leaves_nothing_where_one_call_fails)
{
    scene *self = arrive();
    uint64_t calls = 1;
    cf_error error;

    for (uint64_t at = 1; at <= calls; at++) {
        self->faults = (disk_faults){.at = at, .once = true, .status = CF_FULL};
        cf_status status = make(self, &error);
        calls = self->faults.calls > calls ? self->faults.calls : calls;
        cr_expect(!is_left(self), "call %d", (int)at);
        cr_expect(!is_there(self) || is_whole(self), "call %d", (int)at);
        cr_expect(status || is_whole(self), "call %d", (int)at);
        if (is_there(self))
            scratch_remove(self->disk, "book/a.db");
    }
    leave(&self);
}

static void make_theirs(void *context)
{
    const scene *self = context;

    scratch_write(self->disk, "book/a.db", THEIRS);
}

Test(database_made, takes_the_place_of_nothing)
{
    scene *self = arrive();
    uint64_t calls = 1;
    cf_error error;

    scratch_write(self->disk, "book/a.db", THEIRS);
    expect_fails(make(self, &error), CF_CHANGED);
    cr_expect(scratch_holds(self->disk, "book/a.db", THEIRS));
    cr_expect(!is_left(self));
    scratch_remove(self->disk, "book/a.db");
    for (uint64_t at = 1; at <= calls; at++) {
        self->faults = (disk_faults){.at = at, .meanwhile = make_theirs, .context = self};
        (void)make(self, &error);
        calls = self->faults.calls > calls ? self->faults.calls : calls;
        cr_expect(scratch_holds(self->disk, "book/a.db", THEIRS), "call %d", (int)at);
        cr_expect(!is_left(self), "call %d", (int)at);
        scratch_remove(self->disk, "book/a.db");
    }
    leave(&self);
}

Test(database_made, makes_none_beside_what_another_one_left)
{
    static const char *const left[] = {"book/a.db-wal", "book/a.db-journal"};
    scene *self = arrive();
    cf_error error;

    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        scratch_write(self->disk, left[i], "of a program that crashed");
        expect_fails(make(self, &error), CF_LOCKED);
        cr_expect(!is_there(self));
        cr_expect(!is_left(self));
        scratch_write(self->disk, left[i], "");
        expect_ok(make(self, &error), error);
        scratch_remove(self->disk, "book/a.db");
        scratch_remove(self->disk, left[i]);
    }
    leave(&self);
}

Test(database_made, rehearses_and_makes_nothing)
{
    scene *self = arrive();
    cf_error error;

    expect_ok(
        cf_database_made(self->files, self->path, cf_buffer_view(&self->layout), true, &error),
        error);
    cr_expect(!is_there(self));
    cr_expect(!is_left(self));
    expect_fails(cf_database_made(self->files, self->path, (cf_bytes){0}, true, &error),
                 CF_MISSING);
    self->layout.size--;
    expect_fails(make(self, &error), CF_MALFORMED);
    cr_expect(!is_there(self));
    cr_expect(!is_left(self));
    leave(&self);
}
