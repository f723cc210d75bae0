/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/growth.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/workload.h"

enum { SIZE = 2048, FILE_SIZE = 64, LINE_SIZE = 1024, COPY_SIZE = 100 * 1000, MIB = 1 << 20 };
#define PATIENCE_S 30.0
#define LOOK_S 0.002
#define EVENT_S 0.5 /* longer than serve waits with a look at what was made */

cf_bench_path cf_growth_in_source(const cf_growth *growth, size_t device, const char *name)
{
    cf_bench_path path;

    snprintf(path.text, sizeof path.text, "%.2000s/%.2000s",
             growth->scene.devices[device].source.text, name);
    return path;
}

cf_bench_path cf_growth_numbered(const cf_growth *growth, const char *format, size_t number)
{
    char name[1000];

    snprintf(name, sizeof name, format, number);
    return cf_growth_in_source(growth, 0, name);
}

static cf_status make_folder(const char *path, cf_error *error)
{
    if (mkdir(path, 0755) && errno != EEXIST)
        return cf_fail_errno(error, errno, "making %s", path);
    return CF_OK;
}

static cf_status move(const char *from, const char *to, cf_error *error)
{
    return rename(from, to) ? cf_fail_errno(error, errno, "renaming %s", from) : CF_OK;
}

cf_status cf_growth_settle(cf_growth *growth, cf_error *error)
{
    cf_status status = cf_scene_sync(&growth->scene, 0, NULL, error);

    return status ? status : cf_scene_sync(&growth->scene, 1, NULL, error);
}

cf_status cf_growth_wait_until_equal(const char *here, const char *there, cf_error *error)
{
    double end = cf_measure_now() + PATIENCE_S;
    struct stat ours, theirs;

    while (cf_measure_now() < end) {
        if (!stat(here, &ours) && !stat(there, &theirs) &&
            (S_ISDIR(ours.st_mode) ||
             (ours.st_size == theirs.st_size && cf_workload_equal(here, there))))
            return CF_OK;
        cf_measure_wait(LOOK_S);
    }
    return cf_fail(error, CF_UNREACHABLE, "%s is not there after %.0f s", there, PATIENCE_S);
}

cf_status cf_growth_wait_for(const cf_growth *growth, const char *name, cf_error *error)
{
    return cf_growth_wait_until_equal(cf_growth_in_source(growth, 0, name).text,
                                      cf_growth_in_source(growth, 1, name).text, error);
}

/* ---- Saves ---- */

cf_status cf_growth_save(cf_growth *growth, size_t things, cf_error *error)
{
    cf_bench_path path = cf_growth_in_source(growth, 0, "saved/file");
    uint8_t bytes[SIZE];

    (void)things;
    cf_workload_fill(&growth->seed, bytes, sizeof bytes);
    cf_status status = cf_workload_save(path.text, cf_bytes_of(bytes, sizeof bytes), error);
    return status ? status : cf_growth_wait_for(growth, "saved/file", error);
}

cf_status cf_growth_make_saves(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = make_folder(cf_growth_in_source(growth, 0, "saved").text, error);

    for (; !status && from < to; from++)
        status = cf_growth_save(growth, 0, error);
    return status;
}

static cf_status make_tree(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = cf_workload_tree(cf_growth_numbered(growth, "tree%zu", from).text, to - from,
                                        FILE_SIZE, growth->seed + from, error);

    return status ? status : cf_growth_settle(growth, error);
}

static cf_status make_files(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = cf_growth_make_saves(growth, 0, 1, error);

    return status ? status : make_tree(growth, from, to, error);
}

static cf_status make_beside(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = cf_growth_make_saves(growth, 0, 1, error);

    for (; !status && from < to; from++)
        status = cf_workload_file(cf_growth_numbered(growth, "saved/f%zu", from).text, FILE_SIZE,
                                  from, error);
    return status ? status : cf_growth_settle(growth, error);
}

