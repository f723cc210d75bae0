/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/quiet.h"

#include "peer/sources/files/quiet_place.h"

#include <stdlib.h>
#include <string.h>

struct cf_quiet {
    cf_quiet_place **places; /* in order */
    size_t count, capacity;
    cf_quiet_place all; /* of everything; the folder's number means nothing */
    uint64_t least_ms;  /* nothing is due before: what happens to a place may put it off */
};

cf_quiet *cf_quiet_new(void)
{
    cf_quiet *quiet = cf_allocate(1, sizeof *quiet);

    quiet->all = cf_quiet_place_idle;
    quiet->least_ms = CF_QUIET_NEVER;
    return quiet;
}

static void drop_from(cf_quiet *quiet, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        cf_buffer_release(&quiet->places[i]->name);
        free(quiet->places[i]);
    }
    quiet->count -= count;
    if (quiet->count > first)
        memmove(quiet->places + first, quiet->places + first + count,
                (quiet->count - first) * sizeof *quiet->places);
}

void cf_quiet_destroy(cf_quiet **quiet)
{
    if (!quiet || !*quiet)
        return;
    drop_from(*quiet, 0, (*quiet)->count);
    free((*quiet)->places);
    free(*quiet);
    *quiet = NULL;
}

static cf_look_place place_at(const cf_quiet *quiet, size_t index)
{
    return (cf_look_place){.folder = quiet->places[index]->folder,
                           .name = cf_buffer_view(&quiet->places[index]->name)};
}

