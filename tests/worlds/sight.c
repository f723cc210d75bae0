/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/sight.h"

#include "tests/worlds/asking.h"
#include "tests/worlds/records.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Looking ---- */

static bool read_token(const disk_thing *thing, mark *out)
{
    if (thing->stat.kind == CF_FILE_LINK)
        snprintf(out->text, sizeof out->text, "-> %.*s", (int)thing->bytes.size,
                 (const char *)thing->bytes.data);
    else if (thing->stat.kind == CF_FILE_REGULAR)
        snprintf(out->text, sizeof out->text, "%zu %016llx", thing->bytes.size,
                 (unsigned long long)ledger_sum(thing->bytes));
    else
        return false;
    return true;
}

static void take(void *context, const char *path, const mark *token)
{
    sight *self = context;

    self->all = cf_grow(self->all, &self->capacity, self->count + 1, sizeof *self->all);
    self->all[self->count++] = (seen){.path = strdup(path), .token = *token};
}

static void take_value(void *context, const char *place, const mark *token, const mark *record)
{
    sight *self = context;

    take(self, place, token);
    self->all[self->count - 1].record = *record;
}

static void take_thing(void *context, const disk_thing *thing)
{
    mark token;

    if (read_token(thing, &token))
        take(context, thing->path, &token);
}

void device_tree(const device *self, cf_buffer *out)
{
    disk_dump(self->drive, self->folder, &(disk_dump_options){.skip = ".counterfoil"}, out);
    records_list(self, out);
}

void sight_take(const device *of, sight *out)
{
    *out = (sight){0};
    disk_walk(of->drive, of->folder, &(disk_walk_options){.skip = ".counterfoil"}, take_thing, out);
    records_shown(of, take_value, out);
}

void sight_take_kept(const device *of, sight *out)
{
    *out = (sight){0};
    records_listed(of, take_value, out);
}

static void take_conflict(void *context, const char *place, const mark *token, const mark *record)
{
    (void)record;
    picture_add_kept(context, place, token->text);
}

void picture_take(const device *of, picture *out)
{
    cf_buffer tree = {0};

    *out = (picture){0};
    device_tree(of, &tree);
    for (size_t from = 0, to; from < tree.size; from = to + 1) {
        for (to = from; to < tree.size && tree.data[to] != '\n';)
            to++;
        picture_add(out, cf_bytes_of(tree.data + from, to - from));
    }
    cf_buffer_release(&tree);
    records_listed(of, take_conflict, out);
}

void sight_take_whole(const device *of, sight *out)
{
    sight_take(of, out);
    picture_take(of, &out->shown);
}

void sight_release(sight *self)
{
    picture_release(&self->shown);
    for (size_t i = 0; i < self->count; i++)
        free(self->all[i].path);
    free(self->all);
    *self = (sight){0};
}

bool sight_has(const sight *self, const mark *token)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].token.text, token->text) == 0)
            return true;
    return false;
}

static const seen *sight_at(const sight *self, const char *path)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].path, path) == 0)
            return &self->all[i];
    return NULL;
}

static size_t count_places(const sight *self, const mark *token)
{
    size_t count = 0;

    for (size_t i = 0; i < self->count; i++)
        count += strcmp(self->all[i].token.text, token->text) == 0;
    return count;
}

/* The same content at the same places. */
static bool is_where_it_was(const sight *before, const sight *after, const mark *token)
{
    size_t i = 0, j = 0;

    for (;; i++, j++) {
        while (i < before->count && strcmp(before->all[i].token.text, token->text))
            i++;
        while (j < after->count && strcmp(after->all[j].token.text, token->text))
            j++;
        if (i == before->count || j == after->count)
            return i == before->count && j == after->count;
        if (strcmp(before->all[i].path, after->all[j].path))
            return false;
    }
}

bool is_elsewhere(const device *here, const mark *token)
{
    const world *in = here->in;
    bool found = false;

    for (int i = 0; i < in->count && !found; i++) {
        const device *one = &in->devices[i];
        sight there;

        if (one == here || one->is_out)
            continue;
        sight_take(one, &there);
        found = sight_has(&there, token);
        sight_release(&there);
    }
    return found;
}

/* ---- What users did ---- */

static bool are_outcasts_in_doubt(const world *self)
{
    return self->was_restored && self->was_lost;
}

