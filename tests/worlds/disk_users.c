/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/disk_users.h"

#include <stdlib.h>
#include <string.h>

#include "tests/worlds/disk_inside.h"

enum { FILE_MODE = 0666 & ~DISK_UMASK, FOLDER_MODE = 0777 & ~DISK_UMASK };

/* What stands at the path, not what a link there leads to. */
static disk_node *standing(const disk *self, const char *path)
{
    disk_node *node;

    return disk_resolve(self, path, false, &node) == 0 ? node : NULL;
}

static bool creates(disk *self, const char *path, cf_file_kind kind, uint32_t mode, disk_node **out)
{
    disk_place place;

    return disk_locate(self, path, &place) == 0 && disk_create(self, place, kind, mode, out) == 0;
}

/* A file that may be written to. */
static disk_node *writable(const disk *self, const char *path)
{
    disk_node *node = standing(self, path);

    return node && node->kind == CF_FILE_REGULAR && disk_allows(node, DISK_WRITE) ? node : NULL;
}

/* ---- Contents ---- */

static bool saves_in_place(disk *self, const char *path, cf_bytes bytes)
{
    disk_node *node = writable(self, path);

    if (!node && (standing(self, path) || !creates(self, path, CF_FILE_REGULAR, FILE_MODE, &node)))
        return false;
    if (node->now.content.size)
        disk_truncate(self, node, 0);
    return disk_write(self, node, 0, bytes) == 0;
}

static bool saves_new(disk *self, const char *path, cf_bytes bytes)
{
    return !standing(self, path) && saves_in_place(self, path, bytes);
}

bool disk_user_saves(disk *self, const char *path, cf_bytes bytes, disk_save_way how)
{
    const disk_node *there = standing(self, path);
    char beside[4096];
    size_t length = strlen(path);

    if (how == DISK_SAVE_IN_PLACE)
        return saves_in_place(self, path, bytes);
    if ((there && there->kind == CF_FILE_FOLDER) || length + sizeof ".new" > sizeof beside)
        return false;
    memcpy(beside, path, length);
    strcpy(beside + length, how == DISK_SAVE_BY_RENAME ? ".new" : "~");
    if (how == DISK_SAVE_BY_RENAME)
        return saves_in_place(self, beside, bytes) && disk_user_moves(self, beside, path);
    return (!there || disk_user_moves(self, path, beside)) && saves_new(self, path, bytes);
}

bool disk_user_writes(disk *self, const char *path, const char *text)
{
    return disk_user_saves(self, path, cf_bytes_of_text(text), DISK_SAVE_IN_PLACE);
}

bool disk_user_patches(disk *self, const char *path, uint64_t offset, cf_bytes bytes)
{
    disk_node *node = writable(self, path);

    return node && disk_write(self, node, offset, bytes) == 0;
}

bool disk_user_truncates(disk *self, const char *path, uint64_t size)
{
    disk_node *node = writable(self, path);

    return node && disk_truncate(self, node, size) == 0;
}

bool disk_user_lost(const disk *self, const char *path)
{
    const disk_node *node = standing(self, path);

    return node && node->has_failed;
}

bool disk_user_reads(const disk *self, const char *path, cf_buffer *out)
{
    const disk_node *node = standing(self, path);

    if (!node || node->kind == CF_FILE_FOLDER)
        return false;
    size_t size = node->now.content.size;
    if (size)
        out->size += disk_content_read(&node->now.content, 0, cf_buffer_reserve(out, size), size);
    return true;
}

bool disk_user_stat(const disk *self, const char *path, cf_stat *out)
{
    const disk_node *node = standing(self, path);

    if (node)
        *out = disk_stat_of(self, node);
    return node;
}

/* ---- Names ---- */

bool disk_user_makes_folder(disk *self, const char *path)
{
    disk_node *made;

    return creates(self, path, CF_FILE_FOLDER, FOLDER_MODE, &made);
}

bool disk_user_makes_link(disk *self, const char *path, const char *target)
{
    disk_place place;

    return disk_locate(self, path, &place) == 0 &&
           disk_create_link(self, place, cf_bytes_of_text(target)) == 0;
}

bool disk_user_makes_fifo(disk *self, const char *path)
{
    disk_node *made;

    return creates(self, path, CF_FILE_FIFO, FILE_MODE, &made);
}

