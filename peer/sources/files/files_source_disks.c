/* SPDX-License-Identifier: Apache-2.0 */
/* A directory in which another file system lies than before: something was mounted there, or is no
 * longer. What is missing in it was not deleted by anybody, as far as we know. */
#include "peer/sources/files/files_source_inside.h"

typedef struct {
    const cf_nodes *nodes;
    uint64_t *changed; /* directories with another file system than in the base */
    bool *holds;       /* and something is missing below */
    size_t count;
} disks;

static void note_disk(disks *self, uint64_t number, const cf_node_stat *now)
{
    const cf_node *node = cf_nodes_find(self->nodes, number);

    if (node && node->kind == CF_KIND_DIRECTORY && node->stat.device != now->device)
        self->changed[self->count++] = number;
}

static void find_disks(disks *self, const cf_survey_batch *batch, cf_arena *arena)
{
    size_t most = batch->count + batch->restated_count;

    self->changed = cf_arena_allocate(arena, most, sizeof *self->changed);
    self->holds = cf_arena_allocate(arena, most, sizeof *self->holds);
    for (size_t i = 0; i < batch->count; i++)
        note_disk(self, batch->at[i].finding.number, &batch->at[i].finding.stat);
    for (size_t i = 0; i < batch->restated_count; i++)
        note_disk(self, batch->restated[i].number, &batch->restated[i].stat);
}

/* Its place among the changed; `count` when it is none of them. */
static size_t place_of(const disks *self, uint64_t number)
{
    size_t i = 0;

    while (i < self->count && self->changed[i] != number)
        i++;
    return i;
}

/* Whether it lay in one of them, which then holds. */
static bool is_held(disks *self, uint64_t number)
{
    const cf_node *node = cf_nodes_find(self->nodes, number);

    while (node && node->parent != CF_NODE_ROOT) {
        size_t place = place_of(self, node->parent);

        if (place < self->count)
            return self->holds[place] = true;
        node = cf_nodes_find(self->nodes, node->parent);
    }
    return false;
}

static bool holds(const disks *self, uint64_t number)
{
    size_t place = place_of(self, number);

    return place < self->count && self->holds[place];
}

static void note_held(cf_files_source *source, const uint64_t *held, size_t count)
{
    cf_buffer reason = {0};

    cf_buffer_append_text(&reason,
                          "%zu item%s missing here, where another file system is than before: "
                          "mount it again, or `counterfoil sync ",
                          count, count == 1 ? " is" : "s are");
    cf_binding_path_word(source->binding, &reason);
    cf_buffer_append_text(&reason, " --yes` deletes elsewhere too");
    cf_buffer_append(&reason, "", 1);
    for (size_t i = 0; i < count; i++)
        cf_source_note_node(source, held[i], CF_PENDING_HELD, (const char *)reason.data);
    cf_buffer_release(&reason);
}

static void hold_gone(cf_files_source *source, disks *self, cf_arena *arena, cf_survey_batch *batch)
{
    uint64_t *gone = cf_arena_allocate(arena, batch->gone_count, sizeof *gone);
    uint64_t *held = cf_arena_allocate(arena, batch->gone_count, sizeof *held);
    size_t kept = 0, held_count = 0;

    for (size_t i = 0; i < batch->gone_count; i++)
        if (!is_held(self, batch->gone[i]))
            gone[kept++] = batch->gone[i];
        else
            held[held_count++] = batch->gone[i];
    if (held_count)
        note_held(source, held, held_count);
    batch->gone = gone;
    batch->gone_count = kept;
}

/* The base keeps the file system that it knew, so that the next look sees the same. */
static void keep_known(const disks *self, cf_arena *arena, cf_survey_batch *batch)
{
    cf_node *restated = cf_arena_allocate(arena, batch->restated_count, sizeof *restated);
    cf_observation *at = cf_arena_allocate(arena, batch->count, sizeof *at);
    size_t restated_count = 0, count = 0;

    for (size_t i = 0; i < batch->restated_count; i++)
        if (!holds(self, batch->restated[i].number))
            restated[restated_count++] = batch->restated[i];
    for (size_t i = 0; i < batch->count; i++)
        if (!holds(self, batch->at[i].finding.number))
            at[count++] = batch->at[i];
    batch->restated = restated;
    batch->restated_count = restated_count;
    batch->at = at;
    batch->count = count;
}

void cf_source_hold_disks(cf_files_source *source, cf_arena *arena, cf_survey_batch *batch)
{
    disks self = {.nodes = source->binding->nodes};

    if (!batch->gone_count ||
        (source->word.given &&
         cf_guard_allows_others(source->word, batch->gone_count, cf_nodes_count(self.nodes))))
        return;
    find_disks(&self, batch, arena);
    if (!self.count)
        return;
    hold_gone(source, &self, arena, batch);
    keep_known(&self, arena, batch);
}
