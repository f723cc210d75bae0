/* SPDX-License-Identifier: Apache-2.0 */
/* When it is known what lies there: the identity wants neither listings nor hashes any more.
 * Directories that are wanted as a whole begin the look anew, TIMES_WIDER times at most; so does
 * what is gone where patterns leave something out, once, and everywhere. What has just moved, or
 * was restless, is looked at again. */
#include "peer/sources/files/scan_inside.h"

#include "codec/content.h"

#include <stdlib.h>

enum { TIMES_WIDER = 8 }; /* times that a look begins again: what never rests must not keep us */

cf_scan *cf_scan_new(const cf_scan_options *options)
{
    cf_scan *scan = cf_allocate(1, sizeof *scan);

    scan->options = *options;
    scan->reads = cf_scan_reads_new(options->env, options->binding, &scan->listing);
    return scan;
}

void cf_scan_destroy(cf_scan **scan)
{
    if (!*scan)
        return;
    cf_scan_stop_listing(*scan);
    cf_scan_await_names(*scan);
    cf_scan_reads_destroy(&(*scan)->reads);
    cf_listing_release(&(*scan)->listing);
    cf_arena_release(&(*scan)->arena);
    cf_arena_release(&(*scan)->identity_arena);
    cf_arena_release(&(*scan)->batch_arena);
    free((*scan)->watched);
    free((*scan)->numbers);
    cf_node_set_release(&(*scan)->told);
    cf_node_set_release(&(*scan)->bare);
    cf_node_set_release(&(*scan)->found_bare);
    cf_node_set_release(&(*scan)->returned);
    cf_node_set_release(&(*scan)->same);
    cf_node_set_release(&(*scan)->shown);
    free((*scan)->reported);
    free((*scan)->late);
    free((*scan)->twice);
    free((*scan)->observed);
    free((*scan)->restated);
    free((*scan)->notes);
    free((*scan)->unread);
    free((*scan)->racy);
    cf_look_places_release(&(*scan)->again);
    cf_look_places_release(&(*scan)->tried);
    cf_look_places_release(&(*scan)->wider);
    free(*scan);
    *scan = NULL;
}

/* ---- Identity ---- */

static bool is_draft(void *context, uint64_t number)
{
    const cf_scan_options *options = &((const cf_scan *)context)->options;
    const cf_node *node = cf_nodes_find(options->binding->nodes, number);

    return node && options->is_draft(options->context, node);
}

static void decide(cf_scan *scan)
{
    size_t count;

    scan->identity = (cf_identity){0};
    cf_arena_release(&scan->identity_arena);
    const cf_identity_node *nodes = cf_scan_base(scan, &count);
    cf_identity_input input = {
        .nodes = nodes,
        .node_count = count,
        .listing = &scan->listing,
        .hashes = cf_scan_reads_hashes(scan->reads),
        .is_everything = cf_scan_looks_at_all(scan),
        .is_draft = scan->options.is_draft ? is_draft : NULL,
        .context = scan,
        .names_only = scan->widened >= TIMES_WIDER,
    };

    cf_identity_decide(&input, &scan->identity_arena, &scan->identity);
}

/* All of some directories is wanted: what was found of them is found again. */
static bool wants_wider(cf_scan *scan)
{
    const cf_identity *identity = &scan->identity;
    size_t before = scan->wider.count;

    for (size_t i = 0; i < identity->list_wanted_count; i++)
        if (!identity->list_wanted[i].name.size)
            cf_look_places_add(&scan->wider, identity->list_wanted[i].directory, CF_WHOLE_FOLDER,
                               CF_ABSENCE_WAITS);
    return scan->wider.count > before;
}

/* What was moved while it was listed may lie in two places, and is listed once: what the base has
 * at the other is not known, and looked at again, or it would be wanted for ever. */
