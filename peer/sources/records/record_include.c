/* SPDX-License-Identifier: Apache-2.0 */
/* Where a pattern's value is looked for: in the field, also in one that lies in the field it names;
 * in the key, by each of its names; and in the texts within a value. Then rows go out that refer,
 * or are tied, to one that is out, of a table that a pattern speaks of, until there are no more. */
#include "peer/sources/records/record_include.h"

#include "codec/pack.h"
#include "codec/pointer.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/record_format.h"
#include "peer/bindings/record_pattern.h"
#include "peer/records/row_ties.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* ---- Patterns ---- */

static bool matches(const char *pattern, size_t size, cf_bytes text)
{
    char *wanted = cf_text_copy_of(cf_bytes_of(pattern, size)), *found = cf_text_copy_of(text);

    const bool match = fnmatch(wanted, found, 0) == 0;
    free(wanted);
    free(found);
    return match;
}

/* Whether one of the texts in a canonical value matches; not the names of its members. What is
 * behind a match isn't read. */
static bool holds_match(const cf_record_pattern *pattern, cf_reader *reader)
{
    cf_type type = CF_TYPE_NIL;
    cf_bytes text = {0};
    cf_error ignored;
    size_t count = 0;
    bool found = false;

    if (cf_read_type(reader, &type, &ignored))
        return false;
    if (type == CF_TYPE_TEXT)
        return cf_read_text(reader, &text, &ignored) == CF_OK &&
               matches(pattern->value, strlen(pattern->value), text);
    if (type == CF_TYPE_ARRAY)
        (void)cf_read_array(reader, &count, &ignored);
    else if (type == CF_TYPE_MAP)
        (void)cf_read_map(reader, &count, &ignored);
    else
        (void)cf_read_value(reader, &text, &ignored);
    for (size_t i = 0; !found && i < count; i++) {
        if (type == CF_TYPE_MAP)
            (void)cf_read_value(reader, &text, &ignored);
        found = holds_match(pattern, reader);
    }
    return found;
}

/* The value matches as a whole, or one of the texts in it. */
static bool matches_value(const cf_record_pattern *pattern, cf_bytes value)
{
    cf_buffer text = {0};
    cf_error ignored;

    cf_value_text(value, &text);
    bool match = matches(pattern->value, strlen(pattern->value),
                         text.size ? cf_buffer_view(&text) : cf_bytes_of("", 0));
    cf_buffer_release(&text);
    if (match || cf_value_check(value, &ignored))
        return match;
    cf_reader reader = cf_reader_of(value);
    return holds_match(pattern, &reader);
}

static bool is_named(const cf_record_pattern *pattern, cf_bytes name)
{
    return cf_bytes_equal(name, cf_bytes_of(pattern->field, pattern->field_size));
}

/* Where the field ends in which this one lies: /name of /name/full; 0: it lies in none. */
static size_t end_of_outer(cf_bytes field, size_t end)
{
    cf_bytes name;
    const bool is_column = cf_pointer_below(field, CF_COLUMNS, &name);

    while (end > 0 && field.data[--end] != '/')
        continue;
    return is_column && field.data + end + 1 == name.data ? 0 : end;
}

/* The pattern names the field, or one that it is a part of: an object may be a field for each of
 * its members. */
static bool names_field(const cf_record_pattern *pattern, cf_bytes field)
{
    cf_buffer name = {0};
    bool found = false;

    for (size_t end = field.size; !found && end > 0; end = end_of_outer(field, end)) {
        cf_buffer_clear(&name);
        cf_record_field_text(cf_bytes_of(field.data, end), &name);
        found = is_named(pattern, cf_buffer_view(&name));
    }
    cf_buffer_release(&name);
    return found;
}

/* The row has the pattern's value in a field that the pattern names. */
static bool has_value(const cf_record_pattern *pattern, const cf_row *row)
{
    bool found = false;

    for (size_t i = 0; !found && i < row->field_count; i++) {
        if (!names_field(pattern, row->fields[i].name))
            continue;
        for (size_t k = 0; !found && k < row->fields[i].count; k++)
            found = matches_value(pattern, row->fields[i].values[k]);
    }
    return found;
}

