/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/survey_inside.h"

#include "codec/content.h"

#include <stdlib.h>

enum { TIMES_WIDER = 8 }; /* times that a look begins again: what never rests must not keep us */

cf_survey *cf_survey_new(const cf_survey_options *options)
{
    cf_survey *survey = cf_allocate(1, sizeof *survey);

    survey->options = *options;
    survey->reads = cf_survey_reads_new(options->env, options->binding, &survey->listing);
    return survey;
}

void cf_survey_destroy(cf_survey **survey)
{
    if (!*survey)
        return;
    cf_survey_stop_listing(*survey);
    cf_survey_await_names(*survey);
    cf_survey_reads_destroy(&(*survey)->reads);
    cf_listing_release(&(*survey)->listing);
    cf_arena_release(&(*survey)->arena);
    cf_arena_release(&(*survey)->identity_arena);
    cf_arena_release(&(*survey)->batch_arena);
    free((*survey)->watched);
    free((*survey)->numbers);
    cf_node_set_release(&(*survey)->told);
    cf_node_set_release(&(*survey)->bare);
    cf_node_set_release(&(*survey)->found_bare);
    cf_node_set_release(&(*survey)->returned);
    cf_node_set_release(&(*survey)->same);
    cf_node_set_release(&(*survey)->shown);
    free((*survey)->reported);
    free((*survey)->twice);
    free((*survey)->observed);
    free((*survey)->restated);
    free((*survey)->notes);
    free((*survey)->unread);
    free((*survey)->racy);
    cf_look_places_release(&(*survey)->again);
    cf_look_places_release(&(*survey)->tried);
    cf_look_places_release(&(*survey)->wider);
    free(*survey);
    *survey = NULL;
}

/* ---- Identity ---- */

static bool is_draft(void *context, uint64_t number)
{
    const cf_survey_options *options = &((const cf_survey *)context)->options;
    const cf_node *node = cf_nodes_find(options->binding->nodes, number);

    return node && options->is_draft(options->context, node);
}

static void decide(cf_survey *survey)
{
    size_t count;

    survey->identity = (cf_identity){0};
    cf_arena_release(&survey->identity_arena);
    const cf_identity_node *nodes = cf_survey_base(survey, &count);
    cf_identity_input input = {
        .nodes = nodes,
        .node_count = count,
        .listing = &survey->listing,
        .hashes = cf_survey_reads_hashes(survey->reads),
        .is_everything = cf_survey_looks_at_all(survey),
        .is_draft = survey->options.is_draft ? is_draft : NULL,
        .context = survey,
        .narrow = survey->widened >= TIMES_WIDER,
    };

    cf_identity_decide(&input, &survey->identity_arena, &survey->identity);
}

/* All of some directories is wanted: what was found of them is found again. */
static bool wants_wider(cf_survey *survey)
{
    const cf_identity *identity = &survey->identity;
    size_t before = survey->wider.count;

    for (size_t i = 0; i < identity->list_wanted_count; i++)
        if (!identity->list_wanted[i].name.size)
            cf_look_places_add(&survey->wider, identity->list_wanted[i].directory, CF_WHOLE_FOLDER,
                               CF_ABSENCE_WAITS);
    return survey->wider.count > before;
}

/* What was moved while it was listed may lie in two places, and is listed once: what the base has
 * at the other is not known, and looked at again, or it would be wanted for ever. */
static cf_look_places places_wanted(cf_survey *survey)
{
    const cf_identity *identity = &survey->identity;
    cf_look_places places = {0};

    for (size_t i = 0; i < identity->list_wanted_count; i++) {
        const cf_place_wanted *wanted = &identity->list_wanted[i];

        if (cf_look_places_find(&survey->tried, wanted->directory, wanted->name))
            cf_listing_give_up(&survey->listing, wanted->directory, wanted->name);
        else
            cf_look_places_add(&places, wanted->directory, wanted->name, CF_ABSENCE_WAITS);
    }
    cf_survey_follow(survey, &places);
    return places;
}

