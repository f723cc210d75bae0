/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of what is durable. */
#include "tests/worlds/disk_inside.h"

#include <stdlib.h>

typedef struct {
    disk_name *name;
    size_t to; /* an index of the image's things */
} image_entry;

/* A thing, with what is durable of it. */
typedef struct {
    disk_node kept; /* what does not depend on the disk it is on; `durable` has no names */
    image_entry *entries;
    size_t count;
} image_thing;

struct disk_image {
    image_thing *things; /* the first is the root */
    size_t count, capacity;
    unsigned volumes;
};

/* ---- Making one ---- */

static void keep(const disk_node *node, disk_node *kept)
{
    *kept = (disk_node){
        .number = node->number,
        .birth_ns = node->birth_ns,
        .kind = node->kind,
        .volume = node->volume,
        .is_mount = node->is_mount,
        .is_foreign = node->is_foreign,
    };
    kept->durable.attributes = node->durable.attributes;
    disk_content_copy(&node->durable.content, &kept->durable.content);
}

/* Returns its index. */
static size_t add_thing(disk_image *image, disk_node *node)
{
    const disk_names *names = &node->durable.names;

    if (node->copy)
        return node->copy - 1;
    image->things =
        cf_grow(image->things, &image->capacity, image->count + 1, sizeof *image->things);
    size_t at = image->count++;
    node->copy = image->count;
    image_thing thing = {.count = names->count};
    keep(node, &thing.kept);
    if (names->count)
        thing.entries = cf_allocate(names->count, sizeof *thing.entries);
    for (size_t i = 0; i < names->count; i++)
        thing.entries[i] = (image_entry){disk_name_share(names->entries[i].name),
                                         add_thing(image, names->entries[i].to)};
    image->things[at] = thing;
    return at;
}

disk_image *disk_snapshot(const disk *self)
{
    disk_image *image = cf_allocate(1, sizeof *image);

    for (size_t i = 0; i < self->node_count; i++)
        self->nodes[i]->copy = 0;
    image->volumes = self->volumes;
    add_thing(image, self->root);
    return image;
}

void disk_image_destroy(disk_image **image)
{
    if (!*image)
        return;
    for (size_t i = 0; i < (*image)->count; i++) {
        image_thing *thing = &(*image)->things[i];

        for (size_t e = 0; e < thing->count; e++)
            disk_name_release(&thing->entries[e].name);
        free(thing->entries);
        disk_content_release(&thing->kept.durable.content);
    }
    free((*image)->things);
    free(*image);
    *image = NULL;
}

/* ---- Putting it back ---- */

static disk_node *bring_back(disk *self, const disk_node *kept)
{
    disk_node *node = disk_node_new(self, NULL, kept->kind, 0);

    keep(kept, node);
    node->durable.attributes.mtime_ns = disk_cut(self, node->durable.attributes.mtime_ns);
    if (self->options.modes_never)
        node->durable.attributes.mode = 0777;
    return node;
}

/* The order of names is the disk's own. */
static void bring_names(disk *self, const image_thing *thing, disk_node *const *nodes,
                        disk_node *node)
{
    for (size_t i = 0; i < thing->count; i++) {
        disk_name *name =
            disk_name_new(self->options.seed, disk_name_bytes(thing->entries[i].name));

        disk_names_set(&node->durable.names, name, nodes[thing->entries[i].to]);
        disk_name_release(&name);
    }
}

void disk_restore(disk *self, const disk_image *image)
{
    disk_node **nodes = cf_allocate(image->count, sizeof *nodes);

    self->node_limit = self->node_count + image->count + 1; /* none of these is in use yet */
    for (size_t i = 0; i < image->count; i++)
        nodes[i] = bring_back(self, &image->things[i].kept);
    for (size_t i = 0; i < image->count; i++)
        bring_names(self, &image->things[i], nodes, nodes[i]);
    self->root = nodes[0];
    self->volumes = image->volumes;
    free(nodes);
    disk_wake(self);
}
