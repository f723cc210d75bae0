/* SPDX-License-Identifier: Apache-2.0 */
/* Why what is shown was not put into its place: kept, bounded, and gone with the next look. */
#include "peer/sources/files/waits.h"

#include "peer/sources/files/apply.h"
#include "peer/log/tables.h"
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_folder.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep(small_device *self, const cf_pending *left, size_t count)
{
    cf_error error;

    expect_ok(cf_waits_keep(cf_engine_peer(self->engine), cf_engine_binding_at(self->engine, 0),
                            left, count, &error),
              error);
}

static void expect_kept(small_device *self, const char *path, const char *reason)
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
    small_world *w = small_world_new(1, 1);
    small_device *self = &w->devices[0];
    const cf_pending left[] = {
        {CF_PENDING_SKIPPED, .path = cf_bytes_of_text("b"), .reason = "full", .tried = true},
        {CF_PENDING_WAITS, .path = cf_bytes_of_text("a"), .reason = "nobody has it", .tried = true},
        {CF_PENDING_WAITS, .path = cf_bytes_of_text("c"), .reason = CF_ON_THE_WAY, .tried = true},
        {CF_PENDING_UNAPPLIED, .path = cf_bytes_of_text("d"), .reason = "new"},
        {CF_PENDING_UNAPPLIED, .path = cf_bytes_of_text("e"), .reason = "moved", .tried = true},
    };

    expect_kept(self, "a", NULL);
    keep(self, left, sizeof left / sizeof left[0]);
    expect_kept(self, "a", "nobody has it");
    expect_kept(self, "b", "full");
    expect_kept(self, "c", NULL);
    expect_kept(self, "d", NULL);
    expect_kept(self, "e", "moved");
    keep(self, left, 1);
    expect_kept(self, "a", NULL);
    expect_kept(self, "b", "full");
    keep(self, NULL, 0);
    expect_kept(self, "b", NULL);
    small_world_destroy(&w);
}

Test(waits, keeps_no_more_than_some)
{
    small_world *w = small_world_new(1, 1);
    small_device *self = &w->devices[0];
    cf_pending *left = cf_allocate(CF_WAITS_MAX + 1, sizeof *left);
    char(*names)[8] = cf_allocate(CF_WAITS_MAX + 1, sizeof *names);

    for (int i = 0; i <= CF_WAITS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "%04d", i);
        left[i] = (cf_pending){CF_PENDING_SKIPPED, .path = cf_bytes_of_text(names[i]),
                               .reason = "full", .tried = true};
    }
    keep(self, left, CF_WAITS_MAX + 1);
    expect_kept(self, "0999", "full");
    expect_kept(self, "1000", NULL);
    free(names);
    free(left);
    small_world_destroy(&w);
}

/* ---- Found by a sync ---- */

typedef struct {
    lesser_disk disk;
    small_world *w;
    small_device *first, *second;
} stick;

/* The second device's file finds no room on the first one's disk. */
static void begin_waiting(stick *self)
{
    self->w = small_world_new(7, 2);
    self->first = &self->w->devices[0];
    self->second = &self->w->devices[1];
    lesser_disk_begin(&self->disk, self->w);
    user_writes_text(self->second, "b", "it waits");
    cr_assert(small_device_sync(self->second));
    self->disk.unmakeable = true;
    cr_assert(small_device_sync(self->first));
}

static bool is_waiting(const stick *self, const char *path)
{
    cf_pendings kept = {0};

    cf_waits_recall(cf_engine_peer(self->first->engine),
                    cf_engine_binding_at(self->first->engine, 0), &kept);
    bool found = cf_waits_reason(&kept, cf_bytes_of_text(path)) != NULL;
    cf_pendings_release(&kept);
    return found;
}

/* Nothing is left to be done then, and so nothing is tried. */
Test(waits, are_over_with_the_name)
{
    for (int again = 0; again < 2; again++) {
        stick self;

        begin_waiting(&self);
        cr_assert(is_waiting(&self, "b"));
        if (again)
            small_device_crash(self.first);
        user_removes(self.second, "b");
        cr_assert(small_device_sync(self.second));
        cr_assert(small_device_sync(self.first));
        cr_expect(!is_waiting(&self, "b"), "told of what is gone, %d", again);
        small_world_destroy(&self.w);
    }
}

/* It was put there by its user. */
Test(waits, are_over_with_the_reason)
{
    stick self;

    begin_waiting(&self);
    user_writes_text(self.first, "b", "it waits");
    small_device_crash(self.first);
    cr_assert(small_device_sync(self.first));
    cr_expect(!is_waiting(&self, "b"));
    small_world_destroy(&self.w);
}

/* ---- A home that is full ---- */

static cf_status (*real_write)(cf_store *store, const cf_hash *user, const cf_kv *records,
                               size_t count, bool synced, cf_error *error);
static size_t refused;

static cf_status refuse_waits(cf_store *store, const cf_hash *user, const cf_kv *records,
                              size_t count, bool synced, cf_error *error)
{
    if (count && records[0].key.size && records[0].key.data[0] == CF_TABLE_WAITED) {
        refused++;
        return cf_fail(error, CF_FULL, "no room for a note");
    }
    return real_write(store, user, records, count, synced, error);
}

Test(waits, end_no_sync_that_can_not_keep_them)
{
    stick self;
    cf_store *store;
    char token[64];

    begin_waiting(&self);
    small_device_crash(self.first);
    store = cf_home_store(self.first->home);
    real_write = store->write;
    store->write = refuse_waits;
    user_writes_text(self.second, "c", "it waits, too");
    user_writes_text(self.first, "mine", "told all the same");
    cr_assert(small_device_sync(self.second));
    cr_assert(small_device_sync(self.first));
    cr_expect_eq(self.first->trouble, CF_OK);
    cr_expect_gt(refused, 0);
    self.disk.unmakeable = false;
    cr_assert(small_device_sync(self.second));
    cr_expect(small_device_token(self.second, "mine", token));
    cr_assert(small_device_sync(self.first));
    cr_expect(small_device_token(self.first, "b", token));
    cr_expect(small_device_token(self.first, "c", token));
    small_world_destroy(&self.w);
}
