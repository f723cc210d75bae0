/* SPDX-License-Identifier: Apache-2.0 */
/* A look at a few names that leads to others, one after the other, costs as much as there are: what
 * is counted is what identity is decided of, each time anew, and the memory that is given out. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_folder.h"

#include "peer/sources/files/files_identity.h"
#include "tests/support/expect.h"

#include <stdio.h>

enum { SMALL = 200, SIZES = 3, QUIET_MS = 9000, SOON_MS = 1000 };

/* Nodes of the base and entries found, and bytes. The linker brings calls here. */
static uint64_t compared, given;

void __real_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out);
void __wrap_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out);

void __wrap_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out)
{
    compared += input->node_count + input->listing->entry_count;
    __real_cf_identity_decide(input, arena, out);
}

void *__real_cf_arena_allocate(cf_arena *arena, size_t count, size_t size);
void *__wrap_cf_arena_allocate(cf_arena *arena, size_t count, size_t size);

void *__wrap_cf_arena_allocate(cf_arena *arena, size_t count, size_t size)
{
    given += count * size;
    return __real_cf_arena_allocate(arena, count, size);
}

/* Files in folders, each of which gets the name of the next one, from the last one on. */
typedef struct {
    small_world *in;
    int files, folders;
    bool is_ring; /* the last one gets the first name */
} chain;

static void name_of(const chain *self, int number, char path[64])
{
    snprintf(path, 64, "d%d/h%d", number % self->folders, number);
}

static void rename_one(const chain *self, int number)
{
    char from[64], to[64];

    name_of(self, number, from);
    name_of(self, number + 1, to);
    cr_assert(user_moves(&self->in->devices[0], from, to), "%s to %s", from, to);
}

static chain chain_of(int files, int folders, bool is_ring)
{
    chain self = {small_world_new(81, 2), files, folders, is_ring};
    char path[64];

    for (int i = 0; i < folders; i++) {
        snprintf(path, sizeof path, "d%d", i);
        user_makes(&self.in->devices[0], path);
    }
    for (int i = 0; i < files; i++) {
        name_of(&self, i, path);
        user_writes_text(&self.in->devices[0], path, path);
    }
    settles_equal(self.in);
    small_device_serves(&self.in->devices[0]);
    small_device_passes(&self.in->devices[0], QUIET_MS);
    return self;
}

static void rename_the_rest(void *context)
{
    chain *self = context;
    char from[64], to[64];

    for (int i = self->files - 1; i-- > 0;)
        rename_one(self, i);
    if (!self->is_ring)
        return;
    name_of(self, self->files, from);
    name_of(self, 0, to);
    cr_assert(user_moves(&self->in->devices[0], from, to), "%s to %s", from, to);
}

typedef struct {
    uint64_t compared, given, calls;
} cost;

/* By so many calls of the disk a look has begun, and taken its events. */
enum { BEGUN = 5 };

/* The look begins when the last file alone has been moved. */
static cost cost_of_chain(int files, int folders, bool is_ring)
{
    chain self = chain_of(files, folders, is_ring);
    small_device *first = &self.in->devices[0];

    rename_one(&self, files - 1);
    first->faults = (disk_faults){.reads = true,
                                  .calls = first->faults.calls,
                                  .at = first->faults.calls + BEGUN,
                                  .meanwhile = rename_the_rest,
                                  .context = &self};
    const cost before = {compared, given, first->faults.calls};
    small_device_passes(first, SOON_MS);
    cr_assert_null(first->faults.meanwhile, "there was no look");
    small_device_passes(first, QUIET_MS);
    const cost out = {compared - before.compared, given - before.given,
                      first->faults.calls - before.calls};
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(&self.in->devices[1]));
    settles_equal(self.in);
    expect_nothing_pending(first);
    small_world_destroy(&self.in);
    return out;
}

/* Twice as many are about twice the work: n log n has some more, a square four times as much. */
static void expect_linear(int folders, bool is_ring)
{
    cost costs[SIZES];

    for (int i = 0; i < SIZES; i++)
        costs[i] = cost_of_chain(SMALL << i, folders, is_ring);
    cr_expect_gt(costs[0].compared, SMALL, "nothing is counted");
    for (int i = 1; i < SIZES; i++) {
        cr_expect_lt(costs[i].compared, 3 * costs[i - 1].compared, "%llu of %d, %llu of twice",
                     (unsigned long long)costs[i - 1].compared, SMALL << (i - 1),
                     (unsigned long long)costs[i].compared);
        cr_expect_lt(costs[i].given, 3 * costs[i - 1].given, "%llu bytes for %d, %llu for twice",
                     (unsigned long long)costs[i - 1].given, SMALL << (i - 1),
                     (unsigned long long)costs[i].given);
        cr_expect_lt(costs[i].calls, 3 * costs[i - 1].calls, "%llu calls for %d, %llu for twice",
                     (unsigned long long)costs[i - 1].calls, SMALL << (i - 1),
                     (unsigned long long)costs[i].calls);
    }
}

Test(growth_looks, at_names_in_a_chain_are_linear, .timeout = 240)
{
    expect_linear(1, false);
}

Test(growth_looks, at_a_chain_through_folders_are_linear, .timeout = 240)
{
    expect_linear(3, false);
}

Test(growth_looks, at_names_that_go_round_are_linear, .timeout = 240)
{
    expect_linear(1, true);
}
