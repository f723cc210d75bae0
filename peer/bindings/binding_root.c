/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a source is known by its mark, `.counterfoil/root`: an emptied folder has none,
 * that of another disk has another one. Version control and cleaners lose marks, and put those of
 * other devices in their place, in a folder that is the same all the while, with most of what was
 * in it:
 *
 *     no mark, same folder, 3 of 4 files as they were: put back
 *     no mark, same folder, 1 of 4 files as they were: emptied, nothing is done
 *     no mark, another folder, all files as they were: a copy, nothing is done
 *     the mark, another folder, each file as it was, or newer: a copy that takes its place
 *     the mark, another folder, one file older, or not there: an older copy, nothing is done
 */
#include "peer/bindings/binding_folder.h"
#include "peer/bindings/files_root.h"

#include <string.h>

/* Of nothing all is there. Somebody may be about to take all of it away, and the mark first: as
 * many are to be there as the last time. */
static bool has_most(cf_binding *binding, const cf_root_content *content)
{
    const bool rests = binding->is_unmarked && binding->there == content->there;

    binding->is_unmarked = true;
    binding->there = content->there;
    return rests && cf_root_has_most(content->there, content->known);
}

/* ---- Its mark ---- */

static const char LOST[] = "not the folder that was added, its .counterfoil is gone";
static const char OTHER[] = "another folder than the one that was added";
static const char OTHER_DISK[] = "another disk than the one that was added";
static const char UNMOUNTED[] = "not on the disk that was added, which is not mounted there";
static const char OLDER[] = "another folder than the one that was added, an older copy";

/* Of a long path the end is shown: the ways out have to be. */
typedef struct {
    const char *dots, *end;
} shown_path;

static shown_path show_path(const cf_binding *binding)
{
    enum { PATH_SHOWN = 100 };
    const size_t size = strlen(binding->path);

    return size > PATH_SHOWN ? (shown_path){"...", binding->path + size - PATH_SHOWN}
                             : (shown_path){"", binding->path};
}

/* Where another disk lies, or none, nothing that lies there is meant. An image has no mark by which
 * it is found elsewhere, and is added as one. */
static cf_way_on way_on(const cf_binding *binding, cf_status status, const char *what)
{
    if (binding->is_image || what == OTHER_DISK || what == UNMOUNTED)
        return CF_WAY_ON_NONE;
    return status == CF_MISSING ? CF_WAY_ON_MOVED : CF_WAY_ON_MEANT;
}

/* From the log, by `repair --refill`. */
static bool is_filled(const cf_binding *binding)
{
    return !binding->is_image && binding->mode != CF_MODE_SEND;
}

static cf_status refuse(cf_binding *binding, cf_status status, const char *what, cf_error *error)
{
    char word[CF_PATH_TYPED];
    const char *typed = cf_binding_path_typed(binding, word), *back = "bring that back";
    const char *dots = show_path(binding).dots, *path = show_path(binding).end;

    if (status == CF_MISSING)
        back = "plug it in or bring it back";
    binding->way_on = way_on(binding, status, what);
    return !is_filled(binding)
               ? cf_fail(error, status, "%s%s is %s: %s, or `counterfoil remove %s`", dots, path,
                         what, back, typed)
               : cf_fail(error, status,
                         "%s%s is %s: %s, or `counterfoil repair %s --refill`, or `counterfoil "
                         "remove %s`",
                         dots, path, what, back, typed, typed);
}

/* False: it was asked what that one holds, however often it is tried to be held. */
static bool is_new_other(cf_binding *binding, const cf_other_root *other)
{
    cf_other_root *known = &binding->other;

    if (known->inode && known->inode == other->inode && cf_id_equal(&known->mark, &other->mark))
        return false;
    *known = *other;
    return true;
}

static bool other_is_alike(cf_binding *binding, cf_files *files, const cf_other_root *other)
{
    if (is_new_other(binding, other))
        binding->other.is_alike = cf_binding_is_alike(binding, files);
    return binding->other.is_alike;
}

/* Where there is another mark. Who fills a stick of somebody else's puts aside all that is on it.
 */
