/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/binding.h"

#include "peer/adapters/files_root.h"
#include "peer/log/record_names.h"
#include "peer/sources/records/record_include.h"

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
    int number;

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

cf_status cf_base_kept_read(const char *text, cf_base_kept *out, cf_error *error)
{
    int number;

    cf_status status = read_word(text, base_names, "base", &number, error);
    if (!status)
        *out = (cf_base_kept)number;
    return status;
}

static char **copy_texts(const char *const *texts, size_t count)
{
    char **copies = cf_allocate(count, sizeof *copies);

    for (size_t i = 0; i < count; i++)
        copies[i] = strdup(texts[i]);
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
        status = cf_record_include_check(options->include, options->include_count, error);
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
    binding->merges = options->merges;
    binding->path = strdup(options->path);
    binding->include = copy_texts(options->include, options->include_count);
    binding->include_count = options->include_count;
    binding->keys = copy_texts(options->keys, options->key_count);
    binding->key_count = options->key_count;
    binding->map = options->map ? strdup(options->map) : NULL;
    binding->rows = cf_rows_new();
    binding->dependants = cf_rows_new();
    binding->nodes = cf_nodes_new();
    binding->next_node = 1;
    binding->matcher = matcher;
    *out = binding;
    return CF_OK;
}

/* ---- Other options ---- */

static void forget_earlier(cf_binding *binding)
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
    binding->earlier = cf_grow(binding->earlier, &binding->earlier_capacity,
                               binding->earlier_count + 1, sizeof asked);
    binding->earlier[binding->earlier_count++] = asked;
    return CF_OK;
}

void cf_binding_end_earlier(cf_binding *binding)
{
    while (binding->earlier_count)
        forget_earlier(binding);
}

static bool ask_alike(const cf_binding *a, const cf_binding *b)
{
    bool alike = a->include_count == b->include_count;

    for (size_t i = 0; alike && i < a->include_count; i++)
        alike = strcmp(a->include[i], b->include[i]) == 0;
    return alike;
}

static void exchange(cf_binding *binding, cf_binding *trial)
{
    cf_binding before = *binding;

    binding->base = trial->base;
    binding->mode = trial->mode;
    binding->merges = trial->merges;
    binding->include = trial->include;
    binding->include_count = trial->include_count;
    binding->matcher = trial->matcher;
    trial->base = before.base;
    trial->mode = before.mode;
    trial->merges = before.merges;
    trial->include = before.include;
    trial->include_count = before.include_count;
    trial->matcher = before.matcher;
}

cf_status cf_binding_change(cf_peer *peer, cf_binding *binding, cf_binding *trial, cf_error *error)
{
    bool narrows = cf_include_limits(binding->matcher) && !ask_alike(binding, trial);
    cf_status status = CF_OK;

    if (narrows)
        status = cf_binding_note_earlier(binding, (const char *const *)binding->include,
                                         binding->include_count, error);
    if (status)
        return status;
    exchange(binding, trial);
    status = cf_binding_save(peer, binding, error);
    if (!status)
        return CF_OK;
    exchange(binding, trial);
    if (narrows)
        forget_earlier(binding);
    return status;
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
    free_texts((*binding)->keys, (*binding)->key_count);
    free((*binding)->map);
    free((*binding)->path);
    free((*binding)->taken);
    free(*binding);
    *binding = NULL;
}

/* ---- The root ---- */

cf_status cf_binding_open_root(cf_binding *binding, cf_files *files, cf_error *error)
{
    cf_id instance;

    cf_binding_close_root(binding, files);
    cf_status status = files->open_root(files, binding->path, &binding->root, error);
    if (status == CF_MISSING || status == CF_CHANGED)
        return cf_fail(error, CF_MISSING,
                       "%s is not there: nothing of it is synced, nothing is deleted elsewhere",
                       binding->path);
    if (status)
        return error->status = CF_UNSAFE; /* what can't be seen is not gone */
    status = cf_root_read(files, binding->root, &instance, error);
    if (status == CF_MISSING)
        status = cf_fail(error, CF_UNSAFE,
                         "%s is not the folder that was added: its .counterfoil is gone; bring it "
                         "back, or `counterfoil repair %s --refill`",
                         binding->path, binding->path);
    else if (!status && !cf_id_equal(&instance, &binding->instance))
        status = cf_fail(error, CF_UNSAFE, "%s is another folder than the one that was added",
                         binding->path);
    if (!status)
        status = cf_root_open_temporary(files, binding->root, &binding->temporary, error);
    if (status)
        cf_binding_close_root(binding, files);
    return status;
}

void cf_binding_close_root(cf_binding *binding, cf_files *files)
{
    files->close_folder(files, &binding->temporary);
    files->close_folder(files, &binding->root);
}

