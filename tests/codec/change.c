/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/change.h"

#include "codec/item.h"
#include "codec/limits.h"
#include "codec/pack.h"
#include "tests/support/expect.h"

static const cf_dot ann1 = {{"ann"}, 1, {"x"}}, ann2 = {{"ann"}, 2, {"x"}},
                    bob1 = {{"bob"}, 1, {"x"}};

Test(covers, are_written_in_order_and_once_and_read_back)
{
    cf_bytes name = cf_bytes_of_text(CF_FIELD_NAME), kind = cf_bytes_of_text(CF_FIELD_KIND);
    cf_cover covers[] = {{name, bob1}, {kind, ann2}, {name, ann1}, {kind, ann2}}, *back;
    cf_arena arena = {0};
    cf_buffer out = {0};
    cf_error error;
    size_t count;

    cf_covers_pack(&out, covers, 4);
    expect_ok(cf_value_check(cf_buffer_view(&out), &error), error);
    expect_ok(cf_covers_read(cf_buffer_view(&out), &arena, &back, &count, &error), error);
    cr_assert_eq(count, 3);
    cr_assert(cf_bytes_equal(back[0].field, kind));
    cr_assert(cf_dot_equal(&back[0].dot, &ann2));
    cr_assert(cf_dot_equal(&back[1].dot, &ann1));
    cr_assert(cf_dot_equal(&back[2].dot, &bob1));
    cf_buffer_release(&out);
    cf_arena_release(&arena);
}

Test(covers, of_nothing_are_an_empty_list)
{
    cf_arena arena = {0};
    cf_buffer out = {0};
    cf_cover *back;
    cf_error error;
    size_t count;

    cf_covers_pack(&out, NULL, 0);
    expect_ok(cf_covers_read(cf_buffer_view(&out), &arena, &back, &count, &error), error);
    cr_assert_eq(count, 0);
    cf_buffer_release(&out);
    cf_arena_release(&arena);
}

Test(covers, are_refused_cut_long_or_with_a_count_beyond_the_bytes)
{
    cf_cover covers[] = {{cf_bytes_of_text("/a"), ann1}, {cf_bytes_of_text("/a"), ann2}}, *back;
    cf_arena arena = {0};
    cf_buffer out = {0};
    cf_error error;
    size_t count;

    cf_covers_pack(&out, covers, 2);
    for (size_t size = 0; size < out.size; size++)
        expect_fails(cf_covers_read(cf_bytes_of(out.data, size), &arena, &back, &count, &error),
                     CF_MALFORMED);
    cf_buffer_append(&out, "\xc0", 1);
    expect_fails(cf_covers_read(cf_buffer_view(&out), &arena, &back, &count, &error), CF_MALFORMED);
    cf_arena_release(&arena);
    cf_buffer_clear(&out);
    cf_pack_array(&out, 60000);
    for (size_t i = 0; i < 60000; i++)
        cf_pack_nil(&out);
    expect_fails(cf_covers_read(cf_buffer_view(&out), &arena, &back, &count, &error), CF_MALFORMED);
    cr_assert_null(arena.blocks);
    cf_buffer_release(&out);
    cf_arena_release(&arena);
}

Test(covers, are_refused_out_of_order)
{
    cf_buffer one = {0}, out = {0};
    cf_cover first = {cf_bytes_of_text("/a"), ann2}, second = {cf_bytes_of_text("/a"), ann1}, *back;
    cf_arena arena = {0};
    cf_error error;
    size_t count;

    cf_pack_array(&out, 2);
    cf_covers_pack(&one, &first, 1);
    cf_pack_raw(&out, cf_bytes_of(one.data + 1, one.size - 1));
    cf_buffer_clear(&one);
    cf_covers_pack(&one, &second, 1);
    cf_pack_raw(&out, cf_bytes_of(one.data + 1, one.size - 1));
    expect_fails(cf_covers_read(cf_buffer_view(&out), &arena, &back, &count, &error), CF_MALFORMED);
    cf_buffer_release(&one);
    cf_buffer_release(&out);
    cf_arena_release(&arena);
}

static void expect_pin_back(cf_pin pin)
{
    cf_buffer out = {0};
    cf_error error;
    cf_pin back;

    cf_pin_pack(&out, &pin);
    expect_ok(cf_pin_read(cf_buffer_view(&out), &back, &error), error);
    cr_assert(cf_id_equal(&back.parent, &pin.parent));
    cr_assert(cf_bytes_equal(back.name, pin.name));
    cr_assert_eq(back.has_parent_dot, pin.has_parent_dot);
    cr_assert_eq(back.has_name_dot, pin.has_name_dot);
    cr_assert(cf_dot_equal(&back.parent_dot, &pin.parent_dot));
    cr_assert(cf_dot_equal(&back.name_dot, &pin.name_dot));
    for (size_t size = 0; size < out.size; size++)
        expect_fails(cf_pin_read(cf_bytes_of(out.data, size), &back, &error), CF_MALFORMED);
    cf_buffer_append(&out, "\xc0", 1);
    expect_fails(cf_pin_read(cf_buffer_view(&out), &back, &error), CF_MALFORMED);
    cf_buffer_release(&out);
}

