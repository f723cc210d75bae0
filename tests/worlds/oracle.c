/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/inspection.h"
#include "tests/support/rest.h"
#include "tests/worlds/asking.h"
#include "tests/worlds/history.h"
#include "tests/worlds/lost.h"
#include "tests/worlds/mounts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void verdict_fail(judgement *self, const char *property, const char *format, ...)
{
    char text[8192];
    va_list arguments;

    if (self->property)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    self->property = property;
    cf_buffer_append_text(&self->text, "%s", text);
}

static device *first_member(world *w)
{
    int i = 0;

    while (w->devices[i].is_out)
        i++;
    return &w->devices[i];
}

/* Of what both ask for. */
static bool hold_the_same(const device *a, const device *b, cf_buffer *difference)
{
    cf_buffer first = {0}, other = {0};

    asking_tree(a, b, &first);
    asking_tree(b, a, &other);
    bool equal = lists_alike(cf_buffer_view(&first), a->number, cf_buffer_view(&other), b->number,
                             difference);
    cf_buffer_release(&first);
    cf_buffer_release(&other);
    return equal;
}

static void expect_the_same(history *self, const char *property, const device *a, const device *b)
{
    cf_buffer difference = {0};

    if (!self->verdict.property && !hold_the_same(a, b, &difference))
        verdict_fail(&self->verdict, property, "%.*s", (int)difference.size,
                     (const char *)difference.data);
    cf_buffer_release(&difference);
}

/* ---- Truthful status ---- */

void oracle_truthful(history *self)
{
    world *w = self->w;

    for (int i = 0; i < w->count; i++)
        for (int j = i + 1; j < w->count; j++) {
            device *a = &w->devices[i], *b = &w->devices[j];

            if (a->claims && b->claims && a->claimed_of == b->claimed_of && !a->serves &&
                !b->serves)
                expect_the_same(self, "truthful status", a, b);
        }
}

void oracle_status(history *self)
{
    for (int i = 0; i < self->w->count; i++) {
        device *one = &self->w->devices[i];
        cf_buffer why = {0};

        if (one->is_out || one->claims || one->is_bereft || one->is_held_up)
            continue;
        device_status_is_clean(one, &why);
        verdict_fail(&self->verdict, "truthful status", "device %d is not in sync: %.*s",
                     one->number, (int)why.size, (const char *)why.data);
        cf_buffer_release(&why);
    }
}

/* ---- Causes ---- */

void oracle_causes(history *self)
{
    const cf_buffer *unmade = &self->w->unmade, *trespass = &self->w->trespass;
    const cf_buffer *leaks = &self->w->leaks;

    if (unmade->size)
        verdict_fail(&self->verdict, "no change that nobody made", "%.*s", (int)unmade->size,
                     (const char *)unmade->data);
    if (trespass->size)
        verdict_fail(&self->verdict, "other disks are let be", "%.*s", (int)trespass->size,
                     (const char *)trespass->data);
    if (leaks->size)
        verdict_fail(&self->verdict, "who was shut out gets nothing", "%.*s", (int)leaks->size,
                     (const char *)leaks->data);
}

/* ---- Meant ---- */

static void tell_broken(history *self, const intent *broken, const picture *now)
{
    const region *is = picture_at(now, broken->meant.where);
    bool more = region_has_more_conflicts(is, &broken->meant);

    verdict_fail(
        &self->verdict, more ? "quiet" : "intent", "%s %s was meant to be\n%.*sand is\n%.*s",
        more ? "a conflict without two who differ:" : "what one user made:", broken->meant.where,
        (int)broken->meant.text.size, (const char *)broken->meant.text.data, (int)is->text.size,
        (const char *)is->text.data);
}

void oracle_meant(history *self)
{
    const intent *broken;
    picture now;

    if (asking_is_any_limited(self->w) || !world_agrees(self->w))
        return;
    picture_take(first_member(self->w), &now);
    broken = intents_broken(&self->w->intents, &now);
    if (broken)
        tell_broken(self, broken, &now);
    intents_agree(&self->w->intents, &now);
    picture_release(&now);
}

