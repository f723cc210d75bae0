/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/ledger.h"

#include <stdlib.h>

void ledger_release(ledger *self)
{
    free(self->all);
    *self = (ledger){0};
}

written *ledger_find(const ledger *self, const mark *token)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].token.text, token->text) == 0)
            return &self->all[i];
    return NULL;
}

void ledger_write(ledger *self, const mark *token, int author)
{
    written *known = ledger_find(self, token);

    if (known) { /* a copy */
        known->may_go = known->must_go = known->is_gone_safely = false;
        known->safe_at = 0;
        known->is_moved = true;
        known->author = author;
        return;
    }
    *cf_one_more(self->all, self->count, self->capacity) =
        (written){.token = *token, .author = author, .killer = -1};
}

void ledger_let_go(ledger *self, const mark *token, int killer)
{
    written *known = ledger_find(self, token);

    if (!known)
        return;
    known->must_go = !known->is_moved && (!known->may_go || known->must_go);
    known->may_go = true;
    known->killer = killer;
    known->is_gone_safely = false;
}

static bool is_of(const written *one, const mark *record)
{
    return strcmp(one->record.text, record->text) == 0;
}

void ledger_fell(ledger *self, const mark *record, int killer, bool knows_all)
{
    for (size_t i = 0; i < self->count; i++) {
        written *one = &self->all[i];

        if (!is_of(one, record))
            continue;
        bool falls = one->killer == killer && !one->is_gone_safely;

        one->fell |= falls;
        one->was_beside = !knows_all && (one->was_beside || falls);
    }
}

void ledger_went_on(ledger *self, const mark *record, const mark *token, int but_of)
{
    for (size_t i = 0; i < self->count; i++) {
        written *one = &self->all[i];

        if (is_of(one, record) && strcmp(one->token.text, token->text) != 0 &&
            (but_of < 0 || one->killer != but_of))
            one->was_beside = true;
    }
}

void ledger_follow(ledger *self, const mark *token, const mark *over)
{
    written *known = ledger_find(self, token);

    if (known && !known->over.text[0] && strcmp(token->text, over->text) != 0)
        known->over = *over;
}

bool ledger_stays_dead(const ledger *self, const written *one)
{
    size_t steps = 0;

    if (!one->must_go || (one->fell && one->was_beside))
        return false;
    while (one && one->over.text[0] && steps++ < self->count) {
        one = ledger_find(self, &one->over);
        if (one && one->is_moved)
            return false;
    }
    return true;
}

void ledger_touch(ledger *self, const mark *token)
{
    written *known = ledger_find(self, token);

    if (!known)
        return;
    known->is_moved = true;
    known->must_go = false;
}

void ledger_excuse(ledger *self, const mark *token)
{
    written *known = ledger_find(self, token);

    if (!known)
        return;
    known->may_go = known->is_moved = true;
    known->must_go = false;
}

void promises_add_entry(promises *self, const cf_head *entry)
{
    *cf_one_more(self->entries, self->entry_count, self->entry_capacity) = *entry;
}

void promises_add_blob(promises *self, const cf_hash *blob)
{
    *cf_one_more(self->blobs, self->blob_count, self->blob_capacity) = *blob;
}

void promises_release(promises *self)
{
    free(self->entries);
    free(self->blobs);
    *self = (promises){0};
}
