/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/vcard.h"

#include "tests/peer/adapters/rows.h"

static cf_record_file rows;
static cf_error error;

static void leave(void)
{
    cf_record_file_release(&rows);
}

TestSuite(vcard, .fini = leave);

static void read_bytes(cf_bytes bytes)
{
    leave();
    expect_ok(cf_vcard_rows_read(bytes, &rows, &error), error);
}

static void read_text(const char *text)
{
    read_bytes(cf_bytes_of_text(text));
}

/* What `before` becomes when it is to show what was read last. */
static cf_buffer written(cf_bytes before)
{
    cf_buffer out = {0};

    expect_ok(cf_vcard_rows_write(before, rows.rows, rows.count, &out, &error), error);
    return out;
}

static void expect_change(const char *before, const char *wanted, const char *after)
{
    read_text(wanted);
    cf_buffer out = written(cf_bytes_of_text(before));
    expect_written(&out, after);
}

static int by_key(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_row *)left)->key, ((const cf_row *)right)->key);
}

/* In the order of their keys. */
static cf_buffer printed(void)
{
    cf_buffer out = {0};

    qsort(rows.rows, rows.count, sizeof *rows.rows, by_key);
    print_rows(&rows, &out);
    return out;
}

#define CARD3(lines) "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\n" lines "END:VCARD\r\n"
#define CARD4(lines) "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\n" lines "END:VCARD\r\n"

static const struct {
    const char *name;
    size_t cards;
} exports[] = {{"google.vcf", 2}, {"apple.vcf", 1},       {"nextcloud.vcf", 2}, {"outlook.vcf", 1},
               {"khard.vcf", 1},  {"thunderbird.vcf", 1}, {"evolution.vcf", 2}};

Test(vcard, writes_every_export_as_it_was_read)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        cf_buffer bytes = an_export(exports[i].name);

        read_bytes(cf_buffer_view(&bytes));
        cr_assert_eq(rows.count, exports[i].cards, "%s", exports[i].name);
        expect_troubles(&rows, "");
        cf_buffer out = written(cf_buffer_view(&bytes));
        cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_buffer_view(&bytes)));
        cf_buffer_release(&out);
        cf_buffer_release(&bytes);
    }
}

/* The rows that were read last, written into another file and read again. */
static void expect_same_in(const char *file, const char *name)
{
    cf_buffer meant = printed(), out = written(cf_bytes_of_text(file)), again;

    again = written(cf_buffer_view(&out)); /* it is written once, and not again */
    cr_assert(cf_bytes_equal(cf_buffer_view(&again), cf_buffer_view(&out)));
    cf_buffer_release(&again);
    read_bytes(cf_buffer_view(&out));
    again = printed();
    cr_assert(cf_bytes_equal(cf_buffer_view(&meant), cf_buffer_view(&again)),
              "%s in <%s> was\n%.*s\nand is\n%.*s", name, file, (int)meant.size, (char *)meant.data,
              (int)again.size, (char *)again.data);
    expect_troubles(&rows, "");
    cf_buffer_release(&meant);
    cf_buffer_release(&again);
    cf_buffer_release(&out);
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

static void expect_unchanged(cf_bytes bytes)
{
    leave();
    if (cf_vcard_rows_read(bytes, &rows, &error))
        return;
    cf_buffer out = written(bytes);
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), bytes));
    cf_buffer_release(&out);
}

Test(vcard, keeps_what_is_cut_or_damaged)
{
    spoil("google.vcf", expect_unchanged);
    spoil("outlook-2.1.vcf", expect_unchanged);
    spoil("khard.vcf", expect_unchanged);
}

