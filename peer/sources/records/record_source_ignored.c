/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the source that are none of ours: new here, and not asked for. What a row refers to is
 * what has that key here, even where another row has it elsewhere: so a new row that refers to such
 * a one is none of ours either; and of one that is synced, the others keep to what it referred to
 * before.
 *
 *     only friends are asked for; person 7 is made here, and is a foe: ignored
 *     phone 9 of person 7 is made here:                                ignored, too
 *     phone 3, which is synced and was person 2's, is 7's now:         astray, elsewhere it is 2's
 */
#include "codec/id_list.h"
#include "peer/sources/records/record_source_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- What is ignored ---- */

static size_t index_of(const cf_record_run *run, const cf_row *row)
{
    return (size_t)(row - run->content.file.rows);
}

bool cf_record_run_ignores(const cf_record_run *run, const cf_row *row)
{
    return run->ignored && run->ignored[index_of(run, row)];
}

bool cf_record_run_is_astray(const cf_record_run *run, const cf_row *row)
{
    return run->astray && run->astray[index_of(run, row)];
}

static const cf_row *base_at(const cf_record_run *run, cf_bytes table, cf_bytes key)
{
    return cf_rows_find(run->source->binding->rows, table, key);
}

/* A row of this place is here, is new, and can't be told of: too large, or in trouble. What refers
 * to it can't be told of either. */
static bool is_mute(const cf_record_run *run, const cf_row *here, cf_bytes table, cf_bytes key)
{
    bool odd = here && run->as_read.odd && run->as_read.odd[index_of(run, here)];

    return (odd || cf_record_run_troubles(run, table, key)) && !base_at(run, table, key);
}

bool cf_record_run_ignores_at(const cf_record_run *run, cf_bytes table, cf_bytes key)
{
    const cf_row *here = cf_row_index_find(&run->here, table, key);

    return run->ignored &&
           ((here && cf_record_run_ignores(run, here)) || is_mute(run, here, table, key));
}

/* The reference leads to a row that is ignored. */
static bool leads_astray(const cf_record_run *run, const cf_field_rule *rule, const cf_row *row)
{
    const cf_row_field *field =
        rule->merge == CF_MERGE_REFERENCE ? cf_row_field_named(row, rule->name) : NULL;

    return field && cf_record_run_ignores_at(run, rule->table, field->values[0]);
}

/* The tie leads to a row that is ignored. */
static bool ties_astray(cf_record_run *run, const cf_row_tie *tie, const cf_row *row)
{
    const cf_row *parent = cf_record_run_tied(run, tie, row);

    return parent && cf_record_run_ignores_at(run, parent->table, parent->key);
}

/* The row refers to an ignored one, by a reference or by a tie. */
static bool refers_to_ignored(cf_record_run *run, const cf_row *row)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, row->table);
    const cf_row_format *format = &run->content.format;
    bool found = false;

    for (size_t i = 0; table && !found && i < table->field_count; i++)
        found = leads_astray(run, &table->fields[i], row);
    for (size_t i = 0; !found && i < format->tie_count; i++)
        found = ties_astray(run, &format->ties[i], row);
    return found;
}

/* Ignores new rows that refer to ignored ones; true: there were more of them. */
static bool ignore_children(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    bool any = false;

    for (size_t i = 0; i < file->count; i++) {
        const cf_row *row = &file->rows[i];

        if (run->ignored[i] || base_at(run, row->table, row->key) || !refers_to_ignored(run, row))
            continue;
        run->ignored[i] = any = true;
    }
    return any;
}

/* The row says in the field what the base's row does, or neither says anything there. */
static bool says_the_same(const cf_row *base, const cf_row *row, cf_bytes name)
{
    const cf_row_field *before = cf_row_field_named(base, name);
    const cf_row_field *now = cf_row_field_named(row, name);

    return before && now ? cf_row_field_equal(before, now) : before == now;
}

