/* SPDX-License-Identifier: Apache-2.0 */
/* What looks of a folder as a source say is pending: `found` gathers it during a look, `notes` has
 * it from then on. A look at everything replaces all notes; a look at some places, those of these
 * places. */
#include "peer/sources/files/files_source_inside.h"

#include "broker/platform/names.h"

#include <stdio.h>
#include <stdlib.h>

void cf_files_source_note_found(cf_files_source *source, const cf_observation *seen,
                                cf_pending_kind kind, const char *reason)
{
    cf_buffer path = {0};

    cf_scan_path(source->scan, seen, &path);
    cf_pendings_add(&source->found, kind, cf_buffer_view(&path), reason);
    cf_buffer_release(&path);
}

void cf_files_source_note_awaits(void *context, const cf_observation *seen)
{
    cf_files_source *source = context;

    cf_files_source_note_found(
        source, seen, CF_PENDING_WAITS,
        "it was deleted elsewhere since, and goes once the broker is known to have "
        "it");
    source->awaits_broker = true;
}

void cf_files_source_note_wait(void *context, const cf_observation *seen, cf_upload_answer why)
{
    cf_files_source *source = context;
    const cf_look_place place = {.folder = seen->finding.parent, .name = seen->finding.name};

    if (source->debounce && why != CF_UPLOAD_AGAIN)
        cf_debounce_goes_on(source->debounce, &place, why != CF_UPLOAD_STARTED);
    cf_files_source_note_found(source, seen, CF_PENDING_WAITS,
                               why == CF_UPLOAD_AGAIN      ? "it has to be read again"
                               : why == CF_UPLOAD_DEFERRED ? CF_WAITS_METERED
                                                           : NULL);
    if (why == CF_UPLOAD_AGAIN)
        cf_files_source_look_at(source, seen->finding.parent, seen->finding.name, CF_ABSENCE_WAITS);
}

void cf_files_source_note_node(cf_files_source *source, uint64_t number, cf_pending_kind kind,
                               const char *reason)
{
    cf_buffer path = {0};

    cf_binding_path(source->binding, number, &path);
    cf_pendings_add(&source->found, kind, cf_buffer_view(&path), reason);
    cf_buffer_release(&path);
}

/* What was done here, and why nothing comes of it; `why` may be NULL. */
static const char *done_here(cf_files_source *source, const char *what, const char *why)
{
    cf_buffer text = {0};

    if (!why)
        return what;
    cf_buffer_append_text(&text, "%s; %s", what, why);
    cf_buffer_append(&text, "", 1);
    const char *kept = cf_pendings_text(&source->found, (const char *)text.data);
    cf_buffer_release(&text);
    return kept;
}

void cf_files_source_note_kept(cf_files_source *source, const cf_publishing *publishing,
                               const cf_scan_batch *batch, const char *why)
{
    const char *different = done_here(source, "it is different here", why);
    cf_scan_batch rest = *batch;
    cf_arena arena = {0};
    cf_observation *at = cf_arena_allocate(&arena, batch->count, sizeof *at);

    rest.at = at;
    rest.count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (cf_publish_differs(publishing, &batch->at[i].finding))
            cf_files_source_note_found(source, &batch->at[i], CF_PENDING_UNSENT, different);
        else
            at[rest.count++] = batch->at[i];
    cf_files_source_note_batch(source, &rest, why, publishing->now_ms);
    cf_arena_release(&arena);
}

static bool may_go(const cf_files_source *source, const cf_scan_batch *batch, uint64_t now_ms)
{
    static const cf_id none;
    cf_ids items = {0};

    for (size_t i = 0; i < batch->gone_count; i++) {
        const cf_node *node = cf_nodes_find(source->binding->nodes, batch->gone[i]);

        cf_ids_add(&items, node->item_count ? &node->items[0] : &none);
    }
    bool may = cf_binding_would_allow(source->context->peer, source->binding,
                                      &(cf_vanishing){.side = CF_GUARD_HERE,
                                                      .word = source->word,
                                                      .gone = items.at,
                                                      .count = items.count,
                                                      .now_ms = now_ms});
    free(items.at);
    return may;
}

static const char *moved_here(cf_files_source *source, const cf_node *node,
                              const cf_finding *finding, const char *why)
{
    char shown[CF_NAME_SHOWN], what[CF_NAME_SHOWN + 64];
    cf_buffer from = {0};

    cf_binding_path(source->binding, node->number, &from);
    cf_name_show(cf_buffer_view(&from), shown);
    snprintf(what, sizeof what, "it was moved here from %s%s", shown,
             cf_bytes_equal(finding->content, node->content) ? "" : ", and changed");
    cf_buffer_release(&from);
    return done_here(source, cf_pendings_text(&source->found, what), why);
}

