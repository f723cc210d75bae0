/* SPDX-License-Identifier: Apache-2.0 */
/* What an intent becomes after a crash: where its file stands at its place, the base's node; what
 * stands aside goes if the base had it, else it is a user's and returns. Where the disk can't tell
 * any of that, nothing is settled, and the base is as it was. */
#include "peer/sources/files/intents.h"

#include "codec/pack.h"
#include "peer/adapters/spellings.h"
#include "peer/bindings/displaced.h"
#include "peer/bindings/lifted.h"
#include "peer/transfer/partial_file.h"
#include "peer/merge/node_stat.h"
#include "peer/bindings/rescued.h"
#include "peer/sources/files/renumbered.h"

#include <stdlib.h>

void cf_intent_put(const cf_binding *binding, uint64_t number, const cf_intent *intent,
                   cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0}, node = {0};

    cf_node_pack(&intent->after, &node);
    cf_pack_array(&value, 3);
    cf_pack_uint(&value, intent->kind);
    cf_pack_bin(&value, cf_buffer_view(&node));
    cf_pack_bin(&value, intent->temporary);
    cf_kv_list_put(records, cf_key_numbered(&arena, CF_TABLE_INTENT, binding->number, number),
                   cf_buffer_view(&value));
    cf_buffer_release(&node);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_intent_drop(const cf_binding *binding, uint64_t number, cf_kv_list *records)
{
    cf_arena arena = {0};

    cf_kv_list_delete(records, cf_key_numbered(&arena, CF_TABLE_INTENT, binding->number, number));
    cf_arena_release(&arena);
}

static cf_status read_intent(cf_bytes value, cf_arena *arena, cf_intent *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    uint64_t kind;
    cf_bytes node;
    size_t count;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status && count != 3)
        status = cf_fail(error, CF_BROKEN, "an intent has %zu parts", count);
    if (!status)
        status = cf_read_uint(&reader, &kind, error);
    if (!status)
        status = cf_read_bin(&reader, &node, error);
    if (!status)
        status = cf_read_bin(&reader, &out->temporary, error);
    if (!status)
        status = cf_node_read(node, arena, &out->after, error);
    if (!status && kind > CF_INTENT_MAKE)
        status = cf_fail(error, CF_BROKEN, "an intent is of a newer program");
    if (!status)
        out->kind = (cf_intent_kind)kind;
    return status;
}

/* ---- Recovery ---- */

typedef struct {
    cf_peer *peer;
    cf_binding *binding;
    cf_kv_list records;
    const cf_node *before; /* what the base has of the intent's node; NULL: nothing */
    cf_status status;
    cf_error *error;
    cf_node_set touched; /* directories whose names may be new or gone only in memory */
} recovery;

/* Where several spellings are one name, something else may be found under it. */
static cf_status find_spelling(const recovery *self, const cf_folder *folder, cf_bytes name,
                               cf_error *error)
{
    cf_spellings spellings;

    if (!cf_disk_folds(&self->binding->traits))
        return CF_OK;
    cf_status status = cf_spellings_list(self->peer->env->files, folder, &spellings, error);
    if (!status && !cf_spellings_have(&spellings, name))
        status = cf_fail(error, CF_MISSING, "it has another spelling");
    cf_spellings_release(&spellings);
    return status;
}

/* What stands at the intent's place. Where that can't be told, nothing is settled. */
static cf_status see_place(recovery *self, const cf_intent *intent, cf_stat *stat)
{
    cf_files *files = self->peer->env->files;
    cf_hold hold = {0};
    cf_error error;

    cf_status status = cf_binding_hold(self->binding, files, intent->after.parent, &hold, &error);
    if (!status)
        status = files->stat(files, hold.folder, intent->after.name, stat, &error);
    if (!status)
        status = find_spelling(self, hold.folder, intent->after.name, &error);
    cf_hold_release(&hold, files);
    if (status && cf_files_has_failed(&error)) {
        self->status = status;
        *self->error = error;
    }
    return status;
}

static bool is_at_place(recovery *self, const cf_intent *intent, cf_stat *stat)
{
    return see_place(self, intent, stat) == CF_OK;
}

/* Where the intent's file belongs; the root, if that directory is gone. Where that can't be told,
 * nothing is settled. */
