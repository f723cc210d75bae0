/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/model/states.h"

#include "peer/merge/state_item.h"

typedef struct {
    const cf_state *one, *other;
    bool equal;
} comparison;

static void compare(void *context, const cf_id *item)
{
    comparison *self = context;
    cf_buffer records[2] = {{0}, {0}};

    cf_state_item_pack(self->one, item, &records[0]);
    cf_state_item_pack(self->other, item, &records[1]);
    self->equal =
        self->equal && cf_bytes_equal(cf_buffer_view(&records[0]), cf_buffer_view(&records[1]));
    cf_buffer_release(&records[0]);
    cf_buffer_release(&records[1]);
}

bool states_are_equal(const cf_state *one, const cf_state *other)
{
    comparison self = {one, other, true};

    cf_state_each_record(one, compare, &self);
    cf_state_each_record(other, compare, &self);
    return self.equal;
}
