/* SPDX-License-Identifier: Apache-2.0 */
/* A file that ends in the midst of what it says: what came behind is missing, and nobody deleted
 * it. A card or a calendar says so itself. Of lines the last one can: it has no line end where the
 * file had one, or half of one, and either rows are missing or this row is the beginning of what it
 * was:
 *
 *   1,Ann      1,Ann        row 3 is missing, and row 2 may be cut: neither goes on
 *   2,Bob      2,Bo
 *   3,Cleo
 *
 * With all rows there as they were, somebody only took the last line end away. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/adapters/json_value.h"

/* Looks in a row in which a program may still be writing the rest. */
enum { CUT_TRIES = 4 };

/* ---- Of lines ---- */

/* The last line had an end when the file was last agreed. */
static bool was_ended(cf_record_run *run)
{
    return cf_record_run_kept(run, CF_TABLE_ENDED).size > 0;
}

/* Where only the end of the last line is gone no user edited the file: what is cut off next is cut
 * off a file whose lines had their ends.
 *
 *     7,Gus\r\n8,Ida\r\n is cut to …8,Ida\r, and then to 7,Gus\r    Ida isn't deleted */
void cf_record_run_keep_ended(cf_record_run *run)
{
    const cf_adapter *adapter = cf_adapter_of(run->source->binding->format);
    const bool is_ended = run->wrote ? run->wrote_end : !run->content.file.unended;
    const bool ended = adapter->cutting == CF_CUTTING_LINE &&
                       (is_ended || (!run->wrote && run->as_base && was_ended(run)));
    const bool says = run->wrote || (run->content.there && !run->content.blank);

    if (!run->cut && !run->look_only && says)
        cf_record_run_keep(run, CF_TABLE_ENDED, cf_bytes_of("\1", ended), &run->records);
}

/* A row of the base isn't here, and isn't one that can't be read either. */
static bool is_missing_any(const cf_record_run *run)
{
    const cf_rows *base = run->source->binding->rows;

    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        if (!cf_row_index_find(&run->here, row->table, row->key) &&
            !cf_record_run_troubles(run, row->table, row->key))
            return true;
    return false;
}

/* Of a text of parts the size without the ends that a last text which is cut would have, too:
 * {"number":"+4 of {"number":"+4"}. */
static size_t size_open(cf_bytes text)
{
    size_t size = text.size;

    while (size && memchr("\"]}", text.data[size - 1], 3))
        size--;
    return size;
}

/* The value is the first part of the whole one: Bo of Bob, {"number":"+4"} of {"number":"+49"}. */
static bool begins(cf_bytes value, cf_bytes whole)
{
    cf_buffer a = {0}, b = {0};

    cf_value_text(value, &a);
    cf_value_text(whole, &b);
    const bool has_parts = a.size && memchr("[{", a.data[0], 2);
    const size_t size = has_parts ? size_open(cf_buffer_view(&a)) : a.size;
    bool is_first = size < b.size && (size == 0 || memcmp(a.data, b.data, size) == 0);
    cf_buffer_release(&a);
    cf_buffer_release(&b);
    return is_first;
}

/* Each value of the field is one that it had, or the first part of one; others may be missing. */
static bool field_begins(const cf_row_field *field, const cf_row_field *was)
{
    for (size_t i = 0; i < field->count; i++) {
        bool found = false;

        for (size_t k = 0; k < was->count && !found; k++)
            found = cf_bytes_equal(field->values[i], was->values[k]) ||
                    begins(field->values[i], was->values[k]);
        if (!found)
            return false;
    }
    return true;
}

/* What is there of the row is what it was, or the first part of it. Of a long value whose bytes are
 * nowhere on this device nobody can tell, and then it is. */
static bool is_beginning(cf_record_run *run, const cf_row *row, const cf_row *base)
{
    cf_record_values *values = run->source->values;
    cf_row there, known;
    bool shorter = false;

    if (!base || cf_record_run_same(run, row, base))
        return false;
    if (!cf_record_values_here(values, row, &run->arena, &there) ||
        !cf_record_values_here(values, base, &run->arena, &known))
        return true;
    for (size_t i = 0; i < there.field_count; i++) {
        const cf_row_field *field = &there.fields[i];
        const cf_row_field *was = cf_row_field_named(&known, field->name);

        if (was && cf_row_field_equal(field, was))
            continue;
        if (!was || !field_begins(field, was))
            return false;
        shorter = true;
    }
    for (size_t i = 0; i < base->field_count; i++)
        shorter |= !cf_row_field_named(row, base->fields[i].name) &&
                   cf_format_holds(&run->content.format, row->table, base->fields[i].name);
    return shorter;
}

