/* SPDX-License-Identifier: Apache-2.0 */
/* What lines of cards say in JSContact, of every version, and what it has no words for. */
#include "peer/adapters/vcard.h"

#include "tests/peer/adapters/cards.h"

TestSuite(vcard_words, .init = cards_enter, .fini = text_rows_leave);

Test(vcard_words, reads_what_jscontact_has_words_for)
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

Test(vcard_words, keeps_what_jscontact_has_no_word_for)
{
    read_text(CARD3("FN:A\r\nFN;ALTID=2:B\r\nitem1.X-Foo;Bar=\"a;b\",c:x\\,y;z\r\n"
                    "BDAY;VALUE=text:about 1800\r\nGENDER:F\r\nCATEGORIES;X=1:a,b\r\n"
                    "item2.TEL;TYPE=CELL,INTERNET:1\r\nitem2.X-ABLabel:_$!<Home>!$_\r\n"
                    "item3.X-ABDATE:2001-01-01\r\nitem3.X-ABLabel:day\r\n"));
    expect_rows(
        &rows,
        "\"1\" /name/full=\"A\""
        " /phones={\"label\":\"_$!<Home>!$_\",\"number\":\"1\",\"features\":{\"mobile\":true},"
        "\"vCardParams\":{\"type\":\"INTERNET\"}}"
        " /vCardProps=[\"fn\",{\"altid\":\"2\"},\"unknown\",\"B\"],"
        "[\"x-foo\",{\"bar\":[\"a;b\",\"c\"],\"group\":\"item1\"},\"unknown\",\"x\\\\,y;z\"],"
        "[\"bday\",{\"value\":\"text\"},\"unknown\",\"about 1800\"],"
        "[\"gender\",{},\"unknown\",\"F\"],"
        "[\"categories\",{\"x\":\"1\"},\"unknown\",\"a,b\"],"
        "[\"x-abdate\",{\"group\":\"item3\"},\"unknown\",\"2001-01-01\"],"
        "[\"x-ablabel\",{\"group\":\"item3\"},\"unknown\",\"day\"]\n");
}

Test(vcard_words, reads_dates)
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

Test(vcard_words, reads_2_1)
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
    out = rewritten(cf_buffer_view(&named));
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_buffer_view(&named)));
    cf_buffer_release(&out);
    expect_same_in("", "outlook-2.1.vcf");
    cf_buffer_release(&named);
    cf_buffer_release(&bytes);
}

Test(vcard_words, writes_a_card_of_2_1_that_changes_as_3_0)
{
    expect_change("BEGIN:VCARD\nVERSION:2.1\nUID:1\nFN:A\nTEL;CELL:1\nEND:VCARD\n",
                  CARD4("FN:A\r\nTEL;TYPE=cell:2\r\n"),
                  "BEGIN:VCARD\nVERSION:3.0\nUID:1\nFN:A\nTEL;TYPE=cell:2\nEND:VCARD\n");
}

/* As Apple has them: the order of lines in a group says nothing, and a new file has another. */
Test(vcard_words, gives_a_label_to_the_one_line_that_can_take_it)
{
    static const char labelled[] = "/links={\"uri\":\"u\",\"label\":\"L\","
                                   "\"vCardParams\":{\"group\":\"item3\"}}";
    static const char *const cards[] = {
        CARD3("FN:A\r\nitem3.X-ABADR:us\r\nitem3.URL:u\r\nitem3.X-ABLabel:L\r\n"),
        CARD3("FN:A\r\nitem3.X-ABLabel:L\r\nitem3.URL:u\r\nitem3.X-ABADR:us\r\n")};

    for (size_t i = 0; i < 2; i++) {
        read_text(cards[i]);
        cf_buffer text = printed();
        cf_buffer_append(&text, "", 1);
        cr_expect(strstr((char *)text.data, labelled), "%s", (char *)text.data);
        cf_buffer_release(&text);
    }
}

Test(vcard_words, gives_a_label_a_group)
{
    static const char phone[] = "{\"label\":\"x\",\"number\":\"1\"}";
    cf_buffer out = rewritten_with(CARD3("FN:A\r\nitem1.X-A:b\r\n"), "contacts", "/phones", phone);

    expect_written(&out, CARD3("FN;DERIVED=TRUE:1\r\nitem2.TEL:1\r\nitem2.X-ABLabel:x\r\n"));
    out = rewritten_with(CARD3("FN:A\r\nTEL:1\r\n"), "contacts", "/phones", phone);
    expect_written(&out, CARD3("FN;DERIVED=TRUE:1\r\nitem1.TEL:1\r\nitem1.X-ABLabel:x\r\n"));
}

