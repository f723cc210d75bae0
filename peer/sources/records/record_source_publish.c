/* SPDX-License-Identifier: Apache-2.0 */
/* What a user did to rows becomes one changeset, in one commit with the new base. First comes what
 * may not be told: rows that others have locked, and those of which too many are missing; then the
 * scan, which may add rows that go along, for which the guard is asked again. */
#include "codec/item.h"
#include "peer/sources/records/record_entries.h"
#include "peer/sources/records/record_meeting.h"
#include "peer/sources/records/record_source_counted.h"
#include "peer/sources/records/record_source_inside.h"

#include <stdio.h>
#include <stdlib.h>

/* All that was there when the source met its collection is told. From then on a new row is another
 * one, even under a number that a row elsewhere has, and a row that says what was true once is an
 * edit. */
enum {
    MEETS = CF_MEETS_SAME | CF_MEETS_OLD | CF_MEETS_AGAIN | CF_MEETS_MINE | CF_MEETS_NEW,
};

static void end_meeting(cf_record_run *run, unsigned meets)
{
    cf_binding_end_meeting(run->source->context->peer, run->source->binding, meets, run->now_ms,
                           &run->records);
}

/* ---- Entries ---- */

/* The base becomes what the source shows, each write under the dot of its entry; what was deleted
 * goes from the base, and so do dependants that went along. */
static void rebase(cf_record_counted *self, const cf_row_diff *scan, const cf_dot *dots)
{
    cf_record_run *run = self->run;
    cf_binding *binding = run->source->binding;
    cf_row_rebase after;

    cf_row_diff_rebase(scan, dots, &self->arena, &after);
    for (size_t i = 0; i < after.gone_count; i++)
        cf_binding_drop_row(binding, after.gone[i].table, after.gone[i].key, &run->records);
    for (size_t i = 0; i < after.dependant_count; i++)
        cf_binding_drop_dependant(binding, &after.dependants[i], &run->records);
    for (size_t i = 0; i < after.row_count; i++)
        cf_record_run_put(run, &after.rows[i]);
}

/* The long values that go out, copied, for after the commit. */
typedef struct {
    cf_bytes *at;
    size_t count, capacity;
} identities;

/* The identities that the changes name: copies, as a change borrows from the base, which is another
 * one by then. */
static identities identities_of(cf_record_run *run, const cf_row_diff *scan)
{
    identities found = {0};

    for (size_t i = 0; i < scan->count; i++) {
        const cf_change *change = &scan->changes[i];

        if (!change->value.size ||
            !cf_item_has_content(&change->item, change->field, change->value))
            continue;
        *cf_one_more(found.at, found.count, found.capacity) =
            cf_arena_copy(&run->arena, change->value);
    }
    return found;
}

static void end_values(cf_record_run *run, identities *published)
{
    for (size_t i = 0; i < published->count; i++)
        cf_record_values_published(run->source->values, published->at[i]);
    free(published->at);
}

/* Entries and new base in one commit; the memory of the scan is let go before. */
static cf_status commit(cf_record_counted *self, identities *published, cf_publication *publication,
                        cf_error *error)
{
    cf_record_run *run = self->run;

    if (self->waiting == 0) /* nothing of what is there waits */
        end_meeting(run, MEETS);
    cf_medium_settled(run->source->medium, &run->records);
    cf_row_view_destroy(&run->view);
    cf_arena_release(&self->arena);
    cf_status status = cf_publication_commit(publication, &run->records, error);
    cf_kv_list_release(&run->records);
    end_values(run, published);
    run->source->context->activity++;
    return status;
}

/* Entries are made and committed with the new base. CF_MISSING: a long value can't be named just
 * now, and the source is looked at again; CF_DENIED: this device may not publish, which is listed.
 * In both cases the base stays as it is. */
