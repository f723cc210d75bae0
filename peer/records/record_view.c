/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows are shown: those that live, those that these refer to, be they deleted, and the
 * families of those that were deleted and live; last, those that a shown row is tied to. Of all
 * these the ones that record_claims.c doesn't hold back. Rows are one (row_same.h) before any of
 * that. */
#include "peer/records/record_view.h"

#include <stdlib.h>

#include "codec/pack.h"
#include "peer/records/record_view_inside.h"
#include "peer/records/row_same.h"

void cf_viewed_add(cf_viewed_list *list, cf_viewed *viewed)
{
    *cf_one_more(list->at, list->count, list->capacity) = viewed;
}

cf_viewed *cf_viewed_of_item(const cf_row_view *view, const cf_id *item)
{
    for (cf_hash_link *link = cf_hash_table_first(&view->items, cf_hash_id(0, item)); link;
         link = cf_hash_table_next(link)) {
        cf_viewed *viewed = cf_container_of(link, cf_viewed, item_link);

        if (cf_id_equal(&viewed->row.item, item))
            return viewed;
    }
    return NULL;
}

/* ---- All rows of the state ---- */

typedef struct {
    cf_row_view *view;
    cf_row_facts facts;
} loading;

static void note_levels(cf_row_view *view, const cf_row_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        cf_reader reader = cf_reader_of(facts->at[i].write.value);
        cf_error ignored;
        uint64_t level;

        if (facts->at[i].write.field == CF_FIELD_NUMBER_LEVEL &&
            cf_read_uint(&reader, &level, &ignored) == CF_OK && level > view->level_max)
            view->level_max = level;
    }
}

/* Items that are no records, and those whose table the schema lacks, make no row. `deleted`: some
 * write of the item is a deletion, whatever lives on beside that. */
static void load_item(void *context, const cf_id *id)
{
    loading *self = context;

    if (!cf_kind_is_record(id->bytes[0]))
        return;
    cf_row_facts_load(self->view->state, cf_state_item(self->view->state, id), &self->facts);
    note_levels(self->view, &self->facts);
    const size_t writes = cf_item_write_count(cf_state_item(self->view->state, id));
    cf_viewed *viewed = cf_viewed_of(self->view, id, &self->facts);
    if (!viewed)
        return;
    viewed->deleted = writes > self->facts.count;
    cf_viewed_add(&self->view->rows, viewed);
    cf_hash_table_add(&self->view->items, &viewed->item_link, cf_hash_id(0, id));
}

/* Joins each of these references with its row; one to any of several rows that are one leads to the
 * first. */
static void connect(const cf_row_view *view, cf_row_edge *edges)
{
    for (cf_row_edge *edge = edges; edge; edge = edge->next_of_child) {
        if (edge->nothing.size)
            continue;
        edge->parent = cf_viewed_of_item(view, cf_row_view_one(view, &edge->target));
        if (!edge->parent)
            continue;
        edge->next_of_parent = edge->parent->children;
        edge->parent->children = edge;
    }
}

/* Who is visible already stays as it is: a row that lives is not a tied one by being tied as well.
 */
static void make_visible(cf_viewed_list *todo, cf_viewed *viewed, bool tied)
{
    if (viewed->visible)
        return;
    viewed->visible = true;
    viewed->tied = tied;
    cf_viewed_add(todo, viewed);
}

/* A row that a visible row refers to is visible, be it deleted (rule e):
 *
 *     Ann is deleted here, a phone of hers is added there     Ann and the phone are shown */
static void follow_references(cf_viewed_list *todo, bool tied)
{
    while (todo->count) {
        const cf_viewed *viewed = todo->at[--todo->count];

        for (const cf_row_edge *edge = viewed->parents; edge; edge = edge->next_of_child)
            if (edge->parent && edge->value)
                make_visible(todo, edge->parent, tied);
    }
}

/* Makes those visible that went with a row which is there again; whether there were any. */
static bool bring_family(cf_row_view *view, const cf_viewed *parent, cf_viewed_list *family)
{
    const size_t before = family->count;

    for (const cf_row_edge *edge = parent->children; edge; edge = edge->next_of_parent)
        if (edge->bound && !edge->child->visible && cf_viewed_comes_back(view, edge->child, parent))
            make_visible(family, edge->child, false);
    return family->count > before;
}

/* A row that was deleted and that somebody edited all the same is there with its family: those that
 * could not be without it, theirs, and so on. Who has two parents comes when both are there. What
 * these refer to is visible, too. A row that is visible only for an edited child brings no family:
 *     Ann, phones 1 and 2 deleted here, phone 1 edited there    Ann and phone 1 are back */
static void bring_families(cf_row_view *view)
{
    cf_viewed_list back = {0};
    bool more = true;

    for (size_t i = 0; i < view->rows.count; i++)
        if (view->rows.at[i]->alive && view->rows.at[i]->deleted)
            cf_viewed_add(&back, view->rows.at[i]);
    while (more) {
        more = false;
        for (size_t i = 0; i < back.count; i++)
            more |= bring_family(view, back.at[i], &back);
    }
    follow_references(&back, false);
    free(back.at);
}

