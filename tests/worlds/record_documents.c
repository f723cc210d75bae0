/* SPDX-License-Identifier: Apache-2.0 */
/* A program empties its settings: `{}` lies there, as after a crash while it saved them, and
 * nothing of that goes elsewhere without the user's word, whatever others do meanwhile. Then what
 * went is put back: the file as it was, or each member that is gone. */
#include "tests/worlds/history.h"

#include "tests/worlds/disk_users.h"
#include "tests/worlds/records.h"

enum { LEAST = 12, PAUSE_MS = 2000, OTHERS_ACTS = 4 };

typedef struct {
    history *of;
    chance *from;
    device *who;
    cells whole;      /* the document as it was */
    cf_buffer before; /* and its file */
} emptying;

static const char *const empty_texts[] = {"{}", "{}\n", "{\n}\n"};
enum { EMPTY_TEXTS = sizeof empty_texts / sizeof *empty_texts };

static void save(emptying *self, cf_bytes text)
{
    disk_user_saves(self->who->drive, records_path(RECORDS_SETTINGS), text,
                    chance_one_in(self->from, 2) ? DISK_SAVE_IN_PLACE : DISK_SAVE_BY_RENAME);
    disk_user_syncs(self->who->drive, records_path(RECORDS_SETTINGS));
    world_wait(self->of->w, PAUSE_MS);
}

static void fill(emptying *self)
{
    sight before;

    sight_take_whole(self->who, &before);
    records_fill_settings(self->who, LEAST, chance_next(self->from));
    note_acts(self->who, &before);
    sight_release(&before);
    world_wait(self->of->w, PAUSE_MS);
}

static void others_go_on(emptying *self)
{
    world *w = self->of->w;

    for (int i = 0; i < OTHERS_ACTS; i++) {
        device *other = &w->devices[chance_below(self->from, (uint64_t)w->count)];
        event one = {.kind = ACT_SETTINGS, .path = (uint8_t)chance_below(self->from, PATHS)};

        one.seed = chance_next(self->from);
        if (other != self->who && !other->is_out)
            user_acts(self->of, other, &one);
    }
    world_wait(w, PAUSE_MS);
    history_sync(self->of, world_members(w) & ~(1u << self->who->number), TURNS_MAX);
}

/* ---- Put back ---- */

/* What another one let go meanwhile, or set to something else, was put back too: no token tells
 * that from what was there before. */
static void note_back(const emptying *self, const sight *before)
{
    world *w = self->of->w;
    bool any = false;
    sight after;

    sight_take_whole(self->who, &after);
    for (size_t i = 0; i < after.count; i++) {
        const written *known = ledger_find(&w->ledger, &after.all[i].token);

        if (sight_has(before, &after.all[i].token) || !known || !known->may_go)
            continue;
        ledger_touch(&w->ledger, &after.all[i].token);
        any = true;
    }
    if (any)
        intents_shake(&w->intents, &before->shown, &after.shown);
    sight_release(&after);
}

static bool has_any(const emptying *self)
{
    bool found = false;
    cells now;

    records_read(self->who, RECORDS_SETTINGS, &now);
    for (size_t i = 0; i < now.count; i++)
        found |= *now.all[i].field != '\0';
    cells_release(&now);
    return found;
}

/* Beside what came meanwhile. */
static void add_back(emptying *self)
{
    cf_buffer text = {0};
    cells now;

    records_read(self->who, RECORDS_SETTINGS, &now);
    for (size_t i = 0; i < self->whole.count; i++) {
        const cell *was = &self->whole.all[i];

        if (!cells_find(&now, was->key, was->field))
            cells_add(&now, was->key, was->field, was->value);
    }
    cells_write_settings(&now, &text);
    save(self, cf_buffer_view(&text));
    cf_buffer_release(&text);
    cells_release(&now);
}

static void put_back(emptying *self)
{
    sight before;

    sight_take_whole(self->who, &before);
    if (has_any(self) || chance_one_in(self->from, 2))
        add_back(self);
    else
        save(self, cf_buffer_view(&self->before));
    note_back(self, &before);
    sight_release(&before);
    world_tell(self->who->in, "device %d: its settings are put back", self->who->number);
}

/* ---- What is expected of it ---- */

static bool is_held(const emptying *self)
{
    cf_binding_status status;
    cf_arena arena = {0};
    bool found = false;

    cf_engine_status(self->who->engine, records_binding(self->who, RECORDS_SETTINGS), &arena,
                     &status);
    for (size_t i = 0; i < status.pending_count; i++)
        found |= status.pending[i].kind == CF_PENDING_HELD;
    cf_arena_release(&arena);
    return found;
}

/* Nobody gives the word. */
static void expect(emptying *self, bool held, const char *when)
{
    device *who = self->who;
    const world_round round = {.set = 1u << who->number, .turns = TURNS_MAX, .guarded = true};
    const bool served = who->serves;

    who->serves = true; /* so that its process is there to be asked */
    world_sync(self->of->w, &round);
    who->serves = served;
    if (is_held(self) != held || (held && who->claims))
        verdict_fail(&self->of->verdict, "truthful status",
                     "device %d: its settings are %s, and it says that they are %s", who->number,
                     when,
                     who->claims ? "in sync"
                     : held      ? "not held"
                                 : "held");
    if (!served)
        network_cut_device(who);
}

static void empty_and_put_back(emptying *self)
{
    records_read(self->who, RECORDS_SETTINGS, &self->whole);
    disk_user_reads(self->who->drive, records_path(RECORDS_SETTINGS), &self->before);
    save(self, cf_bytes_of_text(empty_texts[chance_below(self->from, EMPTY_TEXTS)]));
    world_tell(self->who->in, "device %d: its settings are emptied", self->who->number);
    expect(self, true, "emptied");
    if (chance_one_in(self->from, 3))
        device_restart(self->who, chance_one_in(self->from, 2) ? END_KILLED : END_CALMLY);
    if (chance_below(self->from, 3))
        others_go_on(self);
    expect(self, true, "emptied, and others went on");
    put_back(self);
    expect(self, false, "put back");
}

void record_document_is_emptied(history *self, chance *from, device *who)
{
    emptying it = {.of = self, .from = from, .who = who};

    if (!record_may_be_spoiled(who) || !records_are_in(self->w, RECORDS_SETTINGS))
        return;
    fill(&it);
    history_sync(self, 1u << who->number, TURNS_MAX);
    if (who->claims) {
        empty_and_put_back(&it);
        history_sync(self, 1u << who->number, TURNS_MAX);
    }
    cells_release(&it.whole);
    cf_buffer_release(&it.before);
}
