/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/record_source_inside.h"

#include "codec/item.h"
#include "peer/sources/records/record_entries.h"
#include "peer/sources/records/record_meeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rows that the scan gets: what the file shows, and rows of the base in the place of what
 * counts as unchanged. */
typedef struct {
    cf_record_run *run;
    cf_row *rows;
    size_t count;
    bool *waits; /* of the file's rows: for its long values, or another's lock; NULL: none does */
    size_t waiting;
    bool keeps_missing; /* what is missing counts as unchanged */
    size_t missing;     /* rows of the base that are, for all that is known */
    cf_arena arena;     /* of all this and of the scan: it ends before what came out is committed */
} disk_rows;

/* ---- What the scan gets ---- */

static bool is_odd(const cf_record_run *run, size_t index)
{
    return run->as_read.odd && run->as_read.odd[index];
}

static void add_base(disk_rows *self, const cf_row *base)
{
    if (cf_row_show(&self->run->content.format, base, &self->arena, &self->rows[self->count]))
        self->count++;
}

static void add_disk(disk_rows *self, const cf_row *row)
{
    cf_row *out = &self->rows[self->count];

    *out = *row;
    if (!cf_record_run_is_astray(self->run, row) ||
        cf_record_run_told(self->run, row, &self->arena, out))
        self->count++;
}

static void gather(disk_rows *self)
{
    cf_record_run *run = self->run;
    const cf_rows *base = run->source->binding->rows;
    bool certain = cf_record_file_certain(&run->content.file);

    self->rows = cf_arena_allocate(&self->arena, run->content.file.count + cf_rows_count(base),
                                   sizeof *self->rows);
    self->count = self->missing = 0;
    for (size_t i = 0; i < run->content.file.count; i++) {
        const cf_row *row = &run->content.file.rows[i];
        const cf_row *known;

        if (cf_record_run_ignores(run, row))
            continue;
        if (!is_odd(run, i) && !(self->waits && self->waits[i]))
            add_disk(self, row);
        else if ((known = cf_rows_find(base, row->table, row->key)))
            add_base(self, known);
    }
    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));) {
        if (cf_row_index_find(&run->here, row->table, row->key) ||
            !cf_format_holds_table(&run->content.format, row->table))
            continue;
        bool unclear = !certain || cf_record_run_troubles(run, row->table, row->key) ||
                       cf_record_run_is_locked(run, row) || cf_record_run_is_back(run, row->table);
        self->missing += !unclear;
        if (unclear || self->keeps_missing)
            add_base(self, row);
    }
}

static void note_odd(cf_record_run *run)
{
    for (size_t i = 0; run->as_read.odd && i < run->content.file.count; i++)
        if (is_odd(run, i))
            cf_record_note(
                run, CF_PENDING_SKIPPED,
                &(cf_row_place){run->content.file.rows[i].table, run->content.file.rows[i].key},
                "a value of it is too large: more than 32 MiB");
}

static void note_missing(disk_rows *self, cf_pending_kind kind, const char *reason)
{
    cf_record_run *run = self->run;
    const cf_rows *base = run->source->binding->rows;

    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        if (cf_format_holds_table(&run->content.format, row->table) &&
            !cf_row_index_find(&run->here, row->table, row->key) &&
            !cf_record_run_troubles(run, row->table, row->key) &&
            !cf_record_run_is_back(run, row->table))
            cf_record_note(run, kind, &(cf_row_place){row->table, row->key}, "%s", reason);
}

/* Too many are gone at once, or would go with them: `others` that aren't shown here. */
static void hold_missing(disk_rows *self, size_t others)
{
    size_t items = cf_rows_count(self->run->source->binding->rows);
    char reason[200];

    if (self->run->look_only)
        snprintf(reason, sizeof reason,
                 others ? "it is missing here, and many rows that aren't shown here would go with "
                          "it: sync says what to do"
                        : "it is missing here, with many others: sync says what to do");
    else if (others)
        snprintf(reason, sizeof reason,
                 "%zu of %zu items are missing here, and %zu rows that aren't shown here would go "
                 "with them: say --yes or --max-delete to delete them elsewhere",
                 self->missing, items, others);
    else
        snprintf(reason, sizeof reason,
                 "%zu of %zu items are missing here: say --yes or --max-delete to delete them "
                 "elsewhere too",
                 self->missing, items);
    note_missing(self, CF_PENDING_HELD, reason);
    self->keeps_missing = true;
    gather(self);
}

