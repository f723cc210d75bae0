/* SPDX-License-Identifier: Apache-2.0 */
/* What is believed of a node's record: indexes within their tables, numbers within their range, and
 * never the root's number. Equal refs are equal bytes: they are packed in one order. Of a file
 * whose record says nothing of it, coarse times mean that a save may have been missed. */
#include "peer/merge/node.h"

#include <assert.h>
#include <stdlib.h>

#include "codec/limits.h"
#include "peer/merge/fields.h"
#include "peer/merge/node_stat.h"
#include "peer/merge/rules.h"

/* Packed refs: [ids, dots, refs], a ref being [index of the item, index of the holder, field,
 * index of the dot]. */
typedef struct {
    size_t count;
    cf_id *ids;
    cf_dot *dots;
    size_t id_count, dot_count;
} ref_tables;

static size_t id_index(ref_tables *tables, const cf_id *id)
{
    size_t i = 0;

    while (i < tables->id_count && !cf_id_equal(&tables->ids[i], id))
        i++;
    if (i == tables->id_count)
        tables->ids[tables->id_count++] = *id;
    return i;
}

static size_t dot_index(ref_tables *tables, const cf_dot *dot)
{
    size_t i = 0;

    while (i < tables->dot_count && !cf_dot_equal(&tables->dots[i], dot))
        i++;
    if (i == tables->dot_count)
        tables->dots[tables->dot_count++] = *dot;
    return i;
}

static void pack_dot(cf_buffer *out, const cf_dot *dot)
{
    cf_pack_array(out, 3);
    cf_pack_bin(out, cf_bytes_of(dot->writer.bytes, CF_ID_SIZE));
    cf_pack_uint(out, dot->sequence);
    cf_pack_bin(out, cf_bytes_of(dot->hash, sizeof dot->hash));
}

static int compare_refs(const void *left, const void *right)
{
    const cf_ref *a = left, *b = right;
    int order = cf_id_compare(&a->item, &b->item);

    if (order == 0)
        order = cf_bytes_compare(a->field, b->field);
    if (order == 0)
        order = cf_dot_compare(&a->dot, &b->dot);
    return order ? order : cf_id_compare(&a->holder, &b->holder);
}

void cf_refs_pack(cf_buffer *out, const cf_ref *unsorted, size_t count)
{
    ref_tables tables = {
        .count = count,
        .ids = cf_allocate(2 * count, sizeof(cf_id)),
        .dots = cf_allocate(count, sizeof(cf_dot)),
    };
    cf_ref *refs = cf_allocate(count, sizeof *refs);

    for (size_t i = 0; i < count; i++)
        refs[i] = unsorted[i];
    qsort(refs, count, sizeof *refs, compare_refs);
    for (size_t i = 0; i < count; i++) {
        id_index(&tables, &refs[i].item);
        id_index(&tables, &refs[i].holder);
        dot_index(&tables, &refs[i].dot);
    }
    cf_pack_array(out, 3);
    cf_pack_array(out, tables.id_count);
    for (size_t i = 0; i < tables.id_count; i++)
        cf_pack_bin(out, cf_bytes_of(tables.ids[i].bytes, CF_ID_SIZE));
    cf_pack_array(out, tables.dot_count);
    for (size_t i = 0; i < tables.dot_count; i++)
        pack_dot(out, &tables.dots[i]);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++) {
        cf_pack_array(out, 4);
        cf_pack_uint(out, id_index(&tables, &refs[i].item));
        cf_pack_uint(out, id_index(&tables, &refs[i].holder));
        cf_field_pack(out, refs[i].field);
        cf_pack_uint(out, dot_index(&tables, &refs[i].dot));
    }
    free(tables.ids);
    free(tables.dots);
    free(refs);
}

static cf_status read_ids(cf_reader *reader, cf_arena *arena, cf_id **out, size_t *count,
                          cf_error *error)
{
    cf_status status = cf_read_array(reader, count, error);

    if (!status)
        *out = cf_arena_allocate(arena, *count, sizeof(cf_id));
    for (size_t i = 0; !status && i < *count; i++)
        status = cf_read_bin_exact(reader, (*out)[i].bytes, CF_ID_SIZE, error);
    return status;
}

static cf_status read_dot(cf_reader *reader, cf_dot *out, cf_error *error)
{
    cf_status status = cf_read_array_of(reader, 3, error);

    if (!status)
        status = cf_read_bin_exact(reader, out->writer.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &out->sequence, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->hash, sizeof out->hash, error);
    return status;
}

