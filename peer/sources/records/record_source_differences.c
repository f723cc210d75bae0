/* SPDX-License-Identifier: Apache-2.0 */
/* Where the tables of a database are not those of its collection, as far as the log knows: it has
 * no types, and of a column that merges as usual only what rows have there. The same of the columns
 * of a CSV file, and of what stands in a document beside its records.
 *
 *     the collection has people with mail, and tags; here are people without mail:
 *       people.mail, "what 3 rows have there stays with those that have it"; tags, the same */
#include "peer/sources/records/record_source_inside.h"

#include "broker/platform/names.h"
#include "codec/pack.h"
#include "codec/pointer.h"
#include "peer/records/schema_join.h"
#include "peer/sources/records/record_renamed.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 240 };

static void append_name(cf_buffer *out, cf_bytes table, const cf_unique *fields)
{
    cf_buffer_append(out, table.data, table.size);
    for (size_t i = 0; i < fields->count; i++) {
        cf_buffer_append(out, i ? "," : ".", 1);
        cf_record_field_text(fields->names[i], out);
    }
}

/* Something of this name is listed already as what can't be synced. */
static bool is_in_trouble(const cf_record_run *run, cf_bytes name)
{
    const cf_record_file *file = &run->content.file;

    for (size_t i = 0; i < file->trouble_count; i++)
        if (cf_bytes_equal(file->troubles[i].where, name))
            return true;
    return false;
}

/* Lists a table or a column; not one that the database itself can't have synced, which is listed
 * with the reason. */
static void list(cf_record_run *run, cf_pending_kind kind, cf_bytes table, const cf_unique *fields,
                 const char *text)
{
    cf_buffer name = {0};

    append_name(&name, table, fields);
    if (!is_in_trouble(run, cf_buffer_view(&name)))
        cf_pendings_add(&run->source->found, kind, cf_buffer_view(&name), text);
    cf_buffer_release(&name);
}

/* A contradiction only a person can put right: two databases that mean something else by one name.
 */
static void note_rules(cf_record_run *run)
{
    size_t count;
    const cf_schema_difference *found =
        cf_schema_differences(&run->schema, run->content.schema, &run->arena, &count);

    for (size_t i = 0; i < count; i++)
        list(run, found[i].contradicts ? CF_PENDING_SKIPPED : CF_PENDING_LEFT_OUT, found[i].table,
             &found[i].fields, found[i].text);
}

size_t cf_record_run_count_said(const cf_record_run *run, cf_bytes table, const cf_bytes *field)
{
    const cf_binding *binding = run->source->binding;
    const cf_record_options options = {.adapter = cf_adapter_of(binding->format),
                                       .keys = (const char *const *)binding->keys,
                                       .key_count = binding->key_count};
    size_t count = 0;

    for (size_t i = 0; i < cf_row_view_count(run->view); i++) {
        const cf_row *row = cf_row_view_at(run->view, i);

        count += cf_bytes_equal(row->table, table) && (!field || cf_row_field_named(row, *field)) &&
                 cf_record_selected(&run->selection, row) &&
                 cf_record_format_keeps(&options, row->table, row->key);
    }
    return count;
}

/* Tables that others have, and this database hasn't, unless they are forgotten or not asked for. */
static void note_tables(cf_record_run *run)
{
    static const cf_unique none;
    char text[TEXT_MAX];

    for (size_t i = 0; i < run->schema.count; i++) {
        cf_bytes table = run->schema.tables[i].name;

        if (cf_schema_find(run->content.schema, table) ||
            !cf_record_includes_table(run->source->binding, table) ||
            cf_forgotten_has(&run->forgotten, table, (cf_bytes){0}))
            continue;
        size_t rows = cf_record_run_count_said(run, table, NULL);
        snprintf(text, sizeof text,
                 "there is no such table here, but elsewhere: %zu row%s of it stay%s with those "
                 "that have it",
                 rows, rows == 1 ? "" : "s", rows == 1 ? "s" : "");
        list(run, CF_PENDING_LEFT_OUT, table, &none, text);
    }
}