/* The row says something else in the columns of the tie than the base has, and by that the tie
 * leads to a row that is ignored. */
static bool is_tied_anew(cf_record_run *run, const cf_row_tie *tie, const cf_row *base,
                         const cf_row *row)
{
    bool same = true;

    for (size_t i = 0; same && i < tie->count; i++)
        same = says_the_same(base, row, tie->from[i].field);
    return !same && ties_astray(run, tie, row);
}

/* A row of the base that refers to one that is ignored, and did not before. */
static bool is_led_astray(cf_record_run *run, const cf_row *row)
{
    const cf_row *base = base_at(run, row->table, row->key);
    const cf_schema_table *table = base ? cf_schema_find(&run->schema, row->table) : NULL;
    const cf_row_format *format = &run->content.format;
    bool found = false;

    for (size_t i = 0; table && !found && i < table->field_count; i++) {
        const cf_field_rule *rule = &table->fields[i];

        found = leads_astray(run, rule, row) && !says_the_same(base, row, rule->name);
    }
    for (size_t i = 0; base && !found && i < format->tie_count; i++)
        found = is_tied_anew(run, &format->ties[i], base, row);
    return found;
}

/* Finds the rows of the base that are astray; false: none is. */
static bool find_astray(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    bool any = false;

    for (size_t i = 0; i < file->count; i++) {
        run->astray[i] = !run->ignored[i] && is_led_astray(run, &file->rows[i]);
        any |= run->astray[i];
    }
    return any;
}

/* Which row of the base each row is that is not ignored: keys may have been changed. */
static void identify(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    cf_row *rows = cf_arena_allocate(&run->arena, file->count, sizeof *rows);
    cf_row_diff_input input = {.schema = &run->schema,
                               .format = &run->content.format,
                               .base = run->source->binding->rows,
                               .disk = rows};
    size_t next = 0;

    for (size_t i = 0; i < file->count; i++)
        if (!run->ignored[i])
            rows[input.disk_count++] = file->rows[i];
    const cf_row **found = cf_row_diff_identify(&input, &run->arena);
    run->known = cf_arena_allocate(&run->arena, file->count, sizeof *run->known);
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *base = run->ignored[i] ? NULL : found[next++];

        if (base)
            run->known[i] = (cf_known_row){
                {cf_arena_copy(&run->arena, base->table), cf_arena_copy(&run->arena, base->key)},
                base->item};
    }
}

/* No row of the base is this one. */
static bool is_new(const cf_known_row *known)
{
    return !known->place.table.size;
}

/* The items of the base's rows that are rows which are not ignored, perhaps under other keys. */
static cf_ids known_items(const cf_record_run *run)
{
    cf_ids items = {0};

    for (size_t i = 0; i < run->content.file.count; i++)
        if (!is_new(&run->known[i]))
            cf_ids_add(&items, &run->known[i].item);
    cf_ids_sort(&items);
    return items;
}

/* Ignores new rows that refer to ignored ones and have the key of a row which has another key now;
 * true: there were any. By their keys they looked like rows of the base that are astray. */
static bool ignore_displacing(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    cf_ids known = known_items(run);
    bool any = false;

    for (size_t i = 0; i < file->count; i++) {
        const cf_row *row = &file->rows[i];

        if (!run->astray[i] || !is_new(&run->known[i]) ||
            !cf_ids_has(&known, &base_at(run, row->table, row->key)->item))
            continue;
        run->ignored[i] = any = true;
    }
    free(known.at);
    return any;
}

void cf_record_run_find_ignored(cf_record_run *run)
{
    const cf_binding *binding = run->source->binding;
    const cf_record_file *file = &run->content.file;
    bool more = binding->include_count > 0;

    if (!more)
        return;
    run->ignored = cf_arena_allocate(&run->arena, file->count, sizeof *run->ignored);
    run->astray = cf_arena_allocate(&run->arena, file->count, sizeof *run->astray);
    for (size_t i = 0; i < file->count; i++)
        run->ignored[i] = !base_at(run, file->rows[i].table, file->rows[i].key) &&
                          !cf_record_includes(binding, &run->content.format, &file->rows[i]);
    while (more) {
        while (ignore_children(run))
            continue;
        more = find_astray(run);
        if (more)
            identify(run);
        more = more && ignore_displacing(run);
    }
}

