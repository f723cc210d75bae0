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

/* Itself, or the directory in which it was that went from one which is still there. */
static cf_look_place place_left(const cf_files_source *source, const cf_node *node)
{
    while (cf_source_find_gone(source, node->parent))
        node = cf_nodes_find(source->binding->nodes, node->parent);
    return (cf_look_place){.folder = node->parent, .name = node->name};
}

cf_absence cf_source_absence_at(const cf_files_source *source, const cf_look_place *place)
{
    cf_absence absence = source->surveying_absence;

    if (!source->quiet)
        return CF_ABSENCE_COUNTS; /* nobody would look again */
    const cf_look_place *found[2] = {
        cf_look_places_find(&source->surveyed, place->folder, CF_WHOLE_FOLDER),
        cf_look_places_find(&source->surveyed, place->folder, place->name),
    };
    for (size_t i = 0; i < 2; i++)
        if (found[i] && found[i]->absence > absence)
            absence = found[i]->absence;
    return absence;
}

bool cf_source_confirm_missing(cf_files_source *source, const cf_node *node,
                               const cf_finding *found)
{
    const cf_look_place left = place_left(source, node);

    cf_numbers_add(&source->seen_missing, node->number);
    if (cf_numbers_have(&source->missing, node->number))
        return true;
    cf_look_places_add(&source->confirmed, left.folder, left.name,
                       cf_source_absence_at(source, &left));
    if (found)
        cf_look_places_add(&source->confirmed, found->parent, found->name, CF_ABSENCE_WAITS);
    return false;
}

/* ---- Gone ---- */

const char *cf_source_held_text(const cf_files_source *source, cf_arena *arena)
{
    const cf_binding *binding = source->binding;

    return cf_binding_held_text(binding, CF_GUARD_HERE, source->held.count, arena);
}

/* This look would have seen it. */
static bool was_looked_for(const cf_files_source *source, const cf_node *node)
{
    for (; node; node = cf_nodes_find(source->binding->nodes, node->parent))
        if (source->surveying_all ||
            cf_look_places_find(&source->surveyed, node->parent, CF_WHOLE_FOLDER) ||
            cf_look_places_find(&source->surveyed, node->parent, node->name))
            return true;
    return false;
}

/* What is there again, or gone elsewhere too, is not held any more. */
static void forget_unheld(cf_files_source *source)
{
    size_t kept = 0;

    for (size_t i = 0; i < source->held.count; i++) {
        const uint64_t number = source->held.at[i];
        const cf_node *node = cf_nodes_find(source->binding->nodes, number);

        if (node && (cf_source_find_gone(source, number) || !was_looked_for(source, node)))
            source->held.at[kept++] = number;
    }
    source->judge_held |= kept < source->held.count;
    source->held.count = kept;
}

static void hold_gone(cf_files_source *source, const cf_survey_batch *judged)
{
    const cf_numbers before = {.at = source->held.at, .count = source->held.count};
    cf_numbers held = {0};

    for (size_t i = 0; i < before.count; i++)
        cf_numbers_add(&held, before.at[i]);
    for (size_t i = 0; i < judged->gone_count; i++)
        if (!cf_numbers_have(&before, judged->gone[i]))
            cf_numbers_add(&held, judged->gone[i]);
    cf_numbers_sort(&held);
    cf_numbers_release(&source->held);
    source->held = held;
    source->confirm = false;
}

/* The others that were held with these may be few enough now. */
static void let_go(cf_files_source *source, const cf_survey_batch *judged)
{
    cf_numbers gone = {0};
    size_t kept = 0;

    for (size_t i = 0; i < judged->gone_count; i++)
        cf_numbers_add(&gone, judged->gone[i]);
    cf_numbers_sort(&gone);
    for (size_t i = 0; i < source->held.count; i++)
        if (!cf_numbers_have(&gone, source->held.at[i]))
            source->held.at[kept++] = source->held.at[i];
    source->judge_held |= gone.count > 0;
    source->held.count = kept;
    cf_numbers_release(&gone);
}

/* It may have been moved to where this look doesn't go, and where no watch sees it come. */
static bool may_be_elsewhere(const cf_files_source *source)
{
    return !source->surveying_all &&
           (!source->quiet || cf_watch_missing(source->workshop->watch) > 0);
}

static bool is_gone(cf_files_source *source, const cf_node *node, uint64_t now_ms)
{
    const cf_look_place left = place_left(source, node);
    const bool is_held = cf_numbers_have(&source->held, node->number);

    if (cf_source_absence_at(source, &left) != CF_ABSENCE_COUNTS) {
        if (!is_held) /* else it has lasted */
            cf_quiet_miss(source->quiet, &left, now_ms);
    } else if (may_be_elsewhere(source)) {
        cf_source_look_at(source, left.folder, left.name, CF_ABSENCE_COUNTS);
        cf_source_look_at_all(source, CF_ABSENCE_WAITS);
    } else {
        return cf_source_confirm_missing(source, node, NULL);
    }
    if (!is_held)
        cf_source_note_node(source, node->number, CF_PENDING_WAITS,
                            "it is missing here, perhaps for a moment");
    return false;
}

/* With these, all that is known to be missing: how many go is not judged name by name. */
typedef struct {
    const cf_nodes *nodes;
    cf_numbers missing;
} counting;

static void add_absent(void *context, const cf_look_place *place)
{
    counting *self = context;
    const cf_node *node = cf_nodes_child(self->nodes, place->folder, place->name);

    if (node)
        cf_numbers_add(&self->missing, node->number);
}

