/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/csv_document.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/utf8.h"

enum { RECORDS_LOOKED_AT = 20, BYTES_LOOKED_AT = 64 * 1024 };

typedef struct {
    size_t end;   /* behind it: at a separator, a line end, or the end of the input */
    bool open;    /* its quote isn't closed */
    bool trailed; /* there is text behind its closing quote */
} field_extent;

static bool ends_field(cf_bytes input, size_t at, char separator)
{
    return at >= input.size || input.data[at] == (uint8_t)separator || input.data[at] == '\n' ||
           input.data[at] == '\r';
}

/* Behind the closing quote of a field that begins with one; SIZE_MAX: there is none. */
static size_t behind_quote(cf_bytes input, size_t at)
{
    for (at++; at < input.size; at++) {
        const uint8_t *quote = memchr(input.data + at, '"', input.size - at);

        if (!quote)
            return SIZE_MAX;
        at = (size_t)(quote - input.data) + 1;
        if (at >= input.size || input.data[at] != '"')
            return at;
    }
    return SIZE_MAX;
}

static field_extent scan_field(cf_bytes input, size_t at, char separator)
{
    field_extent found = {.end = at};

    if (at < input.size && input.data[at] == '"') {
        found.end = behind_quote(input, at);
        if (found.end == SIZE_MAX)
            return (field_extent){.end = input.size, .open = true};
        found.trailed = !ends_field(input, found.end, separator);
    }
    while (!ends_field(input, found.end, separator))
        found.end++;
    return found;
}

static size_t line_end_size(cf_bytes input, size_t at)
{
    if (at >= input.size)
        return 0;
    return input.data[at] == '\r' && at + 1 < input.size && input.data[at + 1] == '\n' ? 2 : 1;
}

typedef struct {
    size_t end, next; /* next: behind its line end */
    size_t fields;
    bool open, trailed;
} record_extent;

static record_extent scan_record(cf_bytes input, size_t at, char separator)
{
    record_extent found = {0};

    for (;;) {
        field_extent field = scan_field(input, at, separator);

        found.fields++;
        found.open |= field.open;
        found.trailed |= field.trailed;
        at = field.end;
        if (at >= input.size || input.data[at] != (uint8_t)separator)
            break;
        at++;
    }
    found.end = at;
    found.next = at + line_end_size(input, at);
    return found;
}

/* How well a separator fits: records with as many fields as the first one first, then how many
 * these are. */
static size_t fit_of(cf_bytes input, size_t start, char separator)
{
    size_t wanted = 0, equal = 0, at = start;

    if (input.size - start > BYTES_LOOKED_AT)
        input.size = start + BYTES_LOOKED_AT;
    for (size_t i = 0; i < RECORDS_LOOKED_AT && at < input.size; i++) {
        record_extent record = scan_record(input, at, separator);

        if (i == 0)
            wanted = record.fields;
        equal += record.fields == wanted;
        at = record.next;
    }
    return wanted > 1 ? equal * CF_CSV_FIELDS_MAX + wanted : 0;
}

static char find_separator(cf_bytes input, size_t start)
{
    static const char candidates[] = ",;\t|";
    char best = ',';
    size_t best_fit = 0;

    for (const char *at = candidates; *at; at++) {
        size_t fit = fit_of(input, start, *at);

        if (fit > best_fit) {
            best_fit = fit;
            best = *at;
        }
    }
    return best;
}

static const char fewer_fields[] =
    "has fewer fields than the first row: add those that are missing";

static_assert(CF_CSV_RECORD_MAX == 8388608 && CF_CSV_FIELDS_MAX == 4096,
              "the limits that these texts name");

static const char *trouble_of(const cf_csv *self, const cf_csv_record *record, bool trailed)
{
    cf_bytes bytes = cf_bytes_of(self->input.data + record->offset, record->size);

    if (record->size > CF_CSV_RECORD_MAX)
        return "is longer than 8 MiB: shorten it";
    if (record->fields > CF_CSV_FIELDS_MAX)
        return "has more than 4096 fields: delete some";
    if (!cf_utf8_valid(bytes))
        return "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`";
    if (bytes.size && memchr(bytes.data, '\0', bytes.size))
        return "holds a NUL byte: take it out";
    if (trailed)
        return "has text behind a closing quote: double a quote that is part of the text";
    if (self->count && record->fields < self->records[0].fields)
        return fewer_fields;
    if (self->count && record->fields > self->records[0].fields)
        return "has more fields than the first row: put quotes around what is one field";
    return NULL;
}

static size_t count_line_ends(cf_bytes bytes)
{
    size_t count = 0;

    for (size_t i = 0; i < bytes.size; i += line_end_size(bytes, i))
        count += bytes.data[i] == '\n' || bytes.data[i] == '\r';
    return count;
}

static void add_record(cf_csv *self, size_t at, const record_extent *found, size_t number)
{
    cf_csv_record record = {
        .number = number, .offset = at, .size = found->end - at, .fields = found->fields};

    record.trouble = trouble_of(self, &record, found->trailed);
    record.ends_early = record.trouble == fewer_fields && found->next > found->end;
    if (record.size > CF_CSV_RECORD_MAX || record.fields > CF_CSV_FIELDS_MAX)
        record.fields = 0;
    *cf_one_more(self->records, self->count, self->capacity) = record;
}

