/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/giving_up.h"

#include "peer/commands/sources.h"

#include <stdlib.h>

typedef struct {
    const char *named;
    cf_binding *binding;
    cf_bytes path;
} given;

struct cf_giving_up {
    cf_arena arena;
    given *paths;
    size_t count;
    bool begun;
    cf_error outcome; /* the first trouble */
};

static bool is_synced(const cf_binding *binding, const cf_id *collections, size_t count)
{
    bool found = !count;

    for (size_t i = 0; i < count; i++)
        found |= cf_id_equal(&binding->collection, &collections[i]);
    return found;
}

static cf_status read_path(const cf_run *run, cf_giving_up *self, const cf_id *collections,
                           size_t count, cf_error *error)
{
    given *path = &self->paths[self->count++];

    cf_status status =
        cf_source_of_path(run, path->named, &self->arena, &path->binding, &path->path, error);
    if (!status && path->binding->format != CF_FORMAT_FILES)
        status = cf_fail(error, CF_USAGE,
                         "%s: only files can be given up; of records delete one, "
                         "where it is",
                         path->named);
    if (!status && !is_synced(path->binding, collections, count))
        status = cf_fail(error, CF_USAGE, "%s is in none of these collections", path->named);
    return status;
}

cf_status cf_giving_up_new(const cf_run *run, const cf_id *collections, size_t count,
                           cf_giving_up **out, cf_error *error)
{
    const char *named;
    size_t at = 0;
    cf_status status = CF_OK;

    *out = NULL;
    if (!cf_options_has(&run->options, "give-up"))
        return CF_OK;
    if (cf_options_has(&run->options, "dry-run"))
        return cf_fail(error, CF_USAGE, "--give-up has to ask who has it: not with --dry-run");
    cf_giving_up *self = cf_allocate(1, sizeof *self);
    self->paths = cf_arena_allocate(&self->arena, run->options.choice_count, sizeof *self->paths);
    while (!status && (named = cf_options_next(&run->options, "give-up", &at))) {
        self->paths[self->count].named = named;
        status = read_path(run, self, collections, count, error);
    }
    if (status)
        cf_giving_up_destroy(&self);
    *out = self;
    return status;
}

void cf_giving_up_destroy(cf_giving_up **giving)
{
    if (!*giving)
        return;
    cf_arena_release(&(*giving)->arena);
    free(*giving);
    *giving = NULL;
}

static cf_status give_up(cf_run *run, const given *path, size_t *count, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    const cf_link *link = cf_engine_link(engine);

    *count = 0;
    if (!link || !cf_link_is_connected(link))
        return cf_fail(error, CF_UNREACHABLE, "%s: without a broker nobody can be asked for it",
                       path->named);
    cf_status status = cf_engine_give_up(engine, path->binding, path->path, count, error);
    if (status) {
        cf_error_while(error, "%s", path->named);
        return status;
    }
    return *count ? CF_OK
                  : cf_fail(error, CF_MISSING, "%s: nothing there waits for what nobody has",
                            path->named);
}

bool cf_giving_up_begin(cf_giving_up *giving, cf_run *run)
{
    bool any = false;

    if (giving->begun)
        return false;
    giving->begun = true;
    for (size_t i = 0; i < giving->count; i++) {
        size_t count;
        cf_error error;

        cf_status status = give_up(run, &giving->paths[i], &count, &error);
        if (status && !giving->outcome.status)
            giving->outcome = error;
        if (count && !run->quiet)
            cf_say(&run->output, "%s: %zu file%s given up", giving->paths[i].named, count,
                   count == 1 ? "" : "s");
        any |= count > 0;
    }
    return any;
}

cf_status cf_giving_up_outcome(const cf_giving_up *giving, cf_error *error)
{
    if (giving->outcome.status)
        *error = giving->outcome;
    return giving->outcome.status;
}
