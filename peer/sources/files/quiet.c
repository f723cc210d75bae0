/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/quiet.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t folder;
    uint64_t written_ms; /* the first write of those that wait; NEVER */
    uint64_t look_ms;    /* when to look at it; NEVER */
    uint64_t moved_ms;   /* when what vanished counts as moved; NEVER */
    uint64_t absent_ms;  /* when what vanished counts as gone; NEVER */
    uint64_t
        joined_ms; /* when to look at it beside another one, from which something came; NEVER */
} waiting;

struct cf_quiet {
    waiting *folders; /* ascending by folder */
    size_t count, capacity;
    waiting all; /* of everything; the folder's number means nothing */
};

static const waiting idle = {
    0, CF_QUIET_NEVER, CF_QUIET_NEVER, CF_QUIET_NEVER, CF_QUIET_NEVER, CF_QUIET_NEVER};

cf_quiet *cf_quiet_new(void)
{
    cf_quiet *quiet = cf_allocate(1, sizeof *quiet);

    quiet->all = idle;
    return quiet;
}

void cf_quiet_destroy(cf_quiet **quiet)
{
    if (!quiet || !*quiet)
        return;
    free((*quiet)->folders);
    free(*quiet);
    *quiet = NULL;
}

/* Where the folder is, or where it would be. */
static size_t place_of(const cf_quiet *quiet, uint64_t folder)
{
    size_t low = 0, high = quiet->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (quiet->folders[middle].folder < folder)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static waiting *find_or_add(cf_quiet *quiet, uint64_t folder)
{
    size_t at = place_of(quiet, folder);

    if (at < quiet->count && quiet->folders[at].folder == folder)
        return &quiet->folders[at];
    quiet->folders =
        cf_grow(quiet->folders, &quiet->capacity, quiet->count + 1, sizeof *quiet->folders);
    memmove(&quiet->folders[at + 1], &quiet->folders[at],
            (quiet->count - at) * sizeof *quiet->folders);
    quiet->count++;
    quiet->folders[at] = idle;
    quiet->folders[at].folder = folder;
    return &quiet->folders[at];
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

void cf_quiet_note(cf_quiet *quiet, uint64_t folder, cf_event_kind kind, uint64_t now_ms)
{
    note(find_or_add(quiet, folder), kind, now_ms);
}

/* Where it happened is to be known, and watched under its number, before the next thing does. */
void cf_quiet_note_all(cf_quiet *quiet, cf_event_kind kind, uint64_t now_ms)
{
    note(&quiet->all, kind, now_ms);
    note(&quiet->all, CF_EVENT_ARRIVED, now_ms);
}

void cf_quiet_miss(cf_quiet *quiet, uint64_t folder, uint64_t now_ms)
{
    waiting *missing = find_or_add(quiet, folder);

    missing->absent_ms = earlier(missing->absent_ms, now_ms + CF_QUIET_ABSENT_MS);
}

void cf_quiet_hold(cf_quiet *quiet, uint64_t from, uint64_t to, uint64_t now_ms)
{
    waiting *left = find_or_add(quiet, from);

    if (left->moved_ms == CF_QUIET_NEVER)
        left->moved_ms = earlier(now_ms + CF_QUIET_MOVED_MS, left->absent_ms);
    uint64_t when = left->moved_ms;
    waiting *joined = find_or_add(quiet, to); /* which may take the place of the other one */
    joined->joined_ms = earlier(joined->joined_ms, when);
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
        next = earlier(next, next_of(&quiet->folders[i]));
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
        if (next_of(&quiet->folders[i]) != CF_QUIET_NEVER)
            quiet->folders[kept++] = quiet->folders[i];
    quiet->count = kept;
}

cf_quiet_due cf_quiet_take(cf_quiet *quiet, uint64_t now_ms)
{
    cf_quiet_due due = {.all = next_of(&quiet->all) <= now_ms};

    due.folders = cf_allocate(quiet->count, sizeof *due.folders);
    if (due.all) {
        due.absence = absence_of(&quiet->all, now_ms);
        looked_at(&quiet->all, due.absence);
    }
    for (size_t i = 0; i < quiet->count; i++) {
        waiting *folder = &quiet->folders[i];
        cf_absence absence = absence_of(folder, now_ms);

        if (next_of(folder) <= now_ms)
            due.folders[due.count++] = (cf_quiet_folder){folder->folder, absence};
        if (due.all || next_of(folder) <= now_ms)
            looked_at(folder, absence);
    }
    drop_idle(quiet);
    return due;
}

void cf_quiet_forget(cf_quiet *quiet, uint64_t folder)
{
    size_t at = place_of(quiet, folder);

    if (at == quiet->count || quiet->folders[at].folder != folder)
        return;
    quiet->count--;
    memmove(&quiet->folders[at], &quiet->folders[at + 1],
            (quiet->count - at) * sizeof *quiet->folders);
}

uint64_t cf_quiet_rescan(uint64_t now_ms, bool watch_complete, uint32_t random)
{
    uint64_t period = watch_complete ? CF_RESCAN_MS : CF_RESCAN_BLIND_MS;

    return now_ms + period * 3 / 4 + random % (period / 2 + 1);
}
