/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/draft.h"

#include <stdlib.h>

#include "peer/merge/covered.h"

void cf_draft_set(cf_change_draft *draft, cf_refs refs, const cf_id *item, uint32_t field,
                  cf_bytes value, bool weak)
{
    cf_bytes name = cf_field_fixed(field);

    cf_change_draft_write(draft, item, name, value, weak);
    for (size_t i = 0; i < refs.count; i++) {
        const cf_ref *ref = &refs.at[i];

        if (!cf_id_equal(&ref->item, item) || !cf_bytes_equal(ref->field, name))
            continue;
        cf_change_draft_over(draft, &ref->holder, name, &ref->dot); /* where it is stored */
    }
}

void cf_draft_delete(cf_change_draft *draft, cf_refs refs, const cf_id *item)
{
    cf_cover *covers = cf_allocate(refs.count, sizeof *covers);
    size_t count = 0;
    cf_buffer value = {0};

    for (size_t i = 0; i < refs.count; i++)
        if (cf_id_equal(&refs.at[i].item, item))
            covers[count++] = (cf_cover){refs.at[i].field, refs.at[i].dot};
    cf_covers_pack(&value, covers, count);
    cf_change_draft_write(draft, item, cf_field_fixed(CF_FIELD_NUMBER_DELETED),
                          cf_arena_copy(draft->arena, cf_buffer_view(&value)), false);
    cf_buffer_release(&value);
    free(covers);
}

bool cf_draft_has(const cf_change_draft *draft, const cf_id *item, uint32_t field)
{
    return cf_change_draft_has(draft, item, cf_field_fixed(field));
}

bool cf_draft_deletes(const cf_change_draft *draft, const cf_id *item)
{
    cf_bytes value = cf_change_draft_value(draft, item, cf_field_fixed(CF_FIELD_NUMBER_DELETED));

    return value.size && cf_deletion_deletes(value);
}
