/* SPDX-License-Identifier: Apache-2.0 */
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
    size_t wanted_count, put_count;
    cf_row_place *drops;
    size_t drop_count;
    waiting_row *waiting;
    size_t waiting_count;
    bool keeps;  /* what was deleted elsewhere stays: too much at once */
    bool writes; /* something becomes another than it is */
    size_t vanishing;
} applying;

/* The base takes it, if that is anything new. */
static void agree(applying *self, const cf_row *shown, const cf_row *base)
{
    cf_record_run *run = self->run;
    cf_row agreed = cf_row_view_agree(run->view, shown, &run->arena);
    cf_buffer packed[2] = {{0}, {0}};

    cf_row_pack(&agreed, &packed[0]);
    if (base)
        cf_row_pack(base, &packed[1]);
    if (!cf_bytes_equal(cf_buffer_view(&packed[0]), cf_buffer_view(&packed[1])))
        self->puts[self->put_count++] = agreed;
    cf_buffer_release(&packed[0]);
    cf_buffer_release(&packed[1]);
}

static void want(applying *self, const cf_row *row)
{
    self->wanted[self->wanted_count++] = *row;
}

/* `here` is what stands in its place, as it was read; NULL: nothing does. */
static void want_shown(applying *self, const cf_row *shown, const cf_row *base, const cf_row *here)
{
    cf_record_run *run = self->run;
    cf_row row, whole;
    const char *why;

    if (!cf_row_show(&run->content.format, shown, &run->arena, &row))
        return;
    cf_values_answer answer =
        cf_record_values_fetch(run->source->values, &row, &run->arena, &whole, &why);
    if (answer == CF_VALUES_HERE) {
        self->writes = true;
        want(self, &whole);
        agree(self, shown, base);
        return;
    }
    if (here)
        want(self, here);
    self->waiting[self->waiting_count++] =
        (waiting_row){{shown->table, shown->key},
                      answer == CF_VALUES_COME ? CF_PENDING_WAITS : CF_PENDING_SKIPPED,
                      why};
}

/* A row that is there. One that was changed and is not published stays as it is. */
static void take_here(applying *self, const cf_row *row, const cf_row *as_read)
{
    const cf_row *base = cf_rows_find(self->run->source->binding->rows, row->table, row->key);
    const cf_row *shown = cf_record_run_shown(self->run, row->table, row->key);

    if (!cf_record_run_same(self->run, row, base)) {
        want(self, as_read);
    } else if (cf_record_run_same(self->run, row, shown)) {
        want(self, as_read); /* what is volatile in it is left alone */
        agree(self, shown, base);
    } else if (shown) {
        want_shown(self, shown, base, as_read);
    } else if (cf_record_run_troubles(self->run, row->table, row->key)) {
        want(self, as_read); /* another one has its key */
    } else if (cf_row_view_find(self->run->view, row->table, row->key)) {
        self->drops[self->drop_count++] = (cf_row_place){base->table, base->key};
    } else {
        self->vanishing++;
        if (self->keeps)
            want(self, as_read);
        else
            self->drops[self->drop_count++] = (cf_row_place){base->table, base->key};
    }
}

/* One that is not there: new elsewhere, or deleted here. */
static void take_there(applying *self, const cf_row *shown)
{
    cf_record_run *run = self->run;
    const cf_row *here = cf_rows_find(run->here, shown->table, shown->key);

    if (!cf_record_selected(&run->selection, shown))
        return;
    if (here && cf_record_run_ignores(run, here))
        cf_record_note(run, CF_PENDING_SKIPPED, &(cf_row_place){shown->table, shown->key},
                       "a row here has its key that is not among those asked for");
    if (!here && !cf_rows_find(run->source->binding->rows, shown->table, shown->key) &&
        !cf_record_run_troubles(run, shown->table, shown->key))
        want_shown(self, shown, NULL, NULL);
}

static void decide(applying *self)
{
    cf_record_run *run = self->run;
    size_t room = run->content.file.count + cf_row_view_count(run->view);

    self->wanted = cf_arena_allocate(&run->arena, room, sizeof *self->wanted);
    self->puts = cf_arena_allocate(&run->arena, room, sizeof *self->puts);
    self->drops = cf_arena_allocate(&run->arena, run->content.file.count, sizeof *self->drops);
    self->waiting = cf_arena_allocate(&run->arena, room, sizeof *self->waiting);
    self->wanted_count = self->put_count = self->drop_count = self->vanishing = 0;
    self->waiting_count = 0;
    self->writes = false;
    for (size_t i = 0; i < run->content.file.count; i++)
        take_here(self, &run->content.file.rows[i], &run->as_read.rows[i]);
    for (size_t i = 0; i < cf_row_view_count(run->view); i++)
        take_there(self, cf_row_view_at(run->view, i));
}

