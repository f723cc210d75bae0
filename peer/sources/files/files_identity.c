/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule is asked of all that is open before the next one is, so that no file takes by a weaker
 * rule what a stronger one gives to another. As long as hashes or listings are wanted nothing is
 * gone. */
#include "peer/sources/files/files_identity.h"

#include <stdlib.h>
#include <string.h>

#include "peer/sources/files/files_decision_inside.h"

const cf_identity_node *cf_decision_node(const cf_decision *self, size_t index)
{
    return &self->input->nodes[index];
}

uint64_t cf_decision_number(const cf_decision *self, size_t index)
{
    return index == CF_KNOWN_ROOT ? 0 : cf_decision_node(self, index)->number;
}

void cf_decision_claim(cf_decision *self, size_t entry, size_t node, cf_token_how how)
{
    self->claimed[node] = entry;
    self->tokens[entry] = (cf_token){.how = how, .node = cf_decision_node(self, node)->number};
}

bool cf_decision_open(const cf_decision *self, size_t entry)
{
    return self->listing->entries[entry].kind && self->tokens[entry].how == CF_TOKEN_NONE;
}

size_t cf_decision_free_at_place(const cf_decision *self, size_t entry)
{
    const cf_listed *found = &self->listing->entries[entry];

    if (!self->resolved[found->folder] || self->folder_node[found->folder] == CF_KNOWN_NONE)
        return CF_KNOWN_NONE;
    size_t node = cf_files_known_place(
        self->known, cf_decision_number(self, self->folder_node[found->folder]), found->name);
    if (node == CF_KNOWN_NONE || cf_decision_node(self, node)->kind != found->kind ||
        self->claimed[node] != CF_KNOWN_NONE)
        return CF_KNOWN_NONE;
    return node;
}

/* ---- Files and links: rules 3 to 7 ---- */

static bool is_known(const cf_decision *self, const cf_listed *entry)
{
    return cf_files_known_next_same(self->known, &entry->stat, entry->kind, CF_KNOWN_NONE) !=
           CF_KNOWN_NONE;
}

static void keep_in_place(cf_decision *self, size_t entry)
{
    size_t node = cf_decision_free_at_place(self, entry);

    if (node != CF_KNOWN_NONE &&
        cf_stat_same_file(&cf_decision_node(self, node)->stat, &self->listing->entries[entry].stat))
        cf_decision_claim(self, entry, node, CF_TOKEN_SAME);
}

static void take_place_unknown(cf_decision *self, size_t entry)
{
    size_t node = cf_decision_free_at_place(self, entry);

    if (node != CF_KNOWN_NONE && !is_known(self, &self->listing->entries[entry]))
        cf_decision_claim(self, entry, node, CF_TOKEN_REPLACED);
}

/* Without birth times, a number that was given to another file looks like the one before: only what
 * a move leaves as it was tells them apart. */
static bool may_be_moved(const cf_identity_node *node, const cf_stat *found)
{
    return found->birth_ns != 0 || node->was_renamed ||
           (node->stat.size == found->size && node->stat.mtime_ns == found->mtime_ns);
}

typedef size_t next_node(const cf_decision *self, const cf_listed *found, size_t after);

static size_t next_same(const cf_decision *self, const cf_listed *found, size_t after)
{
    return cf_files_known_next_same(self->known, &found->stat, found->kind, after);
}

static size_t next_named(const cf_decision *self, const cf_listed *found, size_t after)
{
    return cf_files_known_next_named(self->known, &found->stat, found->kind, found->name, after);
}

/* Of 8,000 names of one file each may be asked about by 8,000 others: those at the beginning that
 * are taken, or are where they were, are passed once. */
static size_t first_free(cf_decision *self, const cf_listed *found, next_node *next, size_t *passed)
{
    size_t first = next(self, found, CF_KNOWN_NONE), node = first;
    bool all_passed = true;

    if (first != CF_KNOWN_NONE && passed[first] != CF_KNOWN_NONE)
        node = next(self, found, passed[first]);
    for (; node != CF_KNOWN_NONE; node = next(self, found, node)) {
        bool taken = self->claimed[node] != CF_KNOWN_NONE;
        bool fits = may_be_moved(cf_decision_node(self, node), &found->stat);

        if (!taken && fits && cf_decision_left(self, node, true))
            return node;
        all_passed &= taken || fits;
        if (all_passed)
            passed[first] = node;
    }
    return CF_KNOWN_NONE;
}

