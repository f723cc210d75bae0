/* SPDX-License-Identifier: Apache-2.0 */
/* A device's process ends at every single call of a small piece of work, the disk is mounted anew,
 * and before the program begins again a user saves over each of the names: all that he saved is
 * kept, and nothing comes beside it that nobody saved. */
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"
#include "tests/support/flagless.h"
#include "tests/support/short_form.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* What happens to it elsewhere, and what a user saves there in between: of the size that it has
 * before or after. */
static const struct {
    const char *path, *saved;
} saves[] = {
    {"one", "ONE"},                     /* replaced: 1 -> two */
    {"short", "Q"},                     /* replaced: long -> s */
    {"three", "T"},                     /* removed */
    {"four", "F"},                      /* moved away */
    {"d/vier", "V"},                    /* where it came to */
    {"d/five", "M"},                    /* gets another mode and time */
    {"d/new", "NEW"},                   /* new */
    {"left", "ABCDE"},                  /* left and right change places */
    {"right", "ABCDEF"}, {"link", "L"}, /* a link that leads elsewhere */
    {"to", "O"},                        /* a file that becomes a directory */
};
enum { SAVES = sizeof saves / sizeof saves[0] };

static void prepare(small_world *in)
{
    small_device *a = &in->devices[0];

    user_makes(a, "d");
    user_writes_text(a, "one", "1");
    user_writes_text(a, "short", "long");
    user_writes_text(a, "three", "3");
    user_writes_text(a, "four", "4");
    user_writes_text(a, "d/five", "5");
    user_writes_text(a, "left", "left");
    user_writes_text(a, "right", "right");
    user_writes_text(a, "to", "2");
    user_points(a, "link", "one");
    settles_equal_by(small_world_equal, in, "before", 0);
}

static void work(small_device *self)
{
    user_writes_text(self, "one", "two");
    user_writes_text(self, "short", "s");
    user_removes(self, "three");
    user_moves(self, "four", "d/vier");
    user_changes_mode(self, "d/five", 0600);
    user_stamps(self, "d/five", 1000000000);
    user_writes_text(self, "d/new", "new");
    user_swaps(self, "left", "right");
    user_removes(self, "link");
    user_points(self, "link", "d/new");
    user_removes(self, "to");
    user_makes(self, "to");
    user_writes_text(self, "to/in", "in");
}

typedef struct {
    bool links, flagless, renumbers;
    bool fine;           /* the disk keeps exact times: nothing is read for being racy */
    unsigned ways;       /* how the first one is saved; the next one otherwise */
    unsigned long again; /* a second crash, at this call of the recovery; 0: none */
    unsigned long at;
} trial;

enum { IN_PLACE = 1, KEEPS_TIME = 2 };

/* Whether it was saved. */
static bool save(small_device *self, size_t which, unsigned way)
{
    const cf_bytes bytes = cf_bytes_of_text(saves[which].saved);
    char path[300];
    struct stat before;

    snprintf(path, sizeof path, "%s/%s", self->folder, saves[which].path);
    bool was_there = lstat(path, &before) == 0;
    if (was_there && !S_ISREG(before.st_mode))
        return false; /* a link would be written through */
    bool saved =
        user_saves(self, saves[which].path, bytes, way & IN_PLACE ? SAVE_IN_PLACE : SAVE_BY_RENAME);
    if (saved && was_there && (way & KEEPS_TIME)) {
        const struct timespec times[2] = {before.st_atim, before.st_mtim};

        cr_assert_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
    }
    return saved;
}

static void pass(lesser_disk *disk)
{
    lesser_disk_set_clock(disk, lesser_disk_clock(disk) + INT64_C(10000000000));
}

static void crash_and_mount_anew(small_world *in, lesser_disk *disk)
{
    static size_t unlike;

    small_device_crash(&in->devices[1]);
    if (!disk->renumbers)
        return;
    lesser_disk_remount(disk, 3 + ++unlike % 5);
    small_device_crash(&in->devices[0]);
}

/* Words are separated by blanks or ends of lines. */
static bool has_word(const cf_buffer *tree, const char *word)
{
    char both[20];

    snprintf(both, sizeof both, " %s\n", word);
    return strstr((const char *)tree->data, both) != NULL;
}

