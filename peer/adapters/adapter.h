/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of sources, one descriptor each. An adapter turns one kind of source into items and
 * back.
 *
 * Who must do one thing for one format and another for the next asks a field of the descriptor,
 * never which format it is: a new format is a file with its descriptor, declared in
 * record_adapter.h, an enumerator, and a line in the table (adapter.c); README.md has the whole
 * list. Constant data, for any thread. */
#ifndef CF_PEER_ADAPTERS_ADAPTER_H
#define CF_PEER_ADAPTERS_ADAPTER_H
#include "codec/bytes.h"
#include "codec/error.h"
#include "peer/records/schema.h"

#include <stdbool.h>

/* The numbers stand in homes: a new one comes last. */
typedef enum {
    CF_FORMAT_FILES,
    CF_FORMAT_CSV,
    CF_FORMAT_JSON,
    CF_FORMAT_VCARD,
    CF_FORMAT_ICALENDAR,
    CF_FORMAT_SQLITE,
    CF_FORMATS, /* how many there are */
} cf_format;

/* ---- A descriptor. 0 is of no enumeration in it: it shows that a field was forgotten ---- */

/* What lies at a source's path. */
typedef enum {
    CF_STORAGE_TREE = 1,       /* a folder, synced with all that is in it */
    CF_STORAGE_FILE,           /* a file of records */
    CF_STORAGE_FILE_OR_FOLDER, /* the same, or a folder with a record in each file (vdir.h) */
    CF_STORAGE_DATABASE,       /* which another program has open, in a file */
} cf_storage;

/* What says which item one is. */
typedef enum {
    CF_KEYING_PATH = 1, /* where it lies */
    CF_KEYING_COLUMNS,  /* columns that --key names, one at least */
    CF_KEYING_MEMBER,   /* a member that one --key names; without, a document is one record */
    CF_KEYING_UID,      /* a property of its own that says so, as a card's UID */
    CF_KEYING_DATABASE, /* the database itself */
} cf_keying;

/* What a map (record_map.h) says of a source. */
typedef enum {
    CF_MAPPING_NONE = 1,
    CF_MAPPING_COLUMNS, /* that its records are contacts, events or tasks: what columns stand for */
    CF_MAPPING_OBJECTS, /* the same, without a word: they are objects as the standard has them */
    CF_MAPPING_REFERENCES, /* which columns refer to other tables */
} cf_mapping;

/* How a source that ends in the midst is known. */
typedef enum {
    CF_CUTTING_NONE = 1,  /* it is whole, or can't be read */
    CF_CUTTING_LINE,      /* by a last line without its end */
    CF_CUTTING_COMPONENT, /* by a component without its end, which is a record */
    CF_CUTTING_PARTS,     /* the same, but a record is made of several, and may lack some of them */
} cf_cutting;

typedef struct {
    const char *name; /* for --format, and in the catalog; never changed */
    /* What a source has, for people: formats that say the same hold the same collections. */
    const char *what;
    const char *item; /* one of these */
    /* What `help add` says of it, in lines of a terminal, the last without its end. */
    const char *usage;
    cf_storage storage;
    cf_keying keying;
    cf_mapping mapping;
    cf_cutting cutting;
    const char *extension; /* of a record's file in a folder; NULL: none is in a folder */
    /* The names of tables that --include may say, up to a NULL, and as people read them behind "a
     * source of this format has". NULL, both: --include may say any name. */
    const char *const *tables;
    const char *tables_text;
    /* The tables of a collection whose first source has this format and no map. NULL: files have
     * none, and a database says itself which it has. */
    const cf_schema *schema;
    /* The columns by which a map leads to the schema (record_map.h). NULL: no map leads to it. */
    const struct cf_known_columns *columns;
    /* Values are texts in the file; which are numbers is guessed (record_types.h), and so is
     * whether keys are counted up (key_text.h). */
    bool guesses_types;
    bool guesses_counting;
    /* Bytes of what a source may tell of how its file is laid out (codec/PROTOCOL.md, section 3).
     * 0: it has nothing to tell. */
    uint64_t layout_max;
    /* Whether a file that begins with these bytes looks like one of this format. */
    bool (*looks)(cf_bytes bytes);
    /* `looks` proves little: a file of this format may begin in any way, and a file that looks like
     * one may be of another format. `Dear Ann, I ...` looks like CSV. */
    bool is_vague;
    /* How a text of records is read and written. NULL: this format is no such text. */
    const struct cf_record_adapter *records;
} cf_adapter;

/* The descriptor of a format, one for each enumerator. */
const cf_adapter *cf_adapter_of(cf_format format);

/* Whether a source has records (record_format.h), else it is a folder of files. */
bool cf_format_is_records(cf_format format);

/* CF_USAGE names an unknown format, and those that there are. */
cf_status cf_format_of_text(const char *text, cf_format *out, cf_error *error);
/* The format whose collections hold what a map's table does (record_map.h). */
cf_format cf_format_of_table(cf_bytes table);
const char *cf_format_text(cf_format format);
/* What a source of the format has, in one word for people. Formats that say the same here can hold
 * the same collection. */
const char *cf_format_what(cf_format format);

/* ---- What several fields say together ---- */

/* As cf_format_is_records. */
bool cf_adapter_has_records(const cf_adapter *adapter);
/* The user names the columns, or the member, that are the key. */
bool cf_adapter_has_named_keys(const cf_adapter *adapter);
/* Records of the format may be contacts, events or tasks, by a map: they have no kind of their own.
 */
bool cf_adapter_is_mapped(const cf_adapter *adapter);
/* A source has the tables that somebody made in it, whatever they are called. */
bool cf_adapter_has_own_tables(const cf_adapter *adapter);
/* Sets in the format's schema have seats (records/seats.h). */
bool cf_adapter_has_seats(const cf_adapter *adapter);

enum { CF_FORMATS_TEXT = 96 };
/* The names of the formats of which `is` says yes (NULL: of all), for a sentence: "csv, json or
 * sqlite". Returns `text`. */
const char *cf_format_names(bool (*is)(const cf_adapter *adapter), char text[CF_FORMATS_TEXT]);

#endif
