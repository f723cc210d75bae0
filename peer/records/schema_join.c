/* SPDX-License-Identifier: Apache-2.0 */
/* What a source changes in its collection's schema: a rule or constraint that is as the source had
 * it before becomes what the source has now, and one that is new to it is added. What another
 * source changed, or gave up, since stays so. Without a schema of before rules of either count, and
 * constraints that both have. */
#include "peer/records/schema_join.h"

#include <stdlib.h>

static bool has_name(const cf_bytes *names, size_t count, cf_bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(names[i], name))
            return true;
    return false;
}

static const cf_field_rule *rule_of(const cf_schema_table *table, cf_bytes field)
{
    for (size_t i = 0; i < table->field_count; i++)
        if (cf_bytes_equal(table->fields[i].name, field))
            return &table->fields[i];
    return NULL;
}

/* Whether two rules of one field merge alike and refer to rows of one table, be that owned or
 * not. */
static bool same_meaning(const cf_field_rule *a, const cf_field_rule *b)
{
    return a->merge == b->merge &&
           (a->merge != CF_MERGE_REFERENCE || cf_bytes_equal(a->table, b->table));
}

/* Whether both rules say the same; that rows are owned is said of references alone. */
static bool same_rule(const cf_field_rule *a, const cf_field_rule *b)
{
    return same_meaning(a, b) && (a->merge != CF_MERGE_REFERENCE || a->owned == b->owned);
}

/* The table's rows can't be without this field. */
static bool requires(const cf_schema_table *table, cf_bytes field)
{
    return has_name(table->required, table->required_count, field);
}

/* Whether the tuple has the column, and compares it so. */
static bool has_compared(const cf_unique *unique, cf_bytes name, cf_collation collation)
{
    bool found = false;

    for (size_t i = 0; !found && i < unique->count; i++)
        found =
            cf_bytes_equal(unique->names[i], name) && cf_unique_collation(unique, i) == collation;
    return found;
}

/* Whether the table has a unique tuple of the same fields, in whatever order, that compares them
 * alike. */
static bool has_unique(const cf_schema_table *table, const cf_unique *unique)
{
    for (size_t i = 0; i < table->unique_count; i++) {
        const cf_unique *own = &table->unique[i];
        bool same = own->count == unique->count;

        for (size_t k = 0; same && k < own->count; k++)
            same = has_compared(unique, own->names[k], cf_unique_collation(own, k));
        if (same)
            return true;
    }
    return false;
}

/* ---- A table in the making ---- */

typedef struct {
    cf_schema_table table;
    cf_field_rule *fields;
    cf_unique *unique;
    cf_bytes *required;
} making;

/* A table without rules and constraints, in all else as the first; with room for those of both. */
static making begin(const cf_schema_table *first, const cf_schema_table *second, cf_arena *arena)
{
    making self = {.table = *first};

    self.fields =
        cf_arena_allocate(arena, first->field_count + second->field_count, sizeof *self.fields);
    self.unique =
        cf_arena_allocate(arena, first->unique_count + second->unique_count, sizeof *self.unique);
    self.required = cf_arena_allocate(arena, first->required_count + second->required_count,
                                      sizeof *self.required);
    self.table.fields = self.fields;
    self.table.unique = self.unique;
    self.table.required = self.required;
    self.table.field_count = self.table.unique_count = self.table.required_count = 0;
    return self;
}

static void add_rule(making *self, const cf_field_rule *rule)
{
    self->fields[self->table.field_count++] = *rule;
}

/* A reference is owned only if all who have the rule say so: where one says that its rows can do
 * without the row they refer to, no row goes along. */
static void add_joined_rule(making *self, const cf_field_rule *rule, const cf_field_rule *other)
{
    add_rule(self, rule);
    if (other && same_meaning(rule, other))
        self->fields[self->table.field_count - 1].owned = rule->owned && other->owned;
}

static void add_unique(making *self, const cf_unique *unique)
{
    self->unique[self->table.unique_count++] = *unique;
}

static void add_required(making *self, cf_bytes field)
{
    self->required[self->table.required_count++] = field;
}

/* ---- Several writes ---- */

/* Rules of one or the other count, of two for one field the first; a constraint counts if both have
 * it. */