/* What ties a line to its label has a name of the file's own. */
Test(vcard_words, knows_a_line_by_its_label_and_not_by_their_group)
{
    expect_alike(CARD3("FN:A\r\nitem1.TEL:1\r\nitem1.X-ABLabel:x\r\n"),
                 CARD3("FN:A\r\nother.X-ABLabel:x\r\nother.TEL:1\r\n"));
}

#define BOAT(group) group ".TEL:1\r\n" group ".X-ABLabel:Boat\r\n"
#define CAR(group) group ".TEL:2\r\n" group ".X-ABLabel:Car\r\n"
#define SITE(group) group ".URL:u\r\n" group ".X-ABLabel:Site\r\n"

Test(vcard_words, gives_each_label_a_group_of_its_own)
{
    expect_change(CARD3("FN:A\r\n" BOAT("item1")), CARD3("FN:A\r\n" BOAT("a") CAR("b") SITE("c")),
                  CARD3("FN:A\r\n" BOAT("item1") SITE("item2") CAR("item3")));
    read_text(CARD3("FN:A\r\n" BOAT("a") CAR("b") SITE("c")));
    expect_same_in("", "three labels");
}

Test(vcard_words, leaves_a_group_to_the_lines_that_name_it)
{
    expect_change(
        CARD3("FN:A\r\n" BOAT("item1")),
        CARD3("FN:A\r\n" BOAT("a") "item1.EMAIL:e\r\nitem1.X-A:b\r\nitem2.X-C:d\r\n"),
        CARD3("FN:A\r\nitem1.EMAIL:e\r\n" BOAT("item3") "item1.X-A:b\r\nitem2.X-C:d\r\n"));
}

Test(vcard_words, writes_bytes_only_where_they_are_bytes)
{
    read_text(CARD4(
        "FN:A\r\nPHOTO:data:image/png;base64,AA==\r\nLOGO:data:image/png;base64,no bytes!\r\n"));
    cf_buffer out = rewritten(cf_bytes_of_text(CARD3("FN:A\r\n")));
    expect_written(&out, CARD3("FN:A\r\nPHOTO;ENCODING=b;TYPE=png:AA==\r\nLOGO;VALUE=uri:data:"
                               "image/png;base64,no bytes!\r\n"));
    expect_same_in(CARD3("FN:A\r\n"), "media");
}

/* As some programs write them into cards of 4.0, too. */
Test(vcard_words, reads_a_photo_in_base64_whatever_the_version)
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

Test(vcard_words, takes_an_empty_type_for_none)
{
    read_text(CARD3("EMAIL;TYPE=:a@b\r\nTEL;TYPE=,home:1\r\nX-A;TYPE=:1\r\n"));
    expect_rows(&rows, "\"1\" /emails={\"address\":\"a@b\"} "
                       "/phones={\"number\":\"1\",\"contexts\":{\"private\":true}} "
                       "/vCardProps=[\"x-a\",{},\"unknown\",\"1\"]\n");
    expect_change(CARD3("EMAIL;TYPE=:a@b\r\n"), CARD3("EMAIL:a@b\r\nNOTE:x\r\n"),
                  CARD3("EMAIL;TYPE=:a@b\r\nNOTE:x\r\n"));
}

Test(vcard_words, takes_a_parameter_that_says_nothing_for_none)
{
    static const char spelled[] = CARD4("FN:A\r\nCATEGORIES;:a,b\r\nMEMBER;TYPE=:urn:uuid:3\r\n");

    expect_alike(spelled, CARD4("FN:A\r\nCATEGORIES:a,b\r\nMEMBER:urn:uuid:3\r\n"));
    read_text(spelled);
    expect_same_in("", spelled);
}

/* Programs write them in orders of their own. */
Test(vcard_words, takes_types_in_any_order)
{
    static const char one[] =
        CARD3("ADR;TYPE=dom,home,postal,parcel:;;a;;;;\r\nX-A;TYPE=b,a:1\r\n");
    static const char other[] =
        CARD3("ADR;TYPE=postal,home,parcel;TYPE=dom,dom:;;a;;;;\r\nX-A;TYPE=a;TYPE=b:1\r\n");

    expect_change(one, other, one);
    expect_change(other, one, other);
}

