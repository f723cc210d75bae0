/* SPDX-License-Identifier: Apache-2.0 */
/* What every store does. */
#include "tests/broker/store/store_fixture.h"

#include "codec/heads.h"

#include <criterion/parameterized.h>

#define EVERY_STORE(name)                                                                          \
    ParameterizedTestParameters(stores, name)                                                      \
    {                                                                                              \
        static store_kind kinds[STORE_KINDS] = {STORE_IN_MEMORY, STORE_IN_ROCKSDB,                 \
                                                STORE_ACTOR_OF_MEMORY, STORE_ACTOR_OF_ROCKSDB};    \
        return cr_make_param_array(store_kind, kinds, STORE_KINDS);                                \
    }                                                                                              \
    ParameterizedTest(store_kind *kind, stores, name)

EVERY_STORE(reads_entries_back_in_order_of_arrival)
{
    stage it = a_stage(*kind);
    author ann = an_author(1), bob = an_author(2);

    expect_positions(&it, &ann_user, 1, 0);
    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    expect_append(&it, &bob, CF_APPEND_STORED, 2);
    expect_append(&it, &ann, CF_APPEND_STORED, 3);
    expect_positions(&it, &ann_user, 1, 3);
    expect_positions(&it, &ann_user, 2, 3);
    expect_positions(&it, &ann_user, 4, 3);
    stage_end(&it);
}

EVERY_STORE(commits_what_was_queued_at_once)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    cf_buffer wire = {0};

    for (int i = 0; i < 100; i++)
        stage_append(&it, &ann, &wire);
    expect_commit(&it);
    cr_assert_eq(it.answered, 100);
    cr_assert_eq(it.answer, CF_APPEND_STORED);
    cr_assert_eq(it.position, 100);
    expect_positions(&it, &ann_user, 1, 100);
    cf_buffer_release(&wire);
    stage_end(&it);
}

static bool keep_wire(void *context, uint64_t position, cf_bytes wire)
{
    cf_buffer *kept = context;
    (void)position;

    cf_buffer_append(kept, wire.data, wire.size);
    return false;
}

EVERY_STORE(gives_the_bytes_back_and_stops_when_the_visitor_does)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    cf_buffer wire = {0}, kept = {0};

    stage_append(&it, &ann, &wire);
    expect_commit(&it);
    expect_append(&it, &ann, CF_APPEND_STORED, 2);
    expect_ok(it.store->read(it.store, &ann_user, 1, keep_wire, &kept, &it.error), it.error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&kept), cf_buffer_view(&wire)));
    cf_buffer_release(&wire);
    cf_buffer_release(&kept);
    stage_end(&it);
}

EVERY_STORE(knows_an_entry_that_it_has)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    cf_buffer wire = {0};

    stage_append(&it, &ann, &wire);
    stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&wire));
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_HAVE);
    cr_assert_eq(it.position, 1);
    stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&wire));
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_HAVE);
    cr_assert_eq(it.position, 1);
    expect_positions(&it, &ann_user, 1, 1);
    cf_buffer_release(&wire);
    stage_end(&it);
}

EVERY_STORE(refuses_an_entry_whose_predecessor_is_not_held)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    cf_buffer first = {0}, second = {0};

    author_write(&ann, cf_bytes_of_text("first"), &first);
    stage_append(&it, &ann, &second);
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_GAP);
    cr_assert_eq(it.position, 0);
    expect_positions(&it, &ann_user, 1, 0);
    stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&first));
    stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&second));
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_STORED);
    expect_positions(&it, &ann_user, 1, 2);
    cf_buffer_release(&first);
    cf_buffer_release(&second);
    stage_end(&it);
}

/* The same sequence after another predecessor: the chain goes by hashes, not by numbers. */
EVERY_STORE(refuses_an_entry_that_follows_another_branch)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    cf_buffer unknown = {0};

    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    author clone = ann;
    author_write(&clone, cf_bytes_of_text("never sent"), &unknown);
    expect_append(&it, &ann, CF_APPEND_STORED, 2);
    expect_append(&it, &clone, CF_APPEND_GAP, 0);
    cf_buffer_release(&unknown);
    stage_end(&it);
}

static bool note_head(void *context, const cf_head *head)
{
    cf_heads *heads = context;

    if (heads->count > 0)
        cr_expect(cf_head_compare(&heads->heads[heads->count - 1], head) < 0);
    cf_heads_insert(heads, head);
    return true;
}

static cf_heads heads_of(stage *it, const cf_hash *user)
{
    cf_heads heads = {0};

    expect_ok(it->store->heads(it->store, user, note_head, &heads, &it->error), it->error);
    return heads;
}

static cf_head head_of(const author *writer)
{
    return (cf_head){writer->next.writer, writer->next.sequence - 1, writer->next.previous};
}