/* Of several free nodes the one of this name, else the first. */
static void take_free_node(cf_decision *self, size_t entry)
{
    const cf_listed *found = &self->listing->entries[entry];

    if (!is_known(self, found))
        return;
    size_t node = first_free(self, found, next_named, self->passed_named);
    if (node == CF_KNOWN_NONE)
        node = first_free(self, found, next_same, self->passed);
    if (node != CF_KNOWN_NONE)
        cf_decision_claim(self, entry, node, CF_TOKEN_MOVED);
}

static void find_occupied(cf_decision *self)
{
    self->occupied = cf_arena_allocate(self->arena, self->input->node_count, sizeof(bool));
    for (size_t e = 0; e < self->listing->entry_count; e++) {
        const cf_listed *found = &self->listing->entries[e];

        if (!self->resolved[found->folder] || self->folder_node[found->folder] == CF_KNOWN_NONE)
            continue;
        size_t node = cf_files_known_place(
            self->known, cf_decision_number(self, self->folder_node[found->folder]), found->name);
        if (node != CF_KNOWN_NONE)
            self->occupied[node] = true;
    }
}

/* Two that changed places are no drafts, whatever they were: each is where the other was. */
static bool has_left_as_a_draft(cf_decision *self, size_t node)
{
    const cf_identity_input *input = self->input;

    if (!input->is_draft || !input->is_draft(input->context, cf_decision_node(self, node)->number))
        return false;
    if (!self->occupied)
        find_occupied(self);
    return !self->occupied[node];
}

static void take_place_by_draft(cf_decision *self, size_t entry)
{
    const cf_listed *found = &self->listing->entries[entry];
    size_t node = cf_decision_free_at_place(self, entry);

    if (!self->input->is_draft || node == CF_KNOWN_NONE || !is_known(self, found))
        return;
    size_t draft = first_free(self, found, next_same, self->passed);
    if (draft == CF_KNOWN_NONE || !has_left_as_a_draft(self, draft))
        return;
    cf_decision_claim(self, entry, node, CF_TOKEN_REPLACED);
    self->out->drafts[self->out->draft_count++] = (cf_identity_draft){
        cf_decision_node(self, draft)->number, cf_decision_node(self, node)->number};
}

static void take_place(cf_decision *self, size_t entry)
{
    size_t node = cf_decision_free_at_place(self, entry);

    if (node != CF_KNOWN_NONE)
        cf_decision_claim(self, entry, node, CF_TOKEN_REPLACED);
}

static void for_each_open_file(cf_decision *self, void (*rule)(cf_decision *self, size_t entry))
{
    for (size_t e = 0; e < self->listing->entry_count; e++)
        if (self->listing->entries[e].kind != 'd' && cf_decision_open(self, e))
            rule(self, e);
}

/* ---- The answer ---- */

/* Rule 1 finds directories wherever they are; and what is new gets its word. */
static void name_tokens(cf_decision *self)
{
    const cf_listing *listing = self->listing;

    for (size_t e = 0; e < listing->entry_count; e++) {
        const cf_listed *entry = &listing->entries[e];
        cf_token *token = &self->tokens[e];

        if (token->how == CF_TOKEN_NONE && entry->kind && !entry->excluded &&
            self->resolved[entry->folder])
            token->how = CF_TOKEN_NEW;
        if (token->how != CF_TOKEN_MOVED || !self->resolved[entry->folder] ||
            self->folder_node[entry->folder] == CF_KNOWN_NONE)
            continue;
        const cf_identity_node *node =
            cf_decision_node(self, cf_files_known_number(self->known, token->node));
        if (node->parent == cf_decision_number(self, self->folder_node[entry->folder]) &&
            cf_bytes_equal(node->name, entry->name))
            token->how = CF_TOKEN_SAME;
    }
}

static size_t depth_of(const cf_decision *self, size_t node)
{
    size_t depth = 0;

    while (node != CF_KNOWN_NONE && cf_decision_node(self, node)->parent &&
           depth < self->input->node_count) {
        node = cf_files_known_number(self->known, cf_decision_node(self, node)->parent);
        depth++;
    }
    return depth;
}

