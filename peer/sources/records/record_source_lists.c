/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in a JSON document whose objects have an `id`, which two devices changed apart, become one,
 * published as an edit that replaces both. That is a decision as a user might take it, as merged
 * texts are (peer/sources/files/files_source_merge.c): nothing else has to know, a program that
 * doesn't know of it gets a list, and who decides the same at the same time writes an equal value.
 *
 *     servers: a: port 9, b: port 2 by laptop; a: port 1, b: port 8 by desktop, later and shown
 *     both go, and a: port 9, b: port 8 is written
 *
 * It replaces both also where it says what is shown already: so it descends from both, and what a
 * user takes out of it is no news of the other's.
 *
 * Where both changed one thing, all else of the other comes to what is shown, and is an edit of
 * that alone: the other stays listed, for its user to settle.
 *
 *     servers: a: port 9, b: port 2 by laptop; a: port 8 by desktop, later and shown
 *     desktop's goes, a: port 8, b: port 2 is written, and laptop's is listed
 *
 * That is done once of each: who takes b out of it then is not told of it again. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/log/ancestry.h"
#include "peer/records/list_merge.h"
#include "peer/sources/records/record_entries.h"

#include <stdlib.h>
#include <string.h>

enum { PASSES_MAX = 64 };

/* One pass: what is shown of a field is merged with one other value. */
typedef struct {
    cf_record_run *run;
    cf_change *changes; /* ascending, as the conflicts are */
    size_t count;
    bool locked; /* another device has a record with such a list */
    bool denied;
} merging;

/* A source does that which goes both ways and shows objects that are known by a member, where
 * anything is contested. */
static bool may_merge(cf_record_run *run)
{
    const cf_record_source *source = run->source;
    cf_pending_kind kind;

    return !run->look_only && !run->cut && source->binding->mode == CF_MODE_BOTH &&
           cf_adapter_of(source->binding->format)->keying == CF_KEYING_MEMBER &&
           cf_state_contested_count(run->collection->state) > 0 && !cf_record_run_receives(run) &&
           !cf_record_run_silence(run, &kind);
}

/* ---- One field ---- */

/* The writes of the field that say this value. */
static cf_dot_range dots_of(const cf_row_refs *refs, cf_bytes field, cf_bytes value,
                            cf_arena *arena)
{
    cf_dot *dots = cf_arena_allocate(arena, refs->count, sizeof *dots);
    const cf_row_ref *ref;
    size_t at = 0, count = 0;

    while ((ref = cf_row_refs_next(refs, field, &at)))
        if (cf_bytes_equal(ref->value, value))
            dots[count++] = ref->dot;
    return (cf_dot_range){dots, count};
}

static int by_dot(const void *a, const void *b)
{
    return cf_dot_compare(a, b);
}

/* An edit over all writes that say either value, or over those that say what is shown. */
static cf_change change_of(const cf_row_conflict *conflict, cf_dot_range shown, cf_dot_range other,
                           cf_bytes value, cf_arena *arena)
{
    const size_t count = shown.count + other.count;
    cf_dot *over = cf_arena_allocate(arena, count, sizeof *over);

    memcpy(over, shown.at, shown.count * sizeof *over);
    if (other.count)
        memcpy(over + shown.count, other.at, other.count * sizeof *over);
    qsort(over, count, sizeof *over, by_dot);
    return (cf_change){.item = conflict->row->item,
                       .field = conflict->field,
                       .value = cf_arena_copy(arena, value),
                       .over = over,
                       .over_count = count};
}

/* All of the other list that goes together with what is shown is in that, or was. */
static bool was_joined(const cf_ancestry *past, cf_dot_range shown, cf_dot_range other,
                       cf_bytes showing, cf_bytes merged)
{
    return cf_bytes_equal(merged, showing) || cf_ancestry_joined(past, shown, other);
}

/* One conflict becomes an edit; false: the two lists can't be merged, or not into a short value, or
 * they are as far as they can be. */
