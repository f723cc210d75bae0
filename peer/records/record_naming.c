/* SPDX-License-Identifier: Apache-2.0 */
/* Which items new rows are (model, rules a and b): by their natural key, else by all that they say,
 * where a reference to a row that is new, too, says that row's item. */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"

typedef struct {
    cf_scanned_row *scanned;
    size_t field; /* up to which its references have been followed */
} name_step;

typedef struct {
    cf_row_diffing *diffing;
    name_step *steps;
    size_t count, capacity;
} naming;

static int by_place(const void *left, const void *right)
{
    const cf_scanned_row *a = *(cf_scanned_row *const *)left, *b = *(cf_scanned_row *const *)right;
    int order = cf_bytes_compare(a->table->name, b->table->name);

    return order ? order : cf_bytes_compare(a->disk->key, b->disk->key);
}

/* The row of the disk that the field refers to; NULL: none. */
static cf_scanned_row *referred(const cf_row_diffing *self, const cf_scanned_row *scanned,
                                const cf_row_field *field)
{
    cf_field_rule rule = cf_schema_field(scanned->table, field->name);

    if (rule.merge != CF_MERGE_REFERENCE || field->count != 1)
        return NULL;
    return cf_scanned_row_at(self, rule.table, field->values[0]);
}

static int by_bytes(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

static const cf_bytes *sorted_values(const cf_row_field *field, cf_arena *arena)
{
    cf_bytes *values = cf_arena_allocate(arena, field->count, sizeof *values);

    if (field->count)
        memcpy(values, field->values, field->count * sizeof *values);
    qsort(values, field->count, sizeof *values, by_bytes);
    return values;
}

/* A row in a ring, whose item hangs on this one's, is named by its table and key instead. */
static const cf_bytes *item_value(const cf_row_diffing *self, const cf_scanned_row *target,
                                  cf_arena *arena)
{
    const cf_record_ids *ids = self->input->ids;
    cf_id item =
        target->known ? target->item : ids->cycle(ids->context, target->table, target->disk->key);
    cf_bytes *value = cf_arena_allocate(arena, 1, sizeof *value);
    cf_buffer packed = {0};

    cf_reference_pack_item(&packed, &item);
    *value = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return value;
}

/* What the row says, as far as that tells the row from others: not what is volatile or weak; of a
 * set the values in order; of a reference to a row of the disk that row's item. */
static cf_row_field *content_of(const cf_row_diffing *self, const cf_scanned_row *scanned,
                                cf_arena *arena, size_t *count)
{
    cf_row_field *content = cf_arena_allocate(arena, scanned->disk->field_count, sizeof *content);

    *count = 0;
    for (size_t i = 0; i < scanned->disk->field_count; i++) {
        const cf_row_field *field = &scanned->disk->fields[i];
        cf_merge merge = cf_schema_field(scanned->table, field->name).merge;
        const cf_scanned_row *target = referred(self, scanned, field);

        if (merge == CF_MERGE_VOLATILE || merge == CF_MERGE_WEAK)
            continue;
        content[*count] = *field;
        if (merge == CF_MERGE_SET)
            content[*count].values = sorted_values(field, arena);
        else if (target)
            content[*count].values = item_value(self, target, arena);
        ++*count;
    }
    return content;
}

/* The view shows a row of the item, and this source doesn't yet: the same row, made elsewhere. */
static bool is_to_come(const cf_row_diffing *self, const cf_id *item)
{
    return cf_row_view_of_item(self->input->view, item) &&
           !cf_rows_of_item(self->input->base, item);
}

/* The first number whose id the state doesn't know; or whose row is shown, and this source has
 * still to show it: then both devices made the same row, and it is one.
 *
 *     1 Ann is made here and there     one item, number 0
 *     1 Ann, deleted, made again       the id with number 0 is known: number 1 */
static cf_id serial_item(const cf_row_diffing *self, const cf_scanned_row *scanned)
{
    const cf_record_ids *ids = self->input->ids;
    cf_arena arena = {0};
    size_t count;
    cf_row_field *content = content_of(self, scanned, &arena, &count);
    cf_id item;

    for (uint64_t number = 0;; number++) {
        item =
            ids->serial(ids->context, scanned->table, scanned->disk->key, content, count, number);
        if (!cf_state_knows(self->input->state, &item) || is_to_come(self, &item))
            break;
    }
    cf_arena_release(&arena);
    return item;
}

static void name(cf_row_diffing *self, cf_scanned_row *scanned)
{
    const cf_record_ids *ids = self->input->ids;

    scanned->item = scanned->table->serial
                        ? serial_item(self, scanned)
                        : ids->natural(ids->context, scanned->table, scanned->disk->key);
    scanned->known = true;
}

static void push(naming *self, cf_scanned_row *scanned)
{
    *cf_one_more(self->steps, self->count, self->capacity) = (name_step){.scanned = scanned};
    scanned->under_way = true;
}

/* The next new row that the row of this step refers to, and that has no item yet. */
static cf_scanned_row *next_unknown(const naming *self, name_step *step)
{
    const cf_row *disk = step->scanned->disk;

    while (step->field < disk->field_count) {
        cf_scanned_row *target =
            referred(self->diffing, step->scanned, &disk->fields[step->field++]);

        if (target && !target->known && !target->under_way)
            return target;
    }
    return NULL;
}

/* Names the new rows that this one refers to first: their items are part of what the row says. */
static void name_with_targets(naming *self, cf_scanned_row *first)
{
    push(self, first);
    while (self->count) {
        name_step *step = &self->steps[self->count - 1];
        cf_scanned_row *target = next_unknown(self, step);

        if (target) {
            push(self, target);
            continue;
        }
        name(self->diffing, step->scanned);
        self->count--;
    }
}

/* Rows are named after those to which they refer. Only in a ring does the order matter in which
 * they are begun. */
void cf_scanned_rows_name(cf_row_diffing *diffing)
{
    naming self = {.diffing = diffing};
    cf_scanned_row **unknown = cf_allocate(diffing->scanned_count, sizeof *unknown);
    size_t count = 0;

    for (size_t i = 0; i < diffing->scanned_count; i++)
        if (!diffing->scanned_rows[i].known)
            unknown[count++] = &diffing->scanned_rows[i];
    if (count)
        qsort(unknown, count, sizeof *unknown, by_place);
    for (size_t i = 0; i < count; i++)
        if (!unknown[i]->known)
            name_with_targets(&self, unknown[i]);
    free(unknown);
    free(self.steps);
}
