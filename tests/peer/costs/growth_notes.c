/* SPDX-License-Identifier: Apache-2.0 */
/* What is not in sync, and why, is listed for long: a look at one place passes what is known of
 * that place alone. What is counted is how many stretches of the code are run that notes it, drops
 * it and asks for it (those sources are compiled to tell of each). */
#include "peer/bindings/pending_tree.h"
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

/* ---- A device that serves ---- */

enum { FEW = 100, SIZES = 3, SAVES = 12, WATCHED_MS = 9000, A_WHILE_MS = 2000 };

static void save(small_device *self, int number)
{
    char text[32];

    snprintf(text, sizeof text, "save %d", number);
    user_writes_text(self, "saved/file", text);
    small_device_passes(self, A_WHILE_MS);
}

/* Of saves in another folder. */
static uint64_t work_beside(int pipes)
{
    small_world *w = small_world_new(84, 1);
    small_device *a = &w->devices[0];

    user_makes(a, "pipes");
    user_makes(a, "saved");
    user_makes_pipes(a, "pipes/p", pipes);
    small_device_serves(a);
    cr_assert(small_world_settle(w));
    small_device_passes(a, WATCHED_MS);
    save(a, 0);
    cr_assert_eq(small_device_pending(a, NULL, CF_PENDING_SKIPPED), (size_t)pipes);
    const uint64_t entries = small_world_entries(w);
    const uint64_t before = stretches;
    for (int i = 1; i <= SAVES; i++)
        save(a, i);
    const uint64_t counted = stretches - before;
    cr_expect_geq(small_world_entries(w), entries + SAVES, "not each save was published");
    cr_assert_eq(small_device_pending(a, NULL, CF_PENDING_SKIPPED), (size_t)pipes);
    small_world_destroy(&w);
    return counted;
}

Test(growth_notes, cost_nothing_where_nobody_looks, .timeout = 240)
{
    uint64_t counts[SIZES];

    for (int i = 0; i < SIZES; i++)
        counts[i] = work_beside(FEW << (2 * i));
    cr_expect_gt(counts[0], SAVES, "nothing is counted");
    /* All else that is run in the time is the same: less than one stretch for a note and a save. */
    for (int i = 1; i < SIZES; i++)
        cr_expect_lt(counts[i], counts[0] + (uint64_t)(SAVES * (FEW << (2 * i))),
                     "%llu beside %d, %llu beside %d", (unsigned long long)counts[0], FEW,
                     (unsigned long long)counts[i], FEW << (2 * i));
}

/* ---- Which notes a look drops ---- */

enum { PATHS = 60, ROUNDS = 3000 };

typedef struct {
    char at[PATHS][32];
    size_t count;
} listing;

static void make_path(unsigned *seed, char out[32])
{
    static const char *const names[] = {"a", "b", "a-", "a0", "b.c", "ab"};
    const int depth = 1 + rand_r(seed) % 4;

    out[0] = '\0';
    for (int i = 0; i < depth; i++) {
        strcat(out, i ? "/" : "");
        strcat(out, names[(size_t)rand_r(seed) % (sizeof names / sizeof *names)]);
    }
}

static bool lies_at(const char *path, const char *place)
{
    const size_t size = strlen(place);

    return strncmp(path, place, size) == 0 && (path[size] == '/' || !path[size]);
}

static bool lies_in(const char *path, const char *directory)
{
    const char *slash = strrchr(path, '/');
    const size_t size = slash ? (size_t)(slash - path) : 0;

    return strlen(directory) == size && strncmp(path, directory, size) == 0;
}

static void model_add(listing *self, const char *path)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->at[i], path) == 0)
            return;
    if (self->count < PATHS)
        strcpy(self->at[self->count++], path);
}

static void model_drop(listing *self, const char *place, bool is_directory)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->count; i++)
        if (!(is_directory ? lies_in(self->at[i], place) : lies_at(self->at[i], place)))
            memmove(self->at[kept++], self->at[i], sizeof self->at[i]);
    self->count = kept;
}

static void collect(void *context, const cf_pending *pending)
{
    listing *out = context;

    cr_assert_lt(out->count, PATHS);
    snprintf(out->at[out->count++], sizeof out->at[0], "%.*s", (int)pending->path.size,
             (const char *)pending->path.data);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void expect_equal(const cf_pending_tree *tree, listing *model, int round)
{
    listing shown = {0};

    cf_pending_tree_each(tree, collect, &shown);
    qsort(model->at, model->count, sizeof model->at[0], by_text);
    cr_assert_eq(shown.count, model->count, "round %d", round);
    cr_assert_eq(tree->count, model->count);
    cr_assert_eq(tree->counts.of[CF_PENDING_SKIPPED], model->count);
    for (size_t i = 0; i < shown.count; i++)
        cr_assert_str_eq(shown.at[i], model->at[i], "round %d", round);
}

Test(growth_notes, that_a_look_drops_are_those_of_its_places)
{
    cf_pending_tree tree = {0};
    listing model = {0};
    unsigned seed = 7;
    char path[32];

    for (int i = 0; i < ROUNDS; i++) {
        const bool is_directory = rand_r(&seed) % 2;

        for (int k = 0; k < 8 && model.count < PATHS; k++) {
            make_path(&seed, path);
            cf_pending_tree_add(&tree, CF_PENDING_SKIPPED, cf_bytes_of_text(path), "why");
            model_add(&model, path);
        }
        make_path(&seed, path);
        if (is_directory && i % 5 == 0)
            path[0] = '\0';
        if (is_directory)
            cf_pending_tree_drop_in(&tree, cf_bytes_of_text(path));
        else
            cf_pending_tree_drop(&tree, cf_bytes_of_text(path));
        model_drop(&model, path, is_directory);
        expect_equal(&tree, &model, i);
    }
    cf_pending_tree_release(&tree);
}

static void expect_reason(void *context, const cf_pending *pending)
{
    (void)context;
    cr_expect_str_eq(pending->reason, "the first");
}

Test(growth_notes, of_one_path_are_the_first)
{
    cf_pending_tree tree = {0};

    cf_pending_tree_add(&tree, CF_PENDING_WAITS, cf_bytes_of_text("a"), "the first");
    cf_pending_tree_add(&tree, CF_PENDING_SKIPPED, cf_bytes_of_text("a"), "the second");
    cr_expect_eq(tree.count, 1);
    cr_expect_eq(tree.counts.of[CF_PENDING_WAITS], 1);
    cr_expect_eq(tree.counts.of[CF_PENDING_SKIPPED], 0);
    cf_pending_tree_each(&tree, expect_reason, NULL);
    cf_pending_tree_release(&tree);
}
