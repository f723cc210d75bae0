/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/notes.h"

#include "broker/platform/times.h"
#include "peer/membership/left_brokers.h"
#include "peer/log/acknowledged.h"
#include "peer/log/catalog.h"
#include "peer/log/checkpoints.h"
#include "broker/platform/names.h"
#include "peer/log/forks.h"
#include "peer/log/gone.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ROLLBACK_SHOWN_MS (7 * CF_DAY_MS)
#define FORK_SHOWN_MS (30 * CF_DAY_MS)
#define AHEAD_SHOWN_MS (30 * CF_DAY_MS)
#define TWO_LOGS_SHOWN_MS (30 * CF_DAY_MS)

void cf_notes_add(cf_notes *notes, cf_arena *arena, const char *kind, uint64_t time_ms,
                  const char *format, ...)
{
    char text[4096];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    *cf_one_more(notes->at, notes->count, notes->capacity) =
        (cf_note){kind, cf_arena_text(arena, cf_bytes_of_text(text)), time_ms};
}

void cf_notes_release(cf_notes *notes)
{
    free(notes->at);
    *notes = (cf_notes){0};
}

static cf_status note_rollback(cf_peer *peer, uint64_t now_ms, cf_arena *arena, cf_notes *out,
                               cf_error *error)
{
    cf_rollback rollback;

    cf_status status =
        cf_rollback_recall(cf_home_store(peer->home), cf_peer_user(peer), arena, &rollback, error);
    if (status)
        return status == CF_MISSING ? CF_OK : status;
    if (now_ms < rollback.time_ms + ROLLBACK_SHOWN_MS)
        cf_notes_add(out, arena, "rolled-back", rollback.time_ms,
                     "%s was rolled back: it lacked %llu entr%s that it had acknowledged. Each "
                     "device brings back what it has when it syncs: run `counterfoil sync` on all "
                     "of them, and tell who operates the broker",
                     rollback.broker, (unsigned long long)rollback.lacking,
                     rollback.lacking == 1 ? "y" : "ies");
    return CF_OK;
}

/* Also of a device that has left since: it was shown something. */
static cf_status note_two_logs(cf_peer *peer, uint64_t now_ms, cf_arena *arena, cf_notes *out,
                               cf_error *error)
{
    cf_two_logs all[CF_TWO_LOGS_MAX];
    size_t count;

    cf_status status = cf_two_logs_recall(peer, arena, all, &count, error);
    for (size_t i = 0; !status && i < count; i++) {
        const char *name = cf_catalog_device_name(peer, &all[i].device, arena);

        if (now_ms < all[i].time_ms + TWO_LOGS_SHOWN_MS)
            cf_notes_add(out, arena, "two-logs", all[i].time_ms,
                         "the broker at %s shows %s and this device different logs: at entry %llu "
                         "they are not the same. It may keep from the one what the other wrote; "
                         "what is here stays, and is merged as soon as both are shown. If it was "
                         "not set back to an older copy, ask who operates it, and compare what %s "
                         "has; another broker gets all (`counterfoil broker`)",
                         all[i].broker, name, (unsigned long long)all[i].position, name);
    }
    return status;
}

static cf_status note_gone(cf_peer *peer, cf_arena *arena, cf_notes *out, cf_error *error)
{
    cf_gone gone;
    cf_buffer names = {0};

    cf_status status = cf_gone_recall(peer, arena, &gone, error);
    for (size_t i = 0; !status && i < gone.named; i++) {
        char path[CF_NAME_SHOWN], time[CF_TIME_TEXT];

        cf_name_show(gone.at[i].path, path);
        cf_time_show(gone.at[i].time_ms, time);
        cf_buffer_append_text(&names, "%s%s of %s", i ? ", " : "", path, time);
    }
    if (!status && gone.count)
        cf_notes_add(out, arena, "gone", 0,
                     "%llu version%s in the history can't be had until a device comes that still "
                     "has %s, and the broker has not: %.*s%s",
                     (unsigned long long)gone.count, gone.count == 1 ? "" : "s",
                     gone.count == 1 ? "it" : "them", (int)names.size, (const char *)names.data,
                     gone.count > gone.named ? " and earlier ones" : "");
    cf_buffer_release(&names);
    return status;
}