/* Contacts, events and tasks have a UID for a key, in whatever format. */
static bool is_keyed_by_uid(const cf_binding *binding, cf_bytes table)
{
    return !cf_adapter_has_own_tables(cf_adapter_of(binding->format)) &&
           (cf_bytes_equal(table, cf_bytes_of_text(CF_TABLE_CONTACTS)) ||
            cf_bytes_equal(table, cf_bytes_of_text(CF_TABLE_EVENTS)) ||
            cf_bytes_equal(table, cf_bytes_of_text(CF_TABLE_TASKS)));
}

/* The pattern names this part of a key, and the part has the pattern's value. */
static bool has_part(const cf_record_pattern *pattern, cf_bytes name, cf_bytes part)
{
    return is_named(pattern, name) && part.size && matches_value(pattern, part);
}

/* A part of the row's key has the pattern's value, and the pattern names the part as `add` did. */
static bool has_named_key(const cf_binding *binding, const cf_record_pattern *pattern,
                          const cf_row *row)
{
    cf_buffer name = {0};
    bool found = false;

    for (size_t i = 0; !found && i < binding->key_count; i++) {
        cf_buffer_clear(&name);
        cf_record_key_name(cf_adapter_of(binding->format), binding->keys[i], &name);
        found = has_part(pattern, cf_buffer_view(&name),
                         cf_row_key_part(row->key, i, binding->key_count));
    }
    cf_buffer_release(&name);
    return found;
}

/* A part of the row's key has the pattern's value, whatever the pattern calls the part: as `add`
 * named it, by the database's column, or uid. */
static bool has_key(const cf_binding *binding, const cf_row_format *format,
                    const cf_record_pattern *pattern, const cf_row *row)
{
    size_t count;
    const cf_bytes *keys = cf_format_keys(format, row->table, &count);
    bool found = has_named_key(binding, pattern, row) ||
                 (is_keyed_by_uid(binding, row->table) &&
                  has_part(pattern, cf_bytes_of_text("uid"), row->key));

    for (size_t i = 0; !found && i < count; i++)
        found = has_part(pattern, keys[i], cf_row_key_part(row->key, i, count));
    return found;
}

/* A pattern without a table speaks of every table. */
static bool is_of_table(const cf_record_pattern *pattern, cf_bytes table)
{
    return !pattern->table || matches(pattern->table, pattern->table_size, table);
}

bool cf_record_pattern_names(const char *pattern, cf_bytes table)
{
    return matches(pattern, strlen(pattern), table);
}

/* A pattern of `--exclude` names the table: it is out, whatever `--include` says. */
static bool is_excluded(const cf_binding *binding, cf_bytes table)
{
    bool out = false;

    for (size_t i = 0; !out && i < binding->exclude_count; i++)
        out = cf_record_pattern_names(binding->exclude[i], table);
    return out;
}

bool cf_record_includes(const cf_binding *binding, const cf_row_format *format, const cf_row *row)
{
    bool in = binding->include_count == 0;

    for (size_t i = 0; !in && i < binding->include_count; i++) {
        cf_record_pattern pattern = cf_record_pattern_of(binding->include[i]);

        in = is_of_table(&pattern, row->table) && (!pattern.field || has_value(&pattern, row) ||
                                                   has_key(binding, format, &pattern, row));
    }
    return in && !is_excluded(binding, row->table);
}

bool cf_record_includes_table(const cf_binding *binding, cf_bytes table)
{
    bool in = binding->include_count == 0;

    for (size_t i = 0; !in && i < binding->include_count; i++) {
        cf_record_pattern pattern = cf_record_pattern_of(binding->include[i]);

        in = is_of_table(&pattern, table);
    }
    return in && !is_excluded(binding, table);
}

/* ---- Tables of a format ---- */

/* The format has a table that the pattern matches, or any table there may be. */
static bool may_be(const cf_adapter *adapter, const cf_record_pattern *pattern)
{
    bool found = !adapter->tables || !pattern->table;

    for (size_t i = 0; !found && adapter->tables[i]; i++)
        found = is_of_table(pattern, cf_bytes_of_text(adapter->tables[i]));
    return found;
}

