/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that does not answer: nothing of its source is touched, all others go on, it is told once,
 * and when it answers everything goes on where it was. */
#include "tests/peer/small/small_checks.h"

#include "broker/platform/jobs.h"
#include "peer/sources/context/probe.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

enum {
    CALM_MS = 8000,
    SILENT_MS = CF_PROBE_SILENT_MS + 3000,
    HISTORIES = 24,
    LARGE = 1 << 17,
    MANY = 40,
    RECONNECT_MS = 90000
};

/* ---- A disk that hangs ---- */

static struct {
    cf_files real;
    const char *path;      /* of the source whose disk hangs; NULL: none does */
    bool is_asking, is_it; /* a probe is looked through, and asks that disk */
    size_t touched;        /* the disk, by others than probes */
    size_t told, told_again, told_of_base;
    bool only_listings; /* hang: probes are answered */
    bool lists;         /* what is looked through */
    cf_job *stuck[4];   /* their work was looked through, and may be done once only */
    size_t stuck_count;
    const char *remote; /* of a source that others change; NULL: of none */
    void (*report)(void *context, cf_report_level level, const char *text);
} hanging;

static void touch(const char *path)
{
    const size_t size = hanging.path ? strlen(hanging.path) : 0;
    const bool is_it =
        size && strncmp(path, hanging.path, size) == 0 && (path[size] == 0 || path[size] == '/');

    if (hanging.is_asking)
        hanging.is_it |= is_it;
    else
        hanging.touched += is_it;
}

static cf_status open_root(cf_files *files, const char *path, cf_folder **out, cf_error *error)
{
    touch(path);
    return hanging.real.open_root(files, path, out, error);
}

static cf_status stat_folder(cf_files *files, const cf_folder *folder, cf_stat *out,
                             cf_error *error)
{
    touch(files->shown(files, folder));
    return hanging.real.stat_folder(files, folder, out, error);
}

static cf_status list(cf_files *files, const cf_folder *folder, cf_name_visit *visit, void *context,
                      cf_error *error)
{
    touch(files->shown(files, folder));
    hanging.lists |= hanging.is_asking;
    return hanging.real.list(files, folder, visit, context, error);
}

static cf_status stat_name(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                           cf_error *error)
{
    touch(files->shown(files, folder));
    hanging.lists |= hanging.is_asking;
    return hanging.real.stat(files, folder, name, out, error);
}

static cf_status open_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                           cf_error *error)
{
    touch(files->shown(files, folder));
    return hanging.real.open_file(files, folder, name, out, error);
}

static cf_status create_file(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                             cf_file **out, cf_error *error)
{
    touch(files->shown(files, folder));
    return hanging.real.create_file(files, folder, name, mode, out, error);
}

static cf_status filesystem(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                            cf_error *error)
{
    const cf_status status = hanging.real.filesystem(files, folder, out, error);
    const char *shown = files->shown(files, folder);

    if (!status && hanging.remote && strncmp(shown, hanging.remote, strlen(hanging.remote)) == 0)
        out->is_remote = true;
    return status;
}

/* Its work tells by what it opens which disk it asks. */
static bool is_hanging(void *context, cf_job *job)
{
    (void)context;
    for (size_t i = 0; i < hanging.stuck_count; i++)
        if (hanging.stuck[i] == job)
            return true;
    hanging.is_asking = true;
    hanging.is_it = hanging.lists = false;
    job->work(job);
    hanging.is_asking = false;
    if (hanging.is_it && hanging.lists && hanging.stuck_count < 4)
        hanging.stuck[hanging.stuck_count++] = job;
    return hanging.is_it && (hanging.lists || !hanging.only_listings);
}

static void hear(void *context, cf_report_level level, const char *text)
{
    hanging.told += strstr(text, "its disk does not answer since") != NULL;
    hanging.told_of_base += strstr(text, "the disk of its base does not answer since") != NULL;
    hanging.told_again += strstr(text, "its disk answers again") != NULL;
    hanging.report(context, level, text);
}

static void hang(small_world *w, const char *path)
{
    hanging.path = path;
    hanging.touched = 0;
    hanging.only_listings = false;
    hanging.stuck_count = path ? hanging.stuck_count : 0;
    cf_jobs_inline_hang(w->env.jobs, is_hanging, NULL);
}

static small_world *begin(uint64_t seed)
{
    small_world *w = small_world_new(seed, 2);

    memset(&hanging, 0, sizeof hanging);
    hanging.real = w->files;
    hanging.report = w->env.report;
    w->files.open_root = open_root;
    w->files.stat_folder = stat_folder;
    w->files.list = list;
    w->files.stat = stat_name;
    w->files.open_file = open_file;
    w->files.create_file = create_file;
    w->files.filesystem = filesystem;
    w->env.report = hear;
    for (int i = 0; i < w->count; i++)
        w->devices[i].env.report = hear;
    return w;
}

