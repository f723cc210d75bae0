/* SPDX-License-Identifier: Apache-2.0 */
/* What happened to disks, brokers and devices. */
#include "tests/worlds/notes.h"

#include <limits.h>
#include <stdio.h>

#include "tests/worlds/asking.h"
#include "tests/worlds/causes.h"
#include "tests/worlds/disk_users.h"

/* ---- What happened to disks ---- */

/* What it sees now; what it saw before and doesn't any more may be lost for good. */
static void look_again(device *of, const sight *before, sight *after)
{
    ledger *book = &of->in->ledger;

    sight_take_whole(of, after);
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

    look_again(of, before, &after);
    for (size_t i = 0; i < after.count; i++) {
        const mark *token = &after.all[i].token;

        if (sight_has(before, token))
            continue;
        if (!ledger_find(book, token)) /* half of one */
            ledger_write(book, token, of->number);
        ledger_excuse(book, token);
    }
    of->touched = of->has_cause = true;
    of->is_rotten = false;
    intents_shake(&of->in->intents, &before->shown, &after.shown);
    sight_release(&after);
}

/* It may read as it was before what the user wrote last, which is no news (world 26000051). */
static bool has_fallen_back(const device *of, const seen *it)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", of->folder, it->path);
    return !it->record.text[0] && disk_user_lost(of->drive, path);
}

void note_rot(device *of, const sight *before)
{
    bool is_spoiled = false;
    sight after;

    sight_take(of, &after);
    for (size_t i = 0; i < before->count; i++)
        is_spoiled |=
            !sight_has(&after, &before->all[i].token) && has_fallen_back(of, &before->all[i]);
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

    look_again(of, before, &after);
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
    of->touched = of->has_cause = true;
    of->knows_all = true;
    of->in->was_restored = true;
    intents_doubt_all(&of->in->intents);
    note_doubtful(of->in);
    sight_release(&after);
}

void note_unasked(const device *of, const sight *before)
{
    ledger *book = &of->in->ledger;

    for (size_t i = 0; asking_is_limited(of) && i < book->count; i++)
        if (book->all[i].record.text[0] && !sight_has(before, &book->all[i].token))
            ledger_excuse(book, &book->all[i].token);
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
    causes_excuse_all(self);
    keep_intents(self);
    note_doubtful(self);
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
