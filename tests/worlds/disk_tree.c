/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen on a disk, and what is done to it. */
#include "tests/worlds/disk_inside.h"

#include <string.h>

enum { TARGET_MAX = 4095, FILE_BITS = 34 };

/* The program and the users are one owner, who is not root. */
bool disk_allows(const disk_node *node, unsigned how)
{
    unsigned mode = node->now.attributes.mode;
    unsigned granted = node->is_foreign ? mode & 7 : mode >> 6 & 7;

    return (granted & how) == how;
}

static int may_look(const disk_node *folder)
{
    if (folder->kind != CF_FILE_FOLDER)
        return ENOTDIR;
    return disk_allows(folder, DISK_EXECUTE) ? 0 : EACCES;
}

static int may_change(const disk_node *folder)
{
    int number = may_look(folder);

    if (number)
        return number;
    return disk_allows(folder, DISK_WRITE) ? 0 : EACCES;
}

static disk_node *found(const disk *self, disk_place place)
{
    return disk_names_find(&place.folder->now.names, disk_name_key(self->options.seed, place.name),
                           place.name);
}

int disk_find(const disk *self, disk_place place, disk_node **out)
{
    int number = may_look(place.folder);

    if (number)
        return number;
    *out = found(self, place);
    return *out ? 0 : ENOENT;
}

static bool is_folder(const disk_node *node)
{
    return node->kind == CF_FILE_FOLDER;
}

/* ---- Coming ---- */

/* Whether something new may stand there. */
static int may_add(const disk *self, disk_place place)
{
    int number = may_look(place.folder);

    if (number)
        return number;
    if (found(self, place))
        return EEXIST;
    if (!place.folder->links)
        return ENOENT;
    number = may_change(place.folder);
    if (number)
        return number;
    return disk_has_room_for_thing(self) ? 0 : ENOSPC;
}

int disk_create(disk *self, disk_place place, cf_file_kind kind, uint32_t mode, disk_node **out)
{
    int number = may_add(self, place);

    if (number)
        return number;
    disk_node *node = disk_node_new(self, place.folder, kind, mode);
    disk_step *step = disk_step_new(self);
    disk_step_moves(self, step, node);
    disk_step_change(self, step, place, node);
    node->links = 1;
    if (is_folder(node))
        node->parent = place.folder;
    *out = node;
    return 0;
}

/* A link and its target come together. */
int disk_create_link(disk *self, disk_place place, cf_bytes target)
{
    disk_node *node;

    if (self->options.symlinks_never)
        return EPERM;
    if (target.size == 0)
        return ENOENT;
    if (target.size > TARGET_MAX)
        return ENAMETOOLONG;
    if (memchr(target.data, '\0', target.size))
        return EINVAL;
    int number = disk_create(self, place, CF_FILE_LINK, 0777, &node);
    if (number)
        return number;
    disk_content_write(&node->now.content, 0, target);
    disk_content_copy(&node->now.content, &node->durable.content);
    node->shortest = target.size;
    self->used += DISK_BLOCK;
    return 0;
}

int disk_link(disk *self, disk_node *node, disk_place place)
{
    int number = may_add(self, place);

    if (number)
        return number;
    if (is_folder(node))
        return EPERM;
    if (node->volume != place.folder->volume)
        return EXDEV;
    disk_step *step = disk_step_new(self);
    disk_step_after_way(self, step, place.folder);
    disk_step_moves(self, step, node);
    disk_step_change(self, step, place, node);
    node->links++;
    return 0;
}

/* ---- Going ---- */

/* Whether `node` may lose its name in the folder. */
static int may_go(const disk_node *node, bool as_folder)
{
    if (as_folder && !is_folder(node))
        return ENOTDIR;
    if (!as_folder && is_folder(node))
        return EISDIR;
    if (node->is_mount)
        return EBUSY;
    return as_folder && node->now.names.count ? ENOTEMPTY : 0;
}

static void goes(disk *self, disk_step *step, disk_node *node)
{
    disk_step_moves(self, step, node);
    if (is_folder(node))
        disk_step_after(self, step, node->names_step);
    node->links--;
}

int disk_unlink(disk *self, disk_place place, bool folder)
{
    disk_node *node;

    int number = disk_find(self, place, &node);
    if (number == 0)
        number = may_change(place.folder);
    if (number == 0)
        number = may_go(node, folder);
    if (number)
        return number;
    disk_step *step = disk_step_new(self);
    goes(self, step, node);
    disk_step_change(self, step, place, NULL);
    disk_node_settle(self, node);
    return 0;
}

/* ---- Moving ---- */

bool disk_is_below(const disk_node *node, const disk_node *above)
{
    for (; node; node = node->parent)
        if (node == above)
            return true;
    return false;
}

/* From one folder into another one. */
static void moves(disk *self, disk_step *step, disk_node *node, disk_node *from, disk_node *to)
{
    disk_step_moves(self, step, node);
    if (from == to)
        return;
    disk_step_after_way(self, step, to);
    if (is_folder(node))
        node->parent = to;
}

typedef struct {
    disk_place from, to;
    disk_node *moved, *there;
} renaming;

static int may_exchange(const renaming *it)
{
    if (!it->there)
        return ENOENT;
    return is_folder(it->there) && disk_is_below(it->from.folder, it->there) ? EINVAL : 0;
}

