/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_row.h"

#include <stdlib.h>

#include "tests/peer/cases/case_inside.h"
#include "tests/peer/cases/heap.h"

struct case_row {
    test_case now; /* the life in the heap is of this one */
    case_life *life;
    heap_image begun;
    uint64_t steps;
    bool has_begun;
};

case_row *case_row_new(void)
{
    case_row *self = calloc(1, sizeof *self);

    if (!self)
        abort();
    return self;
}

void case_row_destroy(case_row **self)
{
    heap_image_release(&(*self)->begun);
    free(*self);
    *self = NULL;
}

void case_row_next(case_row *self)
{
    self->has_begun = false;
}

static uint64_t begin(case_row *self)
{
    heap_begin();
    self->life = malloc(sizeof *self->life);
    if (!self->life)
        abort();
    case_begin(self->life, &self->now, false);
    case_do_first(self->life);
    heap_keep(&self->begun);
    self->has_begun = true;
    self->steps = self->life->world.steps;
    return self->steps;
}

uint64_t case_row_run(case_row *self, const test_case *one)
{
    uint64_t steps = 0;

    self->now = *one;
    if (!self->has_begun)
        steps = begin(self);
    else
        heap_put_back(&self->begun);
    case_do_second(self->life);
    case_do_rest(self->life);
    heap_end();
    return steps + self->life->world.steps - self->steps;
}
