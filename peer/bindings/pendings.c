/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/pendings.h"

#include <stdlib.h>

bool cf_pending_is_held(const cf_pending *pending)
{
    return pending->kind == CF_PENDING_HELD || pending->kind == CF_PENDING_SPARED ||
           pending->kind == CF_PENDING_AWAY;
}

static void add(cf_pendings *list, cf_pending pending)
{
    *cf_one_more(list->at, list->count, list->capacity) = pending;
    list->held += cf_pending_is_held(&pending);
}

/* Those in one folder have mostly one reason. */
static const char *keep_reason(cf_pendings *list, const char *reason)
{
    const char *last = list->count ? list->at[list->count - 1].reason : NULL;

    if (!reason || (last && strcmp(last, reason) == 0))
        return reason ? last : NULL;
    return cf_pendings_text(list, reason);
}

void cf_pendings_add(cf_pendings *list, cf_pending_kind kind, cf_bytes path, const char *reason)
{
    add(list, (cf_pending){.kind = kind,
                           .path = cf_arena_copy(&list->arena, path),
                           .reason = keep_reason(list, reason)});
}

const char *cf_pendings_text(cf_pendings *list, const char *text)
{
    return cf_arena_text(&list->arena, cf_bytes_of_text(text));
}

static int by_path(const void *a, const void *b)
{
    const cf_pending *x = a, *y = b;
    int order = cf_bytes_compare(x->path, y->path);

    return order ? order : (x->order > y->order) - (x->order < y->order);
}

void cf_pendings_sort(cf_pendings *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        list->at[i].order = i;
    if (list->count)
        qsort(list->at, list->count, sizeof *list->at, by_path);
    for (size_t i = 0; i < list->count; i++)
        if (kept == 0 || !cf_bytes_equal(list->at[kept - 1].path, list->at[i].path))
            list->at[kept++] = list->at[i];
        else
            list->held -= cf_pending_is_held(&list->at[i]);
    list->count = kept;
}

const cf_pending *cf_pendings_copy(const cf_pendings *list, cf_arena *arena)
{
    cf_pending *copy = cf_arena_allocate(arena, list->count, sizeof *copy);

    for (size_t i = 0; i < list->count; i++) {
        copy[i] = list->at[i];
        copy[i].path = cf_arena_copy(arena, list->at[i].path);
        copy[i].reason = cf_arena_text(arena, cf_bytes_of_text(list->at[i].reason));
    }
    return copy;
}

/* A reason that each of its items has to itself does not say how many there are. */
static const char *line_of(const cf_held_group *group, cf_arena *arena)
{
    cf_buffer text = {0};

    if (group->kind != CF_PENDING_AWAY)
        return group->reason;
    cf_buffer_append_text(&text, "%zu item%s %s", group->count, group->count == 1 ? " is" : "s are",
                          group->reason);
    const char *line = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return line;
}

cf_held_group *cf_pendings_group_held(const cf_pending *pending, size_t count, cf_arena *arena,
                                      size_t *group_count)
{
    cf_held_group *groups = NULL;
    size_t capacity = 0, at = 0;

    *group_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!cf_pending_is_held(&pending[i]))
            continue;
        for (at = 0; at < *group_count; at++) /* the reasons are few */
            if (groups[at].kind == pending[i].kind &&
                strcmp(groups[at].reason, pending[i].reason) == 0)
                break;
        if (at == *group_count) {
            *cf_one_more(groups, *group_count, capacity) =
                (cf_held_group){.kind = pending[i].kind, .reason = pending[i].reason};
        }
        if (groups[at].count < CF_HELD_NAMED)
            groups[at].first[groups[at].count] = pending[i].path;
        groups[at].count++;
    }
    for (size_t i = 0; i < *group_count; i++)
        groups[i].text = line_of(&groups[i], arena);
    return groups;
}

void cf_pendings_clear(cf_pendings *list)
{
    cf_arena_release(&list->arena);
    list->count = list->held = 0;
}

void cf_pendings_release(cf_pendings *list)
{
    cf_pendings_clear(list);
    free(list->at);
    *list = (cf_pendings){0};
}
