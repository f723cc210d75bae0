/* SPDX-License-Identifier: Apache-2.0 */
/* Rules 1 and 2 of files_identity.h: which directory of the base a listed folder is, from the
 * starts downwards. On that rests which nodes are surely not in their places: those whose folder
 * was listed completely, whose name was looked for, or whose directory is gone itself. */
#include "peer/sources/files/files_decision_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- Which node a folder stands for ---- */

static void place_names(cf_decision *self, size_t index, size_t node)
{
    const cf_listed_folder *folder = &self->listing->folders[index];

    for (size_t i = 0; node != CF_KNOWN_NONE && i < folder->asked_count; i++) {
        size_t child =
            cf_files_known_place(self->known, cf_decision_number(self, node), folder->asked[i]);

        if (child == CF_KNOWN_NONE)
            continue;
        if (folder->sure[i])
            self->looked_in[child] = index;
        self->looked[child] |= folder->sure[i];
        self->unsure[child] |= !folder->sure[i];
    }
}

static void place_folder(cf_decision *self, size_t folder, size_t node)
{
    self->resolved[folder] = true;
    self->folder_node[folder] = node;
    if (self->listing->folders[folder].asked_count)
        place_names(self, folder, node);
    else if (node == CF_KNOWN_ROOT)
        self->folder_of[self->input->node_count] = folder;
    else if (node != CF_KNOWN_NONE && self->folder_of[node] == CF_KNOWN_NONE)
        self->folder_of[node] = folder;
}

/* A start stands for its node if it is still that directory. (A start that could not even be opened
 * has no stat: it is believed, and nothing is known of what is in it.) */
static void place_start(cf_decision *self, size_t folder)
{
    const cf_listed_folder *start = &self->listing->folders[folder];

    size_t node =
        start->node == 0 ? CF_KNOWN_ROOT : cf_files_known_number(self->known, start->node);
    if (node == CF_KNOWN_NONE ||
        (node != CF_KNOWN_ROOT && start->stat.inode != 0 &&
         !cf_stat_same_file(&cf_decision_node(self, node)->stat, &start->stat)))
        return;
    self->out->folder_entries[folder] = CF_LISTED_START;
    self->folder_disk[folder] = cf_decision_disk_of_start(self, folder, node);
    place_folder(self, folder, node);
}

/* Which folder lists a directory: the one made for its entry, or a start that is the same one. */
static void join_folders(cf_decision *self)
{
    const cf_listing *listing = self->listing;
    cf_stat_index *starts = cf_stat_index_new(self->arena, listing->folder_count);

    for (size_t f = 0; f < listing->folder_count; f++) {
        if (listing->folders[f].entry != CF_LISTED_START)
            self->folder_at[listing->folders[f].entry] = f;
        else if (listing->folders[f].stat.inode)
            cf_stat_index_add(starts, &listing->folders[f].stat, f);
    }
    for (size_t e = 0; e < listing->entry_count; e++)
        if (listing->entries[e].kind == 'd' && self->folder_at[e] == CF_KNOWN_NONE)
            self->folder_at[e] = cf_stat_index_find(starts, &listing->entries[e].stat);
}

/* By base node: something was in it. */
static const bool *find_filled(const cf_decision *self)
{
    size_t count = self->input->node_count;
    bool *filled = cf_arena_allocate(self->arena, count + 1, sizeof *filled);

    for (size_t i = 0; i < count; i++) {
        uint64_t parent = cf_decision_node(self, i)->parent;
        size_t above = parent ? cf_files_known_number(self->known, parent) : CF_KNOWN_NONE;

        if (above != CF_KNOWN_NONE)
            filled[above] = true;
    }
    return filled;
}

/* By its name, or as that very file. */
static bool was_in(const cf_decision *self, const cf_listed *entry, size_t node)
{
    uint64_t number = cf_decision_node(self, node)->number;
    bool found = cf_files_known_place(self->known, number, entry->name) != CF_KNOWN_NONE;
    size_t known = CF_KNOWN_NONE;

    while (!found && (known = cf_files_known_next_same(self->known, &entry->stat, entry->kind,
                                                       known)) != CF_KNOWN_NONE)
        found = cf_decision_node(self, known)->parent == number;
    return found;
}

