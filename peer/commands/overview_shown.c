/* SPDX-License-Identifier: Apache-2.0 */
/* How things stand, as JSON, for people, and, of what is wrong alone, as messages. */
#include "peer/commands/overview.h"

#include "broker/platform/names.h"
#include "broker/platform/times.h"
#include "peer/bindings/pendings.h"
#include "peer/commands/base_dir.h"
#include "peer/commands/conflict_shown.h"
#include "peer/commands/limit_shown.h"
#include "peer/commands/metered_shown.h"
#include "peer/commands/sources.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const kind_names[] = {
    [CF_PENDING_UNSENT] = "unsent",       [CF_PENDING_UNAPPLIED] = "unapplied",
    [CF_PENDING_NOT_TAKEN] = "unapplied", [CF_PENDING_WAITS] = "waits",
    [CF_PENDING_HELD] = "held",           [CF_PENDING_SKIPPED] = "skipped",
    [CF_PENDING_LOCKED] = "locked",       [CF_PENDING_LEFT_OUT] = "left out",
    [CF_PENDING_SPARED] = "held",         [CF_PENDING_AWAY] = "held",
};

/* ---- As JSON ---- */

static json_t *pending_json(const cf_pending *pending)
{
    return json_pack("{s:o, s:s, s:s}", "path", cf_json_name(pending->path), "reason",
                     pending->reason, "kind", kind_names[pending->kind]);
}

static json_t *source_json(const cf_overview_source *source, cf_peer *peer)
{
    const cf_binding_status *status = &source->status;
    json_t *pending = json_array(), *conflicts = json_array();
    char limit[CF_DELETE_WORD_TEXT];

    for (size_t i = 0; i < status->pending_count; i++)
        json_array_append_new(pending, pending_json(&status->pending[i]));
    for (size_t i = 0; i < status->conflict_count; i++)
        json_array_append_new(conflicts,
                              cf_conflict_json(status->binding, &status->conflicts[i], peer));
    json_t *object =
        json_pack("{s:s, s:o, s:b, s:I, s:o, s:o}", "name", source->name, "source",
                  cf_json_name(cf_bytes_of_text(status->binding->path)), "in_sync",
                  (int)cf_overview_source_in_sync(source), "items", (json_int_t)status->items,
                  "pending", pending, "conflicts", conflicts);
    json_object_set_new(object, "mode", json_string(cf_mode_name(status->binding->mode)));
    json_object_set_new(object, "disk", cf_source_disk_json(status->binding));
    json_object_set_new(object, "base_dir", cf_base_dir_json(peer->env, status->binding));
    cf_delete_word_show(status->binding->limit, limit);
    if (status->binding->limit.given)
        json_object_set_new(object, "max_delete", json_string(limit));
    json_object_set_new(object, "poll_ms",
                        json_integer((json_int_t)cf_binding_poll_ms(status->binding)));
    if (status->trouble)
        json_object_set_new(object, "trouble", json_string(status->trouble_text));
    if (status->lock)
        json_object_set_new(object, "lock", json_string(status->lock));
    if (source->advice)
        json_object_set_new(object, "advice", json_string(source->advice));
    return object;
}

static json_t *notes_json(const cf_overview *overview)
{
    json_t *notes = json_array();
    char time[CF_TIME_TEXT];

    for (size_t i = 0; i < overview->note_count; i++) {
        const cf_note *note = &overview->notes[i];
        json_t *object = json_pack("{s:s, s:s}", "kind", note->kind, "text", note->text);

        cf_time_show(note->time_ms, time);
        if (note->time_ms)
            json_object_set_new(object, "time", json_string(time));
        json_array_append_new(notes, object);
    }
    return notes;
}

/* Null where none is set. */
static json_t *broker_json(const cf_overview *overview)
{
    const cf_broker_status *broker = &overview->broker;
    char heard[CF_TIME_TEXT];

    if (!overview->address)
        return json_null();
    json_t *connected =
        overview->asks || broker->connected ? json_boolean(broker->connected) : json_null();
    json_t *shown = json_pack("{s:s, s:o, s:I}", "address", overview->address, "connected",
                              connected, "unsent", (json_int_t)broker->unsent);
    if (broker->set && (broker->trouble || broker->refused))
        json_object_set_new(shown, "trouble", json_string(broker->text));
    if (overview->next_try_s)
        json_object_set_new(shown, "next_try_in", json_integer((json_int_t)overview->next_try_s));
    if (broker->set && broker->heard_at_ms) {
        cf_time_show(broker->heard_at_ms, heard);
        json_object_set_new(shown, "heard", json_string(heard));
    }
    if (broker->set && broker->delay[0])
        json_object_set_new(shown, "delay", json_string(broker->delay));
    return shown;
}

