/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include <string.h>

#include "tests/support/expect.h"

static void expect_spelled(const char *bytes, const char *padded)
{
    for (int i = 0; i < 2; i++) {
        cf_buffer text = {0}, back = {0};
        cf_base64 end;

        cf_buffer_append_text(&text, "data:,");
        cf_base64_write(cf_bytes_of_text(bytes), i, &text);
        size_t size = i ? strlen(padded) : strcspn(padded, "=");
        cr_assert(
            cf_bytes_equal(cf_bytes_of(text.data + 6, text.size - 6), cf_bytes_of(padded, size)));
        cr_assert_eq(cf_base64_end(cf_buffer_view(&text), &end), size > 0);
        if (size) {
            cr_assert_eq(end.letters.data, text.data + 6);
            cr_assert_eq(end.padded, i || !strchr(padded, '='));
            cf_base64_read(&end, &back);
            cr_assert(cf_bytes_equal(cf_buffer_view(&back), cf_bytes_of_text(bytes)));
        }
        cf_buffer_release(&text);
        cf_buffer_release(&back);
    }
}

Test(base64, writes_the_vectors_of_rfc_4648_and_reads_them)
{
    expect_spelled("", "");
    expect_spelled("f", "Zg==");
    expect_spelled("fo", "Zm8=");
    expect_spelled("foo", "Zm9v");
    expect_spelled("foob", "Zm9vYg==");
    expect_spelled("fooba", "Zm9vYmE=");
    expect_spelled("foobar", "Zm9vYmFy");
    expect_spelled("\xfb\xff\xfe", "+//+");
}

Test(base64, reads_only_the_one_spelling)
{
    static const char *const others[] = {
        "",   "=",    "==",   "Z",   "Zg=",   "Zg===",  "Zm9v=", "Zm9v==",    "Zm8==",
        "Zh", "Zh==", "Zm9=", "Zm9", "Zm9vY", "Zm8=\n", "Zm8= ", "Zm9v Zm9-", "+/_"};
    cf_base64 end;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect_not(cf_base64_end(cf_bytes_of_text(others[i]), &end), "%s", others[i]);
}

Test(base64, tells_what_nothing_else_looks_like)
{
    static const char *const others[] = {"deadBEEF0123", "Zm9vYmFy", "path/to/file", "ABCabc+/",
                                         "0123+/ab"};
    cf_base64 end;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_assert(cf_base64_end(cf_bytes_of_text(others[i]), &end), "%s", others[i]);
        cr_expect_not(cf_base64_is_mixed(&end), "%s", others[i]);
    }
    cr_assert(cf_base64_end(cf_bytes_of_text("Zm9vYmF5/w=="), &end));
    cr_expect(cf_base64_is_mixed(&end));
}
