/* SPDX-License-Identifier: Apache-2.0 */
/* Held folders; names are in disk_files_names.c, open files in disk_files_open.c. */
#include "tests/worlds/disk_inside.h"

#include <stdlib.h>
#include <string.h>

enum { MILLION = 1000000 };

/* ---- Faults and failures ---- */

static bool comes_up(disk *self, uint32_t rate)
{
    bool up = rate && disk_random(&self->fault_random, MILLION) < rate;

    self->faults += up;
    return up;
}

static bool is_cut(disk *self)
{
    if (!self->is_cut && self->calls_left)
        self->is_cut = --self->calls_left == 0;
    return self->is_cut;
}

int disk_fault(disk *self, disk_call call)
{
    const disk_rates *rates = &self->rates;
    uint32_t rate = call == DISK_READS   ? rates->reads
                    : call == DISK_SYNCS ? rates->syncs
                                         : rates->changes;

    if (is_cut(self) || comes_up(self, rate))
        return EIO;
    return call == DISK_ADDS && comes_up(self, rates->full) ? ENOSPC : 0;
}

int disk_alive(const disk_node *node, const disk *self, uint64_t epoch)
{
    if (self->epoch != epoch)
        return ESTALE;
    return node->is_away ? EIO : 0;
}

void disk_join(cf_bytes path, cf_bytes name, cf_buffer *out)
{
    cf_buffer_append(out, path.data, path.size);
    if (path.size && path.data[path.size - 1] != '/' && name.size)
        cf_buffer_append(out, "/", 1);
    cf_buffer_append(out, name.data, name.size);
}

static cf_status status_of(int number, cf_status status)
{
    switch (number) {
    case EEXIST:
    case ENOTEMPTY:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
        return CF_CHANGED;
    case EXDEV:
        return CF_USAGE;
    default:
        return status;
    }
}

cf_status disk_fail(cf_bytes path, cf_bytes name, int number, const char *what, cf_error *error)
{
    char shown[CF_NAME_SHOWN];
    cf_buffer whole = {0};

    disk_join(path, name, &whole);
    cf_name_show(cf_buffer_view(&whole), shown);
    cf_buffer_release(&whole);
    if (name.data && !cf_name_valid(name))
        return cf_fail(error, CF_MALFORMED, "%s: no file can have this name", shown);
    cf_status status = cf_fail_errno(error, number, "%s %s", what, shown);
    return error->status = status_of(number, status);
}

static cf_status fail_folder(const cf_folder *folder, int number, const char *what, cf_error *error)
{
    return disk_fail(cf_buffer_view(&folder->path), (cf_bytes){0}, number, what, error);
}

int disk_enter(const cf_folder *folder, cf_bytes name, disk_call call)
{
    int number = disk_alive(folder->node, folder->on, folder->epoch);

    if (number == 0)
        number = disk_fault(folder->on, call);
    return number == 0 && !cf_name_valid(name) ? EINVAL : number;
}

cf_status disk_fail_at(const cf_folder *folder, cf_bytes name, int number, const char *what,
                       cf_error *error)
{
    return disk_fail(cf_buffer_view(&folder->path), name, number, what, error);
}

/* ---- Folders ---- */

static int hold(disk *self, disk_node *node, cf_bytes path, cf_bytes name, cf_folder **out)
{
    if (node->kind != CF_FILE_FOLDER)
        return node->kind == CF_FILE_LINK ? ELOOP : ENOTDIR;
    if (!disk_allows(node, DISK_READ))
        return EACCES;
    cf_folder *folder = cf_allocate(1, sizeof *folder);
    folder->on = self;
    folder->node = node;
    folder->epoch = self->epoch;
    disk_join(path, name, &folder->path);
    disk_node_open(node, false);
    *out = folder;
    return 0;
}

static cf_status make_root(cf_files *files, const char *path, uint32_t mode, cf_error *error)
{
    disk *self = files->context;

    int number = disk_fault(self, DISK_ADDS);
    if (number == 0)
        number = disk_make_way(self, path, mode & 0777);
    return number ? disk_fail(cf_bytes_of_text(path), (cf_bytes){0}, number, "making", error)
                  : CF_OK;
}

static cf_status open_root(cf_files *files, const char *path, cf_folder **out, cf_error *error)
{
    disk *self = files->context;
    disk_node *node;

    int number = disk_fault(self, DISK_READS);
    if (number == 0)
        number = disk_resolve(self, path, true, &node);
    if (number == 0)
        number = hold(self, node, cf_bytes_of_text(path), (cf_bytes){0}, out);
    return number ? disk_fail(cf_bytes_of_text(path), (cf_bytes){0}, number, "opening", error)
                  : CF_OK;
}

static cf_status open_folder(cf_files *files, const cf_folder *parent, cf_bytes name,
                             cf_folder **out, cf_error *error)
{
    disk *self = parent->on;
    disk_node *node;

    (void)files;
    int number = disk_enter(parent, name, DISK_READS);
    if (number == 0)
        number = disk_find(self, (disk_place){parent->node, name}, &node);
    if (number == 0)
        number = hold(self, node, cf_buffer_view(&parent->path), name, out);
    return number ? disk_fail_at(parent, name, number, "opening", error) : CF_OK;
}

static cf_status make_folder(cf_files *files, const cf_folder *parent, cf_bytes name, uint32_t mode,
                             cf_error *error)
{
    disk_node *made;

    (void)files;
    int number = disk_enter(parent, name, DISK_ADDS);
    if (number == 0)
        number = disk_create(parent->on, (disk_place){parent->node, name}, CF_FILE_FOLDER,
                             mode & 0777 & ~(uint32_t)DISK_UMASK, &made);
    return number ? disk_fail_at(parent, name, number, "making", error) : CF_OK;
}

