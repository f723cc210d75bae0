/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/files_source_inside.h"

#include <stdio.h>
#include <stdlib.h>

/* Kept with its directory: the base forgets it when the part that says it is gone is published. */
struct cf_gone_node {
    uint64_t number, parent;
    bool counts; /* and is told now */
};

static int by_number(const void *a, const void *b)
{
    uint64_t first = ((const struct cf_gone_node *)a)->number;
    uint64_t second = ((const struct cf_gone_node *)b)->number;

    return (first > second) - (first < second);
}

/* The first part of a look says what is gone. */
static void take_gone(cf_files_source *source, const cf_survey_batch *batch)
{
    if (!batch->gone_count)
        return;
    free(source->gone);
    source->gone = cf_allocate(batch->gone_count, sizeof *source->gone);
    source->gone_count = batch->gone_count;
    for (size_t i = 0; i < batch->gone_count; i++) {
        const cf_node *node = cf_nodes_find(source->binding->nodes, batch->gone[i]);

        source->gone[i] = (struct cf_gone_node){.number = node->number, .parent = node->parent};
    }
    qsort(source->gone, source->gone_count, sizeof *source->gone, by_number);
}

static struct cf_gone_node *find_gone(const cf_files_source *source, uint64_t number)
{
    const struct cf_gone_node wanted = {.number = number};

    return source->gone_count
               ? bsearch(&wanted, source->gone, source->gone_count, sizeof wanted, by_number)
               : NULL;
}

/* In which directory that is still there it was, or the one that was above it. */
static uint64_t folder_of(const cf_files_source *source, const cf_node *node)
{
    uint64_t folder = node->parent;
    const struct cf_gone_node *gone;

    while ((gone = find_gone(source, folder)))
        folder = gone->parent;
    return folder;
}

cf_absence cf_source_absence_in(const cf_files_source *source, uint64_t folder)
{
    if (!source->quiet)
        return CF_ABSENCE_COUNTS; /* nobody would look again */
    for (size_t i = 0; i < source->surveyed_count; i++)
        if (source->surveyed[i].folder == folder &&
            source->surveyed[i].absence > source->surveying_absence)
            return source->surveyed[i].absence;
    return source->surveying_absence;
}

/* Seen to be missing; true: for the second time in a row. */
static bool is_confirmed(cf_files_source *source, uint64_t number)
{
    cf_numbers_add(&source->seen_missing, number);
    if (cf_numbers_have(&source->missing, number))
        return true;
    source->confirm = true;
    return false;
}

/* ---- Gone ---- */

static void hold_gone(cf_files_source *source, const cf_survey_batch *judged)
{
    char reason[160];

    snprintf(
        reason, sizeof reason,
        "%zu of %zu items are missing here: say --yes or --max-delete to delete them elsewhere too",
        judged->gone_count, cf_nodes_count(source->binding->nodes));
    const char *kept = cf_pendings_text(&source->found, reason);
    for (size_t i = 0; i < judged->gone_count; i++)
        cf_source_note_node(source, judged->gone[i], CF_PENDING_HELD, kept);
    source->confirm = false;
}

/* It may have been moved to where this look doesn't go, and where no watch sees it come. */
static bool may_be_elsewhere(const cf_files_source *source)
{
    return !source->surveying_all &&
           (!source->quiet || cf_watch_missing(source->workshop->watch) > 0);
}

static bool is_gone(cf_files_source *source, const cf_node *node, uint64_t now_ms)
{
    uint64_t folder = folder_of(source, node);

    if (cf_source_absence_in(source, folder) != CF_ABSENCE_COUNTS) {
        cf_quiet_miss(source->quiet, folder, now_ms);
    } else if (may_be_elsewhere(source)) {
        cf_source_look_at(source, folder, CF_ABSENCE_COUNTS);
        cf_source_look_at_all(source, CF_ABSENCE_WAITS);
    } else {
        return is_confirmed(source, node->number);
    }
    cf_source_note_node(source, node->number, CF_PENDING_WAITS,
                        "it is missing here, perhaps for a moment");
    return false;
}

static void judge_gone(cf_files_source *source, const cf_survey_batch *batch, uint64_t now_ms,
                       cf_survey_batch *out)
{
    uint64_t *gone = cf_allocate(batch->gone_count, sizeof *gone);

    out->gone = gone;
    out->gone_count = 0;
    for (size_t i = 0; i < batch->gone_count; i++)
        if (is_gone(source, cf_nodes_find(source->binding->nodes, batch->gone[i]), now_ms))
            gone[out->gone_count++] = batch->gone[i];
    if (cf_guard_allows(source->word, out->gone_count, cf_nodes_count(source->binding->nodes)))
        return;
    hold_gone(source, out);
    out->gone_count = 0;
}

/* ---- Moved ---- */

