/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/history.h"

#include "tests/worlds/asking.h"
#include "tests/worlds/disk_users.h"
#include "tests/worlds/records.h"
#include "tests/worlds/revocations.h"

#include <stdio.h>
#include <stdlib.h>

const char *const sabotage_names[SABOTAGES] = {
    "none",   "lose",     "invent",   "resurrect", "diverge", "forget",    "disturb",
    "lie",    "lose-row", "mix-rows", "mistake",   "quarrel", "fabricate", "linger",
    "betray", "spoil",    "sweep",    "withhold",  "twice",   "answer",    "call-off"};

/* ---- Sabotage ---- */

/* A file of which nothing may be missing. */
static void choose(device *of, const ledger *book, char path[512])
{
    sight there;

    path[0] = '\0';
    sight_take(of, &there);
    for (size_t i = 0; i < there.count && !path[0]; i++) {
        const written *known = ledger_find(book, &there.all[i].token);

        if (known && !known->may_go)
            snprintf(path, 512, "%s/%s", of->folder, there.all[i].path);
    }
    sight_release(&there);
}

static void meddle_with_files(history *self, cf_bytes bytes)
{
    world *w = self->w;
    char path[512];

    for (int i = 0; i < w->count; i++) {
        device *one = &w->devices[i];

        choose(one, &w->ledger, path);
        if (self->sabotage == SABOTAGE_LOSE)
            disk_user_removes(one->drive, path);
        else if (self->sabotage == SABOTAGE_INVENT || self->sabotage == SABOTAGE_RESURRECT ||
                 i == 0)
            disk_user_saves(one->drive, "/things/strange", bytes, DISK_SAVE_IN_PLACE);
    }
}

/* The first two that have a name have each other's. */
static void mix_rows(cells *all)
{
    cell *first = NULL;

    for (size_t i = 0; i < all->count; i++) {
        cell *one = &all->all[i];

        if (strcmp(one->field, "name") != 0)
            continue;
        if (first) {
            char *value = first->value;

            first->value = one->value;
            one->value = value;
            return;
        }
        first = one;
    }
}

static void meddle_with_rows(history *self)
{
    record_kind kind = self->sabotage == SABOTAGE_LOSE_ROW ? RECORDS_TABLE : RECORDS_NUMBERS;

    for (int i = 0; i < self->w->count; i++) {
        cells all;

        records_read(&self->w->devices[i], kind, &all);
        if (kind == RECORDS_NUMBERS)
            mix_rows(&all);
        else if (all.count)
            cells_drop_row(&all, all.all[0].key);
        records_save_table(&self->w->devices[i], kind, &all, true);
        cells_release(&all);
    }
}

static void visit_files(history *self, record_kind kind,
                        void (*visit)(void *context, const disk_thing *thing))
{
    for (int i = 0; i < self->w->count; i++)
        if (records_are_in(self->w, kind))
            disk_walk(self->w->devices[i].drive, records_path(kind),
                      &(disk_walk_options){.skip = ".counterfoil"}, visit, &self->w->devices[i]);
}

static void double_one(void *context, const disk_thing *thing)
{
    static const char end[] = "END:VCARD\r\n", birthday[] = "BDAY:19800517\r\n";
    device *one = context;
    cf_buffer text = {0};
    char path[160];

    if (!strstr(thing->path, ".vcf") || thing->bytes.size < strlen(end))
        return;
    cf_buffer_append(&text, thing->bytes.data, thing->bytes.size - strlen(end));
    cf_buffer_append_text(&text, "%s%s%s", birthday, birthday, end);
    snprintf(path, sizeof path, "/cards/%s", thing->path);
    disk_user_saves(one->drive, path, cf_buffer_view(&text), DISK_SAVE_IN_PLACE);
    cf_buffer_release(&text);
}