EVERY_STORE(keeps_both_branches_of_a_fork)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    char text[CF_ERROR_TEXT];

    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    author clone = ann;
    clone.next.epoch.bytes[0] ^= 1;
    expect_append(&it, &ann, CF_APPEND_STORED, 2);
    expect_append(&it, &clone, CF_APPEND_STORED, 3);
    cf_head left = head_of(&ann), right = head_of(&clone);
    cr_assert_eq(left.sequence, right.sequence);
    cf_heads heads = heads_of(&it, &ann_user);
    cr_assert_eq(heads.count, 2);
    cr_assert(cf_heads_contain(&heads, &left));
    cr_assert(cf_heads_contain(&heads, &right));
    cf_heads_release(&heads);
    expect_append(&it, &clone, CF_APPEND_STORED, 4);
    expect_positions(&it, &ann_user, 1, 4);
    heads = heads_of(&it, &ann_user);
    cr_assert_eq(heads.count, 2);
    cr_assert(cf_heads_contain(&heads, &left));
    cf_heads_release(&heads);
    cr_assert_eq(stage_damages(&it, text), 0, "%s", text);
    stage_end(&it);
}

EVERY_STORE(names_the_ends_of_all_chains)
{
    stage it = a_stage(*kind);
    author writers[9];

    for (uint8_t i = 0; i < 9; i++) {
        writers[i] = an_author((uint8_t)(i + 1));
        for (uint8_t j = 0; j <= i; j++)
            expect_append(&it, &writers[i], CF_APPEND_STORED, it.answered + 1);
    }
    cf_heads heads = heads_of(&it, &ann_user);
    cr_assert_eq(heads.count, 9);
    for (size_t i = 0; i < 9; i++) {
        cf_head end = head_of(&writers[i]);
        cr_assert(cf_heads_contain(&heads, &end));
    }
    cf_heads_release(&heads);
    stage_end(&it);
}

EVERY_STORE(finds_an_entry_by_its_name)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    uint64_t position;

    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    cf_head first = head_of(&ann);
    expect_append(&it, &ann, CF_APPEND_STORED, 2);
    expect_ok(it.store->find(it.store, &ann_user, &first, &position, &it.error), it.error);
    cr_assert_eq(position, 1);
    first.hash.bytes[31] ^= 1;
    expect_fails(it.store->find(it.store, &ann_user, &first, &position, &it.error), CF_MISSING);
    stage_end(&it);
}

typedef struct {
    uint64_t sequences[8], positions[8];
    size_t count;
} chain_list;

static bool note_link(void *context, const cf_head *entry, uint64_t position)
{
    chain_list *list = context;

    list->sequences[list->count] = entry->sequence;
    list->positions[list->count++] = position;
    return list->count < 4;
}

EVERY_STORE(walks_the_chain_of_a_writer)
{
    stage it = a_stage(*kind);
    author ann = an_author(1), bob = an_author(2);
    chain_list list = {0};

    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    expect_append(&it, &bob, CF_APPEND_STORED, 2);
    author clone = ann;
    clone.next.epoch.bytes[0] ^= 1;
    for (uint64_t i = 3; i < 6; i++)
        expect_append(&it, &ann, CF_APPEND_STORED, i);
    expect_append(&it, &clone, CF_APPEND_STORED, 6);
    expect_append(&it, &bob, CF_APPEND_STORED, 7);
    expect_ok(
        it.store->chain(it.store, &ann_user, &ann.next.writer, 3, note_link, &list, &it.error),
        it.error);
    cr_assert_eq(list.count, 2);
    cr_assert_eq(list.sequences[0], 3);
    cr_assert_eq(list.positions[0], 4);
    cr_assert_eq(list.positions[1], 5);
    list.count = 0;
    expect_ok(
        it.store->chain(it.store, &ann_user, &ann.next.writer, 1, note_link, &list, &it.error),
        it.error);
    cr_assert_eq(list.count, 4); /* then the visitor stopped */
    cr_assert_eq(list.positions[0], 1);
    cr_assert_eq(list.positions[1] + list.positions[2], 3 + 6);
    cr_assert_eq(list.sequences[2], 2);
    cr_assert_eq(list.sequences[3], 3);
    stage_end(&it);
}

EVERY_STORE(keeps_users_apart)
{
    stage it = a_stage(*kind);
    author ann = an_author(1), bob = an_author(1);
    cf_buffer wire = {0};
    uint64_t epoch, position;

    expect_ok(it.store->acquire(it.store, &bob_user, &epoch, &it.error), it.error);
    bob.next.user = bob_user;
    bob.next.writer =
        cf_writer_id(&bob_user, &bob.next.device, &bob.next.collection, bob.next.previous.bytes);
    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    expect_append(&it, &ann, CF_APPEND_STORED, 2);
    author_write(&bob, cf_bytes_of_text("body"), &wire);
    stage_append_wire(&it, &bob_user, epoch, cf_buffer_view(&wire));
    expect_commit(&it);
    cr_assert_eq(it.position, 1);
    expect_positions(&it, &ann_user, 1, 2);
    expect_positions(&it, &bob_user, 1, 1);
    cf_head anns = head_of(&ann), bobs = head_of(&bob);
    expect_fails(it.store->find(it.store, &bob_user, &anns, &position, &it.error), CF_MISSING);
    expect_fails(it.store->find(it.store, &ann_user, &bobs, &position, &it.error), CF_MISSING);
    cf_heads heads = heads_of(&it, &bob_user);
    cr_assert_eq(heads.count, 1);
    cf_heads_release(&heads);
    stage_write(&it, &ann_user, "key", "ann's", true);
    expect_record(&it, &bob_user, "key", NULL);
    cf_buffer_release(&wire);
    stage_end(&it);
}