static cf_look_places places_wanted(cf_scan *scan)
{
    const cf_identity *identity = &scan->identity;
    cf_look_places places = {0};

    for (size_t i = 0; i < identity->list_wanted_count; i++) {
        const cf_place_wanted *wanted = &identity->list_wanted[i];

        if (cf_look_places_find(&scan->tried, wanted->directory, wanted->name))
            cf_listing_give_up(&scan->listing, wanted->directory, wanted->name);
        else
            cf_look_places_add(&places, wanted->directory, wanted->name, CF_ABSENCE_WAITS);
    }
    cf_scan_follow(scan, &places);
    return places;
}

static void list_wanted(cf_scan *scan)
{
    cf_look_places places = places_wanted(scan);

    cf_scan_list_names(scan, &places);
    for (size_t i = 0; i < places.count; i++)
        cf_look_places_add(&scan->tried, places.at[i].folder, places.at[i].name, CF_ABSENCE_WAITS);
    cf_look_places_sort(&scan->tried);
    cf_look_places_release(&places);
}

/* Whose place is not known yet. */
static const cf_read_past before_it_is_decided = {.may_be_open = true};

static void read_wanted(cf_scan *scan)
{
    const cf_identity *identity = &scan->identity;

    for (size_t i = 0; i < identity->hash_wanted_count; i++)
        cf_scan_reads_want(scan->reads, identity->hash_wanted[i], &before_it_is_decided);
    cf_scan_reads_start(scan->reads);
}

static bool is_satisfied(const cf_scan *scan)
{
    return !scan->identity.list_wanted_count && !scan->identity.hash_wanted_count;
}

static bool is_wanted(const cf_listed *listed)
{
    return listed->kind && !listed->skipped && listed->readable && !listed->excluded;
}

/* The entry's node was moved to where it is not asked for: that is told once. */
static bool is_leaving(const cf_scan *scan, size_t entry)
{
    return scan->listing.entries[entry].excluded && cf_scan_base_node(scan, entry);
}

/* A directory that was not asked for itself is, when something in it is. */
static void want_folders_above(cf_scan *scan, size_t entry, bool *wanted)
{
    for (size_t folder = scan->listing.entries[entry].folder;;) {
        size_t above = scan->identity.folder_entries[folder];

        if (above == CF_LISTED_START || above == CF_IDENTITY_NOWHERE || wanted[above])
            return;
        wanted[above] = true;
        folder = scan->listing.entries[above].folder;
    }
}

static bool is_told(const cf_listed *listed)
{
    return listed->excluded || (listed->readable && !listed->skipped);
}

static void number_entries(cf_scan *scan)
{
    size_t count = scan->listing.entry_count;
    bool *wanted = cf_allocate(count, sizeof *wanted);

    scan->twice = cf_allocate(count, sizeof *scan->twice);
    cf_scan_find_twice(scan, scan->twice);
    scan->numbers = cf_allocate(count, sizeof *scan->numbers);
    scan->reported = cf_allocate(count, sizeof *scan->reported);
    for (size_t i = 0; i < count; i++)
        if (is_wanted(&scan->listing.entries[i]) && !scan->twice[i]) {
            wanted[i] = true;
            want_folders_above(scan, i, wanted);
        } else if (is_leaving(scan, i)) {
            want_folders_above(scan, i, wanted);
        }
    for (size_t i = 0; i < count; i++) {
        const cf_node *node = cf_scan_base_node(scan, i);

        if (node && is_told(&scan->listing.entries[i]))
            cf_node_set_add(&scan->told, node->number);
        if (scan->twice[i])
            continue;
        if (node)
            scan->numbers[i] = node->number;
        else if (wanted[i] && (scan->identity.tokens[i].how == CF_TOKEN_NEW ||
                               scan->listing.entries[i].excluded)) /* on the way to what left */
            scan->numbers[i] = cf_binding_new_number(scan->options.binding);
    }
    cf_node_set_sort(&scan->told);
    free(wanted);
}

/* ---- Notes ---- */

void cf_scan_path(const cf_scan *scan, const cf_observation *seen, cf_buffer *out)
{
    cf_listing_entry_path(&scan->listing, seen->entry, out);
}

static bool is_unread(const cf_scan *scan, size_t entry)
{
    return entry != CF_LISTED_START && !scan->listing.entries[entry].readable &&
           !scan->listing.entries[entry].excluded;
}

