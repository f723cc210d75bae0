/* SPDX-License-Identifier: Apache-2.0 */
/* What a file shows and what is read of it, by a map of its columns. */
#include "peer/adapters/record_map.h"

#include "peer/adapters/record_format.h"
#include "peer/adapters/vcard.h"
#include "tests/peer/adapters/rows.h"

static cf_record_map *map;
static cf_rows *base;
static cf_row_view *view;
static cf_state *state;
static cf_record_file file;
static cf_arena arena;
static cf_error error;
static cf_record_options options;

static const char *const uid = "UID";
static const char *const by_uid = "uid";

static void enter(void)
{
    base = cf_rows_new();
    state = cf_state_new();
    view = cf_row_view_new(state, &cf_schema_contacts);
}

static void leave(void)
{
    cf_record_map_destroy(&map);
    cf_rows_destroy(&base);
    cf_row_view_destroy(&view);
    cf_state_destroy(&state);
    cf_record_file_release(&file);
    cf_arena_release(&arena);
}

TestSuite(record_map_rows, .init = enter, .fini = leave);

static void read_map(const char *text)
{
    expect_ok(cf_record_map_read(cf_bytes_of_text(text), &map, &error), error);
    options = (cf_record_options){
        .adapter = cf_adapter_of(CF_FORMAT_CSV), .keys = &uid, .key_count = 1, .map = map};
}

/* What is known of before: the cards. */
static void know(const char *cards)
{
    cf_record_file known = {0};

    expect_ok(cf_vcard_rows_read(cf_bytes_of_text(cards), &known, &error), error);
    for (size_t i = 0; i < known.count; i++)
        cf_rows_put(base, &known.rows[i]);
    cf_record_file_release(&known);
}

static cf_record_document *document_of(const char *text)
{
    cf_record_document *document;

    expect_ok(cf_record_document_read(&options, cf_bytes_of_text(text), &document, &error), error);
    return document;
}

static void read_file(const char *text)
{
    cf_record_document *document = document_of(text);
    cf_row_format format;

    cf_record_file_release(&file);
    expect_ok(cf_record_document_holds(document, &arena, &format, &error), error);
    expect_ok(cf_record_format_read(&options, cf_bytes_of_text(text), &file, &error), error);
    cf_record_map_give(map, &file, base, view);
    cf_record_document_destroy(&document);
}

/* What `before` becomes when it is to show what is known. */
static void expect_shown(const char *before, const char *after)
{
    cf_row rows[4];
    cf_record_document *document = document_of(before);
    size_t count = 0;
    cf_buffer out = {0};

    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        rows[count++] = *row;
    expect_ok(cf_record_document_write(document, rows, count, &out, &error), error);
    cf_record_document_destroy(&document);
    expect_written(&out, after);
}

#define CARD(lines) "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a\r\n" lines "END:VCARD\r\n"
#define PHONES                                                                                     \
    "UID = /uid\nMobile = /phones/mobile/number\nFax = /phones/home+fax/number\n"                  \
    "Home = /phones/home/number\nOne = /phones/1/number\nTwo = /phones/2/number\n"

Test(record_map_rows, puts_every_entry_into_one_column)
{
    read_map(PHONES);
    know(CARD("TEL;TYPE=cell:1\r\nTEL;TYPE=home:2\r\nTEL;TYPE=home,fax:3\r\nTEL:4\r\nTEL:5\r\n"
              "TEL:6\r\nTEL;TYPE=cell:7\r\n"));
    expect_shown("", "UID,Mobile,Fax,Home,One,Two\na,1 ::: 7,3,2,4,5 ::: 6\n");
}

Test(record_map_rows, leaves_entries_as_they_are_whose_cells_say_nothing_new)
{
    read_map(PHONES);
    know(CARD("TEL;TYPE=cell;X-A=b:1\r\nTEL:4\r\nTEL:5\r\nTEL:6\r\n"));
    read_file("UID,Mobile,One,Two\na,1,4,5 ::: 6\n");
    expect_rows(&file, "\"a\" /phones={\"number\":\"1\",\"features\":{\"mobile\":true},"
                       "\"vCardParams\":{\"x-a\":\"b\"}},{\"number\":\"4\"},{\"number\":\"5\"},"
                       "{\"number\":\"6\"}\n");
    read_file("UID,Mobile,One,Two\na,1,6,4 ::: 5\n");
    expect_rows(&file, "\"a\" /phones={\"number\":\"1\",\"features\":{\"mobile\":true},"
                       "\"vCardParams\":{\"x-a\":\"b\"}},{\"number\":\"4\"},{\"number\":\"5\"},"
                       "{\"number\":\"6\"}\n");
    expect_shown("UID,Mobile,One,Two\na,1,6,4 ::: 5\n", "UID,Mobile,One,Two\na,1,6,4 ::: 5\n");
}

