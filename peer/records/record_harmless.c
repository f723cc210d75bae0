/* SPDX-License-Identifier: Apache-2.0 */
/* Which changes move nothing, so that the usual scan costs what the comparison costs. That is so of
 * plain values of rows that go on living; and, as long as no row is displaced, held back, or
 * visible only because another refers to it, of deletions, of new rows under keys that are free,
 * and of references to rows that are shown. What isn't harmless is tried out (record_pins.c).
 *
 *     Ann's number is edited; Bob, 7, is added where nobody is 7    harmless
 *     Ann gets the unique number that Bob has                       not: one of them gives way
 *     phone 1 is given to Dora, who is deleted elsewhere            not: she is back for that */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"

/* Hashes of unique values; where two are equal by chance the draft is tried out for nothing. */
typedef struct {
    uint64_t *at; /* 0: free */
    size_t size;
} hash_set;

typedef struct {
    const cf_row_diffing *diffing;
    cf_row_facts facts; /* of one item after the other */
    hash_set claimed;
} harm_check;

/* ---- New rows ---- */

static void set_open(hash_set *set, size_t most)
{
    set->size = 16;
    while (set->size < 2 * most)
        set->size *= 2;
    set->at = cf_allocate(set->size, sizeof *set->at);
}

/* False: the set has the hash already. */
static bool set_add(hash_set *set, uint64_t hash)
{
    uint64_t kept = hash ? hash : 1;
    size_t i = (size_t)kept & (set->size - 1);

    for (; set->at[i]; i = (i + 1) & (set->size - 1))
        if (set->at[i] == kept)
            return false;
    set->at[i] = kept;
    return true;
}

/* False: another row has one of the row's unique values already. */
static bool claim_all(hash_set *set, const cf_schema_table *table, const cf_row *row)
{
    bool all = true;

    for (size_t unique = 0; unique < table->unique_count; unique++) {
        uint64_t hash;

        all = (!cf_unique_hash(table, unique, row, &hash) || set_add(set, hash)) && all;
    }
    return all;
}

static size_t unique_most(const cf_schema *schema)
{
    size_t most = 0;

    for (size_t i = 0; i < schema->count; i++)
        if (schema->tables[i].unique_count > most)
            most = schema->tables[i].unique_count;
    return most;
}

/* Rows that are shown claim their unique values before any new row does. */
static void claim_shown(harm_check *self)
{
    const cf_row_diff_input *input = self->diffing->input;
    size_t most = unique_most(input->schema);

    set_open(&self->claimed, most * (cf_row_view_count(input->view) + input->disk_count));
    for (size_t i = 0; most && i < cf_row_view_count(input->view); i++) {
        const cf_row *row = cf_row_view_at(input->view, i);

        claim_all(&self->claimed, cf_schema_find(input->schema, row->table), row);
    }
}

/* The row on the disk has a value in each column that can't be empty. */
static bool has_required(const cf_scanned_row *scanned)
{
    for (size_t i = 0; i < scanned->table->required_count; i++)
        if (!cf_row_field_named(scanned->disk, scanned->table->required[i]))
            return false;
    return true;
}

/* The view is simple, and each new row is under a free key, has all that is required, and claims
 * what nobody has. */
static bool new_rows_are_harmless(harm_check *self)
{
    const cf_row_diffing *diffing = self->diffing;
    const cf_row_diff_input *input = diffing->input;
    bool harmless = true;

    for (size_t i = 0; harmless && i < diffing->scanned_count; i++) {
        const cf_scanned_row *scanned = &diffing->scanned_rows[i];

        if (!scanned->fresh)
            continue;
        if (!self->claimed.at)
            claim_shown(self);
        harmless = input->view->simple &&
                   !cf_row_view_find(input->view, scanned->table->name, scanned->disk->key) &&
                   has_required(scanned) &&
                   claim_all(&self->claimed, scanned->table, scanned->disk);
    }
    return harmless;
}

