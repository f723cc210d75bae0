/* SPDX-License-Identifier: Apache-2.0 */
/* Whether anything can be in conflict, which is asked before a view is made: there are two writes
 * of one field, values with one seat, names of one occurrence, fields that exclude each other, or a
 * unique column. What is shown instead of a value: what has its seat, the field or line it gave way
 * to, the key, or a field that excludes its own. */
#include "peer/sources/records/record_conflicts.h"

#include <stdlib.h>
#include <string.h>

#include "codec/item.h"
#include "codec/pack.h"
#include "peer/adapters/record_format.h"
#include "peer/log/catalog_schema.h"
#include "peer/log/record_names.h"
#include "peer/records/record_both.h"
#include "peer/records/record_one.h"
#include "peer/records/record_view.h"
#include "peer/records/row_instead.h"
#include "peer/records/seats.h"
#include "peer/sources/records/record_clash.h"
#include "peer/sources/records/record_held.h"

typedef struct {
    const cf_state *state;
    size_t seated;  /* of one record */
    cf_bytes named; /* of that, by which start an occurrence is; nothing: none is told yet */
    bool found;
} seated_search;

/* NAME of NAME/ENTRY; nothing of a field with one part. */
static cf_bytes set_of(cf_bytes field)
{
    const uint8_t *end = field.size > 1 ? memrchr(field.data + 1, '/', field.size - 1) : NULL;

    return end ? cf_bytes_of(field.data, (size_t)(end - field.data)) : (cf_bytes){0};
}

/* Whether the value of a set may not stand beside another one: two of the record have seats, or a
 * line may give way to a field. */
static void find_value(seated_search *self, const cf_id *id, const cf_write *write)
{
    const cf_bytes set = set_of(cf_state_field_name(self->state, write->field));
    const cf_seat seat = set.size ? cf_seat_of(id->bytes[0], set, write->value) : (cf_seat){0};

    self->seated += seat.kind == CF_SEAT_NAMED;
    self->found = self->found || self->seated > 1 || cf_seat_has_field(&seat);
}

/* Whether the record's occurrences are named by several starts: two names may be of one of them. */
static void find_naming(seated_search *self, const cf_write *write)
{
    const cf_bytes field = cf_state_field_name(self->state, write->field);

    if (!cf_row_instead_column(field).size)
        return;
    self->found = self->found || (self->named.size && !cf_bytes_equal(self->named, write->value));
    self->named = write->value;
}

/* Looks through a record for values that may have one seat, lines that may give way, and
 * occurrences that may have two names. */
static void find_seated(void *context, const cf_id *id)
{
    seated_search *self = context;

    if (self->found || !cf_item_is_record(id))
        return;
    const cf_item *item = cf_state_item(self->state, id);
    self->seated = 0;
    self->named = (cf_bytes){0};
    for (size_t i = 0; !self->found && i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(self->state, item, i);

        find_value(self, id, &write);
        find_naming(self, &write);
    }
}

/* Whether rows can clash: a table has columns in which no two rows may be equal. */
static bool has_unique(const cf_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->tables[i].unique_count)
            return true;
    return false;
}

/* Whether anything can be in conflict; if not, no view is made of all rows. There must be two
 * writes of one field, or values with seats or occurrences with names, which only contacts, events
 * and tasks have, or fields that exclude each other, which only others have, or a value that one
 * row alone can have. */
static bool has_contested(const cf_binding *binding, const cf_state *state, const cf_schema *schema)
{
    const bool has_seats = binding->map || cf_adapter_has_seats(cf_adapter_of(binding->format));
    seated_search search = {.state = state, .found = cf_state_contested_count(state) > 0};

    if (!search.found)
        search.found = has_unique(schema);
    if (has_seats)
        cf_state_each(state, find_seated, &search);
    else if (!search.found)
        search.found = cf_state_has_nested_field(state);
    return search.found;
}

/* What is shown instead of a value, and of which set that is a value. */
typedef struct {
    cf_bytes set, value;
} instead;

/* The value of the row's set that has the seat instead of the listed one; nothing: none has. */
static cf_bytes shown_in_seat(const cf_row_conflict *conflict, cf_bytes set, const cf_seat *seat)
{
    const cf_row_field *field = cf_row_field_named(conflict->row, set);

    for (size_t i = 0; field && i < field->count; i++) {
        const cf_seat other = cf_seat_of(conflict->row->item.bytes[0], set, field->values[i]);

        if (cf_seat_alike(seat, &other))
            return field->values[i];
    }
    return (cf_bytes){0};
}

