/* SPDX-License-Identifier: Apache-2.0 */
/* What is renamed while a device that begins to serve looks for the first time, at whichever call
 * of that look: it is moved, and what was written elsewhere to the old name goes along. */
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"
#include "tests/support/short_form.h"

#include <stdio.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

enum { FILES = 6, LOOKS_MS = 6000, LOOK_CALLS_MIN = 20 };

typedef struct {
    const char *from, *to, *file, *there; /* a file of what is renamed, and where it is then */
    const char *written; /* to what is renamed, at once; NULL: nothing. Who was not told of the
                            rename before, must be by now: */
    size_t watched;      /* directories, by then */
} renaming;

typedef struct {
    lesser_disk disk;
    small_world *w;
    small_device *first, *second;
    const renaming *what;
    bool is_told; /* when it was renamed, the directories were watched */
} stick;

static void begin(stick *self, bool renumbers)
{
    char name[16];

    self->w = small_world_new(29, 2);
    self->first = &self->w->devices[0];
    self->second = &self->w->devices[1];
    lesser_disk_begin(&self->disk, self->w);
    self->disk.renumbers = renumbers;
    small_device_crash(self->first);
    user_makes(self->first, "in");
    user_makes(self->first, "on");
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%sf%u", i % 2 ? "" : "in/", i);
        user_writes_text(self->first, name, name + strlen(name) - 2);
    }
    user_writes_text(self->first, "on/g", "g");
    cr_assert(small_device_sync(self->first));
    cr_assert(small_device_sync(self->second));
    lesser_disk_set_clock(&self->disk, lesser_disk_clock(&self->disk) + 10 * SECOND_NS);
    cr_assert(small_device_sync(self->first));
    cr_assert(small_device_sync(self->second));
}

static void rename_it(void *context)
{
    stick *self = context;
    const renaming *what = self->what;

    self->is_told = self->disk.watched >= what->watched;
    cr_assert(user_moves(self->first, what->from, what->to));
    if (what->written)
        user_writes_text(self->first, what->there, what->written);
}

/* False: the look has not so many calls. */
static bool renames_at_call(uint64_t call, const renaming *what, bool renumbers)
{
    stick self = {.what = what};
    cf_buffer difference = {0};

    begin(&self, renumbers);
    if (renumbers)
        lesser_disk_remount(&self.disk, 5);
    user_writes_text(self.second, what->file, "edited elsewhere");
    small_device_crash(self.second);
    small_device_serves(self.first);
    self.first->hears_late = call % 2;
    self.disk.watched = 0;
    self.first->faults.reads = true;
    self.first->faults.meanwhile = rename_it;
    self.first->faults.context = &self;
    self.first->faults.at = self.first->faults.calls + call;
    small_device_passes(self.first, LOOKS_MS);
    const bool reached = !self.first->faults.meanwhile;
    self.first->faults = (disk_faults){.calls = self.first->faults.calls};
    if (reached) {
        cr_assert(small_device_sync(self.second));
        cr_assert(small_world_settle(self.w));
        cr_expect(small_world_equal(self.w, &difference), "call %d: %s", (int)call,
                  (const char *)difference.data);
        for (int i = 0; i < 2; i++) {
            const small_device *one = &self.w->devices[i];

            cr_expect(has_path(one, what->there), "call %d: %s is not there", (int)call,
                      what->there);
            if (!what->written || !renumbers || self.is_told)
                cr_expect(!has_path(one, what->file), "call %d, %d: %s is new, and not moved",
                          (int)call, renumbers, what->there);
            if (!what->written)
                cr_expect(user_reads_as(one, what->there, "edited elsewhere"), "call %d, %d: %s",
                          (int)call, renumbers, what->there);
            cr_expect(has_path(one, "f5") || what->from[0] == 'f');
        }
    }
    cf_buffer_release(&difference);
    small_world_destroy(&self.w);
    return reached;
}

static void expect_moved(const renaming *what)
{
    for (int renumbers = 0; renumbers < 2; renumbers++) {
        uint64_t call = 1;

        while (renames_at_call(call, what, renumbers))
            call += one_in_few(5, 11);
        cr_expect_gt(call, LOOK_CALLS_MIN);
    }
}

Test(engine_first_look, a_file_in_its_folder)
{
    expect_moved(&(renaming){"f3", "a", "f3", "a", NULL, 1});
}

Test(engine_first_look, a_file_that_is_written_to)
{
    expect_moved(&(renaming){"f3", "a", "f3", "a", "longer than it was", 1});
    expect_moved(&(renaming){"f3", "z", "f3", "z", "longer than it was", 1});
}

Test(engine_first_look, a_file_to_another_folder)
{
    expect_moved(&(renaming){"f3", "in/g", "f3", "in/g", NULL, 2});
    expect_moved(&(renaming){"in/f2", "on/f2", "in/f2", "on/f2", NULL, 3});
}

Test(engine_first_look, a_file_to_another_folder_that_is_written_to)
{
    expect_moved(&(renaming){"f3", "in/g", "f3", "in/g", "longer than it was", 2});
    expect_moved(&(renaming){"in/f2", "on/f2", "in/f2", "on/f2", "longer than it was", 3});
    expect_moved(&(renaming){"in/f2", "f2", "in/f2", "f2", "longer than it was", 2});
}

Test(engine_first_look, a_folder)
{
    expect_moved(&(renaming){"in", "out", "in/f2", "out/f2", NULL, 1});
    expect_moved(&(renaming){"in", "on/in", "in/f2", "on/in/f2", NULL, 2});
}

Test(engine_first_look, a_folder_in_which_a_file_is_written_to)
{
    expect_moved(&(renaming){"in", "out", "in/f2", "out/f2", "longer than it was", 2});
}
