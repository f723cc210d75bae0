/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/binding.h"

#include "codec/pack.h"
#include "peer/adapters/files_root.h"

#include <stdlib.h>

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

cf_status cf_base_kept_read(const char *text, cf_base_kept *out, cf_error *error)
{
    int number;

    cf_status status = read_word(text, base_names, "base", &number, error);
    if (!status)
        *out = (cf_base_kept)number;
    return status;
}

/* ---- Records ---- */

cf_status cf_binding_new(const cf_binding_options *options, cf_binding **out, cf_error *error)
{
    cf_include *matcher;

    cf_status status = cf_include_new(options->include, options->include_count, &matcher, error);
    if (status)
        return status;
    cf_binding *binding = cf_allocate(1, sizeof *binding);
    binding->number = options->number;
    binding->collection = options->collection;
    binding->mode = options->mode;
    binding->base = options->base;
    binding->path = strdup(options->path);
    binding->include = cf_allocate(options->include_count, sizeof *binding->include);
    for (size_t i = 0; i < options->include_count; i++)
        binding->include[i] = strdup(options->include[i]);
    binding->include_count = options->include_count;
    binding->nodes = cf_nodes_new();
    binding->next_node = 1;
    binding->matcher = matcher;
    *out = binding;
    return CF_OK;
}

void cf_binding_destroy(cf_binding **binding, cf_files *files)
{
    if (!*binding)
        return;
    cf_binding_close_root(*binding, files);
    cf_nodes_destroy(&(*binding)->nodes);
    cf_include_destroy(&(*binding)->matcher);
    for (size_t i = 0; i < (*binding)->include_count; i++)
        free((*binding)->include[i]);
    free((*binding)->include);
    free((*binding)->path);
    free(*binding);
    *binding = NULL;
}

