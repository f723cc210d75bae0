/* SPDX-License-Identifier: Apache-2.0 */
/* What every store does with private records. */
#include "tests/broker/store/store_fixture.h"

#include <criterion/parameterized.h>
#include <stdio.h>

#define EVERY_STORE(name)                                                                          \
    ParameterizedTestParameters(records, name)                                                     \
    {                                                                                              \
        static store_kind kinds[STORE_KINDS] = {STORE_IN_MEMORY, STORE_IN_ROCKSDB,                 \
                                                STORE_ACTOR_OF_MEMORY, STORE_ACTOR_OF_ROCKSDB};    \
        return cr_make_param_array(store_kind, kinds, STORE_KINDS);                                \
    }                                                                                              \
    ParameterizedTest(store_kind *kind, records, name)

EVERY_STORE(writes_replaces_and_deletes)
{
    stage it = a_stage(*kind);

    expect_record(&it, &ann_user, "key", NULL);
    stage_write(&it, &ann_user, "key", "value", true);
    expect_record(&it, &ann_user, "key", "value");
    stage_write(&it, &ann_user, "key", "", true);
    expect_record(&it, &ann_user, "key", "");
    stage_write(&it, &ann_user, "key", NULL, true);
    expect_record(&it, &ann_user, "key", NULL);
    stage_end(&it);
}

EVERY_STORE(keeps_synced_records_over_a_crash)
{
    stage it = a_stage(*kind);

    stage_write(&it, &ann_user, "a", "1", true);
    stage_write(&it, &ann_user, "b", "", true);
    stage_crash(&it);
    expect_record(&it, &ann_user, "a", "1");
    expect_record(&it, &ann_user, "b", "");
    stage_end(&it);
}

EVERY_STORE(shows_unsynced_records_and_syncs_them_with_the_next_commit)
{
    stage it = a_stage(*kind);

    stage_write(&it, &ann_user, "a", "1", false);
    expect_record(&it, &ann_user, "a", "1");
    expect_commit(&it);
    stage_crash(&it);
    expect_record(&it, &ann_user, "a", "1");
    stage_end(&it);
}

EVERY_STORE(commits_records_with_their_entry_or_not_at_all)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_kv record = {cf_bytes_of_text("state"), cf_bytes_of_text("first")};
    cf_append append = {.user = ann_user,
                        .epoch = it.epoch,
                        .entry = &entry,
                        .records = &record,
                        .record_count = 1};

    author_write(&ann, cf_bytes_of_text("body"), &wire);
    expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &it.error), it.error);
    stage_append_with(&it, &append);
    if (!it.actor)
        expect_record(&it, &ann_user, "state", NULL);
    expect_commit(&it);
    expect_record(&it, &ann_user, "state", "first");

    record.value = cf_bytes_of_text("again");
    stage_append_with(&it, &append);
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_HAVE);
    expect_record(&it, &ann_user, "state", "first");

    entry.header.sequence = 3;
    entry.hash.bytes[0] ^= 1;
    stage_append_with(&it, &append);
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_GAP);
    expect_record(&it, &ann_user, "state", "first");
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    stage_end(&it);
}

EVERY_STORE(commits_records_without_an_entry)
{
    stage it = a_stage(*kind);
    cf_kv records[] = {{cf_bytes_of_text("a"), cf_bytes_of_text("1")},
                       {cf_bytes_of_text("b"), cf_bytes_of_text("2")},
                       {cf_bytes_of_text("a"), {0}}};
    cf_append append = {.user = ann_user, .epoch = it.epoch, .records = records, .record_count = 3};

    stage_append_with(&it, &append);
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_STORED);
    cr_assert_eq(it.position, 0);
    expect_record(&it, &ann_user, "a", NULL);
    expect_record(&it, &ann_user, "b", "2");
    stage_end(&it);
}

EVERY_STORE(writes_after_what_was_queued)
{
    stage it = a_stage(*kind);
    cf_kv record = {cf_bytes_of_text("a"), cf_bytes_of_text("queued")};
    cf_append append = {.user = ann_user, .epoch = it.epoch, .records = &record, .record_count = 1};

    stage_append_with(&it, &append);
    stage_write(&it, &ann_user, "a", "written", true);
    expect_record(&it, &ann_user, "a", "written");
    expect_commit(&it);
    cr_assert_eq(it.answered, 1);
    expect_record(&it, &ann_user, "a", "written");
    stage_end(&it);
}

typedef struct {
    stage *it;
    char keys[256];
} listing;

static bool note_key(void *context, cf_bytes key, cf_bytes value)
{
    listing *list = context;
    size_t used = strlen(list->keys);
    (void)value;

    snprintf(list->keys + used, sizeof list->keys - used, "%.*s ", (int)key.size,
             (const char *)key.data);
    return true;
}