static cf_schema_table join_two(const cf_schema_table *first, const cf_schema_table *second,
                                cf_arena *arena)
{
    making self = begin(first, second, arena);

    for (size_t i = 0; i < first->field_count; i++)
        add_joined_rule(&self, &first->fields[i], rule_of(second, first->fields[i].name));
    for (size_t i = 0; i < second->field_count; i++)
        if (!rule_of(first, second->fields[i].name))
            add_rule(&self, &second->fields[i]);
    for (size_t i = 0; i < first->unique_count; i++)
        if (has_unique(second, &first->unique[i]))
            add_unique(&self, &first->unique[i]);
    for (size_t i = 0; i < first->required_count; i++)
        if (requires(second, first->required[i]))
            add_required(&self, first->required[i]);
    return self.table;
}

cf_schema_table cf_schema_join(const cf_schema_table *tables, size_t count, cf_arena *arena)
{
    cf_schema_table joined = tables[0];

    for (size_t i = 1; i < count; i++)
        joined = join_two(&joined, &tables[i], arena);
    return joined;
}

/* ---- A source that changed ---- */

typedef struct {
    const cf_schema_table *known, *before, *own;
    const cf_schema *had, *has; /* all tables of the source, before and now */
} versions;

/* Whether the source had the table to which the field refers, and has it no more, or doesn't ask
 * for it: what refers to its rows elsewhere still does. items.feed refers to feeds, `--exclude
 * feeds` here: here feed is a number, elsewhere a row of feeds. */
static bool lost_sight(const versions *of, const cf_field_rule *known)
{
    return known->merge == CF_MERGE_REFERENCE && cf_schema_find(of->had, known->table) &&
           !cf_schema_find(of->has, known->table);
}

/* A rule of the collection that is as the source had it before becomes what the source has now; is
 * given up with it, too, unless only the table it leads to is out of sight. One that another source
 * changed since stays. */
static void keep_rule(making *self, const versions *of, const cf_field_rule *known)
{
    const cf_field_rule *before = rule_of(of->before, known->name);
    const cf_field_rule *own = rule_of(of->own, known->name);
    bool untouched = before && same_rule(before, known);

    if (!untouched || (!own && lost_sight(of, known)))
        add_rule(self, known);
    else if (own)
        add_rule(self, own);
}

/* A rule that the collection lacks is taken if it is new to the source; else another source gave it
 * up. */
static void take_rule(making *self, const versions *of, const cf_field_rule *own)
{
    const cf_field_rule *before = rule_of(of->before, own->name);

    if (!rule_of(of->known, own->name) && !(before && same_rule(before, own)))
        add_rule(self, own);
}

/* A constraint that the source has dropped is dropped, one that is new to it is added:
 *
 *     known        before       now
 *     UNIQUE(a)    UNIQUE(a)    -             dropped: this source gave it up
 *     UNIQUE(a)    -            -             kept: it never was this source's
 *     -            UNIQUE(b)    UNIQUE(b)     not added: another source gave it up */
static void merge_constraints(making *self, const versions *of)
{
    const cf_schema_table *known = of->known, *before = of->before, *own = of->own;

    for (size_t i = 0; i < known->unique_count; i++)
        if (has_unique(own, &known->unique[i]) || !has_unique(before, &known->unique[i]))
            add_unique(self, &known->unique[i]);
    for (size_t i = 0; i < own->unique_count; i++)
        if (!has_unique(known, &own->unique[i]) && !has_unique(before, &own->unique[i]))
            add_unique(self, &own->unique[i]);
    for (size_t i = 0; i < known->required_count; i++)
        if (requires(own, known->required[i]) || !requires(before, known->required[i]))
            add_required(self, known->required[i]);
    for (size_t i = 0; i < own->required_count; i++)
        if (!requires(known, own->required[i]) && !requires(before, own->required[i]))
            add_required(self, own->required[i]);
}

/* Without a schema of before nobody knows what the source gave up: then the two are joined. */
static cf_schema_table grow_table(const versions *of, cf_arena *arena)
{
    if (!of->before)
        return join_two(of->known, of->own, arena);
    making self = begin(of->known, of->own, arena);

    if (of->own->serial != of->before->serial)
        self.table.serial = of->own->serial;
    for (size_t i = 0; i < of->known->field_count; i++)
        keep_rule(&self, of, &of->known->fields[i]);
    for (size_t i = 0; i < of->own->field_count; i++)
        take_rule(&self, of, &of->own->fields[i]);
    merge_constraints(&self, of);
    return self.table;
}