/* The value of the row's field to which the listed line gave way; nothing: there is none. */
static instead shown_in_field(const cf_row_conflict *conflict, const cf_seat *line)
{
    const cf_row *row = conflict->row;

    for (size_t i = 0; i < row->field_count; i++)
        for (size_t k = 0; k < row->fields[i].count; k++) {
            const cf_bytes field = row->fields[i].name, value = row->fields[i].values[k];
            const cf_seat seat = cf_seat_of(row->item.bytes[0], field, value);

            if (cf_seat_is_field(line, field, &seat))
                return (instead){field, value};
        }
    return (instead){0};
}

/* The line to which the listed value of a field, or of an entry of a set, gave way. */
static instead shown_as_line(const cf_row_conflict *conflict, cf_bytes name, const cf_seat *seat)
{
    const uint8_t kind = conflict->row->item.bytes[0];
    const cf_bytes set = cf_set_of_lines(kind);
    const cf_row_field *lines = cf_row_field_named(conflict->row, set);

    for (size_t i = 0; lines && i < lines->count; i++) {
        const cf_seat line = cf_seat_of(kind, set, lines->values[i]);

        if (cf_seat_is_field(&line, name, seat))
            return (instead){set, lines->values[i]};
    }
    return (instead){0};
}

/* The first value of the row for which there is no room beside the field's; else the line to which
 * the value gave way. */
static instead shown_elsewhere(const cf_row_conflict *conflict, const cf_seat *seat)
{
    const cf_row *row = conflict->row;

    for (size_t i = 0; i < row->field_count; i++)
        if (row->fields[i].count && cf_fields_exclude(conflict->field, row->fields[i].name))
            return (instead){.value = row->fields[i].values[0]};
    return shown_as_line(conflict, conflict->field, seat);
}

/* Of a value with a seat: the value of the set that has the seat; else the field to which a line
 * gave way, or the line to which another value did. */
static instead shown_of_set(const cf_row_conflict *conflict, cf_bytes set, const cf_seat *seat)
{
    const cf_bytes shown = shown_in_seat(conflict, set, seat);

    if (shown.size)
        return (instead){set, shown};
    return seat->spelled ? shown_in_field(conflict, seat) : shown_as_line(conflict, set, seat);
}

/* What the row shows in the place of the conflict's value: what has its seat, or the field or line
 * that it gave way to; else the key, what the field has, or one that excludes the field. */
static instead shown_instead(const cf_row_conflict *conflict)
{
    const cf_row *row = conflict->row;
    const cf_bytes set = set_of(conflict->field);
    const cf_seat seat = cf_seat_of(row->item.bytes[0], set, conflict->value);

    if (seat.name.size)
        return shown_of_set(conflict, set, &seat);
    if (cf_bytes_equal(conflict->field, cf_bytes_of_text(CF_FIELD_KEY)))
        return (instead){.value = row->key};
    const cf_row_field *field = cf_row_field_named(row, conflict->as);

    return field ? (instead){set, field->values[0]} : shown_elsewhere(conflict, &seat);
}

/* A value as it is told: of a line that no field has a word for only what stands behind the colon;
 * of a long one the identity. */
static cf_told_value told(const cf_row_conflict *conflict, cf_bytes set, cf_bytes value,
                          cf_arena *arena)
{
    const cf_id *item = &conflict->row->item;
    const cf_seat seat = cf_seat_of(item->bytes[0], set, value);
    bool is_long = value.size && cf_item_has_content(item, conflict->field, value);
    cf_buffer text = {0};

    if (seat.spelled && seat.bare) { /* what stands behind the colon */
        cf_pack_text(&text, seat.text);
        value = cf_buffer_view(&text);
    }
    cf_told_value copy = {cf_arena_copy(arena, value), is_long};
    cf_buffer_release(&text);
    return copy;
}

/* Of a value with a seat the seat's name, as "geo": the entry's name says nothing to people. */
static void append_field(const cf_row_conflict *conflict, cf_buffer *path)
{
    const cf_bytes set = set_of(conflict->field);
    const uint8_t kind = conflict->row->item.bytes[0];
    const cf_seat seat = cf_seat_of(kind, set, conflict->value);

    if (seat.spelled)
        cf_buffer_append(path, seat.name.data, seat.name.size);
    else
        cf_record_field_path(kind, seat.name.size ? set : conflict->as, path);
}

void cf_record_conflict_path(const cf_row_conflict *conflict, cf_buffer *path)
{
    cf_record_path(conflict->row->item.bytes[0], conflict->row->table, conflict->row->key, path);
    cf_buffer_append(path, "/", 1);
    append_field(conflict, path);
}

