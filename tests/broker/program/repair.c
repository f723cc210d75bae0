/* SPDX-License-Identifier: Apache-2.0 */
/* The store of a broker is repaired: what is kept of it, also when the repair is killed, and what
 * is no damage. */
#include "broker/program/repair.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/log/log_tables.h"
#include "broker/members/registry.h"
#include "broker/program/datadir.h"
#include "tests/broker/store/damaged_store.h"
#include "tests/broker/people/people.h"
#include "tests/support/calls.h"
#include "tests/support/expect.h"

/* A log of an account that lets two devices in, and of these, one after the other. Each of their
 * entries fills a block of a table. */
enum { CHANGES = 10, DAMAGED = 5, BLOCK = 4096 };

static void write_changes(cf_log *log, person *device, cf_buffer *wires)
{
    char body[BLOCK + 1];

    memset(body, 'b', BLOCK);
    body[BLOCK] = '\0';
    for (int i = 0; i < CHANGES; i++) {
        write_change(device, body, NULL, 0);
        append_entry(log, device);
        if (wires && i >= CHANGES - DAMAGED)
            cf_buffer_append(wires, device->wire.data, device->wire.size);
    }
}

/* Gets the last that the first device wrote, all of one size. */
static void make_log(cf_buffer *wires, cf_hash *user)
{
    const cf_store_options options = {.path = path, .random = instance};
    person account = an_account(1), first, second;
    cf_store *store = NULL;
    cf_log *log = NULL;
    cf_error error;

    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
    *user = account.user;
    first = a_device(2, user);
    second = a_device(3, user);
    expect_ok(cf_log_open(store, user, NULL, &log, &error), error);
    first_entry(&account);
    append_entry(log, &account);
    let_in(&account, &first, CF_ROLE_OWNER);
    append_entry(log, &account);
    let_in(&account, &second, CF_ROLE_OWNER);
    append_entry(log, &account);
    learn(&first, &account);
    learn(&second, &account);
    write_changes(log, &first, wires);
    write_changes(log, &second, NULL);
    expect_ok(store->commit(store, &error), error);
    cf_log_destroy(&log);
    cf_store_destroy(&store);
    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error); /* into tables */
    cf_store_destroy(&store);
    person_end(&account);
    person_end(&first);
    person_end(&second);
}

/* Flips a byte of it in the table that has it. */
static void damage(cf_bytes wire)
{
    DIR *names = opendir(path);
    const struct dirent *entry;
    bool is_done = false;

    cr_assert(names);
    while ((entry = readdir(names))) {
        static uint8_t whole[1 << 20];
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        FILE *table = strstr(file, ".sst") ? fopen(file, "r+") : NULL;
        const size_t size = table ? fread(whole, 1, sizeof whole, table) : 0;
        const uint8_t *found = size ? memmem(whole, size, wire.data, wire.size) : NULL;

        if (found) {
            cr_assert_eq(fseek(table, found - whole, SEEK_SET), 0);
            fputc(found[0] ^ 1, table);
            is_done = true;
        }
        if (table)
            fclose(table);
    }
    closedir(names);
    cr_assert(is_done);
}

static size_t count_entries(const cf_hash *user)
{
    const cf_store_options options = {.path = path, .random = instance};
    cf_store *store = NULL;
    size_t count = 0;
    cf_error error;

    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
    expect_ok(store->read(store, user, 1, count_entry, &count, &error), error);
    cf_store_destroy(&store);
    return count;
}

static void make_broker(const cf_env *env, const char *data, void make(void))
{
    char blobs[160];
    cf_datadir *datadir = NULL;
    cf_error error;

    cr_assert_eq(mkdir(data, 0700), 0);
    expect_ok(cf_datadir_open(env, data, CF_DATADIR_NEW, &datadir, &error), error);
    snprintf(path, sizeof path, "%s/store", data);
    snprintf(blobs, sizeof blobs, "%s/blobs", data);
    cr_assert_eq(mkdir(blobs, 0700), 0);
    make();
    expect_ok(cf_datadir_finish(datadir, &error), error);
    cf_datadir_destroy(&datadir);
}

