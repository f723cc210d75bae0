/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a source is known by its mark, `.counterfoil/root`: an emptied folder has none,
 * that of another disk has another one. Version control and cleaners lose marks, and put those of
 * other devices in their place, in a folder that is the same all the while, with most of what was
 * in it:
 *
 *     no mark, same folder, 3 of 4 files as they were: put back
 *     no mark, same folder, 1 of 4 files as they were: emptied, nothing is done
 *     no mark, another folder, all files as they were: a copy, nothing is done
 */
#include "peer/adapters/files_root.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/binding.h"

#include <string.h>

enum { IDENTITY_SIZE = 8 + 8 + 8 };

/* ---- Which folder it was ---- */

static void pack_identity(const cf_stat *stat, uint8_t out[IDENTITY_SIZE])
{
    cf_put_u64(out, stat->device);
    cf_put_u64(out + 8, stat->inode);
    cf_put_u64(out + 16, (uint64_t)stat->birth_ns);
}

/* Without births an inode's number is no identity. */
static bool is_same_folder(const cf_binding *binding, const cf_stat *now)
{
    const cf_stat *known = &binding->folder;

    return now->birth_ns && known->birth_ns == now->birth_ns && known->inode == now->inode &&
           known->device == now->device;
}

/* Of the folder that has the mark. What can't be kept is kept the next time. */
static void keep_identity(cf_peer *peer, cf_binding *binding, const cf_stat *now)
{
    cf_store *store = cf_home_store(peer->home);
    cf_records records = {0};
    cf_arena arena = {0};
    uint8_t value[IDENTITY_SIZE];
    cf_error ignored;

    if (!now->birth_ns || is_same_folder(binding, now))
        return;
    pack_identity(now, value);
    cf_records_put(&records, cf_key_source(&arena, CF_TABLE_FOLDER, binding->number),
                   cf_bytes_of(value, sizeof value));
    if (store->write(store, cf_peer_user(peer), records.at, records.count, true, &ignored) == CF_OK)
        binding->folder = *now;
    cf_records_release(&records);
    cf_arena_release(&arena);
}

static bool load(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;

    (void)key;
    if (value.size == IDENTITY_SIZE)
        binding->folder = (cf_stat){.device = cf_get_u64(value.data),
                                    .inode = cf_get_u64(value.data + 8),
                                    .birth_ns = (int64_t)cf_get_u64(value.data + 16)};
    return true;
}

cf_status cf_binding_load_folder(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    return cf_binding_scan(peer, binding, CF_TABLE_FOLDER, load, binding, error);
}

/* ---- What is in it ---- */

typedef struct {
    const cf_binding *binding;
    cf_files *files;
    size_t there;
} counting;

static void count_in(counting *self, uint64_t folder)
{
    const cf_nodes *nodes = self->binding->nodes;
    const cf_node *node = NULL;
    cf_hold hold = {0};
    cf_error ignored;
    cf_stat now;

    if (cf_binding_hold(self->binding, self->files, folder, &hold, &ignored))
        return;
    while ((node = cf_nodes_next_child(nodes, folder, node)))
        self->there +=
            self->files->stat(self->files, hold.folder, node->name, &now, &ignored) == CF_OK &&
            cf_stat_of_node(node).kind == now.kind && cf_node_stat_same_file(&node->stat, &now);
    cf_hold_release(&hold, self->files);
}

static void count_folder(void *context, const cf_node *node)
{
    if (node->kind == CF_KIND_DIRECTORY)
        count_in(context, node->number);
}

static cf_root_content count_nodes(const void *context, cf_files *files)
{
    counting self = {.binding = context, .files = files};

    count_in(&self, CF_NODE_ROOT);
    cf_nodes_each(self.binding->nodes, count_folder, &self);
    return (cf_root_content){self.there, cf_nodes_count(self.binding->nodes)};
}

/* Of nothing all is there. Somebody may be about to take all of it away, and the mark first: as
 * many are to be there as the last time. */
static bool has_most(cf_binding *binding, const cf_root_content *content)
{
    const bool rests = binding->is_unmarked && binding->there == content->there;

    binding->is_unmarked = true;
    binding->there = content->there;
    return rests && (content->known == 0 || content->there > content->known / 2);
}

/* ---- Its mark ---- */

