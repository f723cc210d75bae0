/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/costs/costs_world.h"

#include "broker/gateway/gateway.h"
#include "broker/link/link.h"
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_folder.h"
#include "tests/support/expect.h"

#include <stdio.h>

enum { LATER_MS = 60000, SECOND_MS = 1000, STEP_MS = 50, RESTS = 3 };

static lesser_disk disk;
static tally counted;

cf_store *__real_faulty_store_new(cf_store *inner, cf_store_memory_disk *on, disk_faults *faults);
cf_store *__wrap_faulty_store_new(cf_store *inner, cf_store_memory_disk *on, disk_faults *faults);

cf_store *__wrap_faulty_store_new(cf_store *inner, cf_store_memory_disk *on, disk_faults *faults)
{
    cf_store *made = __real_faulty_store_new(inner, on, faults);

    tally_store(made, &counted);
    return made;
}

cf_files *__real_faulty_files_new(cf_files *inner, disk_faults *faults);
cf_files *__wrap_faulty_files_new(cf_files *inner, disk_faults *faults);

cf_files *__wrap_faulty_files_new(cf_files *inner, disk_faults *faults)
{
    cf_files *made = __real_faulty_files_new(inner, faults);

    tally_files(made, &counted);
    return made;
}

void __real_cf_link_handle(cf_link *link, const cf_bytes *frames, size_t count, uint64_t now_ms,
                           cf_outbox *outbox);
void __wrap_cf_link_handle(cf_link *link, const cf_bytes *frames, size_t count, uint64_t now_ms,
                           cf_outbox *outbox);

void __wrap_cf_link_handle(cf_link *link, const cf_bytes *frames, size_t count, uint64_t now_ms,
                           cf_outbox *outbox)
{
    counted.of[TALLY_MESSAGES]++;
    __real_cf_link_handle(link, frames, count, now_ms, outbox);
}

bool __real_cf_gateway_handle(cf_gateway *gateway, const cf_gateway_peer *peer,
                              const cf_bytes *frames, size_t count, uint64_t now_ms);
bool __wrap_cf_gateway_handle(cf_gateway *gateway, const cf_gateway_peer *peer,
                              const cf_bytes *frames, size_t count, uint64_t now_ms);

bool __wrap_cf_gateway_handle(cf_gateway *gateway, const cf_gateway_peer *peer,
                              const cf_bytes *frames, size_t count, uint64_t now_ms)
{
    counted.of[TALLY_MESSAGES]++;
    return __real_cf_gateway_handle(gateway, peer, frames, count, now_ms);
}

/* On the disk, too: no file is racy then. */
static void passes(small_world *in, uint64_t ms)
{
    in->now_ms += ms;
    lesser_disk_set_clock(&disk, lesser_disk_clock(&disk) + (int64_t)ms * 1000000);
}

void costs_pass(small_world *in, int seconds)
{
    for (; seconds > 0; seconds--) {
        for (uint64_t end_ms = in->now_ms + SECOND_MS; in->now_ms < end_ms; in->now_ms += STEP_MS)
            for (int i = 0; i < in->count; i++)
                small_device_passes(&in->devices[i], SMALL_TURN_MS);
        lesser_disk_set_clock(&disk, lesser_disk_clock(&disk) + SECOND_MS * INT64_C(1000000));
    }
}

void costs_begin(small_world *in)
{
    lesser_disk_begin(&disk, in);
}

void costs_settle(small_world *in)
{
    passes(in, LATER_MS);
    cr_assert(small_world_settle(in));
}

void costs_serve(small_world *in)
{
    for (int i = 0; i < in->count; i++)
        small_device_serves(&in->devices[i]);
    for (int i = 0; i < RESTS; i++) {
        costs_pass(in, 1);
        passes(in, LATER_MS);
    }
    costs_pass(in, SOON_S);
}

tally costs_of(small_world *in, costs_act *act)
{
    tally_jobs(in->env.jobs, &counted);
    tally_begin(&counted);
    act(&in->devices[0]);
    costs_pass(in, SOON_S);
    tally_end(&counted);
    return counted;
}

void costs_make_files(small_device *of, size_t count)
{
    char path[64];

    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "d%zu", i / IN_ONE);
        if (i % IN_ONE == 0)
            user_makes(of, path);
        snprintf(path, sizeof path, "d%zu/f%zu", i / IN_ONE, i);
        user_writes_text(of, path, path);
    }
}
