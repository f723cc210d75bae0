/* SPDX-License-Identifier: Apache-2.0 */
/* A device is late with an old copy of a record, in which its user changed something: field by
 * field what is only old comes up to date, and what is new stands beside what the others have. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_inside.h"
#include "tests/support/bound_source.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER = 3, PATH = 160, TEXT_MAX = 4096 };

/* ---- Files ---- */

static void path_of(const small_device *self, char path[PATH])
{
    snprintf(path, PATH, "%s.records", self->folder);
}

static void user_writes_records(const small_device *self, const char *text)
{
    char path[PATH];

    path_of(self, path);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static void user_reads_records(const small_device *self, char text[TEXT_MAX])
{
    char path[PATH];
    size_t size = 0;

    path_of(self, path);
    FILE *file = fopen(path, "re");
    if (file) {
        size = fread(text, 1, TEXT_MAX - 1, file);
        fclose(file);
    }
    text[size] = '\0';
}

static cf_binding *bind_records(small_device *self, cf_format format, unsigned meets)
{
    static const char *const keys[] = {"k"};
    char path[PATH];

    path_of(self, path);
    return bind_source(self->engine,
                       &(bound_source){.collection = "records",
                                       .meets = meets,
                                       .options = {.number = NUMBER,
                                                   .format = format,
                                                   .path = path,
                                                   .keys = keys,
                                                   .key_count = format == CF_FORMAT_CSV}});
}

static size_t conflicts_of(const small_device *self, const cf_binding *source)
{
    cf_binding_status status;
    cf_arena arena = {0};

    cf_engine_status(self->engine, source, &arena, &status);
    const size_t count = status.conflict_count;
    cf_arena_release(&arena);
    return count;
}

/* ---- Meetings ---- */

enum { CHANGES_MAX = 3, PARTS_MAX = 8 };

typedef struct {
    cf_format format;
    const char *first, *changes[CHANGES_MAX]; /* of the first device, one after the other */
    const char *copy;                         /* that the second device is late with */
    const char *has[PARTS_MAX], *lacks[PARTS_MAX];
    size_t conflicts;
} meeting;

static void expect_parts(const small_device *self, const meeting *what)
{
    char text[TEXT_MAX];

    user_reads_records(self, text);
    for (size_t i = 0; i < PARTS_MAX && what->has[i]; i++)
        cr_expect(strstr(text, what->has[i]), "device %d lacks %s:\n%s", self->number, what->has[i],
                  text);
    for (size_t i = 0; i < PARTS_MAX && what->lacks[i]; i++)
        cr_expect_not(strstr(text, what->lacks[i]), "device %d has %s:\n%s", self->number,
                      what->lacks[i], text);
}

static void try_meeting(meeting what)
{
    small_world *w = small_world_new(23, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    const cf_binding *of_a = bind_records(a, what.format, CF_MEETS_NEW);
    user_writes_records(a, what.first);
    cr_assert(small_device_sync(a));
    for (size_t i = 0; i < CHANGES_MAX && what.changes[i]; i++) {
        user_writes_records(a, what.changes[i]);
        cr_assert(small_device_sync(a));
    }
    user_writes_records(b, what.copy);
    const cf_binding *of_b = bind_records(b, what.format, CF_MEETS_OLD);
    cr_assert(small_world_settle(w));
    expect_parts(a, &what);
    expect_parts(b, &what);
    cr_expect_eq(conflicts_of(a, of_a), what.conflicts);
    cr_expect_eq(conflicts_of(b, of_b), what.conflicts);
    small_world_destroy(&w);
}

Test(engine_old_rows, come_up_to_date_but_for_what_is_new)
{
    try_meeting((meeting){.format = CF_FORMAT_CSV,
                          .first = "k,x,y,z\nr,1,1,1\n",
                          .changes = {"k,x,y,z\nr,2,1,\n", "k,x,y,z\nr,3,1,\n"},
                          .copy = "k,x,y,z\nr,2,5,1\n",
                          .has = {"r,3,5,\n"},
                          .conflicts = 1});
}

Test(engine_old_rows, lack_what_others_added_and_keep_what_is_missing_in_the_copy)
{
    try_meeting((meeting){
        .format = CF_FORMAT_JSON,
        .first = "{\"x\": 1, \"y\": 1, \"z\": 1}",
        .changes = {"{\"x\": 2, \"y\": 1, \"z\": 1}", "{\"x\": 2, \"y\": 1, \"z\": 1, \"w\": 4}"},
        .copy = "{\"x\": 1, \"z\": 1, \"v\": 7}",
        .has = {"\"x\": 2", "\"y\": 1", "\"z\": 1", "\"w\": 4", "\"v\": 7"}});
    try_meeting((meeting){.format = CF_FORMAT_JSON,
                          .first = "{\"x\": 1, \"y\": 1, \"z\": 1}",
                          .changes = {"{\"x\": 2, \"y\": 1, \"z\": 1}"},
                          .copy = "{\"x\": 1, \"z\": 1}",
                          .has = {"\"x\": 2", "\"y\": 1", "\"z\": 1"}});
}

/* What both changed is decided by nobody: nothing of it is replaced. */
Test(engine_old_rows, keep_both_of_what_both_changed)
{
    try_meeting((meeting){.format = CF_FORMAT_JSON,
                          .first = "{\"x\": 1, \"y\": 1}",
                          .changes = {"{\"x\": 2, \"y\": 2}"},
                          .copy = "{\"x\": 1, \"y\": 3}",
                          .has = {"\"x\": 2", "\"y\": 3"},
                          .conflicts = 1});
}

#define CARD(lines) "BEGIN:VCARD\nVERSION:4.0\nUID:u\nFN:Ann\n" lines "END:VCARD\n"

Test(engine_old_rows, lose_of_a_set_what_is_old_and_no_more)
{
    try_meeting((meeting){.format = CF_FORMAT_VCARD,
                          .first = CARD("TEL:1\nTEL:2\nNOTE:n\n"),
                          .changes = {CARD("TEL:10\nTEL:2\n"), CARD("TEL:10\nTEL:2\nTEL:4\n")},
                          .copy = CARD("TEL:1\nTEL:2\nTEL:3\nNOTE:n\n"),
                          .has = {"TEL:10\n", "TEL:2\n", "TEL:3\n", "TEL:4\n"},
                          .lacks = {"TEL:1\n", "NOTE"}});
}

#define EVENT(lines)                                                                               \
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:e\nDTSTAMP:20260101T000000Z\n"      \
    "DTSTART:2026" lines "END:VEVENT\nEND:VCALENDAR\n"

Test(engine_old_rows, leave_an_event_where_it_was_moved_to)
{
    try_meeting((meeting){
        .format = CF_FORMAT_ICALENDAR,
        .first = EVENT("1005T100000Z\nDTEND:20261005T110000Z\nSUMMARY:s1\nLOCATION:l1\n"),
        .changes = {EVENT("1006T100000Z\nDTEND:20261006T110000Z\nSUMMARY:s1\nLOCATION:l2\n")},
        .copy = EVENT("1005T100000Z\nDTEND:20261005T110000Z\nSUMMARY:s3\nLOCATION:l1\n"),
        .has = {"DTSTART:20261006T100000Z", "DTEND:20261006T110000Z", "LOCATION:l2", "SUMMARY:s3"},
        .conflicts = 1});
}

/* When an event is stands or falls together: who made it longer meant it where the copy has it. */
Test(engine_old_rows, keep_both_of_when_an_event_is)
{
    try_meeting(
        (meeting){.format = CF_FORMAT_ICALENDAR,
                  .first = EVENT("1005T100000Z\nDTEND:20261005T110000Z\nLOCATION:l1\n"),
                  .changes = {EVENT("1006T100000Z\nDTEND:20261006T110000Z\nLOCATION:l2\n")},
                  .copy = EVENT("1005T100000Z\nDTEND:20261005T120000Z\nLOCATION:l1\n"),
                  .has = {"DTSTART:20261005T100000Z", "DTEND:20261005T120000Z", "LOCATION:l2"},
                  .conflicts = 1});
}
