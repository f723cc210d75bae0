/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 1 << 20, WORDS = 8000, WORD_MAX = 12, FOLDER_FILES = 100, DEPTH = 16 };

/* splitmix64 */
static uint64_t draw(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void cf_workload_fill(uint64_t *seed, void *out, size_t size)
{
    uint8_t *at = out;

    for (; size >= sizeof(uint64_t); at += sizeof(uint64_t), size -= sizeof(uint64_t)) {
        uint64_t word = draw(seed);

        memcpy(at, &word, sizeof word);
    }
    uint64_t last = draw(seed);
    memcpy(at, &last, size);
}

/* ---- Prose ---- */

typedef struct {
    char text[WORDS][WORD_MAX + 1];
} lexicon;

static lexicon *make_lexicon(uint64_t *seed)
{
    static const char *const syllables[] = {
        "the", "re",  "in", "an", "er", "on", "at",  "en", "to",  "is",  "or", "ti",
        "ed",  "al",  "ar", "st", "as", "nt", "ng",  "se", "ha",  "ou",  "io", "le",
        "ve",  "co",  "me", "de", "hi", "ri", "ro",  "ic", "ne",  "ea",  "ra", "ce",
        "li",  "ch",  "ll", "be", "ma", "si", "om",  "ur", "con", "pro", "un", "ment",
        "ly",  "ing", "sh", "gr", "pl", "y",  "ous", "a",  "o",   "k"};
    lexicon *words = cf_allocate(1, sizeof *words);

    for (size_t i = 0; i < WORDS; i++) {
        size_t parts = (i > 600 ? 3U : i > 60 ? 2U : 1U) + draw(seed) % 2;

        while (parts--) {
            const char *part = syllables[draw(seed) % (sizeof syllables / sizeof *syllables)];

            if (strlen(words->text[i]) + strlen(part) <= WORD_MAX)
                strcat(words->text[i], part);
        }
    }
    return words;
}

/* The word of rank n is drawn about 1/n as often as the first one (Zipf). */
static const char *draw_word(const lexicon *words, uint64_t *seed)
{
    uint64_t drawn = draw(seed), range = 1;
    size_t doublings = (size_t)(drawn % 13);

    range <<= doublings;
    return words->text[(range - 1 + (drawn >> 32) % range) % WORDS];
}

void cf_workload_prose(uint64_t seed, size_t size, cf_buffer *out)
{
    lexicon *words = make_lexicon(&seed);
    size_t end = out->size + size;

    while (out->size < end) {
        for (uint64_t left = 4 + draw(&seed) % 18; left; left--)
            cf_buffer_append_text(out, "%s%s", draw_word(words, &seed),
                                  left == 1 ? "" : (draw(&seed) % 11 ? " " : ", "));
        cf_buffer_append_text(out, "%s", draw(&seed) % 6 ? ". " : ".\n\n");
    }
    out->size = end;
    free(words);
}

/* ---- Files ---- */

static cf_status write_all(int file, const void *data, size_t size, const char *path,
                           cf_error *error)
{
    const uint8_t *at = data;

    while (size) {
        ssize_t written = write(file, at, size);

        if (written < 0)
            return cf_fail_errno(error, errno, "writing %s", path);
        at += written;
        size -= (size_t)written;
    }
    return CF_OK;
}

static cf_status write_new(int file, uint64_t size, uint64_t *seed, const char *path,
                           cf_error *error)
{
    uint8_t *window = cf_allocate(WINDOW, 1);
    cf_status status = CF_OK;

    while (!status && size) {
        size_t part = size < WINDOW ? (size_t)size : WINDOW;

        cf_workload_fill(seed, window, part);
        status = write_all(file, window, part, path, error);
        size -= part;
    }
    free(window);
    return status;
}

static cf_status copy_stretch(int from, int to, const cf_stretch *stretch, const char *path,
                              cf_error *error)
{
    uint8_t *window = cf_allocate(WINDOW, 1);
    uint64_t at = stretch->offset, left = stretch->size;
    cf_status status = CF_OK;

    while (!status && left) {
        ssize_t got = pread(from, window, left < WINDOW ? (size_t)left : WINDOW, (off_t)at);

        if (got <= 0)
            status = cf_fail_errno(error, got ? errno : EIO, "reading for %s", path);
        else
            status = write_all(to, window, (size_t)got, path, error);
        at += status ? 0 : (uint64_t)got;
        left -= status ? 0 : (uint64_t)got;
    }
    free(window);
    return status;
}

static cf_status create(const char *path, int *out, cf_error *error)
{
    *out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return *out < 0 ? cf_fail_errno(error, errno, "creating %s", path) : CF_OK;
}

cf_status cf_workload_file(const char *path, uint64_t size, uint64_t seed, cf_error *error)
{
    int file;

    cf_status status = create(path, &file, error);
    if (status)
        return status;
    status = write_new(file, size, &seed, path, error);
    close(file);
    return status;
}

static cf_status make_folder(const char *path, cf_error *error)
{
    if (mkdir(path, 0755))
        return cf_fail_errno(error, errno, "making %s", path);
    return CF_OK;
}

cf_status cf_workload_tree(const char *path, size_t count, size_t size, uint64_t seed,
                           cf_error *error)
{
    cf_status status = make_folder(path, error);

    for (size_t i = 0; !status && i < count; i++) {
        char name[PATH_MAX];

        snprintf(name, sizeof name, "%s/folder%zu", path, i / FOLDER_FILES);
        if (i % FOLDER_FILES == 0)
            status = make_folder(name, error);
        snprintf(name, sizeof name, "%s/folder%zu/file%zu", path, i / FOLDER_FILES, i);
        if (!status)
            status = cf_workload_file(name, size, draw(&seed), error);
    }
    return status;
}

cf_status cf_workload_edit(const char *from, const char *to, const cf_stretch *stretches,
                           size_t count, uint64_t seed, cf_error *error)
{
    int target = -1, source = open(from, O_RDONLY | O_CLOEXEC);

    if (source < 0)
        return cf_fail_errno(error, errno, "opening %s", from);
    cf_status status = create(to, &target, error);
    for (size_t i = 0; !status && i < count; i++)
        if (stretches[i].is_new)
            status = write_new(target, stretches[i].size, &seed, to, error);
        else
            status = copy_stretch(source, target, &stretches[i], to, error);
    if (target >= 0)
        close(target);
    close(source);
    return status;
}

cf_status cf_workload_save(const char *path, cf_bytes bytes, cf_error *error)
{
    char beside[PATH_MAX];
    int file;

    snprintf(beside, sizeof beside, "%s.new", path);
    cf_status status = create(beside, &file, error);
    if (status)
        return status;
    status = write_all(file, bytes.data, bytes.size, beside, error);
    close(file);
    if (!status && rename(beside, path))
        status = cf_fail_errno(error, errno, "renaming %s", beside);
    return status;
}

void cf_workload_settle(void)
{
    sync();
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path) && errno != ENOENT ? -1 : 0;
}

void cf_workload_remove(const char *path)
{
    nftw(path, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS);
}

static bool equal_files(FILE *a, FILE *b)
{
    uint8_t *left = cf_allocate(WINDOW, 1), *right = cf_allocate(WINDOW, 1);
    size_t got = WINDOW;
    bool equal = true;

    while (equal && got == WINDOW) {
        got = fread(left, 1, WINDOW, a);
        equal = fread(right, 1, WINDOW, b) == got && memcmp(left, right, got) == 0;
    }
    free(left);
    free(right);
    return equal && !ferror(a) && !ferror(b);
}

bool cf_workload_equal(const char *a, const char *b)
{
    FILE *left = fopen(a, "re"), *right = fopen(b, "re");
    bool equal = left && right && equal_files(left, right);

    if (left)
        fclose(left);
    if (right)
        fclose(right);
    return equal;
}
