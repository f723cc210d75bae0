/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/heads.h"

#include "codec/limits.h"
#include "tests/support/author.h"
#include "tests/support/expect.h"
#include "tests/support/heads_of.h"

static const cf_head ann1 = {{"ann"}, 1, {"x"}}, ann2 = {{"ann"}, 2, {"x"}},
                     ann2_forked = {{"ann"}, 2, {"y"}}, bob7 = {{"bob"}, 7, {"z"}};

Test(heads, stay_in_order_and_hold_none_twice)
{
    cf_heads set = heads_of_all((cf_head[]){bob7, ann2_forked, ann1, ann2, ann1, bob7}, 6);
    size_t count;

    cr_assert_eq(set.count, 4);
    for (size_t i = 1; i < set.count; i++)
        cr_assert(cf_head_compare(&set.heads[i - 1], &set.heads[i]) < 0);
    const cf_head *of_ann = cf_heads_of_writer(&set, &ann1.writer, &count);
    cr_assert_eq(count, 3);
    cr_assert(cf_head_compare(&of_ann[0], &ann1) == 0);
    cr_assert_null(cf_heads_of_writer(&set, &(cf_id){"carl"}, &count));
    cf_heads_remove(&set, &ann2);
    cf_heads_remove(&set, &ann2);
    cr_assert_eq(set.count, 3);
    cr_assert(!cf_heads_contain(&set, &ann2));
    cr_assert(cf_heads_contain(&set, &ann2_forked));
    cf_heads_release(&set);
}

Test(heads, come_in_any_order_many_at_a_time)
{
    cf_heads one_by_one = heads_of_all((cf_head[]){bob7, ann2_forked, ann1, ann2}, 4), set = {0};

    cf_heads_add(&set, (cf_head[]){bob7, ann1, bob7}, 3);
    cf_heads_add(&set, (cf_head[]){ann2_forked, ann1, ann2}, 3);
    cf_heads_add(&set, NULL, 0);
    cr_assert_eq(set.count, one_by_one.count);
    for (size_t i = 0; i < set.count; i++)
        cr_assert(cf_head_compare(&set.heads[i], &one_by_one.heads[i]) == 0);
    cf_heads_release(&one_by_one);
    cf_heads_release(&set);
}

Test(heads, reach_as_far_as_the_longest_branch)
{
    cf_heads set = heads_of_all((cf_head[]){ann1, ann2_forked}, 2);

    cr_assert(cf_heads_reach(&set, &ann1.writer, 2));
    cr_assert(!cf_heads_reach(&set, &ann1.writer, 3));
    cr_assert(!cf_heads_reach(&set, &bob7.writer, 1));
    cf_heads_release(&set);
}

static cf_head write_one(author *self, const char *body, cf_heads *set)
{
    cf_arena arena = {0};
    cf_buffer wire = {0};
    cf_entry entry;
    cf_error error;

    author_write(self, cf_bytes_of_text(body), &wire);
    expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), error);
    cf_heads_advance(set, &entry);
    cf_head head = cf_head_of(&entry);
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return head;
}

Test(heads, follow_a_chain_and_keep_both_branches_of_a_fork)
{
    author ann = an_author(1);
    cf_heads set = {0};

    write_one(&ann, "1", &set);
    author clone = ann;
    write_one(&ann, "2", &set);
    cf_head third = write_one(&ann, "3", &set);
    cr_assert_eq(set.count, 1);
    cr_assert(cf_heads_contain(&set, &third));
    cf_head second = write_one(&clone, "2, on the clone", &set);
    cr_assert_eq(set.count, 2);
    cr_assert(cf_heads_contain(&set, &third));
    cr_assert(cf_heads_contain(&set, &second));
    write_one(&clone, "3, on the clone", &set);
    cr_assert_eq(set.count, 2);
    cr_assert(!cf_heads_contain(&set, &second));
    cf_heads_release(&set);
}

Test(heads, after_is_what_changed_since_the_writers_previous_entry)
{
    cf_id carl = {"carl"};
    cf_head own = {carl, 5, {"q"}};
    cf_heads collection = heads_of_all((cf_head[]){ann2, bob7, own}, 3);
    cf_heads members = heads_of_all((cf_head[]){ann2_forked}, 1),
             told = heads_of_all((cf_head[]){ann1, bob7}, 2);
    cf_heads after = {0};
    cf_author_seen seen = {&collection, &members, &told, &carl};

    cf_heads_after(&seen, &after);
    cr_assert_eq(after.count, 2);
    cr_assert(cf_head_compare(&after.heads[0], &ann2) == 0);
    cr_assert(cf_head_compare(&after.heads[1], &ann2_forked) == 0);
    cf_heads_release(&collection);
    cf_heads_release(&members);
    cf_heads_release(&told);
    cf_heads_release(&after);
}

Test(heads, are_read_back_and_refused_when_cut_or_too_many)
{
    cf_heads set = heads_of_all((cf_head[]){ann1, ann2, bob7}, 3), back = {0};
    cf_buffer out = {0};
    cf_error error;

    cf_heads_pack(&out, set.heads, set.count);
    cf_reader reader = cf_reader_of(cf_buffer_view(&out));
    expect_ok(cf_heads_read(&reader, 3, &back, &error), error);
    cr_assert_eq(back.count, 3);
    cr_assert(cf_head_compare(&back.heads[2], &bob7) == 0);
    reader = cf_reader_of(cf_buffer_view(&out));
    expect_fails(cf_heads_read(&reader, 2, &back, &error), CF_TOO_LARGE);
    for (size_t size = 0; size < out.size; size++) {
        reader = cf_reader_of(cf_bytes_of(out.data, size));
        expect_fails(cf_heads_read(&reader, 3, &back, &error), CF_MALFORMED);
    }
    cr_assert_eq(back.count, 3);
    cf_heads_release(&set);
    cf_heads_release(&back);
    cf_buffer_release(&out);
}

Test(heads, are_refused_out_of_order_without_a_sequence_or_of_another_form)
{
    const cf_head wrong[][2] = {{bob7, ann1},
                                {ann2, ann2},
                                {{{"ann"}, 0, {"x"}}, bob7},
                                {ann1, {{"bob"}, UINT64_MAX, {"x"}}}};
    cf_heads back = {0};
    cf_error error;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cf_buffer out = {0};

        cf_heads_pack(&out, wrong[i], 2);
        cf_reader reader = cf_reader_of(cf_buffer_view(&out));
        expect_fails(cf_heads_read(&reader, 9, &back, &error), CF_MALFORMED);
        cf_buffer_release(&out);
    }
    cf_reader reader = cf_reader_of(cf_bytes_of_text("\x91\x91\x01"));
    expect_fails(cf_heads_read(&reader, 9, &back, &error), CF_MALFORMED);
    cr_assert_null(back.heads);
}

Test(ladder, steps_down_from_the_highest_to_the_first)
{
    static const uint64_t wanted[] = {20, 19, 17, 13, 5, 1};
    uint64_t rungs[CF_LADDER_MAX];

    cr_assert_eq(cf_ladder(20, rungs), 6);
    cr_assert(memcmp(rungs, wanted, sizeof wanted) == 0);
    cr_assert_eq(cf_ladder(1, rungs), 1);
    cr_assert_eq(rungs[0], 1);
    cr_assert_eq(cf_ladder(0, rungs), 0);
    cr_assert_leq(cf_ladder(UINT64_MAX, rungs), CF_LADDER_MAX);
    size_t count = cf_ladder(CF_SEQUENCE_MAX, rungs);
    cr_assert_eq(rungs[count - 1], 1);
}
