/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/lifted.h"

#include "peer/merge/node_stat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 1 + 4 + 8, SEARCH_BITS = 0500, ALL_BITS = 0777 };

/* No agreed mode: the folder has whatever the disk has. */
#define CF_MODE_UNKNOWN UINT32_MAX

/* ---- Records ---- */

/* Where the folder is, or where it would be: they are ascending. */
static size_t place_of(const cf_lifted_folders *folders, uint64_t folder)
{
    size_t low = 0, high = folders->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (folders->at[middle].node < folder)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static cf_lifted *find_in(const cf_lifted_folders *folders, uint64_t folder)
{
    const size_t at = place_of(folders, folder);

    return at < folders->count && folders->at[at].node == folder ? &folders->at[at] : NULL;
}

static cf_lifted *find(const cf_binding *binding, uint64_t folder)
{
    return find_in(&binding->lifted, folder);
}

static void add(cf_lifted_folders *folders, const cf_lifted *one)
{
    const size_t at = place_of(folders, one->node);

    *cf_one_more_at(folders->at, folders->count, folders->capacity, at) = *one;
}

static void take_out(cf_lifted_folders *folders, const cf_lifted *one)
{
    const size_t at = (size_t)(one - folders->at);

    folders->count--;
    memmove(&folders->at[at], &folders->at[at + 1], (folders->count - at) * sizeof *folders->at);
}

/* The value of a record: the mode that was set, then the folder's own where the base has none. */
static bool load(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;

    if (key.size == KEY_SIZE && (value.size == 4 || value.size == 8) &&
        !find(binding, cf_get_u64(key.data + 5)))
        add(&binding->lifted,
            &(cf_lifted){.node = cf_get_u64(key.data + 5),
                         .set = cf_get_u32(value.data),
                         .own = value.size == 8 ? cf_get_u32(value.data + 4) : CF_MODE_UNKNOWN});
    return true;
}

cf_status cf_lifted_load(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    return cf_binding_scan(peer, binding, CF_TABLE_LIFTED, load, binding, error);
}

bool cf_lifted_has(const cf_binding *binding, uint64_t folder)
{
    return find(binding, folder) != NULL;
}

/* The mode of a folder for which none was agreed. */
static uint32_t own_mode(const cf_binding *binding, uint64_t folder)
{
    const cf_lifted *lifted = find(binding, folder);
    const cf_lifted *shut = find_in(&binding->shut, folder);

    return lifted ? lifted->own : shut ? shut->own : CF_MODE_UNKNOWN;
}

static uint32_t base_mode(const cf_binding *binding, const cf_node *node)
{
    return node->mode.size ? cf_mode_of(node->mode, 0) : own_mode(binding, node->number);
}

uint32_t cf_lifted_meant(const cf_binding *binding, uint64_t folder, uint32_t mode)
{
    const cf_lifted *lifted = find(binding, folder);
    const cf_node *node = lifted ? cf_nodes_find(binding->nodes, folder) : NULL;
    const uint32_t base = node ? base_mode(binding, node) : CF_MODE_UNKNOWN;

    return base != CF_MODE_UNKNOWN && (mode & ALL_BITS) == lifted->set ? base : mode;
}

void cf_lifted_see(cf_binding *binding, uint64_t folder, uint32_t mode)
{
    const cf_node *node = cf_nodes_find(binding->nodes, folder);
    const bool is_shut = node && !node->mode.size && (mode & CF_OWNER_BITS) != CF_OWNER_BITS;
    cf_lifted *seen = find_in(&binding->shut, folder);

    if (seen && is_shut)
        seen->own = mode;
    else if (seen)
        take_out(&binding->shut, seen);
    else if (is_shut)
        add(&binding->shut, &(cf_lifted){.node = folder, .own = mode});
}

void cf_lifted_put(cf_binding *binding, uint64_t folder, uint32_t set, cf_kv_list *records)
{
    const cf_node *node = cf_nodes_find(binding->nodes, folder);
    const uint32_t own = node && !node->mode.size ? own_mode(binding, folder) : CF_MODE_UNKNOWN;
    cf_arena arena = {0};
    uint8_t value[8];

    add(&binding->lifted, &(cf_lifted){.node = folder, .set = set, .own = own});
    cf_put_u32(value, set);
    cf_put_u32(value + 4, own);
    cf_kv_list_put(records, cf_key_numbered(&arena, CF_TABLE_LIFTED, binding->number, folder),
                   cf_bytes_of(value, own == CF_MODE_UNKNOWN ? 4 : sizeof value));
    cf_arena_release(&arena);
}

static void drop(cf_binding *binding, cf_lifted *lifted, cf_kv_list *records)
{
    cf_arena arena = {0};

    cf_kv_list_delete(records,
                      cf_key_numbered(&arena, CF_TABLE_LIFTED, binding->number, lifted->node));
    take_out(&binding->lifted, lifted);
    cf_arena_release(&arena);
}

/* ---- The way to a folder ---- */

typedef struct {
    uint64_t at[CF_BINDING_DEPTH_MAX]; /* from the top, the folder itself last */
    size_t first;
} way;

/* False: none of them lacks a bit, as in nearly all sources. */
static bool find_way(const cf_binding *binding, uint64_t folder, way *out)
{
    bool lacks = false;

    out->first = CF_BINDING_DEPTH_MAX;
    for (uint64_t at = folder; at != CF_NODE_ROOT && out->first;) {
        const cf_node *node = cf_nodes_find(binding->nodes, at);

        if (!node || node->kind != CF_KIND_DIRECTORY)
            return false;
        lacks |= (base_mode(binding, node) & CF_OWNER_BITS) != CF_OWNER_BITS;
        out->at[--out->first] = at;
        at = node->parent;
    }
    return lacks;
}

typedef enum { HERE, HIDDEN, ANOTHER } answer;

static bool is_itself(const cf_binding *binding, const cf_node *node, const cf_stat *now)
{
    return now->kind == CF_FILE_FOLDER &&
           (cf_node_stat_same_file(&node->stat, now) ||
            cf_binding_renumbers(binding, node->disk, node->stat.birth_ns));
}

/* What stands in the folder's place. */
static answer look(const cf_binding *binding, cf_files *files, const cf_node *node, cf_hold *above,
                   cf_stat *now)
{
    cf_error error;

    cf_status status = cf_binding_hold(binding, files, node->parent, above, &error);
    if (!status)
        status = files->stat(files, above->folder, node->name, now, &error);
    if (status)
        return status == CF_IO ? HIDDEN : ANOTHER;
    if (now->kind == CF_FILE_FOLDER && !node->stat.inode)
        return HIDDEN; /* made, and not looked at since: its mode may be the lifted one */
    return is_itself(binding, node, now) ? HERE : ANOTHER;
}

/* What is beside permissions, as the bit that gives new files the folder's group, stays. */
static uint32_t with(const cf_stat *now, uint32_t mode)
{
    return (now->mode & ~(uint32_t)ALL_BITS) | mode;
}

/* ---- Before ---- */

/* Below what can't be gone through yet nobody can look: cf_lifted_open does. */
static bool may_be_lifted(const cf_binding *binding, cf_files *files, const cf_node *node,
                          uint32_t mode)
{
    cf_hold above = {0};
    cf_stat now;

    answer seen = look(binding, files, node, &above, &now);
    cf_hold_release(&above, files);
    return seen == HIDDEN || (seen == HERE && (now.mode & ALL_BITS) == mode);
}

void cf_lifted_intend(cf_binding *binding, cf_files *files, uint64_t folder, cf_kv_list *records)
{
    way found;

    if (!find_way(binding, folder, &found))
        return;
    for (size_t i = found.first; i < CF_BINDING_DEPTH_MAX; i++) {
        const cf_node *node = cf_nodes_find(binding->nodes, found.at[i]);
        const uint32_t needed = found.at[i] == folder ? CF_OWNER_BITS : SEARCH_BITS;
        const uint32_t mode = base_mode(binding, node);

        if ((mode & needed) != needed && !find(binding, found.at[i]) &&
            may_be_lifted(binding, files, node, mode))
            cf_lifted_put(binding, found.at[i], mode | CF_OWNER_BITS, records);
    }
}

void cf_lifted_intend_mode(cf_binding *binding, cf_files *files, uint64_t folder, uint32_t mode,
                           cf_kv_list *records)
{
    const cf_node *node = cf_nodes_find(binding->nodes, folder);
    cf_hold above = {0};
    cf_stat now;

    if (!node || (mode & CF_OWNER_BITS) == CF_OWNER_BITS || find(binding, folder))
        return;
    const uint32_t before = base_mode(binding, node);
    if (look(binding, files, node, &above, &now) == HERE &&
        (before == CF_MODE_UNKNOWN || before == (now.mode & ALL_BITS)))
        cf_lifted_put(binding, folder, (now.mode & ALL_BITS) | CF_OWNER_BITS, records);
    cf_hold_release(&above, files);
}

/* ---- When it is done ---- */

static void lift(cf_binding *binding, cf_files *files, cf_lifted *lifted)
{
    const cf_node *node = cf_nodes_find(binding->nodes, lifted->node);
    cf_hold above = {0};
    cf_stat now;
    cf_error ignored;

    lifted->is_tried = true;
    if (look(binding, files, node, &above, &now) == HERE &&
        (now.mode & ALL_BITS) == base_mode(binding, node))
        files->set_mode(files, above.folder, node->name, with(&now, lifted->set), &ignored);
    cf_hold_release(&above, files);
}

void cf_lifted_open(cf_binding *binding, cf_files *files, uint64_t folder, bool write)
{
    way found;

    if (!binding->lifted.count || !find_way(binding, folder, &found))
        return;
    for (size_t i = found.first; i < CF_BINDING_DEPTH_MAX; i++) {
        const uint32_t needed = write && found.at[i] == folder ? CF_OWNER_BITS : SEARCH_BITS;
        cf_lifted *lifted = find(binding, found.at[i]);

        if (lifted && !lifted->is_tried &&
            (base_mode(binding, cf_nodes_find(binding->nodes, found.at[i])) & needed) != needed)
            lift(binding, files, lifted);
    }
}

uint32_t cf_lifted_mode(const cf_binding *binding, uint64_t folder, uint32_t mode)
{
    const cf_lifted *lifted = find(binding, folder);

    return lifted ? lifted->set : mode;
}

static bool forbids(const cf_stat *now, uint32_t needed)
{
    return now->kind == CF_FILE_FOLDER && (now->mode & needed) != needed;
}

bool cf_lifted_blame(const cf_binding *binding, cf_files *files, uint64_t folder, cf_error *error)
{
    cf_buffer path = {0};
    cf_stat now = {0};
    cf_error ignored;
    uint64_t at = folder;
    bool found = false;

    if (error->status != CF_IO || !strstr(error->text, strerror(EACCES)))
        return false;
    for (uint32_t needed = CF_OWNER_BITS; at != CF_NODE_ROOT && !found; needed = SEARCH_BITS) {
        const cf_node *node = cf_nodes_find(binding->nodes, at);
        cf_hold above = {0};

        if (!node)
            return false;
        found = look(binding, files, node, &above, &now) == HERE && forbids(&now, needed);
        cf_hold_release(&above, files);
        if (found)
            cf_binding_path(binding, at, &path);
        at = node->parent;
    }
    if (!found)
        found = files->stat_folder(files, binding->root, &now, &ignored) == CF_OK &&
                forbids(&now, folder == CF_NODE_ROOT ? CF_OWNER_BITS : SEARCH_BITS);
    if (found)
        cf_error_while(error, "in %.*s, which has mode %03o here (`chmod u+rwx` lets us in)",
                       path.size ? (int)path.size : (int)strlen(binding->path),
                       path.size ? (const char *)path.data : binding->path, now.mode & ALL_BITS);
    cf_buffer_release(&path);
    return found;
}

/* ---- Afterwards ---- */

typedef struct {
    size_t depth;
    uint64_t node;
} deep;

static int deepest_first(const void *a, const void *b)
{
    const deep *x = a, *y = b;

    return (x->depth < y->depth) - (x->depth > y->depth);
}

void cf_lifted_list(const cf_binding *binding, cf_node_set *out)
{
    deep *order = cf_allocate(binding->lifted.count, sizeof *order);

    for (size_t i = 0; i < binding->lifted.count; i++) {
        const cf_node *node = cf_nodes_find(binding->nodes, binding->lifted.at[i].node);

        order[i].node = binding->lifted.at[i].node;
        for (; node && order[i].depth < CF_BINDING_DEPTH_MAX; order[i].depth++)
            node = cf_nodes_find(binding->nodes, node->parent);
    }
    if (binding->lifted.count)
        qsort(order, binding->lifted.count, sizeof *order, deepest_first);
    for (size_t i = 0; i < binding->lifted.count; i++)
        cf_node_set_add(out, order[i].node);
    free(order);
}

/* Held before its mode may forbid that. */
void cf_lifted_give_back(cf_binding *binding, cf_files *files, uint64_t folder, cf_hold *hold,
                         cf_kv_list *records)
{
    cf_lifted *lifted = find(binding, folder);
    const cf_node *node = cf_nodes_find(binding->nodes, folder);
    cf_status status = CF_OK;
    cf_hold above = {0};
    cf_stat now;
    cf_error ignored;

    *hold = (cf_hold){0};
    answer seen = node ? look(binding, files, node, &above, &now) : ANOTHER;
    if (seen == HIDDEN)
        status = CF_IO;
    const uint32_t mode = node ? base_mode(binding, node) : CF_MODE_UNKNOWN;
    if (seen == HERE && (now.mode & ALL_BITS) == lifted->set && mode != CF_MODE_UNKNOWN &&
        mode != lifted->set) {
        status = cf_binding_hold(binding, files, folder, hold, &ignored);
        if (!status)
            status = files->set_mode(files, above.folder, node->name, with(&now, mode), &ignored);
        if (status)
            cf_hold_release(hold, files);
    }
    /* While its mode is ours, the record has to stay. */
    if (!status)
        drop(binding, lifted, records);
    cf_hold_release(&above, files);
}

cf_status cf_lifted_restore(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_files *files = peer->env->files;
    cf_store *store = cf_home_store(peer->home);
    cf_node_set all = {0};
    cf_kv_list records = {0};
    cf_status status = CF_OK;

    cf_lifted_list(binding, &all);
    for (size_t i = 0; !status && i < all.count; i++) {
        cf_hold hold;

        cf_lifted_give_back(binding, files, all.at[i], &hold, &records);
        if (hold.folder)
            status = files->sync_folder(files, hold.folder, error);
        cf_hold_release(&hold, files);
    }
    if (!status && records.count)
        status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    cf_kv_list_release(&records);
    cf_node_set_release(&all);
    return status;
}

/* ---- Write permission that was taken off ---- */

static cf_write_bits *find_taken(const cf_binding *binding, uint64_t node)
{
    for (size_t i = 0; i < binding->taken_count; i++)
        if (binding->taken[i].node == node)
            return &binding->taken[i];
    return NULL;
}

static void add_taken(cf_binding *binding, uint64_t node, uint32_t mode)
{
    *cf_one_more(binding->taken, binding->taken_count, binding->taken_capacity) =
        (cf_write_bits){node, mode};
}

static bool load_taken(void *context, cf_bytes key, cf_bytes value)
{
    if (key.size == KEY_SIZE && value.size == 4)
        add_taken(context, cf_get_u64(key.data + 5), cf_get_u32(value.data));
    return true;
}

cf_status cf_write_bits_load(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    return cf_binding_scan(peer, binding, CF_TABLE_TAKEN, load_taken, binding, error);
}

const cf_write_bits *cf_write_bits_of(const cf_binding *binding, uint64_t node)
{
    return find_taken(binding, node);
}

void cf_write_bits_put(cf_binding *binding, uint64_t node, uint32_t mode, cf_kv_list *records)
{
    cf_write_bits *taken = find_taken(binding, node);
    cf_arena arena = {0};
    uint8_t value[4];

    if (taken)
        taken->mode = mode;
    else
        add_taken(binding, node, mode);
    cf_put_u32(value, mode);
    cf_kv_list_put(records, cf_key_numbered(&arena, CF_TABLE_TAKEN, binding->number, node),
                   cf_bytes_of(value, sizeof value));
    cf_arena_release(&arena);
}

void cf_write_bits_drop(cf_binding *binding, uint64_t node, cf_kv_list *records)
{
    cf_write_bits *taken = find_taken(binding, node);
    cf_arena arena = {0};

    if (!taken)
        return;
    *taken = binding->taken[--binding->taken_count];
    cf_kv_list_delete(records, cf_key_numbered(&arena, CF_TABLE_TAKEN, binding->number, node));
    cf_arena_release(&arena);
}

uint32_t cf_write_bits_meant(const cf_binding *binding, uint64_t node, uint32_t mode)
{
    const cf_write_bits *taken = find_taken(binding, node);

    return taken && (mode & 0777) == (taken->mode & ~(uint32_t)CF_WRITE_BITS & 0777) ? taken->mode
                                                                                     : mode;
}