Test(vcard, reads_what_jscontact_has_words_for)
{
    read_text(CARD4("FN:Dr. Jane Doe\r\nN;SORT-AS=\"Doe\":Doe;Jane;Q.,R.;Dr.;\r\n"
                    "KIND:individual\r\nREV:20240102T030405Z\r\n"
                    "TEL;TYPE=\"work,cell\";PREF=1;VALUE=uri:tel:+1-2;ext=3\r\n"
                    "EMAIL;TYPE=HOME:a@b\r\n"
                    "ADR;TYPE=home;LABEL=\"1 Rue^nParis\":;;1 Rue,2 Rue;Paris;;;France\r\n"
                    "ORG:Acme\\, Inc.;Sales;\r\nTITLE:Boss\r\nROLE:Lead\r\n"
                    "NICKNAME:J,JJ\r\nCATEGORIES:x,y\\,z\r\n"
                    "BDAY:--0203\r\nANNIVERSARY:2009-08-08\r\n"
                    "URL:http://x/?a;b\r\nRELATED;TYPE=friend:urn:uuid:2\r\nMEMBER:urn:uuid:3\r\n"
                    "PHOTO;MEDIATYPE=image/png:http://x/y.png\r\n"));
    expect_rows(
        &rows,
        "\"1\""
        " /addresses={\"full\":\"1 Rue\\nParis\",\"contexts\":{\"private\":true},\"components\":["
        "{\"kind\":\"name\",\"value\":\"1 Rue\"},{\"kind\":\"name\",\"value\":\"2 Rue\"},"
        "{\"kind\":\"locality\",\"value\":\"Paris\"},{\"kind\":\"country\",\"value\":\"France\"}]}"
        " /anniversaries={\"date\":{\"day\":3,\"month\":2},\"kind\":\"birth\"},"
        "{\"date\":{\"day\":8,\"year\":2009,\"month\":8},\"kind\":\"wedding\"}"
        " /emails={\"address\":\"a@b\",\"contexts\":{\"private\":true}}"
        " /keywords=\"x\",\"y,z\""
        " /kind=\"individual\""
        " /links={\"uri\":\"http://x/?a;b\"}"
        " /media={\"uri\":\"http://x/y.png\",\"kind\":\"photo\",\"mediaType\":\"image/png\"}"
        " /members=\"urn:uuid:3\""
        " /name/"
        "components=[{\"kind\":\"surname\",\"value\":\"Doe\"},{\"kind\":\"given\",\"value\":"
        "\"Jane\"},"
        "{\"kind\":\"given2\",\"value\":\"Q.\"},{\"kind\":\"given2\",\"value\":\"R.\"},{\"kind\":"
        "\"title\",\"value\":\"Dr.\"}]"
        " /name/full=\"Dr. Jane Doe\""
        " /nicknames={\"name\":\"J\"},{\"name\":\"JJ\"}"
        " /organizations={\"name\":\"Acme, Inc.\",\"units\":[{\"name\":\"Sales\"}]}"
        " /phones={\"pref\":1,\"number\":\"tel:+1-2;ext=3\",\"contexts\":{\"work\":true},"
        "\"features\":{\"mobile\":true},\"vCardParams\":{\"value\":\"uri\"}}"
        " /relatedTo={\"uid\":\"urn:uuid:2\",\"relation\":{\"friend\":true}}"
        " /titles={\"kind\":\"title\",\"name\":\"Boss\"},{\"kind\":\"role\",\"name\":\"Lead\"}"
        " /updated=\"2024-01-02T03:04:05Z\""
        " /vCardParams/n={\"sort-as\":\"Doe\"}\n");
}

