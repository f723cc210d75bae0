/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of records: two to four devices edit, scan, hear of some and apply in any order;
 * in the end all are equal and quiet. What a scan and a base must always be, the world checks.
 *
 *     record_histories [COUNT [FIRST]]
 *     record_histories 1 N               the one that broke, step by step with CF_TRACE=1
 *
 * With CF_DIGESTS in the environment it says what each has published, as a number. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/peer/records/made_row.h"
#include "tests/peer/records/row_acts.h"

enum { DEFAULT_COUNT = 1000 };

static void print_disks(const row_world *world)
{
    for (size_t i = 0; i < world->device_count; i++)
        for (size_t k = 0; k < world->devices[i].source_count; k++) {
            const row_source *source = &world->devices[i].sources[k];

            for (size_t r = 0; r < source->count; r++) {
                cf_buffer text = {0};

                made_print(&source->disk[r], &text);
                fprintf(stderr, "    %c%zu %.*s\n", world->devices[i].name, k, (int)text.size,
                        (const char *)text.data);
                cf_buffer_release(&text);
            }
        }
}

static void exchange(row_acting *acting, row_device *device)
{
    static const char *const names[] = {"scan", "receive", "apply", "sync"};
    row_world *world = acting->world;
    uint64_t what = chance_below(&acting->chance, 4);
    size_t own = (size_t)(device - world->devices);
    size_t other =
        (own + 1 + chance_below(&acting->chance, world->device_count - 1)) % world->device_count;

    if (acting->tracing)
        fprintf(stderr, "%c %s\n", device->name, names[what]);
    if (what == 0 || what == 3)
        row_world_scan(world, device, 1 + chance_below(&acting->chance, 3));
    if (what == 1 || what == 3)
        row_world_receive(world, device, &world->devices[other],
                          what == 3 ? 100 : 34 * (unsigned)chance_below(&acting->chance, 3));
    if (what == 2 || what == 3)
        row_world_apply(world, device);
}

/* What was published, as a number. */
static uint64_t run(uint64_t number, bool tracing)
{
    char name[32];

    snprintf(name, sizeof name, "history %" PRIu64, number);
    row_acting acting = {.chance = {number * 7919}, .tracing = tracing};
    acting.world = row_world_new(name, 2 + chance_below(&acting.chance, 3));
    for (uint64_t steps = 4 + chance_below(&acting.chance, 60); steps; steps--) {
        row_device *device =
            &acting.world->devices[chance_below(&acting.chance, acting.world->device_count)];

        acting.world->now_ms++;
        if (chance_below(&acting.chance, 3))
            row_act(&acting, device);
        else
            exchange(&acting, device);
        if (tracing)
            print_disks(acting.world);
    }
    row_world_settle(acting.world);
    uint64_t published = acting.world->published;
    row_world_free(acting.world);
    return published;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : DEFAULT_COUNT;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t published = run(first + i, getenv("CF_TRACE") != NULL);

        if (getenv("CF_DIGESTS"))
            printf("%" PRIu64 " %016" PRIx64 "\n", first + i, published);
    }
    printf("%" PRIu64 " histories, all well\n", count);
    return count == 0;
}
