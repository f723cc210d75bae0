/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/rewrite.h"

#include <stdlib.h>

static const cf_row *take_otherwise(cf_wanted_rows *wanted, cf_bytes table, cf_bytes key,
                                    bool (*otherwise)(cf_bytes key, cf_buffer *out))
{
    cf_buffer other = {0};
    const cf_row *row = NULL;

    if (otherwise && otherwise(key, &other))
        row = cf_wanted_rows_take_left(wanted, table, cf_buffer_view(&other));
    cf_buffer_release(&other);
    return row;
}

cf_rewrite cf_rewrite_of(const cf_record_file *found, const cf_row *rows, size_t count,
                         bool (*otherwise)(cf_bytes key, cf_buffer *out))
{
    cf_wanted_rows wanted = cf_wanted_rows_of(rows, count);
    const cf_row **taken = cf_allocate(found->count, sizeof *taken);

    /* What is in trouble is not to be written beside. */
    for (size_t i = 0; i < found->trouble_count; i++)
        if (found->troubles[i].known)
            cf_wanted_rows_take(&wanted, found->troubles[i].table, found->troubles[i].key);
    for (size_t i = 0; i < found->count; i++)
        taken[i] = cf_wanted_rows_take(&wanted, found->rows[i].table, found->rows[i].key);
    for (size_t i = 0; i < found->count; i++)
        if (!taken[i])
            taken[i] = take_otherwise(&wanted, found->rows[i].table, found->rows[i].key, otherwise);
    for (size_t i = 0; i < found->trouble_count; i++)
        if (found->troubles[i].known)
            take_otherwise(&wanted, found->troubles[i].table, found->troubles[i].key, otherwise);
    return (cf_rewrite){.found = found, .taken = taken, .wanted = wanted};
}

bool cf_rewrite_next(cf_rewrite *self, cf_rewrite_step *step)
{
    const size_t found = self->found->count, at = self->at;

    if (at < found) {
        *step = (cf_rewrite_step){&self->found->rows[at], self->found->places[at], self->taken[at]};
        self->at++;
        return true;
    }
    while (self->at < found + self->wanted.count && self->wanted.taken[self->at - found])
        self->at++;
    if (self->at == found + self->wanted.count)
        return false;
    *step = (cf_rewrite_step){.wanted = self->wanted.rows[self->at++ - found]};
    return true;
}

void cf_rewrite_release(cf_rewrite *self)
{
    free(self->taken);
    cf_wanted_rows_release(&self->wanted);
    *self = (cf_rewrite){0};
}
