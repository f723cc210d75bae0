/* SPDX-License-Identifier: Apache-2.0 */
/* A watched folder on a disk that fails for a while: what it did not let the device read, or list,
 * is looked at again. */
#include "tests/peer/small/watched_folder.h"

#include "tests/support/expect.h"

enum { MINUTE_MS = 60000 };

static cf_status (*open_well)(cf_files *files, const cf_folder *folder, cf_bytes name,
                              cf_file **out, cf_error *error);
static size_t fails_left;

static cf_status open_badly(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                            cf_error *error)
{
    if (!fails_left || !cf_bytes_equal(name, cf_bytes_of_text("one")))
        return open_well(files, folder, name, out, error);
    fails_left--;
    return cf_fail(error, CF_IO, "the disk fails");
}

Test(engine_watched, a_file_that_a_failing_disk_does_not_let_it_read)
{
    for (size_t times = 1; times <= 2; times++) {
        small_device *first, *second;
        small_world *w = served_world(&first, &second, true);

        open_well = first->env.files->open_file;
        first->env.files->open_file = open_badly;
        fails_left = times;
        user_writes_text(first, "above/a/one", "saved");
        small_device_passes(first, 3 * MINUTE_MS);
        cr_expect_eq(fails_left, 0);
        cr_expect(shows(second, "above/a/one", "saved"), "it failed %zu times", times);
        small_world_destroy(&w);
    }
}

static cf_status (*list_well)(cf_files *files, const cf_folder *folder, cf_name_visit *visit,
                              void *context, cf_error *error);
static bool lists_badly;

typedef struct {
    cf_name_visit *visit;
    void *context;
    bool has_new;
} looked_through;

static bool look_through(void *context, cf_bytes name)
{
    looked_through *self = context;

    self->has_new |= cf_bytes_equal(name, cf_bytes_of_text("new"));
    return self->visit(self->context, name);
}

static cf_status list_badly(cf_files *files, const cf_folder *folder, cf_name_visit *visit,
                            void *context, cf_error *error)
{
    looked_through self = {visit, context, false};

    cf_status status = list_well(files, folder, look_through, &self, error);
    if (!status && lists_badly && self.has_new)
        return cf_fail(error, CF_IO, "the disk fails");
    return status;
}

/* When the disk is well again nothing tells of it, and a look at the directory above passes what
 * has not changed there: everything is looked at anew. */
Test(engine_watched, a_directory_that_a_failing_disk_does_not_let_it_list)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    small_device_crash(first);
    user_writes_text(first, "above/a/new", "1");
    small_device_serves(first);
    list_well = first->env.files->list;
    first->env.files->list = list_badly;
    lists_badly = true;
    small_device_passes(first, QUIET_MS);
    user_writes_text(first, "above/beside", "1");
    small_device_passes(first, QUIET_MS);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "above/beside"));
    cr_expect(!has_path(second, "above/a/new"));
    lists_badly = false;
    small_device_passes(first, 12 * MINUTE_MS);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "above/a/new"), "it is not looked for again");
    small_world_destroy(&w);
}
