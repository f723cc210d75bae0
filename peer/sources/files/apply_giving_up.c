/* SPDX-License-Identifier: Apache-2.0 */
/* What nobody has any more, and the user does without. */
#include "peer/sources/files/apply_inside.h"

#include "peer/merge/given_up.h"
#include "peer/sources/pendings.h"

#include <stdlib.h>

enum { IN_AN_ENTRY = 1000 };

/* ---- What is meant ---- */

static bool is_meant(const cf_applying *applying, const cf_task *task, cf_bytes path)
{
    cf_buffer own = {0};

    if (task->state != CF_TASK_FAILED || !task->is_absent)
        return false;
    cf_applying_path(applying, task, &own);
    bool meant = cf_path_lies_in(cf_buffer_view(&own), path);
    cf_buffer_release(&own);
    return meant;
}

size_t cf_applying_give_up(cf_applying *applying, cf_bytes path)
{
    size_t count = 0;

    for (size_t i = 0; i < applying->count; i++) {
        cf_task *task = &applying->tasks[i];

        if (!is_meant(applying, task, path))
            continue;
        applying->given_up += !task->given_up;
        task->given_up = true;
        count++;
    }
    return count;
}

bool cf_applying_gives_up(const cf_applying *applying)
{
    return applying->given_up > 0;
}

/* ---- What the base has then ---- */

static bool is_content(const cf_ref *ref)
{
    return cf_field_is(ref->field, CF_FIELD_NUMBER_CONTENT);
}

static bool has_item(const cf_node *node, const cf_id *item)
{
    for (size_t i = 0; i < node->item_count; i++)
        if (cf_id_equal(&node->items[i], item))
            return true;
    return false;
}

/* Of the content, and of items that are new to the node, it shows what the view does; where it is
 * and what mode it has is not given up. */
static void agree_on_content(cf_applying *applying, const cf_node *before, const cf_shown *shown,
                             cf_node *node)
{
    cf_buffer packed = {0};
    cf_ref *old, *refs;
    size_t old_count = 0, count = 0;
    cf_error ignored;

    if (cf_refs_read(before->refs, &applying->arena, &old, &old_count, &ignored))
        old_count = 0;
    refs = cf_arena_allocate(&applying->arena, old_count + shown->ref_count, sizeof *refs);
    for (size_t i = 0; i < old_count; i++)
        if (!is_content(&old[i]))
            refs[count++] = old[i];
    for (size_t i = 0; i < shown->ref_count; i++)
        if (is_content(&shown->refs[i]) || !has_item(before, &shown->refs[i].item))
            refs[count++] = shown->refs[i];
    cf_refs_pack(&packed, refs, count);
    *node = *before;
    node->content = shown->content;
    node->items = shown->items;
    node->item_count = shown->item_count;
    node->refs = cf_arena_copy(&applying->arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
}

/* False: the base has changed since, and it is planned again. */
static bool agree(cf_applying *applying, const cf_task *task, cf_node *out)
{
    const cf_nodes *nodes = applying->options.binding->nodes;
    const cf_node *before = cf_nodes_find(nodes, task->number);
    const cf_step *step = &task->step;

    if (!cf_step_may_show(nodes, step, task->number))
        return false;
    if (step->kind == CF_STEP_UPDATE && before) {
        agree_on_content(applying, before, step->shown, out);
    } else if (step->kind == CF_STEP_CREATE && cf_step_is_ready(nodes, step, task->number) &&
               (step->parent == CF_NODE_ROOT || cf_nodes_find(nodes, step->parent))) {
        *out = task->after;
        out->stat = (cf_node_stat){0};
    } else {
        return false;
    }
    out->stat.ctime_ns = CF_CTIME_UNSEEN;
    return true;
}

/* ---- What others are told ---- */

typedef struct {
    cf_node *nodes;
    size_t node_count;
    cf_ref *contents;
    size_t count, capacity;
} gathering;

static void gather(cf_applying *applying, gathering *self)
{
    self->nodes = cf_arena_allocate(&applying->arena, applying->given_up, sizeof *self->nodes);
    for (size_t i = 0; i < applying->count; i++) {
        const cf_task *task = &applying->tasks[i];

        if (!task->given_up || !agree(applying, task, &self->nodes[self->node_count]))
            continue;
        self->node_count++;
        for (size_t k = 0; k < task->step.shown->ref_count; k++)
            if (is_content(&task->step.shown->refs[k])) {
                self->contents = cf_grow(self->contents, &self->capacity, self->count + 1,
                                         sizeof *self->contents);
                self->contents[self->count++] = task->step.shown->refs[k];
            }
    }
}

static cf_status tell(cf_applying *applying, cf_publication *publication, const gathering *self,
                      uint64_t now_ms, cf_error *error)
{
    size_t count;
    const cf_change *changes =
        cf_given_up_changes(self->contents, self->count, &applying->arena, &count);
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i += IN_AN_ENTRY) {
        cf_body body = {.time = cf_publication_time(publication, now_ms),
                        .part = 1,
                        .parts = 1,
                        .changes = &changes[i],
                        .change_count = count - i < IN_AN_ENTRY ? count - i : IN_AN_ENTRY};
        cf_dot ignored;

        status = cf_publication_add(publication, &body, NULL, 0, &ignored, error);
    }
    return status;
}

cf_status cf_applying_publish_given_up(cf_applying *applying, uint64_t now_ms, cf_error *error)
{
    cf_binding *binding = applying->options.binding;
    cf_publication *publication = cf_publication_new(applying->options.peer, applying->collection);
    cf_records records = {0};
    gathering self = {0};
    cf_status status = CF_OK;

    gather(applying, &self);
    applying->given_up = 0;
    if (self.count)
        status = tell(applying, publication, &self, now_ms, error);
    for (size_t i = 0; !status && i < self.node_count; i++)
        cf_binding_put_node(binding, &self.nodes[i], &records);
    if (!status && self.count) {
        cf_binding_put(binding, &records);
        status = cf_publication_commit(publication, &records, error);
    }
    cf_publication_destroy(&publication);
    cf_records_release(&records);
    free(self.contents);
    return status == CF_DENIED ? CF_OK : status; /* no content key now */
}
