/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories: devices edit, race, fork, are revoked and sync, and after every step the view
 * that was kept up is the whole view; in the end all are equal, quiet and nothing is lost.
 *
 *     histories [COUNT [FIRST]]      100,000 take a while
 *     histories 1 N                  the one that broke, step by step with CF_TRACE=1 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/peer/world.h"

enum { DEFAULT_COUNT = 1000 };

static bool tracing;

static const char *const acts[] = {
    "create", "create",  "edit",      "edit",        "edit",      "delete",    "delete",
    "move",   "move",    "move",      "chmod",       "touch",     "replace",   "mkdir",
    "same",   "restore", "edit_copy", "delete_copy", "move_copy", "edit_main",
};

static const char *const exchanges[] = {"scan", "receive", "part", "apply", "sync"};

static world_device *another(test_world *world, const world_device *device)
{
    world_device *other;

    do
        other = &world->devices[world_random(world, world->device_count)];
    while (other == device);
    return other;
}

static void exchange(test_world *world, world_device *device, const char *what)
{
    if (strcmp(what, "scan") == 0 || strcmp(what, "sync") == 0)
        world_scan(world, device);
    if (strcmp(what, "receive") == 0)
        world_receive(world, device, another(world, device), 1 + world_random(world, 3));
    if (strcmp(what, "sync") == 0)
        world_receive(world, device, another(world, device), 3);
    if (strcmp(what, "part") == 0)
        world_apply_part(world, device, 60);
    if (strcmp(what, "apply") == 0 || strcmp(what, "sync") == 0)
        world_apply(world, device);
}

static void print_disks(const test_world *world)
{
    for (size_t i = 0; i < world->device_count; i++) {
        const world_device *device = &world->devices[i];

        fprintf(stderr, "  %c", (char)('A' + i));
        for (size_t j = 0; j < device->file_count; j++)
            fprintf(stderr, " %llu/%s=%s", (unsigned long long)device->files[j].parent,
                    device->files[j].name, device->files[j].content);
        fprintf(stderr, "\n");
    }
}

static void step(test_world *world, world_device *device, const char *what, bool user)
{
    if (device->dead)
        return;
    if (tracing)
        fprintf(stderr, "%c %s\n", (char)('A' + (device - world->devices)), what);
    world->now_ms += 1000;
    if (user)
        world_act(world, device, what);
    else
        exchange(world, device, what);
    if (tracing)
        print_disks(world);
    world_check_view(world, device);
}

static void random_act(test_world *world, world_device *device)
{
    step(world, device, acts[world_random(world, sizeof acts / sizeof *acts)], true);
}

/* A tree that all agree on. */
static void begin(test_world *world)
{
    static const char *const first[] = {"mkdir", "create", "create"};

    for (uint64_t i = UINT64_C(1) << world_random(world, 4); i; i--)
        step(world, &world->devices[0], first[world_random(world, 3)], true);
    for (size_t i = 0; i < 2 * world->device_count; i++)
        step(world, &world->devices[i % world->device_count], "sync", false);
}

static void work_alone(test_world *world, world_device *device)
{
    for (uint64_t i = world_random(world, 4); i; i--) {
        random_act(world, device);
        for (uint64_t j = world_random(world, 3); j; j--)
            step(world, device, exchanges[world_random(world, 4)], false);
    }
}

static void rare_events(test_world *world)
{
    world_device *device = &world->devices[world_random(world, world->device_count)];
    world_device *other = another(world, device);

    if (device->dead || other->dead)
        return;
    if (world_random(world, 100) < 12)
        world_fork(world, other);
    if (world_random(world, 100) < 12)
        world_revoke(world, device, other);
    world_check_view(world, device);
}

static void run(uint64_t number)
{
    test_world world;
    char name[32];

    snprintf(name, sizeof name, "%llu", (unsigned long long)number);
    world_open(&world, name, number * 7919 + 1, 2 + number % 4);
    if (world_random(&world, 5))
        begin(&world);
    for (uint64_t rounds = 1 + world_random(&world, 4); rounds; rounds--) {
        for (size_t i = 0; i < world.device_count; i++)
            work_alone(&world, &world.devices[i]);
        for (uint64_t i = world_random(&world, 2 * world.device_count); i; i--)
            step(&world, &world.devices[world_random(&world, world.device_count)],
                 exchanges[1 + world_random(&world, 4)], false);
        rare_events(&world);
    }
    world_settle(&world);
    world_close(&world);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : DEFAULT_COUNT;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    tracing = getenv("CF_TRACE") != NULL;
    for (uint64_t i = 0; i < count; i++)
        run(first + i);
    printf("%llu histories, all well\n", (unsigned long long)count);
    return count == 0;
}