static void expect_status(small_device *self, size_t source, bool is_silent)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, source), &arena, &status);
    cr_expect_eq(status.trouble, is_silent ? CF_IO : CF_OK, "source %zu: %s", source,
                 status.trouble ? status.trouble_text : "well");
    if (is_silent)
        cr_expect_not_null(strstr(status.trouble_text, "its disk does not answer since "));
    cf_arena_release(&arena);
}

/* Goes through everything until all have all. */
static void expect_whole(small_world *w)
{
    cf_buffer difference = {0};

    for (int i = 0; i < 6; i++)
        small_device_sync(&w->devices[i % 2]);
    cr_expect(small_world_equal(w, &difference), "%s", (const char *)difference.data);
    cf_buffer_release(&difference);
}

/* ---- While it serves ---- */

Test(engine_silent, the_other_sources_go_on_and_it_is_told_once)
{
    small_world *w = begin(3);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    small_device beside = folder_beside(first, NULL);

    user_writes_text(first, "a", "one");
    user_makes(first, "in");
    user_writes_text(first, "in/b", "two");
    small_device_serves(first);
    small_device_passes(first, CALM_MS);
    hang(w, first->folder);
    user_writes_text(first, "mine", "made while it hangs");
    user_removes(first, "a");
    user_writes_text(&beside, "other", "made beside it");
    small_device_passes(first, SILENT_MS);
    cr_expect_eq(hanging.touched, 0, "touched %zu times", hanging.touched);
    cr_expect_eq(hanging.told, 1);
    expect_status(first, 0, true);
    expect_status(first, 1, false);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "other"));
    cr_expect(has_path(second, "a"));
    cr_expect(!has_path(second, "mine"));
    small_device_passes(first, 2 * SILENT_MS);
    cr_expect_eq(hanging.told, 1);
    cr_expect_eq(hanging.touched, 0, "touched %zu times", hanging.touched);
    hang(w, NULL);
    small_device_passes(first, 2 * CALM_MS);
    cr_expect_eq(hanging.told_again, 1);
    expect_status(first, 0, false);
    cr_expect(has_path(first, "other"));
    expect_whole(w);
    cr_expect(has_path(second, "mine"));
    cr_expect(has_path(second, "in/b"));
    cr_expect(!has_path(second, "a"));
    small_world_destroy(&w);
}

Test(engine_silent, who_asks_how_it_stands_is_answered_at_once)
{
    small_world *w = begin(4);
    small_device *first = &w->devices[0];
    const cf_round_options tell = {.kind = CF_ROUND_TELL};

    user_writes_text(first, "a", "one");
    small_device_serves(first);
    small_device_passes(first, CALM_MS);
    hang(w, first->folder);
    cr_expect(!small_device_round(first, &tell, CF_PROBE_SILENT_MS / SMALL_TURN_MS - 1));
    small_device_passes(first, SILENT_MS);
    cr_expect(small_device_round(first, &tell, 1));
    cr_expect_eq(hanging.touched, 0, "touched %zu times", hanging.touched);
    expect_status(first, 0, true);
    hang(w, NULL);
    cr_expect(small_device_round(first, &tell, SMALL_TURNS_MAX));
    expect_status(first, 0, false);
    small_world_destroy(&w);
}

static void make_base_dir(const small_device *self, const char *dir)
{
    cf_peer *peer = cf_engine_peer(self->engine);
    cf_binding *binding = cf_engine_binding_at(self->engine, 0);
    const cf_base_mark mark = {.id = {{1}},
                               .device = *cf_peer_device(peer),
                               .home = self->home_path,
                               .source = self->folder};
    cf_error error;

    expect_ok(cf_base_place_make(&self->in->files, dir, &mark, &error), error);
    binding->place = (cf_base_place){strdup(dir), mark.id};
    expect_ok(cf_binding_save(peer, binding, &error), error);
}

