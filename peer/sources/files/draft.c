/* SPDX-License-Identifier: Apache-2.0 */
/* What is a draft: made within CF_DRAFT_MS by this writer, by one entry with a content; what else
 * is written of the item is this writer's, too, and weak. A node of several items is none. */
#include "peer/sources/files/draft.h"

/* What one entry wrote of the item: the first that is not weak. */
typedef struct {
    bool known;
    cf_dot dot;
    cf_time time;
} making;

static bool is_of(making *made, const cf_write *write)
{
    if (!made->known)
        *made = (making){true, write->dot, write->time};
    return cf_dot_equal(&write->dot, &made->dot);
}

bool cf_draft_is(const cf_state *state, const cf_node *node, const cf_id *writer, uint64_t now_ms)
{
    const cf_item *item = node->item_count == 1 ? cf_state_item(state, &node->items[0]) : NULL;
    bool has_content = false;
    making made = {0};

    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(state, item, i);

        if (!cf_id_equal(&write.dot.writer, writer) || write.field == CF_FIELD_NUMBER_DELETED ||
            (!write.weak && !is_of(&made, &write)))
            return false;
        has_content |= write.field == CF_FIELD_NUMBER_CONTENT;
    }
    return has_content && made.time.ms + CF_DRAFT_MS > now_ms;
}
