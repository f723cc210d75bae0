/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/conflict_advice.h"

#include "broker/platform/names.h"
#include "peer/commands/conflict_shown.h"

#include <string.h>

enum { NAMED_MAX = 8 }; /* words of a command that is told */

/* Conflicts of one kind in one table. */
typedef struct {
    cf_conflict_kind kind;
    cf_bytes table;           /* nothing: there are no tables */
    const cf_conflict *first; /* the only one, where there are no others */
    size_t count;
    bool can_be_one, can_part; /* any of them */
} advised;

typedef struct {
    const char *collection;
    const cf_binding_status *status;
    bool settles; /* a command on this device */
    bool several; /* tables */
} advising;

/* ---- Which of them ---- */

static void append_escaped(cf_bytes text, cf_buffer *out)
{
    for (size_t i = 0; i < text.size; i++) {
        cf_buffer_append(out, "\\", text.data[i] && strchr("*?[\\", text.data[i]) ? 1 : 0);
        cf_buffer_append(out, text.data + i, 1);
    }
}

static cf_bytes table_of(const cf_conflict *conflict)
{
    return conflict->field ? conflict->field->table : (cf_bytes){0};
}

static bool is_of(const cf_conflict *conflict, cf_conflict_kind kind, cf_bytes table)
{
    return cf_conflict_kind_of(conflict) == kind && cf_bytes_equal(table_of(conflict), table);
}

/* "/title" of places/1/title. */
static cf_bytes field_of(const cf_conflict *conflict)
{
    const cf_bytes path = conflict->path;
    const size_t at = conflict->field->record.size;

    return at < path.size ? cf_bytes_of(path.data + at, path.size - at) : (cf_bytes){0};
}

/* Such a conflict after this one, NULL: the first; NULL: there is none. */
static const cf_conflict *next_of(const advising *self, const cf_conflict *after,
                                  cf_conflict_kind kind, const advised *one, cf_bytes field)
{
    const cf_conflict *end = self->status->conflicts + self->status->conflict_count;

    for (after = after ? after + 1 : self->status->conflicts; after < end; after++)
        if (is_of(after, kind, one->table) && cf_bytes_equal(field_of(after), field))
            return after;
    return NULL;
}

static void append_word(const advising *self, cf_bytes name, const char *all, cf_bytes field,
                        cf_buffer *out)
{
    cf_buffer which = {0};

    cf_buffer_append_text(&which, "%s//", self->collection);
    append_escaped(name, &which);
    cf_buffer_append_text(&which, "%s", all);
    append_escaped(field, &which);
    cf_buffer_append(&which, "", 1);
    if (out->size && out->data[out->size - 1] != ' ')
        cf_buffer_append_text(out, " ");
    cf_name_word((const char *)which.data, out);
    cf_buffer_release(&which);
}

static const char *all_of(const advised *one)
{
    return one->table.size ? "/*" : "*";
}

static const char *hidden_of(const advised *one)
{
    return one->table.size ? "/*~*" : "*~*";
}

/* The conflicts of one field of the table; by their names where the field is that of conflicts of
 * the other kind as well, so that none of those is settled along. */
static void append_field(const advising *self, const advised *one, cf_bytes field, cf_buffer *out)
{
    const cf_conflict_kind other =
        one->kind == CF_CONFLICT_FIELD ? CF_CONFLICT_WISH : CF_CONFLICT_FIELD;
    const cf_conflict *at = NULL;
    size_t named = 0;

    if (!next_of(self, NULL, other, one, field)) {
        append_word(self, one->table, all_of(one), field, out);
        return;
    }
    while (named++ < NAMED_MAX && (at = next_of(self, at, one->kind, one, field)))
        append_word(self, at->path, "", (cf_bytes){0}, out);
}

/* The fields of these conflicts, each once; returns how many, or one more than there is room for.
 */