/* Without birth times, a number that was given to another directory looks like the one before. Only
 * that nothing is in it of what was tells them apart, and if nothing was, the time of its last
 * change. */
static bool may_be_known(const cf_decision *self, const bool *filled, size_t entry, size_t node)
{
    const cf_stat *stat = &self->listing->entries[entry].stat;
    size_t folder = self->folder_at[entry];

    if (stat->birth_ns != 0 || cf_decision_node(self, node)->was_renamed)
        return true;
    if (!filled[node])
        return stat->mtime_ns == cf_decision_node(self, node)->stat.mtime_ns;
    if (folder == CF_KNOWN_NONE || !self->listing->folders[folder].complete)
        return true;
    const cf_listed_folder *of = &self->listing->folders[folder];
    bool found = false;
    for (size_t e = of->first; !found && e < of->first + of->count; e++)
        found = was_in(self, &self->listing->entries[e], node);
    return found;
}

static void find_known_directories(cf_decision *self)
{
    const bool *filled = find_filled(self);

    for (size_t e = 0; e < self->listing->entry_count; e++) {
        const cf_listed *entry = &self->listing->entries[e];
        size_t node = CF_KNOWN_NONE;

        if (entry->kind != 'd' || entry->stat.is_mount) /* which nobody moves */
            continue;
        while ((node = cf_files_known_next_same(self->known, &entry->stat, 'd', node)) !=
               CF_KNOWN_NONE)
            if (self->claimed[node] == CF_KNOWN_NONE && may_be_known(self, filled, e, node)) {
                cf_decision_claim(self, e, node, CF_TOKEN_MOVED);
                break;
            }
    }
}

/* Beside a directory that has the place of a known one, that one may lie under another name. */
static bool wants_whole(cf_decision *self, size_t folder)
{
    cf_identity *out = self->out;
    const uint64_t number = cf_decision_number(self, self->folder_node[folder]);

    if (!self->listing->folders[folder].asked_count || self->input->names_only ||
        out->folder_entries[folder] != CF_LISTED_START)
        return false;
    for (size_t i = 0; i < out->list_wanted_count; i++)
        if (!out->list_wanted[i].name.size && out->list_wanted[i].directory == number)
            return true;
    out->list_wanted[out->list_wanted_count++] = (cf_place_wanted){.directory = number};
    return true;
}

/* The directories in a folder whose own node is known get theirs, and so do the folders that list
 * them. */
static void resolve_children(cf_decision *self, size_t folder)
{
    const cf_listed_folder *of = &self->listing->folders[folder];

    for (size_t e = of->first; e < of->first + of->count; e++) {
        if (self->listing->entries[e].kind != 'd')
            continue;
        size_t node =
            cf_decision_open(self, e) ? cf_decision_free_at_place(self, e) : CF_KNOWN_NONE;
        if (node != CF_KNOWN_NONE && !wants_whole(self, folder))
            cf_decision_claim(self, e, node, CF_TOKEN_REPLACED);
        size_t below = self->folder_at[e];
        if (below == CF_KNOWN_NONE || self->resolved[below])
            continue;
        self->out->folder_entries[below] = e;
        self->folder_disk[below] = cf_decision_disk_of(self, e);
        place_folder(self, below,
                     self->tokens[e].how == CF_TOKEN_NONE
                         ? CF_KNOWN_NONE
                         : cf_files_known_number(self->known, self->tokens[e].node));
    }
}

/* From the starts downwards. Folders mostly come after the one above them: one round does. */
static void resolve_folders(cf_decision *self)
{
    const cf_listing *listing = self->listing;
    bool *visited = cf_arena_allocate(self->arena, listing->folder_count, sizeof *visited);

    for (size_t f = 0; f < listing->folder_count; f++) {
        bool starts = listing->folders[f].entry == CF_LISTED_START;

        self->out->folder_entries[f] = starts ? CF_IDENTITY_NOWHERE : listing->folders[f].entry;
        if (starts)
            place_start(self, f);
    }
    for (bool again = true; again;) {
        again = false;
        for (size_t f = 0; f < listing->folder_count; f++)
            if (self->resolved[f] && !visited[f]) {
                visited[f] = again = true;
                resolve_children(self, f);
            }
    }
}

