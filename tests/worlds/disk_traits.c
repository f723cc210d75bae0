/* SPDX-License-Identifier: Apache-2.0 */
/* What a disk keeps is learned by trial, on simulated disks that keep less, and on the real one. */
#include "peer/bindings/disk_clock.h"
#include "peer/bindings/disk_trial.h"

#include "peer/commands/sources.h"
#include "tests/support/scratch.h"
#include "tests/worlds/disk_program.h"

#include <errno.h>

#define SECOND INT64_C(1000000000)

static cf_buffer text;

static void leave(void)
{
    cf_buffer_release(&text);
}

TestSuite(disk_traits, .fini = leave);

static bool count_name(void *context, cf_bytes name)
{
    (void)name;
    ++*(size_t *)context;
    return true;
}

static size_t names_in(cf_files *files, const cf_folder *folder)
{
    size_t count = 0;
    cf_error error;

    expect_ok(files->list(files, folder, count_name, &count, &error), error);
    return count;
}

static cf_disk_traits try_disk(disk_options options)
{
    program p;
    cf_disk_traits traits;

    program_begins(&p, options);
    expect_ok(cf_disk_try(p.files, p.folder, &traits, &p.error), p.error);
    cr_assert_eq(names_in(p.files, p.folder), 0, "the trial leaves nothing");
    program_ends(&p);
    return traits;
}

static void expect_text(const cf_disk_traits *traits, const char *expected)
{
    text.size = 0;
    cf_disk_traits_text(traits, &text);
    cr_assert(cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(expected)), "%.*s, not %s",
              (int)text.size, (const char *)text.data, expected);
}

Test(disk_traits, tell_nothing_of_a_disk_that_keeps_everything)
{
    cf_disk_traits traits = try_disk((disk_options){.seed = 1});

    expect_text(&traits, "");
    cr_assert_eq(traits.time_step_ns, 1);
}

Test(disk_traits, tell_the_step_of_the_times)
{
    static const struct {
        int64_t step_ns;
        const char *text;
    } steps[] = {{100, "this disk keeps times to 100 ns"},
                 {1000, "this disk keeps times to 1 us"},
                 {10000000, "this disk keeps times to 10 ms"},
                 {1000000000, "this disk keeps times to 1 s"},
                 {2000000000, "this disk keeps times to 2 s"}};

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        cf_disk_traits traits = try_disk((disk_options){.seed = 1, .step_ns = steps[i].step_ns});

        cr_assert_eq(traits.time_step_ns, steps[i].step_ns);
        expect_text(&traits, steps[i].text);
    }
}

Test(disk_traits, tell_what_is_not_kept_at_all)
{
    cf_disk_traits traits = try_disk((disk_options){.seed = 1, .modes_never = true});

    expect_text(&traits, "this disk keeps no modes");
    traits = try_disk((disk_options){.seed = 1, .symlinks_never = true});
    expect_text(&traits, "this disk keeps no links");
    traits = try_disk((disk_options){.seed = 1, .hard_links_never = true});
    expect_text(&traits, "this disk keeps no hard links");
    traits = try_disk((disk_options){
        .seed = 1, .step_ns = 2000000000, .modes_never = true, .symlinks_never = true});
    expect_text(&traits, "this disk keeps no modes and no links, times to 2 s");
    traits.folds_case = true;
    expect_text(&traits, "this disk keeps no modes and no links, times to 2 s, and takes A for a");
    traits = (cf_disk_traits){.time_step_ns = 1, .folds_case = true, .folds_unicode = true};
    expect_text(&traits, "this disk takes A for a and \xc3\xa9 for e\xcc\x81");
    traits.changes_names = true;
    expect_text(&traits,
                "this disk takes A for a and \xc3\xa9 for e\xcc\x81, and changes some names");
    traits = (cf_disk_traits){.time_step_ns = 1, .changes_names = true};
    expect_text(&traits, "this disk changes some names");
    traits = (cf_disk_traits){.time_step_ns = 1, .loses_times = true};
    expect_text(&traits, "this disk keeps no times");
    traits = (cf_disk_traits){.time_step_ns = 1, .size_refused = 4294967296};
    expect_text(&traits, "this disk takes no file of 4294967296 bytes");
    traits.loses_hardlinks = true;
    expect_text(&traits, "this disk keeps no hard links, and takes no file of 4294967296 bytes");
}

