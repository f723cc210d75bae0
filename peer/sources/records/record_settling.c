/* SPDX-License-Identifier: Apache-2.0 */
/* Which conflicts a word means: those that its path or pattern names, a contest as a whole; both
 * values of an entry where a pattern chose nothing else; a hidden row by its own name, and where
 * rows become one also by its key. What others settled since counts as ended. */
#include "peer/sources/records/record_settling.h"

#include "peer/log/catalog_schema.h"
#include "peer/log/record_names.h"
#include "peer/records/record_both.h"
#include "peer/records/record_one.h"
#include "peer/records/row_same.h"
#include "peer/sources/records/record_clash.h"
#include "peer/sources/records/record_conflicts.h"
#include "peer/sources/records/record_entries.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const cf_record_settling *of;
    cf_collection *collection;
    cf_schema schema;
    cf_row_view *view;
    cf_clash_search search;
    const cf_record_clash *clashes;
    size_t clash_count;
    cf_keep keep;
    cf_id writer;
    cf_change *changes;
    size_t count;
    cf_arena arena;
} settling;

typedef void path_of(const cf_row_conflict *conflict, cf_buffer *path);

/* The user's word means the path: just that one, or as a pattern. */
static bool is_path_meant(const settling *self, cf_bytes path)
{
    const char *pattern = self->of->pattern;
    cf_buffer text = {0};

    cf_buffer_append(&text, path.data, path.size);
    cf_buffer_append(&text, "", 1);
    const bool meant = strcmp((const char *)text.data, pattern) == 0 ||
                       fnmatch(pattern, (const char *)text.data, 0) == 0;
    cf_buffer_release(&text);
    return meant;
}

/* The conflict is told here, and the word means the path that `append` writes of it. */
static bool is_meant_by(const settling *self, const cf_row_conflict *conflict, path_of *append)
{
    cf_buffer path = {0};

    append(conflict, &path);
    bool meant = cf_record_conflict_is_told(&self->search, conflict->row, conflict->field) &&
                 is_path_meant(self, cf_buffer_view(&path));
    cf_buffer_release(&path);
    return meant;
}

static bool is_any_meant(const settling *self, const cf_row_conflict *listed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_meant_by(self, &listed[i], cf_record_conflict_path))
            return true;
    return false;
}

/* A row's key and its table are no fields: nobody settles these so. */
static bool is_field(const cf_row_conflict *conflict)
{
    return !cf_bytes_equal(conflict->field, cf_bytes_of_text(CF_FIELD_KEY)) &&
           !cf_bytes_equal(conflict->field, cf_bytes_of_text(CF_FIELD_TABLE));
}

/* Both conflicts, of one row, are of one contest: of one field or seat, or of when it is. */
static bool are_one(const settling *self, const cf_row_conflict *a, const cf_row_conflict *b)
{
    const cf_schema_table *table = cf_schema_find(&self->schema, a->row->table);

    return table && cf_row_conflicts_are_one(table, a, b);
}

/* Another device has the row locked, or any that is one with it by now. */
static bool is_locked(const settling *self, const cf_id *item)
{
    size_t count;
    const cf_id *ones = cf_row_view_all_of_one(self->view, item, &count);

    for (size_t i = 0; i < count; i++)
        if (cf_locks_of_other(self->of->locks, &self->collection->id, &ones[i]))
            return true;
    return false;
}

/* ---- Both ---- */

/* Both values are meant, and the other one gets an entry of its own; no long value does. */
static bool is_parted(const settling *self, const cf_row_both *both)
{
    return is_meant_by(self, &both->other, cf_record_both_path) &&
           !cf_item_has_content(&both->other.row->item, both->other.field, both->other.value);
}

/* Of two values that one entry shows the word `both` parts the other; any other word only counts
 * them, and only where its path chose nothing else. */
static void choose_both(settling *self, cf_record_choice *out)
{
    const bool of_fields = self->keep.kind != CF_KEEP_BOTH && out->count;
    size_t count;
    const cf_row_both *all =
        cf_row_both_kept(self->view, self->collection->state, &self->schema, &self->arena, &count);

    for (size_t i = 0; i < count && !of_fields; i++)
        if (is_meant_by(self, &all[i].other, cf_record_both_path))
            *(self->keep.kind == CF_KEEP_BOTH && is_parted(self, &all[i]) ? &out->parted
                                                                          : &out->shown) += 1;
}

