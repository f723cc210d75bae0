/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted is taken out and put in again: a card, a stick, a share. What is out keeps its
 * things in nodes of their own, to which nothing leads but `card`; those that are held open stay
 * with the file system that is gone, and fail. */
#include "tests/worlds/disk_inside.h"
#include "tests/worlds/disk_users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Out ---- */

static void come_to_rest(disk *self, unsigned volume, bool is_pulled)
{
    if (is_pulled) {
        disk_steps_cut_in(self, volume);
        for (size_t i = 0; i < self->node_count; i++)
            if (self->nodes[i]->volume == volume)
                disk_file_cut(self, self->nodes[i]);
        return;
    }
    disk_steps_commit_in(self, volume);
    for (size_t i = 0; i < self->node_count; i++)
        if (self->nodes[i]->volume == volume)
            disk_node_sync(self->nodes[i]);
}

/* The node with what is durable of it; names lead to the nodes that they led to. */
static disk_node *twin_of(disk *self, const disk_node *node)
{
    disk_node *twin = cf_allocate(1, sizeof *twin);

    *twin = (disk_node){
        .number = node->number,
        .birth_ns = node->birth_ns,
        .kind = node->kind,
        .volume = node->volume,
        .is_foreign = node->is_foreign,
        .is_spoiled = node->is_spoiled,
        .is_released = true,
    };
    twin->durable.attributes = node->durable.attributes;
    disk_content_copy(&node->durable.content, &twin->durable.content);
    disk_names_copy(&node->durable.names, &twin->durable.names);
    *cf_one_more(self->nodes, self->node_count, self->node_capacity) = twin;
    return twin;
}

/* Each node of the volume has a twin behind them, in the same order. */
static void lead_to_twins(disk *self, unsigned volume, size_t first)
{
    size_t at = first;

    for (size_t i = 0; i < first; i++)
        if (self->nodes[i]->volume == volume && !self->nodes[i]->is_away)
            self->nodes[i]->copy = at++;
    for (size_t i = first; i < self->node_count; i++) {
        disk_names *names = &self->nodes[i]->durable.names;

        for (size_t e = 0; e < names->count; e++)
            names->entries[e].to = self->nodes[names->entries[e].to->copy];
    }
}

static void goes_away(disk *self, disk_node *node)
{
    if (!node->is_released)
        self->used -= disk_room_of(node);
    node->is_released = node->is_away = true;
    node->links = 0;
    node->is_mount = false;
    node->is_locked = false;
    node->parent = NULL;
}

static void count_in(disk *self, unsigned volume)
{
    for (size_t i = 0; i < self->node_count; i++)
        if (self->nodes[i]->volume == volume && self->nodes[i]->links)
            self->used += disk_room_of(self->nodes[i]);
}

static void set_name(disk *self, disk_place place, disk_node *to)
{
    disk_name *name = disk_name_new(self->options.seed, place.name);

    disk_names_set(&place.folder->now.names, name, to);
    disk_names_set(&place.folder->durable.names, name, to);
    disk_name_release(&name);
}

bool disk_take_out(disk *self, const char *path, bool is_pulled)
{
    disk_place place;
    disk_node *top;

    if (self->card || disk_locate(self, path, &place) || disk_find(self, place, &top) ||
        !top->is_mount)
        return false;
    const unsigned volume = top->volume;
    const size_t first = self->node_count;
    come_to_rest(self, volume, is_pulled);
    for (size_t i = 0; i < first; i++)
        if (self->nodes[i]->volume == volume && !self->nodes[i]->is_away)
            twin_of(self, self->nodes[i]);
    lead_to_twins(self, volume, first);
    self->card = self->nodes[top->copy];
    snprintf(self->card_path, sizeof self->card_path, "%s", path);
    for (size_t i = 0; i < first; i++)
        if (self->nodes[i]->volume == volume && !self->nodes[i]->is_away)
            goes_away(self, self->nodes[i]);
    disk_wake_below(self->card);
    count_in(self, volume);
    disk_folder_sync(self, place.folder);
    set_name(self, place, NULL);
    return true;
}

bool disk_is_out(const disk *self)
{
    return self->card;
}

/* ---- In ---- */

/* Half of the time the numbers that were on the card, among each other, which is what a file system
 * does that counts what it sees anew at each mount. */
static void renumber(disk *self, unsigned volume)
{
    const bool exchanges = disk_random(&self->number_random, 2);
    disk_node *before = NULL;

    for (size_t i = 0; i < self->node_count; i++) {
        disk_node *node = self->nodes[i];

        if (node->volume != volume || !node->links)
            continue;
        if (!exchanges) {
            node->number = self->next_number++;
        } else if (before) {
            const uint64_t number = node->number;

            node->number = before->number;
            before->number = number;
        }
        before = node;
    }
}

static void mount_as(disk *self, unsigned volume, unsigned as)
{
    for (size_t i = 0; i < self->node_count; i++)
        if (self->nodes[i]->volume == volume)
            self->nodes[i]->volume = as;
}

/* Numbers of what is on the card are not free. */
static void keep_numbers(disk *self, unsigned volume)
{
    for (size_t i = 0; i < self->node_count; i++) {
        const disk_node *node = self->nodes[i];

        if (node->volume != volume || !node->links)
            continue;
        for (size_t k = self->free_count; k-- > 0;)
            if (self->free_numbers[k].number == node->number)
                self->free_numbers[k] = self->free_numbers[--self->free_count];
        if (node->number >= self->next_number)
            self->next_number = node->number + 1;
    }
}

void disk_put_in(disk *self, const char *path)
{
    disk_place place;
    disk_node *there;

    if (!self->card || disk_locate(self, path, &place))
        return;
    if (disk_find(self, place, &there) == 0)
        disk_user_removes(self, path);
    disk_folder_sync(self, place.folder);
    if (self->options.renumbers)
        renumber(self, self->card->volume);
    keep_numbers(self, self->card->volume);
    if (self->options.renumbers || !self->options.births_unknown)
        mount_as(self, self->card->volume, ++self->volumes);
    self->card->parent = place.folder;
    self->card->is_mount = true;
    set_name(self, place, self->card);
    self->card = NULL;
}
