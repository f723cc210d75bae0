/* SPDX-License-Identifier: Apache-2.0 */
/* A device's whole disk: one that does not answer for a while, and an older copy of it in its
 * place.
 */
#include "tests/worlds/history.h"

#include "tests/worlds/asking.h"

enum { CALLS = 300, EDITS = 5, PAUSE_MS = 10000, EDITED_MIN = 2 };

/* ---- One that hangs ---- */

static bool always(void *context, cf_job *job)
{
    (void)context;
    (void)job;
    return true;
}

static void hang(void *context)
{
    device *who = context;

    world_tell(who->in, "device %d: its disk hangs", who->number);
    cf_jobs_inline_hang(who->env.jobs, always, NULL);
    who->is_hanging = true;
}

void disk_hangs(history *self, chance *from, device *who)
{
    static const device_end ends[] = {END_CALMLY, END_KILLED};

    if (chance_one_in(from, 3)) {
        hang(who);
    } else {
        who->faults.reads = true;
        who->faults.meanwhile = hang;
        who->faults.context = who;
        who->faults.at = who->faults.calls + 1 + chance_below(from, CALLS);
    }
    history_sync(self, 1u << who->number, TURNS_MAX);
    who->faults = (disk_faults){.calls = who->faults.calls};
    if (chance_one_in(from, 3)) {
        device_restart(who, ends[chance_below(from, 2)]);
    } else {
        cf_jobs_inline_hang(who->env.jobs, NULL, NULL);
        who->is_hanging = false;
        world_tell(who->in, "device %d: its disk answers", who->number);
    }
}

/* ---- An older copy ---- */

static bool is_file(const seen *self)
{
    return strncmp(self->token.text, "-> ", 3) != 0;
}

/* Files that have another content by the same name: what links point to has no versions that an
 * older copy is known by. */
static size_t count_edited(const sight *before, const sight *after)
{
    size_t count = 0;

    for (size_t i = 0; i < before->count; i++) {
        const seen *then = &before->all[i], *now = sight_at(after, then->path);

        count +=
            now && is_file(then) && is_file(now) && strcmp(now->token.text, then->token.text) != 0;
    }
    return count;
}

static void edit_some(history *self, chance *from, device *who)
{
    world_wait(self->w, PAUSE_MS);
    for (int i = 0; i < EDITS; i++) {
        event one = {.kind = ACT_WRITE, .path = (uint8_t)chance_below(from, PATHS)};

        one.seed = chance_next(from);
        user_acts(self, who, &one);
    }
    world_wait(self->w, PAUSE_MS);
    history_sync(self, 1u << who->number, TURNS_MAX);
}

/* Nobody gives the word. */
static void expect_held(history *self, device *who)
{
    const world_round round = {.set = 1u << who->number, .turns = TURNS_MAX, .guarded = true};
    const bool served = who->serves;
    cf_binding_status status;
    cf_arena arena = {0};

    who->serves = true; /* so that its process is there to be asked */
    world_sync(self->w, &round);
    cf_engine_status(who->engine, cf_engine_binding_at(who->engine, 0), &arena, &status);
    if (status.trouble != CF_UNSAFE || who->claims)
        verdict_fail(&self->verdict, "truthful status",
                     "device %d: an older copy of its disk lies there, and it says: %s",
                     who->number, status.trouble ? status.trouble_text : "all is well");
    who->serves = served;
    cf_arena_release(&arena);
}

static disk_image *image_of(device *who)
{
    disk_sync(who->drive);
    return disk_snapshot(who->drive);
}

/* Of records nobody knows an older copy; and a home that went back asks the log. */
static bool may_go_back(const history *self, const device *who)
{
    return !self->w->plan.records && !who->is_out && !who->is_rotten && !who->is_copy &&
           !who->skew_ms && !asking_is_limited(who) && !disk_is_out(who->drive);
}

void disk_is_older(history *self, chance *from, device *who)
{
    sight before, after;

    if (!may_go_back(self, who))
        return;
    history_sync(self, 1u << who->number, TURNS_MAX);
    if (!who->claims)
        return;
    disk_image *older = image_of(who);
    sight_take(who, &before);
    edit_some(self, from, who);
    sight_take(who, &after);
    if (who->claims && count_edited(&before, &after) >= EDITED_MIN) {
        disk_image *last = image_of(who);

        world_tell(who->in, "device %d: an older copy of its disk lies there", who->number);
        device_put_disk(who, older);
        expect_held(self, who);
        world_tell(who->in, "device %d: its disk is there again", who->number);
        device_put_disk(who, last);
        disk_image_destroy(&last);
        history_sync(self, 1u << who->number, TURNS_MAX);
    }
    disk_image_destroy(&older);
    sight_release(&before);
    sight_release(&after);
}