/* ---- Acked is there ---- */

void oracle_acked(history *self, world_broker *of)
{
    const cf_hash *user = cf_peer_user(device_peer(&self->w->devices[0]));
    uint64_t position;
    cf_blob_held held;
    cf_error error;

    for (size_t i = 0; i < of->promises.entry_count; i++)
        if (of->broker.store->find(of->broker.store, user, &of->promises.entries[i], &position,
                                   &error))
            verdict_fail(&self->verdict, "acked is there",
                         "broker %d lacks an entry that it accepted: %zu of %zu", of->number, i,
                         of->promises.entry_count);
    for (size_t i = 0; i < of->promises.blob_count; i++)
        if (of->broker.blobs->held(of->broker.blobs, user, &of->promises.blobs[i], &held, &error) ||
            !held.complete)
            verdict_fail(&self->verdict, "acked is there",
                         "broker %d lacks a blob that it stored: %zu of %zu", of->number, i,
                         of->promises.blob_count);
}

/* ---- At rest ---- */

void oracle_convergence(history *self)
{
    device *first = first_member(self->w);

    for (int i = first->number + 1; i < self->w->count; i++)
        if (!self->w->devices[i].is_out && !self->w->devices[i].is_held_up)
            expect_the_same(self, "convergence", first, &self->w->devices[i]);
}

static void tell_tree(history *self, const char *property, const char *what, const written *one,
                      const device *of)
{
    cf_buffer tree = {0};

    device_tree(of, &tree);
    verdict_fail(&self->verdict, property, "%s: %s, of device %d\n%.*s", what, one->token.text,
                 one->author, (int)tree.size, (const char *)tree.data);
    cf_buffer_release(&tree);
}

static bool is_kept_away(const device *at, const seen *it)
{
    record_kind kind;
    char key[96];

    return it->record.text[0] && records_place_read(it->path, &kind, key) &&
           lost_keeps_away(at, kind, key);
}

/* It never was asked for where it lies, so nobody else has heard of it; or it is a part of a record
 * that can't be shown elsewhere. */
static bool is_only_for_itself(const world *w, const written *one)
{
    bool found = false;

    for (int i = 0; i < w->count && !found; i++) {
        const device *of = &w->devices[i];
        bool may_be_unknown = !one->safe_at && asking_is_limited(of);
        sight there;

        if (of->is_out || (!may_be_unknown && !of->bereft.size))
            continue;
        sight_take(of, &there);
        for (size_t k = 0; k < there.count; k++)
            found |= strcmp(there.all[k].token.text, one->token.text) == 0 &&
                     (is_kept_away(of, &there.all[k]) ||
                      (may_be_unknown && !asking_takes_seen(of, &there.all[k])));
        sight_release(&there);
    }
    return found;
}

typedef struct {
    const mark *token;
    bool found;
} beside_search;

static void look_beside(void *context, const char *place, const mark *token, const mark *record)
{
    beside_search *self = context;

    (void)place, (void)record;
    self->found |= strcmp(token->text, self->token->text) == 0;
}

/* In a file that a device keeps as NAME (saved N), and says so: world 701325, in which a document
 * was made anew while the one before was moved aside. */
static bool is_saved_beside(const world *w, const mark *token)
{
    beside_search self = {.token = token};

    for (int i = 0; i < w->count; i++)
        if (!w->devices[i].is_out)
            records_saved_beside(&w->devices[i], look_beside, &self);
    return self.found;
}

void oracle_no_loss(history *self)
{
    device *first = first_member(self->w);
    const ledger *book = &self->w->ledger;
    sight there, kept;

    sight_take(first, &there);
    sight_take_kept(first, &kept);
    for (size_t i = 0; i < book->count; i++)
        if (!book->all[i].may_go && !sight_has(&there, &book->all[i].token) &&
            !sight_has(&kept, &book->all[i].token) && !is_only_for_itself(self->w, &book->all[i]) &&
            !is_saved_beside(self->w, &book->all[i].token))
            tell_tree(self, "no loss", "lost", &book->all[i], first);
    sight_release(&there);
    sight_release(&kept);
}

