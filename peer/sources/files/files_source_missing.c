/* SPDX-License-Identifier: Apache-2.0 */
/* What is gone from its place, or somewhere else now, and whether that counts yet. */
#include "peer/sources/files/files_source_inside.h"

#include <stdio.h>
#include <stdlib.h>

static int by_number(const void *a, const void *b)
{
    uint64_t first = ((const cf_gone_node *)a)->number;
    uint64_t second = ((const cf_gone_node *)b)->number;

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

        source->gone[i] = (cf_gone_node){.number = node->number, .parent = node->parent};
    }
    qsort(source->gone, source->gone_count, sizeof *source->gone, by_number);
}

cf_gone_node *cf_source_find_gone(const cf_files_source *source, uint64_t number)
{
    const cf_gone_node wanted = {.number = number};

    return source->gone_count
               ? bsearch(&wanted, source->gone, source->gone_count, sizeof wanted, by_number)
               : NULL;
}

/* In which directory that is still there it was, or the one that was above it. */
static uint64_t folder_of(const cf_files_source *source, const cf_node *node)
{
    uint64_t folder = node->parent;
    const cf_gone_node *gone;

    while ((gone = cf_source_find_gone(source, folder)))
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

bool cf_source_confirm_missing(cf_files_source *source, uint64_t number)
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
        judged->gone_count,
        (size_t)cf_binding_counted(source->binding, CF_GUARD_HERE,
                                   cf_nodes_count(source->binding->nodes)));
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
        return cf_source_confirm_missing(source, node->number);
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
    if (batch->gone_count)
        cf_binding_count(source->binding, CF_GUARD_HERE, cf_nodes_count(source->binding->nodes));
    out->gone_count = 0;
    for (size_t i = 0; i < batch->gone_count; i++)
        if (is_gone(source, cf_nodes_find(source->binding->nodes, batch->gone[i]), now_ms))
            gone[out->gone_count++] = batch->gone[i];
    if (cf_binding_allows(source->workshop->peer, source->binding, CF_GUARD_HERE, source->word,
                          out->gone_count, cf_nodes_count(source->binding->nodes)))
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
        return cf_source_confirm_missing(source, node->number);
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

void cf_source_judge(cf_files_source *source, const cf_survey_batch *batch, uint64_t now_ms,
                     cf_survey_batch *out)
{
    *out = *batch;
    take_gone(source, batch);
    judge_gone(source, batch, now_ms, out);
    judge_moved(source, batch, now_ms, out);
    cf_source_judge_placed(source, batch, out);
}

void cf_source_end_judging(cf_files_source *source)
{
    cf_numbers_release(&source->missing);
    source->missing = source->seen_missing;
    source->seen_missing = (cf_numbers){0};
    cf_numbers_sort(&source->missing);
    source->filled_before = source->filled;
    source->filled = 0;
    if (source->surveying_all && !source->gone_count)
        cf_binding_end_count(source->workshop->peer, source->binding, CF_GUARD_HERE);
    free(source->gone);
    source->gone = NULL;
    source->gone_count = 0;
}
