/* SPDX-License-Identifier: Apache-2.0 */
/* What `serve` says of a source costs as much as there is to say, however much lies there: what is
 * counted is how often memory is given out, and the writes that are read. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { SMALLEST = 100, SIZES = 3, FACTOR = 4, IN_A_FOLDER = 20 };

/* The linker brings calls here. */
static uint64_t given, read_writes;

void *__real_cf_arena_allocate(cf_arena *arena, size_t count, size_t size);
void *__wrap_cf_arena_allocate(cf_arena *arena, size_t count, size_t size);

void *__wrap_cf_arena_allocate(cf_arena *arena, size_t count, size_t size)
{
    given++;
    return __real_cf_arena_allocate(arena, count, size);
}

cf_write __real_cf_state_write(const cf_state *state, const cf_item *item, size_t index);
cf_write __wrap_cf_state_write(const cf_state *state, const cf_item *item, size_t index);

cf_write __wrap_cf_state_write(const cf_state *state, const cf_item *item, size_t index)
{
    read_writes++;
    return __real_cf_state_write(state, item, index);
}

static uint64_t ask(const small_device *self, size_t source, size_t conflicts)
{
    const uint64_t before = given + read_writes;
    cf_arena arena = {0};
    cf_binding_status told;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, source), &arena, &told);
    cr_expect_eq(told.conflict_count, conflicts);
    cr_expect_eq(told.pending_count, 0);
    cf_arena_release(&arena);
    return given + read_writes - before;
}

/* Two devices edit the same file; all others lie elsewhere. */
typedef enum { ALIKE, CONTESTED, PINNED } contest;

static uint64_t status_of_files(int files, contest what)
{
    small_world *w = small_world_new(82, 2);
    char path[64];

    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "d%d/f%d", i / IN_A_FOLDER, i);
        if (i % IN_A_FOLDER == 0) {
            char folder[64];

            snprintf(folder, sizeof folder, "d%d", i / IN_A_FOLDER);
            user_makes(&w->devices[0], folder);
        }
        user_writes_text(&w->devices[0], path, path);
    }
    user_makes(&w->devices[0], "apart");
    user_writes_text(&w->devices[0], "apart/note", "before");
    settles_equal(w);
    for (int i = 0; what != ALIKE && i < 2; i++)
        user_writes_text(&w->devices[i], "apart/note", i ? "mine" : "yours");
    settles_equal(w);
    if (what == PINNED)
        user_removes(&w->devices[0], "apart/note");
    settles_equal(w);
    small_device_serves(&w->devices[0]);
    small_device_passes(&w->devices[0], 2000);
    const uint64_t cost = ask(&w->devices[0], 0, what != ALIKE);
    small_world_destroy(&w);
    return cost;
}

static uint64_t status_of_files_alike(int files)
{
    return status_of_files(files, ALIKE);
}

static uint64_t status_of_files_with_a_copy(int files)
{
    return status_of_files(files, CONTESTED);
}

static uint64_t status_of_files_with_a_copy_alone(int files)
{
    return status_of_files(files, PINNED);
}

/* Of so many files of one folder, whose copies are all that is left. */
static uint64_t status_of_copies(int copies)
{
    small_world *w = small_world_new(85, 2);
    char path[64];

    for (int way = 0; way < 4; way++) { /* made, edited here, edited there, removed */
        for (int i = 0; i < copies; i++) {
            snprintf(path, sizeof path, "f%d", i);
            if (way < 3)
                user_writes_text(&w->devices[way == 2], path,
                                 way ? way == 1 ? "h" : "there" : path);
            else
                user_removes(&w->devices[0], path);
        }
        if (way != 1)
            settles_equal(w);
    }
    const uint64_t cost = ask(&w->devices[0], 0, (size_t)copies);
    small_world_destroy(&w);
    return cost;
}

static uint64_t status_of_rows(int rows)
{
    small_world *w = small_world_new(83, 2);
    table what = {0};

    small_world_bind_tables(w);
    for (int i = 0; i < rows; i++)
        table_add(&what, i + 1, i, cf_bytes_of_text("note"));
    user_writes_table(&w->devices[0], &what);
    table_release(&what);
    settle(w);
    const uint64_t cost = ask(&w->devices[0], 1, 0);
    small_world_destroy(&w);
    return cost;
}

/* Two devices give a row another text. What follows from the state is found once for each state:
 * the second `status` reads it again. */
static uint64_t status_of_a_contested_row(int rows)
{
    small_world *w = small_world_new(84, 2);
    table what = {0};

    small_world_bind_tables(w);
    for (int i = 0; i < rows; i++)
        table_add(&what, i + 1, i, cf_bytes_of_text("note"));
    user_writes_table(&w->devices[0], &what);
    settle(w);
    ask(&w->devices[0], 1, 0);
    for (int i = 0; i < 2; i++) {
        cf_buffer *note = &table_find(&what, 1)->note;

        cf_buffer_clear(note);
        cf_buffer_append_text(note, "%s", i ? "mine" : "yours");
        user_writes_table(&w->devices[i], &what);
    }
    table_release(&what);
    settle(w);
    ask(&w->devices[0], 1, 1);
    const uint64_t cost = ask(&w->devices[0], 1, 1);
    small_world_destroy(&w);
    return cost;
}

static void expect_alike(uint64_t work(int things), const char *what)
{
    uint64_t counts[SIZES];
    int size = SMALLEST;

    for (int i = 0; i < SIZES; i++, size *= FACTOR)
        counts[i] = work(size);
    cr_expect_gt(counts[0], 0, "nothing is counted");
    for (int i = 1; i < SIZES; i++)
        cr_expect_leq(counts[i], counts[0] + 2, "%s: %llu, then %llu", what,
                      (unsigned long long)counts[0], (unsigned long long)counts[i]);
}

Test(growth_status, of_files_is_alike_however_many_there_are, .timeout = 240)
{
    expect_alike(status_of_files_alike, "files");
}

Test(growth_status, of_files_with_a_conflict_copy_is_alike, .timeout = 240)
{
    expect_alike(status_of_files_with_a_copy, "files and a copy");
}

Test(growth_status, of_files_with_a_copy_whose_file_went_is_alike, .timeout = 240)
{
    expect_alike(status_of_files_with_a_copy_alone, "files and what is left of one");
}

Test(growth_status, of_copies_is_linear, .timeout = 240)
{
    uint64_t counts[SIZES];
    int size = SMALLEST / FACTOR;

    for (int i = 0; i < SIZES; i++, size *= FACTOR)
        counts[i] = status_of_copies(size);
    for (int i = 1; i < SIZES; i++)
        cr_expect_lt(counts[i], (FACTOR + 1) * counts[i - 1], "%llu, then %llu",
                     (unsigned long long)counts[i - 1], (unsigned long long)counts[i]);
}

Test(growth_status, of_rows_is_alike_however_many_there_are, .timeout = 240)
{
    expect_alike(status_of_rows, "rows");
}

Test(growth_status, of_rows_one_of_which_is_contested_is_alike, .timeout = 240)
{
    expect_alike(status_of_a_contested_row, "rows and a conflict");
}
