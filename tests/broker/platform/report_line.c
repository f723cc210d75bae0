/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/report_line.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* 2026-11-23T11:24:00.007Z */
#define NOON UINT64_C(1795433040007)

static cf_buffer made;

static const char *line(cf_report_form form, cf_report_level level, const char *text)
{
    const cf_report_line said = {form, "counterfoild", level, NOON, text};

    cf_buffer_release(&made);
    cf_report_line_append(&made, &said);
    cf_buffer_append(&made, "", 1);
    return (const char *)made.data;
}

Test(report_line, is_plain_for_who_typed_a_verb)
{
    cr_assert_str_eq(line(CF_REPORT_PLAIN, CF_REPORT_ERROR, "no room"), "counterfoild: no room\n");
    cf_buffer_release(&made);
}

Test(report_line, has_time_level_and_name_in_a_log)
{
    static const char *const words[] = {"error", "warning", "notice", "info"};
    char expected[128];

    for (int level = CF_REPORT_ERROR; level <= CF_REPORT_DETAIL; level++) {
        snprintf(expected, sizeof expected, "2026-11-23T11:24:00.007Z %s counterfoild: no room\n",
                 words[level]);
        cr_assert_str_eq(line(CF_REPORT_DATED, (cf_report_level)level, "no room"), expected);
    }
    cf_buffer_release(&made);
}

Test(report_line, has_its_priority_alone_in_the_journal)
{
    static const char *const lines[] = {"<3>no room\n", "<4>no room\n", "<5>no room\n",
                                        "<6>no room\n"};

    for (int level = CF_REPORT_ERROR; level <= CF_REPORT_DETAIL; level++)
        cr_assert_str_eq(line(CF_REPORT_JOURNAL, (cf_report_level)level, "no room"), lines[level]);
    cf_buffer_release(&made);
}

Test(report_line, is_an_object_for_programs)
{
    cr_assert_str_eq(line(CF_REPORT_JSON, CF_REPORT_WARNING, "a \"b\" \\ \xc3\xa4\t\x1b\xff"),
                     "{\"time\": \"2026-11-23T11:24:00.007Z\", \"level\": \"warning\", "
                     "\"text\": \"a \\\"b\\\" \\\\ \xc3\xa4\\u0009\\\\x1b\\\\xff\"}\n");
    cf_buffer_release(&made);
}

Test(report_line, stays_one_line)
{
    for (int form = CF_REPORT_DATED; form <= CF_REPORT_JSON; form++) {
        const char *text = line((cf_report_form)form, CF_REPORT_ERROR, "one\ntwo\n<0>three\n");

        cr_assert_eq(strchr(text, '\n') - text, (ptrdiff_t)strlen(text) - 1, "%s", text);
        cr_assert_not_null(strstr(text, "one two <0>three"), "%s", text);
    }
    cf_buffer_release(&made);
}

Test(report_line, is_the_journal_s_where_the_stream_is_that_file)
{
    cr_assert(cf_report_is_journal("9:1234", 9, 1234));
    static const char *const others[] = {NULL,     "",        "9",       "9:",     "9:1235",
                                         "8:1234", "9:1234x", "9:12345", "x9:1234"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_assert_not(cf_report_is_journal(others[i], 9, 1234), "%zu", i);
}
