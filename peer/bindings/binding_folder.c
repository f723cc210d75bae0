/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/binding_folder.h"

#include "peer/bindings/files_root.h"
#include "peer/merge/node_stat.h"

enum { IDENTITY_SIZE = 8 + 8 + 8, IMAGE_SIZE = IDENTITY_SIZE + 1 };

/* ---- Which folder it was ---- */

static void pack_identity(const cf_stat *stat, uint8_t out[IDENTITY_SIZE])
{
    cf_put_u64(out, stat->device);
    cf_put_u64(out + 8, stat->inode);
    cf_put_u64(out + 16, (uint64_t)stat->birth_ns);
}

bool cf_binding_is_same_folder(const cf_binding *binding, const cf_stat *now)
{
    const cf_stat *known = &binding->folder;

    return now->birth_ns && known->birth_ns == now->birth_ns && known->inode == now->inode &&
           known->device == now->device;
}

cf_status cf_binding_keep_folder(cf_peer *peer, cf_binding *binding, const cf_stat *now,
                                 cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};
    cf_arena arena = {0};
    uint8_t value[IMAGE_SIZE] = {0};

    pack_identity(now, value);
    cf_kv_list_put(&records, cf_key_source(&arena, CF_TABLE_FOLDER, binding->number),
                   cf_bytes_of(value, binding->is_image ? IMAGE_SIZE : IDENTITY_SIZE));
    cf_status status =
        store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    if (!status)
        binding->folder = *now;
    cf_kv_list_release(&records);
    cf_arena_release(&arena);
    return status;
}

static bool has_lasting_number(const cf_binding *binding, const cf_stat *now)
{
    return binding->folder.birth_ns && now->birth_ns && !binding->traits.renumbers &&
           !binding->is_remote;
}

/* A device may have another number when it is mounted anew. */
static bool has_its_number(const cf_binding *binding, const cf_stat *now)
{
    return binding->folder.birth_ns == now->birth_ns && binding->folder.inode == now->inode;
}

static bool is_other_folder(const cf_binding *binding, const cf_stat *now)
{
    return has_lasting_number(binding, now) && !has_its_number(binding, now);
}

bool cf_binding_is_its_folder(const cf_binding *binding, const cf_stat *now)
{
    return has_lasting_number(binding, now) && has_its_number(binding, now);
}

void cf_binding_keep_identity(cf_peer *peer, cf_binding *binding, const cf_stat *now)
{
    cf_error ignored;

    if (now->birth_ns && !cf_binding_is_same_folder(binding, now))
        (void)cf_binding_keep_folder(peer, binding, now, &ignored);
}

static bool load(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;

    (void)key;
    binding->is_image = value.size == IMAGE_SIZE;
    if (value.size == IDENTITY_SIZE || binding->is_image)
        binding->folder = (cf_stat){.device = cf_get_u64(value.data),
                                    .inode = cf_get_u64(value.data + 8),
                                    .birth_ns = (int64_t)cf_get_u64(value.data + 16)};
    return true;
}

cf_status cf_binding_load_folder(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    return cf_binding_scan(peer, binding, CF_TABLE_FOLDER, load, binding, error);
}

/* ---- What is in it ---- */

typedef struct {
    const cf_binding *binding;
    cf_files *files;
    size_t there;
} counting;

/* Where numbers don't last, a file tells by its size and time, a directory by its name. */
static bool is_itself(const cf_binding *binding, const cf_node *node, const cf_stat *now)
{
    const cf_node_stat *known = &node->stat;

    if (cf_stat_of_node(node).kind != now->kind)
        return false;
    if (!binding->traits.renumbers && !binding->is_image)
        return cf_node_stat_same_file(known, now);
    return node->kind == CF_KIND_DIRECTORY ||
           (known->size == now->size && known->mtime_ns == now->mtime_ns);
}

static void count_in(counting *self, uint64_t folder)
{
    const cf_nodes *nodes = self->binding->nodes;
    const cf_node *node = NULL;
    cf_hold hold = {0};
    cf_error ignored;
    cf_stat now;

    if (cf_binding_hold(self->binding, self->files, folder, &hold, &ignored))
        return;
    while ((node = cf_nodes_next_child(nodes, folder, node)))
        self->there +=
            self->files->stat(self->files, hold.folder, node->name, &now, &ignored) == CF_OK &&
            is_itself(self->binding, node, &now);
    cf_hold_release(&hold, self->files);
}

static void count_folder(void *context, const cf_node *node)
{
    if (node->kind == CF_KIND_DIRECTORY)
        count_in(context, node->number);
}

cf_root_content cf_binding_count_there(const void *context, cf_files *files)
{
    counting self = {.binding = context, .files = files};

    count_in(&self, CF_NODE_ROOT);
    cf_nodes_each(self.binding->nodes, count_folder, &self);
    return (cf_root_content){self.there, cf_nodes_count(self.binding->nodes)};
}

/* ---- A copy in its place ---- */

typedef struct {
    const cf_binding *binding;
    cf_files *files;
    size_t alike, behind, known; /* files; behind are those that are older, or not there */
} comparing;

/* Archives and old disks keep whole seconds, or every other one. */
static bool is_same_time(int64_t now_ns, int64_t known_ns)
{
    const int64_t second_ns = 1000000000;

    return now_ns == known_ns ||
           (now_ns < known_ns && known_ns - now_ns < 2 * second_ns && now_ns % second_ns == 0);
}

static void compare_file(comparing *self, const cf_node *node, const cf_hold *hold)
{
    const cf_node_stat *known = &node->stat;
    cf_error ignored;
    cf_stat now;

    self->known++;
    const bool there =
        hold->folder &&
        self->files->stat(self->files, hold->folder, node->name, &now, &ignored) == CF_OK &&
        now.kind == cf_stat_of_node(node).kind;
    const bool alike =
        there && now.size == known->size && is_same_time(now.mtime_ns, known->mtime_ns);
    self->alike += alike;
    self->behind += !there || (!alike && now.mtime_ns <= known->mtime_ns);
}

static void compare_in(comparing *self, uint64_t folder)
{
    const cf_nodes *nodes = self->binding->nodes;
    const cf_node *node = NULL;
    cf_hold hold = {0};
    cf_error ignored;

    if (cf_binding_hold(self->binding, self->files, folder, &hold, &ignored))
        hold = (cf_hold){0};
    while ((node = cf_nodes_next_child(nodes, folder, node)))
        if (node->kind == CF_KIND_FILE && !node->disk) /* a card below may be out */
            compare_file(self, node, &hold);
    cf_hold_release(&hold, self->files);
}

static void compare_each_folder(void *context, const cf_node *node)
{
    if (node->kind == CF_KIND_DIRECTORY)
        compare_in(context, node->number);
}

static void compare_folder(void *context, const cf_node *node)
{
    const comparing *self = context;

    if (!self->behind)
        compare_each_folder(context, node);
}

bool cf_binding_is_alike(const cf_binding *binding, cf_files *files)
{
    comparing self = {.binding = binding, .files = files};

    compare_in(&self, CF_NODE_ROOT);
    cf_nodes_each(binding->nodes, compare_each_folder, &self);
    return cf_root_has_most(self.alike, self.known);
}

bool cf_binding_is_older_copy(const cf_binding *binding, cf_files *files, const cf_stat *now)
{
    comparing self = {.binding = binding, .files = files};

    if (cf_format_is_records(binding->format) || !is_other_folder(binding, now))
        return false;
    compare_in(&self, CF_NODE_ROOT);
    cf_nodes_each(binding->nodes, compare_folder, &self);
    return self.behind || self.alike < self.known - self.alike;
}
