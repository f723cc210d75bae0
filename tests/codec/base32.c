/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base32.h"

#include <string.h>

#include "tests/support/expect.h"

static void expect_text(const char *bytes, const char *expected)
{
    char text[64];
    cf_buffer back = {0};

    cf_base32_write(cf_bytes_of_text(bytes), text);
    cr_assert_str_eq(text, expected);
    cr_assert(cf_base32_read(text, &back));
    cr_assert(cf_bytes_equal(cf_buffer_view(&back), cf_bytes_of_text(bytes)));
    cf_buffer_release(&back);
}

Test(base32, writes_the_vectors_of_rfc_4648)
{
    expect_text("", "");
    expect_text("f", "my");
    expect_text("fo", "mzxq");
    expect_text("foo", "mzxw6");
    expect_text("foob", "mzxw6yq");
    expect_text("fooba", "mzxw6ytb");
    expect_text("foobar", "mzxw6ytboi");
}

Test(base32, reads_what_people_make_of_it)
{
    cf_buffer back = {0};

    cr_assert(cf_base32_read(" MZXW-6ytb\r\n oi\t", &back));
    cr_assert(cf_bytes_equal(cf_buffer_view(&back), cf_bytes_of_text("foobar")));
    cf_buffer_release(&back);
}

Test(base32, refuses_other_characters_lengths_and_bits)
{
    const char *const wrong[] = {"m",  "a",          "aaa",    "aaaaaa", "mzx",  "mzxw6y",
                                 "mz", "mzxw6ytbo1", "mzxw6=", "mzxw0",  "m\xc3"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cf_buffer back = {0};

        cr_expect_not(cf_base32_read(wrong[i], &back), "%s", wrong[i]);
        cf_buffer_release(&back);
    }
}
