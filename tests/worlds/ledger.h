/* SPDX-License-Identifier: Apache-2.0 */
/* What a world remembers, to judge it by: the contents that users wrote, who saw them and made them
 * go, and what brokers have promised. A content is known by its *token*, its size and a sum, or a
 * symbolic link's target; each content that users write is another one, unless they copy. */
#ifndef CF_TESTS_WORLDS_LEDGER_H
#define CF_TESTS_WORLDS_LEDGER_H
#include "codec/bytes.h"
#include "codec/entry.h"
#include "codec/ids.h"
#include "tests/support/sum.h"

typedef struct {
    char text[48];
} mark;

typedef struct {
    mark token;
    bool may_go;      /* somebody who saw it wrote over it, or deleted it */
    bool must_go;     /* and nobody else ever did anything with it: it stays dead */
    bool is_moved;    /* more was done with it than writing it once and letting it go */
    uint64_t safe_at; /* the act after which the broker had it, by the word of a device; 0: it may
                         not have it */
    bool is_gone_safely; /* the same of its end */
    bool is_doubled;     /* a device that hadn't told it yet was copied: both will */
    /* Of a field of a record: the record was deleted as a whole, and somebody went on with another
     * field of it, after seeing this or before the one who deleted it knew of that. Such a deletion
     * is undone as a whole: the record is as the one had it who deleted it, and as the other left
     * his field. */
    bool fell, was_beside;
    mark record;        /* that it was written into (sight.h); empty: none */
    int author, killer; /* devices; the last ones. -1: none */
    mark over;          /* the content that it took the place of; empty: none */
} written;

typedef struct {
    written *all;
    size_t count, capacity;
} ledger;

void ledger_release(ledger *self);
written *ledger_find(const ledger *self, const mark *token);
/* Now it lies on this device's disk. */
void ledger_write(ledger *self, const mark *token, int author);
/* A user of this device has replaced or deleted the last of it that is there. */
void ledger_let_go(ledger *self, const mark *token, int killer);
/* This device's user deleted a record; what it had taken out of it before goes with that, for
 * others may hear of both as of one deletion. KNOWS_ALL: nobody did anything to it meanwhile; else
 * all of it may come back. */
void ledger_fell(ledger *self, const mark *record, int killer, bool knows_all);
/* Somebody gave it this new value: that brings back what is deleted with it, BUT_OF: other than by
 * that device (-1: none). */
void ledger_went_on(ledger *self, const mark *record, const mark *token, int but_of);
/* It was written over that one: what others do with the file meanwhile, they do with that. */
void ledger_follow(ledger *self, const mark *token, const mark *over);
/* It stays dead: neither with it nor with what it was written over anything else was done, such as
 * a move that didn't know of its end. */
bool ledger_stays_dead(const ledger *self, const written *one);
/* Something else was done with it. */
void ledger_touch(ledger *self, const mark *token);
/* What became of it can't be said any more: it may be there or not. */
void ledger_excuse(ledger *self, const mark *token);

/* What a broker has acknowledged. */
typedef struct {
    cf_head *entries;
    size_t entry_count, entry_capacity;
    cf_hash *blobs;
    size_t blob_count, blob_capacity;
} promises;

void promises_add_entry(promises *self, const cf_head *entry);
void promises_add_blob(promises *self, const cf_hash *blob);
void promises_release(promises *self);

#endif
