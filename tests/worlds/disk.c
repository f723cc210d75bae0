/* SPDX-License-Identifier: Apache-2.0 */
/* The disk and the things on it, as they come and go. */
#include "tests/worlds/disk_inside.h"

#include <stdlib.h>
#include <string.h>

enum {
    NODE_ROOM = 256, /* what a thing takes beside its blocks */
    NODES_LEAST = 1024,
    FIRST_NUMBER = 12,
    DEVICES = 1 << 16,
};

uint64_t disk_random(chance *from, uint64_t below)
{
    return (uint64_t)((unsigned __int128)chance_next(from) * below >> 64);
}

int64_t disk_cut(const disk *self, int64_t time_ns)
{
    int64_t over = self->options.step_ns ? time_ns % self->options.step_ns : 0;

    return time_ns - (over < 0 ? over + self->options.step_ns : over);
}

int64_t disk_stamp(const disk *self)
{
    static const uint64_t LAST_MS = INT64_MAX / 1000000;
    uint64_t now_ms = *self->options.now_ms;
    int64_t now_ns = (int64_t)(now_ms < LAST_MS ? now_ms : LAST_MS) * 1000000;

    return disk_cut(self, now_ns - now_ns % self->base.tick_ns);
}

/* ---- Things ---- */

uint64_t disk_room_of(const disk_node *node)
{
    return NODE_ROOM + (uint64_t)node->now.content.held * DISK_BLOCK;
}

/* Half of the time the number of something that is gone, often of what went last. `after`: the step
 * that freed it. */
static uint64_t next_number(disk *self, uint64_t *after)
{
    *after = 0;
    if (self->free_count == 0 || disk_random(&self->number_random, 2))
        return self->next_number++;
    size_t at = disk_random(&self->number_random, 2)
                    ? self->free_count - 1
                    : disk_random(&self->number_random, self->free_count);
    disk_free_number taken = self->free_numbers[at];
    self->free_numbers[at] = self->free_numbers[--self->free_count];
    *after = taken.after;
    return taken.number;
}

disk_node *disk_node_new(disk *self, const disk_node *parent, cf_file_kind kind, uint32_t mode)
{
    disk_collect(self, false);
    disk_node *node = cf_allocate(1, sizeof *node);
    int64_t stamp = disk_stamp(self);

    node->number = next_number(self, &node->place_step);
    node->birth_ns = self->options.births_unknown ? 0 : stamp;
    node->kind = kind;
    node->volume = parent ? parent->volume : 0;
    node->now.attributes = (disk_attributes){self->options.modes_never ? 0777 : mode, stamp, stamp};
    node->durable.attributes = node->now.attributes;
    *cf_one_more(self->nodes, self->node_count, self->node_capacity) = node;
    self->used += disk_room_of(node);
    return node;
}

static void node_free(disk_node *node)
{
    disk_content_release(&node->now.content);
    disk_content_release(&node->durable.content);
    disk_content_release(&node->failed);
    disk_names_release(&node->now.names);
    disk_names_release(&node->durable.names);
    free(node);
}

void disk_node_open(disk_node *node, bool writes)
{
    node->handles++;
    node->open++;
    node->open_writers += writes;
}

void disk_node_close(disk *self, disk_node *node, bool writes, uint64_t epoch)
{
    node->handles--;
    if (epoch != self->epoch)
        return;
    node->open--;
    node->open_writers -= writes;
    disk_node_settle(self, node);
}

void disk_node_settle(disk *self, disk_node *node)
{
    if (node->links || node->open || node->is_released)
        return;
    node->is_released = true;
    self->used -= disk_room_of(node);
    *cf_one_more(self->free_numbers, self->free_count, self->free_capacity) =
        (disk_free_number){node->number, node->place_step};
}

bool disk_has_room(const disk *self, uint64_t bytes)
{
    return !self->options.capacity ||
           (self->used <= self->options.capacity && bytes <= self->options.capacity - self->used);
}

bool disk_has_room_for_thing(const disk *self)
{
    return disk_has_room(self, NODE_ROOM);
}

