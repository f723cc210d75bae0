/* SPDX-License-Identifier: Apache-2.0 */
/* What can't be brought here since rows are in its way that stay as they are: those that are none
 * of ours, those whose change is not published, those that may not leave yet. A row stays, too,
 * while such a one refers to it and another one would be under its key, or none; and while the row
 * that it is can't be shown where it should be. What refers to a row that can't be shown there
 * can't either. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/merge/table.h"

typedef enum {
    BLOCKED_BY_IGNORED, /* a row that is none of ours has its key */
    BLOCKED_BY_STAYING, /* one that stays has it */
    BLOCKED_AS_IT_IS,   /* it is here under another key, and stays */
    BLOCKED_PARENT,     /* what it refers to is blocked */
    NOT_BLOCKED,
} block_why;

typedef struct {
    cf_table_link link; /* by item */
    const cf_row *viewed;
    block_why why;
} block;

/* Of the rows here. Others, which stay or wait, refer to those that do so for them. */
typedef enum { GOES, STAYS, STAYS_FOR_OTHERS, WAITS, WAITS_FOR_OTHERS } row_fate;

/* ---- What is known of it ---- */

static size_t index_of(const cf_record_run *run, const cf_row *here)
{
    return (size_t)(here - run->content.file.rows);
}

bool cf_record_run_stays(const cf_record_run *run, const cf_row *here)
{
    return run->stays && run->stays[index_of(run, here)] != GOES;
}

static const block *find_block(const cf_record_run *run, const cf_row *viewed)
{
    for (cf_table_link *link = cf_table_first(&run->blocked, cf_hash_id(0, &viewed->item)); link;
         link = cf_table_next(link)) {
        const block *found = cf_linked(link, const block, link);

        if (found->viewed == viewed)
            return found;
    }
    return NULL;
}

bool cf_record_run_is_blocked(const cf_record_run *run, const cf_row *viewed)
{
    return find_block(run, viewed) != NULL;
}

static const cf_row *base_at(const cf_record_run *run, cf_bytes table, cf_bytes key)
{
    return cf_rows_find(run->source->binding->rows, table, key);
}

static bool is_item_of(const cf_row *base, const cf_row *viewed)
{
    return base && viewed && cf_id_equal(&base->item, &viewed->item);
}

/* ---- Rows of the view ---- */

/* One that is not here at all the database misses. */
static bool is_tied_to_ignored(cf_record_run *run, const cf_row *viewed)
{
    const cf_row_format *format = &run->content.format;
    bool found = false;

    for (size_t i = 0; !found && i < format->tie_count; i++) {
        const cf_row *here = cf_record_run_tied(run, &format->ties[i], viewed);

        found = here && cf_record_run_ignores(run, here);
    }
    return found;
}

static bool has_blocked_parent(cf_record_run *run, const cf_row *viewed)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, viewed->table);
    bool found = false;

    for (size_t i = 0; table && !found && i < table->field_count; i++) {
        const cf_field_rule *rule = &table->fields[i];
        const cf_row_field *field =
            rule->merge == CF_MERGE_REFERENCE ? cf_row_field_named(viewed, rule->name) : NULL;

        if (!field || !cf_format_holds_table(&run->content.format, rule->table))
            continue;
        const cf_row *parent = cf_row_view_find(run->view, rule->table, field->values[0]);
        found = cf_record_run_ignores_at(run, rule->table, field->values[0]) ||
                (parent && cf_record_run_is_blocked(run, parent));
    }
    return found || is_tied_to_ignored(run, viewed);
}

/* Nothing is to be done to it. */
static bool is_shown_here(cf_record_run *run, const cf_row *viewed)
{
    const cf_row *here = cf_row_index_find(&run->here, viewed->table, viewed->key);

    return here && is_item_of(base_at(run, viewed->table, viewed->key), viewed) &&
           cf_record_run_shows(run, here, viewed);
}

/* The row here that it is, by the base. */
static const cf_row *own_row(const cf_record_run *run, const cf_row *viewed)
{
    const cf_row *base = cf_rows_of_item(run->source->binding->rows, &viewed->item);

    return base ? cf_row_index_find(&run->here, base->table, base->key) : NULL;
}