static cf_status publish(cf_record_counted *self, const cf_row_diff *scan, cf_error *error)
{
    cf_record_run *run = self->run;
    cf_record_source *source = run->source;
    cf_record_entries entries = {source->context->peer, run->collection->id, source->values,
                                 scan->changes,         scan->count,         run->now_ms};
    cf_publication *publication = cf_publication_new(source->context->peer, run->collection);
    cf_dot *dots = cf_arena_allocate(&self->arena, scan->count, sizeof *dots);

    cf_status status = cf_record_entries_add(&entries, publication, dots, error);
    if (status == CF_MISSING) {
        run->unrest = true;
        status = cf_record_run_commit(run, error);
    } else if (status == CF_DENIED) {
        cf_record_counted_note_unsent(self, CF_PENDING_UNSENT, error->text);
        status = cf_record_run_commit(run, error);
    } else if (!status) {
        identities published = identities_of(run, scan); /* a change borrows from the base, too */

        cf_record_counted_keep_cleared(self);
        rebase(self, scan, dots);
        status = commit(self, &published, publication, error);
    }
    cf_publication_destroy(&publication);
    return status;
}

static bool is_hidden(const void *hiding, const cf_row *viewed)
{
    return cf_record_run_hides(hiding, viewed);
}

/* What the rows that count say the user did. The scan tries its draft out under a random writer,
 * which the log has not. */
static void scan_disk(cf_record_counted *self, cf_row_diff *out)
{
    cf_record_run *run = self->run;
    cf_peer *peer = run->source->context->peer;
    cf_publication *publication = cf_publication_new(peer, run->collection);
    cf_row_diff_input *input = cf_arena_allocate(&self->arena, 1, sizeof *input);
    cf_record_meeting *meeting = cf_arena_allocate(&self->arena, 1, sizeof *meeting);

    *meeting = (cf_record_meeting){
        .view = run->view,
        .base = run->source->binding->rows,
        .joins = run->content.joins,
        .same = (run->source->binding->meets & CF_MEETS_SAME) != 0,
    };
    cf_record_meeting_begin(meeting);
    *input = (cf_row_diff_input){
        .ids = &meeting->ids,
        .schema = &run->schema,
        .format = &run->content.format,
        .state = run->collection->state,
        .view = run->view,
        .base = cf_record_run_seen(run),
        .dependants = run->source->binding->dependants,
        .hides = is_hidden,
        .hiding = run,
        .disk = self->rows,
        .disk_count = self->count,
        .sequence = 1,
        .time = cf_publication_time(publication, run->now_ms),
    };
    peer->env->random(peer->env->context, input->writer.bytes, sizeof input->writer.bytes);
    cf_row_diff_run(input, &self->arena, out);
    cf_publication_destroy(&publication);
}

/* The guard is asked twice: of the deleted rows that are shown here, and of these together with the
 * hidden rows that go along. Both must pass.
 *     1 of 4 people, and 3,000 phones that are not shown here: held */
static bool may_delete(const cf_record_run *run, const cf_row_diff *scan)
{
    cf_record_source *source = run->source;
    cf_arena arena = {0};
    cf_id *gone = cf_arena_allocate(&arena, scan->count, sizeof *gone);
    cf_vanishing own = {.side = CF_GUARD_HERE, .word = source->word, .now_ms = run->now_ms};
    cf_vanishing all = own;

    for (size_t i = 0; i < scan->count; i++)
        if (cf_field_is_deletion(scan->changes[i].field))
            gone[all.count++] = scan->changes[i].item;
    all.gone = gone;
    all.with_dependants = true;
    cf_id *shown = cf_arena_allocate(&arena, all.count, sizeof *shown);
    for (size_t i = 0; i < all.count; i++)
        if (cf_rows_of_item(source->binding->rows, &gone[i]))
            shown[own.count++] = gone[i];
    own.gone = shown;
    bool may = cf_binding_would_allow(source->context->peer, source->binding, &own) &&
               cf_binding_would_allow(source->context->peer, source->binding, &all);
    cf_arena_release(&arena);
    return may;
}

