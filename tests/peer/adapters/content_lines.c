/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/content_lines.h"

#include "tests/peer/adapters/content_lines_text.h"

static cf_error error;

TestSuite(content_lines, .fini = lines_leave);

static void expect_unchanged(cf_bytes bytes)
{
    lines_read_bytes(bytes);
    cf_buffer out = lines_written();

    cr_assert(cf_bytes_equal(cf_buffer_view(&out), bytes));
    cf_buffer_release(&out);
    lines_leave();
}

static const char *const exports[] = {"google.vcf",
                                      "apple.vcf",
                                      "nextcloud.vcf",
                                      "outlook-2.1.vcf",
                                      "outlook.vcf",
                                      "khard.vcf",
                                      "thunderbird.vcf",
                                      "google.ics",
                                      "apple.ics",
                                      "nextcloud.ics",
                                      "thunderbird.ics",
                                      "evolution.vcf",
                                      "nextcloud-calendar.ics",
                                      "outlook.ics"};

Test(content_lines, writes_every_export_as_it_was_read)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        cf_buffer bytes = an_export(exports[i]);

        lines_read_bytes(cf_buffer_view(&bytes));
        for (size_t line = 0; line < lines.count; line++)
            cr_assert_null(lines.lines[line].trouble, "%s: line %zu %s", exports[i],
                           lines.lines[line].number, lines.lines[line].trouble);
        for (size_t at = 0; at < lines.component_count; at++)
            cr_assert_null(lines.components[at].trouble, "%s", exports[i]);
        cr_assert_gt(lines.component_count, 0);
        lines_leave();
        expect_unchanged(cf_buffer_view(&bytes));
        cf_buffer_release(&bytes);
    }
}

/* Whatever is written anew is read again with the same meaning. */
static void write_all_anew(cf_bytes bytes)
{
    cf_content_lines again;

    lines_read_bytes(bytes);
    for (size_t i = 0; i < lines.count; i++)
        if (lines.lines[i].kind != CF_LINE_BLANK && lines.lines[i].kind != CF_LINE_BROKEN)
            cf_line_edits_replace(&edits, i, lines.lines[i].text, &error);
    cf_buffer out = lines_written();
    expect_ok(cf_content_lines_read(cf_buffer_view(&out), &again, &error), error);
    cr_assert_eq(again.count, lines.count);
    for (size_t i = 0; i < lines.count; i++)
        cr_assert(cf_bytes_equal(again.lines[i].text, lines.lines[i].text));
    cf_content_lines_release(&again);
    cf_buffer_release(&out);
    lines_leave();
}

Test(content_lines, reads_what_it_wrote_anew)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        cf_buffer bytes = an_export(exports[i]);

        write_all_anew(cf_buffer_view(&bytes));
        cf_buffer_release(&bytes);
    }
}

Test(content_lines, keeps_what_is_cut_or_damaged)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++)
        spoil(exports[i], expect_unchanged);
}

Test(content_lines, splits_a_line)
{
    lines_read_text("item1.Tel;TYPE=CELL,VOICE;X-P=\"a;b:c\";PREF:+1\\,2\r\n");
    const cf_content_line *line = &lines.lines[0];

    cr_assert_eq(line->kind, CF_LINE_PROPERTY);
    expect_bytes(line->group, "item1");
    expect_bytes(line->name, "Tel");
    cr_assert(cf_line_named(line, "TEL"));
    cr_assert_eq(line->parameter_count, 3);
    expect_bytes(cf_line_parameter_named(line, "type")->value, "CELL,VOICE");
    expect_bytes(cf_line_parameter_named(line, "x-p")->value, "\"a;b:c\"");
    expect_bytes(line->parameters[2].name, "");
    expect_bytes(line->parameters[2].value, "PREF");
    expect_bytes(line->value, "+1\\,2");
    cr_assert_null(cf_line_parameter_named(line, "PID"));
}