static int may_replace(const renaming *it)
{
    if (!it->there)
        return it->to.folder->links ? 0 : ENOENT;
    return may_go(it->there, is_folder(it->moved));
}

/* What stands in the way is told before what is not allowed. */
static int look_up(const disk *self, renaming *it, disk_rename_way how)
{
    int number = disk_find(self, it->from, &it->moved);

    if (number == 0)
        number = disk_find(self, it->to, &it->there);
    if (number == ENOENT && it->moved)
        number = 0;
    if (number == 0 && it->there && how == DISK_NEVER_REPLACE)
        number = EEXIST;
    if (number == 0)
        number = may_change(it->from.folder);
    if (number == 0)
        number = may_change(it->to.folder);
    return number;
}

/* A folder holds the name of the one that it is in. */
static bool may_leave(const disk_node *node, const renaming *it)
{
    return !is_folder(node) || it->from.folder == it->to.folder || disk_allows(node, DISK_WRITE);
}

static int may_rename(const renaming *it, disk_rename_way how)
{
    if (it->from.folder->volume != it->to.folder->volume)
        return EXDEV;
    if (it->moved->is_mount || (it->there && it->there->is_mount))
        return EBUSY;
    if (is_folder(it->moved) && disk_is_below(it->to.folder, it->moved))
        return EINVAL;
    if (!may_leave(it->moved, it) ||
        (how == DISK_EXCHANGE && it->there && !may_leave(it->there, it)))
        return EACCES;
    return how == DISK_EXCHANGE ? may_exchange(it) : may_replace(it);
}

int disk_rename(disk *self, disk_place from, disk_place to, disk_rename_way how)
{
    renaming it = {from, to, NULL, NULL};

    int number = look_up(self, &it, how);
    if (number == 0)
        number = may_rename(&it, how);
    if (number || it.moved == it.there)
        return number;
    disk_step *step = disk_step_new(self);
    moves(self, step, it.moved, from.folder, to.folder);
    if (how == DISK_EXCHANGE)
        moves(self, step, it.there, to.folder, from.folder);
    else if (it.there)
        goes(self, step, it.there);
    disk_step_change(self, step, from, how == DISK_EXCHANGE ? it.there : NULL);
    disk_step_change(self, step, to, it.moved);
    if (it.there)
        disk_node_settle(self, it.there);
    return 0;
}

/* ---- What a file holds ---- */

static void touched(const disk *self, disk_node *node, bool contents)
{
    node->now.attributes.ctime_ns = disk_stamp(self);
    if (contents)
        node->now.attributes.mtime_ns = node->now.attributes.ctime_ns;
}

int disk_set_mode(disk *self, disk_node *node, uint32_t mode)
{
    if (node->is_foreign)
        return EPERM;
    if (node->kind == CF_FILE_LINK)
        return EOPNOTSUPP;
    if (!self->options.modes_never)
        node->now.attributes.mode = mode & 07777;
    touched(self, node, false);
    return 0;
}

int disk_set_mtime(disk *self, disk_node *node, int64_t mtime_ns)
{
    if (node->is_foreign)
        return EPERM;
    touched(self, node, false);
    node->now.attributes.mtime_ns = disk_cut(self, mtime_ns);
    return 0;
}

static size_t room_left(const disk *self)
{
    return disk_has_room(self, 0) ? (size_t)((self->options.capacity - self->used) / DISK_BLOCK)
                                  : 0;
}

int disk_write(disk *self, disk_node *node, uint64_t offset, cf_bytes bytes)
{
    disk_content *content = &node->now.content;
    size_t held = content->held;
    int number = 0;

    if (offset >> FILE_BITS || bytes.size >> FILE_BITS)
        return EFBIG;
    size_t missing = disk_content_missing(content, offset, bytes.size);
    if (!disk_has_room(self, (uint64_t)missing * DISK_BLOCK)) {
        while (bytes.size && disk_content_missing(content, offset, bytes.size) > room_left(self))
            bytes.size -= bytes.size < DISK_BLOCK ? bytes.size : DISK_BLOCK;
        number = ENOSPC;
    }
    disk_content_write(content, offset, bytes);
    self->used += (uint64_t)(content->held - held) * DISK_BLOCK;
    if (bytes.size)
        touched(self, node, true);
    return number;
}

int disk_truncate(disk *self, disk_node *node, uint64_t size)
{
    disk_content *content = &node->now.content;
    size_t held = content->held;

    if (size > INT64_MAX)
        return EINVAL;
    disk_content_resize(content, size);
    self->used -= (uint64_t)(held - content->held) * DISK_BLOCK;
    if (size < node->shortest)
        node->shortest = size;
    touched(self, node, true);
    return 0;
}

int disk_clone(disk *self, const disk_node *source, disk_node *target)
{
    if (self->options.clones_never)
        return EOPNOTSUPP;
    if (source->volume != target->volume)
        return EXDEV;
    if (!disk_has_room(self, (uint64_t)source->now.content.held * DISK_BLOCK))
        return ENOSPC;
    self->used -= (uint64_t)target->now.content.held * DISK_BLOCK;
    disk_content_copy(&source->now.content, &target->now.content);
    self->used += (uint64_t)target->now.content.held * DISK_BLOCK;
    touched(self, target, true);
    return 0;
}