void oracle_deletes_stay_dead(history *self)
{
    const ledger *book = &self->w->ledger;
    device *first = first_member(self->w);
    sight there, kept;

    sight_take(first, &there);
    sight_take_kept(first, &kept);
    for (size_t i = 0; i < book->count; i++) {
        const written *one = &book->all[i];

        if (!ledger_stays_dead(book, one))
            continue;
        if (sight_has(&there, &one->token))
            tell_tree(self, "deletes stay dead", "is back", one, first);
        else if (sight_has(&kept, &one->token))
            tell_tree(self, "quiet", "is kept as a conflict", one, first);
    }
    sight_release(&there);
    sight_release(&kept);
}

static void expect_written(history *self, const sight *what)
{
    for (size_t i = 0; i < what->count; i++)
        if (!ledger_find(&self->w->ledger, &what->all[i].token))
            verdict_fail(&self->verdict, "no invention", "nobody wrote %s: %s", what->all[i].path,
                         what->all[i].token.text);
}

void oracle_no_invention(history *self)
{
    device *first = first_member(self->w);
    sight there, kept;

    sight_take(first, &there);
    sight_take_kept(first, &kept);
    expect_written(self, &there);
    expect_written(self, &kept);
    sight_release(&there);
    sight_release(&kept);
}

/* What is a row's stays together, under whatever number it is shown. */
void oracle_whole_rows(history *self)
{
    device *first = first_member(self->w);
    cells all = {0};

    if (records_are_in(self->w, RECORDS_NUMBERS))
        records_read(first, RECORDS_NUMBERS, &all);
    for (size_t i = 1; i < all.count; i++) {
        const cell *before = &all.all[i - 1], *one = &all.all[i];

        if (*before->field && *one->field && strcmp(before->key, one->key) == 0 &&
            strncmp(before->value, one->value, CLERKS_TAG) != 0)
            verdict_fail(&self->verdict, "no invention", "row %s is of two: %.24s, %.24s", one->key,
                         before->value, one->value);
    }
    cells_release(&all);
}

/* Wherever it says that all is in sync. */
void oracle_rules(history *self)
{
    for (int i = 0; i < self->w->count; i++) {
        const device *one = &self->w->devices[i];
        cf_buffer why = {0};

        if (!one->is_out && one->claims && !records_keep_rules(one, &why))
            verdict_fail(&self->verdict, "rules of the format", "device %d: %.*s", i, (int)why.size,
                         (const char *)why.data);
        cf_buffer_release(&why);
    }
}

/* ---- Not asked for ---- */

/* What somebody let go elsewhere may be replaced once more after the word that asks for it no more,
 * if that was on its way already. */
static bool may_be_replaced(const device *of, const mark *token)
{
    const written *known = ledger_find(&of->in->ledger, token);

    return of->is_unsure && known && known->may_go;
}

/* What nobody else is told of. */
static void keep_own(const device *of, sight *there)
{
    size_t count = 0;

    for (size_t i = 0; i < there->count; i++) {
        seen *it = &there->all[i];

        if (asking_takes_seen(of, it) || asking_may_know(of, it) || may_be_replaced(of, &it->token))
            free(it->path);
        else
            there->all[count++] = *it;
    }
    there->count = count;
}

void oracle_look(const history *self, looks *out)
{
    *out = (looks){0};
    for (int i = 0; i < self->w->count; i++) {
        const device *of = &self->w->devices[i];

        /* In the middle of a sync a user may take away what he likes. */
        if (of->is_out || of == self->worker || !asking_is_limited(of))
            continue;
        sight_take(of, &out->of[i]);
        keep_own(of, &out->of[i]);
    }
}

void oracle_left(history *self, looks *before)
{
    for (int i = 0; i < self->w->count; i++) {
        const device *of = &self->w->devices[i];
        sight now;

        sight_take(of, &now);
        for (size_t k = 0; k < before->of[i].count; k++) {
            const seen *it = &before->of[i].all[k];

            if (!sight_has(&now, &it->token))
                verdict_fail(&self->verdict, "no loss",
                             "device %d doesn't ask for %s, and it is gone there: %s", i, it->path,
                             it->token.text);
        }
        sight_release(&now);
        sight_release(&before->of[i]);
    }
}

