/* SPDX-License-Identifier: Apache-2.0 */
/* Files of records that are cut short, at every offset: what came behind the cut is not deleted
 * elsewhere, and what is whole goes on. */
#include "tests/peer/small/small_inside.h"
#include "tests/support/bound_source.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { NUMBER = 2, TURNS = 3000, PEOPLE = 4 };

typedef struct {
    cf_format format;
    const char *suffix, *key, *head, *tail;
    const char *line_end; /* of a table */
    bool bare;            /* of a table: its last line has no end */
    const char *edited;   /* in the first record, instead of "Ann" */
    size_t ends[16];      /* where a whole file may end */
    size_t end_count;
    cf_buffer text;
} kind;

static void append_record(kind *self, int i)
{
    const char *name = i ? "Bob" : self->edited;

    switch (self->format) {
    case CF_FORMAT_VCARD:
        cf_buffer_append_text(&self->text,
                              "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:person%d\r\nFN:%s %d\r\n"
                              "N:%s;;;;\r\nEND:VCARD\r\n",
                              i * 11, name, i, name);
        break;
    case CF_FORMAT_ICALENDAR:
        cf_buffer_append_text(&self->text,
                              "BEGIN:VEVENT\r\nUID:event%d\r\nDTSTART:2026010%dT100000Z\r\n"
                              "RRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY:%s\r\nEND:VEVENT\r\n"
                              "BEGIN:VEVENT\r\nUID:event%d\r\nRECURRENCE-ID:2026010%dT100000Z\r\n"
                              "DTSTART:2026010%dT120000Z\r\nSUMMARY:%s later\r\nEND:VEVENT\r\n",
                              i * 11, i + 1, name, i * 11, i + 2, i + 2, name);
        break;
    case CF_FORMAT_CSV:
        cf_buffer_append_text(&self->text, "%d,%s %d,\"a, b\",%d00%s", i * 11, name, i, i + 1,
                              self->line_end);
        break;
    default:
        cf_buffer_append_text(&self->text, "%s{\"id\": %d, \"name\": \"%s\"}", i ? ",\n" : "",
                              i * 11, name);
    }
}

/* Without its last line end alone a file is whole; a calendar's and a document's end where they are
 * closed. */
static void make(kind *self, const char *edited)
{
    self->edited = edited;
    self->end_count = 0;
    cf_buffer_release(&self->text);
    cf_buffer_append_text(&self->text, "%s", self->head);
    for (int i = 0; i < PEOPLE; i++) {
        append_record(self, i);
        if (self->format == CF_FORMAT_VCARD) {
            self->ends[self->end_count++] = self->text.size - 2;
            self->ends[self->end_count++] = self->text.size - 1;
        }
        if (self->format == CF_FORMAT_CSV || self->format == CF_FORMAT_VCARD)
            self->ends[self->end_count++] = self->text.size;
    }
    if (self->bare)
        self->text.size -= strlen(self->line_end);
    cf_buffer_append_text(&self->text, "%s", self->tail);
}

static bool may_end(const kind *self, size_t at)
{
    size_t closed = self->text.size;

    for (size_t i = 0; i < self->end_count; i++)
        if (self->ends[i] == at)
            return true;
    if (self->format == CF_FORMAT_CSV)
        return at == strlen(self->head) || at + strlen(self->line_end) >= self->text.size;
    while (closed && strchr("\r\n", self->text.data[closed - 1]))
        closed--;
    return at >= closed;
}

static void write_bytes(const small_device *self, const kind *of, size_t size)
{
    char path[180], beside[200];

    snprintf(path, sizeof path, "%s%s", self->folder, of->suffix);
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(of->text.data, 1, size, file), size);
    fclose(file);
    cr_assert_eq(rename(beside, path), 0);
}

static bool shows(const small_device *self, const kind *of)
{
    char path[180], bytes[8192];

    snprintf(path, sizeof path, "%s%s", self->folder, of->suffix);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return cf_bytes_equal(cf_bytes_of(bytes, size), cf_buffer_view(&of->text));
}

static cf_binding *bind(small_device *self, const kind *of)
{
    const char *keys[] = {of->key};
    char path[180];

    snprintf(path, sizeof path, "%s%s", self->folder, of->suffix);
    return bind_source(self->engine, &(bound_source){.collection = "people",
                                                     .options = {.number = NUMBER,
                                                                 .format = of->format,
                                                                 .path = path,
                                                                 .keys = keys,
                                                                 .key_count = of->key != NULL}});
}