static void expect_json(cf_disk_traits traits, const char *expected)
{
    const cf_binding binding = {.format = CF_FORMAT_FILES, .disk.system.type = 1, .traits = traits};
    json_t *told = cf_source_disk_json(&binding);
    char *shown = json_dumps(told, JSON_COMPACT);

    cr_expect_str_eq(shown, expected);
    free(shown);
    json_decref(told);
}

Test(disk_traits, tell_all_of_it_to_programs)
{
    expect_json((cf_disk_traits){.time_step_ns = 1},
                "{\"modes\":true,\"links\":true,\"hard_links\":true,\"times\":true,"
                "\"time_step\":1,\"folds_case\":false,\"folds_unicode\":false,"
                "\"changes_names\":false,\"refuses_names\":false,\"numbers_last\":true,"
                "\"size_refused\":0}");
    expect_json((cf_disk_traits){.time_step_ns = 2000000000, .loses_hardlinks = true},
                "{\"modes\":true,\"links\":true,\"hard_links\":false,\"times\":true,"
                "\"time_step\":2000000000,\"folds_case\":false,\"folds_unicode\":false,"
                "\"changes_names\":false,\"refuses_names\":false,\"numbers_last\":true,"
                "\"size_refused\":0}");
    expect_json((cf_disk_traits){.time_step_ns = 1,
                                 .loses_modes = true,
                                 .loses_symlinks = true,
                                 .loses_times = true,
                                 .folds_case = true,
                                 .folds_unicode = true,
                                 .changes_names = true,
                                 .refuses_names = true,
                                 .renumbers = true,
                                 .size_refused = 4294967296},
                "{\"modes\":false,\"links\":false,\"hard_links\":true,\"times\":false,"
                "\"time_step\":1,\"folds_case\":true,\"folds_unicode\":true,"
                "\"changes_names\":true,\"refuses_names\":true,\"numbers_last\":false,"
                "\"size_refused\":4294967296}");
}

Test(disk_traits, cut_a_time_as_the_disk_does)
{
    cf_disk_traits second = cf_disk_traits_untried;

    second.time_step_ns = SECOND;

    cr_assert_eq(cf_disk_time(&second, 2700000000), 2000000000);
    cr_assert_eq(cf_disk_time(&second, 2000000000), 2000000000);
    cr_assert_eq(cf_disk_time(&second, -1), -1000000000);
    cr_assert_eq(cf_disk_time(&cf_disk_traits_untried, 2700000001), 2700000001);
    second.latest_ns = 5 * SECOND;
    second.earliest_ns = -5 * SECOND;
    cr_assert_eq(cf_disk_time(&second, 5999999999), 5 * SECOND);
    cr_assert_eq(cf_disk_time(&second, -5000000001), -5 * SECOND);
}

/* As mount.exfat-fuse shows them, here in New York, when it is mounted anew. */
Test(disk_traits, know_the_times_of_fat_that_is_mounted_anew)
{
    static const struct {
        int64_t set, shown; /* seconds */
        bool same;
    } times[] = {{0, 0, true},
                 {0, 315532800, true},
                 {0, 315550800, true},
                 {0, 315532800 + 86401, false},
                 {0, 315532801, false},
                 {0, 1500000000, false},
                 {315540000, 315550800, true},
                 {1500000000, 1500000000, true},
                 {1500000000, 315532800, false},
                 {4354819200, 4354819200, true},
                 {6000000000, 6000000000, true},
                 {6000000000, 1960627200, true},
                 {6000000000, 1960627201, false}};
    cf_disk_traits fat = cf_disk_traits_untried;

    fat.time_step_ns = SECOND;
    fat.earliest_ns = 315532800 * SECOND;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        cr_expect_eq(cf_disk_shows(&fat, times[i].set * SECOND, times[i].shown * SECOND),
                     times[i].same, "%zu", i);
}

/* ---- A disk that fails while it is tried ---- */

static int number;        /* errno of the call that fails */
static int failures;      /* until it goes again */
static cf_files whole;    /* the calls that don't fail */
static const char *fails; /* the name of which; NULL: any */

