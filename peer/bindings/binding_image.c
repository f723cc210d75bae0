/* SPDX-License-Identifier: Apache-2.0 */
/* A source in what can't be written to, as an image or a disk that is mounted read-only: it only
 * sends, and has no `.counterfoil`. It is known by its root, where the disk keeps the time of its
 * birth; else by what lies in it, by names, sizes and times, since the numbers of loop devices and
 * the inodes of images are soon those of another one, and two cards of one camera have the same
 * names:
 *
 *     the root that it was                     it is the one
 *     another root, over half of what was in   it is the one, or a newer one of its kind
 *     another root, less of that               another one: nothing is done
 */
#include "peer/bindings/binding.h"
#include "peer/bindings/files_root.h"

cf_status cf_binding_make_image(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_files *files = peer->env->files;
    cf_folder *root = NULL;
    cf_stat now;

    cf_status status = files->open_root(files, binding->path, &root, error);
    if (!status)
        status = files->stat_folder(files, root, &now, error);
    if (!status) {
        binding->is_image = true;
        status = cf_binding_keep_folder(peer, binding, &now, error);
    }
    files->close_folder(files, &root);
    return status;
}

/* Loop devices have other numbers each time. */
static bool is_root_known(const cf_stat *known, const cf_stat *now)
{
    return now->birth_ns && known->birth_ns == now->birth_ns && known->inode == now->inode;
}

static bool has_most(const cf_binding *binding, cf_files *files)
{
    const cf_root_content content = cf_binding_count_there(binding, files);

    return cf_root_has_most(content.there, content.known);
}

static cf_status check(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_files *files = peer->env->files;
    cf_stat now;

    if (files->stat_folder(files, binding->root, &now, error))
        return error->status = CF_UNSAFE; /* what can't be seen is not gone */
    if (is_root_known(&binding->folder, &now))
        return CF_OK;
    if (!has_most(binding, files))
        return cf_binding_refuse_other(binding, error);
    return now.birth_ns ? cf_binding_keep_folder(peer, binding, &now, error) : CF_OK;
}

cf_status cf_binding_hold_image(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_status status = check(peer, binding, error);

    if (!status)
        status = cf_home_open_temporary(peer->home, "image", binding->number, &binding->temporary,
                                        error);
    if (status)
        cf_binding_close_root(binding, peer->env->files);
    return status;
}
