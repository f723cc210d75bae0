/* SPDX-License-Identifier: Apache-2.0 */
/* Which thing is tried: of those in one directory with one cause (what stands behind the last colon
 * of the reason) one a run, in turns. A thing is known by its step, items, name, content and mode:
 * another content, and it is tried as a new one. */
#include "peer/sources/files/unplaced.h"

#include "codec/hash_table.h"

#include <stdlib.h>
#include <string.h>

/* Those in one directory that failed for one reason. */
typedef struct {
    cf_hash_link by_directory;
    uint64_t directory;
    const char *cause;
    size_t turn; /* which of them is tried next, as they are asked for */
    size_t asked;
    bool is_tried; /* one of them, in this run */
    bool is_over;  /* one of them went into its place since */
} reason_group;

typedef struct {
    cf_hash_link by_step;
    reason_group *group;
    const char *reason; /* with the name of the thing in it */
} unplaced_step;

struct cf_unplaced {
    cf_arena arena;
    cf_hash_table steps, groups;
    size_t open; /* groups that are not over */
};

cf_unplaced *cf_unplaced_new(void)
{
    return cf_allocate(1, sizeof(cf_unplaced));
}

void cf_unplaced_forget(cf_unplaced *unplaced)
{
    cf_hash_table_release(&unplaced->steps);
    cf_hash_table_release(&unplaced->groups);
    cf_arena_release(&unplaced->arena);
    unplaced->open = 0;
}

void cf_unplaced_destroy(cf_unplaced **unplaced)
{
    if (!*unplaced)
        return;
    cf_unplaced_forget(*unplaced);
    free(*unplaced);
    *unplaced = NULL;
}

/* ---- Keys ---- */

static uint64_t key_of_step(const cf_step *step)
{
    const cf_shown *shown = step->shown;
    uint64_t key = cf_hash_bytes(step->kind, cf_bytes_of(&step->parent, sizeof step->parent));

    for (size_t i = 0; i < shown->item_count; i++)
        key = cf_hash_id(key, &shown->items[i]);
    key = cf_hash_bytes(key, shown->name);
    key = cf_hash_bytes(key, shown->content);
    return cf_hash_bytes(key, shown->mode);
}

static uint64_t key_of_directory(uint64_t directory)
{
    return cf_hash_bytes(0, cf_bytes_of(&directory, sizeof directory));
}

/* "renaming a/b: Permission denied" is "Permission denied" here. */
static const char *cause_of(const char *reason)
{
    const char *cause = reason, *at;

    while ((at = strstr(cause, ": ")))
        cause = at + 2;
    return cause;
}

/* ---- Runs ---- */

void cf_unplaced_begin(cf_unplaced *unplaced)
{
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&unplaced->groups, link));) {
        reason_group *group = cf_container_of(link, reason_group, by_directory);

        if (!group->is_tried)
            group->turn = 0; /* whose turn it was is asked for no more */
        group->is_tried = false;
        group->asked = 0;
    }
}

static unplaced_step *find(const cf_unplaced *unplaced, uint64_t key)
{
    cf_hash_link *link = cf_hash_table_first(&unplaced->steps, key);

    return link ? cf_container_of(link, unplaced_step, by_step) : NULL;
}

const char *cf_unplaced_waits(cf_unplaced *unplaced, const cf_step *step)
{
    const unplaced_step *one =
        unplaced->open && step->shown ? find(unplaced, key_of_step(step)) : NULL;

    if (!one || one->group->is_over)
        return NULL;
    reason_group *group = one->group;
    if (group->is_tried || group->asked++ < group->turn)
        return one->reason;
    group->is_tried = true;
    group->turn++;
    return NULL;
}

static reason_group *group_of(cf_unplaced *unplaced, uint64_t directory, const char *cause)
{
    uint64_t key = key_of_directory(directory);

    for (cf_hash_link *link = cf_hash_table_first(&unplaced->groups, key); link;
         link = cf_hash_table_next(link)) {
        reason_group *group = cf_container_of(link, reason_group, by_directory);

        if (group->directory == directory && strcmp(group->cause, cause) == 0)
            return group;
    }
    reason_group *made = cf_arena_allocate(&unplaced->arena, 1, sizeof *made);
    made->directory = directory;
    made->cause = cf_arena_text(&unplaced->arena, cf_bytes_of_text(cause));
    cf_hash_table_add(&unplaced->groups, &made->by_directory, key);
    unplaced->open++;
    return made;
}

void cf_unplaced_failed(cf_unplaced *unplaced, const cf_step *step, const char *reason)
{
    uint64_t key = key_of_step(step);
    unplaced_step *one = find(unplaced, key);

    if (!one) {
        one = cf_arena_allocate(&unplaced->arena, 1, sizeof *one);
        cf_hash_table_add(&unplaced->steps, &one->by_step, key);
    }
    one->group = group_of(unplaced, step->parent, cause_of(reason));
    if (!one->reason || strcmp(one->reason, reason) != 0)
        one->reason = cf_arena_text(&unplaced->arena, cf_bytes_of_text(reason));
}

bool cf_unplaced_passed(cf_unplaced *unplaced, const cf_step *step)
{
    const unplaced_step *one = unplaced->open ? find(unplaced, key_of_step(step)) : NULL;

    if (!one || one->group->is_over)
        return false;
    one->group->is_over = true;
    cf_hash_table_remove(&unplaced->groups, &one->group->by_directory);
    unplaced->open--;
    if (!unplaced->open)
        cf_unplaced_forget(unplaced);
    return true;
}