typedef struct {
    cf_dot dot;
    cf_bytes path;
    cf_record_conflict conflict;
} known_conflict;

struct cf_known_conflicts {
    cf_buffer of; /* all that they follow from */
    cf_arena arena;
    known_conflict *at;
    size_t count, capacity;
};

void cf_known_conflicts_destroy(cf_known_conflicts **known)
{
    if (!*known)
        return;
    cf_buffer_release(&(*known)->of);
    cf_arena_release(&(*known)->arena);
    free((*known)->at);
    free(*known);
    *known = NULL;
}

void cf_record_both_path(const cf_row_conflict *both, cf_buffer *path)
{
    cf_record_path(both->row->item.bytes[0], both->row->table, both->row->key, path);
    cf_buffer_append(path, "/", 1);
    cf_record_field_text(set_of(both->field), path);
}

/* The table, of a row of a database; nothing of others, whose tables nobody named. */
static cf_bytes table_of(const cf_row *row, cf_arena *arena)
{
    return row->item.bytes[0] == CF_KIND_ROW ? cf_arena_copy(arena, row->table) : (cf_bytes){0};
}

/* Keeps a conflict of values. `both`: the other value of the entry, which is shown as well; NULL:
 * another value is shown instead. */
static void keep_one(const cf_row_view *view, const cf_schema *schema, const cf_row_conflict *one,
                     const cf_row_both *both, cf_known_conflicts *known)
{
    cf_arena *arena = &known->arena;
    cf_buffer record = {0}, path = {0}, rival = {0};
    const instead shown =
        both ? (instead){set_of(one->field), cf_row_view_shown_value(view, both->first)}
             : shown_instead(one);

    if (one->rival)
        cf_record_path(one->rival->item.bytes[0], one->rival->table, one->rival->key, &rival);
    cf_record_path(one->row->item.bytes[0], one->row->table, one->row->key, &record);
    if (both)
        cf_record_both_path(one, &path);
    else
        cf_record_conflict_path(one, &path);
    *cf_one_more(known->at, known->count, known->capacity) = (known_conflict){
        .dot = one->dot,
        .path = cf_arena_copy(arena, cf_buffer_view(&path)),
        .conflict = {.time_ms = one->time.ms,
                     .record = cf_arena_copy(arena, cf_buffer_view(&record)),
                     .table = table_of(one->row, arena),
                     .both = both != NULL,
                     .gives_way = one->gives_way,
                     .rival = cf_arena_copy(arena, cf_buffer_view(&rival)),
                     .rival_written = one->rival_dot,
                     .can_be_one = cf_row_can_be_one(schema, one),
                     .shown = told(one, shown.set, shown.value, arena),
                     .value = told(one, set_of(one->field),
                                   cf_row_view_shown_value(view, one->value), arena)},
    };
    cf_buffer_release(&path);
    cf_buffer_release(&record);
    cf_buffer_release(&rival);
}

/* ---- Rows that are hidden ---- */

static cf_bytes name_of(cf_bytes field, cf_arena *arena)
{
    cf_buffer name = {0};

    cf_record_field_text(field, &name);
    const cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    return copy;
}

/* What the hidden row says, in columns as people call them; in the one that would give way what it
 * wishes for. */
static void tell_fields(const cf_row_view *view, const cf_record_clash *clash, cf_arena *arena,
                        cf_told_clash *out)
{
    const cf_row *row = clash->row;
    cf_told_field *fields = cf_arena_allocate(arena, row->field_count, sizeof *fields);

    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *field = &row->fields[i];
        const bool is_wish = clash->wish && cf_bytes_equal(clash->wish->field, field->name);

        if (!field->count)
            continue;
        const cf_bytes value = is_wish ? clash->wish->value : field->values[0];
        fields[out->field_count++] =
            (cf_told_field){name_of(field->name, arena),
                            {cf_arena_copy(arena, cf_row_view_shown_value(view, value)),
                             cf_item_has_content(&row->item, field->name, value)}};
    }
    out->fields = fields;
}

/* The write that gave the rival the first of the columns in which both agree; else the one that
 * made it. */
static cf_dot rival_written(const cf_clash_search *search, const cf_record_clash *clash)
{
    cf_row_ref *refs = NULL;
    cf_arena arena = {0};
    size_t count = 0;
    cf_dot dot = {0};
    cf_time time;
    cf_error ignored;

    cf_row_made(search->collection->state, &clash->rival->item, &dot, &time);
    const cf_row agreed = cf_row_view_agree(search->view, clash->rival, &arena);
    if (cf_row_refs_read(&agreed, &arena, &refs, &count, &ignored))
        count = 0;
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(refs[i].field, clash->columns[0]) && refs[i].standing == CF_WRITE_SHOWN)
            dot = refs[i].dot;
    cf_arena_release(&arena);
    return dot;
}