Test(pin, is_read_back_with_and_without_dots)
{
    cf_pin pin = {{"d, a directory"}, cf_bytes_of_text("a name"), false, false, {{{0}}, 0, {0}},
                  {{{0}}, 0, {0}}};

    expect_pin_back(pin);
    pin.has_name_dot = true;
    pin.name_dot = bob1;
    expect_pin_back(pin);
    pin.has_parent_dot = true;
    pin.parent_dot = ann2;
    expect_pin_back(pin);
}

static cf_status check_field(const char *field)
{
    cf_error error;

    return cf_field_check(cf_bytes_of_text(field), &error);
}

Test(field, is_a_json_pointer)
{
    char longest[CF_FIELD_MAX + 2] = "/";

    memset(longest + 1, 'x', CF_FIELD_MAX - 1);
    cr_assert_eq(check_field(""), CF_OK);
    cr_assert_eq(check_field("/a/~0~1/"), CF_OK);
    cr_assert_eq(check_field(longest), CF_OK);
    longest[CF_FIELD_MAX] = 'x';
    cr_assert_eq(check_field(longest), CF_TOO_LARGE);
    cr_assert_eq(check_field("a"), CF_MALFORMED);
    cr_assert_eq(check_field("/~"), CF_MALFORMED);
    cr_assert_eq(check_field("/~2"), CF_MALFORMED);
    cr_assert_eq(check_field("/\xff"), CF_MALFORMED);
}

static cf_status check_value(const char *field, const char *value, size_t size)
{
    static const cf_id file = {"f, a file"};
    cf_error error;

    return cf_item_check(&file, cf_bytes_of_text(field), cf_bytes_of(value, size), &error);
}
#define check_value(field, value) check_value(field, value, sizeof(value) - 1)

Test(item, of_a_file_has_fields_of_a_certain_form)
{
    cr_assert_eq(check_value("/kind", "\xa1"
                                      "f"),
                 CF_OK);
    cr_assert_eq(check_value("/kind", "\xa1"
                                      "d"),
                 CF_MALFORMED);
    cr_assert_eq(check_value("/kind", "\x01"), CF_MALFORMED);
    cr_assert_eq(check_value("/parent", "\xc4\x10"
                                        "0123456789abcdef"),
                 CF_OK);
    cr_assert_eq(check_value("/parent", "\xc4\x01"
                                        "0"),
                 CF_MALFORMED);
    cr_assert_eq(check_value("/name", "\xc4\x02"
                                      "\xff\n"),
                 CF_OK);
    cr_assert_eq(check_value("/name", "\xa1"
                                      "x"),
                 CF_MALFORMED);
    cr_assert_eq(check_value("/mode", "\xcd\x01\xff"), CF_OK);
    cr_assert_eq(check_value("/mode", "\xcd\x02\x00"), CF_MALFORMED);
    cr_assert_eq(check_value("/mtime", "\xff"), CF_OK);
    cr_assert_eq(check_value("/mtime", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), CF_MALFORMED);
    cr_assert_eq(check_value("/something/new", "\xc0"), CF_OK);
}

Test(item, of_another_kind_has_fields_of_any_form)
{
    cf_id contact = {"c, a contact"};
    cf_error error;

    expect_ok(cf_item_check(&contact, cf_bytes_of_text("/name"), cf_bytes_of_text("\x01"), &error),
              error);
    cr_assert(!cf_field_is_pin(&contact, cf_bytes_of_text("/pin")));
    cr_assert(cf_field_is_pin(&(cf_id){{0}}, cf_bytes_of_text("/pin")));
}

Test(item, has_a_name_that_is_one_component_of_a_path)
{
    static const char *const wrong[] = {"", ".", "..", "a/b", "/", ".counterfoil"};
    char longest[CF_NAME_MAX + 1];
    cf_error error;

    memset(longest, 'x', sizeof longest);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_fails(cf_name_check(cf_bytes_of_text(wrong[i]), &error), CF_MALFORMED);
    expect_fails(cf_name_check(cf_bytes_of("a\0b", 3), &error), CF_MALFORMED);
    expect_fails(cf_name_check(cf_bytes_of(longest, CF_NAME_MAX + 1), &error), CF_MALFORMED);
    expect_ok(cf_name_check(cf_bytes_of(longest, CF_NAME_MAX), &error), error);
    expect_ok(cf_name_check(cf_bytes_of_text("..."), &error), error);
    expect_ok(cf_name_check(cf_bytes_of_text(".counterfoil2"), &error), error);
}
