/* SPDX-License-Identifier: Apache-2.0 */
/* A device that serves, and files with several names: an event names one of them, and what was done
 * is done to all. Each is seen at once, wherever it lies, and none costs more than these names. */
#include "tests/peer/small/small_folder.h"

#include "peer/sources/files/files_identity.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUIET_MS = 9000, SOON_MS = 1000 };

/* What looks were about: nodes of the base and entries found; and how often the base was asked for
 * the next name of a file. The linker brings calls here. */
static uint64_t compared, asked;

void __real_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out);
void __wrap_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out);

void __wrap_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out)
{
    compared += input->node_count + input->listing->entry_count;
    __real_cf_identity_decide(input, arena, out);
}

const cf_node *__real_cf_nodes_next_of_inode(const cf_nodes *nodes, uint64_t inode,
                                             const cf_node *previous);
const cf_node *__wrap_cf_nodes_next_of_inode(const cf_nodes *nodes, uint64_t inode,
                                             const cf_node *previous);

const cf_node *__wrap_cf_nodes_next_of_inode(const cf_nodes *nodes, uint64_t inode,
                                             const cf_node *previous)
{
    asked++;
    return __real_cf_nodes_next_of_inode(nodes, inode, previous);
}

/* The first device has a file with two more names, all known and watched, and serves. */
static small_world *linked_world(small_device **first, small_device **second)
{
    small_world *w = small_world_new(5, 2);

    *first = &w->devices[0];
    *second = &w->devices[1];
    user_makes(*first, "d");
    user_makes(*first, "e");
    user_writes_text(*first, "d/x", "text");
    cr_assert(user_links(*first, "d/x", "d/y"));
    cr_assert(user_links(*first, "d/x", "e/z"));
    small_device_serves(*first);
    small_device_passes(*first, QUIET_MS);
    cr_assert(small_device_sync(*first));
    cr_assert(small_device_sync(*second));
    return w;
}

static void expect_text(small_device *self, const char *path, const char *text)
{
    cf_buffer found = {0};

    cr_expect(user_reads(self, path, &found), "%s is not there", path);
    cr_expect(cf_bytes_equal(cf_buffer_view(&found), cf_bytes_of_text(text)), "%s is \"%.*s\"",
              path, (int)found.size, (const char *)found.data);
    cf_buffer_release(&found);
}

/* By the watches alone: nothing else looks within minutes. */
static void comes(small_device *first, small_device *second)
{
    small_device_passes(first, SOON_MS);
    cr_assert(small_device_sync(second));
}

Test(engine_links, a_file_that_is_edited_is_seen_under_all_its_names)
{
    small_device *first, *second;
    small_world *w = linked_world(&first, &second);

    user_writes_text(first, "d/y", "longer text");
    comes(first, second);
    expect_text(second, "d/x", "longer text");
    expect_text(second, "d/y", "longer text");
    expect_text(second, "e/z", "longer text");
    user_writes_text(first, "e/z", "again");
    comes(first, second);
    expect_text(second, "d/x", "again");
    expect_text(second, "d/y", "again");
    small_world_destroy(&w);
}

Test(engine_links, a_link_that_is_made_under_the_watch_is_known_at_the_next_edit)
{
    small_device *first, *second;
    small_world *w = linked_world(&first, &second);

    cr_assert(user_links(first, "d/x", "e/late"));
    comes(first, second);
    expect_text(second, "e/late", "text");
    user_writes_text(first, "d/x", "edited");
    comes(first, second);
    expect_text(second, "e/late", "edited");
    cr_assert(user_links(first, "d/x", "e/later")); /* and edited before anybody has seen it */
    user_writes_text(first, "d/y", "at once");
    comes(first, second);
    expect_text(second, "e/later", "at once");
    expect_text(second, "e/late", "at once");
    small_world_destroy(&w);
}

Test(engine_links, what_others_write_into_one_name_is_not_sent_for_the_others)
{
    small_device *first, *second;
    small_world *w = linked_world(&first, &second);
    uint64_t entries;

    user_writes_text(second, "d/x", "from afar");
    cr_assert(small_device_sync(second));
    small_device_passes(first, QUIET_MS);
    entries = small_world_entries(w);
    small_device_passes(first, QUIET_MS);
    cr_assert(small_device_sync(first));
    cr_expect_eq(small_world_entries(w), entries);
    expect_text(first, "d/x", "from afar");
    expect_text(first, "d/y", "text");
    small_world_destroy(&w);
}

static bool same_times(const small_device *self, const char *one, const char *other)
{
    char path[2][256];
    struct stat found[2];

    snprintf(path[0], sizeof path[0], "%s/%s", self->folder, one);
    snprintf(path[1], sizeof path[1], "%s/%s", self->folder, other);
    cr_assert_eq(stat(path[0], &found[0]), 0);
    cr_assert_eq(stat(path[1], &found[1]), 0);
    return found[0].st_mode == found[1].st_mode && found[0].st_mtime == found[1].st_mtime;
}