static void close_folder(cf_files *files, cf_folder **folder)
{
    (void)files;
    if (!folder || !*folder)
        return;
    disk_node_close((*folder)->on, (*folder)->node, false, (*folder)->epoch);
    cf_buffer_release(&(*folder)->path);
    free(*folder);
    *folder = NULL;
}

/* A folder itself, not a name in it. */
static int enter_folder(const cf_folder *folder, disk_call call)
{
    int number = disk_alive(folder->node, folder->on, folder->epoch);

    return number ? number : disk_fault(folder->on, call);
}

static cf_status stat_folder(cf_files *files, const cf_folder *folder, cf_stat *out,
                             cf_error *error)
{
    (void)files;
    int number = enter_folder(folder, DISK_READS);
    if (number)
        return fail_folder(folder, number, "examining", error);
    *out = disk_stat_of(folder->on, folder->node);
    return CF_OK;
}

static cf_status is_below(cf_files *files, const cf_folder *folder, const cf_folder *root,
                          bool *out, cf_error *error)
{
    (void)files;
    int number = enter_folder(folder, DISK_READS);
    if (number == 0)
        number = disk_alive(root->node, root->on, root->epoch);
    if (number)
        return fail_folder(folder, number, "finding the way up from", error);
    *out = disk_is_below(folder->node, root->node);
    return CF_OK;
}

/* The visitor may change the folder: each name is looked for anew. */
static int list_names(disk *self, const cf_folder *folder, cf_name_visit *visit, void *context)
{
    const disk_names *names = &folder->node->now.names;
    bool go_on = true;

    for (size_t at = 0; go_on && at < names->count;) {
        disk_name *name = disk_name_share(names->entries[at].name);
        cf_bytes bytes = disk_name_bytes(name);
        int number =
            comes_up(self, self->rates.reads) ? EIO : disk_alive(folder->node, self, folder->epoch);

        go_on = number == 0 && visit(context, bytes);
        if (go_on) {
            at = disk_names_from(names, name->key, bytes);
            at += at < names->count &&
                  cf_bytes_equal(disk_name_bytes(names->entries[at].name), bytes);
        }
        disk_name_release(&name);
        if (number)
            return number;
    }
    return 0;
}

static cf_status list(cf_files *files, const cf_folder *folder, cf_name_visit *visit, void *context,
                      cf_error *error)
{
    (void)files;
    int number = enter_folder(folder, DISK_READS);
    if (number == 0 && !folder->node->links)
        number = ENOENT;
    if (number == 0 && !disk_allows(folder->node, DISK_READ | DISK_EXECUTE))
        number = EACCES;
    if (number == 0)
        number = list_names(folder->on, folder, visit, context);
    return number ? fail_folder(folder, number, "listing", error) : CF_OK;
}

static cf_status sync_folder(cf_files *files, const cf_folder *folder, cf_error *error)
{
    disk *self = folder->on;
    int number = disk_alive(folder->node, self, folder->epoch);

    (void)files;
    if (number == 0 && is_cut(self))
        number = EIO;
    if (number == 0 && comes_up(self, self->rates.syncs)) {
        disk_folder_sync_fails(self, folder->node);
        number = EIO;
    }
    if (number)
        return fail_folder(folder, number, "making durable", error);
    disk_folder_sync(self, folder->node);
    return CF_OK;
}

static cf_status free_bytes(cf_files *files, const cf_folder *folder, uint64_t *out,
                            uint64_t *whole, cf_error *error)
{
    static const uint64_t ENDLESS = UINT64_C(1) << 42;
    const disk *self = folder->on;
    uint64_t capacity = self->options.capacity;
    int number = enter_folder(folder, DISK_READS);

    (void)files;
    if (number)
        return fail_folder(folder, number, "asking for the room left at", error);
    *out = !capacity ? ENDLESS : capacity > self->used ? capacity - self->used : 0;
    if (whole)
        *whole = capacity ? capacity : ENDLESS;
    return CF_OK;
}

static cf_status filesystem(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                            cf_error *error)
{
    const disk *self = folder->on;
    int number = enter_folder(folder, DISK_READS);

    (void)files;
    if (number)
        return fail_folder(folder, number, "asking for the file system of", error);
    *out = (cf_filesystem){.device = self->device + folder->node->volume,
                           .type = 1,
                           .is_remote = self->options.is_remote,
                           .renumbers = self->options.renumbers && self->options.tells_numbers &&
                                        folder->node->volume};
    return CF_OK;
}

static int descriptor_of(cf_files *files, const cf_folder *folder)
{
    (void)files, (void)folder;
    return -1;
}

static const char *shown_of(cf_files *files, const cf_folder *folder)
{
    (void)files;
    if (!folder->shown[0])
        cf_name_show(cf_buffer_view(&folder->path), ((cf_folder *)folder)->shown);
    return folder->shown;
}

void disk_add_folders(cf_files *files)
{
    files->make_root = make_root;
    files->open_root = open_root;
    files->open_folder = open_folder;
    files->make_folder = make_folder;
    files->close_folder = close_folder;
    files->stat_folder = stat_folder;
    files->is_below = is_below;
    files->list = list;
    files->sync_folder = sync_folder;
    files->free_bytes = free_bytes;
    files->filesystem = filesystem;
    files->descriptor = descriptor_of;
    files->shown = shown_of;
}
