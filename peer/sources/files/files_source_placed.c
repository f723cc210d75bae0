/* SPDX-License-Identifier: Apache-2.0 */
/* Of what counts, that for which there is a place already: a directory that is known, a name that
 * nobody else has; and of directories that are gone, those that are empty. */
#include "peer/sources/files/files_source_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- What is not in its place yet ---- */

static bool has_left(const cf_node *node, const cf_finding *finding)
{
    return node->parent != finding->parent || !cf_bytes_equal(node->name, finding->name);
}

static bool is_taken(const cf_files_source *source, const cf_node *node)
{
    return cf_look_places_find(&source->taken, node->parent, node->name);
}

static void add_waiting(cf_files_source *source, const cf_finding *finding)
{
    const cf_node *node = cf_nodes_find(source->binding->nodes, finding->number);

    if (node ? has_left(node, finding) : finding->kind == CF_KIND_DIRECTORY)
        cf_node_set_add(&source->waiting, finding->number);
    if (!node || has_left(node, finding))
        cf_look_places_add(&source->taken, finding->parent, finding->name, CF_ABSENCE_WAITS);
}

static void sort_waiting(cf_files_source *source)
{
    cf_node_set_sort(&source->waiting);
    cf_look_places_sort(&source->taken);
}

void cf_files_source_note_waiting(cf_files_source *source, const cf_scan_batch *found,
                                  const cf_scan_batch *kept)
{
    size_t next = 0;

    for (size_t i = 0; i < found->count; i++)
        if (next < kept->count && kept->at[next].finding.number == found->at[i].finding.number)
            next++;
        else
            add_waiting(source, &found->at[i].finding);
    sort_waiting(source);
}

typedef struct {
    cf_node_set new; /* directories that this part of the look tells of */
    size_t waiting;  /* so many of the source's are in order */
} placing;

static bool has_directory(const cf_files_source *source, const placing *with, uint64_t directory)
{
    const cf_node_set waiting = {.at = source->waiting.at, .count = with->waiting};

    if (cf_node_set_have(&waiting, directory))
        return false;
    return directory == CF_NODE_ROOT || cf_nodes_find(source->binding->nodes, directory) ||
           cf_node_set_have(&with->new, directory);
}

static bool drop_placeless(cf_files_source *source, placing *with, cf_observation *at,
                           size_t *count)
{
    size_t kept = 0, before = *count;

    with->new.count = 0;
    with->waiting = source->waiting.count;
    for (size_t i = 0; i < before; i++)
        if (at[i].finding.kind == CF_KIND_DIRECTORY)
            cf_node_set_add(&with->new, at[i].finding.number);
    cf_node_set_sort(&with->new);
    for (size_t i = 0; i < before; i++)
        if (has_directory(source, with, at[i].finding.parent))
            at[kept++] = at[i];
        else
            add_waiting(source, &at[i].finding);
    sort_waiting(source);
    *count = kept;
    return kept < before;
}

/* A directory that is new, or somewhere else now, may have to wait: it could not be read, or it
 * lies in one that another has locked. What was found in it has no place until then, or one where
 * nothing lies any more, and waits with it. */
static void hold_placeless(cf_files_source *source, cf_scan_batch *judged)
{
    placing with = {0};

    while (drop_placeless(source, &with, (cf_observation *)judged->at, &judged->count))
        ;
    cf_node_set_release(&with.new);
}

/* ---- Directories that are not empty yet ---- */

/* Nodes that are gone, or that this part of the look says something of. */
typedef struct {
    cf_node_set gone, observed;
} leaving;

/* All that the base has in it goes too. */
static bool is_emptied(const cf_nodes *nodes, const leaving *nodes_leaving, uint64_t folder)
{
    for (const cf_node *child = cf_nodes_next_child(nodes, folder, NULL); child;
         child = cf_nodes_next_child(nodes, folder, child))
        if (!cf_node_set_have(&nodes_leaving->gone, child->number) &&
            !cf_node_set_have(&nodes_leaving->observed, child->number))
            return false;
    return true;
}

static bool drop_filled(const cf_nodes *nodes, leaving *nodes_leaving)
{
    cf_node_set *gone = &nodes_leaving->gone;
    size_t kept = 0, before = gone->count;

    for (size_t i = 0; i < before; i++)
        if (is_emptied(nodes, nodes_leaving, gone->at[i]))
            gone->at[kept++] = gone->at[i]; /* stays in order */
    gone->count = kept;
    return kept < before;
}

static void note_filled(const cf_files_source *source, const cf_scan_batch *judged, bool is_filled)
{
    for (size_t i = 0; i < judged->gone_count; i++)
        cf_files_source_find_gone(source, judged->gone[i])->is_filled = is_filled;
}

/* A file that was copied elsewhere is found there when it is read, in a later part, or not at all
 * while somebody writes it. Until then its node stays where it is, and so do the directories above:
 * they go at the next look. */
static void keep_filled(cf_files_source *source, cf_scan_batch *judged)
{
    note_filled(source, judged, true);
    leaving nodes_leaving = {.gone = {.at = (uint64_t *)judged->gone, .count = judged->gone_count}};

    for (size_t i = 0; i < judged->count; i++)
        if (judged->at[i].finding.number)
            cf_node_set_add(&nodes_leaving.observed, judged->at[i].finding.number);
    cf_node_set_sort(&nodes_leaving.gone);
    cf_node_set_sort(&nodes_leaving.observed);
    while (drop_filled(source->binding->nodes, &nodes_leaving))
        ;
    judged->gone_count = nodes_leaving.gone.count;
    note_filled(source, judged, false);
    cf_node_set_release(&nodes_leaving.observed);
}

