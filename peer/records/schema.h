/* SPDX-License-Identifier: Apache-2.0 */
/* How records merge, and what a format can hold of them. All devices must have the same schema of a
 * collection, since the view is a function of the state and the schema. Plain data, borrowed. */
#ifndef CF_PEER_RECORDS_SCHEMA_H
#define CF_PEER_RECORDS_SCHEMA_H
#include "codec/bytes.h"
#include "peer/records/record.h"

/* How a database compares texts; all other values it compares as they are. */
typedef enum {
    CF_COLLATION_BINARY,
    CF_COLLATION_NOCASE, /* without case, of ASCII letters only */
    CF_COLLATION_RTRIM,  /* without blanks at the end */
    CF_COLLATIONS
} cf_collation;

/* Appends the value by which all are represented that are equal to this one. */
void cf_collation_fold(cf_collation collation, cf_bytes value, cf_buffer *out);

/* Two devices change one field apart, the second later:
 *
 *     LATEST    name: Anna, Anne      Anne is shown, Anna listed
 *     WEAK      visits: 4, 5          5 is shown, nothing is listed
 *     SET       phone 1 to 2, to 3    2 and 3 are shown */
typedef enum {
    CF_MERGE_LATEST,    /* the latest is shown, another user's value is listed */
    CF_MERGE_VOLATILE,  /* written weak; a change of such a field alone is none (REV, DTSTAMP) */
    CF_MERGE_WEAK,      /* published, but it revives nothing and is never listed */
    CF_MERGE_SET,       /* all values are shown; their order is not kept */
    CF_MERGE_REFERENCE, /* as CF_MERGE_LATEST; the value is the key of a row */
} cf_merge;

typedef struct {
    cf_bytes name; /* of the field */
    cf_merge merge;
    cf_bytes table; /* that a reference refers to */
    bool owned;     /* the row can't be without the one that it refers to, and goes with it */
} cf_field_rule;

typedef struct {
    const cf_bytes *names; /* of fields: no two rows have the same values in all of them */
    size_t count;
    const cf_collation *collations; /* of each field; NULL: all are compared as they are */
} cf_unique;

typedef struct {
    cf_bytes name;
    uint8_t kind; /* of its items */
    /* An integer that an application counts up says nothing of the row: rows of one key that were
     * born apart are two. A natural key (a UID, a text) is the row: born apart they are one. */
    bool serial;
    const cf_field_rule *fields; /* before those of the kind; all others are CF_MERGE_LATEST */
    size_t field_count;
    const cf_unique *unique;
    size_t unique_count;
    const cf_bytes *required; /* fields without which a row can't be shown */
    size_t required_count;
} cf_schema_table;

typedef struct {
    const cf_schema_table *tables;
    size_t count;
} cf_schema;

/* NULL when the schema has no such table: its rows are kept, not shown. */
const cf_schema_table *cf_schema_find(const cf_schema *schema, cf_bytes table);
/* The schema below, of contacts, calendars or records, that has a table of this name; NULL: none.
 */
const cf_schema *cf_schema_known(cf_bytes table);
/* A table of the schema has a serial key. */
bool cf_schema_counts_up(const cf_schema *schema);
/* The table's own rule, else its kind's, else one that says CF_MERGE_LATEST. */
cf_field_rule cf_schema_field(const cf_schema_table *table, cf_bytes field);

/* How the tuple compares its field at this place. */
cf_collation cf_unique_collation(const cf_unique *unique, size_t i);
/* Of what the row says in the table's tuple; rows that are equal in the tuple have the same. False:
 * the row lacks a value there, and is equal to none. */
bool cf_unique_hash(const cf_schema_table *table, size_t unique, const cf_row *row, uint64_t *out);
/* Of two rows that lack no value of the tuple.
 *
 *     of a name that is unique without case: home and Home are equal */
bool cf_unique_equal(const cf_unique *unique, const cf_row *a, const cf_row *b);

/* Which of the table's fields a field of the state is, or is an entry of; `name` borrows from that.
 *
 *     /phones/k3 of a contact, whose phones are a set     /phones, CF_MERGE_SET
 *     /columns/name                                       /columns/name, CF_MERGE_LATEST */
cf_merge cf_schema_property(const cf_schema_table *table, cf_bytes field, cf_bytes *name);

/* A schema as a canonical value: equal schemas are equal bytes. What is read borrows from the value
 * and the arena. CF_MALFORMED; CF_DENIED: a kind, or a way to merge, is of a newer program. */
void cf_schema_pack(cf_buffer *out, const cf_schema *schema);
cf_status cf_schema_read(cf_bytes value, cf_arena *arena, cf_schema *out, cf_error *error);
/* One table of a schema, as it stands in that value. */
void cf_schema_table_pack(cf_buffer *out, const cf_schema_table *table);
cf_status cf_schema_table_read(cf_bytes value, cf_arena *arena, cf_schema_table *out,
                               cf_error *error);
bool cf_schema_table_equal(const cf_schema_table *a, const cf_schema_table *b);