static bool fails_now(cf_bytes name, cf_error *error)
{
    if (failures == 0 || (fails && !cf_bytes_equal(name, cf_bytes_of_text(fails))))
        return false;
    failures--;
    cf_fail_errno(error, number, "trying");
    return true;
}

static cf_status set_mode(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                          cf_error *error)
{
    return fails_now(name, error) ? error->status
                                  : whole.set_mode(files, folder, name, mode, error);
}

static cf_status set_mtime(cf_files *files, const cf_folder *folder, cf_bytes name,
                           int64_t mtime_ns, cf_error *error)
{
    return fails_now(name, error) ? error->status
                                  : whole.set_mtime(files, folder, name, mtime_ns, error);
}

static cf_status make_link(cf_files *files, const cf_folder *folder, cf_bytes name, cf_bytes target,
                           cf_error *error)
{
    return fails_now(name, error) ? error->status
                                  : whole.make_link(files, folder, name, target, error);
}

static cf_status stat_named(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                            cf_error *error)
{
    return fails_now(name, error) ? error->status : whole.stat(files, folder, name, out, error);
}

static cf_status create_file(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                             cf_file **out, cf_error *error)
{
    return fails_now(name, error) ? error->status
                                  : whole.create_file(files, folder, name, mode, out, error);
}

enum { MODES, TIMES, LINKS, CASES, LETTERS, NAMES, ACTS };
static const char *const lost[ACTS] = {
    "this disk keeps no modes",     "this disk keeps no times",
    "this disk keeps no links",     NULL,
    "this disk refuses some names", "this disk refuses some names",
};

static void spoil(cf_files *files, int act, int how, int times)
{
    whole = *files;
    number = how;
    failures = times;
    fails = act == CASES     ? "TRIAL"
            : act == LETTERS ? "trial-\xc3\xa9"
            : act == NAMES   ? "trial-end."
                             : NULL;
    if (act == MODES)
        files->set_mode = set_mode;
    else if (act == TIMES)
        files->set_mtime = set_mtime;
    else if (act == LINKS)
        files->make_link = make_link;
    else if (act == CASES)
        files->stat = stat_named;
    else
        files->create_file = create_file;
}

/* What a disk refuses now is learned later; what it doesn't do is known at once. */
Test(disk_traits, conclude_nothing_from_a_disk_that_fails)
{
    static const int faults[] = {EIO, EINTR, ENOSPC, EDQUOT, EROFS, EACCES, ESTALE, ENOTCONN};

    for (int act = 0; act < ACTS; act++)
        for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
            cf_disk_traits traits;
            program p;

            program_begins(&p, (disk_options){.seed = 1});
            spoil(p.files, act, faults[i], -1);
            cr_assert_neq(cf_disk_try(p.files, p.folder, &traits, &p.error), CF_OK,
                          "%d is an answer to act %d", faults[i], act);
            cr_assert_eq(names_in(p.files, p.folder), 0, "the trial leaves nothing");
            failures = act < CASES; /* a fault may come once */
            expect_ok(cf_disk_try(p.files, p.folder, &traits, &p.error), p.error);
            expect_text(&traits, "");
            *p.files = whole;
            program_ends(&p);
        }
}

Test(disk_traits, know_what_a_disk_says_that_it_does_not_do)
{
    static const int refusals[] = {EPERM, EINVAL, EOPNOTSUPP, ENOSYS};

    for (int act = 0; act < ACTS; act++)
        for (size_t i = 0; lost[act] && i < sizeof refusals / sizeof refusals[0]; i++) {
            cf_disk_traits traits;
            program p;

            program_begins(&p, (disk_options){.seed = 1});
            spoil(p.files, act, refusals[i], -1);
            expect_ok(cf_disk_try(p.files, p.folder, &traits, &p.error), p.error);
            expect_text(&traits, lost[act]);
            *p.files = whole;
            program_ends(&p);
        }
}

static uint64_t largest; /* file that goes there */

static cf_status truncate_file(cf_files *files, const cf_file *file, uint64_t size, cf_error *error)
{
    if (size <= largest)
        return whole.truncate(files, file, size, error);
    cf_fail_errno(error, EFBIG, "truncating");
    return error->status;
}