void cf_binding_put(const cf_binding *binding, cf_records *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_pack_array(&value, 8);
    cf_pack_bin(&value, cf_bytes_of(binding->collection.bytes, CF_ID_SIZE));
    cf_pack_uint(&value, binding->format);
    cf_pack_uint(&value, binding->mode);
    cf_pack_uint(&value, binding->base);
    cf_pack_bin(&value, cf_bytes_of_text(binding->path));
    cf_pack_bin(&value, cf_bytes_of(binding->instance.bytes, CF_ID_SIZE));
    cf_pack_uint(&value, binding->next_node);
    cf_pack_array(&value, binding->include_count);
    for (size_t i = 0; i < binding->include_count; i++)
        cf_pack_bin(&value, cf_bytes_of_text(binding->include[i]));
    cf_records_put(records, cf_key_source(&arena, CF_TABLE_SOURCE, binding->number),
                   cf_buffer_view(&value));
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static cf_status read_include(cf_reader *reader, cf_arena *arena, cf_binding_options *options,
                              cf_error *error)
{
    size_t count;

    cf_status status = cf_read_array(reader, &count, error);
    if (status)
        return status;
    const char **patterns = cf_arena_allocate(arena, count, sizeof *patterns);
    for (size_t i = 0; !status && i < count; i++) {
        cf_bytes pattern;

        status = cf_read_bin(reader, &pattern, error);
        if (!status)
            patterns[i] = cf_arena_text(arena, pattern);
    }
    options->include = patterns;
    options->include_count = count;
    return status;
}

static cf_status read_binding(uint32_t number, cf_bytes value, cf_binding **out, cf_error *error)
{
    cf_arena arena = {0};
    cf_reader reader = cf_reader_of(value);
    cf_binding_options options = {.number = number};
    uint64_t format, mode, base, next;
    cf_id instance;
    cf_bytes path;
    size_t count;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status && count != 8)
        status = cf_fail(error, CF_BROKEN, "the record of source %u has %zu parts", number, count);
    if (!status)
        status = cf_read_bin_exact(&reader, options.collection.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(&reader, &format, error);
    if (!status)
        status = cf_read_uint(&reader, &mode, error);
    if (!status)
        status = cf_read_uint(&reader, &base, error);
    if (!status)
        status = cf_read_bin(&reader, &path, error);
    if (!status)
        status = cf_read_bin_exact(&reader, instance.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(&reader, &next, error);
    if (!status)
        status = read_include(&reader, &arena, &options, error);
    if (!status && (format != CF_FORMAT_FILES || mode > CF_MODE_RECEIVE || base > CF_BASE_LEAVES))
        status = cf_fail(error, CF_BROKEN, "the record of source %u is of a newer program", number);
    if (!status) {
        options.mode = (cf_mode)mode;
        options.base = (cf_base_kept)base;
        options.path = cf_arena_text(&arena, path);
        status = cf_binding_new(&options, out, error);
    }
    if (!status) {
        (*out)->instance = instance;
        (*out)->next_node = next;
    }
    cf_arena_release(&arena);
    return status == CF_MALFORMED ? CF_BROKEN : status;
}

typedef struct {
    cf_peer *peer;
    cf_binding **bindings;
    size_t count, capacity;
    cf_status status;
    cf_error *error;
} loading;

static bool load_binding(void *context, cf_bytes key, cf_bytes value)
{
    loading *load = context;
    cf_binding *binding;

    if (key.size != 5)
        return true;
    load->status = read_binding(cf_get_u32(key.data + 1), value, &binding, load->error);
    if (load->status)
        return false;
    load->bindings =
        cf_grow(load->bindings, &load->capacity, load->count + 1, sizeof(cf_binding *));
    load->bindings[load->count++] = binding;
    return true;
}

typedef struct {
    cf_binding *binding;
    cf_status status;
    cf_error *error;
} node_loading;

static bool load_node(void *context, cf_bytes key, cf_bytes value)
{
    node_loading *load = context;
    cf_arena arena = {0};
    cf_node node;

    (void)key;
    load->status = cf_node_read(value, &arena, &node, load->error);
    if (!load->status) {
        cf_nodes_put(load->binding->nodes, &node);
        if (node.number >= load->binding->next_node)
            load->binding->next_node = node.number + 1;
    }
    cf_arena_release(&arena);
    return load->status == CF_OK;
}

static cf_status load_nodes(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    node_loading load = {binding, CF_OK, error};

    cf_status status =
        store->scan(store, cf_peer_user(peer),
                    cf_key_source(&arena, CF_TABLE_NODE, binding->number), load_node, &load, error);
    cf_arena_release(&arena);
    if (!status && load.status) {
        error->status = status = CF_BROKEN;
        cf_error_while(error, "the base of %s (`counterfoil repair` mends it from the log)",
                       binding->path);
    }
    return status;
}

cf_status cf_bindings_load(cf_peer *peer, cf_binding ***out, size_t *count, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    const uint8_t table = CF_TABLE_SOURCE;
    loading load = {.peer = peer, .error = error};

    cf_status status =
        store->scan(store, cf_peer_user(peer), cf_bytes_of(&table, 1), load_binding, &load, error);
    if (!status)
        status = load.status;
    for (size_t i = 0; !status && i < load.count; i++)
        status = load_nodes(peer, load.bindings[i], error);
    if (status) {
        for (size_t i = 0; i < load.count; i++)
            cf_binding_destroy(&load.bindings[i], peer->env->files);
        free(load.bindings);
        return status;
    }
    *out = load.bindings;
    *count = load.count;
    return CF_OK;
}

cf_status cf_binding_save(cf_peer *peer, const cf_binding *binding, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_records records = {0};

    cf_binding_put(binding, &records);
    cf_status status =
        store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    cf_records_release(&records);
    return status;
}

static bool drop_key(void *context, cf_bytes key, cf_bytes value)
{
    (void)value;
    cf_records_delete(context, key);
    return true;
}

cf_status cf_binding_drop(cf_peer *peer, const cf_binding *binding, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_records records = {0};
    cf_arena arena = {0};
    const cf_table_letter tables[] = {CF_TABLE_SOURCE, CF_TABLE_NODE, CF_TABLE_INTENT};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < sizeof tables / sizeof tables[0]; i++)
        status = store->scan(store, cf_peer_user(peer),
                             cf_key_source(&arena, tables[i], binding->number), drop_key, &records,
                             error);
    if (!status)
        status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    cf_arena_release(&arena);
    cf_records_release(&records);
    return status;
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