Test(engine_links, mode_and_time_are_seen_under_all_names)
{
    small_device *first, *second;
    small_world *w = linked_world(&first, &second);

    user_changes_mode(first, "d/x", 0700);
    comes(first, second);
    cr_expect(same_times(second, "d/x", "e/z"));
    cr_expect(same_times(second, "d/x", "d/y"));
    user_stamps(first, "e/z", 1000000);
    comes(first, second);
    cr_expect(same_times(second, "d/x", "e/z"));
    cr_expect(same_times(second, "d/x", "d/y"));
    small_world_destroy(&w);
}

Test(engine_links, a_name_that_goes_takes_no_other_with_it)
{
    small_device *first, *second;
    small_world *w = linked_world(&first, &second);

    user_removes(first, "d/x");
    user_writes_text(first, "d/y", "left");
    small_device_passes(first, QUIET_MS);
    cr_assert(small_device_sync(second));
    expect_text(second, "d/y", "left");
    expect_text(second, "e/z", "left");
    cr_expect(!user_reads(second, "d/x", &(cf_buffer){0}));
    cr_assert(user_saves(first, "d/y", cf_bytes_of_text("a file of its own"), SAVE_BY_RENAME));
    comes(first, second);
    expect_text(second, "d/y", "a file of its own");
    expect_text(second, "e/z", "left");
    small_world_destroy(&w);
}

Test(engine_links, a_name_in_another_source_is_seen)
{
    small_device *first, *second;
    small_world *w = linked_world(&first, &second);
    small_device beside = folder_beside(first, NULL);
    char from[256], to[256];

    small_device_passes(first, QUIET_MS);
    snprintf(from, sizeof from, "%s/d/x", first->folder);
    snprintf(to, sizeof to, "%s/elsewhere", beside.folder);
    cr_assert_eq(link(from, to), 0);
    small_device_passes(first, QUIET_MS);
    user_writes_text(first, "d/x", "in both");
    comes(first, second);
    expect_text(second, "elsewhere", "in both");
    user_writes_text(&beside, "elsewhere", "from there");
    comes(first, second);
    expect_text(second, "d/y", "from there");
    small_world_destroy(&w);
}

/* ---- What an edit costs ---- */

typedef struct {
    uint64_t calls, compared, asked;
} cost;

/* Of an edit of a file with so many names, in a folder with so many others. */
static cost cost_of(int names, int files)
{
    small_world *w = small_world_new(7, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    char path[32];

    user_makes(first, "d");
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "d/other%d", i);
        user_writes_text(first, path, path);
    }
    user_writes_text(first, "d/n0", "text");
    for (int i = 1; i < names; i++) {
        snprintf(path, sizeof path, "d/n%d", i);
        cr_assert(user_links(first, "d/n0", path));
    }
    small_device_serves(first);
    small_device_passes(first, QUIET_MS);
    first->faults.reads = true;
    const cost before = {first->faults.calls, compared, asked};
    user_writes_text(first, "d/n0", "edited");
    small_device_passes(first, SOON_MS);
    const cost out = {first->faults.calls - before.calls, compared - before.compared,
                      asked - before.asked};
    cr_assert(small_device_sync(second));
    snprintf(path, sizeof path, "d/n%d", names - 1);
    expect_text(second, path, "edited");
    small_world_destroy(&w);
    return out;
}

Test(engine_links, an_edit_costs_its_names_and_not_what_lies_beside_them)
{
    const cost alone = cost_of(2, 20), few = cost_of(8, 20), many = cost_of(32, 20);
    const cost beside = cost_of(8, 80), crowd = cost_of(8, 320);

    /* each name on the disk and in the base, and their folder */
    cr_expect_eq(alone.compared, 2 * 2 + 1);
    cr_expect_eq(few.compared, 2 * 8 + 1);
    cr_expect_eq(many.compared, 2 * 32 + 1);
    cr_expect_eq(beside.compared, few.compared);
    cr_expect_eq(crowd.compared, few.compared);
    cr_expect_leq(few.calls, alone.calls + (8 - 2) * 3);
    cr_expect_leq(many.calls, few.calls + (32 - 8) * 3);
    cr_expect_eq(beside.calls, few.calls);
    cr_expect_gt(few.asked, 8);
    cr_expect_leq(few.asked, alone.asked + (8 - 2) * 3);
    cr_expect_leq(many.asked, few.asked + (32 - 8) * 3);
    cr_expect_eq(crowd.asked, few.asked);
    cr_expect_eq(crowd.calls, few.calls);
}
