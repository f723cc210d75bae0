/* SPDX-License-Identifier: Apache-2.0 */
/* What another format brought into a collection, and cards or calendars have no words for: it
 * stays, whatever is done to the files, and comes back untouched. */
#include "tests/peer/small/small_cards.h"

#include "peer/adapters/json_value.h"
#include "peer/adapters/value_map.h"
#include "peer/records/record_view.h"
#include "peer/records/row_refs.h"
#include "peer/records/schema.h"
#include "tests/support/expect.h"

#include <stdlib.h>
#include <string.h>

static void settles(small_world *w, const char *when)
{
    cr_assert(small_world_settle(w), "%s: the world does not come to rest", when);
}

static cf_binding *records_of(small_device *self)
{
    for (size_t i = 0; i < cf_engine_binding_count(self->engine); i++)
        if (cf_format_is_records(cf_engine_binding_at(self->engine, i)->format))
            return cf_engine_binding_at(self->engine, i);
    abort();
}

static cf_collection *collection_of(small_device *self)
{
    cf_collection *collection;
    cf_error error;

    expect_ok(cf_peer_collection(cf_engine_peer(self->engine), &records_of(self)->collection,
                                 &collection, &error),
              error);
    return collection;
}

/* ---- Another format ---- */

typedef struct {
    const char *field, *value;
    const char *instead; /* of what the base has in this field or set; NULL: beside it */
} foreign;

static bool is_of(cf_bytes field, const char *name)
{
    size_t size = strlen(name);

    return field.size >= size && memcmp(field.data, name, size) == 0;
}

/* Publishes what a device with another format would have, ascending by field. Of the one record
 * that there is. */
static void bring(small_device *self, const foreign *all, size_t count)
{
    const cf_row *base = cf_rows_next(records_of(self)->rows, NULL);
    cf_change *changes = cf_allocate(count, sizeof *changes);
    cf_arena arena = {0};
    cf_row_ref *refs;
    size_t ref_count;
    cf_error error;

    expect_ok(cf_row_refs_read(base, &arena, &refs, &ref_count, &error), error);
    for (size_t i = 0; i < count; i++) {
        cf_buffer value = {0};

        cr_assert(cf_value_of_json(cf_bytes_of_text(all[i].value), &value), "%s", all[i].value);
        changes[i] = (cf_change){.item = base->item,
                                 .field = cf_bytes_of_text(all[i].field),
                                 .value = cf_arena_copy(&arena, cf_buffer_view(&value))};
        for (size_t k = 0; k < ref_count && all[i].instead; k++)
            if (is_of(refs[k].field, all[i].instead)) {
                changes[i].field = refs[k].field;
                changes[i].over = &refs[k].dot;
                changes[i].over_count = 1;
            }
        cf_buffer_release(&value);
    }
    expect_ok(cf_peer_publish_changes(cf_engine_peer(self->engine), collection_of(self), changes,
                                      count, self->in->now_ms, &error),
              error);
    cf_arena_release(&arena);
    free(changes);
}

/* The one record as the log has it: "NAME=VALUE,VALUE\n" for each field. */
static void print_record(small_device *self, const cf_schema *schema, cf_buffer *out)
{
    cf_row_view *view = cf_row_view_new(collection_of(self)->state, schema);

    cf_buffer_clear(out);
    for (size_t i = 0; i < cf_row_view_count(view); i++) {
        const cf_row *row = cf_row_view_at(view, i);

        for (size_t k = 0; k < row->field_count; k++) {
            cf_buffer_append_text(out, "%.*s=", (int)row->fields[k].name.size,
                                  (const char *)row->fields[k].name.data);
            for (size_t n = 0; n < row->fields[k].count; n++) {
                cf_buffer_append_text(out, n ? "," : "");
                cf_value_json(row->fields[k].values[n], out);
            }
            cf_buffer_append_text(out, "\n");
        }
    }
    cf_buffer_append(out, "", 1);
    cf_row_view_destroy(&view);
}

static void expect_record(small_world *w, const cf_schema *schema, const char *expected,
                          const char *when)
{
    cf_buffer text = {0};

    for (int i = 0; i < w->count; i++) {
        print_record(&w->devices[i], schema, &text);
        cr_expect_str_eq((char *)text.data, expected, "%s, device %d has\n%s", when, i,
                         (char *)text.data);
    }
    cf_buffer_release(&text);
}

static void expect_file(small_device *self, const char *file, const char *expected,
                        const char *when)
{
    cf_buffer text = {0};

    small_device_reads_card(self, file, &text);
    cr_expect_str_eq((char *)text.data, expected, "%s:\n%s", when, (char *)text.data);
    cf_buffer_release(&text);
}

