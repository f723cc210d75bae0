/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/held_up.h"

#include "tests/worlds/asking.h"
#include "tests/worlds/disk_users.h"
#include "tests/worlds/sight.h"

#include <stdio.h>

/* Something here that it doesn't ask for has this name, or that of a folder on the way. */
static bool is_in_the_way(device *self, cf_bytes path)
{
    char whole[512], *name = whole + strlen(self->folder) + 1;

    snprintf(whole, sizeof whole, "%s/%.*s", self->folder, (int)path.size, (const char *)path.data);
    for (char *end = name; end; end = strchr(end + 1, '/')) {
        char *slash = strchr(end + (end != name), '/');
        cf_stat stat;

        if (slash)
            *slash = '\0';
        bool found = disk_user_stat(self->drive, whole, &stat) &&
                     !asking_takes(self, name, stat.kind == CF_FILE_FOLDER) &&
                     (!slash || stat.kind != CF_FILE_FOLDER);
        if (slash)
            *slash = '/';
        if (found)
            return true;
    }
    return false;
}

/* What is to be renamed waits at its old place, and says where it can't go. */
static bool can_not_go(device *self, const char *reason)
{
    static const char renaming[] = "renaming to /things/";
    size_t size = sizeof renaming - 1;

    if (!reason || strncmp(reason, renaming, size) != 0)
        return false;
    const char *to = reason + size, *end = strrchr(to, ':');
    return end && is_in_the_way(self, cf_bytes_of(to, (size_t)(end - to)));
}

/* What lies there should be elsewhere by now, and can't go there: nothing else has its place till
 * then. The first device asks for everything, so it shows where that is. */
static bool is_behind_another(device *self, cf_bytes path)
{
    char whole[512];
    sight here, all;
    bool held = false;

    snprintf(whole, sizeof whole, "%.*s", (int)path.size, (const char *)path.data);
    sight_take(self, &here);
    sight_take(&self->in->devices[0], &all);
    const seen *stays = sight_at(&here, whole);
    for (size_t i = 0; stays && !held && i < all.count; i++)
        held = strcmp(all.all[i].token.text, stays->token.text) == 0 &&
               is_in_the_way(self, cf_bytes_of_text(all.all[i].path));
    sight_release(&here);
    sight_release(&all);
    return held;
}

static bool is_of_the_folder(device *self, const cf_pending *pending)
{
    return is_in_the_way(self, pending->path) || can_not_go(self, pending->reason) ||
           is_behind_another(self, pending->path);
}

/* All that this source waits for; also if that is nothing. */
static bool is_held_up(device *self, const cf_binding *binding, cf_arena *arena)
{
    cf_binding_status source;

    cf_engine_status(self->engine, binding, arena, &source);
    bool held = !source.trouble;
    for (size_t i = 0; held && i < source.pending_count; i++)
        held = !device_waits_for(&source.pending[i]) ||
               (binding == cf_engine_binding_at(self->engine, 0) &&
                is_of_the_folder(self, &source.pending[i]));
    return held;
}

bool is_held_up_by_its_user(device *self)
{
    cf_broker_status home;
    cf_arena arena = {0};

    cf_engine_broker_status(self->engine, &home);
    bool held = cf_engine_binding_count(self->engine) && home.connected && !home.unsent &&
                !home.refused && asking_is_limited(self);
    for (size_t i = 0; held && i < cf_engine_binding_count(self->engine); i++)
        held = is_held_up(self, cf_engine_binding_at(self->engine, i), &arena);
    cf_arena_release(&arena);
    return held;
}
