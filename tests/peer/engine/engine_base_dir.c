/* SPDX-License-Identifier: Apache-2.0 */
/* A device whose base lies in a folder of its own, which is away at times: the source waits,
 * nothing is taken for new or for deleted, and all goes on when it is back. */
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_checks.h"

#include "broker/platform/jobs.h"
#include "codec/limits.h"
#include "peer/bindings/base_moving.h"
#include "tests/support/expect.h"
#include "tests/support/played_room.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 1 << 20, SMALL_DELTA = 20000, WHILE_MS = 12000 };

typedef struct {
    small_world *w;
    small_device *a, *b;
    char dir[160], away[170];
    uint8_t *bytes;
} scene;

static cf_binding *source(const small_device *self)
{
    return cf_engine_binding_at(self->engine, 0);
}

static void make_place(const scene *self, const char *dir, cf_base_place *out)
{
    const cf_base_mark mark = {.id = {{(uint8_t)chance_below(&self->w->chance, 256), 1}},
                               .device = *cf_peer_device(cf_engine_peer(self->a->engine)),
                               .home = self->a->home_path,
                               .source = self->a->folder};
    cf_error error;

    expect_ok(cf_base_place_make(&self->w->files, dir, &mark, &error), error);
    *out = (cf_base_place){strdup(dir), mark.id};
}

static scene begin(void)
{
    scene self = {.w = small_world_new(7, 2), .bytes = malloc(2 * SIZE)};
    cf_error error;

    self.a = &self.w->devices[0];
    self.b = &self.w->devices[1];
    snprintf(self.dir, sizeof self.dir, "%s/base-dir", self.w->path);
    snprintf(self.away, sizeof self.away, "%s-away", self.dir);
    for (size_t i = 0; i < 2 * SIZE; i += 2) {
        const uint64_t two = chance_below(&self.w->chance, 1 << 16);

        memcpy(self.bytes + i, &two, 2);
    }
    make_place(&self, self.dir, &source(self.a)->place);
    expect_ok(cf_binding_save(cf_engine_peer(self.a->engine), source(self.a), &error), error);
    user_writes(self.a, "large", self.bytes, SIZE);
    user_writes_text(self.a, "small", "one");
    settles_equal(self.w);
    return self;
}

static void end(scene *self)
{
    free(self->bytes);
    small_world_destroy(&self->w);
}

static size_t copies_in(const char *dir)
{
    char path[220];
    size_t count = 0;

    snprintf(path, sizeof path, "%s/" CF_BASE_FOLDER, dir);
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += cf_base_place_owns(cf_bytes_of_text(entry->d_name)) &&
                 !strstr(entry->d_name, CF_BASE_PRINTS);
    closedir(folder);
    return count;
}

static void goes_away(const scene *self)
{
    cr_assert_eq(rename(self->dir, self->away), 0, "%s", strerror(errno));
}

static void comes_back(const scene *self)
{
    cr_assert_eq(rename(self->away, self->dir), 0, "%s", strerror(errno));
}

static uint64_t sent(const small_device *self)
{
    cf_traffic traffic;

    cf_engine_traffic(self->engine, &traffic);
    return traffic.bytes_sent;
}

static void shift(scene *self)
{
    user_writes(self->a, "large", self->bytes + 100, SIZE);
}

static void expect_waits(const small_device *self)
{
    cf_binding_status status = {0};
    cf_arena arena = {0};

    cf_engine_status(self->engine, source(self), &arena, &status);
    cr_expect_eq(status.trouble, CF_CHANGED);
    cr_expect_not_null(strstr(status.trouble_text, "where its base lies, "));
    cr_expect_not_null(strstr(status.trouble_text, "--base-dir DIR|default`"));
    cf_arena_release(&arena);
}

Test(engine_base_dir, copies_lie_there_and_make_small_deltas)
{
    scene self = begin();
    const uint64_t before = sent(self.a);

    cr_assert_eq(copies_in(self.dir), 1);
    shift(&self);
    settles_equal(self.w);
    cr_expect_lt(sent(self.a) - before, SMALL_DELTA);
    end(&self);
}

