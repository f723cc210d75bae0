/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in a world, and what a user does about it. */
#include "tests/worlds/history.h"

#include "codec/limits.h"
#include "tests/worlds/asking.h"
#include "tests/worlds/mounts.h"

#include <stdlib.h>

enum { CALLS = 150, A_WHILE = 60, REST_MS = 600000, FULL_BYTES = 300000, CLONES_MAX = 2 };

static const int64_t day_ms = 86400000;

/* ---- Syncing ---- */

bool history_sync(history *self, unsigned set, unsigned turns)
{
    world_round round = {.set = set & world_members(self->w), .turns = turns};
    looks before;

    oracle_look(self, &before);
    bool good = world_sync(self->w, &round);
    oracle_left(self, &before);
    for (int i = 0; i < self->w->count; i++)
        if ((set >> i & 1) && self->w->devices[i].claims)
            note_safe(&self->w->devices[i]);
    oracle_rules(self);
    oracle_truthful(self);
    oracle_meant(self);
    oracle_causes(self);
    return good;
}

static void sync_alone(history *self, device *who)
{
    history_sync(self, 1u << who->number, TURNS_MAX);
}

/* ---- Processes and disks ---- */

static void end_process(device *who, device_end how)
{
    sight before;

    sight_take_whole(who, &before);
    device_restart(who, how);
    if (how == END_POWER_CUT) {
        user_finds_spoiled(who);
        note_cut(who, &before);
    }
    sight_release(&before);
}

static void end_somehow(chance *from, device *who)
{
    end_process(who, chance_one_in(from, 3) ? END_KILLED : END_POWER_CUT);
}

static void crash_in_sync(history *self, chance *from, device *who)
{
    who->faults.at = who->faults.calls + 1 + chance_below(from, CALLS);
    who->faults.status = CF_IO;
    sync_alone(self, who);
    end_somehow(from, who);
    device_mend(who);
}

static void fault_in_sync(history *self, chance *from, device *who)
{
    who->faults.reads = chance_one_in(from, 2);
    who->faults.at = who->faults.calls + 1 + chance_below(from, CALLS);
    who->faults.once = chance_one_in(from, 2);
    who->faults.moves = chance_one_in(from, 4);
    who->faults.status = chance_one_in(from, 2) ? CF_IO : CF_FULL;
    sync_alone(self, who);
    if (!who->faults.once || chance_one_in(from, 2))
        end_somehow(from, who);
    device_mend(who);
}

static void use_bad_disk(history *self, chance *from, device *who)
{
    disk_rates rates = {.reads = (uint32_t)chance_below(from, 20000),
                        .changes = (uint32_t)chance_below(from, 40000),
                        .syncs = (uint32_t)chance_below(from, 100000),
                        .full = (uint32_t)chance_below(from, 40000)};

    sight before;

    disk_set_rates(who->drive, &rates);
    sight_take_whole(who, &before);
    sync_alone(self, who);
    who->is_rotten = true;
    note_rot(who, &before);
    sight_release(&before);
    if (chance_one_in(from, 3))
        end_somehow(from, who);
    device_mend(who);
}

static void use_full_disk(history *self, chance *from, device *who)
{
    disk_set_capacity(who->drive, 1 + chance_below(from, FULL_BYTES));
    sync_alone(self, who);
    if (chance_one_in(from, 3))
        end_somehow(from, who);
    device_mend(who);
}

/* ---- A user who works meanwhile ---- */

static void work_meanwhile(void *context)
{
    history *self = context;
    chance from = {self->work};
    static const act_kind kinds[] = {ACT_WRITE,  ACT_WRITE,  ACT_MOVE,
                                     ACT_REMOVE, ACT_FOLDER, ACT_SWAP};
    event one = {.kind = kinds[chance_below(&from, sizeof kinds / sizeof *kinds)],
                 .path = (uint8_t)chance_below(&from, PATHS),
                 .to = (uint8_t)chance_below(&from, PATHS)};

    one.seed = chance_next(&from);
    world_tell(self->w, "device %d, meanwhile: %s %s %s", self->worker->number, act_name(one.kind),
               script_paths[one.path], script_paths[one.to]);
    user_acts(self, self->worker, &one);
}

static void work_in_sync(history *self, chance *from, device *who)
{
    self->worker = who;
    self->work = chance_next(from);
    who->faults.reads = true;
    who->faults.meanwhile = work_meanwhile;
    who->faults.context = self;
    who->faults.at = who->faults.calls + 1 + chance_below(from, 2 * CALLS);
    sync_alone(self, who);
    self->worker = NULL;
    if (chance_one_in(from, 4))
        end_somehow(from, who);
    device_mend(who);
}

