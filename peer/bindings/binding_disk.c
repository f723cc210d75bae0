/* SPDX-License-Identifier: Apache-2.0 */
/* What the disk of a source keeps is learned when the root is opened on a disk that is another than
 * the one before. A disk is another one where the system says so, or the mark has other numbers:
 *
 *     an ext2 image where a stick with exFAT was    another type: learned
 *     the same stick, mounted anew                  the mark has the inode 3, and had 2, with the
 *                                                   time that it had: it renumbers
 */
#include "peer/bindings/binding.h"

#include "codec/pack.h"
#include "peer/bindings/disk_clock.h"
#include "peer/bindings/disk_trial.h"
#include "peer/merge/view.h"

#include <stdlib.h>

/* A share may show what was removed so long ago: NFS and SMB for a minute, sshfs for 20 s, and what
 * FUSE's library remembers for 1 s. */
#define REMEMBERED_NS INT64_C(120000000000)
/* When all was seen is written anew, and the clock of the disk is asked, no sooner: asking it
 * writes to the disk, which may be polled each second. */
#define KEPT_FOR_NS INT64_C(60000000000)

static bool is_known(const cf_binding *binding)
{
    return binding->disk.system.type != 0;
}

/* Seen once, it stays so for disks of that kind. */
static bool renumbers(const cf_binding *binding, const cf_disk_identity *now)
{
    const cf_disk_identity *before = &binding->disk;

    if (now->system.renumbers)
        return true;
    if (!is_known(binding) || before->system.type != now->system.type ||
        before->system.id != now->system.id)
        return false;
    return binding->traits.renumbers ||
           (before->mark_mtime_ns == now->mark_mtime_ns && before->mark_inode != now->mark_inode);
}

/* ---- What follows for the base ---- */

/* The source's files lie on another disk than before. */
typedef struct {
    cf_peer *peer;
    cf_binding *binding;
    const cf_disk_traits *now;
    cf_collection *collection;
    cf_arena arena;
    cf_node *changed; /* in the arena */
    size_t count, capacity;
    uint64_t *dropped;
    size_t dropped_count, dropped_capacity;
} moving_disks;