size_t cf_record_run_count_ignored(const cf_record_run *run)
{
    size_t count = 0;

    for (size_t i = 0; run->ignored && i < run->content.file.count; i++)
        count += run->ignored[i];
    return count;
}

bool cf_record_run_leaves_any(const cf_record_run *run)
{
    bool any = false;

    for (size_t i = 0; run->ignored && !any && i < run->content.file.count; i++)
        any = run->ignored[i] || run->astray[i];
    return any;
}

/* ---- What the others are told of a row that is astray ---- */

static size_t without(cf_row_field *fields, size_t count, cf_bytes name)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (!cf_bytes_equal(fields[i].name, name))
            fields[kept++] = fields[i];
    return kept;
}

static size_t with(cf_row_field *fields, size_t count, const cf_row_field *field)
{
    size_t at = count;

    for (; at > 0 && cf_bytes_compare(fields[at - 1].name, field->name) > 0; at--)
        fields[at] = fields[at - 1];
    fields[at] = *field;
    return count + 1;
}

/* The fields by which the row refers to a row that is ignored. */
static cf_bytes *astray_fields(cf_record_run *run, const cf_row *row, cf_arena *arena,
                               size_t *count)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, row->table);
    const cf_row_format *format = &run->content.format;
    size_t room = table->field_count;

    for (size_t i = 0; i < format->tie_count; i++)
        room += format->ties[i].count;
    cf_bytes *names = cf_arena_allocate(arena, room, sizeof *names);
    *count = 0;
    for (size_t i = 0; i < table->field_count; i++)
        if (leads_astray(run, &table->fields[i], row))
            names[(*count)++] = table->fields[i].name;
    for (size_t i = 0; i < format->tie_count; i++)
        for (size_t k = 0; ties_astray(run, &format->ties[i], row) && k < format->ties[i].count;
             k++)
            if (format->ties[i].from[k].field.size)
                names[(*count)++] = format->ties[i].from[k].field;
    return names;
}

/* The row of the base that the row is, or in whose place the row is new. NULL: the base has given
 * that up, since its user put it where others have it; the row is a new one.
 *
 *     base phone 1 (Ann, +1); on both devices it became 9; here a new 1 (Zoe, +1), Zoe left out:
 *     the base has 9 (Ann, +1) by now, and of 1 others are told nothing */
static const cf_row *base_of(const cf_record_run *run, const cf_row *row)
{
    const cf_known_row *known = &run->known[index_of(run, row)];

    if (is_new(known))
        return base_at(run, row->table, row->key);
    const cf_row *base = base_at(run, known->place.table, known->place.key);
    return base && cf_id_equal(&base->item, &known->item) ? base : NULL;
}

bool cf_record_run_told(cf_record_run *run, const cf_row *row, cf_arena *arena, cf_row *out)
{
    const cf_row *base = base_of(run, row);
    size_t astray;

    if (!base)
        return false;
    if (is_new(&run->known[index_of(run, row)])) /* it has the place of one that is gone */
        return cf_row_show(&run->content.format, base, arena, out);
    const cf_bytes *names = astray_fields(run, row, arena, &astray);
    cf_row_field *fields =
        cf_arena_allocate(arena, row->field_count + base->field_count, sizeof *fields);
    size_t count = row->field_count;

    memcpy(fields, row->fields, count * sizeof *fields); /* one that is astray at least */
    for (size_t i = 0; i < astray; i++) {
        const cf_row_field *before = cf_row_field_named(base, names[i]);

        count = without(fields, count, names[i]);
        if (before)
            count = with(fields, count, before);
    }
    *out = *row;
    out->fields = fields;
    out->field_count = count;
    return true;
}