/* Visible is what lives, what that refers to, and the families of what was deleted and lives. */
static void find_visible(cf_row_view *view)
{
    cf_viewed_list todo = {0};

    for (size_t i = 0; i < view->rows.count; i++)
        if (view->rows.at[i]->alive)
            make_visible(&todo, view->rows.at[i], false);
    follow_references(&todo, false);
    bring_families(view);
    free(todo.at);
}

/* Makes visible each row to which a shown row is tied or bonded. Such a row comes last to every
 * claim, so that it displaces no other. False: no row was added. */
static bool find_tied(cf_row_view *view)
{
    cf_viewed_list todo = {0};

    for (size_t i = 0; i < view->rows.count; i++) {
        const cf_viewed *viewed = view->rows.at[i];

        if (!viewed->visible || cf_viewed_is_held(viewed))
            continue;
        for (const cf_row_edge *edge = viewed->parents; edge; edge = edge->next_of_child)
            if (edge->parent && !edge->value)
                make_visible(&todo, edge->parent, true);
    }
    bool any = todo.count > 0;
    follow_references(&todo, true);
    free(todo.at);
    return any;
}

/* What led to a tied row may be held back: it stays only where a row that is shown leads to it. */
static void keep_needed(cf_row_view *view)
{
    cf_viewed_list todo = {0};

    for (size_t i = 0; i < view->rows.count; i++) {
        cf_viewed *viewed = view->rows.at[i];

        if (viewed->tied)
            viewed->visible = false;
        else if (viewed->visible && !cf_viewed_is_held(viewed))
            cf_viewed_add(&todo, viewed);
    }
    while (todo.count) {
        const cf_viewed *viewed = todo.at[--todo.count];

        for (const cf_row_edge *edge = viewed->parents; edge; edge = edge->next_of_child)
            if (edge->parent && !cf_viewed_is_held(edge->parent))
                make_visible(&todo, edge->parent, true);
    }
    free(todo.at);
}

/* ---- What is shown, held back, listed ---- */

static int by_item(const void *left, const void *right)
{
    return cf_id_compare(&((const cf_row_held *)left)->row.item,
                         &((const cf_row_held *)right)->row.item);
}

/* A row that went with its parent says so, whatever else it lacks. */
static cf_held_why why_held(const cf_viewed *viewed)
{
    if (viewed->dropped)
        return CF_HELD_PARENT;
    return viewed->lacking ? CF_HELD_REQUIRED : CF_HELD_UNIQUE;
}

/* Visible, and not held back. */
static bool is_shown(const cf_viewed *viewed)
{
    return viewed && viewed->visible && !cf_viewed_is_held(viewed);
}

/* Each visible row is shown or held back, never both; of the shown ones, those of which a column
 * gives way are also listed apart. */
static void sort_out(cf_row_view *view)
{
    view->held = cf_arena_allocate(&view->arena, view->rows.count, sizeof *view->held);
    for (size_t i = 0; i < view->rows.count; i++) {
        cf_viewed *viewed = view->rows.at[i];

        if (viewed->visible && cf_viewed_is_held(viewed))
            view->held[view->held_count++] =
                (cf_row_held){.row = viewed->row,
                              .why = why_held(viewed),
                              .unique = viewed->beaten ? viewed->beaten_in : NULL,
                              .rival = viewed->beaten_by ? &viewed->beaten_by->row : NULL};
        else if (viewed->visible)
            cf_viewed_add(&view->shown, viewed);
        if (is_shown(viewed) && (viewed->pinned || viewed->gave_way))
            cf_viewed_add(&view->gave, viewed);
    }
    if (view->held_count)
        qsort(view->held, view->held_count, sizeof *view->held, by_item);
}

/* Whether each visible row lives by itself, under the key that it wishes for, and none is held
 * back, gives way, or is one with another: then a change of one row moves no other. */
static bool is_simple(const cf_row_view *view)
{
    for (size_t i = 0; i < view->rows.count; i++) {
        const cf_viewed *viewed = view->rows.at[i];

        if (viewed->visible &&
            (!viewed->alive || viewed->row.displaced || cf_viewed_is_held(viewed)))
            return false;
    }
    return view->gave.count == 0 && view->members.count == 0;
}