/* ---- What keeps it here ---- */

/* What would be published. */
static void note_unsent(disk_rows *self, cf_pending_kind kind, const char *why)
{
    cf_record_run *run = self->run;
    const char *mark = why ? "; " : "";

    why = why ? why : "";
    for (size_t i = 0; i < run->content.file.count; i++) {
        const cf_row *row = &run->content.file.rows[i];
        const cf_row *base = cf_rows_find(run->source->binding->rows, row->table, row->key);

        const cf_row *shown = cf_row_view_find(run->view, row->table, row->key);

        if (!cf_record_run_same(run, row, base) && !cf_record_run_shows(run, row, shown) &&
            !is_odd(run, i) && !cf_record_run_ignores(run, row))
            cf_record_note(run, kind, &(cf_row_place){row->table, row->key}, "%s%s%s",
                           base ? "it was changed here" : "it is new here", mark, why);
    }
    if (!self->keeps_missing && cf_record_file_certain(&run->content.file)) {
        char text[CF_ERROR_TEXT + 32];

        snprintf(text, sizeof text, "it was deleted here%s%s", mark, why);
        note_missing(self, kind, text);
    }
}

static void hold_locked(disk_rows *self)
{
    cf_record_run *run = self->run;
    const cf_record_file *file = &run->content.file;
    const cf_rows *rows = run->source->binding->rows;

    if (!cf_record_run_any_locked(run))
        return;
    self->waits = cf_arena_allocate(&self->arena, file->count, sizeof *self->waits);
    for (const cf_row *base = NULL; (base = cf_rows_next(rows, base));) {
        const cf_row *here = cf_row_index_find(&run->here, base->table, base->key);

        if (!cf_record_run_is_locked(run, base) || cf_record_run_same(run, here, base) ||
            !cf_format_holds_table(&run->content.format, base->table))
            continue;
        cf_record_run_note_locked(run, base);
        self->waiting++;
        if (here)
            self->waits[here - file->rows] = true;
    }
}

/* Contents go before the entry that names them. */
static void send_values(disk_rows *self)
{
    cf_record_run *run = self->run;
    cf_record_source *source = run->source;
    const cf_record_file *file = &run->content.file;

    if (!run->as_read.odd)
        return;
    if (!self->waits)
        self->waits = cf_arena_allocate(&self->arena, file->count, sizeof *self->waits);
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *base =
            cf_rows_find(source->binding->rows, file->rows[i].table, file->rows[i].key);
        const char *why;

        if (is_odd(run, i) || self->waits[i] || cf_record_run_ignores(run, &file->rows[i]) ||
            cf_record_run_same(run, &file->rows[i], base) ||
            cf_record_values_send(source->values, &file->rows[i], base, &why, &run->unrest))
            continue;
        self->waits[i] = true;
        self->waiting++;
        cf_record_note(run, CF_PENDING_WAITS,
                       &(cf_row_place){file->rows[i].table, file->rows[i].key}, "%s", why);
    }
}

/* ---- Entries ---- */

static void rebase(disk_rows *self, const cf_row_scan *scan, const cf_dot *dots)
{
    cf_record_run *run = self->run;
    cf_binding *binding = run->source->binding;
    cf_row_rebase after;

    cf_row_scan_rebase(scan, dots, &self->arena, &after);
    for (size_t i = 0; i < after.gone_count; i++) {
        cf_bytes table = cf_arena_copy(&self->arena, after.gone[i].table);
        cf_bytes key = cf_arena_copy(&self->arena, after.gone[i].key);

        cf_binding_drop_row(binding, table, key, &run->records);
    }
    for (size_t i = 0; i < after.dependant_count; i++)
        cf_binding_drop_dependant(binding, &after.dependants[i], &run->records);
    for (size_t i = 0; i < after.row_count; i++)
        cf_record_run_put(run, &after.rows[i]);
}

