/* SPDX-License-Identifier: Apache-2.0 */
/* What of a source counts as done to it, when its look publishes: the rest counts as unchanged, and
 * is listed with the reason.
 *
 *     base: 1 Ann, 2 Bob, 3 Cleo; the file: 1 Anna, 3 Cleo, 4 Dora; another device has 1 locked
 *     the scan gets 1 Ann, 3 Cleo, 4 Dora: Dora is new, Bob deleted, Anna waits
 *     where the guard holds Bob it gets 2 Bob, too */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_COUNTED_H
#define CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_COUNTED_H
#include "peer/sources/records/record_source_inside.h"

/* The rows that the scan gets: what the file shows, and rows of the base in the place of what
 * counts as unchanged. */
typedef struct {
    cf_record_run *run;
    cf_row *rows;
    size_t count;
    bool *waits; /* of the file's rows: for its long values, or another's lock; NULL: none does */
    size_t waiting;
    bool keeps_missing;    /* what is missing counts as unchanged */
    size_t missing;        /* rows of the base that are, for all that is known, */
    cf_id *missing_items;  /* and their items */
    const cf_row *emptied; /* the document of the base that counts as unchanged; NULL: it counts */
    size_t emptied_went;   /* fields of it that went just before, with which it seems emptied */
    bool *cleared; /* of the file's rows: that have nothing in a column that seems emptied, and
                      count as unchanged; NULL: none is */
    bool clears;   /* something in a column of any of the file's rows */
    const cf_row **moved; /* rows of the base that are here under another key, ascending */
    size_t moved_count;
    cf_arena arena; /* of all this and of the scan: it ends before what came out is committed */
} cf_record_counted;

/* A value of this row of the file is too large. */
static inline bool cf_record_run_is_odd(const cf_record_run *run, size_t index)
{
    return run->as_read.odd && run->as_read.odd[index];
}

/* Makes the rows of all that counts. */
void cf_record_counted_gather(cf_record_counted *self);
/* After that, where too many are missing: what only has another key is not.
 *
 *     base: 4 Ann, 5 Bob; the file: 5 Bob, 6 Ann: 4 was renumbered, and nothing is missing */
void cf_record_counted_find_moved(cf_record_counted *self);
/* Too many rows are missing at once, or `others`, which aren't shown here, would go with them. What
 * is missing counts as unchanged from then on. */
void cf_record_counted_hold_missing(cf_record_counted *self, size_t others);
/* Where what can't be read may be any record: lists which ones are missing, and not deleted
 * elsewhere.
 *
 *     3,Cleo of the base is gone, and a line has no key: it may be Cleo's
 *
 * Of a folder its medium lists them, each with the file that may be it (medium_folder_show.c). */
void cf_record_counted_note_unclear(cf_record_counted *self);
/* Lists what would be published. */
void cf_record_counted_note_unsent(cf_record_counted *self, cf_pending_kind kind, const char *why);
/* What is done to records that another has locked waits. */
void cf_record_counted_hold_locked(cf_record_counted *self);
/* What was done to a document that seems emptied waits for its user's word
 * (record_source_emptied.c), and so does what was done to rows that have nothing in a column any
 * more, as too many others (record_source_cleared.c). */
void cf_record_counted_hold_emptied(cf_record_counted *self);
void cf_record_counted_hold_cleared(cf_record_counted *self);
/* How many fields the document lacks, in the base and here, that went within the last minute, or
 * had just gone when it was held. */
size_t cf_record_counted_went(cf_record_counted *self, const cf_row *base, const cf_row *here);
/* With what is published it is known what of a column went: it counts with what goes within the
 * minute. */
void cf_record_counted_keep_cleared(cf_record_counted *self);
/* Contents go before the entry that names them: what has one that is on its way waits. */
void cf_record_counted_send_values(cf_record_counted *self);

#endif
