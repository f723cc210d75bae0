/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are hidden here, or held back everywhere, and hang on rows that are shown: what this
 * device knew of the hidden rows when the shown ones were agreed (records/row_dependants.h). While
 * a shown row's change or deletion is not published, nothing is learned of the rows that hang on
 * that row: the user acted before these came.
 *
 *     people are shown here, phones are not; phones 1 and 2 are Ann's, as this device knows
 *     Ann is deleted here:                 phones 1 and 2 go with her
 *     she has phone 3 by then, which came
 *     to this device after she was gone:   phone 3 brings her back, 1 and 2 stay deleted */
#include "peer/sources/records/record_source_inside.h"

#include "peer/records/row_dependants.h"

#include <stdlib.h>

typedef struct {
    cf_hash_link link; /* by item */
    const cf_row *row; /* of the view */
    bool doubtful;     /* it hangs on a row that is in doubt */
} member;

typedef struct {
    cf_record_run *run;
    cf_arena arena;
    cf_hash_table members;
    const cf_row **ahead; /* whose children are still to be found */
    size_t ahead_count, ahead_capacity;
    bool doubtful;
} family;

/* A row that the view holds back is hidden here as well, whatever tables the source shows. */
static bool holds_any_back(const cf_record_run *run)
{
    size_t count;

    cf_row_view_held(run->view, &count);
    return count > 0;
}

/* Whether any row that is hidden, or was, can hang on one that is shown: a table refers to others
 * and is not shown whole, or something is held back. Else nothing has to be gathered. */
static bool may_have_any(const cf_record_run *run)
{
    const cf_binding *binding = run->source->binding;
    bool any = cf_rows_count(binding->dependants) > 0 || holds_any_back(run);

    for (size_t i = 0; !any && i < run->schema.count; i++)
        any = cf_row_view_refers(run->view, run->schema.tables[i].name) &&
              (binding->include_count ||
               !cf_format_holds_table(&run->content.format, run->schema.tables[i].name));
    return any;
}

/* The row here is not as the base has it, or can't be read. Its user acted before he could know
 * what came since, so nothing new is learned of the rows that hang on it. */
static bool is_in_doubt(cf_record_run *run, const cf_row *base)
{
    const cf_row *here = cf_row_index_find(&run->here, base->table, base->key);

    return !cf_record_run_same(run, here, base) ||
           cf_record_run_troubles(run, base->table, base->key);
}

void cf_record_run_find_doubts(cf_record_run *run)
{
    const cf_rows *base = run->source->binding->rows;

    run->doubt_count = 0;
    if (run->as_base || !may_have_any(run))
        return;
    run->doubts = cf_arena_allocate(&run->arena, cf_rows_count(base), sizeof *run->doubts);
    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        if (cf_format_holds_table(&run->content.format, row->table) && is_in_doubt(run, row))
            run->doubts[run->doubt_count++] = row->item;
}

/* ---- Who belongs to a family ---- */

static member *find_member(const family *self, const cf_id *item)
{
    for (cf_hash_link *link = cf_hash_table_first(&self->members, cf_hash_id(0, item)); link;
         link = cf_hash_table_next(link)) {
        member *found = cf_container_of(link, member, link);

        if (cf_id_equal(&found->row->item, item))
            return found;
    }
    return NULL;
}

/* The row is of the family, and so is what hangs on it. */
static void take(void *context, const cf_row *child)
{
    family *self = context;

    if (find_member(self, &child->item))
        return;
    member *fresh = cf_arena_allocate(&self->arena, 1, sizeof *fresh);
    fresh->row = child;
    fresh->doubtful = self->doubtful;
    cf_hash_table_add(&self->members, &fresh->link, cf_hash_id(0, &child->item));
    *cf_one_more(self->ahead, self->ahead_count, self->ahead_capacity) = child;
}

/* Of rows that the view shows only those that this source hides: others are in the base. */
static void take_child(void *context, const cf_row *child)
{
    family *self = context;

    if (cf_record_run_hides(self->run, child))
        take(self, child);
}

/* Of the row's children those that this source hides, and those that the view holds back. */
static void take_children(family *self, const cf_row *row)
{
    cf_row_view_children(self->run->view, row, take_child, self);
    cf_row_view_held_children(self->run->view, row, take, self);
}

/* All hidden rows below the item's, down through hidden rows alone: a child that is shown is in the
 * base, and has its own descendants. */
static void take_descendants(family *self, const cf_id *item)
{
    const cf_row *row = cf_row_view_of_item(self->run->view, item);

    if (row)
        take_children(self, row);
    while (self->ahead_count)
        take_children(self, self->ahead[--self->ahead_count]);
}

/* Rows below rows in doubt come first: a row that hangs on a row in doubt is doubtful, also where
 * another row that it hangs on is in no doubt. */
static void gather(family *self)
{
    const cf_record_run *run = self->run;
    const cf_rows *base = run->source->binding->rows;

    self->doubtful = true;
    for (size_t i = 0; i < run->doubt_count; i++)
        take_descendants(self, &run->doubts[i]);
    self->doubtful = false;
    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        if (cf_format_holds_table(&run->content.format, row->table))
            take_descendants(self, &row->item);
}

/* ---- What is kept of a family ---- */

/* Which writes of a row that isn't shown here this device knows of: if the row that it hangs on is
 * deleted here, these are deleted, and no later ones. */
static void learn(cf_record_run *run, const cf_row *viewed)
{
    cf_binding *binding = run->source->binding;
    const cf_row *known = cf_rows_of_item(binding->dependants, &viewed->item);
    cf_arena arena = {0};
    cf_row now = cf_row_view_dependant(run->view, viewed, &arena);

    if (!known || !cf_bytes_equal(known->refs, now.refs))
        cf_binding_put_dependant(binding, &now, &run->records);
    cf_arena_release(&arena);
}

/* What is known of rows that hang on nothing any more is forgotten; one that is held back is there
 * all the same. */
static void forget_others(const family *self)
{
    cf_record_run *run = self->run;
    const cf_rows *known = run->source->binding->dependants;

    for (const cf_row *row = cf_rows_next(known, NULL), *next; row; row = next) {
        cf_id item = row->item;

        next = cf_rows_next(known, row);
        if (!find_member(self, &item) && !cf_row_view_holds_back(run->view, &item))
            cf_binding_drop_dependant(run->source->binding, &item, &run->records);
    }
}

void cf_record_run_keep_family(cf_record_run *run)
{
    family self = {.run = run};

    if (!may_have_any(run))
        return;
    gather(&self);
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&self.members, link));) {
        const member *one = cf_container_of(link, const member, link);

        if (!one->doubtful)
            learn(run, one->row);
    }
    forget_others(&self);
    cf_hash_table_release(&self.members);
    free(self.ahead);
    cf_arena_release(&self.arena);
}
