/* SPDX-License-Identifier: Apache-2.0 */
/* Both are asked while a scan drafts: of what went along with its directory (diff.c), and of the
 * directories that it writes (pins.c), which name the deletions that lie carried out on the disk.
 */
#include "peer/merge/gone_along.h"

#include <stdlib.h>

#include "peer/merge/covered.h"
#include "peer/merge/view_graves.h"

void cf_gone_along_pin(cf_scanned_nodes *nodes, const cf_scanned_node *scanned,
                       cf_change_draft *draft)
{
    const cf_scanned_node *above = cf_scanned_nodes_at(nodes, scanned->parent);
    cf_pin pin = {.name = scanned->name};
    cf_buffer value = {0};

    if (!above || !above->gone || !above->item_count)
        return;
    pin.parent = above->items[0];
    cf_pin_pack(&value, &pin);
    for (size_t i = 0; i < scanned->item_count; i++) {
        const cf_id *item = &scanned->items[i];

        if (!cf_scanned_node_shows(scanned, item, CF_FIELD_NUMBER_NAME) &&
            !cf_scanned_node_shows(scanned, item, CF_FIELD_NUMBER_PIN) &&
            !cf_state_has_field(nodes->input->state, item, CF_FIELD_NUMBER_NAME))
            cf_draft_set(draft, scanned->refs, item, CF_FIELD_NUMBER_PIN,
                         cf_arena_copy(draft->arena, cf_buffer_view(&value)), true);
    }
    cf_buffer_release(&value);
}

/* The deletion takes away what this base node stands for, and that is still to be done: an item of
 * the node has the deletion, and is shown no more. */
static bool takes_away(const cf_diff_input *input, const cf_node *node, const cf_dot *deletion)
{
    for (size_t i = 0; i < node->item_count; i++) {
        const cf_seen *seen = cf_view_seen(input->view, &node->items[i]);
        const cf_item *item = cf_state_item(input->state, &node->items[i]);
        cf_write write;

        if (seen && !seen->visible && item &&
            cf_state_find_write(input->state, item, CF_FIELD_NUMBER_DELETED, deletion, &write) &&
            cf_deletion_deletes(write.value))
            return true;
    }
    return false;
}

/* Nothing lies in the directory on this disk that the deletion takes away. */
static bool is_carried_out(const cf_diff_input *input, const cf_id *directory,
                           const cf_dot *deletion)
{
    const cf_node *node = NULL, *child;

    while ((node = cf_nodes_next_of_item(input->base, directory, node)))
        for (child = NULL; (child = cf_nodes_next_child(input->base, node->number, child));)
            if (takes_away(input, child, deletion))
                return false;
    return true;
}

/* As the value of a deletion: the directory's deletions which it doesn't lift, and which are
 * carried out on this disk; no bytes where there is none. */
static cf_bytes emptied_by(const cf_diff_input *input, const cf_seen *seen, cf_arena *arena)
{
    const cf_item *item = cf_state_item(input->state, &seen->id);
    size_t deletions = cf_deletion_count(input->state, item), count = 0;
    cf_cover *covers = cf_allocate(deletions, sizeof *covers);
    cf_buffer value = {0};

    for (size_t i = 0; i < deletions; i++) {
        cf_write write = cf_state_write(input->state, item, i);

        if (cf_deletion_deletes(write.value) &&
            !cf_dots_have(seen->grave->lifts.at, seen->grave->lifts.count, &write.dot) &&
            is_carried_out(input, &seen->id, &write.dot))
            covers[count++] = (cf_cover){cf_field_fixed(CF_FIELD_NUMBER_DELETED), write.dot};
    }
    if (count)
        cf_covers_pack(&value, covers, count);
    free(covers);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

/* A strong write of a directory, other than a deletion: the directory is made, moved or kept by
 * that. */
static bool keeps_directory(const cf_change *change)
{
    return cf_kind_of(&change->item) == CF_KIND_DIRECTORY && change->value.size && !change->weak &&
           !cf_field_is_deletion(change->field);
}

void cf_gone_along_name(cf_scanned_nodes *nodes, cf_change_draft *draft)
{
    const cf_diff_input *input = nodes->input;
    size_t count;
    const cf_change *changes = cf_change_draft_changes(draft, &count);

    for (size_t i = 0; i < count; i++) {
        const cf_seen *seen = cf_view_seen(input->view, &changes[i].item);

        if (!keeps_directory(&changes[i]) || !seen || !seen->grave ||
            cf_draft_has(draft, &changes[i].item, CF_FIELD_NUMBER_DELETED))
            continue;
        cf_bytes named = emptied_by(input, seen, draft->arena);
        if (named.size)
            cf_change_draft_write(draft, &changes[i].item, cf_field_fixed(CF_FIELD_NUMBER_DELETED),
                                  named, false);
    }
}
