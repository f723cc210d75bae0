/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/overview.h"

#include "broker/platform/names.h"
#include "peer/bindings/pendings.h"
#include "peer/commands/conflict_shown.h"
#include "peer/commands/last_try.h"
#include "peer/commands/limit_shown.h"
#include "peer/commands/sources.h"
#include "peer/log/catalog.h"
#include "peer/sources/records/record_conflicts.h"

#include <string.h>

/* ---- Taking it ---- */

static bool lies_in(cf_bytes path, cf_bytes folder)
{
    return !folder.size ||
           (path.size >= folder.size && memcmp(path.data, folder.data, folder.size) == 0 &&
            (path.size == folder.size || path.data[folder.size] == '/'));
}

static bool is_asked_for(const cf_overview_options *options, const cf_binding *binding,
                         const cf_bytes *path)
{
    bool asked = !options->filter_count && !options->collection_count;

    for (size_t i = 0; i < options->filter_count; i++)
        asked |= options->filters[i].binding == binding &&
                 (!path || lies_in(*path, options->filters[i].path) ||
                  (path->size && cf_bytes_equal(*path, options->filters[i].row)));
    for (size_t i = 0; i < options->collection_count; i++)
        asked |= cf_id_equal(&options->collections[i], &binding->collection);
    return asked;
}

static void filter(const cf_overview_options *options, cf_arena *arena, cf_binding_status *status)
{
    cf_pending *pending = cf_arena_allocate(arena, status->pending_count, sizeof *pending);
    cf_conflict *conflicts = cf_arena_allocate(arena, status->conflict_count, sizeof *conflicts);
    size_t count = 0;

    for (size_t i = 0; i < status->pending_count; i++)
        if (is_asked_for(options, status->binding, &status->pending[i].path))
            pending[count++] = status->pending[i];
    status->pending = pending;
    status->pending_count = count;
    count = 0;
    for (size_t i = 0; i < status->conflict_count; i++)
        if (is_asked_for(options, status->binding, &status->conflicts[i].path))
            conflicts[count++] = status->conflicts[i];
    status->conflicts = conflicts;
    status->conflict_count = count;
}

bool cf_overview_tells(const cf_overview *overview, const cf_overview_filter *filter)
{
    bool found = false;

    for (size_t i = 0; i < overview->count; i++) {
        const cf_binding_status *status = &overview->sources[i].status;

        for (size_t k = 0; !found && k < status->pending_count; k++)
            found = status->binding == filter->binding &&
                    lies_in(status->pending[k].path, filter->path);
    }
    return found;
}

/* Rounded up: one that is due is tried within a second. */
static uint64_t next_try(const cf_run *run, const cf_broker_status *broker)
{
    const uint64_t now_ms = cf_loop_now(run->loop);

    if (!cf_loop_serves(run->loop) || !broker->trouble || broker->retry_ms <= now_ms)
        return 0;
    return (broker->retry_ms - now_ms + 999) / 1000;
}

/* Of the collections that were asked about, those of the sources that are shown. */
static size_t unsent_of(const cf_run *run, const cf_overview_options *options, cf_arena *arena,
                        const cf_overview *shown)
{
    const bool all = !options->filter_count && !options->collection_count;
    const size_t count = all ? 0 : shown->count;
    cf_id *collections = cf_arena_allocate(arena, count, sizeof *collections);

    for (size_t i = 0; i < count; i++)
        collections[i] = shown->sources[i].status.binding->collection;
    return cf_engine_unsent(cf_loop_engine(run->loop), collections, count);
}

