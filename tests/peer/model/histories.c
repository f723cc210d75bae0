/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories: devices edit, race, fork, are revoked and sync; they apply the product's plan,
 * whole or in part. After every step the view that was kept up is the whole view; in the end all
 * are equal, quiet and nothing is lost. One that breaks is made as short as it goes.
 *
 *     histories [COUNT [FIRST]]
 *     histories --seconds T [FIRST]
 *     histories --replay 'LINE'       as a failure prints it; step by step */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/peer/model/trial.h"
#include "tests/peer/model/model_world.h"

enum { DEFAULT_COUNT = 1000, EVENTS_MAX = 512 };

typedef void event_run(model_world *world, model_device *device);

static model_device *another(model_world *world, const model_device *device)
{
    model_device *other;

    do
        other = &world->devices[chance_below(&world->chance, world->device_count)];
    while (other == device);
    return other;
}

static void scan(model_world *world, model_device *device)
{
    model_scan(world, device);
}

static void receive(model_world *world, model_device *device)
{
    model_receive(world, device, another(world, device), 1 + chance_below(&world->chance, 3));
}

static void apply_part(model_world *world, model_device *device)
{
    model_apply_part(world, device, 60, SIZE_MAX);
}

/* The power goes after some step. */
static void apply_some(model_world *world, model_device *device)
{
    model_apply_part(world, device, 100, chance_below(&world->chance, 6));
}

static void sync_with(model_world *world, model_device *device)
{
    model_scan(world, device);
    model_receive(world, device, another(world, device), 3);
    model_apply(world, device);
}

static void clone(model_world *world, model_device *device)
{
    model_fork(world, device);
}

static void revoke(model_world *world, model_device *device)
{
    model_device *other = another(world, device);

    if (!other->dead)
        model_revoke(world, device, other);
}

/* What users do comes first, as often as it is to happen; an act of theirs has no function. */
static const struct {
    const char *name;
    event_run *run;
} events[] = {
    {"create", NULL},       {"create", NULL},      {"edit", NULL},       {"edit", NULL},
    {"edit", NULL},         {"delete", NULL},      {"delete", NULL},     {"move", NULL},
    {"move", NULL},         {"move", NULL},        {"chmod", NULL},      {"touch", NULL},
    {"replace", NULL},      {"mkdir", NULL},       {"same", NULL},       {"restore", NULL},
    {"edit_copy", NULL},    {"delete_copy", NULL}, {"move_copy", NULL},  {"edit_main", NULL},
    {"scan", scan},         {"receive", receive},  {"part", apply_part}, {"some", apply_some},
    {"apply", model_apply}, {"sync", sync_with},   {"fork", clone},      {"revoke", revoke},
};

enum {
    CREATE = 0,
    MKDIR = 13,
    ACTS = 20,
    SCAN = 20,
    RECEIVE,
    PART,
    SOME,
    APPLY,
    SYNC,
    FORK,
    REVOKE,
    KINDS
};

typedef struct {
    uint8_t device, kind;
    uint32_t seed; /* of what is random in it, so that it stays when others are left out */
} event;

typedef struct {
    event events[EVENTS_MAX];
    size_t count;
    size_t devices;
    bool tracing;
    uint64_t *steps;
} history;

/* ---- Making one ---- */

static void add(history *self, chance *dice, uint64_t device, uint64_t kind)
{
    if (self->count < EVENTS_MAX)
        self->events[self->count++] =
            (event){(uint8_t)device, (uint8_t)kind, (uint32_t)chance_below(dice, UINT32_MAX)};
}

/* A tree that all agree on. */
static void begin(history *self, chance *dice)
{
    for (uint64_t i = UINT64_C(1) << chance_below(dice, 4); i; i--)
        add(self, dice, 0, chance_below(dice, 3) ? CREATE : MKDIR);
    for (size_t i = 0; i < 2 * self->devices; i++)
        add(self, dice, i % self->devices, SYNC);
}

static void work_alone(history *self, chance *dice, size_t device)
{
    for (uint64_t i = chance_below(dice, 4); i; i--) {
        add(self, dice, device, chance_below(dice, ACTS));
        for (uint64_t j = chance_below(dice, 3); j; j--)
            add(self, dice, device, SCAN + chance_below(dice, SYNC - SCAN));
    }
}

static void add_rare(history *self, chance *dice)
{
    if (chance_below(dice, 100) < 12)
        add(self, dice, chance_below(dice, self->devices), FORK);
    if (chance_below(dice, 100) < 12)
        add(self, dice, chance_below(dice, self->devices), REVOKE);
}

