/* SPDX-License-Identifier: Apache-2.0 */
/* What of the base a look has to know: as much as was listed, not as there is. */
#include "peer/sources/files/survey_inside.h"

#include "codec/content.h"

#include <stdlib.h>

typedef struct {
    const cf_survey *survey;
    const cf_nodes *nodes;
    cf_numbers numbers;
    cf_numbers *owners; /* by listed folder: base directories that it may be */
} gathering;

static void fill(const cf_node *node, cf_identity_node *out)
{
    uint64_t size;
    cf_error ignored;

    *out = (cf_identity_node){
        .number = node->number,
        .parent = node->parent,
        .name = node->name,
        .kind = (char)node->kind,
        .stat = cf_stat_of_node(node),
    };
    if (node->content.size)
        cf_content_identity_read(node->content, &out->content, &size, &ignored);
}

static void add_all_below(gathering *self, uint64_t folder)
{
    for (const cf_node *node = NULL; (node = cf_nodes_next_child(self->nodes, folder, node));) {
        cf_numbers_add(&self->numbers, node->number);
        if (node->kind == CF_KIND_DIRECTORY)
            add_all_below(self, node->number);
    }
}

static const cf_listed *entry_named(const cf_listing *listing, const cf_listed_folder *folder,
                                    cf_bytes name)
{
    size_t low = folder->first, high = folder->first + folder->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = cf_bytes_compare(listing->entries[middle].name, name);

        if (order == 0)
            return &listing->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* With all that is in it where it is not in its place: it may be gone, or somewhere else. */
static void add_node(gathering *self, const cf_listed_folder *folder, const cf_node *node)
{
    const cf_stat known = cf_stat_of_node(node);

    cf_numbers_add(&self->numbers, node->number);
    if (node->kind != CF_KIND_DIRECTORY)
        return;
    const cf_listed *there = entry_named(&self->survey->listing, folder, node->name);
    if (!there || !cf_stat_same_file(&known, &there->stat))
        add_all_below(self, node->number);
}

static void add_children(gathering *self, const cf_listed_folder *folder, uint64_t owner)
{
    const cf_node *node = NULL;

    for (size_t i = 0; i < folder->asked_count; i++)
        if ((node = cf_nodes_child(self->nodes, owner, folder->asked[i])))
            add_node(self, folder, node);
    for (node = NULL;
         !folder->asked_count && (node = cf_nodes_next_child(self->nodes, owner, node));)
        add_node(self, folder, node);
}

/* The directory that the base has in its place, and each that was this file. */
static void find_owners(gathering *self, size_t index)
{
    const cf_listing *listing = &self->survey->listing;
    const cf_listed_folder *folder = &listing->folders[index];
    cf_numbers *owners = &self->owners[index];
    const cf_node *node = NULL;

    if (folder->entry == CF_LISTED_START) {
        cf_numbers_add(owners, folder->node);
    } else {
        const cf_listed *entry = &listing->entries[folder->entry];
        const cf_numbers *above = &self->owners[entry->folder];

        for (size_t i = 0; i < above->count; i++)
            if ((node = cf_nodes_child(self->nodes, above->at[i], entry->name)))
                cf_numbers_add(owners, node->number);
    }
    for (node = NULL; folder->stat.inode &&
                      (node = cf_nodes_next_of_inode(self->nodes, folder->stat.inode, node));)
        if (node->kind == CF_KIND_DIRECTORY && !(owners->count && owners->at[0] == node->number))
            cf_numbers_add(owners, node->number);
}

/* Of a directory without a birth time, that anything was in it says something. */
static void add_same_files(gathering *self, const cf_listed *entry)
{
    const cf_node *node = NULL, *child;

    while ((node = cf_nodes_next_of_inode(self->nodes, entry->stat.inode, node))) {
        cf_numbers_add(&self->numbers, node->number);
        if (entry->kind == 'd' && (child = cf_nodes_next_child(self->nodes, node->number, NULL)))
            cf_numbers_add(&self->numbers, child->number);
    }
}

static void drop_doubles(cf_numbers *numbers)
{
    size_t kept = 0;

    cf_numbers_sort(numbers);
    for (size_t i = 0; i < numbers->count; i++)
        if (kept == 0 || numbers->at[kept - 1] != numbers->at[i])
            numbers->at[kept++] = numbers->at[i];
    numbers->count = kept;
}

/* Among the first `count`, which are sorted. They move as others are added. */
static bool has_first(const gathering *self, size_t count, uint64_t number)
{
    const cf_numbers first = {.at = self->numbers.at, .count = count};

    return cf_numbers_have(&first, number);
}

static void add_above(gathering *self)
{
    drop_doubles(&self->numbers);
    for (size_t i = 0, count = self->numbers.count; i < count; i++) {
        const cf_node *node = cf_nodes_find(self->nodes, self->numbers.at[i]);

        while (node && node->parent != CF_NODE_ROOT && !has_first(self, count, node->parent)) {
            node = cf_nodes_find(self->nodes, node->parent);
            if (node)
                cf_numbers_add(&self->numbers, node->number);
        }
    }
    drop_doubles(&self->numbers);
}

static void gather(gathering *self)
{
    const cf_listing *listing = &self->survey->listing;

    self->owners = cf_allocate(listing->folder_count, sizeof *self->owners);
    for (size_t i = 0; i < listing->folder_count; i++) {
        find_owners(self, i);
        for (size_t k = 0; k < self->owners[i].count; k++) {
            if (self->owners[i].at[k] != CF_NODE_ROOT)
                cf_numbers_add(&self->numbers, self->owners[i].at[k]);
            add_children(self, &listing->folders[i], self->owners[i].at[k]);
        }
    }
    for (size_t i = 0; i < listing->entry_count; i++)
        if (listing->entries[i].kind)
            add_same_files(self, &listing->entries[i]);
    add_above(self);
    for (size_t i = 0; i < listing->folder_count; i++)
        cf_numbers_release(&self->owners[i]);
    free(self->owners);
}

typedef struct {
    cf_identity_node *out;
    size_t count;
} filling;

static void fill_next(void *context, const cf_node *node)
{
    filling *self = context;

    fill(node, &self->out[self->count++]);
}

static const cf_identity_node *whole_base(cf_survey *survey, size_t *count)
{
    const cf_nodes *nodes = survey->options.binding->nodes;
    filling filled = {0};

    if (!survey->whole_base) {
        filled.out = cf_arena_allocate(&survey->arena, cf_nodes_count(nodes), sizeof *filled.out);
        cf_nodes_each(nodes, fill_next, &filled);
        survey->whole_base = filled.out;
        survey->whole_count = filled.count;
    }
    *count = survey->whole_count;
    return survey->whole_base;
}

const cf_identity_node *cf_survey_base(cf_survey *survey, size_t *count)
{
    gathering self = {.survey = survey, .nodes = survey->options.binding->nodes};
    filling filled = {0};

    if (cf_survey_is_whole(survey))
        return whole_base(survey, count);
    gather(&self);
    filled.out = cf_arena_allocate(&survey->arena, self.numbers.count, sizeof *filled.out);
    for (size_t i = 0; i < self.numbers.count; i++) {
        const cf_node *node = cf_nodes_find(self.nodes, self.numbers.at[i]);

        if (node) /* a start may have gone */
            fill_next(&filled, node);
    }
    cf_numbers_release(&self.numbers);
    *count = filled.count;
    return filled.out;
}
