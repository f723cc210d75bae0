/* SPDX-License-Identifier: Apache-2.0 */
/* Occurrences of a series go with it. A field /recurrenceOverrides/ID names an occurrence by the
 * time on a clock at which the series has it. So who moves the series gives its occurrences other
 * names, and what another device said meanwhile of one of them would be of none:
 *
 *     every Monday at 9; A moves the series to 10, B cancels the 12th: /recurrenceOverrides/
 *     2026-01-12T09:00:00 excludes nothing now, and the 12th would take place
 *
 * Therefore a field beside it says, weakly, by which start the name was given, and the row is shown
 * with the name that the occurrence has now:
 *
 *     /tie//recurrenceOverrides/2026-01-12T09:00:00 ["=", "2026-01-05T09:00:00", "Europe/Berlin"]
 *     shown as /recurrenceOverrides/2026-01-12T10:00:00
 *
 * Programs that don't know the field take it for a tie that refers to no row: it says nothing. */
#ifndef CF_PEER_RECORDS_OCCURRENCE_H
#define CF_PEER_RECORDS_OCCURRENCE_H
#include "peer/records/row_refs.h"
#include "peer/records/schema.h"

/* When a row begins, and on which days it recurs. */
typedef struct {
    cf_bytes start, zone; /* values; nothing: it has none */
    int64_t seconds;      /* the start on a wall clock, as if each day had 24 hours */
    bool recurs;          /* by rules of days or more, which leave the hours to the start */
    bool daily;           /* each day, or each so many */
    uint8_t weekdays;     /* of rules by weeks, a bit for each, from Sunday on; 0: of other rules */
} cf_series;

/* Whether the row's field says something of one occurrence, by its time. */
bool cf_field_is_occurrence(uint8_t kind, cf_bytes field);
/* Of a row's fields. Borrows from the row. */
cf_series cf_series_of(const cf_row *row);

/* What says by which start the row's occurrences are named, in the arena; nothing: it has none. */
cf_bytes cf_series_said(const cf_series *series, cf_arena *arena);
/* Whether the field is shown as it is, by whatever start it was named: the series has such an
 * occurrence, or leaves none its name. */
bool cf_occurrence_stands(const cf_series *series, cf_bytes field);
/* The field under which an occurrence is shown that was given the name `field` by what was `said`
 * (nothing: by an unknown start, as of old programs); in the arena, or as it is. */
cf_bytes cf_occurrence_now(const cf_series *series, cf_bytes field, cf_bytes said, cf_arena *arena);
/* The field under which a base's row shows its occurrence, by the row's series and refs. */
cf_bytes cf_occurrence_shown_as(const cf_series *series, const cf_row_refs *refs, cf_bytes field,
                                cf_arena *arena);

#endif
