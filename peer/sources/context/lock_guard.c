/* SPDX-License-Identifier: Apache-2.0 */
/* A file is another's while a lease of another device covers it, or a directory above it: then its
 * write bits go, and what they were is kept first, so that they come back whatever happens
 * between. What else its user did to the file stays an edit. */
#include "peer/sources/context/lock_guard.h"

#include "broker/platform/times.h"
#include "peer/log/catalog.h"
#include "peer/merge/node_stat.h"

#include <stdlib.h>

const cf_lease *cf_lock_guard_of(cf_locks *locks, const cf_binding *binding, uint64_t number)
{
    const cf_node *node;
    const cf_lease *lease = NULL;

    if (!locks || !cf_locks_any_inside(locks, &binding->collection))
        return NULL;
    for (int depth = 0; !lease && number != CF_NODE_ROOT && depth < CF_BINDING_DEPTH_MAX; depth++) {
        node = cf_nodes_find(binding->nodes, number);
        if (!node)
            return NULL;
        for (size_t i = 0; !lease && i < node->item_count; i++)
            lease = cf_locks_of_other(locks, &binding->collection, &node->items[i]);
        number = node->parent;
    }
    return lease;
}

bool cf_lock_guard_idles(const cf_locks *locks, const cf_binding *binding)
{
    return !binding->taken_count && !cf_locks_any_inside(locks, &binding->collection);
}

const char *cf_lock_guard_text(cf_peer *peer, const cf_lease *lease, cf_arena *arena)
{
    char until[CF_TIME_TEXT];
    cf_buffer text = {0};

    cf_time_show_end(lease->until_ms, peer->env->now_ms(peer->env->context), until);
    cf_buffer_append_text(&text, "locked by %s until %s",
                          cf_catalog_device_name(peer, &lease->holder, arena), until);
    const char *copy = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

const char *cf_lock_guard_line(cf_peer *peer, const cf_lease *lease, cf_arena *arena)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "%s: %s", cf_catalog_name(peer, &lease->collection, arena),
                          cf_lock_guard_text(peer, lease, arena));
    const char *copy = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

/* ---- Taking and giving back ---- */

typedef struct {
    cf_peer *peer;
    cf_locks *locks;
    cf_binding *binding;
    uint64_t *due; /* nodes whose permission is to be taken */
    size_t due_count, due_capacity;
    cf_kv_list records;
} guarding;

static void find_due(void *context, const cf_node *node)
{
    guarding *self = context;

    if (node->kind != CF_KIND_FILE || !cf_lock_guard_of(self->locks, self->binding, node->number))
        return;
    *cf_one_more(self->due, self->due_count, self->due_capacity) = node->number;
}

static cf_status commit(guarding *self, cf_error *error)
{
    cf_store *store = cf_home_store(self->peer->home);
    cf_status status = CF_OK;

    if (self->records.count)
        status = store->write(store, cf_peer_user(self->peer), self->records.at,
                              self->records.count, true, error);
    cf_kv_list_release(&self->records);
    return status;
}

static bool look(guarding *self, const cf_node *node, cf_stat *now)
{
    cf_files *files = self->peer->env->files;
    cf_hold hold = {0};
    cf_error ignored;

    bool seen = cf_binding_hold(self->binding, files, node->parent, &hold, &ignored) == CF_OK &&
                files->stat(files, hold.folder, node->name, now, &ignored) == CF_OK &&
                now->kind == CF_FILE_REGULAR;
    cf_hold_release(&hold, files);
    return seen;
}

/* What else was done to the file stays an edit. */
static void set(guarding *self, const cf_node *node, uint32_t mode, const cf_stat *before)
{
    cf_files *files = self->peer->env->files;
    bool untouched = cf_node_stat_untouched(&node->stat, before);
    cf_hold hold = {0};
    cf_error error;
    cf_stat now;

    cf_status status = cf_binding_hold(self->binding, files, node->parent, &hold, &error);
    if (!status)
        status = files->set_mode(files, hold.folder, node->name, mode, &error);
    if (status)
        cf_report(self->peer->env, CF_REPORT_NOTICE, "the permissions of what is locked: %s",
                  error.text);
    else if (untouched && files->stat(files, hold.folder, node->name, &now, &error) == CF_OK &&
             cf_node_stat_same_bytes(&node->stat, &now)) {
        cf_node changed = *node;

        changed.stat = cf_node_stat_of(&now);
        cf_node_distrust(&changed);
        cf_binding_put_node(self->binding, &changed, &self->records);
    }
    cf_hold_release(&hold, files);
}

static cf_status take(guarding *self, cf_error *error)
{
    size_t left = 0;
    cf_stat now;

    for (size_t i = 0; i < self->due_count; i++) {
        const cf_node *node = cf_nodes_find(self->binding->nodes, self->due[i]);

        if (!look(self, node, &now) || !(now.mode & CF_WRITE_BITS))
            continue;
        cf_write_bits_put(self->binding, node->number, now.mode & 0777, &self->records);
        self->due[left++] = node->number;
    }
    cf_status status = commit(self, error);
    for (size_t i = 0; !status && i < left; i++) {
        const cf_node *node = cf_nodes_find(self->binding->nodes, self->due[i]);

        if (look(self, node, &now))
            set(self, node, now.mode & 0777 & ~(uint32_t)CF_WRITE_BITS, &now);
    }
    return status ? status : commit(self, error);
}

static cf_status give_back(guarding *self, size_t *given, cf_error *error)
{
    cf_binding *binding = self->binding;
    cf_stat now;

    for (size_t i = binding->taken_count; i-- > 0;) {
        const cf_write_bits taken = binding->taken[i];
        const cf_node *node = cf_nodes_find(binding->nodes, taken.node);

        if (node && cf_lock_guard_of(self->locks, binding, taken.node))
            continue;
        if (node && look(self, node, &now) &&
            cf_write_bits_meant(binding, taken.node, now.mode) != now.mode)
            set(self, node, taken.mode, &now);
        cf_write_bits_drop(binding, taken.node, &self->records);
        ++*given;
    }
    return commit(self, error);
}

cf_status cf_lock_guard_apply(cf_peer *peer, cf_locks *locks, cf_binding *binding, size_t *given,
                              cf_error *error)
{
    guarding self = {.peer = peer, .locks = locks, .binding = binding};

    *given = 0;
    cf_status status = give_back(&self, given, error);
    if (cf_locks_any_inside(locks, &binding->collection))
        cf_nodes_each(binding->nodes, find_due, &self);
    if (!status)
        status = take(&self, error);
    cf_kv_list_release(&self.records);
    free(self.due);
    return status;
}

void cf_lock_guard_release(cf_peer *peer, cf_binding *binding)
{
    guarding self = {.peer = peer, .binding = binding};
    size_t given = 0;
    cf_error error;

    if (!binding->taken_count || (!binding->root && cf_binding_open_root(peer, binding, &error)))
        return;
    if (give_back(&self, &given, &error))
        cf_report(peer->env, CF_REPORT_WARNING, "the permissions of what was locked: %s",
                  error.text);
    cf_kv_list_release(&self.records);
}