/* ---- Disks that go away ---- */

/* What a sync that failed gave up a pulled disk may lack later, as after a power cut; and who asks
 * for some only is asked for what lies there besides. Those are unmounted. */
static bool may_be_pulled(const device *who)
{
    return !who->is_rotten && !asking_is_limited(who);
}

static void mount(chance *from, device *who)
{
    if (disk_is_out(who->drive))
        mounts_put_in(who);
    else
        mounts_take_out(who, from, may_be_pulled(who) && chance_one_in(from, 3));
}

static void unmount_meanwhile(void *context)
{
    history *self = context;
    chance from = {self->work};

    mounts_take_out(self->worker, &from, self->is_pulled);
}

static void unmount_in_sync(history *self, chance *from, device *who)
{
    self->worker = who;
    self->work = chance_next(from);
    self->is_pulled = may_be_pulled(who) && chance_one_in(from, 2);
    who->faults.reads = true;
    who->faults.meanwhile = unmount_meanwhile;
    who->faults.context = self;
    who->faults.at = who->faults.calls + 1 + chance_below(from, 2 * CALLS);
    sync_alone(self, who);
    self->worker = NULL;
    if (chance_one_in(from, 3))
        end_somehow(from, who);
    device_mend(who);
    if (chance_one_in(from, 2))
        mounts_put_in(who);
}

/* ---- Clocks ---- */

static void set_clock(chance *from, device *who)
{
    int64_t sign = chance_one_in(from, 2) ? 1 : -1;

    switch (chance_below(from, 5)) {
    case 0:
        device_set_clock(who, 0);
        break;
    case 4: /* an entry may say no later time */
        device_set_clock(who, (int64_t)(CF_TIME_MS_MAX - who->in->now_ms));
        break;
    case 1:
        device_set_clock(who, sign * (int64_t)chance_below(from, (uint64_t)day_ms));
        break;
    default:
        device_set_clock(who, sign * day_ms * (int64_t)(1 + chance_below(from, 5000)));
    }
    world_tell(who->in, "device %d: its clock is %lld s off", who->number,
               (long long)(who->skew_ms / 1000));
}

static void set_clock_meanwhile(void *context)
{
    history *self = context;
    chance from = {self->work};

    set_clock(&from, self->worker);
}

/* In the midst of a sync, too. */
static void set_clock_in_sync(history *self, chance *from, device *who)
{
    self->worker = who;
    self->work = chance_next(from);
    who->faults.reads = true;
    who->faults.meanwhile = set_clock_meanwhile;
    who->faults.context = self;
    who->faults.at = who->faults.calls + 1 + chance_below(from, 2 * CALLS);
    sync_alone(self, who);
    self->worker = NULL;
    device_mend(who);
}

/* ---- Copies ---- */

static void copy_device(device *who)
{
    mounts_put_in(who);
    device_restart(who, END_CALMLY);
    device_copy(who);
    who->old_at = who->in->act;
}

static void restore(device *who, bool with_folder)
{
    sight before, kept;

    if (!who->old_disk)
        return;
    mounts_put_in(who);
    sight_take_whole(who, &before);
    sight_take_kept(who, &kept);
    if (!with_folder)
        note_unasked(who, &before);
    device_restore(who, with_folder);
    who->is_copy = true;
    note_restored(who, &before, &kept, with_folder);
    sight_release(&before);
    sight_release(&kept);
}

static void clone(device *who)
{
    world *in = who->in;
    device *twin = &in->devices[in->count];

    if (who->is_out || in->count >= in->plan.devices + CLONES_MAX || in->count + 1 >= DEVICES_MAX)
        return;
    mounts_put_in(who);
    device_restart(who, END_CALMLY);
    twin->number = in->count++;
    device_clone(twin, who);
    who->is_copy = twin->is_copy = true;
    who->old_at = in->act;
    note_cloned(who);
}

static void meet(chance *from, device *who)
{
    device *other = &who->in->devices[chance_below(from, (uint64_t)who->in->count)];

    if (who != other && !who->is_out && !other->is_out)
        devices_meet(who, other);
}

/* ---- Brokers ---- */

static void lose_broker(history *self, world_broker *which, broker_disk with)
{
    if (with == BROKER_AS_IT_WAS) {
        broker_crash(which, with);
        oracle_acked(self, which);
        return;
    }
    broker_crash(which, with);
    note_broker_lost(self->w);
}

