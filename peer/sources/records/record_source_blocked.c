/* SPDX-License-Identifier: Apache-2.0 */
/* What can't be brought here since rows of the source are in its way. A row here stays as it is
 * that isn't asked for, or refers to such a row by now (record_source_ignored.c); whose change is
 * not published; that is not asked for any more, until the broker has its long values; in whose
 * place a row comes that waits for its own; or whose item is overfull. So does what a staying row
 * refers to, where elsewhere another row has that key by now, or none. A row that is missing, or
 * can't be read, keeps its place. A row of the view is blocked where such a row has its key, where
 * the row here that it is stays under another key (in two places at once nobody could tell what a
 * user does to it), and where a row that it refers to is blocked.
 *
 *     1 Ann is here, and a letter that isn't asked for refers to her; elsewhere Ann is deleted:
 *       Ann stays here, and is listed, until the letter is gone, or refers to somebody else
 *     7 is here, and not asked for; elsewhere a new row got 7, to which phone 9 refers:
 *       7 stays, the new row is blocked by it, and phone 9 by the new row */
#include "peer/sources/records/record_source_inside.h"

#include "peer/transfer/resupply.h"

typedef enum {
    CF_ROW_BLOCKED_BY_IGNORED, /* a row that is none of ours has its key */
    CF_ROW_BLOCKED_BY_STAYING, /* a row that stays has its key */
    CF_ROW_BLOCKED_AS_IT_IS,   /* the row is here under another key, and stays */
    CF_ROW_BLOCKED_PARENT,     /* a row that it refers to is blocked */
    CF_ROW_NOT_BLOCKED,
} cf_row_block_why;

typedef struct {
    cf_hash_link link; /* by item */
    const cf_row *viewed;
    cf_row_block_why why;
    bool passes; /* by itself */
} cf_row_block;

/* What becomes of a row here that the view shows otherwise, or not at all:
 *
 *     Ann, whom the laptop deleted                            GOES
 *     Ann, and a letter here that isn't synced refers to her  the letter STAYS,
 *                                                             she STAYS_FOR_OTHERS
 *     Ann, edited here, and the edit is not published yet     KEEPS its place
 *     Ann, and her phone 1 is such an edited row              she KEEPS_FOR_OTHERS
 *     Ann, whom --include doesn't ask for any more            LEAVES, once all of her is published
 *
 * From KEEPS on a fate ends by itself, or by a word of which its own list tells. */
typedef enum {
    CF_ROW_GOES,
    CF_ROW_STAYS,
    CF_ROW_STAYS_OVERFULL,   /* its item is overfull */
    CF_ROW_STAYS_UNDER_ONE,  /* it refers to an overfull row, or may */
    CF_ROW_STAYS_FOR_OTHERS, /* only because a row that stays refers to it */
    CF_ROW_KEEPS,
    CF_ROW_KEEPS_FOR_OTHERS, /* because a row that keeps its place refers to it */
    CF_ROW_LEAVES,
    CF_ROW_LEAVES_AFTER_OTHERS,
} cf_row_fate;

/* ---- What is known of a row ---- */

static size_t index_of(const cf_record_run *run, const cf_row *here)
{
    return (size_t)(here - run->content.file.rows);
}

bool cf_record_run_stays(const cf_record_run *run, const cf_row *here)
{
    return run->stays && run->stays[index_of(run, here)] != CF_ROW_GOES;
}

/* Where no fate is known, no row has to stay. */
static cf_row_fate fate_of(const cf_record_run *run, const cf_row *here)
{
    return run->stays ? (cf_row_fate)run->stays[index_of(run, here)] : CF_ROW_GOES;
}

/* What a row of this fate blocks is listed as waiting, not as skipped: the row itself is listed
 * where it is found to be unpublished, held by the guard, or received only, with what ends that. */
static bool is_passing(cf_row_fate fate)
{
    return fate >= CF_ROW_KEEPS;
}

