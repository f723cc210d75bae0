/* SPDX-License-Identifier: Apache-2.0 */
/* What others did comes here: rows of the view that the medium is to show, rows of the base that
 * are to go. An edit is before a deletion:
 *
 *     Ann deleted here, called Anna there                 both have Anna, with what went with her
 *     Ann deleted here, a telephone of hers added there   both have Ann, and that telephone
 *
 * The view decides that (peer/records/record_view.h). What a database refuses, as a row that breaks
 * one of its checks, is kept and listed with its reason (record_source_unshown.c), and tried again.
 * A row that rows refer to which aren't synced stays (record_source_blocked.c). */
#include "peer/sources/records/record_source_inside.h"

#include <stdlib.h>

/* A row whose long values are not here. */
typedef struct {
    cf_row_place place;
    cf_pending_kind kind;
    const char *why;
} waiting_row;

/* What should be shown, and what the base becomes then. */
typedef struct {
    cf_record_run *run;
    cf_row *wanted, *puts;
    size_t wanted_count, wanted_capacity, put_count, put_capacity;
    cf_row_place *drops;
    size_t drop_count, drop_capacity;
    waiting_row *waiting;
    size_t waiting_count, waiting_capacity;
    size_t displacing; /* the first of these: others keep their places while they wait */
    bool *renewed;     /* rows here that become as they are shown; NULL: nobody asks */
    size_t met;        /* rows of the view in whose place a row is */
    bool keeps;        /* what was deleted elsewhere stays: too much at once */
    bool writes;       /* something becomes another than it is */
    size_t vanishing;
    const cf_row *spared; /* the document of the base that was emptied elsewhere; NULL: none was */
    cf_guard_fields gone; /* of it */
} applying;

/* The base is to take the row as it is shown, unless the base's row says that already. */
static void agree(applying *self, cf_row shown, const cf_row *base)
{
    cf_record_run *run = self->run;

    if (base && cf_row_view_agrees(run->view, &shown, base))
        return;
    *cf_one_more(self->puts, self->put_count, self->put_capacity) =
        cf_row_view_agree(run->view, &shown, &run->arena);
}

static void drop(applying *self, const cf_row *base)
{
    *cf_one_more(self->drops, self->drop_count, self->drop_capacity) =
        (cf_row_place){base->table, base->key};
}

static void want(applying *self, const cf_row *row)
{
    *cf_one_more(self->wanted, self->wanted_count, self->wanted_capacity) = *row;
}

/* Lists a row whose key the format has no words for. */
static void note_unsaid(cf_record_run *run, const cf_row *shown)
{
    if (cf_format_holds_table(&run->content.format, shown->table))
        cf_record_note(run, CF_PENDING_SKIPPED, &(cf_row_place){shown->table, shown->key},
                       "it can't be written in this format: its UID is no plain text");
}

/* What stands where a row comes; NULL: nothing does. */
typedef struct {
    const cf_row *row, *as_read;
} place_here;

/* The row waits for its long values. Where it comes in another one's place that one stays there
 * meanwhile, and all is decided again (decide_in_place()); such waiting rows stand first in the
 * list. Of a database nothing is done while one waits. */
static void wait_for_values(applying *self, const cf_row *shown, const waiting_row *waits)
{
    *cf_one_more(self->waiting, self->waiting_count, self->waiting_capacity) = *waits;
    if (cf_record_run_is_transactional(self->run) || !cf_record_run_keep_places(self->run, shown))
        return;
    self->waiting[self->waiting_count - 1] = self->waiting[self->displacing];
    self->waiting[self->displacing++] = *waits;
}

/* Whether the row of the view can be written now: the format has words for its key, and its long
 * values are here. Else what stands in its place stays as it was read. */
static bool want_shown(applying *self, const cf_row *shown, const cf_row *base, place_here here)
{
    cf_record_run *run = self->run;
    cf_row row, spoken, whole;
    const char *why;

    const cf_row *beside = cf_record_run_beside(run, shown, here.row);
    if (!cf_row_express(&run->content.format, shown, beside, &run->arena, &row, &spoken)) {
        note_unsaid(run, shown);
        return false;
    }
    cf_values_answer answer =
        cf_record_values_fetch(run->source->values, &spoken, &run->arena, &whole, &why);
    if (answer == CF_VALUES_HERE) {
        self->writes = true;
        want(self, &whole);
        agree(self, cf_record_run_based(run, shown, &row), base);
        return true;
    }
    if (here.as_read)
        want(self, here.as_read);
    wait_for_values(self, shown,
                    &(waiting_row){{shown->table, shown->key},
                                   answer == CF_VALUES_COME ? CF_PENDING_WAITS : CF_PENDING_SKIPPED,
                                   why});
    return false;
}

