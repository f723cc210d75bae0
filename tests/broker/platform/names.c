/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/names.h"

#include <string.h>

#include "tests/support/expect.h"

static void expect_text(cf_bytes name, const char *expected)
{
    cf_buffer out = {0};

    cf_name_append(&out, name);
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_bytes_of_text(expected)), "%.*s, not %s",
              (int)out.size, (const char *)out.data, expected);
    cf_buffer_release(&out);
}

Test(names, prints_any_bytes_so_that_no_two_names_look_alike)
{
    expect_text(cf_bytes_of_text("plain.txt"), "plain.txt");
    expect_text(cf_bytes_of_text("caf\xc3\xa9 \xf0\x9f\x90\x98"), "caf\xc3\xa9 \xf0\x9f\x90\x98");
    expect_text(cf_bytes_of_text("\xff\xfe"), "\\xff\\xfe");
    expect_text(cf_bytes_of_text("\\xff"), "\\\\xff");
    expect_text(cf_bytes_of_text("cut\xc3"), "cut\\xc3");
    expect_text(cf_bytes_of_text("\xc0\xaf"), "\\xc0\\xaf");
    expect_text(cf_bytes_of_text("\xed\xa0\x80x"), "\\xed\\xa0\\x80x");
    expect_text(cf_bytes_of_text("line\nbreak"), "line\nbreak");
    expect_text((cf_bytes){0}, "");
}

static void expect_read(const char *shown, const char *name)
{
    cf_buffer out = {0};

    cr_assert_eq(cf_name_read(cf_bytes_of_text(shown), &out), name != NULL, "%s", shown);
    if (name)
        cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_bytes_of_text(name)), "%s", shown);
    cf_buffer_release(&out);
}

Test(names, reads_what_it_prints_and_nothing_else)
{
    expect_read("", "");
    expect_read("caf\xc3\xa9", "caf\xc3\xa9");
    expect_read("\\xff\\xFEx", "\xff\xfex");
    expect_read("C:\\\\xff", "C:\\xff");
    expect_read("C:\\Users", NULL);
    expect_read("cut\\x0", NULL);
    expect_read("cut\\xg0", NULL);
    expect_read("cut\\", NULL);
}

/* A name with an override reads as another; one with a zero-width space is a second of its kind. */
Test(names, lets_nothing_that_is_unseen_reach_a_terminal)
{
    static const char *const all[] = {
        "\xc2\x85",         "\xc2\xad",         "\xd8\x9c",         "\xe1\xa0\x8e", "\xe2\x80\x8b",
        "\xe2\x80\x8f",     "\xe2\x80\xa8",     "\xe2\x80\xa9",     "\xe2\x80\xae", "\xe2\x81\xa0",
        "\xe2\x81\xa6",     "\xe2\x81\xa9",     "\xe3\x85\xa4",     "\xef\xbb\xbf", "\xef\xbf\xb9",
        "\xf0\x9d\x85\xb3", "\xf3\xa0\x80\x81", "\xf3\xa0\x81\xbf",
    };
    char shown[CF_NAME_SHOWN];

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        cf_buffer text = {0}, json = {0};

        cf_name_show(cf_bytes_of_text(all[i]), shown);
        cr_expect_eq(strlen(shown), 4 * strlen(all[i]), "%zu: %s", i, shown);
        cf_text_append(&text, cf_bytes_of_text(all[i]));
        cr_expect(cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(shown)));
        cf_json_text_append(&json, cf_bytes_of_text(all[i]));
        cr_expect_eq(json.data[0], '\\', "%zu", i);
        cr_expect(json.size == 6 || json.size == 12);
        cf_buffer_release(&text);
        cf_buffer_release(&json);
    }
}

static void expect_message(const char *text, const char *shown, const char *json)
{
    cf_buffer message = {0}, document = {0};

    cf_text_append(&message, cf_bytes_of_text(text));
    cr_expect(cf_bytes_equal(cf_buffer_view(&message), cf_bytes_of_text(shown)), "%.*s",
              (int)message.size, (const char *)message.data);
    cf_json_text_append(&document, cf_bytes_of_text(text));
    cr_expect(cf_bytes_equal(cf_buffer_view(&document), cf_bytes_of_text(json)), "%.*s",
              (int)document.size, (const char *)document.data);
    cf_buffer_release(&message);
    cf_buffer_release(&document);
}