/* Keeps a clash. A row that the source refused to change lies here as it was: the clash is called
 * by the key that it has here. */
static void keep_clash(const cf_clash_search *search, const cf_record_clash *clash,
                       cf_known_conflicts *known)
{
    cf_arena *arena = &known->arena;
    cf_told_clash *told = cf_arena_allocate(arena, 1, sizeof *told);
    cf_bytes *columns = cf_arena_allocate(arena, clash->column_count, sizeof *columns);
    const cf_row *here =
        clash->wish ? cf_rows_of_item(search->binding->rows, &clash->row->item) : NULL;
    const cf_row *called = here ? here : clash->row;
    cf_buffer rival = {0}, record = {0};

    for (size_t i = 0; i < clash->column_count; i++)
        columns[i] = name_of(clash->columns[i], arena);
    *told = (cf_told_clash){.columns = columns,
                            .column_count = clash->column_count,
                            .empties =
                                clash->column.size ? name_of(clash->column, arena) : (cf_bytes){0},
                            .lies_here = here != NULL,
                            .refusal = cf_arena_copy(arena, clash->refusal)};
    tell_fields(search->view, clash, arena, told);
    told->waiting_count = cf_record_clash_waiting(search, clash, arena, &told->waiting);
    cf_record_path(called->item.bytes[0], called->table, called->key, &record);
    cf_record_path(clash->rival->item.bytes[0], clash->rival->table, clash->rival->key, &rival);
    *cf_one_more(known->at, known->count, known->capacity) =
        (known_conflict){.dot = clash->made,
                         .path = cf_arena_copy(arena, clash->path),
                         .conflict = {.time_ms = clash->time.ms,
                                      .record = cf_arena_copy(arena, cf_buffer_view(&record)),
                                      .table = table_of(clash->row, arena),
                                      .rival = cf_arena_copy(arena, cf_buffer_view(&rival)),
                                      .rival_written = rival_written(search, clash),
                                      .can_be_one = clash->can_be_one,
                                      .clash = told}};
    cf_buffer_release(&record);
    cf_buffer_release(&rival);
}

/* ---- All conflicts ---- */

/* Clashes, then the conflicts of values that are told. A value that gives way to what the source
 * can't show is told with its row's clash, and not again. */
static void keep(cf_clash_search *search, cf_arena *arena, cf_known_conflicts *known)
{
    const cf_record_clash *clashes;
    size_t count;
    const size_t clash_count = cf_record_clashes(search, arena, &clashes);
    const cf_row_conflict *conflicts = cf_row_view_conflicts(search->view, &count);

    for (size_t i = 0; i < clash_count; i++)
        keep_clash(search, &clashes[i], known);
    for (size_t i = 0; i < count; i++)
        if (cf_record_conflict_is_told(search, conflicts[i].row, conflicts[i].field) &&
            !cf_record_clash_of(clashes, clash_count, &conflicts[i]))
            keep_one(search->view, search->schema, &conflicts[i], NULL, known);
}

/* Values of one entry of a set that are all shown, since two devices changed it apart. */
static void keep_both(const cf_clash_search *search, cf_known_conflicts *known)
{
    cf_arena arena = {0};
    size_t count;
    const cf_row_both *all =
        cf_row_both_kept(search->view, search->collection->state, search->schema, &arena, &count);

    for (size_t i = 0; i < count; i++)
        if (cf_record_conflict_is_told(search, all[i].other.row, all[i].other.field))
            keep_one(search->view, search->schema, &all[i].other, &all[i], known);
    cf_arena_release(&arena);
}

/* All that the conflicts follow from: the state; schema, forgotten tables and names of devices, all
 * of which the catalog has; what is asked for; what the source can hold, and what it refused. */