/* Of what counts once the first line is the value, and the second one stays as it is. */
Test(vcard_words, keeps_both_lines_of_what_counts_once_when_they_change_places)
{
    static const char *const lines[][2] = {{"REV:20200101T000000Z\r\n", "REV;VALUE=text:x\r\n"},
                                           {"LANGUAGE:de\r\n", "LANGUAGE;TYPE=work:x\r\n"},
                                           {"N:a;b;;;\r\n", "N;LANGUAGE=de:c;d;;;\r\n"}};
    char one[200], other[200];

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(one, sizeof one, CARD3("FN:A\r\n%s%s"), lines[i][0], lines[i][1]);
        snprintf(other, sizeof other, CARD3("FN:A\r\n%s%s"), lines[i][1], lines[i][0]);
        expect_change(one, other, other);
        expect_change(other, one, one);
    }
}

/* ---- The version of files that are made ---- */

static void expect_layout(const char *text, const char *value)
{
    cf_buffer out = {0};

    cf_vcard_layout(cf_bytes_of_text(text), &out);
    expect_written(&out, value);
}

Test(vcard_words, tells_the_version_of_most_cards)
{
    expect_layout("", "");
    expect_layout("BEGIN:VCARD\r\nNOTE:VERSION:4.0\r\n VERSION:4.0\r\nVERSION:", "");
    expect_layout("VERSION:4.", "");
    expect_layout(CARD4("FN:A\r\n"), "\xa3"
                                     "4.0");
    expect_layout(CARD3("FN:A\r\n"), "\xa3"
                                     "3.0");
    expect_layout(CARD3("FN:A\r\n") CARD4("FN:A\r\n"), "\xa3"
                                                       "3.0");
    expect_layout(CARD4("FN:A\r\n") CARD3("FN:A\r\n") CARD4("FN:A\r\n"), "\xa3"
                                                                         "4.0");
    expect_layout("begin:vcard\nversion:4.0\nend:vcard\n", "\xa3"
                                                           "4.0");
    expect_layout("BEGIN:VCARD\r\nVERSION:2.1\r\nEND:VCARD\r\n", "\xa3"
                                                                 "3.0");
}

/* A comma separates nothing there, and line ends of either sort are some. */
Test(vcard_words, reads_texts_of_2_1_as_they_are)
{
    read_text("BEGIN:VCARD\nVERSION:2.1\nUID:1\nFN:A\nADR:;;1 Rue, 2nd floor;Paris;;;\n"
              "NOTE;ENCODING=QUOTED-PRINTABLE:one=0Atwo=0D=0Athree=0Dfour\nEND:VCARD\n");
    expect_rows(&rows, "\"1\" /addresses={\"components\":["
                       "{\"kind\":\"name\",\"value\":\"1 Rue, 2nd floor\"},"
                       "{\"kind\":\"locality\",\"value\":\"Paris\"}]}"
                       " /name/full=\"A\" /notes={\"note\":\"one\\ntwo\\nthree\\nfour\"}\n");
}

/* Of parts beyond the seven nothing is known: the name stays as it is spelled. */
Test(vcard_words, keeps_a_name_of_more_parts_than_it_has_words_for)
{
    read_text(CARD4("FN:A\r\nN:a;b;c;d;e;f;g;h\r\n"));
    cf_buffer out = printed();
    *cf_buffer_reserve(&out, 1) = '\0';
    cr_expect_null(strstr((char *)out.data, "/name/components"), "%s", (char *)out.data);
    cr_expect_not_null(strstr((char *)out.data, "a;b;c;d;e;f;g;h"), "%s", (char *)out.data);
    cf_buffer_release(&out);
}

/* Whichever of them a device wrote first. */
Test(vcard_words, derives_a_name_of_the_least_of_a_set)
{
    static const char *const cards[] = {CARD4("EMAIL:z@x\r\nEMAIL:a@x\r\n"),
                                        CARD4("EMAIL:a@x\r\nEMAIL:z@x\r\n")};

    for (size_t i = 0; i < 2; i++) {
        read_text(cards[i]);
        cf_buffer out = rewritten((cf_bytes){0});
        *cf_buffer_reserve(&out, 1) = '\0';
        cr_expect_not_null(strstr((char *)out.data, "FN;DERIVED=TRUE:a@x"), "%s", (char *)out.data);
        cf_buffer_release(&out);
    }
}
