/* SPDX-License-Identifier: Apache-2.0 */
/* Where the rows of a record source lie: in one text file, in a folder of such, in a database. What
 * these have in common: all is read as of one moment, and what is to be shown instead is written on
 * the condition that nothing changed since, so that neither a crash nor a user who saves meanwhile
 * loses anything. One thread.
 *
 *     read: Ann, Bob; Anna, Bob are to be shown; a user saves Ann, Bobby before that is written:
 *       CF_CHANGED, the file has Ann, Bobby, and the next look finds that */
#ifndef CF_PEER_SOURCES_RECORDS_MEDIUM_H
#define CF_PEER_SOURCES_RECORDS_MEDIUM_H
#include "peer/adapters/record_format.h"
#include "peer/adapters/sqlite/database_tuples.h"
#include "peer/bindings/binding.h"
#include "peer/bindings/guard.h"
#include "peer/records/schema.h"
#include "peer/sources/context/watch.h"

typedef struct cf_medium cf_medium;

/* What the medium showed when it was read. All of that lasts until the content is released. */
typedef struct {
    bool there;          /* else no medium is there, and nothing else is said */
    bool blank;          /* not even a header is left in the file: rather an accident than a wish */
    bool keyed;          /* keys may be known otherwise, "7" as 7 (adapters/record_types.h) */
    bool texts;          /* so may values, all of which are texts */
    cf_record_map *map;  /* by which columns are fields (adapters/record_map.h); NULL: none */
    cf_record_file file; /* the rows, and what couldn't be taken as one */
    cf_row_format format;            /* what the medium can hold */
    cf_bytes layout;                 /* how the medium is laid out; nothing: it doesn't say */
    const cf_schema *schema;         /* that a database has by itself; NULL: no database */
    const cf_database_schema *joins; /* so rows may be known by what they join:
                                        adapters/sqlite/database_tuples.h; NULL: no database */
    cf_arena arena;                  /* of the format and the schema */
} cf_medium_content;                 /* {0} is empty */
void cf_medium_content_release(cf_medium_content *content);

/* A row that the medium does not show as wanted, or shows and was not wanted. */
typedef struct {
    cf_bytes table, key;
    cf_status why;    /* CF_CHANGED: a user was faster, look again soon; else later */
    const char *text; /* for people */
    bool unsaid;      /* what the row should show can't be written beside the rest of the row */
} cf_medium_refusal;

typedef struct {
    bool wrote; /* anything; else the medium showed just this already */
    bool torn;  /* refused rows may stand there all the same, or be gone */
    bool gave;  /* the medium shows something by itself where a row says nothing */
    bool ended; /* what was written ends in a line end */
    cf_medium_refusal *refusals;
    size_t count, capacity;
    cf_arena arena;  /* of what they hold */
} cf_medium_outcome; /* {0} is empty */
void cf_medium_refuse(cf_medium_outcome *outcome, cf_bytes table, cf_bytes key, cf_status why,
                      const char *text);
/* Refuses those of the rows that a text could not be made to show. */
void cf_medium_refuse_unsaid(cf_medium_outcome *outcome, const cf_record_options *options,
                             const cf_row *rows, const bool *unsaid, size_t count);
void cf_medium_outcome_release(cf_medium_outcome *outcome);

/* Keeps a file elsewhere, durably, as it is. */
typedef cf_status cf_medium_keep(void *context, cf_bytes name, cf_bytes bytes, cf_error *error);
typedef struct {
    cf_medium_keep *keep;
    void *context;
} cf_medium_keeping;