static cf_status take_broker(const cf_run *run, cf_arena *arena, cf_overview *out, cf_error *error)
{
    cf_home *home = cf_loop_home(run->loop);
    cf_buffer line = {0};

    cf_engine_broker_status(cf_loop_engine(run->loop), &out->broker);
    cf_engine_metered(cf_loop_engine(run->loop), &out->metered);
    out->carries = cf_engine_carried(cf_loop_engine(run->loop), &out->carried);
    out->next_try_s = next_try(run, &out->broker);
    cf_status status = cf_home_get(home, CF_HOME_BROKER, &line, error);
    if (status == CF_MISSING)
        status = CF_OK;
    if (!status && line.size)
        out->address = cf_arena_text(arena, cf_buffer_view(&line));
    cf_buffer_release(&line);
    if (!status)
        status = cf_limits_recall(home, &out->limits, error);
    return status ? status : cf_last_try_recall(home, &out->broker, error);
}

static void note_unwatched(cf_engine *engine, cf_arena *arena, cf_notes *out)
{
    const cf_watch *watch = cf_engine_watch(engine);
    size_t missing = watch ? cf_watch_missing(watch) : 0;

    if (missing)
        cf_notes_add(out, arena, "unwatched", 0,
                     "%zu director%s can't be watched, as a rule because "
                     "fs.inotify.max_user_watches is reached: changes there are found every 10 "
                     "minutes, when all is looked at, or by `counterfoil sync`. Raise that limit",
                     missing, missing == 1 ? "y" : "ies");
}

static cf_status take_notes(const cf_run *run, cf_arena *arena, cf_overview *out, cf_error *error)
{
    cf_notes notes = {0};

    cf_status status =
        cf_notes_collect(cf_loop_peer(run->loop), cf_loop_time(run->loop), arena, &notes, error);
    note_unwatched(cf_loop_engine(run->loop), arena, &notes);
    out->note_count = notes.count;
    out->notes =
        (const cf_note *)cf_arena_copy(arena, cf_bytes_of(notes.at, notes.count * sizeof *notes.at))
            .data;
    cf_notes_release(&notes);
    return status;
}

/* It holds no key, whatever it had read before. */
static void note_relay(cf_peer *peer, cf_binding_status *status)
{
    const cf_device *self = cf_registry_device(cf_log_registry(peer->log), cf_peer_device(peer));

    if (status->trouble || !self || !self->is_valid || self->role != CF_ROLE_RELAY)
        return;
    status->trouble = CF_DENIED;
    status->trouble_text =
        "this device is a relay now: it carries what others write, and nothing comes into this "
        "source or goes out of it; `counterfoil remove` lets it be, and an owner can make the "
        "device a member again with `counterfoil devices role`";
}

/* What lies here is what its other sources hold, as long as these are not removed, too. */
static void note_taken_off(cf_peer *peer, cf_arena *arena, cf_overview_source *source)
{
    cf_binding_status *status = &source->status;
    cf_catalog_deletion deletion;
    char typed[CF_PATH_TYPED];
    cf_buffer text = {0};

    if (status->trouble || !cf_catalog_deleted(peer, &status->binding->collection, &deletion))
        return;
    cf_binding_path_typed(status->binding, typed);
    cf_catalog_deletion_text(peer, &deletion, &text);
    cf_buffer_append_text(&text,
                          "; add it again, or remove it: other devices don't sync it any more. ");
    cf_binding_add_command(status->binding, "", &text);
    cf_buffer_append_text(&text,
                          " puts what lies there into a new collection, or the one that has its "
                          "name now, `counterfoil remove %s` lets it be",
                          typed);
    source->is_taken_off = true;
    status->trouble = CF_CHANGED;
    status->trouble_text = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
}

static bool is_any(const cf_binding_status *status, cf_pending_kind kind)
{
    for (size_t i = 0; i < status->pending_count; i++)
        if (status->pending[i].kind == kind)
            return true;
    return false;
}

/* Of a source whose root was refused. */
static void advise_refused(cf_peer *peer, const cf_binding *binding, const char *typed,
                           cf_buffer *text)
{
    if (binding->way_on == CF_WAY_ON_MOVED)
        cf_buffer_append_text(text, "if it was moved or renamed, `counterfoil add NEWPATH` goes on "
                                    "with it where it is now");
    if (binding->way_on != CF_WAY_ON_MEANT)
        return;
    cf_buffer_append_text(text, "if what lies there now is meant, `counterfoil remove %s`, then ",
                          typed);
    cf_binding_mine_command(peer, binding, text);
    cf_buffer_append_text(text, " make it the newest, also of what was edited elsewhere since");
}

