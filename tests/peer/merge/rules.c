/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/rules.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

static const cf_time noon = {UINT64_C(1795179900000), 3}; /* 2026-11-20 13:05:00 */
static const cf_dot dot = {.writer = {{0x00, 0x44, 0x32, 0x14}}, .sequence = 5, .hash = {9}};

static void fill(void *context, void *out, size_t size)
{
    memset(out, *(uint8_t *)context, size);
}

static cf_rules product(void)
{
    static uint8_t byte = 0xee;
    static cf_env env = {.context = &byte, .random = fill};
    cf_rules rules;

    cf_rules_product(&rules, &env);
    return rules;
}

static void expect_name(const char *name, uint64_t number, const char *expected)
{
    cf_rules rules = product();
    cf_buffer made = {0};

    rules.conflict_name(rules.context, cf_bytes_of_text(name), noon, &dot, number, &made);
    cr_assert(cf_bytes_equal(cf_buffer_view(&made), cf_bytes_of_text(expected)), "%s became %.*s",
              name, (int)made.size, (const char *)made.data);
    cf_buffer_release(&made);
}

Test(rules, name_a_conflict_copy_before_the_extension)
{
    expect_name("notes.txt", 1, "notes (conflict 2026-11-20 13-05-00 abcd).txt");
    expect_name("notes.txt", 2, "notes (conflict 2026-11-20 13-05-00 abcd 2).txt");
    expect_name("archive.tar.gz", 1, "archive.tar (conflict 2026-11-20 13-05-00 abcd).gz");
    expect_name("README", 1, "README (conflict 2026-11-20 13-05-00 abcd)");
    expect_name(".profile", 1, ".profile (conflict 2026-11-20 13-05-00 abcd)");
    expect_name("dot.", 1, "dot. (conflict 2026-11-20 13-05-00 abcd)");
    expect_name("a.123456789012345678901234567890123", 1,
                "a.123456789012345678901234567890123 (conflict 2026-11-20 13-05-00 abcd)");
}

static cf_buffer long_name(const char *character, const char *extension)
{
    cf_buffer name = {0};

    while (name.size + strlen(character) + strlen(extension) <= CF_NAME_MAX)
        cf_buffer_append_text(&name, "%s", character);
    cf_buffer_append_text(&name, "%s", extension);
    return name;
}

Test(rules, cut_a_long_name_between_characters)
{
    static const char *const characters[] = {"x", "\u00e9", "\u20ac", "\U0001f600", "\xff", "\x80"};
    cf_rules rules = product();

    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        cf_buffer name = long_name(characters[i], ".txt"), made = {0};
        size_t width = strlen(characters[i]);

        rules.conflict_name(rules.context, cf_buffer_view(&name), noon, &dot, 1, &made);
        cr_assert(made.size <= CF_NAME_MAX, "%zu", made.size);
        cr_assert(made.size + width > CF_NAME_MAX, "%zu", made.size);
        const uint8_t *note = memchr(made.data, ' ', made.size);
        cr_assert(note);
        cr_assert((size_t)(note - made.data) % width == 0);
        cr_assert(memcmp(made.data + made.size - 4, ".txt", 4) == 0);
        cf_buffer_release(&name);
        cf_buffer_release(&made);
    }
}

static void expect_original(const char *name, const char *original)
{
    cf_buffer found = {0};
    bool is_known = cf_name_in_conflict(cf_bytes_of_text(name), &found);

    cr_expect_eq(is_known, original != NULL, "%s", name);
    cr_expect(!original || cf_bytes_equal(cf_buffer_view(&found), cf_bytes_of_text(original)),
              "%s was %.*s", name, (int)found.size, (const char *)found.data);
    cf_buffer_release(&found);
}

Test(rules, know_the_name_that_a_conflict_name_was_made_of)
{
    static const char *const names[] = {
        "notes.txt", "archive.tar.gz", "README", ".profile",
        "dot.",      "a (1).txt",      "b.)",    "n (conflict 1 b).txt"};
    cf_rules rules = product();

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (uint64_t number = 1; number < 3; number++) {
            cf_buffer made = {0};

            rules.conflict_name(rules.context, cf_bytes_of_text(names[i]), noon, &dot, number,
                                &made);
            cf_buffer_append(&made, "", 1);
            expect_original((const char *)made.data, names[i]);
            cf_buffer_release(&made);
        }
    expect_original("notes.txt", NULL);
    expect_original("lost-00112233", NULL);
    expect_original("a (conflict of interests", NULL);
}

Test(rules, do_not_guess_the_name_that_a_conflict_name_was_cut_of)
{
    cf_rules rules = product();

    for (size_t size = 200; size <= CF_NAME_MAX; size++) {
        cf_buffer made = {0}, found = {0};
        uint8_t name[CF_NAME_MAX];

        memset(name, 'x', sizeof name);
        rules.conflict_name(rules.context, cf_bytes_of(name, size), noon, &dot, 1, &made);
        if (cf_name_in_conflict(cf_buffer_view(&made), &found))
            cr_expect(cf_bytes_equal(cf_buffer_view(&found), cf_bytes_of(name, size)), "%zu", size);
        cf_buffer_release(&made);
        cf_buffer_release(&found);
    }
}

Test(rules, give_equal_starts_equal_ids)
{
    cf_rules rules = product();
    cf_bytes name = cf_bytes_of_text("a"), content = cf_bytes_of_text("\1");
    cf_id parent = {{'d', 1}};
    cf_id id = rules.new_id(rules.context, 'f', &parent, name, content);
    cf_id same = rules.new_id(rules.context, 'f', &parent, name, content);
    const cf_id others[] = {
        rules.new_id(rules.context, 'l', &parent, name, content),
        rules.new_id(rules.context, 'f', &cf_root_item, name, content),
        rules.new_id(rules.context, 'f', &parent, cf_bytes_of_text("b"), content),
        rules.new_id(rules.context, 'f', &parent, name, cf_bytes_of_text("\2")),
        rules.new_id(rules.context, 'f', &parent, cf_bytes_of_text("a\1"), (cf_bytes){0}),
        rules.random_id(rules.context, 'f'),
    };

    cr_assert_eq(cf_kind_of(&id), 'f');
    cr_assert(cf_id_equal(&id, &same));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_assert_not(cf_id_equal(&id, &others[i]), "%zu", i);
    cr_assert_eq(cf_kind_of(&others[0]), 'l');
    cr_assert_eq(others[5].bytes[1], 0xee);
}

Test(rules, give_each_content_of_an_item_its_copy)
{
    cf_rules rules = product();
    cf_id item = {{'l', 1}}, other = {{'l', 2}};
    cf_dot fork = dot, next = dot;
    cf_id id = rules.copy_id(rules.context, &item, &dot);

    fork.hash[0] ^= 1;
    next.sequence++;
    cf_id of_fork = rules.copy_id(rules.context, &item, &fork);
    cf_id of_next = rules.copy_id(rules.context, &item, &next);
    cf_id of_other = rules.copy_id(rules.context, &other, &dot);
    cf_id again = rules.copy_id(rules.context, &item, &dot);
    cr_assert_eq(cf_kind_of(&id), 'l');
    cr_assert(cf_id_equal(&id, &again));
    cr_assert_not(cf_id_equal(&id, &of_fork) || cf_id_equal(&id, &of_next) ||
                  cf_id_equal(&id, &of_other));
}
