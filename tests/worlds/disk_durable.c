/* SPDX-License-Identifier: Apache-2.0 */
/* What is durable of a file, and what a power cut leaves. */
#include "tests/worlds/disk_inside.h"

#include <stdlib.h>

enum { DEVICES = 1 << 16 };

static size_t blocks_of(const disk_node *node)
{
    size_t seen = node->now.content.count, durable = node->durable.content.count;

    return seen > durable ? seen : durable;
}

/* The block was taken for written by a sync that failed, and is the same since then. */
static bool is_given_up(const disk_node *node, size_t index)
{
    return node->has_failed && disk_content_block(&node->failed, index) ==
                                   disk_content_block(&node->now.content, index);
}

/* Whether the block is to be written. */
static bool waits(const disk_node *node, size_t index)
{
    return !is_given_up(node, index) && disk_content_block(&node->now.content, index) !=
                                            disk_content_block(&node->durable.content, index);
}

static void put(disk_node *node, size_t index)
{
    disk_content_put(&node->durable.content, index, disk_content_block(&node->now.content, index));
}

static void all_blocks(disk_node *node)
{
    /* Before the size: that may make a block of its own of the last one. */
    disk_content_resize(&node->durable.content, node->now.content.size);
    for (size_t i = 0; i < blocks_of(node); i++)
        if (waits(node, i))
            put(node, i);
}

void disk_node_sync(disk_node *node)
{
    if (!disk_content_same(&node->now.content, &node->durable.content)) {
        if (node->has_failed)
            all_blocks(node);
        else
            disk_content_copy(&node->now.content, &node->durable.content);
    }
    node->durable.attributes = node->now.attributes;
    node->shortest = node->now.content.size;
    node->is_believed =
        node->has_failed && !disk_content_same(&node->now.content, &node->durable.content);
}

/* ---- A sync that fails ---- */

void disk_node_sync_fails(disk *self, disk_node *node)
{
    chance *random = &self->fault_random;
    bool evicted = disk_random(random, 2);

    disk_content_resize(&node->durable.content, node->now.content.size);
    node->durable.attributes = node->now.attributes;
    node->shortest = node->now.content.size;
    for (size_t i = 0; i < blocks_of(node); i++) {
        if (waits(node, i) && disk_random(random, 2))
            put(node, i);
        else if (evicted)
            disk_content_put(&node->now.content, i, disk_content_block(&node->durable.content, i));
    }
    disk_content_copy(&node->now.content, &node->failed);
    node->has_failed = true;
    node->is_believed = false;
}

/* ---- A power cut ---- */

typedef enum { OLD, NEW, PARTLY_OLD, ZEROS, SHORTEST, OUTCOMES } outcome;

static void cut_contents(disk *self, disk_node *node, outcome result)
{
    disk_content *durable = &node->durable.content;

    if (result == OLD)
        return;
    if (result == SHORTEST) {
        if (node->shortest < durable->size)
            disk_content_resize(durable, node->shortest);
        return;
    }
    disk_content_resize(durable, node->now.content.size);
    for (size_t i = 0; i < blocks_of(node); i++) {
        if (!waits(node, i))
            continue;
        if (result == ZEROS)
            disk_content_put(durable, i, NULL);
        else if (result == NEW || disk_random(&self->crash_random, 2))
            put(node, i);
    }
}

void disk_file_cut(disk *self, disk_node *node)
{
    bool same = disk_content_same(&node->now.content, &node->durable.content);
    outcome result = same ? OLD : (outcome)disk_random(&self->crash_random, OUTCOMES);
    bool as_before =
        result == OLD || (result == SHORTEST && node->shortest >= node->durable.content.size);

    cut_contents(self, node, result);
    if (!as_before || disk_random(&self->crash_random, 2))
        node->durable.attributes = node->now.attributes;
    node->is_spoiled =
        node->is_believed && !disk_content_same(&node->now.content, &node->durable.content);
}

void disk_crash(disk *self)
{
    disk_steps_cut(self);
    for (size_t i = 0; i < self->node_count; i++)
        disk_file_cut(self, self->nodes[i]);
    disk_wake(self);
}

void disk_sync(disk *self)
{
    disk_steps_commit_all(self);
    for (size_t i = 0; i < self->node_count; i++)
        disk_node_sync(self->nodes[i]);
}

/* ---- After it ---- */

static void wake_node(disk_node *node, disk_node *above)
{
    bool found = node->links++ > 0;

    if (found)
        return;
    node->parent = node->kind == CF_FILE_FOLDER ? above : NULL;
    node->now.attributes = node->durable.attributes;
    disk_content_copy(&node->durable.content, &node->now.content);
    disk_names_copy(&node->durable.names, &node->now.names);
    node->shortest = node->now.content.size;
    node->is_released = false;
    for (size_t i = 0; i < node->now.names.count; i++)
        wake_node(node->now.names.entries[i].to, node);
}

void disk_wake_below(disk_node *folder)
{
    wake_node(folder, NULL);
}

static void sleep_node(disk_node *node)
{
    node->links = node->open = node->open_writers = 0;
    node->names_step = node->place_step = 0;
    node->is_released = true;
    node->has_failed = node->is_believed = node->is_locked = false;
    node->parent = NULL;
    disk_content_release(&node->failed);
}

static void forget_node(disk_node *node)
{
    disk_content_release(&node->now.content);
    disk_content_release(&node->durable.content);
    disk_names_release(&node->now.names);
    disk_names_release(&node->durable.names);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* All that are not in use, below the highest that is. */
static void find_free_numbers(disk *self)
{
    uint64_t *used = cf_allocate(self->node_count + 1, sizeof *used), next = 0;
    size_t count = 0;

    for (size_t i = 0; i < self->node_count; i++)
        if (self->nodes[i]->links)
            used[count++] = self->nodes[i]->number;
    qsort(used, count, sizeof *used, by_number);
    self->free_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (next = next ? next : used[i]; next < used[i]; next++) {
            self->free_numbers = cf_grow(self->free_numbers, &self->free_capacity,
                                         self->free_count + 1, sizeof *self->free_numbers);
            self->free_numbers[self->free_count++] = (disk_free_number){.number = next};
        }
        next++;
    }
    self->next_number = next;
    free(used);
}

static uint64_t used_bytes(const disk *self)
{
    uint64_t used = 0;

    for (size_t i = 0; i < self->node_count; i++)
        if (self->nodes[i]->links)
            used += disk_room_of(self->nodes[i]);
    return used;
}

void disk_wake(disk *self)
{
    disk_steps_forget(self);
    self->epoch++;
    self->calls_left = 0;
    self->is_cut = false;
    if (!self->options.births_unknown)
        self->device = disk_random(&self->crash_random, DEVICES);
    for (size_t i = 0; i < self->node_count; i++)
        sleep_node(self->nodes[i]);
    disk_wake_below(self->root);
    if (self->card)
        disk_wake_below(self->card);
    for (size_t i = 0; i < self->node_count; i++)
        if (!self->nodes[i]->links)
            forget_node(self->nodes[i]);
    find_free_numbers(self);
    self->used = used_bytes(self);
    disk_collect(self, true);
}
