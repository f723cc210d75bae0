/* SPDX-License-Identifier: Apache-2.0 */
/* What is told now: what has its content ready; of the rest its place and mode. A file in another
 * thing's place, whose content has to wait, waits as a whole, with what was in that place, what is
 * in the place of that, and so on, and with the directories that they left: others keep what was
 * there. */
#include "peer/sources/files/publish_entries.h"

#include "peer/merge/node_set.h"
#include "peer/merge/plan.h"
#include "peer/sources/files/deselect.h"

#include <stdlib.h>

/* ---- What can be published now ---- */

static const cf_prepared *prepare_link(cf_publishing_batch *self, const cf_observation *seen)
{
    cf_prepared *prepared = cf_arena_allocate(&self->arena, 1, sizeof *prepared);

    prepared->content = (cf_content){
        .hash = cf_content_hash(seen->target),
        .size = seen->target.size,
        .how = {.is_inline = true, .bytes = seen->target, .length = seen->target.size},
    };
    return prepared;
}

static bool file_of(const cf_publishing_batch *self, const cf_finding *finding, cf_upload_file *out)
{
    const cf_node_stat *stat = &finding->stat;
    cf_error ignored;
    uint64_t size;

    *out = (cf_upload_file){
        .binding = self->with->binding,
        .folder = finding->parent,
        .name = finding->name,
        .stat = {.kind = CF_FILE_REGULAR,
                 .device = stat->device,
                 .inode = stat->inode,
                 .birth_ns = stat->birth_ns,
                 .size = stat->size,
                 .mode = stat->mode,
                 .links = stat->links,
                 .mtime_ns = stat->mtime_ns,
                 .ctime_ns = stat->ctime_ns},
        .is_racy = stat->is_racy,
    };
    return cf_content_identity_read(finding->content, &out->hash, &size, &ignored) == CF_OK;
}

static cf_upload_answer prepare(cf_publishing_batch *self, const cf_observation *seen,
                                const cf_node *node, const cf_prepared **out)
{
    const cf_finding *finding = &seen->finding;
    cf_upload_file file;

    *out = NULL;
    if (finding->kind == CF_KIND_DIRECTORY ||
        (node && cf_bytes_equal(node->content, finding->content)))
        return CF_UPLOAD_READY;
    if (finding->kind == CF_KIND_SYMLINK) {
        *out = prepare_link(self, seen);
        return CF_UPLOAD_READY;
    }
    if (!file_of(self, finding, &file))
        return CF_UPLOAD_AGAIN;
    file.read = seen->read;
    file.before = node ? node->content : (cf_bytes){0};
    return cf_uploads_prepare(self->with->uploads, &file, out);
}

/* The file's content has to wait; its place and mode need not. True when there is something left to
 * say. */
static bool without_content(const cf_node *node, cf_finding *finding)
{
    if (!node)
        return false;
    finding->content = node->content;
    finding->mtime = node->mtime;
    finding->stat = node->stat;
    finding->disk = node->disk;
    return finding->parent != node->parent || !cf_bytes_equal(finding->name, node->name) ||
           (node->mode.size && !cf_bytes_equal(finding->mode, node->mode));
}

/* ---- What waits with a content ---- */

typedef struct {
    const cf_scan_batch *batch;
    cf_node_set gone;             /* that the batch tells of, by number */
    cf_upload_answer *answers;    /* by observation */
    const cf_prepared **prepared; /* the same */
    bool *held;                   /* the same */
    cf_look_places places;        /* of others, which what is held has */
    cf_node_set left;             /* directories that the base has what is held in */
} collecting;

/* What was in this place stays, too; and what was where that is now, and so on. */
static void hold_chain(const cf_nodes *nodes, collecting *self, const cf_observed *observed,
                       const cf_finding *finding)
{
    const cf_node *was;

    while (finding && (was = cf_nodes_child(nodes, finding->parent, finding->name)) &&
           was->number != finding->number) {
        const size_t at = cf_observed_find(observed, was->number);

        cf_look_places_add(&self->places, finding->parent, finding->name, CF_ABSENCE_WAITS);
        if (at == SIZE_MAX || self->held[at])
            return;
        self->held[at] = true;
        finding = &self->batch->at[at].finding;
    }
}

/* Nobody is told yet that it has left them. */
static void find_left(const cf_nodes *nodes, collecting *self)
{
    cf_node_set_release(&self->left);
    for (size_t i = 0; i < self->batch->count; i++) {
        const cf_node *node =
            self->held[i] ? cf_nodes_find(nodes, self->batch->at[i].finding.number) : NULL;

        while (node && (node = cf_nodes_find(nodes, node->parent)))
            cf_node_set_add(&self->left, node->number);
    }
    cf_node_set_sort(&self->left);
}

/* A file that was held in an earlier part of the look, with the one that has its place, is told
 * with that by the next look. A directory may go with what left it, which has its place. */
static bool is_told_of(const collecting *self, const cf_observed *observed, const cf_node *was)
{
    return was->kind == CF_KIND_DIRECTORY || cf_node_set_have(&self->gone, was->number) ||
           cf_observed_find(observed, was->number) != SIZE_MAX;
}