typedef struct {
    cf_hash last;
    size_t count;
} user_count;

static bool count_user(void *context, const cf_hash *user)
{
    user_count *seen = context;

    if (seen->count++ > 0)
        cr_expect(cf_hash_compare(&seen->last, user) < 0);
    seen->last = *user;
    return true;
}

EVERY_STORE(holds_many_users)
{
    stage it = a_stage(*kind);
    user_count seen = {0};
    char text[CF_ERROR_TEXT];

    for (uint8_t i = 0; i < 100; i++) {
        author each = an_author(1);
        cf_hash user = {{(uint8_t)(i * 41), 0xFF, i}};
        cf_buffer wire = {0};
        uint64_t epoch;

        expect_ok(it.store->acquire(it.store, &user, &epoch, &it.error), it.error);
        each.next.user = user;
        each.next.writer =
            cf_writer_id(&user, &each.next.device, &each.next.collection, each.next.previous.bytes);
        for (uint8_t j = 0; j < i % 3; j++) {
            author_write(&each, cf_bytes_of_text("body"), &wire);
            stage_append_wire(&it, &user, epoch, cf_buffer_view(&wire));
        }
        cf_buffer_release(&wire);
    }
    expect_commit(&it);
    stage_crash(&it);
    for (uint8_t i = 0; i < 100; i++) {
        cf_hash user = {{(uint8_t)(i * 41), 0xFF, i}};
        expect_positions(&it, &user, 1, i % 3);
    }
    expect_ok(it.store->users(it.store, count_user, &seen, &it.error), it.error);
    cr_assert_eq(seen.count, 101); /* and ann */
    cr_assert_eq(stage_damages(&it, text), 0, "%s", text);
    stage_end(&it);
}

EVERY_STORE(forgets_what_was_not_committed)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    cf_buffer wire = {0};

    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    expect_append(&it, &ann, CF_APPEND_STORED, 2);
    if (!it.actor) { /* that one commits by itself */
        stage_append(&it, &ann, &wire);
        expect_positions(&it, &ann_user, 1, 2);
    }
    stage_crash(&it);
    expect_positions(&it, &ann_user, 1, 2);
    cf_buffer_release(&wire);
    stage_end(&it);
}

EVERY_STORE(fences_who_acquired_earlier)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    uint64_t earlier = it.epoch;

    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    expect_ok(it.store->acquire(it.store, &ann_user, &it.epoch, &it.error), it.error);
    cr_assert_gt(it.epoch, earlier);
    author other = ann;
    uint64_t current = it.epoch;
    it.epoch = earlier;
    expect_append(&it, &other, CF_APPEND_FENCED, 0);
    it.epoch = current;
    expect_append(&it, &ann, CF_APPEND_STORED, 2);
    stage_crash(&it);
    cr_assert_gt(it.epoch, current);
    stage_end(&it);
}

EVERY_STORE(fences_who_never_acquired)
{
    stage it = a_stage(*kind);
    cf_kv record = {cf_bytes_of_text("key"), cf_bytes_of_text("value")};
    cf_append append = {.user = bob_user, .epoch = 0, .records = &record, .record_count = 1};

    stage_append_with(&it, &append);
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_FENCED);
    expect_record(&it, &bob_user, "key", NULL);
    stage_end(&it);
}

EVERY_STORE(keeps_its_instance_id)
{
    stage it = a_stage(*kind);
    uint8_t before[16], after[16];

    it.store->instance(it.store, before);
    stage_crash(&it);
    it.store->instance(it.store, after);
    cr_assert(memcmp(before, after, sizeof before) == 0);
    cr_assert(memcmp(before, "instance of test", 16) == 0);
    stage_end(&it);
}

EVERY_STORE(verifies_without_a_complaint)
{
    stage it = a_stage(*kind);
    author ann = an_author(1), bob = an_author(2);
    char text[CF_ERROR_TEXT];

    for (uint64_t i = 0; i < 20; i++)
        expect_append(&it, i % 3 ? &ann : &bob, CF_APPEND_STORED, i + 1);
    stage_write(&it, &ann_user, "key", "value", true);
    cr_assert_eq(stage_damages(&it, text), 0, "%s", text);
    stage_end(&it);
}