/* Parts what is meant of the first value's item; returns how many values that item has. */
static size_t part_item(settling *self, const cf_row_both *all, size_t count, cf_row_both *meant,
                        cf_record_settled *out)
{
    size_t to = 0, parted = 0;

    for (; to < count && all[to].other.row == all[0].other.row; to++)
        if (is_parted(self, &all[to]))
            meant[parted++] = all[to];
    if (is_locked(self, &all[0].other.row->item)) {
        out->locked += parted;
        return to;
    }
    self->count += cf_row_both_part(meant, parted, self->collection->state, &cf_record_ids_product,
                                    &self->arena, self->changes + self->count);
    out->settled += parted;
    return to;
}

static void part_all(settling *self, cf_record_settled *out)
{
    size_t count;
    const cf_row_both *all =
        cf_row_both_kept(self->view, self->collection->state, &self->schema, &self->arena, &count);
    cf_row_both *meant = cf_arena_allocate(&self->arena, count, sizeof *meant);
    const cf_change *former = self->changes;

    self->changes = cf_arena_allocate(&self->arena, self->count + 2 * count, sizeof *self->changes);
    if (self->count)
        memcpy(self->changes, former, self->count * sizeof *former);
    for (size_t i = 0; i < count;)
        i += part_item(self, all + i, count - i, meant, out);
}

/* ---- The choice ---- */

/* The end by which the row is one with the row that has its value. */
static bool choose_one(const settling *self, const cf_row_conflict *listed, size_t count,
                       cf_arena *arena, cf_record_end *out)
{
    for (size_t i = 0; i < count; i++) {
        if (!cf_row_can_be_one(&self->schema, &listed[i]))
            continue;
        *out = cf_record_end_as_one(listed[i].row, listed[i].rival, arena);
        return true;
    }
    return false;
}

static cf_row_contest contest_of(const settling *self, const cf_row *agreed,
                                 const cf_row_conflict *listed, size_t count)
{
    return (cf_row_contest){.state = self->collection->state,
                            .agreed = agreed,
                            .table = cf_schema_find(&self->schema, agreed->table),
                            .listed = listed,
                            .count = count};
}

/* False: the conflict is of no field, or the word names no version of it. */
static bool choose_version(const settling *self, const cf_row_conflict *listed, size_t count,
                           cf_arena *arena, cf_record_end *out)
{
    const cf_row agreed = cf_row_view_agree(self->view, listed->row, arena);
    const cf_row_contest contest = contest_of(self, &agreed, listed, count);

    *out = (cf_record_end){.item = listed->row->item,
                           .field = cf_arena_copy(arena, listed->field),
                           .value = cf_arena_copy(arena, listed->value)};
    if (is_field(listed) && contest.table)
        out->count = cf_row_resolve(&contest, &self->keep, arena, &out->changes);
    for (size_t i = 0; i < out->count; i++)
        out->changes[i].field = cf_arena_copy(arena, out->changes[i].field);
    return out->count > 0;
}

/* A word on all fields is none for a row that would lose a value unseen. */
static bool is_row_meant(const settling *self, const cf_record_clash *clash)
{
    const cf_row *row = clash->row;
    cf_buffer path = {0};

    if (self->keep.kind != CF_KEEP_SAME)
        return strchr(self->of->pattern, '~') && is_path_meant(self, clash->path);
    cf_record_path(row->item.bytes[0], row->table, row->key, &path);
    const bool meant =
        is_path_meant(self, clash->path) || is_path_meant(self, cf_buffer_view(&path));
    cf_buffer_release(&path);
    return meant;
}

/* How a clash ends in which one row gives the column up. */
static void choose_row(settling *self, const cf_record_clash *clash, cf_record_choice *out)
{
    const cf_row *yields = cf_record_clash_yields(clash, &self->keep);

    if (!yields) {
        *(clash->column.size ? &out->lacking : &out->bound) += 1;
        return;
    }
    out->yields[out->yield_count++] =
        (cf_record_yield){.hidden = clash->row->item,
                          .rival = clash->rival->item,
                          .yields = yields->item,
                          .column = cf_arena_copy(&out->arena, clash->column)};
}