/* A column in which others have something, and which a table here hasn't. */
static void note_column(void *context, cf_bytes table, cf_bytes field)
{
    cf_record_run *run = context;
    size_t rows = 0;
    char text[TEXT_MAX];

    if (cf_schema_find(run->content.schema, table) &&
        !cf_format_holds(&run->content.format, table, field) &&
        !cf_forgotten_has(&run->forgotten, table, field))
        rows = cf_record_run_count_said(run, table, &field);
    if (!rows)
        return;
    snprintf(text, sizeof text,
             "there is no such column here, but elsewhere: what %zu row%s ha%s there stays with "
             "those that have it",
             rows, rows == 1 ? "" : "s", rows == 1 ? "s" : "ve");
    list(run, CF_PENDING_LEFT_OUT, table, &(cf_unique){.names = &field, .count = 1}, text);
}

void cf_record_run_note_column(cf_record_run *run, cf_pending_kind kind, cf_bytes field,
                               const char *reason)
{
    const bool is_column =
        cf_adapter_of(run->source->binding->format)->mapping == CF_MAPPING_COLUMNS;
    cf_buffer name = {0};
    cf_bytes column;

    cf_buffer_append_text(&name, is_column ? "column " : "member ");
    if (cf_pointer_below(field, CF_COLUMNS, &column) && !column.size)
        cf_buffer_append_text(&name, "without a name");
    else
        cf_record_field_text(field, &name);
    cf_pendings_add(&run->source->found, kind, cf_buffer_view(&name), reason);
    cf_buffer_release(&name);
}

/* What the column is called elsewhere that has this name in the first line here; nothing: none has,
 * or has it everywhere. */
static cf_bytes name_elsewhere(cf_record_run *run, cf_bytes name)
{
    cf_renamed_columns renamed;
    cf_error ignored;

    if (cf_renamed_load(run->source->binding, run->source->context->peer, &run->arena, &renamed,
                        &ignored))
        return (cf_bytes){0};
    for (size_t i = 0; i < renamed.count; i++)
        if (cf_bytes_equal(renamed.at[i].name, name))
            return renamed.at[i].before;
    return (cf_bytes){0};
}

/* The first line calls the key by this name, so that the field has no place in the file. */
static bool is_called_as_key(const cf_record_run *run, cf_bytes field)
{
    const cf_binding *binding = run->source->binding;

    return cf_record_keys_name(cf_adapter_of(binding->format), (const char *const *)binding->keys,
                               binding->key_count, field);
}