static void expect_in_file(small_device *self, const char *file, const char *expected,
                           const char *when)
{
    cf_buffer text = {0};

    small_device_reads_card(self, file, &text);
    cr_expect(strstr((char *)text.data, expected), "%s:\n%s", when, (char *)text.data);
    cf_buffer_release(&text);
}

/* ---- Cards ---- */

static const char card[] = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u\r\nFN:Ann\r\nEMAIL:a@b\r\n"
                           "TEL:1\r\nEND:VCARD\r\n";

Test(engine_unsaid, outlives_what_is_done_to_a_card)
{
    static const foreign news[] = {
        {"/emails/", "{\"address\":\"a@b\",\"example.com:x\":5}", "/emails/"},
        {"/onlineServices/1", "{\"service\":\"M\",\"user\":\"u\"}", NULL},
        {"/speakToAs/grammaticalGender", "\"neuter\"", NULL},
    };
    small_world *w = small_world_new(71, 2);
    small_device *a = &w->devices[0];

    small_world_bind_cards(w);
    user_writes_text_card(a, "u.vcf", card);
    settles(w, "before");
    bring(&w->devices[1], news, 3);
    settles(w, "another format");
    expect_file(a, "u.vcf", card, "nothing of it is shown");
    uint64_t entries = small_world_entries(w);
    settles(w, "again");
    cr_expect_eq(small_world_entries(w), entries, "nobody takes it for a change");
    user_writes_text_card(a, "u.vcf",
                          "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u\r\nFN:Anna\r\nEMAIL:c@d\r\n"
                          "TEL:1\r\nTEL:2\r\nEND:VCARD\r\n");
    settles(w, "edited");
    expect_record(w, &cf_schema_contacts,
                  "/emails={\"address\":\"c@d\",\"example.com:x\":5}\n"
                  "/name/full=\"Anna\"\n"
                  "/onlineServices={\"user\":\"u\",\"service\":\"M\"}\n"
                  "/phones={\"number\":\"1\"},{\"number\":\"2\"}\n"
                  "/speakToAs/grammaticalGender=\"neuter\"\n",
                  "edited");
    user_writes_text_card(a, "u.vcf",
                          "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u\r\nFN:Anna\r\n"
                          "END:VCARD\r\n");
    settles(w, "emptied");
    expect_record(w, &cf_schema_contacts,
                  "/name/full=\"Anna\"\n"
                  "/onlineServices={\"user\":\"u\",\"service\":\"M\"}\n"
                  "/speakToAs/grammaticalGender=\"neuter\"\n",
                  "emptied");
    user_removes_card(a, "u.vcf");
    settles(w, "deleted");
    expect_record(w, &cf_schema_contacts, "", "a record that is deleted goes as a whole");
    small_world_destroy(&w);
}

/* ---- Events ---- */

/* With a stamp that no change is later than. */
#define EVENT(lines)                                                                               \
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\n"                      \
    "DTSTAMP:99990101T000000Z\r\n" lines "END:VEVENT\r\nEND:VCALENDAR\r\n"

Test(engine_unsaid, outlives_what_is_done_to_an_event)
{
    static const foreign news[] = {
        {"/alerts/", "{\"action\":\"display\",\"trigger\":{\"offset\":\"-PT5M\"},\"x\":[1]}",
         "/alerts/"},
        {"/duration", "\"PT60M\"", "/duration"},
        {"/participants/p", "{\"name\":\"P\",\"roles\":{\"owner\":true}}", NULL},
        {"/replyTo", "{\"imip\":\"mailto:a@b\"}", NULL},
        {"/virtualLocations/v", "{\"uri\":\"https://v\"}", NULL},
    };
    small_world *w = small_world_new(72, 2);
    small_device *a = &w->devices[0];

    small_world_bind_calendar(w);
    user_writes_text_card(a, "u.ics",
                          EVENT("DTSTART:20240102T100000\r\nDTEND:20240102T110000\r\n"
                                "SUMMARY:One\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
                                "TRIGGER:-PT5M\r\nEND:VALARM\r\n"));
    settles(w, "before");
    bring(&w->devices[1], news, 5);
    settles(w, "another format");
    expect_file(a, "u.ics",
                EVENT("DTSTART:20240102T100000\r\nDTEND:20240102T110000\r\n"
                      "SUMMARY:One\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
                      "TRIGGER:-PT5M\r\nEND:VALARM\r\n"),
                "nothing of it is shown");
    uint64_t entries = small_world_entries(w);
    settles(w, "again");
    cr_expect_eq(small_world_entries(w), entries, "nobody takes it for a change");
    user_writes_text_card(a, "u.ics",
                          EVENT("DTSTART:20240102T100000\r\nDTEND:20240102T110000\r\n"
                                "SUMMARY:Two\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
                                "TRIGGER:-PT9M\r\nEND:VALARM\r\n"));
    settles(w, "edited");
    expect_record(w, &cf_schema_calendar,
                  "/alerts={\"x\":[1],\"action\":\"display\",\"trigger\":{\"offset\":\"-PT9M\"}}\n"
                  "/duration=\"PT60M\"\n"
                  "/participants/p={\"name\":\"P\",\"roles\":{\"owner\":true}}\n"
                  "/replyTo={\"imip\":\"mailto:a@b\"}\n"
                  "/start=\"2024-01-02T10:00:00\"\n"
                  "/title=\"Two\"\n"
                  "/virtualLocations={\"uri\":\"https://v\"}\n",
                  "edited");
    small_world_destroy(&w);
}