static size_t gather_fields(const advising *self, const advised *one, cf_bytes out[NAMED_MAX])
{
    const cf_conflict *end = self->status->conflicts + self->status->conflict_count;
    size_t count = 0;

    for (const cf_conflict *at = self->status->conflicts; at < end; at++) {
        size_t known = 0;

        if (!is_of(at, one->kind, one->table))
            continue;
        while (known < count && !cf_bytes_equal(out[known], field_of(at)))
            known++;
        if (known == NAMED_MAX)
            return NAMED_MAX + 1;
        if (known == count)
            out[count++] = field_of(at);
    }
    return count;
}

static void append_each_field(const advising *self, const advised *one, cf_buffer *out)
{
    cf_bytes fields[NAMED_MAX];
    const size_t count = gather_fields(self, one, fields);

    if (count > NAMED_MAX)
        append_word(self, one->table, all_of(one), (cf_bytes){0}, out);
    for (size_t i = 0; i < count && count <= NAMED_MAX; i++)
        append_field(self, one, fields[i], out);
}

/* As words of a shell's command: the only one by its name, else what all of them are called, and
 * nothing of another table, nor of another kind: a word that settles titles lets it stay open
 * whether two rows with one URL are one. Of very many fields all that the table has. */
static void append_which(const advising *self, const advised *one, cf_buffer *out)
{
    if (one->kind == CF_CONFLICT_FIELD || (one->kind == CF_CONFLICT_WISH && one->count > 1))
        append_each_field(self, one, out);
    else if (one->count == 1 && one->kind != CF_CONFLICT_BOTH)
        append_word(self, one->first->path, "", (cf_bytes){0}, out);
    else
        append_word(self, one->table, one->kind == CF_CONFLICT_ROW ? hidden_of(one) : all_of(one),
                    (cf_bytes){0}, out);
}

/* "to settle it", or, where there are more, "to settle those of tags". */
static void append_it(const advising *self, const advised *one, cf_buffer *out)
{
    char table[CF_NAME_SHOWN];

    cf_name_show(one->table, table);
    if (self->several)
        cf_buffer_append_text(out, "to settle those of %s", table);
    else
        cf_buffer_append_text(out, "to settle it");
}

/* ---- Each kind ---- */

/* In a source that only receives the verb settles nothing. */
static void append_fields(const advising *self, const advised *one, cf_buffer *out)
{
    append_it(self, one, out);
    cf_buffer_append_text(out, ", ");
    if (self->settles) {
        cf_buffer_append_text(out, "`counterfoil conflicts resolve ");
        append_which(self, one, out);
        cf_buffer_append_text(out, " --keep 1`, as shown, or 2; or ");
    }
    cf_buffer_append_text(out, "give the field the value that is not shown, or none, and sync; "
                               "then it may be set to any");
}

static void append_both(const advising *self, const advised *one, cf_buffer *out)
{
    if (!self->settles) {
        cf_buffer_append_text(out,
                              "one of what is both kept may be deleted, on a device that sends");
        return;
    }
    cf_buffer_append_text(out, "of what is both kept delete one, and sync; or, where both are "
                               "meant, `counterfoil conflicts resolve ");
    append_which(self, one, out);
    cf_buffer_append_text(out, " --keep both`");
}

static void append_wishes(const advising *self, const advised *one, cf_buffer *out)
{
    cf_buffer_append_text(out, "only one row can have such a value; ");
    append_it(self, one, out);
    cf_buffer_append_text(out, ", give the column another one and sync");
    if (!self->settles)
        return;
    cf_buffer_append_text(out, ", or `counterfoil conflicts resolve ");
    append_which(self, one, out);
    cf_buffer_append_text(out, "` with --keep 1, and what is shown stays%s",
                          one->can_be_one ? ", or with --same, where both rows are one thing" : "");
}

/* What --keep takes away, and from which row. */
static void append_keep(const advised *one, const char *rival, cf_buffer *out)
{
    char column[CF_NAME_SHOWN];

    cf_name_show(one->first->field->clash->empties, column);
    if (one->count == 1)
        cf_buffer_append_text(out,
                              "--keep 1, and the row that is not shown has no %s any more, or "
                              "--keep 2, and %s has none",
                              column, rival);
    else
        cf_buffer_append_text(out, "--keep 1, and the rows that are not shown have nothing there "
                                   "any more, or --keep 2, and the others have nothing");
}