static void list_wanted(cf_survey *survey)
{
    cf_look_places places = places_wanted(survey);

    cf_survey_list_names(survey, &places);
    for (size_t i = 0; i < places.count; i++)
        cf_look_places_add(&survey->tried, places.at[i].folder, places.at[i].name,
                           CF_ABSENCE_WAITS);
    cf_look_places_sort(&survey->tried);
    cf_look_places_release(&places);
}

/* Whose place is not known yet. */
static const cf_read_past before_it_is_decided = {.may_be_open = true};

static void read_wanted(cf_survey *survey)
{
    const cf_identity *identity = &survey->identity;

    for (size_t i = 0; i < identity->hash_wanted_count; i++)
        cf_survey_reads_want(survey->reads, identity->hash_wanted[i], &before_it_is_decided);
    cf_survey_reads_start(survey->reads);
}

static bool is_satisfied(const cf_survey *survey)
{
    return !survey->identity.list_wanted_count && !survey->identity.hash_wanted_count;
}

static bool is_wanted(const cf_listed *listed)
{
    return listed->kind && !listed->skipped && listed->readable && !listed->excluded;
}

/* It was moved to where it is not asked for: it is told once. */
static bool is_leaving(const cf_survey *survey, size_t entry)
{
    return survey->listing.entries[entry].excluded && cf_survey_base_node(survey, entry);
}

/* A directory that was not asked for itself is, when something in it is. */
static void want_folders_above(cf_survey *survey, size_t entry, bool *wanted)
{
    for (size_t folder = survey->listing.entries[entry].folder;;) {
        size_t above = survey->identity.folder_entries[folder];

        if (above == CF_LISTED_START || above == CF_IDENTITY_NOWHERE || wanted[above])
            return;
        wanted[above] = true;
        folder = survey->listing.entries[above].folder;
    }
}

static bool is_told(const cf_listed *listed)
{
    return listed->excluded || (listed->readable && !listed->skipped);
}

static void number_entries(cf_survey *survey)
{
    size_t count = survey->listing.entry_count;
    bool *wanted = cf_allocate(count, sizeof *wanted);

    survey->twice = cf_allocate(count, sizeof *survey->twice);
    cf_survey_find_twice(survey, survey->twice);
    survey->numbers = cf_allocate(count, sizeof *survey->numbers);
    survey->reported = cf_allocate(count, sizeof *survey->reported);
    for (size_t i = 0; i < count; i++)
        if (is_wanted(&survey->listing.entries[i]) && !survey->twice[i]) {
            wanted[i] = true;
            want_folders_above(survey, i, wanted);
        } else if (is_leaving(survey, i)) {
            want_folders_above(survey, i, wanted);
        }
    for (size_t i = 0; i < count; i++) {
        const cf_node *node = cf_survey_base_node(survey, i);

        if (node && is_told(&survey->listing.entries[i]))
            cf_node_set_add(&survey->told, node->number);
        if (survey->twice[i])
            continue;
        if (node)
            survey->numbers[i] = node->number;
        else if (wanted[i] && (survey->identity.tokens[i].how == CF_TOKEN_NEW ||
                               survey->listing.entries[i].excluded)) /* on the way to what left */
            survey->numbers[i] = cf_binding_new_number(survey->options.binding);
    }
    cf_node_set_sort(&survey->told);
    free(wanted);
}

/* ---- Notes ---- */

void cf_survey_path(const cf_survey *survey, const cf_observation *seen, cf_buffer *out)
{
    cf_listing_entry_path(&survey->listing, seen->entry, out);
}

static bool is_unread(const cf_survey *survey, size_t entry)
{
    return entry != CF_LISTED_START && !survey->listing.entries[entry].readable &&
           !survey->listing.entries[entry].excluded;
}

/* Whatever happened there while it was listed is told by name. */
static bool is_watched(const cf_survey *survey, size_t folder)
{
    return folder < survey->watched_count && survey->watched[folder];
}

/* A directory that could not be read when it was found, and then could be listed, may well be read
 * in a moment. */