/* Where the place is, or where it would be. */
static size_t index_of(const cf_quiet *quiet, const cf_look_place *place)
{
    size_t low = 0, high = quiet->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const cf_look_place there = place_at(quiet, middle);

        if (cf_look_place_order(&there, place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t end_of(const cf_quiet *quiet, uint64_t folder)
{
    return folder == UINT64_MAX ? quiet->count
                                : index_of(quiet, &(cf_look_place){.folder = folder + 1});
}

static cf_quiet_place *find(const cf_quiet *quiet, const cf_look_place *place)
{
    size_t at = index_of(quiet, place);
    const cf_look_place there = at < quiet->count ? place_at(quiet, at) : (cf_look_place){0};

    return at < quiet->count && cf_look_place_order(&there, place) == 0 ? quiet->places[at] : NULL;
}

static cf_quiet_place *find_or_add(cf_quiet *quiet, const cf_look_place *place)
{
    size_t at = index_of(quiet, place);
    const cf_look_place there = at < quiet->count ? place_at(quiet, at) : (cf_look_place){0};

    if (at < quiet->count && cf_look_place_order(&there, place) == 0)
        return quiet->places[at];
    quiet->places =
        cf_grow(quiet->places, &quiet->capacity, quiet->count + 1, sizeof *quiet->places);
    memmove(quiet->places + at + 1, quiet->places + at,
            (quiet->count - at) * sizeof *quiet->places);
    quiet->count++;
    quiet->places[at] = cf_allocate(1, sizeof *quiet->places[at]);
    *quiet->places[at] = cf_quiet_place_idle;
    quiet->places[at]->folder = place->folder;
    cf_buffer_append(&quiet->places[at]->name, place->name.data, place->name.size);
    return quiet->places[at];
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What waits in so many names of a directory waits in all of it: that is one look. Names of which
 * more is known stay, but for half of the bound at most. */
static void join_names(cf_quiet *quiet, uint64_t folder)
{
    size_t first = index_of(quiet, &(cf_look_place){.folder = folder}), end = end_of(quiet, folder);
    size_t kept = first;
    cf_quiet_place joined = cf_quiet_place_idle;

    if (end - first <= CF_QUIET_NAMES_MAX)
        return;
    for (size_t i = first; i < end; i++) {
        cf_quiet_place *one = quiet->places[i];

        if (one->name.size && cf_quiet_place_is_remembered(one) &&
            kept - first < CF_QUIET_NAMES_MAX / 2) {
            quiet->places[i] = quiet->places[kept];
            quiet->places[kept++] = one;
        } else {
            cf_quiet_place_join(&joined, one);
        }
    }
    drop_from(quiet, kept, end - kept);
    joined.folder = folder;
    cf_quiet_place *all = find_or_add(quiet, &(cf_look_place){.folder = folder});
    *all = joined;
    quiet->least_ms = earlier(quiet->least_ms, cf_quiet_place_next_ms(all));
}

/* A place may be due earlier than all others. */
static void may_be_next(cf_quiet *quiet, const cf_quiet_place *one)
{
    quiet->least_ms = earlier(quiet->least_ms, cf_quiet_place_next_ms(one));
}

static void keep_bound(cf_quiet *quiet, uint64_t folder)
{
    if (quiet->count > CF_QUIET_NAMES_MAX)
        join_names(quiet, folder);
}

void cf_quiet_note(cf_quiet *quiet, uint64_t folder, cf_bytes name, cf_event_kind kind,
                   uint64_t now_ms)
{
    cf_quiet_place *one = find_or_add(quiet, &(cf_look_place){.folder = folder, .name = name});

    cf_quiet_place_note(one, kind, now_ms);
    may_be_next(quiet, one);
    keep_bound(quiet, folder);
}

/* Where it happened is to be known, and watched under its number, before the next thing does. */
void cf_quiet_note_all(cf_quiet *quiet, cf_event_kind kind, uint64_t now_ms)
{
    cf_quiet_place_note(&quiet->all, kind, now_ms);
    cf_quiet_place_note(&quiet->all, CF_EVENT_ARRIVED, now_ms);
    may_be_next(quiet, &quiet->all);
}

void cf_quiet_miss(cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms)
{
    cf_quiet_place *missing = find_or_add(quiet, place);

    missing->absent_ms = earlier(missing->absent_ms, now_ms + CF_QUIET_ABSENT_MS);
    may_be_next(quiet, missing);
}

void cf_quiet_miss_anywhere(cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms)
{
    const cf_quiet_place *missing = find(quiet, place);

    if (!missing || missing->absent_ms == CF_QUIET_NEVER)
        quiet->all.absent_ms = earlier(quiet->all.absent_ms, now_ms + CF_QUIET_ABSENT_MS);
    may_be_next(quiet, &quiet->all);
}

void cf_quiet_miss_until(cf_quiet *quiet, const cf_look_place *place, uint64_t when_ms)
{
    cf_quiet_place *missing = find_or_add(quiet, place);

    missing->absent_ms = when_ms;
    may_be_next(quiet, missing);
}

uint64_t cf_quiet_join_absent(cf_quiet *quiet, uint64_t at_ms)
{
    for (size_t i = 0; i < quiet->count; i++)
        if (quiet->places[i]->absent_ms != CF_QUIET_NEVER && quiet->places[i]->absent_ms > at_ms)
            at_ms = quiet->places[i]->absent_ms;
    for (size_t i = 0; i < quiet->count; i++)
        if (quiet->places[i]->absent_ms != CF_QUIET_NEVER)
            quiet->places[i]->absent_ms = at_ms;
    return at_ms;
}

void cf_quiet_wait_with(cf_quiet *quiet, uint64_t folder, const cf_look_place *gone)
{
    const cf_quiet_place *with = find(quiet, gone);
    const uint64_t when_ms = with ? with->absent_ms : CF_QUIET_NEVER;
    size_t end = end_of(quiet, folder);

    for (size_t i = index_of(quiet, &(cf_look_place){.folder = folder});
         when_ms != CF_QUIET_NEVER && i < end; i++) {
        cf_quiet_place *one = quiet->places[i];

        if (one->absent_ms < when_ms)
            one->absent_ms = when_ms;
        if (one->moved_ms < when_ms)
            one->moved_ms = when_ms;
    }
}

void cf_quiet_hold(cf_quiet *quiet, const cf_look_place *from, const cf_look_place *to,
                   uint64_t now_ms)
{
    cf_quiet_place *left = find_or_add(quiet, from);

    if (left->moved_ms == CF_QUIET_NEVER)
        left->moved_ms = earlier(now_ms + CF_QUIET_MOVED_MS, left->absent_ms);
    uint64_t when = left->moved_ms;
    may_be_next(quiet, left);
    cf_quiet_place *joined = find_or_add(quiet, to); /* which may take the place of the other one */
    joined->joined_ms = earlier(joined->joined_ms, when);
    may_be_next(quiet, joined);
}

/* Unread, and changed 5 s ago: the next look is in 5 s, then in 10, 20, 40; 130 s ago: with the
 * next minute. What is written to all the time is looked at as often as its writes alone have it.
 */
void cf_quiet_note_unread(cf_quiet *quiet, const cf_look_place *place, uint64_t age_ms,
                          uint64_t now_ms)
{
    cf_quiet_place *unread = find_or_add(quiet, place);

    if (age_ms <= CF_QUIET_WRITTEN_MS)
        cf_quiet_place_written(unread, now_ms);
    else if (age_ms < CF_QUIET_UNREAD_MAX)
        unread->look_ms = earlier(unread->look_ms, now_ms + age_ms);
    else
        unread->look_ms =
            earlier(unread->look_ms, (now_ms / CF_QUIET_UNREAD_MAX + 1) * CF_QUIET_UNREAD_MAX);
    may_be_next(quiet, unread);
}

void cf_quiet_note_waits(cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms)
{
    cf_quiet_place *one = find_or_add(quiet, place);

    one->waits_ms = earlier(one->waits_ms, now_ms);
    one->waits_still = true;
}

void cf_quiet_end_waits(cf_quiet *quiet, const cf_look_places *looked)
{
    for (size_t i = 0; !looked && i < quiet->count; i++)
        cf_quiet_place_end_waits(quiet->places[i]);
    for (size_t i = 0; looked && i < looked->count; i++) {
        const cf_look_place *place = &looked->at[i];
        size_t at = index_of(quiet, place);

        if (place->name.size && at < quiet->count && find(quiet, place))
            cf_quiet_place_end_waits(quiet->places[at]);
        for (; !place->name.size && at < quiet->count && quiet->places[at]->folder == place->folder;
             at++)
            cf_quiet_place_end_waits(quiet->places[at]);
    }
}

uint64_t cf_quiet_waited_ms(const cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms)
{
    const cf_quiet_place *one = find(quiet, place);

    return one && one->waits_ms < now_ms ? now_ms - one->waits_ms : 0;
}

void cf_quiet_note_later(cf_quiet *quiet, const cf_look_place *place, uint64_t when_ms)
{
    cf_quiet_place *later = find_or_add(quiet, place);

    later->joined_ms = earlier(later->joined_ms, when_ms);
    may_be_next(quiet, later);
    keep_bound(quiet, place->folder);
}

void cf_quiet_each_absent(const cf_quiet *quiet,
                          void (*visit)(void *context, const cf_look_place *place), void *context)
{
    for (size_t i = 0; i < quiet->count; i++) {
        const cf_look_place place = place_at(quiet, i);

        if (quiet->places[i]->absent_ms != CF_QUIET_NEVER)
            visit(context, &place);
    }
}

uint64_t cf_quiet_next(const cf_quiet *quiet)
{
    return quiet->least_ms;
}

static void find_next(cf_quiet *quiet)
{
    quiet->least_ms = cf_quiet_place_next_ms(&quiet->all);
    for (size_t i = 0; i < quiet->count; i++)
        may_be_next(quiet, quiet->places[i]);
}

void cf_quiet_hasten(cf_quiet *quiet, uint64_t now_ms)
{
    for (size_t i = 0; i < quiet->count; i++)
        quiet->places[i]->look_ms = earlier(quiet->places[i]->look_ms, now_ms);
    find_next(quiet);
}

static void drop_idle(cf_quiet *quiet, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < quiet->count; i++)
        if (!cf_quiet_place_is_idle(quiet->places[i], now_ms))
            quiet->places[kept++] = quiet->places[i];
        else {
            cf_buffer_release(&quiet->places[i]->name);
            free(quiet->places[i]);
        }
    quiet->count = kept;
}

cf_quiet_due cf_quiet_take(cf_quiet *quiet, uint64_t now_ms)
{
    if (now_ms < quiet->least_ms)
        return (cf_quiet_due){0};
    cf_quiet_due due = {.all = cf_quiet_place_next_ms(&quiet->all) <= now_ms};

    if (due.all) {
        due.absence = cf_quiet_place_absence(&quiet->all, now_ms);
        cf_quiet_place_looked_at(&quiet->all, due.absence);
    }
    for (size_t i = 0; i < quiet->count; i++) {
        cf_quiet_place *place = quiet->places[i];
        cf_absence absence = cf_quiet_place_absence(place, now_ms);

        if (cf_quiet_place_next_ms(place) <= now_ms)
            cf_look_places_add(&due.places, place->folder, cf_buffer_view(&place->name), absence);
        if (due.all || cf_quiet_place_next_ms(place) <= now_ms)
            cf_quiet_place_looked_at(place, absence);
    }
    drop_idle(quiet, now_ms);
    find_next(quiet);
    return due;
}

/* ---- What changes without rest ---- */

/* Of a directory: what was sent from there has ended, well or not. */
static void begin_folder(cf_quiet *quiet, uint64_t folder, uint64_t now_ms)
{
    size_t end = end_of(quiet, folder);

    for (size_t i = index_of(quiet, &(cf_look_place){.folder = folder}); i < end; i++)
        if (quiet->places[i]->goes_on)
            cf_quiet_place_charge(quiet->places[i], 1, now_ms);
}

void cf_quiet_begin(cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms)
{
    if (!place->name.size) {
        begin_folder(quiet, place->folder, now_ms);
        return;
    }
    cf_quiet_place *one = find_or_add(quiet, place);

    if (one->began_ms == CF_QUIET_NEVER)
        one->began_ms = now_ms;
    one->goes_on = false;
}

void cf_quiet_goes_on(cf_quiet *quiet, const cf_look_place *place, bool waits)
{
    cf_quiet_place *one = find(quiet, place);

    if (!one || one->began_ms == CF_QUIET_NEVER)
        return;
    one->goes_on = !waits;
    if (waits)
        one->began_ms = CF_QUIET_NEVER;
}

void cf_quiet_end(cf_quiet *quiet, const cf_look_places *looked, uint64_t now_ms)
{
    for (size_t i = 0; i < looked->count; i++) {
        cf_quiet_place *one = looked->at[i].name.size ? find(quiet, &looked->at[i]) : NULL;

        if (one && one->began_ms != CF_QUIET_NEVER && !one->goes_on)
            cf_quiet_place_charge(one, looked->count, now_ms);
        if (one && cf_quiet_place_is_idle(one, now_ms))
            drop_from(quiet, index_of(quiet, &looked->at[i]), 1);
    }
}

uint64_t cf_quiet_rests(const cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms)
{
    const cf_quiet_place *one = find(quiet, place);

    return one && cf_quiet_place_rested_ms(one) > now_ms ? cf_quiet_place_rested_ms(one) - now_ms
                                                         : 0;
}

void cf_quiet_each_resting(const cf_quiet *quiet, uint64_t now_ms,
                           void (*visit)(void *context, const cf_look_place *place), void *context)
{
    for (size_t i = 0; i < quiet->count; i++) {
        const cf_look_place place = place_at(quiet, i);

        if (quiet->places[i]->look_ms != CF_QUIET_NEVER &&
            cf_quiet_place_rested_ms(quiet->places[i]) > now_ms)
            visit(context, &place);
    }
}

void cf_quiet_end_rests(cf_quiet *quiet)
{
    for (size_t i = 0; i < quiet->count; i++)
        quiet->places[i]->free_ms = quiet->places[i]->most_ms = 0;
    find_next(quiet);
}

/* ---- The clock ---- */

void cf_quiet_set_back(cf_quiet *quiet, uint64_t by_ms)
{
    cf_quiet_place_set_back(&quiet->all, by_ms);
    for (size_t i = 0; i < quiet->count; i++)
        cf_quiet_place_set_back(quiet->places[i], by_ms);
    find_next(quiet);
}

void cf_quiet_set_forth(cf_quiet *quiet, uint64_t by_ms)
{
    for (size_t i = 0; i < quiet->count; i++)
        cf_quiet_place_set_forth(quiet->places[i], by_ms);
}

void cf_quiet_forget(cf_quiet *quiet, uint64_t folder)
{
    size_t first = index_of(quiet, &(cf_look_place){.folder = folder});

    drop_from(quiet, first, end_of(quiet, folder) - first);
}

uint64_t cf_quiet_rescan(uint64_t now_ms, bool watch_complete, uint32_t random)
{
    uint64_t period = watch_complete ? CF_RESCAN_MS : CF_RESCAN_BLIND_MS;

    return now_ms + period * 3 / 4 + random % (period / 2 + 1);
}

uint64_t cf_quiet_poll(uint64_t now_ms, uint64_t period_ms, uint32_t random)
{
    return period_ms ? now_ms + period_ms - random % (period_ms / 4 + 1) : CF_QUIET_NEVER;
}