enum { JSON_VERSION = 1 };

json_t *cf_overview_json(const cf_overview *overview, cf_peer *peer)
{
    json_t *collections = json_array();

    for (size_t i = 0; i < overview->count; i++)
        json_array_append_new(collections, source_json(&overview->sources[i], peer));
    json_t *document =
        json_pack("{s:i, s:b, s:s, s:o, s:o, s:o, s:o, s:o}", "version", JSON_VERSION, "in_sync",
                  (int)cf_overview_in_sync(overview), "device", overview->device, "broker",
                  broker_json(overview), "limits", cf_limits_json(&overview->limits), "metered",
                  cf_metered_json(&overview->metered), "collections", collections, "notes",
                  notes_json(overview));
    if (overview->carries)
        json_object_set_new(document, "carries", cf_carried_json(&overview->carried));
    return document;
}

/* ---- For people ---- */

static void print_pending(const cf_output *output, const cf_pending *pending)
{
    char path[CF_NAME_SHOWN];

    cf_name_show(pending->path, path);
    cf_print(output, "  %-9s %s: %s\n", kind_names[pending->kind], path, pending->reason);
}

static void print_held(const cf_output *output, const cf_binding_status *status)
{
    size_t count;
    cf_arena arena = {0};
    cf_held_group *groups =
        cf_pendings_group_held(status->pending, status->pending_count, &arena, &count);
    char path[CF_NAME_SHOWN];

    for (size_t i = 0; i < count; i++) {
        const cf_held_group *group = &groups[i];
        const size_t named = group->count < CF_HELD_NAMED ? group->count : CF_HELD_NAMED;

        cf_print(output, "  %-9s %s\n            ", kind_names[group->kind], group->text);
        for (size_t k = 0; k < named; k++) {
            cf_name_show(group->first[k], path);
            cf_print(output, "%s%s", k ? ", " : "", path);
        }
        if (group->count > named)
            cf_print(output, " and %zu more", group->count - named);
        cf_print(output, "\n");
    }
    cf_arena_release(&arena);
    free(groups);
}

/* Thousands of one kind must not hide the one of another. */
static void print_all_pending(const cf_output *output, const cf_binding_status *status)
{
    size_t listed[sizeof kind_names / sizeof *kind_names] = {0}, more = 0;

    print_held(output, status);
    for (size_t i = 0; i < status->pending_count; i++)
        if (cf_pending_is_held(&status->pending[i]))
            continue;
        else if (listed[status->pending[i].kind]++ < CF_OVERVIEW_LISTED)
            print_pending(output, &status->pending[i]);
        else
            more++;
    if (more)
        cf_print(output, "  and %zu more: `counterfoil --json status` lists all\n", more);
}

static const char *one_way(cf_mode mode)
{
    return mode == CF_MODE_SEND      ? ", which only sends"
           : mode == CF_MODE_RECEIVE ? ", which only receives"
                                     : "";
}

static void print_source(const cf_overview *overview, const cf_overview_source *source,
                         cf_listed_conflicts *listed, cf_peer *peer, const cf_output *output)
{
    const cf_binding_status *status = &source->status;
    cf_binding_status once = *status;
    char limit[CF_DELETE_WORD_TEXT], poll[CF_SOURCE_POLL_TEXT];

    cf_delete_word_show(status->binding->limit, limit);
    cf_source_poll_text(status->binding, poll);
    cf_print(output, "%s: %s, %zu item%s, %s%s%s%s%s\n", source->name,
             cf_overview_source_in_sync(source) ? "in sync" : "not in sync", status->items,
             status->items == 1 ? "" : "s", status->binding->path, one_way(status->binding->mode),
             status->binding->limit.given ? ", --max-delete " : "",
             status->binding->limit.given ? limit : "", poll);
    if (overview->tells_disks) {
        cf_source_print_disk(output, "  ", status->binding);
        cf_source_print_poll(output, "  ", status->binding);
        cf_base_dir_print(peer->env, output, "  ", status->binding);
    }
    if (status->lock)
        cf_print(output, "%s: %s\n", source->name, status->lock);
    if (source->is_taken_off)
        cf_print(output, "%s: %s\n", source->name, status->trouble_text);
    else if (status->trouble)
        cf_print(output, "  %s\n", status->trouble_text);
    print_all_pending(output, status);
    if (source->advice)
        cf_print(output, "  %s\n", source->advice);
    cf_listed_conflicts_take(listed, &once);
    cf_conflicts_print(source->name, &once, peer, output);
}