/* Whether the user's word allows deletions where other rows have the keys of those that would be
 * deleted (is_replaced()), which no limit of the source does: of the shown rows alone, and with the
 * hidden ones that go along. */
static bool may_replace(const cf_record_run *run, const cf_row_diff *scan, size_t others)
{
    const cf_binding *binding = run->source->binding;
    size_t items = cf_rows_count(binding->rows);

    return cf_guard_allows_others(run->source->word, others, items) &&
           cf_guard_allows_others(run->source->word, others + scan->cascaded,
                                  items + cf_rows_count(binding->dependants));
}

/* What would be published. Where too many hidden rows would go along with rows that are missing,
 * these count as unchanged, and the scan is done again without their deletions. */
static void scan_guarded(cf_record_counted *self, cf_row_diff *out)
{
    scan_disk(self, out);
    if (!out->cascaded || !self->missing || self->keeps_missing || may_delete(self->run, out))
        return;
    cf_record_counted_hold_missing(self, out->cascaded);
    scan_disk(self, out);
}

/* Too many rows would be deleted elsewhere since others have their keys here, or say nothing that
 * they said: as if another database, whose program counts from 1 as well, had been written over
 * this one.
 *
 *     base: 1 (Ann, 12), 2 (Bob, 13), 3 (Cleo, 14)
 *     here: 1 (nail, 3), 2 (saw, 4), 3 (axe, 5)      3 of 3 are others: held
 *     here: 1 (nail, 3), 2 (Bob, 13), 3 (Cleo, 14)   nail is new, Ann is deleted */
static bool is_replaced(cf_record_run *run, const cf_record_counted *disk, const cf_row_diff *scan)
{
    size_t items = cf_rows_count(run->source->binding->rows);
    size_t missing = disk->keeps_missing ? 0 : disk->missing;
    cf_buffer reason = {0};

    const size_t others = scan->deleted + scan->anew;

    if (others <= missing || may_replace(run, scan, others))
        return false;
    cf_buffer_append_text(&reason,
                          "%zu of %zu rows are others than they were, under the same keys: put "
                          "back what was there, or ",
                          others, items);
    cf_binding_refill_way(run->source->binding, &reason);
    cf_buffer_append_text(&reason, "`counterfoil sync ");
    cf_binding_path_word(run->source->binding, &reason);
    cf_buffer_append_text(&reason, " --yes` replaces them elsewhere too");
    cf_buffer_append(&reason, "", 1);
    cf_record_note_whole(run, CF_PENDING_HELD, (const char *)reason.data);
    cf_buffer_release(&reason);
    return true;
}

/* The rows that are missing here, as the guard asks for them. */
static cf_vanishing missing_of(const cf_record_counted *self)
{
    return (cf_vanishing){.side = CF_GUARD_HERE,
                          .word = self->run->source->word,
                          .gone = self->missing_items,
                          .count = self->missing,
                          .now_ms = self->run->now_ms};
}

/* Whether the guard would let the missing rows go, as far as this look tells: nothing is counted.
 */
static bool seems_allowed(const cf_record_counted *self)
{
    const cf_record_source *source = self->run->source;
    const cf_vanishing missing = missing_of(self);

    return cf_binding_would_allow(source->context->peer, source->binding, &missing);
}

/* Whether the rows that are missing here may be published as deleted (bindings/guard.h); a look
 * that syncs begins the guard's count, or ends it where nothing is missing.
 *
 *     12 of 12 rows are missing: held; 11 of 12: deleted elsewhere
 *     1 of 1 is missing, and not even a header is left: held (publish_changes()) */
static bool allows(cf_record_counted *self)
{
    const cf_record_source *source = self->run->source;
    const cf_vanishing missing = missing_of(self);

    if (self->run->look_only)
        return seems_allowed(self);
    if (!self->missing)
        cf_binding_end_count(source->context->peer, source->binding, CF_GUARD_HERE);
    return cf_binding_allows(source->context->peer, source->binding, &missing);
}

