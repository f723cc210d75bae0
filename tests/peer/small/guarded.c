/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/guarded.h"

#include "tests/support/expect.h"

#include <stdio.h>

void name_file(int number, char name[16])
{
    snprintf(name, 16, "file%d", number);
}

void remove_range(small_device *self, int first, int end)
{
    char name[16];

    for (int i = first; i < end; i++) {
        name_file(i, name);
        user_removes(self, name);
    }
}

void remove_files(small_device *self, int count)
{
    remove_range(self, 0, count);
}

void write_files(small_device *self, int first, int end)
{
    char name[16];

    for (int i = first; i < end; i++) {
        name_file(i, name);
        user_writes_text(self, name, name);
    }
}

void make_files(const small_world *in, small_device *self, int first, int end)
{
    char name[16];

    write_files(self, first, end);
    for (int i = first; i < end; i++) {
        name_file(i, name);
        user_stamps(self, name, in->now_ms / 1000);
    }
}

small_world *a_guarded_world_of(uint64_t seed, int files)
{
    small_world *w = small_world_new(seed, 2);

    w->guarded = true;
    write_files(&w->devices[0], 0, files);
    cr_assert(small_world_settle(w));
    return w;
}

small_world *a_guarded_world(uint64_t seed)
{
    return a_guarded_world_of(seed, FILES);
}

int count_of(const small_device *self, int files)
{
    char name[16], token[64];
    int count = 0;

    for (int i = 0; i < files; i++) {
        name_file(i, name);
        count += small_device_token(self, name, token);
    }
    return count;
}

int count_files(const small_device *self)
{
    return count_of(self, FILES);
}

cf_status trouble(small_device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    cf_arena_release(&arena);
    return status.trouble;
}

void sync_with_the_word(small_device *self)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};

    cr_assert(small_device_round(self, &options, SMALL_TURNS_MAX));
}
