/* SPDX-License-Identifier: Apache-2.0 */
/* What a database can bring under sync, by what it declares: never a guess. Tables with a primary
 * key are tables of rows (peer/records/schema.h), the rest is named with its reason.
 *
 *   INTEGER PRIMARY KEY      a counted key: serial
 *   any other key            natural; of several columns an array of their values. A column that
 *                            compares without case is folded in the key, and is a field as well
 *   a key with a reference   to a counted key, as in tables that join two others: this number may
 *   in it                    be another one on another device, so the row's key is a hash that
 *                            the adapter gives (database_tuples.h), its columns are references,
 *                            and together they are unique
 *
 * NULL is a field that isn't there. UNIQUE constraints are unique tuples; a column that is NOT NULL
 * and has no default is required; a foreign key of one column to a primary key is a reference, and
 * owned where the column is NOT NULL or in the key, or rows go by ON DELETE CASCADE; any other
 * foreign key is a tie, or where it would be owned a bond. What a trigger does to rows that are
 * synced arrives as rows, so triggers are off; those that write what is not synced (an index for
 * full-text search) are followed. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_SCHEMA_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_SCHEMA_H
#include "peer/adapters/record_map.h"
#include "peer/adapters/sqlite/database.h"
#include "peer/records/schema.h"

typedef struct {
    cf_bytes name;
    cf_bytes field; /* /columns/NAME; nothing: it is in the key only */
    cf_collation collation;
    bool required;  /* NOT NULL */
    bool preset;    /* has a default, which a new row gets where it says nothing: */
    cf_bytes given; /* this value; nothing: NULL, or one that it computes */
    size_t key;     /* its place in the primary key, from 1; 0: it is in none */
    size_t target;  /* of a reference: which table + 1 */
    bool cascades;  /* ON DELETE CASCADE */
    bool last;      /* the later value counts: a counter, a time of use */
    bool names;     /* its text names the row: peer/records/row_alike.h */
} cf_database_column;

typedef enum { CF_KEY_SERIAL, CF_KEY_NATURAL, CF_KEY_TUPLE } cf_key_kind;

/* A foreign key, whatever is made of it. */
typedef struct {
    cf_bytes parent; /* the table */
    const cf_bytes *from, *to;
    size_t count;
    bool cascades; /* ON DELETE CASCADE */
} cf_foreign_key;

typedef struct {
    cf_bytes name;
    cf_key_kind key_kind;
    cf_database_column *columns; /* ascending by name of field; what is in the key only first */
    size_t count;
    size_t *keys; /* the columns of the primary key, in its order */
    size_t key_count;
    cf_foreign_key *foreign;
    size_t foreign_count;
    bool counts_on; /* AUTOINCREMENT: no number is given to a second row */
    bool resolves;  /* a constraint of it may say what becomes of a conflict (ON CONFLICT) */
} cf_database_table;

typedef enum {
    CF_NOTICE_TROUBLE,  /* it could be synced, were it not for the reason */
    CF_NOTICE_KEYLESS,  /* a table whose rows nobody can tell apart, on no device */
    CF_NOTICE_COMPUTED, /* nothing is missing because of it */
} cf_notice_kind;

/* Something that isn't synced, or not as it stands. */
typedef struct {
    cf_bytes name; /* of a table, or TABLE.COLUMN */
    const char *reason;
    cf_notice_kind kind;
} cf_database_notice;

/* Whether the source is in sync with it all the same: nobody has more of it than this device.
 *
 *     metadata has a primary key nowhere:            a note, the rest is in sync
 *     metadata has one on a device that synced it:   its rows are in the collection, and not here
 *
 * `known` is the schema of the collection; NULL: nobody knows. */
bool cf_database_notice_is_harmless(const cf_database_notice *notice, const cf_schema *known);

typedef struct {
    cf_database_table *tables; /* ascending by name */
    size_t count;
    cf_schema schema;     /* the same tables in the same order */
    cf_row_format format; /* exactly their fields */
    cf_database_notice *notices;
    size_t notice_count, notice_capacity;
    int64_t version;        /* another one: the schema was changed since */
    const char **followers; /* triggers that are to fire, made temporary */
    size_t follower_count;
    cf_arena arena;
} cf_database_schema; /* {0} is empty */

/* Within a transaction of the caller's. `wants` tells which tables are to be synced; NULL: all. The
 * references are as if they were declared. `last` names columns, as TABLE.COLUMN, whose rule is
 * CF_MERGE_WEAK: none that is in a key or refers to rows, since there time says nothing. `natural`
 * names columns whose text names the rows of a table that counts them. */
typedef struct {
    bool (*wants)(const void *context, cf_bytes table);
    const void *context;
    const cf_named_reference *references;
    size_t reference_count;
    const char *const *last;
    size_t last_count;
    const char *const *natural;
    size_t natural_count;
} cf_database_choice;
cf_status cf_database_schema_read(sqlite3 *database, const cf_database_choice *choice,
                                  cf_database_schema *out, cf_error *error);
void cf_database_schema_release(cf_database_schema *schema);

/* The merge knows it as a reference. */
bool cf_foreign_key_is_reference(const cf_database_table *table, const cf_foreign_key *key);
/* NULL: it is not synced. */
const cf_database_table *cf_database_table_named(const cf_database_schema *schema, cf_bytes name);
/* Whether a text says which row of the table it is, whatever number it has. */
bool cf_database_has_natural_key(const cf_database_schema *schema, cf_bytes table);

#endif