static cf_status displaced_by(recovery *self, const cf_intent *intent, cf_hold *hold,
                              cf_displaced *out)
{
    cf_files *files = self->peer->env->files;
    cf_error error;

    cf_status status = cf_binding_hold(self->binding, files, intent->after.parent, hold, &error);
    if (status && cf_files_has_failed(&error)) {
        *self->error = error;
        return self->status = status;
    }
    if (status)
        hold->folder = self->binding->root;
    *out = (cf_displaced){
        .files = files,
        .temporary = self->binding->temporary,
        .temporary_name = intent->temporary,
        .folder = hold->folder,
        .name = intent->after.name,
    };
    return CF_OK;
}

/* Something is in the temporary folder under the intent's name. Where that can't be told, nothing
 * is settled. */
static bool stands_aside(recovery *self, const cf_intent *intent, cf_stat *stat)
{
    cf_files *files = self->peer->env->files;

    if (!intent->temporary.size)
        return false;
    cf_status status =
        files->stat(files, self->binding->temporary, intent->temporary, stat, self->error);
    if (status && status != CF_MISSING)
        self->status = status;
    return !status;
}

/* What stood aside while the two changed places: the base's may go, anything else is a user's. */
static void return_aside(recovery *self, cf_displaced displaced)
{
    char room[CF_SWAPPED_NAME];
    bool is_base = false;

    displaced.temporary_name = cf_displaced_aside(&displaced, room);
    self->status = self->before
                       ? cf_displaced_is_base(&displaced, self->before, &is_base, self->error)
                       : CF_OK;
    if (self->status)
        return;
    self->status = is_base ? displaced.files->unlink(displaced.files, displaced.temporary,
                                                     displaced.temporary_name, self->error)
                           : cf_displaced_return(&displaced, self->error);
}

/* The place of what was being replaced step by step is empty only until then. */
static void finish_swap(recovery *self, const cf_intent *intent)
{
    cf_displaced displaced;
    cf_hold hold = {0};
    bool swapped;

    if (!intent->temporary.size || displaced_by(self, intent, &hold, &displaced))
        return;
    self->status = cf_displaced_finish(&displaced, &intent->after.stat, &swapped, self->error);
    if (self->status == CF_CHANGED)
        return_aside(self, displaced);
    cf_hold_release(&hold, self->peer->env->files);
}

static bool is_ours_at_place(recovery *self, const cf_intent *intent, cf_stat *stat)
{
    return is_at_place(self, intent, stat) && cf_node_stat_same_file(&intent->after.stat, stat);
}

/* What was exchanged for the new file stands in the temporary folder: if that is not what the base
 * had, a user saved it in the last moment, and it returns. */
static void return_displaced(recovery *self, const cf_intent *intent, bool is_ours_there)
{
    cf_files *files = self->peer->env->files;
    const cf_node *before = self->before;
    cf_displaced displaced;
    cf_stat stat;
    cf_hold hold = {0};
    bool is_base;
    cf_error error;

    if (!before || !stands_aside(self, intent, &stat) ||
        cf_node_stat_same_file(&intent->after.stat, &stat) ||
        displaced_by(self, intent, &hold, &displaced))
        return;
    self->status = cf_displaced_is_base(&displaced, before, &is_base, self->error);
    if (!self->status && !is_base &&
        (is_ours_there ? cf_displaced_exchange(&displaced, &intent->after.stat, &error)
                       : cf_displaced_return(&displaced, &error)))
        cf_rescued_add(self->binding, &displaced, intent->after.parent, &error, &self->records);
    cf_hold_release(&hold, files);
}

/* The intent's content was fetched, and need not be again. */
static void keep_download(recovery *self, const cf_intent *intent)
{
    cf_files *files = self->peer->env->files;
    const cf_folder *temporary = self->binding->temporary;
    char name[CF_PARTIAL_FILE_NAME];
    cf_stat stat;
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (!stands_aside(self, intent, &stat) || !cf_node_stat_same_file(&intent->after.stat, &stat) ||
        cf_content_identity_read(intent->after.content, &hash, &size, &ignored))
        return;
    cf_partial_file_name(&hash, false, name);
    cf_files_rename(files, temporary, intent->temporary, temporary, cf_bytes_of_text(name),
                    &ignored);
}