void cf_files_source_note_batch(cf_files_source *source, const cf_scan_batch *batch,
                                const char *why, uint64_t now_ms)
{
    const char *new = done_here(source, "it is new here", why);
    const char *changed = done_here(source, "it was changed here", why);
    const char *deleted = done_here(source, "it was deleted here", why);

    for (size_t i = 0; i < batch->count; i++) {
        const cf_finding *finding = &batch->at[i].finding;
        const cf_node *node = cf_nodes_find(source->binding->nodes, finding->number);
        const bool moved =
            node && (finding->parent != node->parent || !cf_bytes_equal(finding->name, node->name));

        cf_files_source_note_found(source, &batch->at[i], CF_PENDING_UNSENT,
                                   moved  ? moved_here(source, node, finding, why)
                                   : node ? changed
                                          : new);
        source->found.at[source->found.count - 1].moved = moved ? node->number : 0;
    }
    /* A look alone says what a sync would do: it would hold back too many at once. */
    bool held = !why && batch->gone_count && !may_go(source, batch, now_ms);
    const char *reason = held ? cf_files_source_held_text(source, batch->gone, batch->gone_count,
                                                          &source->found.arena)
                              : deleted;
    for (size_t i = 0; i < batch->gone_count; i++) {
        cf_files_source_note_node(source, batch->gone[i],
                                  held ? CF_PENDING_HELD : CF_PENDING_UNSENT, reason);
        source->found.at[source->found.count - 1].gone = batch->gone[i];
    }
}

static void take_notes(cf_files_source *source)
{
    size_t count;
    const cf_scan_note *notes = cf_scan_notes(source->scan, &count);

    if (source->scanning_all)
        cf_pending_tree_release(&source->unseen);
    for (size_t i = 0; i < count; i++)
        if (source->scanning_all && notes[i].unseen)
            cf_pending_tree_add(&source->unseen, CF_PENDING_SKIPPED, notes[i].path,
                                notes[i].reason);
        else
            cf_pendings_add(&source->found,
                            notes[i].passing ? CF_PENDING_WAITS : CF_PENDING_SKIPPED, notes[i].path,
                            notes[i].reason);
}

static void drop_looked(cf_files_source *source)
{
    const cf_look_places *looked = &source->scanned;
    cf_buffer path = {0};

    for (size_t i = 0; i < looked->count; i++) {
        const cf_look_place *place = &looked->at[i];

        cf_buffer_clear(&path);
        cf_binding_path(source->binding, place->folder, &path);
        if (place->name.size && path.size)
            cf_buffer_append(&path, "/", 1);
        cf_buffer_append(&path, place->name.data, place->name.size);
        if (place->name.size)
            cf_pending_tree_drop(&source->notes, cf_buffer_view(&path));
        else
            cf_pending_tree_drop_in(&source->notes, cf_buffer_view(&path));
    }
    cf_buffer_release(&path);
}

/* What was moved, and stays so, is missing from its place with all that was in it: a look there
 * alone doesn't see where it is, which an earlier one has noted. */
static bool is_elsewhere(const cf_files_source *source, const cf_node_set *gone, uint64_t number)
{
    const cf_node *node;

    while (cf_node_set_have(gone, number) && !cf_pending_tree_has_moved(&source->notes, number) &&
           (node = cf_nodes_find(source->binding->nodes, number)))
        number = node->parent;
    return cf_node_set_have(gone, number) && cf_pending_tree_has_moved(&source->notes, number);
}

static void add_gone(cf_files_source *source)
{
    cf_node_set gone = {0};

    for (size_t i = 0; i < source->found.count; i++)
        if (source->found.at[i].gone)
            cf_node_set_add(&gone, source->found.at[i].gone);
    cf_node_set_sort(&gone);
    for (size_t i = 0; i < source->found.count; i++)
        if (source->found.at[i].gone && !is_elsewhere(source, &gone, source->found.at[i].gone))
            cf_pending_tree_take(&source->notes, &source->found.at[i]);
    cf_node_set_release(&gone);
}

/* A look at everything knows all; a look at some places knows these. */
void cf_files_source_renew_notes(cf_files_source *source)
{
    take_notes(source);
    if (source->scanning_all)
        cf_pending_tree_release(&source->notes);
    else if (source->notes.count)
        drop_looked(source);
    for (size_t i = 0; i < source->found.count; i++)
        if (!source->found.at[i].gone)
            cf_pending_tree_take(&source->notes, &source->found.at[i]);
    add_gone(source);
    cf_pendings_clear(&source->found);
}
