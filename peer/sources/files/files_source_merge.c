/* SPDX-License-Identifier: Apache-2.0 */
/* Conflict copies of texts, where the user wants them merged: what two devices edited in different
 * places becomes one text, published as an edit that replaces both. That is a decision as a user
 * might take it, so nothing else has to know: who decides the same at the same time writes equal
 * bytes, which are no conflict, and what somebody edits meanwhile is beside it as ever. */
#include "peer/sources/files/files_source_inside.h"

#include "codec/clock.h"
#include "codec/content.h"
#include "peer/log/ancestry.h"
#include "peer/log/contents.h"
#include "peer/merge/text_merge.h"

#include <stdlib.h>

typedef struct {
    cf_files_source *source;
    cf_collection *collection;
    uint64_t now_ms;
    bool merged;
} merging;

void cf_files_source_note_conflicts(cf_files_source *source, const cf_id *directories, size_t count)
{
    for (size_t i = 0; i < count && source->binding->merges; i++)
        cf_ids_add(&source->unmerged, &directories[i]);
}

bool cf_files_source_may_merge(const cf_files_source *source)
{
    const cf_binding *binding = source->binding;
    const cf_source_context *context = source->context;
    static const cf_id whole;
    cf_error ignored;
    cf_hash epoch;

    return source->unmerged.count && source->looked && !source->looks_now &&
           binding->mode == CF_MODE_BOTH && !context->silent && !context->awaits_locks &&
           !cf_locks_any_inside(context->locks, &binding->collection) &&
           !cf_locks_of_other(context->locks, &binding->collection, &whole) &&
           cf_peer_epoch(context->peer, &epoch, &ignored) == CF_OK;
}

/* ---- Two versions ---- */

/* The writes of this field that are shown; NULL: some are stored with another item. */
static cf_dot *dots_of(const cf_shown *shown, const cf_id *item, uint32_t field, size_t *count,
                       cf_arena *arena)
{
    cf_dot *dots = cf_arena_allocate(arena, shown->ref_count + 1, sizeof *dots);

    *count = 0;
    for (size_t i = 0; i < shown->ref_count; i++) {
        if (!cf_field_is(shown->refs[i].field, field))
            continue;
        if (!cf_id_equal(&shown->refs[i].holder, item))
            return NULL;
        dots[(*count)++] = shown->refs[i].dot;
    }
    return dots;
}

static cf_status read_shown(const merging *self, const cf_shown *shown, cf_buffer *out,
                            cf_error *error)
{
    cf_hash hash;
    uint64_t size;

    cf_status status = cf_content_identity_read(shown->content, &hash, &size, error);
    return status ? status
                  : cf_contents_small(self->source->context->peer->contents, &self->collection->id,
                                      &hash, out, error);
}

typedef struct {
    cf_id item;
    cf_dot_range shown, other;
    cf_dot *times;
    size_t time_count;
} pair;

/* Devices that merged alike at the same time wrote equal texts: where another one's is shown, these
 * are one copy, of several items. */
static bool is_one_version(const cf_shown *copy)
{
    for (size_t i = 0; i < copy->ref_count; i++)
        if (!cf_field_is(copy->refs[i].field, CF_FIELD_NUMBER_CONTENT))
            return copy->item_count == 1;
    return true;
}

/* False: they are no two versions of one file, which nobody has touched. */
static bool pair_up(const cf_shown *shown, const cf_shown *copy, cf_arena *arena, pair *out)
{
    if (shown->item_count != 1 || !is_one_version(copy))
        return false;
    out->item = shown->items[0];
    out->shown.at = dots_of(shown, &out->item, CF_FIELD_NUMBER_CONTENT, &out->shown.count, arena);
    out->other.at = dots_of(copy, &out->item, CF_FIELD_NUMBER_CONTENT, &out->other.count, arena);
    out->times = dots_of(shown, &out->item, CF_FIELD_NUMBER_MTIME, &out->time_count, arena);
    return out->shown.at && out->other.at && out->times && out->shown.count && out->other.count;
}

/* ---- The merged one ---- */

static cf_change change_content(const pair *of, cf_bytes text, cf_arena *arena)
{
    cf_content content = {.hash = cf_content_hash(text),
                          .size = text.size,
                          .how = {.is_inline = true, .bytes = text, .length = text.size}};
    size_t count = of->shown.count + of->other.count;
    cf_dot *over = cf_arena_allocate(arena, count, sizeof *over);
    cf_buffer reference = {0};

    memcpy(over, of->shown.at, of->shown.count * sizeof *over);
    memcpy(over + of->shown.count, of->other.at, of->other.count * sizeof *over);
    cf_content_pack(&reference, &content);
    cf_change change = {.item = of->item,
                        .field = cf_bytes_of_text(CF_FIELD_CONTENT),
                        .value = cf_arena_copy(arena, cf_buffer_view(&reference)),
                        .over = over,
                        .over_count = count};
    cf_buffer_release(&reference);
    return change;
}

