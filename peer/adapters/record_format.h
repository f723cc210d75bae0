/* SPDX-License-Identifier: Apache-2.0 */
/* Text files of records, by format: what is read and written goes to the adapter of the format. CSV
 * and JSON have one table, "records", with natural keys, so that the same records are the same
 * whatever the format; what stands in a JSON document beside its records is the one record of the
 * table "document", which no other format has. vCard has contacts, iCalendar events and tasks, and
 * their keys are the UIDs. Pure functions over bytes. */
#ifndef CF_PEER_ADAPTERS_RECORD_FORMAT_H
#define CF_PEER_ADAPTERS_RECORD_FORMAT_H
#include "peer/adapters/adapter.h"
#include "peer/adapters/key_text.h"
#include "peer/adapters/record_file.h"
#include "peer/adapters/record_map.h"
#include "peer/records/schema.h"

enum { CF_RECORD_FILE_MAX = 64 << 20 };

/* A column whose name in the file is another one than before: it is the field that it was. */
typedef struct {
    cf_bytes name, before;
} cf_renamed_column;
typedef struct {
    const cf_renamed_column *at;
    size_t count;
} cf_renamed_columns;

/* Names of columns that other sources of the collection have, and a CSV file gets. */
typedef struct {
    const cf_bytes *at;
    size_t count;
    bool unended; /* the file's last line may have no end: it had none when these were found */
} cf_new_columns;

/* What `add` says of a source. The keys of a CSV file are its columns. Of a JSON document: none,
 * and it is one record; NAME: it is an array of objects with this member; /POINTER/NAME: the array
 * is there; /POINTER/: an object is there whose member names are the keys. The others take none. */
typedef struct {
    const cf_adapter *adapter; /* of a format that has functions for records */
    const char *const *keys;
    size_t key_count;
    bool serial;        /* the key is a number that somebody counts up */
    cf_record_map *map; /* of CSV and JSON: they are contacts, events or tasks; NULL: records */
    cf_renamed_columns renamed; /* of CSV */
    cf_bytes layout; /* of a file that is made: as another one of the collection; may be nothing */
    cf_forgotten forgotten; /* columns that a CSV file which is made has not */
    cf_new_columns columns; /* that a CSV file which is there gets when it is filled */
    void *memory;           /* see cf_record_options_remember; what is read borrows from it */
} cf_record_options;

/* CF_USAGE: these keys say nothing in this format. */
cf_status cf_record_options_check(const cf_record_options *options, cf_error *error);
/* From here on the adapter may keep what it reads, so that what is the same isn't read again; what
 * it kept is forgotten, with all that borrows from it. */
void cf_record_options_remember(cf_record_options *options);
void cf_record_options_forget(cf_record_options *options);

/* Whether a file has a place for a record of this table and key: a column for each of the key's
 * parts, or the one that JSON has; a document has none. A database has one for every key. */
bool cf_record_format_keeps(const cf_record_options *options, cf_bytes table, cf_bytes key);

/* CF_MALFORMED or CF_TOO_LARGE: nothing of the file can be taken. What is read by a map is still to
 * be given (record_map.h). */
cf_status cf_record_format_read(const cf_record_options *options, cf_bytes bytes,
                                cf_record_file *out, cf_error *error);
/* Appends how a file of a folder is laid out; may be nothing. */
void cf_record_format_layout(const cf_record_options *options, cf_bytes bytes, cf_buffer *out);
/* What any file of the format can hold, in the arena; of a CSV file its document tells. */
void cf_record_format_holds(const cf_record_options *options, cf_arena *arena, cf_row_format *out);

/* A file that is read and written, split and read only once for all that is done with it. Borrows
 * the options and the bytes. */
typedef struct cf_record_document cf_record_document;
/* CF_MALFORMED or CF_TOO_LARGE: nothing of the file can be taken. */
cf_status cf_record_document_read(const cf_record_options *options, cf_bytes bytes,
                                  cf_record_document **out, cf_error *error);
void cf_record_document_destroy(cf_record_document **document);
const cf_record_options *cf_record_document_options(const cf_record_document *document);
cf_bytes cf_record_document_bytes(const cf_record_document *document);
/* What it can hold, in the arena. To be asked before its rows are, where there is a map. */
cf_status cf_record_document_holds(cf_record_document *document, cf_arena *arena,
                                   cf_row_format *out, cf_error *error);
/* Appends how it is laid out, for files that others make; may be nothing. */
void cf_record_document_layout(cf_record_document *document, cf_buffer *out);
/* As cf_record_format_read; they borrow from the document. */
cf_status cf_record_document_rows(cf_record_document *document, cf_record_file *out,
                                  cf_error *error);
/* Appends the file that shows these rows, and is otherwise as before. */
cf_status cf_record_document_write(cf_record_document *document, const cf_row *wanted, size_t count,
                                   cf_buffer *out, cf_error *error);
/* The same, and reads it again. A row that doesn't say then what it should, or has a key that the
 * file doesn't keep, is left as it was before, or out, and marked in `refused` (one for each row,
 * all false at first). */
cf_status cf_record_document_show(cf_record_document *document, const cf_row *wanted, size_t count,
                                  bool *refused, cf_buffer *out, cf_error *error);
/* What is known where a file is filled; all NULL: nothing. */
typedef struct {
    const cf_row_format *had;
    const cf_rows *base;
    const cf_rows *elsewhere; /* other files of the folder have these keys */
} cf_format_known;

/* Appends the file in which all rows of a map and all cards have a key, and in which none ends
 * before columns that the source did not have before; nothing: this one is such a file. A card is
 * left without a key where it may be one of the base that is missing. */
cf_status cf_record_document_fill(cf_record_document *document, const cf_format_known *known,
                                  cf_buffer *out, cf_error *error);
bool cf_record_format_fills(const cf_record_options *options);
/* Appends what is whole of a file that is cut short, with the ends that it lacks; nothing: nobody
 * knows what is. */
cf_status cf_record_format_mend(const cf_record_options *options, cf_bytes bytes, cf_buffer *out,
                                cf_error *error);

#endif
