/* SPDX-License-Identifier: Apache-2.0 */
/* A program clears a column of a table, or takes all its rows, in one save or bit by bit within a
 * minute: too much to go elsewhere without the user's word, whatever others do meanwhile. Then what
 * went is put back. */
#include "tests/worlds/history.h"

#include "tests/worlds/asking.h"
#include "tests/worlds/disk_users.h"
#include "tests/worlds/records.h"

#include <stdlib.h>

/* Of fewer than 10 values all may go (peer/bindings/guard.h). */
enum { LEAST = 12, HELD_FROM = 10, PAUSE_MS = 2000, MINUTE_MS = 60000, OTHERS_ACTS = 4 };

typedef struct {
    history *of;
    chance *from;
    device *who;
    record_kind kind;
    const char *field;     /* NULL: all of them, with the rows */
    cells whole;           /* the table as it was */
    cells went;            /* what was cleared before, and was let go */
    cf_buffer bytes, left; /* the file as it was, and as it was saved then */
} clearing;

static const char *path_of(record_kind kind)
{
    return kind == RECORDS_TABLE ? "/tables/table.csv" : "/tables/numbers.csv";
}

static void read_file(const clearing *self, cf_buffer *out)
{
    cf_buffer_clear(out);
    disk_user_reads(self->who->drive, path_of(self->kind), out);
}

static void release(clearing *self)
{
    cells_release(&self->whole);
    cells_release(&self->went);
    cf_buffer_release(&self->bytes);
    cf_buffer_release(&self->left);
}

/* ---- What its user does ---- */

typedef struct {
    sight before, kept;
} noting;

static void begin_note(device *who, noting *out)
{
    sight_take_whole(who, &out->before);
    sight_take_kept(who, &out->kept);
}

static void end_note(device *who, noting *self)
{
    note_acts(who, &self->before);
    note_wiped(who, &self->kept);
    sight_release(&self->before);
    sight_release(&self->kept);
}

static void fill(clearing *self)
{
    noting note;

    begin_note(self->who, &note);
    records_fill(self->who, self->kind, self->field ? self->field : cell_columns[0], LEAST,
                 chance_next(self->from));
    end_note(self->who, &note);
    world_wait(self->of->w, PAUSE_MS);
}

/* What is told of a row that was not there before is no matter of what was cleared. */
static void add_row(clearing *self, device *who)
{
    noting note;

    begin_note(who, &note);
    records_add(who, self->kind, chance_next(self->from));
    end_note(who, &note);
    world_wait(self->of->w, PAUSE_MS);
}

static void others_go_on(clearing *self)
{
    world *w = self->of->w;
    const act_kind kind = self->kind == RECORDS_TABLE ? ACT_TABLE : ACT_NUMBERS;

    for (int i = 0; i < OTHERS_ACTS; i++) {
        device *other = &w->devices[chance_below(self->from, (uint64_t)w->count)];
        event one = {.kind = kind, .path = (uint8_t)chance_below(self->from, PATHS)};

        one.seed = chance_next(self->from);
        if (other == self->who || other->is_out)
            continue;
        if (chance_one_in(self->from, 3))
            add_row(self, other);
        else
            user_acts(self->of, other, &one);
    }
    world_wait(w, PAUSE_MS);
    history_sync(self->of, world_members(w) & ~(1u << self->who->number), TURNS_MAX);
}

/* ---- What the program does ---- */

static void save(clearing *self, const cells *what)
{
    records_save_table(self->who, self->kind, what, chance_one_in(self->from, 2));
    world_wait(self->of->w, PAUSE_MS);
}

/* Every so many of the values that there are. */
static size_t clear(clearing *self, uint64_t one_of, cells *gone)
{
    size_t count = 0, found = 0;
    cells all;

    records_read(self->who, self->kind, &all);
    for (size_t i = all.count; i-- > 0;) {
        const cell *one = &all.all[i];

        if (strcmp(one->field, self->field) != 0 || found++ % one_of)
            continue;
        if (gone)
            cells_add(gone, one->key, one->field, one->value);
        cells_drop(&all, one);
        count++;
    }
    save(self, &all);
    cells_release(&all);
    return count;
}