EVERY_STORE(scans_a_prefix_in_order)
{
    stage it = a_stage(*kind);
    listing list = {0};

    stage_write(&it, &ann_user, "ib", "", true);
    stage_write(&it, &ann_user, "i\xff\xff", "", true);
    stage_write(&it, &ann_user, "i", "", true);
    stage_write(&it, &ann_user, "j", "", true);
    stage_write(&it, &ann_user, "h", "", true);
    stage_write(&it, &ann_user, "ia", "", true);
    stage_write(&it, &bob_user, "ic", "", true);
    expect_ok(
        it.store->scan(it.store, &ann_user, cf_bytes_of_text("i"), note_key, &list, &it.error),
        it.error);
    cr_assert_str_eq(list.keys, "i ia ib i\xff\xff ");
    list.keys[0] = '\0';
    expect_ok(it.store->scan(it.store, &ann_user, (cf_bytes){0}, note_key, &list, &it.error),
              it.error);
    cr_assert_str_eq(list.keys, "h i ia ib i\xff\xff j ");
    stage_end(&it);
}

static bool delete_key(void *context, cf_bytes key, cf_bytes value)
{
    listing *list = context;
    cf_kv record = {.key = key};
    cf_error error;
    (void)value;

    expect_ok(list->it->store->write(list->it->store, &ann_user, &record, 1, false, &error), error);
    return note_key(list, key, value);
}

EVERY_STORE(lets_a_visitor_write)
{
    stage it = a_stage(*kind);
    listing list = {.it = &it};

    stage_write(&it, &ann_user, "da", "", true);
    stage_write(&it, &ann_user, "db", "", true);
    stage_write(&it, &ann_user, "dc", "", true);
    expect_ok(
        it.store->scan(it.store, &ann_user, cf_bytes_of_text("d"), delete_key, &list, &it.error),
        it.error);
    cr_assert_str_eq(list.keys, "da db dc ");
    list.keys[0] = '\0';
    expect_ok(
        it.store->scan(it.store, &ann_user, cf_bytes_of_text("d"), note_key, &list, &it.error),
        it.error);
    cr_assert_str_eq(list.keys, "");
    stage_end(&it);
}

static cf_append_answer append_expecting(stage *it, author *writer, const char *key,
                                         const char *before, const char *after)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_kv expected = {cf_bytes_of_text(key), before ? cf_bytes_of_text(before) : (cf_bytes){0}};
    cf_kv record = {cf_bytes_of_text(key), after ? cf_bytes_of_text(after) : (cf_bytes){0}};
    cf_append append = {.user = ann_user,
                        .epoch = it->epoch,
                        .entry = writer ? &entry : NULL,
                        .records = &record,
                        .record_count = 1,
                        .expected = &expected,
                        .expected_count = 1};

    if (writer) {
        author_write(writer, cf_bytes_of_text("body"), &wire);
        expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &it->error), it->error);
    }
    stage_append_with(it, &append);
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return it->answer;
}

EVERY_STORE(compares_what_is_expected_before_it_sets)
{
    stage it = a_stage(*kind);
    author ann = an_author(1), bob = an_author(2);

    append_expecting(&it, NULL, "lease", NULL, "1");
    expect_commit(&it);
    cr_expect_eq(it.answer, CF_APPEND_STORED);
    append_expecting(&it, &bob, "lease", NULL, "2");
    expect_commit(&it);
    cr_expect_eq(it.answer, CF_APPEND_CHANGED);
    append_expecting(&it, NULL, "lease", "0", "2");
    expect_commit(&it);
    cr_expect_eq(it.answer, CF_APPEND_CHANGED);
    append_expecting(&it, NULL, "absent", "", "2");
    expect_commit(&it);
    cr_expect_eq(it.answer, CF_APPEND_CHANGED, "an empty record is one");
    expect_record(&it, &ann_user, "lease", "1");
    append_expecting(&it, &ann, "lease", "1", NULL);
    expect_commit(&it);
    cr_expect_eq(it.answer, CF_APPEND_STORED);
    cr_expect_eq(it.position, 1);
    expect_positions(&it, &ann_user, 1, 1);
    expect_record(&it, &ann_user, "lease", NULL);
    stage_end(&it);
}

EVERY_STORE(compares_with_what_is_in_the_queue)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);

    append_expecting(&it, NULL, "lease", NULL, "1");
    append_expecting(&it, &ann, "lease", NULL, "2");
    expect_commit(&it);
    cr_expect_eq(it.answered, 2);
    cr_expect_eq(it.answer, CF_APPEND_CHANGED);
    expect_record(&it, &ann_user, "lease", "1");
    stage_end(&it);
}
