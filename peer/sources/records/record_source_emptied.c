/* SPDX-License-Identifier: Apache-2.0 */
/* A record that is a whole document, or what stands in one beside its records: of its fields so
 * many can be gone at once that it is as if the file had been emptied, as of a folder (guard.h).
 * Then nothing that was done to the record goes on its way, here or elsewhere, until its user's
 * word.
 *
 *     {"theme": "dark", "tabs": 4} is {} here:       it counts as unchanged, and is listed
 *     {"theme": "dark", "tabs": 4} is {} elsewhere:  it stays here as it is, and is listed
 *     … is [], as PHP has an empty object, or null:  the same
 *     40 of 100 fields go here, and 40 a moment later: 80 of 100, the later 40 are held */
#include "peer/sources/records/record_source_counted.h"

#include "codec/pack.h"

/* The base's record that is a document; NULL: the source has none. */
static const cf_row *find_document(const cf_record_run *run)
{
    const cf_binding *binding = run->source->binding;
    const bool is_beside = binding->key_count > 0;
    const cf_bytes table = cf_bytes_of_text(is_beside ? CF_TABLE_DOCUMENT : CF_TABLE_RECORDS);
    cf_buffer key = {0};

    cf_pack_text(&key, (cf_bytes){0});
    const cf_row *found =
        cf_record_is_document(cf_adapter_of(binding->format), binding->key_count, table)
            ? cf_rows_find(binding->rows, table, cf_buffer_view(&key))
            : NULL;
    cf_buffer_release(&key);
    return found;
}

/* What is left of a document that is an object. Where one is a list, a text, a number or null, the
 * field of its root is all that there is. */
static size_t count_left(const cf_row *other)
{
    return cf_row_field_named(other, cf_bytes_of_text(CF_COLUMNS)) ? 0 : other->field_count;
}

/* How many fields of the base's record, as the format shows it, the other record lacks; NULL: it
 * lacks all. */
static cf_guard_fields count_gone(cf_record_run *run, const cf_row *base, const cf_row *other)
{
    cf_guard_fields fields = {.left = other ? count_left(other) : 0};
    cf_row shown;

    if (!cf_row_show(&run->content.format, base, &run->arena, &shown))
        return fields;
    for (size_t i = 0; i < shown.field_count; i++) {
        const cf_row_field *field = other ? cf_row_field_named(other, shown.fields[i].name) : NULL;

        fields.count += shown.fields[i].count > 0;
        fields.gone += shown.fields[i].count > 0 && !(field && field->count);
    }
    return fields;
}

/* Counts what the other record lacks of the document; false: the base's record is none, or the
 * format can't show the other one. */
static bool count_fields(cf_record_run *run, const cf_row *base, const cf_row *other,
                         cf_guard_fields *out)
{
    cf_row shown;

    if (base != find_document(run))
        return false;
    if (other && !cf_row_show(&run->content.format, other, &run->arena, &shown))
        return false;
    *out = count_gone(run, base, other ? &shown : NULL);
    return true;
}

bool cf_record_run_is_emptied(cf_record_run *run, const cf_row *base, const cf_row *other,
                              cf_guard_fields *out)
{
    return count_fields(run, base, other, out) &&
           !cf_guard_allows_fields(cf_record_source_word(run->source), out);
}

void cf_record_run_note_emptied(cf_record_run *run, cf_guard_side side, const cf_row *base,
                                const cf_guard_fields *fields)
{
    const unsigned long long gone = fields->gone, count = fields->count;
    cf_buffer word = {0}, way = {0}, again = {0}, text = {0};

    cf_binding_path_word(run->source->binding, &word);
    cf_buffer_append(&word, "", 1);
    const char *path = (const char *)word.data;
    cf_binding_refill_way(run->source->binding, &way);
    cf_buffer_append(&way, "", 1);
    cf_binding_mine_command(run->source->context->peer, run->source->binding, &again);
    cf_buffer_append(&again, "", 1);
    if (side == CF_GUARD_HERE)
        cf_buffer_append_text(&text, "%llu of %llu fields are missing here", gone, count);
    if (fields->went)
        cf_buffer_append_text(&text, ", after %llu that went just before",
                              (unsigned long long)fields->went);
    if (side == CF_GUARD_HERE)
        cf_buffer_append_text(&text,
                              ": put them back, or %s`counterfoil sync %s --yes` deletes them "
                              "elsewhere too",
                              (const char *)way.data, path);
    else
        cf_buffer_append_text(&text,
                              "%llu of %llu fields were deleted elsewhere: `counterfoil sync %s "
                              "--yes` deletes them here too; `counterfoil remove %s`, then "
                              "%s bring them back everywhere",
                              gone, count, path, path, (const char *)again.data);
    cf_buffer_append(&text, "", 1);
    cf_record_note_text(run, side == CF_GUARD_HERE ? CF_PENDING_HELD : CF_PENDING_SPARED,
                        &(cf_row_place){base->table, base->key}, (const char *)text.data);
    cf_buffer_release(&word);
    cf_buffer_release(&way);
    cf_buffer_release(&again);
    cf_buffer_release(&text);
}

/* The document counts as unchanged where too much of it is gone, also where it isn't there at all.
 */
static void hold_document(cf_record_counted *self)
{
    cf_record_run *run = self->run;
    const cf_record_file *file = &run->content.file;
    const cf_row *base = find_document(run);
    const cf_row *here = base ? cf_row_index_find(&run->here, base->table, base->key) : NULL;
    cf_guard_fields fields;

    if (!base || cf_record_run_troubles(run, base->table, base->key) ||
        !count_fields(run, base, here, &fields))
        return;
    if (fields.gone)
        fields.went = cf_record_counted_went(self, base, here);
    if (cf_guard_allows_fields(cf_record_source_word(run->source), &fields))
        return;
    cf_record_run_note_emptied(run, CF_GUARD_HERE, base, &fields);
    if (!self->waits)
        self->waits = cf_arena_allocate(&self->arena, file->count, sizeof *self->waits);
    if (here)
        self->waits[here - file->rows] = true;
    self->waiting++;
    self->emptied = base;
    self->emptied_went = (size_t)fields.went;
}

void cf_record_counted_hold_emptied(cf_record_counted *self)
{
    if (!self->run->content.blank)
        hold_document(self);
}