static cf_bytes pack_number(moving_disks *self, int64_t number)
{
    cf_buffer value = {0};

    cf_pack_int(&value, number);
    cf_bytes copy = cf_arena_copy(&self->arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static bool keeps_modes_again(const moving_disks *self)
{
    return self->binding->traits.loses_modes && !self->now->loses_modes;
}

static bool keeps_times_again(const moving_disks *self)
{
    const cf_disk_traits *before = &self->binding->traits;

    return !self->now->loses_times &&
           (before->loses_times || self->now->time_step_ns < before->time_step_ns ||
            self->now->earliest_ns < before->earliest_ns ||
            self->now->latest_ns > before->latest_ns);
}

static bool loses_symlinks_now(const moving_disks *self)
{
    return !self->binding->traits.loses_symlinks && self->now->loses_symlinks;
}

static bool read_time(cf_bytes value, int64_t *time_ns)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    return value.size && cf_read_int(&reader, time_ns, &ignored) == CF_OK;
}

/* The disk before was to show it again, or has: some cut a time when they are mounted anew. */
static int64_t time_shown(const moving_disks *self, const cf_node *node, const cf_stat *there)
{
    int64_t agreed_ns;

    return read_time(node->mtime, &agreed_ns) &&
                   cf_disk_shows(&self->binding->traits, agreed_ns, there->mtime_ns)
               ? there->mtime_ns
               : node->stat.mtime_ns;
}

/* The disk before showed other modes and times than were agreed, and so does what was copied from
 * it. The base takes what lies there for what was agreed last, so nothing was changed here, and the
 * plan sets what the others have:
 *
 *     agreed 0640, shown as 0777, copied as 0755    the base has 0755, the plan sets 0640 */
static void take_back(moving_disks *self, const cf_node *node, const cf_stat *there)
{
    cf_node taken = *node;

    if (keeps_modes_again(self) && node->mode.size && node->kind != CF_KIND_SYMLINK)
        taken.mode = pack_number(self, there->mode & 0777);
    if (keeps_times_again(self) && node->mtime.size && node->kind == CF_KIND_FILE)
        taken.mtime = pack_number(self, time_shown(self, node, there));
    if (cf_bytes_equal(taken.mode, node->mode) && cf_bytes_equal(taken.mtime, node->mtime))
        return;
    *cf_one_more(self->changed, self->count, self->capacity) = cf_node_copy(&taken, &self->arena);
}

static void compare_in(moving_disks *self, uint64_t folder)
{
    cf_files *files = self->peer->env->files;
    const cf_node *node = NULL;
    cf_hold hold = {0};
    cf_error ignored;
    cf_stat there;

    if (cf_binding_hold(self->binding, files, folder, &hold, &ignored))
        return;
    while ((node = cf_nodes_next_child(self->binding->nodes, folder, node)))
        if (files->stat(files, hold.folder, node->name, &there, &ignored) == CF_OK)
            take_back(self, node, &there);
    cf_hold_release(&hold, files);
}

static void compare_node(void *context, const cf_node *node)
{
    moving_disks *self = context;

    if (node->kind == CF_KIND_DIRECTORY && (keeps_modes_again(self) || keeps_times_again(self)))
        compare_in(self, node->number);
    if (node->kind != CF_KIND_SYMLINK || !loses_symlinks_now(self))
        return;
    *cf_one_more(self->dropped, self->dropped_count, self->dropped_capacity) = node->number;
}

static void mark(moving_disks *self, const cf_node *node)
{
    const cf_node *above = node->parent ? cf_nodes_find(self->binding->nodes, node->parent) : NULL;
    const cf_id *directory = above && above->item_count ? &above->items[0] : &cf_root_item;

    for (size_t i = 0; i < node->item_count; i++)
        cf_view_mark_item(self->collection->view, directory, &node->items[i]);
}

/* A link that is not there because the disk can't have it is not deleted: the base forgets it, and
 * the plan names it as what can't be made. */
static void change_base(moving_disks *self, cf_kv_list *records)
{
    if (keeps_modes_again(self) || keeps_times_again(self))
        compare_in(self, CF_NODE_ROOT);
    cf_nodes_each(self->binding->nodes, compare_node, self);
    for (size_t i = 0; i < self->dropped_count; i++) {
        mark(self, cf_nodes_find(self->binding->nodes, self->dropped[i]));
        cf_binding_drop_node(self->binding, self->dropped[i], records);
    }
    for (size_t i = 0; i < self->count; i++) {
        cf_binding_put_node(self->binding, &self->changed[i], records);
        mark(self, &self->changed[i]);
    }
}

/* Mounted anew, as after a reboot, it has another number, and the mark that it had: what was seen
 * of it still holds. */
static bool is_mounted_anew(const cf_binding *binding, const cf_disk_identity *now)
{
    return is_known(binding) && binding->disk.system.type == now->system.type &&
           binding->disk.mark_mtime_ns == now->mark_mtime_ns;
}

static cf_status move_to(cf_peer *peer, cf_binding *binding, const cf_disk_identity *disk,
                         const cf_disk_traits *traits, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    moving_disks self = {.peer = peer, .binding = binding, .now = traits};
    cf_kv_list records = {0};
    cf_buffer value = {0};

    cf_status status = cf_peer_collection(peer, &binding->collection, &self.collection, error);
    if (status)
        return status;
    if (is_known(binding) && !cf_format_is_records(binding->format))
        change_base(&self, &records);
    cf_disk_pack(disk, traits, &binding->seen, &value);
    cf_kv_list_put(&records, cf_key_source(&self.arena, CF_TABLE_DISK, binding->number),
                   cf_buffer_view(&value));
    status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    free(self.changed);
    free(self.dropped);
    cf_kv_list_release(&records);
    cf_buffer_release(&value);
    cf_arena_release(&self.arena);
    return status;
}

void cf_binding_learn_disk(cf_peer *peer, cf_binding *binding)
{
    cf_files *files = peer->env->files;
    cf_disk_identity now;
    cf_disk_traits traits;
    cf_error ignored;
    const bool is_doubted = binding->is_disk_doubted;

    binding->is_disk_doubted = false;
    if (cf_disk_identify(files, binding->root, &now, &ignored))
        return;
    if (is_known(binding) && !is_doubted && cf_disk_identity_equal(&binding->disk, &now))
        return;
    if (cf_disk_try(files, binding->temporary, &traits, &ignored)) {
        binding->is_disk_doubted = true;
        return;
    }
    traits.renumbers = renumbers(binding, &now);
    if (is_known(binding) && cf_disk_identity_equal(&binding->disk, &now) &&
        binding->traits.size_refused &&
        !cf_disk_takes_size(files, binding->temporary, binding->traits.size_refused))
        traits.size_refused = binding->traits.size_refused;
    if (!is_mounted_anew(binding, &now)) {
        binding->seen = (cf_disk_seen){0};
        binding->whole_kept_ns = binding->set_back_ns = 0;
    }
    if (move_to(peer, binding, &now, &traits, &ignored))
        return;
    binding->disk = now;
    binding->traits = traits;
}

bool cf_binding_renumbers(const cf_binding *binding, uint64_t disk, int64_t birth_ns)
{
    return binding->traits.renumbers || ((disk || binding->is_image) && !birth_ns);
}

cf_bytes cf_binding_meant_mtime(const cf_binding *binding, cf_bytes agreed, cf_bytes found)
{
    int64_t agreed_ns, found_ns;

    return read_time(agreed, &agreed_ns) && read_time(found, &found_ns) &&
                   cf_disk_shows(&binding->traits, agreed_ns, found_ns)
               ? agreed
               : found;
}

/* What can't be read is learned again; so is once in each program what the disk took for too large:
 * a quota may have grown. */
static bool load(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;
    cf_error ignored;

    (void)key;
    if (cf_disk_read(value, &binding->disk, &binding->traits, &binding->seen, &ignored))
        binding->disk = (cf_disk_identity){0};
    binding->whole_kept_ns = binding->seen.whole_ns;
    binding->is_disk_doubted = !binding->traits.knows_all || binding->traits.size_refused;
    binding->is_remote = cf_poll_wants(&binding->disk.system);
    return true;
}

cf_status cf_binding_load_disk(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    return cf_binding_scan(peer, binding, CF_TABLE_DISK, load, binding, error);
}

/* ---- When all of it was seen ---- */

bool cf_binding_asks_folders(const cf_binding *binding)
{
    return binding->is_remote && binding->traits.dates_folders && binding->temporary;
}

bool cf_binding_asks_clock(cf_binding *binding, uint64_t now_ms)
{
    if (!cf_binding_asks_folders(binding) ||
        (binding->clock_asked_ms && now_ms < binding->clock_asked_ms + KEPT_FOR_NS / 1000000))
        return false;
    binding->clock_asked_ms = now_ms;
    return true;
}

void cf_binding_tell_time(cf_binding *binding, int64_t clock_ns)
{
    if (clock_ns < binding->seen.whole_ns)
        binding->set_back_ns = clock_ns;
}

bool cf_binding_saw_all_since(const cf_binding *binding, int64_t time_ns)
{
    return time_ns > binding->set_back_ns &&
           cf_disk_is_before(time_ns, binding->seen.whole_ns - REMEMBERED_NS);
}

bool cf_binding_has_lost_nothing(const cf_binding *binding, cf_bare_time now, int64_t seen_ns)
{
    const int64_t changed_ns = now.changed_ns;

    return cf_bare_times_have(&binding->seen.bare, now.folder, changed_ns) ||
           cf_binding_saw_all_since(binding, changed_ns) ||
           (seen_ns != CF_CTIME_UNSEEN && cf_disk_is_before(changed_ns, seen_ns));
}

static cf_status keep_seen(cf_peer *peer, cf_binding *binding, bool sync, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};
    cf_buffer value = {0};
    cf_arena arena = {0};

    cf_disk_pack(&binding->disk, &binding->traits, &binding->seen, &value);
    cf_kv_list_put(&records, cf_key_source(&arena, CF_TABLE_DISK, binding->number),
                   cf_buffer_view(&value));
    cf_status status =
        store->write(store, cf_peer_user(peer), records.at, records.count, sync, error);
    if (!status)
        binding->whole_kept_ns = binding->seen.whole_ns;
    cf_kv_list_release(&records);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_binding_note_whole(cf_peer *peer, cf_binding *binding, int64_t clock_ns,
                                cf_error *error)
{
    binding->seen.whole_ns = clock_ns;
    binding->set_back_ns = 0;
    if (clock_ns >= binding->whole_kept_ns && clock_ns - binding->whole_kept_ns < KEPT_FOR_NS)
        return CF_OK;
    return keep_seen(peer, binding, !binding->whole_kept_ns, error);
}

static void forget_gone(cf_binding *binding)
{
    cf_bare_times *times = &binding->seen.bare;
    size_t left = 0;

    for (size_t i = 0; i < times->count; i++)
        if (!times->at[i].folder || cf_nodes_find(binding->nodes, times->at[i].folder))
            times->at[left++] = times->at[i];
    times->count = left;
}

cf_status cf_binding_note_bare(cf_peer *peer, cf_binding *binding, const cf_bare_time *held,
                               size_t held_count, const cf_bare_time *empty, size_t empty_count,
                               cf_error *error)
{
    cf_bare_times *times = &binding->seen.bare;
    bool any = false;

    if (times->count >= CF_BARE_TIMES_MAX / 2)
        forget_gone(binding);
    for (size_t i = 0; i < empty_count; i++)
        if (times->count < CF_BARE_TIMES_MAX / 2 ||
            cf_bare_times_have_folder(times, empty[i].folder))
            any |= cf_bare_times_add(times, empty[i]);
    for (size_t i = 0; i < held_count; i++)
        any |= cf_bare_times_add(times, held[i]);
    return any ? keep_seen(peer, binding, true, error) : CF_OK;
}

/* ---- How often it is polled ---- */

uint64_t cf_binding_poll_ms(const cf_binding *binding)
{
    return cf_format_is_records(binding->format)
               ? 0
               : cf_poll_period(binding->poll, binding->is_remote);
}

void cf_binding_put_poll(const cf_binding *binding, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_bytes key = cf_key_source(&arena, CF_TABLE_POLL, binding->number);

    cf_pack_uint(&value, binding->poll.period_ms);
    if (binding->poll.given)
        cf_kv_list_put(records, key, cf_buffer_view(&value));
    else
        cf_kv_list_delete(records, key);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

/* What can't be read was not said. */
static bool load_poll(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;
    cf_reader reader = cf_reader_of(value);
    uint64_t period_ms;
    cf_error ignored;

    (void)key;
    if (cf_read_uint(&reader, &period_ms, &ignored) == CF_OK)
        (void)cf_poll_word_of(period_ms, &binding->poll, &ignored);
    return true;
}

cf_status cf_binding_load_poll(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    return cf_binding_scan(peer, binding, CF_TABLE_POLL, load_poll, binding, error);
}

/* ---- The disks of a base that an earlier build made ---- */

/* Never that of a mount: what is missing of it is held until it is seen again. */
enum { SOME_DISK = 1 };

typedef struct {
    cf_binding *binding;
    cf_arena arena;
    cf_node *at; /* of the kind that is told of */
    size_t count, capacity;
    bool directories;
    cf_kv_list records;
} telling;

static void gather_untold(void *context, const cf_node *node)
{
    telling *self = context;

    if (node->disk == CF_DISK_UNTOLD && (node->kind == CF_KIND_DIRECTORY) == self->directories) {
        *cf_one_more(self->at, self->count, self->capacity) = cf_node_copy(node, &self->arena);
    }
}

static void tell(telling *self, bool directories)
{
    cf_nodes *nodes = self->binding->nodes;
    const cf_stat *root = &self->binding->folder;

    self->directories = directories;
    self->count = 0;
    cf_nodes_each(nodes, gather_untold, self);
    for (size_t i = 0; i < self->count; i++) {
        cf_node *node = &self->at[i];
        const bool is_elsewhere = root->birth_ns && node->stat.device != root->device;

        node->disk = !directories   ? cf_nodes_disk_in(nodes, node->parent)
                     : is_elsewhere ? SOME_DISK
                                    : 0;
        cf_binding_put_node(self->binding, node, &self->records);
    }
}

cf_status cf_binding_tell_disks(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    telling self = {.binding = binding};
    cf_status status = CF_OK;

    tell(&self, true);
    tell(&self, false);
    if (self.records.count)
        status = store->write(store, cf_peer_user(peer), self.records.at, self.records.count, true,
                              error);
    cf_kv_list_release(&self.records);
    free(self.at);
    cf_arena_release(&self.arena);
    return status;
}
