/* SPDX-License-Identifier: Apache-2.0 */
/* When a place is due: at the earliest of its look, its move, its absence and what it was joined
 * to. A write puts the look off, by CF_DEBOUNCE_WRITTEN_MAX in all; a look that cost much puts off
 * the next one. An absence counts later than a move. */
#include "peer/sources/files/debounce_place.h"

#include "codec/deadlines.h"
#include "peer/sources/context/source_context.h"

const cf_debounce_place cf_debounce_place_idle = {
    .written_ms = CF_DEBOUNCE_NEVER,
    .look_ms = CF_DEBOUNCE_NEVER,
    .moved_ms = CF_DEBOUNCE_NEVER,
    .absent_ms = CF_DEBOUNCE_NEVER,
    .joined_ms = CF_DEBOUNCE_NEVER,
    .began_ms = CF_DEBOUNCE_NEVER,
    .waits_ms = CF_DEBOUNCE_NEVER,
};

/* A file of which a look costs 300 ms is looked at twice as soon as it changes, and then every
 * three seconds; one of 50 ms some five times, and then twice a second. */
uint64_t cf_debounce_place_rested_ms(const cf_debounce_place *place)
{
    uint64_t free = place->most_ms > CF_DEBOUNCE_REST_FREE ? place->most_ms : CF_DEBOUNCE_REST_FREE;

    return place->free_ms > free ? place->free_ms - free : 0;
}

uint64_t cf_debounce_place_next_ms(const cf_debounce_place *place)
{
    uint64_t look_ms = place->look_ms < cf_debounce_place_rested_ms(place)
                           ? cf_debounce_place_rested_ms(place)
                           : place->look_ms;

    return cf_deadline_earlier(cf_deadline_earlier(look_ms, place->joined_ms),
                               cf_deadline_earlier(place->moved_ms, place->absent_ms));
}

void cf_debounce_place_written(cf_debounce_place *place, uint64_t now_ms)
{
    if (place->look_ms <= now_ms)
        return; /* it will be looked at before */
    if (place->written_ms == CF_DEBOUNCE_NEVER)
        place->written_ms = now_ms;
    place->look_ms = cf_deadline_earlier(now_ms + CF_DEBOUNCE_WRITTEN_MS,
                                         place->written_ms + CF_DEBOUNCE_WRITTEN_MAX);
}

/* Whatever vanishes begins the quiet of what had moved away before, too. */
static void note_vanished(cf_debounce_place *place, bool left, uint64_t now_ms)
{
    if (left || place->moved_ms != CF_DEBOUNCE_NEVER)
        place->moved_ms = now_ms + CF_DEBOUNCE_MOVED_MS;
    place->absent_ms = now_ms + CF_DEBOUNCE_ABSENT_MS;
}

void cf_debounce_place_note(cf_debounce_place *place, cf_event_kind kind, uint64_t now_ms)
{
    switch (kind) {
    case CF_EVENT_ARRIVED:
        cf_deadline_lower(&place->look_ms, now_ms);
        break;
    case CF_EVENT_WRITTEN:
        cf_debounce_place_written(place, now_ms);
        break;
    case CF_EVENT_ABSENT:
    case CF_EVENT_LEFT:
        note_vanished(place, kind == CF_EVENT_LEFT, now_ms);
        break;
    }
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a == CF_DEBOUNCE_NEVER || (b != CF_DEBOUNCE_NEVER && b > a) ? b : a;
}

/* What is missing counts when the last of it does: none of it too early. */
void cf_debounce_place_join(cf_debounce_place *all, const cf_debounce_place *one)
{
    cf_deadline_lower(&all->written_ms, one->written_ms);
    cf_deadline_lower(&all->look_ms, cf_deadline_earlier(one->look_ms, one->joined_ms));
    all->moved_ms = later(all->moved_ms, one->moved_ms);
    all->absent_ms = later(all->absent_ms, one->absent_ms);
}

bool cf_debounce_place_is_remembered(const cf_debounce_place *place)
{
    return place->waits_ms != CF_DEBOUNCE_NEVER || place->began_ms != CF_DEBOUNCE_NEVER ||
           place->free_ms;
}

void cf_debounce_place_end_waits(cf_debounce_place *place)
{
    if (!place->waits_still)
        place->waits_ms = CF_DEBOUNCE_NEVER;
    place->waits_still = false;
}

cf_absence cf_debounce_place_absence(const cf_debounce_place *place, uint64_t now_ms)
{
    return place->absent_ms <= now_ms  ? CF_ABSENCE_COUNTS
           : place->moved_ms <= now_ms ? CF_ABSENCE_MOVES
                                       : CF_ABSENCE_WAITS;
}

void cf_debounce_place_looked_at(cf_debounce_place *place, cf_absence absence)
{
    place->look_ms = place->written_ms = place->joined_ms = CF_DEBOUNCE_NEVER;
    if (absence >= CF_ABSENCE_MOVES)
        place->moved_ms = CF_DEBOUNCE_NEVER;
    if (absence == CF_ABSENCE_COUNTS)
        place->absent_ms = CF_DEBOUNCE_NEVER;
}

bool cf_debounce_place_is_idle(const cf_debounce_place *place, uint64_t now_ms)
{
    return cf_debounce_place_next_ms(place) == CF_DEBOUNCE_NEVER &&
           place->began_ms == CF_DEBOUNCE_NEVER && place->waits_ms == CF_DEBOUNCE_NEVER &&
           place->free_ms <= now_ms;
}

void cf_debounce_place_charge(cf_debounce_place *place, size_t places, uint64_t now_ms)
{
    uint64_t cost = (now_ms - place->began_ms) / (places ? places : 1);

    place->began_ms = CF_DEBOUNCE_NEVER;
    place->goes_on = false;
    if (cost < CF_DEBOUNCE_COST_MIN)
        return;
    const uint64_t due = CF_DEBOUNCE_REST_FACTOR * cost;
    const uint64_t rest = due < CF_DEBOUNCE_REST_MAX ? due : CF_DEBOUNCE_REST_MAX;

    if (place->free_ms <= now_ms) {
        place->free_ms = now_ms;
        place->most_ms = 0;
    }
    place->most_ms = rest > place->most_ms ? rest : place->most_ms;
    place->free_ms = cf_deadline_earlier(place->free_ms + rest, now_ms + 2 * CF_DEBOUNCE_REST_MAX);
}

void cf_debounce_place_set_back(cf_debounce_place *place, uint64_t by_ms)
{
    place->written_ms = cf_deadline_set_back(place->written_ms, by_ms);
    place->look_ms = cf_deadline_set_back(place->look_ms, by_ms);
    place->moved_ms = cf_deadline_set_back(place->moved_ms, by_ms);
    place->absent_ms = cf_deadline_set_back(place->absent_ms, by_ms);
    place->joined_ms = cf_deadline_set_back(place->joined_ms, by_ms);
    place->began_ms = cf_deadline_set_back(place->began_ms, by_ms);
    place->free_ms = cf_deadline_set_back(place->free_ms, by_ms);
    place->waits_ms = cf_deadline_set_back(place->waits_ms, by_ms);
}

/* Of a file that is being sent since 1:00 when the clock is set from 1:01 to 1:32 it is sent since
 * 1:31, and so cost a second: of two such costs of 31 s it would rest for four minutes and a half.
 */
void cf_debounce_place_set_forth(cf_debounce_place *place, uint64_t by_ms)
{
    if (place->began_ms != CF_DEBOUNCE_NEVER)
        place->began_ms += by_ms;
    if (place->waits_ms != CF_DEBOUNCE_NEVER)
        place->waits_ms += by_ms;
}
