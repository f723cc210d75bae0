/* SPDX-License-Identifier: Apache-2.0 */
/* Which row of the base each row of the disk is (model, rules i and j). The same key is the same
 * row; unless it has two or more plain fields and none is as it was, nor is any row of a greater
 * key what it was: SQLite gives the key of the last row that was deleted away again. A new row that
 * is equal to just one which is missing is that one: its key was changed; so is one that was
 * written over another, which is missing then. */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"

/* Whether the field tells which row this is: it has a value, of which the latest counts. Sets,
 * references, volatile and weak fields don't tell. */
static bool is_plain(const cf_schema_table *table, const cf_row_field *field)
{
    return field->count && cf_schema_field(table, field->name).merge == CF_MERGE_LATEST;
}

bool cf_row_is_another(const cf_schema_table *table, const cf_row *shown, const cf_row *disk,
                       size_t least)
{
    size_t plain = 0;

    if (!table->serial)
        return false;
    for (size_t i = 0; i < shown->field_count; i++) {
        const cf_row_field *field = &shown->fields[i], *now;

        if (!is_plain(table, field))
            continue;
        plain++;
        now = cf_row_field_named(disk, field->name);
        if (now && cf_row_field_equal(field, now))
            return false;
    }
    return plain >= least;
}

static uint64_t place_hash(cf_bytes table, cf_bytes key)
{
    return cf_row_place_hash(table, key);
}

cf_scanned_row *cf_scanned_row_at(const cf_row_diffing *self, cf_bytes table, cf_bytes key)
{
    for (cf_hash_link *link = cf_hash_table_first(&self->places, place_hash(table, key)); link;
         link = cf_hash_table_next(link)) {
        cf_scanned_row *scanned = cf_container_of(link, cf_scanned_row, link);

        if (cf_bytes_equal(scanned->disk->key, key) && cf_bytes_equal(scanned->table->name, table))
            return scanned;
    }
    return NULL;
}

static void note_gone(cf_row_diffing *self, const cf_row *base)
{
    *cf_one_more(self->gone, self->gone_count, self->gone_capacity) = base;
}

/* The row of the base at the place of a row of the disk is that row, as far as is known of one row.
 */
static void open_scanned(cf_row_diffing *self, const cf_row *disk)
{
    const cf_row_diff_input *input = self->input;
    cf_scanned_row *scanned = &self->scanned_rows[self->scanned_count];
    int64_t number;

    *scanned = (cf_scanned_row){.disk = disk, .table = cf_schema_find(input->schema, disk->table)};
    if (!scanned->table || !cf_viewed_key_read(scanned->table, disk->key, &number))
        return; /* the adapter's to report */
    self->scanned_count++;
    cf_hash_table_add(&self->places, &scanned->link, place_hash(disk->table, disk->key));
    scanned->there = cf_rows_find(input->base, disk->table, disk->key);
    scanned->fresh = !scanned->there;
    if (!scanned->there ||
        !cf_row_show(input->format, scanned->there, self->arena, &scanned->shown))
        return;
    scanned->same = cf_row_fields_equal(&scanned->shown, disk);
    scanned->anew = !scanned->same && cf_row_is_another(scanned->table, &scanned->shown, disk, 2);
    scanned->base = scanned->there;
    scanned->item = scanned->base->item;
    scanned->known = true;
}

/* Another row has the place: the one that the base has there is gone. */
static void give_place(cf_row_diffing *self, cf_scanned_row *scanned)
{
    scanned->fresh = true;
    scanned->known = false;
    scanned->anew = false;
    scanned->base = NULL;
    scanned->gone = self->gone_count;
    note_gone(self, scanned->there);
}

/* Of each table the greatest key of a row that is what it was: INT64_MIN where there is none,
 * INT64_MAX where no key is given away again. */
static int64_t *last_keys(const cf_row_diffing *self)
{
    const cf_schema *schema = self->input->schema;
    int64_t *last = cf_arena_allocate(self->arena, schema->count, sizeof *last), number;

    for (size_t i = 0; i < schema->count; i++)
        last[i] = cf_format_counts_on(self->input->format, schema->tables[i].name) ? INT64_MAX
                                                                                   : INT64_MIN;
    for (size_t i = 0; i < self->scanned_count; i++) {
        const cf_scanned_row *scanned = &self->scanned_rows[i];
        const size_t table = (size_t)(scanned->table - schema->tables);

        if (scanned->base && scanned->table->serial && !scanned->anew &&
            cf_viewed_key_read(scanned->table, scanned->disk->key, &number) && number > last[table])
            last[table] = number;
    }
    return last;
}

