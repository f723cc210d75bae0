/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/records/made_schema.h"

#include <string.h>

enum { ROOM = 16 };

static cf_bytes made_column(char *name, cf_collation *collation)
{
    const size_t last = strlen(name) - 1;

    if (name[last] == '^') {
        name[last] = 0;
        *collation = CF_COLLATION_NOCASE;
    }
    return cf_bytes_of_text(name);
}

static cf_unique made_unique(char *word, cf_arena *arena)
{
    cf_bytes *names = cf_arena_allocate(arena, ROOM, sizeof *names);
    cf_collation *collations = cf_arena_allocate(arena, ROOM, sizeof *collations);
    cf_unique unique = {.names = names, .collations = collations};
    char *state;

    for (char *name = strtok_r(word, ",", &state); name; name = strtok_r(NULL, ",", &state)) {
        names[unique.count] = made_column(name, &collations[unique.count]);
        unique.count++;
    }
    return unique;
}

static cf_field_rule made_rule(char *word)
{
    size_t last = strlen(word) - 1;
    char *to = strchr(word, '>');
    cf_field_rule rule = {.merge = CF_MERGE_LATEST};

    if (to) {
        *to = 0;
        rule.merge = CF_MERGE_REFERENCE;
        rule.owned = to[1] == '>';
        rule.table = cf_bytes_of_text(to + 1 + rule.owned);
    } else if (strchr("~*?", word[last])) {
        rule.merge = word[last] == '~'   ? CF_MERGE_VOLATILE
                     : word[last] == '?' ? CF_MERGE_WEAK
                                         : CF_MERGE_SET;
        word[last] = 0;
    }
    rule.name = cf_bytes_of_text(word);
    return rule;
}

cf_schema_table made_table(const char *words, cf_arena *arena)
{
    char *copy = (char *)cf_arena_text(arena, cf_bytes_of_text(words)), *state;
    cf_field_rule *rules = cf_arena_allocate(arena, ROOM, sizeof *rules);
    cf_unique *unique = cf_arena_allocate(arena, ROOM, sizeof *unique);
    cf_bytes *required = cf_arena_allocate(arena, ROOM, sizeof *required);
    cf_schema_table table = {
        .kind = CF_KIND_ROW, .fields = rules, .unique = unique, .required = required};

    table.name = cf_bytes_of_text(strtok_r(copy, " ", &state));
    for (char *word; (word = strtok_r(NULL, " ", &state));)
        if (*word == '#')
            table.serial = true;
        else if (*word == '!')
            required[table.required_count++] = cf_bytes_of_text(word + 1);
        else if (*word == '=')
            unique[table.unique_count++] = made_unique(word + 1, arena);
        else
            rules[table.field_count++] = made_rule(word);
    return table;
}

cf_schema made_schema(const char *words, cf_arena *arena)
{
    char *copy = (char *)cf_arena_text(arena, cf_bytes_of_text(words)), *state;
    cf_schema_table *tables = cf_arena_allocate(arena, ROOM, sizeof *tables);
    cf_schema schema = {tables, 0};

    for (char *one = strtok_r(copy, ";", &state); one; one = strtok_r(NULL, ";", &state))
        tables[schema.count++] = made_table(one, arena);
    return schema;
}