static void note_origin(cf_peer *peer, const cf_binding *binding, const cf_collection *collection,
                        cf_buffer *out)
{
    const cf_collection *catalog = NULL;
    cf_arena arena = {0};
    cf_bytes held = {0};
    cf_error ignored;

    if (cf_catalog_open(peer, (cf_collection **)&catalog, &ignored))
        catalog = NULL;
    const uint64_t versions[] = {
        (uintptr_t)collection->state,   collection->changes,
        catalog ? catalog->changes : 0, binding->refusals,
        binding->include_count,
    };
    cf_buffer_append(out, versions, sizeof versions);
    for (size_t i = 0; i < binding->include_count; i++)
        cf_buffer_append(out, binding->include[i], strlen(binding->include[i]) + 1);
    for (size_t i = 0; i < binding->exclude_count; i++)
        cf_buffer_append(out, binding->exclude[i], strlen(binding->exclude[i]) + 1);
    cf_buffer_append(out, "", 1);
    if (cf_record_held_load(peer, binding->number, &arena, &held, &ignored) == CF_OK)
        cf_buffer_append(out, held.data, held.size);
    cf_arena_release(&arena);
}

/* Makes the view of all rows and finds what is in conflict in it; no view where nothing can be. */
static void find_anew(cf_peer *peer, const cf_binding *binding, const cf_collection *collection,
                      cf_known_conflicts *known)
{
    cf_arena arena = {0};
    cf_schema schema;
    cf_error ignored;

    if (cf_catalog_schema(peer, &collection->id, &arena, &schema, &ignored) ||
        !has_contested(binding, collection->state, &schema))
        goto done; /* the source itself says why */
    cf_row_view *view = cf_row_view_new(collection->state, &schema);
    cf_clash_search search = {.peer = peer,
                              .binding = binding,
                              .collection = collection,
                              .schema = &schema,
                              .view = view};
    keep(&search, &arena, known);
    keep_both(&search, known);
    cf_row_view_destroy(&view);
done:
    cf_arena_release(&arena);
}

static cf_told_value copy_value(const cf_told_value *value, cf_arena *arena)
{
    return (cf_told_value){cf_arena_copy(arena, value->value), value->is_long};
}

static const cf_bytes *copy_all(const cf_bytes *at, size_t count, cf_arena *arena)
{
    cf_bytes *copy = cf_arena_allocate(arena, count, sizeof *copy);

    for (size_t i = 0; i < count; i++)
        copy[i] = cf_arena_copy(arena, at[i]);
    return copy;
}

static const cf_told_clash *copy_clash(const cf_told_clash *clash, cf_arena *arena)
{
    if (!clash)
        return NULL;
    cf_told_clash *copy = cf_arena_allocate(arena, 1, sizeof *copy);
    cf_told_field *fields = cf_arena_allocate(arena, clash->field_count, sizeof *fields);

    for (size_t i = 0; i < clash->field_count; i++)
        fields[i] = (cf_told_field){cf_arena_copy(arena, clash->fields[i].name),
                                    copy_value(&clash->fields[i].value, arena)};
    *copy = *clash;
    copy->fields = fields;
    copy->columns = copy_all(clash->columns, clash->column_count, arena);
    copy->waiting = copy_all(clash->waiting, clash->waiting_count, arena);
    copy->empties = cf_arena_copy(arena, clash->empties);
    copy->refusal = cf_arena_copy(arena, clash->refusal);
    return copy;
}

void cf_record_conflicts(cf_peer *peer, const cf_binding *binding, const cf_collection *collection,
                         cf_known_conflicts **known, cf_arena *arena,
                         cf_record_conflict_found *found, void *context)
{
    cf_buffer of = {0};

    note_origin(peer, binding, collection, &of);
    if (!*known || !cf_bytes_equal(cf_buffer_view(&(*known)->of), cf_buffer_view(&of))) {
        cf_known_conflicts_destroy(known);
        *known = cf_allocate(1, sizeof **known);
        (*known)->of = of;
        of = (cf_buffer){0};
        find_anew(peer, binding, collection, *known);
    }
    cf_buffer_release(&of);
    for (size_t i = 0; i < (*known)->count; i++) {
        const known_conflict *one = &(*known)->at[i];
        cf_record_conflict *conflict = cf_arena_allocate(arena, 1, sizeof *conflict);

        *conflict = (cf_record_conflict){
            .value = copy_value(&one->conflict.value, arena),
            .shown = copy_value(&one->conflict.shown, arena),
            .time_ms = one->conflict.time_ms,
            .record = cf_arena_copy(arena, one->conflict.record),
            .table = cf_arena_copy(arena, one->conflict.table),
            .can_be_one = one->conflict.can_be_one,
            .both = one->conflict.both,
            .gives_way = one->conflict.gives_way,
            .rival = cf_arena_copy(arena, one->conflict.rival),
            .rival_written = one->conflict.rival_written,
            .clash = copy_clash(one->conflict.clash, arena),
        };
        found(context, &one->dot, one->path, conflict);
    }
}
