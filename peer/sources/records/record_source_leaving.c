/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that go from here only: others have them, and this device doesn't ask for them any more. The
 * log has all of such a row but its long values: it stays until the broker has these. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/transfer/elsewhere.h"

static bool is_elsewhere(const cf_record_source *source, cf_bytes identity)
{
    return cf_is_elsewhere(source->workshop->peer, &source->binding->collection, identity);
}

typedef struct {
    cf_record_source *source;
    bool waits;
} leaving;

static void find_awaited(void *context, cf_bytes field, cf_bytes identity)
{
    leaving *self = context;

    (void)field;
    if (self->waits || is_elsewhere(self->source, identity))
        return;
    self->waits = true;
    cf_buffer_clear(&self->source->awaited);
    cf_buffer_append(&self->source->awaited, identity.data, identity.size);
}

bool cf_record_run_may_leave(cf_record_run *run, const cf_row *base)
{
    const cf_row *viewed = cf_row_view_of_item(run->view, &base->item);
    leaving self = {.source = run->source};

    if (viewed && !cf_record_selected(&run->selection, viewed))
        cf_row_identities(base, find_awaited, &self);
    return !self.waits;
}

bool cf_record_source_has_awaited(const cf_record_source *source)
{
    return source->awaited.size && is_elsewhere(source, cf_buffer_view(&source->awaited));
}
