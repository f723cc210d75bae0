/* SPDX-License-Identifier: Apache-2.0 */
/* What every store says of a user's size, and how it forgets one. */
#include "tests/broker/store/store_fixture.h"

#include <criterion/parameterized.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVERY_STORE(name)                                                                          \
    ParameterizedTestParameters(forget, name)                                                      \
    {                                                                                              \
        static store_kind kinds[STORE_KINDS] = {STORE_IN_MEMORY, STORE_IN_ROCKSDB,                 \
                                                STORE_ACTOR_OF_MEMORY, STORE_ACTOR_OF_ROCKSDB};    \
        return cr_make_param_array(store_kind, kinds, STORE_KINDS);                                \
    }                                                                                              \
    ParameterizedTest(store_kind *kind, forget, name)

static uint64_t size_of(stage *self, const cf_hash *user)
{
    uint64_t size = 0;

    expect_ok(self->store->size(self->store, user, &size, &self->error), self->error);
    return size;
}

/* Appends for ann, and gives the size of the entry. */
static uint64_t append_one(stage *self, author *writer)
{
    cf_buffer wire = {0};

    stage_append(self, writer, &wire);
    uint64_t size = wire.size;
    cf_buffer_release(&wire);
    return size;
}

EVERY_STORE(counts_each_byte_of_entries_once)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    uint64_t sum = 0;
    cf_buffer wire = {0};

    cr_assert_eq(size_of(&it, &ann_user), 0);
    for (int i = 0; i < 20; i++)
        sum += append_one(&it, &ann);
    stage_append(&it, &ann, &wire);
    sum += wire.size;
    expect_commit(&it);
    cr_assert_eq(size_of(&it, &ann_user), sum);

    stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&wire));
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_HAVE);
    cr_assert_eq(size_of(&it, &ann_user), sum, "held already");

    stage_write(&it, &ann_user, "record", "not an entry", true);
    cr_assert_eq(size_of(&it, &ann_user), sum);
    cr_assert_eq(size_of(&it, &bob_user), 0);
    cf_buffer_release(&wire);
    stage_end(&it);
}

EVERY_STORE(counts_the_same_after_a_crash)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    uint64_t sum = append_one(&it, &ann);

    expect_commit(&it);
    if (!it.actor) /* whose thread commits by itself */
        append_one(&it, &ann);
    stage_crash(&it);
    cr_assert_eq(size_of(&it, &ann_user), sum);
    stage_end(&it);
}

static bool is_ann(void *context, const cf_hash *user)
{
    bool *found = context;

    *found = *found || cf_hash_equal(user, &ann_user);
    return true;
}

static bool any_head(void *context, const cf_head *head)
{
    (void)head;
    *(bool *)context = true;
    return false;
}

EVERY_STORE(forgets_all_of_one_user_and_nothing_of_others)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    bool found = false;
    uint64_t position = 0;

    append_one(&it, &ann);
    append_one(&it, &ann);
    expect_commit(&it);
    stage_write(&it, &ann_user, "key", "ann's", true);
    stage_write(&it, &bob_user, "key", "bob's", true);

    expect_ok(it.store->forget(it.store, &ann_user, &it.error), it.error);

    for (int i = 0; i < 2; i++) {
        expect_ok(it.store->last(it.store, &ann_user, &position, &it.error), it.error);
        cr_assert_eq(position, 0);
        cr_assert_eq(size_of(&it, &ann_user), 0);
        expect_positions(&it, &ann_user, 1, 0);
        expect_record(&it, &ann_user, "key", NULL);
        expect_record(&it, &bob_user, "key", "bob's");
        expect_ok(it.store->heads(it.store, &ann_user, any_head, &found, &it.error), it.error);
        expect_ok(it.store->users(it.store, is_ann, &found, &it.error), it.error);
        cr_assert_not(found);
        if (i == 0)
            expect_ok(it.store->purge(it.store, &ann_user, &it.error), it.error);
        expect_commit(&it);
    }
    stage_end(&it);
}

EVERY_STORE(fences_who_appends_for_a_user_that_is_forgotten)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);

    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    expect_ok(it.store->forget(it.store, &ann_user, &it.error), it.error);

    ann = an_author(1);
    append_one(&it, &ann);
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_FENCED);

    ann = an_author(1);
    expect_ok(it.store->acquire(it.store, &ann_user, &it.epoch, &it.error), it.error);
    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    stage_end(&it);
}

/* ---- The files of RocksDB ---- */

static bool file_has(const char *path, cf_bytes bytes)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    cr_assert_geq(file, 0);
    cr_assert_eq(fstat(file, &status), 0);
    uint8_t *content = malloc((size_t)status.st_size + 1);
    ssize_t size = read(file, content, (size_t)status.st_size);
    bool found = memmem(content, (size_t)size, bytes.data, bytes.size) != NULL;
    free(content);
    close(file);
    return found;
}

/* In how many files of the store. */
static size_t files_with(const stage *self, cf_bytes bytes)
{
    DIR *folder = opendir(self->folder->path);
    size_t count = 0;

    cr_assert_not_null(folder);
    for (struct dirent *it; (it = readdir(folder));) {
        char path[1024];

        snprintf(path, sizeof path, "%s/%s", self->folder->path, it->d_name);
        if (it->d_type == DT_REG)
            count += file_has(path, bytes);
    }
    closedir(folder);
    return count;
}

static void append_many(stage *self, author *writer, const char *text)
{
    cf_buffer wire = {0};

    for (int i = 0; i < 50; i++) {
        cf_buffer_clear(&wire);
        author_write(writer, cf_bytes_of_text(text), &wire);
        stage_append_wire(self, &ann_user, self->epoch, cf_buffer_view(&wire));
        expect_commit(self);
    }
    cf_buffer_release(&wire);
}

Test(forget, leaves_no_byte_in_any_file_of_rocksdb)
{
    static const store_kind kinds[] = {STORE_IN_ROCKSDB, STORE_ACTOR_OF_ROCKSDB};

    for (size_t i = 0; i < 2; i++) {
        stage it = a_stage(kinds[i]);
        author ann = an_author(1);
        cf_bytes id = cf_bytes_of(ann_user.bytes, CF_HASH_SIZE);
        cf_bytes body = cf_bytes_of_text("the words of ann");

        stage_write(&it, &bob_user, "key", "the words of bob", true);
        append_many(&it, &ann, "the words of ann");
        stage_crash(&it); /* the log goes into tables */
        append_many(&it, &ann, "the words of ann");
        cr_assert_gt(files_with(&it, id), 1);
        cr_assert_gt(files_with(&it, body), 1, "in a table and in the log");

        expect_ok(it.store->forget(it.store, &ann_user, &it.error), it.error);
        expect_ok(it.store->purge(it.store, &ann_user, &it.error), it.error);
        expect_commit(&it);

        cr_assert_eq(files_with(&it, body), 0);
        cr_assert_eq(files_with(&it, id), 0);
        cr_assert_gt(files_with(&it, cf_bytes_of_text("the words of bob")), 0);
        expect_record(&it, &bob_user, "key", "the words of bob");
        stage_end(&it);
    }
}