Test(vcard, keeps_what_jscontact_has_no_word_for)
{
    read_text(CARD3("FN:A\r\nFN;ALTID=2:B\r\nitem1.X-Foo;Bar=\"a;b\",c:x\\,y;z\r\n"
                    "BDAY;VALUE=text:about 1800\r\nGENDER:F\r\nCATEGORIES;X=1:a,b\r\n"
                    "item2.TEL;TYPE=CELL,INTERNET:1\r\nitem2.X-ABLabel:_$!<Home>!$_\r\n"
                    "item3.X-ABDATE:2001-01-01\r\nitem3.X-ABLabel:day\r\n"));
    expect_rows(
        &rows,
        "\"1\" /name/full=\"A\""
        " /phones={\"label\":\"_$!<Home>!$_\",\"number\":\"1\",\"features\":{\"mobile\":true},"
        "\"vCardParams\":{\"type\":\"INTERNET\",\"group\":\"item2\"}}"
        " /vCardProps=[\"fn\",{\"altid\":\"2\"},\"unknown\",\"B\"],"
        "[\"x-foo\",{\"bar\":[\"a;b\",\"c\"],\"group\":\"item1\"},\"unknown\",\"x\\\\,y;z\"],"
        "[\"bday\",{\"value\":\"text\"},\"unknown\",\"about 1800\"],"
        "[\"gender\",{},\"unknown\",\"F\"],"
        "[\"categories\",{\"x\":\"1\"},\"unknown\",\"a,b\"],"
        "[\"x-abdate\",{\"group\":\"item3\"},\"unknown\",\"2001-01-01\"],"
        "[\"x-ablabel\",{\"group\":\"item3\"},\"unknown\",\"day\"]\n");
}

Test(vcard, reads_dates)
{
    static const struct {
        const char *spelled, *date;
    } cases[] = {{"1985", "{\"year\":1985}"},
                 {"1985-04", "{\"year\":1985,\"month\":4}"},
                 {"19850412", "{\"day\":12,\"year\":1985,\"month\":4}"},
                 {"--04", "{\"month\":4}"},
                 {"---12", "{\"day\":12}"},
                 {"--04-12", "{\"day\":12,\"month\":4}"},
                 {"198504", NULL},
                 {"1985-", NULL},
                 {"1985-0412", NULL},
                 {"198504-12", NULL},
                 {"--", NULL},
                 {"19851312", NULL},
                 {"19850432", NULL},
                 {"", NULL},
                 {"0000", NULL},
                 {"19850412T10", NULL}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char card[200], wanted[200];

        snprintf(card, sizeof card, CARD4("BDAY:%s\r\n"), cases[i].spelled);
        if (cases[i].date)
            snprintf(wanted, sizeof wanted,
                     "\"1\" /anniversaries={\"date\":%s,\"kind\":\"birth\"}\n", cases[i].date);
        else
            snprintf(wanted, sizeof wanted, "\"1\" /vCardProps=[\"bday\",{},\"unknown\",\"%s\"]\n",
                     cases[i].spelled);
        read_text(card);
        expect_rows(&rows, wanted);
        expect_same_in("", card);
        expect_same_in(CARD3("BDAY:2000-01-01\r\n"), card);
    }
}

Test(vcard, reads_2_1)
{
    cf_buffer bytes = an_export("outlook-2.1.vcf");

    read_bytes(cf_buffer_view(&bytes));
    expect_troubles(&rows, "1 ? has no UID: give it one of its own, as `vdirsyncer repair` does\n");
    cf_buffer named = with_replaced((char *)bytes.data, "VERSION:2.1", "VERSION:2.1\r\nUID:1");
    read_bytes(cf_buffer_view(&named));
    expect_troubles(&rows, "");
    cf_buffer out = printed();
    *cf_buffer_reserve(&out, 1) = '\0';
    cr_assert(strstr((char *)out.data, "/name/full=\"Erika M\xc3\xbcller-Muster\""));
    cr_assert(strstr((char *)out.data,
                     "/notes={\"note\":\"Zeile eins\\nZeile zwei mit = Zeichen\\n\\n\"}"));
    cr_assert(strstr((char *)out.data, "{\"uri\":\"data:image/jpeg;base64,/9j/"));
    cr_assert(strstr((char *)out.data, "{\"kind\":\"name\",\"value\":\"Heidestra\xc3\x9f"
                                       "e 17\"}"));
    cr_assert(
        strstr((char *)out.data,
               "{\"number\":\"+49 (170) 5550101\",\"features\":{\"voice\":true,\"mobile\":true}}"));
    cf_buffer_release(&out);
    out = written(cf_buffer_view(&named));
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_buffer_view(&named)));
    cf_buffer_release(&out);
    expect_same_in("", "outlook-2.1.vcf");
    cf_buffer_release(&named);
    cf_buffer_release(&bytes);
}