/* The row's key, whatever number it has by now; NULL: it is gone. */
static const char *key_of(const clearing *self, const cells *now, const cell *was)
{
    const char *found = cells_find(now, was->key, "") ? was->key : NULL;

    if (self->kind == RECORDS_TABLE)
        return found;
    found = NULL;
    for (size_t i = 0; i < now->count; i++)
        if (*now->all[i].field && strncmp(now->all[i].value, was->value, CLERKS_TAG) == 0)
            found = !found || strcmp(now->all[i].key, was->key) == 0 ? now->all[i].key : found;
    return found;
}

static void touch_record(ledger *book, const mark *record)
{
    for (size_t i = 0; i < book->count; i++)
        if (strcmp(book->all[i].record.text, record->text) == 0)
            ledger_touch(book, &book->all[i].token);
}

static bool lacks_record(const device *of, const mark *record)
{
    bool found = false;
    sight there;

    sight_take(of, &there);
    for (size_t i = 0; !found && i < there.count; i++)
        found = strcmp(there.all[i].record.text, record->text) == 0;
    sight_release(&there);
    return !found;
}

/* Somebody may have let it go meanwhile: the value, or the row that comes back. */
static bool may_be_away(const clearing *self, const seen *it)
{
    const world *w = self->of->w;
    const written *known = ledger_find(&w->ledger, &it->token);
    bool found = self->field && known && known->may_go;

    for (int i = 0; !self->field && !found && i < w->count; i++)
        found = &w->devices[i] != self->who && !w->devices[i].is_out &&
                lacks_record(&w->devices[i], &it->record);
    return found;
}

/* He also puts back what somebody let go meanwhile, which is an edit of the record. No token tells
 * it from what was there before: who sees that may not know of it. */
static void note_back(const clearing *self, const sight *before)
{
    world *w = self->of->w;
    bool any = false;
    sight after;

    sight_take_whole(self->who, &after);
    for (size_t i = 0; i < after.count; i++) {
        const seen *one = &after.all[i];

        if (sight_has(before, &one->token) || !may_be_away(self, one))
            continue;
        touch_record(&w->ledger, &one->record);
        any = true;
    }
    if (any)
        intents_shake(&w->intents, &before->shown, &after.shown);
    sight_release(&after);
}

/* Every so many of these values, in rows that are there and have none now. */
static void refill(clearing *self, const cells *with, uint64_t one_of)
{
    size_t found = 0;
    sight before;
    cells all;

    sight_take_whole(self->who, &before);
    records_read(self->who, self->kind, &all);
    for (size_t i = 0; i < with->count; i++) {
        const cell *was = &with->all[i];
        const char *key = NULL;

        if (strcmp(was->field, self->field) == 0 && found++ % one_of == 0)
            key = key_of(self, &all, was);
        if (key && !cells_find(&all, key, self->field))
            cells_add(&all, key, self->field, was->value);
    }
    save(self, &all);
    note_back(self, &before);
    sight_release(&before);
    cells_release(&all);
}

/* ---- What is expected of it ---- */