/* Edits, deletions and new files here, and what comes from elsewhere. */
static void change_everything(scene *self)
{
    shift(self);
    user_removes(self->a, "small");
    user_writes_text(self->a, "new", "new");
    user_writes_text(self->b, "theirs", "theirs");
}

static void expect_unchanged(scene *self, uint64_t entries)
{
    cr_expect_eq(small_world_entries(self->w), entries);
    cr_expect(holds(self->b, "small", "one"));
    cr_expect(!is_there(self->b, "new"));
    cr_expect(!is_there(self->a, "theirs"));
    cr_expect(holds_bytes(self->b, "large", cf_bytes_of(self->bytes, SIZE)));
    expect_waits(self->a);
}

Test(engine_base_dir, without_its_disk_the_source_waits_and_goes_on_with_it)
{
    scene self = begin();

    goes_away(&self);
    change_everything(&self);
    cr_assert(small_device_sync(self.b));
    const uint64_t entries = small_world_entries(self.w);
    for (int i = 0; i < 3; i++) {
        small_device_sync(self.a);
        small_device_sync(self.b);
        expect_unchanged(&self, entries);
        if (i == 1)
            small_device_crash(self.a);
    }
    comes_back(&self);
    const uint64_t then = sent(self.a);
    settles_equal(self.w);
    cr_expect(holds(self.a, "theirs", "theirs"));
    cr_expect(!is_there(self.b, "small"));
    cr_expect_lt(sent(self.a) - then, SMALL_DELTA);
    end(&self);
}

Test(engine_base_dir, who_serves_waits_and_goes_on_by_itself)
{
    scene self = begin();

    small_device_serves(self.a);
    small_device_passes(self.a, WHILE_MS);
    goes_away(&self);
    change_everything(&self);
    cr_assert(small_device_sync(self.b));
    const uint64_t entries = small_world_entries(self.w);
    small_device_passes(self.a, WHILE_MS);
    expect_unchanged(&self, entries);
    comes_back(&self);
    small_device_passes(self.a, WHILE_MS);
    settles_equal(self.w);
    cr_expect(holds(self.b, "new", "new"));
    cr_expect(!is_there(self.b, "small"));
    end(&self);
}

/* Nothing happens in the source itself. */
Test(engine_base_dir, what_comes_waits_too)
{
    scene self = begin();

    small_device_serves(self.a);
    small_device_passes(self.a, WHILE_MS);
    goes_away(&self);
    user_writes_text(self.b, "theirs", "theirs");
    cr_assert(small_device_sync(self.b));
    small_device_passes(self.a, WHILE_MS);
    cr_expect(!is_there(self.a, "theirs"));
    expect_waits(self.a);
    comes_back(&self);
    small_device_passes(self.a, WHILE_MS);
    cr_expect(is_there(self.a, "theirs"));
    end(&self);
}

Test(engine_base_dir, another_disk_in_its_place_is_left_alone)
{
    scene self = begin();
    cf_base_place other;

    goes_away(&self);
    make_place(&self, self.dir, &other);
    change_everything(&self);
    cr_assert(small_device_sync(self.b));
    const uint64_t entries = small_world_entries(self.w);
    small_device_sync(self.a);
    expect_unchanged(&self, entries);
    cr_expect_eq(copies_in(self.dir), 0);
    folder_remove(self.dir);
    comes_back(&self);
    settles_equal(self.w);
    cf_base_place_release(&other);
    end(&self);
}

/* Its user's files beside the copies, and a mark that is damaged, too. */
Test(engine_base_dir, nothing_else_is_ever_taken_away)
{
    scene self = begin();
    char path[240];

    snprintf(path, sizeof path, "%s/" CF_BASE_FOLDER "/mine", self.dir);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fclose(file);
    for (int i = 0; i < 3; i++) {
        user_writes(self.a, "large", self.bytes + 1000 * i, SIZE);
        settles_equal(self.w);
        small_device_crash(self.a);
        small_device_sync(self.a); /* sweeps once that disk has answered */
        cr_expect_eq(copies_in(self.dir), 1);
    }
    cr_expect_eq(access(path, F_OK), 0);
    end(&self);
}