/* How the conflicts of one field, or one seat, end: as such, or as their row's clash. */
static void choose_field(settling *self, const cf_row_conflict *listed, size_t count,
                         cf_record_choice *out)
{
    const cf_record_clash *clash = NULL;
    cf_record_end *end = &out->ends[out->count];

    for (size_t i = 0; !clash && i < count; i++)
        clash = cf_record_clash_of(self->clashes, self->clash_count, &listed[i]);
    const bool of_row = clash && is_row_meant(self, clash);
    if (clash && self->keep.kind != CF_KEEP_SAME) {
        if (of_row)
            choose_row(self, clash, out);
        return;
    }
    if (!is_any_meant(self, listed, count) && !of_row)
        return;
    if (self->keep.kind == CF_KEEP_SAME ? !choose_one(self, listed, count, &out->arena, end)
                                        : !choose_version(self, listed, count, &out->arena, end))
        out->lacking++;
    else if (self->keep.kind != CF_KEEP_SAME || !cf_record_choice_has(out, end))
        out->count++;
}

/* Clashes of rows that are held back: as these aren't shown, they have no conflicts. */
static void choose_held(settling *self, cf_record_choice *out)
{
    for (size_t i = 0; i < self->clash_count; i++) {
        const cf_record_clash *clash = &self->clashes[i];

        if (clash->wish || !is_row_meant(self, clash))
            continue;
        if (self->keep.kind != CF_KEEP_SAME)
            choose_row(self, clash, out);
        else if (!clash->can_be_one)
            out->lacking++;
        else
            out->ends[out->count++] = cf_record_end_as_one(clash->row, clash->rival, &out->arena);
    }
    cf_record_choice_sort(out);
}

/* Takes the first conflict and all of its contest from those of a row that are left. GEOs in the
 * entries e and f are one contest, the title between them is another. */
static size_t take_contest(const settling *self, cf_row_conflict *left, size_t *count,
                           cf_row_conflict *out)
{
    size_t taken = 0, kept = 0;
    const cf_row_conflict first = *left;

    for (size_t i = 0; i < *count; i++)
        if (i == 0 || are_one(self, &first, &left[i]))
            out[taken++] = left[i];
        else
            left[kept++] = left[i];
    *count = kept;
    return taken;
}

/* All conflicts of one row, contest by contest. */
static void choose_fields(settling *self, const cf_row_conflict *listed, size_t count,
                          cf_record_choice *out)
{
    cf_row_conflict *left = cf_arena_allocate(&self->arena, count, sizeof *left);
    cf_row_conflict *one = cf_arena_allocate(&self->arena, count, sizeof *one);

    memcpy(left, listed, count * sizeof *left);
    while (count) {
        const size_t taken = take_contest(self, left, &count, one);

        choose_field(self, one, taken, out);
    }
}

static void choose_all(settling *self, cf_record_choice *out)
{
    size_t count, to;
    const cf_row_conflict *conflicts = cf_row_view_conflicts(self->view, &count);

    out->ends = cf_arena_allocate(&out->arena, count + self->clash_count, sizeof *out->ends);
    out->yields = cf_arena_allocate(&out->arena, self->clash_count, sizeof *out->yields);
    for (size_t from = 0; from < count; from = to) {
        to = from + 1;
        while (to < count && conflicts[to].row == conflicts[from].row)
            to++;
        choose_fields(self, &conflicts[from], to - from, out);
    }
    choose_held(self, out);
}

/* ---- The end ---- */

/* Beside what is said of the same field otherwise, the last of the changes being of this item: a
 * line of LOCATION stays, and of the field two values go, the one by each contest. */
static void add_change(settling *self, const cf_change *change)
{
    size_t at = self->count;

    while (at > 0 && cf_id_equal(&self->changes[at - 1].item, &change->item) &&
           !cf_bytes_equal(self->changes[at - 1].field, change->field))
        at--;
    if (at == 0 || !cf_id_equal(&self->changes[at - 1].item, &change->item)) {
        self->changes[self->count++] = *change;
        return;
    }
    cf_change *known = &self->changes[at - 1];
    cf_dot *over =
        cf_arena_allocate(&self->arena, known->over_count + change->over_count, sizeof *over);
    size_t count = known->over_count;
    memcpy(over, known->over, count * sizeof *over);
    for (size_t i = 0; i < change->over_count; i++)
        if (!cf_change_names(known, &change->over[i]))
            over[count++] = change->over[i];
    known->over = over;
    known->over_count = count;
}

