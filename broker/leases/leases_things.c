/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/leases/leases_inside.h"

static int compare_thing(const cf_lease_held *held, const cf_id *collection, const cf_id *name)
{
    int order = cf_id_compare(&held->collection, collection);

    return order ? order : cf_id_compare(&held->name, name);
}

bool cf_lease_is_of(const cf_lease_held *held, const cf_id *collection, const cf_id *name)
{
    return compare_thing(held, collection, name) == 0;
}

size_t cf_leases_place(const cf_leases *leases, const cf_id *collection, const cf_id *name)
{
    size_t low = 0, high = leases->held_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_thing(&leases->held[middle], collection, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t cf_leases_count_of(const cf_leases *leases, const cf_id *collection, const cf_id *name,
                          size_t *first)
{
    size_t end = *first = cf_leases_place(leases, collection, name);

    while (end < leases->held_count && cf_lease_is_of(&leases->held[end], collection, name))
        end++;
    return end - *first;
}

void cf_leases_note_change(cf_leases *leases, const cf_id *collection, const cf_id *name)
{
    leases->is_deadline_known = false;
    for (size_t i = 0; i < leases->changed_count; i++)
        if (cf_id_equal(&leases->changed[i].collection, collection) &&
            cf_id_equal(&leases->changed[i].name, name))
            return;
    leases->changed = cf_grow(leases->changed, &leases->changed_capacity, leases->changed_count + 1,
                              sizeof *leases->changed);
    leases->changed[leases->changed_count++] = (cf_lease_thing){*collection, *name};
}

bool cf_leases_changed(cf_leases *leases, cf_id *collection, cf_id *name)
{
    if (!leases->changed_count)
        return false;
    *collection = leases->changed[--leases->changed_count].collection;
    *name = leases->changed[leases->changed_count].name;
    return true;
}

void cf_leases_insert(cf_leases *leases, const cf_lease_held *lease)
{
    size_t at, count = cf_leases_count_of(leases, &lease->collection, &lease->name, &at);

    at += count;
    leases->held =
        cf_grow(leases->held, &leases->held_capacity, leases->held_count + 1, sizeof *leases->held);
    memmove(&leases->held[at + 1], &leases->held[at],
            (leases->held_count - at) * sizeof *leases->held);
    leases->held[at] = *lease;
    leases->held_count++;
    leases->is_deadline_known = false;
}

void cf_leases_end(cf_leases *leases, size_t at)
{
    leases->token.counter++;
    cf_leases_note_change(leases, &leases->held[at].collection, &leases->held[at].name);
    leases->held_count--;
    memmove(&leases->held[at], &leases->held[at + 1],
            (leases->held_count - at) * sizeof *leases->held);
}

void cf_leases_drop_waiter(cf_leases *leases, size_t at)
{
    leases->waiter_count--;
    memmove(&leases->waiters[at], &leases->waiters[at + 1],
            (leases->waiter_count - at) * sizeof *leases->waiters);
}
