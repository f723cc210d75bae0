/* SPDX-License-Identifier: Apache-2.0 */
/* What users do in their folders. What can't be done, since something else is there or nothing, is
 * not done. */
#include "tests/worlds/asking.h"
#include "tests/worlds/disk_users.h"
#include "tests/worlds/history.h"
#include "tests/worlds/records.h"

#include <stdio.h>
#include <stdlib.h>

enum { SMALL_MIN = 12, SMALL_MAX = 3000, LARGE_MIN = 70000, LARGE_MAX = 400000, PATH_SIZE = 512 };
enum { LEASE_MS = 60000 };

typedef struct {
    char text[PATH_SIZE];
} place;

static place at(const device *who, const char *path)
{
    place out;

    snprintf(out.text, sizeof out.text, "%s/%s", who->folder, path);
    return out;
}

/* Folders above it that are not there yet. */
static void make_way(device *who, const char *path)
{
    place above = at(who, path);

    for (char *slash = above.text + strlen(who->folder) + 1; (slash = strchr(slash, '/'));
         slash++) {
        *slash = '\0';
        disk_user_makes_folder(who->drive, above.text);
        *slash = '/';
    }
}

/* ---- Contents ---- */

static void fill(chance *from, cf_buffer *out, size_t size)
{
    bool text = chance_one_in(from, 2);
    uint64_t state = chance_next(from);
    uint8_t *bytes = cf_buffer_reserve(out, size);

    for (size_t i = 0; i < size; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = text ? (uint8_t)('a' + (state >> 60)) : (uint8_t)(state >> 56);
    }
    out->size += size;
}

/* Something new, or an edit of what is there: bytes replaced in its middle, some more at its end.
 */
static void compose(chance *from, device *who, const char *path, bool large, cf_buffer *out)
{
    size_t size = SMALL_MIN + chance_below(from, SMALL_MAX);

    cf_buffer_clear(out);
    if (chance_below(from, 4) && disk_user_reads(who->drive, path, out) && out->size) {
        cf_buffer piece = {0};

        fill(from, &piece, SMALL_MIN + chance_below(from, 200));
        size_t where = chance_below(from, out->size), room = out->size - where;
        memcpy(out->data + where, piece.data, piece.size < room ? piece.size : room);
        cf_buffer_append(out, piece.data, piece.size);
        cf_buffer_release(&piece);
        return;
    }
    if (large)
        size = LARGE_MIN + chance_below(from, LARGE_MAX);
    cf_buffer_clear(out);
    fill(from, out, size);
}

static void write_one(chance *from, device *who, const char *path, bool large)
{
    cf_buffer bytes = {0};
    uint64_t how = chance_below(from, DISK_SAVE_WAYS + 2);

    compose(from, who, path, large, &bytes);
    if (how < DISK_SAVE_WAYS) {
        disk_user_saves(who->drive, path, cf_buffer_view(&bytes), (disk_save_way)how);
    } else if (how == DISK_SAVE_WAYS) { /* a few bytes, somewhere in it */
        cf_bytes piece = cf_bytes_of(bytes.data, SMALL_MIN);
        disk_user_patches(who->drive, path, chance_below(from, bytes.size), piece);
    } else {
        disk_user_truncates(who->drive, path, SMALL_MIN + chance_below(from, bytes.size));
    }
    if (chance_one_in(from, 3))
        disk_user_syncs(who->drive, path);
    cf_buffer_release(&bytes);
}

static void write_sparse(chance *from, device *who, const char *path)
{
    cf_buffer end = {0};
    uint64_t size = 200000 + chance_below(from, 2000000);

    fill(from, &end, SMALL_MIN + chance_below(from, 100));
    if (disk_user_saves(who->drive, path, cf_buffer_view(&end), DISK_SAVE_IN_PLACE))
        disk_user_patches(who->drive, path, size, cf_buffer_view(&end));
    cf_buffer_release(&end);
}

/* Onto its equal nothing is copied, as by cp onto itself: a power cut would spoil what nobody had
 * let go. */
static void copy(device *who, const char *path, const char *to)
{
    cf_buffer bytes = {0}, there = {0};

    if (disk_user_reads(who->drive, path, &bytes) &&
        !(disk_user_reads(who->drive, to, &there) &&
          cf_bytes_equal(cf_buffer_view(&bytes), cf_buffer_view(&there))))
        disk_user_saves(who->drive, to, cf_buffer_view(&bytes), DISK_SAVE_IN_PLACE);
    cf_buffer_release(&bytes);
    cf_buffer_release(&there);
}

