/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/disk_inside.h"

static disk_place at(const cf_folder *folder, cf_bytes name)
{
    return (disk_place){folder->node, name};
}

/* What stands there. */
static int enter_and_find(const cf_folder *folder, cf_bytes name, disk_call call, disk_node **out)
{
    int number = disk_enter(folder, name, call);

    return number ? number : disk_find(folder->on, at(folder, name), out);
}

static cf_status stat_name(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                           cf_error *error)
{
    disk_node *node;

    (void)files;
    int number = enter_and_find(folder, name, DISK_READS, &node);
    if (number)
        return disk_fail_at(folder, name, number, "examining", error);
    *out = disk_stat_of(folder->on, node);
    return CF_OK;
}

static bool readable(cf_files *files, const cf_folder *folder, cf_bytes name)
{
    disk_node *node;

    (void)files;
    return enter_and_find(folder, name, DISK_READS, &node) == 0 && disk_allows(node, DISK_READ);
}

static cf_status read_link(cf_files *files, const cf_folder *folder, cf_bytes name,
                           cf_buffer *target, cf_error *error)
{
    disk_node *node;

    (void)files;
    int number = enter_and_find(folder, name, DISK_READS, &node);
    if (number == 0 && node->kind != CF_FILE_LINK)
        number = EEXIST;
    if (number)
        return disk_fail_at(folder, name, number, "reading the link", error);
    size_t size = node->now.content.size;
    target->size += disk_content_read(&node->now.content, 0, cf_buffer_reserve(target, size), size);
    return CF_OK;
}

static cf_status make_link(cf_files *files, const cf_folder *folder, cf_bytes name, cf_bytes target,
                           cf_error *error)
{
    (void)files;
    int number = disk_enter(folder, name, DISK_ADDS);
    if (number == 0)
        number = disk_create_link(folder->on, at(folder, name), target);
    return number ? disk_fail_at(folder, name, number, "making the link", error) : CF_OK;
}

typedef struct {
    const cf_folder *folder;
    cf_bytes name;
} place;

static cf_status rename_with(place from, place to, disk_rename_way how, const char *what,
                             cf_error *error)
{
    if (!cf_name_valid(from.name))
        return disk_fail_at(from.folder, from.name, EINVAL, what, error);
    int number = disk_enter(to.folder, to.name, DISK_CHANGES);
    if (number == 0)
        number = disk_alive(from.folder->node, from.folder->on, from.folder->epoch);
    if (number == 0 && from.folder->on != to.folder->on)
        number = EXDEV;
    if (number == 0 && how != DISK_REPLACE && from.folder->on->options.flags_never)
        return cf_fail(error, CF_UNSAFE, "this disk takes no flags");
    if (number == 0)
        number =
            disk_rename(from.folder->on, at(from.folder, from.name), at(to.folder, to.name), how);
    return number ? disk_fail_at(to.folder, to.name, number, what, error) : CF_OK;
}

static cf_status link_name(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                           const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    disk_node *node = NULL;

    (void)files;
    if (!cf_name_valid(from))
        return disk_fail_at(from_folder, from, EINVAL, "linking to", error);
    int number = disk_enter(to_folder, to, DISK_ADDS);
    if (number == 0)
        number = disk_alive(from_folder->node, from_folder->on, from_folder->epoch);
    if (number == 0)
        number = disk_find(from_folder->on, at(from_folder, from), &node);
    if (number == 0 && (from_folder->on != to_folder->on ||
                        from_folder->on->options.hard_links_never || node->kind == CF_FILE_FOLDER))
        return cf_fail(error, CF_UNSAFE, "this disk takes no such links");
    if (number == 0)
        number = disk_link(from_folder->on, node, at(to_folder, to));
    return number ? disk_fail_at(to_folder, to, number, "linking to", error) : CF_OK;
}

static cf_status rename_name(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                             const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    (void)files;
    return rename_with((place){from_folder, from}, (place){to_folder, to}, DISK_NEVER_REPLACE,
                       "renaming to", error);
}

static cf_status exchange(cf_files *files, const cf_folder *a_folder, cf_bytes a,
                          const cf_folder *b_folder, cf_bytes b, cf_error *error)
{
    (void)files;
    return rename_with((place){a_folder, a}, (place){b_folder, b}, DISK_EXCHANGE, "exchanging with",
                       error);
}

static cf_status replace(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                         const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    (void)files;
    return rename_with((place){from_folder, from}, (place){to_folder, to}, DISK_REPLACE,
                       "replacing", error);
}

static cf_status unlink_with(const cf_folder *folder, cf_bytes name, bool is_folder,
                             cf_error *error)
{
    int number = disk_enter(folder, name, DISK_CHANGES);

    if (number == 0)
        number = disk_unlink(folder->on, at(folder, name), is_folder);
    return number ? disk_fail_at(folder, name, number, "removing", error) : CF_OK;
}

static cf_status unlink_name(cf_files *files, const cf_folder *folder, cf_bytes name,
                             cf_error *error)
{
    (void)files;
    return unlink_with(folder, name, false, error);
}

static cf_status remove_folder(cf_files *files, const cf_folder *folder, cf_bytes name,
                               cf_error *error)
{
    (void)files;
    return unlink_with(folder, name, true, error);
}

static cf_status set_mode(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                          cf_error *error)
{
    disk_node *node;

    (void)files;
    int number = enter_and_find(folder, name, DISK_CHANGES, &node);
    if (number == 0)
        number = disk_set_mode(folder->on, node, mode);
    return number ? disk_fail_at(folder, name, number, "setting the mode of", error) : CF_OK;
}

static cf_status set_mtime(cf_files *files, const cf_folder *folder, cf_bytes name,
                           int64_t mtime_ns, cf_error *error)
{
    disk_node *node;

    (void)files;
    int number = enter_and_find(folder, name, DISK_CHANGES, &node);
    if (number == 0)
        number = disk_set_mtime(folder->on, node, mtime_ns);
    return number ? disk_fail_at(folder, name, number, "setting the time of", error) : CF_OK;
}

void disk_add_names(cf_files *files)
{
    files->stat = files->stat_now = stat_name;
    files->readable = readable;
    files->read_link = read_link;
    files->make_link = make_link;
    files->link = link_name;
    files->rename = rename_name;
    files->exchange = exchange;
    files->replace = replace;
    files->unlink = unlink_name;
    files->remove_folder = remove_folder;
    files->set_mode = set_mode;
    files->set_mtime = set_mtime;
}
