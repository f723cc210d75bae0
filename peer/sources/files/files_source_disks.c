/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing where another file system lies than the one on which it was seen last: something
 * was mounted there, or is no longer. Nobody deleted it, as far as we know. */
#include "peer/sources/files/files_source_inside.h"

#include "broker/platform/names.h"

#include <stdlib.h>

/* ---- What is held ---- */

static int by_number(const void *a, const void *b)
{
    uint64_t first = ((const cf_identity_away *)a)->number;
    uint64_t other = ((const cf_identity_away *)b)->number;

    return (first > other) - (first < other);
}

static cf_identity_away *find_away(const cf_files_source *source, uint64_t number)
{
    const cf_identity_away wanted = {.number = number};

    return source->away_count
               ? bsearch(&wanted, source->away, source->away_count, sizeof wanted, by_number)
               : NULL;
}

bool cf_files_source_is_still_missing(const cf_files_source *source, uint64_t number)
{
    return cf_nodes_find(source->binding->nodes, number) && !source->scanning_all &&
           !cf_scan_found(source->scan, number);
}

/* What this look found to be away, and what it did not look for. */
static void renew_away(cf_files_source *source, const cf_scan_batch *batch)
{
    size_t count = 0, capacity = source->away_count;
    cf_node_set gone = {0};

    for (size_t i = 0; i < batch->gone_count; i++)
        cf_node_set_add(&gone, batch->gone[i]);
    cf_node_set_sort(&gone);
    for (size_t i = 0; i < source->away_count; i++)
        if (!cf_node_set_have(&gone, source->away[i].number) &&
            cf_files_source_is_still_missing(source, source->away[i].number))
            source->away[count++] = source->away[i];
    source->away =
        cf_grow(source->away, &capacity, count + batch->away_count, sizeof *source->away);
    for (size_t i = 0; i < batch->away_count; i++)
        source->away[count++] = batch->away[i];
    source->away_count = count;
    if (count)
        qsort(source->away, count, sizeof *source->away, by_number);
    cf_node_set_release(&gone);
}

static bool may_go(const cf_files_source *source)
{
    return source->word.given && cf_guard_allows_others(source->word, source->away_count,
                                                        cf_nodes_count(source->binding->nodes));
}

void cf_files_source_hold_disks(cf_files_source *source, cf_arena *arena, cf_scan_batch *batch)
{
    uint64_t *gone = cf_arena_allocate(arena, batch->gone_count, sizeof *gone);
    size_t kept = 0;

    if (!batch->is_first || (!batch->away_count && !source->away_count))
        return;
    renew_away(source, batch);
    if (may_go(source)) {
        source->away_count = 0;
        return;
    }
    for (size_t i = 0; i < batch->gone_count; i++)
        if (!find_away(source, batch->gone[i]))
            gone[kept++] = batch->gone[i];
    batch->gone = gone;
    batch->gone_count = kept;
}

/* ---- What is told of it ---- */

/* What is missing for one and the same reason. */
typedef struct {
    uint64_t was, is; /* the disks */
    uint64_t place;   /* the directory where it is, or was, mounted */
    const char *reason;
} away_group;

typedef struct {
    const cf_files_source *source;
    const cf_nodes *nodes;
    away_group *groups; /* few: one for each mount that came or went */
    size_t count, capacity;
} away_groups;

/* Where the other disk is, or was, mounted, which is below the source's folder:
 *
 *     card/DCIM is missing; card/ is there, on the disk above          card
 *     card/DCIM/x is missing; another disk has card/, and card/DCIM    card
 *     card/ itself is missing, from the source's folder                card
 */
static uint64_t mount_point(const away_groups *self, const cf_node *missed, uint64_t disk)
{
    const cf_nodes *nodes = self->nodes;
    const cf_node *top = missed, *above;

    while ((above = cf_nodes_find(nodes, top->parent)) && above->disk == missed->disk)
        top = above;
    if (!above)
        return top->kind == CF_KIND_DIRECTORY ? top->number : CF_NODE_ROOT;
    for (top = above; disk && top->disk == disk && (above = cf_nodes_find(nodes, top->parent)) &&
                      above->disk == disk;)
        top = above;
    return top->number;
}

static away_group *group_of(away_groups *self, const cf_node *node, uint64_t disk)
{
    size_t i = 0;

    while (i < self->count && (self->groups[i].was != node->disk || self->groups[i].is != disk))
        i++;
    if (i == self->count) {
        *cf_one_more(self->groups, self->count, self->capacity) =
            (away_group){.was = node->disk, .is = disk, .place = mount_point(self, node, disk)};
    }
    return &self->groups[i];
}

/* Mounted over what is missing, which lies beneath. */
static bool covers(const away_groups *self, const away_group *group)
{
    const cf_node *place = cf_nodes_find(self->nodes, group->place);

    return group->is && place && cf_nodes_disk_in(self->nodes, place->parent) == group->was;
}

static void explain(const away_groups *self, away_group *group, cf_arena *arena)
{
    const cf_binding *binding = self->source->binding;
    cf_buffer reason = {0}, path = {0};
    char shown[CF_NAME_SHOWN];

    cf_binding_path(binding, group->place, &path);
    cf_name_show(path.size ? cf_buffer_view(&path) : cf_bytes_of_text("."), shown);
    cf_buffer_append_text(
        &reason,
        cf_disk_is_below(group->was) ? "missing here, and not seen to be removed: a disk that was "
                                       "mounted at, above or under "
                                       "%s is away, or another one is there, or covers it, or an "
                                       "older folder took its place, "
                                       "or its time was set back: bring it to light again"
        : covers(self, group) ? "missing here, where another file system was mounted: unmount it "
                                "from %s"
        : group->is ? "missing here, where another file system is mounted than before, or the one "
                      "before has lost most of what was on it: mount it as it was at %s again"
                    : "missing here, where another file system was mounted before: mount it at %s "
                      "again",
        shown);
    cf_buffer_append_text(&reason, ", or `counterfoil sync ");
    cf_binding_path_word(binding, &reason);
    cf_buffer_append_text(&reason, " --yes` deletes elsewhere too");
    group->reason = cf_arena_text(arena, cf_buffer_view(&reason));
    cf_buffer_release(&reason);
    cf_buffer_release(&path);
}

void cf_files_source_tell_away(const cf_files_source *source, cf_pendings *pendings)
{
    away_groups self = {.source = source, .nodes = source->binding->nodes};
    cf_buffer path = {0};
    cf_arena arena = {0};

    for (size_t i = 0; i < source->away_count; i++) {
        const cf_node *node = cf_nodes_find(self.nodes, source->away[i].number);

        if (node)
            group_of(&self, node, source->away[i].disk);
    }
    for (size_t i = 0; i < self.count; i++)
        explain(&self, &self.groups[i], &arena);
    for (size_t i = 0; i < source->away_count; i++) {
        const cf_node *node = cf_nodes_find(self.nodes, source->away[i].number);

        if (!node)
            continue;
        cf_buffer_clear(&path);
        cf_binding_path(source->binding, node->number, &path);
        cf_pendings_add(pendings, CF_PENDING_AWAY, cf_buffer_view(&path),
                        group_of(&self, node, source->away[i].disk)->reason);
    }
    free(self.groups);
    cf_buffer_release(&path);
    cf_arena_release(&arena);
}