/* The entry that made the row is void, as of a revoked device, while later edits of the row count:
 * nobody else knows its key, which may be another one's by now, or its table. */
static bool is_left_alone(const applying *self, const cf_row *base)
{
    const cf_collection *collection = self->run->collection;

    return cf_collection_lives(collection, &base->item) &&
           !(cf_state_has_field(collection->state, &base->item, CF_FIELD_NUMBER_KEY) &&
             cf_state_has_field(collection->state, &base->item, CF_FIELD_NUMBER_TABLE));
}

/* The row is a document of which too much was deleted elsewhere. One that is only not asked for any
 * more was not emptied, as the view has it. */
static bool is_emptied(applying *self, const cf_row *base)
{
    const cf_row *shown = cf_row_view_find(self->run->view, base->table, base->key);

    return cf_record_run_is_emptied(self->run, base, shown, &self->gone);
}

/* What becomes of a row that is here. In order, but for rarer cases:
 *     it stays because of rows that aren't synced, or waits    as it is (record_source_blocked.c)
 *     it is not as the base has it: changed, not published     as it is
 *     base Ann, the view has Anna under this key               Anna
 *     base 4 Ann, the view has Ann as 6, and no 4              4 goes, 6 is made by take_there()
 *     base Ann, the view has no such key and no such item      goes, if the guard lets it */
static void take_here(applying *self, size_t index)
{
    const cf_row *row = &self->run->content.file.rows[index];
    const cf_row *as_read = &self->run->as_read.rows[index];
    bool filled = self->run->filled && self->run->filled[index];
    const cf_row *base = cf_rows_find(self->run->source->binding->rows, row->table, row->key);
    const cf_row *shown = cf_record_run_shown(self->run, row->table, row->key);

    self->met += shown != NULL;
    if (self->renewed)
        self->renewed[index] = false;
    if (cf_record_run_stays(self->run, row)) {
        want(self, as_read);
        return;
    }
    if (shown && cf_record_run_is_blocked(self->run, shown))
        shown = NULL;
    if (self->run->as_base && !filled && shown &&
        cf_row_view_agrees(self->run->view, shown, base)) {
        want(self, as_read);
        return;
    }
    if (!cf_record_run_same(self->run, row, base)) {
        want(self, as_read);
    } else if (!filled && cf_record_run_shows(self->run, row, shown)) {
        want(self, as_read); /* what is volatile in it is left alone */
        agree(self, cf_record_run_based_here(self->run, shown, row), base);
    } else if (is_left_alone(self, base)) {
        want(self, as_read); /* the next look, soon, publishes it as a new one */
        drop(self, base);
        self->run->unrest = true;
    } else if (is_emptied(self, base)) {
        want(self, as_read);
        self->spared = base;
    } else if (shown) {
        bool wanted = want_shown(self, shown, base, (place_here){row, as_read});

        if (self->renewed)
            self->renewed[index] = wanted;
    } else if (cf_record_run_troubles(self->run, row->table, row->key)) {
        want(self, as_read); /* another one has its key */
    } else if (cf_row_view_find(self->run->view, row->table, row->key)) {
        drop(self, base);
    } else if (cf_row_view_of_item(self->run->view, &base->item)) {
        drop(self, base); /* it has another key */
    } else {
        self->vanishing++;
        if (self->keeps)
            want(self, as_read);
        else
            drop(self, base);
    }
}

/* Makes a row of the view that neither the source nor the base has: it is new elsewhere, or was
 * deleted here, which was published, and is shown all the same. One that is missing here, which is
 * not published yet, is in the base. */
static void take_there(applying *self, const cf_row *shown)
{
    cf_record_run *run = self->run;
    const cf_row *here = cf_row_index_find(&run->here, shown->table, shown->key);

    if (!cf_record_selected(&run->selection, shown) || cf_record_run_is_blocked(run, shown) ||
        run->cut) /* behind what is cut the file would look whole */
        return;
    if (!here && !cf_rows_find(run->source->binding->rows, shown->table, shown->key) &&
        !cf_record_run_troubles(run, shown->table, shown->key))
        want_shown(self, shown, NULL, (place_here){0});
}

/* What is wanted, put into the base and dropped, from nothing. What waits in another's place was
 * found by an earlier pass, and counts. */