static void note_listing(cf_survey *survey)
{
    for (size_t i = 0; i < survey->listing.entry_count; i++) {
        const cf_listed *listed = &survey->listing.entries[i];
        const bool moves =
            survey->twice[i] && cf_survey_folder_number(survey, listed->folder) != UINT64_MAX;

        if (moves)
            cf_survey_look_again_at(survey, i);
        if (listed->excluded || (survey->twice[i] && !moves))
            continue;
        if (moves)
            cf_survey_note_entry(survey, i, "it has just been moved", true);
        else if (listed->skipped)
            cf_survey_note_entry(survey, i, listed->skipped, false);
        else if (!listed->readable)
            cf_survey_note_entry(survey, i, "it can't be read (permission denied)", false);
    }
    for (size_t i = 0; i < survey->listing.folder_count; i++) {
        const cf_listed_folder *folder = &survey->listing.folders[i];

        if ((folder->restless && !is_watched(survey, i)) ||
            survey->identity.folder_entries[i] == CF_IDENTITY_NOWHERE)
            cf_survey_look_again(survey, i);
        if (folder->complete && is_unread(survey, folder->entry))
            cf_survey_look_again_at(survey, folder->entry);
        if (folder->trouble && folder->entry != CF_LISTED_START && !folder->failed)
            cf_survey_note_entry(survey, folder->entry, folder->trouble, false);
        else if (folder->trouble && folder->depth) /* the source's own folder ends the look */
            cf_survey_note_unlisted(survey, i);
    }
}

bool cf_survey_found(const cf_survey *survey, uint64_t node)
{
    return cf_node_set_have(&survey->told, node);
}

/* ---- Steps ---- */

/* What is gone may have been moved to where nobody asks for it, which must not look like a delete:
 * once more, and there, too. */
static bool wants_everywhere(const cf_survey *survey)
{
    return survey->identity.gone_count && !survey->everywhere &&
           cf_include_limits(survey->options.binding->matcher);
}

static void begin_again(cf_survey *survey)
{
    survey->identity = (cf_identity){0};
    cf_survey_reads_destroy(&survey->reads);
    cf_listing_release(&survey->listing);
    survey->watched_count = 0;
    cf_look_places_release(&survey->tried);
    survey->reads =
        cf_survey_reads_new(survey->options.env, survey->options.binding, &survey->listing);
    survey->phase = CF_SURVEY_IS_BEGINNING;
}

/* With more than was listed so far. */
static bool begins_again(cf_survey *survey)
{
    bool wider = wants_wider(survey), everywhere = !wider && wants_everywhere(survey);

    survey->widened += wider;
    survey->everywhere |= everywhere;
    if (wider || everywhere)
        begin_again(survey);
    return wider || everywhere;
}

static cf_survey_state tell_read(cf_survey *survey, cf_error *error)
{
    if (survey->sync_error.status) {
        *error = survey->sync_error;
        return CF_SURVEY_FAILED;
    }
    survey->phase = survey->reads_on ? CF_SURVEY_IS_CONTENTS : CF_SURVEY_IS_OVER;
    return CF_SURVEY_BATCH;
}

