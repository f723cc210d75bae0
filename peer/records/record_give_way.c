/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns give way (model, rule h), and to which values.
 *
 *     rows 1 and 2 "home" were made apart: row 2 is shown as "home (2)"
 *     row 1 was moved from place 1 to 2, row 3 later from 3 to 2, and 3 is taken by now:
 *         row 1 is shown at place 1 again
 *     row 1 was moved from place 1 to 2, and row 4, which is new, was put there later:
 *         row 1 is at 2, and row 4 is shown at 3
 *     links 1 and 2, made apart, are to person 5, and only one can be: link 2 is to nobody */
#include <inttypes.h>
#include <stdlib.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/records/record_claims.h"

static bool has_column(const cf_unique *unique, cf_bytes column)
{
    for (size_t i = 0; i < unique->count; i++)
        if (cf_bytes_equal(unique->names[i], column))
            return true;
    return false;
}

/* The column can't be empty, so giving way can't empty it. */
static bool is_required(const cf_schema_table *table, cf_bytes column)
{
    for (size_t i = 0; i < table->required_count; i++)
        if (cf_bytes_equal(table->required[i], column))
            return true;
    return false;
}

/* All that the row claims as it is shown now. */
static void take_all(cf_holding *self, cf_viewed *viewed)
{
    for (size_t unique = 0; unique < cf_claims_of(viewed->table); unique++) {
        cf_claim *own = cf_claim_with(self, viewed->table, &viewed->row, unique);

        if (own)
            cf_claim_take(self, own, viewed);
    }
}

/* Whether nobody has what the row claims by the tuples with the column, nor wishes for that. */
static bool is_free(const cf_holding *self, const cf_schema_table *table, const cf_row *row,
                    cf_bytes column)
{
    for (size_t unique = 0; unique < table->unique_count; unique++) {
        const cf_claim *known = has_column(&table->unique[unique], column)
                                    ? cf_claim_of(self, table, row, unique)
                                    : NULL;

        if (known && (known->count || cf_claim_is_taken(self, known)))
            return false;
    }
    return true;
}

/* A row as it would be with another value in one of its columns. */
typedef struct {
    cf_row row;
    cf_row_field *field;
    cf_bytes value;
} trial_row;

/* The fields lie in the cf_holding's arena, since no claim is made with them. */
static void try_column(cf_holding *self, const cf_viewed *viewed, cf_bytes column, trial_row *out)
{
    const cf_row *row = &viewed->row;
    const cf_row_field *field = cf_row_field_named(row, column);
    cf_row_field *fields = cf_arena_allocate(&self->arena, row->field_count, sizeof *fields);

    memcpy(fields, row->fields, row->field_count * sizeof *fields);
    *out = (trial_row){.row = *row, .field = &fields[field - row->fields]};
    out->row.fields = fields;
    out->field->values = &out->value;
}

/* Whether the row could have the value in the column that is tried; nothing, if it need not have
 * any there. */
static bool is_free_with(const cf_holding *self, const cf_viewed *viewed, trial_row *tried,
                         cf_bytes value)
{
    if (!value.size)
        return !is_required(viewed->table, tried->field->name);
    tried->value = value;
    return is_free(self, viewed->table, &tried->row, tried->field->name);
}

/* The columns of a tuple that can give way, from the last to the first: of {list, pos} the pos does
 * first, as that says which place within the list. References come behind all others, in the same
 * order: they can only be nothing. `*left` begins with columns_of(). */
static bool next_column(const cf_schema_table *table, const cf_unique *unique, size_t *left,
                        cf_bytes *column)
{
    while (*left > 0) {
        const size_t place = --*left;
        const bool refers = place < unique->count;

        *column = unique->names[place % unique->count];
        if (cf_schema_field(table, *column).merge ==
            (refers ? CF_MERGE_REFERENCE : CF_MERGE_LATEST))
            return true;
    }
    return false;
}

/* Each of the tuple's columns is looked at twice. */
static size_t columns_of(const cf_unique *unique)
{
    return 2 * unique->count;
}

static const cf_column_instead *instead_of(const cf_viewed *viewed, cf_bytes column)
{
    const cf_column_instead *found = viewed->instead;

    while (found && !cf_bytes_equal(found->column, column))
        found = found->next;
    return found;
}

/* What the row had in a column of the tuple before its change; NULL: it had no other value there,
 * or that one is taken. */
static const cf_column_instead *had_before(cf_holding *self, const cf_viewed *viewed,
                                           const cf_unique *unique)
{
    size_t left = columns_of(unique);
    cf_bytes column;

    while (next_column(viewed->table, unique, &left, &column)) {
        const cf_column_instead *before = instead_of(viewed, column);
        const cf_row_field *now = cf_row_field_named(&viewed->row, column);
        trial_row tried;

        if (!before || !now || cf_bytes_equal(before->said.value, now->values[0]))
            continue;
        try_column(self, viewed, column, &tried);
        if (is_free_with(self, viewed, &tried, before->said.value))
            return before;
    }
    return NULL;
}

