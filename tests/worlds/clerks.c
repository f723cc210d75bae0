/* SPDX-License-Identifier: Apache-2.0 */
/* What users do with records: they add, edit and delete rows, and programs save whole files, as
 * they read them or in another order. A saved file is durable: a torn one would say that rows are
 * gone which nobody deleted, and nobody could tell that. */
#include "tests/support/chance.h"
#include "tests/worlds/disk_users.h"
#include "tests/worlds/records.h"

#include <stdio.h>
#include <stdlib.h>

enum { LONG_MIN_SIZE = 70000, LONG_MORE = 60000, LONG_ONE_IN = 9 };

/* ---- Saving ---- */

static void save(device *of, const char *path, cf_bytes bytes, bool in_place)
{
    disk_user_saves(of->drive, path, bytes, in_place ? DISK_SAVE_IN_PLACE : DISK_SAVE_BY_RENAME);
    disk_user_syncs(of->drive, path);
}

void records_save_table(device *of, record_kind kind, const cells *what, bool in_place)
{
    cf_buffer bytes = {0};

    if (kind == RECORDS_SETTINGS)
        cells_write_settings(what, &bytes);
    else
        cells_write_table(what, &bytes);
    save(of, records_path(kind), cf_buffer_view(&bytes), in_place);
    cf_buffer_release(&bytes);
}

/* ---- Values ---- */

/* Letters that a base64 has, too, four or a multiple of it; nothing else begins with the same ones.
 */
static void compose(chance *from, const char *tag, bool is_long, cf_buffer *out)
{
    uint64_t state = chance_next(from);

    cf_buffer_append_text(out, "%sv%016llx", tag, (unsigned long long)state);
    size_t size = out->size + (is_long ? LONG_MIN_SIZE + chance_below(from, LONG_MORE) : 3);
    for (size -= size % 4; out->size < size;) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        char letter = "abcdefghijklmnopqrstABCDEF0123+/"[state >> 59];
        cf_buffer_append(out, &letter, 1);
    }
}

/* A long one may also be an edit of the one before: its beginning and a piece of it are others. */
static void edit(chance *from, const char *before, cf_buffer *out)
{
    cf_buffer piece = {0};
    size_t size = strlen(before);

    compose(from, "", false, &piece);
    cf_buffer_append(out, before, size);
    memcpy(out->data + (*before == 'r' ? CLERKS_TAG : 0), piece.data, piece.size);
    memcpy(out->data + size / 2, piece.data, piece.size);
    cf_buffer_release(&piece);
}

void clerks_set(chance *from, cells *all, const char *key, const char *field, const char *tag)
{
    cell *before = cells_find(all, key, field);
    cf_buffer value = {0};

    if (before && strlen(before->value) > LONG_MIN_SIZE && chance_below(from, 4))
        edit(from, before->value, &value);
    else
        compose(from, tag, !cells_is_short(field) && chance_one_in(from, LONG_ONE_IN), &value);
    cf_buffer_append(&value, "", 1);
    cells_set(all, key, field, (const char *)value.data);
    cf_buffer_release(&value);
}

/* ---- Rows ---- */

static bool is_there(const cells *all, const char *key)
{
    return cells_find(all, key, "") != NULL;
}

/* All values of a row that is counted up begin with the same tag, whoever edits it; so it keeps
 * one.
 */
static void tag_of(chance *from, const cells *all, const char *key, char tag[8])
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->all[i].key, key) == 0 && *all->all[i].field) {
            snprintf(tag, 8, "%.*s", CLERKS_TAG, all->all[i].value);
            return;
        }
    snprintf(tag, 8, "r%04x", (unsigned)chance_below(from, 0x10000));
}

static size_t count_values(const cells *all, const char *key)
{
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++)
        count += strcmp(all->all[i].key, key) == 0 && *all->all[i].field;
    return count;
}

static void change_row(chance *from, cells *all, const char *key, bool is_tagged)
{
    const char *field = cell_columns[chance_below(from, CELL_COLUMNS)];
    cell *one = cells_find(all, key, field);
    char tag[8] = "";

    if (is_tagged)
        tag_of(from, all, key, tag);
    if (chance_one_in(from, 6))
        cells_drop_row(all, key);
    else if (one && count_values(all, key) > 1 && chance_one_in(from, 7))
        cells_drop(all, one);
    else
        clerks_set(from, all, key, field, tag);
}

