/* SPDX-License-Identifier: Apache-2.0 */
/* What the RocksDB store does with damage, full disks, newer formats and a second opener. */
#include "broker/store/rocks.h"
#include "broker/store/store_keys.h"
#include "tests/broker/store/small_disk.h"
#include "tests/broker/store/store_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t cut; /* of the last one that was opened */

static cf_status open_at(const char *path, cf_store **out, cf_error *error)
{
    static const uint8_t instance[16];
    cf_store_options options = {
        .path = path, .random = instance, .write_buffer = 1 << 20, .cache = 1 << 20, .cut = &cut};

    cut = 0;

    return cf_store_rocksdb_open(&options, out, error);
}

static cf_status try_open(stage *it)
{
    return open_at(it->folder->path, &it->store, &it->error);
}

/* Puts the path of the largest file whose name ends so into `path`. */
static size_t largest_file(const stage *it, const char *ending, char path[512])
{
    DIR *folder = opendir(it->folder->path);
    struct dirent *entry;
    size_t largest = 0;

    while ((entry = readdir(folder))) {
        size_t length = strlen(entry->d_name), tail = strlen(ending);
        struct stat status;

        if (length < tail || strcmp(entry->d_name + length - tail, ending) != 0 ||
            fstatat(dirfd(folder), entry->d_name, &status, 0) != 0 ||
            (size_t)status.st_size <= largest)
            continue;
        largest = (size_t)status.st_size;
        snprintf(path, 512, "%s/%s", it->folder->path, entry->d_name);
    }
    closedir(folder);
    cr_assert_gt(largest, 0);
    return largest;
}

static void flip_byte(const char *path, off_t offset)
{
    uint8_t byte;
    int file = open(path, O_RDWR | O_CLOEXEC);

    cr_assert_eq(pread(file, &byte, 1, offset), 1);
    byte ^= 0x10;
    cr_assert_eq(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

/* Where the n-th "body" of an entry is in the file. */
static off_t body_in(const char *path, size_t size, size_t n)
{
    uint8_t *bytes = malloc(size), *at = bytes;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    cr_assert_eq(read(file, bytes, size), (ssize_t)size);
    close(file);
    for (size_t i = 0; i <= n; i++) {
        at = memmem(at + 1, (size_t)(bytes + size - at) - 1, "body", 4);
        cr_assert_not_null(at);
    }
    off_t offset = at - bytes;
    free(bytes);
    return offset;
}

Test(store_rocksdb, refuses_a_damaged_log)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    char path[512];

    stage_append_tens(&it, &ann, 10);
    cf_store_destroy(&it.store);
    size_t size = largest_file(&it, ".log", path);
    flip_byte(path, body_in(path, size, 49));
    expect_fails(try_open(&it), CF_BROKEN);
    cr_assert_not_null(strstr(it.error.text, "checksum mismatch"), "%s", it.error.text);
    stage_end(&it);
}

Test(store_rocksdb, keeps_all_before_a_torn_end)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    char path[512], text[CF_ERROR_TEXT];

    stage_append_tens(&it, &ann, 10);
    cf_store_destroy(&it.store);
    size_t size = largest_file(&it, ".log", path);
    cr_expect_eq(cut, 0);
    cr_assert_eq(truncate(path, (off_t)size - 10), 0);
    expect_ok(try_open(&it), it.error);
    expect_positions(&it, &ann_user, 1, 90); /* the last commit is gone as a whole */
    cr_assert_eq(stage_damages(&it, text), 0, "%s", text);
    stage_end(&it);
}

static void zero_bytes(const char *path, size_t offset, size_t count)
{
    uint8_t *zeros = calloc(1, count);
    int file = open(path, O_WRONLY | O_CLOEXEC);

    cr_assert_eq(pwrite(file, zeros, count, (off_t)offset), (ssize_t)count);
    close(file);
    free(zeros);
}

/* Blocks of the disk that hold its last write come in any order: here all but one in its middle. A
 * power cut on ext4 with blocks of 1 KiB left a store that could not be opened any more. */
Test(store_rocksdb, keeps_all_before_a_last_write_with_a_hole)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    char path[512], text[CF_ERROR_TEXT];

    stage_append_tens(&it, &ann, 10);
    cf_store_destroy(&it.store);
    size_t size = largest_file(&it, ".log", path);
    zero_bytes(path, size - 600, 100);
    expect_ok(try_open(&it), it.error);
    cr_expect(cut > 600, "it says how much was cut off: %zu", cut);
    cr_expect(cut < size / 2, "it says how much was cut off: %zu", cut);
    expect_positions(&it, &ann_user, 1, 90);
    cr_assert_eq(stage_damages(&it, text), 0, "%s", text);
    stage_end(&it);
}