/* Equal in claim order but for the time: only then does the row that came first make room. */
static bool is_equal_in_rank(const cf_viewed *a, const cf_viewed *b)
{
    return a->tied == b->tied && a->alive == b->alive && a->level == b->level;
}

/* A claim that the first row has now, and has no more when it changes the column. */
static bool is_left(const cf_claim *claim, const cf_viewed *first, cf_bytes column)
{
    return claim->holder == first && claim->unique < claim->table->unique_count &&
           has_column(&claim->table->unique[claim->unique], column);
}

/* Whether the row that came first goes back to what it had before, so that the other one has its
 * wish: the row was moved there from another value, which is free, none of the other's wishes is
 * blocked by a third, and both are equal in rank. A row that had nothing there before stays: its
 * value would be lost.
 *
 *     row 1 was moved from place 1 to 2, row 3 later from 3 to 2; 3 is taken     row 1 is back at 1
 *     … and row 1 had no place before 2                                          row 3 gets place 4
 */
static bool goes_back(cf_holding *self, cf_viewed *first, const cf_contender *other, size_t unique)
{
    const cf_schema_table *table = first->table;

    if (first->gave_way || !is_equal_in_rank(first, other->viewed))
        return false;
    const cf_column_instead *before = had_before(self, first, &table->unique[unique]);
    for (size_t i = 0; before && i < other->count; i++)
        if (cf_claim_is_taken(self, other->claims[i]) &&
            !is_left(other->claims[i], first, before->column))
            return false;
    if (!before || !before->said.value.size)
        return false;
    for (size_t i = 0; i < table->unique_count; i++) {
        cf_claim *own = has_column(&table->unique[i], before->column)
                            ? cf_claim_of(self, table, &first->row, i)
                            : NULL;

        if (own)
            own->taken = 0;
    }
    cf_viewed_set_column(self->view, first, before->column, before->said.value);
    first->gave_way = true;
    take_all(self, first);
    return true;
}

/* ---- The next free value ---- */

/* A value is free where none of the tuples with the column blocks it. Each tuple leaves word of its
 * own of what it blocks, since another row may have other values in the rest of it:
 *
 *     of {pos} the places 1 to 9 are blocked for all, of {list, pos} 3 to 5 for those of list 7
 *     at 1: {pos} goes on at 10, where {list, pos} blocks nothing */
typedef struct {
    cf_holding *self;
    const cf_viewed *viewed;
    trial_row tried;
    bool is_text; /* behind which the number stands; else it is the number */
    cf_bytes text;
    cf_buffer value;
} free_search;

/* Tries the number itself, or for a wish "home" the text "home (2)". */
static void try_number(free_search *search, int64_t number)
{
    cf_buffer_clear(&search->value);
    if (search->is_text) {
        cf_buffer text = {0};

        cf_buffer_append(&text, search->text.data, search->text.size);
        cf_buffer_append_text(&text, " (%" PRIi64 ")", number);
        cf_pack_text(&search->value, cf_buffer_view(&text));
        cf_buffer_release(&text);
    } else {
        cf_pack_int(&search->value, number);
    }
    search->tried.value = cf_buffer_view(&search->value);
}

/* The claim by the tuple of what is tried; NULL: nobody ever claimed that. */
static cf_claim *tried_claim(const free_search *search, size_t unique)
{
    return cf_claim_of(search->self, search->viewed->table, &search->tried.row, unique);
}

/* A row has the value, or wishes for it. */
static bool is_blocked(const free_search *search, const cf_claim *claim)
{
    return claim && (claim->count || cf_claim_is_taken(search->self, claim));
}

/* Whether word was left here, in this round, of the column searched: of the text of a claim the
 * number behind it, of a number the next. */
static bool is_told(const free_search *search, const cf_claim *claim)
{
    return claim->searched == search->self->round &&
           cf_bytes_equal(claim->column, search->tried.field->name);
}

static void leave_word(const free_search *search, cf_claim *claim, int64_t next)
{
    claim->searched = search->self->round;
    claim->column = search->tried.field->name;
    claim->next = next;
}

/* The first number from this one on that the tuple does not block, INT64_MAX where there is none.
 * All that were passed are told of it: each was claimed, and leads beyond itself. */
static int64_t next_number_of(free_search *search, size_t unique, int64_t number)
{
    int64_t found = number;
    cf_claim *claim;

    for (try_number(search, found);
         found < INT64_MAX && (claim = tried_claim(search, unique), is_blocked(search, claim));
         try_number(search, found))
        found = is_told(search, claim) ? claim->next : found + 1;
    while (number < found) {
        try_number(search, number);
        claim = tried_claim(search, unique);
        number = is_told(search, claim) ? claim->next : number + 1;
        leave_word(search, claim, found);
    }
    return found;
}

/* "t (2)" may be a wish, too, of which "t (2) (2)" is made: so the word is left at the claim of t,
 * which numbers are blocked from 2 on. */