static cf_status make_fifos(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = cf_growth_make_saves(growth, 0, 1, error);

    for (; !status && from < to; from++) {
        cf_bench_path path = cf_growth_numbered(growth, "saved/fifo%zu", from);

        if (mkfifo(path.text, 0644))
            status = cf_fail_errno(error, errno, "making %s", path.text);
    }
    cf_measure_wait(EVENT_S);
    return status ? status : cf_growth_make_saves(growth, 0, 1, error);
}

/* ---- A log ---- */

static cf_status append(cf_growth *growth, size_t size, cf_error *error)
{
    static uint8_t bytes[MIB];
    cf_bench_path path = cf_growth_in_source(growth, 0, "grows.log");
    int file = open(path.text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    cf_workload_fill(&growth->seed, bytes, size);
    bool done = file >= 0 && write(file, bytes, size) == (ssize_t)size;
    if (file >= 0)
        close(file);
    return done ? CF_OK : cf_fail_errno(error, errno, "writing %s", path.text);
}

static cf_status make_log(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = CF_OK;

    for (; !status && from < to; from++)
        status = append(growth, MIB, error);
    return status ? status : cf_growth_settle(growth, error);
}

static cf_status add_line(cf_growth *growth, size_t things, cf_error *error)
{
    cf_status status = append(growth, LINE_SIZE, error);

    (void)things;
    return status ? status : cf_growth_wait_for(growth, "grows.log", error);
}

/* ---- Many at once ---- */

static cf_status make_copies(cf_growth *growth, size_t things, cf_error *error)
{
    cf_bench_path folder = cf_growth_numbered(growth, "copies%zu", growth->made);
    cf_status status = make_folder(folder.text, error);

    for (size_t i = 0; !status && i < things; i++) {
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%.4000s/c%zu", folder.text, i);
        status = cf_workload_file(path, COPY_SIZE, growth->made, error);
    }
    growth->made++;
    return status ? status : cf_growth_settle(growth, error);
}

/* Moves every other file of a folder, which is made anew, into a folder in it. */
static cf_status make_halves(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_bench_path folder = cf_growth_numbered(growth, "halves%zu", to);
    cf_status status = make_folder(folder.text, error);
    char path[PATH_MAX];

    (void)from;
    for (size_t i = 0; !status && i < to; i++) {
        snprintf(path, sizeof path, "%.4000s/h%zu", folder.text, i);
        status = cf_workload_file(path, FILE_SIZE, i, error);
    }
    return status ? status : cf_growth_settle(growth, error);
}

static cf_status move_half(cf_growth *growth, size_t things, cf_error *error)
{
    cf_bench_path folder = cf_growth_numbered(growth, "halves%zu", things);
    char from[PATH_MAX], to[PATH_MAX];

    snprintf(to, sizeof to, "%.4000s/sub", folder.text);
    cf_status status = make_folder(to, error);
    for (size_t i = 0; !status && i < things; i += 2) {
        snprintf(from, sizeof from, "%.4000s/h%zu", folder.text, i);
        snprintf(to, sizeof to, "%.4000s/sub/h%zu", folder.text, i);
        status = move(from, to, error);
    }
    return status ? status : cf_growth_settle(growth, error);
}

static cf_status move_chain(cf_growth *growth, size_t things, cf_error *error)
{
    cf_bench_path folder = cf_growth_numbered(growth, "halves%zu", things);
    char from[PATH_MAX], to[PATH_MAX];
    cf_status status = CF_OK;

    for (size_t i = things; !status && i-- > 0;) {
        snprintf(from, sizeof from, "%.4000s/h%zu", folder.text, i);
        snprintf(to, sizeof to, "%.4000s/h%zu", folder.text, i + 1);
        status = move(from, to, error);
    }
    return status ? status : cf_growth_settle(growth, error);
}

/* ---- Verbs beside serve ---- */

static cf_status make_depth(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    char name[PATH_MAX] = "d";
    cf_status status = CF_OK;

    (void)from;
    for (size_t i = 0; !status && i < to; i++) {
        status = make_folder(cf_growth_in_source(growth, 0, name).text, error);
        strcat(name, "/d");
    }
    return status ? status : cf_growth_settle(growth, error);
}

static cf_status sync_again(cf_growth *growth, size_t things, cf_error *error)
{
    (void)things;
    return cf_scene_sync(&growth->scene, 0, NULL, error);
}

cf_status cf_growth_ask_status(cf_growth *growth, size_t things, cf_error *error)
{
    (void)things;
    return cf_scene_status(&growth->scene, 0, NULL, error);
}

/* ---- Files without a place ---- */

/* Nobody makes anything in the folder then, root neither. */
static cf_status seal_folder(const char *path, bool sealed, cf_error *error)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), flags = 0;
    bool done = folder >= 0 && ioctl(folder, FS_IOC_GETFLAGS, &flags) == 0;

    flags = sealed ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    done = done && ioctl(folder, FS_IOC_SETFLAGS, &flags) == 0;
    if (folder >= 0)
        close(folder);
    return done ? CF_OK : cf_fail_errno(error, errno, "sealing %s", path);
}