static void add_row(chance *from, cells *all, const char *key, bool is_tagged)
{
    char tag[8] = "";

    cells_add(all, key, "", "");
    if (is_tagged)
        tag_of(from, all, key, tag);
    for (int i = 0; i < CELL_COLUMNS; i++)
        if (i == 0 || chance_one_in(from, 2))
            clerks_set(from, all, key, cell_columns[i], tag);
}

/* The files list them in the order in which they stand here. */
static void shuffle(chance *from, cells *all)
{
    for (size_t i = all->count; i > 1; i--) {
        size_t k = chance_below(from, i);
        cell one = all->all[i - 1];

        all->all[i - 1] = all->all[k];
        all->all[k] = one;
    }
}

static void act_on_table(chance *from, device *who, const char *key)
{
    char other[8];
    cells all;

    records_read(who, RECORDS_TABLE, &all);
    for (uint64_t left = 1 + chance_below(from, 2); left; left--) {
        if (is_there(&all, key))
            change_row(from, &all, key, false);
        else
            add_row(from, &all, key, false);
        snprintf(other, sizeof other, "k%u", (unsigned)chance_below(from, 10));
        key = other;
    }
    if (chance_one_in(from, 4))
        shuffle(from, &all);
    records_save_table(who, RECORDS_TABLE, &all, chance_one_in(from, 3));
    cells_release(&all);
}

static long highest(const cells *all)
{
    long found = 0;

    for (size_t i = 0; i < all->count; i++) {
        long number = strtol(all->all[i].key, NULL, 10);

        found = number > found ? number : found;
    }
    return found;
}

/* One of the rows, or a new one under the next number: as with AUTOINCREMENT, none is given twice.
 */
static void act_on_numbers(chance *from, device *who)
{
    char key[24];
    cells all;

    records_read(who, RECORDS_NUMBERS, &all);
    long last = highest(&all); /* may be deleted now */
    who->counted = last > who->counted ? last : who->counted;
    if (!all.count || chance_below(from, 5) < 2) {
        snprintf(key, sizeof key, "%ld", ++who->counted);
        add_row(from, &all, key, true);
    } else {
        snprintf(key, sizeof key, "%s", all.all[chance_below(from, all.count)].key);
        change_row(from, &all, key, true);
    }
    if (chance_one_in(from, 4))
        shuffle(from, &all);
    records_save_table(who, RECORDS_NUMBERS, &all, chance_one_in(from, 3));
    cells_release(&all);
}

/* ---- More rows ---- */

static void give(chance *from, cells *all, record_kind kind, const char *key, const char *field)
{
    cf_buffer value = {0};
    char tag[8] = "";

    if (kind == RECORDS_NUMBERS)
        tag_of(from, all, key, tag);
    compose(from, tag, false, &value);
    cf_buffer_append(&value, "", 1);
    cells_set(all, key, field, (const char *)value.data);
    cf_buffer_release(&value);
}

static void add_whole_row(chance *from, device *who, record_kind kind, cells *all)
{
    char key[24];
    unsigned number = 10; /* what other acts make has one digit */

    if (kind == RECORDS_NUMBERS) {
        long last = highest(all);

        who->counted = 1 + (last > who->counted ? last : who->counted);
        snprintf(key, sizeof key, "%ld", who->counted);
    } else {
        do
            snprintf(key, sizeof key, "k%u", number++);
        while (is_there(all, key));
    }
    cells_add(all, key, "", "");
    for (int i = 0; i < CELL_COLUMNS; i++)
        give(from, all, kind, key, cell_columns[i]);
}

static size_t count_in(const cells *all, const char *field)
{
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++)
        count += strcmp(all->all[i].field, field) == 0;
    return count;
}

void records_fill(device *who, record_kind kind, const char *field, size_t least, uint64_t seed)
{
    chance from = {seed};
    cells all, before;

    records_read(who, kind, &all);
    records_read(who, kind, &before);
    for (size_t i = 0; i < before.count; i++) {
        const cell *row = &before.all[i];
        const char *other = cell_columns[strcmp(field, cell_columns[0]) == 0];

        if (!*row->field &&
            count_values(&all, row->key) == (cells_find(&all, row->key, field) != NULL))
            give(&from, &all, kind, row->key, other);
    }
    while (count_in(&all, field) < least)
        add_whole_row(&from, who, kind, &all);
    records_save_table(who, kind, &all, chance_one_in(&from, 3));
    cells_release(&all);
    cells_release(&before);
}