static void make(history *self, uint64_t number)
{
    chance dice = {number * 7919 + 1};

    self->count = 0;
    self->devices = 2 + number % 4;
    if (chance_below(&dice, 5))
        begin(self, &dice);
    for (uint64_t rounds = 1 + chance_below(&dice, 4); rounds; rounds--) {
        for (size_t i = 0; i < self->devices; i++)
            work_alone(self, &dice, i);
        for (uint64_t i = chance_below(&dice, 2 * self->devices); i; i--)
            add(self, &dice, chance_below(&dice, self->devices),
                RECEIVE + chance_below(&dice, SYNC - RECEIVE + 1));
        add_rare(self, &dice);
    }
}

/* ---- Running it ---- */

static void happen(model_world *world, const event *one, bool tracing)
{
    model_device *device = &world->devices[one->device % world->device_count];

    if (device->dead)
        return;
    world->now_ms += 1000;
    world->chance = (chance){one->seed};
    if (tracing)
        fprintf(stderr, "%c %s\n", (char)('A' + (device - world->devices)), events[one->kind].name);
    if (events[one->kind].run)
        events[one->kind].run(world, device);
    else
        model_act(world, device, events[one->kind].name);
    if (tracing)
        model_print_disks(world);
    model_check_view(world, device);
}

static void run(void *context)
{
    history *self = context;
    model_world world;

    model_open(&world, "history", self->devices, self->devices);
    for (size_t i = 0; i < self->count; i++)
        happen(&world, &self->events[i], self->tracing);
    model_settle(&world);
    *self->steps += world.steps;
    model_close(&world);
}

/* ---- One that breaks ---- */

static void keep_only(const history *from, const bool *kept, history *out)
{
    *out = *from;
    out->count = 0;
    for (size_t i = 0; i < from->count; i++)
        if (kept[i])
            out->events[out->count++] = from->events[i];
}

static bool still_fails(void *context, const bool *kept)
{
    history *shorter = malloc(sizeof *shorter);

    if (!shorter)
        abort();
    keep_only(context, kept, shorter);
    bool fails = !trial_passes(run, shorter, true);
    free(shorter);
    return fails;
}

static void report(history *self)
{
    bool kept[EVENTS_MAX];
    history small;

    trial_shrink(self->count, still_fails, self, kept);
    keep_only(self, kept, &small);
    trial_passes(run, &small, false); /* says why */
    printf("FAILED: histories --replay '%zu", small.devices);
    for (size_t i = 0; i < small.count; i++)
        printf(" %c.%s.%u", 'A' + small.events[i].device, events[small.events[i].kind].name,
               small.events[i].seed);
    printf("'\n");
}

static bool read_history(const char *line, history *out)
{
    char device, name[16];
    unsigned seed;
    int used, kind;

    if (sscanf(line, "%zu%n", &out->devices, &used) != 1 || out->devices < 2 ||
        out->devices > MODEL_DEVICES_MAX)
        return false;
    while (line += used, sscanf(line, " %c.%15[a-z_].%u%n", &device, name, &seed, &used) == 3) {
        for (kind = 0; kind < KINDS && strcmp(events[kind].name, name) != 0;)
            kind++;
        if (kind == KINDS || device < 'A' || out->count == EVENTS_MAX)
            return false;
        out->events[out->count++] = (event){(uint8_t)(device - 'A'), (uint8_t)kind, seed};
    }
    return *line == '\0';
}

/* ---- Many ---- */

typedef struct {
    uint64_t first, count;
    double seconds; /* 0: as many as there are */
    uint64_t at, steps;
} campaign;

static void run_many(void *context)
{
    campaign *self = context;
    history one = {.steps = &self->steps};
    double end = trial_seconds() + self->seconds;

    for (self->at = self->first;
         self->seconds > 0 ? trial_seconds() < end : self->at < self->first + self->count;
         self->at++) {
        make(&one, self->at);
        run(&one);
    }
}

static int replay(const char *line)
{
    uint64_t steps = 0;
    history one = {.tracing = true, .steps = &steps};

    if (!read_history(line, &one))
        return 2;
    bool well = trial_passes(run, &one, false);
    puts(well ? "all well" : "it fails");
    return !well;
}

int main(int argc, char **argv)
{
    campaign *self = trial_shared(sizeof *self);
    bool timed = argc > 2 && strcmp(argv[1], "--seconds") == 0;

    if (argc > 2 && strcmp(argv[1], "--replay") == 0)
        return replay(argv[2]);
    self->count = argc > 1 ? strtoull(argv[1], NULL, 10) : DEFAULT_COUNT;
    self->seconds = timed ? strtod(argv[2], NULL) : 0;
    self->first = argc > 2 + timed ? strtoull(argv[2 + timed], NULL, 10) : 1;
    if (!trial_passes(run_many, self, false)) {
        history broken = {.steps = &self->steps};

        printf("history %" PRIu64 "\n", self->at);
        make(&broken, self->at);
        report(&broken);
        return 1;
    }
    printf("%" PRIu64 " histories, all well: ", self->at - self->first);
    trial_print_rate(self->steps);
    return self->at == self->first;
}