static void make_three(void)
{
    make_store(3, 10, true);
}

enum { DATA_SIZE = 96 };

/* One in this directory, and what its programs take from the system. */
static void begin_broker(cf_env *env, const scratch *here, char data[DATA_SIZE], void make(void))
{
    cf_env_system(env, "repair", CF_REPORT_ERROR);
    snprintf(data, DATA_SIZE, "%s/broker", here->path);
    make_broker(env, data, make);
}

Test(repair, takes_no_disk_that_failed_once_for_a_damaged_store)
{
    scratch *here = scratch_new();
    char data[DATA_SIZE], kept[128];
    struct stat found;
    cf_error error;
    cf_env env;

    begin_broker(&env, here, data, make_three);
    snprintf(kept, sizeof kept, "%s/store.damaged", data);
    expect_ok(cf_repair(&env, data, &error), error);
    find_file(".sst");
    calls_give_eio(file, 0, 1, 1);
    expect_fails(cf_repair(&env, data, &error), CF_IO);
    cr_expect_eq(stat(file, &found), 0);
    expect_ok(cf_repair(&env, data, &error), error);
    cr_expect_neq(stat(kept, &found), 0);
    scratch_destroy(&here);
}

/* The lowest number that no descriptor has. */
static rlim_t lowest_descriptor(void)
{
    const int made = dup(STDERR_FILENO);

    cr_assert(made >= 0);
    cr_assert(!close(made));
    return (rlim_t)made;
}

/* What a repair can't read for want of descriptors is no damage either, however often. */
Test(repair, takes_no_want_of_descriptors_for_damage)
{
    enum { UP_TO = 48 };
    scratch *here = scratch_new();
    struct rlimit before, less;
    char data[DATA_SIZE], kept[128];
    struct stat found;
    size_t failed = 0;
    cf_error error;
    cf_env env;

    begin_broker(&env, here, data, make_three);
    snprintf(kept, sizeof kept, "%s/store.damaged", data);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t more = 1; more < UP_TO; more++) {
        less = (struct rlimit){lowest_descriptor() + more, before.rlim_max};
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &less), 0);
        const cf_status status = cf_repair(&env, data, &error);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        failed += status != CF_OK;
        cr_expect(!status || (strstr(error.text, "open files") && !strstr(error.text, "disk")),
                  "%d more: %s", (int)more, error.text);
        cr_expect_neq(stat(kept, &found), 0, "%d more", (int)more);
    }
    cr_expect(failed > 2);
    expect_ok(cf_repair(&env, data, &error), error);
    scratch_destroy(&here);
}

static cf_buffer last;
static cf_hash user;

static void make_written(void)
{
    make_log(&last, &user);
}

/* Or the chain of another device would end before it began. */
Test(repair, goes_on_right_behind_what_it_can_not_read)
{
    scratch *here = scratch_new();
    char data[DATA_SIZE];
    cf_error error;
    cf_env env;

    begin_broker(&env, here, data, make_written);
    cr_assert_eq(count_entries(&user), 3 + 2 * CHANGES);
    const size_t size = last.size / DAMAGED;
    for (size_t i = 0; i < DAMAGED; i++)
        damage(cf_bytes_of(last.data + size * i, size));
    expect_ok(cf_repair(&env, data, &error), error);
    cr_expect_eq(count_entries(&user), 3 + 2 * CHANGES - DAMAGED, "%zu", count_entries(&user));
    cf_buffer_release(&last);
    scratch_destroy(&here);
}