bool cf_binding_is_folder(const cf_binding *binding)
{
    static const cf_id none;

    return !cf_id_equal(&binding->instance, &none);
}

/* ---- Nodes ---- */

uint64_t cf_binding_new_number(cf_binding *binding)
{
    return binding->next_node++;
}

void cf_binding_put_node(cf_binding *binding, const cf_node *node, cf_records *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_node_pack(node, &value);
    cf_records_put(records, cf_key_numbered(&arena, CF_TABLE_NODE, binding->number, node->number),
                   cf_buffer_view(&value));
    cf_nodes_put(binding->nodes, node);
    if (node->number >= binding->next_node)
        binding->next_node = node->number + 1;
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_binding_drop_node(cf_binding *binding, uint64_t number, cf_records *records)
{
    cf_arena arena = {0};

    cf_records_delete(records, cf_key_numbered(&arena, CF_TABLE_NODE, binding->number, number));
    cf_nodes_drop(binding->nodes, number);
    cf_arena_release(&arena);
}

void cf_binding_put_row(cf_binding *binding, const cf_row *row, cf_records *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_row_pack(row, &value);
    cf_records_put(records, cf_key_row(&arena, binding->number, row->table, row->key),
                   cf_buffer_view(&value));
    cf_rows_put(binding->rows, row);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_binding_drop_row(cf_binding *binding, cf_bytes table, cf_bytes key, cf_records *records)
{
    cf_arena arena = {0};

    cf_records_delete(records, cf_key_row(&arena, binding->number, table, key));
    cf_rows_drop(binding->rows, table, key);
    cf_arena_release(&arena);
}

void cf_binding_put_dependant(cf_binding *binding, const cf_row *row, cf_records *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_row_pack(row, &value);
    cf_records_put(records, cf_key_dependant(&arena, binding->number, &row->item),
                   cf_buffer_view(&value));
    cf_rows_put(binding->dependants, row);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_binding_drop_dependant(cf_binding *binding, const cf_id *item, cf_records *records)
{
    const cf_row *row = cf_rows_of_item(binding->dependants, item);
    cf_arena arena = {0};

    cf_records_delete(records, cf_key_dependant(&arena, binding->number, item));
    if (row)
        cf_rows_drop(binding->dependants, row->table, row->key);
    cf_arena_release(&arena);
}

void cf_binding_path(const cf_binding *binding, uint64_t number, cf_buffer *out)
{
    const cf_node *node = number == CF_NODE_ROOT ? NULL : cf_nodes_find(binding->nodes, number);

    if (!node)
        return;
    size_t before = out->size;
    cf_binding_path(binding, node->parent, out);
    if (out->size > before)
        cf_buffer_append(out, "/", 1);
    cf_buffer_append(out, node->name.data, node->name.size);
}

const char *cf_binding_file_name(const cf_binding *binding)
{
    const char *slash = strrchr(binding->path, '/');

    return slash ? slash + 1 : binding->path;
}

void cf_binding_row_path(const cf_binding *binding, uint8_t kind, cf_bytes table, cf_bytes key,
                         cf_buffer *out)
{
    const size_t before = out->size;

    cf_record_path(kind, table, key, out);
    if (out->size == before)
        cf_buffer_append_text(out, "%s", cf_binding_file_name(binding));
}

cf_status cf_hold_path(cf_files *files, const cf_folder *root, const cf_bytes *names, size_t count,
                       cf_hold *out, cf_error *error)
{
    cf_hold hold = {root, NULL};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++) {
        cf_folder *below = NULL;

        status = files->open_folder(files, hold.folder, names[i], &below, error);
        cf_hold_release(&hold, files);
        hold = (cf_hold){below, below};
    }
    if (!status)
        *out = hold;
    return status;
}

void cf_hold_release(cf_hold *hold, cf_files *files)
{
    files->close_folder(files, &hold->opened);
    hold->folder = NULL;
}

cf_status cf_binding_hold(const cf_binding *binding, cf_files *files, uint64_t number, cf_hold *out,
                          cf_error *error)
{
    cf_bytes names[CF_BINDING_DEPTH_MAX];
    size_t first = CF_BINDING_DEPTH_MAX;

    if (!binding->root)
        return cf_fail(error, CF_MISSING, "%s is not there", binding->path);
    for (uint64_t at = number; at != CF_NODE_ROOT;) {
        const cf_node *node = cf_nodes_find(binding->nodes, at);

        if (!node)
            return cf_fail(error, CF_MISSING, "a directory of %s is gone", binding->path);
        if (first == 0)
            return cf_fail(error, CF_TOO_LARGE, "%s has directories nested more than %d deep",
                           binding->path, CF_BINDING_DEPTH_MAX);
        names[--first] = node->name;
        at = node->parent;
    }
    return cf_hold_path(files, binding->root, names + first, CF_BINDING_DEPTH_MAX - first, out,
                        error);
}