/* The long values that go out, for after the commit. */
typedef struct {
    cf_bytes *at;
    size_t count, capacity;
} identities;

static identities identities_of(cf_record_run *run, const cf_row_scan *scan)
{
    identities found = {0};

    for (size_t i = 0; i < scan->count; i++) {
        const cf_change *change = &scan->changes[i];

        if (!change->value.size ||
            !cf_item_has_content(&change->item, change->field, change->value))
            continue;
        found.at = cf_grow(found.at, &found.capacity, found.count + 1, sizeof *found.at);
        found.at[found.count++] = cf_arena_copy(&run->arena, change->value);
    }
    return found;
}

static void end_values(cf_record_run *run, identities *published)
{
    for (size_t i = 0; i < published->count; i++)
        cf_record_values_published(run->source->values, published->at[i]);
    free(published->at);
}

/* All of it in one commit; the memory of the scan is let go before. */
static cf_status commit(disk_rows *self, const cf_row_scan *scan, cf_publication *publication,
                        cf_error *error)
{
    cf_record_run *run = self->run;
    identities published = identities_of(run, scan);

    if (self->waiting == 0) /* nothing of what is there waits */
        cf_binding_end_meeting(run->source->binding, &run->records);
    cf_medium_settled(run->source->medium, &run->records);
    cf_row_view_destroy(&run->view);
    cf_arena_release(&self->arena);
    cf_status status = cf_publication_commit(publication, &run->records, error);
    cf_records_release(&run->records);
    end_values(run, &published);
    run->source->workshop->activity++;
    return status;
}

static cf_status publish(disk_rows *self, const cf_row_scan *scan, cf_error *error)
{
    cf_record_run *run = self->run;
    cf_record_source *source = run->source;
    cf_record_entries entries = {source->workshop->peer, run->collection->id, source->values,
                                 scan->changes,          scan->count,         run->now_ms};
    cf_publication *publication = cf_publication_new(source->workshop->peer, run->collection);
    cf_dot *dots = cf_arena_allocate(&self->arena, scan->count, sizeof *dots);

    cf_status status = cf_record_entries_add(&entries, publication, dots, error);
    if (status == CF_MISSING) {
        run->unrest = true;
        status = cf_record_run_commit(run, error);
    } else if (!status) {
        rebase(self, scan, dots);
        status = commit(self, scan, publication, error);
    }
    cf_publication_destroy(&publication);
    return status;
}

static bool is_hidden(const void *hiding, const cf_row *viewed)
{
    return cf_record_run_hides(hiding, viewed);
}

static void scan_disk(disk_rows *self, cf_row_scan *out)
{
    cf_record_run *run = self->run;
    cf_peer *peer = run->source->workshop->peer;
    cf_publication *publication = cf_publication_new(peer, run->collection);
    cf_row_scan_input *input = cf_arena_allocate(&self->arena, 1, sizeof *input);
    cf_record_meeting *meeting = cf_arena_allocate(&self->arena, 1, sizeof *meeting);

    cf_record_meeting_begin(meeting, run->view, run->source->binding->rows);
    *input = (cf_row_scan_input){
        .ids = run->source->binding->same_rows ? &meeting->ids : &cf_record_ids_product,
        .schema = &run->schema,
        .format = &run->content.format,
        .state = run->collection->state,
        .view = run->view,
        .base = run->source->binding->rows,
        .dependants = run->source->binding->dependants,
        .hides = is_hidden,
        .hiding = run,
        .disk = self->rows,
        .disk_count = self->count,
        .sequence = 1,
        .time = cf_publication_time(publication, run->now_ms),
    };
    peer->env->random(peer->env->context, input->writer.bytes, sizeof input->writer.bytes);
    cf_row_scan_run(input, &self->arena, out);
    cf_publication_destroy(&publication);
}