Test(engine_silent, a_disk_with_the_copies_of_a_base_holds_up_its_source_alone)
{
    small_world *w = begin(6);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    small_device beside = folder_beside(first, NULL);
    char dir[160];
    uint8_t *large = cf_allocate(LARGE, 1);

    memset(large, 'x', LARGE);
    snprintf(dir, sizeof dir, "%s/base-dir", w->path);
    make_base_dir(first, dir);
    user_writes(first, "large", large, LARGE);
    small_device_serves(first);
    small_device_passes(first, CALM_MS);
    for (int i = 0; i < 2; i++) {
        hang(w, dir);
        user_writes_text(first, i ? "mine too" : "mine", "made while it hangs");
        user_writes_text(&beside, i ? "other too" : "other", "made beside it");
        large[i] = 'y';
        user_writes(second, "large", large, LARGE);
        small_device_sync(second);
        small_device_passes(first, SILENT_MS);
        cr_expect_eq(hanging.touched, 0, "touched %zu times", hanging.touched);
        cr_expect_eq(hanging.told_of_base, (size_t)i + 1);
        cr_assert(small_device_sync(second));
        cr_expect(has_path(second, i ? "other too" : "other"));
        cr_expect(!has_path(second, i ? "mine too" : "mine"));
        hang(w, NULL);
        small_device_passes(first, 2 * CALM_MS);
        hang(w, dir);
        small_device_crash(first); /* the next process knows of no answer yet */
        small_device_serves(first);
        cr_expect_eq(hanging.touched, 0, "touched %zu times", hanging.touched);
    }
    hang(w, NULL);
    cr_expect_eq(hanging.told, 0);
    expect_whole(w);
    cr_expect(has_path(second, "mine"));
    cr_expect(has_path(second, "mine too"));
    free(large);
    small_world_destroy(&w);
}

/* Its file has the content that comes in another source: it comes from the broker then. */
Test(engine_silent, nobody_else_asks_for_its_contents_before_it_has_answered)
{
    small_world *w = begin(8);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    small_device beside = folder_beside(first, NULL);
    uint8_t *large = cf_allocate(LARGE, 1);

    hanging.remote = first->folder;
    memset(large, 'x', LARGE);
    user_writes(first, "large", large, LARGE);
    small_device_serves(first);
    small_device_passes(first, CALM_MS);
    cr_assert(small_device_sync(second));
    hang(w, first->folder);
    user_writes(second, "copy", large, LARGE);
    cr_assert(small_device_sync(second));
    small_device_passes(first, CF_PROBE_SILENT_MS - 2000);
    cr_expect_eq(hanging.told, 0);
    cr_expect_eq(hanging.touched, 0, "touched %zu times", hanging.touched);
    cr_expect(has_path(&beside, "copy"));
    hang(w, NULL);
    small_device_passes(first, 2 * CALM_MS);
    expect_whole(w);
    free(large);
    small_world_destroy(&w);
}

/* More than sixteen times as much is to be read from the disk that hangs: that nobody knows when.
 */
Test(engine_silent, what_is_to_be_sent_from_it_holds_back_no_contents_of_others)
{
    small_world *w = begin(9);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    small_device beside = folder_beside(first, NULL);
    cf_buffer noise = small_world_noise(w, LARGE);
    char name[16];

    small_device_serves(first);
    small_device_passes(first, CALM_MS);
    small_device_unplug(first);
    for (uint8_t i = 0; i < MANY; i++) {
        noise.data[0] = i;
        snprintf(name, sizeof name, "mine %d", i);
        user_writes(first, name, noise.data, noise.size);
    }
    small_device_passes(first, CALM_MS);
    hang(w, first->folder);
    user_writes_text(first, "a", "so that it is asked");
    small_device_passes(first, SILENT_MS);
    expect_status(first, 0, true);
    first->offline = false;
    noise.data[0] = MANY;
    user_writes(&beside, "other", noise.data, noise.size);
    small_device_passes(first, RECONNECT_MS);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "other"), "it waits for a disk that hangs");
    cr_expect(!has_path(second, "mine 0"));
    hang(w, NULL);
    small_device_passes(first, 2 * CALM_MS);
    expect_whole(w);
    cr_expect(has_path(second, "mine 0"));
    cf_buffer_release(&noise);
    small_world_destroy(&w);
}

/* ---- While it is listed ---- */

/* A listing of it is under way, from which nobody comes back. */
static void hang_in_listing(small_world *w, small_device *self)
{
    hang(w, self->folder);
    hanging.only_listings = true;
    user_writes_text(self, "mine", "made before it hangs");
    small_device_passes(self, CALM_MS);
    cr_assert_eq(hanging.stuck_count, 1);
    cr_expect_eq(hanging.told, 0);
}

static void expect_others_go_on(small_device *self, small_device *beside, small_device *second,
                                const char *name)
{
    user_writes_text(beside, name, "made beside it");
    small_device_passes(self, CALM_MS);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, name));
    cr_expect(!has_path(second, "mine"));
}