/* A chosen end of which nothing is left to be replaced was reached by somebody else. */
static void settle_field(settling *self, const cf_row_conflict *listed, const cf_record_end *chosen,
                         cf_record_settled *out)
{
    if (is_locked(self, &listed->row->item)) {
        out->locked++;
        return;
    }
    const cf_row agreed = cf_row_view_agree(self->view, listed->row, &self->arena);
    const cf_row_conflict first = {
        .row = listed->row, .field = chosen->field, .value = chosen->value};
    const cf_row_contest contest = contest_of(self, &agreed, &first, 1);
    cf_change *still = cf_arena_allocate(&self->arena, chosen->count, sizeof *still);
    const size_t count =
        cf_row_resolve_still(&contest, chosen->changes, chosen->count, &self->arena, still);
    for (size_t i = 0; i < count; i++)
        add_change(self, &still[i]);
    if (count)
        out->settled++;
    else
        out->ended++;
}

/* The chosen conflict, if it is there still; NULL: it isn't. Its item's begin at `at`, if any. */
static const cf_row_conflict *still_listed(const settling *self, const cf_record_end *chosen,
                                           const cf_row_conflict *conflicts, size_t at,
                                           size_t count)
{
    cf_row_conflict first = {.field = chosen->field, .value = chosen->value};

    for (; at < count && cf_id_equal(&conflicts[at].row->item, &chosen->item); at++) {
        first.row = conflicts[at].row;
        if (are_one(self, &first, &conflicts[at]))
            return &conflicts[at];
    }
    return NULL;
}

/* What a change replaces may stand at another row that is one with its row (model, rule m). */
static void spread(settling *self)
{
    const cf_state *state = self->collection->state;
    cf_change_draft draft = {.arena = &self->arena};
    const cf_change *former = self->changes;
    size_t added;

    for (size_t i = 0; i < self->count; i++) {
        size_t count;
        const cf_id *others = cf_row_view_others(self->view, &former[i].item, &count);

        for (size_t k = 0; k < count; k++)
            cf_row_spread_write(&draft, state, &former[i], &others[k]);
    }
    const cf_change *spread = cf_change_draft_changes(&draft, &added);
    if (added) {
        self->changes = cf_arena_allocate(&self->arena, self->count + added, sizeof *former);
        memcpy(self->changes, former, self->count * sizeof *former);
        memcpy(self->changes + self->count, spread, added * sizeof *former);
        self->count += added;
        qsort(self->changes, self->count, sizeof *former, cf_change_compare);
    }
    cf_change_draft_release(&draft);
}

/* The two rows clash still. */
static bool is_clash(const settling *self, const cf_record_yield *yield)
{
    for (size_t i = 0; i < self->clash_count; i++)
        if (cf_id_equal(&self->clashes[i].row->item, &yield->hidden) &&
            cf_id_equal(&self->clashes[i].rival->item, &yield->rival))
            return true;
    return false;
}

/* In the place of a change that says something else of the same column. */
static void put_change(settling *self, const cf_change *change)
{
    size_t at = 0;

    while (at < self->count && cf_change_compare(&self->changes[at], change) != 0)
        at++;
    self->changes[at] = *change;
    self->count += at == self->count;
}

static void settle_rows(settling *self, const cf_record_choice *choice, cf_record_settled *out)
{
    for (size_t i = 0; i < choice->yield_count; i++) {
        const cf_record_yield *yield = &choice->yields[i];

        if (!is_clash(self, yield)) {
            out->ended++;
        } else if (is_locked(self, &yield->yields)) {
            out->locked++;
        } else {
            const cf_change change =
                cf_record_clash_yield(&self->search, &yield->yields, yield->column, &self->arena);
            put_change(self, &change);
            out->settled++;
        }
    }
    if (self->count)
        qsort(self->changes, self->count, sizeof *self->changes, cf_change_compare);
}

/* Settles what is in conflict still; of all else somebody settled it since. */
static void settle_all(settling *self, const cf_record_choice *choice, cf_record_settled *out)
{
    size_t count, at = 0, most = choice->yield_count;
    const cf_row_conflict *conflicts = cf_row_view_conflicts(self->view, &count);

    for (size_t i = 0; i < choice->count; i++)
        most += choice->ends[i].count;
    self->changes = cf_arena_allocate(&self->arena, most, sizeof *self->changes);
    for (size_t i = 0; i < choice->count; i++) {
        while (at < count && cf_id_compare(&conflicts[at].row->item, &choice->ends[i].item) < 0)
            at++;
        const cf_row_conflict *listed = still_listed(self, &choice->ends[i], conflicts, at, count);
        if (listed)
            settle_field(self, listed, &choice->ends[i], out);
        else
            out->ended++;
    }
    settle_rows(self, choice, out);
    spread(self);
}