/* With those that go with them. */
static bool may_delete(const cf_record_run *run, const cf_row_scan *scan)
{
    const cf_binding *binding = run->source->binding;
    size_t items = cf_rows_count(binding->rows);

    return cf_guard_allows(run->source->word, scan->deleted, items) &&
           cf_guard_allows(run->source->word, scan->deleted + scan->cascaded,
                           items + cf_rows_count(binding->dependants));
}

/* What would be published. Where too much goes with what is missing, that stays. */
static void scan_guarded(disk_rows *self, cf_row_scan *out)
{
    scan_disk(self, out);
    if (!out->cascaded || !self->missing || self->keeps_missing || may_delete(self->run, out))
        return;
    hold_missing(self, out->cascaded);
    scan_disk(self, out);
}

/* Too many rows would go elsewhere since others have their keys here: as if another database, whose
 * program counts from 1 as well, had been written over this one. */
static bool is_replaced(cf_record_run *run, const disk_rows *disk, const cf_row_scan *scan)
{
    size_t items = cf_rows_count(run->source->binding->rows);
    size_t missing = disk->keeps_missing ? 0 : disk->missing;
    char reason[200];

    if (scan->deleted <= missing || may_delete(run, scan))
        return false;
    snprintf(reason, sizeof reason,
             "%zu of %zu rows are others than they were, under the same keys: say --yes or "
             "--max-delete to replace them elsewhere too",
             scan->deleted, items);
    cf_record_note_whole(run, CF_PENDING_HELD, reason);
    return true;
}

/* What was done to the disk, if anything was. */
static cf_status publish_changes(disk_rows *self, cf_error *error)
{
    cf_record_run *run = self->run;
    cf_record_source *source = run->source;
    cf_pending_kind kind;
    cf_row_scan scan;

    const char *silent = cf_record_run_silence(run, &kind);
    if (!silent)
        hold_locked(self);
    if (!silent && !run->look_only)
        send_values(self);
    gather(self);
    if (!cf_guard_allows(source->word, self->missing, cf_rows_count(source->binding->rows)) ||
        (self->missing && run->content.blank && !source->word.given))
        hold_missing(self, 0);
    if (silent || run->look_only) {
        if (!silent && self->missing && cf_rows_count(source->binding->dependants))
            scan_guarded(self, &scan);
        note_unsent(self, kind, silent);
        return cf_record_run_commit(run, error);
    }
    if (self->waiting && cf_record_run_is_transactional(run)) {
        note_unsent(self, CF_PENDING_WAITS, "it waits for what was changed with it");
        return cf_record_run_commit(run, error);
    }
    scan_guarded(self, &scan);
    if (is_replaced(run, self, &scan))
        return cf_record_run_commit(run, error);
    if (scan.count)
        return publish(self, &scan, error);
    if (!self->waiting)
        cf_binding_end_meeting(source->binding, &run->records);
    return cf_record_run_commit(run, error);
}

/* Each row of the base is there as it was, and no other row: then nothing was deleted either,
 * whatever else is in trouble. */
static bool is_as_base(const cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    const cf_rows *base = run->source->binding->rows;
    bool same = file->count == cf_rows_count(base);

    for (size_t i = 0; same && i < file->count; i++)
        same = !is_odd(run, i);
    for (const cf_row *row = NULL; same && (row = cf_rows_next(base, row));) {
        const cf_row *here = cf_row_index_find(&run->here, row->table, row->key);

        same = here && cf_row_fields_equal(here, row) &&
               cf_format_holds_table(&run->content.format, row->table);
    }
    return same;
}

cf_status cf_record_run_publish(cf_record_run *run, cf_error *error)
{
    disk_rows disk = {.run = run};
    cf_pending_kind kind;

    note_odd(run);
    cf_record_run_note_astray(run);
    run->as_base = is_as_base(run);
    if (run->as_base) {
        if (!cf_record_run_silence(run, &kind) && !run->look_only)
            cf_binding_end_meeting(run->source->binding, &run->records);
        return cf_record_run_commit(run, error);
    }
    if (!run->look_only)
        cf_record_run_adopt(run);
    cf_status status = publish_changes(&disk, error);
    cf_arena_release(&disk.arena);
    return status;
}
