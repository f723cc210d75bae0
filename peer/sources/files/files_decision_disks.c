/* SPDX-License-Identifier: Apache-2.0 */
/* Which disk is mounted at a place below the source's root: by the birth of its root, or by what is
 * on it (files_identity.h). Files count where their name, size and time are as they were, wherever
 * on it they lie now; directories, by their names, for a disk that had no files. */
#include "peer/sources/files/files_decision_inside.h"

#include <stdlib.h>
#include <string.h>

#include "codec/content.h"
#include "codec/pack.h"
#include "peer/bindings/files_root.h"

static const int64_t SECOND_NS = 1000000000;

/* ---- By its root ---- */

/* mkfs gives whole seconds, the same to each card that is formatted in that second. */
static bool is_told_by_root(const cf_stat *root)
{
    return root->birth_ns % SECOND_NS != 0;
}

static uint64_t disk_of_hash(cf_buffer *packed)
{
    const cf_hash hash = cf_content_hash(cf_buffer_view(packed));
    uint64_t disk;

    memcpy(&disk, hash.bytes, sizeof disk);
    cf_buffer_release(packed);
    return disk == CF_DISK_UNTOLD ? 1 : disk | 1;
}

/* Another device has the number of a stick that was taken away, and that gets another one. */
static uint64_t hash_root(const cf_stat *root, cf_bytes path, bool with_device)
{
    cf_buffer packed = {0};

    cf_buffer_append(&packed, path.data, path.size);
    if (with_device)
        cf_pack_uint(&packed, root->device);
    cf_pack_uint(&packed, root->inode);
    cf_pack_int(&packed, root->birth_ns);
    return disk_of_hash(&packed);
}

/* Never 0. The device's number was in it in bases of an earlier build. */
static uint64_t disk_mounted(const cf_decision *self, const cf_stat *root, cf_bytes path,
                             const cf_identity_node *before)
{
    const uint64_t with_device = hash_root(root, path, true);

    if (is_told_by_root(root))
        return before && before->disk == with_device ? with_device : hash_root(root, path, false);
    return !self->input->is_everything && before && before->disk &&
                   cf_stat_same_file(&before->stat, root)
               ? before->disk
               : CF_DISK_UNTOLD;
}

static const cf_identity_node *node_at(const cf_decision *self, const cf_listed *found)
{
    const size_t above =
        self->resolved[found->folder] ? self->folder_node[found->folder] : CF_KNOWN_NONE;
    const size_t node =
        above == CF_KNOWN_NONE
            ? CF_KNOWN_NONE
            : cf_files_known_place(self->known, cf_decision_number(self, above), found->name);

    return node == CF_KNOWN_NONE ? NULL : cf_decision_node(self, node);
}

uint64_t cf_decision_disk_of(const cf_decision *self, size_t entry)
{
    const cf_listed *found = &self->listing->entries[entry];
    const size_t folder = self->folder_at[entry];
    cf_buffer path = {0};

    if (!found->stat.is_mount || found->kind != 'd')
        return self->folder_disk[found->folder];
    if (folder != CF_KNOWN_NONE && self->resolved[folder])
        return self->folder_disk[folder];
    cf_listing_entry_path(self->listing, entry, &path);
    const uint64_t disk =
        disk_mounted(self, &found->stat, cf_buffer_view(&path), node_at(self, found));
    cf_buffer_release(&path);
    return disk;
}

uint64_t cf_decision_disk_of_start(const cf_decision *self, size_t folder, size_t node)
{
    const cf_listed_folder *start = &self->listing->folders[folder];
    cf_buffer path = {0};

    if (node == CF_KNOWN_ROOT)
        return 0;
    if (!start->stat.is_mount)
        return cf_decision_node(self, node)->disk;
    cf_listing_folder_path(self->listing, folder, &path);
    const uint64_t disk =
        disk_mounted(self, &start->stat, cf_buffer_view(&path), cf_decision_node(self, node));
    cf_buffer_release(&path);
    return disk;
}

bool cf_decision_is_on(const cf_decision *self, size_t node, uint64_t disk)
{
    return disk != CF_DISK_UNTOLD && cf_decision_node(self, node)->disk == disk;
}

/* ---- By what is on it ---- */