/* Whether the file has to wait: its content, in another thing's place, or it has the place of a
 * directory that stays, or of what nothing is told of. */
static bool must_wait(const cf_nodes *nodes, const collecting *self, const cf_observed *observed,
                      size_t index)
{
    const cf_finding *finding = &self->batch->at[index].finding;
    const cf_node *was = cf_nodes_child(nodes, finding->parent, finding->name);

    if (self->held[index] || !was || was->number == finding->number)
        return false;
    return self->answers[index] != CF_UPLOAD_READY ||
           (finding->kind != CF_KIND_DIRECTORY &&
            (cf_node_set_have(&self->left, was->number) || !is_told_of(self, observed, was)));
}

/* A file whose content has to wait is in another thing's place. What the log has of it may be half
 * of it, so others keep what was there, until it is whole.
 *
 *     mv f f~; mv new f                      both wait for new's content
 *     mv d/new f; rmdir d; echo >d           so do the directory, and the file in its place
 */
static void hold(const cf_nodes *nodes, collecting *self)
{
    cf_observed observed;
    bool more = true;

    cf_observed_index(&observed, self->batch);
    while (more) {
        more = false;
        for (size_t i = 0; i < self->batch->count; i++) {
            if (!must_wait(nodes, self, &observed, i))
                continue;
            self->held[i] = more = true;
            hold_chain(nodes, self, &observed, &self->batch->at[i].finding);
        }
        if (more)
            find_left(nodes, self);
    }
    cf_look_places_sort(&self->places);
    cf_observed_release(&observed);
}

static void collect_found(cf_publishing_batch *self, const collecting *of)
{
    const cf_nodes *nodes = self->with->binding->nodes;

    for (size_t i = 0; i < of->batch->count; i++) {
        const cf_observation *seen = &of->batch->at[i];
        const cf_node *node = cf_nodes_find(nodes, seen->finding.number);
        const bool is_ready = of->answers[i] == CF_UPLOAD_READY;
        const cf_prepared *prepared = is_ready ? of->prepared[i] : NULL;
        cf_finding finding = seen->finding;

        if (!is_ready || of->held[i])
            self->with->waits(self->with->context, seen,
                              is_ready ? CF_UPLOAD_WAITS : of->answers[i]);
        if (of->held[i] || (!is_ready && !without_content(node, &finding)))
            continue;
        self->prepared[self->found_count] = prepared;
        if (node && prepared)
            self->before[self->found_count] = cf_arena_copy(&self->arena, node->content);
        self->found[self->found_count++] = finding;
    }
}

static void collect_gone(cf_publishing_batch *self, const collecting *of, const uint64_t *gone,
                         size_t count)
{
    uint64_t *kept = cf_arena_allocate(&self->arena, count, sizeof *kept);

    self->gone = kept;
    for (size_t i = 0; i < count; i++) {
        const cf_node *node = cf_nodes_find(self->with->binding->nodes, gone[i]);

        if (!node || (!cf_look_places_find(&of->places, node->parent, node->name) &&
                      !cf_node_set_have(&of->left, gone[i])))
            kept[self->gone_count++] = gone[i];
    }
}

static void collect(cf_publishing_batch *self, const cf_scan_batch *batch, const uint64_t *gone,
                    size_t gone_count)
{
    const cf_nodes *nodes = self->with->binding->nodes;
    cf_arena *arena = &self->arena;
    collecting of = {
        .batch = batch,
        .answers = cf_arena_allocate(arena, batch->count, sizeof *of.answers),
        .prepared = cf_arena_allocate(arena, batch->count, sizeof *of.prepared),
        .held = cf_arena_allocate(arena, batch->count, sizeof *of.held),
    };

    for (size_t i = 0; i < gone_count; i++)
        cf_node_set_add(&of.gone, gone[i]);
    cf_node_set_sort(&of.gone);
    self->found = cf_arena_allocate(arena, batch->count, sizeof *self->found);
    self->prepared = cf_arena_allocate(arena, batch->count, sizeof *self->prepared);
    self->before = cf_arena_allocate(arena, batch->count, sizeof *self->before);
    for (size_t i = 0; i < batch->count; i++) {
        const cf_observation *seen = &batch->at[i];

        of.answers[i] =
            prepare(self, seen, cf_nodes_find(nodes, seen->finding.number), &of.prepared[i]);
    }
    hold(nodes, &of);
    collect_found(self, &of);
    collect_gone(self, &of, gone, gone_count);
    cf_look_places_release(&of.places);
    cf_node_set_release(&of.left);
    cf_node_set_release(&of.gone);
}

/* ---- The base ---- */