/* `NAME (saved N)` has what a user saved. */
static void expect_his_own(const cf_buffer *tree, const trial *how)
{
    const char *line = (const char *)tree->data;

    while ((line = strstr(line, " (saved "))) {
        const char *end = strchr(line, '\n');
        bool his = false;

        for (size_t i = 0; i < SAVES; i++) {
            size_t size = strlen(saves[i].saved);

            his |= memcmp(end - size, saves[i].saved, size) == 0;
        }
        cr_assert(his, "%lu, %u: nobody saved that:\n%s", how->at, how->ways,
                  (const char *)tree->data);
        line = end;
    }
}

/* Whether all of the work was done before the crash. */
static bool is_tried(const trial *how)
{
    small_world *w = small_world_new(5, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    lesser_disk disk;
    bool saved[SAVES];
    cf_buffer tree = {0};

    if (how->flagless)
        make_flagless(&w->files, how->links);
    lesser_disk_begin(&disk, w);
    disk.renumbers = how->renumbers;
    if (how->fine)
        w->files = *cf_files_posix();
    small_device_crash(a);
    small_device_crash(b);
    prepare(w);
    pass(&disk);
    settles_equal_by(small_world_equal, w, "rested", 0);
    work(a);
    cr_assert(small_device_sync(a));
    uint64_t first = b->faults.calls;
    b->faults = (disk_faults){.calls = first, .at = first + how->at, .status = CF_IO};
    small_device_sync(b);
    bool over = b->faults.calls < first + how->at;
    pass(&disk);
    for (size_t i = 0; i < SAVES; i++)
        saved[i] = save(b, i, (unsigned)i + how->ways);
    crash_and_mount_anew(w, &disk);
    if (how->again) {
        first = b->faults.calls;
        b->faults = (disk_faults){.calls = first, .at = first + how->again, .status = CF_IO};
        small_device_sync(b);
        crash_and_mount_anew(w, &disk);
    }
    settles_equal_by(small_world_equal, w, "saved", how->at);
    small_device_tree(a, &tree);
    cf_buffer_append(&tree, "", 1);
    for (size_t i = 0; i < SAVES; i++)
        cr_assert(!saved[i] || has_word(&tree, saves[i].saved), "%lu, %u: %s is lost:\n%s", how->at,
                  how->ways, saves[i].path, (const char *)tree.data);
    expect_his_own(&tree, how);
    uint64_t entries = small_world_entries(w);
    settles_equal_by(small_world_equal, w, "again", how->at);
    cr_assert_eq(small_world_entries(w), entries, "%lu: it is not quiet", how->at);
    cf_buffer_release(&tree);
    small_world_destroy(&w);
    return over;
}

/* The calls of one change follow each other: one in a few comes to each of its steps somewhere. */
static void try_some(trial how)
{
    for (how.at = 1; !is_tried(&how); how.at += one_in(3, 5, 13)) {
        how.ways++;
        how.again = how.again ? 1 + how.again % 23 : 0;
    }
    cr_assert_gt(how.at, 30, "hardly anything was tried");
}

Test(crash_saves, are_kept)
{
    try_some((trial){0});
}

Test(crash_saves, are_kept_where_times_are_exact)
{
    try_some((trial){.fine = true});
}

Test(crash_saves, are_kept_where_it_is_mounted_anew)
{
    try_some((trial){.renumbers = true});
}

Test(crash_saves, are_kept_where_files_change_places_in_steps)
{
    try_some((trial){.flagless = true, .links = true});
    try_some((trial){.flagless = true});
}

Test(crash_saves, are_kept_where_files_change_places_in_steps_and_it_is_mounted_anew)
{
    try_some((trial){.flagless = true, .links = true, .renumbers = true});
    try_some((trial){.flagless = true, .renumbers = true});
}

Test(crash_saves, are_kept_when_recovery_ends_half_way)
{
    try_some((trial){.again = 1});
    try_some((trial){.flagless = true, .again = 1, .renumbers = true});
    try_some((trial){.renumbers = true, .again = 1});
}