/* A thing that the base has, or that lies there, below one mount. */
typedef struct {
    size_t mount;  /* the folder that lists its root */
    uint64_t disk; /* of the base; 0: it lies there */
    bool is_directory;
    cf_bytes name;
    uint64_t size; /* a directory's and its time are 0 */
    int64_t mtime_ns;
} thing;

typedef struct {
    cf_decision *in;
    size_t *mounts; /* by folder: the untold mount that it is in, as that folder */
    thing *known, *there;
    size_t known_count, there_count;
} telling;

static const cf_stat *stat_of_folder(const cf_decision *self, size_t folder)
{
    const cf_listed_folder *of = &self->listing->folders[folder];

    return of->entry == CF_LISTED_START ? &of->stat : &self->listing->entries[of->entry].stat;
}

static bool is_mount(const cf_decision *self, size_t folder)
{
    return self->folder_node[folder] != CF_KNOWN_ROOT && stat_of_folder(self, folder)->is_mount;
}

/* Of a base node, or of what is in it: as far as directories that are listed tell. */
static size_t mount_of_node(const telling *self, size_t node)
{
    const cf_decision *in = self->in;

    while (node != CF_KNOWN_NONE && node != CF_KNOWN_ROOT) {
        const size_t folder = in->folder_of[node];

        if (folder != CF_KNOWN_NONE && is_mount(in, folder))
            return in->folder_disk[folder] == CF_DISK_UNTOLD ? folder : CF_KNOWN_NONE;
        const uint64_t parent = cf_decision_node(in, node)->parent;
        node = parent ? cf_files_known_number(in->known, parent) : CF_KNOWN_ROOT;
    }
    return CF_KNOWN_NONE;
}

static size_t mount_of_folder(const telling *self, size_t folder)
{
    const cf_decision *in = self->in;

    for (;;) {
        const size_t entry = in->out->folder_entries[folder];

        if (!in->resolved[folder] || entry == CF_IDENTITY_NOWHERE)
            return CF_KNOWN_NONE;
        if (is_mount(in, folder))
            return in->folder_disk[folder] == CF_DISK_UNTOLD ? folder : CF_KNOWN_NONE;
        if (entry == CF_LISTED_START)
            return mount_of_node(self, in->folder_node[folder]);
        folder = in->listing->entries[entry].folder;
    }
}

static thing thing_of(size_t mount, char kind, cf_bytes name, const cf_stat *stat)
{
    const bool is_directory = kind == 'd';

    return (thing){.mount = mount,
                   .is_directory = is_directory,
                   .name = name,
                   .size = is_directory ? 0 : stat->size,
                   .mtime_ns = is_directory ? 0 : stat->mtime_ns};
}

static void gather_known(telling *self)
{
    for (size_t i = 0; i < self->in->input->node_count; i++) {
        const cf_identity_node *node = cf_decision_node(self->in, i);
        const uint64_t parent = node->parent;
        const bool has_disk = node->disk && node->disk != CF_DISK_UNTOLD;
        const size_t mount =
            has_disk && parent ? mount_of_node(self, cf_files_known_number(self->in->known, parent))
                               : CF_KNOWN_NONE;

        if (mount == CF_KNOWN_NONE)
            continue;
        self->known[self->known_count] = thing_of(mount, node->kind, node->name, &node->stat);
        self->known[self->known_count++].disk = node->disk;
    }
}

static void gather_there(telling *self)
{
    const cf_listing *listing = self->in->listing;

    for (size_t e = 0; e < listing->entry_count; e++) {
        const cf_listed *found = &listing->entries[e];

        if (found->kind && self->mounts[found->folder] != CF_KNOWN_NONE)
            self->there[self->there_count++] =
                thing_of(self->mounts[found->folder], found->kind, found->name, &found->stat);
    }
}

static int order_size(uint64_t left, uint64_t right)
{
    return (left > right) - (left < right);
}

static int order_looks(const thing *left, const thing *right)
{
    int order = order_size(left->mount, right->mount);

    if (!order)
        order = (int)left->is_directory - (int)right->is_directory;
    if (!order)
        order = cf_bytes_compare(left->name, right->name);
    if (!order)
        order = order_size(left->size, right->size);
    return order ? order : (left->mtime_ns > right->mtime_ns) - (left->mtime_ns < right->mtime_ns);
}

static int order_there(const void *a, const void *b)
{
    return order_looks(a, b);
}