/* Too many would go at once. */
static void hold(applying *self)
{
    cf_record_run *run = self->run;
    size_t items = cf_rows_count(run->source->binding->rows), vanishing = self->vanishing;

    for (size_t i = 0; i < self->drop_count; i++)
        if (!cf_row_view_find(run->view, self->drops[i].table, self->drops[i].key))
            cf_record_note(run, CF_PENDING_HELD, &self->drops[i],
                           "%zu of %zu items were deleted elsewhere: say --yes or --max-delete to "
                           "delete them here too",
                           vanishing, items);
    self->keeps = true;
    decide(self);
}

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
    for (size_t i = 0; i < outcome->count; i++) {
        const cf_medium_refusal *refusal = &outcome->refusals[i];
        bool passes = refusal->why == CF_CHANGED;

        cf_rows_put(refused, &(cf_row){.table = refusal->table, .key = refusal->key});
        cf_record_note(run, passes ? CF_PENDING_WAITS : CF_PENDING_SKIPPED,
                       &(cf_row_place){refusal->table, refusal->key}, "%s", refusal->text);
        run->unrest |= passes;
        if (!passes)
            run->source->retry_ms = run->now_ms + CF_RECORD_RETRY_MS;
    }
}

static cf_status settle(applying *self, const cf_medium_outcome *outcome, cf_error *error)
{
    cf_record_run *run = self->run;
    cf_record_source *source = run->source;
    cf_rows *refused = cf_rows_new();

    source->applied += outcome->wrote;
    source->workshop->activity += outcome->wrote;
    note_refusals(run, outcome, refused);
    settle_base(self, refused);
    cf_rows_destroy(&refused);
    cf_record_run_settled(run);
    return cf_record_run_commit(run, error);
}

static cf_status intend(applying *self, cf_error *error)
{
    const cf_record_agreement agreement = {self->puts, self->put_count, self->drops,
                                           self->drop_count};

    if (!self->writes && !self->drop_count)
        return CF_OK;
    return cf_record_run_intend(self->run, &agreement, error);
}

cf_status cf_record_run_apply(cf_record_run *run, cf_error *error)
{
    cf_record_source *source = run->source;
    applying self = {.run = run};
    cf_medium_outcome outcome;

    decide(&self);
    if (!cf_guard_allows(source->word, self.vanishing, cf_rows_count(source->binding->rows)))
        hold(&self);
    note_waiting(&self);
    cf_record_values_fetched(source->values);
    if ((!run->content.there && !self.wanted_count) ||
        (self.waiting_count && cf_record_run_is_transactional(run)))
        return CF_OK;
    cf_status status = intend(&self, error);
    if (status)
        return status;
    status = cf_medium_write(source->medium, self.wanted, self.wanted_count, &outcome, error);
    if (!status)
        status = settle(&self, &outcome, error);
    cf_medium_outcome_release(&outcome);
    return status;
}

/* ---- Only looking ---- */

/* As the base has it, or not there as in the base: what was done elsewhere may come. */
static bool is_untouched(cf_record_run *run, const cf_row *here, cf_bytes table, cf_bytes key)
{
    return cf_record_run_same(run, here, cf_rows_find(run->source->binding->rows, table, key)) &&
           !cf_record_run_troubles(run, table, key);
}

void cf_record_run_tell(cf_record_run *run)
{
    const cf_rows *base = run->source->binding->rows;

    for (size_t i = 0; i < cf_row_view_count(run->view); i++) {
        const cf_row *shown = cf_row_view_at(run->view, i);
        const cf_row *here = cf_rows_find(run->here, shown->table, shown->key);
        cf_row row;

        if (cf_record_selected(&run->selection, shown) &&
            cf_row_show(&run->content.format, shown, &run->arena, &row) &&
            is_untouched(run, here, shown->table, shown->key) &&
            !cf_record_run_same(run, here, shown))
            cf_record_note(run, CF_PENDING_UNAPPLIED, &(cf_row_place){shown->table, shown->key},
                           here ? "it was changed elsewhere" : "it is new elsewhere");
    }
    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));) {
        const cf_row *here = cf_rows_find(run->here, row->table, row->key);

        if (here && !cf_record_run_shown(run, row->table, row->key) &&
            is_untouched(run, here, row->table, row->key))
            cf_record_note(run, CF_PENDING_UNAPPLIED, &(cf_row_place){row->table, row->key}, "%s",
                           cf_row_view_find(run->view, row->table, row->key)
                               ? "it is not asked for here any more"
                               : "it was deleted elsewhere");
    }
}