static bool is_explained_by_size(program *p, uint64_t size, cf_disk_traits *traits)
{
    cf_fail_errno(&p->error, EFBIG, "writing");
    const bool explained = cf_disk_explain_size(p->files, p->folder, size, traits, &p->error);

    cr_expect_eq(p->error.status, CF_TOO_LARGE);
    cr_expect_eq(names_in(p->files, p->folder), 0, "the trial leaves nothing");
    return explained;
}

Test(disk_traits, know_the_smallest_file_that_was_too_large)
{
    cf_disk_traits traits = cf_disk_traits_untried;
    program p;

    program_begins(&p, (disk_options){.seed = 1});
    whole = *p.files;
    p.files->truncate = truncate_file;
    largest = 4000;
    cr_expect_not(is_explained_by_size(&p, 4000, &traits), "something else was too large");
    cr_expect_eq(traits.size_refused, 0);
    cr_expect(is_explained_by_size(&p, 6000, &traits));
    cr_expect_eq(traits.size_refused, 6000);
    cr_expect(is_explained_by_size(&p, 5000, &traits));
    cr_expect(is_explained_by_size(&p, 7000, &traits));
    cr_expect_eq(traits.size_refused, 5000);
    cf_fail_errno(&p.error, ENOSPC, "writing");
    cr_expect_not(cf_disk_explain_size(p.files, p.folder, 4500, &traits, &p.error));
    cr_expect_eq(traits.size_refused, 5000);
    *p.files = whole;
    program_ends(&p);
}

/* One call of the program more each time, until the trial is made to its end. */
Test(disk_traits, are_learned_again_after_a_crash_at_any_call)
{
    for (uint64_t calls = 1;; calls++) {
        program p;
        cf_disk_traits traits;

        program_begins(&p, (disk_options){.seed = calls, .step_ns = 100});
        disk_cut_after(p.disk, calls);
        const bool made = cf_disk_try(p.files, p.folder, &traits, &p.error) == CF_OK;
        disk_sync(p.disk); /* what the trial had made stays */
        program_crashes(&p);
        expect_ok(cf_disk_try(p.files, p.folder, &traits, &p.error), p.error);
        expect_text(&traits, "this disk keeps times to 100 ns");
        cr_assert_eq(names_in(p.files, p.folder), 0, "after %llu calls", (unsigned long long)calls);
        program_ends(&p);
        if (made)
            break;
        cr_assert_lt(calls, 100);
    }
}

Test(disk_clock, tells_what_was_surely_before)
{
    const int64_t clock_ns = 5200000000;

    cr_expect(cf_disk_is_before(5101000001, clock_ns));
    cr_expect(!cf_disk_is_before(5199000001, clock_ns), "within a tick");
    cr_expect(!cf_disk_is_before(5200000001, clock_ns));
    cr_expect(!cf_disk_is_before(4000000000, clock_ns), "perhaps cut to 2 s");
    cr_expect(cf_disk_is_before(3000000000, clock_ns));
    cr_expect(!cf_disk_is_before(INT64_MAX, clock_ns));
    cr_expect(!cf_disk_is_before(1, 0), "nothing was seen");
}

Test(disk_clock, is_told_by_a_file_that_goes_again)
{
    scratch *here = scratch_new();
    cf_error error;
    cf_stat before, after;

    scratch_mkdir(here, "d");
    expect_ok(here->files->stat(here->files, here->folder, cf_bytes_of_text("d"), &before, &error),
              error);
    for (int tries = 0; tries < 2; tries++) {
        const int64_t now_ns = cf_disk_clock(here->files, here->folder);

        cr_expect_geq(now_ns, before.mtime_ns);
        cr_expect_eq(names_in(here->files, here->folder), 1);
        scratch_write(here, "clock", "left by a crash");
    }
    expect_ok(here->files->stat_folder(here->files, here->folder, &after, &error), error);
    cr_expect_eq(cf_disk_folder_changed(&after), after.ctime_ns);
    after.mtime_ns = after.ctime_ns + 1;
    cr_expect_eq(cf_disk_folder_changed(&after), after.mtime_ns);
    scratch_destroy(&here);
}

