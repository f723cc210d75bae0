/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a target's inputs, and mutations of them from a seed: the same ones each time.
 *
 *     fuzz_NAME CORPUS [MUTATIONS [SEED]]    CORPUS: a folder, or one file that broke something
 *
 * MUTATIONS is how many are made of each input. */
#include "tests/fuzz/target.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MUTATIONS = 300 };

typedef struct {
    cf_buffer *inputs;
    size_t count, capacity;
    uint64_t random;
} replay;

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2014. */
static uint64_t next_random(replay *self)
{
    self->random ^= self->random >> 12;
    self->random ^= self->random << 25;
    self->random ^= self->random >> 27;
    return self->random * UINT64_C(2685821657736338717);
}

static size_t below(replay *self, size_t bound)
{
    return bound ? (size_t)(next_random(self) % bound) : 0;
}

static void add(replay *self, cf_buffer input)
{
    *cf_one_more(self->inputs, self->count, self->capacity) = input;
}

static bool add_file(replay *self, const char *path)
{
    FILE *file = fopen(path, "rb");
    cf_buffer input = {0};
    uint8_t bytes[4096];
    size_t got;

    if (!file)
        return false;
    while ((got = fread(bytes, 1, sizeof bytes, file)) > 0)
        cf_buffer_append(&input, bytes, got);
    fclose(file);
    add(self, input);
    return true;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool add_folder(replay *self, const char *folder)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, compare_names);
    bool worked = count >= 0;
    char path[4096];

    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            worked = add_file(self, path) && worked;
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return worked;
}

static size_t add_made(replay *self, bool (*make)(size_t number, cf_buffer *out))
{
    cf_buffer made = {0};
    size_t count = 0;

    while (make(count, &made)) {
        add(self, made);
        made = (cf_buffer){0};
        count++;
    }
    cf_buffer_release(&made);
    return count;
}

static void cut(replay *self, cf_buffer *bytes)
{
    size_t from = below(self, bytes->size), size = 1 + below(self, bytes->size - from);

    memmove(bytes->data + from, bytes->data + from + size, bytes->size - from - size);
    bytes->size -= size;
}

/* A stretch of any input, put in at any place. */
static void splice(replay *self, cf_buffer *bytes)
{
    const cf_buffer *other = &self->inputs[below(self, self->count)];
    size_t from = below(self, other->size), at = below(self, bytes->size + 1);
    size_t size = other->size ? 1 + below(self, other->size - from) : 0;

    if (!size)
        return;
    cf_buffer_reserve(bytes, size);
    memmove(bytes->data + at + size, bytes->data + at, bytes->size - at);
    memcpy(bytes->data + at, other->data + from, size);
    bytes->size += size;
}

static void mutate(replay *self, cf_buffer *bytes)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc4, 0xc6,
                                      0xcc, 0xcf, 0xd3, 0xd9, 0xdc, 0xdd, 0xde, 0xdf, 0xff};

    if (!bytes->size) {
        splice(self, bytes);
        return;
    }
    uint8_t *at = bytes->data + below(self, bytes->size);
    size_t rest = (size_t)(bytes->data + bytes->size - at);
    switch (below(self, 6)) {
    case 0:
        *at ^= (uint8_t)(1 << below(self, 8));
        break;
    case 1:
        *at = telling[below(self, sizeof telling)];
        break;
    case 2:
        *at = (uint8_t)(*at + below(self, 5) - 2);
        break;
    case 3:
        cut(self, bytes);
        break;
    case 4:
        memset(at, 0xff, rest < 4 ? rest : 4);
        break;
    default:
        splice(self, bytes);
    }
}

/* What is running, for when something breaks. */
static const cf_buffer *running;

static void keep_broken(int signal_number)
{
    FILE *out = fopen("broken-input", "wb");

    if (out && running && fwrite(running->data, 1, running->size, out) == running->size &&
        fclose(out) == 0)
        fprintf(stderr, "what it was is in the file broken-input\n");
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run_mutations(replay *self, const cf_buffer *input, size_t count)
{
    cf_buffer bytes = {0};

    for (size_t i = 0; i < count; i++) {
        cf_buffer_clear(&bytes);
        cf_buffer_append(&bytes, input->data, input->size);
        for (size_t steps = 1 + below(self, 4); steps; steps--)
            mutate(self, &bytes);
        running = &bytes;
        if (bytes.size)
            fuzz_bounded_run(cf_buffer_view(&bytes));
        running = NULL;
    }
    cf_buffer_release(&bytes);
}

int main(int argc, char **argv)
{
    size_t mutations = argc > 2 ? strtoull(argv[2], NULL, 10) : DEFAULT_MUTATIONS;
    replay self = {.random = argc > 3 ? strtoull(argv[3], NULL, 10) : 1};

    signal(SIGABRT, keep_broken);
    if (argc < 2 || self.random == 0) {
        fprintf(stderr, "usage: %s CORPUS [MUTATIONS [SEED]], SEED not 0\n", argv[0]);
        return 2;
    }
    const size_t seeds = add_made(&self, fuzz_seed);
    const size_t bombs = add_made(&self, fuzz_bomb);
    if (!add_folder(&self, argv[1]) && !add_file(&self, argv[1])) {
        fprintf(stderr, "%s can't be read\n", argv[1]);
        return 1;
    }
    for (size_t i = 0; i < self.count; i++) {
        bool taken = fuzz_bounded_run(cf_buffer_view(&self.inputs[i]));
        if (!taken && i < seeds)
            fprintf(stderr, "nobody takes input %zu, which is well formed\n", i);
        fuzz_must(taken || i >= seeds);
        fuzz_must(!taken || i < seeds || i >= seeds + bombs);
        run_mutations(&self, &self.inputs[i], mutations);
    }
    printf("%zu inputs, %zu mutations of each\n", self.count, mutations);
    for (size_t i = 0; i < self.count; i++)
        cf_buffer_release(&self.inputs[i]);
    free(self.inputs);
    return self.count == 0;
}