static void sync(small_device *self)
{
    cr_assert(small_device_sync(self));
}

static const kind kinds[] = {
    {.format = CF_FORMAT_VCARD, .suffix = ".vcf", .head = "", .tail = ""},
    {.format = CF_FORMAT_ICALENDAR,
     .suffix = ".ics",
     .head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a//b\r\n",
     .tail = "END:VCALENDAR\r\n"},
    {.format = CF_FORMAT_CSV,
     .suffix = ".csv",
     .key = "id",
     .head = "id,name,note,amount\n",
     .tail = "",
     .line_end = "\n"},
    {.format = CF_FORMAT_CSV, /* cut between CR and LF, too */
     .suffix = ".csv",
     .key = "id",
     .head = "id,name,note,amount\r\n",
     .tail = "",
     .line_end = "\r\n"},
    {.format = CF_FORMAT_CSV, /* as a spreadsheet saves it */
     .suffix = ".csv",
     .key = "id",
     .head = "\xef\xbb\xbfsep=,\r\nid,name,note,amount\r\n",
     .tail = "",
     .line_end = "\r\n"},
    {.format = CF_FORMAT_JSON, .suffix = ".json", .key = "id", .head = "[\n", .tail = "\n]\n"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct {
    small_world *in;
    small_device *a, *b;
    cf_binding *at;
    kind of;
} scene;

/* Two that have the same file. */
static scene begin(const kind *of)
{
    scene self = {.in = small_world_new(75, 2), .of = *of};

    self.a = &self.in->devices[0];
    self.b = &self.in->devices[1];
    self.in->guarded = true;
    make(&self.of, "Ann");
    self.at = bind(self.a, &self.of);
    bind(self.b, &self.of);
    write_bytes(self.a, &self.of, self.of.text.size);
    write_bytes(self.b, &self.of, self.of.text.size);
    cr_assert(small_world_settle(self.in));
    return self;
}

static void end(scene *self)
{
    cf_buffer_release(&self->of.text);
    small_world_destroy(&self->in);
}

static bool is_said(const scene *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->a->engine, self->at, &arena, &status);
    bool said = status.trouble || status.pending_count;
    cf_arena_release(&arena);
    return said;
}

Test(engine_cut, deletes_nothing_wherever_the_file_is_cut)
{
    for (size_t k = 0; k < KINDS; k++) {
        scene self = begin(&kinds[k]);
        const size_t size = self.of.text.size;
        const uint64_t entries = small_world_entries(self.in);

        for (size_t at = 0; at < size; at++) {
            if (may_end(&self.of, at))
                continue;
            write_bytes(self.a, &self.of, at);
            sync(self.a);
            cr_assert_eq(small_world_entries(self.in), entries, "%s is cut at %zu of %zu",
                         self.of.suffix, at, size);
            cr_assert(is_said(&self), "%s is cut at %zu of %zu", self.of.suffix, at, size);
            sync(self.b);
            cr_assert(shows(self.b, &self.of));
        }
        write_bytes(self.a, &self.of, size);
        sync(self.a);
        cr_assert_not(is_said(&self), "%s is whole again", self.of.suffix);
        cr_assert_eq(small_world_entries(self.in), entries);
        end(&self);
    }
}

/* First only the last line's end is gone, or the half of it. */
Test(engine_cut, deletes_nothing_of_a_table_that_lost_an_end_before)
{
    for (size_t k = 0; k < KINDS; k++) {
        if (kinds[k].format != CF_FORMAT_CSV)
            continue;
        for (size_t lost = 1; lost <= strlen(kinds[k].line_end); lost++) {
            scene self = begin(&kinds[k]);
            const size_t size = self.of.text.size;
            const uint64_t entries = small_world_entries(self.in);

            write_bytes(self.a, &self.of, size - lost);
            sync(self.a);
            cr_assert_not(is_said(&self), "all rows are there");
            for (size_t at = size - lost - 1; at > size / 2; at--) {
                if (may_end(&self.of, at))
                    continue;
                write_bytes(self.a, &self.of, at);
                sync(self.a);
                cr_assert_eq(small_world_entries(self.in), entries, "cut at %zu of %zu", at, size);
            }
            cr_assert(is_said(&self));
            sync(self.b);
            cr_assert(shows(self.b, &self.of));
            write_bytes(self.a, &self.of, size);
            sync(self.a);
            cr_assert_not(is_said(&self), "whole again");
            end(&self);
        }
    }
}

/* Of a table whose last line never had an end a CR alone tells. */
Test(engine_cut, deletes_nothing_of_a_table_without_a_last_end_that_ends_in_half_of_one)
{
    for (size_t k = 0; k < KINDS; k++) {
        if (kinds[k].format != CF_FORMAT_CSV || strlen(kinds[k].line_end) < 2)
            continue;
        kind bare = kinds[k];
        bare.bare = true;
        scene self = begin(&bare);
        const size_t size = self.of.text.size;
        const uint64_t entries = small_world_entries(self.in);

        for (size_t i = 0; i + 1 < self.of.end_count; i++) {
            write_bytes(self.a, &self.of, self.of.ends[i] - 1);
            sync(self.a);
            cr_assert_eq(small_world_entries(self.in), entries, "cut in the end of row %zu", i);
            cr_assert(is_said(&self));
            sync(self.b);
            cr_assert(shows(self.b, &self.of));
        }
        write_bytes(self.a, &self.of, size);
        sync(self.a);
        cr_assert_not(is_said(&self), "whole again");
        end(&self);
    }
}

/* Behind the cut is all but the first record. */
Test(engine_cut, sends_what_is_whole_and_was_edited)
{
    for (size_t k = 0; k < KINDS; k++) {
        scene self = begin(&kinds[k]);

        make(&self.of, "Cleo");
        write_bytes(self.a, &self.of, self.of.text.size - strlen(self.of.tail) - 3);
        sync(self.a);
        sync(self.b);
        if (self.of.format != CF_FORMAT_JSON) /* of a document that has no end nothing is known */
            cr_assert(shows(self.b, &self.of), "%s", self.of.suffix);
        write_bytes(self.a, &self.of, self.of.text.size);
        sync(self.a);
        sync(self.b);
        cr_assert(shows(self.b, &self.of), "%s", self.of.suffix);
        cr_assert_not(is_said(&self));
        end(&self);
    }
}

/* Of a table and a document: what is put behind the cut would make them look whole, or can't be. */
Test(engine_cut, writes_nothing_into_a_file_that_is_cut)
{
    for (size_t k = 0; k < KINDS; k++) {
        if (kinds[k].format != CF_FORMAT_CSV && kinds[k].format != CF_FORMAT_JSON)
            continue;
        scene self = begin(&kinds[k]);
        const size_t cut = self.of.text.size / 2 + 5;
        kind short_one = self.of;

        write_bytes(self.a, &self.of, cut);
        make(&self.of, "Cleo");
        write_bytes(self.b, &self.of, self.of.text.size);
        sync(self.b);
        sync(self.a);
        cr_assert(is_said(&self));
        short_one.text = (cf_buffer){0};
        make(&short_one, "Ann");
        short_one.text.size = cut;
        cr_assert(shows(self.a, &short_one), "%s", self.of.suffix);
        short_one.edited = "Ann";
        make(&short_one, "Ann");
        write_bytes(self.a, &short_one, short_one.text.size);
        sync(self.a);
        cr_assert(shows(self.a, &self.of), "%s", self.of.suffix);
        cf_buffer_release(&short_one.text);
        end(&self);
    }
}

/* What is cut stays at the end, so that it is seen still. */
Test(engine_cut, brings_edits_but_nothing_new_into_a_file_of_cards)
{
    for (size_t k = 0; k < 2; k++) {
        scene self = begin(&kinds[k]);
        const size_t behind = self.of.text.size - strlen(self.of.tail) - 3;
        uint64_t entries;

        write_bytes(self.a, &self.of, behind);
        kind more = self.of;
        more.text = (cf_buffer){0};
        make(&more, "Cleo");
        more.text.size -= strlen(more.tail);
        append_record(&more, PEOPLE);
        cf_buffer_append_text(&more.text, "%s", more.tail);
        write_bytes(self.b, &more, more.text.size);
        sync(self.b);
        entries = small_world_entries(self.in);
        for (int i = 0; i < 2; i++)
            sync(self.a);
        cr_assert(is_said(&self));
        cr_assert_eq(small_world_entries(self.in), entries, "%s", self.of.suffix);
        sync(self.b);
        cr_assert(shows(self.b, &more), "%s", self.of.suffix);
        cf_buffer_release(&more.text);
        end(&self);
    }
}
