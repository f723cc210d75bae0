/* SPDX-License-Identifier: Apache-2.0 */
/* Why what is shown was not put into its place: kept, bounded, and gone with the next look. */
#include "peer/sources/files/waits.h"

#include "peer/sources/files/apply.h"
#include "tests/peer/small_folder.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

static void keep(device *self, const cf_pending *left, size_t count)
{
    cf_error error;

    expect_ok(cf_waits_keep(cf_engine_peer(self->engine), cf_engine_binding_at(self->engine, 0),
                            left, count, &error),
              error);
}

static void expect_kept(device *self, const char *path, const char *reason)
{
    cf_pendings kept = {0};

    cf_waits_recall(cf_engine_peer(self->engine), cf_engine_binding_at(self->engine, 0), &kept);
    const char *found = cf_waits_reason(&kept, cf_bytes_of_text(path));
    cr_expect((found == NULL) == (reason == NULL), "%s: %s", path, found ? found : "nothing");
    if (found && reason)
        cr_expect_str_eq(found, reason);
    cf_pendings_release(&kept);
}

Test(waits, keeps_what_was_tried_in_vain_until_the_next_look)
{
    world *w = world_new(1, 1);
    device *self = &w->devices[0];
    const cf_pending left[] = {
        {.kind = CF_PENDING_SKIPPED, .path = cf_bytes_of_text("b"), .reason = "full"},
        {.kind = CF_PENDING_WAITS, .path = cf_bytes_of_text("a"), .reason = "no device has it"},
        {.kind = CF_PENDING_WAITS, .path = cf_bytes_of_text("c"), .reason = CF_ON_THE_WAY},
        {.kind = CF_PENDING_UNAPPLIED, .path = cf_bytes_of_text("d"), .reason = "new"},
    };

    expect_kept(self, "a", NULL);
    keep(self, left, sizeof left / sizeof left[0]);
    expect_kept(self, "a", "no device has it");
    expect_kept(self, "b", "full");
    expect_kept(self, "c", NULL);
    expect_kept(self, "d", NULL);
    keep(self, left, 1);
    expect_kept(self, "a", NULL);
    expect_kept(self, "b", "full");
    keep(self, NULL, 0);
    expect_kept(self, "b", NULL);
    world_destroy(&w);
}

Test(waits, keeps_no_more_than_some)
{
    world *w = world_new(1, 1);
    device *self = &w->devices[0];
    cf_pending *left = cf_allocate(CF_WAITS_MAX + 1, sizeof *left);
    char(*names)[8] = cf_allocate(CF_WAITS_MAX + 1, sizeof *names);

    for (int i = 0; i <= CF_WAITS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "%04d", i);
        left[i] =
            (cf_pending){CF_PENDING_SKIPPED, .path = cf_bytes_of_text(names[i]), .reason = "full"};
    }
    keep(self, left, CF_WAITS_MAX + 1);
    expect_kept(self, "0999", "full");
    expect_kept(self, "1000", NULL);
    free(names);
    free(left);
    world_destroy(&w);
}
