/* SPDX-License-Identifier: Apache-2.0 */
/* What a source of files says of itself: what is pending there, and why. */
#include "peer/sources/files/files_source_inside.h"

#include "peer/bindings/rescued.h"

static void add_owed(const cf_files_source *source, cf_pendings *pendings)
{
    const cf_binding *binding = source->binding;
    cf_buffer path = {0}, reason = {0};

    for (size_t i = 0; i < binding->rescued_count; i++) {
        cf_buffer_clear(&path);
        cf_buffer_clear(&reason);
        cf_rescued_tell(binding, &binding->rescued[i], &path, &reason);
        cf_pendings_add(pendings, CF_PENDING_SKIPPED, cf_buffer_view(&path),
                        (const char *)reason.data);
    }
    cf_buffer_release(&path);
    cf_buffer_release(&reason);
}

static void add_held(const cf_files_source *source, cf_pendings *pendings)
{
    const cf_binding *binding = source->binding;
    cf_buffer path = {0};
    cf_arena arena = {0};
    const char *reason = source->held.count ? cf_files_source_held_text(source, source->held.at,
                                                                        source->held.count, &arena)
                                            : NULL;

    for (size_t i = 0; i < source->held.count; i++) {
        if (!cf_nodes_find(binding->nodes, source->held.at[i]))
            continue;
        cf_buffer_clear(&path);
        cf_binding_path(binding, source->held.at[i], &path);
        cf_pendings_add(pendings, CF_PENDING_HELD, cf_buffer_view(&path), reason);
    }
    cf_buffer_release(&path);
    cf_arena_release(&arena);
}

/* What nobody has tried now may have been tried when it was last synced. */
static void add_left(const cf_files_source *source, const cf_pending *left, cf_pendings *pendings)
{
    const char *why = source->looks_now && left->kind == CF_PENDING_UNAPPLIED
                          ? cf_waits_reason(&source->waits, left->path)
                          : NULL;
    cf_buffer text = {0};

    if (why)
        cf_buffer_append_text(&text, "%s; %s", left->reason, why);
    cf_pendings_add(pendings, left->kind, left->path, why ? (const char *)text.data : left->reason);
    cf_buffer_release(&text);
}

size_t cf_files_source_count_held(const void *self)
{
    const cf_files_source *source = self;
    const cf_pending_counts left = cf_files_source_count_left(source);

    return source->held.count + source->away_count + cf_pending_counts_held(&source->notes.counts) +
           cf_pending_counts_held(&left);
}

/* As `tell` has it, at no cost of what is pending. */
bool cf_files_source_is_behind(const void *self)
{
    const cf_files_source *source = self;
    const cf_pending_counts left = cf_files_source_count_left(source);
    bool holds = false;

    for (size_t i = 0; i < source->held.count && !holds; i++)
        holds = cf_nodes_find(source->binding->nodes, source->held.at[i]);
    return holds || source->trouble || source->binding->silence ||
           cf_pending_counts_behind(&source->notes.counts) || source->unseen.count ||
           cf_pending_counts_behind(&left);
}

typedef struct {
    cf_pendings *pendings;
    const char *sending;
} telling;

static void tell_note(void *context, const cf_pending *note)
{
    const telling *self = context;

    cf_pendings_add(self->pendings, note->kind, note->path,
                    note->reason ? note->reason : self->sending);
}

void cf_files_source_tell(void *self, cf_pendings *pendings, const char *sending,
                          cf_binding_status *out)
{
    cf_files_source *source = self;
    telling notes = {pendings, sending};
    cf_applied applied;

    add_owed(source, pendings);
    add_held(source, pendings);
    cf_files_source_tell_away(source, pendings);
    cf_files_source_compare(source, pendings);
    cf_applying_result(source->applying, &applied);
    cf_pending_tree_each(&source->notes, tell_note, &notes);
    cf_pending_tree_each(&source->unseen, tell_note, &notes);
    for (size_t i = 0; i < applied.pending_count; i++)
        add_left(source, &applied.pending[i], pendings);
    *out = (cf_binding_status){
        .binding = source->binding,
        .items = cf_nodes_count(source->binding->nodes),
        .trouble = source->trouble,
        .trouble_text = source->trouble_text,
    };
}