Test(record_map_rows, changes_adds_and_takes_away_entries)
{
    read_map(PHONES);
    know(CARD("TEL;TYPE=cell;X-A=b:1\r\nTEL;TYPE=work:4\r\nTEL;TYPE=pager:5\r\n"));
    read_file("UID,Mobile,Home,One,Two\na,11,2,,5\n");
    expect_rows(
        &file,
        "\"a\" /phones={\"number\":\"11\",\"features\":{\"mobile\":true},"
        "\"vCardParams\":{\"x-a\":\"b\"}},{\"number\":\"5\","
        "\"features\":{\"pager\":true}},{\"number\":\"2\",\"contexts\":{\"private\":true}}\n");
}

#define NUMBERED                                                                                   \
    "UID = /uid\nLabel 1 = /phones/1/label\nOne = /phones/1/number\nLabel 2 = /phones/2/label\n"   \
    "Two = /phones/2/number\n"

Test(record_map_rows, takes_the_words_of_labels_for_what_cards_say)
{
    read_map(NUMBERED "E-mail label = /emails/1/label\nE-mail = /emails/1/address\n");
    read_file("UID,Label 1,One,Label 2,Two,E-mail label,E-mail\na,Mobile,1,Home Fax,2,Mobile,x\n");
    expect_rows(&file, "\"a\" /emails={\"label\":\"Mobile\",\"address\":\"x\"} "
                       "/phones={\"number\":\"1\",\"features\":{\"mobile\":true}},"
                       "{\"number\":\"2\",\"contexts\":{\"private\":true},"
                       "\"features\":{\"fax\":true}}\n");
    know(CARD("FN:A\r\nTEL;TYPE=cell,voice:1\r\nTEL;TYPE=home,fax:2\r\n"
              "EMAIL;TYPE=work:x\r\n"));
    /* What says nothing against it stays as it is. */
    expect_shown("UID,Label 1,One,E-mail label,E-mail\na,Mobile,1,,x\n",
                 "UID,Label 1,One,E-mail label,E-mail\na,Mobile ::: Home Fax,1 ::: 2,,x\n");
    expect_shown("UID,Label 1,One,E-mail label,E-mail\n",
                 "UID,Label 1,One,E-mail label,E-mail\na,Mobile ::: Home Fax,1 ::: 2,Work,x\n");
}

/* The card's entry of the line `said`, once the label's cell says `text`. */
static void expect_labelled(const char *said, const char *text, const char *after)
{
    cf_buffer cells = {0}, expected = {0};

    know(said);
    cf_buffer_append_text(&cells, "UID,Label 1,One\na,%s,1\n", text);
    cf_buffer_append(&cells, "", 1);
    cf_buffer_append_text(&expected, "\"a\" /phones=%s\n", after);
    cf_buffer_append(&expected, "", 1);
    read_file((const char *)cells.data);
    expect_rows(&file, (const char *)expected.data);
    cf_buffer_release(&cells);
    cf_buffer_release(&expected);
}

#define WORK CARD("FN:A\r\nTEL;TYPE=work,voice:1\r\n")
#define BOAT CARD("FN:A\r\na.TEL;TYPE=work;X-A=b:1\r\na.X-ABLabel:Boat\r\n")

Test(record_map_rows, changes_what_the_label_said_and_nothing_else)
{
    read_map(NUMBERED);
    expect_labelled(
        WORK, "Home",
        "{\"number\":\"1\",\"contexts\":{\"private\":true},\"features\":{\"voice\":true}}");
    expect_labelled(WORK, "Boat",
                    "{\"label\":\"Boat\",\"number\":\"1\",\"features\":{\"voice\":true}}");
    expect_labelled(BOAT, "Pager",
                    "{\"number\":\"1\",\"features\":{\"pager\":true},"
                    "\"vCardParams\":{\"x-a\":\"b\"}}");
    expect_labelled(BOAT, "Ship",
                    "{\"label\":\"Ship\",\"number\":\"1\",\"contexts\":{\"work\":true},"
                    "\"vCardParams\":{\"x-a\":\"b\"}}");
    /* Of two words no cell has one. */
    expect_labelled(CARD("FN:A\r\nTEL;TYPE=work,cell:1\r\n"), "Home",
                    "{\"label\":\"Home\",\"number\":\"1\",\"contexts\":{\"work\":true},"
                    "\"features\":{\"mobile\":true}}");
}

