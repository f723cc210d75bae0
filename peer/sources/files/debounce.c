/* SPDX-License-Identifier: Apache-2.0 */
/* What is given out at a time: all places that are due, each with what its absence counts for. A
 * directory with more than CF_DEBOUNCE_NAMES_MAX names waits as a whole, whose absence counts when
 * the last one's does; names of which more is known stay, half of that number at most. */
#include "peer/sources/files/debounce.h"

#include "codec/deadlines.h"
#include "peer/sources/files/debounce_place.h"

#include <stdlib.h>
#include <string.h>

struct cf_debounce {
    cf_debounce_place **places; /* in order */
    size_t count, capacity;
    cf_debounce_place all; /* of everything; the folder's number means nothing */
    uint64_t least_ms;     /* nothing is due before: what happens to a place may put it off */
};

cf_debounce *cf_debounce_new(void)
{
    cf_debounce *debounce = cf_allocate(1, sizeof *debounce);

    debounce->all = cf_debounce_place_idle;
    debounce->least_ms = CF_DEBOUNCE_NEVER;
    return debounce;
}

static void drop_from(cf_debounce *debounce, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        cf_buffer_release(&debounce->places[i]->name);
        free(debounce->places[i]);
    }
    debounce->count -= count;
    if (debounce->count > first)
        memmove(debounce->places + first, debounce->places + first + count,
                (debounce->count - first) * sizeof *debounce->places);
}

void cf_debounce_destroy(cf_debounce **debounce)
{
    if (!debounce || !*debounce)
        return;
    drop_from(*debounce, 0, (*debounce)->count);
    free((*debounce)->places);
    free(*debounce);
    *debounce = NULL;
}

static cf_look_place place_at(const cf_debounce *debounce, size_t index)
{
    return (cf_look_place){.folder = debounce->places[index]->folder,
                           .name = cf_buffer_view(&debounce->places[index]->name)};
}