/* A start makes a duration something that can be said: it isn't one that the user took away. */
Test(engine_unsaid, comes_when_there_are_words_for_it)
{
    static const foreign news[] = {{"/duration", "\"PT1H\"", NULL}};
    small_world *w = small_world_new(73, 2);
    small_device *a = &w->devices[0];

    small_world_bind_calendar(w);
    user_writes_text_card(a, "u.ics", EVENT("SUMMARY:One\r\n"));
    settles(w, "before");
    bring(&w->devices[1], news, 1);
    settles(w, "another format");
    expect_file(a, "u.ics", EVENT("SUMMARY:One\r\n"), "no end without a start");
    user_writes_text_card(a, "u.ics", EVENT("SUMMARY:One\r\nDTSTART:20240102T100000\r\n"));
    settles(w, "begun");
    expect_file(a, "u.ics",
                EVENT("SUMMARY:One\r\nDTSTART:20240102T100000\r\nDTEND:20240102T110000\r\n"),
                "begun");
    small_world_destroy(&w);
}

#define ZONED                                                                                      \
    "DTSTART;TZID=Europe/Berlin:20240102T100000\r\nDTEND;TZID=Europe/Berlin:20240102T110000\r\n"

/* The zone and the end stand in the file, and can't beside what it is to show. */
Test(engine_unsaid, goes_where_it_is_in_the_way_of_what_is_to_be_shown)
{
    static const foreign all_day[] = {{"/duration", "\"P1D\"", "/duration"},
                                      {"/showWithoutTime", "true", NULL},
                                      {"/start", "\"2024-01-02T00:00:00\"", "/start"}};
    static const foreign at_ten[] = {{"/showWithoutTime", "false", "/showWithoutTime"},
                                     {"/start", "\"2024-01-02T10:00:00\"", "/start"}};
    small_world *w = small_world_new(74, 2);
    small_device *a = &w->devices[0];

    small_world_bind_calendar(w);
    user_writes_text_card(a, "u.ics", EVENT("SUMMARY:One\r\n" ZONED));
    settles(w, "before");
    bring(&w->devices[1], all_day, 3);
    settles(w, "another format");
    expect_file(a, "u.ics",
                EVENT("SUMMARY:One\r\nDTSTART;VALUE=DATE:20240102\r\n"
                      "DTEND;VALUE=DATE:20240103\r\n"),
                "a day has no zone");
    uint64_t entries = small_world_entries(w);
    settles(w, "again");
    cr_expect_eq(small_world_entries(w), entries, "nobody takes it for a change");
    user_writes_text_card(a, "u.ics",
                          EVENT("SUMMARY:Two\r\nDTSTART;VALUE=DATE:20240102\r\n"
                                "DTEND;VALUE=DATE:20240103\r\n"));
    settles(w, "edited");
    expect_record(w, &cf_schema_calendar,
                  "/duration=\"P1D\"\n/showWithoutTime=true\n/start=\"2024-01-02T00:00:00\"\n"
                  "/timeZone=\"Europe/Berlin\"\n/title=\"Two\"\n",
                  "edited");
    bring(&w->devices[1], at_ten, 2);
    settles(w, "a time again");
    expect_in_file(a, "u.ics",
                   "SUMMARY:Two\r\nDTSTART;TZID=Europe/Berlin:20240102T100000\r\n"
                   "DTEND;TZID=Europe/Berlin:20240103T100000\r\n",
                   "with the zone that it had");
    expect_in_file(a, "u.ics", "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n", "and what it is");
    small_world_destroy(&w);
}
