/* SPDX-License-Identifier: Apache-2.0 */
/* A CSV document (RFC 4180, and what programs make of it): records and fields as found, so that
 * what isn't edited is written byte for byte. The separator is one of , ; tab | and found out; a
 * field may be quoted, hold line ends then, and a quote in it is doubled. Records end with CR LF,
 * LF or CR, each as it was. */
#ifndef CF_PEER_ADAPTERS_TEXT_CSV_DOCUMENT_H
#define CF_PEER_ADAPTERS_TEXT_CSV_DOCUMENT_H
#include "codec/arena.h"
#include "codec/error.h"
#include "codec/limits.h"

#define CF_CSV_MARK "\xef\xbb\xbf" /* of the byte order: U+FEFF */
#define CF_CSV_INPUT_MAX (256 * CF_MIB)
#define CF_CSV_RECORDS_MAX ((size_t)4 << 20)
#define CF_CSV_RECORD_MAX (8 * CF_MIB)
#define CF_CSV_FIELDS_MAX 4096 /* of one record */

typedef struct {
    size_t number;       /* of its first line, from 1 */
    size_t offset, size; /* in the input, without line end */
    size_t fields;       /* 0 when they weren't counted: too long, or too many */
    bool ends_early;     /* a line end follows, and nothing is wrong but too few fields */
    const char *trouble; /* what is wrong with it alone; NULL: nothing */
} cf_csv_record;

typedef struct {
    cf_bytes input;
    size_t start; /* of the first record: behind a byte order mark and a line such as sep=; */
    char separator;
    const char *line_end;   /* for new records: as the first one ends */
    cf_csv_record *records; /* the first is the header, if there is one; blank lines are none */
    size_t count, capacity;
    bool unended;   /* the last one has no line end, or half of one; or there is no first one yet */
    bool half_end;  /* it has the CR of a CRLF, as those before it */
    bool is_quoted; /* the fields of a first record are to be */
} cf_csv;           /* {0} is empty */

/* Borrows `input` until the release. `separator` '\0': found out. CF_TOO_LARGE beyond the limits;
 * CF_MALFORMED, naming the line, when a quote isn't closed, because then nobody knows where the
 * records end. */
cf_status cf_csv_read(cf_bytes input, char separator, cf_csv *out, cf_error *error);
void cf_csv_release(cf_csv *csv);
bool cf_csv_is_ended(cf_bytes input);
/* How much of it are whole records: all up to the last one that has a line end. What is no text of
 * bytes, as UTF-16, is all taken for whole. */
size_t cf_csv_whole(cf_bytes input);

/* The fields as spelled, in an array of the record's `fields`. */
void cf_csv_fields(const cf_csv *csv, size_t record, cf_bytes *spelled);
bool cf_csv_is_quoted(cf_bytes spelled);
/* Appends what a field says: without quotes. */
void cf_csv_field_read(cf_bytes spelled, cf_buffer *out);

#endif
