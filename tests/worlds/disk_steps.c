/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that wait to become durable, and their order. */
#include "tests/worlds/disk_inside.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 8192, CHANCES = 16 };

static uint64_t number_of(const disk *self, const disk_step *step)
{
    return self->first_step + (uint64_t)(step - self->steps) - self->step_head;
}

static disk_step *step_at(const disk *self, uint64_t number)
{
    return &self->steps[self->step_head + (number - self->first_step)];
}

static bool is_done(const disk *self, uint64_t number)
{
    return number < self->first_step || step_at(self, number)->is_done;
}

static void release(disk_step *step)
{
    for (int i = 0; i < step->count; i++)
        disk_name_release(&step->changes[i].name);
    free(step->after);
    *step = (disk_step){.is_done = true};
}

/* ---- Making one ---- */

static void make_room(disk *self)
{
    size_t waiting = self->step_count - self->step_head;

    if (waiting >= STEPS_MAX) /* as the kernel does after a while */
        disk_steps_commit_before(self, self->first_step + waiting / 2);
    if (self->step_head > STEPS_MAX) {
        self->step_count -= self->step_head;
        memmove(self->steps, self->steps + self->step_head, self->step_count * sizeof *self->steps);
        self->step_head = 0;
    }
}

disk_step *disk_step_new(disk *self)
{
    make_room(self);
    disk_step *step = cf_one_more(self->steps, self->step_count, self->step_capacity);
    *step = (disk_step){0};
    return step;
}

void disk_step_after(const disk *self, disk_step *step, uint64_t number)
{
    if (number == 0 || number >= number_of(self, step) || is_done(self, number))
        return;
    *cf_one_more(step->after, step->after_count, step->after_capacity) = number;
}

void disk_step_change(disk *self, disk_step *step, disk_place place, disk_node *to)
{
    disk_name *name = disk_name_new(self->options.seed, place.name);
    disk_attributes *attributes = &place.folder->now.attributes;

    disk_step_after(self, step, place.folder->names_step);
    place.folder->names_step = number_of(self, step);
    step->changes[step->count++] = (disk_change){place.folder, name, to};
    disk_names_set(&place.folder->now.names, name, to);
    attributes->mtime_ns = attributes->ctime_ns = disk_stamp(self);
}

void disk_step_moves(disk *self, disk_step *step, disk_node *node)
{
    disk_step_after(self, step, node->place_step);
    node->place_step = number_of(self, step);
    node->now.attributes.ctime_ns = disk_stamp(self);
}

void disk_step_after_way(const disk *self, disk_step *step, const disk_node *folder)
{
    for (; folder; folder = folder->parent)
        disk_step_after(self, step, folder->place_step);
}

/* ---- Becoming durable ---- */

static void apply(disk_step *step)
{
    for (int i = 0; i < step->count; i++)
        disk_names_set(&step->changes[i].folder->durable.names, step->changes[i].name,
                       step->changes[i].to);
    release(step);
}

/* Marks what must be durable before; returns the first of it. */
static uint64_t choose_with_needs(disk *self, uint64_t number)
{
    uint64_t *waiting = NULL, first = number;
    size_t count = 0, capacity = 0;

    waiting = cf_grow(waiting, &capacity, 1, sizeof *waiting);
    waiting[count++] = number;
    while (count) {
        uint64_t at = waiting[--count];

        if (is_done(self, at) || step_at(self, at)->is_chosen)
            continue;
        disk_step *step = step_at(self, at);
        step->is_chosen = true;
        first = at < first ? at : first;
        waiting = cf_grow(waiting, &capacity, count + step->after_count + 1, sizeof *waiting);
        for (size_t i = 0; i < step->after_count; i++)
            waiting[count++] = step->after[i];
    }
    free(waiting);
    return first;
}

static void drop_done(disk *self)
{
    while (self->step_head < self->step_count && self->steps[self->step_head].is_done) {
        self->step_head++;
        self->first_step++;
    }
}

void disk_steps_commit(disk *self, uint64_t number)
{
    if (number == 0 || is_done(self, number))
        return;
    for (uint64_t at = choose_with_needs(self, number); at <= number; at++)
        if (step_at(self, at)->is_chosen)
            apply(step_at(self, at));
    drop_done(self);
}

void disk_steps_commit_before(disk *self, uint64_t end)
{
    for (uint64_t at = self->first_step; at < end; at++)
        if (!step_at(self, at)->is_done)
            apply(step_at(self, at));
    drop_done(self);
}

void disk_steps_commit_all(disk *self)
{
    disk_steps_commit_before(self, self->first_step + self->step_count - self->step_head);
}

void disk_steps_forget(disk *self)
{
    for (size_t i = self->step_head; i < self->step_count; i++)
        release(&self->steps[i]);
    self->first_step += self->step_count - self->step_head;
    self->step_head = self->step_count = 0;
}

/* ---- Power cuts, and syncs that fail ---- */

static bool may_be_durable(const disk *self, const disk_step *step)
{
    for (size_t i = 0; i < step->after_count; i++)
        if (!is_done(self, step->after[i]))
            return false;
    return true;
}

static bool is_in(const disk_step *step, unsigned volume)
{
    return !step->is_done && step->changes[0].folder->volume == volume;
}

/* Of one file system, or of ALL. */
static void let_through(disk *self, bool all, unsigned volume)
{
    static const uint64_t chances[] = {0, 2, 8, 12, 15, CHANCES};
    uint64_t passes = chances[disk_random(&self->crash_random, sizeof chances / sizeof *chances)];

    for (size_t i = self->step_head; i < self->step_count; i++) {
        disk_step *step = &self->steps[i];

        if (!step->is_done && (all || is_in(step, volume)) && may_be_durable(self, step) &&
            disk_random(&self->crash_random, CHANCES) < passes)
            apply(step);
    }
}

void disk_steps_cut(disk *self)
{
    let_through(self, true, 0);
    disk_steps_forget(self);
}

void disk_steps_cut_in(disk *self, unsigned volume)
{
    let_through(self, false, volume);
    for (size_t i = self->step_head; i < self->step_count; i++)
        if (is_in(&self->steps[i], volume))
            release(&self->steps[i]);
    drop_done(self);
}

void disk_steps_commit_in(disk *self, unsigned volume)
{
    const uint64_t end = self->first_step + self->step_count - self->step_head;

    for (uint64_t at = self->first_step; at < end; at++)
        if (!is_done(self, at) && is_in(step_at(self, at), volume))
            disk_steps_commit(self, at);
}

void disk_folder_sync(disk *self, disk_node *folder)
{
    disk_steps_commit(self, folder->names_step);
    folder->durable.attributes = folder->now.attributes;
}

void disk_folder_sync_fails(disk *self, disk_node *folder)
{
    uint64_t last = folder->names_step;

    if (last == 0 || is_done(self, last))
        return;
    uint64_t first = choose_with_needs(self, last);
    uint64_t end = first + disk_random(&self->fault_random, last + 1 - first);
    for (uint64_t at = first; at <= last; at++) {
        disk_step *step = step_at(self, at);

        if (step->is_chosen && at < end)
            apply(step);
        step->is_chosen = false;
    }
    drop_done(self);
}