static int order_known(const void *a, const void *b)
{
    const thing *left = a, *right = b;
    int order = order_size(left->mount, right->mount);

    if (!order)
        order = order_size(left->disk, right->disk);
    return order ? order : order_looks(left, right);
}

/* Of one disk: its files, or, without any, its directories. */
static size_t end_of_disk(const telling *self, size_t first)
{
    const thing *of = &self->known[first];
    size_t end = first;

    while (end < self->known_count && self->known[end].mount == of->mount &&
           self->known[end].disk == of->disk && self->known[end].is_directory == of->is_directory)
        end++;
    return end;
}

/* Each that lies there is one of them. */
static size_t count_there(const telling *self, size_t first, size_t end)
{
    size_t found = 0;

    for (size_t t = 0; t < self->there_count && first < end;) {
        const int order = order_looks(&self->known[first], &self->there[t]);

        found += order == 0;
        first += order <= 0;
        t += order >= 0;
    }
    return found;
}

static bool is_used(const cf_decision *self, uint64_t disk)
{
    for (size_t i = 0; i < self->input->node_count; i++)
        if (cf_decision_node(self, i)->disk == disk)
            return true;
    return false;
}

/* As its root looks, and for each that looked the same another one. */
static uint64_t new_disk(const cf_decision *self, size_t mount)
{
    uint64_t disk;
    cf_buffer path = {0};

    cf_listing_folder_path(self->listing, mount, &path);
    for (disk = hash_root(stat_of_folder(self, mount), cf_buffer_view(&path), true);
         is_used(self, disk);) {
        cf_buffer packed = {0};

        cf_pack_uint(&packed, disk);
        disk = disk_of_hash(&packed);
    }
    cf_buffer_release(&path);
    return disk;
}

/* The one of which the most is as it was, and over half; where it had nothing, what was there last
 * will do. */
static uint64_t tell(const telling *self, size_t mount)
{
    const cf_decision *in = self->in;
    const size_t node = in->folder_node[mount];
    const uint64_t last = node == CF_KNOWN_NONE ? 0 : cf_decision_node(in, node)->disk;
    size_t most = 0;
    uint64_t best = 0, counted = 0;
    bool had_any = false;

    for (size_t first = 0, end; first < self->known_count; first = end) {
        const thing *of = &self->known[first];

        end = end_of_disk(self, first);
        if (of->mount != mount || of->disk == counted)
            continue; /* directories beside files */
        counted = of->disk;
        const size_t found = count_there(self, first, end);
        had_any |= of->disk == last;
        if (cf_root_has_most(found, end - first) && found > most) {
            best = of->disk;
            most = found;
        }
    }
    if (best)
        return best;
    return last && last != CF_DISK_UNTOLD && !had_any ? last : new_disk(in, mount);
}

static void tell_all(telling *self)
{
    cf_decision *in = self->in;
    const size_t folders = in->listing->folder_count;
    uint64_t *told = cf_arena_allocate(in->arena, folders, sizeof *told);

    for (size_t f = 0; f < folders; f++)
        if (self->mounts[f] == f)
            told[f] = tell(self, f);
    for (size_t f = 0; f < folders; f++)
        if (self->mounts[f] != CF_KNOWN_NONE)
            in->folder_disk[f] = told[self->mounts[f]];
}

static bool any_untold(const cf_decision *self)
{
    for (size_t f = 0; f < self->listing->folder_count; f++)
        if (self->resolved[f] && self->folder_disk[f] == CF_DISK_UNTOLD)
            return true;
    return false;
}

void cf_decision_tell_disks_apart(cf_decision *self)
{
    telling all = {.in = self};

    if (!self->input->is_everything || !any_untold(self))
        return;
    all.mounts = cf_arena_allocate(self->arena, self->listing->folder_count, sizeof *all.mounts);
    all.known = cf_arena_allocate(self->arena, self->input->node_count, sizeof *all.known);
    all.there = cf_arena_allocate(self->arena, self->listing->entry_count, sizeof *all.there);
    for (size_t f = 0; f < self->listing->folder_count; f++)
        all.mounts[f] = mount_of_folder(&all, f);
    gather_known(&all);
    gather_there(&all);
    if (all.known_count)
        qsort(all.known, all.known_count, sizeof *all.known, order_known);
    if (all.there_count)
        qsort(all.there, all.there_count, sizeof *all.there, order_there);
    tell_all(&all);
}
