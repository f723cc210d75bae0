/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes of a dependant are kept: those by which it lives, so not the hidden ones, but for
 * references: what a row refers to is asked for later. Of all other values nobody asks, so nil
 * stands for them. */
#include "peer/records/row_dependants.h"

#include <stdlib.h>

#include "codec/pack.h"

static cf_bytes key_of(const cf_id *item, cf_arena *arena)
{
    cf_buffer packed = {0};

    cf_pack_bin(&packed, cf_bytes_of(item->bytes, sizeof item->bytes));
    cf_bytes key = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return key;
}

/* The value leads to an item; ["?", 5], a number that no row has, leads to none. */
static bool is_reference(const cf_row_ref *ref)
{
    cf_id target;

    return cf_reference_item(ref->value, &target);
}

/* The value of a ref that is a reference; of any other nobody asks for the value. */
static cf_bytes kept_value(const cf_row_ref *ref)
{
    static const uint8_t nil[] = {0xc0};

    return is_reference(ref) ? ref->value : cf_bytes_of(nil, sizeof nil);
}

cf_row cf_row_dependant(const cf_row *row, const cf_row_ref *refs, size_t count, cf_arena *arena)
{
    cf_row kept = {.table = cf_arena_copy(arena, row->table),
                   .key = key_of(&row->item, arena),
                   .item = row->item};
    cf_row_ref *covered = cf_allocate(count, sizeof *covered);
    cf_buffer packed = {0};
    size_t kept_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (refs[i].standing == CF_WRITE_HIDDEN && !is_reference(&refs[i]))
            continue; /* by such a write the row doesn't live */
        covered[kept_count] = refs[i];
        covered[kept_count++].value = kept_value(&refs[i]);
    }
    cf_row_refs_pack(&packed, &kept, covered, kept_count);
    kept.refs = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    free(covered);
    return kept;
}
