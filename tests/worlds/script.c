/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/script.h"

#include "tests/worlds/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALM_COUNT = 14, CALM_ONE_IN = 6, SOME_ONE_IN = 4, LOSS_MAX = 150, LAG_MAX = 400 };

/* What may go wrong in a world; each world has some of it. */
enum {
    ALWAYS = 0,
    LARGE = 1 << 0,
    LOCKS = 1 << 1,
    NETWORK = 1 << 2,
    CRASHES = 1 << 3,
    DISKS = 1 << 4,
    CLOCKS = 1 << 5,
    COPIES = 1 << 6,
    CLONES = 1 << 7,
    BROKERS = 1 << 8,
    MOVES = 1 << 9,
    OUTCASTS = 1 << 10,
    TROUBLES = 11,
    TABLE = 1 << 11,
    NUMBERS = 1 << 12,
    CARDS = 1 << 13,
    ASKING = 1 << 14,
    MEETINGS = 1 << 15,
    MOUNTS = 1 << 16,
    HANGS = 1 << 17,
    OLDER_DISKS = 1 << 18,
    CUT_FILES = 1 << 19,
    CLEARS = 1 << 20,
    SETTINGS = 1 << 21,
    EMPTIES = 1 << 22,
    EVENTS = 1 << 23,
};

static const struct {
    const char *name;
    unsigned trouble;
    unsigned weight;
} kinds[ACTS] = {
    [ACT_WRITE] = {"write", ALWAYS, 20},
    [ACT_LARGE] = {"large", LARGE, 12},
    [ACT_SPARSE] = {"sparse", LARGE, 3},
    [ACT_COPY] = {"copy", ALWAYS, 3},
    [ACT_TWINS] = {"twins", ALWAYS, 3},
    [ACT_FOLDER] = {"folder", ALWAYS, 7},
    [ACT_REMOVE] = {"remove", ALWAYS, 9},
    [ACT_MOVE] = {"move", ALWAYS, 11},
    [ACT_SWAP] = {"swap", ALWAYS, 4},
    [ACT_POINT] = {"point", ALWAYS, 4},
    [ACT_LINK] = {"link", ALWAYS, 4},
    [ACT_MODE] = {"mode", ALWAYS, 3},
    [ACT_STAMP] = {"stamp", ALWAYS, 3},
    [ACT_REPLACE] = {"replace", ALWAYS, 4},
    [ACT_CONFLICT] = {"conflict", ALWAYS, 5},
    [ACT_TABLE] = {"table", TABLE, 24},
    [ACT_NUMBERS] = {"numbers", NUMBERS, 24},
    [ACT_CARDS] = {"cards", CARDS, 24},
    [ACT_SETTINGS] = {"settings", SETTINGS, 24},
    [ACT_EVENTS] = {"events", EVENTS, 24},
    [ACT_ASK] = {"ask", ASKING, 12},
    [ACT_LOCK] = {"lock", LOCKS, 8},
    [ACT_UNLOCK] = {"unlock", LOCKS, 6},
    [ACT_SYNC] = {"sync", ALWAYS, 24},
    [ACT_SYNC_MANY] = {"sync-many", ALWAYS, 10},
    [ACT_SYNC_A_WHILE] = {"sync-a-while", ALWAYS, 8},
    [ACT_REST] = {"rest", ALWAYS, 3},
    [ACT_MEET] = {"meet", MEETINGS, 12},
    [ACT_CUT] = {"cut", NETWORK, 5},
    [ACT_NETWORK] = {"network", NETWORK, 8},
    [ACT_KILL] = {"kill", CRASHES, 4},
    [ACT_POWER_CUT] = {"power-cut", CRASHES, 6},
    [ACT_CRASH_IN_SYNC] = {"crash-in-sync", CRASHES, 10},
    [ACT_FAULT_IN_SYNC] = {"fault-in-sync", DISKS, 10},
    [ACT_BAD_DISK] = {"bad-disk", DISKS, 4},
    [ACT_FULL_DISK] = {"full-disk", DISKS, 4},
    [ACT_WORK_IN_SYNC] = {"work-in-sync", ALWAYS, 6},
    [ACT_CLOCK] = {"clock", CLOCKS, 8},
    [ACT_BROKER_CRASH] = {"broker-crash", CRASHES, 6},
    [ACT_COPY_DEVICE] = {"copy-device", COPIES, 5},
    [ACT_RESTORE_DEVICE] = {"restore-device", COPIES, 5},
    [ACT_RESTORE_HOME] = {"restore-home", COPIES, 3},
    [ACT_CLONE] = {"clone", CLONES, 5},
    [ACT_COPY_BROKER] = {"copy-broker", BROKERS, 6},
    [ACT_ROLL_BROKER_BACK] = {"roll-broker-back", BROKERS, 6},
    [ACT_EMPTY_BROKER] = {"empty-broker", BROKERS, 3},
    [ACT_MOVE_HOME] = {"move-home", MOVES, 6},
    [ACT_REVOKE] = {"revoke", OUTCASTS, 4},
    [ACT_HOSTILE] = {"hostile", OUTCASTS, 8},
    [ACT_MOUNT] = {"mount", MOUNTS, 14},
    [ACT_UNMOUNT_IN_SYNC] = {"unmount-in-sync", MOUNTS, 10},
    [ACT_HANG] = {"hang", HANGS, 14},
    [ACT_OLDER_DISK] = {"older-disk", OLDER_DISKS, 14},
    [ACT_CUT_FILE] = {"cut-file", CUT_FILES, 14},
    [ACT_CLEAR] = {"clear", CLEARS, 5},
    [ACT_EMPTY] = {"empty", CLEARS, 6},
    [ACT_EMPTY_SETTINGS] = {"empty-settings", EMPTIES, 8},
};