/* Of one that only receives. The reasons say who makes a reader a member. */
static void advise_receiver(const cf_peer *peer, const cf_binding_status *status, const char *typed,
                            cf_buffer *text)
{
    const bool only_reads = cf_peer_only_reads(peer);

    if ((status->binding->mode != CF_MODE_RECEIVE && !only_reads) ||
        !is_any(status, CF_PENDING_UNSENT))
        return;
    cf_buffer_append_text(text,
                          "`counterfoil repair %s --refill` undoes what was done here, and puts "
                          "aside what was made",
                          typed);
    if (!only_reads)
        cf_buffer_append_text(text, "; `counterfoil set %s --mode both` sends it", typed);
}

/* Of one that only sends. What can't be written to can do nothing else. */
static void advise_sender(cf_peer *peer, const cf_binding_status *status, const char *typed,
                          cf_buffer *text)
{
    const cf_binding *binding = status->binding;

    if (!is_any(status, CF_PENDING_NOT_TAKEN))
        return;
    if (!binding->is_image)
        cf_buffer_append_text(text, "`counterfoil set %s --mode both` takes it; ", typed);
    cf_buffer_append_text(text, "`counterfoil remove %s`, then ", typed);
    cf_binding_mine_command(peer, binding, text);
    cf_buffer_append_text(text, " make what lies here the newest, and leave what is new elsewhere");
}

static const char *advise(cf_peer *peer, const cf_binding_status *status, cf_arena *arena)
{
    char typed[CF_PATH_TYPED];
    cf_buffer text = {0};

    cf_binding_path_typed(status->binding, typed);
    if (status->trouble == CF_MISSING || status->trouble == CF_UNSAFE)
        advise_refused(peer, status->binding, typed, &text);
    else
        advise_receiver(peer, status, typed, &text);
    advise_sender(peer, status, typed, &text);
    const char *kept = text.size ? cf_arena_text(arena, cf_buffer_view(&text)) : NULL;
    cf_buffer_release(&text);
    return kept;
}

cf_status cf_overview_take(const cf_run *run, const cf_overview_options *options, cf_arena *arena,
                           cf_overview *out, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_peer *peer = cf_loop_peer(run->loop);
    size_t count = cf_engine_binding_count(engine);

    *out = (cf_overview){.device = cf_catalog_device_name(peer, cf_peer_device(peer), arena),
                         .tells_disks = cf_options_has(&run->options, "verbose"),
                         .asks = cf_loop_serves(run->loop) || run->verb->connects || run->connects};
    out->sources = cf_arena_allocate(arena, count, sizeof *out->sources);
    for (size_t i = 0; i < count; i++) {
        const cf_binding *binding = cf_engine_binding_at(engine, i);
        cf_overview_source *source = &out->sources[out->count];

        if (!is_asked_for(options, binding, NULL))
            continue;
        source->name = cf_catalog_name(peer, &binding->collection, arena);
        cf_engine_status(engine, binding, arena, &source->status);
        note_relay(peer, &source->status);
        note_taken_off(peer, arena, source);
        if (options->filter_count)
            filter(options, arena, &source->status);
        source->advice = advise(peer, &source->status, arena);
        out->count++;
    }
    cf_status status = take_notes(run, arena, out, error);
    if (!status)
        status = take_broker(run, arena, out, error);
    if (!status)
        out->broker.unsent = unsent_of(run, options, arena, out);
    return status;
}

/* ---- Judging it ---- */

bool cf_overview_source_in_sync(const cf_overview_source *source)
{
    bool in_sync = !source->status.trouble && !source->status.is_kept_back;

    for (size_t i = 0; i < source->status.pending_count; i++)
        in_sync &= source->status.pending[i].kind == CF_PENDING_LEFT_OUT;
    return in_sync;
}

