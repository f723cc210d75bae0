/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/value_build.h"

#include "codec/pack.h"
#include "tests/support/expect.h"

#include <math.h>
#include <stdio.h>

static void expect_bytes(cf_value_builder *build, const char *bytes, size_t size)
{
    cf_buffer value = {0};
    cf_error error;

    expect_ok(cf_build_finish(build, &value, &error), error);
    cr_expect(cf_bytes_equal(cf_buffer_view(&value), cf_bytes_of(bytes, size)));
    expect_ok(cf_value_check(cf_buffer_view(&value), &error), error);
    cr_expect_eq(build->packed.capacity, 0, "it is released");
    cf_buffer_release(&value);
}
#define expect_value(build, text) expect_bytes(build, text, sizeof(text) - 1)

static void expect_none(cf_value_builder *build, const char *why)
{
    cf_buffer value = {0};
    cf_error error;

    cf_buffer_append_text(&value, "of before");
    expect_fails(cf_build_finish(build, &value, &error), CF_MALFORMED);
    cr_expect(strstr(error.text, why), "%s", error.text);
    cr_expect_eq(value.size, 0);
    cr_expect_null(build->packed.data, "it is released");
    cf_buffer_release(&value);
}

Test(value_build, makes_what_does_not_nest)
{
    cf_value_builder build = {0};

    cf_build_nil(&build);
    expect_value(&build, "\xc0");
    cf_build_bool(&build, true);
    expect_value(&build, "\xc3");
    cf_build_uint(&build, 200);
    expect_value(&build, "\xcc\xc8");
    cf_build_int(&build, -1);
    expect_value(&build, "\xff");
    cf_build_int(&build, 200);
    expect_value(&build, "\xcc\xc8");
    cf_build_float(&build, 1.5);
    expect_value(&build, "\xcb\x3f\xf8\0\0\0\0\0\0");
    cf_build_bin(&build, cf_bytes_of("\xff", 1));
    expect_value(&build, "\xc4\x01\xff");
    cf_build_text(&build, cf_bytes_of_text("a"));
    expect_value(&build, "\xa1"
                         "a");
    cf_build_value(&build, cf_bytes_of("\x92\x01\x02", 3));
    expect_value(&build, "\x92\x01\x02");
}

Test(value_build, closes_what_was_opened)
{
    cf_value_builder build = {0};

    cf_build_map(&build);
    cf_build_name(&build, "a");
    cf_build_array(&build);
    cf_build_uint(&build, 7);
    cf_build_map(&build);
    cr_expect_eq(cf_build_count(&build), 0);
    cf_build_end(&build);
    cr_expect_eq(cf_build_count(&build), 2);
    cf_build_end(&build);
    cr_expect_eq(cf_build_count(&build), 1);
    cf_build_end(&build);
    expect_value(&build, "\x81\xa1"
                         "a\x92\x07\x80");
}

/* By the bytes of their keys: "b" before "aa", which is longer. */
Test(value_build, puts_members_in_order_however_they_come)
{
    static const char *const keys[] = {"aa", "b", "a", "\xc3\xa4"};
    static const size_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 1, 0, 3}, {1, 3, 2, 0}};

    for (size_t i = 0; i < 4; i++) {
        cf_value_builder build = {0};

        cf_build_map(&build);
        for (size_t k = 0; k < 4; k++) {
            cf_build_name(&build, keys[orders[i][k]]);
            cf_build_uint(&build, orders[i][k]);
        }
        cf_build_end(&build);
        expect_value(&build, "\x84\xa1"
                             "a\x02\xa1"
                             "b\x01\xa2"
                             "aa\x00\xa2\xc3\xa4\x03");
    }
}

/* The members of a map do not come among those of the map around it. */
Test(value_build, puts_members_in_order_at_each_depth)
{
    cf_value_builder build = {0};

    cf_build_map(&build);
    cf_build_name(&build, "z");
    cf_build_map(&build);
    cf_build_name(&build, "y");
    cf_build_nil(&build);
    cf_build_name(&build, "x");
    cf_build_array(&build);
    cf_build_text(&build, cf_bytes_of_text("w"));
    cf_build_end(&build);
    cf_build_end(&build);
    cf_build_name(&build, "a");
    cf_build_bool(&build, false);
    cf_build_end(&build);
    expect_value(&build, "\x82\xa1"
                         "a\xc2\xa1"
                         "z\x82\xa1"
                         "x\x91\xa1"
                         "w\xa1"
                         "y\xc0");
}