const char *const script_paths[PATHS] = {"a",     "b.txt", "d",   "d/a", "d/e",
                                         "d/e/c", "f",     "f/a", "g.~", "d/e/h"};

const char *act_name(act_kind kind)
{
    return kinds[kind].name;
}

/* ---- Drawing ---- */

static act_kind draw_kind(chance *from, unsigned troubles)
{
    unsigned total = 0;

    for (int i = 0; i < ACTS; i++)
        if ((kinds[i].trouble & troubles) == kinds[i].trouble)
            total += kinds[i].weight;
    uint64_t at = chance_below(from, total);
    for (int i = 0; i < ACTS; i++) {
        if ((kinds[i].trouble & troubles) != kinds[i].trouble)
            continue;
        if (at < kinds[i].weight)
            return (act_kind)i;
        at -= kinds[i].weight;
    }
    abort();
}

static event draw_act(const story *self, chance *from, unsigned troubles)
{
    event one = {.kind = draw_kind(from, troubles),
                 .who = (uint8_t)chance_below(from, (uint64_t)self->plan.devices),
                 .other = (uint8_t)chance_below(from, DEVICES_MAX),
                 .path = (uint8_t)chance_below(from, PATHS),
                 .to = (uint8_t)chance_below(from, PATHS)};

    one.seed = chance_next(from) >> 16;
    return one;
}

static unsigned draw_troubles(chance *from)
{
    unsigned troubles = 0;

    for (int i = 0; i < TROUBLES; i++)
        if (chance_one_in(from, 4))
            troubles |= 1u << i;
    return troubles;
}

/* Half of the worlds have records, of one kind or several. */
static unsigned draw_records(uint64_t seed)
{
    chance from = chance_of_seed(seed, 3);

    return chance_one_in(&from, 2) ? 1 + (unsigned)chance_below(&from, (1 << RECORDS_SETTINGS) - 1)
                                   : 0;
}

static unsigned draw_kind_of_records(uint64_t seed, uint64_t stream, record_kind kind)
{
    chance from = chance_of_seed(seed, stream);

    return chance_one_in(&from, SOME_ONE_IN) ? 1u << kind : 0;
}

/* What some of the worlds have, each drawn by itself. */
static unsigned draw_some(uint64_t seed, uint64_t stream, unsigned trouble)
{
    chance from = chance_of_seed(seed, stream);

    return chance_one_in(&from, trouble & (CUT_FILES | CLEARS | EMPTIES) ? 2 : SOME_ONE_IN)
               ? trouble
               : 0;
}

