/* SPDX-License-Identifier: Apache-2.0 */
/* What vanishes is young where the writer that deletes it made it within CF_GUARD_YOUNG_MS before:
 * a note of ten minutes, deleted by who wrote it. It is not where it was brought, its mtime older
 * than that when it was first told of, or made before its source was met. */
#include "peer/bindings/deletion_ages.h"

#include "peer/merge/covered.h"
#include "peer/merge/node_stat.h"

/* Its first write that still stands: what it is, a file or a row, nobody replaces. */
static bool find_birth(const cf_state *state, const cf_item *item, cf_write *out)
{
    bool found = false;

    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(state, item, i);

        if (write.field == CF_FIELD_NUMBER_DELETED ||
            (found && cf_time_compare(write.time, out->time) >= 0))
            continue;
        *out = write;
        found = true;
    }
    return found;
}

static bool is_within(const cf_write *birth, const cf_id *writer, uint64_t at_ms)
{
    return cf_id_equal(&birth->dot.writer, writer) && birth->time.ms + CF_GUARD_YOUNG_MS > at_ms;
}

/* What was older than that when it was first told of was not made then: its source was added, or it
 * was brought from elsewhere. A row has no time, and what came with its source is known where that
 * is alone (met_ms). */
static bool was_brought(const cf_state *state, const cf_item *item, const cf_write *birth)
{
    int64_t mtime_ns;

    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(state, item, i);

        if (write.field == CF_FIELD_NUMBER_MTIME && cf_mtime_of(write.value, &mtime_ns) &&
            (mtime_ns < 0 || (uint64_t)mtime_ns / 1000000 + CF_GUARD_YOUNG_MS < birth->time.ms))
            return true;
    }
    return false;
}

static bool is_young(const cf_deleters *self, const cf_item *item, const cf_write *birth)
{
    if (birth->time.ms <= self->met_ms)
        return false;
    for (size_t i = 0; i < self->count; i++)
        if (is_within(birth, &self->at[i].writer, self->at[i].at_ms))
            return !was_brought(self->state, item, birth);
    return false;
}

static void add_deleter(cf_deleters *self, const cf_id *writer, uint64_t at_ms)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_id_equal(&self->at[i].writer, writer)) {
            if (self->at[i].at_ms < at_ms)
                self->at[i].at_ms = at_ms;
            return;
        }
    if (self->count < CF_DELETERS_MAX)
        self->at[self->count++] = (cf_deleter){*writer, at_ms};
}

/* Who deleted the item made it within the hour before; all who deleted it are noted. */
static bool was_young(cf_deleters *self, const cf_item *item, const cf_write *birth)
{
    bool young = false;

    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(self->state, item, i);

        if (write.field != CF_FIELD_NUMBER_DELETED || !cf_deletion_deletes(write.value))
            continue;
        add_deleter(self, &write.dot.writer, write.time.ms);
        young |= is_within(birth, &write.dot.writer, write.time.ms);
    }
    return young && birth->time.ms > self->met_ms && !was_brought(self->state, item, birth);
}

void cf_deleters_know(cf_deleters *self, cf_peer *peer, const cf_binding *binding,
                      const cf_vanishing *vanishing)
{
    cf_collection *collection;
    cf_error ignored;
    cf_id own;

    if (cf_peer_collection(peer, &binding->collection, &collection, &ignored) == CF_OK)
        self->state = collection->state;
    /* By the log's time: a clock that was set back makes nothing young. */
    if (vanishing->side == CF_GUARD_HERE &&
        cf_author_writer(peer->author, &binding->collection, &own))
        add_deleter(self, &own, cf_author_time(peer->author, vanishing->now_ms).ms);
    self->met_ms = binding->meets ? UINT64_MAX : binding->met_ms;
}

cf_age cf_deletion_age(cf_deleters *self, const cf_id *id, cf_guard_side side)
{
    const cf_item *item = self->state ? cf_state_item(self->state, id) : NULL;
    cf_write birth;

    if (!item || !find_birth(self->state, item, &birth))
        return (cf_age){0};
    return (cf_age){birth.time, side == CF_GUARD_HERE ? is_young(self, item, &birth)
                                                      : was_young(self, item, &birth)};
}

/* It stays, or goes from here: by any of those who delete something. */
static bool is_older(const cf_deleters *self, const cf_id *id)
{
    const cf_item *item = self->state ? cf_state_item(self->state, id) : NULL;
    cf_write birth;

    return !item || !find_birth(self->state, item, &birth) || !is_young(self, item, &birth);
}

static uint64_t count_older_rows(const cf_deleters *self, const cf_rows *rows, uint64_t enough)
{
    uint64_t older = 0;

    for (const cf_row *row = NULL; older < enough && (row = cf_rows_next(rows, row));)
        older += is_older(self, &row->item);
    return older;
}

uint64_t cf_deleters_count_older(const cf_deleters *self, const cf_binding *binding,
                                 bool with_dependants, uint64_t enough)
{
    uint64_t older = count_older_rows(self, binding->rows, enough);

    if (with_dependants && older < enough)
        older += count_older_rows(self, binding->dependants, enough - older);
    for (const cf_node *node = NULL;
         older < enough && (node = cf_nodes_next(binding->nodes, node));)
        older += !node->item_count || is_older(self, &node->items[0]);
    return older;
}

bool cf_deletion_is_known(cf_view *view, const cf_node *node, cf_arena *arena)
{
    cf_tree_place ignored;

    for (size_t i = 0; i < node->item_count; i++)
        if (cf_view_find(view, &node->items[i], arena, &ignored))
            return false;
    return node->item_count > 0;
}
