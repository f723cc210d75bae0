/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/files_identity.h"

#include <stdlib.h>
#include <string.h>

#include "peer/adapters/files_known.h"

#define NOBODY SIZE_MAX

typedef struct {
    const cf_identity_input *input;
    const cf_listing *listing;
    const cf_known *known; /* the base's nodes by number, by place, by inode */
    cf_token *tokens;
    size_t *claimed;     /* by base node: the entry that is it, or NOBODY */
    bool *resolved;      /* by folder: it stands for `folder_node`, or (NOBODY) for nothing known */
    size_t *folder_node; /* by folder: index of its base node, CF_KNOWN_ROOT, or NOBODY */
    size_t *folder_of;   /* by base node: the folder that lists it, or NOBODY; last: the root's */
    size_t *folder_at;   /* by entry: the folder that lists this directory, or NOBODY */
    cf_arena *arena;
    cf_identity *out;
} decision;

static const cf_identity_node *node_at(const decision *self, size_t index)
{
    return &self->input->nodes[index];
}

static uint64_t number_of(const decision *self, size_t index)
{
    return index == CF_KNOWN_ROOT ? 0 : node_at(self, index)->number;
}

static void claim(decision *self, size_t entry, size_t node, cf_token_how how)
{
    self->claimed[node] = entry;
    self->tokens[entry] = (cf_token){.how = how, .node = node_at(self, node)->number};
}

static bool is_open(const decision *self, size_t entry)
{
    return self->listing->entries[entry].kind && self->tokens[entry].how == CF_TOKEN_NONE;
}

/* ---- Directories: rules 1 and 2 ---- */

static void place_folder(decision *self, size_t folder, size_t node)
{
    self->resolved[folder] = true;
    self->folder_node[folder] = node;
    if (node == CF_KNOWN_ROOT)
        self->folder_of[self->input->node_count] = folder;
    else if (node != NOBODY && self->folder_of[node] == NOBODY)
        self->folder_of[node] = folder;
}

/* A start stands for its node if it is still that directory. (A start that could not even be opened
 * has no stat: it is believed, and nothing is known of what is in it.) */
static void place_start(decision *self, size_t folder)
{
    const cf_listed_folder *start = &self->listing->folders[folder];

    if (start->node == 0) {
        place_folder(self, folder, CF_KNOWN_ROOT);
        return;
    }
    size_t node = cf_known_number(self->known, start->node);
    if (node != CF_KNOWN_NONE &&
        (start->stat.inode == 0 || cf_stat_same_file(&node_at(self, node)->stat, &start->stat)))
        place_folder(self, folder, node);
}

/* Which folder lists a directory: the one made for its entry, or a start that is the same one. */
static void join_folders(decision *self)
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
        if (listing->entries[e].kind == 'd' && self->folder_at[e] == NOBODY)
            self->folder_at[e] = cf_stat_index_find(starts, &listing->entries[e].stat);
}

static void find_known_directories(decision *self)
{
    for (size_t e = 0; e < self->listing->entry_count; e++) {
        const cf_listed *entry = &self->listing->entries[e];
        size_t node = NOBODY;

        if (entry->kind != 'd')
            continue;
        while ((node = cf_known_next_same(self->known, &entry->stat, 'd', node)) != CF_KNOWN_NONE)
            if (self->claimed[node] == NOBODY) {
                claim(self, e, node, CF_TOKEN_MOVED);
                break;
            }
    }
}

/* The base node at an entry's place, if it is of its kind and free. */
static size_t free_at_place(const decision *self, size_t entry)
{
    const cf_listed *found = &self->listing->entries[entry];

    if (!self->resolved[found->folder] || self->folder_node[found->folder] == NOBODY)
        return NOBODY;
    size_t node =
        cf_known_place(self->known, number_of(self, self->folder_node[found->folder]), found->name);
    if (node == CF_KNOWN_NONE || node_at(self, node)->kind != found->kind ||
        self->claimed[node] != NOBODY)
        return NOBODY;
    return node;
}