void cf_overview_print(const cf_overview *overview, cf_peer *peer, const cf_output *output)
{
    const cf_broker_status *broker = &overview->broker;
    cf_listed_conflicts listed = {0};
    char heard[CF_TIME_TEXT];

    for (size_t i = 0; i < overview->count; i++)
        print_source(overview, &overview->sources[i], &listed, peer, output);
    cf_listed_conflicts_release(&listed);
    for (size_t i = 0; i < overview->note_count; i++)
        cf_print(output, "note: %s\n", overview->notes[i].text);
    if (overview->carries)
        cf_carried_print(&overview->carried, output);
    if (overview->limits.up || overview->limits.down)
        cf_limits_print(&overview->limits, output);
    if (cf_metered_line(&overview->metered))
        cf_print(output, "%s\n", cf_metered_line(&overview->metered));
    if (!broker->set) {
        cf_print(output, "no broker is set: this user is kept here only; `counterfoil broker LINE` "
                         "sets one\n");
        return;
    }
    cf_print(output, "broker: %s%s", overview->address ? overview->address : "",
             broker->connected ? ", connected" : "");
    if (broker->heard_at_ms) {
        cf_time_show(broker->heard_at_ms, heard);
        cf_print(output, ", last heard %s", heard);
    }
    if (broker->unsent)
        cf_print(output, ", %zu %s unsent", broker->unsent,
                 broker->unsent == 1 ? "entry" : "entries");
    if (broker->trouble || broker->refused)
        cf_print(output, ", %s", broker->text);
    if (overview->next_try_s)
        cf_print(output, ", next try in %" PRIu64 " s", overview->next_try_s);
    if (broker->delay[0])
        cf_print(output, ", %s", broker->delay);
    cf_print(output, "\n");
}

/* ---- Only what is wrong ---- */

static bool is_error(const cf_pending *pending)
{
    return pending->kind == CF_PENDING_SKIPPED || pending->kind == CF_PENDING_LOCKED;
}

static void say_held(const cf_overview_source *source, const cf_output *output)
{
    const cf_binding_status *status = &source->status;
    size_t count;
    cf_arena arena = {0};
    cf_held_group *groups =
        cf_pendings_group_held(status->pending, status->pending_count, &arena, &count);

    for (size_t i = 0; i < count; i++)
        cf_say(output, "%s: %s", source->name, groups[i].text);
    cf_arena_release(&arena);
    free(groups);
}

static void say_source(const cf_overview_source *source, const cf_output *output)
{
    const cf_binding_status *status = &source->status;
    size_t errors = 0, waiting = 0;
    char path[CF_NAME_SHOWN];

    if (status->trouble)
        cf_say(output, "%s: %s", source->name, status->trouble_text);
    if (source->advice)
        cf_say(output, "%s: %s", source->name, source->advice);
    say_held(source, output);
    for (size_t i = 0; i < status->pending_count; i++) {
        const cf_pending *pending = &status->pending[i];

        if (cf_pending_is_held(pending))
            continue;
        cf_name_show(pending->path, path);
        if (is_error(pending) && errors++ < CF_OVERVIEW_LISTED)
            cf_say(output, "%s: %s%s%s", source->name, path, path[0] ? ": " : "", pending->reason);
        waiting += !is_error(pending) && pending->kind != CF_PENDING_LEFT_OUT;
    }
    if (errors > CF_OVERVIEW_LISTED)
        cf_say(output, "%s: and %zu more: `counterfoil status`", source->name,
               errors - CF_OVERVIEW_LISTED);
    if (waiting)
        cf_say(output, "%s: %zu more not in sync yet: `counterfoil status`", source->name, waiting);
}

void cf_overview_say(const cf_overview *overview, const cf_output *output)
{
    for (size_t i = 0; i < overview->count; i++)
        say_source(&overview->sources[i], output);
    if (overview->metered.deferred && cf_metered_line(&overview->metered))
        cf_say(output, "%s", cf_metered_line(&overview->metered));
}
