/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/names.h"
#include "broker/platform/times.h"
#include "peer/log/catalog.h"
#include "peer/commands/lockable.h"
#include "peer/commands/verbs.h"

#include <stdlib.h>

enum { LOOK_AGAIN_MS = 250 };

typedef struct {
    uint64_t give_up_ms;
} state;

static cf_status start(cf_run *run, cf_error *error)
{
    state *self = cf_allocate(1, sizeof *self);
    uint64_t timeout_ms = 0;

    run->state = self;
    cf_status status = cf_run_check_count(run, 0, 0, error);
    if (!status)
        status = cf_run_timeout(run, &timeout_ms, error);
    self->give_up_ms = cf_loop_now(run->loop) + timeout_ms;
    cf_loop_wake(run->loop);
    return status;
}

static bool is_whole(const cf_lease *lease)
{
    static const cf_id whole;

    return cf_id_equal(&lease->name, &whole);
}

/* What is in a collection that has no source here keeps its hidden name. */
static json_t *describe(cf_run *run, const cf_lease *lease, cf_arena *arena)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    char since[CF_TIME_TEXT], until[CF_TIME_TEXT];
    cf_buffer path = {0};

    cf_time_show(lease->since_ms, since);
    cf_time_show(lease->until_ms, until);
    json_t *object = json_pack("{s:s, s:s, s:b, s:b, s:s, s:s}", "collection",
                               cf_catalog_name(peer, &lease->collection, arena), "device",
                               cf_catalog_device_name(peer, &lease->holder, arena), "this",
                               (int)cf_hash_equal(&lease->holder, cf_peer_device(peer)), "shared",
                               (int)lease->shared, "since", since, "until", until);
    if (!is_whole(lease) && cf_lockable_path(cf_loop_engine(run->loop), lease, &path))
        json_object_set_new(object, "path", cf_json_name(cf_buffer_view(&path)));
    else if (!is_whole(lease))
        json_object_set_new(object, "name", cf_json_hex(lease->name.bytes, CF_ID_SIZE));
    cf_buffer_release(&path);
    return object;
}

/* What people read is local time. */
static void tell_times(json_t *lock, const cf_lease *lease, uint64_t now_ms)
{
    char since[CF_TIME_TEXT], until[CF_TIME_TEXT];

    cf_time_show_since(lease->since_ms, now_ms, since);
    cf_time_show_end(lease->until_ms, now_ms, until);
    json_object_set_new(lock, "since", json_string(since));
    json_object_set_new(lock, "until", json_string(until));
}

static const char *text_of(const json_t *lock, const char *key)
{
    const char *text = json_string_value(json_object_get(lock, key));

    return text ? text : "";
}

/* A file's name may have line ends: what is printed has none. */
static void print_line(cf_run *run, const cf_lease *lease, const json_t *lock)
{
    const char *name = text_of(lock, "name");
    cf_buffer path = {0}, shown = {0};

    if (!is_whole(lease) && cf_lockable_path(cf_loop_engine(run->loop), lease, &path))
        cf_name_append_shown(&shown, cf_buffer_view(&path));
    else
        cf_buffer_append_text(&shown, "%s", name);
    cf_print(
        &run->output, "%s%s%.*s  %s%s  since %s  until %s%s\n", text_of(lock, "collection"),
        shown.size ? ": " : "", (int)shown.size, (const char *)shown.data, text_of(lock, "device"),
        json_is_true(json_object_get(lock, "this")) ? " (this device)" : "", text_of(lock, "since"),
        text_of(lock, "until"), json_is_true(json_object_get(lock, "shared")) ? "  shared" : "");
    cf_buffer_release(&path);
    cf_buffer_release(&shown);
}

static void show(cf_run *run)
{
    size_t count;
    const cf_lease *all = cf_locks_all(cf_engine_locks(cf_loop_engine(run->loop)), &count);
    json_t *list = json_array();
    cf_arena arena = {0};

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, describe(run, &all[i], &arena));
    for (size_t i = 0; !run->json && i < count; i++) {
        tell_times(json_array_get(list, i), &all[i], cf_loop_time(run->loop));
        print_line(run, &all[i], json_array_get(list, i));
    }
    if (run->json)
        cf_print_json(&run->output, json_incref(list));
    json_decref(list);
    cf_arena_release(&arena);
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    const state *self = run->state;

    if (cf_locks_are_known(cf_engine_locks(cf_loop_engine(run->loop)))) {
        show(run);
        return CF_OK;
    }
    progress->over = false;
    progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
    return cf_lock_await(run, now_ms, self->give_up_ms, error);
}

static void end(cf_run *run)
{
    free(run->state);
}

static const cf_option options[] = {
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_locks = {
    .name = "locks",
    .usage = "locks",
    .summary = "Lists what is locked: by whom, since when and until when",
    .more = "What is locked in a collection that has no source here is shown by its hidden name.",
    .needs = CF_NEEDS_PEER,
    .connects = true,
    .options = options,
    .start = start,
    .step = step,
    .end = end,
};