static const cf_row_block *find_block(const cf_record_run *run, const cf_row *viewed)
{
    for (cf_hash_link *link = cf_hash_table_first(&run->blocked, cf_hash_id(0, &viewed->item));
         link; link = cf_hash_table_next(link)) {
        const cf_row_block *found = cf_container_of(link, const cf_row_block, link);

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

/* The base's row is the view's: what is here is that item, whatever either says of it. */
static bool is_item_of(const cf_row *base, const cf_row *viewed)
{
    return base && viewed && cf_id_equal(&base->item, &viewed->item);
}

/* ---- Rows of the view ---- */

/* The row of the view is tied to a row here that is ignored. Where a parent is not here at all, the
 * write refuses the row (adapters/sqlite/database_foreign.c). */
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

/* Where the row of the view comes, a row of the base is missing, and what became of that is not
 * told yet; or one is there that can't be read. */
static bool is_place_unclear(const cf_record_run *run, const cf_row *viewed)
{
    return !cf_row_index_find(&run->here, viewed->table, viewed->key) &&
           ((!run->look_only && base_at(run, viewed->table, viewed->key)) ||
            cf_record_run_troubles(run, viewed->table, viewed->key));
}

/* Whether a row that this one refers to is blocked, is ignored here, or is missing here, which
 * nobody is told of yet: a database is written with its foreign keys off. `passes`: what blocks it
 * passes by itself.
 *
 *     Ann deleted here, which is locked or held; a telephone of hers added there    it waits
 *     Ann's deletion is told, and the telephone brings her back                     both come */
static bool has_blocked_parent(cf_record_run *run, const cf_row *viewed, bool *passes)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, viewed->table);
    bool found = false;

    *passes = true;
    for (size_t i = 0; table && i < table->field_count; i++) {
        const cf_field_rule *rule = &table->fields[i];
        const cf_row_field *field =
            rule->merge == CF_MERGE_REFERENCE ? cf_row_field_named(viewed, rule->name) : NULL;

        if (!field || !cf_format_holds_table(&run->content.format, rule->table))
            continue;
        const cf_row *parent = cf_row_view_find(run->view, rule->table, field->values[0]);
        const cf_row_block *blocked = parent ? find_block(run, parent) : NULL;
        bool ignored = cf_record_run_ignores_at(run, rule->table, field->values[0]);
        found |= blocked || ignored || (parent && is_place_unclear(run, parent));
        *passes &= !ignored && (!blocked || blocked->passes);
    }
    bool tied = is_tied_to_ignored(run, viewed);
    *passes &= !tied;
    return found || tied;
}

/* The row of the view is here already, under its key and just so. */
static bool is_shown_here(cf_record_run *run, const cf_row *viewed)
{
    const cf_row *here = cf_row_index_find(&run->here, viewed->table, viewed->key);

    return here && is_item_of(base_at(run, viewed->table, viewed->key), viewed) &&
           cf_record_run_shows(run, here, viewed);
}

/* The row here that the row of the view is, by the base; NULL: it is not here. */
static const cf_row *own_row(const cf_record_run *run, const cf_row *viewed)
{
    const cf_row *base = cf_rows_of_item(run->source->binding->rows, &viewed->item);

    return base ? cf_row_index_find(&run->here, base->table, base->key) : NULL;
}

/* The base knows the row of the view under another key, where the source has no row: what became of
 * that is not told yet, or it can't be read. */
static bool is_missing_elsewhere(const cf_record_run *run, const cf_row *viewed)
{
    const cf_row *base = cf_rows_of_item(run->source->binding->rows, &viewed->item);

    return base && !cf_bytes_equal(base->key, viewed->key) &&
           !cf_row_index_find(&run->here, base->table, base->key) &&
           (!run->look_only || cf_record_run_troubles(run, base->table, base->key));
}

/* The first reason why a row of the view can't be put under its key: who has that key, then where
 * the row itself is. A row is never in two places. */
static cf_row_block why_blocked(cf_record_run *run, const cf_row *viewed)
{
    const cf_row *here = cf_row_index_find(&run->here, viewed->table, viewed->key);
    const cf_row *own = own_row(run, viewed);
    cf_row_block found = {.viewed = viewed, .why = CF_ROW_NOT_BLOCKED};

    if (here && here != own && cf_record_run_stays(run, here)) {
        found.why = cf_record_run_ignores(run, here) ? CF_ROW_BLOCKED_BY_IGNORED
                                                     : CF_ROW_BLOCKED_BY_STAYING;
        found.passes = is_passing(fate_of(run, here));
    } else if (own && is_place_unclear(run, viewed)) {
        found.why = CF_ROW_BLOCKED_BY_STAYING;
        found.passes = true;
    } else if (own && here != own && cf_record_run_stays(run, own)) {
        found.why = CF_ROW_BLOCKED_AS_IT_IS;
        found.passes = is_passing(fate_of(run, own));
    } else if (!own && is_missing_elsewhere(run, viewed)) {
        found.why = CF_ROW_BLOCKED_AS_IT_IS;
        found.passes = true;
    } else if (has_blocked_parent(run, viewed, &found.passes) && !is_shown_here(run, viewed)) {
        found.why = CF_ROW_BLOCKED_PARENT;
    }
    return found;
}