/* A directory is no backup of another one. */
static const cf_node *moved_from(const cf_files_source *source, const cf_finding *finding)
{
    const cf_node *node = cf_nodes_find(source->binding->nodes, finding->number);

    return !node || node->kind == CF_KIND_DIRECTORY ||
                   (node->parent == finding->parent && cf_bytes_equal(node->name, finding->name))
               ? NULL
               : node;
}

/* `mv f f~`, and f is about to be written again: till then it is missing here, but never elsewhere.
 */
static bool has_moved(cf_files_source *source, const cf_finding *finding, const cf_node *node,
                      uint64_t now_ms)
{
    uint64_t folder = folder_of(source, node);

    if (cf_source_absence_in(source, folder) != CF_ABSENCE_WAITS)
        return is_confirmed(source, node->number);
    cf_quiet_hold(source->quiet, folder, finding->parent, now_ms);
    return false;
}

static void judge_moved(cf_files_source *source, const cf_survey_batch *batch, uint64_t now_ms,
                        cf_survey_batch *out)
{
    cf_observation *at = cf_allocate(batch->count, sizeof *at);

    out->at = at;
    out->count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const cf_finding *finding = &batch->at[i].finding;
        const cf_node *node = moved_from(source, finding);

        if (!node || has_moved(source, finding, node, now_ms))
            at[out->count++] = batch->at[i];
        else
            cf_source_note_found(source, finding, CF_PENDING_WAITS,
                                 "it has just been moved, perhaps for a moment");
    }
}

/* ---- Directories that are not there yet ---- */

static void add_waiting(cf_files_source *source, const cf_finding *finding)
{
    const cf_node *node = cf_nodes_find(source->binding->nodes, finding->number);

    if (finding->kind == CF_KIND_DIRECTORY &&
        !(node && node->parent == finding->parent && cf_bytes_equal(node->name, finding->name)))
        cf_numbers_add(&source->waiting, finding->number);
}

void cf_source_note_waiting(cf_files_source *source, const cf_survey_batch *found,
                            const cf_survey_batch *kept)
{
    size_t next = 0;

    for (size_t i = 0; i < found->count; i++)
        if (next < kept->count && kept->at[next].finding.number == found->at[i].finding.number)
            next++;
        else
            add_waiting(source, &found->at[i].finding);
    cf_numbers_sort(&source->waiting);
}

typedef struct {
    cf_numbers new; /* directories that this part of the look tells of */
    size_t waiting; /* so many of the source's are in order */
} placing;

static bool has_directory(const cf_files_source *source, const placing *with, uint64_t directory)
{
    const cf_numbers waiting = {.at = source->waiting.at, .count = with->waiting};

    if (cf_numbers_have(&waiting, directory))
        return false;
    return directory == CF_NODE_ROOT || cf_nodes_find(source->binding->nodes, directory) ||
           cf_numbers_have(&with->new, directory);
}

static bool drop_placeless(cf_files_source *source, placing *with, cf_observation *at,
                           size_t *count)
{
    size_t kept = 0, before = *count;

    with->new.count = 0;
    with->waiting = source->waiting.count;
    for (size_t i = 0; i < before; i++)
        if (at[i].finding.kind == CF_KIND_DIRECTORY)
            cf_numbers_add(&with->new, at[i].finding.number);
    cf_numbers_sort(&with->new);
    for (size_t i = 0; i < before; i++)
        if (has_directory(source, with, at[i].finding.parent))
            at[kept++] = at[i];
        else
            add_waiting(source, &at[i].finding);
    cf_numbers_sort(&source->waiting);
    *count = kept;
    return kept < before;
}

/* A directory that is new, or somewhere else now, may have to wait: it could not be read, or it
 * lies in one that another has locked. What was found in it has no place until then, or one where
 * nothing lies any more, and waits with it. */
static void judge_placed(cf_files_source *source, cf_survey_batch *judged)
{
    placing with = {0};

    while (drop_placeless(source, &with, (cf_observation *)judged->at, &judged->count))
        ;
    cf_numbers_release(&with.new);
}

/* ---- Directories that are not empty yet ---- */

/* Nodes that are gone, or that this part of the look says something of. */
typedef struct {
    cf_numbers gone, observed;
} leaving;

/* All that the base has in it goes too. */
static bool is_emptied(const cf_nodes *nodes, const leaving *nodes_leaving, uint64_t folder)
{
    for (const cf_node *child = cf_nodes_next_child(nodes, folder, NULL); child;
         child = cf_nodes_next_child(nodes, folder, child))
        if (!cf_numbers_have(&nodes_leaving->gone, child->number) &&
            !cf_numbers_have(&nodes_leaving->observed, child->number))
            return false;
    return true;
}

