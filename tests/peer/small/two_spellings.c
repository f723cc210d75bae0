/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/two_spellings.h"

#include "tests/support/expect.h"

#include <string.h>

small_world *w;
small_device *full, *folds;

void two_spellings_begin(void)
{
    w = small_world_new(5, 2);
    full = &w->devices[0];
    folds = &w->devices[1];
    folds->faults.lacks = (disk_lacks){.folds = true, .refuses = ":?", .kind = 1};
    small_device_crash(folds);
    user_writes_text(full, "first", "first");
    cr_assert(small_world_settle(w));
}

void two_spellings_end(void)
{
    small_world_destroy(&w);
}

void settle_without_news(void)
{
    cr_assert(small_device_sync(full));
    uint64_t entries = small_world_entries(w);

    cr_assert(small_world_settle(w));
    small_device_crash(folds);
    cr_assert(small_world_settle(w));
    cr_assert_eq(small_world_entries(w), entries, "nothing is published that nobody did");
}

void expect_reason(cf_pending_kind kind, const char *path, const char *reason)
{
    const cf_binding *binding = cf_engine_binding_at(folds->engine, 0);
    cf_arena arena = {0};
    cf_binding_status status;
    size_t found = 0;

    cf_engine_status(folds->engine, binding, &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++) {
        const cf_pending *one = &status.pending[i];

        if (one->kind != kind || !cf_bytes_equal(one->path, cf_bytes_of_text(path)))
            continue;
        found++;
        cr_expect(strstr(one->reason, reason), "%s, not %s", one->reason, reason);
    }
    cr_expect_eq(found, 1, "%s", path);
    cf_arena_release(&arena);
}
