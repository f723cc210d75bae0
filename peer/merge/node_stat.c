/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/node_stat.h"

#include "codec/pack.h"
#include "peer/merge/rules.h"

cf_node_stat cf_node_stat_of(const cf_stat *stat)
{
    return (cf_node_stat){stat->device,   stat->inode, stat->size,  stat->birth_ns,  stat->mtime_ns,
                          stat->ctime_ns, stat->mode,  stat->links, .is_racy = false};
}

cf_stat cf_stat_of_node(const cf_node *node)
{
    const cf_node_stat *stat = &node->stat;
    cf_file_kind kind = node->kind == CF_KIND_DIRECTORY ? CF_FILE_FOLDER
                        : node->kind == CF_KIND_SYMLINK ? CF_FILE_LINK
                                                        : CF_FILE_REGULAR;

    return (cf_stat){
        .kind = kind,
        .device = stat->device,
        .inode = stat->inode,
        .birth_ns = stat->birth_ns,
        .size = stat->size,
        .mode = stat->mode,
        .links = stat->links,
        .mtime_ns = stat->mtime_ns,
        .ctime_ns = stat->ctime_ns,
    };
}

bool cf_node_stat_same_file(const cf_node_stat *known, const cf_stat *now)
{
    return known->inode == now->inode && known->birth_ns == now->birth_ns;
}

bool cf_node_stat_same_bytes(const cf_node_stat *known, const cf_stat *now)
{
    return cf_node_stat_same_file(known, now) && known->size == now->size &&
           known->mtime_ns == now->mtime_ns;
}

bool cf_node_stat_untouched(const cf_node_stat *known, const cf_stat *now)
{
    return cf_node_stat_same_bytes(known, now) && known->ctime_ns == now->ctime_ns;
}

void cf_node_distrust(cf_node *node)
{
    if (node->kind == CF_KIND_FILE)
        node->stat.ctime_ns = CF_CTIME_UNSEEN;
}

uint32_t cf_mode_of(cf_bytes value, uint32_t otherwise)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    uint64_t mode;

    return value.size && cf_read_uint(&reader, &mode, &ignored) == CF_OK ? (uint32_t)mode & 0777
                                                                         : otherwise;
}

bool cf_mtime_of(cf_bytes value, int64_t *mtime_ns)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    return value.size && cf_read_int(&reader, mtime_ns, &ignored) == CF_OK;
}