static void decide(applying *self)
{
    cf_record_run *run = self->run;

    self->wanted_count = self->put_count = self->drop_count = self->vanishing = 0;
    self->waiting_count = self->displacing;
    self->met = 0;
    self->writes = false;
    self->spared = NULL;
    for (size_t i = 0; i < run->content.file.count; i++)
        take_here(self, i);
    if (run->as_base && self->met == cf_row_view_count(run->view) &&
        !run->source->binding->include_count)
        return; /* in the place of each one is a row */
    for (size_t i = 0; i < cf_row_view_count(run->view); i++)
        take_there(self, cf_row_view_at(run->view, i));
}

/* A row here in whose place another is to come that waits for its long values stays until then,
 * with all that waits because of that. Decided anew until no such row is found any more. */
static void decide_in_place(applying *self)
{
    size_t known;

    do {
        known = self->displacing;
        cf_record_run_find_blocked(self->run);
        decide(self);
    } while (self->displacing > known);
}

/* Deleted elsewhere: no row has its key, and its item has no other. What got another key, or lost
 * its key to another row, is nothing for the guard. */
static bool is_vanishing(const cf_record_run *run, const cf_row_place *drop)
{
    const cf_row *base = cf_rows_find(run->source->binding->rows, drop->table, drop->key);

    return !cf_row_view_find(run->view, drop->table, drop->key) &&
           !(base && cf_row_view_of_item(run->view, &base->item));
}

/* Too many rows would go from here at once: they are listed as spared, and all is decided again
 * with these kept. */
static void hold(applying *self)
{
    cf_record_run *run = self->run;
    const cf_binding *binding = run->source->binding;
    const char *reason = cf_binding_held_text(run->source->context->peer, binding, CF_GUARD_THERE,
                                              self->vanishing, &run->arena);

    for (size_t i = 0; i < self->drop_count; i++)
        if (is_vanishing(run, &self->drops[i]))
            cf_record_note_text(run, CF_PENDING_SPARED, &self->drops[i], reason);
    self->keeps = true;
    decide_in_place(self);
}

/* Whether the rows that are to go from here may go now, by the guard. Those that nobody deleted,
 * but that can't be shown beside others, are the user's still: fewer of them go at once. */
static bool may_vanish(applying *self)
{
    const cf_record_source *source = self->run->source;
    const cf_state *state = self->run->collection->state;
    cf_vanishing vanishing = {.side = CF_GUARD_THERE, .word = source->word};
    bool any_lives = false;
    cf_id *gone = cf_arena_allocate(&self->run->arena, self->drop_count, sizeof *gone);

    for (size_t i = 0; i < self->drop_count; i++) {
        const cf_row *base =
            cf_rows_find(source->binding->rows, self->drops[i].table, self->drops[i].key);

        if (!base || !is_vanishing(self->run, &self->drops[i]))
            continue;
        gone[vanishing.count++] = base->item;
        any_lives |= !cf_state_has_field(state, &base->item, CF_FIELD_NUMBER_DELETED);
    }
    vanishing.gone = gone;
    const uint64_t items = cf_binding_counted(source->binding, CF_GUARD_THERE);
    return cf_binding_allows(source->context->peer, source->binding, &vanishing) &&
           (!any_lives || cf_guard_allows_others(source->word, vanishing.count, items));
}

/* Lists the rows that wait for long values; those whose values can't be had are tried again later.
 */
static void note_waiting(applying *self)
{
    cf_record_run *run = self->run;

    for (size_t i = 0; i < self->waiting_count; i++) {
        const waiting_row *waiting = &self->waiting[i];

        cf_record_note(run, waiting->kind, &waiting->place, "%s", waiting->why);
        if (waiting->kind == CF_PENDING_SKIPPED)
            run->source->retry_ms = run->now_ms + CF_RECORD_RETRY_MS;
    }
}

/* ---- What the base becomes ---- */

/* The base takes and drops what was done; of a row that the medium refused it stays as it was, so
 * that the row is tried again. */
static void settle_base(applying *self, const cf_rows *refused)
{
    cf_record_run *run = self->run;
    cf_binding *binding = run->source->binding;

    for (size_t i = 0; i < self->drop_count; i++) {
        cf_bytes table = cf_arena_copy(&run->arena, self->drops[i].table);
        cf_bytes key = cf_arena_copy(&run->arena, self->drops[i].key);

        if (!cf_rows_find(refused, table, key))
            cf_binding_drop_row(binding, table, key, &run->records);
    }
    for (size_t i = 0; i < self->put_count; i++)
        if (!cf_rows_find(refused, self->puts[i].table, self->puts[i].key))
            cf_record_run_put(run, &self->puts[i]);
}

