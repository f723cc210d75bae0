/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/binding.h"

#include "peer/bindings/record_pattern.h"

#include <stdlib.h>
#include <string.h>

static const char *const mode_names[] = {"both", "send", "receive"};
static const char *const base_names[] = {"auto", "full", "leaves"};

static cf_status read_word(const char *text, const char *const names[3], const char *what, int *out,
                           cf_error *error)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return CF_OK;
        }
    return cf_fail(error, CF_USAGE, "unknown %s '%s': %s, %s or %s", what, text, names[0], names[1],
                   names[2]);
}

cf_status cf_mode_read(const char *text, cf_mode *out, cf_error *error)
{
    int number = 0;

    cf_status status = read_word(text, mode_names, "mode", &number, error);
    if (!status)
        *out = (cf_mode)number;
    return status;
}

const char *cf_mode_name(cf_mode mode)
{
    return mode_names[mode];
}

cf_status cf_merges_read(const char *text, bool *out, cf_error *error)
{
    *out = strcmp(text, "text") == 0;
    if (!*out && strcmp(text, "copies") != 0)
        return cf_fail(error, CF_USAGE, "unknown merge '%s': text or copies", text);
    return CF_OK;
}

cf_status cf_unites_read(const char *text, bool *out, cf_error *error)
{
    *out = strcmp(text, "same") == 0;
    return *out || strcmp(text, "apart") == 0
               ? CF_OK
               : cf_fail(error, CF_USAGE, "unknown answer '%s' to --unique: same or apart", text);
}

cf_status cf_base_kept_read(const char *text, cf_base_kept *out, cf_error *error)
{
    int number = 0;

    cf_status status = read_word(text, base_names, "base", &number, error);
    if (!status)
        *out = (cf_base_kept)number;
    return status;
}

static char **copy_texts(const char *const *texts, size_t count)
{
    char **copies = cf_allocate(count, sizeof *copies);

    for (size_t i = 0; i < count; i++)
        copies[i] = cf_text_copy(texts[i]);
    return copies;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

cf_status cf_binding_new(const cf_binding_options *options, cf_binding **out, cf_error *error)
{
    cf_include *matcher;

    bool records = cf_format_is_records(options->format);
    cf_status status = CF_OK;

    if (records)
        status = cf_record_pattern_check(options->include, options->include_count, error);
    if (!status)
        status = cf_table_pattern_check(options->exclude, options->exclude_count, error);
    if (!status)
        status = cf_column_names_check("last", options->last, options->last_count, error);
    if (!status)
        status =
            cf_column_names_check("natural-key", options->natural, options->natural_count, error);
    if (!status)
        status =
            cf_include_new(options->include, records ? 0 : options->include_count, &matcher, error);
    if (status)
        return status;
    cf_binding *binding = cf_allocate(1, sizeof *binding);
    binding->number = options->number;
    binding->collection = options->collection;
    binding->format = options->format;
    binding->mode = options->mode;
    binding->base = options->base;
    binding->place = cf_base_place_copy(&options->place);
    binding->merges = options->merges;
    binding->path = cf_text_copy(options->path);
    binding->include = copy_texts(options->include, options->include_count);
    binding->include_count = options->include_count;
    binding->exclude = copy_texts(options->exclude, options->exclude_count);
    binding->exclude_count = options->exclude_count;
    binding->last = copy_texts(options->last, options->last_count);
    binding->last_count = options->last_count;
    binding->natural = copy_texts(options->natural, options->natural_count);
    binding->natural_count = options->natural_count;
    binding->unites = options->unites;
    binding->keys = copy_texts(options->keys, options->key_count);
    binding->key_count = options->key_count;
    binding->map = cf_text_copy(options->map);
    binding->rows = cf_rows_new();
    binding->dependants = cf_rows_new();
    binding->nodes = cf_nodes_new();
    binding->next_node = 1;
    binding->limit = options->limit;
    binding->poll = options->poll;
    binding->traits = cf_disk_traits_untried;
    binding->matcher = matcher;
    *out = binding;
    return CF_OK;
}

/* ---- Other options ---- */

void cf_binding_forget_earlier(cf_binding *binding)
{
    cf_asked *last = &binding->earlier[--binding->earlier_count];

    cf_include_destroy(&last->matcher);
    free_texts(last->include, last->include_count);
}

cf_status cf_binding_note_earlier(cf_binding *binding, const char *const *include, size_t count,
                                  cf_error *error)
{
    cf_asked asked = {.include_count = count};

    cf_status status = cf_include_new(include, count, &asked.matcher, error);
    if (status)
        return status;
    asked.include = copy_texts(include, count);
    *cf_one_more(binding->earlier, binding->earlier_count, binding->earlier_capacity) = asked;
    return CF_OK;
}

void cf_binding_end_earlier(cf_binding *binding)
{
    while (binding->earlier_count)
        cf_binding_forget_earlier(binding);
}

void cf_binding_exchange(cf_binding *binding, cf_binding *trial)
{
    cf_binding before = *binding;

    binding->base = trial->base;
    binding->place = trial->place;
    binding->mode = trial->mode;
    binding->merges = trial->merges;
    binding->limit = trial->limit;
    binding->poll = trial->poll;
    binding->include = trial->include;
    binding->include_count = trial->include_count;
    binding->exclude = trial->exclude;
    binding->exclude_count = trial->exclude_count;
    binding->last = trial->last;
    binding->last_count = trial->last_count;
    binding->natural = trial->natural;
    binding->natural_count = trial->natural_count;
    binding->unites = trial->unites;
    binding->matcher = trial->matcher;
    trial->base = before.base;
    trial->place = before.place;
    trial->mode = before.mode;
    trial->merges = before.merges;
    trial->limit = before.limit;
    trial->poll = before.poll;
    trial->include = before.include;
    trial->include_count = before.include_count;
    trial->exclude = before.exclude;
    trial->exclude_count = before.exclude_count;
    trial->last = before.last;
    trial->last_count = before.last_count;
    trial->natural = before.natural;
    trial->natural_count = before.natural_count;
    trial->unites = before.unites;
    trial->matcher = before.matcher;
}

cf_status cf_binding_scan(cf_peer *peer, const cf_binding *binding, cf_table_letter table,
                          cf_record_visit *visit, void *context, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};

    cf_status status =
        store->scan(store, cf_peer_user(peer), cf_key_source(&arena, table, binding->number), visit,
                    context, error);
    cf_arena_release(&arena);
    return status;
}