static cf_change change_time(const merging *self, const pair *of, cf_arena *arena)
{
    cf_buffer value = {0};

    cf_pack_int(&value, cf_ns_of_ms(self->now_ms));
    cf_change change = {.item = of->item,
                        .field = cf_bytes_of_text(CF_FIELD_MTIME),
                        .value = cf_arena_copy(arena, cf_buffer_view(&value)),
                        .over = of->times,
                        .over_count = of->time_count,
                        .weak = true};
    cf_buffer_release(&value);
    return change;
}

static cf_status publish(merging *self, const pair *of, cf_bytes text, cf_arena *arena,
                         cf_error *error)
{
    const cf_change changes[] = {change_content(of, text, arena), change_time(self, of, arena)};

    cf_status status = cf_peer_publish_changes(self->source->context->peer, self->collection,
                                               changes, 2, self->now_ms, error);
    if (status == CF_DENIED)
        return CF_OK;
    self->merged = true;
    self->source->context->activity++;
    return status;
}

/* CF_OK also where they can't be merged, or that can't be said. */
static cf_status merge(merging *self, const cf_shown *shown, const cf_shown *copy, cf_arena *arena,
                       cf_error *error)
{
    cf_peer *peer = self->source->context->peer;
    cf_buffer texts[3] = {{0}, {0}, {0}}, text = {0};
    cf_status status = CF_OK;
    cf_error ignored;
    pair of;

    if (pair_up(shown, copy, arena, &of) &&
        !cf_ancestry_find(&(cf_ancestry){peer, self->collection->id, of.item,
                                         cf_bytes_of_text(CF_FIELD_CONTENT), &cf_ancestry_texts},
                          of.shown, of.other, &texts[0], &ignored) &&
        !read_shown(self, shown, &texts[1], &ignored) &&
        !read_shown(self, copy, &texts[2], &ignored) &&
        cf_text_merge(&(cf_text_versions){cf_buffer_view(&texts[0]), cf_buffer_view(&texts[1]),
                                          cf_buffer_view(&texts[2])},
                      &text) &&
        text.size <= CF_INLINE_MAX)
        status = publish(self, &of, cf_buffer_view(&text), arena, error);
    for (int i = 0; i < 3; i++)
        cf_buffer_release(&texts[i]);
    cf_buffer_release(&text);
    return status;
}

/* ---- Where there are copies ---- */

static const cf_shown *original_of(const cf_shown *copy, const cf_shown *shown, size_t count)
{
    for (size_t i = 0; i < copy->ref_count; i++) {
        if (!cf_field_is(copy->refs[i].field, CF_FIELD_NUMBER_CONTENT))
            continue;
        for (size_t k = 0; k < count; k++)
            if (!shown[k].conflict && shown[k].kind == CF_KIND_FILE && shown[k].item_count == 1 &&
                cf_id_equal(&shown[k].items[0], &copy->refs[i].holder))
                return &shown[k];
    }
    return NULL;
}

/* One at a time: what is shown is another thing then. */
static cf_status merge_in(merging *self, const cf_id *directory, cf_error *error)
{
    cf_status status = CF_OK;

    do {
        cf_arena arena = {0};
        const cf_shown *shown;
        cf_group group;
        size_t count = 0;

        self->merged = false;
        cf_view_group_of(self->collection->view, directory, &arena, &group);
        if (group.visible && !cf_view_pick(self->collection->view, &group, NULL, 0))
            cf_view_list(self->collection->view, &group, &arena, &shown, &count);
        for (size_t i = 0; i < count && !status && !self->merged; i++) {
            const cf_shown *original =
                shown[i].conflict ? original_of(&shown[i], shown, count) : NULL;

            if (original)
                status = merge(self, original, &shown[i], &arena, error);
        }
        cf_arena_release(&arena);
    } while (!status && self->merged);
    return status;
}

cf_status cf_files_source_merge(cf_files_source *source, uint64_t now_ms, cf_error *error)
{
    merging self = {.source = source, .now_ms = now_ms};
    cf_ids directories = source->unmerged;

    source->unmerged = (cf_ids){0};
    cf_status status = cf_peer_collection(source->context->peer, &source->binding->collection,
                                          &self.collection, error);
    for (size_t i = 0; i < directories.count && !status; i++)
        status = merge_in(&self, &directories.at[i], error);
    free(directories.at);
    return status;
}