static void recover_place(recovery *self, const cf_intent *intent)
{
    cf_node node = intent->after;
    cf_stat stat;
    bool is_ours = false;

    finish_swap(self, intent);
    if (!self->status)
        is_ours = is_ours_at_place(self, intent, &stat);
    if (!self->status)
        return_displaced(self, intent, is_ours);
    if (!self->status)
        is_ours = is_ours_at_place(self, intent, &stat);
    if (self->status)
        return;
    if (!is_ours) {
        keep_download(self, intent);
        return; /* what is shown will be planned again */
    }
    if (node.kind != CF_KIND_FILE ||
        cf_node_stat_same_bytes(&node.stat, &stat)) /* else it was edited since */
        node.stat = cf_node_stat_of(&stat);
    node.stat.is_racy = node.kind == CF_KIND_FILE && cf_racy_is_coarse(&stat);
    cf_node_distrust(&node); /* the ctime of a save since then is that of our rename as well */
    node.disk = cf_nodes_disk_in(self->binding->nodes, node.parent);
    cf_binding_put_node(self->binding, &node, &self->records);
}

/* Mode and time of `after` were being set on the file of `node`: it gets those that the disk shows
 * now. What else was done to the file stays an edit. */
static void stamp(const cf_disk_traits *traits, cf_node *node, const cf_node *after,
                  const cf_stat *now)
{
    int64_t mtime;

    bool has_mtime = cf_mtime_of(after->mtime, &mtime) &&
                     (traits->loses_times || cf_disk_shows(traits, mtime, now->mtime_ns));
    if (after->mode.size &&
        (traits->loses_modes || cf_mode_of(after->mode, 0) == (now->mode & 0777)))
        node->mode = after->mode;
    if (node->kind != CF_KIND_FILE ||
        (now->size == node->stat.size && (has_mtime || now->mtime_ns == node->stat.mtime_ns)))
        node->stat = cf_node_stat_of(now);
    cf_node_distrust(node);
    if (has_mtime)
        node->mtime = after->mtime;
}

static void recover_stamp(recovery *self, const cf_intent *intent)
{
    const cf_node *before = self->before;
    cf_stat stat;

    if (!before || !is_at_place(self, intent, &stat) ||
        !cf_node_stat_same_file(&intent->after.stat, &stat))
        return;
    cf_node node = *before;
    stamp(&self->binding->traits, &node, &intent->after, &stat);
    cf_binding_put_node(self->binding, &node, &self->records);
}

/* Set aside to be deleted: gone for good only if it is what the base had, else it returns to its
 * place. */
static void recover_delete(recovery *self, const cf_intent *intent)
{
    cf_files *files = self->peer->env->files;
    const cf_node *node = &intent->after;
    cf_displaced displaced;
    cf_stat stat;
    cf_hold hold = {0};
    bool is_base;
    cf_error error;
    cf_status seen;

    if (stands_aside(self, intent, &stat) && !displaced_by(self, intent, &hold, &displaced)) {
        self->status = cf_displaced_is_base(&displaced, node, &is_base, self->error);
        if (!self->status && !is_base && cf_displaced_return(&displaced, &error))
            cf_rescued_add(self->binding, &displaced, node->parent, &error, &self->records);
        cf_hold_release(&hold, files);
    }
    if (self->status)
        return;
    seen = see_place(self, intent, &stat);
    if (seen == CF_MISSING || seen == CF_CHANGED)
        cf_binding_drop_node(self->binding, node->number, &self->records);
}

/* Not to know it would make it the user's, whatever is heard of it before he is asked: it would be
 * new where others have deleted it since. */
static void recover_making(recovery *self, const cf_intent *intent)
{
    cf_node node = intent->after;
    cf_stat stat;

    if (!is_at_place(self, intent, &stat) || stat.kind != CF_FILE_FOLDER ||
        cf_nodes_child(self->binding->nodes, node.parent, node.name))
        return;
    node.stat = cf_node_stat_of(&stat);
    node.disk = cf_nodes_disk_in(self->binding->nodes, node.parent);
    /* The file was made, and had yet to get its mode: that is a step of its own. */
    if (!self->binding->traits.loses_modes &&
        (stat.mode & 0777) != cf_lifted_mode(self->binding, node.number, cf_mode_of(node.mode, 0)))
        node.mode = (cf_bytes){0};
    cf_binding_put_node(self->binding, &node, &self->records);
}

static void (*const recoveries[])(recovery *, const cf_intent *) = {
    [CF_INTENT_PLACE] = recover_place,
    [CF_INTENT_STAMP] = recover_stamp,
    [CF_INTENT_DELETE] = recover_delete,
    [CF_INTENT_MAKE] = recover_making,
};

