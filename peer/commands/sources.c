/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/sources.h"
#include "peer/commands/keep_shown.h"

#include "peer/bindings/files_root.h"
#include "peer/log/catalog_renamed.h"
#include "peer/sources/records/record_include.h"
#include "peer/sources/records/record_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cf_binding *cf_source_at(cf_engine *engine, const char *path)
{
    for (size_t i = 0; i < cf_engine_binding_count(engine); i++)
        if (strcmp(cf_engine_binding_at(engine, i)->path, path) == 0)
            return cf_engine_binding_at(engine, i);
    return NULL;
}

cf_binding *cf_source_of_collection(cf_engine *engine, const cf_id *collection)
{
    for (size_t i = 0; i < cf_engine_binding_count(engine); i++)
        if (cf_id_equal(&cf_engine_binding_at(engine, i)->collection, collection))
            return cf_engine_binding_at(engine, i);
    return NULL;
}

cf_binding *cf_source_taken_off(const cf_run *run, const char *path)
{
    cf_binding *binding = cf_source_at(cf_loop_engine(run->loop), path);
    cf_catalog_deletion ignored;

    return binding && cf_catalog_deleted(cf_loop_peer(run->loop), &binding->collection, &ignored)
               ? binding
               : NULL;
}

cf_status cf_source_named(const cf_run *run, const char *name, cf_binding **out, cf_error *error)
{
    cf_buffer path = {0};

    cf_status status = cf_run_path(run, name, &path, error);
    if (!status) {
        *out = cf_source_at(cf_loop_engine(run->loop), (const char *)path.data);
        if (!*out)
            status = cf_fail(error, CF_MISSING,
                             "%s is no source: `counterfoil collections` lists "
                             "them",
                             name);
    }
    cf_buffer_release(&path);
    return status;
}

static const char *bare(const char *name, cf_arena *arena)
{
    const size_t size = strlen(name);
    const bool marked = size > 2 && strcmp(name + size - 2, "//") == 0;

    return cf_arena_text(arena, cf_bytes_of(name, marked ? size - 2 : size));
}

static cf_status refuse_several(cf_binding *const *bindings, size_t count, const cf_id *collection,
                                const char *name, cf_error *error)
{
    cf_buffer paths = {0};

    for (size_t i = 0; i < count; i++)
        if (cf_id_equal(&bindings[i]->collection, collection))
            cf_buffer_append_text(&paths, "%s%s", paths.size ? ", " : "", bindings[i]->path);
    cf_buffer_append(&paths, "", 1);
    cf_status status = cf_fail(error, CF_USAGE, "'%s' has several sources here, say which: %s",
                               name, (const char *)paths.data);
    cf_buffer_release(&paths);
    return status;
}

/* One that was taken off the list, and still has a source here. */
static bool find_deleted(cf_peer *peer, cf_binding *const *bindings, size_t count, const char *name,
                         cf_catalog_collection *out)
{
    cf_arena arena = {0};
    bool is_found = false;

    for (size_t i = 0; !is_found && i < count; i++) {
        const cf_id *collection = &bindings[i]->collection;

        is_found = strcmp(cf_catalog_name(peer, collection, &arena), name) == 0;
        *out = (cf_catalog_collection){.id = *collection, .name = name};
    }
    cf_arena_release(&arena);
    return is_found;
}

