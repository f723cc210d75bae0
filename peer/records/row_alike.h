/* SPDX-License-Identifier: Apache-2.0 */
/* Rows made apart that are one by themselves, where a user said so beforehand (model, rule m). Row
 * 6 "https://a.example" was made apart from row 1 of the same url, which is unique by itself:
 *
 *     row 1: title "A"      row 6: no title, folder 3       row 6 is row 1
 *     row 1: title "A"      row 6: title "B"                they are two, row 6 gives way
 *     row 1 had the url "https://b.example" when row 6 was made: they are two
 *
 * Where the user said that the url names a row, for which that needn't be unique, row 6 is row 1 in
 * the second case, too: its title is a conflict.
 *
 * What is drafted is what a user drafts who says so of these two (record_one.h); a third device
 * that finds the same drafts the same. Pure. */
#ifndef CF_PEER_RECORDS_ROW_ALIKE_H
#define CF_PEER_RECORDS_ROW_ALIKE_H
#include "peer/merge/change_draft.h"
#include "peer/records/record_view.h"

/* A column whose text names the rows of a table that counts them. Borrowed. */
typedef struct {
    cf_bytes table, column;
} cf_natural_key;

/* What the user said. */
typedef struct {
    bool unites; /* what has one text in a unique column, and differs in nothing else, is one */
    const cf_natural_key *keys;
    size_t key_count;
    bool (*is_meant)(void *context, const cf_row *row); /* which rows he meant; NULL: all */
    void *context;
} cf_alike_choice;

/* Drafts of each such row that it is the other one. */
void cf_row_draft_alike(cf_change_draft *draft, const cf_state *state, const cf_schema *schema,
                        const cf_row_view *view, const cf_alike_choice *choice);

#endif
