/* SPDX-License-Identifier: Apache-2.0 */
/* The first meeting of a source with a collection that counts its keys up, where the user said that
 * rows of one number are the same: they take the items of those that are shown there. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_MEETING_H
#define CF_PEER_SOURCES_RECORDS_RECORD_MEETING_H
#include "peer/records/record_ids.h"
#include "peer/records/record_view.h"

typedef struct {
    cf_record_ids ids; /* the product's, but for these rows; borrows all else */
    const cf_row_view *view;
    const cf_rows *base;
} cf_record_meeting;

/* Stays where it is while its ids are used. */
void cf_record_meeting_begin(cf_record_meeting *meeting, const cf_row_view *view,
                             const cf_rows *base);

#endif