/* Finds the rows that are others than the base has in their places. A key is given away again when
 * its row was the last one, and is gone; so all behind it are gone, or others, too.
 *
 *     1 Ann, 2 Bob      1 Eve, 2 Bob     Ann is called Eve: 3 comes behind 2
 *     1 Ann, 2 Bob      1 Ann, 2 Eve     Bob is gone, and Eve got his number
 *     1 Ann, 2 Bob      1 Eve            both are gone, and Eve got Ann's
 *     … with AUTOINCREMENT               Ann is called Eve, and Bob is gone */
static void find_others(cf_row_diffing *self)
{
    const int64_t *last = last_keys(self);
    int64_t number;

    for (size_t i = 0; i < self->scanned_count; i++) {
        cf_scanned_row *scanned = &self->scanned_rows[i];

        if (scanned->anew && cf_viewed_key_read(scanned->table, scanned->disk->key, &number) &&
            number > last[scanned->table - self->input->schema->tables])
            give_place(self, scanned);
    }
}

/* The rows of the base in whose place the disk has no row. */
static void find_gone(cf_row_diffing *self)
{
    const cf_rows *base = self->input->base;
    size_t found = 0;

    for (size_t i = 0; i < self->scanned_count; i++)
        found += self->scanned_rows[i].there != NULL;
    if (found == cf_rows_count(base))
        return;
    for (const cf_row *row = cf_rows_next(base, NULL); row; row = cf_rows_next(base, row))
        if (cf_format_holds_table(self->input->format, row->table) &&
            !cf_scanned_row_at(self, row->table, row->key))
            note_gone(self, row);
}

/* ---- Changed keys ---- */

/* Rows of one table that are gone or new and say the same. */
typedef struct {
    cf_hash_link link;
    const cf_schema_table *table;
    const cf_row *row;    /* one of them */
    size_t gone;          /* index of the last, unless that */
    cf_scanned_row *over; /* was written over, and is gone from here at least; NULL: it wasn't */
    cf_scanned_row *fresh;
    size_t gone_count, fresh_count;
} twins;

static uint64_t plain_hash(const cf_schema_table *table, const cf_row *row)
{
    uint64_t hash = cf_hash_bytes(0, table->name);

    for (size_t i = 0; i < row->field_count; i++) {
        if (!is_plain(table, &row->fields[i]))
            continue;
        hash = cf_hash_bytes(hash, row->fields[i].name);
        for (size_t k = 0; k < row->fields[i].count; k++)
            hash = cf_hash_bytes(hash, row->fields[i].values[k]);
    }
    return hash;
}

/* Whether `b` has the plain fields of `a`, with the same values. */
static bool has_plain_of(const cf_schema_table *table, const cf_row *a, const cf_row *b)
{
    for (size_t i = 0; i < a->field_count; i++) {
        const cf_row_field *field = &a->fields[i], *other;

        if (!is_plain(table, field))
            continue;
        other = cf_row_field_named(b, field->name);
        if (!other || !cf_row_field_equal(field, other))
            return false;
    }
    return true;
}

/* The rows that say just this in their plain fields: gone and new ones in one place. */
static twins *twins_of(cf_hash_table *all, cf_arena *arena, const cf_schema_table *table,
                       const cf_row *row)
{
    uint64_t hash = plain_hash(table, row);

    for (cf_hash_link *link = cf_hash_table_first(all, hash); link;
         link = cf_hash_table_next(link)) {
        twins *known = cf_container_of(link, twins, link);

        if (known->table == table && has_plain_of(table, known->row, row) &&
            has_plain_of(table, row, known->row))
            return known;
    }
    twins *made = cf_arena_allocate(arena, 1, sizeof *made);
    made->table = table;
    made->row = row;
    cf_hash_table_add(all, &made->link, hash);
    return made;
}

/* A row with a natural key is that key: another key is another row, whatever it says. */
static void pair_gone(cf_row_diffing *self, cf_hash_table *all, cf_arena *arena, size_t index)
{
    const cf_schema_table *table = cf_schema_find(self->input->schema, self->gone[index]->table);
    cf_row *shown = cf_arena_allocate(arena, 1, sizeof *shown);

    if (!table || !table->serial ||
        !cf_row_show(self->input->format, self->gone[index], arena, shown))
        return;
    twins *pair = twins_of(all, arena, table, shown);
    pair->gone = index;
    pair->gone_count++;
}

/* Two or more of the plain fields are other than they were: another row, which had another place,
 * may stand here. */
static bool is_written_over(const cf_scanned_row *scanned)
{
    size_t others = 0;

    for (size_t i = 0; scanned->base && !scanned->same && i < scanned->shown.field_count; i++) {
        const cf_row_field *field = &scanned->shown.fields[i], *now;

        if (!is_plain(scanned->table, field))
            continue;
        now = cf_row_field_named(scanned->disk, field->name);
        others += !now || !cf_row_field_equal(field, now);
    }
    return others > 1;
}

