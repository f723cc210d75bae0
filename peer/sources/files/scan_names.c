/* SPDX-License-Identifier: Apache-2.0 */
/* Names that a scan finds are made durable before they are told to anybody: what a power cut took
 * away after others have got it would look like a deletion, and what it gave back like something
 * new. The sync of a file (files_read) doesn't promise it, and links and directories have none. */
#include "peer/sources/files/scan_inside.h"

#include "broker/platform/jobs.h"

#include <stdlib.h>

struct cf_scan_sync {
    cf_job job;
    cf_scan *scan;
    size_t folder; /* listed */
    cf_status status;
    cf_error error;
};

static void sync_at(struct cf_scan_sync *self, const cf_listed_folder *listed, size_t depth)
{
    cf_files *files = self->scan->options.env->files;
    cf_hold hold = {0};

    self->status = cf_hold_path(files, self->scan->options.binding->root, listed->names, depth,
                                &hold, &self->error);
    if (!self->status)
        self->status = files->sync_folder(files, hold.folder, &self->error);
    cf_hold_release(&hold, files);
}

/* Without births nobody can tell whether it is another directory under the number of the one that
 * was there: then its own name is as new as what is in it, and so it is with those above. */
static void work(cf_job *job)
{
    struct cf_scan_sync *self = (struct cf_scan_sync *)job;
    const cf_listed_folder *listed = &self->scan->listing.folders[self->folder];
    size_t depth = listed->depth;

    sync_at(self, listed, depth);
    while (!self->status && depth > 0 && !listed->stat.birth_ns)
        sync_at(self, listed, --depth);
}

static void done(cf_job *job)
{
    struct cf_scan_sync *self = (struct cf_scan_sync *)job;
    cf_scan *scan = self->scan;

    if (self->status == CF_MISSING || self->status == CF_CHANGED) /* it went elsewhere meanwhile */
        cf_scan_look_again(scan, self->folder);
    else if (self->status)
        scan->sync_error = self->error;
    scan->syncing--;
    free(self);
}

static void start(cf_scan *scan, size_t folder)
{
    struct cf_scan_sync *self = cf_allocate(1, sizeof *self);

    *self =
        (struct cf_scan_sync){.job = {.work = work, .done = done}, .scan = scan, .folder = folder};
    scan->syncing++;
    cf_binding_submit(scan->options.binding, scan->options.env->jobs, &self->job);
}

/* ---- Which ---- */

/* Nobody changes the target of a link: that is another one, whatever its number and times are. */
static bool points_elsewhere(const cf_node *node, const cf_listed *listed)
{
    cf_hash known, now;
    uint64_t size;
    cf_error ignored;

    if (listed->kind != CF_KIND_SYMLINK)
        return false;
    now = cf_content_hash(listed->target);
    return cf_content_identity_read(node->content, &known, &size, &ignored) ||
           !cf_hash_equal(&known, &now);
}

/* Without births another file under its number looks like an edit of it. */
static bool may_be_another(const cf_node *node, const cf_listed *listed)
{
    const cf_stat known = cf_stat_of_node(node);

    return !cf_stat_same_file(&known, &listed->stat) || points_elsewhere(node, listed) ||
           (listed->kind != CF_KIND_DIRECTORY && !listed->stat.birth_ns &&
            !cf_stat_unchanged(&known, &listed->stat));
}

static bool is_where_it_was(const cf_scan *scan, size_t entry, const cf_node *node)
{
    const cf_listed *listed = &scan->listing.entries[entry];

    return node->parent == cf_scan_folder_number(scan, listed->folder) &&
           cf_bytes_equal(node->name, listed->name) && !may_be_another(node, listed);
}

typedef struct {
    uint64_t number;
    size_t folder;
} numbered;

static int by_number(const void *a, const void *b)
{
    uint64_t first = ((const numbered *)a)->number, other = ((const numbered *)b)->number;

    return (first > other) - (first < other);
}

/* The directory from which this node went, if it is listed. */
static void mark_parent(const cf_scan *scan, const numbered *all, const cf_node *node,
                        bool *changed)
{
    numbered wanted = {.number = node->parent};
    const numbered *found =
        bsearch(&wanted, all, scan->listing.folder_count, sizeof *all, by_number);

    if (found)
        changed[found->folder] = true;
}

static void mark(const cf_scan *scan, const numbered *all, bool *changed)
{
    const cf_identity *identity = &scan->identity;

    for (size_t i = 0; i < scan->listing.entry_count; i++) {
        const cf_node *node = cf_scan_base_node(scan, i);

        if (!scan->numbers[i] || (node && is_where_it_was(scan, i, node)))
            continue;
        changed[scan->listing.entries[i].folder] = true;
        if (node)
            mark_parent(scan, all, node, changed);
    }
    for (size_t i = 0; i < identity->gone_count; i++) {
        const cf_node *node = cf_nodes_find(scan->options.binding->nodes, identity->gone[i]);

        if (node)
            mark_parent(scan, all, node, changed);
    }
}

void cf_scan_sync_names(cf_scan *scan)
{
    size_t count = scan->listing.folder_count;
    numbered *all = cf_allocate(count, sizeof *all);
    bool *changed = cf_allocate(count, sizeof *changed);

    for (size_t i = 0; i < count; i++)
        all[i] = (numbered){cf_scan_folder_number(scan, i), i};
    if (count)
        qsort(all, count, sizeof *all, by_number);
    mark(scan, all, changed);
    for (size_t i = 0; i < count; i++)
        if (changed[i])
            start(scan, i);
    free(all);
    free(changed);
}

/* Another file that was made in the same step of the disk's time has the same birth as well: the
 * base's node is racy then, and only its bytes tell. */
void cf_scan_sync_names_read(cf_scan *scan)
{
    size_t last = SIZE_MAX;

    for (size_t i = 0; i < scan->batch.count; i++) {
        const size_t entry = scan->batch.at[i].entry, folder = scan->listing.entries[entry].folder;
        const cf_node *node = cf_scan_base_node(scan, entry);

        if (node && node->stat.is_racy && folder != last)
            start(scan, last = folder);
    }
}

void cf_scan_await_names(cf_scan *scan)
{
    while (scan->syncing)
        cf_jobs_await(scan->options.env->jobs);
}