static cf_status note_left(cf_peer *peer, cf_arena *arena, cf_notes *out, cf_error *error)
{
    cf_left_brokers left;

    cf_status status = cf_left_brokers_read(peer->home, &left, error);
    for (size_t i = 0; !status && i < left.count; i++)
        cf_notes_add(
            out, arena, "left", 0,
            "%s:%u, where this user was before, may have what no other has, and it could "
            "not be brought yet%s%s. It is tried again by each `counterfoil sync`; if that "
            "broker never comes back, `counterfoil broker --give-up` ends that",
            left.at[i].broker.host, (unsigned)left.at[i].broker.port,
            left.at[i].trouble[0] ? ": " : "", left.at[i].trouble);
    return status;
}

/* Until all but one of the copies have been silent for so long. */
static cf_status note_forks(cf_peer *peer, uint64_t now_ms, cf_arena *arena, cf_notes *out,
                            cf_error *error)
{
    cf_fork *forks = NULL;
    size_t count = 0;

    cf_status status = cf_forks_find(peer, now_ms, &forks, &count, error);
    for (size_t i = 0; i < count; i++) {
        const char *name = cf_catalog_device_name(peer, &forks[i].device, arena);

        if (now_ms < forks[i].time_ms + FORK_SHOWN_MS)
            cf_notes_add(out, arena, "forked", forks[i].time_ms,
                         "it seems that a backup of %s was restored or its disk cloned: what its "
                         "copies wrote is merged, nothing is lost. If it is a clone, delete its "
                         "home there (`counterfoil paths` shows where) and let it join again as a "
                         "device of its own: `counterfoil pair` here, `counterfoil join` there. If "
                         "neither was done, it may tell one device this and another that: shut it "
                         "out with `counterfoil devices revoke %s`",
                         name, name);
    }
    free(forks);
    return status;
}

/* Until it writes a time that counts, or nothing for so long. */
static void note_ahead(cf_peer *peer, uint64_t now_ms, cf_arena *arena, cf_notes *out)
{
    const cf_author_clock *clock = cf_author_clock_of(peer->author);
    const cf_registry *registry = cf_log_registry(peer->log);

    for (size_t i = 0; i < clock->ahead_count; i++) {
        const cf_ahead *ahead = &clock->ahead[i];
        char time[CF_TIME_TEXT];

        if (!cf_registry_is_valid(registry, &ahead->device) ||
            cf_time_counts((cf_time){.ms = ahead->time_ms}, now_ms) ||
            now_ms > ahead->noticed_ms + AHEAD_SHOWN_MS)
            continue;
        cf_time_show(ahead->time_ms, time);
        cf_notes_add(out, arena, "clock-ahead", ahead->noticed_ms,
                     "%s wrote as if it was %s: where it and others changed the same at once, its "
                     "changes are shown. Set its clock right, or this device's, if that is wrong",
                     cf_catalog_device_name(peer, &ahead->device, arena), time);
    }
}

static void note_unread(cf_peer *peer, cf_arena *arena, cf_notes *out)
{
    const cf_collection *catalog = cf_peer_known_collection(peer, &cf_catalog_id);

    if (catalog && catalog->waits && !cf_peer_is_relay(peer))
        cf_notes_add(out, arena, "unread", 0,
                     "collections, and names, may be missing here: of those, %s", catalog->waits);
}

cf_status cf_notes_collect(cf_peer *peer, uint64_t now_ms, cf_arena *arena, cf_notes *out,
                           cf_error *error)
{
    cf_status status = note_rollback(peer, now_ms, arena, out, error);

    if (!status)
        status = note_two_logs(peer, now_ms, arena, out, error);
    if (!status)
        status = note_gone(peer, arena, out, error);
    if (!status)
        status = note_left(peer, arena, out, error);
    note_ahead(peer, now_ms, arena, out);
    note_unread(peer, arena, out);
    return status ? status : note_forks(peer, now_ms, arena, out, error);
}