/* The write began in one part of the log and went on in the next; of that nothing came. */
Test(store_rocksdb, keeps_all_before_a_last_write_whose_second_half_is_zeros)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    char path[512], text[CF_ERROR_TEXT];
    enum { PART = 32768 };
    size_t size;

    do { /* until the last write crosses the border */
        stage_append_tens(&it, &ann, 1);
        size = largest_file(&it, ".log", path);
    } while (size % PART > 200 || size < PART);
    uint64_t last = it.position;
    cf_store_destroy(&it.store);
    zero_bytes(path, size - size % PART, size % PART);
    expect_ok(try_open(&it), it.error);
    expect_positions(&it, &ann_user, 1, last - 10);
    cr_assert_eq(stage_damages(&it, text), 0, "%s", text);
    stage_end(&it);
}

Test(store_rocksdb, names_a_damaged_table)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    char path[512], text[CF_ERROR_TEXT];
    uint64_t last;

    stage_append_tens(&it, &ann, 50);
    stage_crash(&it); /* the log goes into tables */
    cf_store_destroy(&it.store);
    size_t size = largest_file(&it, ".sst", path);
    flip_byte(path, body_in(path, size, 250));
    expect_ok(try_open(&it), it.error);
    cr_assert_gt(stage_damages(&it, text), 0);
    cr_assert_not_null(strstr(text, "checksum"), "%s", text);
    cr_assert_not_null(strstr(text, ".sst"), "%s", text);
    expect_ok(it.store->last(it.store, &ann_user, &last, &it.error), it.error);
    cr_assert_eq(last, 500);
    stage_end(&it);
}

static bool stop(void *context, uint64_t position, cf_bytes wire)
{
    (void)context, (void)position, (void)wire;
    return true;
}

Test(store_rocksdb, says_so_when_it_reads_what_is_damaged)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    char path[512];

    stage_append_tens(&it, &ann, 50);
    stage_crash(&it);
    cf_store_destroy(&it.store);
    size_t size = largest_file(&it, ".sst", path);
    flip_byte(path, body_in(path, size, 250));
    expect_ok(try_open(&it), it.error);
    expect_fails(it.store->read(it.store, &ann_user, 1, stop, NULL, &it.error), CF_BROKEN);
    cr_assert_not_null(strstr(it.error.text, "reading entries"), "%s", it.error.text);
    expect_ok(it.store->read(it.store, &ann_user, 400, stop, NULL, &it.error), it.error);
    stage_end(&it);
}

Test(store_rocksdb, finds_an_index_that_does_not_fit_its_entries)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1), bob = an_author(2);
    cf_buffer wire = {0}, other = {0};
    cf_arena arena = {0};
    cf_entry entry, lying;
    char text[CF_ERROR_TEXT];

    author_write(&ann, cf_bytes_of_text("body"), &wire);
    author_write(&bob, cf_bytes_of_text("body"), &other);
    expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &it.error), it.error);
    expect_ok(cf_entry_read(cf_buffer_view(&other), &arena, &lying, &it.error), it.error);
    lying.wire = entry.wire; /* what a bug would do: other bytes under this name */
    cf_append append = {.user = ann_user, .epoch = it.epoch, .entry = &entry};
    stage_append_with(&it, &append);
    append.entry = &lying;
    stage_append_with(&it, &append);
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_STORED);
    cr_assert_gt(stage_damages(&it, text), 2); /* index, head, count */
    cr_assert_not_null(strstr(text, "chain index"), "%s", text);
    cf_buffer_release(&wire);
    cf_buffer_release(&other);
    cf_arena_release(&arena);
    stage_end(&it);
}

/* ---- Heads ---- */

/* As format 1 had them: a key for each. */
static void write_old_heads(stage *it, const cf_heads *heads)
{
    static const cf_store_options defaults = {0};
    cf_store_options options = defaults;
    cf_rocks *rocks;
    char *text = NULL;

    options.path = it->folder->path;
    expect_ok(cf_rocks_open(&options, &rocks, &it->error), it->error);
    for (size_t i = 0; i < heads->count; i++) {
        cf_head_key key = cf_head_key_of(&ann_user, &heads->heads[i]);

        rocksdb_delete_cf(rocks->db, rocks->synced, rocks->tables[CF_ROCKS_HEADS],
                          (const char *)key.bytes, CF_WRITER_KEY_SIZE, &text);
        cr_assert_null(text);
        rocksdb_put_cf(rocks->db, rocks->synced, rocks->tables[CF_ROCKS_HEADS],
                       (const char *)key.bytes, sizeof key.bytes, "", 0, &text);
        cr_assert_null(text);
    }
    cf_rocks_close(&rocks);
    scratch_write(it->folder, "FORMAT", "counterfoil store 1\n");
}