Test(record_map_rows, takes_no_context_away_by_an_empty_label)
{
    read_map(NUMBERED);
    expect_labelled(
        WORK, "", "{\"number\":\"1\",\"contexts\":{\"work\":true},\"features\":{\"voice\":true}}");
    expect_labelled(BOAT, "",
                    "{\"number\":\"1\",\"contexts\":{\"work\":true},"
                    "\"vCardParams\":{\"x-a\":\"b\"}}");
}

Test(record_map_rows, says_one_label_of_all_in_a_cell)
{
    read_map(NUMBERED);
    read_file("UID,Label 1,One,Label 2,Two\na,Work,1 ::: 2,,3\nb,* ,,Mobile,\n");
    expect_rows(&file,
                "\"a\" /phones={\"number\":\"1\",\"contexts\":{\"work\":true}},"
                "{\"number\":\"2\",\"contexts\":{\"work\":true}},{\"number\":\"3\"}\n\"b\"\n");
    for (size_t i = 0; i < file.count; i++)
        cf_rows_put(base, &file.rows[i]);
    expect_shown("UID,Label 1,One,Label 2,Two\na,Work,1 ::: 2,,3\nb,* ,,Mobile,\n",
                 "UID,Label 1,One,Label 2,Two\na,Work,1 ::: 2,,3\nb,* ,,Mobile,\n");
    expect_shown("UID,Label 1,One\na,Work,0\n",
                 "UID,Label 1,One\na,\"Work ::: Work ::: \",1 ::: 2 ::: 3\nb,,\n");
}

Test(record_map_rows, leaves_entries_in_the_cells_where_they_are)
{
    read_map(NUMBERED);
    know(CARD("TEL:1\r\nTEL:2\r\nTEL:3\r\n"));
    expect_shown("UID,One,Two\na,3,0\n", "UID,One,Two\na,3,1 ::: 2\n");
    expect_shown("UID,One,Two\na,0,1 ::: 3\n", "UID,One,Two\na,2,1 ::: 3\n");
}

Test(record_map_rows, knows_who_was_edited_where_the_order_is_the_files_own)
{
    read_map(NUMBERED);
    know(CARD("TEL;TYPE=work:1\r\nTEL;X-A=b:2\r\n"));
    read_file("UID,One,Two\na,22,1\n");
    expect_rows(&file, "\"a\" /phones={\"number\":\"1\",\"contexts\":{\"work\":true}},"
                       "{\"number\":\"22\",\"vCardParams\":{\"x-a\":\"b\"}}\n");
    read_file("UID,One,Two\na,,2 ::: 22\n");
    expect_rows(&file, "\"a\" /phones={\"number\":\"2\",\"vCardParams\":{\"x-a\":\"b\"}},"
                       "{\"number\":\"22\"}\n");
}

Test(record_map_rows, keeps_what_is_in_no_column)
{
    read_map("UID = /uid\nGiven = /name/components/given\nUnit = /organizations/1/units/1/name\n"
             "City = /addresses/1/components/locality\nTitle = /titles/title/name\n");
    know(CARD("N:Last;First;;Dr.;\r\nORG:Firm;Unit;Under\r\nADR:;;Street 1;City;;1000;Land\r\n"));
    read_file("UID,Given,Unit,City,Title\na,Other,Else,Town,Boss\n");
    expect_rows(
        &file,
        "\"a\" /addresses={\"components\":[{\"kind\":\"name\",\"value\":\"Street 1\"},"
        "{\"kind\":\"locality\",\"value\":\"Town\"},{\"kind\":\"postcode\",\"value\":\"1000\"},"
        "{\"kind\":\"country\",\"value\":\"Land\"}]} "
        "/name/components=[{\"kind\":\"surname\",\"value\":\"Last\"},"
        "{\"kind\":\"given\",\"value\":\"Other\"},{\"kind\":\"title\",\"value\":\"Dr.\"}] "
        "/organizations={\"name\":\"Firm\",\"units\":[{\"name\":\"Else\"},{\"name\":\"Under\"}]} "
        "/titles={\"kind\":\"title\",\"name\":\"Boss\"}\n");
    read_file("UID,Given,Unit,City,Title\na,,,,\n");
    expect_rows(
        &file,
        "\"a\" /addresses={\"components\":[{\"kind\":\"name\",\"value\":\"Street 1\"},"
        "{\"kind\":\"postcode\",\"value\":\"1000\"},{\"kind\":\"country\",\"value\":\"Land\"}]} "
        "/name/components=[{\"kind\":\"surname\",\"value\":\"Last\"},"
        "{\"kind\":\"title\",\"value\":\"Dr.\"}] "
        "/organizations={\"name\":\"Firm\",\"units\":[{\"name\":\"Under\"}]}\n");
}