/* Counts a row of a serial table that is new among those that say the same; one that was written
 * over also among those that say what it did. */
static void pair_fresh(cf_scanned_row *scanned, cf_hash_table *all, cf_arena *arena)
{
    const bool over = is_written_over(scanned);

    if (!scanned->table->serial || !(scanned->fresh || over))
        return;
    twins *pair = twins_of(all, arena, scanned->table, scanned->disk);
    pair->fresh = scanned;
    pair->fresh_count++;
    if (!over)
        return;
    pair = twins_of(all, arena, scanned->table, &scanned->shown);
    pair->over = scanned;
    pair->gone_count++;
}

static bool is_moved(const twins *pair)
{
    return pair->gone_count == 1 && pair->fresh_count == 1;
}

/* What is left of the pairs: other rows have the places of those that were written over. */
static void give_places(cf_row_diffing *self, const twins *pair)
{
    if (!pair->fresh->fresh)
        give_place(self, pair->fresh);
    if (pair->over && !pair->over->fresh)
        give_place(self, pair->over);
}

/* The missing row is the new one under another key: it is gone no more, and the new row keeps its
 * item. */
static void move(cf_row_diffing *self, const twins *pair)
{
    const size_t index = pair->over ? pair->over->gone : pair->gone;
    const cf_row *base = self->gone[index];

    self->gone[index] = NULL;
    self->moved[self->moved_count++] = base;
    pair->fresh->base = base;
    pair->fresh->same = false;
    cf_row_show(self->input->format, base, self->arena, &pair->fresh->shown);
    pair->fresh->item = base->item;
    pair->fresh->known = true;
}

/* A missing and a new row of a serial table are one row under another key, if their plain fields
 * are equal and no third such row, missing or new, has the same. What was written over counts as
 * missing, and as new.
 *
 *     1 Ann missing, 7 Ann new               Ann's key was changed
 *     1 Ann and 2 Ann missing, 7 Ann new     two deletions and a new row
 *     1 Ann says what 3 Cid did, 3 missing   Cid's key was changed, and Ann is gone
 *     1 Ann says what 2 Bob did, 2 what 1    they exchanged their keys */
static void find_moved(cf_row_diffing *self)
{
    cf_arena arena = {0};
    cf_hash_table all = {0};
    size_t kept = 0;

    self->moved = cf_arena_allocate(self->arena, self->scanned_count, sizeof *self->moved);
    for (size_t i = 0; i < self->gone_count; i++)
        pair_gone(self, &all, &arena, i);
    for (size_t i = 0; i < self->scanned_count; i++)
        pair_fresh(&self->scanned_rows[i], &all, &arena);
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&all, link));)
        if (is_moved(cf_container_of(link, const twins, link)))
            give_places(self, cf_container_of(link, const twins, link));
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&all, link));)
        if (is_moved(cf_container_of(link, const twins, link)))
            move(self, cf_container_of(link, const twins, link));
    for (size_t i = 0; i < self->gone_count; i++)
        if (self->gone[i])
            self->gone[kept++] = self->gone[i];
    self->gone_count = kept;
    cf_hash_table_release(&all);
    cf_arena_release(&arena);
}

void cf_scanned_rows_open(cf_row_diffing *self)
{
    self->scanned_rows =
        cf_arena_allocate(self->arena, self->input->disk_count, sizeof *self->scanned_rows);
    cf_hash_table_reserve(&self->places, self->input->disk_count);
    for (size_t i = 0; i < self->input->disk_count; i++)
        open_scanned(self, &self->input->disk[i]);
    find_others(self);
    find_gone(self);
    find_moved(self);
}

void cf_scanned_rows_close(cf_row_diffing *self)
{
    const cf_row **gone = cf_arena_allocate(self->arena, self->gone_count, sizeof *gone);

    if (self->gone_count)
        memcpy(gone, self->gone, self->gone_count * sizeof *gone);
    free(self->gone);
    self->gone = gone;
    cf_hash_table_release(&self->places);
}

const cf_row **cf_row_diff_identify(const cf_row_diff_input *input, cf_arena *arena)
{
    const cf_row **known = cf_arena_allocate(arena, input->disk_count, sizeof *known);
    cf_row_diffing self = {.input = input, .arena = arena};

    cf_scanned_rows_open(&self);
    for (size_t i = 0; i < self.scanned_count; i++)
        known[self.scanned_rows[i].disk - input->disk] = self.scanned_rows[i].base;
    cf_scanned_rows_close(&self);
    return known;
}