/* Nothing can be said of what they wrote and took away. */
static void doubt_outcasts(world *self)
{
    bool any = false;

    for (int i = 0; i < self->count; i++)
        any |= self->devices[i].is_out;
    for (size_t i = 0; any && are_outcasts_in_doubt(self) && i < self->ledger.count; i++)
        ledger_excuse(&self->ledger, &self->ledger.all[i].token);
}

/* What an outcast's user does counts for nothing: it may not show anywhere, nor make anything go.
 */
static void note_outcast(device *of, const sight *before, const sight *after)
{
    for (size_t i = 0; i < after->count; i++) {
        const mark *token = &after->all[i].token;

        if (sight_has(before, token) || ledger_find(&of->in->ledger, token))
            continue;
        ledger_write(&of->in->ledger, token, of->number);
        ledger_let_go(&of->in->ledger, token, of->number);
    }
    doubt_outcasts(of->in);
}

/* Two values of one row here. Rows that were one and came apart are of one record still. */
static bool are_of_row(const seen *a, const seen *b)
{
    const char *end = strrchr(a->path, '/');
    size_t size = end ? (size_t)(end - a->path) + 1 : 0;

    return a->record.text[0] && b->record.text[0] && size && strncmp(a->path, b->path, size) == 0;
}

static bool has_row_of(const sight *self, const seen *value)
{
    for (size_t i = 0; i < self->count; i++)
        if (are_of_row(&self->all[i], value))
            return true;
    return false;
}

/* Whoever deletes a record knew all that was done to it. */
static bool knows_all_of(const device *of, const sight *before, const mark *record)
{
    const ledger *book = &of->in->ledger;

    for (size_t i = 0; i < book->count; i++) {
        const written *one = &book->all[i];

        if (strcmp(one->record.text, record->text) == 0 && !sight_has(before, &one->token) &&
            one->killer != of->number && !one->is_gone_safely)
            return false;
    }
    return true;
}

/* All that the row of a number had is gone, and others have not seen what it has now: then it is
 * taken for another one under the same number. So it may be at a copy of a device that hadn't told
 * yet what it has (world 15700196). */
static bool is_another(const device *of, const sight *after, const seen *value)
{
    for (size_t i = 0; i < after->count; i++) {
        const seen *one = &after->all[i];
        const written *known = ledger_find(&of->in->ledger, &one->token);

        if (!are_of_row(one, value) || !known || (of->is_copy && known->is_doubled))
            continue;
        if (known->author != of->number || known->safe_at)
            return false;
    }
    return records_count_up(&value->record);
}

/* A record that is gone, or has a new value: what becomes of the other values of it. */
static void note_records(device *of, const sight *before, const sight *after)
{
    ledger *book = &of->in->ledger;

    for (size_t i = 0; i < before->count; i++) {
        const seen *one = &before->all[i];

        if (one->record.text[0] && (!has_row_of(after, one) || is_another(of, after, one)))
            ledger_fell(book, &one->record, of->number, knows_all_of(of, before, &one->record));
    }
    /* Where it may be another row, which depends on what the device knew of the one before: what he
     * took out of that himself is replaced by this or gone with it, but what somebody else deleted
     * with it may be back. So may what a copy took out, for its original may go on with the row. */
    for (size_t i = 0; i < after->count; i++) {
        const seen *one = &after->all[i];

        if (one->record.text[0] && !sight_has(before, &one->token))
            ledger_went_on(book, &one->record, &one->token,
                           !of->is_copy && is_another(of, after, one) ? of->number : -1);
    }
}

/* Who makes a hard link or a copy of a file and then removes it has moved it, for all that anybody
 * can tell: what others do with it meanwhile goes to the other place. */
static void tie_places(const device *of, const seen *was, const sight *after)
{
    const seen *now = sight_at(after, was->path);

    if (now && strcmp(now->token.text, was->token.text) == 0)
        return;
    for (size_t i = 0; i < after->count; i++)
        if (strcmp(after->all[i].token.text, was->token.text) == 0)
            intents_tie(&of->in->intents, was->path, after->all[i].path);
}

static void note_gone(device *of, const seen *it)
{
    ledger *book = &of->in->ledger;
    const written *known = ledger_find(book, &it->token);

    if (asking_may_know(of, it))
        ledger_let_go(book, &it->token, of->number);
    else if (known && !known->safe_at && !is_elsewhere(of, &it->token))
        ledger_excuse(book, &it->token); /* he alone had it */
}