void records_go_on(device *who, record_kind kind, uint64_t seed)
{
    chance from = {seed};
    cells all;

    records_read(who, kind, &all);
    if (!all.count || chance_one_in(&from, 2)) {
        add_whole_row(&from, who, kind, &all);
    } else {
        char *key = strdup(all.all[chance_below(&from, all.count)].key);

        give(&from, &all, kind, key, cell_columns[chance_below(&from, CELL_COLUMNS)]);
        free(key);
    }
    records_save_table(who, kind, &all, chance_one_in(&from, 3));
    cells_release(&all);
}

void records_add(device *who, record_kind kind, uint64_t seed)
{
    chance from = {seed};
    cells all;

    records_read(who, kind, &all);
    add_whole_row(&from, who, kind, &all);
    records_save_table(who, kind, &all, chance_one_in(&from, 3));
    cells_release(&all);
}

/* ---- Cards and events ---- */

static const struct {
    const char *folder, *extension;
    void (*read)(cf_bytes text, cells *out);
    void (*write)(const cells *self, const char *key, cf_buffer *out);
} files[RECORDS_KINDS] = {
    [RECORDS_CARDS] = {"/cards", ".vcf", cells_read_cards, cells_write_card},
    [RECORDS_EVENTS] = {"/events", ".ics", cells_read_events, cells_write_event},
};

typedef struct {
    record_kind kind;
    const char *key;
    char path[80];
} search;

static void look_into(void *context, const disk_thing *thing)
{
    search *self = context;
    cells there = {0};

    if (thing->stat.kind != CF_FILE_REGULAR || !strstr(thing->path, files[self->kind].extension) ||
        strstr(thing->path, " (saved "))
        return;
    files[self->kind].read(thing->bytes, &there);
    if (is_there(&there, self->key))
        snprintf(self->path, sizeof self->path, "%s/%s", files[self->kind].folder, thing->path);
    cells_release(&there);
}

static bool find_file(const device *of, record_kind kind, const char *key, char path[80])
{
    search self = {.kind = kind, .key = key};

    disk_walk(of->drive, files[kind].folder, &(disk_walk_options){.skip = ".counterfoil"},
              look_into, &self);
    memcpy(path, self.path, sizeof self.path);
    return *self.path;
}

static int64_t now_s(const device *who)
{
    return (int64_t)(device_now(who) / 1000);
}

static void change_card(chance *from, cells *all, const char *key)
{
    cell_property which = (cell_property)chance_below(from, CELL_PROPERTIES);
    const char *field = cell_properties[which];
    cell *one = cells_find(all, key, field);

    if (which != CELL_NAME && one && chance_one_in(from, 4)) {
        cells_drop(all, one);
    } else if (which == CELL_TELEPHONE && chance_one_in(from, 2)) {
        cf_buffer value = {0};

        compose(from, "", false, &value);
        cf_buffer_append(&value, "", 1);
        cells_add(all, key, field, (const char *)value.data);
        cf_buffer_release(&value);
    } else {
        clerks_set(from, all, key, field, "");
    }
}

static void save_file(chance *from, device *who, record_kind kind, const cells *all,
                      const char *key, const char *path)
{
    cf_buffer bytes = {0};

    files[kind].write(all, key, &bytes);
    save(who, path, cf_buffer_view(&bytes), chance_one_in(from, 3));
    cf_buffer_release(&bytes);
}

static void make_file(chance *from, device *who, record_kind kind, cells *all, const char *key)
{
    cells_add(all, key, "", "");
    clerks_set(from, all, key,
               kind == RECORDS_CARDS ? cell_properties[CELL_NAME] : cell_event_fields[CELL_TITLE],
               "");
    if (kind == RECORDS_EVENTS)
        records_plan_event(from, all, key, now_s(who));
}

static void change_file(chance *from, device *who, record_kind kind, cells *all, const char *key)
{
    if (kind == RECORDS_EVENTS)
        records_change_event(from, all, key, now_s(who));
    else
        change_card(from, all, key);
}

static void act_on_files(chance *from, device *who, record_kind kind, const char *key)
{
    const char *folder = files[kind].folder, *extension = files[kind].extension;
    char path[80], other[96];
    cells all;

    records_read(who, kind, &all);
    if (!find_file(who, kind, key, path)) {
        snprintf(path, sizeof path, "%s/%s%s%s", folder, chance_one_in(from, 3) ? "x-" : "", key,
                 extension);
        make_file(from, who, kind, &all, key);
        change_file(from, who, kind, &all, key);
        save_file(from, who, kind, &all, key, path);
    } else if (chance_one_in(from, 6)) {
        disk_user_unlinks(who->drive, path);
    } else if (chance_one_in(from, 8)) {
        snprintf(other, sizeof other, "%s/y-%s%s", folder, key, extension);
        disk_user_moves(who->drive, path, other);
    } else {
        change_file(from, who, kind, &all, key);
        save_file(from, who, kind, &all, key, path);
    }
    cells_release(&all);
}