/* ---- Room ---- */

/* The 16th is left free, or 1 GiB of a disk of over 16. */
Test(engine_base_dir, is_kept_while_there_is_room)
{
    static const struct {
        uint64_t room, whole;
        size_t copies;
    } disks[] = {{SIZE + 4 * CF_MIB, 64 * CF_MIB, 1},
                 {SIZE + 4 * CF_MIB - 1, 64 * CF_MIB, 0},
                 {SIZE + CF_GIB, 64 * CF_GIB, 1},
                 {SIZE + CF_GIB - 1, 64 * CF_GIB, 0}};

    for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
        scene self = begin();

        self.a->env.files->free_bytes = play_room;
        played_left = disks[i].room;
        played_whole = disks[i].whole;
        user_removes(self.a, "large");
        settles_equal(self.w);
        user_writes(self.a, "other", self.bytes + SIZE / 2, SIZE);
        settles_equal(self.w);
        small_device_crash(self.a);
        small_device_sync(self.a);
        cr_expect_eq(copies_in(self.dir), disks[i].copies, "%zu", i);
        end(&self);
    }
}

/* ---- Moving ---- */

static cf_status move_to(scene *self, const cf_base_place *to, cf_base_moved *moved,
                         cf_error *error)
{
    cf_peer *peer = cf_engine_peer(self->a->engine);
    cf_base_moving *moving = NULL;

    cf_status status = cf_base_moving_start(peer, source(self->a), to, &moving, error);
    while (!status && !cf_base_moving_over(moving))
        peer->env->jobs->deliver(peer->env->jobs);
    if (!status)
        status = cf_base_moving_result(moving, moved, error);
    cf_base_moving_destroy(&moving);
    return status;
}

Test(engine_base_dir, copies_are_moved_before_the_old_ones_go)
{
    scene self = begin();
    cf_base_moved moved;
    cf_base_place to;
    cf_error error;
    char dir[180];

    snprintf(dir, sizeof dir, "%s-too", self.dir);
    make_place(&self, dir, &to);
    for (size_t i = 1; i <= 2; i++) { /* the second time it is there */
        expect_ok(move_to(&self, &to, &moved, &error), error);
        cr_expect(moved.moved == 2 - i);
        cr_expect(!moved.left_out);
        cr_expect(!moved.was_away);
        cr_expect(copies_in(self.dir) == 1);
        cr_expect(copies_in(dir) == 1);
    }
    goes_away(&self);
    expect_ok(move_to(&self, &to, &moved, &error), error);
    cr_expect(moved.was_away);
    cr_expect(!moved.moved);
    comes_back(&self);
    folder_remove(dir);
    expect_fails(move_to(&self, &to, &moved, &error), CF_CHANGED);
    cf_base_place_release(&to);
    end(&self);
}

static uint64_t taken_in(const char *dir, uint64_t *size)
{
    char path[500];
    uint64_t taken = 0;
    struct stat stat;

    snprintf(path, sizeof path, "%s/" CF_BASE_FOLDER, dir);
    DIR *folder = opendir(path);
    cr_assert(folder, "%s", path);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/" CF_BASE_FOLDER "/%s", dir, entry->d_name);
        if (entry->d_type != DT_REG || lstat(path, &stat))
            continue;
        taken += (uint64_t)stat.st_blocks * 512;
        *size += (uint64_t)stat.st_size;
    }
    closedir(folder);
    return taken;
}

