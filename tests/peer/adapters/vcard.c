/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/vcard.h"

#include "tests/peer/adapters/cards.h"

TestSuite(vcard, .init = cards_enter, .fini = text_rows_leave);

static const struct {
    const char *name;
    size_t cards;
} exports[] = {{"google.vcf", 2}, {"apple.vcf", 1},       {"nextcloud.vcf", 2}, {"outlook.vcf", 1},
               {"khard.vcf", 1},  {"thunderbird.vcf", 1}, {"evolution.vcf", 2}};

Test(vcard, writes_every_export_as_it_was_read)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++)
        expect_export_unchanged(exports[i].name, exports[i].cards);
}

static void expect_same_anywhere(const char *name)
{
    cf_buffer bytes = an_export(name);

    read_bytes(cf_buffer_view(&bytes));
    expect_same_in("", name);
    expect_same_in("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:other\r\nFN:x\r\nEND:VCARD\r\n", name);
    expect_same_in("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:other\r\nFN:x\r\nEND:VCARD\r\n", name);
    cf_buffer_release(&bytes);
}

Test(vcard, says_the_same_in_a_new_file_of_either_version)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++)
        expect_same_anywhere(exports[i].name);
}

Test(vcard, keeps_what_is_cut_or_damaged)
{
    spoil("google.vcf", expect_unchanged);
    spoil("outlook-2.1.vcf", expect_unchanged);
    spoil("khard.vcf", expect_unchanged);
}

Test(vcard, changes_one_line_and_nothing_else)
{
    expect_edit("google.vcf", "TEL;TYPE=CELL:+44 20 7946 0001", "TEL;TYPE=cell:+44 20 7946 1111");
    expect_edit("google.vcf", "item1.X-ABLabel:Engine room", "item1.X-ABLabel:Cellar");
    expect_edit("google.vcf", "CATEGORIES:myContacts,starred", "CATEGORIES:myContacts");
    expect_edit("google.vcf", "CATEGORIES:myContacts,starred", "CATEGORIES:myContacts,starred,new");
    expect_edit("google.vcf", "TITLE:Analyst\r\n", "");
    expect_edit("google.vcf", "item4.X-ABDATE:1835-07-08", "item4.X-ABDATE:1835-07-09");
    expect_edit("google.vcf", "item3.X-ABLabel:PROFILE\r\n", "");
    expect_edit("apple.vcf", "FN:John Appleseed", "FN:Jack Appleseed");
    expect_edit("apple.vcf", "N:Appleseed;John;;;", "N:Appleseed;Jack;;;");
    expect_edit("apple.vcf", "REV:2023-11-05T17:20:00Z", "REV:20231106T172000Z");
    expect_edit("nextcloud.vcf", "BDAY:19061209", "BDAY:19061210");
    expect_edit("nextcloud.vcf", "X-MANAGERSNAME:Richard Bloch", "X-MANAGERSNAME:Howard Aiken");
    expect_edit("thunderbird.vcf", "TEL;VALUE=TEXT;TYPE=cell:0151 5550120",
                "TEL;TYPE=cell;VALUE=TEXT:0151 5550121");
    expect_edit("khard.vcf", "BDAY:--0401", "BDAY:--0402");
    expect_edit("evolution.vcf", "X-EVOLUTION-SPOUSE:Vincent Hopper\r\n", "");
    expect_edit("evolution.vcf", "NICKNAME:Amazing Grace", "NICKNAME:Grace");
    expect_edit("evolution.vcf", "FBURL:http://calendar.example.org/grace.ifb",
                "FBURL:http://calendar.example.org/busy.ifb");
}

Test(vcard, deletes_a_card_and_adds_one)
{
    expect_change(CARD3("FN:A\r\n") "\r\nBEGIN:VCARD\nVERSION:4.0\nUID:2\nFN:B\nEND:VCARD",
                  "BEGIN:VCARD\nVERSION:4.0\nUID:2\nFN:B\nEND:VCARD\nBEGIN:VCARD\nVERSION:4.0\nUID:"
                  "3\nN:D;C;;;\n"
                  "ANNIVERSARY:20200102\nEND:VCARD\n",
                  "\r\nBEGIN:VCARD\nVERSION:4.0\nUID:2\nFN:B\nEND:VCARD\r\n"
                  "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:3\r\nFN;DERIVED=TRUE:C "
                  "D\r\nANNIVERSARY:2020-01-02\r\nN:D;C;;;\r\nEND:VCARD\r\n");
}

