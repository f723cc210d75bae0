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

/* `listed` are the conflicts of one field of one row, one at least; `agreed` is that row as
 * cf_row_view_agree has it. This device's version, where it has none, is what is shown if the
 * column gives way. False: there is no such version, or the field is a set, of which values in
 * several entries compete. In the arena. */
bool cf_row_resolve(const cf_row *agreed, const cf_row_conflict *listed, size_t count,
                    const cf_keep *keep, cf_arena *arena, cf_change *out);
/* The same end for the field as it is now, some time after: what was written since stays. False:
 * nothing of what was to be replaced is there, or nothing else. In the arena. */
bool cf_row_resolve_still(const cf_row *agreed, const cf_change *chosen, cf_arena *arena,
                          cf_change *out);

#endif