void cf_binding_submit(cf_binding *binding, cf_jobs *jobs, cf_job *job)
{
    cf_job_line_submit(&binding->jobs, jobs, binding->is_remote ? CF_JOBS_OF_REMOTE : SIZE_MAX,
                       job);
}

void cf_binding_close_root(cf_binding *binding, cf_files *files)
{
    files->close_folder(files, &binding->temporary);
    files->close_folder(files, &binding->root);
}

void cf_binding_destroy(cf_binding **binding, cf_files *files)
{
    if (!*binding)
        return;
    cf_binding_close_root(*binding, files);
    cf_rows_destroy(&(*binding)->rows);
    cf_rows_destroy(&(*binding)->dependants);
    cf_nodes_destroy(&(*binding)->nodes);
    cf_include_destroy(&(*binding)->matcher);
    cf_binding_end_earlier(*binding);
    free((*binding)->earlier);
    for (size_t i = 0; i < (*binding)->owed_count; i++)
        cf_buffer_release(&(*binding)->owed[i].name);
    free((*binding)->owed);
    free_texts((*binding)->include, (*binding)->include_count);
    free_texts((*binding)->exclude, (*binding)->exclude_count);
    free_texts((*binding)->last, (*binding)->last_count);
    free_texts((*binding)->natural, (*binding)->natural_count);
    free_texts((*binding)->keys, (*binding)->key_count);
    cf_base_place_release(&(*binding)->place);
    free((*binding)->map);
    free((*binding)->path);
    free((*binding)->taken);
    for (size_t side = 0; side < 2; side++)
        cf_recent_release(&(*binding)->recent[side]);
    free((*binding)->lifted.at);
    free((*binding)->shut.at);
    free(*binding);
    *binding = NULL;
}

bool cf_binding_is_folder(const cf_binding *binding)
{
    static const cf_id none;

    return !cf_id_equal(&binding->instance, &none);
}