/* Their headers have one, three and five bytes. */
Test(value_build, counts_any_number_of_elements_and_members)
{
    static const size_t counts[] = {0, 1, 15, 16, 65535, 65536};

    for (size_t i = 0; i < 2 * sizeof counts / sizeof *counts; i++) {
        const size_t count = counts[i / 2];
        const bool is_map = i % 2;
        cf_value_builder build = {0};
        cf_buffer value = {0};
        size_t found = 0;
        char key[32];
        cf_error error;

        (is_map ? cf_build_map : cf_build_array)(&build);
        for (size_t k = count; k-- > 0;) {
            snprintf(key, sizeof key, "%zu", k);
            if (is_map)
                cf_build_name(&build, key);
            cf_build_uint(&build, k);
        }
        cf_build_end(&build);
        expect_ok(cf_build_finish(&build, &value, &error), error);
        cf_reader reader = cf_reader_of(cf_buffer_view(&value));
        expect_ok((is_map ? cf_read_map : cf_read_array)(&reader, &found, &error), error);
        cr_expect_eq(found, count);
        cf_buffer_release(&value);
    }
}

static void nest(cf_value_builder *build, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        (i % 2 ? cf_build_map : cf_build_array)(build);
        if (i % 2)
            cf_build_name(build, "a");
    }
    cf_build_nil(build);
    for (size_t i = 0; i < depth; i++)
        cf_build_end(build);
}

Test(value_build, nests_as_deep_as_a_value_may_and_no_deeper)
{
    cf_value_builder build = {0};
    cf_buffer value = {0};
    cf_error error;

    nest(&build, CF_VALUE_DEPTH_MAX);
    expect_ok(cf_build_finish(&build, &value, &error), error);
    for (size_t more = 1; more < 4; more++) {
        nest(&build, CF_VALUE_DEPTH_MAX + more);
        expect_none(&build, "nests too deeply");
    }
    cf_build_array(&build); /* around one that has the whole depth */
    cf_build_value(&build, cf_buffer_view(&value));
    cf_build_end(&build);
    expect_none(&build, "nested over 8 deep");
    cf_buffer_release(&value);
}

Test(value_build, refuses_a_key_twice)
{
    static const char *const orders[][3] = {{"a", "a", "b"}, {"a", "b", "a"}, {"b", "a", "a"}};
    cf_value_builder build = {0};

    for (size_t i = 0; i < 3; i++) {
        cf_build_map(&build);
        for (size_t k = 0; k < 3; k++) {
            cf_build_name(&build, orders[i][k]);
            cf_build_nil(&build);
        }
        cf_build_end(&build);
        expect_none(&build, "a key twice");
    }
}

Test(value_build, refuses_a_member_without_one_value)
{
    cf_value_builder build = {0};

    cf_build_map(&build);
    cf_build_name(&build, "a");
    cf_build_end(&build);
    expect_none(&build, "has no value");

    cf_build_map(&build);
    cf_build_name(&build, "a");
    cf_build_name(&build, "b");
    cf_build_nil(&build);
    cf_build_nil(&build);
    cf_build_end(&build);
    expect_none(&build, "has no value");

    cf_build_map(&build);
    cf_build_name(&build, "a");
    cf_build_nil(&build);
    cf_build_nil(&build);
    cf_build_end(&build);
    expect_none(&build, "several values");
}

Test(value_build, refuses_what_is_no_value_in_it)
{
    cf_value_builder build = {0};

    cf_build_text(&build, cf_bytes_of("\xff", 1));
    expect_none(&build, "");
    cf_build_float(&build, (double)NAN);
    expect_none(&build, "");
    cf_build_value(&build, cf_bytes_of("\xc1", 1));
    expect_none(&build, "");
    expect_none(&build, ""); /* nothing */
    cf_build_nil(&build);
    cf_build_nil(&build);
    expect_none(&build, "");
}

Test(value_build, is_given_up_at_any_time)
{
    cf_value_builder build = {0};

    cf_build_map(&build);
    cf_build_name(&build, "a");
    cf_build_array(&build);
    cf_build_release(&build);
    cf_build_bool(&build, true);
    expect_value(&build, "\xc3");
}
