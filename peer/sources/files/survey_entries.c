/* SPDX-License-Identifier: Apache-2.0 */
/* What a survey knows of the entries that it listed, and what it notes of them. */
#include "peer/sources/files/survey_inside.h"

#include <stdlib.h>

const cf_node *cf_survey_base_node(const cf_survey *survey, size_t entry)
{
    const cf_token *token = &survey->identity.tokens[entry];

    if (token->how == CF_TOKEN_NONE || token->how == CF_TOKEN_NEW)
        return NULL;
    return cf_nodes_find(survey->options.binding->nodes, token->node);
}

uint64_t cf_survey_folder_number(const cf_survey *survey, size_t folder)
{
    size_t entry = survey->identity.folder_entries[folder];

    if (entry == CF_LISTED_START)
        return survey->listing.folders[folder].node;
    uint64_t number = entry == CF_IDENTITY_NOWHERE ? 0 : survey->numbers[entry];
    return number ? number : UINT64_MAX;
}

uint64_t cf_survey_number_again(const cf_survey *survey, size_t folder)
{
    uint64_t number = cf_survey_folder_number(survey, folder);

    return number == UINT64_MAX ? survey->listing.folders[folder].node : number;
}

void cf_survey_look_again(cf_survey *survey, size_t folder)
{
    const cf_listed_folder *listed = &survey->listing.folders[folder];
    uint64_t number = cf_survey_number_again(survey, folder);

    for (size_t i = 0; i < listed->asked_count; i++)
        cf_look_places_add(&survey->again, number, listed->asked[i], CF_ABSENCE_WAITS);
    if (!listed->asked_count)
        cf_look_places_add(&survey->again, number, CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
}

void cf_survey_look_again_at(cf_survey *survey, size_t entry)
{
    const cf_listed *listed = &survey->listing.entries[entry];

    cf_look_places_add(&survey->again, cf_survey_number_again(survey, listed->folder), listed->name,
                       CF_ABSENCE_WAITS);
}

void cf_survey_note_unread(cf_survey *survey, size_t entry)
{
    const cf_listed *listed = &survey->listing.entries[entry];

    *cf_one_more(survey->unread, survey->unread_count, survey->unread_capacity) =
        (cf_survey_unread){
            .folder = cf_survey_number_again(survey, listed->folder),
            .name = cf_arena_copy(&survey->arena, listed->name),
            .changed_ns = listed->stat.ctime_ns,
        };
}

void cf_survey_note_racy(cf_survey *survey, size_t entry, uint32_t wait_ms)
{
    const cf_listed *listed = &survey->listing.entries[entry];

    *cf_one_more(survey->racy, survey->racy_count, survey->racy_capacity) = (cf_survey_racy){
        .folder = cf_survey_number_again(survey, listed->folder),
        .name = cf_arena_copy(&survey->arena, listed->name),
        .wait_ms = wait_ms,
    };
}

static cf_survey_note *add_note(cf_survey *survey, cf_bytes path, const char *reason)
{
    cf_survey_note *note = cf_one_more(survey->notes, survey->note_count, survey->note_capacity);
    *note = (cf_survey_note){
        .path = cf_arena_copy(&survey->arena, path),
        .reason = cf_arena_text(&survey->arena, cf_bytes_of_text(reason)), /* a read's ends soon */
    };
    return note;
}

void cf_survey_note_entry(cf_survey *survey, size_t entry, const char *reason, bool passing)
{
    cf_buffer path = {0};

    cf_listing_entry_path(&survey->listing, entry, &path);
    cf_survey_note *note = add_note(survey, cf_buffer_view(&path), reason);
    note->passing = passing;
    note->unseen = survey->listing.entries[entry].unseen;
    cf_buffer_release(&path);
}

void cf_survey_note_unlisted(cf_survey *survey, size_t folder)
{
    const cf_listed_folder *listed = &survey->listing.folders[folder];
    cf_buffer path = {0};

    cf_listing_folder_path(&survey->listing, folder, &path);
    if (listed->failed)
        cf_buffer_append(&path, "/", 1);
    add_note(survey, cf_buffer_view(&path), listed->trouble)->unseen = listed->failed;
    cf_survey_look_again(survey, folder);
    cf_buffer_release(&path);
}

void cf_survey_restate(cf_survey *survey, const cf_node *node, const cf_node_stat *stat,
                       uint64_t disk)
{
    size_t at = survey->batch.restated_count++;

    survey->restated = cf_grow(survey->restated, &survey->restated_capacity, at + 1, sizeof *node);
    survey->restated[at] = *node;
    survey->restated[at].stat = *stat;
    survey->restated[at].disk = disk;
    survey->batch.restated = survey->restated;
}

/* ---- When directories were changed last ---- */

/* When the directories that were listed were changed last, and whether they have lost anything. */

static int order_times(const void *a, const void *b)
{
    const uint64_t one = ((const cf_bare_time *)a)->folder;
    const uint64_t other = ((const cf_bare_time *)b)->folder;

    return (one > other) - (one < other);
}

/* One that was listed twice has the later time. */
static void merge_times(cf_survey *survey)
{
    cf_bare_time *times = survey->times;
    size_t count = 0;

    if (survey->time_count)
        qsort(times, survey->time_count, sizeof *times, order_times);
    for (size_t i = 0; i < survey->time_count; i++) {
        if (!count || times[count - 1].folder != times[i].folder)
            times[count++] = times[i];
        else if (times[count - 1].changed_ns < times[i].changed_ns)
            times[count - 1] = times[i];
    }
    survey->time_count = count;
}

void cf_survey_gather_times(cf_survey *survey)
{
    survey->times =
        cf_arena_allocate(&survey->arena, survey->listing.folder_count, sizeof *survey->times);
    for (size_t i = 0; i < survey->listing.folder_count; i++) {
        const cf_listed_folder *folder = &survey->listing.folders[i];
        const uint64_t number = cf_survey_folder_number(survey, i);

        if (folder->changed_ns && number != UINT64_MAX)
            survey->times[survey->time_count++] =
                (cf_bare_time){number, folder->changed_ns, folder->stat.inode};
    }
    merge_times(survey);
}

const cf_bare_time *cf_survey_folder_time(const cf_survey *survey, uint64_t directory)
{
    const cf_bare_time wanted = {.folder = directory};

    return survey->time_count
               ? bsearch(&wanted, survey->times, survey->time_count, sizeof wanted, order_times)
               : NULL;
}

/* It was another directory at the last look, and is the one that was there without a disk; nobody
 * put it there. */
static bool is_bare_again(const cf_survey *survey, const cf_bare_time *now)
{
    const cf_binding *binding = survey->options.binding;
    const cf_node *directory = cf_nodes_find(binding->nodes, now->folder);
    const cf_bare_time *above = directory ? cf_survey_folder_time(survey, directory->parent) : NULL;

    return above && !cf_node_went_below(directory) && directory->stat.inode != now->inode &&
           cf_binding_saw_all_since(binding, above->changed_ns) &&
           cf_bare_times_have_inode(&binding->seen.bare, now->folder, now->inode);
}

bool cf_survey_has_lost_nothing(const cf_survey *survey, const cf_node *node)
{
    const cf_bare_time *now = cf_survey_folder_time(survey, node->parent);

    return now && !cf_node_went_below(node) &&
           (is_bare_again(survey, now) ||
            cf_binding_has_lost_nothing(survey->options.binding, *now, node->stat.ctime_ns));
}
