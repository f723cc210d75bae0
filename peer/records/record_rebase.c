/* SPDX-License-Identifier: Apache-2.0 */
/* The base after a scan: a field that the user wrote shows his write, any other what it showed.
 *
 *     name: B2 Anne is shown, A2 Anna listed; the user of C writes Ann, entry C5
 *     name: C5 Ann is shown, A2 Anna listed; had he written Anna, C5 and A2 would be shown */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"

typedef struct {
    const cf_row_diff *diff;
    const cf_dot *dots;
    cf_arena *arena;
    cf_row_ref *refs; /* of the row being made */
    size_t ref_count, ref_capacity;
    cf_row *rows;
    size_t row_count, row_capacity;
    cf_row_place *gone;
    size_t gone_count, gone_capacity;
    cf_id *dependants;
    size_t dependant_count, dependant_capacity;
    const cf_row_spread **spreads; /* ascending by item */
    size_t spread_count;
} rebasing;

static size_t first_change(const cf_row_diff *diff, const cf_id *item)
{
    return cf_changes_first(diff->changes, diff->count, item);
}

static bool is_of(const cf_row_diff *diff, size_t index, const cf_id *item)
{
    return index < diff->count && cf_id_equal(&diff->changes[index].item, item);
}

/* The change of the item's field, of which there is one at most; NULL: the scan leaves that
 * alone. */
static const cf_change *change_of(const cf_row_diff *diff, const cf_id *item, cf_bytes field)
{
    return cf_changes_find(diff->changes, diff->count, item, field);
}

static void add_ref(rebasing *self, const cf_row_ref *ref)
{
    *cf_one_more(self->refs, self->ref_count, self->ref_capacity) = *ref;
}

/* A ref of the base is kept, unless the change names its write, shown or not. Another user's value
 * that was listed is shown from when this one wrote it, too. */
static void add_old(rebasing *self, const cf_change *change, cf_row_ref ref)
{
    if (change && cf_change_names(change, &ref.dot))
        return;
    if (change && ref.standing == CF_WRITE_LISTED && cf_bytes_equal(ref.value, change->value))
        ref.standing = CF_WRITE_SHOWN;
    add_ref(self, &ref);
}

/* The row under way has a ref to this write already: rows that are one say a value once. */
static bool has_ref(const rebasing *self, const cf_row_ref *ref)
{
    for (size_t i = 0; i < self->ref_count; i++)
        if (cf_dot_equal(&self->refs[i].dot, &ref->dot) &&
            cf_bytes_equal(self->refs[i].field, ref->field) &&
            cf_bytes_equal(self->refs[i].value, ref->value))
            return true;
    return false;
}

/* Adds refs to what was drafted for another row that is one with this one: data alone, as each of
 * these rows has its own table, key and ties. */
static void add_spread(rebasing *self, const cf_id *other)
{
    const cf_row_diff *diff = self->diff;

    for (size_t i = first_change(diff, other); is_of(diff, i, other); i++) {
        const cf_change *change = &diff->changes[i];
        const cf_row_ref ref = {change->field, self->dots[i], change->value, CF_WRITE_SHOWN};

        if (change->value.size && !cf_row_field_is_reserved(change->field) && !has_ref(self, &ref))
            add_ref(self, &ref);
    }
}

static int by_item(const void *left, const void *right)
{
    return cf_id_compare(&(*(cf_row_spread *const *)left)->item,
                         &(*(cf_row_spread *const *)right)->item);
}

static void sort_spreads(rebasing *self)
{
    const cf_row_diffing *scanned = self->diff->inner;
    size_t count = 0;

    self->spreads = cf_arena_allocate(self->arena, scanned->spread_count, sizeof(cf_row_spread *));
    for (const cf_row_spread *one = scanned->spreads; one; one = one->next)
        self->spreads[count++] = one;
    if (count)
        qsort(self->spreads, count, sizeof(cf_row_spread *), by_item);
    self->spread_count = count;
}

/* Adds the refs of each row that is one with this row, perhaps written in another entry. */
static void collect_spread(rebasing *self, const cf_scanned_row *scanned)
{
    size_t low = 0, high = self->spread_count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (cf_id_compare(&self->spreads[middle]->item, &scanned->item) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < self->spread_count && cf_id_equal(&self->spreads[low]->item, &scanned->item);
         low++)
        add_spread(self, &self->spreads[low]->other);
}

/* What the row shows: refs of the base, those of the change's writes, those of rows that are this
 * one. A /level is none of these, as nobody ever replaces that by what a base shows. */
static void collect_refs(rebasing *self, const cf_scanned_row *scanned)
{
    const cf_row_diff *diff = self->diff;
    cf_row_refs old = cf_row_refs_of(scanned->base, self->arena);

    self->ref_count = 0;
    for (size_t i = 0; i < old.count; i++)
        add_old(self, change_of(diff, &scanned->item, old.at[i].field), old.at[i]);
    for (size_t i = first_change(diff, &scanned->item); is_of(diff, i, &scanned->item); i++) {
        const cf_change *change = &diff->changes[i];

        if (change->value.size && !cf_bytes_equal(change->field, cf_bytes_of_text(CF_FIELD_LEVEL)))
            add_ref(self,
                    &(cf_row_ref){change->field, self->dots[i], change->value, CF_WRITE_SHOWN});
    }
    collect_spread(self, scanned);
}