static bool merge(merging *self, const cf_row_conflict *conflict, const cf_row_refs *refs,
                  cf_change *out)
{
    cf_record_run *run = self->run;
    const cf_bytes showing = cf_row_refs_shown(refs, conflict->field);
    const cf_dot_range shown = dots_of(refs, conflict->field, showing, &run->arena);
    const cf_dot_range other = dots_of(refs, conflict->field, conflict->value, &run->arena);
    const cf_ancestry past = {run->source->context->peer, run->source->binding->collection,
                              conflict->row->item, conflict->field, &cf_ancestry_lists};
    cf_buffer before = {0}, merged = {0};
    bool clash = false;
    cf_error ignored;

    const bool are =
        shown.count && other.count &&
        cf_ancestry_find(&past, shown, other, &before, &ignored) == CF_OK &&
        cf_list_merge(&(cf_list_versions){cf_buffer_view(&before), showing, conflict->value},
                      &clash, &merged) &&
        merged.size <= CF_INLINE_MAX &&
        !(clash && was_joined(&past, shown, other, showing, cf_buffer_view(&merged)));
    if (are)
        *out = change_of(conflict, shown, clash ? (cf_dot_range){0} : other,
                         cf_buffer_view(&merged), &run->arena);
    cf_buffer_release(&before);
    cf_buffer_release(&merged);
    return are;
}

/* The conflict is of a list of objects in a JSON document that is asked for, and another value is
 * shown. */
static bool is_list(const cf_record_run *run, const cf_row_conflict *conflict)
{
    return conflict->row->item.bytes[0] == CF_KIND_RECORD && !conflict->gives_way &&
           cf_list_is_mergeable(conflict->value) &&
           cf_record_selected(&run->selection, conflict->row);
}

/* Another device has the record locked; then its lists are tried again at the next look. */
static bool is_locked(merging *self, const cf_row_conflict *conflict)
{
    const bool locked = cf_record_run_is_locked(self->run, conflict->row);

    self->locked |= locked;
    return locked;
}

/* The pass has an edit of this conflict's field already: one edit replaces what is shown. */
static bool is_same_field(const cf_change *change, const cf_row_conflict *conflict)
{
    return cf_id_equal(&change->item, &conflict->row->item) &&
           cf_bytes_equal(change->field, conflict->field);
}

/* ---- All lists ---- */

/* The edits of one pass, one a field: of several values in conflict with what is shown the first
 * that can be merged; the next pass takes the next. */
static void find_all(merging *self)
{
    cf_record_run *run = self->run;
    const cf_row_conflict *conflicts, *last = NULL;
    cf_row_refs refs = {0};
    cf_row agreed;
    size_t count;

    conflicts = cf_row_view_conflicts(run->view, &count);
    self->changes = cf_arena_allocate(&run->arena, count, sizeof *self->changes);
    self->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_list(run, &conflicts[i]) || is_locked(self, &conflicts[i]) ||
            (self->count && is_same_field(&self->changes[self->count - 1], &conflicts[i])))
            continue;
        if (!last || last->row != conflicts[i].row) {
            agreed = cf_row_view_agree(run->view, conflicts[i].row, &run->arena);
            refs = cf_row_refs_of(&agreed, &run->arena);
        }
        last = &conflicts[i];
        self->count += merge(self, last, &refs, &self->changes[self->count]);
    }
}

/* What may not be published is merged by those who may. */
static cf_status publish(merging *self, cf_error *error)
{
    cf_record_run *run = self->run;
    cf_peer *peer = run->source->context->peer;
    const cf_record_entries entries = {.peer = peer,
                                       .collection = run->source->binding->collection,
                                       .changes = self->changes,
                                       .count = self->count,
                                       .now_ms = run->now_ms};
    cf_publication *publication = cf_publication_new(peer, run->collection);
    cf_dot *dots = cf_arena_allocate(&run->arena, self->count, sizeof *dots);
    cf_kv_list records = {0};

    cf_status status = cf_record_entries_add(&entries, publication, dots, error);
    cf_row_view_destroy(&run->view); /* the state changes */
    if (!status)
        status = cf_publication_commit(publication, &records, error);
    cf_kv_list_release(&records);
    cf_publication_destroy(&publication);
    run->source->context->activity++;
    self->denied = status == CF_DENIED;
    return self->denied ? CF_OK : status;
}

/* What could not be merged can't be until somebody writes something. */
static bool was_tried(const cf_record_run *run)
{
    return run->source->unmerged && run->source->unmerged == run->collection->changes;
}

cf_status cf_record_run_merge_lists(cf_record_run *run, cf_error *error)
{
    merging self = {.run = run};
    cf_status status = CF_OK;

    if (!may_merge(run) || was_tried(run))
        return CF_OK;
    for (int pass = 0; pass < PASSES_MAX && !status && !self.denied && (pass == 0 || self.count);
         pass++) {
        if (!run->view || !run->as_base)
            cf_record_run_view(run);
        find_all(&self);
        if (self.count)
            status = publish(&self, error);
    }
    run->source->unmerged = self.locked ? 0 : run->collection->changes;
    return status;
}