/* ---- What takes the place of something else ---- */

static void note_counting(cf_files_source *source, const cf_scan_batch *batch,
                          const cf_scan_batch *judged)
{
    for (size_t i = 0; i < batch->gone_count; i++)
        cf_files_source_find_gone(source, batch->gone[i])->counts = false;
    for (size_t i = 0; i < judged->gone_count; i++)
        cf_files_source_find_gone(source, judged->gone[i])->counts = true;
}

/* A directory whose place is taken by what was in it can't go before that has left it. */
static bool was_inside(const cf_nodes *nodes, const cf_finding *finding, uint64_t directory)
{
    const cf_node *node = cf_nodes_find(nodes, finding->number);

    while (node && node->number != directory)
        node = cf_nodes_find(nodes, node->parent);
    return node != NULL;
}

/* Nor before what has left it has a place, which may be in the directory that has its own:
 *
 *     mv e/f x; rmdir e; mv x e     and f was edited, so it is read first
 *
 * Two directories of one name are shown as one. */
static bool may_join(const cf_finding *finding, const cf_gone_node *gone)
{
    return finding->kind == CF_KIND_DIRECTORY && gone->is_filled;
}

/* What the base has there is missing, or somewhere else, and nobody is told so yet. */
static bool is_in_place_of_another(const cf_files_source *source, const cf_finding *finding)
{
    const cf_node *was = cf_nodes_child(source->binding->nodes, finding->parent, finding->name);

    if (!was || was->number == finding->number)
        return false;
    const cf_gone_node *gone = cf_files_source_find_gone(source, was->number);
    if (!gone)
        return cf_node_set_have(&source->waiting, was->number);
    return !gone->counts && !may_join(finding, gone) &&
           !was_inside(source->binding->nodes, finding, was->number);
}

/* Not all could be listed, so nothing says that what the base has there is gone. Another look
 * tells, or else one that comes later. */
static bool is_in_place_of_unseen(cf_files_source *source, const cf_observation *seen)
{
    const cf_finding *finding = &seen->finding;
    const cf_node *was = cf_nodes_child(source->binding->nodes, finding->parent, finding->name);

    if (!was || was->number == finding->number || cf_files_source_find_gone(source, was->number) ||
        cf_scan_found(source->scan, was->number))
        return false;
    cf_files_source_confirm_missing(source, was, NULL);
    cf_files_source_note_found(
        source, seen, CF_PENDING_WAITS,
        "what was there before may be somewhere else: not all could be listed");
    return true;
}

/* A file is gone or moved, and another thing has its name: if only that were told, there would be
 * two of one name, and one of them a conflict copy, here too. Nothing is noted: what is missing
 * there is. */
static bool drop_replacing(cf_files_source *source, cf_scan_batch *judged)
{
    cf_observation *kept = cf_allocate(judged->count, sizeof *kept);
    size_t count = 0, before = judged->count;

    for (size_t i = 0; i < before; i++)
        if (is_in_place_of_another(source, &judged->at[i].finding) ||
            is_in_place_of_unseen(source, &judged->at[i]))
            add_waiting(source, &judged->at[i].finding);
        else
            kept[count++] = judged->at[i];
    sort_waiting(source);
    if (count)
        memcpy((cf_observation *)judged->at, kept, count * sizeof *kept);
    free(kept);
    judged->count = count;
    return count < before;
}

/* What another thing has the place of goes with that: else nothing would be there for those to whom
 * it is told. Nothing is noted: what waits is. */
static bool keep_replaced(cf_files_source *source, cf_scan_batch *judged)
{
    const cf_nodes *nodes = source->binding->nodes;
    uint64_t *gone = (uint64_t *)judged->gone;
    cf_observation *at = (cf_observation *)judged->at;
    size_t gone_kept = 0, kept = 0, before = judged->count;

    for (size_t i = 0; i < judged->gone_count; i++)
        if (!is_taken(source, cf_nodes_find(nodes, gone[i])))
            gone[gone_kept++] = gone[i];
    for (size_t i = 0; i < before; i++) {
        const cf_node *node = cf_nodes_find(nodes, at[i].finding.number);

        if (node && has_left(node, &at[i].finding) && is_taken(source, node))
            add_waiting(source, &at[i].finding);
        else
            at[kept++] = at[i];
    }
    sort_waiting(source);
    judged->gone_count = gone_kept;
    judged->count = kept;
    return kept < before;
}

/* Directories that are gone, and have waited from one look to the next for what was in them. */
static void note_all_filled(cf_files_source *source)
{
    for (size_t i = 0; i < source->gone_count; i++)
        if (source->gone[i].is_filled)
            cf_files_source_note_node(source, source->gone[i].number, CF_PENDING_WAITS,
                                      "it is gone here, and told when all that was in it is");
}

void cf_files_source_judge_placed(cf_files_source *source, const cf_scan_batch *batch,
                                  cf_scan_batch *judged)
{
    size_t before = judged->gone_count;

    cf_files_source_note_waiting(source, batch, judged);
    do {
        do
            hold_placeless(source, judged);
        while (keep_replaced(source, judged));
        if (judged->gone_count)
            keep_filled(source, judged);
        note_counting(source, batch, judged);
    } while (drop_replacing(source, judged));
    if (!before || !batch->is_first) /* later parts tell only of what was left to them */
        return;
    source->filled = before - judged->gone_count;
    if (source->filled == source->filled_before)
        note_all_filled(source);
    source->confirm |= source->filled && source->filled != source->filled_before;
}
