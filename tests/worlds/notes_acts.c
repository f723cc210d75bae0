/* SPDX-License-Identifier: Apache-2.0 */
/* What users did. */
#include "tests/worlds/notes.h"

#include "tests/worlds/asking.h"
#include "tests/worlds/records.h"

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

static bool are_outcasts_in_doubt(const world *self)
{
    return self->was_restored && self->was_lost;
}

void note_doubtful(world *self)
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
    note_doubtful(of->in);
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

/* Whoever deletes a record knew all that was done to it; but what lay in two copies of a device and
 * had not been told yet is another's to either of them (world 24000032). */
static bool knows_all_of(const device *of, const sight *before, const mark *record)
{
    const ledger *book = &of->in->ledger;

    for (size_t i = 0; i < book->count; i++) {
        const written *one = &book->all[i];

        if (strcmp(one->record.text, record->text) == 0 &&
            ((of->is_copy && one->is_doubled) ||
             (!sight_has(before, &one->token) && one->killer != of->number &&
              !one->is_gone_safely)))
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

/* He asks for it nowhere any more, though he has it. */
static bool is_put_away(const device *of, const seen *was, const sight *after)
{
    bool found = false;

    if (!asking_takes_seen(of, was))
        return false;
    for (size_t i = 0; i < after->count; i++) {
        if (strcmp(after->all[i].token.text, was->token.text) != 0)
            continue;
        if (asking_takes_seen(of, &after->all[i]))
            return false;
        found = true;
    }
    return found;
}

/* World 15700252: a save that keeps what was there before under another name is an edit; that name
 * is not asked for, so nobody hears of what lies there. */
static bool is_kept_unasked(const device *of, const seen *was, const sight *before,
                            const sight *after)
{
    const seen *now = sight_at(after, was->path);

    return now && !sight_has(before, &now->token) && is_put_away(of, was, after);
}

void note_acts(device *of, const sight *before)
{
    ledger *book = &of->in->ledger;
    sight after;

    sight_take_whole(of, &after);
    of->touched = of->has_cause = true;
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
        else if (is_put_away(of, &before->all[i], &after)) /* in exchange (19000402), or moved */
            ledger_excuse(book, token);
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