/* Of a long path the end is shown: the ways out have to be. */
static cf_status refuse(const cf_binding *binding, bool is_lost, cf_error *error)
{
    enum { PATH_SHOWN = 100 };
    const size_t size = strlen(binding->path);
    const bool is_long = size > PATH_SHOWN;

    return cf_fail(error, CF_UNSAFE,
                   "%s%s is %s: bring that back, or `counterfoil repair SOURCE --refill`, or "
                   "`counterfoil remove SOURCE`",
                   is_long ? "..." : "", binding->path + (is_long ? size - PATH_SHOWN : 0),
                   is_lost ? "not the folder that was added, its .counterfoil is gone"
                           : "another folder than the one that was added");
}

/* Nothing can be deleted by mistake in a folder whose items are there. */
static bool may_put_back(cf_files *files, cf_binding *binding, const cf_marked_root *marked,
                         const cf_stat *now)
{
    if (!is_same_folder(binding, now) || cf_root_was_taken(files, marked->root, &binding->instance))
        return false;
    const cf_root_content content = marked->count(marked->context, files);

    return has_most(binding, &content);
}

static cf_status check_mark(const cf_env *env, cf_binding *binding, const cf_marked_root *marked,
                            const cf_stat *now, cf_error *error)
{
    cf_files *files = env->files;
    cf_id instance;

    cf_status status = cf_root_read(files, marked->root, &instance, error);
    if (!status && cf_id_equal(&instance, &binding->instance))
        return CF_OK;
    if (status && status != CF_MISSING && status != CF_BROKEN)
        return status;
    if (!may_put_back(files, binding, marked, now))
        return status == CF_BROKEN ? status : refuse(binding, status == CF_MISSING, error);
    const bool is_lost = status == CF_MISSING;
    status = cf_root_put_back(files, marked->root, &binding->instance, error);
    if (!status)
        cf_report(env, CF_REPORT_WARNING,
                  "%s: its mark .counterfoil/root %s, and is put back: the folder is the one that "
                  "was added, and most of what was in it is there",
                  binding->path, is_lost ? "was gone" : "was not its own");
    return status;
}

cf_status cf_binding_check_root(cf_peer *peer, cf_binding *binding, const cf_marked_root *marked,
                                cf_error *error)
{
    cf_stat now;

    cf_status status = peer->env->files->stat_folder(peer->env->files, marked->root, &now, error);
    if (status)
        return error->status = CF_UNSAFE; /* what can't be seen is not gone */
    status = check_mark(peer->env, binding, marked, &now, error);
    if (!status)
        keep_identity(peer, binding, &now);
    binding->is_unmarked &= status != CF_OK;
    return status;
}

cf_status cf_binding_open_root(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_files *files = peer->env->files;

    cf_binding_close_root(binding, files);
    cf_status status = files->open_root(files, binding->path, &binding->root, error);
    if (status == CF_MISSING || status == CF_CHANGED)
        return cf_fail(error, CF_MISSING,
                       "%s is not there: nothing of it is synced, nothing is deleted elsewhere",
                       binding->path);
    if (status)
        return error->status = CF_UNSAFE;
    status = cf_binding_check_root(peer, binding,
                                   &(cf_marked_root){binding->root, count_nodes, binding}, error);
    if (!status)
        status = cf_root_open_temporary(files, binding->root, &binding->temporary, error);
    if (status)
        cf_binding_close_root(binding, files);
    return status;
}

void cf_binding_close_root(cf_binding *binding, cf_files *files)
{
    files->close_folder(files, &binding->temporary);
    files->close_folder(files, &binding->root);
}

bool cf_binding_has_mark(const cf_binding *binding, cf_files *files)
{
    cf_folder *temporary = NULL;
    cf_stat held, now;
    cf_id instance;
    cf_error error;

    cf_status status = cf_root_read(files, binding->root, &instance, &error);
    if (status)
        return status == CF_IO;
    if (!cf_id_equal(&instance, &binding->instance))
        return false;
    bool same = cf_root_open_temporary(files, binding->root, &temporary, &error) ||
                files->stat_folder(files, temporary, &now, &error) ||
                files->stat_folder(files, binding->temporary, &held, &error) ||
                cf_stat_same_file(&held, &now);
    files->close_folder(files, &temporary);
    return same;
}