static void note(cf_record_run *run, const cf_row *row)
{
    cf_buffer name = {0};
    size_t count;
    const cf_bytes *names = astray_fields(run, row, &run->arena, &count);

    if (count)
        cf_record_field_text(names[0], &name);
    cf_record_note(run, CF_PENDING_SKIPPED, &(cf_row_place){row->table, row->key},
                   "%.*s refers to a row here that --include leaves out, so others keep what it "
                   "was: let it refer to another row, or ask for that one, too",
                   (int)name.size, (const char *)name.data);
    cf_buffer_release(&name);
}

void cf_record_run_note_astray(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;

    for (size_t i = 0; run->astray && i < file->count; i++)
        if (run->astray[i])
            note(run, &file->rows[i]);
}

/* ---- What was asked for ---- */

/* What the user should know of his `--include`, though it is in sync with it. */

static void list(cf_record_run *run, const char *pattern, const char *text)
{
    cf_buffer name = {0};

    cf_buffer_append_text(&name, "--include%s%s", pattern ? " " : "", pattern ? pattern : "");
    cf_pendings_add(&run->source->found, CF_PENDING_LEFT_OUT, cf_buffer_view(&name), text);
    cf_buffer_release(&name);
}

/* A row matches the pattern, in the collection or only here. */
static bool has_row(const cf_record_run *run, const cf_binding *pattern)
{
    const cf_record_file *file = &run->content.file;
    const cf_row_format *format = &run->content.format;
    bool found = false;

    for (size_t i = 0; !found && i < cf_row_view_count(run->view); i++)
        found = cf_record_includes(pattern, format, cf_row_view_at(run->view, i));
    for (size_t i = 0; !found && i < file->count; i++)
        found = cf_record_includes(pattern, format, &file->rows[i]);
    return found;
}

/* A table of the collection has a name that the pattern matches, be it here or not. */
static bool has_table(const cf_record_run *run, const cf_binding *pattern)
{
    bool found = false;

    for (size_t i = 0; !found && i < run->schema.count; i++)
        found = cf_record_includes_table(pattern, run->schema.tables[i].name);
    return found;
}

void cf_record_run_note_unmatched(cf_record_run *run)
{
    const cf_binding *binding = run->source->binding;

    for (size_t i = 0; i < binding->include_count; i++) {
        cf_binding pattern = *binding;

        pattern.include = &binding->include[i];
        pattern.include_count = 1;
        pattern.exclude_count = 0;
        if (!strchr(binding->include[i], '=')) {
            if (!has_table(run, &pattern))
                list(run, binding->include[i], "no table is called so");
        } else if (!has_row(run, &pattern)) {
            list(run, binding->include[i], "no row matches it");
        }
    }
}

/* Both counts are told in one line, since the list has one line of each name. */
void cf_record_run_note_unasked(cf_record_run *run, size_t rows)
{
    size_t own = cf_record_run_count_ignored(run);
    cf_buffer text = {0};

    if (rows)
        cf_buffer_append_text(&text,
                              "%zu row%s here %s not asked for any more: sync takes %s away here, "
                              "and nowhere else",
                              rows, rows == 1 ? "" : "s", rows == 1 ? "is" : "are",
                              rows == 1 ? "it" : "them");
    if (own)
        cf_buffer_append_text(&text,
                              "%s%zu row%s here match%s no pattern, or refer%s to such a row: %s "
                              "here only",
                              rows ? "; " : "", own, own == 1 ? "" : "s", own == 1 ? "es" : "",
                              own == 1 ? "s" : "", own == 1 ? "it stays" : "they stay");
    if (text.size)
        list(run, NULL, cf_arena_text(&run->arena, cf_buffer_view(&text)));
    cf_buffer_release(&text);
}
