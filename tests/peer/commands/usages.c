/* SPDX-License-Identifier: Apache-2.0 */
/* What a verb's usage says of its options, beside the table that they are read by: neither names
 * one that the other lacks, nor a value that is not taken. */
#include "peer/commands/verbs.h"
#include "tests/support/expect.h"

#include <ctype.h>
#include <string.h>

/* An option as a usage has it: "[--base full|leaves]" says "base", with a value. */
typedef struct {
    char name[64];
    bool has_value;
} said_option;

/* The next one behind `*at`, which moves there; false: there is none. */
static bool next_said(const char **at, said_option *out)
{
    const char *begin = *at;

    while (*begin && !(*begin == '-' && (begin[1] == '-' || isalpha((unsigned char)begin[1])) &&
                       strchr(" [|", begin[-1])))
        begin++;
    if (!*begin)
        return false;
    begin += begin[1] == '-' ? 2 : 1;
    const size_t size = strspn(begin, "abcdefghijklmnopqrstuvwxyz-");
    cr_assert(size > 0, "%s", begin);
    cr_assert(size < sizeof out->name, "%s", begin);
    memcpy(out->name, begin, size);
    out->name[size] = '\0';
    *at = begin + size;
    out->has_value = **at == ' ' && isalnum((unsigned char)(*at)[1]);
    return true;
}

static const cf_option *option_of(const cf_option *table, const char *name)
{
    for (; table && table->name; table++)
        if (strcmp(table->name, name) == 0 ||
            (name[1] == '\0' && table->letter && table->letter == name[0]))
            return table;
    return NULL;
}

static size_t expect_said_is_read(const cf_verb *verb, const char *usage)
{
    said_option said;
    size_t count = 0;

    for (const char *at = usage; next_said(&at, &said); count++) {
        const cf_option *option = option_of(verb->options, said.name);

        if (!option)
            option = option_of(cf_global_options, said.name);
        cr_assert(option, "the usage of %s says --%s, which none of its options is", verb->name,
                  said.name);
        cr_expect_eq(said.has_value, option->value != NULL, "%s: --%s", verb->name, said.name);
    }
    return count;
}

Test(usages, say_no_option_that_the_verb_does_not_read)
{
    size_t count = 0;

    for (const cf_verb *const *verb = cf_verbs; *verb; verb++) {
        count += expect_said_is_read(*verb, (*verb)->usage);
        for (const cf_subverb *at = (*verb)->subverbs; at && at->usage; at++)
            count += expect_said_is_read(*verb, at->usage);
    }
    cr_expect_gt(count, 40);
}

Test(usages, say_each_option_that_the_verb_reads)
{
    size_t count = 0;

    for (const cf_verb *const *verb = cf_verbs; *verb; verb++) {
        cf_arena arena = {0};
        const char *usage = cf_verb_usage(*verb, &arena);

        expect_said_is_read(*verb, usage);
        for (const cf_option *at = (*verb)->options; at && at->name; at++, count++) {
            said_option said = {0};
            bool found = false;

            for (const char *rest = usage; !found && next_said(&rest, &said);)
                found = option_of(at, said.name) == at;
            cr_expect(found, "the usage of %s lacks --%s: %s", (*verb)->name, at->name, usage);
            cr_assert(at->help, "%s --%s", (*verb)->name, at->name);
            cr_expect(*at->help, "%s --%s", (*verb)->name, at->name);
        }
        cf_arena_release(&arena);
    }
    cr_expect_gt(count, 40);
}

static void expect_another_letter(const cf_verb *verb, const cf_option *one,
                                  const cf_option *others)
{
    for (const cf_option *other = others; other && other->name && other != one; other++)
        cr_expect(!one->letter || one->letter != other->letter ||
                      strcmp(one->name, other->name) == 0,
                  "%s: -%c is --%s, and --%s", verb->name, one->letter, one->name, other->name);
}

/* Else one of both could not be given. A verb may have its own word for what all have. */
Test(usages, give_each_name_and_letter_to_one_option)
{
    for (const cf_verb *const *verb = cf_verbs; *verb; verb++)
        for (const cf_option *at = (*verb)->options; at && at->name; at++) {
            for (const cf_option *other = (*verb)->options; other != at; other++)
                cr_expect_str_neq(at->name, other->name, "%s", (*verb)->name);
            expect_another_letter(*verb, at, (*verb)->options);
            expect_another_letter(*verb, at, cf_global_options);
        }
}

Test(usages, of_subverbs_begin_with_their_names)
{
    for (const cf_verb *const *verb = cf_verbs; *verb; verb++) {
        cr_expect_eq(strcspn((*verb)->usage, " "), strlen((*verb)->name), "%s", (*verb)->usage);
        cr_expect_eq(cf_verb_find(cf_verbs, (*verb)->name), *verb, "%s", (*verb)->name);
        for (const cf_subverb *at = (*verb)->subverbs; at && at->usage; at++) {
            char name[64];

            snprintf(name, sizeof name, "%.*s", (int)strcspn(at->usage, " "), at->usage);
            cr_expect_eq(cf_subverb_find(*verb, name), at, "%s %s", (*verb)->name, name);
        }
    }
}