Test(store_rocksdb, goes_on_with_the_heads_of_an_older_store)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    cf_buffer wire = {0};
    char text[CF_ERROR_TEXT];

    stage_append_tens(&it, &ann, 1);
    cf_heads before = stage_heads(&it);
    cr_assert_eq(before.count, 1);
    cf_store_destroy(&it.store);
    write_old_heads(&it, &before);
    expect_ok(try_open(&it), it.error);
    cf_heads old = stage_heads(&it);
    cr_assert_eq(old.count, 1);
    cr_expect_eq(cf_head_compare(&old.heads[0], &before.heads[0]), 0);
    cr_expect_eq(stage_damages(&it, text), 0, "%s", text);
    expect_ok(it.store->acquire(it.store, &ann_user, &it.epoch, &it.error), it.error);
    stage_append(&it, &ann, &wire);
    stage_append(&it, &ann, &wire);
    expect_commit(&it);
    cf_heads after = stage_heads(&it);
    cr_assert_eq(after.count, 1);
    cr_expect_eq(after.heads[0].sequence, before.heads[0].sequence + 2);
    cr_expect_eq(stage_damages(&it, text), 0, "%s", text);
    cr_expect(scratch_holds(it.folder, "FORMAT", "counterfoil store 2\n"));
    cf_heads_release(&before);
    cf_heads_release(&old);
    cf_heads_release(&after);
    cf_buffer_release(&wire);
    stage_end(&it);
}

/* Names, sizes and times of all files, as text. */
static void describe_folder(const stage *it, cf_buffer *out)
{
    struct dirent **entries;
    int count = scandir(it->folder->path, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        struct stat status;
        char path[512];

        snprintf(path, sizeof path, "%s/%s", it->folder->path, entries[i]->d_name);
        cr_assert_eq(stat(path, &status), 0);
        if (strcmp(entries[i]->d_name, "..") != 0) /* where other tests make folders */
            cf_buffer_append_text(out, "%s %ld %ld.%09ld\n", entries[i]->d_name, status.st_size,
                                  status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
        free(entries[i]);
    }
    free(entries);
}

Test(store_rocksdb, leaves_a_newer_format_untouched)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    cf_buffer before = {0}, after = {0};

    stage_append_tens(&it, &ann, 1);
    cf_store_destroy(&it.store);
    scratch_write(it.folder, "FORMAT", "counterfoil store 3\n");
    describe_folder(&it, &before);
    expect_fails(try_open(&it), CF_BROKEN);
    cr_assert_not_null(strstr(it.error.text, "newer format 3"), "%s", it.error.text);
    describe_folder(&it, &after);
    cr_assert(cf_bytes_equal(cf_buffer_view(&before), cf_buffer_view(&after)));
    scratch_write(it.folder, "FORMAT", "counterfoil store 1\n");
    expect_ok(try_open(&it), it.error);
    expect_positions(&it, &ann_user, 1, 10);
    cf_buffer_release(&before);
    cf_buffer_release(&after);
    stage_end(&it);
}

Test(store_rocksdb, refuses_a_format_that_makes_no_sense)
{
    static const char *const texts[] = {"",
                                        "counterfoil store",
                                        "counterfoil store x\n",
                                        "counterfoil store 1",
                                        "counterfoil store 0\n",
                                        "counterfoil store 99999999999999999999999\n"};
    stage it = a_stage(STORE_IN_ROCKSDB);

    cf_store_destroy(&it.store);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        scratch_write(it.folder, "FORMAT", texts[i]);
        expect_fails(try_open(&it), CF_BROKEN);
    }
    scratch_remove(it.folder, "FORMAT");
    expect_fails(try_open(&it), CF_BROKEN);
    scratch_mkdir(it.folder, "FORMAT");
    expect_fails(try_open(&it), CF_IO); /* what can't be read is not damaged */
    stage_end(&it);
}