static void answer_one(void *context, const disk_thing *thing)
{
    static const char end[] = "END:VEVENT\r\nEND:VCALENDAR\r\n", whom[] = "mailto:dora@example.org";
    device *one = context;
    cf_buffer text = {0};
    char path[160];

    if (!strstr(thing->path, ".ics") || thing->bytes.size < strlen(end))
        return;
    cf_buffer_append(&text, thing->bytes.data, thing->bytes.size - strlen(end));
    cf_buffer_append_text(&text, "ATTENDEE;PARTSTAT=ACCEPTED;CN=a:%s\r\n", whom);
    cf_buffer_append_text(&text, "ATTENDEE;PARTSTAT=DECLINED;CN=b:%s\r\n%s", whom, end);
    snprintf(path, sizeof path, "/events/%s", thing->path);
    disk_user_saves(one->drive, path, cf_buffer_view(&text), DISK_SAVE_IN_PLACE);
    cf_buffer_release(&text);
}

/* Of each device the same event. */
static void call_off(history *self)
{
    for (int i = 0; i < self->w->count; i++) {
        cells all;

        records_read(&self->w->devices[i], RECORDS_EVENTS, &all);
        if (all.count)
            records_drop_file(&self->w->devices[i], RECORDS_EVENTS, all.all[0].key);
        cells_release(&all);
    }
}

/* The time of a file is another one, and no user has set it. */
static void fabricate(history *self)
{
    device *one = &self->w->devices[0];
    char path[512];

    choose(one, &self->w->ledger, path);
    disk_user_stamps(one->drive, path, INT64_C(1700000000000000000));
    history_sync(self, 1u, TURNS_MAX);
}

/* Nothing is lost, nothing invented, and all have the same: only it isn't what anybody did. */
static void meddle_with_intent(history *self)
{
    world *w = self->w;
    char path[CERTAIN_PATH], from[128], to[192];

    if (!intents_certain(&w->intents, path))
        return;
    for (int i = 0; i < w->count; i++) {
        device *one = &w->devices[i];
        cf_buffer bytes = {0};

        snprintf(from, sizeof from, "%s/%s", one->folder, path);
        snprintf(to, sizeof to, "%s (conflict 2026-01-01 00.00.00 ABCD)", from);
        if (self->sabotage == SABOTAGE_MISTAKE)
            disk_user_moves(one->drive, from, "/things/strange");
        else if (disk_user_reads(one->drive, from, &bytes))
            disk_user_saves(one->drive, to, cf_buffer_view(&bytes), DISK_SAVE_IN_PLACE);
        cf_buffer_release(&bytes);
    }
}

/* What a user wrote and deleted is made to lie there again. */
static void write_and_delete(history *self, cf_bytes bytes)
{
    world *w = self->w;
    sight before;

    for (int i = 0; i < 2; i++) {
        sight_take_whole(&w->devices[0], &before);
        if (i == 0)
            disk_user_saves(w->devices[0].drive, "/things/strange", bytes, DISK_SAVE_IN_PLACE);
        else
            disk_user_removes(w->devices[0].drive, "/things/strange");
        note_acts(&w->devices[0], &before);
        sight_release(&before);
    }
}

static void betray(history *self)
{
    const cf_message entry = {.command = CF_COMMAND_ENTRY};

    for (int i = 0; i < self->w->count; i++)
        revocations_sent(&self->w->brokers[self->w->home], &self->w->devices[i].station.curve,
                         &entry);
}