cf_status cf_source_of_name(cf_peer *peer, cf_binding *const *bindings, size_t count,
                            const char *name, cf_binding **out, cf_error *error)
{
    cf_arena arena = {0};
    cf_catalog_collection found;
    size_t sources = 0;

    cf_status status = cf_catalog_find(peer, bare(name, &arena), &arena, &found, error);
    if (status == CF_MISSING && find_deleted(peer, bindings, count, bare(name, &arena), &found))
        status = CF_OK;
    for (size_t i = 0; !status && i < count; i++)
        if (cf_id_equal(&bindings[i]->collection, &found.id) && ++sources)
            *out = bindings[i];
    if (status == CF_MISSING && !cf_catalog_say_taken_off(peer, bare(name, &arena), error) &&
        !cf_catalog_say_renamed(peer, bare(name, &arena), error))
        cf_fail(error, CF_MISSING, "%s is no source: `counterfoil collections` lists them", name);
    else if (!status && !sources)
        status = cf_fail(error, CF_MISSING,
                         "'%s' has no source here: `counterfoil add SOURCE --collection %s`",
                         found.name, found.name);
    else if (sources > 1)
        status = refuse_several(bindings, count, &found.id, found.name, error);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_source_wanted(const cf_run *run, const char *name, cf_binding **out, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_status status = cf_source_named(run, name, out, error);

    if (status != CF_MISSING)
        return status;
    const size_t count = cf_engine_binding_count(engine);
    cf_binding **bindings = cf_allocate(count + 1, sizeof *bindings);
    for (size_t i = 0; i < count; i++)
        bindings[i] = cf_engine_binding_at(engine, i);
    status = cf_source_of_name(cf_loop_peer(run->loop), bindings, count, name, out, error);
    free(bindings);
    return status;
}

cf_status cf_source_find_collection(const cf_run *run, const char *name, cf_arena *arena,
                                    cf_catalog_collection *out, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_engine *engine = cf_loop_engine(run->loop);
    const cf_status status = cf_catalog_find(peer, name, arena, out, error);

    for (size_t i = 0; status == CF_MISSING && i < cf_engine_binding_count(engine); i++) {
        cf_binding *binding = cf_engine_binding_at(engine, i);

        if (find_deleted(peer, &binding, 1, name, out))
            return CF_OK;
    }
    return status;
}

void cf_source_explain_missing(const cf_run *run, const char *name, cf_error *error)
{
    const char *slashes = strstr(name, "//");
    cf_arena arena = {0};
    cf_catalog_collection found;
    cf_error ignored;

    const char *collection =
        slashes ? cf_arena_text(&arena, cf_bytes_of(name, (size_t)(slashes - name))) : name;
    if (!cf_catalog_say_taken_off(cf_loop_peer(run->loop), bare(name, &arena), error)) {
        if (cf_source_find_collection(run, collection, &arena, &found, &ignored) == CF_OK)
            cf_keep_check(run, &found, error);
        else
            cf_catalog_say_renamed(cf_loop_peer(run->loop), collection, error);
    }
    cf_arena_release(&arena);
}

void cf_source_say_none(const cf_run *run)
{
    cf_catalog_collection *list;
    cf_arena arena = {0};
    size_t count = 0;
    cf_error ignored;

    if (cf_engine_binding_count(cf_loop_engine(run->loop)) || run->quiet ||
        cf_peer_is_relay(cf_loop_peer(run->loop)))
        return;
    if (cf_catalog_list(cf_loop_peer(run->loop), &arena, &list, &count, &ignored) == CF_OK && count)
        cf_say(&run->output,
               "nothing is under sync here: `counterfoil collections` lists %zu of this user's; "
               "`counterfoil add SOURCE --existing --collection NAME` takes one",
               count);
    else
        cf_say(&run->output, "nothing is under sync here: `counterfoil add SOURCE`");
    cf_arena_release(&arena);
}

cf_status cf_source_release(const cf_env *env, const char *path, const cf_id *instance,
                            cf_error *error)
{
    cf_files *files = env->files;
    cf_folder *root = NULL;
    cf_id found;

    cf_status status = files->open_root(files, path, &root, error);
    if (!status)
        status = cf_root_read(files, root, &found, error);
    if (!status && cf_id_equal(&found, instance))
        status = cf_root_remove(files, root, error);
    files->close_folder(files, &root);
    return status == CF_MISSING || status == CF_BROKEN || status == CF_CHANGED ? CF_OK : status;
}

bool cf_path_is_in(const char *path, const char *folder)
{
    size_t size = strlen(folder);

    if (strcmp(folder, "/") == 0)
        return true;
    return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* Resolves all but the last component. */
static cf_status resolve(const cf_run *run, const char *path, cf_buffer *out, cf_error *error)
{
    char *copy = cf_text_copy(path);
    size_t size = strlen(copy);

    while (size > 1 && copy[size - 1] == '/')
        copy[--size] = '\0';
    char *slash = strrchr(copy, '/');
    const char *last = slash ? slash + 1 : copy;
    cf_status status = CF_OK;

    if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        status = cf_run_path(run, path, out, error);
    } else {
        if (slash)
            *slash = '\0';
        status = cf_run_path(run, !slash ? "." : *copy ? copy : "/", out, error);
        if (!status) {
            out->size--; /* the NUL */
            cf_buffer_append_text(out, "%s%s", out->size > 1 ? "/" : "", last);
            cf_buffer_append(out, "", 1);
        }
    }
    free(copy);
    return status;
}

cf_status cf_source_of_path(const cf_run *run, const char *path, cf_arena *arena, cf_binding **out,
                            cf_bytes *rest, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_buffer resolved = {0};

    *out = NULL;
    *rest = (cf_bytes){0};
    cf_status status = resolve(run, path, &resolved, error);
    for (size_t i = 0; !status && i < cf_engine_binding_count(engine); i++) {
        cf_binding *binding = cf_engine_binding_at(engine, i);

        if (!cf_path_is_in((const char *)resolved.data, binding->path))
            continue;
        const char *below = (const char *)resolved.data + strlen(binding->path);
        *out = binding;
        *rest = cf_arena_copy(arena, cf_bytes_of_text(below + (*below == '/')));
    }
    if (!status && !*out) /* a source that is itself named by a link */
        status = cf_source_named(run, path, out, error);
    if (!status && !rest->data)
        *rest = cf_bytes_of("", 0);
    if (status == CF_MISSING)
        cf_fail(error, CF_MISSING, "%s lies in no source: `counterfoil collections` lists them",
                path);
    cf_buffer_release(&resolved);
    return status;
}

static cf_status choose_poll(const char *text, cf_poll_word *out, cf_error *error)
{
    uint64_t period_ms;

    *out = (cf_poll_word){0};
    if (strcmp(text, "default") == 0)
        return CF_OK;
    cf_status status = cf_duration_read(text, &period_ms, error);
    return status ? status : cf_poll_word_of(period_ms, out, error);
}

/* Every value of the option; false: it was not given. */
static bool choose_list(const cf_run *run, const char *option, cf_arena *arena,
                        const char *const **out, size_t *count)
{
    const char **values = cf_arena_allocate(arena, run->options.choice_count + 1, sizeof *values);
    size_t at = 0, found = 0;

    while ((values[found] = cf_options_next(&run->options, option, &at)))
        found++;
    if (found) {
        *out = values;
        *count = found;
    }
    return found > 0;
}

/* The same of a database; "default" alone takes back what was said. */
static cf_status choose_names(const cf_run *run, const char *option, cf_arena *arena,
                              cf_format format, const char *const **out, size_t *count,
                              cf_error *error)
{
    char names[CF_FORMATS_TEXT];

    if (!choose_list(run, option, arena, out, count))
        return CF_OK;
    if (!cf_adapter_has_own_tables(cf_adapter_of(format)))
        return cf_fail(error, CF_USAGE, "--%s goes with --format %s: it speaks of tables", option,
                       cf_format_names(cf_adapter_has_own_tables, names));
    if (*count == 1 && strcmp((*out)[0], "default") == 0)
        *count = 0;
    return CF_OK;
}

static cf_status choose_unique(const cf_run *run, cf_binding_options *out, cf_error *error)
{
    const char *unique = cf_options_value(&run->options, "unique");
    char names[CF_FORMATS_TEXT];

    if (!unique)
        return CF_OK;
    if (!cf_adapter_has_own_tables(cf_adapter_of(out->format)))
        return cf_fail(error, CF_USAGE, "--unique goes with --format %s: it speaks of columns",
                       cf_format_names(cf_adapter_has_own_tables, names));
    return cf_unique_read(unique, &out->unites, error);
}

static cf_status choose_tables(const cf_run *run, cf_arena *arena, cf_binding_options *out,
                               cf_error *error)
{
    cf_status status =
        choose_names(run, "exclude", arena, out->format, &out->exclude, &out->exclude_count, error);

    if (!status)
        status = choose_names(run, "last", arena, out->format, &out->last, &out->last_count, error);
    if (!status)
        status = choose_names(run, "natural-key", arena, out->format, &out->natural,
                              &out->natural_count, error);
    if (!status)
        status = choose_unique(run, out, error);
    return status;
}

cf_status cf_source_choose(const cf_run *run, cf_arena *arena, cf_binding_options *out,
                           cf_error *error)
{
    const char *base = cf_options_value(&run->options, "base");
    const char *mode = cf_options_value(&run->options, "mode");
    const char *merge = cf_options_value(&run->options, "merge");
    const char *limit = cf_options_value(&run->options, "max-delete");
    const char *poll = cf_options_value(&run->options, "poll");
    cf_status status = CF_OK;

    if (base)
        status = cf_base_kept_read(base, &out->base, error);
    if (!status && mode)
        status = cf_mode_read(mode, &out->mode, error);
    if (!status && merge)
        status = cf_merges_read(merge, &out->merges, error);
    if (!status && limit && strcmp(limit, "default") == 0)
        out->limit = (cf_delete_word){0};
    else if (!status && limit)
        status = cf_delete_word_read(limit, &out->limit, error);
    if (!status && poll)
        status = choose_poll(poll, &out->poll, error);
    if (!status && choose_list(run, "include", arena, &out->include, &out->include_count))
        status =
            cf_record_include_check_tables(out->format, out->include, out->include_count, error);
    return status ? status : choose_tables(run, arena, out, error);
}

/* One of them, as a line of a .gitignore would leave something out. */
static const char *negation_of(const cf_binding *binding)
{
    for (size_t i = 0; i < binding->include_count; i++)
        if (binding->include[i][0] == '!')
            return binding->include[i];
    return NULL;
}

cf_status cf_source_check_asked(const cf_run *run, cf_binding *trial, bool is_new, cf_error *error)
{
    bool asks_for_none = false;

    if (cf_options_has(&run->options, "natural-key") || cf_options_has(&run->options, "last"))
        return cf_record_source_check_columns(cf_loop_env(run->loop)->files, trial, error);
    if (cf_format_is_records(trial->format) || !cf_options_has(&run->options, "include") ||
        cf_options_has(&run->options, "yes"))
        return CF_OK;
    cf_status status =
        cf_compare_asks_for_none(cf_loop_peer(run->loop), trial, is_new, &asks_for_none, error);
    if (status || !asks_for_none)
        return status;
    const char *negation = negation_of(trial);
    return cf_fail(error, CF_UNSAFE,
                   "--include %.80s asks for none of what is in %.160s%s: --yes says that this is "
                   "meant%s",
                   negation ? negation : trial->include[0], trial->path,
                   is_new ? "" : " or in the collection",
                   negation ? " (a pattern says what is asked for, '!' leaves nothing out)" : "");
}

/* ---- Disks ---- */

static bool tells_disk(const cf_binding *binding)
{
    return !cf_format_is_records(binding->format) && binding->disk.system.type;
}

json_t *cf_source_disk_json(const cf_binding *binding)
{
    const cf_disk_traits *traits = &binding->traits;

    if (!tells_disk(binding))
        return json_null();
    return json_pack("{s:b, s:b, s:b, s:b, s:I, s:b, s:b, s:b, s:b, s:b, s:I}", "modes",
                     (int)!traits->loses_modes, "links", (int)!traits->loses_symlinks, "hard_links",
                     (int)!traits->loses_hardlinks, "times", (int)!traits->loses_times, "time_step",
                     (json_int_t)traits->time_step_ns, "folds_case", (int)traits->folds_case,
                     "folds_unicode", (int)traits->folds_unicode, "changes_names",
                     (int)traits->changes_names, "refuses_names", (int)traits->refuses_names,
                     "numbers_last", (int)!traits->renumbers, "size_refused",
                     (json_int_t)traits->size_refused);
}

void cf_source_print_disk(const cf_output *output, const char *before, const cf_binding *binding)
{
    cf_buffer text = {0};

    if (tells_disk(binding))
        cf_disk_traits_text(&binding->traits, &text);
    if (text.size)
        cf_print(output, "%s%.*s\n", before, (int)text.size, (const char *)text.data);
    cf_buffer_release(&text);
}

void cf_source_print_poll(const cf_output *output, const char *before, const cf_binding *binding)
{
    const uint64_t period_ms = cf_binding_poll_ms(binding);
    char text[CF_POLL_TEXT];

    cf_poll_show(period_ms, text);
    if (period_ms && !binding->poll.given)
        cf_print(output,
                 "%sits disk may be changed from elsewhere: all of it is looked at every %s\n",
                 before, text);
}

void cf_source_poll_text(const cf_binding *binding, char text[CF_SOURCE_POLL_TEXT])
{
    char period[CF_POLL_TEXT];

    cf_poll_show(binding->poll.period_ms, period);
    snprintf(text, CF_SOURCE_POLL_TEXT, "%s%s", binding->poll.given ? ", --poll " : "",
             binding->poll.given ? period : "");
}