static cf_status refuse_marked(cf_binding *binding, cf_files *files, const cf_marked_root *marked,
                               const cf_other_root *other, cf_error *error)
{
    char word[CF_PATH_TYPED];
    const char *typed = cf_binding_path_typed(binding, word);
    const shown_path path = show_path(binding);

    if (cf_root_was_taken(files, marked->root, &binding->instance))
        return is_filled(binding)
                   ? cf_fail(error, CF_UNSAFE,
                             "%s%s was added by another device or home since, and is its own: "
                             "`counterfoil repair %s --refill` takes it back, or `counterfoil "
                             "remove %s`",
                             path.dots, path.end, typed, typed)
                   : cf_fail(error, CF_UNSAFE,
                             "%s%s was added by another device or home since, and is its own: "
                             "`counterfoil remove %s`",
                             path.dots, path.end, typed);
    if (cf_format_is_records(binding->format) || other_is_alike(binding, files, other))
        return refuse(binding, CF_UNSAFE, OTHER, error);
    return cf_fail(
        error, CF_UNSAFE,
        "%s%s is %s, and holds other things: bring that back, or `counterfoil remove %s`",
        path.dots, path.end, OTHER, typed);
}

cf_status cf_binding_refuse_older(const cf_binding *binding, cf_error *error)
{
    char word[CF_PATH_TYPED];
    const char *typed = cf_binding_path_typed(binding, word);
    const shown_path path = show_path(binding);

    return !is_filled(binding)
               ? cf_fail(error, CF_UNSAFE,
                         "%s%s is an older copy of what was here: put that back, or `counterfoil "
                         "sync %s --yes` sends it as edits",
                         path.dots, path.end, typed)
               : cf_fail(error, CF_UNSAFE,
                         "%s%s is an older copy of what was here: put that back, or `counterfoil "
                         "repair %s --refill`, or `counterfoil sync %s --yes` sends it as edits",
                         path.dots, path.end, typed, typed);
}

/* Where there is no mark. Of two FUSE file systems nothing tells which is which. */
static const char *name_unmarked(const cf_binding *binding, cf_files *files,
                                 const cf_marked_root *marked, const cf_stat *now)
{
    const cf_filesystem *known = &binding->disk.system;
    cf_filesystem system;
    cf_error ignored;

    if (!known->type || files->filesystem(files, marked->root, &system, &ignored) ||
        (system.type == known->type && (system.id == known->id || !system.id || !known->id)))
        return LOST;
    return now->is_mount ? OTHER_DISK : UNMOUNTED;
}

/* Of those at the top. */
static bool has_any_name(const cf_binding *binding, cf_files *files, const cf_folder *root)
{
    const cf_node *node = NULL;
    cf_error ignored;
    cf_stat there;

    while ((node = cf_nodes_next_child(binding->nodes, CF_NODE_ROOT, node)))
        if (!files->stat(files, root, node->name, &there, &ignored))
            return true;
    return false;
}

static bool note_name(void *context, cf_bytes name)
{
    bool *is_empty = context;

    *is_empty = cf_bytes_equal(name, cf_bytes_of_text("lost+found"));
    return *is_empty;
}

static bool is_empty(cf_files *files, const cf_folder *root)
{
    bool is = true;
    cf_error ignored;

    return files->list(files, root, note_name, &is, &ignored) || is;
}

/* Of one without a mark a name is enough: who copied the folder may have edited all of it. */
static bool unmarked_is_alike(cf_binding *binding, cf_files *files, const cf_folder *root,
                              const cf_other_root *other)
{
    if (is_new_other(binding, other))
        binding->other.is_alike = has_any_name(binding, files, root);
    return binding->other.is_alike;
}

/* Who fills a stick of somebody else's, which has no mark, puts aside all that is on it. */
static cf_status refuse_unmarked(cf_binding *binding, cf_files *files, const cf_marked_root *marked,
                                 const cf_stat *now, const cf_other_root *other, cf_error *error)
{
    char word[CF_PATH_TYPED];
    const char *typed = cf_binding_path_typed(binding, word);
    const shown_path path = show_path(binding);
    const char *what = name_unmarked(binding, files, marked, now);

    if (what != LOST || cf_format_is_records(binding->format) || binding->is_image ||
        cf_binding_is_same_folder(binding, now) || is_empty(files, marked->root) ||
        unmarked_is_alike(binding, files, marked->root, other))
        return refuse(binding, CF_UNSAFE, what, error);
    binding->way_on = CF_WAY_ON_NONE;
    return cf_fail(error, CF_UNSAFE,
                   "%s%s is not the folder that was added, has no .counterfoil, and holds other "
                   "things: bring that back, or `counterfoil remove %s`",
                   path.dots, path.end, typed);
}

