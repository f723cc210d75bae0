/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/mounts.h"

#include "tests/support/bound_source.h"
#include "tests/worlds/disk_users.h"
#include "tests/worlds/notes.h"

#include <stdio.h>

typedef enum { NOTHING, EMPTY_FOLDER, OTHER_CARD, OTHER_SOURCE, INSTEADS } instead;
static const char *const told[INSTEADS] = {"nothing", "an empty folder", "another card",
                                           "another source's card"};

/* ---- What stands there meanwhile ---- */

static void write_strange(device *self, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "%s/%s", self->folder, name);
    disk_user_writes(self->drive, path, "on another card");
    disk_user_syncs(self->drive, path);
    disk_user_syncs(self->drive, self->folder);
}

/* As the product makes it; the device's own files may be about to fail. */
static void mark_as_source(device *self, chance *from)
{
    cf_id other;

    chance_fill(from, other.bytes, CF_ID_SIZE);
    mark_source(disk_files(self->drive), self->folder, &other);
}

static void dump_instead(const device *self, cf_buffer *out)
{
    cf_buffer_clear(out);
    disk_dump(self->drive, self->folder, &(disk_dump_options){.as_mounted = true, .times = true},
              out);
}

static void put_instead(device *self, chance *from, instead what)
{
    if (what != NOTHING)
        disk_make_folder(self->drive, self->folder);
    if (what >= OTHER_CARD) {
        write_strange(self, "a"); /* as here */
        write_strange(self, "strange");
    }
    if (what == OTHER_SOURCE)
        mark_as_source(self, from);
    dump_instead(self, &self->instead);
}

/* ---- Out and in ---- */

bool mounts_take_out(device *self, chance *from, bool is_pulled)
{
    const instead what = (instead)chance_below(from, INSTEADS);
    sight before;

    sight_take_whole(self, &before);
    const bool is_out = disk_take_out(self->drive, self->folder, is_pulled);
    if (is_out) {
        world_tell(self->in, "device %d: its disk is %s, %s is there", self->number,
                   is_pulled ? "pulled" : "unmounted", told[what]);
        if (is_pulled) {
            note_cut(self, &before);
            self->is_unsure = true;
        }
        self->claims = false;
        put_instead(self, from, what);
    }
    sight_release(&before);
    return is_out;
}

void mounts_put_in(device *self)
{
    cf_buffer now = {0};

    if (!disk_is_out(self->drive))
        return;
    dump_instead(self, &now);
    if (!cf_bytes_equal(cf_buffer_view(&now), cf_buffer_view(&self->instead)) &&
        !self->in->trespass.size)
        cf_buffer_append_text(&self->in->trespass,
                              "device %d: instead of its disk there was\n%.*s"
                              "and is\n%.*s",
                              self->number, (int)self->instead.size,
                              (const char *)self->instead.data, (int)now.size,
                              (const char *)now.data);
    cf_buffer_release(&now);
    disk_put_in(self->drive, self->folder);
    world_tell(self->in, "device %d: its disk is mounted anew", self->number);
}

void mounts_anew(device *self)
{
    if (disk_take_out(self->drive, self->folder, false))
        disk_put_in(self->drive, self->folder);
}