typedef struct {
    size_t depth;
    uint64_t number;
    size_t node;
} gone_node;

static int order_gone(const void *a, const void *b)
{
    const gone_node *left = a, *right = b;

    if (left->depth != right->depth)
        return left->depth < right->depth ? 1 : -1;
    return (left->number > right->number) - (left->number < right->number);
}

static void list_gone(cf_decision *self)
{
    size_t count = 0;
    gone_node *gone = cf_arena_allocate(self->arena, self->input->node_count, sizeof *gone);

    for (size_t i = 0; i < self->input->node_count; i++)
        if (self->claimed[i] == CF_KNOWN_NONE && cf_decision_missing(self, i, false))
            gone[count++] = (gone_node){depth_of(self, i), cf_decision_node(self, i)->number, i};
    if (count)
        qsort(gone, count, sizeof *gone, order_gone);
    self->out->gone = cf_arena_allocate(self->arena, count, sizeof *self->out->gone);
    self->out->away = cf_arena_allocate(self->arena, count, sizeof *self->out->away);
    for (size_t i = 0; i < count; i++) {
        const uint64_t disk = cf_decision_disk_at(self, gone[i].node);

        self->out->gone[i] = gone[i].number;
        if (!cf_decision_is_on(self, gone[i].node, disk))
            self->out->away[self->out->away_count++] = (cf_identity_away){gone[i].number, disk};
    }
    self->out->gone_count = count;
}

static void tell_disks(cf_decision *self)
{
    for (size_t e = 0; e < self->listing->entry_count; e++)
        self->out->disks[e] = cf_decision_disk_of(self, e);
}

static size_t *all_nobody(cf_arena *arena, size_t count)
{
    size_t *array = cf_arena_allocate(arena, count, sizeof *array);

    memset(array, 0xff, count * sizeof *array);
    return array;
}

void cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out)
{
    const cf_listing *listing = input->listing;
    size_t nodes = input->node_count, entries = listing->entry_count;
    size_t folders = listing->folder_count;
    cf_decision self = {
        .input = input,
        .listing = listing,
        .known = cf_files_known_new(arena, input->nodes, nodes),
        .tokens = cf_arena_allocate(arena, entries, sizeof *self.tokens),
        .claimed = all_nobody(arena, nodes),
        .resolved = cf_arena_allocate(arena, folders, sizeof *self.resolved),
        .folder_node = all_nobody(arena, folders),
        .folder_of = all_nobody(arena, nodes + 1),
        .looked = cf_arena_allocate(arena, nodes, sizeof *self.looked),
        .wanted = cf_arena_allocate(arena, nodes, sizeof *self.wanted),
        .unsure = cf_arena_allocate(arena, nodes, sizeof *self.unsure),
        .passed = all_nobody(arena, nodes),
        .passed_named = all_nobody(arena, nodes),
        .folder_at = all_nobody(arena, entries),
        .folder_disk = cf_arena_allocate(arena, folders, sizeof *self.folder_disk),
        .looked_in = all_nobody(arena, nodes),
        .arena = arena,
        .out = out,
    };

    *out = (cf_identity){
        .tokens = self.tokens,
        .disks = cf_arena_allocate(arena, entries, sizeof *out->disks),
        .folder_entries = cf_arena_allocate(arena, folders, sizeof *out->folder_entries),
        .drafts = cf_arena_allocate(arena, nodes, sizeof *out->drafts),
        .hash_wanted = cf_arena_allocate(arena, entries, sizeof *out->hash_wanted),
        .list_wanted = cf_arena_allocate(arena, nodes + folders + 1, sizeof *out->list_wanted),
    };
    cf_decision_place_folders(&self);
    for_each_open_file(&self, keep_in_place);
    for_each_open_file(&self, take_place_unknown);
    for_each_open_file(&self, take_place_by_draft);
    for_each_open_file(&self, take_free_node);
    for_each_open_file(&self, take_place);
    cf_decision_match_contents(&self);
    name_tokens(&self);
    tell_disks(&self);
    if (out->hash_wanted_count == 0 && out->list_wanted_count == 0)
        list_gone(&self);
}
