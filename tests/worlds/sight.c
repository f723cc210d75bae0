/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/sight.h"

#include "tests/worlds/records.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Looking ---- */

static bool read_token(const disk_thing *thing, mark *out)
{
    if (thing->stat.kind == CF_FILE_LINK)
        snprintf(out->text, sizeof out->text, "-> %.*s", (int)thing->bytes.size,
                 (const char *)thing->bytes.data);
    else if (thing->stat.kind == CF_FILE_REGULAR)
        snprintf(out->text, sizeof out->text, "%zu %016llx", thing->bytes.size,
                 (unsigned long long)sum_of_bytes(thing->bytes));
    else
        return false;
    return true;
}

static void take(void *context, const char *path, const mark *token)
{
    sight *self = context;

    *cf_one_more(self->all, self->count, self->capacity) =
        (seen){.path = strdup(path), .token = *token};
}

static void take_value(void *context, const char *place, const mark *token, const mark *record)
{
    sight *self = context;

    take(self, place, token);
    self->all[self->count - 1].record = *record;
}

static void take_thing(void *context, const disk_thing *thing)
{
    mark token;

    if (read_token(thing, &token))
        take(context, thing->path, &token);
}

void device_tree(const device *self, cf_buffer *out)
{
    disk_dump(self->drive, self->folder,
              &(disk_dump_options){.skip = ".counterfoil", .no_modes = self->in->modes_vary}, out);
    records_list(self, out);
}

void sight_take(const device *of, sight *out)
{
    *out = (sight){0};
    disk_walk(of->drive, of->folder, &(disk_walk_options){.skip = ".counterfoil"}, take_thing, out);
    records_shown(of, take_value, out);
}

void sight_take_kept(const device *of, sight *out)
{
    *out = (sight){0};
    records_listed(of, take_value, out);
}

static void take_conflict(void *context, const char *place, const mark *token, const mark *record)
{
    (void)record;
    picture_add_kept(context, place, token->text);
}

void picture_take(const device *of, picture *out)
{
    cf_buffer tree = {0};

    *out = (picture){0};
    device_tree(of, &tree);
    for (size_t from = 0, to; from < tree.size; from = to + 1) {
        for (to = from; to < tree.size && tree.data[to] != '\n';)
            to++;
        picture_add(out, cf_bytes_of(tree.data + from, to - from));
    }
    cf_buffer_release(&tree);
    records_listed(of, take_conflict, out);
}

void sight_take_whole(const device *of, sight *out)
{
    sight_take(of, out);
    picture_take(of, &out->shown);
}

void sight_release(sight *self)
{
    picture_release(&self->shown);
    for (size_t i = 0; i < self->count; i++)
        free(self->all[i].path);
    free(self->all);
    *self = (sight){0};
}

bool sight_has(const sight *self, const mark *token)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].token.text, token->text) == 0)
            return true;
    return false;
}

const seen *sight_at(const sight *self, const char *path)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].path, path) == 0)
            return &self->all[i];
    return NULL;
}

bool is_elsewhere(const device *here, const mark *token)
{
    const world *in = here->in;
    bool found = false;

    for (int i = 0; i < in->count && !found; i++) {
        const device *one = &in->devices[i];
        sight there;

        if (one == here || one->is_out)
            continue;
        sight_take(one, &there);
        found = sight_has(&there, token);
        sight_release(&there);
    }
    return found;
}
