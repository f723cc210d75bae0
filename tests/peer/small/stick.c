/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/stick.h"

#include "codec/hash_table.h"
#include "tests/support/expect.h"

enum { LONG_AGO = 1000 }; /* s */

static stick *counted;

static cf_status count_read(cf_store *store, const cf_hash *user, uint64_t position,
                            cf_entry_visit *visit, void *context, cf_error *error)
{
    counted->log_reads += position == 1;
    return counted->plain.read(store, user, position, visit, context, error);
}

void stick_count_log_reads(stick *self)
{
    self->store = cf_home_store(self->first->home);
    self->plain = *self->store;
    self->log_reads = 0;
    counted = self;
    self->store->read = count_read;
}

void stick_put_back(stick *self, const char *name)
{
    const uint64_t hash = cf_hash_bytes(0, cf_bytes_of_text(name));

    user_writes_text(self->first, name, name);
    user_stamps(self->first, name, LONG_AGO + hash % 1000000);
}

void stick_begin_on(stick *self, int files, bool renumbers)
{
    char name[16];

    self->w = small_world_new(23, 2);
    self->w->guarded = true;
    self->first = &self->w->devices[0];
    self->second = &self->w->devices[1];
    lesser_disk_begin(&self->disk, self->w);
    self->disk.renumbers = renumbers;
    small_device_crash(self->first);
    for (int i = 0; i < files; i++) {
        name_file(i, name);
        stick_put_back(self, name);
    }
    cr_assert(small_world_settle(self->w));
    cr_assert(small_device_sync(self->first));
    cr_assert(small_device_sync(self->second));
}

void stick_begin(stick *self, int files)
{
    stick_begin_on(self, files, true);
}

void stick_end(stick *self)
{
    small_world_destroy(&self->w);
}

void stick_remount(stick *self)
{
    lesser_disk_remount(&self->disk, 5);
    small_device_crash(self->first);
    small_device_crash(self->second);
    stick_count_log_reads(self);
    self->disk.reads = 0;
}

void write_since(small_device *self, const char *name)
{
    user_writes_text(self, name, "edited");
}

void expect_stick_held(stick *self, bool is_held)
{
    const uint64_t entries = small_world_entries(self->w);

    cr_assert(small_device_sync(self->first));
    self->file_reads = self->disk.reads;
    cr_expect_eq(trouble(self->first), is_held ? CF_UNSAFE : CF_OK);
    cr_expect(is_held == (small_world_entries(self->w) == entries));
    cr_assert(small_device_sync(self->second));
}

void stick_pass_time(stick *self)
{
    lesser_disk_set_clock(&self->disk, lesser_disk_clock(&self->disk) + 60 * 1000000000LL);
}
