/* SPDX-License-Identifier: Apache-2.0 */
/* The base of a binding: what of it is put, dropped, named and held. */
#include "peer/bindings/binding.h"

#include "peer/log/record_names.h"

#include <string.h>

uint64_t cf_binding_new_number(cf_binding *binding)
{
    return binding->next_node++;
}

void cf_binding_put_node(cf_binding *binding, const cf_node *node, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_node_pack(node, &value);
    cf_kv_list_put(records, cf_key_numbered(&arena, CF_TABLE_NODE, binding->number, node->number),
                   cf_buffer_view(&value));
    cf_nodes_put(binding->nodes, node);
    if (node->number >= binding->next_node)
        binding->next_node = node->number + 1;
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_binding_drop_node(cf_binding *binding, uint64_t number, cf_kv_list *records)
{
    cf_arena arena = {0};

    cf_kv_list_delete(records, cf_key_numbered(&arena, CF_TABLE_NODE, binding->number, number));
    cf_nodes_drop(binding->nodes, number);
    cf_arena_release(&arena);
}

void cf_binding_put_row(cf_binding *binding, const cf_row *row, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_row_pack(row, &value);
    cf_kv_list_put(records, cf_key_row(&arena, binding->number, row->table, row->key),
                   cf_buffer_view(&value));
    cf_rows_put(binding->rows, row);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_binding_drop_row(cf_binding *binding, cf_bytes table, cf_bytes key, cf_kv_list *records)
{
    cf_arena arena = {0};

    cf_kv_list_delete(records, cf_key_row(&arena, binding->number, table, key));
    cf_rows_drop(binding->rows, table, key);
    cf_arena_release(&arena);
}

void cf_binding_put_dependant(cf_binding *binding, const cf_row *row, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_row_pack(row, &value);
    cf_kv_list_put(records, cf_key_dependant(&arena, binding->number, &row->item),
                   cf_buffer_view(&value));
    cf_rows_put(binding->dependants, row);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_binding_drop_dependant(cf_binding *binding, const cf_id *item, cf_kv_list *records)
{
    const cf_row *row = cf_rows_of_item(binding->dependants, item);
    cf_arena arena = {0};

    cf_kv_list_delete(records, cf_key_dependant(&arena, binding->number, item));
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
    cf_folder *below = NULL;

    if (count == 0) {
        *out = (cf_hold){root, NULL};
        return CF_OK;
    }
    cf_status status = cf_files_open_below(files, root, names, count, &below, error);
    if (!status)
        *out = (cf_hold){below, below};
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