Test(vcard, adds_lines_beside_those_of_their_kind)
{
    expect_change(CARD3("FN:A\r\nTEL:1\r\nNOTE:x\r\n"),
                  CARD3("FN:A\r\nTEL:1\r\nTEL;TYPE=home,pref:2\r\nNOTE:x\r\nEMAIL:a@b\r\nX-A;P=1,2:"
                        "z\r\nCATEGORIES:k,l\r\n"),
                  CARD3("FN:A\r\nTEL:1\r\nTEL;TYPE=home,pref:2\r\nNOTE:x\r\nEMAIL:a@b\r\nX-A;P=1,2:"
                        "z\r\nCATEGORIES:k,l\r\n"));
}

Test(vcard, writes_nothing_that_would_be_another_line)
{
    static const char *const entries[] = {"[\"end\",{},\"unknown\",\"VCARD\"]",
                                          "[\"uid\",{},\"unknown\",\"2\"]",
                                          "[\"x\\r\\nEND\",{},\"unknown\",\"VCARD\"]",
                                          "[\"x\",{\"a:b\\r\\n\":\"1\"},\"unknown\",\"1\"]",
                                          "[\"x\",{},\"unknown\",\"1\\r\\nEND:VCARD\"]",
                                          "[\"x\",{\"a:b\":\"1\"},\"unknown\",\"1\"]",
                                          "[\"x\",{\"group\":\"a;b\"},\"unknown\",\"1\"]",
                                          "[\"begin\",{},\"unknown\",\"X\"]",
                                          "[\"x\",{\"group\":\"a b\"},\"unknown\",\"1\"]",
                                          "{\"a\":1}",
                                          "[\"version\",{},\"unknown\",\"9\"]"};

    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        cf_buffer out = rewritten_with(CARD3("FN:A\r\n"), "contacts", "/vCardProps", entries[i]);

        expect_written(&out, CARD3("FN:\r\n"));
    }
}

Test(vcard, names_what_it_cannot_take_and_leaves_it_alone)
{
    static const char text[] = "BEGIN:VCARD\nVERSION:3.0\nUID:half\nFN:x\n" CARD3("FN:A\r\n")
        CARD3("FN:B\r\n") "BEGIN:VCARD\nVERSION:3.0\nFN:no uid\nEND:VCARD\n"
                          "BEGIN:VCARD\nVERSION:9.9\nUID:9\nEND:VCARD\n"
                          "BEGIN:VCARD\nVERSION:3.0\nUID:broken\nFN\nEND:VCARD\n"
                          "BEGIN:VCARD\nVERSION:3.0\nUID:latin\nFN:\xe9\nEND:VCARD\n"
                          "BEGIN:VCARD\nVERSION:2.1\nUID:quoted\nFN;ENCODING=QUOTED-PRINTABLE:="
                          "E9\nEND:VCARD\n"
                          "stray\n"
                          "BEGIN:VCARD\nVERSION:3.0\nUID:ok\nEND:VCARD\n";

    read_text(text);
    expect_rows(&rows, "\"1\" /name/full=\"A\"\n\"ok\"\n");
    expect_troubles(
        &rows,
        "38 ? has no colon behind its name: mend the line, or delete it\n"
        "1 \"half\" BEGIN has no END: the rest is missing, save it again\n"
        "15 ? has no UID: give it one of its own, as `vdirsyncer repair` does\n"
        "20 \"9\" has a version that isn't known: 2.1, 3.0 and 4.0 are\n"
        "26 \"broken\" has no colon behind its name: mend the line, or delete it\n"
        "31 \"latin\" isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`\n"
        "36 \"quoted\" stands for characters that aren\'t UTF-8: export it again, as vCard 3.0 or "
        "4.0\n"
        "10 \"1\" has the key of a record before it: give it another, or delete one of them\n");
    cr_assert(!cf_record_file_certain(&rows));
    expect_change(text,
                  "BEGIN:VCARD\nUID:half\nFN:y\nEND:VCARD\n" CARD3(
                      "FN:A\r\n") "BEGIN:VCARD\nVERSION:3.0\nUID:ok\nEND:VCARD\n",
                  text);
}