Test(record_map_rows, leaves_columns_alone_that_it_does_not_name)
{
    read_map("UID = /uid\nName = /name/full\nKind = /kind\n");
    know(CARD("FN:Anna\r\nKIND:group\r\n"));
    read_file("Shoe;Name;UID\n38;Anna;a\n");
    expect_rows(&file, "\"a\" /name/full=\"Anna\"\n");
    expect_shown("Shoe;Name;UID\n38;Bert;a\n", "Shoe;Name;UID\n38;Anna;a\n");
}

Test(record_map_rows, takes_no_blanks_around_a_date_or_a_number)
{
    read_map("UID = /uid\nBorn = /anniversaries/birth/date\nName = /name/full\n");
    know(CARD("BDAY:1980-05-17\r\nFN:Anna\r\n"));
    read_file("UID,Born,Name\na, 1980-05-18 , Anna\nb,\t2001,Bert\nc,  ,Cleo\nd,1980 - 05,Dora\n");
    expect_rows(
        &file,
        "\"a\" /anniversaries={\"date\":{\"day\":18,\"year\":1980,\"month\":5},\"kind\":\"birth\"} "
        "/name/full=\" Anna\"\n"
        "\"b\" /anniversaries={\"date\":{\"year\":2001},\"kind\":\"birth\"} /name/full=\"Bert\"\n"
        "\"c\" /name/full=\"Cleo\"\n"
        "\"d\" /name/full=\"Dora\"\n");
    expect_troubles(&file, "0 null Born: '1980 - 05': is no date: as 1980-05-17, or --05-17 "
                           "without a year\n");
    expect_shown("UID,Born,Name\na, 1980-05-17 ,Anna\n", "UID,Born,Name\na, 1980-05-17 ,Anna\n");
}

Test(record_map_rows, takes_no_blanks_around_a_number_that_stands_alone)
{
    read_map("table events\nUID = /uid\nUrgent = /priority\nTitle = /title\n");
    read_file("UID,Urgent,Title\na, 5 , Tea\n");
    expect_rows(&file, "\"a\" /priority=5 /title=\" Tea\"\n");
    expect_troubles(&file, "");
}

Test(record_map_rows, takes_rows_without_anything_in_them_for_none)
{
    read_map("UID = /uid\nBorn = /anniversaries/birth/date\nName = /name/full\n");
    know(CARD("FN:Anna\r\n"));
    read_file("UID,Born,Name\na,,Anna\n,,\n, ,\n,,\n");
    expect_rows(&file, "\"a\" /name/full=\"Anna\"\n");
    expect_troubles(&file, "");
}

Test(record_map_rows, names_the_cell_that_says_what_can_not_be)
{
    read_map("UID = /uid\nBorn = /anniversaries/birth/date\n");
    know(CARD("BDAY:1980-05-17\r\n"));
    read_file("UID,Born\na,2001-02-29\nb,--02-29\nc,2001-13\nd,2001\n");
    expect_rows(
        &file,
        "\"a\" "
        "/anniversaries={\"date\":{\"day\":17,\"year\":1980,\"month\":5},\"kind\":\"birth\"}\n"
        "\"b\" /anniversaries={\"date\":{\"day\":29,\"month\":2},\"kind\":\"birth\"}\n"
        "\"c\"\n"
        "\"d\" /anniversaries={\"date\":{\"year\":2001},\"kind\":\"birth\"}\n");
    expect_troubles(&file, "0 null Born: '2001-02-29': is no date: as 1980-05-17, or --05-17 "
                           "without a year\n"
                           "0 null Born: '2001-13': is no date: as 1980-05-17, or --05-17 "
                           "without a year\n");
    expect_shown("UID,Born\na,2001-02-29\nb,--02-29\nc,2001-13\n", "UID,Born\na,2001-02-29\n");
}

