/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/record_settling.h"

#include "peer/log/catalog_schema.h"
#include "peer/sources/records/record_conflicts.h"
#include "peer/sources/records/record_entries.h"
#include "peer/sources/records/record_held.h"
#include "peer/sources/records/record_include.h"

#include <fnmatch.h>

typedef struct {
    const cf_record_settling *of;
    cf_collection *collection;
    cf_schema schema;
    cf_row_format format;
    cf_row_view *view;
    cf_record_selection selection;
    cf_keep keep;
    cf_id writer;
    cf_change *changes; /* ascending, as the conflicts are */
    size_t count;
    cf_record_settled *out;
    cf_arena arena;
} settling;

static bool is_meant(const settling *self, const cf_row_conflict *conflict)
{
    cf_buffer path = {0};

    cf_record_conflict_path(conflict, &path);
    cf_buffer_append(&path, "", 1);
    bool meant = cf_record_selected(&self->selection, conflict->row) &&
                 fnmatch(self->of->pattern, (const char *)path.data, 0) == 0;
    cf_buffer_release(&path);
    return meant;
}

static bool is_field(const settling *self, const cf_row_conflict *conflict)
{
    const cf_schema_table *table = cf_schema_find(&self->schema, conflict->row->table);
    cf_bytes name;

    return table && !cf_bytes_equal(conflict->field, cf_bytes_of_text(CF_FIELD_KEY)) &&
           !cf_bytes_equal(conflict->field, cf_bytes_of_text(CF_FIELD_TABLE)) &&
           cf_schema_property(table, conflict->field, &name) != CF_MERGE_SET;
}

/* The conflicts of one field. */
static void settle_field(settling *self, const cf_row_conflict *listed, size_t count)
{
    const cf_row *row = listed->row;

    if (!is_meant(self, listed))
        return;
    if (cf_locks_of_other(self->of->locks, &self->collection->id, &row->item)) {
        self->out->locked++;
        return;
    }
    const cf_row agreed = cf_row_view_agree(self->view, row, &self->arena);
    if (is_field(self, listed) && cf_row_resolve(&agreed, listed, count, &self->keep, &self->arena,
                                                 &self->changes[self->count]))
        self->count++;
    else
        self->out->lacking++;
}

static void settle_all(settling *self)
{
    size_t count, to;
    const cf_row_conflict *conflicts = cf_row_view_conflicts(self->view, &count);

    self->changes = cf_arena_allocate(&self->arena, count, sizeof *self->changes);
    for (size_t from = 0; from < count; from = to) {
        to = from + 1;
        while (to < count && conflicts[to].row == conflicts[from].row &&
               cf_bytes_equal(conflicts[to].field, conflicts[from].field))
            to++;
        settle_field(self, &conflicts[from], to - from);
    }
    self->out->settled = self->count;
}

static cf_status publish(settling *self, cf_error *error)
{
    const cf_record_entries entries = {.peer = self->of->peer,
                                       .collection = self->collection->id,
                                       .changes = self->changes,
                                       .count = self->count,
                                       .now_ms = self->of->now_ms};
    cf_publication *publication = cf_publication_new(self->of->peer, self->collection);
    cf_dot *dots = cf_arena_allocate(&self->arena, self->count, sizeof *dots);
    cf_records records = {0};

    cf_status status = cf_record_entries_add(&entries, publication, dots, error);
    cf_row_view_destroy(&self->view); /* the state changes */
    if (!status)
        status = cf_publication_commit(publication, &records, error);
    cf_records_release(&records);
    cf_publication_destroy(&publication);
    return status;
}

static cf_status open(settling *self, cf_error *error)
{
    const cf_record_settling *of = self->of;
    const cf_id *id = &of->binding->collection;
    cf_error ignored;

    cf_status status = cf_peer_collection(of->peer, id, &self->collection, error);
    if (!status)
        status = cf_catalog_schema(of->peer, id, &self->arena, &self->schema, error);
    if (status)
        return status;
    if (cf_record_held_format(of->peer, of->binding->number, &self->arena, &self->format, &ignored))
        self->format = (cf_row_format){0};
    self->keep = of->keep;
    self->keep.writer =
        cf_author_writer(of->peer->author, id, &self->writer) ? &self->writer : NULL;
    self->view = cf_row_view_new(self->collection->state, &self->schema);
    cf_record_select(of->binding, &self->format, &self->schema, self->view, &self->arena,
                     &self->selection);
    return CF_OK;
}

cf_status cf_record_settle(const cf_record_settling *of, cf_record_settled *out, cf_error *error)
{
    settling self = {.of = of, .out = out};

    *out = (cf_record_settled){0};
    cf_status status = open(&self, error);
    if (!status)
        settle_all(&self);
    if (!status && self.count && !of->tries)
        status = publish(&self, error);
    cf_row_view_destroy(&self.view);
    cf_arena_release(&self.arena);
    return status;
}
