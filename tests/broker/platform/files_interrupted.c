/* SPDX-License-Identifier: Apache-2.0 */
/* Every call moves a part only, or is interrupted by a signal: nothing of that is to be seen. */
#include "broker/platform/descriptor.h"
#include "broker/platform/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/bulk.h"
#include "tests/support/calls.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

enum { SIZE = 300001 };

static scratch *here;
static cf_files *files;
static cf_error error;
static uint8_t written[SIZE], found[SIZE + 9];

static void arrive(void)
{
    here = scratch_new();
    files = here->files;
    for (size_t i = 0; i < SIZE; i++)
        written[i] = (uint8_t)(i * 2654435761u >> 24);
    scratch_write(here, "empty", "");
    calls_cut_short(here->path);
}

static void leave(void)
{
    cr_expect_gt(calls_were_cut_short(), 3);
    calls_cut_short(NULL);
    scratch_destroy(&here);
}

TestSuite(files_interrupted, .init = arrive, .fini = leave);

static cf_file *made(const char *name)
{
    cf_file *file = NULL;

    expect_ok(files->create_file(files, here->folder, cf_bytes_of_text(name), 0600, &file, &error),
              error);
    return file;
}

static void expect_on_disk(const char *name, size_t offset)
{
    cf_buffer disk = {0};

    calls_cut_short(NULL);
    scratch_read(here, name, &disk);
    cr_assert_eq(disk.size, offset + SIZE);
    cr_assert_eq(memcmp(disk.data + offset, written, SIZE), 0);
    cf_buffer_release(&disk);
    calls_cut_short(here->path);
}

Test(files_interrupted, a_file_is_written_and_read_whole)
{
    enum { OFFSET = 5 };
    cf_file *file = made("f");
    size_t size;

    expect_ok(files->write_at(files, file, OFFSET, cf_bytes_of(written, SIZE), &error), error);
    expect_on_disk("f", OFFSET);
    expect_ok(files->read_at(files, file, OFFSET, found, sizeof found, &size, &error), error);
    cr_expect_eq(size, SIZE);
    cr_expect_eq(memcmp(found, written, SIZE), 0);
    expect_ok(files->read_at(files, file, OFFSET + SIZE, found, sizeof found, &size, &error),
              error);
    cr_expect_eq(size, 0);
    expect_ok(files->read_at(files, file, OFFSET + 1000, found, 77, &size, &error), error);
    cr_expect_eq(size, 77);
    cr_expect_eq(memcmp(found, written + 1000, 77), 0);
    files->close_file(files, &file);
}

/* In uneven steps, as who hashes a file while it comes. */
Test(files_interrupted, a_file_is_a_sink_and_a_source_with_its_hash)
{
    cf_file *file = made("f");
    cf_file_bytes at = {files, file, 0};
    cf_sink sink = cf_sink_of_file(&at);
    cf_reader_at source = cf_reader_of_file(&at, SIZE);
    cf_sha256 *hasher = cf_sha256_new();

    for (size_t done = 0, step; done < SIZE; done += step) {
        step = SIZE - done < 70001 ? SIZE - done : 70001;
        expect_ok(cf_sink_write(&sink, written + done, step, &error), error);
    }
    expect_on_disk("f", 0);
    for (size_t done = 0, step; done < SIZE; done += step) {
        step = SIZE - done < 50021 ? SIZE - done : 50021;
        expect_ok(cf_reader_at_read(&source, done, found, step, &error), error);
        cf_sha256_update(hasher, cf_bytes_of(found, step));
    }
    cf_hash hash = cf_sha256_finish(hasher);
    cf_hash expected = cf_sha256_of(cf_bytes_of(written, SIZE));
    cr_expect(cf_hash_equal(&hash, &expected));
    cf_sha256_destroy(&hasher);
    files->close_file(files, &file);
}

Test(files_interrupted, a_small_file_is_whole)
{
    cf_bytes name = cf_bytes_of_text("keys");
    cf_buffer read = {0};

    expect_ok(cf_files_write(files, here->folder, name, 0600, cf_bytes_of(written, SIZE), &error),
              error);
    expect_on_disk("keys", 0);
    expect_ok(cf_files_read(files, here->folder, name, SIZE, &read, &error), error);
    cr_expect(cf_bytes_equal(cf_buffer_view(&read), cf_bytes_of(written, SIZE)));
    expect_fails(cf_files_read(files, here->folder, name, SIZE - 1, &read, &error), CF_TOO_LARGE);
    cf_buffer_release(&read);
}

static bool add_number(void *context, cf_bytes name)
{
    char text[16] = "";

    memcpy(text, name.data, name.size);
    *(unsigned *)context += 1u << atoi(text);
    return true;
}

Test(files_interrupted, a_listing_has_each_name_once)
{
    unsigned seen = 0;

    calls_cut_short(NULL);
    for (int i = 0; i < 20; i++) {
        char name[16];

        snprintf(name, sizeof name, "%d", i);
        scratch_mkdir(here, name);
    }
    scratch_remove(here, "empty");
    calls_cut_short(here->path);
    expect_ok(files->list(files, here->folder, add_number, &seen, &error), error);
    cr_expect_eq(seen, (1u << 20) - 1, "%x", seen);
}

Test(files_interrupted, a_lock_says_who_has_it)
{
    cf_bytes name = cf_bytes_of_text("lock");
    cf_file *lock = NULL, *second = NULL;
    char who[24];

    expect_ok(files->lock(files, here->folder, name, &lock, &error), error);
    expect_fails(files->lock(files, here->folder, name, &second, &error), CF_LOCKED);
    snprintf(who, sizeof who, "(%ld)", (long)getpid());
    cr_expect(strstr(error.text, who), "%s", error.text);
    files->close_file(files, &lock);
}

Test(files_interrupted, what_stands_in_line_is_whole_too)
{
    size_t size;

    int file = scratch_open(here, "empty", O_RDWR);
    cr_assert(cf_descriptor_write(file, cf_bytes_of(written, SIZE)));
    expect_on_disk("empty", 0);
    cr_assert_eq(lseek(file, 0, SEEK_SET), 0);
    cr_assert(cf_descriptor_read(file, found, sizeof found, &size));
    cr_expect_eq(size, SIZE);
    cr_expect_eq(memcmp(found, written, SIZE), 0);
    close(file);
}

/* What is no signal is an error, and says which. */
Test(files_interrupted, what_fails_fails)
{
    size_t size = 1;

    int reader = scratch_open(here, "empty", O_RDONLY);
    int writer = scratch_open(here, "empty", O_WRONLY);
    cr_expect_not(cf_descriptor_write(reader, cf_bytes_of_text("x")));
    cr_expect_eq(errno, EBADF);
    cr_expect_not(cf_descriptor_write_at(reader, 0, cf_bytes_of_text("x")));
    cr_expect_eq(errno, EBADF);
    cr_expect_not(cf_descriptor_read(writer, found, 1, &size));
    cr_expect_eq(errno, EBADF);
    cr_expect_not(cf_descriptor_read_at(writer, 0, found, 1, &size));
    cr_expect_eq(errno, EBADF);
    close(reader);
    close(writer);
}