/* Whatever happened there while it was listed is told by name. */
static bool is_watched(const cf_scan *scan, size_t folder)
{
    return folder < scan->watched_count && scan->watched[folder];
}

/* A directory that could not be read when it was found, and then could be listed, may well be read
 * in a moment. */
static void note_listing(cf_scan *scan)
{
    for (size_t i = 0; i < scan->listing.entry_count; i++) {
        const cf_listed *listed = &scan->listing.entries[i];
        const bool moves =
            scan->twice[i] && cf_scan_folder_number(scan, listed->folder) != UINT64_MAX;

        if (moves)
            cf_scan_look_again_at(scan, i);
        if (listed->excluded || (scan->twice[i] && !moves))
            continue;
        if (moves)
            cf_scan_note_entry(scan, i, "it has just been moved", true);
        else if (listed->skipped)
            cf_scan_note_entry(scan, i, listed->skipped, false);
        else if (!listed->readable)
            cf_scan_note_entry(scan, i, "it can't be read (permission denied)", false);
    }
    for (size_t i = 0; i < scan->listing.folder_count; i++) {
        const cf_listed_folder *folder = &scan->listing.folders[i];

        if ((folder->restless && !is_watched(scan, i)) ||
            scan->identity.folder_entries[i] == CF_IDENTITY_NOWHERE)
            cf_scan_look_again(scan, i);
        if (folder->complete && is_unread(scan, folder->entry))
            cf_scan_look_again_at(scan, folder->entry);
        if (folder->trouble && folder->entry != CF_LISTED_START && !folder->failed)
            cf_scan_note_entry(scan, folder->entry, folder->trouble, false);
        else if (folder->trouble && folder->depth) /* the source's own folder ends the look */
            cf_scan_note_unlisted(scan, i);
    }
}

bool cf_scan_found(const cf_scan *scan, uint64_t node)
{
    return cf_node_set_have(&scan->told, node);
}

/* ---- Steps ---- */

/* What is gone may have been moved to where nobody asks for it, which must not look like a delete:
 * once more, and there, too. */
static bool wants_everywhere(const cf_scan *scan)
{
    return scan->identity.gone_count && !scan->everywhere &&
           cf_include_limits(scan->options.binding->matcher);
}

static void begin_again(cf_scan *scan)
{
    scan->identity = (cf_identity){0};
    cf_scan_reads_destroy(&scan->reads);
    cf_listing_release(&scan->listing);
    scan->watched_count = 0;
    cf_look_places_release(&scan->tried);
    scan->reads = cf_scan_reads_new(scan->options.env, scan->options.binding, &scan->listing);
    scan->phase = CF_SCAN_IS_BEGINNING;
}

/* With more than was listed so far. */
static bool begins_again(cf_scan *scan)
{
    bool wider = wants_wider(scan), everywhere = !wider && wants_everywhere(scan);

    scan->widened += wider;
    scan->everywhere |= everywhere;
    if (wider || everywhere)
        begin_again(scan);
    return wider || everywhere;
}

static cf_scan_state tell_read(cf_scan *scan, cf_error *error)
{
    if (scan->sync_error.status) {
        *error = scan->sync_error;
        return CF_SCAN_FAILED;
    }
    scan->phase = scan->reads_on ? CF_SCAN_IS_CONTENTS : CF_SCAN_IS_OVER;
    return CF_SCAN_BATCH;
}

/* Which node each thing is that was listed: where more has to be listed or read to tell, the scan
 * seeks that first, and comes here again. */
static void identify(cf_scan *scan)
{
    decide(scan);
    if (begins_again(scan)) {
        cf_scan_reads_clock(scan->reads, scan->now_ms);
        return;
    }
    if (scan->identity.list_wanted_count)
        list_wanted(scan);
    if (!is_satisfied(scan)) {
        scan->phase = CF_SCAN_IS_SEEKING;
        return;
    }
    number_entries(scan);
    note_listing(scan);
    cf_scan_sync_names(scan);
    scan->phase = CF_SCAN_IS_SYNCING;
}