static block_why why_blocked(cf_record_run *run, const cf_row *viewed)
{
    const cf_row *here = cf_row_index_find(&run->here, viewed->table, viewed->key);
    const cf_row *own = own_row(run, viewed);

    if (here && here != own && cf_record_run_stays(run, here))
        return cf_record_run_ignores(run, here) ? BLOCKED_BY_IGNORED : BLOCKED_BY_STAYING;
    if (own && here != own && cf_record_run_stays(run, own))
        return BLOCKED_AS_IT_IS;
    return has_blocked_parent(run, viewed) && !is_shown_here(run, viewed) ? BLOCKED_PARENT
                                                                          : NOT_BLOCKED;
}

static void block_row(cf_record_run *run, const cf_row *viewed, block_why why)
{
    const cf_row *own = own_row(run, viewed);
    block *made = cf_arena_allocate(&run->arena, 1, sizeof *made);

    made->viewed = viewed;
    made->why = why;
    cf_table_add(&run->blocked, &made->link, cf_hash_id(0, &viewed->item));
    if (own && !cf_record_run_stays(run, own))
        run->stays[index_of(run, own)] = STAYS;
}

static bool block_rows(cf_record_run *run)
{
    bool any = false;

    for (size_t i = 0; i < cf_row_view_count(run->view); i++) {
        const cf_row *viewed = cf_row_view_at(run->view, i);
        block_why why;

        if (!cf_record_selected(&run->selection, viewed) ||
            !cf_format_holds_table(&run->content.format, viewed->table) ||
            cf_record_run_is_blocked(run, viewed) ||
            (why = why_blocked(run, viewed)) == NOT_BLOCKED)
            continue;
        block_row(run, viewed, why);
        any = true;
    }
    return any;
}

/* ---- Rows here ---- */

/* Of what it refers to. */
static row_fate fate_for(row_fate of)
{
    return of == WAITS || of == WAITS_FOR_OTHERS ? WAITS_FOR_OTHERS : STAYS_FOR_OTHERS;
}

/* Somebody who stays refers to what is under this key. */
static bool pin(cf_record_run *run, row_fate fate, cf_bytes table, cf_bytes key)
{
    const cf_row *here = cf_row_index_find(&run->here, table, key);
    const cf_row *base = base_at(run, table, key);

    if (!here || !base || cf_record_run_stays(run, here) ||
        is_item_of(base, cf_record_run_shown(run, table, key)))
        return false;
    run->stays[index_of(run, here)] = (uint8_t)fate;
    return true;
}

static bool says_otherwise(const cf_row *here, const cf_row *shown, cf_bytes field)
{
    const cf_row_field *is = cf_row_field_named(here, field),
                       *should = cf_row_field_named(shown, field);

    return is && should ? !cf_row_field_equal(is, should) : is != should;
}

/* The same, and perhaps not by its key: what these columns say stays as well. */
static bool pin_said(cf_record_run *run, row_fate fate, const cf_row_pin *one)
{
    const cf_row *here = cf_row_index_find(&run->here, one->table, one->key);
    const cf_row *shown = cf_record_run_shown(run, one->table, one->key);
    bool pinned = false;

    if (pin(run, fate, one->table, one->key))
        return true;
    if (!here || !shown || cf_record_run_stays(run, here))
        return false;
    for (size_t i = 0; i < one->count; i++)
        pinned |= one->fields[i].size && says_otherwise(here, shown, one->fields[i]);
    if (pinned)
        run->stays[index_of(run, here)] = (uint8_t)fate;
    return pinned;
}

static bool pin_tied(cf_record_run *run, row_fate fate, const cf_row_tie *tie, const cf_row *here)
{
    const cf_row *parent = cf_record_run_tied(run, tie, here);
    bool any = false;

    for (size_t i = 0; parent && i < tie->count; i++)
        any |= pin_said(run, fate,
                        &(cf_row_pin){.table = parent->table,
                                      .key = parent->key,
                                      .fields = &tie->to[i].field,
                                      .count = 1});
    return any;
}

static bool pin_parents(cf_record_run *run, const cf_row *here)
{
    row_fate fate = fate_for(run->stays[index_of(run, here)]);
    const cf_schema_table *table = cf_schema_find(&run->schema, here->table);
    bool any = false;

    for (size_t i = 0; table && i < table->field_count; i++) {
        const cf_field_rule *rule = &table->fields[i];
        const cf_row_field *field =
            rule->merge == CF_MERGE_REFERENCE ? cf_row_field_named(here, rule->name) : NULL;

        any |= field && pin(run, fate, rule->table, field->values[0]);
    }
    for (size_t i = 0; i < run->content.format.tie_count; i++)
        any |= pin_tied(run, fate, &run->content.format.ties[i], here);
    return any;
}

