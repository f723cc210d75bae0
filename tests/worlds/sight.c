/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/sight.h"

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
    self->all[self->count++] = (seen){strdup(path), *token, false};
}

static void take_value(void *context, const char *place, const mark *token)
{
    sight *self = context;

    take(self, place, token);
    self->all[self->count - 1].is_value = true;
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

void sight_release(sight *self)
{
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

static bool sight_has_place(const sight *self, const char *path)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].path, path) == 0)
            return true;
    return false;
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

/* KIND/KEY of KIND/KEY/FIELD. */
static size_t record_of(const seen *one)
{
    const char *end = one->is_value ? strrchr(one->path, '/') : NULL;

    return end ? (size_t)(end - one->path) : 0;
}

static bool is_of_record(const seen *one, const seen *other)
{
    size_t size = record_of(one);

    return size && size == record_of(other) && memcmp(one->path, other->path, size) == 0;
}

static bool has_part_of(const sight *self, const seen *one)
{
    for (size_t i = 0; i < self->count; i++)
        if (is_of_record(&self->all[i], one))
            return true;
    return false;
}

/* Of one record, though this device has not seen the other: a key that is a text says so. */
static bool has_key_of(const mark *token, const mark *other)
{
    const char *end = strchr(other->text, '/');

    return end && strncmp(token->text, other->text, (size_t)(end - other->text) + 1) == 0;
}

/* A value that is gone or new, in a record: what becomes of the others of it. */
static void note_records(device *of, const sight *before, const sight *after)
{
    ledger *book = &of->in->ledger;

    for (size_t i = 0; i < before->count; i++)
        if (!sight_has(after, &before->all[i].token) && !has_part_of(after, &before->all[i]))
            ledger_fell(book, &before->all[i].token);
    for (size_t i = 0; i < after->count; i++) {
        if (sight_has(before, &after->all[i].token))
            continue;
        for (size_t k = 0; k < before->count; k++)
            if (is_of_record(&before->all[k], &after->all[i]))
                ledger_was_beside(book, &before->all[k].token);
        for (size_t k = 0; record_of(&after->all[i]) && k < book->count; k++)
            if (has_key_of(&book->all[k].token, &after->all[i].token))
                ledger_was_beside(book, &book->all[k].token);
    }
}

void note_acts(device *of, const sight *before)
{
    ledger *book = &of->in->ledger;
    sight after;

    sight_take(of, &after);
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
        for (size_t k = 0; k < before->count; k++)
            if (strcmp(before->all[k].path, after.all[i].path) == 0)
                ledger_follow(book, &after.all[i].token, &before->all[k].token);
    }
    for (size_t i = 0; i < before->count; i++) {
        const mark *token = &before->all[i].token;

        bool is_gone = !sight_has(&after, token);

        if (is_gone)
            ledger_let_go(book, token, of->number);
        if (of->is_unsure || (!is_gone && !is_where_it_was(before, &after, token)))
            ledger_touch(book, token);
        /* Another may take the other place of it, and each thinks that it has it still. */
        if (!is_gone && count_places(before, token) > count_places(&after, token))
            ledger_excuse(book, token);
    }
    note_records(of, before, &after);
    sight_release(&after);
}

void note_wiped(device *of, const sight *kept)
{
    sight after;

    sight_take(of, &after);
    for (size_t i = 0; i < kept->count; i++)
        if (!sight_has_place(&after, kept->all[i].path))
            ledger_excuse(&of->in->ledger, &kept->all[i].token);
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

    sight_take(of, &after);
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

void note_restored(device *of, const sight *before, bool with_folder)
{
    ledger *book = &of->in->ledger;
    sight after;

    sight_take(of, &after);
    excuse_lost(of, before, &after);
    for (size_t i = 0; i < after.count; i++) {
        const mark *token = &after.all[i].token;
        const written *known = ledger_find(book, token);

        /* What it did not know to be known then, it says again. */
        if (!with_folder || !known || !known->safe_at || known->safe_at > of->old_at)
            ledger_touch(book, token);
    }
    for (size_t i = 0; i < book->count; i++)
        if (book->all[i].killer == of->number && !book->all[i].is_gone_safely)
            ledger_touch(book, &book->all[i].token);
    of->touched = true;
    of->in->was_restored = true;
    doubt_outcasts(of->in);
    sight_release(&after);
}

void note_cloned(const device *of)
{
    sight there;

    sight_take(of, &there);
    for (size_t i = 0; i < there.count; i++) {
        const written *known = ledger_find(&of->in->ledger, &there.all[i].token);

        if (known && !known->safe_at)
            ledger_touch(&of->in->ledger, &there.all[i].token);
    }
    sight_release(&there);
}

/* ---- Others ---- */

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
    sight_release(&there);
}

void note_safe(const device *of)
{
    ledger *book = &of->in->ledger;
    sight there;

    sight_take(of, &there);
    for (size_t i = 0; i < there.count; i++) {
        written *known = ledger_find(book, &there.all[i].token);

        if (known && !known->safe_at)
            known->safe_at = of->in->act;
    }
    for (size_t i = 0; i < book->count; i++)
        if (book->all[i].killer == of->number)
            book->all[i].is_gone_safely = true;
    sight_release(&there);
}
