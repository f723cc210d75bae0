/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/binding.h"

#include "broker/platform/names.h"
#include "codec/pack.h"
#include "peer/bindings/record_pattern.h"

#include <stdio.h>
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

cf_status cf_unique_read(const char *text, bool *out, cf_error *error)
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
    for (size_t i = 0; i < (*binding)->rescued_count; i++)
        cf_buffer_release(&(*binding)->rescued[i].name);
    free((*binding)->rescued);
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

/* /home/ann/my notes -> '/home/ann/my notes' */
void cf_binding_path_word(const cf_binding *binding, cf_buffer *out)
{
    cf_name_word(binding->path, out);
}

const char *cf_binding_path_typed(const cf_binding *binding, char out[CF_PATH_TYPED])
{
    cf_buffer word = {0};

    cf_binding_path_word(binding, &word);
    snprintf(out, CF_PATH_TYPED, "%.*s", (int)word.size, (const char *)word.data);
    if (word.size >= CF_PATH_TYPED)
        snprintf(out, CF_PATH_TYPED, "SOURCE");
    cf_buffer_release(&word);
    return out;
}

/* ---- Where the copies of its base lie ---- */

void cf_binding_put_place(const cf_binding *binding, cf_kv_list *records)
{
    const cf_base_place *place = &binding->place;
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_bytes key = cf_key_source(&arena, CF_TABLE_CACHE, binding->number);

    if (place->dir) {
        cf_pack_array(&value, 2);
        cf_pack_bin(&value, cf_bytes_of_text(place->dir));
        cf_pack_bin(&value, cf_bytes_of(place->id.bytes, CF_ID_SIZE));
        cf_kv_list_put(records, key, cf_buffer_view(&value));
    } else {
        cf_kv_list_delete(records, key);
    }
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

bool cf_binding_place_read(cf_bytes value, cf_base_place *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_arena arena = {0};
    cf_base_place place;
    cf_bytes dir;
    cf_error ignored;
    size_t count;

    const bool is_one = cf_read_array(&reader, &count, &ignored) == CF_OK && count >= 2 &&
                        cf_read_bin(&reader, &dir, &ignored) == CF_OK && dir.size &&
                        cf_read_bin_exact(&reader, place.id.bytes, CF_ID_SIZE, &ignored) == CF_OK;
    if (is_one) {
        place.dir = cf_arena_text(&arena, dir);
        *out = cf_base_place_copy(&place);
    }
    cf_arena_release(&arena);
    return is_one;
}

/* Where that can't be read, new copies go to the home: they are a cache. */
static bool load(void *context, cf_bytes key, cf_bytes value)
{
    (void)key;
    (void)cf_binding_place_read(value, &((cf_binding *)context)->place);
    return true;
}

cf_status cf_binding_load_place(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    return cf_binding_scan(peer, binding, CF_TABLE_CACHE, load, binding, error);
}

/* Of a long path the end is shown: the ways out have to be. */
enum { SHOWN = 48 };

static bool is_long(const char *path)
{
    return strlen(path) > SHOWN;
}

static const char *end_of(const char *path)
{
    return path + (is_long(path) ? strlen(path) - SHOWN : 0);
}

cf_status cf_binding_check_place(const cf_binding *binding, cf_files *files, cf_error *error)
{
    cf_folder *folder = NULL;
    char word[CF_PATH_TYPED];
    cf_error why;

    if (!binding->place.dir)
        return CF_OK;
    cf_status status = cf_base_place_open(files, &binding->place, &folder, &why);
    files->close_folder(files, &folder);
    return status ? cf_fail(error, status,
                            "%s%s waits: %s%s, where its base lies, %s: bring that disk back, or "
                            "begin a new base: `counterfoil set %s --base-dir DIR|default`",
                            is_long(binding->path) ? "..." : "", end_of(binding->path),
                            is_long(binding->place.dir) ? "..." : "", end_of(binding->place.dir),
                            why.text, cf_binding_path_typed(binding, word))
                  : CF_OK;
}