/* Byte order mark, and the line by which spreadsheets tell each other the separator. */
static size_t find_start(cf_bytes input, char *separator)
{
    size_t at = input.size >= 3 && memcmp(input.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    if (input.size - at < 5 || memcmp(input.data + at, "sep=", 4) != 0 || !input.data[at + 4] ||
        !strchr(",;\t|", input.data[at + 4]) ||
        (input.size - at > 5 && input.data[at + 5] != '\n' && input.data[at + 5] != '\r'))
        return at;
    if (!*separator)
        *separator = (char)input.data[at + 4];
    return at + 5 + line_end_size(input, at + 5);
}

static const char *line_end_at(cf_bytes input, size_t at, size_t next)
{
    if (next - at == 2)
        return "\r\n";
    return next > at && input.data[at] == '\r' ? "\r" : "\n";
}

/* The input has all of the record's line end. Where lines end in CRLF, or this is the first one, a
 * CR at the end may have been cut off its LF. */
static bool has_end(cf_bytes input, const record_extent *found, const char *line_end)
{
    const bool is_last_cr = found->next == input.size && found->next == found->end + 1 &&
                            input.data[found->end] == '\r';

    return found->next > found->end && !(is_last_cr && (!line_end || line_end[1] == '\n'));
}

static cf_status read_records(cf_csv *self, cf_error *error)
{
    cf_bytes input = self->input;
    size_t number = self->start > 3 ? 2 : 1;

    self->unended = self->start > 3;
    for (size_t at = self->start; at < input.size;) {
        record_extent found = scan_record(input, at, self->separator);

        if (found.open)
            return cf_fail(error, CF_MALFORMED, "line %zu: a quote isn't closed: close it", number);
        if (self->count == CF_CSV_RECORDS_MAX)
            return cf_fail(error, CF_TOO_LARGE, "has more than %zu rows: split the file",
                           CF_CSV_RECORDS_MAX);
        self->unended = !has_end(input, &found, self->line_end);
        self->half_end = self->unended && self->line_end && found.next > found.end;
        if (!self->line_end)
            self->line_end = line_end_at(input, found.end, found.next);
        if (found.end > at)
            add_record(self, at, &found, number);
        number += count_line_ends(cf_bytes_of(input.data + at, found.next - at));
        at = found.next;
    }
    if (!self->line_end)
        self->line_end = "\n";
    return CF_OK;
}

static bool is_wide(cf_bytes input)
{
    return input.size >= 2 &&
           (memcmp(input.data, "\xff\xfe", 2) == 0 || memcmp(input.data, "\xfe\xff", 2) == 0);
}

cf_status cf_csv_read(cf_bytes input, char separator, cf_csv *out, cf_error *error)
{
    cf_csv self = {.input = input, .separator = separator};

    if (input.size > CF_CSV_INPUT_MAX)
        return cf_fail(error, CF_TOO_LARGE, "is larger than %llu MiB: split the file",
                       (unsigned long long)(CF_CSV_INPUT_MAX / CF_MIB));
    if (is_wide(input))
        return cf_fail(
            error, CF_MALFORMED,
            "is UTF-16, and only UTF-8 is read: convert it, as with `iconv -f UTF-16 -t UTF-8`");
    self.start = find_start(input, &self.separator);
    if (!self.separator)
        self.separator = find_separator(input, self.start);
    cf_status status = read_records(&self, error);
    if (status)
        cf_csv_release(&self);
    else
        *out = self;
    return status;
}

bool cf_csv_is_ended(cf_bytes input)
{
    return input.size && memchr("\r\n", input.data[input.size - 1], 2);
}

size_t cf_csv_whole(cf_bytes input)
{
    const char *line_end = NULL;
    char separator = '\0';

    if (is_wide(input) || (input.size && input.data[input.size - 1] == '\n'))
        return input.size;
    size_t at = find_start(input, &separator), whole = at;

    if (!separator)
        separator = find_separator(input, at);
    while (at < input.size) {
        record_extent found = scan_record(input, at, separator);

        if (found.open || !has_end(input, &found, line_end))
            break;
        if (!line_end)
            line_end = line_end_at(input, found.end, found.next);
        at = whole = found.next;
    }
    return whole;
}

void cf_csv_release(cf_csv *self)
{
    free(self->records);
    *self = (cf_csv){0};
}

void cf_csv_fields(const cf_csv *self, size_t index, cf_bytes *spelled)
{
    const cf_csv_record *record = &self->records[index];
    cf_bytes input = cf_bytes_of(self->input.data, record->offset + record->size);
    size_t at = record->offset;

    for (size_t i = 0; i < record->fields; i++) {
        field_extent field = scan_field(input, at, self->separator);

        spelled[i] = cf_bytes_of(input.data + at, field.end - at);
        at = field.end + 1;
    }
}

bool cf_csv_is_quoted(cf_bytes spelled)
{
    return spelled.size && spelled.data[0] == '"';
}

void cf_csv_field_read(cf_bytes spelled, cf_buffer *out)
{
    if (spelled.size < 2 || spelled.data[0] != '"') {
        cf_buffer_append(out, spelled.data, spelled.size);
        return;
    }
    for (size_t i = 1; i + 1 < spelled.size; i++) {
        cf_buffer_append(out, &spelled.data[i], 1);
        i += spelled.data[i] == '"';
    }
}
