/* SPDX-License-Identifier: Apache-2.0 */
/* The view of records: what a user should see of a state. A pure function of the state and the
 * schema (model, rules c, d, e, x, u, k, f), computed as a whole: about 1 µs a row. */
#ifndef CF_PEER_RECORDS_RECORD_VIEW_H
#define CF_PEER_RECORDS_RECORD_VIEW_H
#include "peer/records/row_refs.h"
#include "peer/records/schema.h"
#include "peer/merge/state.h"

typedef struct cf_row_view cf_row_view;

/* A value that another user gave a field, beside the one that is shown: listed by `status` until
 * somebody resolves it. */
typedef struct {
    const cf_row *row;
    cf_bytes field; /* of the state */
    cf_bytes as;    /* the same, or the field that the row would show an occurrence in
                       (peer/records/occurrence.h) */
    cf_bytes value; /* as in the state */
    cf_dot dot;
    cf_time time;
    /* The value is the field's own, which only one row can have: the field gives way (model, h). */
    bool gives_way;
    const cf_row *rival; /* the row that has the value; NULL: none has it any more, */
    cf_dot rival_dot;    /* and the entry that gave it to that row */
} cf_row_conflict;

typedef enum {
    CF_HELD_REQUIRED, /* a field without which the row can't be is missing, or the key */
    CF_HELD_UNIQUE,   /* another row, which came first, has its values or its natural key */
    CF_HELD_PARENT,   /* a row that this one refers to is held back, or unknown */
} cf_held_why;

/* A row that no source can show at present. */
typedef struct {
    cf_row row; /* with the key that the row wishes for; references are as in the state */
    cf_held_why why;
    /* Of CF_HELD_UNIQUE: which of its table's tuples the other row has; NULL: the key. */
    const cf_unique *unique;
    const cf_row *rival; /* that row; NULL: nobody knows */
} cf_row_held;

/* Borrows the state and the schema. The rows borrow from the state: none of it may change while
 * the view is used. */
cf_row_view *cf_row_view_new(const cf_state *state, const cf_schema *schema);
void cf_row_view_destroy(cf_row_view **view);

/* In no order; fields ascending, references are the keys that the rows have in this view. */
size_t cf_row_view_count(const cf_row_view *view);
const cf_row *cf_row_view_at(const cf_row_view *view, size_t index);
const cf_row *cf_row_view_find(const cf_row_view *view, cf_bytes table, cf_bytes key);
const cf_row *cf_row_view_of_item(const cf_row_view *view, const cf_id *item);
/* Calls `found` with each field of data that any item has or had; perhaps with one more than once.
 */
void cf_row_view_each_field(const cf_row_view *view,
                            void (*found)(void *context, cf_bytes table, cf_bytes field),
                            void *context);
/* A value of the state as a source would show it: in the place of a row its key; nothing: that row
 * isn't shown. */
cf_bytes cf_row_view_shown_value(const cf_row_view *view, cf_bytes value);
/* Whether a row of the table refers to another one, or did. */
bool cf_row_view_refers(const cf_row_view *view, cf_bytes table);
/* Calls `visit` for each row that refers to this one, by a reference or a tie that is shown, or
 * wishes to; of rows that are held back the second. */
void cf_row_view_children(const cf_row_view *view, const cf_row *row,
                          void (*visit)(void *context, const cf_row *child), void *context);
void cf_row_view_held_children(const cf_row_view *view, const cf_row *row,
                               void (*visit)(void *context, const cf_row *child), void *context);
/* Ascending by item, field. */
const cf_row_conflict *cf_row_view_conflicts(const cf_row_view *view, size_t *count);
/* Ascending by item. */
const cf_row_held *cf_row_view_held(const cf_row_view *view, size_t *count);
bool cf_row_view_holds_back(const cf_row_view *view, const cf_id *item);

/* Whether one is below the other, as /a/b and /a: a document has room for one of them. */
bool cf_fields_exclude(cf_bytes field, cf_bytes other);

/* What the base takes once a source shows this row of the view (model, rule A3), whatever of it the
 * source's format can hold: to be kept for every row whose item changed in the state, or whose
 * fields are others than the base's. In the arena. */
cf_row cf_row_view_agree(const cf_row_view *view, const cf_row *row, cf_arena *arena);
/* Whether the base's row is what cf_row_view_agree makes already. */
bool cf_row_view_agrees(const cf_row_view *view, const cf_row *row, const cf_row *base);

#endif
