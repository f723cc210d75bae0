/* SPDX-License-Identifier: Apache-2.0 */
/* When an event or a task is: one thing, which takes several fields to say. A start of one device
 * beside a zone of another is a time that nobody meant, so what is said of it merges as one (model,
 * rule y):
 *
 *     9:00Z to 10:00Z; A makes it the whole 12th, B 15:30Z to 17:00Z of the 10th, and is later
 *     by fields: 15:30 of the 10th (B's start), of whatever zone, a day (A's), without an end
 *     as one: 15:30Z to 17:00Z, and A's start is listed
 */
#ifndef CF_PEER_RECORDS_WHEN_H
#define CF_PEER_RECORDS_WHEN_H
#include "peer/records/schema.h"
#include "peer/records/seats.h"

/* What a value says of when the row is; in the order in which one is listed as the conflict of all.
 */
typedef enum {
    CF_WHEN_NONE, /* nothing */
    CF_WHEN_START,
    CF_WHEN_DUE,
    CF_WHEN_DURATION,
    CF_WHEN_ESTIMATED,
    CF_WHEN_ZONE,
    CF_WHEN_DAY, /* that it has no time of day */
    CF_WHENS
} cf_when;

/* What a field of the row says; what a line says that no field has a word for: a DTEND in a zone of
 * its own says the duration. */
cf_when cf_when_of_field(uint8_t kind, cf_bytes field);
cf_when cf_when_of_line(uint8_t kind, const cf_seat *line);
/* Of a field of the state and a value there. */
cf_when cf_when_of(const cf_schema_table *table, cf_bytes field, cf_bytes value);

#endif