static size_t keep_each_once(cf_numbers *numbers)
{
    size_t kept = 0;

    cf_numbers_sort(numbers);
    for (size_t i = 0; i < numbers->count; i++)
        if (i == 0 || numbers->at[i] != numbers->at[kept - 1])
            numbers->at[kept++] = numbers->at[i];
    return numbers->count = kept;
}

static void add_items(const cf_nodes *nodes, const cf_numbers *numbers, cf_ids *out)
{
    static const cf_id none;

    for (size_t i = 0; i < numbers->count; i++) {
        const cf_node *node = cf_nodes_find(nodes, numbers->at[i]);

        cf_ids_add(out, node->item_count ? &node->items[0] : &none);
    }
}

/* All that is missing: an item of each. `*others`: how many of them do not count yet. */
static cf_ids gather_missing(const cf_files_source *source, const cf_survey_batch *found,
                             const cf_survey_batch *judged, uint64_t *others)
{
    counting self = {.nodes = source->binding->nodes};
    cf_ids items = {0};

    for (size_t i = 0; i < judged->gone_count; i++)
        cf_numbers_add(&self.missing, judged->gone[i]);
    for (size_t i = 0; judged->gone_count && i < source->held.count; i++)
        if (cf_nodes_find(self.nodes, source->held.at[i]))
            cf_numbers_add(&self.missing, source->held.at[i]);
    size_t known = keep_each_once(&self.missing);
    for (size_t i = 0; judged->gone_count && i < found->gone_count; i++)
        cf_numbers_add(&self.missing, found->gone[i]);
    if (judged->gone_count && source->quiet)
        cf_quiet_each_absent(source->quiet, add_absent, &self);
    for (size_t i = 0; judged->gone_count && i < source->places.count; i++)
        if (source->places.at[i].absence != CF_ABSENCE_WAITS) /* due since this look began */
            add_absent(&self, &source->places.at[i]);
    *others = keep_each_once(&self.missing) - known;
    add_items(self.nodes, &self.missing, &items);
    cf_numbers_release(&self.missing);
    return items;
}

/* Once, until it is known what else goes. False: none of them has to wait any more. */
static bool let_wait(cf_files_source *source, const cf_survey_batch *judged, uint64_t now_ms)
{
    bool waits = false;

    for (size_t i = 0; i < judged->gone_count; i++)
        waits |= !cf_numbers_have(&source->postponed, judged->gone[i]);
    for (size_t i = 0; waits && i < judged->gone_count; i++) {
        const cf_node *node = cf_nodes_find(source->binding->nodes, judged->gone[i]);
        const cf_look_place left = place_left(source, node);

        cf_quiet_miss_with_others(source->quiet, &left, now_ms);
        cf_numbers_add(&source->postponed, node->number);
        if (!cf_numbers_have(&source->held, node->number))
            cf_source_note_node(source, node->number, CF_PENDING_WAITS,
                                "it is missing here, perhaps for a moment");
    }
    cf_numbers_sort(&source->postponed);
    return waits;
}

static void judge_gone(cf_files_source *source, const cf_survey_batch *batch, uint64_t now_ms,
                       cf_survey_batch *out)
{
    uint64_t *gone = cf_allocate(batch->gone_count, sizeof *gone);

    out->gone = gone;
    if (batch->gone_count)
        cf_binding_count(source->binding, CF_GUARD_HERE);
    out->gone_count = 0;
    for (size_t i = 0; i < batch->gone_count; i++)
        if (is_gone(source, cf_nodes_find(source->binding->nodes, batch->gone[i]), now_ms))
            gone[out->gone_count++] = batch->gone[i];
    uint64_t others;
    cf_ids missing = gather_missing(source, batch, out, &others);
    bool allowed = cf_binding_allows(source->workshop->peer, source->binding,
                                     &(cf_vanishing){.side = CF_GUARD_HERE,
                                                     .word = source->word,
                                                     .gone = missing.at,
                                                     .count = missing.count,
                                                     .now_ms = now_ms});
    free(missing.at);
    if (allowed) {
        if (out->gone_count && !others) /* what is yet to be confirmed has waited as well */
            cf_numbers_release(&source->postponed);
        let_go(source, out);
        return;
    }
    if (!others || !let_wait(source, out, now_ms))
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
    const cf_look_place left = place_left(source, node);
    const cf_look_place found = {.folder = finding->parent, .name = finding->name};

    if (cf_source_absence_at(source, &left) != CF_ABSENCE_WAITS)
        return cf_source_confirm_missing(source, node, finding);
    cf_quiet_hold(source->quiet, &left, &found, now_ms);
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
            cf_source_note_found(source, &batch->at[i], CF_PENDING_WAITS,
                                 "it has just been moved, perhaps for a moment");
    }
}

void cf_source_judge(cf_files_source *source, const cf_survey_batch *batch, uint64_t now_ms,
                     cf_survey_batch *out)
{
    *out = *batch;
    take_gone(source, batch);
    forget_unheld(source);
    judge_gone(source, batch, now_ms, out);
    judge_moved(source, batch, now_ms, out);
    cf_source_judge_placed(source, batch, out);
}

/* What is still held, after others came back or went, may be few enough to go. */
static void look_at_held(cf_files_source *source)
{
    for (size_t i = 0; source->judge_held && i < source->held.count; i++) {
        const cf_node *node = cf_nodes_find(source->binding->nodes, source->held.at[i]);
        const cf_look_place left = place_left(source, node);

        cf_source_look_at(source, left.folder, left.name, CF_ABSENCE_COUNTS);
    }
    source->judge_held = false;
}

void cf_source_end_judging(cf_files_source *source)
{
    if (!source->surveying_only)
        forget_unheld(source);
    look_at_held(source);
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
