/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/survey_inside.h"

#include <stdlib.h>

/* The base's node at the place of a listed entry whose folders are all where the base has them; 0
 * when not. */
static uint64_t node_at(const cf_survey *survey, size_t folder);

static const cf_node *node_of_entry(const cf_survey *survey, size_t entry)
{
    const cf_listed *listed = &survey->listing.entries[entry];
    uint64_t parent = node_at(survey, listed->folder);

    if (parent == UINT64_MAX)
        return NULL;
    return cf_nodes_child(survey->options.binding->nodes, parent, listed->name);
}

static uint64_t node_at(const cf_survey *survey, size_t folder)
{
    const cf_listed_folder *listed = &survey->listing.folders[folder];

    if (listed->entry == CF_LISTED_START)
        return listed->node;
    const cf_node *node = node_of_entry(survey, listed->entry);
    return node && node->kind == CF_KIND_DIRECTORY ? node->number : UINT64_MAX;
}

static cf_include_answer answer_of(const cf_survey *survey, const cf_listing *listing, size_t entry)
{
    cf_buffer path = {0};

    cf_listing_entry_path(listing, entry, &path);
    cf_include_answer answer =
        cf_include_match_path(survey->options.binding->matcher, cf_buffer_view(&path), true);
    cf_buffer_release(&path);
    return answer;
}

bool cf_survey_is_whole(const cf_survey *survey)
{
    return survey->everywhere || !survey->options.places || !survey->options.places->count;
}

/* A partial look goes on into what is new or another directory now, not into what is known, unless
 * nobody has watched that. */
static bool descend(void *context, const cf_listing *listing, size_t entry)
{
    const cf_survey *survey = context;

    if ((cf_survey_is_whole(survey) && !survey->everywhere) ||
        (survey->everywhere && answer_of(survey, listing, entry) != CF_INCLUDE_IN))
        return true;
    const cf_node *node = node_of_entry(survey, entry);
    cf_stat known = node ? cf_stat_of_node(node) : (cf_stat){0};
    return !node || node->kind != CF_KIND_DIRECTORY ||
           !cf_stat_same_file(&known, &listing->entries[entry].stat) ||
           (survey->options.watch &&
            !cf_watch_has(survey->options.watch,
                          (uint64_t)survey->options.binding->number << 32 | node->number));
}

/* Another one may have taken its place. */
static bool is_node(const cf_survey *survey, uint64_t node, const cf_stat *listed)
{
    if (node == CF_NODE_ROOT)
        return true;
    const cf_node *found = cf_nodes_find(survey->options.binding->nodes, node);
    cf_stat known = found ? cf_stat_of_node(found) : (cf_stat){0};
    return found && cf_stat_same_file(&known, listed);
}

static void note_watched(cf_survey *survey, size_t folder, uint64_t number)
{
    size_t count = survey->watched_count;

    if (folder >= count) {
        survey->watched = cf_grow(survey->watched, &survey->watched_capacity, folder + 1,
                                  sizeof *survey->watched);
        memset(survey->watched + count, 0, (folder + 1 - count) * sizeof *survey->watched);
        survey->watched_count = folder + 1;
    }
    survey->watched[folder] = number;
}

/* Watched before it is listed, so that nothing falls between; under its node's number, or, while it
 * is not known to be one: what happens there then makes everything be looked at. */
static void enter(void *context, const cf_listing *listing, size_t folder, const cf_folder *held)
{
    cf_survey *survey = context;
    cf_error error;

    if (survey->everywhere && listing->folders[folder].entry != CF_LISTED_START &&
        answer_of(survey, listing, listing->folders[folder].entry) == CF_INCLUDE_OUT)
        return;
    uint64_t node = node_at(survey, folder);
    uint64_t source = survey->options.binding->number;
    uint64_t number = is_node(survey, node, &listing->folders[folder].stat)
                          ? source << 32 | node
                          : cf_watch_unknown(survey->options.watch, (uint32_t)source);
    if (cf_watch_add(survey->options.watch, number, held, &error))
        cf_report(survey->options.env, CF_REPORT_DETAIL, "%s", error.text);
    else
        note_watched(survey, folder, number);
}