static const char *file_of_entries(int count)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "UID,Mobile\na,0");
    for (int i = 1; i < count; i++)
        cf_buffer_append_text(&text, " ::: %d", i);
    cf_buffer_append_text(&text, "\n");
    const char *copy = cf_arena_text(&arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

/* The row stays as its user wrote it, whatever is known of it. */
Test(record_map_rows, names_the_field_that_has_too_many_entries)
{
    read_map(PHONES);
    read_file(file_of_entries(1000));
    cr_assert_eq(file.count, 1);
    cr_expect_eq(file.trouble_count, 0);
    read_file(file_of_entries(1001));
    cr_expect_eq(file.count, 0);
    expect_troubles(&file, "0 \"a\" /phones: more than 1000 entries\n");
    know(CARD("TEL;TYPE=cell:+1\r\n"));
    expect_shown(file_of_entries(1001), file_of_entries(1001));
}

static void fill_file(const char *text, cf_buffer *out)
{
    cf_record_document *document = document_of(text);

    expect_ok(cf_record_document_fill(document, &(cf_format_known){0}, out, &error), error);
    cf_record_document_destroy(&document);
}

Test(record_map_rows, gives_a_key_to_rows_that_have_none)
{
    cf_buffer out = {0};

    read_map("UID = /uid\nName = /name/full\n");
    fill_file("Name,UID\nAnna,\nAnna,\nBert,b\n,\n", &out);
    cf_buffer_append(&out, "", 1);
    read_file((const char *)out.data);
    cr_assert_eq(file.count, 3);
    cr_assert(!cf_bytes_equal(file.rows[0].key, file.rows[1].key));
    cf_buffer again = {0};
    fill_file((const char *)out.data, &again);
    cr_assert_eq(again.size, 0, "once is enough");
    cf_buffer_release(&out);
    fill_file("Name\nAnna\n", &out);
    cr_assert(out.size > 9);
    cr_assert(memcmp(out.data, "Name,UID\n", 9) == 0);
    cf_buffer_release(&out);
}

/* ---- Objects ---- */

static void read_objects(const char *table)
{
    read_map(table);
    options = (cf_record_options){
        .adapter = cf_adapter_of(CF_FORMAT_JSON), .keys = &by_uid, .key_count = 1, .map = map};
}

Test(record_map_rows, reads_and_writes_objects_of_calendars)
{
    static const char text[] =
        "[{\"uid\":\"a\",\"@type\":\"Event\",\"title\":\"A\",\"keywords\":{\"x\":true},"
        "\"locations\":{\"l7\":{\"name\":\"Here\"}},\"recurrenceOverrides\":"
        "{\"2026-01-01T00:00:00\":{\"excluded\":true}},\"alerts\":{}},"
        "{\"uid\":\"b\",\"@type\":\"Task\",\"locations\":[{\"name\":\"There\"}]}]";

    read_objects("table events\n");
    read_file(text);
    cr_assert(cf_bytes_equal(file.rows[0].table, cf_bytes_of_text(CF_TABLE_EVENTS)));
    cr_assert(cf_bytes_equal(file.rows[1].table, cf_bytes_of_text(CF_TABLE_TASKS)));
    expect_rows(&file, "\"a\" /keywords=\"x\" /locations={\"name\":\"Here\"} "
                       "/recurrenceOverrides/2026-01-01T00:00:00={\"excluded\":true} "
                       "/title=\"A\"\n\"b\" /locations={\"name\":\"There\"}\n");
    for (size_t i = 0; i < file.count; i++)
        cf_rows_put(base, &file.rows[i]);
    expect_shown(text, text);
    cf_rows_drop(base, file.rows[0].table, file.rows[0].key);
    expect_shown("[]",
                 "[\n  {\n    \"uid\": \"b\",\n    \"@type\": \"Task\",\n    \"locations\": {\n"
                 "      \"1\": {\n        \"name\": \"There\"\n      }\n    }\n  }\n]");
}

Test(record_map_rows, keeps_the_ids_of_entries)
{
    read_objects("table contacts\n");
    know(CARD("TEL:1\r\nTEL:3\r\nTEL:4\r\n"));
    expect_shown("[{\"uid\":\"a\",\"phones\":{\"m\":{\"number\":\"1\"},\"n\":{\"number\":\"2\"}}}]",
                 "[{\"uid\":\"a\",\"phones\":{\"m\":{\"number\":\"1\"},\"n\":{\"number\":\"3\"},"
                 "\"1\":{\"number\":\"4\"}}}]");
}
