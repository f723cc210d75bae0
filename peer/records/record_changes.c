/* SPDX-License-Identifier: Apache-2.0 */
/* What was done to one row (model, rules l, n, r, s, v). */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"
#include "peer/records/when.h"

typedef struct {
    cf_row_diffing *diffing;
    cf_scanned_row *scanned;
    cf_row_refs refs;
    bool changed; /* something that counts */
    bool when;    /* a field that says when the row is */
} row_scan;

void cf_row_replace_shown(cf_row_diffing *self, const cf_id *item, const cf_row_refs *refs,
                          const char *field)
{
    cf_bytes name = cf_bytes_of_text(field);
    size_t at = 0;

    for (const cf_row_ref *ref; (ref = cf_row_refs_next(refs, name, &at));)
        if (ref->standing == CF_WRITE_SHOWN)
            cf_change_draft_over(&self->draft, item, name, &ref->dot);
}

/* ---- Writes ---- */

static cf_bytes packed_text(cf_row_diffing *self, cf_bytes text)
{
    cf_buffer packed = {0};

    cf_pack_text(&packed, text);
    cf_bytes copy = cf_arena_copy(self->arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

/* Replaces what is shown of the field; `listed`: what is listed or hidden, too (rule r).
 *
 *     name: Anne is shown, Anna listed     edited to Ann: Anna stays listed
 *                                          cleared: both go, or Anna would be shown */
static void replace(row_scan *self, cf_bytes name, bool listed)
{
    size_t at = 0;

    for (const cf_row_ref *ref; (ref = cf_row_refs_next(&self->refs, name, &at));)
        if (listed || ref->standing == CF_WRITE_SHOWN)
            cf_change_draft_over(&self->diffing->draft, &self->scanned->item, name, &ref->dot);
}

/* Replaces what gave way to the field: without it that would be shown.
 *
 *     theme: light is shown, theme/name: dark listed     theme is cleared: both go */
static void replace_excluded(row_scan *self, cf_bytes name)
{
    for (size_t i = 0; i < self->refs.count; i++) {
        const cf_row_ref *ref = &self->refs.at[i];

        if (ref->standing != CF_WRITE_SHOWN && cf_fields_exclude(ref->field, name))
            cf_change_draft_over(&self->diffing->draft, &self->scanned->item, ref->field,
                                 &ref->dot);
    }
}

/* Nothing is written for a cleared field: to replace what was shown is to clear. */
static void write(row_scan *self, cf_bytes name, cf_bytes value, bool weak)
{
    if (value.size)
        cf_change_draft_write(&self->diffing->draft, &self->scanned->item, name, value, weak);
}

/* ---- A new row ---- */

/* A natural key that comes again is a new life: it replaces all that the dead record has, so that
 * no old field is back; of a living one, which this source does not show yet, what a deletion
 * covered (rule l).
 *
 *     contact u: name Ann, note x, is deleted, and made again with name Bob: no note */
static void replace_old_life(row_scan *self)
{
    const cf_state *state = self->diffing->input->state;
    const cf_id *id = &self->scanned->item;
    const cf_item *item = cf_state_item(state, id);
    cf_row_facts facts = {0};

    if (!item)
        return;
    cf_row_facts_load(state, item, &facts);
    for (size_t i = 0; i < facts.count; i++) {
        const cf_row_fact *fact = &facts.at[i];

        if (!facts.lives || !fact->live)
            cf_change_draft_over(&self->diffing->draft, id,
                                 cf_state_field_name(state, fact->write.field), &fact->write.dot);
    }
    cf_row_facts_release(&facts);
}

/* A row that is new here says its table, the key that it wishes for, and replaces what an old life
 * left. */
static void begin_life(row_scan *self)
{
    cf_change_draft *draft = &self->diffing->draft;
    const cf_scanned_row *scanned = self->scanned;

    cf_change_draft_write(draft, &scanned->item, cf_bytes_of_text(CF_FIELD_TABLE),
                          packed_text(self->diffing, scanned->table->name), false);
    cf_change_draft_write(draft, &scanned->item, cf_bytes_of_text(CF_FIELD_KEY), scanned->disk->key,
                          false);
    replace_old_life(self);
}

/* A changed key replaces what is listed of the key, too: a key can't be cleared, and the listed one
 * may be another row's by now. */
static void change_key(row_scan *self)
{
    const cf_scanned_row *scanned = self->scanned;

    write(self, cf_bytes_of_text(CF_FIELD_KEY), scanned->disk->key, false);
    replace(self, cf_bytes_of_text(CF_FIELD_KEY), true);
}

/* ---- One field ---- */

static const cf_id *base_item_at(const cf_row_diffing *self, cf_bytes table, cf_bytes key)
{
    const cf_row *row = cf_rows_find(self->input->base, table, key);

    return row ? &row->item : NULL;
}

/* The item of the row that the key stands for on the disk; in a table that the format lacks, in the
 * base. NULL: no row has the key. */
static const cf_id *target_at(const cf_row_diffing *self, cf_bytes table, cf_bytes key)
{
    if (!cf_format_holds_table(self->input->format, table))
        return base_item_at(self, table, key);
    const cf_scanned_row *scanned = cf_scanned_row_at(self, table, key);
    return scanned ? &scanned->item : NULL;
}

/* Both are one item, or both none: a reference to nothing before and now is no change. */
static bool same_item(const cf_id *a, const cf_id *b)
{
    return a && b ? cf_id_equal(a, b) : a == b;
}

bool cf_row_lost_target(const cf_row_diffing *self, const cf_scanned_row *scanned)
{
    for (size_t i = 0; i < scanned->table->field_count; i++) {
        const cf_field_rule *rule = &scanned->table->fields[i];
        const cf_row_field *field = rule->merge == CF_MERGE_REFERENCE
                                        ? cf_row_field_named(scanned->disk, rule->name)
                                        : NULL;

        if (field && !same_item(base_item_at(self, rule->table, field->values[0]),
                                target_at(self, rule->table, field->values[0])))
            return true;
    }
    return false;
}

static cf_bytes only_value(const cf_row_field *field)
{
    return field ? field->values[0] : (cf_bytes){0};
}

/* The row that others see under this key, where the source doesn't show that row: the user can only
 * have meant that one. */
static const cf_id *hidden_at(const cf_row_diffing *self, cf_bytes table, cf_bytes key)
{
    const cf_row_diff_input *input = self->input;
    const cf_row *viewed = cf_row_view_find(input->view, table, key);
    bool hidden = viewed && (!cf_format_holds_table(input->format, table) ||
                             (input->hides && input->hides(input->hiding, viewed)));

    return hidden ? &viewed->item : NULL;
}

/* What stood in the stead of the column's value, since only one row can have that, does so no more.
 */
static void end_instead(row_scan *self, cf_bytes name)
{
    const cf_bytes field = cf_row_instead_field(name, self->diffing->arena);

    if (field.size)
        replace(self, field, true);
}

/* The base shows the row without a value in the column. */
static bool is_wished(const row_scan *self, cf_bytes name)
{
    return self->scanned->base && !cf_row_field_named(self->scanned->base, name);
}

/* A reference is written if its key changed, or the row that the key stands for; weakly where the
 * key is as it was, since the user did not touch the reference (rule n). Who writes what a column
 * that is shown without a value wishes for means it (rule h).
 *
 *     phone 1 has person 5 still, who was Ann and is Eve now     ["@", Eve's item], weak
 *     … and there is no person 5 any more                        ["?", 5], weak
 *     phone 1 has person 6 now                                   ["@", the item of person 6] */
static void scan_reference(row_scan *self, const cf_field_rule *rule, const cf_row_field *old,
                           const cf_row_field *now)
{
    cf_bytes value = only_value(now);
    bool kept = cf_bytes_equal(only_value(old), value);
    const cf_id *target = value.size ? target_at(self->diffing, rule->table, value) : NULL;

    if (kept && same_item(base_item_at(self->diffing, rule->table, value), target))
        return;
    if (value.size && !target && !kept)
        target = hidden_at(self->diffing, rule->table, value);
    if (value.size)
        value = cf_reference_to(target, value, self->diffing->arena);
    if (!is_wished(self, rule->name) &&
        cf_bytes_equal(value, cf_row_refs_shown(&self->refs, rule->name)))
        return;
    write(self, rule->name, value, kept);
    replace(self, rule->name, !value.size || kept);
    if (!value.size)
        replace_excluded(self, rule->name);
    end_instead(self, rule->name);
    self->changed = true;
}

/* A value that the source put into a known row by itself is nobody's word: it is written weakly, so
 * that it prevails over nothing and revives nothing (rule o).
 *
 *     task 5 has no state; its program adds the column, DEFAULT 'open'     "open", weakly
 *     … and on another device its user had written "done"                  "done" is shown */
static bool is_preset(const row_scan *self, cf_bytes name, const cf_row_field *old, cf_bytes value)
{
    return self->scanned->base && !old &&
           cf_format_presets(self->diffing->input->format, self->scanned->table->name, name, value);
}

/* Who changes a value that only one row can have says what the row had before: the row goes back to
 * that if another one has the new value (rule h). What the row was shown with in the stead of
 * another value is no more. */
static void keep_before(row_scan *self, cf_bytes name, cf_bytes old, cf_bytes now)
{
    const cf_row_instead before = {.value = old};
    cf_bytes field = cf_row_instead_field(name, self->diffing->arena);

    if (!self->scanned->base || !field.size)
        return;
    if (now.size)
        write(self, field, cf_row_instead_pack(&before, self->diffing->arena), true);
    end_instead(self, name);
}

/* A value as the base shows it is no change; nor is the value of the write that is shown, unless
 * the column gives way: there the base shows another value than the row wishes for, and who writes
 * the wish means it. A cleared or weak value replaces also what is listed.
 *
 *     row 6 wishes for "home", is shown as "home (2)"; its user writes "home"     written anew */
static void scan_plain(row_scan *self, const cf_field_rule *rule, const cf_row_field *old,
                       const cf_row_field *now)
{
    const bool gives_way = cf_column_gives_way(self->scanned->table, rule->name);
    cf_bytes value = only_value(now);
    const bool weak = rule->merge == CF_MERGE_WEAK || is_preset(self, rule->name, old, value);
    const bool when = !weak && cf_when_of_field(self->scanned->table->kind, rule->name);

    if (cf_bytes_equal(only_value(old), value))
        return;
    const bool moved = cf_row_replace_moved(self->diffing, self->scanned, &self->refs, rule->name);
    if (!gives_way && !moved && cf_bytes_equal(value, cf_row_refs_shown(&self->refs, rule->name)))
        return;
    write(self, rule->name, value, weak);
    replace(self, rule->name, !value.size || weak);
    if (!value.size)
        replace_excluded(self, rule->name);
    self->when = self->when || when;
    if (gives_way)
        keep_before(self, rule->name, only_value(old), value);
    self->changed = true;
}

/* A volatile field makes no change; carry_volatile takes it along with another one. */
static void scan_field(row_scan *self, cf_bytes name, const cf_row_field *old,
                       const cf_row_field *now)
{
    cf_field_rule rule = cf_schema_field(self->scanned->table, name);

    rule.name = name;
    switch (rule.merge) {
    case CF_MERGE_VOLATILE:
        break;
    case CF_MERGE_SET:
        if (cf_row_diff_set(self->diffing, self->scanned, &self->refs, old, now, name))
            self->changed = true;
        break;
    case CF_MERGE_REFERENCE:
        scan_reference(self, &rule, old, now);
        break;
    case CF_MERGE_WEAK:
    case CF_MERGE_LATEST:
        scan_plain(self, &rule, old, now);
    }
}

/* A volatile field goes along with another change of the row that counts (rule v): a new REV alone
 * is published by nobody. */
static void carry_volatile(row_scan *self, cf_bytes name, const cf_row_field *old,
                           const cf_row_field *now)
{
    cf_bytes value = only_value(now);

    if (cf_schema_field(self->scanned->table, name).merge != CF_MERGE_VOLATILE ||
        cf_bytes_equal(only_value(old), value))
        return;
    write(self, name, value, true);
    replace(self, name, true);
}

/* ---- The row ---- */

typedef void each_field(row_scan *self, cf_bytes name, const cf_row_field *old,
                        const cf_row_field *now);

static const cf_row_field *next_field(const cf_row *row, size_t *at)
{
    while (*at < row->field_count && row->fields[*at].count == 0)
        ++*at;
    return *at < row->field_count ? &row->fields[*at] : NULL;
}

/* Each field that the row had or has, by name. */
static void walk_fields(row_scan *self, each_field *visit)
{
    static const cf_row none;
    const cf_row *was = self->scanned->base ? &self->scanned->shown : &none,
                 *is = self->scanned->disk;
    size_t i = 0, k = 0;

    for (;;) {
        const cf_row_field *old = next_field(was, &i), *now = next_field(is, &k);

        if (!old && !now)
            return;
        int order = !old ? 1 : !now ? -1 : cf_bytes_compare(old->name, now->name);
        if (order > 0)
            old = NULL;
        if (order < 0)
            now = NULL;
        visit(self, now ? now->name : old->name, old, now);
        i += old != NULL;
        k += now != NULL;
    }
}

void cf_row_diff_one(cf_row_diffing *diffing, cf_scanned_row *scanned)
{
    row_scan self = {.diffing = diffing,
                     .scanned = scanned,
                     .refs = cf_row_refs_of(scanned->base, diffing->arena),
                     .changed = !scanned->base};

    if (!scanned->base) {
        begin_life(&self);
    } else if (scanned->base != scanned->there) {
        change_key(&self);
        self.changed = true;
    }
    cf_row_diff_follow(diffing, scanned, &self.refs);
    walk_fields(&self, scan_field);
    if (self.changed)
        walk_fields(&self, carry_volatile);
    if (self.changed && scanned->base) {
        cf_row_diff_beside(diffing, scanned, &self.refs);
        cf_row_diff_when(diffing, scanned, &self.refs, self.when);
    }
    if (self.changed)
        cf_row_diff_occurrences(diffing, scanned, &self.refs);
    if (cf_row_diff_ties(diffing, scanned, &self.refs) || self.changed)
        cf_row_touch(diffing, scanned->table);
}
