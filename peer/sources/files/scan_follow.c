/* SPDX-License-Identifier: Apache-2.0 */
/* Names that lead to names: the identity asks for where the base has what was found, and what lies
 * there was elsewhere itself, and so on. All of the way is followed here, by stats, so that
 * identity is decided a few times, not once for each name:
 *
 *   base h1 = A, h2 = B, h3 = C; disk h2 = A, h3 = B, h4 = C; asked for is h3, where C was
 *   h3 holds B, which was at h2; h2 holds A, which was at h1; nothing is at h1: h3, h2 and h1
 *
 * What changes meanwhile leads elsewhere: then the identity asks once more. */
#include "codec/hash_table.h"
#include "peer/sources/files/scan_inside.h"

typedef struct {
    cf_hash_link link;
    uint64_t inode;
} passed_file;

typedef struct {
    const cf_scan *scan;
    cf_look_places *places; /* more and more */
    cf_hash_table passed;   /* files whose names are among the places */
    cf_arena arena;
    uint64_t folder; /* that is held, or can't be */
    cf_hold hold;
    cf_status status;
} following;

/* False when the file was passed before. */
static bool pass(following *self, uint64_t inode)
{
    uint64_t hash = cf_hash_bytes(0, cf_bytes_of(&inode, sizeof inode));

    for (cf_hash_link *link = cf_hash_table_first(&self->passed, hash); link;
         link = cf_hash_table_next(link))
        if (cf_container_of(link, passed_file, link)->inode == inode)
            return false;
    passed_file *file = cf_arena_allocate(&self->arena, 1, sizeof *file);
    file->inode = inode;
    cf_hash_table_add(&self->passed, &file->link, hash);
    return true;
}

static void hold_folder(following *self, uint64_t folder)
{
    const cf_scan_options *options = &self->scan->options;
    cf_error error;

    if (self->folder == folder)
        return;
    cf_hold_release(&self->hold, options->env->files);
    self->folder = folder;
    self->status =
        cf_binding_hold(options->binding, options->env->files, folder, &self->hold, &error);
}

static bool is_at(const cf_node *node, const cf_look_place *place)
{
    return node->parent == place->folder && cf_bytes_equal(node->name, place->name);
}

/* A file that is where the base has it, under one of its names or its only one, leads nowhere. */
static bool is_where_it_was(const cf_nodes *nodes, const cf_stat *found, const cf_look_place *place)
{
    const cf_node *node = cf_nodes_child(nodes, place->folder, place->name);
    const cf_stat known = node ? cf_stat_of_node(node) : (cf_stat){0};

    return node && cf_stat_same_file(&known, found);
}

static void add_names(following *self, const cf_stat *found, const cf_look_place *place)
{
    const cf_nodes *nodes = self->scan->options.binding->nodes;

    if (is_where_it_was(nodes, found, place) || !pass(self, found->inode))
        return;
    for (const cf_node *node = NULL; (node = cf_nodes_next_of_inode(nodes, found->inode, node));) {
        const cf_stat known = cf_stat_of_node(node);

        if (cf_stat_same_file(&known, found) && !is_at(node, place) &&
            !cf_look_places_find(&self->scan->tried, node->parent, node->name))
            cf_look_places_add(self->places, node->parent, node->name, CF_ABSENCE_WAITS);
    }
}

void cf_scan_follow(const cf_scan *scan, cf_look_places *places)
{
    following self = {.scan = scan, .places = places, .folder = UINT64_MAX};
    cf_files *files = scan->options.env->files;

    for (size_t i = 0; i < places->count; i++) {
        const cf_look_place place = places->at[i];
        cf_stat found;
        cf_error error;

        hold_folder(&self, place.folder);
        if (!self.status &&
            files->stat(files, self.hold.folder, place.name, &found, &error) == CF_OK &&
            found.kind != CF_FILE_FOLDER)
            add_names(&self, &found, &place);
    }
    cf_hold_release(&self.hold, files);
    cf_hash_table_release(&self.passed);
    cf_arena_release(&self.arena);
    cf_look_places_sort(places);
}
