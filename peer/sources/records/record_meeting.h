/* SPDX-License-Identifier: Apache-2.0 */
/* Rows with keys that count up which take the items of those that are shown there: at the first
 * meeting of a source with its collection, where the user said that rows of one number are the
 * same, all but those that a natural key names; later those that join the same.
 *
 *     tags 2 "work" here, 2 "home" there; one number is one row: tag 2 is one, its text in conflict
 *     without that word:                                         two, and one gets another number
 */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_MEETING_H
#define CF_PEER_SOURCES_RECORDS_RECORD_MEETING_H
#include "peer/adapters/sqlite/database_tuples.h"
#include "peer/records/record_ids.h"
#include "peer/records/record_view.h"

typedef struct {
    cf_record_ids ids; /* the product's, but for these rows; borrows all else */
    const cf_row_view *view;
    const cf_rows *base;
    const cf_database_schema *joins; /* NULL: nothing joins */
    bool same;                       /* the user said so */
} cf_record_meeting;

/* Gives it the ids; all else is set. Stays where it is while they are used. */
void cf_record_meeting_begin(cf_record_meeting *meeting);

#endif
