/* SPDX-License-Identifier: Apache-2.0 */
/* What a source says of rows by itself, whose user said `--unique same`, or gave natural keys: that
 * two made apart are one (peer/records/row_alike.h). Before anything is applied, so that his
 * program never sees both:
 *
 *     laptop and desktop each add "https://a.example"; desktop hears of laptop's
 *     desktop publishes that its row is laptop's, and shows the one
 *     laptop hears of both at once, and shows the one
 */
#include "peer/records/record_one.h"
#include "peer/records/row_alike.h"
#include "peer/records/row_same.h"
#include "peer/sources/records/record_entries.h"
#include "peer/sources/records/record_source_inside.h"

/* The user's word is of rows that this source shows: of others he knows nothing. */
static bool is_meant(void *context, const cf_row *row)
{
    const cf_record_run *run = context;

    return cf_format_holds_table(&run->content.format, row->table) &&
           cf_record_selected(&run->selection, row);
}

/* The columns that name a row by themselves, as the user said of this source. */
static const cf_natural_key *natural_keys(const cf_database_schema *schema, cf_arena *arena,
                                          size_t *count)
{
    size_t room = 0;

    for (size_t i = 0; schema && i < schema->count; i++)
        room += schema->tables[i].count;
    cf_natural_key *keys = cf_arena_allocate(arena, room, sizeof *keys);
    *count = 0;
    for (size_t i = 0; schema && i < schema->count; i++)
        for (size_t k = 0; k < schema->tables[i].count; k++)
            if (schema->tables[i].columns[k].names)
                keys[(*count)++] = (cf_natural_key){schema->schema.tables[i].name,
                                                    schema->tables[i].columns[k].field};
    return keys;
}

/* Another device has the row locked, or one that is one with it by now. */
static bool is_locked(const cf_record_run *run, const cf_id *item)
{
    const cf_record_source *source = run->source;
    size_t count;
    const cf_id *ones = cf_row_view_all_of_one(run->view, item, &count);

    for (size_t i = 0; i < count; i++)
        if (cf_locks_of_other(source->context->locks, &source->binding->collection, &ones[i]))
            return true;
    return false;
}

/* Another device has any of the rows locked. To make only some of them one makes no sense, so all
 * wait. */
static bool are_locked(const cf_record_run *run, const cf_change *changes, size_t count)
{
    if (!cf_record_run_any_locked(run))
        return false;
    for (size_t i = 0; i < count; i++) {
        cf_id other;

        if (is_locked(run, &changes[i].item) ||
            (cf_row_same_read(changes[i].value, &other) && is_locked(run, &other)))
            return true;
    }
    return false;
}

/* What may not be published, or can't be just now, another look does, or another device. */
static cf_status publish(cf_record_run *run, const cf_change *changes, size_t count,
                         cf_error *error)
{
    cf_record_source *source = run->source;
    const cf_record_entries entries = {.peer = source->context->peer,
                                       .collection = run->collection->id,
                                       .values = source->values,
                                       .changes = changes,
                                       .count = count,
                                       .now_ms = run->now_ms};
    cf_publication *publication = cf_publication_new(source->context->peer, run->collection);
    cf_dot *dots = cf_arena_allocate(&run->arena, count, sizeof *dots);

    cf_status status = cf_record_entries_add(&entries, publication, dots, error);
    if (status == CF_DENIED || status == CF_MISSING) {
        status = CF_OK; /* another time, or another device */
    } else if (!status) {
        cf_row_view_destroy(&run->view); /* the state changes */
        status = cf_publication_commit(publication, &run->records, error);
        cf_kv_list_release(&run->records);
        source->context->activity++;
    }
    cf_publication_destroy(&publication);
    return status;
}

cf_status cf_record_run_make_one(cf_record_run *run, cf_error *error)
{
    cf_alike_choice choice = {
        .unites = run->source->binding->unites, .is_meant = is_meant, .context = run};
    cf_change_draft draft = {.arena = &run->arena};
    cf_pending_kind kind;
    size_t count;

    choice.keys = natural_keys(run->content.joins, &run->arena, &choice.key_count);
    if ((!choice.unites && !choice.key_count) || run->look_only || run->cut || run->unrest ||
        cf_record_run_receives(run) || cf_record_run_silence(run, &kind))
        return CF_OK;
    if (!run->as_base || !run->view)
        cf_record_run_view(run);
    cf_row_draft_alike(&draft, run->collection->state, &run->schema, run->view, &choice);
    const cf_change *changes = cf_change_draft_changes(&draft, &count);
    if (count)
        cf_row_draft_held_as_one(&draft, run->collection->state, &run->schema, run->view);
    changes = cf_change_draft_changes(&draft, &count);
    cf_status status = CF_OK;
    if (are_locked(run, changes, count))
        run->source->held_back = true;
    else if (count)
        status = publish(run, changes, count, error);
    cf_change_draft_release(&draft);
    return status;
}