static cf_status read_index(cf_reader *reader, size_t count, uint64_t *out, cf_error *error)
{
    cf_status status = cf_read_uint(reader, out, error);

    if (!status && *out >= count)
        return cf_fail(error, CF_MALFORMED, "an index beyond its table");
    return status;
}

static cf_status read_ref(cf_reader *reader, const ref_tables *tables, cf_ref *out, cf_error *error)
{
    uint64_t item = 0, holder = 0, dot = 0;
    cf_status status = cf_read_array_of(reader, 4, error);

    if (!status)
        status = read_index(reader, tables->id_count, &item, error);
    if (!status)
        status = read_index(reader, tables->id_count, &holder, error);
    if (!status)
        status = cf_field_read(reader, &out->field, error);
    if (!status)
        status = read_index(reader, tables->dot_count, &dot, error);
    if (status)
        return status;
    out->item = tables->ids[item];
    out->holder = tables->ids[holder];
    out->dot = tables->dots[dot];
    return CF_OK;
}

cf_status cf_refs_read(cf_bytes packed, cf_arena *arena, cf_ref **out, size_t *count,
                       cf_error *error)
{
    cf_reader reader = cf_reader_of(packed);
    ref_tables tables = {0};
    cf_ref *refs = NULL;

    if (packed.size == 0) {
        *out = NULL;
        *count = 0;
        return CF_OK;
    }
    cf_status status = cf_read_array_of(&reader, 3, error);

    if (!status)
        status = read_ids(&reader, arena, &tables.ids, &tables.id_count, error);
    if (!status)
        status = cf_read_array(&reader, &tables.dot_count, error);
    if (!status)
        tables.dots = cf_arena_allocate(arena, tables.dot_count, sizeof(cf_dot));
    for (size_t i = 0; !status && i < tables.dot_count; i++)
        status = read_dot(&reader, &tables.dots[i], error);
    if (!status)
        status = cf_read_array(&reader, &tables.count, error);
    if (!status)
        refs = cf_arena_allocate(arena, tables.count, sizeof(cf_ref));
    for (size_t i = 0; !status && i < tables.count; i++)
        status = read_ref(&reader, &tables, &refs[i], error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (status) {
        cf_error_while(error, "reading what a node shows");
        return status;
    }
    *out = refs;
    *count = tables.count;
    return CF_OK;
}

cf_node cf_node_copy(const cf_node *node, cf_arena *arena)
{
    cf_node copy = *node;

    copy.name = cf_arena_copy(arena, node->name);
    copy.content = cf_arena_copy(arena, node->content);
    copy.mode = cf_arena_copy(arena, node->mode);
    copy.mtime = cf_arena_copy(arena, node->mtime);
    copy.refs = cf_arena_copy(arena, node->refs);
    cf_id *items = cf_arena_allocate(arena, node->item_count, sizeof *items);
    if (node->item_count)
        memcpy(items, node->items, node->item_count * sizeof *items);
    copy.items = items;
    return copy;
}

void cf_node_leave(cf_node *node)
{
    node->refs = (cf_bytes){0};
}

bool cf_node_is_left(const cf_node *node)
{
    return node->refs.size == 0;
}

/* A node's record: [number, parent, name, kind, content, mode, mtime, items, refs, stat, is_met,
 * is_racy, disk]; values and refs are binary strings, empty when there is none. Records of earlier
 * builds lack the last part, the last two or three. */
enum { PARTS = 13, PARTS_RACY = 12, PARTS_MET = 11, PARTS_LEAST = 10 };

void cf_node_pack(const cf_node *node, cf_buffer *out)
{
    const cf_node_stat *stat = &node->stat;

    cf_pack_array(out, PARTS);
    cf_pack_uint(out, node->number);
    cf_pack_uint(out, node->parent);
    cf_pack_bin(out, node->name);
    cf_pack_uint(out, node->kind);
    cf_pack_bin(out, node->content);
    cf_pack_bin(out, node->mode);
    cf_pack_bin(out, node->mtime);
    cf_pack_array(out, node->item_count);
    for (size_t i = 0; i < node->item_count; i++)
        cf_pack_bin(out, cf_bytes_of(node->items[i].bytes, CF_ID_SIZE));
    cf_pack_bin(out, node->refs);
    cf_pack_array(out, 8);
    cf_pack_uint(out, stat->device);
    cf_pack_uint(out, stat->inode);
    cf_pack_uint(out, stat->size);
    cf_pack_int(out, stat->birth_ns);
    cf_pack_int(out, stat->mtime_ns);
    cf_pack_int(out, stat->ctime_ns);
    cf_pack_uint(out, stat->mode);
    cf_pack_uint(out, stat->links);
    cf_pack_bool(out, node->is_met);
    cf_pack_bool(out, stat->is_racy);
    cf_pack_uint(out, node->disk);
}

static cf_status read_small(cf_reader *reader, uint64_t most, uint64_t *out, cf_error *error)
{
    cf_status status = cf_read_uint(reader, out, error);

    if (!status && *out > most)
        return cf_fail(error, CF_MALFORMED, "a number beyond its range");
    return status;
}

static cf_status read_stat(cf_reader *reader, cf_node_stat *out, cf_error *error)
{
    uint64_t *const first[] = {&out->device, &out->inode, &out->size};
    int64_t *const times[] = {&out->birth_ns, &out->mtime_ns, &out->ctime_ns};
    uint64_t mode = 0, links = 0;
    cf_status status = cf_read_array_of(reader, 8, error);

    for (size_t i = 0; !status && i < 3; i++)
        status = cf_read_uint(reader, first[i], error);
    for (size_t i = 0; !status && i < 3; i++)
        status = cf_read_int(reader, times[i], error);
    if (!status)
        status = read_small(reader, UINT32_MAX, &mode, error);
    if (!status)
        status = read_small(reader, UINT32_MAX, &links, error);
    out->mode = (uint32_t)mode;
    out->links = (uint32_t)links;
    return status;
}

/* Of a record that doesn't say whether its file is racy: a save may have been missed on a disk of
 * whole seconds. */
static bool may_be_racy(const cf_node *node)
{
    const cf_stat stat = cf_stat_of_node(node);

    return node->kind == CF_KIND_FILE && cf_racy_is_coarse(&stat);
}

static cf_status read_node(cf_reader *reader, cf_arena *arena, cf_node *out, cf_error *error)
{
    cf_id *items = NULL;
    uint64_t kind = 0;
    size_t parts;
    cf_status status = cf_read_array(reader, &parts, error);

    if (!status && (parts < PARTS_LEAST || parts > PARTS))
        status = cf_fail(error, CF_MALFORMED, "a node of %zu parts", parts);
    if (!status)
        status = cf_read_uint(reader, &out->number, error);
    if (!status)
        status = cf_read_uint(reader, &out->parent, error);
    if (!status)
        status = cf_read_bin(reader, &out->name, error);
    if (!status)
        status = read_small(reader, UINT8_MAX, &kind, error);
    out->kind = (uint8_t)kind;
    cf_bytes *const values[] = {&out->content, &out->mode, &out->mtime};
    for (size_t i = 0; !status && i < 3; i++)
        status = cf_read_bin(reader, values[i], error);
    if (!status)
        status = read_ids(reader, arena, &items, &out->item_count, error);
    out->items = items;
    if (!status)
        status = cf_read_bin(reader, &out->refs, error);
    if (!status)
        status = read_stat(reader, &out->stat, error);
    if (!status && parts >= PARTS_MET)
        status = cf_read_bool(reader, &out->is_met, error);
    if (!status && parts >= PARTS_RACY)
        status = cf_read_bool(reader, &out->stat.is_racy, error);
    else if (!status)
        out->stat.is_racy = may_be_racy(out);
    out->disk = CF_DISK_UNTOLD;
    if (!status && parts == PARTS)
        status = cf_read_uint(reader, &out->disk, error);
    return status ? status : cf_read_end(reader, error);
}

cf_status cf_node_read(cf_bytes record, cf_arena *arena, cf_node *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(record);
    cf_node node = {0};
    cf_ref *refs;
    size_t count;
    cf_status status = read_node(&reader, arena, &node, error);

    if (!status && node.number == CF_NODE_ROOT)
        status = cf_fail(error, CF_MALFORMED, "the root's number");
    if (!status)
        status = cf_refs_read(node.refs, arena, &refs, &count, error);
    if (status)
        cf_error_while(error, "reading a node");
    else
        *out = node;
    return status;
}
