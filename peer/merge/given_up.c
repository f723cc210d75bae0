/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/given_up.h"

#include "peer/merge/rules.h"

#include <stdlib.h>

static int by_holder(const void *a, const void *b)
{
    return cf_id_compare(&((const cf_ref *)a)->holder, &((const cf_ref *)b)->holder);
}

static cf_change change_of(const cf_ref *contents, size_t count, cf_arena *arena)
{
    cf_cover *covers = cf_arena_allocate(arena, count, sizeof *covers);
    cf_buffer value = {0};

    for (size_t i = 0; i < count; i++)
        covers[i] = (cf_cover){contents[i].field, contents[i].dot};
    cf_covers_pack(&value, covers, count);
    cf_change change = {.item = contents[0].holder,
                        .field = cf_bytes_of_text(CF_FIELD_GIVEN_UP),
                        .value = cf_arena_copy(arena, cf_buffer_view(&value)),
                        .weak = true};
    cf_buffer_release(&value);
    return change;
}

cf_change *cf_given_up_changes(const cf_ref *contents, size_t count, cf_arena *arena,
                               size_t *change_count)
{
    cf_change *changes = cf_arena_allocate(arena, count, sizeof *changes);
    cf_ref *sorted = cf_arena_allocate(arena, count, sizeof *sorted);
    size_t run;

    *change_count = 0;
    if (count)
        memcpy(sorted, contents, count * sizeof *sorted);
    if (count)
        qsort(sorted, count, sizeof *sorted, by_holder);
    for (size_t i = 0; i < count; i += run) {
        for (run = 1; i + run < count && by_holder(&sorted[i], &sorted[i + run]) == 0;)
            run++;
        changes[(*change_count)++] = change_of(&sorted[i], run, arena);
    }
    return changes;
}

static bool names(cf_bytes value, const cf_dot *dot, cf_arena *arena)
{
    cf_cover *covers;
    size_t count;
    cf_error ignored;
    bool found = false;

    if (cf_covers_read(value, arena, &covers, &count, &ignored) == CF_OK)
        for (size_t i = 0; !found && i < count; i++)
            found = cf_field_is(covers[i].field, CF_FIELD_NUMBER_CONTENT) &&
                    cf_dot_equal(&covers[i].dot, dot);
    return found;
}

static bool is_given_up(const cf_state *state, const cf_ref *ref, cf_arena *arena)
{
    const cf_item *item = cf_state_item(state, &ref->holder);
    bool found = false;

    for (size_t i = 0; item && !found && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(state, item, i);

        found = cf_bytes_equal(cf_state_field_name(state, write.field),
                               cf_bytes_of_text(CF_FIELD_GIVEN_UP)) &&
                names(write.value, &ref->dot, arena);
    }
    return found;
}

bool cf_node_is_given_up(const cf_state *state, const cf_node *node)
{
    cf_arena arena = {0};
    cf_ref *refs;
    size_t count;
    cf_error ignored;
    bool found = false;

    if (node->kind == CF_KIND_FILE &&
        cf_refs_read(node->refs, &arena, &refs, &count, &ignored) == CF_OK)
        for (size_t i = 0; !found && i < count; i++)
            found = cf_field_is(refs[i].field, CF_FIELD_NUMBER_CONTENT) &&
                    is_given_up(state, &refs[i], &arena);
    cf_arena_release(&arena);
    return found;
}
