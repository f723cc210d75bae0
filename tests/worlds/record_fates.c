/* SPDX-License-Identifier: Apache-2.0 */
/* A file of records that is cut short, as by a program that was killed while it saved: what came
 * behind the cut is not deleted elsewhere. */
#include "tests/support/named.h"
#include "tests/worlds/history.h"

#include "tests/worlds/asking.h"
#include "tests/worlds/disk_users.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAUSE_MS = 10000, PATH_SIZE = 160, EDITS = 4 };

typedef struct {
    const char *folder;
    uint64_t wanted, count;
    char path[PATH_SIZE];
    cf_buffer bytes;
} choice;

static bool is_of_records(const char *path)
{
    static const char *const ends[] = {".csv", ".vcf", ".json", ".ics"};
    bool is = false;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        is |= ends_with(path, ends[i]);
    return is;
}

/* The one that is wanted of those that there are. */
static void choose(void *context, const disk_thing *thing)
{
    choice *self = context;

    if (thing->stat.kind != CF_FILE_REGULAR || strstr(thing->path, " (saved ") ||
        !is_of_records(thing->path) || self->count++ != self->wanted)
        return;
    snprintf(self->path, sizeof self->path, "%s/%s", self->folder, thing->path);
    cf_buffer_append(&self->bytes, thing->bytes.data, thing->bytes.size);
}

static void look(const device *of, choice *self)
{
    static const char *const folders[] = {"/tables", "/cards", "/settings", "/events"};

    self->count = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        self->folder = folders[i];
        disk_walk(of->drive, folders[i], &(disk_walk_options){.skip = ".counterfoil"}, choose,
                  self);
    }
}

static bool choose_file(chance *from, const device *of, choice *out)
{
    *out = (choice){.wanted = UINT64_MAX};
    look(of, out);
    if (!out->count)
        return false;
    out->wanted = chance_below(from, out->count);
    look(of, out);
    return out->bytes.size > 0;
}

/* A table that ends with a line is whole, for all that anybody can tell, and so is one whose last
 * line lacks its end alone; what is cut of a card, an event or a document is behind its beginning
 * and before its end. */
static bool choose_end(chance *from, const choice *file, size_t *out)
{
    cf_bytes text = cf_buffer_view(&file->bytes);
    const uint8_t *header = memchr(text.data, '\n', text.size);
    size_t first = 0, last = text.size - 1;

    if (ends_with(file->path, ".csv"))
        first = header ? (size_t)(header - text.data) + 2 : last;
    while (last && strchr("\r\n", text.data[last]))
        last--;
    if (first >= last)
        return false;
    *out = first + chance_below(from, last - first);
    return !ends_with(file->path, ".csv") || text.data[*out - 1] != '\n';
}

static void save(device *who, chance *from, const choice *file, size_t size)
{
    disk_user_saves(who->drive, file->path, cf_bytes_of(file->bytes.data, size),
                    chance_one_in(from, 2) ? DISK_SAVE_IN_PLACE : DISK_SAVE_BY_RENAME);
    disk_user_syncs(who->drive, file->path);
    world_wait(who->in, PAUSE_MS);
}

/* Nobody gives the word. */
static void expect_nothing(history *self, device *who, const choice *file, size_t size)
{
    const world_round round = {.set = 1u << who->number, .turns = TURNS_MAX, .guarded = true};

    for (int i = 0; i < 2; i++) {
        world_sync(self->w, &round);
        if (who->claims)
            verdict_fail(&self->verdict, "truthful status",
                         "device %d: %s is cut to %zu bytes, and it says that all is well",
                         who->number, file->path, size);
    }
}

/* So that there is something to cut. */
static void edit_some(history *self, chance *from, device *who)
{
    static const act_kind kinds[] = {ACT_TABLE, ACT_NUMBERS, ACT_CARDS, ACT_SETTINGS, ACT_EVENTS};

    for (int i = 0; i < EDITS; i++) {
        event one = {.kind = kinds[chance_below(from, sizeof kinds / sizeof *kinds)],
                     .path = (uint8_t)chance_below(from, PATHS)};

        one.seed = chance_next(from);
        user_acts(self, who, &one);
    }
    world_wait(self->w, PAUSE_MS);
}

bool record_may_be_spoiled(const device *who)
{
    return who->in->plan.records && !who->is_out && !who->is_rotten && !who->is_copy &&
           !asking_is_limited(who) && !disk_is_out(who->drive);
}

/* What it publishes meanwhile has no cause (causes.h), and is found once it is in sync again. */
void record_file_is_cut(history *self, chance *from, device *who)
{
    choice file = {0};
    size_t size;

    if (!record_may_be_spoiled(who))
        return;
    edit_some(self, from, who);
    history_sync(self, 1u << who->number, TURNS_MAX);
    if (who->claims && choose_file(from, who, &file) && choose_end(from, &file, &size)) {
        world_tell(who->in, "device %d: %s is cut to %zu of %zu bytes", who->number, file.path,
                   size, file.bytes.size);
        save(who, from, &file, size);
        if (chance_one_in(from, 3))
            device_restart(who, END_KILLED);
        expect_nothing(self, who, &file, size);
        world_tell(who->in, "device %d: %s is whole again", who->number, file.path);
        save(who, from, &file, file.bytes.size);
        history_sync(self, 1u << who->number, TURNS_MAX);
    }
    cf_buffer_release(&file.bytes);
}
