/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/arena.h"
#include "codec/bytes.h"

#include "tests/support/expect.h"

#include <stdlib.h>

Test(bytes, order_by_content_then_length)
{
    cr_assert(cf_bytes_compare(cf_bytes_of_text("a"), cf_bytes_of_text("b")) < 0);
    cr_assert(cf_bytes_compare(cf_bytes_of_text("ab"), cf_bytes_of_text("a")) > 0);
    cr_assert(cf_bytes_compare(cf_bytes_of_text(""), cf_bytes_of(NULL, 0)) == 0);
    cr_assert(!cf_bytes_equal(cf_bytes_of_text("ab"), cf_bytes_of_text("a")));
}

Test(bytes, are_zero_where_each_is)
{
    uint8_t three[3] = {0};

    cr_expect(cf_bytes_are_zero((cf_bytes){0}));
    cr_expect(cf_bytes_are_zero(cf_bytes_of(three, 3)));
    for (size_t i = 0; i < 3; i++) {
        three[i] = 1;
        cr_expect_not(cf_bytes_are_zero(cf_bytes_of(three, 3)), "byte %zu", i);
        three[i] = 0;
    }
}

Test(buffer, grows_over_many_appends)
{
    cf_buffer buffer = {0};

    for (int i = 0; i < 1000; i++)
        cf_buffer_append_text(&buffer, "%d,", i);
    cr_assert_eq(buffer.size, 10 * 2 + 90 * 3 + 900 * 4);
    cr_assert(memcmp(buffer.data, "0,1,2,", 6) == 0);
    cf_buffer_release(&buffer);
    cr_assert_null(buffer.data);
}

Test(hex, reads_back_what_it_wrote_and_nothing_else)
{
    uint8_t bytes[3] = {0x00, 0x7f, 0xff}, back[3];
    char text[7];

    cf_hex(cf_bytes_of(bytes, 3), text);
    cr_assert_str_eq(text, "007fff");
    cr_assert(cf_unhex(text, back, 3));
    cr_assert(memcmp(bytes, back, 3) == 0);
    cr_assert(!cf_unhex("007ff", back, 3));
    cr_assert(!cf_unhex("007ffg", back, 3));
    cr_assert(!cf_unhex("007FFF", back, 3));
}

Test(numbers, are_big_endian)
{
    uint8_t bytes[8];

    cf_put_u64(bytes, UINT64_C(0x0102030405060708));
    cr_assert_eq(bytes[0], 1);
    cr_assert_eq(cf_get_u64(bytes), UINT64_C(0x0102030405060708));
    cf_put_u32(bytes, 0xfffefdfc);
    cr_assert_eq(cf_get_u32(bytes), 0xfffefdfc);
}

Test(text, is_copied_with_its_end)
{
    char *copy = cf_text_copy("ab"), *begun = cf_text_copy_of(cf_bytes_of("abc", 2)),
         *none = cf_text_copy_of((cf_bytes){0});

    cr_expect_str_eq(copy, "ab");
    cr_expect_str_eq(begun, "ab");
    cr_expect_str_eq(none, "");
    cr_expect_null(cf_text_copy(NULL));
    free(copy);
    free(begun);
    free(none);
}

Test(arena, gives_what_it_holds_to_another)
{
    cf_arena to = {0}, from = {0}, empty = {0};
    cf_bytes first = cf_arena_copy(&to, cf_bytes_of_text("first"));
    cf_bytes small = cf_arena_copy(&from, cf_bytes_of_text("small"));
    uint8_t *large = cf_arena_allocate(&from, 1, 1 << 20);

    memset(large, 7, 1 << 20);
    cf_arena_join(&to, &from);
    cf_arena_join(&to, &empty);
    cr_expect_null(from.blocks);
    cf_bytes last = cf_arena_copy(&to, cf_bytes_of_text("last"));
    cf_arena_release(&from);
    cr_expect(cf_bytes_equal(first, cf_bytes_of_text("first")));
    cr_expect(cf_bytes_equal(small, cf_bytes_of_text("small")));
    cr_expect(cf_bytes_equal(last, cf_bytes_of_text("last")));
    cr_expect_eq(large[(1 << 20) - 1], 7);
    cf_arena_join(&empty, &to);
    cr_expect_null(to.blocks);
    cr_expect(cf_bytes_equal(first, cf_bytes_of_text("first")));
    cf_arena_release(&empty);
}

Test(array, has_one_more_at_its_end_each_time)
{
    struct {
        uint32_t *at;
        size_t count, capacity;
    } list = {0};
    size_t moves = 0, before = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t *made = cf_one_more(list.at, list.count, list.capacity);

        cr_assert_eq(list.count, i + 1);
        cr_assert_eq(made, &list.at[i]);
        cr_assert_leq(list.count, list.capacity);
        *made = i;
        moves += list.capacity != before;
        before = list.capacity;
    }
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(list.at[i], i);
    cr_expect_leq(moves, 10, "it grew %zu times", moves);
    free(list.at);
}

static void insert(cf_buffer *buffer, size_t place, char letter)
{
    *cf_one_more_at(buffer->data, buffer->size, buffer->capacity, place) = (uint8_t)letter;
}

Test(array, has_one_more_at_its_beginning_its_end_and_between)
{
    static const uint8_t end[1000];
    cf_buffer letters = {0};

    insert(&letters, 0, 'b');
    insert(&letters, 0, 'a');
    insert(&letters, 2, 'd');
    insert(&letters, 2, 'c');
    cr_expect(cf_bytes_equal(cf_buffer_view(&letters), cf_bytes_of_text("abcd")));
    for (size_t i = 0; i < sizeof end; i++)
        insert(&letters, 2, 0);
    cr_assert_eq(letters.size, 4 + sizeof end);
    cr_expect_arr_eq(letters.data, "ab", 2);
    cr_expect_arr_eq(letters.data + 2, end, sizeof end);
    cr_expect_arr_eq(letters.data + 2 + sizeof end, "cd", 2);
    cf_buffer_release(&letters);
}

/* An array of its own variables, as a function has one. */
Test(array, counts_in_whatever_counts_it)
{
    const char **names = NULL;
    size_t count = 0, capacity = 0, *counted = &count;

    *cf_one_more(names, count, capacity) = "a";
    *cf_one_more(names, *counted, capacity) = "b";
    cr_assert_eq(count, 2);
    cr_expect_str_eq(names[0], "a");
    cr_expect_str_eq(names[1], "b");
    free(names);
}