bool disk_user_makes_socket(disk *self, const char *path)
{
    disk_node *made;

    return creates(self, path, CF_FILE_SOCKET, FOLDER_MODE, &made);
}

bool disk_user_links(disk *self, const char *from, const char *to)
{
    disk_node *node = standing(self, from);
    disk_place place;

    return node && disk_locate(self, to, &place) == 0 && disk_link(self, node, place) == 0;
}

static bool renames(disk *self, const char *from, const char *to, disk_rename_way how)
{
    disk_place from_place, to_place;

    return disk_locate(self, from, &from_place) == 0 && disk_locate(self, to, &to_place) == 0 &&
           disk_rename(self, from_place, to_place, how) == 0;
}

bool disk_user_moves(disk *self, const char *from, const char *to)
{
    return renames(self, from, to, DISK_REPLACE);
}

bool disk_user_swaps(disk *self, const char *a, const char *b)
{
    return renames(self, a, b, DISK_EXCHANGE);
}

static bool empties(disk *self, disk_node *folder)
{
    while (folder->now.names.count) {
        disk_name *name = disk_name_share(folder->now.names.entries[0].name);
        disk_node *node = folder->now.names.entries[0].to;
        disk_place place = {folder, disk_name_bytes(name)};
        bool is_folder = node->kind == CF_FILE_FOLDER;

        bool gone = (!is_folder || empties(self, node)) && disk_unlink(self, place, is_folder) == 0;
        disk_name_release(&name);
        if (!gone)
            return false;
    }
    return true;
}

bool disk_user_unlinks(disk *self, const char *path)
{
    const disk_node *node = standing(self, path);
    disk_place place;

    return node && disk_locate(self, path, &place) == 0 &&
           disk_unlink(self, place, node->kind == CF_FILE_FOLDER) == 0;
}

bool disk_user_removes(disk *self, const char *path)
{
    disk_node *node = standing(self, path);

    if (!node || (node->kind == CF_FILE_FOLDER && !empties(self, node)))
        return false;
    return disk_user_unlinks(self, path);
}

/* ---- Attributes ---- */

bool disk_user_chmods(disk *self, const char *path, uint32_t mode)
{
    disk_node *node = standing(self, path);

    return node && disk_set_mode(self, node, mode) == 0;
}

bool disk_user_stamps(disk *self, const char *path, int64_t mtime_ns)
{
    disk_node *node = standing(self, path);

    return node && disk_set_mtime(self, node, mtime_ns) == 0;
}

bool disk_user_touches(disk *self, const char *path)
{
    disk_node *made;

    if (standing(self, path))
        return disk_user_stamps(self, path, disk_stamp(self));
    return creates(self, path, CF_FILE_REGULAR, FILE_MODE, &made);
}

bool disk_user_gives_away(disk *self, const char *path)
{
    disk_node *node = standing(self, path);

    if (node)
        node->is_foreign = true;
    return node;
}

bool disk_user_syncs(disk *self, const char *path)
{
    disk_node *node = standing(self, path);

    if (node && node->kind == CF_FILE_FOLDER)
        disk_folder_sync(self, node);
    else if (node)
        disk_node_sync(node);
    if (node && self->options.names_follow_files)
        disk_steps_commit(self, node->place_step);
    return node;
}

/* ---- Open files ---- */

struct disk_hold {
    disk *on;
    disk_node *node;
    uint64_t epoch;
    bool writes;
};

bool disk_user_opens(disk *self, const char *path, bool to_write, disk_hold **out)
{
    disk_node *node = standing(self, path);

    if (!node || node->kind != CF_FILE_REGULAR ||
        !disk_allows(node, to_write ? DISK_WRITE : DISK_READ))
        return false;
    disk_hold *hold = cf_allocate(1, sizeof *hold);
    *hold = (disk_hold){self, node, self->epoch, to_write};
    disk_node_open(node, to_write);
    *out = hold;
    return true;
}

bool disk_user_writes_at(disk_hold *hold, uint64_t offset, cf_bytes bytes)
{
    return hold->writes && disk_alive(hold->node, hold->on, hold->epoch) == 0 &&
           disk_write(hold->on, hold->node, offset, bytes) == 0;
}

void disk_user_closes(disk_hold **hold)
{
    if (!*hold)
        return;
    disk_node_close((*hold)->on, (*hold)->node, (*hold)->writes, (*hold)->epoch);
    free(*hold);
    *hold = NULL;
}