/* Where the place is, or where it would be. */
static size_t index_of(const cf_debounce *debounce, const cf_look_place *place)
{
    size_t low = 0, high = debounce->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const cf_look_place there = place_at(debounce, middle);

        if (cf_look_place_order(&there, place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t end_of(const cf_debounce *debounce, uint64_t folder)
{
    return folder == UINT64_MAX ? debounce->count
                                : index_of(debounce, &(cf_look_place){.folder = folder + 1});
}

static cf_debounce_place *find(const cf_debounce *debounce, const cf_look_place *place)
{
    size_t at = index_of(debounce, place);
    const cf_look_place there = at < debounce->count ? place_at(debounce, at) : (cf_look_place){0};

    return at < debounce->count && cf_look_place_order(&there, place) == 0 ? debounce->places[at]
                                                                           : NULL;
}

static cf_debounce_place *find_or_add(cf_debounce *debounce, const cf_look_place *place)
{
    size_t at = index_of(debounce, place);
    const cf_look_place there = at < debounce->count ? place_at(debounce, at) : (cf_look_place){0};

    if (at < debounce->count && cf_look_place_order(&there, place) == 0)
        return debounce->places[at];
    cf_debounce_place *made = cf_allocate(1, sizeof *made);
    *made = cf_debounce_place_idle;
    made->folder = place->folder;
    cf_buffer_append(&made->name, place->name.data, place->name.size);
    *cf_one_more_at(debounce->places, debounce->count, debounce->capacity, at) = made;
    return made;
}

/* What waits in so many names of a directory waits in all of it: that is one look. Names of which
 * more is known stay, but for half of the bound at most. */
static void join_names(cf_debounce *debounce, uint64_t folder)
{
    size_t first = index_of(debounce, &(cf_look_place){.folder = folder}),
           end = end_of(debounce, folder);
    size_t kept = first;
    cf_debounce_place joined = cf_debounce_place_idle;

    if (end - first <= CF_DEBOUNCE_NAMES_MAX)
        return;
    for (size_t i = first; i < end; i++) {
        cf_debounce_place *one = debounce->places[i];

        if (one->name.size && cf_debounce_place_is_remembered(one) &&
            kept - first < CF_DEBOUNCE_NAMES_MAX / 2) {
            debounce->places[i] = debounce->places[kept];
            debounce->places[kept++] = one;
        } else {
            cf_debounce_place_join(&joined, one);
        }
    }
    drop_from(debounce, kept, end - kept);
    joined.folder = folder;
    cf_debounce_place *all = find_or_add(debounce, &(cf_look_place){.folder = folder});
    *all = joined;
    cf_deadline_lower(&debounce->least_ms, cf_debounce_place_next_ms(all));
}

/* A place may be due earlier than all others. */
static void may_be_next(cf_debounce *debounce, const cf_debounce_place *one)
{
    cf_deadline_lower(&debounce->least_ms, cf_debounce_place_next_ms(one));
}

static void keep_bound(cf_debounce *debounce, uint64_t folder)
{
    if (debounce->count > CF_DEBOUNCE_NAMES_MAX)
        join_names(debounce, folder);
}

void cf_debounce_note(cf_debounce *debounce, uint64_t folder, cf_bytes name, cf_event_kind kind,
                      uint64_t now_ms)
{
    cf_debounce_place *one =
        find_or_add(debounce, &(cf_look_place){.folder = folder, .name = name});

    cf_debounce_place_note(one, kind, now_ms);
    may_be_next(debounce, one);
    keep_bound(debounce, folder);
}

/* Where it happened is to be known, and watched under its number, before the next thing does. */
void cf_debounce_note_all(cf_debounce *debounce, cf_event_kind kind, uint64_t now_ms)
{
    cf_debounce_place_note(&debounce->all, kind, now_ms);
    cf_debounce_place_note(&debounce->all, CF_EVENT_ARRIVED, now_ms);
    may_be_next(debounce, &debounce->all);
}

void cf_debounce_miss(cf_debounce *debounce, const cf_look_place *place, uint64_t now_ms)
{
    cf_debounce_place *missing = find_or_add(debounce, place);

    cf_deadline_lower(&missing->absent_ms, now_ms + CF_DEBOUNCE_ABSENT_MS);
    may_be_next(debounce, missing);
}

void cf_debounce_miss_anywhere(cf_debounce *debounce, const cf_look_place *place, uint64_t now_ms)
{
    const cf_debounce_place *missing = find(debounce, place);

    if (!missing || missing->absent_ms == CF_DEBOUNCE_NEVER)
        cf_deadline_lower(&debounce->all.absent_ms, now_ms + CF_DEBOUNCE_ABSENT_MS);
    may_be_next(debounce, &debounce->all);
}

void cf_debounce_miss_until(cf_debounce *debounce, const cf_look_place *place, uint64_t when_ms)
{
    cf_debounce_place *missing = find_or_add(debounce, place);

    missing->absent_ms = when_ms;
    may_be_next(debounce, missing);
}

uint64_t cf_debounce_join_absent(cf_debounce *debounce, uint64_t at_ms)
{
    for (size_t i = 0; i < debounce->count; i++)
        if (debounce->places[i]->absent_ms != CF_DEBOUNCE_NEVER &&
            debounce->places[i]->absent_ms > at_ms)
            at_ms = debounce->places[i]->absent_ms;
    for (size_t i = 0; i < debounce->count; i++)
        if (debounce->places[i]->absent_ms != CF_DEBOUNCE_NEVER)
            debounce->places[i]->absent_ms = at_ms;
    return at_ms;
}

void cf_debounce_wait_with(cf_debounce *debounce, uint64_t folder, const cf_look_place *gone)
{
    const cf_debounce_place *with = find(debounce, gone);
    const uint64_t when_ms = with ? with->absent_ms : CF_DEBOUNCE_NEVER;
    size_t end = end_of(debounce, folder);

    for (size_t i = index_of(debounce, &(cf_look_place){.folder = folder});
         when_ms != CF_DEBOUNCE_NEVER && i < end; i++) {
        cf_debounce_place *one = debounce->places[i];

        if (one->absent_ms < when_ms)
            one->absent_ms = when_ms;
        if (one->moved_ms < when_ms)
            one->moved_ms = when_ms;
    }
}

void cf_debounce_hold(cf_debounce *debounce, const cf_look_place *from, const cf_look_place *to,
                      uint64_t now_ms)
{
    cf_debounce_place *left = find_or_add(debounce, from);

    if (left->moved_ms == CF_DEBOUNCE_NEVER)
        left->moved_ms = cf_deadline_earlier(now_ms + CF_DEBOUNCE_MOVED_MS, left->absent_ms);
    uint64_t when = left->moved_ms;
    may_be_next(debounce, left);
    cf_debounce_place *joined =
        find_or_add(debounce, to); /* which may take the place of the other one */
    cf_deadline_lower(&joined->joined_ms, when);
    may_be_next(debounce, joined);
}

/* Unread, and changed 5 s ago: the next look is in 5 s, then in 10, 20, 40; 130 s ago: with the
 * next minute. What is written to all the time is looked at as often as its writes alone have it.
 */
void cf_debounce_note_unread(cf_debounce *debounce, const cf_look_place *place, uint64_t age_ms,
                             uint64_t now_ms)
{
    cf_debounce_place *unread = find_or_add(debounce, place);

    if (age_ms <= CF_DEBOUNCE_WRITTEN_MS)
        cf_debounce_place_written(unread, now_ms);
    else if (age_ms < CF_DEBOUNCE_UNREAD_MAX)
        cf_deadline_lower(&unread->look_ms, now_ms + age_ms);
    else
        cf_deadline_lower(&unread->look_ms,
                          (now_ms / CF_DEBOUNCE_UNREAD_MAX + 1) * CF_DEBOUNCE_UNREAD_MAX);
    may_be_next(debounce, unread);
}

void cf_debounce_note_waits(cf_debounce *debounce, const cf_look_place *place, uint64_t now_ms)
{
    cf_debounce_place *one = find_or_add(debounce, place);

    cf_deadline_lower(&one->waits_ms, now_ms);
    one->waits_still = true;
}

void cf_debounce_end_waits(cf_debounce *debounce, const cf_look_places *looked)
{
    for (size_t i = 0; !looked && i < debounce->count; i++)
        cf_debounce_place_end_waits(debounce->places[i]);
    for (size_t i = 0; looked && i < looked->count; i++) {
        const cf_look_place *place = &looked->at[i];
        size_t at = index_of(debounce, place);

        if (place->name.size && at < debounce->count && find(debounce, place))
            cf_debounce_place_end_waits(debounce->places[at]);
        for (; !place->name.size && at < debounce->count &&
               debounce->places[at]->folder == place->folder;
             at++)
            cf_debounce_place_end_waits(debounce->places[at]);
    }
}

uint64_t cf_debounce_waited_ms(const cf_debounce *debounce, const cf_look_place *place,
                               uint64_t now_ms)
{
    const cf_debounce_place *one = find(debounce, place);

    return one && one->waits_ms < now_ms ? now_ms - one->waits_ms : 0;
}

void cf_debounce_note_later(cf_debounce *debounce, const cf_look_place *place, uint64_t when_ms)
{
    cf_debounce_place *later = find_or_add(debounce, place);

    cf_deadline_lower(&later->joined_ms, when_ms);
    may_be_next(debounce, later);
    keep_bound(debounce, place->folder);
}

void cf_debounce_each_absent(const cf_debounce *debounce,
                             void (*visit)(void *context, const cf_look_place *place),
                             void *context)
{
    for (size_t i = 0; i < debounce->count; i++) {
        const cf_look_place place = place_at(debounce, i);

        if (debounce->places[i]->absent_ms != CF_DEBOUNCE_NEVER)
            visit(context, &place);
    }
}

uint64_t cf_debounce_next(const cf_debounce *debounce)
{
    return debounce->least_ms;
}

static void find_next(cf_debounce *debounce)
{
    debounce->least_ms = cf_debounce_place_next_ms(&debounce->all);
    for (size_t i = 0; i < debounce->count; i++)
        may_be_next(debounce, debounce->places[i]);
}

void cf_debounce_hasten(cf_debounce *debounce, uint64_t now_ms)
{
    for (size_t i = 0; i < debounce->count; i++)
        cf_deadline_lower(&debounce->places[i]->look_ms, now_ms);
    find_next(debounce);
}

static void drop_idle(cf_debounce *debounce, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < debounce->count; i++)
        if (!cf_debounce_place_is_idle(debounce->places[i], now_ms))
            debounce->places[kept++] = debounce->places[i];
        else {
            cf_buffer_release(&debounce->places[i]->name);
            free(debounce->places[i]);
        }
    debounce->count = kept;
}

cf_debounce_due cf_debounce_take(cf_debounce *debounce, uint64_t now_ms)
{
    if (now_ms < debounce->least_ms)
        return (cf_debounce_due){0};
    cf_debounce_due due = {.all = cf_debounce_place_next_ms(&debounce->all) <= now_ms};

    if (due.all) {
        due.absence = cf_debounce_place_absence(&debounce->all, now_ms);
        cf_debounce_place_looked_at(&debounce->all, due.absence);
    }
    for (size_t i = 0; i < debounce->count; i++) {
        cf_debounce_place *place = debounce->places[i];
        cf_absence absence = cf_debounce_place_absence(place, now_ms);

        if (cf_debounce_place_next_ms(place) <= now_ms)
            cf_look_places_add(&due.places, place->folder, cf_buffer_view(&place->name), absence);
        if (due.all || cf_debounce_place_next_ms(place) <= now_ms)
            cf_debounce_place_looked_at(place, absence);
    }
    drop_idle(debounce, now_ms);
    find_next(debounce);
    return due;
}

/* ---- What changes without rest ---- */

/* Of a directory: what was sent from there has ended, well or not. */
static void begin_folder(cf_debounce *debounce, uint64_t folder, uint64_t now_ms)
{
    size_t end = end_of(debounce, folder);

    for (size_t i = index_of(debounce, &(cf_look_place){.folder = folder}); i < end; i++)
        if (debounce->places[i]->goes_on)
            cf_debounce_place_charge(debounce->places[i], 1, now_ms);
}

void cf_debounce_begin(cf_debounce *debounce, const cf_look_place *place, uint64_t now_ms)
{
    if (!place->name.size) {
        begin_folder(debounce, place->folder, now_ms);
        return;
    }
    cf_debounce_place *one = find_or_add(debounce, place);

    if (one->began_ms == CF_DEBOUNCE_NEVER)
        one->began_ms = now_ms;
    one->goes_on = false;
}

void cf_debounce_goes_on(cf_debounce *debounce, const cf_look_place *place, bool waits)
{
    cf_debounce_place *one = find(debounce, place);

    if (!one || one->began_ms == CF_DEBOUNCE_NEVER)
        return;
    one->goes_on = !waits;
    if (waits)
        one->began_ms = CF_DEBOUNCE_NEVER;
}

void cf_debounce_end(cf_debounce *debounce, const cf_look_places *looked, uint64_t now_ms)
{
    for (size_t i = 0; i < looked->count; i++) {
        cf_debounce_place *one = looked->at[i].name.size ? find(debounce, &looked->at[i]) : NULL;

        if (one && one->began_ms != CF_DEBOUNCE_NEVER && !one->goes_on)
            cf_debounce_place_charge(one, looked->count, now_ms);
        if (one && cf_debounce_place_is_idle(one, now_ms))
            drop_from(debounce, index_of(debounce, &looked->at[i]), 1);
    }
}

uint64_t cf_debounce_rests(const cf_debounce *debounce, const cf_look_place *place, uint64_t now_ms)
{
    const cf_debounce_place *one = find(debounce, place);

    return one && cf_debounce_place_rested_ms(one) > now_ms
               ? cf_debounce_place_rested_ms(one) - now_ms
               : 0;
}

void cf_debounce_each_resting(const cf_debounce *debounce, uint64_t now_ms,
                              void (*visit)(void *context, const cf_look_place *place),
                              void *context)
{
    for (size_t i = 0; i < debounce->count; i++) {
        const cf_look_place place = place_at(debounce, i);

        if (debounce->places[i]->look_ms != CF_DEBOUNCE_NEVER &&
            cf_debounce_place_rested_ms(debounce->places[i]) > now_ms)
            visit(context, &place);
    }
}

void cf_debounce_end_rests(cf_debounce *debounce)
{
    for (size_t i = 0; i < debounce->count; i++)
        debounce->places[i]->free_ms = debounce->places[i]->most_ms = 0;
    find_next(debounce);
}

/* ---- The clock ---- */

void cf_debounce_set_back(cf_debounce *debounce, uint64_t by_ms)
{
    cf_debounce_place_set_back(&debounce->all, by_ms);
    for (size_t i = 0; i < debounce->count; i++)
        cf_debounce_place_set_back(debounce->places[i], by_ms);
    find_next(debounce);
}

void cf_debounce_set_forth(cf_debounce *debounce, uint64_t by_ms)
{
    for (size_t i = 0; i < debounce->count; i++)
        cf_debounce_place_set_forth(debounce->places[i], by_ms);
}

void cf_debounce_forget(cf_debounce *debounce, uint64_t folder)
{
    size_t first = index_of(debounce, &(cf_look_place){.folder = folder});

    drop_from(debounce, first, end_of(debounce, folder) - first);
}

uint64_t cf_debounce_rescan(uint64_t now_ms, bool watch_complete, uint32_t random)
{
    uint64_t period = watch_complete ? CF_RESCAN_MS : CF_RESCAN_BLIND_MS;

    return now_ms + period * 3 / 4 + random % (period / 2 + 1);
}

uint64_t cf_debounce_poll(uint64_t now_ms, uint64_t period_ms, uint32_t random)
{
    return period_ms ? now_ms + period_ms - random % (period_ms / 4 + 1) : CF_DEBOUNCE_NEVER;
}