static bool is_held(const clearing *self)
{
    cf_binding_status status;
    cf_arena arena = {0};
    bool found = false;

    cf_engine_status(self->who->engine, records_binding(self->who, self->kind), &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        found |= status.pending[i].kind == CF_PENDING_HELD;
    cf_arena_release(&arena);
    return found;
}

/* Nobody gives the word. */
static void expect(clearing *self, bool held, const char *when)
{
    device *who = self->who;
    const world_round round = {.set = 1u << who->number, .turns = TURNS_MAX, .guarded = true};
    const bool served = who->serves;

    who->serves = true; /* so that its process is there to be asked */
    world_sync(self->of->w, &round);
    who->serves = served;
    if (is_held(self) != held || (held && who->claims))
        verdict_fail(&self->of->verdict, "truthful status",
                     "device %d: %s of %s is %s, and it says that it is %s", who->number,
                     self->field ? self->field : "each row", path_of(self->kind), when,
                     who->claims ? "in sync"
                     : held      ? "not held"
                                 : "held");
    if (!served)
        network_cut_device(who);
}

static void expect_held(clearing *self, const char *when)
{
    expect(self, true, when);
    if (chance_one_in(self->from, 3))
        device_restart(self->who, chance_one_in(self->from, 2) ? END_KILLED : END_CALMLY);
}

/* Of what there is, and what went just before and is not there again. Others may have taken some of
 * what was filled in. */
static bool is_enough(const clearing *self)
{
    size_t count = 0;
    cells all;

    records_read(self->who, self->kind, &all);
    for (size_t i = 0; i < all.count; i++)
        count += strcmp(all.all[i].field, self->field ? self->field : "") == 0;
    for (size_t i = 0; i < self->went.count; i++) {
        const cell *was = &self->went.all[i];
        const char *key = self->field ? key_of(self, &all, was) : was->key;

        count += key && !cells_find(&all, key, was->field);
    }
    cells_release(&all);
    return count >= HELD_FROM;
}

/* ---- A column ---- */

/* The first half is an edit like any other. False: that took so long that the second would be one,
 * too. */
static bool clear_half(clearing *self)
{
    const uint64_t before_ms = self->of->w->now_ms;
    const world_round round = {.set = 1u << self->who->number, .turns = TURNS_MAX, .guarded = true};
    noting note;

    begin_note(self->who, &note);
    clear(self, 2, &self->went);
    end_note(self->who, &note);
    world_sync(self->of->w, &round);
    return self->of->w->now_ms - before_ms + 2 * PAUSE_MS < MINUTE_MS;
}

static void put_half_back(clearing *self)
{
    noting note;

    if (!self->went.count)
        return;
    begin_note(self->who, &note);
    refill(self, &self->went, 1);
    end_note(self->who, &note);
}

/* False: there is something else in it by now. */
static bool put_file_back(clearing *self)
{
    cf_buffer now = {0};
    sight before;

    read_file(self, &now);
    const bool same = cf_bytes_equal(cf_buffer_view(&now), cf_buffer_view(&self->left));
    cf_buffer_release(&now);
    if (!same)
        return false;
    sight_take_whole(self->who, &before);
    disk_user_saves(self->who->drive, path_of(self->kind), cf_buffer_view(&self->bytes),
                    DISK_SAVE_BY_RENAME);
    disk_user_syncs(self->who->drive, path_of(self->kind));
    note_back(self, &before);
    sight_release(&before);
    world_wait(self->of->w, PAUSE_MS);
    return true;
}

static void put_back(clearing *self)
{
    if (chance_one_in(self->from, 2) || !put_file_back(self)) {
        if (chance_one_in(self->from, 3)) {
            refill(self, &self->whole, 2);
            expect_held(self, "put back in part");
        }
        refill(self, &self->whole, 1);
    }
    world_tell(self->who->in, "device %d: it is put back", self->who->number);
    expect(self, false, "put back");
}

static void clear_and_put_back(clearing *self)
{
    const bool in_parts = chance_one_in(self->from, 3);

    if ((in_parts && !clear_half(self)) || !is_enough(self)) {
        put_half_back(self);
        return;
    }
    read_file(self, &self->bytes);
    records_read(self->who, self->kind, &self->whole);
    const size_t count = clear(self, 1, NULL);
    read_file(self, &self->left);
    world_tell(self->who->in, "device %d: %zu of %zu values of %s are gone from %s",
               self->who->number, count, count + self->went.count, self->field,
               path_of(self->kind));
    expect_held(self, "cleared");
    if (chance_one_in(self->from, 3))
        add_row(self, self->who);
    if (chance_below(self->from, 3))
        others_go_on(self);
    expect_held(self, "cleared, and others went on");
    put_half_back(self);
    put_back(self);
}

/* Of a counted row that shows nothing nobody knows which it was, once it has another number. */
static bool may_be_known_again(const clearing *self)
{
    bool good = true;
    cells all;

    records_read(self->who, self->kind, &all);
    for (size_t i = 0; self->kind == RECORDS_NUMBERS && i < all.count; i++) {
        bool has = *all.all[i].field != '\0';

        for (size_t k = 0; !has && k < all.count; k++)
            has = strcmp(all.all[k].key, all.all[i].key) == 0 && *all.all[k].field &&
                  strcmp(all.all[k].field, self->field) != 0;
        good &= has;
    }
    cells_release(&all);
    return good;
}

static bool choose_table(clearing *self)
{
    self->kind = chance_one_in(self->from, 2) ? RECORDS_TABLE : RECORDS_NUMBERS;
    if (!records_are_in(self->of->w, self->kind))
        self->kind = self->kind == RECORDS_TABLE ? RECORDS_NUMBERS : RECORDS_TABLE;
    self->field = cell_columns[chance_below(self->from, CELL_COLUMNS)];
    return records_are_in(self->of->w, self->kind);
}

void record_column_is_cleared(history *self, chance *from, device *who)
{
    clearing it = {.of = self, .from = from, .who = who};

    if (!record_may_be_spoiled(who) || !choose_table(&it))
        return;
    fill(&it);
    history_sync(self, 1u << who->number, TURNS_MAX);
    if (who->claims && may_be_known_again(&it)) {
        clear_and_put_back(&it);
        history_sync(self, 1u << who->number, TURNS_MAX);
    }
    release(&it);
}

/* ---- All rows ---- */

static void others_add_and_edit(clearing *self)
{
    world *w = self->of->w;

    for (int i = 0; i < OTHERS_ACTS; i++) {
        device *other = &w->devices[chance_below(self->from, (uint64_t)w->count)];
        const uint64_t seed = chance_next(self->from);
        noting note;

        if (other == self->who || other->is_out)
            continue;
        begin_note(other, &note);
        records_go_on(other, self->kind, seed);
        end_note(other, &note);
    }
    world_wait(w, PAUSE_MS);
    history_sync(self->of, world_members(w) & ~(1u << self->who->number), TURNS_MAX);
}

/* Rows that were made when some clock was ahead of the device's are as if made just now: what was
 * deleted of them a moment ago doesn't count (guard.h, world 50069). */
static bool may_clocks_differ(const story *script)
{
    bool found = false;

    for (size_t i = 0; i < script->count; i++)
        found |= script->acts[i].kind == ACT_CLOCK;
    return found;
}

static void delete_half(clearing *self)
{
    const world_round round = {.set = 1u << self->who->number, .turns = TURNS_MAX, .guarded = true};
    const bool served = self->who->serves;
    size_t found = 0;
    noting note;
    cells all;

    world_wait(self->of->w, MINUTE_MS); /* what is so young and goes counts for nothing later */
    begin_note(self->who, &note);
    records_read(self->who, self->kind, &all);
    for (size_t i = all.count; i-- > 0;)
        if (!*all.all[i].field && found++ % 2 == 0) {
            cells_add(&self->went, all.all[i].key, "", "");
            cells_drop_row(&all, all.all[i].key);
        }
    save(self, &all);
    end_note(self->who, &note);
    cells_release(&all);
    self->who->serves = true; /* of few nothing is kept for the next process */
    world_sync(self->of->w, &round);
    self->who->serves = served;
}

/* Every so many of the rows that are not there. */
static void add_rows_back(clearing *self, uint64_t one_of)
{
    size_t found = 0;
    sight before;
    cells all, now;

    sight_take_whole(self->who, &before);
    records_read(self->who, self->kind, &all);
    records_read(self->who, self->kind, &now);
    bool takes = false;
    for (size_t i = 0; i < self->whole.count; i++) {
        const cell *was = &self->whole.all[i];

        if (!*was->field) /* the row itself comes first */
            takes = !cells_find(&now, was->key, "") && found++ % one_of == 0;
        if (takes)
            cells_add(&all, was->key, was->field, was->value);
    }
    save(self, &all);
    note_back(self, &before);
    sight_release(&before);
    cells_release(&all);
    cells_release(&now);
}

static void empty_and_put_back(clearing *self)
{
    if (chance_one_in(self->from, 3) && !may_clocks_differ(self->of->script))
        delete_half(self);
    if (!is_enough(self))
        return;
    read_file(self, &self->bytes);
    records_read(self->who, self->kind, &self->whole);
    save(self, &(cells){0});
    read_file(self, &self->left);
    world_tell(self->who->in, "device %d: all rows are gone from %s", self->who->number,
               path_of(self->kind));
    expect_held(self, "gone");
    if (chance_below(self->from, 3))
        others_add_and_edit(self);
    expect_held(self, "gone, and others went on");
    if (chance_one_in(self->from, 2) || !put_file_back(self)) {
        if (chance_one_in(self->from, 3)) {
            add_rows_back(self, 2);
            expect_held(self, "put back in part");
        }
        add_rows_back(self, 1);
    }
    world_tell(self->who->in, "device %d: they are put back", self->who->number);
    expect(self, false, "put back");
}

void record_table_is_emptied(history *self, chance *from, device *who)
{
    clearing it = {.of = self, .from = from, .who = who, .kind = RECORDS_TABLE};

    if (!record_may_be_spoiled(who) || !records_are_in(self->w, RECORDS_TABLE))
        return;
    fill(&it);
    history_sync(self, 1u << who->number, TURNS_MAX);
    if (who->claims) {
        empty_and_put_back(&it);
        history_sync(self, 1u << who->number, TURNS_MAX);
    }
    release(&it);
}