static void meddle(history *self)
{
    static const char text[] = "nobody has ever seen these bytes";
    cf_bytes bytes = cf_bytes_of(text, sizeof text);
    world_broker *home = &self->w->brokers[self->w->home];

    if (self->sabotage == SABOTAGE_TWICE)
        visit_files(self, RECORDS_CARDS, double_one);
    if (self->sabotage == SABOTAGE_ANSWER)
        visit_files(self, RECORDS_EVENTS, answer_one);
    if (self->sabotage == SABOTAGE_CALL_OFF)
        call_off(self);
    if (self->sabotage == SABOTAGE_NONE || self->sabotage == SABOTAGE_DISTURB ||
        self->sabotage >= SABOTAGE_SPOIL)
        return;
    if (self->sabotage == SABOTAGE_LINGER)
        for (;;)
            continue;
    if (self->sabotage == SABOTAGE_FABRICATE) {
        fabricate(self);
        return;
    }
    if (self->sabotage == SABOTAGE_BETRAY) {
        betray(self);
        return;
    }
    if (self->sabotage == SABOTAGE_FORGET) {
        cf_head unknown = {.sequence = 1};

        promises_add_entry(&home->promises, &unknown);
        return;
    }
    if (self->sabotage == SABOTAGE_LOSE_ROW || self->sabotage == SABOTAGE_MIX_ROWS) {
        meddle_with_rows(self);
        return;
    }
    if (self->sabotage == SABOTAGE_MISTAKE || self->sabotage == SABOTAGE_QUARREL) {
        meddle_with_intent(self);
        return;
    }
    if (self->sabotage == SABOTAGE_RESURRECT)
        write_and_delete(self, bytes);
    for (int i = 0; i < self->w->count; i++) {
        self->w->devices[i].claims &= self->sabotage == SABOTAGE_LIE;
        self->w->devices[i].serves = false;
    }
    meddle_with_files(self, bytes);
}

static void meddle_with_rows_of(device *one, bool asked)
{
    char place[128];
    cells all;

    if (!records_are_in(one->in, RECORDS_TABLE))
        return;
    records_read(one, RECORDS_TABLE, &all);
    for (size_t i = all.count; i-- > 0;) {
        if (*all.all[i].field)
            continue;
        snprintf(place, sizeof place, "table/%s/", all.all[i].key);
        if (asking_takes_place(one, place) == asked)
            cells_drop_row(&all, all.all[i].key);
        i = i < all.count ? i : all.count;
    }
    records_save_table(one, RECORDS_TABLE, &all, true);
    cells_release(&all);
}

/* Of a device that asks for some only. */
static void meddle_with_part(history *self)
{
    bool asked = self->sabotage == SABOTAGE_WITHHOLD;
    char path[512];

    if (self->sabotage != SABOTAGE_SWEEP && self->sabotage != SABOTAGE_WITHHOLD)
        return;
    for (int i = 0; i < self->w->count; i++) {
        device *one = &self->w->devices[i];
        sight there;

        if (one->is_out || !asking_is_limited(one))
            continue;
        sight_take(one, &there);
        for (size_t k = 0; k < there.count; k++) {
            snprintf(path, sizeof path, "%s/%s", one->folder, there.all[k].path);
            if (asking_takes_seen(one, &there.all[k]) == asked)
                disk_user_removes(one->drive, path);
        }
        sight_release(&there);
        meddle_with_rows_of(one, asked);
    }
}

/* What is done when nobody does anything any more. */
static void disturb(history *self)
{
    if (self->sabotage == SABOTAGE_DISTURB)
        disk_user_writes(self->w->devices[0].drive, "/things/strange", "still at it");
}

static bool is_of_item(void *context, cf_bytes key, cf_bytes value)
{
    cf_buffer *found = context;

    (void)value;
    cf_buffer_clear(found);
    cf_buffer_append(found, key.data, key.size);
    return false;
}

/* The first device forgets an item of which its log tells. */
static void spoil(history *self)
{
    device *one = &self->w->devices[0];
    cf_store *store = cf_home_store(one->home);
    const cf_hash *user = cf_peer_user(device_peer(one));
    const uint8_t items = CF_TABLE_ITEM;
    cf_buffer key = {0};
    cf_error error;

    if (self->sabotage != SABOTAGE_SPOIL)
        return;
    must(store->scan(store, user, cf_bytes_of(&items, 1), is_of_item, &key, &error), &error,
         "looking for an item");
    cf_kv gone = {.key = cf_buffer_view(&key)};
    must(store->write(store, user, &gone, 1, true, &error), &error, "forgetting an item");
    cf_buffer_release(&key);
}

