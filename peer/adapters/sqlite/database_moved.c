/* SPDX-License-Identifier: Apache-2.0 */
/* A place whose change is refused keeps the row that it has. Where that is another record than the
 * one which was to come (two devices counted to the same number, a key was used again), it isn't
 * shown under its new key, too: it would be there twice. */
#include <stdlib.h>

#include "peer/adapters/sqlite/database_inside.h"
#include "peer/merge/table.h"

static const cf_row *based(const cf_row_writing *self, const cf_row_change *change)
{
    return change->before ? cf_rows_find(self->base, change->before->table, change->before->key)
                          : NULL;
}

bool cf_row_change_is_of_another(const cf_row_writing *self, const cf_row_change *change)
{
    const cf_row *base = based(self, change);

    return base && change->after && !cf_id_equal(&base->item, &change->after->item);
}

typedef struct {
    cf_table_link link;
    cf_row_change *change;
} shown_row;

/* What would show under another key the row that stays in this one's place. */
static cf_row_change *shows_elsewhere(const cf_row_writing *self, const cf_table *shown,
                                      const cf_row_change *change)
{
    const cf_row *base = based(self, change);
    cf_table_link *link = base ? cf_table_first(shown, cf_hash_id(0, &base->item)) : NULL;

    for (; link; link = cf_table_next(link)) {
        cf_row_change *other = cf_linked(link, shown_row, link)->change;

        if (other != change && !other->refused && cf_id_equal(&other->after->item, &base->item))
            return other;
    }
    return NULL;
}

static bool any_stays(const cf_row_writing *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->changes[i].refused && self->changes[i].before)
            return true;
    return false;
}

void cf_row_writing_keep_places(cf_row_writing *self)
{
    cf_table shown = {0};

    if (!any_stays(self))
        return;
    shown_row *rows = cf_allocate(self->count, sizeof *rows);
    for (size_t i = 0; i < self->count; i++) {
        rows[i].change = &self->changes[i];
        if (self->changes[i].after)
            cf_table_add(&shown, &rows[i].link, cf_hash_id(0, &self->changes[i].after->item));
    }
    for (size_t i = 0; i < self->count; i++) {
        cf_row_change *change = &self->changes[i];

        while (change && change->refused && (change = shows_elsewhere(self, &shown, change))) {
            cf_row_change_refuse(self, change,
                                 "it stays under the key that it has here: what should have that "
                                 "can't be brought here");
            self->again = true;
        }
    }
    cf_table_release(&shown);
    free(rows);
}