cf_stat disk_stat_of(const disk *self, const disk_node *node)
{
    const disk_attributes *attributes = &node->now.attributes;
    const uint64_t size = node->kind == CF_FILE_FOLDER ? DISK_BLOCK : node->now.content.size;

    return (cf_stat){
        .kind = node->kind,
        .device = self->device + node->volume,
        .inode = node->number,
        .birth_ns = node->birth_ns,
        .size = size,
        .allocated = (size + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK,
        .mode = self->options.modes_never ? 0777 : attributes->mode,
        .links = node->links,
        .mtime_ns = attributes->mtime_ns,
        .ctime_ns = attributes->ctime_ns,
    };
}

/* ---- What nothing leads to ---- */

typedef struct {
    disk_node **waiting;
    size_t count, capacity;
} marking;

static void mark(marking *self, disk_node *node)
{
    if (!node || node->is_marked)
        return;
    node->is_marked = true;
    *cf_one_more(self->waiting, self->count, self->capacity) = node;
}

static void mark_all(disk *self)
{
    marking marks = {0};

    mark(&marks, self->root);
    mark(&marks, self->card);
    for (size_t i = 0; i < self->node_count; i++)
        if (self->nodes[i]->links || self->nodes[i]->handles)
            mark(&marks, self->nodes[i]);
    for (size_t i = self->step_head; i < self->step_count; i++)
        for (int c = 0; c < self->steps[i].count; c++) {
            mark(&marks, self->steps[i].changes[c].folder);
            mark(&marks, self->steps[i].changes[c].to);
        }
    while (marks.count) {
        disk_node *node = marks.waiting[--marks.count];

        mark(&marks, node->parent);
        for (size_t i = 0; i < node->durable.names.count; i++)
            mark(&marks, node->durable.names.entries[i].to);
    }
    free(marks.waiting);
}

void disk_collect(disk *self, bool now)
{
    size_t kept = 0;

    if (!now && self->node_count < self->node_limit)
        return;
    mark_all(self);
    for (size_t i = 0; i < self->node_count; i++) {
        disk_node *node = self->nodes[i];

        if (node->is_marked) {
            node->is_marked = false;
            self->nodes[kept++] = node;
        } else {
            node_free(node);
        }
    }
    self->node_count = kept;
    self->node_limit = 2 * kept + NODES_LEAST;
}

/* ---- The disk ---- */

disk *disk_new(const disk_options *options)
{
    disk *self = cf_allocate(1, sizeof *self);
    chance seed = {options->seed};

    self->options = *options;
    self->fault_random = (chance){disk_random(&seed, UINT64_MAX)};
    self->crash_random = (chance){disk_random(&seed, UINT64_MAX)};
    self->number_random = (chance){disk_random(&seed, UINT64_MAX)};
    self->device = disk_random(&seed, DEVICES);
    self->next_number = FIRST_NUMBER;
    self->first_step = 1;
    self->base.context = self;
    disk_add_folders(&self->base);
    disk_add_names(&self->base);
    disk_add_open_files(&self->base);
    self->base.tick_ns = options->tick_ns ? options->tick_ns : 4000000;
    self->root = disk_node_new(self, NULL, CF_FILE_FOLDER, 0777 & ~(uint32_t)DISK_UMASK);
    self->root->links = 1;
    return self;
}

void disk_destroy(disk **self)
{
    if (!*self)
        return;
    disk_steps_forget(*self);
    for (size_t i = 0; i < (*self)->node_count; i++)
        node_free((*self)->nodes[i]);
    free((*self)->nodes);
    free((*self)->free_numbers);
    free((*self)->steps);
    free(*self);
    *self = NULL;
}

cf_files *disk_files(disk *self)
{
    return &self->base;
}

void disk_set_rates(disk *self, const disk_rates *rates)
{
    self->rates = rates ? *rates : (disk_rates){0};
}

void disk_set_capacity(disk *self, uint64_t bytes)
{
    self->options.capacity = bytes;
}

void disk_set_step(disk *self, int64_t step_ns)
{
    self->options.step_ns = step_ns;
}

void disk_cut_after(disk *self, uint64_t calls)
{
    self->calls_left = calls;
    self->is_cut = false;
}

uint64_t disk_faults_seen(const disk *self)
{
    return self->faults;
}

/* `path` up to `size`; nothing where that ends with a slash. */
static int make_part(disk *self, const char *path, size_t size, uint32_t mode)
{
    cf_buffer part = {0};
    disk_place place;
    disk_node *made;

    if (size == 0 || path[size - 1] == '/')
        return 0;
    cf_buffer_append(&part, path, size);
    cf_buffer_append(&part, "", 1);
    int number = disk_locate(self, (const char *)part.data, &place);
    if (number == 0)
        number = disk_create(self, place, CF_FILE_FOLDER, mode & ~(uint32_t)DISK_UMASK, &made);
    if (number == 0)
        disk_folder_sync(self, place.folder);
    cf_buffer_release(&part);
    return number == EEXIST ? 0 : number;
}

int disk_make_way(disk *self, const char *path, uint32_t mode)
{
    int number = 0;

    for (const char *slash = path; number == 0 && slash && slash[1];) {
        slash = strchr(slash + 1, '/');
        number = make_part(self, path, slash ? (size_t)(slash - path) : strlen(path), mode);
    }
    return number;
}

void disk_make_folder(disk *self, const char *path)
{
    disk_make_way(self, path, 0777);
}

void disk_mount(disk *self, const char *path)
{
    disk_node *node;

    disk_make_folder(self, path);
    if (disk_resolve(self, path, true, &node) == 0 && !node->is_mount) {
        node->is_mount = true;
        node->volume = ++self->volumes;
    }
}