/* Nothing between two semicolons, a TYPE without a value, quotes around what needs none. */
Test(content_lines, leaves_out_of_parameters_what_says_nothing)
{
    static const char *const nothing[] = {"X;:1",     "X;;;:1",         "X;TYPE=:1", "X;type=,:1",
                                          "X;\"\":1", "X;TYPE=\",\":1", "X;=\"\",:1"};

    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        lines_read_text(nothing[i]);
        cr_assert_eq(lines.lines[0].kind, CF_LINE_PROPERTY, "%s", nothing[i]);
        cr_assert_eq(lines.lines[0].parameter_count, 0, "%s", nothing[i]);
        expect_bytes(lines.lines[0].value, "1");
    }
    lines_read_text("X;A=\"b\";;TYPE=\"c\",;D=\"\";E=\"f\",\"g\";H=\"i,j\":1");
    const cf_content_line *line = &lines.lines[0];

    cr_assert_eq(line->parameter_count, 5);
    expect_bytes(cf_line_parameter_named(line, "A")->value, "b");
    expect_bytes(cf_line_parameter_named(line, "TYPE")->value, "\"c\",");
    expect_bytes(cf_line_parameter_named(line, "D")->value, "");
    expect_bytes(cf_line_parameter_named(line, "E")->value, "\"f\",\"g\"");
    expect_bytes(cf_line_parameter_named(line, "H")->value, "\"i,j\"");
}

Test(content_lines, unfolds_within_a_character)
{
    lines_read_text("NOTE:Caf\xc3\r\n \xa9 is\n\there\r\nEND:X");
    expect_bytes(lines.lines[0].value, "Caf\xc3\xa9 ishere");
    cr_assert_eq(lines.lines[1].number, 4);
}

Test(content_lines, joins_quoted_printable_lines)
{
    lines_read_text("NOTE;ENCODING=QUOTED-PRINTABLE:one=\r\n two=\r\n=3D\r\nTEL:1\r\n");
    cr_assert_eq(lines.count, 2);
    expect_bytes(lines.lines[0].value, "one two=3D");
}

Test(content_lines, takes_an_equals_sign_at_the_end_of_others_as_it_is)
{
    lines_read_text("PHOTO:AAA=\r\nTEL:1\r\n");
    cr_assert_eq(lines.count, 2);
}

Test(content_lines, names_what_is_no_content_line)
{
    static const struct {
        const char *text, *trouble;
    } cases[] = {{"no colon at all", "has no colon behind its name: mend the line, or delete it"},
                 {":value", "has no name: mend the line, or delete it"},
                 {"group.:value", "has no name: mend the line, or delete it"},
                 {"A;B=\"open:value", "has a quote that isn't closed: close it"},
                 {"A:\xff", "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`"},
                 {" A:begins with a space", "has no name: mend the line, or delete it"},
                 {"A:in the\rmiddle", "holds a carriage return: take it out"},
                 {"END:VCARD", "END has no BEGIN: delete the line"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lines_read_text(cases[i].text);
        cr_assert_eq(lines.lines[0].kind, CF_LINE_BROKEN, "%s", cases[i].text);
        cr_assert_str_eq(lines.lines[0].trouble, cases[i].trouble);
        lines_leave();
        expect_unchanged(cf_bytes_of_text(cases[i].text));
    }
    expect_unchanged(cf_bytes_of("A:\0\r\n", 5));
}

Test(content_lines, takes_no_more_parameters_than_the_limit)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "A");
    for (size_t i = 0; i < CF_LINE_PARAMETERS_MAX; i++)
        cf_buffer_append_text(&text, ";P=%zu", i);
    cf_buffer_append_text(&text, ":1");
    lines_read_bytes(cf_buffer_view(&text));
    cr_assert_eq(lines.lines[0].parameter_count, CF_LINE_PARAMETERS_MAX);
    lines_leave();
    text.size -= 2;
    cf_buffer_append_text(&text, ";P=x:1");
    lines_read_bytes(cf_buffer_view(&text));
    cr_assert_str_eq(lines.lines[0].trouble, "has too many parameters: delete some");
    lines_leave();
    cf_buffer_release(&text);
}

Test(content_lines, puts_each_line_into_its_component)
{
    lines_read_text("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nBEGIN:VALARM\nEND:VALARM\nEND:VEVENT\n"
                    "end:vcalendar\nX:1\n");
    cr_assert_eq(lines.component_count, 3);
    cr_assert(cf_component_named(&lines.components[2], "valarm"));
    cr_assert_eq(lines.components[2].parent, 1);
    cr_assert_eq(lines.components[2].depth, 2);
    cr_assert_eq(lines.components[1].first, 1);
    cr_assert_eq(lines.components[1].last, 5);
    cr_assert_eq(lines.lines[2].component, 1);
    cr_assert_eq(lines.lines[4].component, 2);
    cr_assert_eq(lines.lines[6].component, 0);
    cr_assert_eq(lines.lines[7].component, CF_LINES_NONE);
}