static void settle(recovery *self, cf_intent *intent)
{
    const cf_node *known = cf_nodes_find(self->binding->nodes, intent->after.number);
    cf_node before = known ? *known : (cf_node){0};

    self->before = known ? &before : NULL;
    self->status = cf_renumber(self->binding, self->peer->env->files, intent,
                               known ? &before : NULL, self->error);
    if (known)
        cf_node_set_add(&self->touched, known->parent);
    cf_node_set_add(&self->touched, intent->after.parent);
    if (!self->status)
        recoveries[intent->kind](self, intent);
    self->before = NULL;
}

static bool recover_one(void *context, cf_bytes key, cf_bytes value)
{
    recovery *self = context;
    cf_arena arena = {0};
    cf_intent intent;

    self->status = read_intent(value, &arena, &intent, self->error);
    if (!self->status) {
        settle(self, &intent);
        cf_kv_list_delete(&self->records, key);
    }
    cf_arena_release(&arena);
    return self->status == CF_OK;
}

/* What stands in the temporary folder now was never shown, or was checked to be the base's, unless
 * it is owed. What a user's program put there meanwhile is not ours to judge, but it is in our own
 * folder. */
static bool empty_one(void *context, cf_bytes name)
{
    recovery *self = context;
    const cf_env *env = self->peer->env;
    cf_files *files = env->files;
    cf_error ignored;

    if (!cf_rescued_has_name(self->binding, name) &&
        !cf_partial_file_is_awaited(files, self->binding->temporary, name,
                                    env->now_ms(env->context)) &&
        files->unlink(files, self->binding->temporary, name, &ignored))
        files->remove_folder(files, self->binding->temporary, name, &ignored);
    return true;
}

/* What was done before the process ended was synced by nobody, and the base is about to know it: a
 * power cut would take it away again, as if the user had. */
static cf_status sync_touched(recovery *self)
{
    cf_files *files = self->peer->env->files;
    cf_status status = CF_OK;

    cf_node_set_sort(&self->touched);
    for (size_t i = 0; !status && i < self->touched.count; i++) {
        cf_hold hold = {0};

        if (i && self->touched.at[i] == self->touched.at[i - 1])
            continue;
        status = cf_binding_hold(self->binding, files, self->touched.at[i], &hold, self->error);
        if (!status)
            status = files->sync_folder(files, hold.folder, self->error);
        else if (!cf_files_has_failed(self->error))
            status = CF_OK;
        cf_hold_release(&hold, files);
    }
    return status;
}

/* What was on its way in folders that had been made writable for it. */
static void lift_again(const recovery *self)
{
    cf_node_set all = {0};

    cf_lifted_list(self->binding, &all);
    for (size_t i = 0; i < all.count; i++)
        cf_lifted_open(self->binding, self->peer->env->files, all.at[i], true);
    cf_node_set_release(&all);
}

/* What was settled in memory alone is not settled: this process tries again, and would take its own
 * doing for the base, and what the base had for a user's save. */
static cf_status forget_settled(recovery *self, cf_status status, cf_error *error)
{
    cf_error again;

    cf_error_while(error, "settling what was under way in %s", self->binding->path);
    if (cf_binding_recall_base(self->peer, self->binding, &again) == CF_OK)
        return status;
    *error = again;
    return again.status;
}

cf_status cf_intents_recover(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    recovery self = {.peer = peer, .binding = binding, .error = error};
    size_t settled;

    cf_status status = binding->lacks_base ? cf_binding_recall_base(peer, binding, error) : CF_OK;
    if (status)
        return status;
    lift_again(&self);
    status = cf_binding_scan(peer, binding, CF_TABLE_INTENT, recover_one, &self, error);
    if (!status)
        status = self.status;
    if (!status)
        status = sync_touched(&self);
    if (!status && self.records.count)
        status = store->write(store, cf_peer_user(peer), self.records.at, self.records.count, true,
                              error);
    if (!status)
        status = cf_rescued_settle(peer, binding, &settled, error);
    if (!status)
        status = cf_lifted_restore(peer, binding, error);
    if (!status)
        status =
            peer->env->files->list(peer->env->files, binding->temporary, empty_one, &self, error);
    if (status)
        status = forget_settled(&self, status, error);
    cf_node_set_release(&self.touched);
    cf_kv_list_release(&self.records);
    return status;
}
