/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/base_prints.h"

#include "codec/content.h"
#include "peer/bindings/base_place.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <string.h>

/* A content of three leaves and a bit, as a file, with the hashes of its leaves. */
enum { SIZE = CF_BASE_PRINTS_MIN + 3 * CF_LEAF_SIZE + 777 };

static scratch *here;
static cf_error error;
static uint8_t bytes[SIZE];
static cf_buffer leaves[2];
static cf_base_content contents[2];
static cf_file *file;

static void arrive(void)
{
    here = scratch_new();
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 4093);
}

static void leave(void)
{
    here->files->close_file(here->files, &file);
    cf_buffer_release(&leaves[0]);
    cf_buffer_release(&leaves[1]);
    scratch_destroy(&here);
}

TestSuite(base_prints, .init = arrive, .fini = leave);

/* The file holds the bytes, which are called content `i` from now on. */
static void save(size_t i)
{
    cf_content_hasher *hasher = cf_content_hasher_new(&leaves[i]);

    cf_content_hasher_update(hasher, cf_bytes_of(bytes, SIZE));
    contents[i].hash = cf_content_hasher_finish(hasher, &contents[i].size);
    contents[i].leaves = cf_buffer_view(&leaves[i]);
    cf_content_hasher_destroy(&hasher);
    if (!file)
        expect_ok(here->files->create_file(here->files, here->folder, cf_bytes_of_text("file"),
                                           0600, &file, &error),
                  error);
    expect_ok(here->files->write_at(here->files, file, 0, cf_bytes_of(bytes, SIZE), &error), error);
}

static cf_status make(size_t i, const cf_base_content *before)
{
    cf_base_prints_options options = {.files = here->files,
                                      .folder = here->folder,
                                      .file = file,
                                      .now = contents[i],
                                      .key = {(uint8_t)(i + 1)}};

    if (before)
        options.before = *before;
    return cf_base_prints_make(&options, &error);
}

static cf_status reads(size_t i, cf_buffer *kept, cf_block_prints *out)
{
    return cf_base_prints_read(here->files, here->folder, &contents[i], kept, out, &error);
}

static void expect_prints_of_bytes(size_t i)
{
    cf_buffer kept = {0};
    cf_block_prints prints;
    uint8_t print[CF_BLOCK_PRINT];

    expect_ok(reads(i, &kept, &prints), error);
    cr_assert_eq(prints.prints.size, cf_block_count(SIZE) * CF_BLOCK_PRINT);
    for (size_t block = 0; block < cf_block_count(SIZE); block++) {
        const size_t at = block * CF_BLOCK_MIN, left = SIZE - at;

        cf_block_print(prints.key,
                       cf_bytes_of(bytes + at, left < CF_BLOCK_MIN ? left : CF_BLOCK_MIN), print);
        cr_assert_eq(memcmp(print, prints.prints.data + block * CF_BLOCK_PRINT, sizeof print), 0);
    }
    cf_buffer_release(&kept);
}

Test(base_prints, are_of_each_block)
{
    save(0);
    expect_ok(make(0, NULL), error);
    expect_prints_of_bytes(0);
}

Test(base_prints, stay_where_a_leaf_does)
{
    cf_buffer kept = {0};
    cf_block_prints prints;

    save(0);
    expect_ok(make(0, NULL), error);
    bytes[CF_LEAF_SIZE + 5] ^= 1;
    bytes[SIZE - 1] ^= 1;
    save(1);
    expect_ok(make(1, &contents[0]), error);
    expect_prints_of_bytes(1);
    expect_ok(reads(1, &kept, &prints), error);
    cr_expect_eq(prints.key[0], 1, "they are under the key of those before");
    cf_buffer_release(&kept);
    expect_fails(reads(0, &kept, &prints), CF_MISSING);
    cf_buffer_release(&kept);
}

Test(base_prints, are_never_of_another_content)
{
    cf_buffer kept = {0};
    cf_block_prints prints;

    save(0);
    bytes[7] ^= 1;
    save(1);
    expect_fails(make(0, NULL), CF_CHANGED);
    expect_fails(reads(0, &kept, &prints), CF_MISSING);
    cf_buffer_release(&kept);
}

Test(base_prints, that_are_damaged_are_taken_away)
{
    char text[CF_BASE_NAME];
    cf_buffer kept = {0}, good = {0};
    cf_block_prints prints;
    cf_stat stat;

    save(0);
    expect_ok(make(0, NULL), error);
    const cf_bytes name = cf_base_name(&contents[0].hash, CF_BASE_PRINTS, text);
    expect_ok(cf_files_read(here->files, here->folder, name, SIZE, &good, &error), error);
    for (size_t at = 0; at < good.size; at += 97) {
        good.data[at] ^= 1;
        expect_ok(
            cf_files_write(here->files, here->folder, name, 0600, cf_buffer_view(&good), &error),
            error);
        kept.size = 0;
        expect_fails(reads(0, &kept, &prints), CF_MISSING);
        expect_fails(here->files->stat(here->files, here->folder, name, &stat, &error), CF_MISSING);
        good.data[at] ^= 1;
    }
    good.size--;
    expect_ok(cf_files_write(here->files, here->folder, name, 0600, cf_buffer_view(&good), &error),
              error);
    kept.size = 0;
    expect_fails(reads(0, &kept, &prints), CF_MISSING);
    cf_buffer_release(&kept);
    cf_buffer_release(&good);
}

Test(base_prints, are_not_kept_of_small_contents)
{
    cr_expect(!cf_base_prints_fit(CF_BASE_PRINTS_MIN - 1));
    cr_expect(cf_base_prints_fit(CF_BASE_PRINTS_MIN));
    cr_expect(cf_base_prints_fit(32 * CF_GIB));
    cr_expect(!cf_base_prints_fit(32 * CF_GIB + 1));
}