/* Files for a folder that takes none at the receiver. */
static cf_status make_unplaced(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_bench_path there = cf_growth_in_source(growth, 1, "sealed");
    cf_status status = cf_growth_make_saves(growth, 0, 1, error);

    if (!status && from == 0)
        status = make_folder(cf_growth_in_source(growth, 0, "sealed").text, error);
    if (!status && from == 0)
        status = cf_growth_wait_for(growth, "sealed", error);
    if (!status && from == 0)
        status = seal_folder(there.text, true, error);
    for (; !status && from < to; from++)
        status = cf_workload_file(cf_growth_numbered(growth, "sealed/f%zu", from).text, FILE_SIZE,
                                  from, error);
    if (!status)
        status = cf_scene_sync(&growth->scene, 0, NULL, error);
    return status;
}

static void open_sealed(cf_growth *growth)
{
    cf_error ignored;

    seal_folder(cf_growth_in_source(growth, 1, "sealed").text, false, &ignored);
}

const cf_growth_act cf_growth_acts[] = {
    {"a save, by saves before it", "saves", 250, 5, 0, cf_growth_make_saves, cf_growth_save,
     .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_COUNTS},
    {"a save, by files", "files", 1600, 50, 0, make_files, cf_growth_save, .who = CF_GROWTH_DEVICES,
     .limited = CF_GROWTH_COUNTS},
    {"a save, by what lies in its folder", "files in it", 400, 25, 0, make_beside, cf_growth_save,
     .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_COUNTS},
    {"a save, by FIFOs in its folder", "FIFOs", 400, 0, 0, make_fifos, cf_growth_save,
     .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_COUNTS},
    {"1 KiB appended, by the file's size", "MiB", 2, 1, 4, make_log, add_line,
     .who = CF_GROWTH_DEVICES, .thing_size = MIB, .shares = {0.01, 1.25}},
    {"equal files over 64 KiB, each", "files", 100, 0, 1, NULL, make_copies, .each = true,
     .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_COUNTS},
    {"half of a folder moved into it, each file", "files in it", 400, 0, 1, make_halves, move_half,
     .each = true, .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_COUNTS},
    {"names in a chain, each", "files", 400, 0, 1, make_halves, move_chain, .each = true,
     .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_COUNTS},
    {"a sync of folders in each other, each", "folders", 50, 0, 2, make_depth, sync_again,
     .each = true, .runs = true, .who = CF_GROWTH_AUTHOR, .limited = CF_GROWTH_BIT(LOOKUPS)},
    {"status beside serve, by files", "files", 1600, 0, 5, make_tree, cf_growth_ask_status,
     .runs = true, .who = CF_GROWTH_AUTHOR, .limited = CF_GROWTH_BIT(LOOKUPS)},
    {"a save, by files that have no place", "files", 312, 0, 0, make_unplaced, cf_growth_save,
     open_sealed, .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_COUNTS},
};
const size_t cf_growth_act_count = sizeof cf_growth_acts / sizeof *cf_growth_acts;