/* ---- Kinds of things ---- */

static void point(chance *from, device *who, const char *path)
{
    char target[32];

    snprintf(target, sizeof target, "target %llu", (unsigned long long)(chance_next(from) >> 24));
    disk_user_removes(who->drive, path);
    disk_user_makes_link(who->drive, path, target);
}

static void replace(chance *from, device *who, const char *path)
{
    disk_user_removes(who->drive, path);
    if (chance_one_in(from, 3))
        disk_user_makes_folder(who->drive, path);
    else if (chance_one_in(from, 3))
        point(from, who, path);
    else
        write_one(from, who, path, false);
}

/* ---- Conflict copies ---- */

static bool find_conflict(chance *from, device *who, place *out)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(who->engine, cf_engine_binding_at(who->engine, 0), &arena, &status);
    bool found = status.conflict_count > 0;
    if (found) {
        cf_bytes path = status.conflicts[chance_below(from, status.conflict_count)].path;

        snprintf(out->text, sizeof out->text, "%s/%.*s", who->folder, (int)path.size,
                 (const char *)path.data);
    }
    cf_arena_release(&arena);
    return found;
}

static void treat_conflict(chance *from, device *who, const char *to)
{
    place copy_of;

    if (!find_conflict(from, who, &copy_of))
        return;
    switch (chance_below(from, 4)) {
    case 0:
        disk_user_removes(who->drive, copy_of.text);
        break;
    case 1:
        disk_user_moves(who->drive, copy_of.text, to);
        break;
    default:
        write_one(from, who, copy_of.text, false);
    }
}

/* ---- Locks ---- */

/* Half of those that have one communicate alone until it ends, and whoever asks for what it has. */
static void ask_lock(device *who)
{
    cf_lock_wish wish = {.collection = who->in->collection, .for_ms = LEASE_MS};
    cf_locks *locks = who->is_out ? NULL : cf_engine_locks(who->engine);
    bool is_new = cf_id_equal(&who->lock, &(cf_id){0});
    cf_error error;

    if (!locks)
        return;
    if (is_new && cf_locks_ask(locks, &wish, &who->lock, &error))
        who->lock = (cf_id){0};
    else if (!is_new || who->lock.bytes[0] & 1)
        cf_locks_tell_alone(locks, &wish.collection, true);
}

static void give_lock_back(device *who)
{
    cf_id none = {0};

    if (!cf_id_equal(&who->lock, &none))
        cf_locks_give_back(cf_engine_locks(who->engine), &who->lock);
    who->lock = none;
}

/* ---- Acts ---- */

/* In folders of some of them their owner may not write; they are opened again now and then. */
static const uint32_t modes[] = {0755, 0700, 0755, 0555, 0700, 0500};

/* True: it has moved one thing to the other's place. */
static bool act_on_disk(chance *from, device *who, const event *act)
{
    place here = at(who, script_paths[act->path]), there = at(who, script_paths[act->to]);
    char key[8];
    disk *drive = who->drive;
    bool moved = false;

    snprintf(key, sizeof key, "k%u", act->path);
    switch (act->kind) {
    case ACT_WRITE:
    case ACT_LARGE:
        write_one(from, who, here.text, act->kind == ACT_LARGE);
        break;
    case ACT_SPARSE:
        write_sparse(from, who, here.text);
        break;
    case ACT_COPY:
        copy(who, here.text, there.text);
        break;
    case ACT_FOLDER:
        disk_user_makes_folder(drive, here.text);
        break;
    case ACT_REMOVE:
        disk_user_removes(drive, here.text);
        break;
    case ACT_MOVE:
        moved = disk_user_moves(drive, here.text, there.text);
        break;
    case ACT_SWAP:
        moved = disk_user_swaps(drive, here.text, there.text);
        break;
    case ACT_POINT:
        point(from, who, here.text);
        break;
    case ACT_LINK:
        disk_user_links(drive, here.text, there.text);
        break;
    case ACT_MODE:
        disk_user_chmods(drive, here.text, modes[chance_below(from, sizeof modes / sizeof *modes)]);
        break;
    case ACT_STAMP:
        disk_user_stamps(drive, here.text,
                         (int64_t)(1000000000 + chance_below(from, 100000000)) * 1000000000);
        break;
    case ACT_REPLACE:
        replace(from, who, here.text);
        break;
    case ACT_TABLE:
    case ACT_NUMBERS:
    case ACT_CARDS:
    case ACT_SETTINGS:
    case ACT_EVENTS:
        records_act(who, RECORDS_TABLE + (record_kind)(act->kind - ACT_TABLE), key, act->seed);
        break;
    default:
        treat_conflict(from, who, there.text);
    }
    return moved && act->path != act->to;
}