static bool pin_rows(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    bool any = false;

    for (size_t i = 0; i < file->pin_count; i++)
        any |= pin_said(run, STAYS_FOR_OTHERS, &file->pins[i]);
    for (size_t i = 0; i < file->count; i++)
        any |= run->stays[i] != GOES && pin_parents(run, &file->rows[i]);
    return any;
}

/* What was done to it is not published, and won't be by this look. */
static bool stays_by_itself(cf_record_run *run, const cf_row *here)
{
    return cf_record_run_ignores(run, here) || cf_record_run_is_astray(run, here) ||
           (!run->look_only && !run->as_base &&
            !cf_record_run_same(run, here, base_at(run, here->table, here->key)));
}

/* Only a look that syncs finds out. */
static bool waits_by_itself(cf_record_run *run, const cf_row *here)
{
    const cf_row *base = base_at(run, here->table, here->key);

    return !run->look_only && base && !cf_record_run_may_leave(run, base);
}

static bool any_waits(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    bool any = false;

    for (size_t i = 0; run->source->binding->include_count && !any && i < file->count; i++)
        any = waits_by_itself(run, &file->rows[i]);
    return any;
}

void cf_record_run_find_blocked(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    bool any = cf_record_run_leaves_any(run) || file->pin_count || any_waits(run);

    if (!any)
        return;
    run->stays = cf_arena_allocate(&run->arena, file->count, sizeof *run->stays);
    for (size_t i = 0; i < file->count; i++)
        run->stays[i] = stays_by_itself(run, &file->rows[i])   ? STAYS
                        : waits_by_itself(run, &file->rows[i]) ? WAITS
                                                               : GOES;
    while (any) {
        any = block_rows(run);
        any |= pin_rows(run);
    }
}

/* ---- What is told ---- */

static const char *text_of(block_why why)
{
    switch (why) {
    case BLOCKED_BY_IGNORED:
        return "a row here has its key that is not among those asked for: give that one another "
               "key, or ask for it, too";
    case BLOCKED_BY_STAYING:
        return "a row here has its key that can't be changed now";
    case BLOCKED_AS_IT_IS:
        return "it got this key elsewhere, and the row here can't be changed now";
    default:
        return "what it refers to can't be shown here";
    }
}

static void note_staying(cf_record_run *run, const cf_row *here)
{
    const cf_row *base = base_at(run, here->table, here->key);
    const cf_row *viewed = cf_row_view_of_item(run->view, &base->item);
    const char *what = !viewed                                       ? "deleted elsewhere"
                       : cf_record_selected(&run->selection, viewed) ? "changed elsewhere"
                                                                     : "taken off --include";

    cf_record_note(
        run, CF_PENDING_SKIPPED, &(cf_row_place){here->table, here->key},
        "it was %s, but rows here that aren't synced refer to it: delete those, let them "
        "refer to another row, or ask for them, too",
        what);
}

static void note_fate(cf_record_run *run, const cf_row *here, row_fate fate)
{
    const cf_row_place place = {here->table, here->key};

    if (fate == STAYS_FOR_OTHERS)
        note_staying(run, here);
    else if (fate == WAITS)
        cf_record_note(run, CF_PENDING_WAITS, &place,
                       "it is not asked for any more, and goes once the broker has all of it");
    else if (fate == WAITS_FOR_OTHERS)
        cf_record_note(run, CF_PENDING_WAITS, &place,
                       "it goes after those that refer to it, once the broker has all of these");
}

void cf_record_run_note_blocked(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;

    for (size_t i = 0; run->stays && i < file->count; i++)
        note_fate(run, &file->rows[i], run->stays[i]);
    for (cf_table_link *link = NULL; (link = cf_table_walk(&run->blocked, link));) {
        const block *one = cf_linked(link, const block, link);

        cf_record_note(run, CF_PENDING_SKIPPED,
                       &(cf_row_place){one->viewed->table, one->viewed->key}, "%s",
                       text_of(one->why));
    }
}
