/* SPDX-License-Identifier: Apache-2.0 */
/* The guard against mass deletes (safety rule 2): how many items may vanish at once without the
 * user's word, whether deleted here and about to be published, or deleted elsewhere and about to be
 * applied. Pure. */
#ifndef CF_PEER_BINDINGS_GUARD_H
#define CF_PEER_BINDINGS_GUARD_H
#include "codec/error.h"
#include "codec/ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The user's word; {0} is none. It replaces both limits. */
typedef struct {
    bool given;
    bool percent;
    uint64_t limit;
} cf_delete_word;

#define CF_DELETE_LIMIT_MAX UINT64_C(4294967295)
/* Reads `--max-delete N|P%`, N up to CF_DELETE_LIMIT_MAX. CF_USAGE for anything else. */
cf_status cf_delete_word_read(const char *text, cf_delete_word *out, cf_error *error);
/* As it is given: "7", "30%". */
#define CF_DELETE_WORD_TEXT 24
void cf_delete_word_show(cf_delete_word word, char out[CF_DELETE_WORD_TEXT]);
/* What `--yes` says: any number. */
cf_delete_word cf_delete_word_all(void);
bool cf_delete_word_is_all(cf_delete_word word);

/* Where they were deleted. */
typedef enum { CF_GUARD_HERE, CF_GUARD_THERE } cf_guard_side;

/* What would vanish at once, and of how much. */
typedef struct {
    uint64_t gone, items;
    /* The same without what the device that deletes it had made itself within the hour before. */
    uint64_t gone_older, older;
} cf_guard_count;

/* An hour: for as long what a device makes and deletes is its own affair. */
#define CF_GUARD_YOUNG_MS UINT64_C(3600000)

/* Without a word: not all of at least 10, and not more than half of at least 100 that are older.
 *   12 of 12: held, however young; 11 of 12: goes
 *   1,050 of 1,150, of which the device made 1,000 just now: 50 of 150, goes
 *   80 of 1,150, of which 1,000 young ones stay: 80 of 150, held */
bool cf_guard_allows(cf_delete_word word, const cf_guard_count *count);
/* All of at least 10 are gone. */
bool cf_guard_is_empty(const cf_guard_count *count);
/* So few that their ages don't matter. */
bool cf_guard_are_few(uint64_t gone);
/* The fields of a document that is one record: what is gone, of how many, and what is left; and
 * what went just before, which counts with these. */
typedef struct {
    uint64_t gone, count, left, went;
} cf_guard_fields;
/* Without a word: not all of at least 10, not more than half of at least 100, and never so that
 * nothing is left.
 *   {"theme": "dark", "tabs": 4} is {} now:            2 of 2, held
 *   {"theme": "dark", "tabs": 4} is {"theme": "dark"}: goes
 *   12 others are there in the place of 12 fields:     12 of 12, held
 *   60 of 100 are gone:                                held
 *   40 of 60 are gone, after 40 that went just before: 80 of 100, held */
bool cf_guard_allows_fields(cf_delete_word word, const cf_guard_fields *fields);
/* Whether so many of the values of one column may be none now, in rows that are there still: as of
 * items, but a word only allows more: who clears six cells deletes nothing.
 *   12 of 12: held; 11 of 12: goes; 60 of 100: held; 8 of 12 with a limit of 5: goes */
bool cf_guard_allows_values(cf_delete_word word, uint64_t gone, uint64_t count);
/* Whether so many of these may be others than they were, in one and the same place: not more than
 * half of at least 10, nor all of at least 3. As if something else had been put there. */
bool cf_guard_allows_others(cf_delete_word word, uint64_t others, uint64_t items);

/* ---- What went within the last minute ---- */

/* What went from a source within the last minute. A tree is rarely removed in one look, and what
 * goes bit by bit is judged with what went just before: of what was there a minute ago. The time is
 * an argument. */

#define CF_RECENT_MS UINT64_C(60000)
/* A clock that was set back makes nothing recent for longer. */
bool cf_is_recent(uint64_t at_ms, uint64_t now_ms);

typedef struct {
    cf_id item;
    uint64_t at_ms;   /* when it was let go */
    uint64_t born_ms; /* since when there was such an item */
    bool older;       /* not made by who deleted it within the hour before */
} cf_recent_deletion;

typedef struct {
    cf_recent_deletion *at; /* in the order of the items, each once */
    size_t count, capacity;
} cf_recent_deletions; /* {0} is empty */

/* Takes these up, in any order, which changes; drops what went more than a minute before. */
void cf_recent_add(cf_recent_deletions *recent, cf_recent_deletion *added, size_t count,
                   uint64_t now_ms);

typedef struct {
    uint64_t items;
    uint64_t older; /* of them */
} cf_recent_count;

/* Of what was there a minute ago, how many went, without these of `missing`: they are missing
 * still. What came and went within the minute doesn't count: a folder through which files pass is
 * emptied all the time. */
cf_recent_count cf_recent_counted(const cf_recent_deletions *recent, const cf_id *missing,
                                  size_t count, uint64_t now_ms);
/* What went before this process began: only how much, and until when that counts. */
typedef struct {
    cf_recent_count count;
    uint64_t until_ms;
} cf_recent_earlier;

cf_recent_count cf_recent_earlier_counted(const cf_recent_earlier *earlier, uint64_t now_ms);
void cf_recent_release(cf_recent_deletions *recent);

#endif
