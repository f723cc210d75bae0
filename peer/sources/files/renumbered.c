/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file is the node's: its kind, size and content are, and its time, unless that was being
 * set. A directory has moved if none stands where it was, or if the first thing that lies in one of
 * the two places alone lies in the new one. What isn't found has no number. */
#include "peer/sources/files/renumbered.h"

#include "peer/bindings/displaced.h"
#include "peer/merge/node_stat.h"

typedef struct {
    const cf_binding *binding;
    cf_files *files;
    const cf_intent *intent;
    cf_status status; /* of what could not be asked: nothing is known then */
    cf_error *error;
} seeking;

/* Whether that went well; what is not there is nowhere. */
static bool is_seen(seeking *self, cf_status status, const cf_error *error)
{
    if (status && cf_files_has_failed(error)) {
        self->status = status;
        *self->error = *error;
    }
    return !status;
}

/* What has this name is the node's file, as far as a stat and the content tell. A mode or time that
 * was being set on it says nothing. */
static bool is_alike(seeking *self, const cf_node *node, const cf_folder *folder, cf_bytes name,
                     cf_stat *stat)
{
    bool has_content;
    cf_error error;

    if (!is_seen(self, self->files->stat(self->files, folder, name, stat, &error), &error) ||
        stat->kind != cf_stat_of_node(node).kind)
        return false;
    if (node->kind == CF_KIND_DIRECTORY)
        return true;
    return stat->size == node->stat.size &&
           (self->intent->kind == CF_INTENT_STAMP || stat->mtime_ns == node->stat.mtime_ns) &&
           is_seen(self,
                   cf_displaced_has_content(self->files, folder, name, node, &has_content, &error),
                   &error) &&
           has_content;
}

static bool is_at_place(seeking *self, const cf_node *node, cf_stat *stat)
{
    cf_hold hold = {0};
    cf_error error;

    bool found =
        is_seen(self, cf_binding_hold(self->binding, self->files, node->parent, &hold, &error),
                &error) &&
        is_alike(self, node, hold.folder, node->name, stat);
    cf_hold_release(&hold, self->files);
    return found;
}

static bool is_aside(seeking *self, const cf_node *node, cf_stat *stat)
{
    const cf_displaced displaced = {.temporary_name = self->intent->temporary};
    const cf_folder *temporary = self->binding->temporary;
    char room[CF_SWAPPED_NAME];

    return self->intent->temporary.size &&
           (is_alike(self, node, temporary, displaced.temporary_name, stat) ||
            is_alike(self, node, temporary, cf_displaced_aside(&displaced, room), stat));
}

static void take_number(cf_node *node, const cf_stat *now)
{
    node->stat.device = now->device;
    node->stat.inode = now->inode;
    node->stat.birth_ns = now->birth_ns;
}

/* ---- A directory that moves ---- */

static bool has_child(seeking *self, const cf_hold *hold, const cf_node *child)
{
    cf_stat stat;
    cf_error error;

    return hold->folder &&
           is_seen(self, self->files->stat(self->files, hold->folder, child->name, &stat, &error),
                   &error) &&
           stat.kind == cf_stat_of_node(child).kind;
}

static void hold_at(seeking *self, const cf_node *directory, cf_hold *out)
{
    cf_hold above = {0};
    cf_error error;

    cf_status status =
        cf_binding_hold(self->binding, self->files, directory->parent, &above, &error);
    if (!status)
        status = cf_hold_path(self->files, above.folder, &directory->name, 1, out, &error);
    is_seen(self, status, &error);
    cf_hold_release(&above, self->files);
}

/* A directory stands at both places, and one of them is a user's: the first thing that lies in one
 * of the two alone tells which. */
static bool holds_what_was_in_it(seeking *self, const cf_node *before)
{
    cf_hold from = {0}, to = {0};
    bool is_here = false, is_there = false;
    const cf_node *child = NULL;

    hold_at(self, before, &from);
    hold_at(self, &self->intent->after, &to);
    while (is_here == is_there &&
           (child = cf_nodes_next_child(self->binding->nodes, before->number, child))) {
        is_here = has_child(self, &to, child);
        is_there = has_child(self, &from, child);
    }
    cf_hold_release(&from, self->files);
    cf_hold_release(&to, self->files);
    return is_here && !is_there;
}

static bool has_moved(seeking *self, const cf_node *before)
{
    const cf_node *after = &self->intent->after;
    cf_stat stat;

    return !before ||
           (before->parent == after->parent && cf_bytes_equal(before->name, after->name)) ||
           !is_at_place(self, before, &stat) || holds_what_was_in_it(self, before);
}

cf_status cf_renumber(const cf_binding *binding, cf_files *files, cf_intent *intent,
                      cf_node *before, cf_error *error)
{
    seeking self = {.binding = binding, .files = files, .intent = intent, .error = error};
    cf_node *after = &intent->after;
    cf_stat stat;

    if (!cf_binding_renumbers(binding, after->disk, after->stat.birth_ns))
        return CF_OK;
    bool found = is_at_place(&self, after, &stat) &&
                 (after->kind != CF_KIND_DIRECTORY || has_moved(&self, before));
    if (!found && !is_aside(&self, after, &stat))
        stat = (cf_stat){0};
    take_number(after, &stat);
    if (!before)
        return self.status;
    if (!is_aside(&self, before, &stat) && !is_at_place(&self, before, &stat))
        stat = (cf_stat){0};
    take_number(before, &stat);
    return self.status;
}