Test(names, leaves_in_messages_and_documents_what_can_be_seen)
{
    expect_message("a\tb\n\\ caf\xc3\xa9 \xe2\x9c\x88\xef\xb8\x8f \xf0\x9f\x90\x98",
                   "a\tb\n\\ caf\xc3\xa9 \xe2\x9c\x88\xef\xb8\x8f \xf0\x9f\x90\x98",
                   "a\tb\n\\ caf\xc3\xa9 \xe2\x9c\x88\xef\xb8\x8f \xf0\x9f\x90\x98");
    expect_message("lap\xe2\x80\xaetop", "lap\\xe2\\x80\\xaetop", "lap\\u202etop");
    expect_message("\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81", "\\udb40\\udc41");
}

Test(names, lets_no_control_character_reach_a_terminal)
{
    char shown[CF_NAME_SHOWN];

    cf_name_show(cf_bytes_of_text("a\n\x1b[31m\x7f\xc2\x9b\xc2\xa0"), shown);
    cr_assert_str_eq(shown, "a\\x0a\\x1b[31m\\x7f\\xc2\\x9b\xc2\xa0");
}

Test(names, shortens_long_names_in_the_middle_between_characters)
{
    char shown[CF_NAME_SHOWN];
    char name[256];

    for (size_t length = 1; length < sizeof name; length++) {
        for (size_t i = 0; i < length; i++)
            name[i] = "\xe2\x82\xac"[i % 3];
        cf_name_show(cf_bytes_of(name, length - length % 3), shown);
        cr_assert_lt(strlen(shown), CF_NAME_SHOWN);
        cr_assert_eq(strstr(shown, "…") != NULL, length - length % 3 >= CF_NAME_SHOWN);
        for (const char *at = shown; *at; at += 3)
            cr_assert(strncmp(at, "€", 3) == 0 || strncmp(at, "…", 3) == 0);
    }
}

Test(names, refuses_what_no_directory_can_hold)
{
    char name[CF_DISK_NAME_MAX + 1];

    memset(name, 'n', sizeof name);
    cr_assert(cf_name_valid(cf_bytes_of(name, 255)));
    cr_assert_not(cf_name_valid(cf_bytes_of(name, 256)));
    cr_assert(cf_name_on_disk(cf_bytes_of(name, CF_DISK_NAME_MAX)));
    cr_assert_not(cf_name_on_disk(cf_bytes_of(name, CF_DISK_NAME_MAX + 1)));
    cr_assert_not(cf_name_valid((cf_bytes){0}));
    cr_assert_not(cf_name_valid(cf_bytes_of_text(".")));
    cr_assert_not(cf_name_valid(cf_bytes_of_text("..")));
    cr_assert_not(cf_name_valid(cf_bytes_of_text("a/b")));
    cr_assert_not(cf_name_valid(cf_bytes_of_text("/")));
    cr_assert_not(cf_name_valid(cf_bytes_of("a\0b", 3)));
    cr_assert(cf_name_valid(cf_bytes_of_text("...")));
    cr_assert(cf_name_valid(cf_bytes_of_text(".x")));
    cr_assert(cf_name_valid(cf_bytes_of_text("\n")));
}

/* What is not seen of a long one makes no difference. */
Test(names, shown_of_a_long_name_are_its_ends)
{
    static const char *const pieces[] = {
        "a",  "\xc3\xa4", "\xe2\x82\xac",         "\xf0\x9f\x98\x80",
        "\\", "\xff",     "\x80\x80\x80\x80\x80", "\xc2\x85",
        "x/"};
    enum { COUNT = sizeof pieces / sizeof *pieces, END = 158 };

    for (size_t first = 0; first < COUNT * COUNT; first++) {
        cf_buffer name = {0}, ends = {0};
        char shown[CF_NAME_SHOWN], of_ends[CF_NAME_SHOWN];

        for (size_t i = 0; name.size < 4000; i++) {
            const char *piece = pieces[(i % 2 ? first % COUNT : first / COUNT + i / 7) % COUNT];

            cf_buffer_append(&name, piece, strlen(piece));
        }
        size_t head = END, tail = name.size - END;
        while (head > 0 && (name.data[head] & 0xc0) == 0x80)
            head--;
        while (tail < name.size && (name.data[tail] & 0xc0) == 0x80)
            tail++;
        cf_buffer_append(&ends, name.data, head);
        cf_buffer_append(&ends, name.data + tail, name.size - tail);
        cf_name_show(cf_buffer_view(&name), shown);
        cf_name_show(cf_buffer_view(&ends), of_ends);
        if (ends.size > 280)
            cr_expect_str_eq(shown, of_ends);
        cf_buffer_release(&name);
        cf_buffer_release(&ends);
    }
}
