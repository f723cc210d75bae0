/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/scene.h"

#include "peer/membership/membership.h"
#include "tests/worlds/records.h"

#include <sodium.h>
#include <stdio.h>

world *a_world_with(uint64_t seed, int devices, unsigned records)
{
    cr_assert_geq(sodium_init(), 0);
    return world_new(
        &(world_plan){.seed = seed, .devices = devices, .brokers = 1, .records = records}, false);
}

world *a_world(uint64_t seed, int devices)
{
    return a_world_with(seed, devices, 0);
}

bool syncs(device *who)
{
    world_round round = {.set = 1u << who->number, .turns = TURNS_MAX};

    /* What was changed a moment ago is looked at a moment later. */
    world_wait(who->in, 1000);
    return world_sync(who->in, &round) && who->claims;
}

void loses_power(device *who)
{
    device_restart(who, END_POWER_CUT);
}

static void add_thing(void *context, const disk_thing *thing)
{
    cf_buffer *out = context;
    bool is_folder = thing->stat.kind == CF_FILE_FOLDER;

    cf_buffer_append_text(out, "%s%s %.*s\n", thing->path, is_folder ? "/" : ":",
                          (int)thing->bytes.size, (const char *)thing->bytes.data);
    if (is_folder)
        out->size -= 2, cf_buffer_append(out, "\n", 1);
}

static void list(const device *of, cf_buffer *out)
{
    disk_walk(of->drive, of->folder, &(disk_walk_options){.skip = ".counterfoil"}, add_thing, out);
}

static void list_records(const device *of, cf_buffer *out)
{
    static const char *const names[RECORDS_KINDS] = {"table", "numbers", "cards", "settings",
                                                     "events"};
    cells there;

    for (record_kind kind = 0; kind < RECORDS_KINDS; kind++) {
        if (!records_are_in(of->in, kind))
            continue;
        records_read(of, kind, &there);
        for (size_t i = 0; i < there.count; i++)
            cf_buffer_append_text(out, "%s %s%s%s%s%s\n", names[kind], there.all[i].key,
                                  *there.all[i].field ? " " : "", there.all[i].field,
                                  *there.all[i].field ? " " : "", there.all[i].value);
        cells_release(&there);
    }
}

static void expect_lists(world *w, void (*take)(const device *of, cf_buffer *out),
                         cf_bytes expected)
{
    world_heal(w);
    cr_assert(world_settle(w), "does not come to rest");
    for (int i = 0; i < w->count; i++) {
        cf_buffer now = {0};

        if (w->devices[i].is_out)
            continue;
        take(&w->devices[i], &now);
        cr_expect(cf_bytes_equal(cf_buffer_view(&now), expected),
                  "device %d holds\n%.*sand not\n%.*s", i, (int)now.size, (const char *)now.data,
                  (int)expected.size, (const char *)expected.data);
        cf_buffer_release(&now);
    }
}

void expect_tree(world *w, const char *tree)
{
    expect_lists(w, list, cf_bytes_of_text(tree));
}

void expect_records(world *w, const char *expected)
{
    expect_lists(w, list_records, cf_bytes_of_text(expected));
}

void expect_tree_of(world *w, const device *who)
{
    cf_buffer expected = {0};

    list(who, &expected);
    expect_lists(w, list, cf_buffer_view(&expected));
    cf_buffer_release(&expected);
}

void shuts_out(device *owner, device *who)
{
    cf_hash id = *cf_peer_device(device_peer(who));
    cf_head head;
    cf_error error;

    syncs(owner);
    expect_ok(cf_membership_revoke(&(cf_signatory){device_peer(owner), false},
                                   &(cf_limited){.device = &id}, &(cf_outgoers){&id, 1}, &head,
                                   &error),
              error);
    who->is_out = true;
    network_cut_device(who);
}