cf_schema cf_schema_grow(const cf_schema *known, const cf_schema *before, const cf_schema *own,
                         cf_arena *arena)
{
    cf_schema_table *tables = cf_arena_allocate(arena, known->count + own->count, sizeof *tables);
    size_t count = 0;

    for (size_t i = 0; i < known->count; i++) {
        const cf_schema_table *table = &known->tables[i];
        const versions of = {table, before ? cf_schema_find(before, table->name) : NULL,
                             cf_schema_find(own, table->name), before, own};

        tables[count++] = of.own && of.own->kind == table->kind ? grow_table(&of, arena) : *table;
    }
    for (size_t i = 0; i < own->count; i++)
        if (!cf_schema_find(known, own->tables[i].name))
            tables[count++] = own->tables[i];
    return (cf_schema){tables, count};
}

/* ---- What is left ---- */

typedef struct {
    cf_schema_difference *at;
    size_t count;
    bool contradicts;
} differences;

static void add(differences *self, const cf_schema_table *table, cf_unique fields, const char *text)
{
    self->at[self->count++] = (cf_schema_difference){
        .table = table->name, .fields = fields, .text = text, .contradicts = self->contradicts};
}

/* Both refer to rows of one table, and only one deletes its rows with those: listed, and no harm.
 */
static void compare_owned(differences *self, const cf_schema_table *known,
                          const cf_schema_table *own)
{
    for (size_t i = 0; i < own->field_count; i++) {
        const cf_field_rule *rule = rule_of(known, own->fields[i].name);

        if (rule && same_meaning(rule, &own->fields[i]) && !same_rule(rule, &own->fields[i]))
            add(self, own, (cf_unique){.names = &rule->name, .count = 1},
                rule->owned ? "rows go with the one that it refers to elsewhere, and not here"
                            : "rows go with the one that it refers to here, and not elsewhere");
    }
}

/* Where the kind, the keys or a rule differ, one device's rows are not what another's are: a
 * contradiction. A constraint that one of the two has alone is listed, and harms nobody. */
static void compare(differences *self, const cf_schema_table *known, const cf_schema_table *own)
{
    static const cf_unique none = {0};

    self->contradicts = true;
    if (known->kind != own->kind)
        add(self, own, none, "the table is of another kind elsewhere");
    if (known->serial != own->serial)
        add(self, own, none,
            known->serial ? "its keys are counted up elsewhere"
                          : "its keys are counted up here only");
    for (size_t i = 0; i < own->field_count; i++) {
        const cf_field_rule *rule = rule_of(known, own->fields[i].name);

        if (rule && !same_meaning(rule, &own->fields[i]))
            add(self, own, (cf_unique){.names = &rule->name, .count = 1},
                "it refers to something else elsewhere");
    }
    self->contradicts = false;
    compare_owned(self, known, own);
    for (size_t i = 0; i < own->unique_count; i++)
        if (!has_unique(known, &own->unique[i]))
            add(self, own, own->unique[i], "it is unique here, and not elsewhere");
    for (size_t i = 0; i < known->unique_count; i++)
        if (!has_unique(own, &known->unique[i]))
            add(self, own, known->unique[i], "it is unique elsewhere, and not here");
    for (size_t i = 0; i < own->required_count; i++)
        if (!requires(known, own->required[i]))
            add(self, own, (cf_unique){.names = &own->required[i], .count = 1},
                "it can be empty elsewhere, and not here");
    for (size_t i = 0; i < known->required_count; i++)
        if (!requires(own, known->required[i]))
            add(self, own, (cf_unique){.names = &known->required[i], .count = 1},
                "it can be empty here, and not elsewhere");
}

const cf_schema_difference *cf_schema_differences(const cf_schema *known, const cf_schema *own,
                                                  cf_arena *arena, size_t *count)
{
    differences self = {0};
    size_t room = 0;

    for (size_t i = 0; i < own->count; i++) {
        const cf_schema_table *table = &own->tables[i];
        const cf_schema_table *other = cf_schema_find(known, table->name);

        room += 2 + table->field_count + table->unique_count + table->required_count;
        room += other ? other->unique_count + other->required_count : 0;
    }
    self.at = cf_arena_allocate(arena, room, sizeof *self.at);
    for (size_t i = 0; i < own->count; i++) {
        const cf_schema_table *other = cf_schema_find(known, own->tables[i].name);

        if (other)
            compare(&self, other, &own->tables[i]);
    }
    *count = self.count;
    return self.at;
}