static int64_t next_text_of(free_search *search, size_t unique, int64_t number)
{
    const cf_bytes wish = search->tried.value;
    cf_buffer packed = {0};

    cf_pack_text(&packed, search->text);
    search->tried.value = cf_buffer_view(&packed);
    cf_claim *claim = tried_claim(search, unique);
    search->tried.value = wish;
    cf_buffer_release(&packed);
    const int64_t told = claim && is_told(search, claim) ? claim->next : 2;
    int64_t found = number < told ? told : number;
    for (try_number(search, found); is_blocked(search, tried_claim(search, unique));
         try_number(search, found))
        found++;
    if (claim && number <= told)
        leave_word(search, claim, found);
    return found;
}

/* The first from `number` on that no tuple blocks; false: there is none. */
static bool search_number(free_search *search, int64_t number)
{
    const cf_schema_table *table = search->viewed->table;
    int64_t before;

    do {
        before = number;
        for (size_t unique = 0; unique < table->unique_count; unique++)
            if (has_column(&table->unique[unique], search->tried.field->name))
                number = search->is_text ? next_text_of(search, unique, number)
                                         : next_number_of(search, unique, number);
    } while (number > before);
    try_number(search, number);
    return number < INT64_MAX;
}

/* From the number behind the wish on: a lower one is never tried. */
static bool next_number(free_search *search, int64_t wish)
{
    return wish < INT64_MAX && search_number(search, wish + 1);
}

/* The texts made of one wish are numbered on. */
static bool next_text(free_search *search)
{
    search->is_text = true;
    return search_number(search, 2) && search->value.size <= CF_INLINE_MAX;
}

/* An int: the next free one above. A text t: t (2), t (3)... Else, or if none is free: empty,
 * unless the column is required. False: the column can't give way. */
static bool try_next(free_search *search, cf_bytes wish)
{
    cf_reader reader = cf_reader_of(wish);
    cf_error ignored;
    cf_type type;
    int64_t number;

    if (cf_read_type(&reader, &type, &ignored))
        return false;
    if ((type == CF_TYPE_UINT || type == CF_TYPE_INT) &&
        cf_read_int(&reader, &number, &ignored) == CF_OK && next_number(search, number))
        return true;
    if (type == CF_TYPE_TEXT && cf_read_text(&reader, &search->text, &ignored) == CF_OK &&
        next_text(search))
        return true;
    cf_buffer_clear(&search->value);
    return is_free_with(search->self, search->viewed, &search->tried, (cf_bytes){0});
}

/* Gives one of the tuple's columns the next free number, or the text with a number behind it, or
 * nothing where it may be empty. */
static bool take_next(cf_holding *self, cf_viewed *viewed, const cf_unique *unique)
{
    size_t left = columns_of(unique);
    cf_bytes column;
    bool found = false;

    while (!found && next_column(viewed->table, unique, &left, &column)) {
        free_search search = {.self = self, .viewed = viewed};

        try_column(self, viewed, column, &search.tried);
        found = try_next(&search, cf_row_field_named(&viewed->row, column)->values[0]);
        if (found)
            cf_viewed_set_column(self->view, viewed, column,
                                 cf_arena_copy(&self->view->arena, cf_buffer_view(&search.value)));
        cf_buffer_release(&search.value);
    }
    return found;
}

/* ---- Who gives way ---- */

void cf_viewed_wish(cf_viewed *viewed)
{
    viewed->row.fields = viewed->wished;
    viewed->row.field_count = viewed->wished_count;
    viewed->gave_way = false;
}

/* The row is new in the tuple: none of its columns had another value before. */
static bool is_new_in(const cf_viewed *viewed, const cf_unique *unique)
{
    size_t left = columns_of(unique);
    cf_bytes column;

    while (next_column(viewed->table, unique, &left, &column))
        if (instead_of(viewed, column))
            return false;
    return true;
}

/* By each tuple that another row has: the row goes back to what it had before; else the other one
 * does, for a row that was there before; else the row gets the next free value. False: it can't,
 * and is held back. */
bool cf_give_way(cf_holding *self, const cf_contender *one)
{
    cf_viewed *viewed = one->viewed;
    const cf_schema_table *table = viewed->table;
    bool moved = false;

    for (size_t unique = 0; unique < cf_claims_of(table); unique++) {
        cf_claim *own = cf_claim_of(self, table, &viewed->row, unique);

        if (!own || !cf_claim_is_taken(self, own))
            continue;
        if (unique == table->unique_count)
            return false;
        const cf_column_instead *before = had_before(self, viewed, &table->unique[unique]);
        if (before)
            cf_viewed_set_column(self->view, viewed, before->column, before->said.value);
        else if (!moved && !is_new_in(viewed, &table->unique[unique]) &&
                 goes_back(self, own->holder, one, unique))
            continue;
        else if (!take_next(self, viewed, &table->unique[unique]))
            return false;
        moved = true;
    }
    viewed->gave_way = true;
    take_all(self, viewed);
    return true;
}