/* Decides what of all that differs from the base is published. What is locked elsewhere, what has a
 * long value on its way, what seems emptied and what is missing in too large a number counts as
 * unchanged, and is listed. Of a database then nothing is published, as its rows may belong
 * together:
 *
 *     2 rows of a CSV file were changed, 1 is locked elsewhere: the other is published
 *     2 rows of a database were changed, 1 is locked elsewhere: both wait */
static cf_status publish_changes(cf_record_counted *self, cf_error *error)
{
    cf_record_run *run = self->run;
    cf_record_source *source = run->source;
    cf_pending_kind kind;
    cf_row_diff scan;

    const char *silent = cf_record_run_silence(run, &kind);
    if (!silent)
        cf_record_counted_hold_locked(self);
    if (!silent && !run->look_only)
        cf_record_counted_send_values(self);
    if (!silent) {
        cf_record_counted_hold_emptied(self);
        cf_record_counted_hold_cleared(self);
    }
    cf_record_counted_gather(self);
    if (!seems_allowed(self))
        cf_record_counted_find_moved(self);
    if (!allows(self) || (self->missing && run->content.blank && !source->word.given))
        cf_record_counted_hold_missing(self, 0);
    if (!silent)
        cf_record_counted_note_unclear(self);
    if (silent || run->look_only) {
        if (!silent && self->missing && cf_rows_count(source->binding->dependants))
            scan_guarded(self, &scan);
        cf_record_counted_note_unsent(self, kind, silent);
        if (!run->look_only && !run->unrest)
            end_meeting(run, MEETS & ~CF_MEETS_SAME);
        return cf_record_run_commit(run, error);
    }
    bool whole = cf_record_run_is_transactional(run);
    if (!whole || !self->waiting)
        scan_guarded(self, &scan);
    if (whole && (self->waiting || self->keeps_missing)) {
        cf_record_counted_note_unsent(self, CF_PENDING_WAITS,
                                      "it waits for what was changed with it");
        return cf_record_run_commit(run, error);
    }
    if (is_replaced(run, self, &scan))
        return cf_record_run_commit(run, error);
    if (scan.count)
        return publish(self, &scan, error);
    if (!self->waiting)
        end_meeting(run, MEETS);
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
        same = !cf_record_run_is_odd(run, i);
    for (const cf_row *row = NULL; same && (row = cf_rows_next(base, row));) {
        const cf_row *here = cf_row_index_find(&run->here, row->table, row->key);

        same = here && cf_row_fields_equal(here, row) &&
               cf_format_holds_table(&run->content.format, row->table);
    }
    return same;
}

/* Lists rows that can't be synced as they are (too large, or the line that may be cut); they wait
 * while a program may be writing the file. */
static void note_odd(cf_record_run *run)
{
    for (size_t i = 0; run->as_read.odd && i < run->content.file.count; i++)
        if (cf_record_run_is_odd(run, i))
            cf_record_note(
                run, run->cut_passes ? CF_PENDING_WAITS : CF_PENDING_SKIPPED,
                &(cf_row_place){run->content.file.rows[i].table, run->content.file.rows[i].key},
                "%s", run->as_read.odd[i]);
}

cf_status cf_record_run_publish(cf_record_run *run, cf_error *error)
{
    cf_record_counted disk = {.run = run};
    cf_pending_kind kind;

    note_odd(run);
    cf_record_run_note_astray(run);
    run->as_base = is_as_base(run);
    if (run->as_base) {
        if (!run->look_only) {
            cf_binding_end_count(run->source->context->peer, run->source->binding, CF_GUARD_HERE);
            cf_record_run_end_cleared(run);
        }
        bool silent = cf_record_run_silence(run, &kind) != NULL;

        if (!run->look_only)
            end_meeting(run, silent ? MEETS & ~CF_MEETS_SAME : MEETS);
        return cf_record_run_commit(run, error);
    }
    if (!run->look_only || run->agrees)
        cf_record_run_adopt(run);
    cf_status status = publish_changes(&disk, error);
    cf_arena_release(&disk.arena);
    return status;
}