/* Nothing can be deleted by mistake in a folder whose items are there. */
static bool may_put_back(cf_files *files, cf_binding *binding, const cf_marked_root *marked,
                         const cf_stat *now)
{
    if (!cf_binding_is_same_folder(binding, now) ||
        cf_root_was_taken(files, marked->root, &binding->instance))
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
    if (!may_put_back(files, binding, marked, now)) {
        cf_other_root other = {.inode = now->inode};

        if (!status)
            other.mark = instance;
        if (status == CF_BROKEN)
            return status;
        return status == CF_MISSING ? refuse_unmarked(binding, files, marked, now, &other, error)
                                    : refuse_marked(binding, files, marked, &other, error);
    }
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
    if (!status && cf_binding_is_older_copy(binding, peer->env->files, &now))
        status = refuse(binding, CF_UNSAFE, OLDER, error);
    if (!status)
        cf_binding_keep_identity(peer, binding, &now);
    binding->is_unmarked &= status != CF_OK;
    return status;
}

/* ---- An image ---- */

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

static bool has_most_of_image(const cf_binding *binding, cf_files *files)
{
    const cf_root_content content = cf_binding_count_there(binding, files);

    return cf_root_has_most(content.there, content.known);
}

static cf_status check_image(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_files *files = peer->env->files;
    cf_stat now;

    if (files->stat_folder(files, binding->root, &now, error))
        return error->status = CF_UNSAFE; /* what can't be seen is not gone */
    if (is_root_known(&binding->folder, &now))
        return CF_OK;
    if (!has_most_of_image(binding, files))
        return refuse(binding, CF_UNSAFE, OTHER, error);
    return now.birth_ns ? cf_binding_keep_folder(peer, binding, &now, error) : CF_OK;
}

static cf_status hold_image(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_status status = check_image(peer, binding, error);

    if (!status)
        status = cf_home_open_temporary(peer->home, "image", binding->number, &binding->temporary,
                                        error);
    if (status)
        cf_binding_close_root(binding, peer->env->files);
    return status;
}

/* ---- Holding it ---- */

/* What can't be told is as before. */
static void note_system(cf_binding *binding, cf_files *files)
{
    cf_filesystem system;
    cf_error ignored;

    if (files->filesystem(files, binding->root, &system, &ignored) == CF_OK)
        binding->is_remote = cf_poll_wants(&system);
}

cf_status cf_binding_refuse_unseen(const cf_binding *binding, cf_error *error)
{
    cf_root_say_shut(binding->path, ", and nothing is deleted elsewhere", error);
    return error->status = CF_UNSAFE;
}

cf_status cf_binding_open_root(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_files *files = peer->env->files;

    cf_binding_close_root(binding, files);
    binding->way_on = CF_WAY_ON_NONE;
    cf_status status = files->open_root(files, binding->path, &binding->root, error);
    if (status == CF_MISSING || status == CF_CHANGED)
        return refuse(binding, CF_MISSING, "not there, and nothing is deleted elsewhere", error);
    if (status)
        return cf_binding_refuse_unseen(binding, error);
    note_system(binding, files);
    if (binding->is_image)
        return hold_image(peer, binding, error);
    status = cf_binding_check_root(
        peer, binding, &(cf_marked_root){binding->root, cf_binding_count_there, binding}, error);
    if (!status)
        status = cf_root_open_temporary(files, binding->root, &binding->temporary, error);
    if (status)
        cf_binding_close_root(binding, files);
    else
        cf_binding_learn_disk(peer, binding);
    return status;
}

/* The temporary folder of an image lies in the home. */
void cf_binding_rest_root(cf_binding *binding, cf_files *files)
{
    if (!binding->root || !files->rest_folder)
        return;
    if (!binding->is_image)
        files->rest_folder(files, binding->temporary, binding->root);
    files->rest_folder(files, binding->root, NULL);
}

bool cf_binding_has_mark(const cf_binding *binding, cf_files *files)
{
    cf_folder *temporary = NULL;
    cf_stat held, now;
    cf_id instance;
    cf_error error;

    if (binding->is_image)
        return true;
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
