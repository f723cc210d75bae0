/* SPDX-License-Identifier: Apache-2.0 */
/* What is gone from its place, or somewhere else now, and whether that counts yet. */
#include "peer/sources/files/files_source_inside.h"

#include <stdlib.h>

static int by_number(const void *a, const void *b)
{
    uint64_t first = ((const cf_gone_node *)a)->number;
    uint64_t second = ((const cf_gone_node *)b)->number;

    return (first > second) - (first < second);
}

static void forget_gone(cf_files_source *source)
{
    free(source->gone);
    source->gone = NULL;
    source->gone_count = source->taker_count = 0;
}

void cf_files_source_begin_judging(cf_files_source *source)
{
    forget_gone(source);
    source->seen_missing.count = source->waiting.count = source->left.count = 0;
    source->filled = 0;
    cf_look_places_release(&source->taken);
}

/* The first part of a look says what is gone. */
cf_gone_node *cf_files_source_find_gone(const cf_files_source *source, uint64_t number)
{
    const cf_gone_node wanted = {.number = number};

    return source->gone_count
               ? bsearch(&wanted, source->gone, source->gone_count, sizeof wanted, by_number)
               : NULL;
}

static void take_gone(cf_files_source *source, const cf_scan_batch *batch)
{
    if (!batch->gone_count)
        return;
    source->gone = cf_allocate(batch->gone_count, sizeof *source->gone);
    source->gone_count = batch->gone_count;
    for (size_t i = 0; i < batch->gone_count; i++) {
        const cf_node *node = cf_nodes_find(source->binding->nodes, batch->gone[i]);

        source->gone[i] = (cf_gone_node){.number = node->number, .parent = node->parent};
    }
    qsort(source->gone, source->gone_count, sizeof *source->gone, by_number);
    for (size_t i = 0; i < batch->draft_count; i++) {
        cf_gone_node *gone = cf_files_source_find_gone(source, batch->drafts[i].draft);

        if (gone)
            gone->as = batch->drafts[i].node;
    }
}

/* Itself, or the directory in which it was that went from one which is still there. */
cf_look_place cf_files_source_place_left(const cf_files_source *source, const cf_node *node)
{
    const cf_node *above;

    while (cf_files_source_find_gone(source, node->parent) &&
           (above = cf_nodes_find(source->binding->nodes, node->parent)))
        node = above;
    return (cf_look_place){.folder = node->parent, .name = node->name};
}

cf_absence cf_files_source_absence_at(const cf_files_source *source, const cf_look_place *place)
{
    cf_absence absence = source->scanning_absence;

    if (!source->debounce)
        return CF_ABSENCE_COUNTS; /* nobody would look again */
    const cf_look_place *found[2] = {
        cf_look_places_find(&source->scanned, place->folder, CF_WHOLE_FOLDER),
        cf_look_places_find(&source->scanned, place->folder, place->name),
    };
    for (size_t i = 0; i < 2; i++)
        if (found[i] && found[i]->absence > absence)
            absence = found[i]->absence;
    return absence;
}

bool cf_files_source_confirm_missing(cf_files_source *source, const cf_node *node,
                                     const cf_finding *found)
{
    const cf_look_place left = cf_files_source_place_left(source, node);

    cf_node_set_add(&source->seen_missing, node->number);
    if (cf_node_set_have(&source->missing, node->number))
        return true;
    cf_look_places_add(&source->confirmed, left.folder, left.name,
                       cf_files_source_absence_at(source, &left));
    if (found)
        cf_look_places_add(&source->confirmed, found->parent, found->name, CF_ABSENCE_WAITS);
    return false;
}

/* ---- Gone ---- */

/* What is gone may have been moved to where this look doesn't go, and where no watch sees it come.
 */
static bool may_be_elsewhere(const cf_files_source *source)
{
    return !source->scanning_all &&
           (!source->debounce || cf_watch_misses(source->context->watch, source->binding->number));
}

static void miss(cf_files_source *source, const cf_look_place *left, uint64_t now_ms)
{
    if (source->scanning_all && cf_binding_poll_ms(source->binding))
        cf_debounce_miss_anywhere(source->debounce, left, now_ms);
    else
        cf_debounce_miss(source->debounce, left, now_ms);
}

