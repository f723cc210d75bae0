/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pointer.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/expect.h"

static const char *said(const char *step)
{
    static char text[64];
    cf_buffer out = {0};

    cf_pointer_read(cf_bytes_of_text(step), &out);
    snprintf(text, sizeof text, "%.*s", (int)out.size, (const char *)out.data);
    cf_buffer_release(&out);
    return text;
}

static const char *added(const char *pointer, const char *name)
{
    static char text[64];
    cf_buffer out = {0};

    cf_buffer_append_text(&out, "%s", pointer);
    cf_pointer_add(cf_bytes_of_text(name), &out);
    snprintf(text, sizeof text, "%.*s", (int)out.size, (const char *)out.data);
    cf_buffer_release(&out);
    return text;
}

/* Its steps, each in brackets. */
static const char *steps(const char *pointer, size_t from)
{
    static char text[64];
    cf_bytes step;
    size_t size = 0;

    text[0] = '\0';
    for (size_t at = from; cf_pointer_next(cf_bytes_of_text(pointer), &at, &step);)
        size += (size_t)snprintf(text + size, sizeof text - size, "[%.*s]", (int)step.size,
                                 (const char *)step.data);
    return text;
}

Test(pointer, has_steps)
{
    cr_expect_str_eq(steps("", 0), "");
    cr_expect_str_eq(steps("/", 0), "[]");
    cr_expect_str_eq(steps("/a/b~1c", 0), "[a][b~1c]");
    cr_expect_str_eq(steps("/a//", 0), "[a][][]");
    cr_expect_str_eq(steps("/columns/a/b", strlen("/columns")), "[a][b]");
}

Test(pointer, a_step_says_a_name)
{
    cr_expect_str_eq(said("plain"), "plain");
    cr_expect_str_eq(said("work~1home"), "work/home");
    cr_expect_str_eq(said("~01"), "~1");
    cr_expect_str_eq(said("~1~0"), "/~");
    cr_expect_str_eq(said("~"), "~");
    cr_expect_str_eq(said("~2"), "~2");
}

Test(pointer, a_name_is_a_step)
{
    static const char *const names[] = {"", "plain", "work/home", "~", "~1", "/~/", "\xc3\xa9"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *pointer = added("", names[i]);

        cr_expect_eq(pointer[0], '/');
        cr_expect_null(strchr(pointer + 1, '/'), "of %s", names[i]);
        cr_expect_str_eq(said(pointer + 1), names[i]);
    }
    cr_expect_str_eq(added("/a", "b/c"), "/a/b~1c");
}

Test(pointer, lies_below_another)
{
    cf_bytes rest;

    cr_assert(cf_pointer_below(cf_bytes_of_text("/columns/a/b"), "/columns", &rest));
    cr_expect(cf_bytes_equal(rest, cf_bytes_of_text("a/b")));
    cr_assert(cf_pointer_below(cf_bytes_of_text("/columns/"), "/columns", &rest));
    cr_expect_eq(rest.size, 0);
    cr_expect_not(cf_pointer_below(cf_bytes_of_text("/columns"), "/columns", &rest));
    cr_expect_not(cf_pointer_below(cf_bytes_of_text("/columnsa"), "/columns", &rest));
    cr_expect_not(cf_pointer_below(cf_bytes_of_text("/column/a"), "/columns", &rest));
}