Test(store_rocksdb, refuses_a_second_opener)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    cf_store *second = NULL;

    expect_fails(open_at(it.folder->path, &second, &it.error), CF_LOCKED);
    stage_end(&it);
}

Test(store_rocksdb, refuses_another_process)
{
    scratch *folder = scratch_new();
    int hold[2], status;
    char byte;
    cf_error error;
    cf_store *store;

    cr_assert_eq(pipe(hold), 0);
    pid_t child = fork();
    if (child == 0) {
        if (open_at(folder->path, &store, &error) || write(hold[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    cr_assert_eq(read(hold[0], &byte, 1), 1);
    expect_fails(open_at(folder->path, &store, &error), CF_LOCKED);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    expect_ok(open_at(folder->path, &store, &error), error);
    cf_store_destroy(&store);
    scratch_destroy(&folder);
}

Test(store_rocksdb, loses_nothing_on_a_full_disk_and_goes_on_with_room)
{
    static uint8_t body[100000];
    stage it = {.kind = STORE_IN_ROCKSDB, .folder = scratch_new()};
    author ann = an_author(1);
    cf_buffer wire = {0};
    char text[CF_ERROR_TEXT];
    uint64_t stored = 0;

    small_disk_mount(it.folder->path, 32 << 20);
    expect_ok(try_open(&it), it.error);
    expect_ok(it.store->acquire(it.store, &ann_user, &it.epoch, &it.error), it.error);
    small_disk_fill(it.folder->path, 4 << 20);
    do {
        author_write(&ann, cf_bytes_of(body, sizeof body), &wire);
        stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&wire));
        if (it.store->commit(it.store, &it.error) == CF_OK)
            stored = it.position;
    } while (it.answer == CF_APPEND_STORED && stored < 500);
    cr_assert_eq(it.answer, CF_APPEND_FAILED);
    cr_assert_eq(it.error.status, CF_FULL, "%s", it.error.text);
    cr_assert(stored > 0);
    cr_assert(stored < 500);
    expect_fails(it.store->write(it.store, &ann_user, NULL, 0, true, &it.error), CF_FULL);
    expect_fails(it.store->reopen(it.store, &it.error), CF_FULL);
    expect_positions(&it, &ann_user, stored, stored); /* reading goes on */
    expect_positions(&it, &ann_user, 1, stored);

    small_disk_make_room(it.folder->path);
    expect_ok(it.store->reopen(it.store, &it.error), it.error);
    stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&wire));
    expect_commit(&it);
    cr_assert(it.answer == CF_APPEND_STORED || it.answer == CF_APPEND_HAVE);
    cr_assert_eq(it.position, stored + 1);
    expect_append(&it, &ann, CF_APPEND_STORED, stored + 2);
    expect_positions(&it, &ann_user, 1, stored + 2);
    cr_assert_eq(stage_damages(&it, text), 0, "%s", text);
    cf_buffer_release(&wire);
    cf_store_destroy(&it.store);
    small_disk_unmount(it.folder->path);
    scratch_destroy(&it.folder);
}

Test(store_rocksdb, takes_appends_after_a_write_for_which_there_was_no_room)
{
    stage it = {.kind = STORE_IN_ROCKSDB, .folder = scratch_new()};
    author ann = an_author(1);
    const cf_kv record = {cf_bytes_of_text("jone"), cf_bytes_of_text("value")};
    uint64_t epoch;

    small_disk_mount(it.folder->path, 32 << 20);
    expect_ok(try_open(&it), it.error);
    expect_ok(it.store->acquire(it.store, &ann_user, &it.epoch, &it.error), it.error);
    small_disk_fill(it.folder->path, 1 << 19);
    expect_fails(it.store->write(it.store, &ann_user, &record, 1, false, &it.error), CF_FULL);
    expect_fails(it.store->acquire(it.store, &ann_user, &epoch, &it.error), CF_FULL);
    expect_commit(&it); /* of nothing, which needs no room */
    small_disk_make_room(it.folder->path);
    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    cf_store_destroy(&it.store);
    small_disk_unmount(it.folder->path);
    scratch_destroy(&it.folder);
}

Test(store_rocksdb, stays_within_few_files_and_log_lines)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    size_t logs = 0;

    for (int i = 0; i < 8; i++)
        stage_crash(&it);
    DIR *folder = opendir(it.folder->path);
    struct dirent *entry;
    while ((entry = readdir(folder)))
        logs += strncmp(entry->d_name, "LOG", 3) == 0;
    closedir(folder);
    cr_assert_leq(logs, 5);
    stage_end(&it);
}