/* ---- Rows that there were ---- */

static bool is_named(const cf_bytes *names, size_t count, cf_bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(names[i], name))
            return true;
    return false;
}

/* Whether the field says with the change what the change says. A weak or cleared one gives way to
 * what others wrote there and this source has still to apply. */
static bool prevails(const harm_check *self, const cf_change *change)
{
    const cf_state *state = self->diffing->input->state;

    for (size_t i = 0; (change->weak || !change->value.size) && i < self->facts.count; i++) {
        const cf_row_fact *fact = &self->facts.at[i];
        bool better = !change->value.size || (fact->live && !fact->write.weak);

        if (better && !cf_change_names(change, &fact->write.dot) &&
            cf_bytes_equal(cf_state_field_name(state, fact->write.field), change->field))
            return false;
    }
    return true;
}

/* Whether no row's place, life or claim depends on what the field says. Of a reference, in a simple
 * view, and of a key all is known if the change surely prevails. */
static bool is_mere_data(const harm_check *self, const cf_schema_table *table,
                         const cf_change *change)
{
    cf_bytes name;
    cf_merge merge = cf_schema_property(table, change->field, &name);
    bool refers = merge == CF_MERGE_REFERENCE || cf_row_field_is_tie(change->field);

    if ((refers && !self->diffing->input->view->simple) ||
        is_named(table->required, table->required_count, name))
        return false;
    for (size_t i = 0; i < table->unique_count; i++)
        if (is_named(table->unique[i].names, table->unique[i].count, name))
            return false;
    return !(refers || cf_field_is(change->field, CF_FIELD_NUMBER_KEY)) || prevails(self, change);
}

/* Whether the item lives by its /table, which a scan of a known row leaves alone. */
static bool lives_on(const harm_check *self)
{
    for (size_t i = 0; i < self->facts.count; i++)
        if (self->facts.at[i].write.field == CF_FIELD_NUMBER_TABLE && self->facts.at[i].live &&
            !self->facts.at[i].write.weak)
            return true;
    return false;
}

/* Whether the change refers to a row that is not shown, nor new: that becomes visible, or holds
 * back the row which refers to it. */
static bool leads_out_of_view(const harm_check *self, const cf_change *change)
{
    cf_bytes table = cf_bytes_of_text(CF_FIELD_TABLE); /* a new row writes that */
    cf_id target;

    return cf_reference_item(change->value, &target) &&
           !cf_row_view_of_item(self->diffing->input->view, &target) &&
           !cf_change_draft_has(&self->diffing->draft, &target, table);
}

/* The change moves no other row: mere data of a shown row that lives by itself; or a deletion where
 * each row lives by itself, under its own key. */
static bool is_harmless(harm_check *self, const cf_change *change, bool same_item)
{
    const cf_row_diff_input *input = self->diffing->input;
    const cf_row *row = cf_row_view_of_item(input->view, &change->item);

    if (leads_out_of_view(self, change))
        return false;
    if (!row) /* new rows were looked at */
        return !cf_state_item(input->state, &change->item);
    if (!same_item)
        cf_row_facts_load(input->state, cf_state_item(input->state, &change->item), &self->facts);
    if (cf_field_is(change->field, CF_FIELD_NUMBER_DELETED))
        return input->view->simple;
    return (same_item || lives_on(self)) &&
           is_mere_data(self, cf_schema_find(input->schema, row->table), change);
}

bool cf_row_draft_is_harmless(const cf_row_diffing *diffing, const cf_change *changes, size_t count)
{
    harm_check self = {.diffing = diffing};
    bool harmless = new_rows_are_harmless(&self);

    for (size_t i = 0; harmless && i < count; i++)
        harmless = is_harmless(&self, &changes[i],
                               i > 0 && cf_id_equal(&changes[i].item, &changes[i - 1].item));
    cf_row_facts_release(&self.facts);
    free(self.claimed.at);
    return harmless;
}