/* Of what is to be here as a relay; it comes of the broker once that has it. */
static bool lacks_carried(const cf_overview *overview)
{
    return overview->carries && overview->carried.lacks;
}

bool cf_overview_in_sync(const cf_overview *overview)
{
    bool in_sync = !(overview->broker.set && (overview->broker.unsent || overview->broker.refused ||
                                              overview->broker.is_faulty)) &&
                   !lacks_carried(overview);

    for (size_t i = 0; i < overview->count; i++)
        in_sync &= cf_overview_source_in_sync(&overview->sources[i]);
    return in_sync;
}

/* Of two values that are both kept nothing is hidden: that is only told. */
static bool has_conflict(const cf_binding_status *source)
{
    for (size_t i = 0; i < source->conflict_count; i++)
        if (!source->conflicts[i].field || !source->conflicts[i].field->both)
            return true;
    return false;
}

/* Returns whether something waits that may go on by itself. */
static bool judge_source(const cf_binding_status *source, cf_exit_standing *standing)
{
    bool waits = false;

    /* A root that isn't there, or another: nothing is deleted because of it. */
    cf_exit_standing_add(standing, source->trouble == CF_MISSING ? CF_UNSAFE : source->trouble);
    standing->conflicts |= has_conflict(source);
    standing->locked |= source->is_kept_back;
    for (size_t i = 0; i < source->pending_count; i++)
        switch (source->pending[i].kind) {
        case CF_PENDING_HELD:
        case CF_PENDING_AWAY:
        case CF_PENDING_SPARED:
            standing->stop = true;
            break;
        case CF_PENDING_SKIPPED:
            standing->failed = true;
            break;
        case CF_PENDING_LOCKED:
            standing->locked = true;
            break;
        case CF_PENDING_LEFT_OUT:
            break;
        default:
            waits = true;
            break;
        }
    return waits;
}

cf_exit_standing cf_overview_standing(const cf_overview *overview, bool tried)
{
    const cf_broker_status *broker = &overview->broker;
    cf_exit_standing standing = {0};
    bool waits = (broker->set && broker->unsent > 0) || lacks_carried(overview);

    for (size_t i = 0; i < overview->count; i++)
        waits |= judge_source(&overview->sources[i].status, &standing);
    /* One that isn't there is missed by what waits for it; one that denies, by everything. */
    if (broker->set && broker->trouble && (tried || waits || broker->trouble == CF_DENIED))
        cf_exit_standing_add(&standing,
                             broker->trouble == CF_FORGED ? CF_UNREACHABLE : broker->trouble);
    else if (waits && (broker->set || !tried))
        standing.failed = true;
    standing.denied |= broker->set && broker->refused;
    standing.failed |= overview->carries && overview->carried.trouble;
    return standing;
}

/* ---- The exit code ---- */

void cf_exit_standing_add(cf_exit_standing *standing, cf_status status)
{
    switch (status) {
    case CF_OK:
        break;
    case CF_BROKEN:
        standing->repair = true;
        break;
    case CF_UNSAFE:
        standing->stop = true;
        break;
    case CF_DENIED:
        standing->denied = true;
        break;
    case CF_UNREACHABLE:
        standing->unreachable = true;
        break;
    case CF_LOCKED:
        standing->locked = true;
        break;
    default:
        standing->failed = true;
        break;
    }
}

int cf_exit_standing_exit_code(const cf_exit_standing *standing)
{
    const struct {
        bool holds;
        int code;
    } order[] = {{standing->repair, 7},      {standing->stop, 8},   {standing->denied, 6},
                 {standing->unreachable, 5}, {standing->locked, 9}, {standing->failed, 1},
                 {standing->conflicts, 4}};

    for (unsigned i = 0; i < sizeof order / sizeof order[0]; i++)
        if (order[i].holds)
            return order[i].code;
    return 0;
}
