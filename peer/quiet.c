/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/quiet.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t folder;
    uint64_t written_ms; /* the first write of those that wait; NEVER */
    uint64_t look_ms;    /* when to look at it; NEVER */
    uint64_t absent_ms;  /* when what vanished counts as gone; NEVER */
} waiting;

struct cf_quiet {
    waiting *folders; /* ascending by folder */
    size_t count, capacity;
    bool all;
    uint64_t all_ms;
};

cf_quiet *cf_quiet_new(void)
{
    return cf_allocate(1, sizeof(cf_quiet));
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
    quiet->folders[at] = (waiting){folder, CF_QUIET_NEVER, CF_QUIET_NEVER, CF_QUIET_NEVER};
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

void cf_quiet_note(cf_quiet *quiet, uint64_t folder, cf_event_kind kind, uint64_t now_ms)
{
    waiting *noted = find_or_add(quiet, folder);

    switch (kind) {
    case CF_EVENT_ARRIVED:
        noted->look_ms = earlier(noted->look_ms, now_ms);
        break;
    case CF_EVENT_WRITTEN:
        note_written(noted, now_ms);
        break;
    case CF_EVENT_ABSENT:
        noted->absent_ms = now_ms + CF_QUIET_ABSENT_MS;
        break;
    }
}

void cf_quiet_note_all(cf_quiet *quiet, uint64_t now_ms)
{
    quiet->all_ms = quiet->all ? earlier(quiet->all_ms, now_ms) : now_ms;
    quiet->all = true;
}

uint64_t cf_quiet_next(const cf_quiet *quiet)
{
    uint64_t next = quiet->all ? quiet->all_ms : CF_QUIET_NEVER;

    for (size_t i = 0; i < quiet->count; i++)
        next = earlier(next, earlier(quiet->folders[i].look_ms, quiet->folders[i].absent_ms));
    return next;
}

static void looked_at(waiting *folder, bool absence)
{
    folder->look_ms = folder->written_ms = CF_QUIET_NEVER;
    if (absence)
        folder->absent_ms = CF_QUIET_NEVER;
}

static void drop_idle(cf_quiet *quiet)
{
    size_t kept = 0;

    for (size_t i = 0; i < quiet->count; i++)
        if (earlier(quiet->folders[i].look_ms, quiet->folders[i].absent_ms) != CF_QUIET_NEVER)
            quiet->folders[kept++] = quiet->folders[i];
    quiet->count = kept;
}

cf_quiet_due cf_quiet_take(cf_quiet *quiet, uint64_t now_ms)
{
    cf_quiet_due due = {.all = quiet->all && quiet->all_ms <= now_ms};

    if (!due.all)
        due.folders = cf_allocate(quiet->count, sizeof *due.folders);
    for (size_t i = 0; i < quiet->count; i++) {
        waiting *folder = &quiet->folders[i];
        bool absence = folder->absent_ms <= now_ms;

        if (!due.all && (absence || folder->look_ms <= now_ms))
            due.folders[due.count++] = (cf_quiet_folder){folder->folder, absence};
        if (due.all || absence || folder->look_ms <= now_ms)
            looked_at(folder, !due.all && absence);
    }
    if (due.all)
        quiet->all = false;
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