/* ---- Going on ---- */

static void list_disks(const world *w, cf_buffer *out)
{
    for (int i = 0; i < w->count; i++)
        if (!w->devices[i].is_out) {
            device_tree(&w->devices[i], out);
            records_dump(&w->devices[i], out);
        }
}

/* Looking again, in processes that know nothing but what they kept, finds nothing to say; nor does
 * it where the disk was mounted anew. */
void oracle_quiet(history *self)
{
    world *w = self->w;
    uint64_t entries = world_entries(w);
    cf_buffer before = {0}, after = {0};
    world_round round = {.turns = TURNS_MAX};

    list_disks(w, &before);
    for (int i = 0; i < 2 * w->count; i++) {
        device *one = &w->devices[i % w->count];

        if (one->is_out)
            continue;
        if (i >= w->count)
            mounts_anew(one);
        device_restart(one, END_CALMLY);
        round.set = 1u << one->number;
        world_sync(w, &round);
        if (!one->claims && !one->is_bereft && !one->is_held_up)
            verdict_fail(&self->verdict, "truthful status",
                         "device %d is not in sync any more, though nothing was done", one->number);
    }
    list_disks(w, &after);
    if (world_entries(w) != entries)
        verdict_fail(&self->verdict, "quiet", "%lld more entries, though nothing was done",
                     (long long)(world_entries(w) - entries));
    if (!cf_bytes_equal(cf_buffer_view(&before), cf_buffer_view(&after)))
        verdict_fail(&self->verdict, "quiet", "folders change, though nothing was done");
    oracle_causes(self);
    cf_buffer_release(&before);
    cf_buffer_release(&after);
}

/* All that is in sync is at the broker, for a device that comes now. */
void oracle_newcomer(history *self)
{
    device *newcomer = world_add_device(self->w);
    world_round round = {.set = world_members(self->w), .turns = TURNS_MAX};

    for (int i = 0; i < 2; i++)
        world_sync(self->w, &round);
    expect_the_same(self, "acked is there", first_member(self->w), newcomer);
}

typedef struct {
    history *history;
    const device *of;
} homecoming;

/* The cache of a base's bytes is verified when it is read, and a power cut may spoil it. */
static void note_damage(void *context, const cf_damage *damage)
{
    homecoming *self = context;

    if (damage->kind != CF_DAMAGE_CACHE)
        verdict_fail(&self->history->verdict, "whole homes", "device %d: %s", self->of->number,
                     damage->what);
}

void oracle_whole_homes(history *self)
{
    cf_error error;

    for (int i = 0; i < self->w->count; i++) {
        device *one = &self->w->devices[i];

        if (!one->is_out)
            must(cf_inspect(device_peer(one), note_damage, &(homecoming){self, one}, &error),
                 &error, "inspecting a home");
    }
}

/* ---- Intent ---- */

static void expect_no_conflict(history *self, device *one)
{
    cf_arena arena = {0};

    for (size_t i = 0; i < cf_engine_binding_count(one->engine); i++) {
        cf_binding_status status;

        cf_engine_status(one->engine, cf_engine_binding_at(one->engine, i), &arena, &status);
        if (status.conflict_count)
            verdict_fail(&self->verdict, "quiet", "a conflict copy without a conflict: %.*s",
                         (int)status.conflicts[0].path.size,
                         (const char *)status.conflicts[0].path.data);
    }
    cf_arena_release(&arena);
}

void oracle_intent(history *self, device *of, cf_bytes tree)
{
    cf_buffer now = {0};

    device_tree(of, &now);
    if (!cf_bytes_equal(cf_buffer_view(&now), tree))
        verdict_fail(&self->verdict, "intent", "device %d: its user made\n%.*sand now it has\n%.*s",
                     of->number, (int)tree.size, (const char *)tree.data, (int)now.size,
                     (const char *)now.data);
    cf_buffer_release(&now);
    oracle_convergence(self);
    expect_no_conflict(self, of);
}