typedef struct {
    void (*destroy)(cf_medium *medium);
    cf_status (*check)(cf_medium *medium, cf_error *error);
    cf_status (*recover)(cf_medium *medium, cf_error *error);
    cf_status (*read)(cf_medium *medium, uint64_t now_ms, cf_medium_content *out, cf_error *error);
    void (*meet)(cf_medium *medium, const cf_row_view *view,
                 cf_medium_content *content); /* NULL: the view tells nothing */
    bool (*changed)(cf_medium *medium);
    cf_status (*write)(cf_medium *medium, const cf_row *rows, size_t count, cf_medium_outcome *out,
                       cf_error *error);
    void (*settled)(cf_medium *medium, cf_kv_list *records);
    void (*rest)(cf_medium *medium);
    cf_status (*mend)(cf_medium *medium, const cf_medium_keeping *keeping,
                      cf_error *error); /* NULL: there is no such thing */
} cf_medium_operations;

/* What all media have; an implementation's struct begins with this one. */
struct cf_medium {
    const cf_medium_operations *operations;
    cf_files *files;
    cf_peer *peer; /* NULL: the medium is only read */
    cf_binding *binding;
    /* Set before the medium is read: */
    const cf_schema *schema;  /* of the collection; NULL: nobody knows */
    cf_bytes layout;          /* that a file which is made gets; may be nothing */
    cf_forgotten forgotten;   /* that a file which is made does without */
    cf_new_columns columns;   /* that a file which is there gets */
    const cf_row_format *had; /* what the medium had room for when last looked at; NULL: nobody
                                 knows */
    bool only_looks;          /* nothing of what is read next is published: it needn't be durable */
    cf_delete_word word;      /* the user's, for what is read next */
    bool anew; /* set by recover: the file that is there was made without knowing of the one that
                  was: what it lacks is not deleted; kept with the intent until that is settled */
    cf_watch *watch; /* to be told of changes at once; NULL: none. Its folder's number is 0 */
};

/* Opens nothing yet. What is given outlives it. */
cf_medium *cf_medium_new(cf_files *files, cf_peer *peer, cf_binding *binding);
void cf_medium_destroy(cf_medium **medium);

/* CF_USAGE: what `add` was told doesn't make sense in this format. */
cf_status cf_medium_check(cf_medium *medium, cf_error *error);

/* Before the first write after a start, or after a read or write that failed: puts right what a
 * crash or that left. What a user may have saved is kept, under another name if need be, which is
 * reported. CF_MISSING: the medium isn't there. */
cf_status cf_medium_recover(cf_medium *medium, cf_error *error);

/* CF_OK also when nothing is there. CF_CHANGED: it is not at rest, look again soon. CF_LOCKED:
 * another program holds it, try later. CF_MISSING: not even its folder is there. CF_MALFORMED and
 * others: nothing of it can be taken. The text says why. `*out` is to be released in any case; it
 * stays where it is while that is written to which it was read from. */
cf_status cf_medium_read(cf_medium *medium, uint64_t now_ms, cf_medium_content *out,
                         cf_error *error);
/* Gives rows that the base doesn't know the keys which they have in the view, where their own say
 * nothing. To be called once, with what was read last, as it was read. */
void cf_medium_meet(cf_medium *medium, const cf_row_view *view, cf_medium_content *content);
/* Whether the medium may show something else than when it was last read or written; cheap. */
bool cf_medium_changed(cf_medium *medium);

/* Makes the medium show these rows and no others; what is in trouble stays as it is, and what is
 * not as the last read found it is left alone. CF_OK: all but the rows in `*out` is done. Any
 * other: nothing was done at all; CF_CHANGED: a user was faster, look again soon. `*out` is to be
 * released in any case. */
cf_status cf_medium_write(cf_medium *medium, const cf_row *rows, size_t count,
                          cf_medium_outcome *out, cf_error *error);
/* Takes away what the last read found to be cut short, once that is kept elsewhere: what is whole
 * stays. Then the medium is to be read again. */
cf_status cf_medium_mend(cf_medium *medium, const cf_medium_keeping *keeping, cf_error *error);
/* Adds what belongs into the next commit of a look, whatever was done in it. */
void cf_medium_settled(cf_medium *medium, cf_kv_list *records);
/* The look is over: what was held for a write is let go. */
void cf_medium_rest(cf_medium *medium);

#endif