cf_survey_state cf_survey_step(cf_survey *survey, uint64_t now_ms, cf_error *error)
{
    cf_status status = CF_OK;

    survey->now_ms = now_ms;
    cf_survey_reads_clock(survey->reads, now_ms);
    while (!survey->is_reading && !cf_survey_reads_busy(survey->reads) && !survey->syncing) {
        switch (survey->phase) {
        case CF_SURVEY_IS_BEGINNING:
            cf_survey_list(survey);
            survey->phase = CF_SURVEY_IS_LISTING;
            break;
        case CF_SURVEY_IS_LISTING:
            if (!cf_survey_lists_on(survey, &status, error))
                survey->phase = CF_SURVEY_IS_IDENTIFYING;
            break;
        case CF_SURVEY_IS_IDENTIFYING:
            decide(survey);
            if (begins_again(survey)) {
                cf_survey_reads_clock(survey->reads, now_ms);
                break;
            }
            if (survey->identity.list_wanted_count)
                list_wanted(survey);
            if (!is_satisfied(survey)) {
                survey->phase = CF_SURVEY_IS_SEEKING;
                break;
            }
            number_entries(survey);
            note_listing(survey);
            cf_survey_sync_names(survey);
            survey->phase = CF_SURVEY_IS_SYNCING;
            break;
        case CF_SURVEY_IS_SEEKING:
            if (cf_survey_lists_on(survey, &status, error) || status)
                break;
            read_wanted(survey);
            survey->phase = CF_SURVEY_IS_IDENTIFYING;
            break;
        case CF_SURVEY_IS_SYNCING:
            if (survey->sync_error.status) {
                *error = survey->sync_error;
                return CF_SURVEY_FAILED;
            }
            cf_survey_report_places(survey);
            survey->phase = CF_SURVEY_IS_PLACES;
            return CF_SURVEY_BATCH;
        case CF_SURVEY_IS_PLACES:
            survey->phase =
                cf_survey_start_contents(survey) ? CF_SURVEY_IS_CONTENTS : CF_SURVEY_IS_OVER;
            break;
        case CF_SURVEY_IS_CONTENTS:
            survey->reads_on = cf_survey_report_contents(survey);
            cf_survey_sync_names_read(survey);
            survey->phase = CF_SURVEY_IS_SYNCING_READ;
            if (survey->syncing)
                break;
            return tell_read(survey, error);
        case CF_SURVEY_IS_SYNCING_READ:
            return tell_read(survey, error);
        case CF_SURVEY_IS_OVER:
            return CF_SURVEY_DONE;
        }
        if (status)
            return CF_SURVEY_FAILED;
    }
    return CF_SURVEY_WORKING;
}

const cf_survey_batch *cf_survey_take(cf_survey *survey)
{
    return &survey->batch;
}

const cf_survey_note *cf_survey_notes(const cf_survey *survey, size_t *count)
{
    *count = survey->note_count;
    return survey->notes;
}

const cf_look_places *cf_survey_again(const cf_survey *survey)
{
    return &survey->again;
}

const cf_survey_unread *cf_survey_unread_files(const cf_survey *survey, size_t *count)
{
    *count = survey->unread_count;
    return survey->unread;
}

const cf_survey_racy *cf_survey_racy_files(const cf_survey *survey, size_t *count)
{
    *count = survey->racy_count;
    return survey->racy;
}

/* ---- What was found, by number ---- */

struct cf_observed_one {
    cf_hash_link by_number;
};

void cf_observed_index(cf_observed *observed, const cf_survey_batch *batch)
{
    *observed = (cf_observed){.links = cf_allocate(batch->count, sizeof *observed->links)};
    for (size_t i = 0; i < batch->count; i++)
        cf_hash_table_add(&observed->table, &observed->links[i].by_number,
                          batch->at[i].finding.number);
}

size_t cf_observed_find(const cf_observed *observed, uint64_t number)
{
    cf_hash_link *link = cf_hash_table_first(&observed->table, number);

    return link ? (size_t)(cf_container_of(link, struct cf_observed_one, by_number) -
                           observed->links)
                : SIZE_MAX;
}

void cf_observed_release(cf_observed *observed)
{
    cf_hash_table_release(&observed->table);
    free(observed->links);
}

/* ---- What was listed ---- */

size_t cf_survey_sight_count(const cf_survey *survey)
{
    return survey->listing.entry_count;
}

bool cf_survey_sight_at(const cf_survey *survey, size_t index, cf_survey_sight *out)
{
    const cf_listed *listed = &survey->listing.entries[index];

    *out = (cf_survey_sight){
        .node = cf_survey_base_node(survey, index),
        .within = listed->folder,
        .folder = cf_survey_folder_number(survey, listed->folder),
        .name = listed->name,
        .kind = (uint8_t)listed->kind,
        .stat = &listed->stat,
    };
    return is_wanted(listed);
}

bool cf_survey_sight_above(const cf_survey *survey, const cf_survey_sight *seen,
                           cf_survey_sight *out)
{
    const size_t entry = survey->identity.folder_entries[seen->within];

    return entry != CF_LISTED_START && entry != CF_IDENTITY_NOWHERE &&
           cf_survey_sight_at(survey, entry, out);
}