/* Whole for RocksDB, and no entry for the log: the other copy, among the entries, is whole. */
Test(repair, brings_a_member_back_whose_copy_can_not_be_read)
{
    enum { MEMBERS = 3 };
    scratch *here = scratch_new();
    char data[DATA_SIZE];
    cf_error error;
    cf_env env;

    begin_broker(&env, here, data, make_written);
    for (uint64_t damaged = 0; damaged < MEMBERS; damaged++) {
        const cf_store_options options = {.path = path, .random = instance};
        uint8_t key[CF_LOG_REGISTRY_KEY] = {CF_LOG_REGISTRY};
        const cf_kv record = {cf_bytes_of(key, sizeof key), cf_bytes_of_text("?")};
        cf_store *store = NULL;
        cf_log *log = NULL;

        cf_put_u64(key + 1, damaged);
        expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
        expect_ok(store->write(store, &user, &record, 1, true, &error), error);
        expect_fails(cf_log_open(store, &user, NULL, &log, &error), CF_BROKEN);
        cf_store_destroy(&store);
        expect_ok(cf_repair(&env, data, &error), error);
        expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
        expect_ok(cf_log_open(store, &user, NULL, &log, &error), error);
        cr_expect_eq(cf_registry_device_count(cf_log_registry(log)), MEMBERS);
        cf_log_destroy(&log);
        cf_store_destroy(&store);
        cr_expect_eq(count_entries(&user), MEMBERS + 2 * CHANGES);
    }
    cf_buffer_release(&last);
    scratch_destroy(&here);
}

/* ---- Killed while the new store is put in place ---- */

enum { KILLED = 9 };

static struct {
    cf_files real;
    int calls_left; /* until it is killed */
    bool before;    /* the call, or right behind it */
} killing;

static void count_call(bool before)
{
    if (before)
        killing.calls_left--;
    if (killing.calls_left == 0 && before == killing.before)
        _exit(KILLED);
}

static cf_status rename_and_be_killed(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                                      const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    count_call(true);
    const cf_status status = killing.real.rename(files, from_folder, from, to_folder, to, error);
    count_call(false);
    return status;
}

static cf_status exchange_and_be_killed(cf_files *files, const cf_folder *a_folder, cf_bytes a,
                                        const cf_folder *b_folder, cf_bytes b, cf_error *error)
{
    count_call(true);
    const cf_status status = killing.real.exchange(files, a_folder, a, b_folder, b, error);
    count_call(false);
    return status;
}

static cf_status exchange_nothing(cf_files *files, const cf_folder *a_folder, cf_bytes a,
                                  const cf_folder *b_folder, cf_bytes b, cf_error *error)
{
    (void)files, (void)a_folder, (void)a, (void)b_folder, (void)b;
    return cf_fail(error, CF_UNSAFE, "this file system exchanges no names");
}

