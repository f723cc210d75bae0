/* SPDX-License-Identifier: Apache-2.0 */
/* Two rows of which one alone can be shown, as both have what only one row can have, and the other
 * one could not be shown with something else in its stead. Whole rows are in conflict then, and the
 * one that is hidden has a name of its own (peer/log/hidden_rows.h):
 *
 *     each list has one cover, and both devices made one: the view holds back covers/1~desktop
 *     tags of at most four letters, and both made "home": the source refuses "home (2)", by which
 *     the view would show tags/2~desktop; where another source takes it, it is shown
 *
 * It ends when both are one, when one of them has another value, or is deleted; or by its user's
 * word, where the column may be empty: the one that is kept has the value, the other one nothing.
 * Pure, but for what the home keeps. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_CLASH_H
#define CF_PEER_SOURCES_RECORDS_RECORD_CLASH_H
#include "peer/log/hidden_rows.h"
#include "peer/records/record_resolve.h"
#include "peer/sources/records/record_include.h"
#include "peer/sources/records/record_refusals.h"

typedef struct {
    const cf_row *row, *rival; /* the one that is hidden, and the other */
    cf_bytes path;             /* of the first */
    const cf_bytes *columns;   /* in which they agree */
    size_t column_count;
    cf_bytes column; /* of these one that may be empty; nothing: none */
    bool can_be_one;
    const cf_row_conflict *wish; /* that the source refused to show something else for; NULL: the
                                    view holds the row back */
    cf_bytes refusal;            /* what the source said of that */
    cf_dot made;
    cf_time time;
} cf_record_clash;

typedef struct {
    cf_peer *peer;
    const cf_binding *binding;
    const cf_collection *collection;
    const cf_schema *schema;
    const cf_row_view *view;
    /* Found with the clashes: */
    cf_record_selection selection; /* what of the view the source is asked for, */
    cf_forgotten forgotten;        /* what of that nobody has any more, */
    cf_hidden_rows hidden;         /* and what the view holds back */
} cf_clash_search;

/* The clashes of rows that the source would show, ascending by item. In the arena; borrows from the
 * view. */
size_t cf_record_clashes(cf_clash_search *search, cf_arena *arena, const cf_record_clash **out);
/* Whether a conflict in this row is told, of a field, or of the row where it is nothing: the source
 * is asked for it, and somebody has the table, and the column. What nobody has any more nobody can
 * settle; it is told again when somebody has it again. */
bool cf_record_conflict_is_told(const cf_clash_search *search, const cf_row *row, cf_bytes field);
/* Of the same view: which of them is about the conflict of a field; NULL: none is. */
const cf_record_clash *cf_record_clash_of(const cf_record_clash *at, size_t count,
                                          const cf_row_conflict *conflict);

/* What waits for the row to be shown: what refers to it, and to that. In the arena; ascending, by
 * the names that they have. */
size_t cf_record_clash_waiting(const cf_clash_search *search, const cf_record_clash *clash,
                               cf_arena *arena, const cf_bytes **out);

/* The row that gives the column up where this version is kept: 1 is the one that is shown, 2 the
 * other; NULL: there is no such version, or no column may be empty. */
const cf_row *cf_record_clash_yields(const cf_record_clash *clash, const cf_keep *keep);
/* The change by which the row has nothing in the column any more. In the arena. */
cf_change cf_record_clash_yield(const cf_clash_search *search, const cf_id *item, cf_bytes column,
                                cf_arena *arena);

#endif