/* World 15700252: a save that keeps what was there before under another name is an edit; that name
 * is not asked for, so nobody hears of what lies there. */
static bool is_kept_unasked(const device *of, const seen *was, const sight *before,
                            const sight *after)
{
    const seen *now = sight_at(after, was->path);

    if (!now || sight_has(before, &now->token) || !asking_takes_seen(of, was))
        return false;
    for (size_t i = 0; i < after->count; i++)
        if (strcmp(after->all[i].token.text, was->token.text) == 0 &&
            asking_takes_seen(of, &after->all[i]))
            return false;
    return true;
}

void note_acts(device *of, const sight *before)
{
    ledger *book = &of->in->ledger;
    sight after;

    sight_take_whole(of, &after);
    of->touched = true;
    of->claims = false;
    if (of->is_out) {
        note_outcast(of, before, &after);
        sight_release(&after);
        return;
    }
    for (size_t i = 0; i < after.count; i++) {
        if (sight_has(before, &after.all[i].token))
            continue;
        ledger_write(book, &after.all[i].token, of->number);
        ledger_find(book, &after.all[i].token)->record = after.all[i].record;
        for (size_t k = 0; k < before->count; k++)
            if (strcmp(before->all[k].path, after.all[i].path) == 0)
                ledger_follow(book, &after.all[i].token, &before->all[k].token);
    }
    for (size_t i = 0; i < before->count; i++) {
        const mark *token = &before->all[i].token;

        bool is_gone = !sight_has(&after, token);

        if (is_gone || is_kept_unasked(of, &before->all[i], before, &after))
            note_gone(of, &before->all[i]);
        if (of->is_unsure || (!is_gone && !is_where_it_was(before, &after, token)))
            ledger_touch(book, token);
        /* Another may take the other place of it, and each thinks that it has it still. */
        if (!is_gone && count_places(before, token) > count_places(&after, token)) {
            ledger_excuse(book, token);
            tie_places(of, &before->all[i], &after);
        }
    }
    note_records(of, before, &after);
    intents_act(&of->in->intents, &before->shown, &after.shown, of->is_unsure);
    sight_release(&after);
}

void note_wiped(device *of, const sight *kept)
{
    sight after;

    sight_take(of, &after);
    for (size_t i = 0; i < kept->count; i++) {
        const seen *shown = sight_at(&after, kept->all[i].path);

        if (!asking_takes_place(of, kept->all[i].path))
            continue; /* he doesn't see it */
        if (!shown || is_another(of, &after, shown))
            ledger_excuse(&of->in->ledger, &kept->all[i].token);
    }
    sight_release(&after);
}

/* ---- What happened to disks ---- */

static void excuse_lost(device *of, const sight *before, const sight *after)
{
    ledger *book = &of->in->ledger;

    for (size_t i = 0; i < before->count; i++) {
        const mark *token = &before->all[i].token;
        const written *known = ledger_find(book, token);

        if (!sight_has(after, token) && known &&
            (of->is_rotten || (!known->safe_at && !is_elsewhere(of, token))))
            ledger_excuse(book, token);
    }
}

void note_cut(device *of, const sight *before)
{
    ledger *book = &of->in->ledger;
    sight after;

    sight_take_whole(of, &after);
    excuse_lost(of, before, &after);
    for (size_t i = 0; i < after.count; i++) {
        const mark *token = &after.all[i].token;

        if (sight_has(before, token))
            continue;
        if (!ledger_find(book, token)) /* half of one */
            ledger_write(book, token, of->number);
        ledger_excuse(book, token);
    }
    of->touched = true;
    of->is_rotten = false;
    intents_shake(&of->in->intents, &before->shown, &after.shown);
    sight_release(&after);
}

void note_rot(device *of, const sight *before)
{
    bool is_spoiled = false;
    sight after;

    sight_take(of, &after);
    for (size_t i = 0; i < after.count; i++)
        is_spoiled |= !ledger_find(&of->in->ledger, &after.all[i].token);
    sight_release(&after);
    if (!is_spoiled)
        return;
    note_cut(of, before);
    of->is_rotten = true;
}