void cf_survey_renumber_watches(const cf_survey *survey)
{
    uint64_t source = survey->options.binding->number;

    for (size_t i = 0; i < survey->watched_count; i++) {
        uint64_t node = cf_survey_folder_number(survey, i);

        if (survey->watched[i] & CF_WATCH_UNKNOWN && node != UINT64_MAX &&
            is_node(survey, node, &survey->listing.folders[i].stat))
            cf_watch_renumber(survey->options.watch, survey->watched[i], source << 32 | node);
    }
}

static cf_status list_from(cf_survey *survey, uint64_t node, const cf_bytes *names,
                           size_t name_count, cf_error *error)
{
    const cf_binding *binding = survey->options.binding;
    cf_listing_step steps[CF_BINDING_DEPTH_MAX];
    size_t first = sizeof steps / sizeof steps[0];
    cf_listing_options options = {
        .files = survey->options.env->files,
        .root = binding->root,
        .include = binding->matcher,
        .everywhere = survey->everywhere,
        .descend = descend,
        .enter = survey->options.watch ? enter : NULL,
        .context = survey,
    };

    for (uint64_t at = node; at != CF_NODE_ROOT && first > 0;) {
        const cf_node *found = cf_nodes_find(binding->nodes, at);

        if (!found)
            return CF_OK; /* it went meanwhile: what is above it will be looked at */
        steps[--first] = (cf_listing_step){at, found->name};
        at = found->parent;
    }
    const cf_listing_start start = {.steps = steps + first,
                                    .count = sizeof steps / sizeof steps[0] - first,
                                    .names = names,
                                    .name_count = name_count};
    cf_status status = cf_listing_add(&survey->listing, &options, start, error);
    if (status == CF_IO)
        return error->status = CF_UNSAFE; /* what can't be seen is not gone */
    return status;
}

cf_status cf_survey_list_names(cf_survey *survey, uint64_t node, const cf_bytes *names,
                               size_t count, cf_error *error)
{
    return list_from(survey, node, names, count, error);
}

/* The names that are asked for in one directory, unless all of it is. */
static cf_status list_some(cf_survey *survey, const cf_look_place *at, size_t count,
                           cf_error *error)
{
    cf_bytes *names = cf_allocate(count, sizeof *names);
    cf_status status = CF_OK;

    for (size_t i = 0; i < count; i++)
        names[i] = at[i].name;
    if (at[0].name.size)
        status = list_from(survey, at[0].folder, names, count, error);
    free(names);
    return status;
}

/* Whole directories first: of those no name is looked for again. Where everything is listed, they
 * all are whole. */
static cf_status list_places(cf_survey *survey, cf_error *error)
{
    const cf_look_places *places = survey->options.places;
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < survey->wider.count; i++)
        status = list_from(survey, survey->wider.at[i].folder, NULL, 0, error);
    for (size_t i = 0; !status && i < places->count; i++)
        if (!places->at[i].name.size || survey->everywhere)
            status = list_from(survey, places->at[i].folder, NULL, 0, error);
    for (size_t i = 0, end; !status && !survey->everywhere && i < places->count; i = end) {
        for (end = i + 1; end < places->count && places->at[end].folder == places->at[i].folder;)
            end++;
        status = list_some(survey, &places->at[i], end - i, error);
    }
    return status;
}

cf_status cf_survey_list(cf_survey *survey, cf_error *error)
{
    bool some = survey->options.places && survey->options.places->count;
    cf_status status = some ? list_places(survey, error) : CF_OK;

    return status || !cf_survey_is_whole(survey) ? status
                                                 : list_from(survey, CF_NODE_ROOT, NULL, 0, error);
}