/* ---- One of two ---- */

/* Rows that join the same become one, too: tag 2 is tag 1, and so (5, 2) is (5, 1), which another
 * device may have locked. To settle only some of it makes no sense, so all waits. */
static bool are_locked(const settling *self)
{
    for (size_t i = 0; i < self->count; i++) {
        const cf_change *change = &self->changes[i];
        cf_id other;

        if (is_locked(self, &change->item) ||
            (cf_bytes_equal(change->field, cf_bytes_of_text(CF_FIELD_SAME)) &&
             cf_row_same_read(change->value, &other) && is_locked(self, &other)))
            return true;
    }
    return false;
}

/* Rows that are one by now, or gone, count as ended. */
static void make_one(settling *self, const cf_record_choice *choice, cf_record_settled *out)
{
    cf_state *state = self->collection->state;
    cf_change_draft draft = {.arena = &self->arena};

    for (size_t i = 0; i < choice->count; i++) {
        const cf_id *item = &choice->ends[i].item;
        cf_id other;

        if (!cf_row_same_read(choice->ends[i].changes->value, &other))
            continue;
        if (is_locked(self, item) || is_locked(self, &other))
            out->locked++;
        else if (cf_row_draft_one(&draft, state, self->view, item, &other))
            out->settled++;
        else
            out->ended++;
    }
    if (out->settled)
        cf_row_draft_held_as_one(&draft, state, &self->schema, self->view);
    self->changes = cf_change_draft_changes(&draft, &self->count);
    if (are_locked(self)) {
        out->locked += out->settled;
        out->settled = self->count = 0;
    }
    cf_change_draft_release(&draft);
}

static cf_status publish(settling *self, cf_error *error)
{
    const cf_record_entries entries = {.peer = self->of->peer,
                                       .collection = self->collection->id,
                                       .changes = self->changes,
                                       .count = self->count,
                                       .now_ms = self->of->now_ms};
    cf_publication *publication = cf_publication_new(self->of->peer, self->collection);
    cf_dot *dots = cf_arena_allocate(&self->arena, self->count, sizeof *dots);
    cf_kv_list records = {0};

    cf_status status = cf_record_entries_add(&entries, publication, dots, error);
    cf_row_view_destroy(&self->view); /* the state changes */
    if (!status)
        status = cf_publication_commit(publication, &records, error);
    cf_kv_list_release(&records);
    cf_publication_destroy(&publication);
    return status;
}

static cf_status open(settling *self, cf_error *error)
{
    const cf_record_settling *of = self->of;
    const cf_id *id = &of->binding->collection;

    cf_status status = cf_peer_collection(of->peer, id, &self->collection, error);
    if (!status)
        status = cf_catalog_schema(of->peer, id, &self->arena, &self->schema, error);
    if (status)
        return status;
    self->keep = of->keep;
    self->keep.writer =
        cf_author_writer(of->peer->author, id, &self->writer) ? &self->writer : NULL;
    self->view = cf_row_view_new(self->collection->state, &self->schema);
    self->search = (cf_clash_search){.peer = of->peer,
                                     .binding = of->binding,
                                     .collection = self->collection,
                                     .schema = &self->schema,
                                     .view = self->view};
    self->clash_count = cf_record_clashes(&self->search, &self->arena, &self->clashes);
    return CF_OK;
}

static void end_settling(settling *self)
{
    cf_row_view_destroy(&self->view);
    cf_arena_release(&self->arena);
}

cf_status cf_record_choose(const cf_record_settling *of, cf_record_choice *out, cf_error *error)
{
    settling self = {.of = of};

    *out = (cf_record_choice){0};
    cf_status status = open(&self, error);
    if (!status) {
        choose_all(&self, out);
        choose_both(&self, out);
    }
    end_settling(&self);
    return status;
}

cf_status cf_record_settle(const cf_record_settling *of, const cf_record_choice *choice,
                           cf_record_settled *out, cf_error *error)
{
    settling self = {.of = of};

    *out = (cf_record_settled){0};
    cf_status status = open(&self, error);
    if (!status && of->keep.kind == CF_KEEP_SAME)
        make_one(&self, choice, out);
    else if (!status)
        settle_all(&self, choice, out);
    if (!status && choice->parted)
        part_all(&self, out);
    if (!status && self.count && !of->tries)
        status = publish(&self, error);
    end_settling(&self);
    return status;
}
