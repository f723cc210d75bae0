/* SPDX-License-Identifier: Apache-2.0 */
/* What went with a row comes back with it. Who deletes a row of a database deletes with it, in the
 * same act, those that refer to it and can't be without it: nobody looked at these one by one.
 *
 *     here Ann is deleted, and her phones 1 and 2 go with her; there she is called Anna:
 *       Anna is shown, with both phones
 *     phone 1 was deleted before Ann was, in a look of its own:
 *       Anna is shown with phone 2
 *     phone 2 can't be without the list "work" either, which was deleted with Ann:
 *       neither phone 2 nor "work" comes back
 *
 * An act is a changeset, and its parts are entries that follow each other: their sequence and the
 * counter of their time go up together. */
#include "peer/records/record_view_inside.h"

typedef struct {
    cf_dot dot;
    cf_time time;
} act;

static act act_of(const cf_write *write)
{
    return (act){write->dot, write->time};
}

/* One writer, one changeset: all that one look found, also if it was several transactions.
 *     sequence 7 at (5 ms, 0), 8 at (5 ms, 1): one act     8 at (5 ms, 2): the next one */
static bool is_same_act(const act *a, const act *b)
{
    return cf_id_equal(&a->dot.writer, &b->dot.writer) && a->time.ms == b->time.ms &&
           a->time.counter - b->time.counter == a->dot.sequence - b->dot.sequence;
}

bool cf_writes_are_one_act(const cf_write *a, const cf_write *b)
{
    const act one = act_of(a), other = act_of(b);

    return is_same_act(&one, &other);
}

/* The act of the item's deletion of this index; false: it has no more. Deletions have the lowest
 * number of all fields, so that they come first. */
static bool find_deletion(const cf_state *state, const cf_item *item, size_t index, act *out)
{
    if (index >= cf_item_write_count(item))
        return false;
    const cf_write write = cf_state_write(state, item, index);
    *out = act_of(&write);
    return write.field == CF_FIELD_NUMBER_DELETED;
}

/* One of the item's deletions was made in this act. */
static bool was_deleted_by(const cf_state *state, const cf_item *item, const act *by)
{
    bool found = false;
    act own;

    for (size_t i = 0; !found && find_deletion(state, item, i, &own); i++)
        found = is_same_act(&own, by);
    return found;
}

/* The parents without which the row can't be are visible. What the row merely names comes back for
 * it: phone 1, in the list "work" by a column that may be NULL, brings "work" back. */
static bool has_all_parents(const cf_viewed *child)
{
    bool all = true;

    for (const cf_row_edge *edge = child->parents; all && edge; edge = edge->next_of_child)
        all = !edge->bound || (edge->parent && edge->parent->visible);
    return all;
}

bool cf_viewed_comes_back(const cf_row_view *view, const cf_viewed *child, const cf_viewed *parent)
{
    const cf_item *own = cf_state_item(view->state, &child->row.item);
    const cf_item *other = cf_state_item(view->state, &parent->row.item);
    bool went = child->deleted && own && other;
    act deletion;

    for (size_t i = 0; went && find_deletion(view->state, own, i, &deletion); i++)
        went = was_deleted_by(view->state, other, &deletion);
    return went && has_all_parents(child);
}
