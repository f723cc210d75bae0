/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/quiet.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t folder;
    cf_buffer name;      /* empty: of all of the directory */
    uint64_t written_ms; /* the first write of those that wait; NEVER */
    uint64_t look_ms;    /* when to look at it; NEVER */
    uint64_t moved_ms;   /* when what vanished counts as moved; NEVER */
    uint64_t absent_ms;  /* when what vanished counts as gone; NEVER */
    uint64_t
        joined_ms; /* when to look at it beside another one, from which something came; NEVER */
} waiting;

struct cf_quiet {
    waiting *places; /* in order */
    size_t count, capacity;
    waiting all; /* of everything; the folder's number means nothing */
};

static const waiting idle = {
    0, {0}, CF_QUIET_NEVER, CF_QUIET_NEVER, CF_QUIET_NEVER, CF_QUIET_NEVER, CF_QUIET_NEVER};

cf_quiet *cf_quiet_new(void)
{
    cf_quiet *quiet = cf_allocate(1, sizeof *quiet);

    quiet->all = idle;
    return quiet;
}

static void drop_from(cf_quiet *quiet, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        cf_buffer_release(&quiet->places[i].name);
    quiet->count -= count;
    if (quiet->count > first)
        memmove(&quiet->places[first], &quiet->places[first + count],
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
    return (cf_look_place){.folder = quiet->places[index].folder,
                           .name = cf_buffer_view(&quiet->places[index].name)};
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

static waiting *find_or_add(cf_quiet *quiet, const cf_look_place *place)
{
    size_t at = index_of(quiet, place);
    const cf_look_place there = at < quiet->count ? place_at(quiet, at) : (cf_look_place){0};

    if (at < quiet->count && cf_look_place_order(&there, place) == 0)
        return &quiet->places[at];
    quiet->places =
        cf_grow(quiet->places, &quiet->capacity, quiet->count + 1, sizeof *quiet->places);
    memmove(&quiet->places[at + 1], &quiet->places[at],
            (quiet->count - at) * sizeof *quiet->places);
    quiet->count++;
    quiet->places[at] = idle;
    quiet->places[at].folder = place->folder;
    cf_buffer_append(&quiet->places[at].name, place->name.data, place->name.size);
    return &quiet->places[at];
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void note_written(waiting *folder, uint64_t now_ms)
{
    if (folder->look_ms <= now_ms)
        return; /* it will be looked at before */
    if (folder->written_ms == CF_QUIET_NEVER)
        folder->written_ms = now_ms;
    folder->look_ms =
        earlier(now_ms + CF_QUIET_WRITTEN_MS, folder->written_ms + CF_QUIET_WRITTEN_MAX);
}

/* Whatever vanishes begins the quiet of what had moved away before, too. */
static void note_vanished(waiting *folder, bool left, uint64_t now_ms)
{
    if (left || folder->moved_ms != CF_QUIET_NEVER)
        folder->moved_ms = now_ms + CF_QUIET_MOVED_MS;
    folder->absent_ms = now_ms + CF_QUIET_ABSENT_MS;
}

static void note(waiting *folder, cf_event_kind kind, uint64_t now_ms)
{
    switch (kind) {
    case CF_EVENT_ARRIVED:
        folder->look_ms = earlier(folder->look_ms, now_ms);
        break;
    case CF_EVENT_WRITTEN:
        note_written(folder, now_ms);
        break;
    case CF_EVENT_ABSENT:
    case CF_EVENT_LEFT:
        note_vanished(folder, kind == CF_EVENT_LEFT, now_ms);
        break;
    }
}

/* What waits in so many names of a directory waits in all of it: that is one look. */
static void join_names(cf_quiet *quiet, uint64_t folder)
{
    size_t first = index_of(quiet, &(cf_look_place){.folder = folder}), end = end_of(quiet, folder);
    waiting joined = idle;

    if (end - first <= CF_QUIET_NAMES_MAX)
        return;
    for (size_t i = first; i < end; i++) {
        const waiting *one = &quiet->places[i];

        joined.written_ms = earlier(joined.written_ms, one->written_ms);
        joined.look_ms = earlier(joined.look_ms, earlier(one->look_ms, one->joined_ms));
        if (one->moved_ms != CF_QUIET_NEVER) /* the latest: none of them counts too early */
            joined.moved_ms = joined.moved_ms == CF_QUIET_NEVER || one->moved_ms > joined.moved_ms
                                  ? one->moved_ms
                                  : joined.moved_ms;
        if (one->absent_ms != CF_QUIET_NEVER)
            joined.absent_ms =
                joined.absent_ms == CF_QUIET_NEVER || one->absent_ms > joined.absent_ms
                    ? one->absent_ms
                    : joined.absent_ms;
    }
    drop_from(quiet, first, end - first);
    joined.folder = folder;
    *find_or_add(quiet, &(cf_look_place){.folder = folder}) = joined;
}

void cf_quiet_note(cf_quiet *quiet, uint64_t folder, cf_bytes name, cf_event_kind kind,
                   uint64_t now_ms)
{
    note(find_or_add(quiet, &(cf_look_place){.folder = folder, .name = name}), kind, now_ms);
    if (quiet->count > CF_QUIET_NAMES_MAX)
        join_names(quiet, folder);
}

/* Where it happened is to be known, and watched under its number, before the next thing does. */
void cf_quiet_note_all(cf_quiet *quiet, cf_event_kind kind, uint64_t now_ms)
{
    note(&quiet->all, kind, now_ms);
    note(&quiet->all, CF_EVENT_ARRIVED, now_ms);
}

void cf_quiet_miss(cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms)
{
    waiting *missing = find_or_add(quiet, place);

    missing->absent_ms = earlier(missing->absent_ms, now_ms + CF_QUIET_ABSENT_MS);
}

void cf_quiet_miss_with_others(cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms)
{
    uint64_t last = now_ms;

    for (size_t i = 0; i < quiet->count; i++)
        if (quiet->places[i].absent_ms != CF_QUIET_NEVER && quiet->places[i].absent_ms > last)
            last = quiet->places[i].absent_ms;
    find_or_add(quiet, place)->absent_ms = last;
}

void cf_quiet_hold(cf_quiet *quiet, const cf_look_place *from, const cf_look_place *to,
                   uint64_t now_ms)
{
    waiting *left = find_or_add(quiet, from);

    if (left->moved_ms == CF_QUIET_NEVER)
        left->moved_ms = earlier(now_ms + CF_QUIET_MOVED_MS, left->absent_ms);
    uint64_t when = left->moved_ms;
    waiting *joined = find_or_add(quiet, to); /* which may take the place of the other one */
    joined->joined_ms = earlier(joined->joined_ms, when);
}

void cf_quiet_each_absent(const cf_quiet *quiet,
                          void (*visit)(void *context, const cf_look_place *place), void *context)
{
    for (size_t i = 0; i < quiet->count; i++) {
        const cf_look_place place = place_at(quiet, i);

        if (quiet->places[i].absent_ms != CF_QUIET_NEVER)
            visit(context, &place);
    }
}

static uint64_t next_of(const waiting *folder)
{
    return earlier(earlier(folder->look_ms, folder->joined_ms),
                   earlier(folder->moved_ms, folder->absent_ms));
}

uint64_t cf_quiet_next(const cf_quiet *quiet)
{
    uint64_t next = next_of(&quiet->all);

    for (size_t i = 0; i < quiet->count; i++)
        next = earlier(next, next_of(&quiet->places[i]));
    return next;
}

static cf_absence absence_of(const waiting *folder, uint64_t now_ms)
{
    return folder->absent_ms <= now_ms  ? CF_ABSENCE_COUNTS
           : folder->moved_ms <= now_ms ? CF_ABSENCE_MOVES
                                        : CF_ABSENCE_WAITS;
}

static void looked_at(waiting *folder, cf_absence absence)
{
    folder->look_ms = folder->written_ms = folder->joined_ms = CF_QUIET_NEVER;
    if (absence >= CF_ABSENCE_MOVES)
        folder->moved_ms = CF_QUIET_NEVER;
    if (absence == CF_ABSENCE_COUNTS)
        folder->absent_ms = CF_QUIET_NEVER;
}

static void drop_idle(cf_quiet *quiet)
{
    size_t kept = 0;

    for (size_t i = 0; i < quiet->count; i++)
        if (next_of(&quiet->places[i]) != CF_QUIET_NEVER)
            quiet->places[kept++] = quiet->places[i];
        else
            cf_buffer_release(&quiet->places[i].name);
    quiet->count = kept;
}

cf_quiet_due cf_quiet_take(cf_quiet *quiet, uint64_t now_ms)
{
    cf_quiet_due due = {.all = next_of(&quiet->all) <= now_ms};

    if (due.all) {
        due.absence = absence_of(&quiet->all, now_ms);
        looked_at(&quiet->all, due.absence);
    }
    for (size_t i = 0; i < quiet->count; i++) {
        waiting *place = &quiet->places[i];
        cf_absence absence = absence_of(place, now_ms);

        if (next_of(place) <= now_ms)
            cf_look_places_add(&due.places, place->folder, cf_buffer_view(&place->name), absence);
        if (due.all || next_of(place) <= now_ms)
            looked_at(place, absence);
    }
    drop_idle(quiet);
    return due;
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