Test(engine_base_dir, copies_that_are_moved_keep_their_holes)
{
    static const uint8_t last[2 * CF_HOLE_BLOCK] = {1};
    scene self = begin();
    uint64_t before = 0, after = 0;
    cf_base_moved moved;
    cf_base_place to;
    cf_error error;
    char dir[180];

    snprintf(dir, sizeof dir, "%s-too", self.dir);
    make_place(&self, dir, &to);
    user_writes_sparse(self.a, "image", 2 * SIZE, cf_bytes_of(last, sizeof last));
    settles_equal(self.w);
    expect_ok(move_to(&self, &to, &moved, &error), error);
    cr_expect_eq(moved.moved, 2);
    cr_expect_lt(taken_in(self.dir, &before), 2 * SIZE);
    cr_expect_lt(taken_in(dir, &after), 2 * SIZE);
    cr_expect_eq(before, after);
    cf_base_place_release(&to);
    end(&self);
}

Test(engine_base_dir, what_has_no_room_is_left_out)
{
    scene self = begin();
    cf_base_moved moved;
    cf_base_place to;
    cf_error error;
    char dir[180];

    snprintf(dir, sizeof dir, "%s-too", self.dir);
    make_place(&self, dir, &to);
    self.a->env.files->free_bytes = play_room;
    played_left = SIZE + 4 * CF_MIB - 1;
    played_whole = 64 * CF_MIB;
    expect_ok(move_to(&self, &to, &moved, &error), error);
    cr_expect(!moved.moved);
    cr_expect(moved.left_out == 1);
    cr_expect(!copies_in(dir));
    cf_base_place_release(&to);
    end(&self);
}

/* Wherever writing fails, the old copies are there. */
Test(engine_base_dir, a_disk_that_fails_moves_nothing)
{
    scene self = begin();
    cf_base_moved moved;
    cf_base_place to;
    cf_error error;
    char dir[180];
    size_t failed = 0;

    snprintf(dir, sizeof dir, "%s-too", self.dir);
    for (uint64_t at = 1; at < 12; at++) {
        folder_remove(dir);
        make_place(&self, dir, &to);
        self.a->faults.at = self.a->faults.calls + at;
        self.a->faults.once = true;
        self.a->faults.status = CF_IO;
        failed += move_to(&self, &to, &moved, &error) != CF_OK;
        self.a->faults.status = CF_OK;
        self.a->faults.at = 0;
        cr_expect_eq(copies_in(self.dir), 1);
        cf_base_place_release(&to);
    }
    cr_expect_geq(failed, 3, "%zu", failed); /* making, writing, putting it in its place */
    end(&self);
}

/* ---- Cost ---- */

/* A look opens no file but the mark, however many there are. */
Test(engine_base_dir, a_look_costs_the_same_calls_as_without)
{
    static const int sizes[] = {10, 100, 1000};
    uint64_t more[3];

    for (int i = 0; i < 3; i++) {
        uint64_t reads[2];

        for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
            scene self = begin();
            lesser_disk disk;
            char name[16];

            for (int k = 0; k < sizes[i]; k++) {
                snprintf(name, sizeof name, "f%d", k);
                user_writes_text(self.a, name, name);
            }
            lesser_disk_begin(&disk, self.w);
            settles_equal(self.w);
            if (!elsewhere)
                cf_base_place_release(&source(self.a)->place);
            small_device_sync(self.a);
            self.a->faults.reads = true;
            self.a->faults.calls = 0;
            small_device_sync(self.a);
            reads[elsewhere] = self.a->faults.calls;
            end(&self);
        }
        more[i] = reads[1] - reads[0];
    }
    cr_expect(more[0] == more[1], "%llu %llu %llu", (unsigned long long)more[0],
              (unsigned long long)more[1], (unsigned long long)more[2]);
    cr_expect(more[1] == more[2], "%llu %llu %llu", (unsigned long long)more[0],
              (unsigned long long)more[1], (unsigned long long)more[2]);
    cr_expect(more[0] < 20, "%llu %llu %llu", (unsigned long long)more[0],
              (unsigned long long)more[1], (unsigned long long)more[2]);
}