static int by_item_and_field(const void *left, const void *right)
{
    const cf_row_conflict *a = left, *b = right;
    int order = cf_id_compare(&a->row->item, &b->row->item);

    if (order == 0)
        order = cf_bytes_compare(a->field, b->field);
    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

/* Conflicts of rows that are not shown are dropped; wishes for which columns give way are added. */
static void keep_conflicts(cf_row_view *view)
{
    size_t kept = 0;

    for (size_t i = 0; i < view->conflict_count; i++)
        if (is_shown(cf_container_of(view->conflicts[i].row, cf_viewed, row)))
            view->conflicts[kept++] = view->conflicts[i];
    view->conflict_count = kept;
    cf_row_view_list_wishes(view);
    if (view->conflict_count)
        qsort(view->conflicts, view->conflict_count, sizeof *view->conflicts, by_item_and_field);
}

cf_row_view *cf_row_view_new(const cf_state *state, const cf_schema *schema)
{
    cf_row_view *view = cf_allocate(1, sizeof *view);
    loading load = {.view = view};

    view->state = state;
    view->schema = schema;
    cf_hash_table_reserve(&view->items, cf_state_item_count(state));
    cf_state_each(state, load_item, &load);
    cf_row_facts_release(&load.facts);
    cf_row_view_make_one(view);
    for (size_t i = 0; i < view->rows.count; i++) {
        connect(view, view->rows.at[i]->parents);
        connect(view, view->rows.at[i]->wishes);
    }
    find_visible(view);
    do
        cf_row_view_hold(view);
    while (find_tied(view));
    keep_needed(view);
    sort_out(view);
    cf_row_view_give_keys(view);
    keep_conflicts(view);
    view->simple = is_simple(view);
    return view;
}

void cf_row_view_destroy(cf_row_view **view)
{
    cf_row_view *ended = *view;

    if (!ended)
        return;
    cf_hash_table_release(&ended->properties);
    cf_hash_table_release(&ended->items);
    cf_hash_table_release(&ended->members);
    cf_hash_table_release(&ended->places);
    free(ended->rows.at);
    free(ended->shown.at);
    free(ended->gave.at);
    free(ended->conflicts);
    cf_row_agreeing_release(&ended->agreeing);
    cf_arena_release(&ended->arena);
    free(ended);
    *view = NULL;
}

/* ---- Questions ---- */

size_t cf_row_view_count(const cf_row_view *view)
{
    return view->shown.count;
}

const cf_row *cf_row_view_at(const cf_row_view *view, size_t index)
{
    return &view->shown.at[index]->row;
}

const cf_row *cf_row_view_find(const cf_row_view *view, cf_bytes table, cf_bytes key)
{
    for (cf_hash_link *link = cf_hash_table_first(&view->places, cf_row_place_hash(table, key));
         link; link = cf_hash_table_next(link)) {
        const cf_row *row = &cf_container_of(link, const cf_viewed, place_link)->row;

        if (cf_bytes_equal(row->table, table) && cf_bytes_equal(row->key, key))
            return row;
    }
    return NULL;
}

const cf_row *cf_row_view_of_item(const cf_row_view *view, const cf_id *item)
{
    const cf_viewed *viewed = cf_viewed_of_item(view, item);

    return is_shown(viewed) ? &viewed->row : NULL;
}

void cf_row_view_each_field(const cf_row_view *view,
                            void (*found)(void *context, cf_bytes table, cf_bytes field),
                            void *context)
{
    for (cf_hash_link *link = cf_hash_table_walk(&view->properties, NULL); link;
         link = cf_hash_table_walk(&view->properties, link)) {
        const cf_row_property *property = cf_container_of(link, cf_row_property, link);

        if (!property->tie)
            found(context, property->table->name, property->name);
    }
}

bool cf_row_view_refers(const cf_row_view *view, cf_bytes table)
{
    bool found = false;

    for (cf_hash_link *link = NULL;
         !found && (link = cf_hash_table_walk(&view->properties, link));) {
        const cf_row_property *property = cf_container_of(link, cf_row_property, link);

        found = (property->tie || property->merge == CF_MERGE_REFERENCE) &&
                cf_bytes_equal(property->table->name, table);
    }
    return found;
}

void cf_row_view_children(const cf_row_view *view, const cf_row *row,
                          void (*visit)(void *context, const cf_row *child), void *context)
{
    const cf_viewed *viewed = cf_viewed_of_item(view, &row->item);

    for (const cf_row_edge *edge = viewed ? viewed->children : NULL; edge;
         edge = edge->next_of_parent)
        if (is_shown(edge->child))
            visit(context, &edge->child->row);
}

void cf_row_view_held_children(const cf_row_view *view, const cf_row *row,
                               void (*visit)(void *context, const cf_row *child), void *context)
{
    const cf_viewed *viewed = cf_viewed_of_item(view, &row->item);

    for (const cf_row_edge *edge = viewed && view->held_count ? viewed->children : NULL; edge;
         edge = edge->next_of_parent)
        if (edge->child->visible && cf_viewed_is_held(edge->child))
            visit(context, &edge->child->row);
}

const cf_row_conflict *cf_row_view_conflicts(const cf_row_view *view, size_t *count)
{
    *count = view->conflict_count;
    return view->conflicts;
}

const cf_row_held *cf_row_view_held(const cf_row_view *view, size_t *count)
{
    *count = view->held_count;
    return view->held;
}

bool cf_row_view_holds_back(const cf_row_view *view, const cf_id *item)
{
    const cf_viewed *viewed = cf_viewed_of_item(view, item);

    return viewed && viewed->visible && cf_viewed_is_held(viewed);
}

uint64_t cf_row_view_level(const cf_row_view *view)
{
    return view->level_max;
}