static void note_move(device *who, const sight *before, const event *act)
{
    picture after;

    picture_take(who, &after);
    intents_moved(
        &who->in->intents,
        &(intents_move){&before->shown, &after, script_paths[act->path], script_paths[act->to]});
    picture_release(&after);
}

static void act_and_note(device *who, const event *act, uint64_t seed)
{
    const bool is_of_records = act->kind >= ACT_TABLE && act->kind <= ACT_EVENTS;
    chance from = {seed};
    sight before, kept;

    if (disk_is_out(who->drive) && !is_of_records)
        return;
    sight_take_whole(who, &before);
    sight_take_kept(who, &kept);
    if (chance_below(&from, 3) && !disk_is_out(who->drive))
        make_way(who, script_paths[chance_one_in(&from, 2) ? act->path : act->to]);
    bool moved = act_on_disk(&from, who, act);
    note_acts(who, &before);
    note_wiped(who, &kept);
    if (moved && !who->is_out)
        note_move(who, &before, act);
    sight_release(&before);
    sight_release(&kept);
}

static void save_spoiled(void *context, const disk_thing *thing)
{
    device *who = context;

    if (!thing->is_spoiled)
        return;
    world_tell(who->in, "device %d: its user finds %s spoiled", who->number, thing->path);
    disk_user_touches(who->drive, at(who, thing->path).text);
}

void user_finds_spoiled(device *who)
{
    disk_walk(who->drive, who->folder, &(disk_walk_options){.skip = ".counterfoil"}, save_spoiled,
              who);
}

static void write_twin(device *who, const event *one, cf_bytes bytes)
{
    place here = at(who, script_paths[one->path]);
    sight before;

    sight_take_whole(who, &before);
    disk_user_saves(who->drive, here.text, bytes, DISK_SAVE_IN_PLACE);
    note_acts(who, &before);
    sight_release(&before);
}

static void write_twin_files(world *in, const event *one, chance *from)
{
    cf_buffer bytes = {0};

    fill(from, &bytes, SMALL_MIN + chance_below(from, SMALL_MAX));
    for (int i = 0; i < in->count; i++)
        if (!in->devices[i].is_out && !disk_is_out(in->devices[i].drive))
            write_twin(&in->devices[i], one, cf_buffer_view(&bytes));
    cf_buffer_release(&bytes);
}

static void write_twin_records(world *in, const event *one, chance *from)
{
    const uint64_t seed = chance_next(from);
    record_twins twins;
    char key[8];

    snprintf(key, sizeof key, "k%u", one->path);
    records_plan_twins(in, key, seed, &twins);
    for (int i = 0; i < in->count; i++) {
        device *who = &in->devices[i];
        sight before;

        if (who->is_out)
            continue;
        sight_take_whole(who, &before);
        records_make_twin(who, &twins);
        note_acts(who, &before);
        sight_release(&before);
    }
}

static void write_twins(world *in, const event *one)
{
    chance from = {one->seed};

    if (in->plan.records & ~(1u << RECORDS_SETTINGS) && chance_one_in(&from, 2))
        write_twin_records(in, one, &from);
    else
        write_twin_files(in, one, &from);
}

bool user_acts(history *self, device *who, const event *act)
{
    if (act->kind > ACT_UNLOCK)
        return false;
    if (act->kind == ACT_LOCK)
        ask_lock(who);
    else if (act->kind == ACT_UNLOCK)
        give_lock_back(who);
    else if (act->kind == ACT_ASK)
        asking_changes(who, act->seed);
    else if (act->kind == ACT_TWINS)
        write_twins(self->w, act);
    else
        act_and_note(who, act, act->seed);
    return true;
}
