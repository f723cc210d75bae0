/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/content_text.h"

#include "tests/peer/adapters/text.h"

static void expect_read(void (*read)(cf_bytes, cf_buffer *), const char *spelled, const char *said)
{
    cf_buffer out = {0};

    read(cf_bytes_of_text(spelled), &out);
    expect_written(&out, said);
}

Test(content_text, reads_what_backslashes_say)
{
    expect_read(cf_content_text_read, "a\\nb\\Nc\\,d\\;e\\\\n\\:f", "a\nb\nc,d;e\\n:f");
    expect_read(cf_content_text_read, "C:\\temp\\x and one at the end\\",
                "C:\\temp\\x and one at the end\\");
}

Test(content_text, writes_what_is_read_again)
{
    expect_read(cf_content_text_write, "a,b;c\\d\r\ne\rf\ng:h", "a\\,b\\;c\\\\d\\ne\\nf\\ng:h");
}

static void expect_parts(const char *spelled, char separator, const char *joined)
{
    cf_buffer out = {0};
    size_t at = 0;
    cf_bytes part;

    while (cf_content_part(cf_bytes_of_text(spelled), separator, &at, &part))
        cf_buffer_append_text(&out, "<%.*s>", (int)part.size, (const char *)part.data);
    expect_written(&out, joined);
}

Test(content_text, splits_structured_values_and_lists)
{
    expect_parts("Doe;Jane;Q\\;R,S;;", ';', "<Doe><Jane><Q\\;R,S><><>");
    expect_parts("a,b\\,c,d", ',', "<a><b\\,c><d>");
    expect_parts("", ';', "<>");
    expect_parts("a\\\\;b", ';', "<a\\\\><b>");
    expect_parts("a\\", ';', "<a\\>");
}

static void expect_parameter_parts(const char *spelled, const char *joined)
{
    cf_buffer out = {0};
    size_t at = 0;
    cf_bytes part;

    while (cf_parameter_part(cf_bytes_of_text(spelled), &at, &part))
        cf_buffer_append_text(&out, "<%.*s>", (int)part.size, (const char *)part.data);
    expect_written(&out, joined);
}

Test(content_text, splits_the_values_of_a_parameter)
{
    expect_parameter_parts("CELL,VOICE", "<CELL><VOICE>");
    expect_parameter_parts("\"a,b\",c,\"\"", "<a,b><c><>");
    expect_parameter_parts("", "<>");
    expect_parameter_parts("\"", "<\">");
}

Test(content_text, reads_and_writes_carets)
{
    expect_read(cf_parameter_read, "1 Rue^nQu^^bec ^'x^' ^y ^", "1 Rue\nQu^bec \"x\" ^y ^");
    expect_read(cf_parameter_write, "1 Rue\r\nQu^bec \"x\"", "1 Rue^nQu^^bec ^'x^'");
    expect_read(cf_parameter_write, "a;b", "\"a;b\"");
    expect_read(cf_parameter_write, "a,b:\"c\"", "\"a,b:^'c^'\"");
}

Test(content_text, reads_quoted_printable)
{
    expect_read(cf_quoted_printable_read, "J=C3=BCrgen=20=4d=", "J\xc3\xbcrgen M=");
    expect_read(cf_quoted_printable_read, "a=zz=3", "a=zz=3");
}
