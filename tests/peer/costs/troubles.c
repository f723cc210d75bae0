/* SPDX-License-Identifier: Apache-2.0 */
/* What many troubles cost a device that serves: memory, and what the disk is asked, counted at
 * several numbers of them. */
#include "peer/bindings/pending_tree.h"
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- Memory in use ---- */

static int64_t held; /* bytes */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
void __wrap_free(void *memory);

static void *count_made(void *memory)
{
    held += (int64_t)malloc_usable_size(memory);
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return count_made(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return count_made(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    held -= (int64_t)malloc_usable_size(memory);
    return count_made(__real_realloc(memory, size));
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
    held -= (int64_t)malloc_usable_size(memory);
    return count_made(__real_reallocarray(memory, count, size));
}

void __wrap_free(void *memory)
{
    held -= (int64_t)malloc_usable_size(memory);
    __real_free(memory);
}

enum { FEW = 250, SIZES = 3, LOOKS = 100 };

static void see(void *context, const cf_pending *pending)
{
    const char **last = context;

    if (cf_bytes_equal(pending->path, cf_bytes_of_text("e/it stays")))
        cr_expect_str_eq(pending->reason, "a reason");
    else
        cr_expect_eq(strncmp(pending->reason, "what it is", 10), 0);
    *last = pending->reason;
}

/* A look at a folder drops what was known of it, and finds the same again. */
static int64_t list_again(int count, int looks)
{
    cf_pending_tree list = {0};
    char path[32], why[64];
    const char *last = NULL;
    int64_t before = held;

    cf_pending_tree_add(&list, CF_PENDING_WAITS, cf_bytes_of_text("e/it stays"), "a reason");
    for (int i = 0; i < looks; i++) {
        cf_pending_tree_drop(&list, cf_bytes_of_text("f"));
        cf_pending_tree_drop_in(&list, cf_bytes_of_text("d"));
        for (int k = 0; k < count; k++) {
            snprintf(path, sizeof path, "%c/%d", k % 8 ? 'd' : 'f', k);
            snprintf(why, sizeof why, "what it is: number %d of look %d", k, i);
            cf_pending_tree_add(&list, CF_PENDING_SKIPPED, cf_bytes_of_text(path), why);
        }
    }
    cr_assert_eq(list.count, (size_t)count + 1);
    cf_pending_tree_each(&list, see, &last);
    cr_assert_not_null(last, "nothing is listed");
    int64_t bytes = held - before;
    cf_pending_tree_release(&list);
    cr_expect_eq(held, before);
    return bytes;
}

Test(troubles, are_listed_in_as_much_memory_after_many_looks)
{
    for (int count = FEW; count < FEW << SIZES; count *= 2) {
        int64_t once = list_again(count, 1), often = list_again(count, LOOKS);

        cr_expect_gt(once, 10 * count, "nothing is counted");
        cr_expect_lt(often, 3 * once, "%d: %lld, then %lld", count, (long long)once,
                     (long long)often);
    }
}

/* ---- A device that serves ---- */

enum { EDITS = 40, A_WHILE_MS = 2000, LARGE = 70 << 10 };

/* Of a file that is not sent at once: all of its folder is looked at when it is. */
static void edit(small_device *self, cf_buffer *bytes, int times)
{
    for (int i = 0; i < times; i++) {
        bytes->data[i]++;
        user_writes(self, "beside", bytes->data, bytes->size);
        small_device_passes(self, A_WHILE_MS);
    }
}

/* By edits beside so many pipes. */
static int64_t grown(int pipes)
{
    small_world *w = small_world_new(91, 1);
    small_device *a = &w->devices[0];

    cf_buffer bytes = small_world_noise(w, LARGE);
    user_makes_pipes(a, "pipe", pipes);
    small_device_serves(a);
    cr_assert(small_world_settle(w));
    cr_assert_eq(small_device_pending(a, NULL, CF_PENDING_SKIPPED), (size_t)pipes);
    edit(a, &bytes, EDITS / 4);
    int64_t before = held;
    edit(a, &bytes, EDITS);
    int64_t more = held - before;
    cr_assert_eq(small_device_pending(a, NULL, CF_PENDING_SKIPPED), (size_t)pipes);
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
    return more;
}

Test(troubles, that_stay_cost_no_memory_with_each_edit, .timeout = 120)
{
    int64_t none = grown(0);

    for (int pipes = FEW; pipes < FEW << SIZES; pipes *= 2) {
        int64_t some = grown(pipes);

        cr_expect_lt(some, none + 250 * pipes, "beside %d: %lld, beside none %lld", pipes,
                     (long long)some, (long long)none);
    }
}

/* ---- What can't be put into its place ---- */

enum { RETRIES = 5, RETRIES_MS = 130000 }; /* after 4 s, 8, 16, 32, 64 */

static void write_files(small_device *self, const char *folder, int count)
{
    char path[64];

    user_makes(self, folder);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%d", folder, i);
        user_writes_text(self, path, path);
    }
}

/* Calls that change something, by all retries of so many files. */
static uint64_t retried(int files)
{
    small_world *w = small_world_new(92, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer difference = {0};

    user_makes(a, "d");
    small_device_serves(b);
    cr_assert(small_world_settle(w));
    write_files(a, "d", files);
    b->faults.at = b->faults.calls + 1;
    b->faults.moves = true;
    b->faults.status = CF_IO;
    cr_assert(small_device_sync(a));
    small_device_passes(b, 1000);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_SKIPPED), (size_t)files);
    uint64_t before = b->faults.calls;
    small_device_passes(b, RETRIES_MS);
    uint64_t calls = b->faults.calls - before;
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_SKIPPED), (size_t)files, "each is told");
    b->faults.at = 0;
    for (int i = 0; i < 70 && small_device_pending(b, NULL, CF_PENDING_SKIPPED) == (size_t)files;
         i++)
        small_device_passes(b, 1000);
    small_device_passes(b, 1000);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_SKIPPED), 0, "all come with the first");
    cr_expect(small_world_equal(w, &difference), "not all have come");
    cf_buffer_release(&difference);
    small_world_destroy(&w);
    return calls;
}

Test(troubles, that_are_many_are_tried_one_by_one, .timeout = 120)
{
    uint64_t few = retried(FEW / 10), more = retried(FEW / 5), many = retried(FEW);

    cr_expect_geq(few, RETRIES, "none is tried");
    cr_expect_leq(more, few + RETRIES, "%llu, %llu", (unsigned long long)few,
                  (unsigned long long)more);
    cr_expect_leq(many, few + RETRIES, "%llu, %llu", (unsigned long long)few,
                  (unsigned long long)many);
}