/* ---- Is a base node's place surely empty? ---- */

typedef enum {
    PLACE_EMPTY,
    PLACE_UNLISTED, /* a listing of its directory would tell */
    PLACE_UNKNOWN,  /* that listing failed */
} place_state;

static int order_names(const void *a, const void *b)
{
    return cf_bytes_compare(*(const cf_bytes *)a, *(const cf_bytes *)b);
}

/* Or that name was looked for in it. */
static bool is_start(const cf_decision *self, uint64_t number, cf_bytes name)
{
    for (size_t f = 0; f < self->listing->folder_count; f++) {
        const cf_listed_folder *start = &self->listing->folders[f];

        if (start->entry == CF_LISTED_START && start->node == number &&
            (!start->asked_count ||
             bsearch(&name, start->asked, start->asked_count, sizeof name, order_names)))
            return true;
    }
    return false;
}

/* For a node that nothing has claimed. */
static place_state place_of(const cf_decision *self, size_t node)
{
    uint64_t parent = cf_decision_node(self, node)->parent;
    size_t above = parent ? cf_files_known_number(self->known, parent) : self->input->node_count;

    if (above == CF_KNOWN_NONE)
        return PLACE_UNKNOWN;
    size_t folder = self->folder_of[above];
    if (self->looked[node])
        return PLACE_EMPTY;
    if (folder != CF_KNOWN_NONE && self->listing->folders[folder].complete)
        return PLACE_EMPTY;
    if (folder != CF_KNOWN_NONE &&
        (!self->listing->folders[folder].restless || self->listing->folders[folder].trouble))
        return PLACE_UNKNOWN;
    if (parent && self->claimed[above] == CF_KNOWN_NONE && place_of(self, above) == PLACE_EMPTY)
        return PLACE_EMPTY; /* the directory itself is gone */
    return self->unsure[node] ? PLACE_UNKNOWN : PLACE_UNLISTED;
}

static void want_place(cf_decision *self, size_t node)
{
    cf_identity *out = self->out;
    const cf_place_wanted place = {cf_decision_node(self, node)->parent,
                                   cf_decision_node(self, node)->name};

    if (self->wanted[node] || is_start(self, place.directory, place.name))
        return;
    self->wanted[node] = true;
    out->list_wanted[out->list_wanted_count++] = place;
}

uint64_t cf_decision_disk_at(const cf_decision *self, size_t node)
{
    for (;;) {
        uint64_t parent = cf_decision_node(self, node)->parent;
        size_t above =
            parent ? cf_files_known_number(self->known, parent) : self->input->node_count;

        if (self->looked[node])
            return self->folder_disk[self->looked_in[node]];
        if (self->folder_of[above] != CF_KNOWN_NONE)
            return self->folder_disk[self->folder_of[above]];
        if (!parent)
            return 0;
        node = above;
    }
}

bool cf_decision_left(cf_decision *self, size_t node, bool ask)
{
    return cf_decision_missing(self, node, ask) &&
           cf_decision_is_on(self, node, cf_decision_disk_at(self, node));
}

bool cf_decision_missing(cf_decision *self, size_t node, bool ask)
{
    place_state state = place_of(self, node);

    if (state == PLACE_UNLISTED && ask)
        want_place(self, node);
    return state == PLACE_EMPTY;
}

/* A start that is another directory by now: who has its place is seen from above. */
static void want_parents_of_lost_starts(cf_decision *self)
{
    for (size_t f = 0; f < self->listing->folder_count; f++) {
        const cf_listed_folder *start = &self->listing->folders[f];

        if (start->entry != CF_LISTED_START || self->resolved[f])
            continue;
        size_t node = cf_files_known_number(self->known, start->node);
        if (node != CF_KNOWN_NONE)
            want_place(self, node);
    }
}

void cf_decision_place_folders(cf_decision *self)
{
    join_folders(self);
    find_known_directories(self);
    resolve_folders(self);
    want_parents_of_lost_starts(self);
    cf_decision_tell_disks_apart(self);
}