static void append_rows(const advising *self, const advised *one, cf_buffer *out)
{
    const cf_record_conflict *first = one->first->field;
    char rival[CF_NAME_SHOWN], own[CF_NAME_SHOWN];

    cf_name_show(first->rival, rival);
    cf_name_show(first->record, own);
    append_it(self, one, out);
    if (one->count == 1)
        cf_buffer_append_text(out, ", give %s another value there, or delete it, and sync",
                              first->clash->lies_here ? own : rival);
    else
        cf_buffer_append_text(out, ", give the rows that are shown other values there, or delete "
                                   "them, and sync");
    if (!self->settles || (!one->can_be_one && !one->can_part))
        return;
    cf_buffer_append_text(out, "; or `counterfoil conflicts resolve ");
    append_which(self, one, out);
    cf_buffer_append_text(out, "` with %s%s",
                          one->can_be_one ? "--same, where both rows are one thing" : "",
                          one->can_be_one && one->can_part ? ", or with " : "");
    if (one->can_part)
        append_keep(one, rival, out);
}

static void append_copies(const advising *self, const advised *one, cf_buffer *out)
{
    (void)self;
    (void)one;
    cf_buffer_append_text(out, "to settle it, delete the copy or give it another name, and sync");
}

/* ---- All of them ---- */

static void append(const advising *self, const advised *one, cf_buffer *out)
{
    static void (*const kinds[])(const advising *, const advised *,
                                 cf_buffer *) = {[CF_CONFLICT_COPY] = append_copies,
                                                 [CF_CONFLICT_ROW] = append_rows,
                                                 [CF_CONFLICT_BOTH] = append_both,
                                                 [CF_CONFLICT_WISH] = append_wishes,
                                                 [CF_CONFLICT_FIELD] = append_fields};

    kinds[one->kind](self, one, out);
}

static size_t gather(const cf_binding_status *status, cf_arena *arena, advised **out)
{
    advised *all = cf_arena_allocate(arena, status->conflict_count, sizeof *all);
    size_t count = 0;

    for (size_t i = 0; i < status->conflict_count; i++) {
        const cf_conflict *conflict = &status->conflicts[i];
        const cf_conflict_kind kind = cf_conflict_kind_of(conflict);
        const cf_bytes table = table_of(conflict);
        size_t at = 0;

        while (at < count && !is_of(conflict, all[at].kind, all[at].table))
            at++;
        if (at == count)
            all[count++] = (advised){.kind = kind, .table = table, .first = conflict};
        all[at].count++;
        all[at].can_be_one |= conflict->field && conflict->field->can_be_one;
        all[at].can_part |= kind == CF_CONFLICT_ROW && conflict->field->clash->empties.size;
    }
    *out = all;
    return count;
}

void cf_conflict_advice_print(const char *collection, const cf_binding_status *status,
                              cf_peer *peer, const cf_output *output)
{
    advising self = {.collection = collection,
                     .status = status,
                     .settles =
                         status->binding->mode != CF_MODE_RECEIVE && !cf_peer_only_reads(peer)};
    cf_arena arena = {0};
    cf_buffer line = {0};
    advised *all;
    const size_t count = gather(status, &arena, &all);

    for (size_t i = 0; i < count; i++)
        self.several |= !cf_bytes_equal(all[i].table, all[0].table);
    for (int kind = 0; kind < CF_CONFLICT_KINDS; kind++)
        for (size_t i = 0; i < count; i++) {
            if ((int)all[i].kind != kind)
                continue;
            cf_buffer_clear(&line);
            append(&self, &all[i], &line);
            cf_buffer_append(&line, "", 1);
            cf_print(output, "  %s\n", (const char *)line.data);
        }
    cf_buffer_release(&line);
    cf_arena_release(&arena);
}
