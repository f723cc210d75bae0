/* SPDX-License-Identifier: Apache-2.0 */
/* What one act of a user costs two devices that serve: what they ask of their files and stores,
 * which jobs they have, how many messages pass, and how many stretches of their code are run. All
 * of that is the same beside few files and beside many. Whoever makes an act dearer changes the
 * text here, and says why. */
#include "tests/peer/costs/costs_world.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { LARGE = 600000 };

typedef costs_act act;

/* A blob, in several parts; the same but for a few bytes where the number is. */
static void write_large(small_device *of, const char *path, uint32_t first, uint32_t number)
{
    static uint32_t noise[LARGE / sizeof(uint32_t)];
    const size_t count = sizeof noise / sizeof *noise;

    for (size_t i = 0; i < count; i++)
        noise[i] = i ? noise[i - 1] * 1664525 + 1013904223 : first;
    noise[count / 2] = number;
    user_writes(of, path, noise, sizeof noise);
}

/* Two devices that serve and have come to rest; the files of the acts lie in folders of their own.
 */
static small_world *world_beside(size_t things)
{
    small_world *in = small_world_new(31, 2);
    small_device *first = &in->devices[0];

    costs_begin(in);
    costs_make_files(first, things);
    costs_settle(in);
    user_makes(first, "act");
    write_large(first, "act/kept", 2, 1);
    user_makes(first, "act/within");
    user_writes_text(first, "act/one", "one");
    user_writes_text(first, "act/two", "two");
    user_writes_text(first, "act/within/three", "three");
    costs_settle(in);
    costs_serve(in);
    return in;
}

static tally cost_beside(void *context, size_t things)
{
    small_world *in = world_beside(things);

    const tally out = costs_of(in, *(act **)context);
    cf_buffer difference = {0};
    cr_expect(small_world_equal(in, &difference), "the folders differ");
    cf_buffer_release(&difference);
    small_world_destroy(&in);
    return out;
}

TestSuite(costs, .timeout = 240);

#define COST(name, known) COSTS(name, known, known, known)
#define COSTS(name, ...)                                                                           \
    static void name(small_device *first);                                                         \
    Test(costs, of_##name)                                                                         \
    {                                                                                              \
        act *done = name;                                                                          \
                                                                                                   \
        tally_expect(#name, cost_beside, &done, (const char *[]){__VA_ARGS__});                    \
    }                                                                                              \
    static void name(small_device *first)

COST(nothing, "")
{
    (void)first;
}

COST(an_edit, "gets 31, scans 12, shown 12, writes 13, records 26, stats 85, opens 77, changes 23, "
              "reads 15, puts 1, syncs 6, jobs 18, messages 16")
{
    user_writes_text(first, "act/one", "edited");
}

COST(a_new_file, "gets 29, scans 12, shown 12, writes 13, records 26, stats 72, opens 66, changes "
                 "20, reads 13, puts 1, syncs 7, jobs 16, messages 16")
{
    user_writes_text(first, "act/new", "new");
}

COST(a_file_that_is_saved_as_it_is, "gets 22, scans 12, shown 12, writes 14, records 26, stats 78, "
                                    "opens 70, changes 19, reads 14, syncs 5, jobs 15, messages 16")
{
    user_writes_text(first, "act/one", "one");
}

COST(a_file_that_is_touched, "gets 22, scans 12, shown 12, writes 13, records 24, stats 62, opens "
                             "56, changes 15, reads 11, syncs 4, jobs 12, messages 16")
{
    user_stamps(first, "act/one", 1000000000);
}

COST(a_mode, "gets 22, scans 12, shown 12, writes 13, records 24, stats 62, opens 56, changes 15, "
             "reads 11, syncs 4, jobs 12, messages 16")
{
    user_changes_mode(first, "act/one", 0755);
}

COST(a_rename, "gets 22, scans 12, shown 12, writes 12, records 23, stats 94, opens 87, changes "
               "20, reads 16, syncs 7, jobs 21, messages 16")
{
    user_moves(first, "act/one", "act/other");
}

COST(a_folder_that_is_moved, "gets 22, scans 12, shown 12, writes 11, records 21, stats 82, opens "
                             "78, lists 1, changes 14, reads 13, syncs 2, jobs 16, messages 16")
{
    user_moves(first, "act/within", "act/moved");
}

COST(a_deletion, "gets 22, scans 12, shown 12, writes 11, records 20, stats 53, opens 56, changes "
                 "11, reads 9, syncs 3, jobs 14, messages 16")
{
    user_removes(first, "act/one");
}

COST(a_new_folder_with_a_file,
     "gets 41, scans 19, shown 15, writes 19, records 41, stats 88, opens 84, lists 2, changes 22, "
     "reads 14, puts 1, syncs 9, jobs 22, messages 20")
{
    user_makes(first, "act/made");
    user_writes_text(first, "act/made/file", "made");
}

/* By when its parts come, the link is idle once more between them, or not. */
COSTS(a_large_file,
      "gets 39, scans 12, shown 12, writes 14, records 29, stats 82, opens 71, lists 1, changes "
      "25, reads 15, puts 6, syncs 7, jobs 22, messages 30",
      "gets 36, scans 12, shown 12, writes 14, records 29, stats 82, opens 71, lists 1, changes "
      "25, reads 15, puts 6, syncs 7, jobs 22, messages 30",
      "gets 36, scans 12, shown 12, writes 14, records 29, stats 82, opens 71, lists 1, changes "
      "25, reads 15, puts 6, syncs 7, jobs 22, messages 30")
{
    write_large(first, "act/large", 1, 1);
}

COST(an_edit_of_a_large_file,
     "gets 41, scans 13, shown 13, writes 14, records 29, stats 113, opens 101, lists 1, changes "
     "39, reads 186, puts 20, syncs 6, jobs 26, messages 16")
{
    write_large(first, "act/kept", 2, 2);
}

COST(a_copy_of_a_file, "gets 33, scans 14, shown 14, writes 13, records 26, stats 72, opens 66, "
                       "changes 20, reads 13, puts 1, syncs 7, jobs 16, messages 16")
{
    user_writes_text(first, "act/copy", "one");
}

COST(coming_back, "gets 23, scans 9, shown 24, writes 2, records 2, stats 6, opens 6, changes 1, "
                  "reads 1, jobs 1, messages 10")
{
    small_device_unplug(first);
    costs_pass(first->in, SOON_S);
    first->offline = false;
}

COST(coming_back_with_an_edit,
     "gets 50, scans 22, shown 40, writes 14, records 27, stats 91, opens 83, changes 24, reads "
     "16, puts 1, syncs 6, jobs 19, messages 24")
{
    small_device_unplug(first);
    user_writes_text(first, "act/one", "edited");
    costs_pass(first->in, SOON_S);
    first->offline = false;
}