/* False: it came to its end. */
static bool is_killed_in_repair(cf_env *env, const char *data, bool exchanges)
{
    int status;
    cf_error error;
    const pid_t child = fork();

    cr_assert(child >= 0);
    if (child == 0) {
        alarm(120);
        killing.real = *env->files;
        env->files->rename = rename_and_be_killed;
        env->files->exchange = exchanges ? exchange_and_be_killed : exchange_nothing;
        _exit(cf_repair(env, data, &error) ? 1 : 0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    cr_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KILLED, "%d", status);
    return WEXITSTATUS(status) == KILLED;
}

static bool is_left(const char *data, const char *name)
{
    char at[192];
    struct stat found;

    snprintf(at, sizeof at, "%s/%s", data, name);
    return lstat(at, &found) == 0;
}

/* What a repair needs while it runs. */
static const char *const passing[] = {"store.mended", "store.mending", "store.copy",
                                      "store.copy.trial"};
enum { PASSING = sizeof passing / sizeof *passing };

/* Without the first that is damaged, and what its device wrote behind it. What any verb finds then,
 * and what the next repair makes of it. */
static void expect_a_broker(const cf_env *env, const char *data, const char *when)
{
    cf_datadir *datadir = NULL;
    cf_error error;

    expect_ok(cf_datadir_open(env, data, CF_DATADIR_EXISTING, &datadir, &error), error);
    cf_datadir_destroy(&datadir);
    expect_ok(cf_repair(env, data, &error), error);
    cr_expect_eq(count_entries(&user), 3 + 2 * CHANGES - DAMAGED, "%s: %zu", when,
                 count_entries(&user));
    for (size_t i = 0; i < PASSING; i++)
        cr_expect(!is_left(data, passing[i]), "%s: %s is left", when, passing[i]);
    cr_expect(is_left(data, "store.damaged"), "%s", when);
}

static bool be_killed_at(cf_env *env, const scratch *here, int call, bool before, bool exchanges)
{
    char data[96], when[64];

    snprintf(when, sizeof when, "%s call %d, %s", before ? "before" : "behind", call,
             exchanges ? "exchanging" : "renaming");
    snprintf(data, sizeof data, "%s/broker-%d%d%d", here->path, call, before, exchanges);
    last.size = 0;
    make_broker(env, data, make_written);
    damage(cf_bytes_of(last.data, last.size / DAMAGED));
    killing.calls_left = call;
    killing.before = before;
    const bool is_killed = is_killed_in_repair(env, data, exchanges);
    expect_a_broker(env, data, when);
    return is_killed;
}

/* Or no verb would find a store again, while a whole one stands beside it. */
Test(repair, that_is_killed_at_any_rename_leaves_a_broker)
{
    scratch *here = scratch_new();
    size_t count = 0;
    cf_env env;

    cf_env_system(&env, "repair", CF_REPORT_ERROR);
    for (int exchanges = 0; exchanges < 2; exchanges++)
        for (int before = 0; before < 2; before++)
            for (int call = 1; be_killed_at(&env, here, call, before, exchanges); call++)
                count++;
    cr_expect_eq(count, 12, "%zu", count); /* three of each way, and before and behind each */
    cf_buffer_release(&last);
    scratch_destroy(&here);
}

static void leave_behind(const char *data, const char *name)
{
    char at[192], in_it[224];

    snprintf(at, sizeof at, "%s/%s", data, name);
    snprintf(in_it, sizeof in_it, "%s/000007.sst", at);
    cr_assert(mkdir(at, 0700) == 0);
    FILE *made = fopen(in_it, "w");
    cr_assert(made);
    cr_assert(!fclose(made));
}

/* It was killed before it had put the mended store in its place, and then a copy of the store was
 * brought back by hand: as large as the store, these would stay for good. */
Test(repair, removes_what_one_that_was_killed_left_beside_a_whole_store)
{
    scratch *here = scratch_new();
    char data[DATA_SIZE];
    cf_error error;
    cf_env env;

    begin_broker(&env, here, data, make_three);
    for (size_t i = 0; i < PASSING; i++)
        if (strcmp(passing[i], "store.mended") != 0) /* which would be taken for the store */
            leave_behind(data, passing[i]);
    expect_ok(cf_repair(&env, data, &error), error);
    for (size_t i = 0; i < PASSING; i++)
        cr_expect(!is_left(data, passing[i]), "%s is left", passing[i]);
    scratch_destroy(&here);
}

/* ---- A file system that takes nothing any more ---- */

static cf_status unlink_nothing(cf_files *files, const cf_folder *folder, cf_bytes name,
                                cf_error *error)
{
    (void)files, (void)folder, (void)name;
    return cf_fail_errno(error, EROFS, "removing it");
}

/* Of a program that was killed: that it can't be made again says nothing then. */
Test(repair, is_not_told_that_all_is_well_by_a_file_that_was_left_over)
{
    scratch *here = scratch_new();
    cf_datadir *datadir = NULL;
    char data[DATA_SIZE], left[128];
    cf_error error;
    cf_env env;

    begin_broker(&env, here, data, make_three);
    snprintf(left, sizeof left, "%s/verified.new", data);
    for (int fails = 0; fails < 2; fails++) {
        FILE *made = fopen(left, "w");

        cr_assert(made);
        cr_assert(!fclose(made));
        if (fails)
            env.files->unlink = unlink_nothing;
        expect_ok(cf_datadir_open(&env, data, CF_DATADIR_EXISTING, &datadir, &error), error);
        cr_expect_eq(cf_datadir_is_read_only(datadir), fails == 1);
        cf_datadir_destroy(&datadir);
    }
    scratch_destroy(&here);
}