Test(disk_traits, are_kept_in_a_record)
{
    const cf_disk_identity identity = {{1, 2, 3, true, false, true, true, false}, 7, -8};
    const cf_disk_traits traits = {.time_step_ns = 1000000000,
                                   .loses_modes = true,
                                   .loses_symlinks = true,
                                   .folds_case = true,
                                   .renumbers = true,
                                   .changes_names = true,
                                   .dates_folders = true,
                                   .keeps_ctimes = true,
                                   .knows_all = true,
                                   .refuses_names = true,
                                   .loses_hardlinks = true,
                                   .size_refused = 1234567,
                                   .earliest_ns = -9,
                                   .latest_ns = INT64_MAX};
    cf_disk_identity identity_read;
    cf_disk_traits read;
    cf_disk_seen seen = {.whole_ns = 77}, seen_read;
    cf_error error;

    for (uint64_t i = 0; i <= CF_BARE_TIMES_MAX; i++)
        cr_assert(cf_bare_times_add(&seen.bare, (cf_bare_time){i, -5, i + 7}));
    cf_disk_pack(&identity, &traits, &seen, &text);
    expect_ok(cf_disk_read(cf_buffer_view(&text), &identity_read, &read, &seen_read, &error),
              error);
    cr_assert(cf_disk_identity_equal(&identity, &identity_read));
    cr_assert(read.time_step_ns == traits.time_step_ns);
    cr_assert(!read.loses_times);
    cr_assert(read.loses_modes);
    cr_assert(read.loses_symlinks);
    cr_assert(read.folds_case);
    cr_assert(!read.folds_unicode);
    cr_assert(read.renumbers);
    cr_assert(read.changes_names);
    cr_assert(read.dates_folders);
    cr_assert(read.keeps_ctimes);
    cr_assert(read.knows_all);
    cr_assert(read.refuses_names);
    cr_assert(read.loses_hardlinks);
    cr_assert(read.size_refused == 1234567);
    cr_assert(read.earliest_ns == -9);
    cr_assert(read.latest_ns == INT64_MAX);
    cr_assert(seen_read.whole_ns == 77);
    cr_assert_eq(seen_read.bare.count, CF_BARE_TIMES_MAX);
    cr_assert(!cf_bare_times_have_folder(&seen_read.bare, 0), "the oldest was not left out");
    for (uint64_t i = 1; i <= CF_BARE_TIMES_MAX; i++)
        cr_assert(cf_bare_times_have(&seen_read.bare, i, -5));
    cr_assert(cf_bare_times_have_inode(&seen_read.bare, 1, 8));
    cr_assert(!cf_bare_times_have_inode(&seen_read.bare, 1, 9));
    cr_assert(!cf_bare_times_have(&seen_read.bare, 1, -6));
    cr_assert(!cf_bare_times_add(&seen_read.bare, (cf_bare_time){1, -5, 8}));
    for (int64_t i = 0; i <= CF_BARE_TIMES_OF_ONE; i++)
        cr_assert(cf_bare_times_add(&seen_read.bare, (cf_bare_time){99, i, 0}));
    cr_assert(!cf_bare_times_have(&seen_read.bare, 99, 0));
    cr_assert(cf_bare_times_have(&seen_read.bare, 99, 1));
    for (size_t size = 0; size < text.size; size++)
        expect_fails(
            cf_disk_read(cf_bytes_of(text.data, size), &identity_read, &read, &seen_read, &error),
            CF_MALFORMED);
}

Test(disk_traits, of_the_disk_that_tests_run_on_are_learned)
{
    scratch *here = scratch_new();
    cf_disk_traits traits;
    cf_filesystem system;
    cf_error error;
    cf_stat stat;

    expect_ok(here->files->filesystem(here->files, here->folder, &system, &error), error);
    expect_ok(here->files->stat_folder(here->files, here->folder, &stat, &error), error);
    cr_assert(system.device == stat.device);
    cr_assert(system.type);
    expect_ok(cf_disk_try(here->files, here->folder, &traits, &error), error);
    cr_assert_eq(names_in(here->files, here->folder), 0);
    cr_assert(!traits.loses_modes);
    cr_assert(!traits.loses_symlinks);
    cr_assert(!traits.folds_case);
    cr_assert(traits.dates_folders);
    cr_assert(traits.keeps_ctimes, "a folder whose time was set shows when it was changed");
    scratch_destroy(&here);
}
