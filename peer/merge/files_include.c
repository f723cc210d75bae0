/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern is a list of components, matched from the root: `**` stands for any number of
 * directories, and a pattern that begins elsewhere than at the root begins with one. */
#include "peer/merge/files_include.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "codec/arena.h"
#include "codec/limits.h"

typedef struct {
    char **components; /* a pattern without a slash begins with "**" */
    size_t count;
    bool directory_only;
} pattern;

struct cf_include {
    cf_arena arena;
    pattern *patterns;
    size_t count;
};

static bool any_depth(const char *component)
{
    return strcmp(component, "**") == 0;
}

/* Of several "**" one behind the other the first stands for all. */
static void add_component(cf_arena *arena, pattern *into, cf_bytes component)
{
    char *text = cf_arena_text(arena, component);

    if (into->count && any_depth(text) && any_depth(into->components[into->count - 1]))
        return;
    into->components[into->count++] = text;
}

/* An empty component, "." and ".." are no file's name: such a pattern is refused. */
static bool can_match(cf_bytes component)
{
    return component.size > 0 && !cf_bytes_equal(component, cf_bytes_of_text(".")) &&
           !cf_bytes_equal(component, cf_bytes_of_text(".."));
}

/* A pattern without a slash is looked for at any depth; of one that ends with a slash only
 * directories are. */
static cf_status read_pattern(cf_arena *arena, const char *text, pattern *out, cf_error *error)
{
    const char *at = text;
    size_t size = strlen(text);

    out->directory_only = size > 0 && text[size - 1] == '/';
    if (out->directory_only)
        size--;
    out->components = cf_arena_allocate(arena, size + 2, sizeof *out->components);
    if (!memchr(text, '/', size))
        add_component(arena, out, cf_bytes_of_text("**"));
    else if (text[0] == '/')
        at++;
    for (const char *end = text + size; at <= end;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        cf_bytes component = cf_bytes_of(at, (size_t)((slash ? slash : end) - at));

        if (!can_match(component))
            return cf_fail(error, CF_USAGE, "the pattern '%s' can never match", text);
        add_component(arena, out, component);
        at += component.size + 1;
    }
    return CF_OK;
}

cf_status cf_include_new(const char *const *patterns, size_t count, cf_include **out,
                         cf_error *error)
{
    cf_include *include = cf_allocate(1, sizeof *include);
    cf_status status = CF_OK;

    include->count = count;
    include->patterns = cf_arena_allocate(&include->arena, count, sizeof *include->patterns);
    for (size_t i = 0; i < count && status == CF_OK; i++)
        status = read_pattern(&include->arena, patterns[i], &include->patterns[i], error);
    if (status)
        cf_include_destroy(&include);
    else
        *out = include;
    return status;
}

void cf_include_destroy(cf_include **include)
{
    if (!include || !*include)
        return;
    cf_arena_release(&(*include)->arena);
    free(*include);
    *include = NULL;
}

bool cf_include_limits(const cf_include *include)
{
    return include && include->count;
}

/* A name that is longer than CF_NAME_MAX matches nothing but "**". */
static bool component_matches(const char *component, cf_bytes name)
{
    char text[CF_NAME_MAX + 1];

    if (name.size > CF_NAME_MAX)
        return false;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return fnmatch(component, text, 0) == 0;
}

typedef struct {
    const cf_bytes *path;
    size_t count;
    bool directory;
} subject;

/* IN: the pattern's components from `at` on match the path from `depth` on, or a directory of it.
 * PASS: the path ends before the pattern does. */
static cf_include_answer match_from(const pattern *wanted, size_t at, const subject *what,
                                    size_t depth)
{
    if (at == wanted->count) {
        bool whole = depth == what->count;
        return whole && wanted->directory_only && !what->directory ? CF_INCLUDE_OUT : CF_INCLUDE_IN;
    }
    if (depth == what->count)
        return CF_INCLUDE_PASS;
    if (!any_depth(wanted->components[at]))
        return component_matches(wanted->components[at], what->path[depth])
                   ? match_from(wanted, at + 1, what, depth + 1)
                   : CF_INCLUDE_OUT;
    cf_include_answer none = at + 1 < wanted->count ? match_from(wanted, at + 1, what, depth)
                                                    : match_from(wanted, at + 1, what, depth + 1);
    cf_include_answer more = match_from(wanted, at, what, depth + 1);
    return none > more ? none : more;
}

cf_include_answer cf_include_match(const cf_include *include, const cf_bytes *path, size_t count,
                                   bool directory)
{
    const subject what = {.path = path, .count = count, .directory = directory};
    cf_include_answer best = include->count ? CF_INCLUDE_OUT : CF_INCLUDE_IN;

    for (size_t i = 0; i < include->count && best < CF_INCLUDE_IN; i++) {
        cf_include_answer answer = match_from(&include->patterns[i], 0, &what, 0);

        if (answer > best)
            best = answer;
    }
    return best == CF_INCLUDE_PASS && !directory ? CF_INCLUDE_OUT : best;
}

cf_include_answer cf_include_match_path(const cf_include *include, cf_bytes path, bool directory)
{
    cf_bytes *names = cf_allocate(path.size / 2 + 1, sizeof *names);
    size_t count = 0;

    for (size_t at = 0; at < path.size; at += names[count++].size + 1) {
        const uint8_t *from = path.data + at;
        const uint8_t *slash = memchr(from, '/', path.size - at);

        names[count] = cf_bytes_of(from, slash ? (size_t)(slash - from) : path.size - at);
    }
    cf_include_answer answer = cf_include_match(include, names, count, directory);
    free(names);
    return answer;
}
