/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the scan of records: which row of the base each row of the disk is, and what it shows. */
#ifndef CF_PEER_RECORDS_RECORD_DIFF_INSIDE_H
#define CF_PEER_RECORDS_RECORD_DIFF_INSIDE_H
#include "peer/records/record_diff.h"
#include "peer/records/record_view_inside.h"
#include "peer/records/row_ties.h"
#include "peer/merge/change_draft.h"

/* A row of the disk. */
typedef struct {
    cf_hash_link link; /* by place */
    const cf_row *disk;
    const cf_schema_table *table;
    const cf_row *there; /* the row of the base at this place, if the format holds its table */
    const cf_row *base;  /* the row of the base that it is; NULL: a new row */
    cf_row shown;        /* the base's row as the format shows it */
    bool same;           /* the disk has just that, in the same place */
    bool anew;           /* the same row, and none of its plain fields is as it was (rule i) */
    size_t gone;         /* of a row whose place another has: the index among what is gone */
    bool fresh;          /* the base has nothing at this place, or another row */
    bool known;          /* `item` is known */
    bool under_way;      /* `item` is being found out */
    bool loosened;       /* the row may be tied to one that is gone */
    cf_id item;
} cf_scanned_row;

/* Of a row another one that is one with it, and of which the same was drafted (model, rule m). */
typedef struct cf_row_spread {
    cf_id item, other;
    struct cf_row_spread *next;
} cf_row_spread;

typedef struct {
    const cf_row_diff_input *input;
    cf_arena *arena;
    cf_row_spread *spreads;
    size_t spread_count;
    cf_scanned_row *scanned_rows; /* in the order of the disk */
    size_t scanned_count;
    cf_hash_table places;
    const cf_row **gone; /* of the base, not on the disk any more (under another key neither); in
                            the end also dependants, of which the base may have nothing */
    size_t gone_count, gone_capacity;
    const cf_row **moved; /* of the base, on the disk under another key */
    size_t moved_count;
    cf_tied_rows tied, tied_before; /* the rows of the disk, of the base; filled when asked */
    bool *touched;                  /* of each of the schema's tables: something is written */
    cf_change_draft draft;
} cf_row_diffing;

/* Compares disk and base (rules i, j): which rows are the same, new, moved, gone. */
void cf_scanned_rows_open(cf_row_diffing *self);
/* Frees what does not lie in the arena; what was found stays. */
void cf_scanned_rows_close(cf_row_diffing *self);
/* NULL: the disk has no row there. */
cf_scanned_row *cf_scanned_row_at(const cf_row_diffing *self, cf_bytes table, cf_bytes key);
/* Finds the items of all new rows (rules a and b). */
void cf_scanned_rows_name(cf_row_diffing *self);

/* Drafts that the item's field `as` replaces all writes of `field` which are shown. */
void cf_row_replace_shown(cf_row_diffing *self, const cf_id *item, const cf_row_refs *refs,
                          const char *field);

/* Whether the row that a reference of this unchanged row stood for is another one now. */
bool cf_row_lost_target(const cf_row_diffing *self, const cf_scanned_row *scanned);
/* Whether any row of the disk may be tied to another than before, which is to be asked first;
 * whether this one, which is as it was, is. */
bool cf_row_ties_moved(const cf_row_diffing *self);
bool cf_row_is_tied_anew(cf_row_diffing *self, const cf_scanned_row *scanned);
/* Drafts which rows the row is tied to now; false: nothing is to be said of that. */
bool cf_row_diff_ties(cf_row_diffing *self, const cf_scanned_row *scanned, const cf_row_refs *refs);
/* Drafts what was done to a row that is new or changed (rules l, n, r, s, v). */
void cf_row_diff_one(cf_row_diffing *self, cf_scanned_row *scanned);
/* The values of a set that went and came (rule s). */
bool cf_row_diff_set(cf_row_diffing *self, const cf_scanned_row *scanned, const cf_row_refs *refs,
                     const cf_row_field *old, const cf_row_field *now, cf_bytes name);
/* Drafts anew what the disk has beside something that was drafted, and that would give way to that
 * (rule y). Of a row of the base. */
void cf_row_diff_beside(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                        const cf_row_refs *refs);
/* Drafts anew all that says when the row is, if any of that was drafted; `field`: a field that says
 * so was. */
void cf_row_diff_when(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                      const cf_row_refs *refs, bool field);
/* Drafts that what the base shows as this occurrence goes, where the state has it by another name;
 * false: it hasn't. */
bool cf_row_replace_moved(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                          const cf_row_refs *refs, cf_bytes field);
/* Lets the base's row show the occurrences under the names that they have on the disk, of each that
 * the disk has as before, and only where a moved series has it now: nothing was done to that. */
void cf_row_diff_follow(const cf_row_diffing *diffing, cf_scanned_row *scanned,
                        const cf_row_refs *refs);
/* Drafts by which start the occurrences are named that were drafted; all but those that went along,
 * where the row begins at another time than it did. */
void cf_row_diff_occurrences(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                             const cf_row_refs *refs);
/* Drafts the deletions (rule t). */
void cf_row_diff_gone(cf_row_diffing *self);
/* Drafts again the deletion of what would be there in this view, of the state with the draft, along
 * with a row that was back for another alone; whether there is any. */
bool cf_row_diff_gone_again(cf_row_diffing *self, const cf_row_view *after);
/* Drafts of the others that are one with a row what is drafted of that (model, rule m). */
void cf_row_diff_spread(cf_row_diffing *self);
/* Whether the draft, as it is, surely moves, holds back and kills no row: then there is no need to
 * try the draft out. */
bool cf_row_draft_is_harmless(const cf_row_diffing *self, const cf_change *changes, size_t count);
/* Drafts what keeps the disk as the user made it (rule p). */
void cf_row_diff_pin(cf_row_diffing *self);

static inline void cf_row_touch(cf_row_diffing *self, const cf_schema_table *table)
{
    self->touched[table - self->input->schema->tables] = true;
}
static inline bool cf_row_touched(const cf_row_diffing *self, const cf_schema_table *table)
{
    return self->touched[table - self->input->schema->tables];
}

#endif