static void move_home(history *self, chance *from)
{
    world *w = self->w;
    device *owner = &w->devices[0];

    if (w->broker_count < 2 || owner->offline || owner->skew_ms)
        return;
    sync_alone(self, owner);
    world_move_home(w, owner, 1 - w->home);
    (void)from;
}

/* ---- All of them ---- */

device *act_device(history *self, const event *act)
{
    world *w = self->w;
    int clones = w->count - w->plan.devices;

    return clones && act->other % 2 ? &w->devices[w->plan.devices + act->other / 2 % clones]
                                    : &w->devices[act->who % w->plan.devices];
}

static unsigned some_devices(chance *from, const world *w)
{
    return (unsigned)chance_below(from, 1u << w->count);
}

static void rest(world *w)
{
    for (int i = 0; i < w->count; i++)
        disk_sync(w->devices[i].drive);
    world_wait(w, REST_MS);
}

static bool happens_to_broker(history *self, chance *from, const event *act)
{
    world *w = self->w;
    world_broker *which = &w->brokers[act->other % w->broker_count];

    switch (act->kind) {
    case ACT_BROKER_CRASH:
        lose_broker(self, which, BROKER_AS_IT_WAS);
        return true;
    case ACT_COPY_BROKER:
        broker_copy(which);
        return true;
    case ACT_ROLL_BROKER_BACK:
        lose_broker(self, which, BROKER_AS_OF_OLD);
        return true;
    case ACT_EMPTY_BROKER:
        lose_broker(self, which, BROKER_EMPTY);
        return true;
    case ACT_MOVE_HOME:
        move_home(self, from);
        return true;
    default:
        return false;
    }
}

static bool happens_to_device(history *self, chance *from, device *who, const event *act)
{
    switch (act->kind) {
    case ACT_KILL:
        end_process(who, END_KILLED);
        return true;
    case ACT_POWER_CUT:
        end_process(who, END_POWER_CUT);
        return true;
    case ACT_MOUNT:
        mount(from, who);
        return true;
    case ACT_CLOCK:
        if (chance_one_in(from, 3))
            set_clock_in_sync(self, from, who);
        else
            set_clock(from, who);
        return true;
    case ACT_COPY_DEVICE:
        copy_device(who);
        return true;
    case ACT_RESTORE_DEVICE:
    case ACT_RESTORE_HOME:
        restore(who, act->kind == ACT_RESTORE_DEVICE);
        return true;
    case ACT_CLONE:
        clone(who);
        return true;
    case ACT_MEET:
        meet(from, who);
        return true;
    case ACT_REVOKE:
        outcast_made(self, who);
        return true;
    case ACT_HOSTILE:
        outcast_heard(self, from, who);
        return true;
    default:
        return false;
    }
}

void misfortune_happens(history *self, device *who, const event *act)
{
    chance from = {act->seed};

    if (happens_to_broker(self, &from, act) || happens_to_device(self, &from, who, act))
        return;
    switch (act->kind) {
    case ACT_SYNC:
        sync_alone(self, who);
        break;
    case ACT_SYNC_MANY:
        history_sync(self, some_devices(&from, self->w), TURNS_MAX);
        break;
    case ACT_SYNC_A_WHILE:
        history_sync(self, 1u << who->number | some_devices(&from, self->w),
                     1 + (unsigned)chance_below(&from, A_WHILE));
        break;
    case ACT_REST:
        rest(self->w);
        break;
    case ACT_CUT:
        network_cut_device(who);
        break;
    case ACT_NETWORK:
        who->offline = !who->offline;
        break;
    case ACT_CRASH_IN_SYNC:
        crash_in_sync(self, &from, who);
        break;
    case ACT_FAULT_IN_SYNC:
        fault_in_sync(self, &from, who);
        break;
    case ACT_UNMOUNT_IN_SYNC:
        unmount_in_sync(self, &from, who);
        break;
    case ACT_HANG:
        disk_hangs(self, &from, who);
        break;
    case ACT_OLDER_DISK:
        disk_is_older(self, &from, who);
        break;
    case ACT_CUT_FILE:
        record_file_is_cut(self, &from, who);
        break;
    case ACT_CLEAR:
        record_column_is_cleared(self, &from, who);
        break;
    case ACT_EMPTY:
        record_table_is_emptied(self, &from, who);
        break;
    case ACT_EMPTY_SETTINGS:
        record_document_is_emptied(self, &from, who);
        break;
    case ACT_BAD_DISK:
        use_bad_disk(self, &from, who);
        break;
    case ACT_FULL_DISK:
        use_full_disk(self, &from, who);
        break;
    default:
        work_in_sync(self, &from, who);
    }
}
