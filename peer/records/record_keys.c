/* SPDX-License-Identifier: Apache-2.0 */
/* Which key each row is shown under, and what its references show then (model, rules k, x, f).
 *
 *     persons 1 P, 2 R and 9 S were made here, 1 Q there, later
 *     1 P, 2 R, 9 S, and Q under 3: the next free key above its wish that nobody wishes for */
#include <stdlib.h>

#include "codec/pack.h"
#include "peer/records/record_view_inside.h"

uint64_t cf_row_place_hash(cf_bytes table, cf_bytes key)
{
    return cf_hash_bytes(cf_hash_bytes(0, table), key);
}

/* The row that has the key so far; NULL: the key is free. */
static cf_viewed *at_place(const cf_row_view *view, const cf_schema_table *table, cf_bytes key)
{
    for (cf_hash_link *link =
             cf_hash_table_first(&view->places, cf_row_place_hash(table->name, key));
         link; link = cf_hash_table_next(link)) {
        cf_viewed *viewed = cf_container_of(link, cf_viewed, place_link);

        if (viewed->table == table && cf_bytes_equal(viewed->row.key, key))
            return viewed;
    }
    return NULL;
}

static void take_place(cf_row_view *view, cf_viewed *viewed)
{
    cf_hash_table_add(&view->places, &viewed->place_link,
                      cf_row_place_hash(viewed->table->name, viewed->row.key));
}

/* Who comes first to a key; the rows of one changeset in the order of their wishes. */
static int in_order(const cf_viewed *a, const cf_viewed *b)
{
    int order = cf_viewed_compare(a, &a->key_claimed, b, &b->key_claimed);

    if (order == 0)
        order = (a->number > b->number) - (a->number < b->number);
    return order ? order : cf_id_compare(&a->row.item, &b->row.item);
}

static int by_order(const void *left, const void *right)
{
    return in_order(*(const cf_viewed *const *)left, *(const cf_viewed *const *)right);
}

/* Each wished key goes to its first claimant; the others are appended to `displaced`. */
static void give_wishes(cf_row_view *view, cf_viewed_list *displaced)
{
    for (size_t i = 0; i < view->shown.count; i++) {
        cf_viewed *viewed = view->shown.at[i];
        cf_viewed *other = at_place(view, viewed->table, viewed->key);

        if (!other) {
            take_place(view, viewed);
        } else if (in_order(viewed, other) < 0) {
            cf_hash_table_remove(&view->places, &other->place_link);
            take_place(view, viewed);
            cf_viewed_add(displaced, other);
        } else {
            cf_viewed_add(displaced, viewed);
        }
    }
}

/* Behind the greatest key comes 1. */
static int64_t after(int64_t key)
{
    return key < INT64_MAX ? key + 1 : 1;
}

static cf_viewed *at_number(const cf_row_view *view, const cf_schema_table *table, int64_t number,
                            cf_buffer *key)
{
    cf_buffer_clear(key);
    cf_pack_int(key, number);
    return at_place(view, table, cf_buffer_view(key));
}

/* Gives the row the next free key above its wish. With each row passed on the way word is left how
 * far the search came, so that the next displaced row begins there. */
static void give_next_free(cf_row_view *view, cf_viewed *viewed, cf_buffer *key)
{
    int64_t number = viewed->number;
    cf_viewed *other;

    while ((other = at_number(view, viewed->table, number, key)))
        number = other->searched ? other->next : after(number);
    int64_t wish = viewed->number, found = number;
    for (number = wish; number != found;) {
        other = at_number(view, viewed->table, number, key);
        number = other->searched ? other->next : after(number);
        other->searched = true;
        other->next = found;
    }
    at_number(view, viewed->table, found, key);
    viewed->number = found;
    viewed->row.key = cf_arena_copy(&view->arena, cf_buffer_view(key));
    viewed->row.displaced = true;
    take_place(view, viewed);
}

/* A reference shows the key that its row has here, so that it follows each change of that key.
 *
 *     person Q, made with key 1, is shown under 2
 *     Q's phone, which was made with person 1, says person 2 */
static void show_references(const cf_viewed *viewed)
{
    for (const cf_row_edge *edge = viewed->parents; edge; edge = edge->next_of_child)
        if (edge->value)
            *edge->value = edge->parent ? edge->parent->row.key : edge->nothing;
}

void cf_row_view_give_keys(cf_row_view *view)
{
    cf_viewed_list displaced = {0};
    cf_buffer key = {0};

    cf_hash_table_reserve(&view->places, view->shown.count);
    give_wishes(view, &displaced);
    if (displaced.count)
        qsort(displaced.at, displaced.count, sizeof *displaced.at, by_order);
    for (size_t i = 0; i < displaced.count; i++)
        give_next_free(view, displaced.at[i], &key);
    for (size_t i = 0; i < view->shown.count; i++)
        show_references(view->shown.at[i]);
    free(displaced.at);
    cf_buffer_release(&key);
}