static bool drop_filled(const cf_nodes *nodes, leaving *nodes_leaving)
{
    cf_numbers *gone = &nodes_leaving->gone;
    size_t kept = 0, before = gone->count;

    for (size_t i = 0; i < before; i++)
        if (is_emptied(nodes, nodes_leaving, gone->at[i]))
            gone->at[kept++] = gone->at[i]; /* stays in order */
    gone->count = kept;
    return kept < before;
}

/* A file that was copied elsewhere is found there when it is read, in a later part, or not at all
 * while somebody writes it. Until then its node stays where it is, and so do the directories above:
 * they go at the next look. */
static void keep_filled(cf_files_source *source, cf_survey_batch *judged)
{
    leaving nodes_leaving = {.gone = {.at = (uint64_t *)judged->gone, .count = judged->gone_count}};

    for (size_t i = 0; i < judged->count; i++)
        if (judged->at[i].finding.number)
            cf_numbers_add(&nodes_leaving.observed, judged->at[i].finding.number);
    cf_numbers_sort(&nodes_leaving.gone);
    cf_numbers_sort(&nodes_leaving.observed);
    while (drop_filled(source->binding->nodes, &nodes_leaving))
        ;
    judged->gone_count = nodes_leaving.gone.count;
    cf_numbers_release(&nodes_leaving.observed);
}

/* ---- What takes the place of something else ---- */

static void note_counting(cf_files_source *source, const cf_survey_batch *batch,
                          const cf_survey_batch *judged)
{
    for (size_t i = 0; i < batch->gone_count; i++)
        find_gone(source, batch->gone[i])->counts = false;
    for (size_t i = 0; i < judged->gone_count; i++)
        find_gone(source, judged->gone[i])->counts = true;
}

/* A directory whose place is taken by what was in it can't go before that has left it. */
static bool was_inside(const cf_nodes *nodes, const cf_finding *finding, uint64_t directory)
{
    const cf_node *node = cf_nodes_find(nodes, finding->number);

    while (node && node->number != directory)
        node = cf_nodes_find(nodes, node->parent);
    return node != NULL;
}

static bool is_told(const cf_survey_batch *batch, uint64_t number)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->at[i].finding.number == number)
            return true;
    return false;
}

/* What the base has there is missing, or somewhere else, and nobody is told so yet. */
static bool is_in_place_of_another(const cf_files_source *source, const cf_survey_batch *batch,
                                   const cf_survey_batch *judged, const cf_finding *finding)
{
    const cf_node *was = cf_nodes_child(source->binding->nodes, finding->parent, finding->name);

    if (!was || was->number == finding->number)
        return false;
    const struct cf_gone_node *gone = find_gone(source, was->number);
    if (!gone && is_told(batch, was->number))
        return !is_told(judged, was->number);
    return gone && !gone->counts && !was_inside(source->binding->nodes, finding, was->number);
}

/* Nothing is noted: what is missing there is. */
static bool drop_replacing(cf_files_source *source, const cf_survey_batch *batch,
                           cf_survey_batch *judged)
{
    cf_observation *kept = cf_allocate(judged->count, sizeof *kept);
    size_t count = 0, before = judged->count;

    for (size_t i = 0; i < before; i++)
        if (is_in_place_of_another(source, batch, judged, &judged->at[i].finding))
            add_waiting(source, &judged->at[i].finding);
        else
            kept[count++] = judged->at[i];
    cf_numbers_sort(&source->waiting);
    if (count)
        memcpy((cf_observation *)judged->at, kept, count * sizeof *kept);
    free(kept);
    judged->count = count;
    return count < before;
}

/* A file is gone or moved, and another thing has its name: if only that were told, there would be
 * two of one name, and one of them a conflict copy, here too. */
static void judge_replacing(cf_files_source *source, const cf_survey_batch *batch,
                            cf_survey_batch *judged)
{
    size_t before = judged->gone_count;

    do {
        judge_placed(source, judged);
        if (judged->gone_count)
            keep_filled(source, judged);
        note_counting(source, batch, judged);
    } while (drop_replacing(source, batch, judged));
    if (!before)
        return;
    source->filled = before - judged->gone_count;
    source->confirm |= source->filled && source->filled != source->filled_before;
}

void cf_source_judge(cf_files_source *source, const cf_survey_batch *batch, uint64_t now_ms,
                     cf_survey_batch *out)
{
    *out = *batch;
    take_gone(source, batch);
    judge_gone(source, batch, now_ms, out);
    judge_moved(source, batch, now_ms, out);
    judge_replacing(source, batch, out);
}

void cf_source_end_judging(cf_files_source *source)
{
    cf_numbers_release(&source->missing);
    source->missing = source->seen_missing;
    source->seen_missing = (cf_numbers){0};
    cf_numbers_sort(&source->missing);
    source->filled_before = source->filled;
    source->filled = 0;
    free(source->gone);
    source->gone = NULL;
    source->gone_count = 0;
}
