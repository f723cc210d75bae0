/* SPDX-License-Identifier: Apache-2.0 */
/* A directory's way to the root is followed once, and kept with its path and the patterns' answer;
 * what is asked of a thing is asked of its directory's way and its name. */
#include "peer/merge/scope.h"

#include <stdlib.h>

#include "codec/hash_table.h"

/* How a directory is reached. */
typedef struct way {
    cf_hash_link link;
    cf_id directory;
    const struct way *above; /* NULL: of the root, or of what is not shown */
    cf_bytes name;
    size_t depth;
    cf_include_answer answer;
    bool is_searched, leads; /* a directory that is passed through */
} way;

struct cf_scope {
    cf_view *view;
    const cf_include *include;
    cf_arena arena;
    cf_hash_table ways;
    cf_bytes *names; /* the path of `named`, and room for one more */
    size_t name_capacity;
    const way *named;
};

cf_scope *cf_scope_new(cf_view *view, const cf_include *include)
{
    if (!cf_include_limits(include))
        return NULL;
    cf_scope *scope = cf_allocate(1, sizeof *scope);

    scope->view = view;
    scope->include = include;
    return scope;
}

void cf_scope_destroy(cf_scope **scope)
{
    if (!*scope)
        return;
    cf_hash_table_release(&(*scope)->ways);
    cf_arena_release(&(*scope)->arena);
    free((*scope)->names);
    free(*scope);
    *scope = NULL;
}

/* ---- Ways ---- */

static way *find_way(const cf_scope *scope, const cf_id *directory)
{
    for (cf_hash_link *link = cf_hash_table_first(&scope->ways, cf_hash_id(0, directory)); link;
         link = cf_hash_table_next(link)) {
        way *found = cf_container_of(link, way, link);

        if (cf_id_equal(&found->directory, directory))
            return found;
    }
    return NULL;
}

static way *add_way(cf_scope *scope, const way *of)
{
    way *added = cf_arena_allocate(&scope->arena, 1, sizeof *added);

    *added = *of;
    added->name = cf_arena_copy(&scope->arena, of->name);
    cf_hash_table_add(&scope->ways, &added->link, cf_hash_id(0, &added->directory));
    return added;
}

static void name_path(cf_scope *scope, const way *of)
{
    scope->names =
        cf_grow(scope->names, &scope->name_capacity, of->depth + 1, sizeof *scope->names);
    if (scope->named == of)
        return;
    scope->named = of;
    for (; of->depth; of = of->above)
        scope->names[of->depth - 1] = of->name;
}

/* What lies in a directory that is in is in, in one that is out, out. The patterns are asked where
 * the directory is passed through. */
static cf_include_answer answer_in(cf_scope *scope, const way *above, cf_bytes name, uint8_t kind)
{
    if (above->answer != CF_INCLUDE_PASS)
        return above->answer;
    name_path(scope, above);
    scope->names[above->depth] = name;
    return cf_include_match(scope->include, scope->names, above->depth + 1,
                            kind == CF_KIND_DIRECTORY);
}

static way *way_below(cf_scope *scope, const way *above, const cf_id *directory, cf_bytes name)
{
    way *found = find_way(scope, directory);

    return found
               ? found
               : add_way(scope, &(way){.directory = *directory,
                                       .above = above,
                                       .name = name,
                                       .depth = above->depth + 1,
                                       .answer = answer_in(scope, above, name, CF_KIND_DIRECTORY)});
}

/* A directory that the view does not show has the answer out, and no directory above. */
static way *way_of(cf_scope *scope, const cf_id *directory)
{
    way *found = find_way(scope, directory);
    cf_arena arena = {0};
    cf_tree_place place;

    if (found)
        return found;
    if (cf_id_equal(directory, &cf_root_item))
        found = add_way(scope, &(way){.directory = *directory, .answer = CF_INCLUDE_PASS});
    else if (cf_view_find(scope->view, directory, &arena, &place))
        found = way_below(scope, way_of(scope, &place.directory), directory, place.shown->name);
    else
        found = add_way(scope, &(way){.directory = *directory, .answer = CF_INCLUDE_OUT});
    cf_arena_release(&arena);
    return found;
}

/* ---- What is asked ---- */

cf_include_answer cf_scope_answer(cf_scope *scope, const cf_id *directory, const cf_shown *shown)
{
    return scope ? answer_in(scope, way_of(scope, directory), shown->name, shown->kind)
                 : CF_INCLUDE_IN;
}

cf_include_answer cf_scope_of_directory(cf_scope *scope, const cf_id *directory)
{
    return scope ? way_of(scope, directory)->answer : CF_INCLUDE_IN;
}

static bool leads(cf_scope *scope, way *of);

/* Whether the patterns ask for anything that is shown below a directory which is passed through.
 * All of the directory's own children are asked before those of the directories in it. */
static bool leads_below(cf_scope *scope, const way *of)
{
    const cf_shown *shown;
    cf_arena arena = {0};
    cf_group group;
    size_t count, passed = 0;
    bool found = false;

    cf_view_group_of(scope->view, &of->directory, &arena, &group);
    cf_view_list(scope->view, &group, &arena, &shown, &count);
    way **below = cf_allocate(count, sizeof(way *));
    for (size_t i = 0; !found && i < count; i++) {
        cf_include_answer answer = answer_in(scope, of, shown[i].name, shown[i].kind);

        found = answer == CF_INCLUDE_IN;
        if (answer == CF_INCLUDE_PASS)
            below[passed++] = way_below(scope, of, &shown[i].items[0], shown[i].name);
    }
    cf_arena_release(&arena); /* before the search goes deeper */
    for (size_t i = 0; !found && i < passed; i++)
        found = leads(scope, below[i]);
    free(below);
    return found;
}

/* A directory that is asked for leads to something, even if nothing lies in it. */
static bool leads(cf_scope *scope, way *of)
{
    if (of->answer != CF_INCLUDE_PASS)
        return of->answer == CF_INCLUDE_IN;
    if (!of->is_searched)
        of->leads = leads_below(scope, of);
    of->is_searched = true;
    return of->leads;
}

bool cf_scope_leads(cf_scope *scope, const cf_id *directory)
{
    return !scope || leads(scope, way_of(scope, directory));
}

bool cf_scope_above(cf_scope *scope, const cf_id *directory, cf_id *above)
{
    const way *found = scope ? way_of(scope, directory)->above : NULL;

    if (found)
        *above = found->directory;
    return found != NULL;
}