#define NO_CARD                                                                                    \
    "begins no card, and there is none in the file: save it again, or delete it if what it held "  \
    "may go\n"

/* A program took the one file for another: the card was not meant to go. */
Test(vcard, says_nothing_of_what_is_gone_where_there_is_no_card)
{
    static const char calendar[] = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\n"
                                   "END:VCALENDAR\n";
    char text[300];

    read_text(calendar);
    expect_troubles(&rows, "1 ? " NO_CARD);
    cr_assert(!cf_record_file_certain(&rows));
    cr_assert(!rows.others);
    snprintf(text, sizeof text, "%sBEGIN:VCARD\nVERSION:4.0\nUID:2\nFN:Ann\nEND:VCARD\n", calendar);
    read_text(text);
    cr_assert_eq(rows.count, 1);
    cr_assert(rows.others);
    cr_assert(cf_record_file_certain(&rows));
}

Test(vcard, leaves_a_card_that_holds_another_alone)
{
    static const char text[] = "BEGIN:VCARD\nVERSION:2.1\nUID:1\nFN:A\nAGENT:\nBEGIN:"
                               "VCARD\nVERSION:2.1\nUID:2\nFN:B\nEND:VCARD\nEND:VCARD\n";

    read_text(text);
    expect_rows(&rows, "");
    expect_troubles(&rows,
                    "6 \"1\" holds another card, as its AGENT, and only cards by themselves are "
                    "synced: move that one into a file of its own, or behind the END:VCARD "
                    "of this one\n");
    expect_change(text, CARD3("FN:C\r\n"), text);
}

Test(vcard, names_a_card_with_a_line_of_10_MB)
{
    const size_t size = 10 << 20;
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "BEGIN:VCARD\nUID:1\nNOTE:");
    memset(cf_buffer_reserve(&text, size), 'x', size);
    text.size += size;
    cf_buffer_append_text(&text, "\nEND:VCARD\nBEGIN:VCARD\nUID:2\nEND:VCARD\n");
    read_bytes(cf_buffer_view(&text));
    cr_assert_eq(rows.count, 1);
    expect_troubles(&rows, "3 \"1\" is longer than 8 MiB: shorten it\n");
    cf_buffer out = rewritten(cf_buffer_view(&text));
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_buffer_view(&text)));
    cf_buffer_release(&out);
    cf_buffer_release(&text);
}

Test(vcard, names_a_card_with_too_many_lines)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "BEGIN:VCARD\nUID:1\n");
    for (int i = 0; i < 10000; i++)
        cf_buffer_append_text(&text, "X-%d:1\n", i);
    cf_buffer_append_text(&text, "END:VCARD\n");
    read_bytes(cf_buffer_view(&text));
    expect_troubles(&rows, "1 \"1\" has too many lines: delete some\n");
    cf_buffer_release(&text);
}

Test(vcard, says_which_fields_it_holds)
{
    cf_arena arena = {0};
    cf_format_table format = cf_vcard_format(&arena);
    const cf_row_format whole = {.tables = &format, .count = 1};

    cr_assert(cf_format_holds(&whole, cf_bytes_of_text("contacts"), cf_bytes_of_text("/phones")));
    cr_assert(
        cf_format_holds(&whole, cf_bytes_of_text("contacts"), cf_bytes_of_text("/vCardParams/fn")));
    cr_assert(
        !cf_format_holds(&whole, cf_bytes_of_text("contacts"), cf_bytes_of_text("/speakToAs")));
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        cf_buffer bytes = an_export(exports[i].name);

        read_bytes(cf_buffer_view(&bytes));
        for (size_t j = 0; j < rows.rows[0].field_count; j++)
            cr_assert(cf_format_holds(&whole, rows.rows[0].table, rows.rows[0].fields[j].name));
        cf_buffer_release(&bytes);
    }
    cf_arena_release(&arena);
}