static void keep_leaves(cf_publishing_batch *self, const cf_scan_batch *batch, cf_kv_list *records)
{
    for (size_t i = 0; i < self->found_count; i++) {
        const cf_prepared *prepared = self->prepared[i];

        if (!prepared || prepared->content.size <= CF_INLINE_MAX)
            continue;
        cf_bytes leaves = cf_uploads_leaves(self->with->uploads, &prepared->content.hash);
        for (size_t k = 0; !leaves.size && k < batch->count; k++)
            if (batch->at[k].read &&
                cf_hash_equal(&batch->at[k].read->content, &prepared->content.hash))
                leaves = cf_buffer_view(&batch->at[k].read->leaves);
        if (leaves.size)
            cf_leaves_put(&prepared->content.hash, leaves, records);
        cf_uploads_keep(self->with->uploads, &prepared->content.hash, records);
    }
}

/* What was found may be shown elsewhere, though nothing has changed here in the view: of a cycle of
 * moves, or in a directory that is one with another. */
static void plan_found(cf_publishing_batch *self)
{
    for (size_t i = 0; i < self->found_count; i++) {
        const cf_node *node = cf_nodes_find(self->with->binding->nodes, self->found[i].number);

        if (node)
            cf_publish_mark(self, node);
    }
}

static void mark_below(cf_publishing_batch *self, const cf_node *directory)
{
    const cf_nodes *nodes = self->with->binding->nodes;
    const cf_node *node = NULL;

    if (directory->item_count)
        cf_view_mark_changed(self->collection->view, &directory->items[0]);
    while ((node = cf_nodes_next_child(nodes, directory->number, node)))
        if (node->kind == CF_KIND_DIRECTORY)
            mark_below(self, node);
}

/* What the user took to where it is not asked for is nobody's business any more; in a directory
 * that came to another place, something else may be asked for. */
static void deselect_found(cf_publishing_batch *self, const bool *moved, cf_kv_list *records)
{
    cf_binding *binding = self->with->binding;

    for (size_t i = 0; cf_include_limits(binding->matcher) && i < self->found_count; i++) {
        uint64_t number = self->found[i].number;

        cf_deselect_node(binding, number, moved[i], records);
        const cf_node *node = cf_nodes_find(binding->nodes, number);
        if (node && moved[i])
            mark_below(self, node);
    }
}

static void put_base(cf_publishing_batch *self, const cf_scan_batch *batch, cf_kv_list *records)
{
    cf_binding *binding = self->with->binding;
    bool *moved = cf_arena_allocate(&self->arena, self->found_count, sizeof *moved);
    const cf_node *nodes;
    size_t count;

    for (size_t i = 0; i < self->found_count; i++)
        moved[i] = cf_deselect_is_moved(binding, &self->found[i]);

    cf_diff_rebase(&self->scan, self->dots, &self->arena, &nodes, &count);
    for (size_t i = 0; i < self->gone_count; i++)
        cf_binding_drop_node(binding, self->gone[i], records);
    for (size_t i = 0; i < count; i++)
        cf_binding_put_node(binding, &nodes[i], records);
    plan_found(self);
    deselect_found(self, moved, records);
    keep_leaves(self, batch, records);
    cf_binding_put(binding, records);
}

static void after_commit(cf_publishing_batch *self)
{
    for (size_t i = 0; i < self->found_count; i++) {
        const cf_node *node = cf_nodes_find(self->with->binding->nodes, self->found[i].number);
        cf_upload_file file;

        if (!self->prepared[i])
            continue;
        if (node)
            cf_bases_keep(self->with->bases, self->with->binding, node, self->before[i]);
        /* Equal files share what was prepared, and that ends with the first of them. */
        if (file_of(self, &self->found[i], &file))
            cf_uploads_published(self->with->uploads, &file);
    }
}

static cf_status run(cf_publishing_batch *self, const cf_scan_batch *batch, cf_error *error)
{
    cf_peer *peer = self->with->peer;
    cf_diff_input input = {
        .rules = &peer->rules,
        .state = self->collection->state,
        .view = self->collection->view,
        .base = self->with->binding->nodes,
        .sequence = 1,
        .time = cf_publication_time(self->publication, self->with->now_ms),
        .found = self->found,
        .found_count = self->found_count,
        .gone = self->gone,
        .gone_count = self->gone_count,
    };

    peer->env->random(peer->env->context, input.writer.bytes, CF_ID_SIZE);
    cf_diff_run(&input, &self->arena, &self->scan);
    cf_status status = cf_publish_entries(self, error);
    if (!status)
        put_base(self, batch, &self->records);
    if (!status)
        status = self->scan.count ? cf_publication_commit(self->publication, &self->records, error)
                                  : cf_publish_write(self, error);
    if (!status)
        after_commit(self);
    return status;
}

cf_status cf_publish_batch(const cf_publishing *with, const cf_scan_batch *batch,
                           const uint64_t *gone, size_t gone_count, cf_error *error)
{
    cf_publishing_batch self = {.with = with};

    cf_status status =
        cf_peer_collection(with->peer, &with->binding->collection, &self.collection, error);
    if (status)
        return status;
    collect(&self, batch, gone, gone_count);
    if (self.found_count || self.gone_count) {
        self.publication = cf_publication_new(with->peer, self.collection);
        status = run(&self, batch, error);
        cf_publication_destroy(&self.publication);
    }
    cf_kv_list_release(&self.records);
    cf_arena_release(&self.arena);
    return status;
}
