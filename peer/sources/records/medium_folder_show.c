/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows a folder of records shows. Of files with one key the one counts that had the key
 * before. What a file held that can't be read now, and, where that was never read, all rows that
 * are missing, are in trouble, and not gone. */
#include "peer/sources/records/medium_folder_inside.h"

#include <stdio.h>
#include <stdlib.h>

int cf_row_place_compare(cf_bytes table, cf_bytes key, cf_bytes other_table, cf_bytes other_key)
{
    int order = cf_bytes_compare(table, other_table);

    return order ? order : cf_bytes_compare(key, other_key);
}

static int compare_place(const cf_folder_place *place, cf_bytes table, cf_bytes key)
{
    return cf_row_place_compare(place->row->table, place->row->key, table, key);
}

const cf_folder_place *cf_folder_place_find(const cf_folder_medium *self, cf_bytes table,
                                            cf_bytes key)
{
    size_t low = 0, high = self->place_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_place(&self->places[middle], table, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < self->place_count && compare_place(&self->places[low], table, key) == 0;
    return found ? &self->places[low] : NULL;
}

/* ---- Which of the files with one key counts ---- */

/* The item is known to have shown the row. */
static bool holds(const cf_folder_item *item, cf_bytes table, cf_bytes key)
{
    for (size_t i = 0; i < item->held_count; i++)
        if (cf_row_place_compare(item->held[i].table, item->held[i].key, table, key) == 0)
            return true;
    return false;
}

static int by_place(const void *left, const void *right)
{
    const cf_folder_place *a = left, *b = right;
    int order = compare_place(a, b->row->table, b->row->key);

    return order ? order : a->item < b->item ? -1 : a->item > b->item;
}

static void add_trouble(cf_record_file *out, const cf_folder_item *item, const cf_row *row,
                        bool passes, const char *text)
{
    static const cf_row none;

    cf_record_file_trouble(out, 0, row ? row : &none, text);
    cf_record_trouble *trouble = &out->troubles[out->trouble_count - 1];
    trouble->where = cf_arena_copy(&out->arena, item->name);
    trouble->passes = passes;
}

/* Which of the files with one key counts: the one that had the key before; among new ones the first
 * by name. */
static size_t choose(const cf_folder_medium *self, const cf_folder_place *places, size_t count)
{
    for (size_t i = 0; count > 1 && i < count; i++)
        if (holds(self->items[places[i].item], places[i].row->table, places[i].row->key))
            return i;
    return 0;
}

/* Leaves one place of each key; the other files with it are in trouble. */
static void settle_keys(cf_folder_medium *self, cf_record_file *out)
{
    size_t kept = 0;

    if (self->place_count)
        qsort(self->places, self->place_count, sizeof *self->places, by_place);
    for (size_t i = 0, end; i < self->place_count; i = end) {
        const cf_row *row = self->places[i].row;
        char text[CF_ERROR_TEXT];

        for (end = i + 1; end < self->place_count &&
                          compare_place(&self->places[end], row->table, row->key) == 0;
             end++)
            continue;
        size_t first = i + choose(self, self->places + i, end - i);
        cf_folder_place counts = self->places[first];
        const cf_folder_item *other = self->items[counts.item];

        snprintf(text, sizeof text,
                 "it has the UID of %.*s: give it another, or delete one of them",
                 (int)other->name.size, (const char *)other->name.data);
        for (size_t k = i; k < end; k++)
            if (k != first)
                add_trouble(out, self->items[self->places[k].item], row, false, text);
        self->places[kept++] = counts;
    }
    self->place_count = kept;
}

/* A row of a calendar that is cut lacks something that the base has: what else belongs to an event
 * may come behind the cut, other occurrences or a zone. */
static bool may_lack(const cf_folder_medium *self, const cf_folder_item *item, const cf_row *row)
{
    const cf_row *base =
        item->file.cut ? cf_rows_find(self->medium.binding->rows, row->table, row->key) : NULL;

    return base && self->options.adapter->cutting == CF_CUTTING_PARTS && cf_row_lacks(row, base);
}

/* All rows of all files, but those of a cut file that may lack something. */
static void gather(cf_folder_medium *self)
{
    self->place_count = 0;
    for (size_t i = 0; i < self->count; i++)
        for (size_t k = 0; self->items[i]->read && k < self->items[i]->file.count; k++) {
            if (may_lack(self, self->items[i], &self->items[i]->file.rows[k]))
                continue;
            *cf_one_more(self->places, self->place_count, self->place_capacity) =
                (cf_folder_place){&self->items[i]->file.rows[k], i};
        }
}

/* ---- What may be in an item that can't be read ---- */

/* Lists that the file holds what is never synced, as a journal beside an event. */
static void tell_others(const cf_folder_medium *self, const cf_folder_item *item,
                        cf_record_file *out)
{
    char text[CF_ERROR_TEXT];

    snprintf(text, sizeof text, "only %s are synced: what else is in it stays here as it is",
             self->options.adapter->what);
    add_trouble(out, item, NULL, false, text);
    out->troubles[out->trouble_count - 1].harmless = true;
}

/* Lists what is in trouble in one file, by its name. */
static void tell_troubles(const cf_folder_item *item, cf_record_file *out)
{
    const cf_record_file *file = &item->file;

    if (item->trouble)
        add_trouble(out, item, NULL, item->passes, item->trouble);
    for (size_t i = 0; i < file->trouble_count; i++) {
        const cf_record_trouble *trouble = &file->troubles[i];
        cf_row row = {.table = trouble->table, .key = trouble->key};
        char text[CF_ERROR_TEXT];

        snprintf(text, sizeof text, "line %zu %s", trouble->line, trouble->text);
        add_trouble(out, item, trouble->known ? &row : NULL, false, text);
        out->troubles[out->trouble_count - 1].cut = trouble->cut;
    }
}

bool cf_folder_item_is_clear(const cf_folder_item *item)
{
    return item->read && cf_record_file_certain(&item->file);
}

/* The row is missing, and the file may be it: the row is listed by its own name. */
static void add_doubt(cf_record_file *out, const cf_folder_item *item, const cf_row *row)
{
    char text[CF_ERROR_TEXT];

    snprintf(text, sizeof text,
             "it is missing here, and isn't deleted elsewhere: %.*s may be it, so mend that file",
             (int)item->name.size, (const char *)item->name.data);
    cf_record_file_trouble(out, 0, row, text);
    out->troubles[out->trouble_count - 1].passes = item->passes;
}

/* What the file held and no file shows now is in trouble. */
static void doubt_held(const cf_folder_medium *self, const cf_folder_item *item,
                       cf_record_file *out)
{
    for (size_t i = 0; i < item->held_count; i++) {
        cf_row row = {.table = item->held[i].table, .key = item->held[i].key};

        if (cf_folder_place_find(self, row.table, row.key) != NULL)
            continue;
        if (item->guessed)
            add_doubt(out, item, &row);
        else
            add_trouble(out, item, &row, item->passes,
                        "what it held can't be read: mend that file, or delete it if this may go");
        out->troubles[out->trouble_count - 1].cut = item->file.cut;
    }
}

/* The records of the base that no item shows. */
static cf_row_place *list_missing(const cf_folder_medium *self, size_t *count)
{
    const cf_rows *base = self->medium.binding->rows;
    cf_row_place *places = cf_allocate(cf_rows_count(base), sizeof *places);

    *count = 0;
    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        if (cf_folder_place_find(self, row->table, row->key) == NULL)
            places[(*count)++] = (cf_row_place){row->table, row->key};
    return places;
}

/* A file that was never read may be any that is missing now: one that was renamed, and cut short.
 * Later it is known to be none of those that were there beside it. */
static void doubt_missing(cf_folder_item *item, const cf_row_place *missing, size_t count)
{
    cf_folder_item_hold(item, missing, count);
    item->guessed = true;
    item->known = item->changed = !item->passes;
}

bool cf_folder_item_may_be_new(const cf_folder_item *item)
{
    return item->there && item->unseen && (!item->known || item->guessed);
}

/* ---- What each holds ---- */

/* From now on the file is known to hold what it shows; of two with one key only the one that
 * counts. */
static void hold_rows(const cf_folder_medium *self, size_t index)
{
    cf_folder_item *item = self->items[index];
    cf_row_place *places = cf_allocate(item->file.count, sizeof *places);
    size_t count = 0;

    for (size_t i = 0; i < item->file.count; i++) {
        const cf_row *row = &item->file.rows[i];

        if (cf_folder_place_find(self, row->table, row->key)->item == index)
            places[count++] = (cf_row_place){row->table, row->key};
    }
    bool same = item->known && !item->guessed && item->held_count == count;
    for (size_t i = 0; same && i < count; i++)
        same = cf_row_place_compare(places[i].table, places[i].key, item->held[i].table,
                                    item->held[i].key) == 0;
    if (!same) {
        cf_folder_item_hold(item, places, count);
        item->changed = true;
    }
    free(places);
}

void cf_folder_items_show(cf_folder_medium *self, cf_record_file *out)
{
    size_t missing_count;

    gather(self);
    settle_keys(self, out);
    cf_row_place *missing = list_missing(self, &missing_count);
    for (size_t i = 0; i < self->place_count; i++)
        cf_record_file_add(out, self->places[i].row, self->places[i].item);
    for (size_t i = 0; i < self->count; i++) {
        cf_folder_item *item = self->items[i];

        if (!item->there)
            continue;
        tell_troubles(item, out);
        if (item->file.others)
            tell_others(self, item, out);
        if (cf_folder_item_is_clear(item)) {
            hold_rows(self, i);
            continue;
        }
        if (!item->known)
            doubt_missing(item, missing, missing_count);
        doubt_held(self, item, out);
    }
    free(missing);
}