static bool is_gone(cf_files_source *source, const cf_node *node, uint64_t now_ms)
{
    const cf_look_place left = cf_files_source_place_left(source, node);
    const bool is_held = cf_node_set_have(&source->held, node->number);
    const bool is_taken = cf_files_source_is_taken(source, node);
    const cf_absence absence = cf_files_source_absence_of(source, node);

    if (cf_files_source_find_gone(source, node->number)->as)
        return true;                               /* its file was found */
    if (is_taken && absence == CF_ABSENCE_WAITS) { /* who came is looked at again, and so is this */
        cf_node_set_add(&source->seen_missing, node->number);
    } else if (!is_taken && absence != CF_ABSENCE_COUNTS) {
        if (!is_held) /* else it has lasted */
            miss(source, &left, now_ms);
        if (node->kind == CF_KIND_DIRECTORY)
            cf_debounce_wait_with(source->debounce, node->number, &left);
    } else if (may_be_elsewhere(source)) {
        cf_files_source_look_at(source, left.folder, left.name, CF_ABSENCE_COUNTS);
        cf_files_source_look_at_all(source, CF_ABSENCE_WAITS);
    } else {
        return cf_files_source_confirm_missing(source, node, NULL);
    }
    if (!is_held)
        cf_files_source_note_node(source, node->number, CF_PENDING_WAITS,
                                  "it is missing here, perhaps for a moment");
    return false;
}

static void judge_gone(cf_files_source *source, const cf_scan_batch *batch, uint64_t now_ms,
                       cf_scan_batch *out)
{
    uint64_t *gone = cf_allocate(batch->gone_count, sizeof *gone);

    out->gone = gone;
    out->gone_count = 0;
    for (size_t i = 0; i < batch->gone_count; i++)
        if (is_gone(source, cf_nodes_find(source->binding->nodes, batch->gone[i]), now_ms))
            gone[out->gone_count++] = batch->gone[i];
    cf_files_source_judge_missing(source, batch, now_ms, gone, &out->gone_count);
}

/* ---- Moved ---- */

const cf_node *cf_files_source_moved_from(const cf_files_source *source, const cf_finding *finding)
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
    const cf_look_place left = cf_files_source_place_left(source, node);
    const cf_look_place found = {.folder = finding->parent, .name = finding->name};

    if (cf_files_source_absence_of(source, node) != CF_ABSENCE_WAITS)
        return cf_files_source_confirm_missing(source, node, finding);
    cf_debounce_hold(source->debounce, &left, &found, now_ms);
    return false;
}

static void judge_moved(cf_files_source *source, const cf_scan_batch *batch, uint64_t now_ms,
                        cf_scan_batch *out)
{
    cf_observation *at = cf_allocate(batch->count, sizeof *at);

    out->at = at;
    out->count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const cf_finding *finding = &batch->at[i].finding;
        const cf_node *node = cf_files_source_moved_from(source, finding);

        if (!node || has_moved(source, finding, node, now_ms))
            at[out->count++] = batch->at[i];
        else
            cf_files_source_note_found(source, &batch->at[i], CF_PENDING_WAITS,
                                       "it has just been moved, perhaps for a moment");
    }
}

void cf_files_source_judge(cf_files_source *source, const cf_scan_batch *batch, uint64_t now_ms,
                           cf_scan_batch *out)
{
    *out = *batch;
    if (batch->is_first) {
        take_gone(source, batch);
        cf_files_source_find_takers(source);
        cf_files_source_forget_unheld(source);
        judge_gone(source, batch, now_ms, out);
    } else {
        cf_files_source_take_left(source, batch, out);
    }
    judge_moved(source, batch, now_ms, out);
    cf_files_source_judge_placed(source, batch, out);
    if (batch->is_first)
        cf_files_source_leave_to_takers(source, out);
}

void cf_files_source_end_judging(cf_files_source *source)
{
    if (!source->scanning_only)
        cf_files_source_forget_unheld(source);
    cf_files_source_look_at_held(source);
    cf_node_set_release(&source->missing);
    source->missing = source->seen_missing;
    source->seen_missing = (cf_node_set){0};
    cf_node_set_sort(&source->missing);
    cf_node_set_release(&source->left_before);
    source->left_before = source->left;
    source->left = (cf_node_set){0};
    source->filled_before = source->filled;
    source->filled = 0;
    if (source->scanning_all && !source->gone_count)
        cf_binding_end_count(source->context->peer, source->binding, CF_GUARD_HERE);
    forget_gone(source);
}