/* The row here that a blocked row of the view is stays, too. */
static void block_row(cf_record_run *run, const cf_row_block *found)
{
    const cf_row *own = own_row(run, found->viewed);
    cf_row_block *made = cf_arena_allocate(&run->arena, 1, sizeof *made);

    *made = *found;
    cf_hash_table_add(&run->blocked, &made->link, cf_hash_id(0, &made->viewed->item));
    if (own && !cf_record_run_stays(run, own))
        run->stays[index_of(run, own)] = made->passes ? CF_ROW_KEEPS : CF_ROW_STAYS;
}

/* Blocks the row of the view, if something does, and what would come in the place of the row here
 * that stays because of that, and so on: where all rows move up by one, they are many. */
static bool block_from(cf_record_run *run, const cf_row *viewed)
{
    bool any = false;

    while (viewed && cf_record_selected(&run->selection, viewed) &&
           cf_format_holds_table(&run->content.format, viewed->table) &&
           !cf_record_run_is_blocked(run, viewed)) {
        const cf_row_block found = why_blocked(run, viewed);
        const cf_row *own = own_row(run, viewed);

        if (found.why == CF_ROW_NOT_BLOCKED)
            break;
        block_row(run, &found);
        any = true;
        viewed = own ? cf_row_view_find(run->view, own->table, own->key) : NULL;
    }
    return any;
}

static bool block_rows(cf_record_run *run)
{
    bool any = false;

    for (size_t i = 0; i < cf_row_view_count(run->view); i++)
        any |= block_from(run, cf_row_view_at(run->view, i));
    return any;
}

/* ---- Rows here ---- */

/* The fate of a row to which one of this fate refers: it stays or waits for that one, or leaves
 * after it. */
static cf_row_fate fate_for(cf_row_fate of)
{
    if (of == CF_ROW_LEAVES || of == CF_ROW_LEAVES_AFTER_OTHERS)
        return CF_ROW_LEAVES_AFTER_OTHERS;
    return is_passing(of) ? CF_ROW_KEEPS_FOR_OTHERS : CF_ROW_STAYS_FOR_OTHERS;
}

/* Keeps the row under this key where it is, as a row that stays refers to the key, and the view has
 * another row there, or none. Nothing is written. */
static bool pin(cf_record_run *run, cf_row_fate fate, cf_bytes table, cf_bytes key)
{
    const cf_row *here = cf_row_index_find(&run->here, table, key);
    const cf_row *base = base_at(run, table, key);

    if (!here || !base || cf_record_run_stays(run, here) ||
        is_item_of(base, cf_record_run_shown(run, table, key)))
        return false;
    run->stays[index_of(run, here)] = (uint8_t)fate;
    return true;
}

/* The row here says something else in the column than the view's row does, or one says nothing. */
static bool says_otherwise(const cf_row *here, const cf_row *shown, cf_bytes field)
{
    const cf_row_field *is = cf_row_field_named(here, field),
                       *should = cf_row_field_named(shown, field);

    return is && should ? !cf_row_field_equal(is, should) : is != should;
}

/* As pin(); and a row that keeps its item and its key stays, too, where the view would change one
 * of these columns, by which a row that stays refers to it. A row that the base hasn't is another
 * item than the view's.
 *
 *     base 1 (Ann, x), view 1 (Ann, y), a letter here refers to x: Ann keeps x here
 *     base has no 5, here 5 (Zoe, x), view 5 (Ann, y): nobody changes Zoe elsewhere */
static bool pin_said(cf_record_run *run, cf_row_fate fate, const cf_row_pin *one)
{
    const cf_row *here = cf_row_index_find(&run->here, one->table, one->key);
    const cf_row *shown = cf_record_run_shown(run, one->table, one->key);
    bool pinned = false;

    if (pin(run, fate, one->table, one->key))
        return true;
    if (!here || !is_item_of(base_at(run, one->table, one->key), shown) ||
        cf_record_run_stays(run, here))
        return false;
    for (size_t i = 0; i < one->count; i++)
        pinned |= one->fields[i].size && says_otherwise(here, shown, one->fields[i]);
    if (pinned)
        run->stays[index_of(run, here)] = (uint8_t)fate;
    return pinned;
}

/* As pin_said(), of the row that the row here is tied to. */
static bool pin_tied(cf_record_run *run, cf_row_fate fate, const cf_row_tie *tie,
                     const cf_row *here)
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