/* How to have the column here. */
static const char *advice(cf_record_run *run, cf_bytes field, cf_bytes column)
{
    char shown[CF_NAME_SHOWN];
    cf_buffer text = {0};
    cf_bytes name;

    if (!column.size)
        return "give it a name there to have it here";
    if (memchr(column.data, '/', column.size))
        return "it is part of an object, which no column has room for";
    if (!cf_column_name(field, &run->arena, &name) || !(name = name_elsewhere(run, name)).size)
        return "write it into the first line to have it here";
    cf_name_show(name, shown);
    cf_buffer_append_text(
        &text, "the one of this name in the first line is called %s elsewhere: rename that one",
        shown);
    const char *copy = cf_arena_text(&run->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

/* Rows that have something in a field for which the file has no place. */
static size_t count_left_out(cf_record_run *run, cf_bytes table, cf_bytes field)
{
    return cf_format_holds(&run->content.format, table, field) ||
                   cf_forgotten_has(&run->forgotten, table, field)
               ? 0
               : cf_record_run_count_said(run, table, &field);
}

/* A column in which others have something, and which this CSV file hasn't; with the way to have it
 * here. */
static void note_csv_column(void *context, cf_bytes table, cf_bytes field)
{
    cf_record_run *run = context;
    cf_buffer text = {0};
    cf_bytes column;

    const size_t rows = count_left_out(run, table, field);
    if (!rows || is_called_as_key(run, field) || !cf_pointer_below(field, CF_COLUMNS, &column))
        return;
    cf_buffer_append_text(&text,
                          "there is no such column here, but elsewhere: what %zu row%s ha%s there "
                          "stays with those that have it; %s",
                          rows, rows == 1 ? "" : "s", rows == 1 ? "s" : "ve",
                          advice(run, field, column));
    cf_buffer_append(&text, "", 1);
    cf_record_run_note_column(run, CF_PENDING_LEFT_OUT, field, (const char *)text.data);
    cf_buffer_release(&text);
}

/* A field of records that is called as the key here. */
static void note_called_as_key(void *context, cf_bytes table, cf_bytes field)
{
    cf_record_run *run = context;
    size_t rows = 0;
    cf_buffer text = {0};

    if (cf_bytes_equal(table, cf_bytes_of_text(CF_TABLE_RECORDS)) && is_called_as_key(run, field))
        rows = count_left_out(run, table, field);
    if (!rows)
        return;
    cf_buffer_append_text(&text,
                          "the key has this name here: what %zu row%s ha%s there stays with those "
                          "that have it; to have it here, `counterfoil remove ",
                          rows, rows == 1 ? "" : "s", rows == 1 ? "s" : "ve");
    cf_binding_path_word(run->source->binding, &text);
    cf_buffer_append_text(&text, "`, then add it again with another --key");
    cf_buffer_append(&text, "", 1);
    cf_record_run_note_column(run, CF_PENDING_LEFT_OUT, field, (const char *)text.data);
    cf_buffer_release(&text);
}

/* Members that stand beside the records in the documents of others, and have no place here.
 *
 *     {"version": 3, "people": [{"id": 1}]} elsewhere, a table here: version has none */
static void note_beside(cf_record_run *run)
{
    const cf_bytes table = cf_bytes_of_text(CF_TABLE_DOCUMENT);
    cf_buffer key = {0}, text = {0};
    size_t count = 0;

    cf_pack_text(&key, (cf_bytes){0});
    const cf_row *row = cf_row_view_find(run->view, table, cf_buffer_view(&key));
    const bool asked = row && cf_record_selected(&run->selection, row);
    for (size_t i = 0; asked && i < row->field_count; i++) {
        const cf_bytes field = row->fields[i].name;

        if (cf_format_holds(&run->content.format, table, field) ||
            cf_forgotten_has(&run->forgotten, table, field))
            continue;
        if (!count++)
            cf_record_field_text(field, &text);
    }
    if (count) {
        const char *first = cf_arena_text(&run->arena, cf_buffer_view(&text));

        cf_buffer_clear(&text);
        cf_buffer_append_text(
            &text,
            "there is no place here for what stands beside the records elsewhere: "
            "%zu member%s%s %s, stay%s with those that have %s",
            count, count == 1 ? "" : "s", count == 1 ? "," : ", as", first, count == 1 ? "s" : "",
            count == 1 ? "it" : "them");
        cf_buffer_append(&text, "", 1);
        cf_pendings_add(&run->source->found, CF_PENDING_LEFT_OUT, table, (const char *)text.data);
    }
    cf_buffer_release(&text);
    cf_buffer_release(&key);
}

bool cf_record_run_has_columns(const cf_record_run *run)
{
    return cf_adapter_of(run->source->binding->format)->mapping == CF_MAPPING_COLUMNS &&
           !run->content.map;
}

void cf_record_run_note_differences(cf_record_run *run)
{
    if (cf_record_run_has_columns(run) && run->content.there)
        cf_row_view_each_field(run->view, note_csv_column, run);
    if (!run->content.schema && !run->content.map && run->content.there)
        cf_row_view_each_field(run->view, note_called_as_key, run);
    if (!run->content.schema && !run->content.map && run->content.there &&
        run->source->binding->key_count)
        note_beside(run);
    if (!run->content.schema)
        return;
    note_rules(run);
    note_tables(run);
    cf_row_view_each_field(run->view, note_column, run);
}
