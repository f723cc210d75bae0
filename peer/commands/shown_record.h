/* SPDX-License-Identifier: Apache-2.0 */
/* One record with all that is known of it: what it says, what it doesn't show, and who wrote what
 * of it. */
#ifndef CF_PEER_COMMANDS_SHOWN_RECORD_H
#define CF_PEER_COMMANDS_SHOWN_RECORD_H
#include "peer/commands/hidden_named.h"
#include "peer/log/record_past.h"
#include "peer/records/record_view.h"
#include "peer/sources/records/record_conflicts.h"

typedef struct {
    cf_bytes field; /* of the row */
    cf_told_value value;
    const cf_record_write *by; /* NULL: nobody knows */
} cf_shown_value;

typedef enum {
    CF_RECORD_IS_SHOWN,
    CF_RECORD_IS_HIDDEN, /* no source can show it at present, or the one here can't */
    CF_RECORD_IS_DELETED,
} cf_record_standing;

typedef struct {
    cf_id item;
    cf_bytes table, path; /* the path as people name it; one that is hidden by its own name */
    const char *title;    /* that it gives itself; NULL: none */
    cf_record_standing standing;
    const char *why;        /* it is hidden */
    cf_shown_value *values; /* what it says, or said last, ascending by field */
    size_t value_count;
    cf_shown_value *others; /* what others gave a field beside what is shown */
    size_t other_count;
    cf_record_past past;
    cf_arena *arena;
} cf_shown_record;

/* By a view, and what is hidden of it; borrowed. In the arena. */
cf_status cf_shown_record_read(cf_peer *peer, const cf_collection *collection,
                               const cf_hidden_names *names, const cf_id *item, cf_arena *arena,
                               cf_shown_record *out, cf_error *error);
void cf_shown_record_release(cf_shown_record *record);

/* A value of the state as it is shown: in the place of an item the key of its row, or the name that
 * it has while it is hidden. In the arena. */
cf_told_value cf_shown_value_of(const cf_hidden_names *names, const cf_record_write *write,
                                cf_arena *arena);
/* What the field of a write is called; appended. */
void cf_shown_field_text(const cf_shown_record *record, cf_bytes field, cf_buffer *out);

/* ---- One field of it ---- */

/* A field goes by its name, and a line of a calendar or a card that no field has a word for by the
 * line's, as `conflicts` names both:
 *
 *     title "Meeting":                     title
 *     iCalendar/properties "GEO:48.4;9.98": iCalendar/properties, and geo */
bool cf_shown_value_is_of(const cf_shown_record *record, cf_bytes field, cf_bytes value,
                          cf_bytes name);
bool cf_shown_write_is_of(const cf_shown_record *record, const cf_record_write *write,
                          cf_bytes name);
/* That a reader of the log sees: neither its table nor the key and the number it was given first.
 */
bool cf_shown_write_is_data(const cf_record_write *write);

typedef enum {
    CF_FIELD_UNKNOWN,
    CF_FIELD_ELSEWHERE, /* only other records of its table have it */
    CF_FIELD_ITS_OWN,   /* it says something there, or has */
} cf_shown_field_standing;
/* Where it isn't its own, `names` is what it has, and what its table has, with commas, each once,
 * in order; what stands there already stays. */
cf_shown_field_standing cf_shown_field_find(const cf_shown_record *record, const cf_row_view *view,
                                            cf_bytes name, cf_buffer *names);

#endif
