/* SPDX-License-Identifier: Apache-2.0 */
/* Which item each content write belongs to (model, rule H): to that of its copy as soon as the
 * state has any field of it. */
#include "peer/merge/view_inside.h"

#include <stdlib.h>

const cf_claim *cf_view_next_claim(const cf_view *view, const cf_id *copy, const cf_claim *previous)
{
    cf_table_link *link = previous ? cf_table_next(&previous->link)
                                   : cf_table_first(&view->claims, cf_hash_id(0, copy));

    while (link && !cf_id_equal(&cf_linked(link, cf_claim, link)->copy, copy))
        link = cf_table_next(link);
    return link ? cf_linked(link, cf_claim, link) : NULL;
}

const cf_seen *cf_view_home(const cf_view *view, const cf_seen *holder, const cf_dot *dot)
{
    for (const cf_claim *claim = holder->claims; claim; claim = claim->next)
        if (claim->home && cf_dot_equal(&claim->dot, dot))
            return cf_view_seen(view, &claim->copy);
    return holder;
}

bool cf_view_copied(const cf_view *view, const cf_id *copy, cf_id *holder, cf_write *out)
{
    const cf_claim *claim = cf_view_next_claim(view, copy, NULL);

    if (!claim)
        return false;
    *holder = claim->holder->id;
    return cf_state_find_write(view->state, cf_state_item(view->state, holder),
                               CF_FIELD_NUMBER_CONTENT, &claim->dot, out);
}

static cf_claim *add_claim(cf_view *view, cf_seen *holder, const cf_dot *dot, const cf_id *copy)
{
    cf_claim *claim = cf_allocate(1, sizeof *claim);

    claim->holder = holder;
    claim->dot = *dot;
    claim->copy = *copy;
    claim->next = holder->claims;
    holder->claims = claim;
    cf_table_add(&view->claims, &claim->link, cf_hash_id(0, copy));
    return claim;
}

/* One claim for each copy along the chain that the state has, and for the next that it has not. */
static void claim_write(cf_view *view, cf_seen *holder, const cf_dot *dot, cf_seen_list *homes)
{
    const cf_rules *rules = view->rules;
    cf_id copy = rules->copy_id(rules->context, &holder->id, dot);
    cf_claim *last = NULL;

    while (cf_state_item(view->state, &copy)) {
        last = add_claim(view, holder, dot, &copy);
        copy = rules->copy_id(rules->context, &copy, dot);
    }
    add_claim(view, holder, dot, &copy);
    if (!last)
        return;
    cf_seen *home = cf_view_get(view, &last->copy);
    last->home = true;
    home->homed++;
    cf_seen_list_add(homes, home);
}

void cf_view_drop_claims(cf_view *view, cf_seen *holder)
{
    while (holder->claims) {
        cf_claim *next = holder->claims->next;

        cf_table_remove(&view->claims, &holder->claims->link);
        if (holder->claims->home)
            cf_view_seen(view, &holder->claims->copy)->homed--;
        free(holder->claims);
        holder->claims = next;
    }
}

void cf_view_claim(cf_view *view, cf_seen *holder, cf_seen_list *homes)
{
    const cf_item *item = cf_state_item(view->state, &holder->id);

    for (const cf_claim *claim = holder->claims; claim; claim = claim->next)
        if (claim->home)
            cf_seen_list_add(homes, cf_view_get(view, &claim->copy));
    cf_view_drop_claims(view, holder);
    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(view->state, item, i);

        if (write.field == CF_FIELD_NUMBER_CONTENT)
            claim_write(view, holder, &write.dot, homes);
    }
}