/* The directories in a folder whose own node is known get theirs, and so do the folders that list
 * them. */
static void resolve_children(decision *self, size_t folder)
{
    const cf_listed_folder *of = &self->listing->folders[folder];

    for (size_t e = of->first; e < of->first + of->count; e++) {
        if (self->listing->entries[e].kind != 'd')
            continue;
        size_t node = is_open(self, e) ? free_at_place(self, e) : NOBODY;
        if (node != NOBODY)
            claim(self, e, node, CF_TOKEN_REPLACED);
        size_t below = self->folder_at[e];
        if (below != NOBODY && !self->resolved[below])
            place_folder(self, below,
                         self->tokens[e].how == CF_TOKEN_NONE
                             ? NOBODY
                             : cf_known_number(self->known, self->tokens[e].node));
    }
}

/* From the starts downwards. Folders mostly come after the one above them: one round does. */
static void resolve_folders(decision *self)
{
    const cf_listing *listing = self->listing;
    bool *visited = cf_arena_allocate(self->arena, listing->folder_count, sizeof *visited);

    for (size_t f = 0; f < listing->folder_count; f++)
        if (listing->folders[f].entry == CF_LISTED_START)
            place_start(self, f);
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

static bool is_start(const decision *self, uint64_t number)
{
    for (size_t f = 0; f < self->listing->folder_count; f++)
        if (self->listing->folders[f].entry == CF_LISTED_START &&
            self->listing->folders[f].node == number)
            return true;
    return false;
}

/* For a node that nothing has claimed. */
static place_state place_of(const decision *self, size_t node)
{
    uint64_t parent = node_at(self, node)->parent;
    size_t above = parent ? cf_known_number(self->known, parent) : self->input->node_count;

    if (above == CF_KNOWN_NONE)
        return PLACE_UNKNOWN;
    size_t folder = self->folder_of[above];
    if (folder != NOBODY)
        return self->listing->folders[folder].complete ? PLACE_EMPTY : PLACE_UNKNOWN;
    if (parent && self->claimed[above] == NOBODY && place_of(self, above) == PLACE_EMPTY)
        return PLACE_EMPTY; /* the directory itself is gone */
    return PLACE_UNLISTED;
}

static void want_listing(decision *self, uint64_t number)
{
    cf_identity *out = self->out;

    for (size_t i = 0; i < out->list_wanted_count; i++)
        if (out->list_wanted[i] == number)
            return;
    if (!is_start(self, number))
        out->list_wanted[out->list_wanted_count++] = number;
}

static bool surely_missing(decision *self, size_t node, bool ask)
{
    place_state state = place_of(self, node);

    if (state == PLACE_UNLISTED && ask)
        want_listing(self, node_at(self, node)->parent);
    return state == PLACE_EMPTY;
}

/* A start that is another directory by now: who has its place is seen from above. */
static void want_parents_of_lost_starts(decision *self)
{
    for (size_t f = 0; f < self->listing->folder_count; f++) {
        const cf_listed_folder *start = &self->listing->folders[f];

        if (start->entry != CF_LISTED_START || self->resolved[f])
            continue;
        size_t node = cf_known_number(self->known, start->node);
        if (node != CF_KNOWN_NONE)
            want_listing(self, node_at(self, node)->parent);
    }
}

/* ---- Files and links: rules 3 to 7 ---- */

static bool is_known(const decision *self, const cf_listed *entry)
{
    return cf_known_next_same(self->known, &entry->stat, entry->kind, NOBODY) != CF_KNOWN_NONE;
}

static void keep_in_place(decision *self, size_t entry)
{
    size_t node = free_at_place(self, entry);

    if (node != NOBODY &&
        cf_stat_same_file(&node_at(self, node)->stat, &self->listing->entries[entry].stat))
        claim(self, entry, node, CF_TOKEN_SAME);
}

static void take_place_unknown(decision *self, size_t entry)
{
    size_t node = free_at_place(self, entry);

    if (node != NOBODY && !is_known(self, &self->listing->entries[entry]))
        claim(self, entry, node, CF_TOKEN_REPLACED);
}

/* Of several free nodes the one of this name, else the first. */
static void take_free_node(decision *self, size_t entry)
{
    const cf_listed *found = &self->listing->entries[entry];
    size_t node = NOBODY, best = NOBODY;

    while ((node = cf_known_next_same(self->known, &found->stat, found->kind, node)) !=
           CF_KNOWN_NONE) {
        if (self->claimed[node] != NOBODY || !surely_missing(self, node, true))
            continue;
        if (best == NOBODY || (cf_bytes_equal(node_at(self, node)->name, found->name) &&
                               !cf_bytes_equal(node_at(self, best)->name, found->name)))
            best = node;
    }
    if (best != NOBODY)
        claim(self, entry, best, CF_TOKEN_MOVED);
}

static void take_place(decision *self, size_t entry)
{
    size_t node = free_at_place(self, entry);

    if (node != NOBODY)
        claim(self, entry, node, CF_TOKEN_REPLACED);
}

static void for_each_open_file(decision *self, void (*rule)(decision *self, size_t entry))
{
    for (size_t e = 0; e < self->listing->entry_count; e++)
        if (self->listing->entries[e].kind != 'd' && is_open(self, e))
            rule(self, e);
}

/* ---- Equal content ---- */

typedef struct {
    uint64_t size;
    const cf_hash *content;
    size_t node;
} missing_file;

static int order_content(const missing_file *a, const missing_file *b)
{
    int order = (a->size > b->size) - (a->size < b->size);

    if (order == 0 && a->content && b->content)
        order = cf_hash_compare(a->content, b->content);
    return order;
}

static int order_missing(const void *a, const void *b)
{
    const missing_file *left = a, *right = b;
    int order = order_content(left, right);

    return order ? order : (left->node > right->node) - (left->node < right->node);
}

typedef struct {
    missing_file *files; /* by size, content, node */
    size_t count;
} missing_files;

static missing_files find_missing(decision *self)
{
    size_t nodes = self->input->node_count;
    missing_files missing = {.files = cf_arena_allocate(self->arena, nodes, sizeof *missing.files)};

    for (size_t i = 0; i < nodes; i++) {
        const cf_identity_node *node = node_at(self, i);

        if (node->kind == 'f' && self->claimed[i] == NOBODY && surely_missing(self, i, false))
            missing.files[missing.count++] = (missing_file){node->stat.size, &node->content, i};
    }
    if (missing.count)
        qsort(missing.files, missing.count, sizeof *missing.files, order_missing);
    return missing;
}

/* The first one that is like this, or of this size where `content` is NULL; else `count`. */
static size_t first_like(const missing_files *missing, uint64_t size, const cf_hash *content)
{
    missing_file wanted = {.size = size, .content = content};
    size_t low = 0, high = missing->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (order_content(&missing->files[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < missing->count && order_content(&missing->files[low], &wanted) == 0
               ? low
               : missing->count;
}

/* The missing one with this content; of several the one of this name, else the first. */
static size_t equal_missing(const decision *self, const missing_files *missing, size_t entry)
{
    const cf_listed *found = &self->listing->entries[entry];
    missing_file like = {.size = found->stat.size, .content = self->input->hashes[entry]};
    size_t best = NOBODY;

    for (size_t i = first_like(missing, like.size, like.content);
         i < missing->count && order_content(&missing->files[i], &like) == 0; i++) {
        size_t node = missing->files[i].node;

        if (self->claimed[node] != NOBODY)
            continue;
        if (cf_bytes_equal(node_at(self, node)->name, found->name))
            return node;
        if (best == NOBODY)
            best = node;
    }
    return best;
}

static void match_contents(decision *self)
{
    const cf_listing *listing = self->listing;
    const missing_files missing = find_missing(self);

    for (size_t e = 0; e < listing->entry_count && missing.count; e++) {
        const cf_listed *entry = &listing->entries[e];

        if (entry->kind != 'f' || !is_open(self, e) || entry->excluded || !entry->readable ||
            first_like(&missing, entry->stat.size, NULL) == missing.count)
            continue;
        if (!self->input->hashes || !self->input->hashes[e]) {
            self->out->hash_wanted[self->out->hash_wanted_count++] = e;
            continue;
        }
        size_t node = equal_missing(self, &missing, e);
        if (node != NOBODY)
            claim(self, e, node, CF_TOKEN_MOVED);
    }
}

/* ---- The answer ---- */

/* Rule 1 finds directories wherever they are; and what is new gets its word. */
static void name_tokens(decision *self)
{
    const cf_listing *listing = self->listing;

    for (size_t e = 0; e < listing->entry_count; e++) {
        const cf_listed *entry = &listing->entries[e];
        cf_token *token = &self->tokens[e];

        if (token->how == CF_TOKEN_NONE && entry->kind && !entry->excluded &&
            self->resolved[entry->folder])
            token->how = CF_TOKEN_NEW;
        if (token->how != CF_TOKEN_MOVED || !self->resolved[entry->folder] ||
            self->folder_node[entry->folder] == NOBODY)
            continue;
        const cf_identity_node *node = node_at(self, cf_known_number(self->known, token->node));
        if (node->parent == number_of(self, self->folder_node[entry->folder]) &&
            cf_bytes_equal(node->name, entry->name))
            token->how = CF_TOKEN_SAME;
    }
}

static size_t depth_of(const decision *self, size_t node)
{
    size_t depth = 0;

    while (node != CF_KNOWN_NONE && node_at(self, node)->parent &&
           depth < self->input->node_count) {
        node = cf_known_number(self->known, node_at(self, node)->parent);
        depth++;
    }
    return depth;
}

typedef struct {
    size_t depth;
    uint64_t number;
} gone_node;

static int order_gone(const void *a, const void *b)
{
    const gone_node *left = a, *right = b;

    if (left->depth != right->depth)
        return left->depth < right->depth ? 1 : -1;
    return (left->number > right->number) - (left->number < right->number);
}

static void list_gone(decision *self)
{
    size_t count = 0;
    gone_node *gone = cf_arena_allocate(self->arena, self->input->node_count, sizeof *gone);

    for (size_t i = 0; i < self->input->node_count; i++)
        if (self->claimed[i] == NOBODY && surely_missing(self, i, false))
            gone[count++] = (gone_node){depth_of(self, i), node_at(self, i)->number};
    if (count)
        qsort(gone, count, sizeof *gone, order_gone);
    self->out->gone = cf_arena_allocate(self->arena, count, sizeof *self->out->gone);
    for (size_t i = 0; i < count; i++)
        self->out->gone[i] = gone[i].number;
    self->out->gone_count = count;
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
    decision self = {
        .input = input,
        .listing = listing,
        .known = cf_known_new(arena, input->nodes, nodes),
        .tokens = cf_arena_allocate(arena, entries, sizeof *self.tokens),
        .claimed = all_nobody(arena, nodes),
        .resolved = cf_arena_allocate(arena, folders, sizeof *self.resolved),
        .folder_node = all_nobody(arena, folders),
        .folder_of = all_nobody(arena, nodes + 1),
        .folder_at = all_nobody(arena, entries),
        .arena = arena,
        .out = out,
    };

    *out = (cf_identity){
        .tokens = self.tokens,
        .hash_wanted = cf_arena_allocate(arena, entries, sizeof *out->hash_wanted),
        .list_wanted = cf_arena_allocate(arena, nodes + folders + 1, sizeof *out->list_wanted),
    };
    join_folders(&self);
    find_known_directories(&self);
    resolve_folders(&self);
    want_parents_of_lost_starts(&self);
    for_each_open_file(&self, keep_in_place);
    for_each_open_file(&self, take_place_unknown);
    for_each_open_file(&self, take_free_node);
    for_each_open_file(&self, take_place);
    match_contents(&self);
    name_tokens(&self);
    if (out->hash_wanted_count == 0 && out->list_wanted_count == 0)
        list_gone(&self);
}