/* ---- Judging ---- */

static void come_to_rest(history *self)
{
    bool rests = world_settle(self->w);

    if (world_finds_home(self->w))
        rests = world_settle(self->w);
    note_pardoned(self->w);
    if (!rests)
        verdict_fail(&self->verdict, "quiet", "does not come to rest");
}

static void judge_what_all_show(history *self)
{
    oracle_rules(self);
    oracle_truthful(self);
    oracle_convergence(self);
    oracle_no_loss(self);
    oracle_deletes_stay_dead(self);
    oracle_no_invention(self);
    oracle_whole_rows(self);
    oracle_meant(self);
    oracle_status(self);
}

/* While some ask for some only. Then all ask for everything again. */
static void judge_parts(history *self)
{
    if (!asking_is_any_limited(self->w))
        return;
    judge_what_all_show(self);
    if (!self->verdict.property)
        oracle_quiet(self);
    if (self->verdict.property)
        return;
    asking_ends(self->w);
    come_to_rest(self);
}

static void judge(history *self)
{
    world *w = self->w;
    looks before;

    world_heal(w);
    oracle_look(self, &before);
    come_to_rest(self);
    meddle_with_part(self);
    oracle_left(self, &before);
    judge_parts(self);
    oracle_meant(self);
    meddle(self);
    judge_what_all_show(self);
    oracle_forks(self);
    for (int i = 0; i < w->broker_count; i++) {
        broker_crash(&w->brokers[i], BROKER_AS_IT_WAS);
        oracle_acked(self, &w->brokers[i]);
    }
    disturb(self);
    if (!self->verdict.property)
        oracle_quiet(self);
    if (!self->verdict.property)
        oracle_newcomer(self);
    spoil(self);
    if (!self->verdict.property)
        oracle_whole_homes(self);
}

/* ---- Running ---- */

static void tell_trees(history *self)
{
    for (int i = 0; i < self->w->count && self->w->traced; i++) {
        cf_buffer tree = {0};

        device_tree(&self->w->devices[i], &tree);
        printf("device %d%s holds:\n%.*s", i, self->w->devices[i].is_out ? " (out)" : "",
               (int)tree.size, (const char *)tree.data);
        cf_buffer_release(&tree);
    }
}

/* `who`: whose user has just done something; NULL: nobody's. */
static void settle_after(history *self, device *who)
{
    cf_buffer tree = {0};

    if (who)
        device_tree(who, &tree);
    if (!world_settle(self->w))
        verdict_fail(&self->verdict, "quiet", "does not come to rest");
    if (who)
        oracle_intent(self, who, cf_buffer_view(&tree));
    cf_buffer_release(&tree);
}

static void perform(history *self, const event *one)
{
    device *who = act_device(self, one);

    self->w->act++;
    world_tell(self->w, "--- %llu: %s, device %d, %s, %s", (unsigned long long)self->w->act,
               act_name(one->kind), who->number, script_paths[one->path], script_paths[one->to]);
    bool is_of_user = user_acts(self, who, one);
    if (!is_of_user)
        misfortune_happens(self, who, one);
    if (self->script->is_calm)
        settle_after(self, is_of_user ? who : NULL);
    tell_trees(self);
}

void history_run(const story *script, const run_options *options, judgement *out, uint64_t *digest)
{
    history self = {.script = script, .sabotage = options->sabotage};

    self.w = world_new(&script->plan, options->traced);
    for (size_t i = 0; i < script->count; i++)
        self.w->asks |= script->acts[i].kind == ACT_ASK;
    for (size_t i = 0; i < script->count && !self.verdict.property; i++)
        perform(&self, &script->acts[i]);
    if (!self.verdict.property)
        judge(&self);
    if (self.verdict.property)
        world_tell(self.w, "violated: %s", self.verdict.property);
    tell_trees(&self);
    *digest = self.w->digest;
    world_destroy(&self.w);
    *out = self.verdict;
}