/* The row can't be synced, for this reason: it counts as unchanged. */
static void set_aside(cf_record_run *run, size_t index, const char *why)
{
    if (!run->as_read.odd)
        run->as_read.odd =
            cf_arena_allocate(&run->arena, run->content.file.count, sizeof *run->as_read.odd);
    run->as_read.odd[index] = why;
}

/* Cut: the last line lost its end, or has a CR where others end in CRLF, and rows are missing, or
 * this row is the beginning of what it was. With the user's word for deletions nothing is cut. */
static void look_at_last_line(cf_record_run *run)
{
    cf_record_file *file = &run->content.file;
    size_t last = 0;

    if (!file->unended || run->source->word.given || !(file->half_end || was_ended(run)))
        return;
    while (last < file->count && file->places[last] != file->last_place)
        last++;
    const cf_row *row = last < file->count ? &file->rows[last] : NULL;
    const cf_row *base =
        row ? cf_rows_find(run->source->binding->rows, row->table, row->key) : NULL;
    file->cut = is_missing_any(run) || (row ? is_beginning(run, row, base) : file->last_place > 0);
    if (file->cut && row && !(base && cf_record_run_same(run, row, base)))
        set_aside(run, last, "it is the last line, which has no end: it may be cut short");
}

/* ---- Of components ---- */

/* Of a calendar that is cut rows that lack something are set aside: what else belongs to an event
 * may come behind the cut.
 *
 *     an event and one occurrence of it are there, its second occurrence is behind the cut */
static void leave_lacking(cf_record_run *run)
{
    const cf_adapter *adapter = cf_adapter_of(run->source->binding->format);
    cf_record_file *file = &run->content.file;

    if (!file->cut || adapter->cutting != CF_CUTTING_PARTS)
        return;
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *row = &file->rows[i];
        const cf_row *base = cf_rows_find(run->source->binding->rows, row->table, row->key);

        if (base && cf_row_lacks(row, base))
            set_aside(run, i, "the rest of it may have been cut off");
    }
}

/* ---- What is said ---- */

/* The file is cut short, or one of a folder's. */
static bool is_any_cut(const cf_record_run *run)
{
    bool any = run->content.file.cut;

    for (size_t i = 0; !any && i < run->content.file.trouble_count; i++)
        any = run->content.file.troubles[i].cut;
    return any;
}

/* Whether a program may be writing the file just now, so that it is whole in a moment: at first,
 * for a few looks, and not where the user gave his word for deletions. */
static bool may_be_written(cf_record_run *run)
{
    cf_record_source *source = run->source;

    if (source->word.given || source->cut_told)
        return false;
    source->cut_told = source->tries >= CUT_TRIES;
    return !source->cut_told;
}

static void note_whole(cf_record_run *run)
{
    const cf_binding *binding = run->source->binding;
    cf_buffer word = {0}, text = {0};

    cf_binding_path_word(binding, &word);
    cf_buffer_append(&word, "", 1);
    if (run->source->word.given) {
        cf_buffer_append_text(&text, "it is cut short: nothing new is put into it until it ends as "
                                     "it should: mend it");
        cf_binding_refill_word(binding, ", or ", " does", &text);
    } else {
        cf_buffer_append_text(&text, "it is cut short: nothing in it is deleted elsewhere, and "
                                     "nothing new is put into it. Put it back whole; or ");
        cf_binding_refill_word(binding, "", " brings back what is missing; or ", &text);
        cf_buffer_append_text(&text, "`counterfoil sync %s --yes` deletes that elsewhere too",
                              (const char *)word.data);
    }
    cf_buffer_append(&text, "", 1);
    cf_record_note_whole(run, run->cut_passes ? CF_PENDING_WAITS : CF_PENDING_SKIPPED,
                         (const char *)text.data);
    cf_buffer_release(&text);
    cf_buffer_release(&word);
}

void cf_record_run_find_cut(cf_record_run *run)
{
    cf_record_file *file = &run->content.file;

    look_at_last_line(run);
    run->cut = file->cut;
    if (!is_any_cut(run)) {
        run->source->cut_told = false;
        return;
    }
    run->cut_passes = may_be_written(run);
    for (size_t i = 0; i < file->trouble_count; i++)
        file->troubles[i].passes |= file->troubles[i].cut && run->cut_passes;
    run->unrest |= run->cut_passes;
    if (file->cut)
        note_whole(run);
    if (run->source->word.given)
        cf_record_file_take_cut(file);
    else
        leave_lacking(run);
}
