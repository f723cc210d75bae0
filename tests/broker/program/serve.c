/* SPDX-License-Identifier: Apache-2.0 */
/* The running broker in the test's own process. */
#include "broker/program/endpoint.h"
#include "broker/program/removal.h"
#include "broker/program/serve.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include <czmq.h>

#include "broker/door/zap.h"
#include "broker/store/store_room.h"
#include "codec/limits.h"
#include "tests/broker/store/small_disk.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

static void note_ready(void *context, const char *address)
{
    (void)address;
    *(bool *)context = true;
}

/* The address is kept as soon as there is a door. */
Test(serve, opens_no_door_without_a_handler_of_its_own)
{
    const char *const listen[CF_LISTEN_MAX] = {"tcp://127.0.0.1:0"};
    scratch *at = scratch_new();
    bool ready = false;
    cf_env env = {0};
    cf_zap *other = NULL;
    cf_serve_options serving = {
        .env = &env, .listen = listen, .ready = note_ready, .context = &ready};
    char data[128];
    cf_error error;

    zsys_handler_set(NULL);
    cf_env_system(&env, "counterfoild", CF_REPORT_ERROR);
    env.files = at->files;
    snprintf(data, sizeof data, "%s/data", at->path);
    serving.data = data;
    expect_ok(cf_zap_start(&env, NULL, &other, &error), error);
    expect_fails(cf_serve(&serving, &error), CF_LOCKED);
    cr_expect_not_null(strstr(error.text, "ZAP"));
    cr_expect_not(ready);
    cr_expect(scratch_exists(at, "data/lock"));
    cr_expect_not(scratch_exists(at, "data/key") || scratch_exists(at, "data/making"));
    cr_expect_not(scratch_exists(at, "data/address"));
    cf_zap_destroy(&other);
    scratch_destroy(&at);
}

Test(ballast, is_larger_by_what_the_disk_keeps_for_root_where_that_is_little)
{
    const uint64_t mib = CF_MIB, ample = 1000 * mib;

    cr_expect_eq(cf_ballast_size(1 * mib, ample, 0), 4 * mib);
    cr_expect_eq(cf_ballast_size(7 * mib, ample, 0), 8 * mib);
    cr_expect_eq(cf_ballast_size(1 * mib, ample, 64 * mib), 68 * mib);
    cr_expect_eq(cf_ballast_size(1 * mib, ample, 64 * mib + 1), 4 * mib);
    cr_expect_eq(cf_ballast_size(1 * mib, 15 * mib, 4 * mib), 4 * mib);
    cr_expect_eq(cf_ballast_size(1 * mib, 8 * mib - 1, 0), 0);
}

/* The store of these is empty: it needs 1 MiB to be opened. */
static void expect_ballast_used(size_t held, size_t room, uint64_t given)
{
    scratch *at = scratch_new();
    char data[80];

    small_disk_mount(at->path, 8 << 20);
    snprintf(data, sizeof data, "%s/data", at->path);
    cr_assert_eq(mkdir(data, 0700), 0);
    const int folder = open(data, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    cf_ballast_take_back(folder, held);
    small_disk_fill(at->path, room);
    cr_expect_eq(cf_ballast_use_to_open(folder), given);
    cf_ballast_take_back(folder, given);
    cr_expect_eq(cf_ballast_use_to_write(folder), given);
    cr_expect_eq(faccessat(folder, "ballast", F_OK, 0) == 0, given == 0);
    close(folder);
    small_disk_unmount(at->path);
    scratch_destroy(&at);
}

Test(ballast, is_used_where_it_is_enough_with_what_is_free)
{
    expect_ballast_used(CF_MIB / 2, CF_MIB / 2, CF_MIB / 2);
}

Test(ballast, stays_where_it_is_too_little_with_what_is_free)
{
    expect_ballast_used(CF_MIB / 2, CF_MIB / 2 - 4096, 0);
}

Test(ballast, is_held_again_by_a_removal_that_others_left_no_room)
{
    scratch *at = scratch_new();
    const uint8_t instance[16] = {1};
    cf_store_memory_disk *disk = cf_store_memory_disk_new(instance);
    cf_env env = {0};
    cf_broker_data broker_data = {.env = &env, .store = cf_store_memory_new(disk)};
    const cf_hash user = {{1}};
    bool begun = false;
    cf_error error;

    cf_env_system(&env, "counterfoild", CF_REPORT_ERROR);
    expect_ok(cf_datadir_open(&env, at->path, CF_DATADIR_NEW, &broker_data.datadir, &error), error);
    cf_ballast_take_back(cf_datadir_descriptor(broker_data.datadir), 1 << 16);
    cf_store_memory_disk_fail(disk, CF_FULL);
    expect_fails(cf_removal_begin(&broker_data, NULL, &user, &begun, &error), CF_FULL);
    cr_expect_not(begun);
    cr_expect_not_null(strstr(error.text, "nothing was removed"), "%s", error.text);
    cr_expect(scratch_exists(at, "ballast"));
    broker_data.store->destroy(broker_data.store);
    cf_store_memory_disk_destroy(&disk);
    cf_datadir_destroy(&broker_data.datadir);
    scratch_destroy(&at);
}