cf_status cf_record_include_check_tables(cf_format format, const char *const *patterns,
                                         size_t count, cf_error *error)
{
    const cf_adapter *adapter = cf_adapter_of(format);

    for (size_t i = 0; i < count; i++) {
        cf_record_pattern pattern = cf_record_pattern_of(patterns[i]);

        if (!may_be(adapter, &pattern))
            return cf_fail(error, CF_USAGE,
                           "--include '%s': there is no table '%.*s' here: a source of %s has %s; "
                           "a pattern is TABLE, FIELD=VALUE or TABLE//FIELD=VALUE",
                           patterns[i], (int)pattern.table_size, pattern.table, adapter->name,
                           adapter->tables_text);
    }
    return CF_OK;
}

/* ---- Rows of a view ---- */

static int by_address(const void *a, const void *b)
{
    uintptr_t first = (uintptr_t) * (const cf_row *const *)a;
    uintptr_t second = (uintptr_t) * (const cf_row *const *)b;

    return (first > second) - (first < second);
}

static size_t index_of(const cf_record_selection *self, const cf_row *row)
{
    const cf_row **found =
        bsearch(&row, self->rows, self->count, sizeof(const cf_row *), by_address);

    return found ? (size_t)(found - self->rows) : self->count;
}

bool cf_record_selected(const cf_record_selection *selection, const cf_row *row)
{
    size_t index = selection->rows ? index_of(selection, row) : selection->count;

    return index == selection->count || selection->in[index];
}

/* The row refers, or is tied, to a row that is left out, of a table that a pattern speaks of: the
 * row could not be shown without that one.
 *
 *     --include 'people//city=Rome' --include phones; Ann is of Oslo, phone 1 refers to Ann
 *     Ann is out, and so is phone 1 */
static bool is_orphan(const cf_record_selection *self, const cf_binding *binding,
                      const cf_schema_table *table, const cf_row_view *view,
                      const cf_tied_rows *tied, const cf_row *row)
{
    for (size_t i = 0; i < tied->format->tie_count; i++) {
        const cf_row *parent = cf_tied_rows_find(tied, &tied->format->ties[i], row);

        if (parent && cf_record_includes_table(binding, parent->table) &&
            !cf_record_selected(self, parent))
            return true;
    }
    for (size_t i = 0; i < row->field_count; i++) {
        cf_field_rule rule = cf_schema_field(table, row->fields[i].name);

        if (rule.merge != CF_MERGE_REFERENCE || !row->fields[i].count ||
            !cf_record_includes_table(binding, rule.table))
            continue;
        const cf_row *parent = cf_row_view_find(view, rule.table, row->fields[i].values[0]);
        if (parent && !cf_record_selected(self, parent))
            return true;
    }
    return false;
}

/* Leaves out rows that are orphans by now; true: there were more. */
static bool leave_orphans(cf_record_selection *self, const cf_binding *binding,
                          const cf_schema *schema, const cf_row_view *view,
                          const cf_tied_rows *tied)
{
    bool any = false;

    for (size_t i = 0; i < self->count; i++) {
        const cf_schema_table *table = cf_schema_find(schema, self->rows[i]->table);

        if (!self->in[i] || !table || !is_orphan(self, binding, table, view, tied, self->rows[i]))
            continue;
        self->in[i] = false;
        any = true;
    }
    return any;
}

void cf_record_select(const cf_binding *binding, const cf_row_format *format,
                      const cf_schema *schema, const cf_row_view *view, cf_arena *arena,
                      cf_record_selection *out)
{
    cf_tied_rows tied = {.format = format};

    *out = (cf_record_selection){.count = cf_row_view_count(view)};
    if (!binding->include_count && !binding->exclude_count)
        return;
    out->rows = cf_arena_allocate(arena, out->count + 1, sizeof *out->rows);
    out->in = cf_arena_allocate(arena, out->count + 1, sizeof *out->in);
    for (size_t i = 0; i < out->count; i++)
        out->rows[i] = cf_row_view_at(view, i);
    if (out->count)
        qsort(out->rows, out->count, sizeof *out->rows, by_address);
    for (size_t i = 0; i < out->count; i++)
        out->in[i] = cf_record_includes(binding, format, out->rows[i]);
    for (size_t i = 0; format->tie_count && i < out->count; i++)
        cf_tied_rows_add(&tied, out->rows[i], arena);
    while (leave_orphans(out, binding, schema, view, &tied))
        continue;
    cf_tied_rows_release(&tied);
}