cf_scan_state cf_scan_step(cf_scan *scan, uint64_t now_ms, cf_error *error)
{
    cf_status status = CF_OK;

    scan->now_ms = now_ms;
    cf_scan_reads_clock(scan->reads, now_ms);
    while (!scan->is_reading && !cf_scan_reads_busy(scan->reads) && !scan->syncing) {
        switch (scan->phase) {
        case CF_SCAN_IS_BEGINNING:
            cf_scan_list(scan);
            scan->phase = CF_SCAN_IS_LISTING;
            break;
        case CF_SCAN_IS_LISTING:
            if (!cf_scan_lists_on(scan, &status, error))
                scan->phase = CF_SCAN_IS_IDENTIFYING;
            break;
        case CF_SCAN_IS_IDENTIFYING:
            identify(scan);
            break;
        case CF_SCAN_IS_SEEKING:
            if (cf_scan_lists_on(scan, &status, error) || status)
                break;
            read_wanted(scan);
            scan->phase = CF_SCAN_IS_IDENTIFYING;
            break;
        case CF_SCAN_IS_SYNCING:
            if (scan->sync_error.status) {
                *error = scan->sync_error;
                return CF_SCAN_FAILED;
            }
            cf_scan_report_places(scan);
            scan->phase = CF_SCAN_IS_PLACES;
            return CF_SCAN_BATCH;
        case CF_SCAN_IS_PLACES:
            scan->phase = cf_scan_start_contents(scan) ? CF_SCAN_IS_CONTENTS : CF_SCAN_IS_OVER;
            break;
        case CF_SCAN_IS_CONTENTS:
            scan->reads_on = cf_scan_report_contents(scan);
            cf_scan_sync_names_read(scan);
            scan->phase = CF_SCAN_IS_SYNCING_READ;
            if (scan->syncing)
                break;
            return tell_read(scan, error);
        case CF_SCAN_IS_SYNCING_READ:
            return tell_read(scan, error);
        case CF_SCAN_IS_OVER:
            return CF_SCAN_DONE;
        }
        if (status)
            return CF_SCAN_FAILED;
    }
    return CF_SCAN_WORKING;
}

const cf_scan_batch *cf_scan_take(cf_scan *scan)
{
    return &scan->batch;
}

const cf_scan_note *cf_scan_notes(const cf_scan *scan, size_t *count)
{
    *count = scan->note_count;
    return scan->notes;
}

const cf_look_places *cf_scan_again(const cf_scan *scan)
{
    return &scan->again;
}

const cf_scan_unread *cf_scan_unread_files(const cf_scan *scan, size_t *count)
{
    *count = scan->unread_count;
    return scan->unread;
}

const cf_scan_racy *cf_scan_racy_files(const cf_scan *scan, size_t *count)
{
    *count = scan->racy_count;
    return scan->racy;
}

/* ---- What was found, by number ---- */

struct cf_observed_one {
    cf_hash_link by_number;
};

void cf_observed_index(cf_observed *observed, const cf_scan_batch *batch)
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

size_t cf_scan_sight_count(const cf_scan *scan)
{
    return scan->listing.entry_count;
}

bool cf_scan_sight_at(const cf_scan *scan, size_t index, cf_scan_sight *out)
{
    const cf_listed *listed = &scan->listing.entries[index];

    *out = (cf_scan_sight){
        .node = cf_scan_base_node(scan, index),
        .within = listed->folder,
        .folder = cf_scan_folder_number(scan, listed->folder),
        .name = listed->name,
        .kind = (uint8_t)listed->kind,
        .stat = &listed->stat,
    };
    return is_wanted(listed);
}

bool cf_scan_sight_above(const cf_scan *scan, const cf_scan_sight *seen, cf_scan_sight *out)
{
    const size_t entry = scan->identity.folder_entries[seen->within];

    return entry != CF_LISTED_START && entry != CF_IDENTITY_NOWHERE &&
           cf_scan_sight_at(scan, entry, out);
}
