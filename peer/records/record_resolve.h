/* SPDX-License-Identifier: Apache-2.0 */
/* How a conflict of a field ends by its user's word: the writes of all values but one are replaced,
 * by nothing. No value is written anew, so one whose content stands elsewhere is as good as any.
 *
 *     name: Anna by A, Anne by B, which is later and shown
 *     keep Anna: B's write goes, and Anna is shown everywhere
 *     keep Anne: A's write goes, and nothing is listed any more
 *     C writes Anni meanwhile: it knew of neither end, and stays beside what was kept
 *
 * A column that gives way (model, rule h) is shown with another value than its own, which is
 * listed: where that own value is the version to be kept, what is shown is written in its stead.
 *
 *     name: home by A, shown as "home (2)", flat by B
 *     keep 1, the one listed as home, or A's: "home (2)" is the value
 *     keep flat, or B's: A's write goes, and flat is shown
 *
 * Values of a set that have one seat (model, rule y) are versions of one thing, each in an entry of
 * its own: the entries of all but one go.
 *
 *     GEO: 1;2 by A in the entry e, 3;4 by B in the entry f, which is later and shown
 *     keep 1: e is empty, and nothing is listed any more
 *     keep 2: f is empty, and 1;2 is shown
 *     A says BDAY:1980-01-02, B the line BDAY;VALUE=text:about 1980, which gives way and is listed
 *     keep 2: the anniversary goes, and the line is shown
 *
 * What says when an event or a task is (peer/records/when.h) ends as one, in all its fields:
 *
 *     start 8, zone New York by A, start 9, zone UTC, lasts 1 h by B, which is later and shown
 *     keep A's: B's start, zone and length go, and the event starts at 8 in New York, without end
 *
 * Pure. */
#ifndef CF_PEER_RECORDS_RECORD_RESOLVE_H
#define CF_PEER_RECORDS_RECORD_RESOLVE_H
#include "codec/change.h"
#include "peer/records/record_view.h"

/* Which of a field's versions: of this number, the one that is shown being 1, the others in the
 * order in which they are listed; that of this device; or the latest that is another's. Both: of a
 * set alone (record_both.h). Same: the row is one with that which has its value (record_one.h). */
typedef struct {
    enum { CF_KEEP_NUMBER, CF_KEEP_MINE, CF_KEEP_THEIRS, CF_KEEP_BOTH, CF_KEEP_SAME } kind;
    size_t number;
    const cf_id *writer; /* this device in the collection; NULL: it has written nothing there */
} cf_keep;
enum { CF_KEEP_NUMBER_MAX = 999 };

/* The conflicts of one field, or one seat, or of when it is, of one row: one at least, in the order
 * in which they are listed. */
typedef struct {
    const cf_state *state;
    const cf_row *agreed; /* the row as cf_row_view_agree has it */
    const cf_schema_table *table;
    const cf_row_conflict *listed;
    size_t count;
} cf_row_contest;

/* Of two of one row: whether both are conflicts of one contest: of one field or seat, or
 * both of when it is. */
bool cf_row_conflicts_are_one(const cf_schema_table *table, const cf_row_conflict *a,
                              const cf_row_conflict *b);

/* This device's version, where it has none, is what is shown if the column gives way. The changes,
 * one a field of the state, ascending, in the arena; 0: there is no such version. */
size_t cf_row_resolve(const cf_row_contest *contest, const cf_keep *keep, cf_arena *arena,
                      cf_change **out);
/* Ends the contest as it is now by the changes that were `chosen` some time before: what was
 * written since stays. `out` has room for all that were chosen. 0: nothing of what was to be
 * replaced is there, or nothing else is. In the arena. */
size_t cf_row_resolve_still(const cf_row_contest *contest, const cf_change *chosen, size_t count,
                            cf_arena *arena, cf_change *out);

#endif