void records_drop_file(device *who, record_kind kind, const char *key)
{
    char path[80];

    if (find_file(who, kind, key, path))
        disk_user_unlinks(who->drive, path);
}

/* ---- A document ---- */

/* One of its members is set, or taken out; it is never empty. */
static void act_on_settings(chance *from, device *who, const char *field)
{
    cells all;

    records_read(who, RECORDS_SETTINGS, &all);
    cell *one = cells_find(&all, cells_settings, field);
    if (one && count_values(&all, cells_settings) > 1 && chance_one_in(from, 6))
        cells_drop(&all, one);
    else
        clerks_set(from, &all, cells_settings, field, "");
    if (chance_one_in(from, 4))
        shuffle(from, &all);
    records_save_table(who, RECORDS_SETTINGS, &all, chance_one_in(from, 3));
    cells_release(&all);
}

void records_fill_settings(device *who, size_t least, uint64_t seed)
{
    chance from = {seed};
    char field[8];
    cells all;

    records_read(who, RECORDS_SETTINGS, &all);
    for (unsigned number = 10; count_values(&all, cells_settings) < least; number++) {
        snprintf(field, sizeof field, "k%u", number); /* what other acts set has one digit */
        if (!cells_find(&all, cells_settings, field))
            give(&from, &all, RECORDS_SETTINGS, cells_settings, field);
    }
    records_save_table(who, RECORDS_SETTINGS, &all, chance_one_in(&from, 3));
    cells_release(&all);
}

/* ---- All of them ---- */

void records_act(device *who, record_kind kind, const char *key, uint64_t seed)
{
    chance from = {seed};

    if (!records_are_in(who->in, kind))
        return;
    if (kind == RECORDS_TABLE)
        act_on_table(&from, who, key);
    else if (kind == RECORDS_NUMBERS)
        act_on_numbers(&from, who);
    else if (kind == RECORDS_SETTINGS)
        act_on_settings(&from, who, key);
    else
        act_on_files(&from, who, kind, key);
}

/* ---- The same by all ---- */

static long next_number(const world *self)
{
    long last = 0;

    for (int i = 0; i < self->count; i++) {
        const device *one = &self->devices[i];
        cells all;

        records_read(one, RECORDS_NUMBERS, &all);
        long there = highest(&all);
        there = there > one->counted ? there : one->counted;
        last = there > last ? there : last;
        cells_release(&all);
    }
    return last + 1;
}

void records_plan_twins(const world *self, const char *key, uint64_t seed, record_twins *out)
{
    chance from = {seed};
    record_kind kind = (record_kind)chance_below(&from, RECORDS_SETTINGS);

    for (int i = 0; i < RECORDS_SETTINGS && !records_are_in(self, kind); i++)
        kind = (kind + 1) % RECORDS_SETTINGS;
    if (records_are_in(self, RECORDS_EVENTS) &&
        (!records_are_in(self, kind) || chance_one_in(&from, 3)))
        kind = RECORDS_EVENTS;
    *out = (record_twins){.kind = kind, .seed = chance_next(&from)};
    if (kind == RECORDS_NUMBERS)
        snprintf(out->key, sizeof out->key, "%ld", next_number(self));
    else
        snprintf(out->key, sizeof out->key, "%s", key);
}

void records_make_twin(device *who, const record_twins *twins)
{
    chance from = {twins->seed};
    char path[80];
    cells all;

    records_read(who, twins->kind, &all);
    if (is_there(&all, twins->key)) {
        cells_release(&all);
        return;
    }
    if (files[twins->kind].folder) {
        snprintf(path, sizeof path, "%s/%s%s", files[twins->kind].folder, twins->key,
                 files[twins->kind].extension);
        make_file(&from, who, twins->kind, &all, twins->key);
        save_file(&from, who, twins->kind, &all, twins->key, path);
    } else {
        add_row(&from, &all, twins->key, twins->kind == RECORDS_NUMBERS);
        records_save_table(who, twins->kind, &all, chance_one_in(&from, 3));
    }
    if (twins->kind == RECORDS_NUMBERS)
        who->counted = strtol(twins->key, NULL, 10);
    cells_release(&all);
}