void note_restored(device *of, const sight *before, const sight *kept, bool with_folder)
{
    ledger *book = &of->in->ledger;
    sight after;

    sight_take_whole(of, &after);
    excuse_lost(of, before, &after);
    for (size_t i = 0; i < after.count; i++) {
        const mark *token = &after.all[i].token;
        const written *known = ledger_find(book, token);

        /* What it did not know to be known then, it says again. */
        if (!with_folder || !known || !known->safe_at || known->safe_at > of->old_at)
            ledger_touch(book, token);
    }
    /* An old home takes what is shown in the file for what the user chose of what it knew. */
    for (size_t i = 0; !with_folder && i < kept->count; i++)
        ledger_excuse(book, &kept->all[i].token);
    for (size_t i = 0; i < book->count; i++)
        if (book->all[i].killer == of->number && !book->all[i].is_gone_safely)
            ledger_touch(book, &book->all[i].token);
    of->touched = true;
    of->knows_all = true;
    of->in->was_restored = true;
    intents_doubt_all(&of->in->intents);
    doubt_outcasts(of->in);
    sight_release(&after);
}

void note_cloned(const device *of)
{
    sight there;

    sight_take(of, &there);
    for (size_t i = 0; i < there.count; i++) {
        written *known = ledger_find(&of->in->ledger, &there.all[i].token);

        if (!known || known->safe_at)
            continue;
        known->is_doubled = true;
        ledger_touch(&of->in->ledger, &there.all[i].token);
    }
    intents_doubt_all(&of->in->intents);
    sight_release(&there);
}

/* ---- Others ---- */

/* What all have lost is not meant any more. */
static void keep_intents(world *self)
{
    picture pictures[DEVICES_MAX];
    size_t count = 0;

    for (int i = 0; i < self->count; i++)
        if (!self->devices[i].is_out)
            picture_take(&self->devices[i], &pictures[count++]);
    intents_keep(&self->intents, pictures, count);
    for (size_t i = 0; i < count; i++)
        picture_release(&pictures[i]);
}

void note_broker_lost(world *self)
{
    device nowhere = {.in = self};

    for (size_t i = 0; i < self->ledger.count; i++) {
        written *one = &self->ledger.all[i];

        one->safe_at = 0;
        one->is_gone_safely = false;
        if (!one->may_go && !is_elsewhere(&nowhere, &one->token))
            ledger_excuse(&self->ledger, &one->token);
    }
    for (int i = 0; i < self->count; i++)
        self->devices[i].claims = false;
    self->was_lost = true;
    keep_intents(self);
    doubt_outcasts(self);
}

void note_revoked(const device *outcast, const device *by)
{
    ledger *book = &outcast->in->ledger;
    sight there;

    sight_take(by, &there);
    for (size_t i = 0; i < book->count; i++) {
        written *one = &book->all[i];

        if (one->killer == outcast->number)
            ledger_touch(book, &one->token);
        if (one->author == outcast->number && !sight_has(&there, &one->token))
            ledger_excuse(book, &one->token);
    }
    intents_doubt_all(&outcast->in->intents);
    sight_release(&there);
}

void note_pardoned(world *self)
{
    device *judge = NULL;
    bool any = false;

    for (int i = 0; i < self->count && !judge; i++)
        judge = self->devices[i].is_out ? NULL : &self->devices[i];
    for (int i = 0; i < self->count; i++)
        any |= self->devices[i].is_out &&
               cf_registry_is_valid(cf_log_registry(device_peer(judge)->log),
                                    cf_peer_device(device_peer(&self->devices[i])));
    for (size_t i = 0; any && i < self->ledger.count; i++)
        ledger_excuse(&self->ledger, &self->ledger.all[i].token);
    if (any)
        intents_doubt_all(&self->intents);
}

void note_safe(const device *of)
{
    ledger *book = &of->in->ledger;
    sight there;

    sight_take(of, &there);
    for (size_t i = 0; i < there.count; i++) {
        written *known = ledger_find(book, &there.all[i].token);

        if (known && !known->safe_at && asking_takes_seen(of, &there.all[i]))
            known->safe_at = of->in->act;
    }
    for (size_t i = 0; i < book->count; i++)
        if (book->all[i].killer == of->number)
            book->all[i].is_gone_safely = true;
    sight_release(&there);
}