Test(content_lines, names_half_a_card_and_goes_on_with_the_next)
{
    lines_read_text("BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\nEND:VCARD\nBEGIN:VCARD\nFN:C\n");
    cr_assert_eq(lines.component_count, 3);
    cr_assert_str_eq(lines.components[0].trouble,
                     "BEGIN has no END: the rest is missing, save it again");
    cr_assert_eq(lines.components[0].trouble_number, 1);
    cr_assert_eq(lines.components[0].last, 1);
    cr_assert_null(lines.components[1].trouble);
    cr_assert_str_eq(lines.components[2].trouble,
                     "BEGIN has no END: the rest is missing, save it again");
    cr_assert_eq(lines.components[2].last, 6);
}

Test(content_lines, knows_a_card_within_an_agent)
{
    lines_read_text("BEGIN:VCARD\nAGENT:\nBEGIN:VCARD\nFN:B\nEND:VCARD\nEND:VCARD\n");
    cr_assert_eq(lines.component_count, 2);
    cr_assert_eq(lines.components[1].parent, 0);
    cr_assert_null(lines.components[0].trouble);
}

Test(content_lines, names_a_broken_line_in_all_that_hold_it)
{
    lines_read_text("BEGIN:VCALENDAR\nBEGIN:VEVENT\nbroken\nEND:VEVENT\nBEGIN:VEVENT\nEND:VEVENT\n"
                    "BEGIN:VTODO\nEND:VCALENDAR\n");
    cr_assert_str_eq(lines.components[1].trouble,
                     "has no colon behind its name: mend the line, or delete it");
    cr_assert_eq(lines.components[1].trouble_number, 3);
    cr_assert_eq(lines.components[0].trouble_number, 3);
    cr_assert_null(lines.components[2].trouble);
    cr_assert_str_eq(lines.components[3].trouble,
                     "BEGIN has no END: the rest is missing, save it again");
}

Test(content_lines, nests_no_deeper_than_the_limit)
{
    cf_buffer text = {0};

    for (int i = 0; i <= CF_COMPONENT_DEPTH_MAX; i++)
        cf_buffer_append_text(&text, "BEGIN:X-%d\n", i);
    for (int i = CF_COMPONENT_DEPTH_MAX; i >= 0; i--)
        cf_buffer_append_text(&text, "END:X-%d\n", i);
    lines_read_bytes(cf_buffer_view(&text));
    cr_assert_eq(lines.component_count, CF_COMPONENT_DEPTH_MAX);
    cr_assert_str_eq(lines.components[0].trouble, "nests too deeply: delete what is in it");
    lines_leave();
    cf_buffer_release(&text);
}

Test(content_lines, names_a_line_of_10_MB_and_reads_the_next_card)
{
    const size_t size = 10 << 20;
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "BEGIN:VCARD\nNOTE:");
    memset(cf_buffer_reserve(&text, size), 'x', size);
    text.size += size;
    cf_buffer_append_text(&text, "\nEND:VCARD\nBEGIN:VCARD\nFN:B\nEND:VCARD\n");
    lines_read_bytes(cf_buffer_view(&text));
    cr_assert_str_eq(lines.components[0].trouble, "is longer than 8 MiB: shorten it");
    cr_assert_eq(lines.components[0].trouble_number, 2);
    cr_assert_null(lines.components[1].trouble);
    lines_leave();
    expect_unchanged(cf_buffer_view(&text));
    cf_buffer_release(&text);
}

Test(content_lines, refuses_more_lines_than_the_limit)
{
    cf_buffer text = {0};

    memset(cf_buffer_reserve(&text, CF_LINES_COUNT_MAX + 1), '\n', CF_LINES_COUNT_MAX + 1);
    text.size = CF_LINES_COUNT_MAX + 1;
    expect_fails(cf_content_lines_read(cf_buffer_view(&text), &lines, &error), CF_TOO_LARGE);
    text.size--;
    lines_read_bytes(cf_buffer_view(&text));
    lines_leave();
    cf_buffer_release(&text);
}

Test(content_lines, refuses_utf_16)
{
    expect_fails(cf_content_lines_read(cf_bytes_of("\xff\xfe"
                                                   "B\0",
                                                   4),
                                       &lines, &error),
                 CF_MALFORMED);
}

/* The bytes behind the text are never looked at. */
Test(content_lines, refuses_a_file_that_is_too_large)
{
    static const uint8_t text[] = "A:b\n";

    expect_fails(cf_content_lines_read(cf_bytes_of(text, CF_LINES_INPUT_MAX + 1), &lines, &error),
                 CF_TOO_LARGE);
}
