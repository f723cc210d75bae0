/* SPDX-License-Identifier: Apache-2.0 */
/* What an occurrence has from its series, where its format says all of it. An occurrence that
 * begins when its series has it says nothing of when it is, and so goes along when the series is
 * moved. Of a series at 14:00 in Berlin, for an hour, in the hall, an occurrence without a place:
 *
 *   2027-01-13T14:00:00 {"start": "2027-01-13T14:00:00", "duration": "PT1H", "title": "b",
 *                        "timeZone": "Europe/Berlin"}
 *                                        {"title": "b", "locations": null}
 *   2027-01-13T14:00:00 {"start": "2027-01-13T15:00:00", ...}           as it is
 */
#ifndef CF_PEER_ADAPTERS_INHERITED_H
#define CF_PEER_ADAPTERS_INHERITED_H
#include "peer/records/schema.h"

/* Leaves to its series when an occurrence of the row is, of each that `known` (or NULL) doesn't
 * have as it is, and of which the format says then what stands in the file: in `raw`. What is made
 * lies in the arena. */
void cf_occurrences_inherit(cf_format_speak *speak, cf_arena *arena, const cf_row *raw, cf_row *row,
                            const cf_row *known);

#endif
