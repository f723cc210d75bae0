/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes of one record are shown: field by field (model, rules c and d), and of values that
 * have one seat (rule y). A says GEO:1;2, B says GEO:3;4 in an entry of another name: B's is shown,
 * since it is later, and A's listed. So it is where a field says one and a line the other: A says
 * BDAY:1980-01-02, B says BDAY;VALUE=text:about 1980, which no field has a word for, and A's is
 * listed. What says when an event is stands or falls together (record_when.c); a text and the
 * members of an object exclude each other (record_exclude.c). */
#include <stdlib.h>

#include "peer/records/record_view_inside.h"
#include "peer/records/seats.h"

typedef struct {
    cf_row_fact *fact;
    cf_seat seat;
} seated;

/* The field says of the row which one it is, and nothing of its data. */
static bool is_frame(uint32_t field)
{
    return field == CF_FIELD_NUMBER_TABLE || field == CF_FIELD_NUMBER_KEY ||
           field == CF_FIELD_NUMBER_LEVEL;
}

/* Values of one seat next to each other. */
static int by_seat(const void *left, const void *right)
{
    const seated *a = left, *b = right;
    int order = (a->seat.kind > b->seat.kind) - (a->seat.kind < b->seat.kind);

    if (!order)
        order = cf_seat_compare(&a->seat, &b->seat);
    if (!order && a->seat.kind == CF_SEAT_ENTRY)
        order = (a->fact->write.field > b->fact->write.field) -
                (a->fact->write.field < b->fact->write.field);
    return order;
}

/* Whether `a` comes before `b` in their seat: as of the facts of one field; but where a seat has
 * the greatest (REV), of values that are equally live the greater text. */
static bool is_better(const seated *a, const seated *b)
{
    int order = 0;

    if (a->seat.greatest && a->fact->live == b->fact->live)
        order = cf_spelled_compare(a->seat.text, b->seat.text);
    return (order ? order : cf_row_fact_compare(a->fact, b->fact)) > 0;
}

/* Whether a value stays beside the best of its seat: the same value, or one that the best one's
 * entry wrote in another entry of the set. What one device wrote in one go it meant: a file may
 * have had two such lines. */
static bool is_meant_beside(const seated *one, const seated *best)
{
    return cf_bytes_equal(one->fact->write.value, best->fact->write.value) ||
           (one->fact->write.field != best->fact->write.field &&
            cf_dot_compare(&one->fact->write.dot, &best->fact->write.dot) == 0);
}

/* A value that gives way is listed if a user wrote it and no deletion covers that; hidden where the
 * greatest counts, as the lesser REV of a card is no conflict. */
static void give_way(cf_row_fact *fact, bool greatest)
{
    fact->standing =
        fact->live && !fact->write.weak && !greatest ? CF_WRITE_LISTED : CF_WRITE_HIDDEN;
}

/* Of the values of one seat shows the best, its equals, and what its own entry wrote beside it in
 * other entries of the set. Others are listed, or hidden where the greatest counts. */
static void settle(seated *own, size_t count)
{
    const seated *best = &own[0];

    for (size_t i = 1; i < count; i++)
        if (is_better(&own[i], best))
            best = &own[i];
    for (size_t i = 0; i < count; i++) {
        cf_row_fact *fact = own[i].fact;

        if (!is_meant_beside(&own[i], best))
            give_way(fact, own[i].seat.greatest);
    }
}

static void settle_all(seated *all, size_t count)
{
    size_t to;

    if (count > 1)
        qsort(all, count, sizeof *all, by_seat);
    for (size_t from = 0; from < count; from = to) {
        to = from + 1;
        while (to < count && by_seat(&all[from], &all[to]) == 0)
            to++;
        settle(all + from, to - from);
    }
}

/* ---- When an event is ---- */

/* Lets the writes that say when the row is compete by acts; fields, and lines that say what such a
 * field does. What was put in weakly, by itself, nobody said. */
static void settle_when(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts,
                        const seated *lines, size_t line_count)
{
    cf_row_when *all = cf_allocate(facts->count + line_count, sizeof *all);
    size_t count = 0;

    for (size_t i = 0; i < facts->count; i++) {
        const cf_write *write = &facts->at[i].write;
        const cf_when when = is_frame(write->field)
                                 ? CF_WHEN_NONE
                                 : cf_row_view_property(view, table, write->field)->when;

        if (when && !write->weak)
            all[count++] = (cf_row_when){&facts->at[i], when};
    }
    for (size_t i = 0; i < line_count; i++) {
        const cf_when when = cf_when_of_line(table->kind, &lines[i].seat);

        if (when && !lines[i].fact->write.weak)
            all[count++] = (cf_row_when){lines[i].fact, when};
    }
    cf_row_when_stand(all, count);
    free(all);
}

/* ---- Lines beside fields ---- */

/* A line that is shown, and that a field might say as well. */
static bool is_line(const seated *one)
{
    return one->fact->standing == CF_WRITE_SHOWN && cf_seat_has_field(&one->seat);
}

typedef struct {
    cf_bytes field;
    cf_seat seat;
    cf_row_fact *fact;
} said;