Test(engine_silent, a_listing_under_way_holds_up_its_source_alone)
{
    enum { GOES_ON, CRASHES, IS_REMOVED, ENDS };

    for (int end = GOES_ON; end < ENDS; end++) {
        small_world *w = begin(9);
        small_device *first = &w->devices[0], *second = &w->devices[1];
        const cf_round_options tell = {.kind = CF_ROUND_TELL};
        small_device beside = folder_beside(first, NULL);
        cf_error error;

        user_writes_text(first, "a", "one");
        user_makes(first, "in");
        user_writes_text(first, "in/b", "two");
        small_device_serves(first);
        small_device_passes(first, CALM_MS);
        hang_in_listing(w, first);
        expect_others_go_on(first, &beside, second, "while it answers");
        hanging.only_listings = false;
        hanging.touched = 0;
        expect_others_go_on(first, &beside, second, "while it does not");
        small_device_passes(first, SILENT_MS);
        cr_expect_eq(hanging.told, 1);
        expect_status(first, 0, true);
        expect_status(first, 1, false);
        cr_expect(small_device_round(first, &tell, CALM_MS / SMALL_TURN_MS));
        if (end == CRASHES) {
            small_device_crash(first);
            small_device_serves(first);
        } else if (end == IS_REMOVED) {
            expect_ok(cf_engine_drop_binding(first->engine, cf_engine_binding_at(first->engine, 0),
                                             &error),
                      error);
        }
        small_device_passes(first, CALM_MS);
        cr_expect_eq(hanging.touched, 0, "touched %zu times", hanging.touched);
        hang(w, NULL);
        small_device_passes(first, 2 * CALM_MS);
        if (end != IS_REMOVED)
            expect_whole(w);
        cr_expect_eq(has_path(second, "mine"), end != IS_REMOVED);
        small_world_destroy(&w);
    }
}

/* ---- In a round ---- */

Test(engine_silent, a_round_ends_without_it)
{
    small_world *w = begin(5);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    const cf_round_options sync = {.kind = CF_ROUND_SYNC};
    small_device beside = folder_beside(first, NULL);

    user_writes_text(first, "a", "one");
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    hang(w, first->folder);
    user_writes_text(&beside, "other", "made beside it");
    user_writes_text(second, "far", "made far away");
    cr_assert(small_device_sync(second));
    cr_assert(small_device_round(first, &sync, 2 * CF_PROBE_SILENT_MS / SMALL_TURN_MS));
    expect_status(first, 0, true);
    expect_status(first, 1, false);
    cr_expect_eq(hanging.touched, 0, "touched %zu times", hanging.touched);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(&beside, "far"));
    cr_expect(has_path(second, "other"));
    cr_expect(has_path(second, "a"));
    hang(w, NULL);
    expect_whole(w);
    cr_expect(has_path(first, "far"));
    cr_expect(has_path(first, "other"));
    small_world_destroy(&w);
}

/* ---- Whenever it happens ---- */

/* A disk hangs, and answers, in the middle of whatever goes on, and its process may be killed
 * meanwhile: in the end all is there, and nothing was deleted that nobody deleted. */
Test(engine_silent, nothing_is_lost_or_deleted_whenever_it_hangs)
{
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        small_world *w = begin(seed);
        small_device *first = &w->devices[0], *second = &w->devices[1];
        char name[16];

        user_writes_text(first, "kept", "from the beginning");
        small_device_serves(first);
        for (int i = 0; i < 8; i++) {
            snprintf(name, sizeof name, "f%d", i);
            user_writes_text(chance_below(&w->chance, 2) ? first : second, name, name);
            small_device_passes(first, chance_below(&w->chance, 900));
            hang(w, chance_below(&w->chance, 3) ? first->folder : NULL);
            if (chance_below(&w->chance, 2))
                small_device_sync(second);
            small_device_passes(first, chance_below(&w->chance, 2) ? SILENT_MS
                                                                   : chance_below(&w->chance, 900));
            if (chance_below(&w->chance, 6) == 0)
                small_device_crash(first);
        }
        hang(w, NULL);
        small_device_passes(first, CALM_MS);
        expect_whole(w);
        for (int i = 0; i < 8; i++) {
            snprintf(name, sizeof name, "f%d", i);
            cr_expect(has_path(first, name), "seed %llu: %s is gone", (unsigned long long)seed,
                      name);
            cr_expect(has_path(second, name), "seed %llu: %s is gone", (unsigned long long)seed,
                      name);
        }
        cr_expect(has_path(second, "kept"), "seed %llu", (unsigned long long)seed);
        small_world_destroy(&w);
    }
}