/* What could not be done is tried again. */
static void note_refusals(cf_record_run *run, const cf_medium_outcome *outcome, cf_rows *refused)
{
    cf_buffer reason = {0};

    for (size_t i = 0; i < outcome->count; i++) {
        const cf_medium_refusal *refusal = &outcome->refusals[i];
        bool passes = refusal->why == CF_CHANGED;

        cf_rows_put(refused, &(cf_row){.table = refusal->table, .key = refusal->key});
        cf_buffer_clear(&reason);
        cf_buffer_append_text(&reason, "%s%s", refusal->text, cf_record_advice(refusal->why));
        cf_buffer_append(&reason, "", 1);
        cf_record_run_note_unshown(run, passes ? CF_PENDING_WAITS : CF_PENDING_SKIPPED,
                                   &(cf_row_place){refusal->table, refusal->key},
                                   (const char *)reason.data);
        run->unrest |= passes;
        if (!passes)
            run->source->retry_ms = run->now_ms + CF_RECORD_RETRY_MS;
    }
    cf_buffer_release(&reason);
}

/* Which rows became as they are shown: those that were wanted so, and that the medium did not
 * refuse. */
static void note_renewed(const applying *self, const cf_rows *refused)
{
    const cf_record_file *file = &self->run->content.file;

    for (size_t i = 0; self->renewed && i < file->count; i++)
        self->run->renewed[i] =
            self->renewed[i] && !cf_rows_find(refused, file->rows[i].table, file->rows[i].key);
}

/* After the write: what was refused is listed and kept, base and hidden family become what was
 * agreed, and nothing is intended any more; unless the outcome is torn: then the next look finds
 * out what of it was done. */
static cf_status settle(applying *self, const cf_medium_outcome *outcome, cf_error *error)
{
    cf_record_run *run = self->run;
    cf_record_source *source = run->source;
    cf_rows *refused = cf_rows_new();

    run->wrote = outcome->wrote;
    run->wrote_end = outcome->ended;
    run->unrest |= outcome->gave; /* the others are told of it */
    source->applied += outcome->wrote;
    source->context->activity += outcome->wrote;
    note_refusals(run, outcome, refused);
    cf_record_run_keep_refusals(run, outcome);
    cf_record_run_keep_unsaid(run, outcome);
    settle_base(self, refused);
    cf_record_run_keep_family(run);
    note_renewed(self, refused);
    cf_record_run_keep_held(run);
    cf_rows_destroy(&refused);
    if (!outcome->torn)
        cf_record_run_settled(run);
    return cf_record_run_commit(run, error);
}

/* Where nothing becomes another than it is, a crash leaves nothing to be found out. */
static cf_status intend(applying *self, cf_error *error)
{
    const cf_record_agreement agreement = {self->puts, self->put_count, self->drops,
                                           self->drop_count};

    if (!self->writes && !self->drop_count)
        return CF_OK;
    return cf_record_run_intend(self->run, &agreement, error);
}

static void release(applying *self)
{
    free(self->wanted);
    free(self->puts);
    free(self->drops);
    free(self->waiting);
}

/* Where all is to stay as it was read, there is nothing to write. */
static cf_status write_wanted(applying *self, cf_error *error)
{
    cf_medium_outcome outcome = {0};
    cf_status status = CF_OK;

    if (self->writes || self->drop_count)
        status = cf_medium_write(self->run->source->medium, self->wanted, self->wanted_count,
                                 &outcome, error);
    if (status)
        self->run->source->recovered = false;
    else
        status = settle(self, &outcome, error);
    cf_medium_outcome_release(&outcome);
    return status;
}

cf_status cf_record_run_apply(cf_record_run *run, cf_error *error)
{
    cf_record_source *source = run->source;
    applying self = {.run = run};
    cf_status status = CF_OK;

    if (run->filled)
        self.renewed =
            cf_arena_allocate(&run->arena, run->content.file.count, sizeof *self.renewed);
    decide_in_place(&self);
    if (!self.vanishing)
        cf_binding_end_count(source->context->peer, source->binding, CF_GUARD_THERE);
    if (self.vanishing && !may_vanish(&self))
        hold(&self);
    note_waiting(&self);
    if (self.spared)
        cf_record_run_note_emptied(run, CF_GUARD_THERE, self.spared, &self.gone);
    cf_record_run_note_blocked(run);
    cf_record_values_fetched(source->values);
    if ((run->content.there || self.wanted_count) &&
        !((self.waiting_count || self.keeps) && cf_record_run_is_transactional(run))) {
        cf_record_run_find_doubts(run);
        status = intend(&self, error);
        if (!status)
            status = write_wanted(&self, error);
    }
    release(&self);
    return status;
}