void script_draw(story *self, uint64_t seed, size_t count)
{
    chance from = chance_of_seed(seed, 2);
    unsigned troubles = draw_troubles(&from);

    *self = (story){
        .plan = {.seed = seed, .brokers = 1, .records = draw_records(seed), .lessens = true}};
    troubles |= self->plan.records * TABLE;
    self->plan.records |= draw_kind_of_records(seed, 21, RECORDS_SETTINGS) |
                          draw_kind_of_records(seed, 23, RECORDS_EVENTS);
    if (self->plan.records >> RECORDS_SETTINGS & 1)
        troubles |= SETTINGS | draw_some(seed, 22, EMPTIES);
    if (self->plan.records >> RECORDS_EVENTS & 1)
        troubles |= EVENTS;
    troubles |=
        draw_some(seed, 4, ASKING) | draw_some(seed, 5, MEETINGS) | draw_some(seed, 6, MOUNTS);
    troubles |= draw_some(seed, 7, HANGS) | draw_some(seed, 8, OLDER_DISKS);
    if (troubles & (TABLE | NUMBERS | CARDS | EVENTS))
        troubles |= draw_some(seed, 9, CUT_FILES);
    if (troubles & (TABLE | NUMBERS))
        troubles |= draw_some(seed, 20, CLEARS);
    self->plan.devices =
        2 + (int)(chance_below(&from, 10) ? chance_below(&from, 2) : chance_below(&from, 5));
    self->is_calm = chance_one_in(&from, CALM_ONE_IN);
    if (self->is_calm)
        troubles &= LARGE | TABLE | NUMBERS | CARDS | SETTINGS | EVENTS;
    if (troubles & NETWORK) {
        self->plan.loss = (unsigned)chance_below(&from, LOSS_MAX);
        self->plan.lag_ms = (unsigned)chance_below(&from, LAG_MAX);
    }
    if (troubles & MOVES)
        self->plan.brokers = 2;
    self->count = self->is_calm && count > CALM_COUNT ? CALM_COUNT : count;
    self->acts = cf_allocate(self->count, sizeof *self->acts);
    for (size_t i = 0; i < self->count; i++)
        self->acts[i] = draw_act(self, &from, troubles);
}

void script_release(story *self)
{
    free(self->acts);
    *self = (story){0};
}

/* ---- As text ---- */

void script_write(const story *self, cf_buffer *out)
{
    cf_buffer_append_text(out, "world %" PRIu64 " %d %d %u %u %d %u", self->plan.seed,
                          self->plan.devices, self->plan.brokers, self->plan.loss,
                          self->plan.lag_ms, self->is_calm, self->plan.records);
    for (size_t i = 0; i < self->count; i++) {
        const event *one = &self->acts[i];

        cf_buffer_append_text(out, "; %s %u %u %s %s %" PRIx64, act_name(one->kind), one->who,
                              one->other, script_paths[one->path], script_paths[one->to],
                              one->seed);
    }
}

static int index_of(const char *const *list, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return i;
    return -1;
}

static bool read_act(const char *text, event *out)
{
    char name[24], path[16], to[16];
    unsigned who, other;
    uint64_t seed;
    int kind = 0;

    if (sscanf(text, " %23s %u %u %15s %15s %" SCNx64, name, &who, &other, path, to, &seed) != 6)
        return false;
    while (kind < ACTS && strcmp(kinds[kind].name, name) != 0)
        kind++;
    int from = index_of(script_paths, PATHS, path), onto = index_of(script_paths, PATHS, to);
    if (kind == ACTS || from < 0 || onto < 0 || who >= DEVICES_MAX || other >= DEVICES_MAX)
        return false;
    *out =
        (event){(act_kind)kind, (uint8_t)who, (uint8_t)other, (uint8_t)from, (uint8_t)onto, seed};
    return true;
}

static bool read_plan(const char *text, story *out)
{
    int calm;

    *out = (story){.plan.lessens = true};
    if (sscanf(text, " world %" SCNu64 " %d %d %u %u %d %u", &out->plan.seed, &out->plan.devices,
               &out->plan.brokers, &out->plan.loss, &out->plan.lag_ms, &calm,
               &out->plan.records) != 7)
        return false;
    out->is_calm = calm;
    return out->plan.devices >= 1 && out->plan.devices < DEVICES_MAX && out->plan.brokers >= 1 &&
           out->plan.brokers <= BROKERS_MAX && out->plan.records < 1 << RECORDS_KINDS;
}

cf_status script_read(const char *text, story *out, cf_error *error)
{
    size_t capacity = 0;
    bool good = read_plan(text, out);

    while (good && (text = strchr(text, ';')) && text[1 + strspn(text + 1, " \n")]) {
        out->acts = cf_grow(out->acts, &capacity, out->count + 1, sizeof *out->acts);
        good = read_act(++text, &out->acts[out->count++]);
    }
    if (good)
        return CF_OK;
    script_release(out);
    return cf_fail(error, CF_USAGE, "no script of a world: %.80s", text ? text : "");
}
