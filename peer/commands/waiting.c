/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/waiting.h"

#include "peer/log/acknowledged.h"
#include "peer/log/catalog.h"
#include "peer/log/keeping.h"
#include "peer/commands/device_named.h"
#include "peer/engine/broker_query.h"

#include <stdlib.h>
#include <string.h>

enum { ASK_AGAIN_MS = 250 };

typedef struct {
    cf_id collection;
    cf_head head;
} published;

struct cf_waiting {
    cf_run *run;
    cf_hash *devices;
    size_t count, capacity;
    uint64_t timeout_ms, give_up_ms, ask_ms;
    published *published; /* by this device */
    size_t published_count, published_capacity;
    cf_broker_query *query;
};

/* ---- For whom ---- */

/* Others that are in and can apply something. */
static bool is_awaited(cf_peer *peer, const cf_device *device)
{
    return device->is_valid && device->role != CF_ROLE_RELAY &&
           !cf_hash_equal(&device->id, cf_peer_user(peer)) &&
           !cf_hash_equal(&device->id, cf_peer_device(peer));
}

static void add_device(cf_waiting *self, const cf_hash *device)
{
    *cf_one_more(self->devices, self->count, self->capacity) = *device;
}

static void add_all(cf_waiting *self, cf_peer *peer)
{
    const cf_registry *registry = cf_log_registry(peer->log);

    for (size_t i = 0; i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        if (is_awaited(peer, device))
            add_device(self, &device->id);
    }
}

static cf_status add_named(cf_waiting *self, cf_peer *peer, const char *name, cf_error *error)
{
    cf_hash found;

    cf_status status = cf_device_named(peer, name, false, &found, error);
    if (status == CF_MISSING ||
        (!status && !is_awaited(peer, cf_registry_device(cf_log_registry(peer->log), &found))))
        return cf_fail(error, CF_MISSING, "there is no other device '%s'", name);
    if (!status)
        add_device(self, &found);
    return status;
}

static cf_status add_devices(cf_waiting *self, const char *name, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(self->run->loop);

    if (strcmp(name, "all") != 0)
        return add_named(self, peer, name, error);
    add_all(self, peer);
    return CF_OK;
}

cf_status cf_waiting_new(cf_run *run, cf_waiting **out, cf_error *error)
{
    const char *name;
    size_t at = 0;

    *out = NULL;
    if (!cf_options_has(&run->options, "wait-for"))
        return CF_OK;
    cf_waiting *self = cf_allocate(1, sizeof *self);
    self->run = run;
    cf_status status = cf_run_timeout(run, &self->timeout_ms, error);
    while (!status && (name = cf_options_next(&run->options, "wait-for", &at)))
        status = add_devices(self, name, error);
    if (!status && !cf_engine_link(cf_loop_engine(run->loop)))
        status = cf_fail(error, CF_MISSING, "no broker is set: there is nobody to wait for");
    if (status)
        cf_waiting_destroy(&self);
    *out = self;
    return status;
}

void cf_waiting_destroy(cf_waiting **waiting)
{
    if (!*waiting)
        return;
    cf_broker_query_destroy(&(*waiting)->query);
    free((*waiting)->published);
    free((*waiting)->devices);
    free(*waiting);
    *waiting = NULL;
}

/* ---- For what ---- */

typedef struct {
    cf_waiting *waiting;
    cf_peer *peer;
} gathering;

static void gather(gathering *self, const cf_head *head)
{
    cf_waiting *all = self->waiting;
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;

    if (cf_log_get(self->peer->log, head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK &&
        cf_hash_equal(&entry.header.device, cf_peer_device(self->peer)) &&
        cf_engine_carries(cf_loop_engine(all->run->loop), &entry.header.collection))
        *cf_one_more(all->published, all->published_count, all->published_capacity) =
            (published){entry.header.collection, *head};
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
}

static bool collect_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

static cf_status begin(cf_waiting *self, uint64_t now_ms, cf_error *error)
{
    gathering all = {self, cf_loop_peer(self->run->loop)};
    cf_heads heads = {0};

    self->give_up_ms = now_ms + self->timeout_ms;
    cf_status status = cf_log_heads(all.peer->log, collect_head, &heads, error);
    cf_withheld_leave_out(&all.peer->withheld, &heads);
    for (size_t i = 0; !status && i < heads.count; i++)
        gather(&all, &heads.heads[i]);
    cf_heads_release(&heads);
    return status ? status
                  : cf_broker_query_new(cf_loop_connections(self->run->loop),
                                        cf_loop_peer(self->run->loop), self->timeout_ms,
                                        &self->query, error);
}

/* Of what this device published, in the collections that the other keeps. */
static bool has_all(const cf_waiting *self, const cf_hash *device, const cf_heads *applied)
{
    cf_peer *peer = cf_loop_peer(self->run->loop);
    cf_arena arena = {0};
    cf_heads due = {0};

    const cf_kept kept = cf_kept_of(peer, device, &arena);
    for (size_t i = 0; i < self->published_count; i++)
        if (cf_kept_has(&kept, &self->published[i].collection))
            cf_heads_insert(&due, &self->published[i].head);
    const bool has = cf_heads_lacking(&due, applied) == 0;
    cf_heads_release(&due);
    cf_arena_release(&arena);
    return has;
}

static bool has_applied(const cf_waiting *self, const cf_hash *device)
{
    const cf_query_answer *found = cf_broker_query_answer(self->query);

    for (size_t i = 0; i < found->report_count; i++)
        if (cf_hash_equal(&found->reports[i].device, device))
            return has_all(self, device, &found->reports[i].applied);
    return false;
}

/* NULL: all have. */
static const cf_hash *find_late(const cf_waiting *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (!has_applied(self, &self->devices[i]))
            return &self->devices[i];
    return NULL;
}

static cf_status give_up(const cf_waiting *self, const cf_hash *late, cf_error *error)
{
    cf_arena arena = {0};

    cf_fail(error, CF_UNREACHABLE, "%s has not applied everything yet",
            cf_catalog_device_name(cf_loop_peer(self->run->loop), late, &arena));
    cf_arena_release(&arena);
    return error->status;
}

bool cf_waiting_over(cf_waiting *waiting, uint64_t now_ms, uint64_t *deadline_ms, cf_status *status,
                     cf_error *error)
{
    *status = waiting->query ? CF_OK : begin(waiting, now_ms, error);
    if (*status)
        return true;
    if (waiting->ask_ms) {
        *deadline_ms = waiting->ask_ms;
        if (now_ms < waiting->ask_ms)
            return false;
        waiting->ask_ms = 0;
        cf_broker_query_again(waiting->query);
    }
    if (!cf_broker_query_over(waiting->query, now_ms, deadline_ms, status, error))
        return false;
    const cf_hash *late = *status ? NULL : find_late(waiting);
    if (!late)
        return true;
    if (now_ms >= waiting->give_up_ms) {
        *status = give_up(waiting, late, error);
        return true;
    }
    *deadline_ms = waiting->ask_ms = now_ms + ASK_AGAIN_MS;
    return false;
}