/* Keeps all rows to which this one, which stays, refers by their key or by a tie, and which
 * elsewhere were deleted, replaced, or changed in a column of the tie. */
static bool pin_parents(cf_record_run *run, const cf_row *here)
{
    cf_row_fate fate = fate_for(fate_of(run, here));
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

/* Keeps what rows refer to that aren't read as rows, and what staying rows refer to. True: there
 * were more, which may block others. */
static bool pin_rows(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    bool any = false;

    for (size_t i = 0; i < file->pin_count; i++)
        any |= pin_said(run, CF_ROW_STAYS_FOR_OTHERS, &file->pins[i]);
    for (size_t i = 0; i < file->count; i++)
        any |= run->stays[i] != CF_ROW_GOES && pin_parents(run, &file->rows[i]);
    return any;
}

/* The row here is not as the base has it, and this look publishes nothing of that. */
static bool is_untold(cf_record_run *run, const cf_row *here)
{
    return !run->look_only && !run->as_base &&
           !cf_record_run_same(run, here, base_at(run, here->table, here->key));
}

/* The row goes from here only, and has a long value that nobody else has. Only a look that syncs
 * finds out. */
static bool waits_to_leave(cf_record_run *run, const cf_row *here)
{
    const cf_row *base = base_at(run, here->table, here->key);

    return !run->look_only && base && !cf_record_run_may_leave(run, base);
}

/* A row stays whose item is overfull, and one that the view holds back while any item is: nobody
 * has deleted either. Which of those held back refer to an overfull one isn't found out. */
static cf_row_fate fate_by_fullness(const cf_record_run *run, const cf_row *here)
{
    const cf_state *state = run->collection->state;
    const cf_row *base =
        cf_state_overfull_count(state) ? base_at(run, here->table, here->key) : NULL;

    if (!base)
        return CF_ROW_GOES;
    if (cf_state_is_overfull(state, &base->item))
        return CF_ROW_STAYS_OVERFULL;
    return cf_row_view_holds_back(run->view, &base->item) ? CF_ROW_STAYS_UNDER_ONE : CF_ROW_GOES;
}

/* What becomes of a row here by itself; the first that is true:
 *     its item is overfull, or it is held back under one    stays
 *     none of ours, or it refers to such a row by now       stays
 *     changed here, and not published                       keeps its place for now
 *     not asked for, its long values not at the broker      leaves later */
static cf_row_fate fate_by_itself(cf_record_run *run, const cf_row *here)
{
    cf_row_fate overfull = fate_by_fullness(run, here);

    if (overfull != CF_ROW_GOES)
        return overfull;
    if (cf_record_run_ignores(run, here) || cf_record_run_is_astray(run, here))
        return CF_ROW_STAYS;
    if (is_untold(run, here))
        return CF_ROW_KEEPS;
    return waits_to_leave(run, here) ? CF_ROW_LEAVES : CF_ROW_GOES;
}

/* Asked only where `--include` names rows: of no other source a row goes from here alone. */
static bool any_waits_to_leave(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    bool any = false;

    for (size_t i = 0; run->source->binding->include_count && !any && i < file->count; i++)
        any = waits_to_leave(run, &file->rows[i]);
    return any;
}

/* A row was changed, or is new, or a row of the base is missing. */
static bool any_is_untold(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    const cf_rows *base = run->source->binding->rows;
    size_t known = 0;
    bool any = false;

    for (size_t i = 0; !run->as_base && !any && i < file->count; i++) {
        known += base_at(run, file->rows[i].table, file->rows[i].key) != NULL;
        any = is_untold(run, &file->rows[i]);
    }
    return any || (!run->as_base && known < cf_rows_count(base));
}

static void find_fates(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;

    run->stays = cf_arena_allocate(&run->arena, file->count, sizeof *run->stays);
    for (size_t i = 0; i < file->count; i++)
        run->stays[i] = (uint8_t)fate_by_itself(run, &file->rows[i]);
}

void cf_record_run_find_blocked(cf_record_run *run)
{
    bool any = run->stays || cf_state_overfull_count(run->collection->state) ||
               cf_record_run_leaves_any(run) || run->content.file.pin_count ||
               any_waits_to_leave(run) || any_is_untold(run);

    if (any && !run->stays)
        find_fates(run);
    while (any) {
        any = block_rows(run);
        any |= pin_rows(run);
    }
}

bool cf_record_run_keep_places(cf_record_run *run, const cf_row *viewed)
{
    const cf_row *here = cf_row_index_find(&run->here, viewed->table, viewed->key);
    const cf_row *own = own_row(run, viewed);

    if (here == own)
        return false;
    if (!run->stays)
        find_fates(run);
    if (here && !cf_record_run_stays(run, here))
        run->stays[index_of(run, here)] = CF_ROW_KEEPS;
    if (own && !cf_record_run_stays(run, own))
        run->stays[index_of(run, own)] = CF_ROW_KEEPS;
    return true;
}

/* ---- What goes from here only ---- */

/* Rows that go from here only: others have them, and this device doesn't ask for them any more. The
 * log has all of such a row but its long values: it stays until the broker has these. */

/* The content can be had from somebody else, so that it may leave this device. */
static bool is_elsewhere(const cf_record_source *source, cf_bytes identity)
{
    return cf_has_other_copies(source->context->peer, &source->binding->collection, identity);
}

typedef struct {
    cf_record_source *source;
    bool waits;
} leaving;

/* The first long value of the row that nobody else has: the source is looked at again when somebody
 * has it. */
static void find_awaited(void *context, cf_bytes field, cf_bytes identity)
{
    leaving *self = context;

    (void)field;
    if (self->waits || is_elsewhere(self->source, identity))
        return;
    self->waits = true;
    cf_buffer_clear(&self->source->awaited);
    cf_buffer_append(&self->source->awaited, identity.data, identity.size);
}

bool cf_record_run_may_leave(cf_record_run *run, const cf_row *base)
{
    const cf_row *viewed = cf_row_view_of_item(run->view, &base->item);
    leaving self = {.source = run->source};

    if (viewed && !cf_record_selected(&run->selection, viewed))
        cf_row_identities(base, find_awaited, &self);
    return !self.waits;
}

bool cf_record_source_has_awaited(const cf_record_source *source)
{
    return source->awaited.size && is_elsewhere(source, cf_buffer_view(&source->awaited));
}

/* ---- What is told of rows that stay ---- */

static const char *text_of(cf_row_block_why why)
{
    switch (why) {
    case CF_ROW_BLOCKED_BY_IGNORED:
        return "a row here has its key that is not among those asked for: give that one another "
               "key, or ask for it, too";
    case CF_ROW_BLOCKED_BY_STAYING:
        return "a row here has its key that can't be changed now";
    case CF_ROW_BLOCKED_AS_IT_IS:
        return "it got this key elsewhere, and the row here can't be changed now";
    default:
        return "what it refers to can't be shown here";
    }
}

/* A row stays for rows that aren't synced, or that can't be shown: what was done to the row
 * elsewhere, and how to let that come. Such a row is in the base. */
static void note_staying(cf_record_run *run, const cf_row *here)
{
    const cf_row *base = cf_rows_find(run->source->binding->rows, here->table, here->key);
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

/* Lists a row that stays because of others; what is ignored, or was changed here, is listed where
 * that is found. */
static void note_fate(cf_record_run *run, const cf_row *here, cf_row_fate fate)
{
    const cf_row_place place = {here->table, here->key};

    if (fate == CF_ROW_STAYS_FOR_OTHERS)
        note_staying(run, here);
    else if (fate == CF_ROW_STAYS_UNDER_ONE)
        cf_record_note(run, CF_PENDING_SKIPPED, &place,
                       "what it refers to can't be shown: it is left as it is here");
    else if (fate == CF_ROW_KEEPS_FOR_OTHERS)
        cf_record_note(run, CF_PENDING_WAITS, &place,
                       "it waits for rows here that refer to it, and can't be changed yet");
    else if (fate == CF_ROW_LEAVES)
        cf_record_note(run, CF_PENDING_WAITS, &place,
                       "it is not asked for any more, and goes once the broker has all of it");
    else if (fate == CF_ROW_LEAVES_AFTER_OTHERS)
        cf_record_note(run, CF_PENDING_WAITS, &place,
                       "it goes after those that refer to it, once the broker has all of these");
}

void cf_record_run_note_blocked(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;

    for (size_t i = 0; run->stays && i < file->count; i++)
        note_fate(run, &file->rows[i], fate_of(run, &file->rows[i]));
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&run->blocked, link));) {
        const cf_row_block *one = cf_container_of(link, const cf_row_block, link);

        cf_record_note(run, one->passes ? CF_PENDING_WAITS : CF_PENDING_SKIPPED,
                       &(cf_row_place){one->viewed->table, one->viewed->key}, "%s",
                       text_of(one->why));
    }
}
