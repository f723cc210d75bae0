/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes say when an event or a task is (model, rule y): all from one act, a changeset of one
 * writer. Acts compete that say the same of it, as both a start; of these the best is shown, which
 * is the later, and one that says a start before one that doesn't. Another one's writes are all
 * listed, and one of them is told, the first that differs.
 *
 *     A: start 8, zone New York, later B: start 9, zone UTC, lasts 1 h      B's; A's start is told
 *     A: lasts 2 h, an entry of an old program, which wrote no more; B as above: A's length is told
 *     base: start 8, zone UTC; A: start 9, of an old program                both: A replaced 8
 */
#include <stdlib.h>

#include "peer/records/record_view_inside.h"

typedef struct {
    cf_row_when *first;
    size_t count;
    const cf_row_fact *best;
    bool starts, loses;
    bool differs; /* from what is shown, in what it says */
} act;

typedef struct {
    act *acts;
    size_t count;
    const act *keepers[CF_WHENS];
} quarrel;

/* One number for all entries of an act: their counters go up with their sequences. */
static uint64_t place_in_act(const cf_write *write)
{
    return write->time.counter - write->dot.sequence;
}

/* Writes of one act next to each other; within an act by what is told first. */
static int by_act(const void *left, const void *right)
{
    const cf_row_when *one = left, *other = right;
    const cf_write *a = &one->fact->write, *b = &other->fact->write;
    int order = cf_id_compare(&a->dot.writer, &b->dot.writer);

    if (!order)
        order = (a->time.ms > b->time.ms) - (a->time.ms < b->time.ms);
    if (!order)
        order = (place_in_act(a) > place_in_act(b)) - (place_in_act(a) < place_in_act(b));
    if (!order)
        order = (one->when > other->when) - (one->when < other->when);
    return order ? order : cf_bytes_compare(a->value, b->value);
}

/* The best act first: one that no deletion covers, then one that says a start, then the later
 * one. */
static int by_rank(const void *left, const void *right)
{
    const act *a = left, *b = right;

    if (a->best->live != b->best->live)
        return a->best->live ? -1 : 1;
    if (a->starts != b->starts)
        return a->starts ? -1 : 1;
    return cf_row_fact_compare(b->best, a->best);
}

/* The best write of the act stands for all of it when acts are compared. */
static act act_of(cf_row_when *first, size_t count)
{
    act found = {.first = first, .count = count, .best = first->fact};

    for (size_t i = 0; i < count; i++) {
        found.starts = found.starts || first[i].when == CF_WHEN_START;
        if (cf_row_fact_compare(first[i].fact, found.best) > 0)
            found.best = first[i].fact;
    }
    return found;
}

/* The best act first. */
static void find_acts(quarrel *self, cf_row_when *all, size_t count)
{
    qsort(all, count, sizeof *all, by_act);
    for (size_t from = 0, to; from < count; from = to) {
        to = from + 1;
        while (to < count && cf_writes_are_one_act(&all[from].fact->write, &all[to].fact->write))
            to++;
        self->acts[self->count++] = act_of(&all[from], to - from);
    }
    qsort(self->acts, self->count, sizeof *self->acts, by_rank);
}

/* An act loses where a better one says a field that it says; acts without a common field stand
 * together. Whether any loses. */
static bool compete(quarrel *self)
{
    bool any = false;

    for (size_t i = 0; i < self->count; i++) {
        act *one = &self->acts[i];

        for (size_t k = 0; k < one->count; k++)
            one->loses = one->loses || self->keepers[one->first[k].when];
        for (size_t k = 0; k < one->count && !one->loses; k++)
            self->keepers[one->first[k].when] = one;
        any = any || one->loses;
    }
    return any;
}

/* The act that is shown with this field says the same value in it. */
static bool is_shown(const quarrel *self, const cf_row_when *said)
{
    const act *keeper = self->keepers[said->when];

    for (size_t i = 0; keeper && i < keeper->count; i++)
        if (keeper->first[i].when == said->when &&
            cf_bytes_equal(keeper->first[i].fact->write.value, said->fact->write.value))
            return true;
    return false;
}

/* All that an act which doesn't lose says is shown; of another one all that lives is listed. If
 * that says nothing but what is shown, it is shown, too: an edit replaces both. */
static void stand(const quarrel *self, act *one)
{
    for (size_t i = 0; i < one->count; i++)
        one->differs = one->differs || !is_shown(self, &one->first[i]);
    for (size_t i = 0; i < one->count; i++) {
        cf_row_fact *fact = one->first[i].fact;

        fact->standing = !one->loses    ? CF_WRITE_SHOWN
                         : !fact->live  ? CF_WRITE_HIDDEN
                         : one->differs ? CF_WRITE_LISTED
                                        : CF_WRITE_SHOWN;
        fact->untold = fact->standing == CF_WRITE_LISTED;
    }
}

/* The first that a losing act says otherwise than is shown. */
static cf_when first_that_differs(const quarrel *self, const act *one)
{
    cf_when found = CF_WHENS;

    for (size_t i = 0; i < one->count; i++)
        if (one->first[i].fact->standing == CF_WRITE_LISTED && one->first[i].when < found &&
            !is_shown(self, &one->first[i]))
            found = one->first[i].when;
    return found;
}

/* Tells the act's write of this field; false: the act has none that is listed. */
static bool tell_of(const act *one, cf_when when)
{
    for (size_t i = 0; i < one->count; i++)
        if (one->first[i].when == when && one->first[i].fact->untold) {
            one->first[i].fact->untold = false;
            return true;
        }
    return false;
}

/* Of each losing act one write is told. Of all acts that of one field, so that they are versions of
 * one: of three of which two begin at once and the third doesn't, the start. */
static void tell(const quarrel *self)
{
    cf_when of_all = CF_WHENS;

    for (size_t i = 0; i < self->count; i++) {
        const cf_when first = first_that_differs(self, &self->acts[i]);

        of_all = first < of_all ? first : of_all;
    }
    for (size_t i = 0; i < self->count; i++)
        if (self->acts[i].loses && !tell_of(&self->acts[i], of_all))
            (void)tell_of(&self->acts[i], first_that_differs(self, &self->acts[i]));
}

void cf_row_when_stand(cf_row_when *all, size_t count)
{
    quarrel self = {.acts = cf_allocate(count, sizeof *self.acts)};

    if (count > 1) {
        find_acts(&self, all, count);
        if (compete(&self)) {
            for (size_t i = 0; i < self.count; i++)
                stand(&self, &self.acts[i]);
            tell(&self);
        }
    }
    free(self.acts);
}
