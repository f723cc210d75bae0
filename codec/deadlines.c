/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/deadlines.h"

#include "codec/bytes.h"

#include <stdlib.h>

static cf_deadline **at(const cf_deadlines *deadlines, size_t place)
{
    return &deadlines->all[place - 1];
}

static void put(cf_deadlines *deadlines, size_t place, cf_deadline *deadline)
{
    *at(deadlines, place) = deadline;
    deadline->place = place;
}

/* Towards the first, past those that are later. */
static void rise(cf_deadlines *deadlines, cf_deadline *deadline)
{
    size_t place = deadline->place;

    for (; place > 1 && (*at(deadlines, place / 2))->at_ms > deadline->at_ms; place /= 2)
        put(deadlines, place, *at(deadlines, place / 2));
    put(deadlines, place, deadline);
}

/* The other way, past the earlier one of the two below. */
static void sink(cf_deadlines *deadlines, cf_deadline *deadline)
{
    size_t place = deadline->place;

    for (size_t below = 2 * place; below <= deadlines->count; below = 2 * place) {
        if (below < deadlines->count &&
            (*at(deadlines, below + 1))->at_ms < (*at(deadlines, below))->at_ms)
            below++;
        if ((*at(deadlines, below))->at_ms >= deadline->at_ms)
            break;
        put(deadlines, place, *at(deadlines, below));
        place = below;
    }
    put(deadlines, place, deadline);
}

static void take_out(cf_deadlines *deadlines, cf_deadline *deadline)
{
    const size_t place = deadline->place;
    cf_deadline *last = *at(deadlines, deadlines->count--);

    deadline->place = 0;
    if (last == deadline)
        return;
    put(deadlines, place, last);
    rise(deadlines, last);
    sink(deadlines, last);
}

void cf_deadlines_set(cf_deadlines *deadlines, cf_deadline *deadline, uint64_t at_ms)
{
    if (at_ms == UINT64_MAX) {
        if (deadline->place)
            take_out(deadlines, deadline);
        return;
    }
    deadline->at_ms = at_ms;
    if (!deadline->place) {
        *cf_one_more(deadlines->all, deadlines->count, deadlines->capacity) = deadline;
        deadline->place = deadlines->count;
    }
    rise(deadlines, deadline);
    sink(deadlines, deadline);
}

uint64_t cf_deadlines_next(const cf_deadlines *deadlines)
{
    return deadlines->count ? deadlines->all[0]->at_ms : UINT64_MAX;
}

cf_deadline *cf_deadlines_due(const cf_deadlines *deadlines, uint64_t now_ms)
{
    return deadlines->count && deadlines->all[0]->at_ms <= now_ms ? deadlines->all[0] : NULL;
}

void cf_deadlines_release(cf_deadlines *deadlines)
{
    free(deadlines->all);
    *deadlines = (cf_deadlines){0};
}