Test(vcard, writes_a_card_of_2_1_that_changes_as_3_0)
{
    expect_change("BEGIN:VCARD\nVERSION:2.1\nUID:1\nFN:A\nTEL;CELL:1\nEND:VCARD\n",
                  CARD4("FN:A\r\nTEL;TYPE=cell:2\r\n"),
                  "BEGIN:VCARD\nVERSION:3.0\nUID:1\nFN:A\nTEL;TYPE=cell:2\nEND:VCARD\n");
}

static void expect_edit(const char *name, const char *old, const char *new)
{
    cf_buffer before = an_export(name), after = with_replaced((char *)before.data, old, new);

    read_bytes(cf_buffer_view(&after));
    cf_buffer out = written(cf_buffer_view(&before));
    *cf_buffer_reserve(&after, 1) = '\0';
    expect_written(&out, (char *)after.data);
    cf_buffer_release(&after);
    cf_buffer_release(&before);
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

/* As Apple has them: the order of lines in a group says nothing, and a new file has another. */
Test(vcard, gives_a_label_to_the_one_line_that_can_take_it)
{
    static const char labelled[] = "/links={\"uri\":\"u\",\"label\":\"L\","
                                   "\"vCardParams\":{\"group\":\"item3\"}}";
    static const char *const cards[] = {
        CARD3("FN:A\r\nitem3.X-ABADR:us\r\nitem3.URL:u\r\nitem3.X-ABLabel:L\r\n"),
        CARD3("FN:A\r\nitem3.X-ABLabel:L\r\nitem3.URL:u\r\nitem3.X-ABADR:us\r\n")};

    for (size_t i = 0; i < 2; i++) {
        cf_record_file file;
        cf_buffer text = {0};

        expect_ok(cf_vcard_rows_read(cf_bytes_of_text(cards[i]), &file, &error), error);
        print_rows(&file, &text);
        cf_buffer_append(&text, "", 1);
        cr_expect(strstr((char *)text.data, labelled), "%s", (char *)text.data);
        cf_record_file_release(&file);
        cf_buffer_release(&text);
    }
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

Test(vcard, gives_a_label_a_group)
{
    static const uint8_t phone[] = "\x82\xa5"
                                   "label\xa1"
                                   "x\xa6"
                                   "number\xa1"
                                   "1";
    const cf_bytes value = {phone, sizeof phone - 1};
    const cf_row_field field = {cf_bytes_of_text("/phones"), &value, 1};
    const cf_row row = {.table = cf_bytes_of_text("contacts"),
                        .key = cf_bytes_of_text("\xa1"
                                                "1"),
                        .fields = &field,
                        .field_count = 1};
    cf_buffer out = {0};

    expect_ok(cf_vcard_rows_write(cf_bytes_of_text(CARD3("FN:A\r\nitem1.X-A:b\r\n")), &row, 1, &out,
                                  &error),
              error);
    expect_written(&out, CARD3("FN;DERIVED=TRUE:1\r\nitem2.TEL:1\r\nitem2.X-ABLabel:x\r\n"));
    expect_ok(
        cf_vcard_rows_write(cf_bytes_of_text(CARD3("FN:A\r\nTEL:1\r\n")), &row, 1, &out, &error),
        error);
    expect_written(&out, CARD3("FN;DERIVED=TRUE:1\r\nitem1.TEL:1\r\nitem1.X-ABLabel:x\r\n"));
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
        cf_buffer value = {0}, out = {0};
        cf_json json;

        expect_ok(cf_json_read(cf_bytes_of_text(entries[i]), &json, &error), error);
        expect_ok(cf_json_value(&json, 0, &value, &error), error);
        const cf_bytes values[] = {cf_buffer_view(&value)};
        const cf_row_field field = {cf_bytes_of_text("/vCardProps"), values, 1};
        const cf_row row = {.table = cf_bytes_of_text("contacts"),
                            .key = cf_bytes_of_text("\xa1"
                                                    "1"),
                            .fields = &field,
                            .field_count = 1};
        expect_ok(cf_vcard_rows_write(cf_bytes_of_text(CARD3("FN:A\r\n")), &row, 1, &out, &error),
                  error);
        expect_written(&out, CARD3("FN:\r\n"));
        cf_json_release(&json);
        cf_buffer_release(&value);
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

Test(vcard, writes_bytes_only_where_they_are_bytes)
{
    read_text(CARD4(
        "FN:A\r\nPHOTO:data:image/png;base64,AA==\r\nLOGO:data:image/png;base64,no bytes!\r\n"));
    cf_buffer out = written(cf_bytes_of_text(CARD3("FN:A\r\n")));
    expect_written(&out, CARD3("FN:A\r\nPHOTO;ENCODING=b;TYPE=png:AA==\r\nLOGO;VALUE=uri:data:"
                               "image/png;base64,no bytes!\r\n"));
    expect_same_in(CARD3("FN:A\r\n"), "media");
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
    cf_buffer out = written(cf_buffer_view(&text));
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

/* As some programs write them into cards of 4.0, too. */
Test(vcard, reads_a_photo_in_base64_whatever_the_version)
{
    static const char *const lines[] = {
        "PHOTO;ENCODING=b;TYPE=JPEG:AAEC\r\n", "PHOTO;ENCODING=BASE64;TYPE=image/jpeg:AAEC\r\n",
        "PHOTO;TYPE=jpeg;ENCODING=B:AAEC\r\n", "PHOTO:data:image/jpeg;base64,AAEC\r\n"};
    char text[200];

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(text, sizeof text, CARD4("%s"), lines[i]);
        read_text(text);
        expect_rows(&rows,
                    "\"1\" /media={\"uri\":\"data:image/jpeg;base64,AAEC\",\"kind\":\"photo\"}\n");
        expect_same_in("", lines[i]);
    }
    expect_change(CARD4("PHOTO;ENCODING=b;TYPE=JPEG:AAEC\r\n"),
                  CARD3("PHOTO;ENCODING=b;TYPE=PNG:AAED\r\n"),
                  CARD4("PHOTO:data:image/png;base64,AAED\r\n"));
    read_text(CARD4("PHOTO;ENCODING=b;TYPE=JPEG:!!\r\n"));
    expect_rows(
        &rows,
        "\"1\" "
        "/vCardProps=[\"photo\",{\"type\":\"JPEG\",\"encoding\":\"b\"},\"unknown\",\"!!\"]\n");
}

Test(vcard, takes_an_empty_type_for_none)
{
    read_text(CARD3("EMAIL;TYPE=:a@b\r\nTEL;TYPE=,home:1\r\nX-A;TYPE=:1\r\n"));
    expect_rows(&rows, "\"1\" /emails={\"address\":\"a@b\"} "
                       "/phones={\"number\":\"1\",\"contexts\":{\"private\":true}} "
                       "/vCardProps=[\"x-a\",{},\"unknown\",\"1\"]\n");
    expect_change(CARD3("EMAIL;TYPE=:a@b\r\n"), CARD3("EMAIL:a@b\r\nNOTE:x\r\n"),
                  CARD3("EMAIL;TYPE=:a@b\r\nNOTE:x\r\n"));
}

/* Programs write them in orders of their own. */
Test(vcard, takes_types_in_any_order)
{
    static const char one[] =
        CARD3("ADR;TYPE=dom,home,postal,parcel:;;a;;;;\r\nX-A;TYPE=b,a:1\r\n");
    static const char other[] =
        CARD3("ADR;TYPE=postal,home,parcel;TYPE=dom,dom:;;a;;;;\r\nX-A;TYPE=a;TYPE=b:1\r\n");

    expect_change(one, other, one);
    expect_change(other, one, other);
}