/* What is shown of fields that have a word for such lines; the caller frees the list. */
static said *find_said(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts,
                       size_t *count)
{
    said *found = cf_allocate(facts->count, sizeof *found);

    *count = 0;
    for (size_t i = 0; i < facts->count; i++) {
        const cf_write *write = &facts->at[i].write;

        if (facts->at[i].standing != CF_WRITE_SHOWN || is_frame(write->field))
            continue;
        const cf_row_property *property = cf_row_view_property(view, table, write->field);
        if (property->has_lines)
            found[(*count)++] =
                (said){property->name, cf_seat_of(table->kind, property->name, write->value),
                       &facts->at[i]};
    }
    return found;
}

typedef enum {
    LINE_STANDS, /* no field says what the line says, or both were written in one go */
    LINE_GIVES_WAY,
    FIELD_GIVES_WAY, /* the line comes before all that the field says */
} line_standing;

/* Less than zero: the line gives way to the field. As of the facts of one field; but where a seat
 * has the greatest, of what is equally live the lesser does, or of equals the line. */
static int compare_line(const seated *line, const said *field)
{
    int order;

    if (!line->seat.greatest || line->fact->live != field->fact->live)
        return cf_row_fact_compare(line->fact, field->fact);
    order = cf_spelled_compare_value(line->seat.text, field->fact->write.value);
    return order ? order : -1;
}

/* Whether the line is shown beside what fields say. A line that comes before all values of fields
 * with its property is shown in their place; a line that comes behind any of them gives way; what
 * one entry wrote as a line and as a field stands as both. */
static line_standing stand_line(const said *all, size_t count, const seated *line)
{
    line_standing found = LINE_STANDS;

    for (size_t i = 0; i < count; i++) {
        if (!cf_seat_is_field(&line->seat, all[i].field, &all[i].seat))
            continue;
        if (cf_dot_compare(&all[i].fact->write.dot, &line->fact->write.dot) == 0)
            return LINE_STANDS;
        if (compare_line(line, &all[i]) < 0)
            found = LINE_GIVES_WAY;
        else if (found == LINE_STANDS)
            found = FIELD_GIVES_WAY;
    }
    return found;
}

/* Of a line and the fields that say the same property the later is shown; of SEQUENCE, REV and
 * their like the greatest.
 *
 *     SEQUENCE;X-A=1:12 of A, SEQUENCE:5 of B      12 is shown, whoever is later */
static void settle_line(const said *all, size_t count, const seated *line)
{
    const line_standing standing = stand_line(all, count, line);

    if (standing == LINE_GIVES_WAY)
        give_way(line->fact, line->seat.greatest);
    for (size_t i = 0; standing == FIELD_GIVES_WAY && i < count; i++)
        if (cf_seat_is_field(&line->seat, all[i].field, &all[i].seat))
            give_way(all[i].fact, line->seat.greatest);
}

static void settle_lines(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts,
                         const seated *all, size_t count)
{
    size_t said_count = 0;
    said *fields = NULL;

    for (size_t i = 0; i < count; i++) {
        if (!is_line(&all[i]))
            continue;
        if (!fields)
            fields = find_said(view, table, facts, &said_count);
        settle_line(fields, said_count, &all[i]);
    }
    free(fields);
}

/* ---- All ---- */

/* Of the field's facts those that are shown and have a seat: no other can give way to another
 * value. */
static size_t find_seated(const cf_schema_table *table, const cf_row_property *property,
                          cf_row_facts *facts, size_t first, size_t end, seated *out)
{
    size_t count = 0;

    for (size_t i = first; i < end; i++) {
        cf_row_fact *fact = &facts->at[i];
        cf_seat seat = cf_seat_of(table->kind, property->name, fact->write.value);

        if (fact->standing == CF_WRITE_SHOWN && seat.kind != CF_SEAT_NONE)
            out[count++] = (seated){fact, seat};
    }
    return count;
}

void cf_row_view_stand(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts)
{
    seated *all = NULL;
    size_t count = 0, capacity = 0;
    bool contested = false, nested = false, occurs = false;

    for (size_t first = 0, end; first < facts->count; first = end) {
        uint32_t field = facts->at[first].write.field;
        const cf_row_property *property = NULL;

        end = cf_row_facts_end(facts, first);
        if (!is_frame(field))
            property = cf_row_view_property(view, table, field);
        cf_row_facts_stand(facts, first, end,
                           !property                          ? CF_STAND_LATEST
                           : property->merge == CF_MERGE_SET  ? CF_STAND_ALL
                           : property->greatest               ? CF_STAND_GREATEST
                           : property->merge == CF_MERGE_WEAK ? CF_STAND_LAST
                                                              : CF_STAND_LATEST);
        contested = contested || (property && property->when && end - first > 1);
        nested = nested || (property && property->nested);
        occurs = occurs || (property && property->occurs);
        if (!property || !property->seated)
            continue;
        all = cf_grow(all, &capacity, count + end - first, sizeof *all);
        count += find_seated(table, property, facts, first, end, all + count);
    }
    settle_all(all, count);
    for (size_t i = 0; i < count; i++)
        contested = contested || cf_when_of_line(table->kind, &all[i].seat);
    if (contested)
        settle_when(view, table, facts, all, count);
    if (nested)
        cf_row_view_exclude(view, table, facts);
    settle_lines(view, table, facts, all, count);
    if (occurs)
        cf_row_view_follow(view, table, facts);
    free(all);
}