/* Whether the base takes this field from the disk: what the format can't show it keeps, and what
 * was not published (volatile), too. */
static bool from_disk(const rebasing *self, const cf_scanned_row *scanned, cf_bytes field)
{
    if (!cf_format_holds(self->diff->input->format, scanned->table->name, field))
        return false;
    return cf_schema_field(scanned->table, field).merge != CF_MERGE_VOLATILE ||
           change_of(self->diff, &scanned->item, field) != NULL;
}

static const cf_row_field *next_field(const cf_row *row, size_t *at)
{
    while (*at < row->field_count && row->fields[*at].count == 0)
        ++*at;
    return *at < row->field_count ? &row->fields[*at] : NULL;
}

/* Of each field that the base or the disk has, which of both the new base takes: from_disk(). */
static void collect_fields(const rebasing *self, const cf_scanned_row *scanned, cf_row *out)
{
    static const cf_row none;
    const cf_row *was = scanned->base ? scanned->base : &none, *is = scanned->disk;
    cf_row_field *fields =
        cf_arena_allocate(self->arena, was->field_count + is->field_count, sizeof *fields);

    for (size_t i = 0, k = 0;;) {
        const cf_row_field *old = next_field(was, &i), *now = next_field(is, &k);

        if (!old && !now)
            break;
        int order = !old ? 1 : !now ? -1 : cf_bytes_compare(old->name, now->name);
        const cf_row_field *older = order <= 0 ? old : NULL, *newer = order >= 0 ? now : NULL;
        const cf_row_field *taken =
            from_disk(self, scanned, older ? older->name : newer->name) ? newer : older;

        if (taken)
            fields[out->field_count++] = *taken;
        i += older != NULL;
        k += newer != NULL;
    }
    out->fields = fields;
}

/* The row has another key than the one that it wishes for, by the write of /key that is shown. */
static bool is_displaced(const rebasing *self, cf_bytes key)
{
    for (size_t i = 0; i < self->ref_count; i++)
        if (self->refs[i].standing == CF_WRITE_SHOWN &&
            cf_bytes_equal(self->refs[i].field, cf_bytes_of_text(CF_FIELD_KEY)))
            return !cf_bytes_equal(self->refs[i].value, key);
    return false;
}

static void add_row(rebasing *self, const cf_scanned_row *scanned)
{
    cf_row row = {.table = scanned->table->name, .key = scanned->disk->key, .item = scanned->item};
    cf_buffer packed = {0};

    collect_refs(self, scanned);
    collect_fields(self, scanned, &row);
    row.displaced = is_displaced(self, row.key);
    cf_row_refs_pack(&packed, &row, self->refs, self->ref_count);
    row.refs = cf_buffer_view(&packed);
    *cf_one_more(self->rows, self->row_count, self->row_capacity) = cf_row_copy(&row, self->arena);
    cf_buffer_release(&packed);
}

static void add_gone(rebasing *self, const cf_row *base)
{
    *cf_one_more(self->gone, self->gone_count, self->gone_capacity) = (cf_row_place){
        cf_arena_copy(self->arena, base->table), cf_arena_copy(self->arena, base->key)};
}

/* Drops a row of the base, or a dependant, of which the base may have a row, too. */
static void add_deleted(rebasing *self, const cf_row *row)
{
    const cf_row_diff_input *input = self->diff->input;
    const cf_row *base = cf_rows_find(input->base, row->table, row->key);

    if (!base)
        base = cf_rows_of_item(input->base, &row->item);
    if (base)
        add_gone(self, base);
    if (!input->dependants || !cf_rows_of_item(input->dependants, &row->item))
        return;
    *cf_one_more(self->dependants, self->dependant_count, self->dependant_capacity) = row->item;
}

static void *kept(cf_arena *arena, void *list, size_t count, size_t size)
{
    void *copy = cf_arena_allocate(arena, count, size);

    if (count)
        memcpy(copy, list, count * size);
    free(list);
    return copy;
}

void cf_row_diff_rebase(const cf_row_diff *diff, const cf_dot *dots, cf_arena *arena,
                        cf_row_rebase *out)
{
    const cf_row_diffing *diffing = diff->inner;
    rebasing self = {.diff = diff, .dots = dots, .arena = arena};

    sort_spreads(&self);
    for (size_t i = 0; i < diffing->gone_count; i++)
        add_deleted(&self, diffing->gone[i]);
    for (size_t i = 0; i < diffing->moved_count; i++)
        add_gone(&self, diffing->moved[i]);
    for (size_t i = 0; i < diffing->scanned_count; i++) {
        const cf_scanned_row *one = &diffing->scanned_rows[i];

        if (!one->same || is_of(diff, first_change(diff, &one->item), &one->item))
            add_row(&self, one);
    }
    free(self.refs);
    *out = (cf_row_rebase){
        .gone = kept(arena, self.gone, self.gone_count, sizeof *self.gone),
        .gone_count = self.gone_count,
        .dependants = kept(arena, self.dependants, self.dependant_count, sizeof *self.dependants),
        .dependant_count = self.dependant_count,
        .rows = kept(arena, self.rows, self.row_count, sizeof *self.rows),
        .row_count = self.row_count,
    };
}