/* The tables of contacts, events and tasks: natural keys (the UID), the rules of their kind. */
#define CF_TABLE_CONTACTS "contacts"
#define CF_TABLE_EVENTS "events"
#define CF_TABLE_TASKS "tasks"
extern const cf_schema cf_schema_contacts; /* one table */
extern const cf_schema cf_schema_calendar; /* two */
/* Those of CSV and JSON: records, and what stands in a JSON document beside them. */
#define CF_TABLE_RECORDS "records"
#define CF_TABLE_DOCUMENT "document"
extern const cf_schema cf_schema_records;
/* What the kind says of a field; false: nothing. */
bool cf_kind_field(uint8_t kind, cf_bytes field, cf_merge *out);

/* ---- What nobody has any more ---- */

/* A table, or a column of one: that field. */
typedef struct {
    cf_bytes table;
    cf_bytes field; /* nothing: the table */
} cf_forgotten_place;
typedef struct {
    const cf_forgotten_place *at;
    size_t count;
} cf_forgotten; /* {0} has none */
/* `field` may be nothing. */
bool cf_forgotten_has(const cf_forgotten *forgotten, cf_bytes table, cf_bytes field);

/* ---- What a format can hold ---- */

typedef struct {
    cf_bytes name;
    bool slot; /* there is room for one value of a set */
} cf_format_field;

/* How a format says the values of a row, of those that it has room for: what comes back in their
 * place when the row is written and read again. `spoken` has one for each value, field after field,
 * and gets it in the arena: mostly the value itself, nothing where there are no words at all. A
 * value whose content stands elsewhere it takes for said. False: not even the key. */
typedef bool cf_format_speak(const cf_row *row, cf_arena *arena, cf_bytes *spoken);

/* What stands in a row by itself where nobody said anything: the default of a column. */
typedef struct {
    cf_bytes name, value;
    bool stands; /* wherever nothing is said, as it can't be empty, or is new to the source */
} cf_format_preset;

typedef struct {
    cf_bytes name;
    bool lacks; /* the format has no such table, whatever else it holds */
    bool whole; /* every field there may be, with all its values; else those of the list */
    /* Of these all but this field, those within it, and those that it is within; nothing: all.
     * Without /columns/data/items there are /columns/version and /columns/data/unit, and neither
     * /columns/data nor /columns/data/items/1. */
    cf_bytes without;
    const cf_format_field *fields;
    size_t field_count;
    const cf_format_preset *presets; /* one of a field at most */
    size_t preset_count;
    const cf_bytes *keys; /* of a database: the columns that the key is made of, in its order;
                             nothing in the place of one that is a field */
    size_t key_count;
    bool counts_on;         /* no number that a row had is given to another: AUTOINCREMENT */
    cf_format_speak *speak; /* NULL: everything is said as it is */
} cf_format_table;

/* A column: a field or, where that is nothing, a part of the key. */
typedef struct {
    cf_bytes field;
    size_t part, parts;
    cf_collation collation;
} cf_tied_column;

/* Rows of one table refer to rows of another by what these columns say, and not by the key: a
 * foreign key of several columns, or one to a column that is merely unique, or compares without
 * case. They are equal as the columns of the parent compare. */
typedef struct {
    cf_bytes child, parent;
    const cf_tied_column *from, *to;
    size_t count;
    cf_bytes field; /* of the state, in which a row says which one that is: CF_FIELD_TIE or
                       CF_FIELD_BOND; nothing: in none */
} cf_row_tie;

/* What a format lacks it neither shows nor deletes, but a row deleted through the format is deleted
 * whole, and with that row those in tables that the format lacks which refer to the row and can't
 * be without it; those that can then refer to nothing. */
typedef struct {
    bool whole; /* every table there may be */
    const cf_format_table *tables;
    size_t count;
    const cf_row_tie *ties; /* between tables of the list */
    size_t tie_count;
} cf_row_format;

bool cf_format_holds_table(const cf_row_format *format, cf_bytes table);
bool cf_format_holds(const cf_row_format *format, cf_bytes table, cf_bytes field);
/* What the key is made of, as the format says that; NULL and 0: it doesn't. */
const cf_bytes *cf_format_keys(const cf_row_format *format, cf_bytes table, size_t *count);
/* No number that a row of the table had is given to another. */
bool cf_format_counts_on(const cf_row_format *format, cf_bytes table);
/* Whether this value stands in the field where nobody said anything. */
bool cf_format_presets(const cf_row_format *format, cf_bytes table, cf_bytes field, cf_bytes value);
/* What the format shows of a row: its fields, without empty ones, one value in a slot. Borrows
 * from the row and the arena. False: the format doesn't hold the table. */
bool cf_row_show(const cf_row_format *format, const cf_row *row, cf_arena *arena, cf_row *out);
/* What the format shows of a row of the view, without values for which it has no words, unless
 * `there`, the row that the source shows in its place (NULL: none), has them. The base becomes
 * that, so that what was never shown can't be missed. `spoken`, unless it is NULL: as the format
 * says it. */
bool cf_row_express(const cf_row_format *format, const cf_row *row, const cf_row *there,
                    cf_arena *arena, cf_row *out, cf_row *spoken);
/* NULL: the format says all values of the table as they are. */
cf_format_speak *cf_format_speaks(const cf_row_format *format, cf_bytes table);
/* Whether two rows of the table say the same, as far as a change of it would be published: without
 * volatile fields, and whatever the order in sets. A step is applied only while the disk is the
 * same as the base, as it is shown, and needn't be when the view is the same as the disk. */
bool cf_row_same(const cf_schema_table *table, const cf_row *a, const cf_row *b);

#endif
