/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/base.h"

#include "broker/platform/jobs.h"
#include "codec/content.h"
#include "peer/bindings/base_copying.h"
#include "peer/merge/node_stat.h"

#include <stdlib.h>

enum { AT_A_TIME = 2 };
#define STALE_MAX (256 * CF_MIB)

typedef struct {
    const cf_binding *binding;
    uint64_t node;
    bool has_before; /* what the file held until then */
    cf_hash before;
    uint64_t before_size;
} wish;

struct cf_bases {
    cf_bases_options options;
    wish *wishes;
    size_t count, capacity, first;
    cf_base_copying *copying[AT_A_TIME];
    uint64_t copied; /* bytes since the last sweep */
    uint64_t shown;  /* bytes that it left */
    bool is_due;     /* a sweep, whatever was copied */
};

cf_bases *cf_bases_new(const cf_bases_options *options)
{
    cf_bases *bases = cf_allocate(1, sizeof *bases);

    bases->options = *options;
    return bases;
}

static void end_copying(cf_bases *bases, size_t i)
{
    bases->copied += cf_base_copying_size(bases->copying[i]);
    cf_base_copying_destroy(&bases->copying[i]);
}

void cf_bases_destroy(cf_bases **bases)
{
    if (!*bases)
        return;
    for (size_t i = 0; i < AT_A_TIME; i++)
        cf_base_copying_destroy(&(*bases)->copying[i]);
    free((*bases)->wishes);
    free(*bases);
    *bases = NULL;
}

cf_status cf_base_hold(const cf_base_cache *cache, cf_hold *out, cf_error *error)
{
    cf_folder *opened = NULL;

    if (!cache->place->dir) {
        *out = (cf_hold){cf_home_base(cache->home), NULL};
        return CF_OK;
    }
    cf_status status = cf_base_place_open(cache->env->files, cache->place, &opened, error);
    if (!status)
        *out = (cf_hold){opened, opened};
    return status;
}

cf_status cf_base_open(const cf_base_cache *cache, const cf_hash *hash, cf_file **out,
                       cf_error *error)
{
    cf_files *files = cache->env->files;
    char text[CF_BASE_NAME];
    cf_hold hold = {0};

    cf_status status = cf_base_hold(cache, &hold, error);
    if (status)
        return error->status = CF_MISSING;
    status = files->open_file(files, hold.folder, cf_base_name(hash, "", text), out, error);
    cf_hold_release(&hold, files);
    return status;
}

void cf_base_drop(const cf_base_cache *cache, const cf_hash *hash)
{
    cf_files *files = cache->env->files;
    char text[CF_BASE_NAME];
    cf_hold hold = {0};
    cf_error ignored;

    if (cf_base_hold(cache, &hold, &ignored))
        return;
    files->unlink(files, hold.folder, cf_base_name(hash, "", text), &ignored);
    cf_hold_release(&hold, files);
}

/* ---- What edits go by: leaves, and what a patch copies ---- */

cf_status cf_leaves_get(cf_peer *peer, const cf_hash *hash, cf_buffer *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};

    cf_status status = store->get(store, cf_peer_user(peer),
                                  cf_key_hash(&arena, CF_TABLE_LEAVES, hash), out, error);
    cf_arena_release(&arena);
    return status;
}

void cf_leaves_put(const cf_hash *hash, cf_bytes leaves, cf_kv_list *records)
{
    cf_arena arena = {0};

    cf_kv_list_put(records, cf_key_hash(&arena, CF_TABLE_LEAVES, hash), leaves);
    cf_arena_release(&arena);
}

/* A file of any source shows this content. */
static bool has_node(const cf_bases *bases, const cf_hash *content)
{
    size_t count;
    cf_binding *const *bindings = bases->options.bindings(bases->options.context, &count);

    for (size_t i = 0; i < count; i++)
        if (cf_nodes_next_of_content(bindings[i]->nodes, content, NULL))
            return true;
    return false;
}

/* From a content down its chain of patches, as far as no file shows any: the records of each. */
static void drop_chain(const cf_bases *bases, const cf_id *collection, const cf_hash *content,
                       cf_kv_list *records)
{
    cf_contents *contents = bases->options.peer->contents;
    cf_content_source source = {.content.how = {.is_patch = true, .base = *content}};
    cf_arena arena = {0};
    cf_error ignored;

    for (int i = 0; i <= CF_DELTA_DEPTH_MAX && source.content.how.is_patch; i++) {
        const cf_hash at = source.content.how.base;

        if (has_node(bases, &at) ||
            cf_contents_get(contents, collection, &at, &arena, &source, &ignored))
            break;
        cf_kv_list_delete(records, cf_key_hash(&arena, CF_TABLE_LEAVES, &at));
        cf_kv_list_delete(records, cf_key_hash(&arena, CF_TABLE_KNOWN, &at));
    }
    cf_arena_release(&arena);
}

/* What the versions of a file need to be edited is kept for as long as its chain goes on:
 *
 *     W, patches P Q on it, and the file is Q now: of all three
 *     X, whole, takes Q's place: of X alone; an edit of X goes by nothing that P was */
static void end_chain(const cf_bases *bases, const wish *wanted)
{
    cf_peer *peer = bases->options.peer;
    cf_store *store = cf_home_store(peer->home);
    const cf_binding *binding = wanted->binding;
    const cf_node *node = cf_nodes_find(binding->nodes, wanted->node);
    cf_kv_list records = {0};
    uint64_t size, depth;
    cf_error ignored;
    cf_hash now;

    if (!wanted->has_before || !node ||
        cf_content_identity_read(node->content, &now, &size, &ignored) ||
        cf_contents_find(peer->contents, &binding->collection, &now, &depth, &size, &ignored) ||
        depth)
        return;
    drop_chain(bases, &binding->collection, &wanted->before, &records);
    if (records.count)
        store->write(store, cf_peer_user(peer), records.at, records.count, false, &ignored);
    cf_kv_list_release(&records);
}

/* ---- Copying ---- */

static bool has_copy(const cf_bases *bases, const cf_folder *cache, const cf_hash *hash,
                     cf_stat *stat)
{
    cf_files *files = bases->options.peer->env->files;
    char text[CF_BASE_NAME];
    cf_error ignored;

    return files->stat(files, cache, cf_base_name(hash, "", text), stat, &ignored) == CF_OK;
}

static bool are_in_one_place(const cf_binding *a, const cf_binding *b)
{
    return a == b || (!a->place.dir && !b->place.dir);
}

static bool is_copied(const cf_bases *bases, const cf_binding *binding, const cf_hash *hash)
{
    for (size_t i = 0; i < AT_A_TIME; i++)
        if (bases->copying[i] &&
            are_in_one_place(cf_base_copying_binding(bases->copying[i]), binding) &&
            cf_hash_equal(cf_base_copying_content(bases->copying[i]), hash))
            return true;
    return false;
}

/* A source of records has its long values there, and nowhere else. */
static bool is_shown(const cf_bases *bases, const cf_stat *stat)
{
    size_t count;
    cf_binding *const *bindings = bases->options.bindings(bases->options.context, &count);

    for (size_t i = 0; i < count; i++)
        for (const cf_node *node = cf_nodes_next_of_inode(bindings[i]->nodes, stat->inode, NULL);
             node; node = cf_nodes_next_of_inode(bindings[i]->nodes, stat->inode, node))
            if (cf_node_stat_same_file(&node->stat, stat))
                return true;
    return false;
}

static bool may_give_up(const cf_bases *bases, const wish *wanted, const cf_folder *cache,
                        const cf_hash *now)
{
    cf_stat stat;

    return wanted->has_before && !cf_hash_equal(&wanted->before, now) &&
           !is_copied(bases, wanted->binding, &wanted->before) &&
           has_copy(bases, cache, &wanted->before, &stat) && !is_shown(bases, &stat) &&
           !bases->options.is_read(bases->options.context, &wanted->before);
}

static void read_leaves(cf_peer *peer, cf_base_content *content, cf_buffer *leaves)
{
    cf_error ignored;

    if (content->size && cf_leaves_get(peer, &content->hash, leaves, &ignored) == CF_OK)
        content->leaves = cf_buffer_view(leaves);
}

/* Takes over what holds the cache. */
static void start_in(cf_bases *bases, const wish *wanted, cf_base_copying_options options,
                     cf_base_copying **out)
{
    cf_peer *peer = bases->options.peer;
    cf_buffer leaves = {0}, before_leaves = {0};
    cf_stat stat;

    if (has_copy(bases, options.cache.folder, &options.now.hash, &stat)) {
        cf_hold_release(&options.cache, peer->env->files);
        return;
    }
    options.gives_up_before = may_give_up(bases, wanted, options.cache.folder, &options.now.hash);
    if (options.gives_up_before || cf_base_prints_fit(options.now.size)) {
        options.before = (cf_base_content){wanted->before, wanted->before_size, {0}};
        read_leaves(peer, &options.now, &leaves);
        read_leaves(peer, &options.before, &before_leaves);
    }
    *out = cf_base_copying_start(&options);
    cf_buffer_release(&leaves);
    cf_buffer_release(&before_leaves);
}

static void start(cf_bases *bases, const wish *wanted, cf_base_copying **out)
{
    cf_peer *peer = bases->options.peer;
    const cf_binding *binding = wanted->binding;
    const cf_base_cache cache = {peer->env, peer->home, &binding->place};
    cf_base_copying_options options = {.peer = peer,
                                       .binding = binding,
                                       .node = cf_nodes_find(binding->nodes, wanted->node),
                                       .any_size = binding->base == CF_BASE_FULL,
                                       .no_copies = binding->base == CF_BASE_LEAVES};
    cf_error ignored;

    if (!options.node || !binding->root || binding->silence ||
        cf_content_identity_read(options.node->content, &options.now.hash, &options.now.size,
                                 &ignored) ||
        is_copied(bases, binding, &options.now.hash) ||
        cf_base_hold(&cache, &options.cache, &ignored))
        return;
    start_in(bases, wanted, options, out);
}

void cf_bases_keep(cf_bases *bases, const cf_binding *binding, const cf_node *node, cf_bytes before)
{
    wish wanted = {.binding = binding, .node = node->number};
    cf_error ignored;
    cf_hash hash;
    uint64_t size;

    if (node->kind != CF_KIND_FILE ||
        cf_content_identity_read(node->content, &hash, &size, &ignored) || size <= CF_INLINE_MAX)
        return; /* small ones stand in the log */
    wanted.has_before =
        before.size &&
        cf_content_identity_read(before, &wanted.before, &wanted.before_size, &ignored) == CF_OK;
    if (binding->base == CF_BASE_LEAVES && !cf_base_prints_fit(size)) {
        end_chain(bases, &wanted);
        return;
    }
    if (bases->first && bases->first == bases->count)
        bases->first = bases->count = 0;
    *cf_one_more(bases->wishes, bases->count, bases->capacity) = wanted;
}

void cf_bases_wrote(cf_bases *bases, uint64_t size)
{
    bases->copied += size;
}

bool cf_bases_busy(const cf_bases *bases)
{
    for (size_t i = 0; i < AT_A_TIME; i++)
        if (bases->copying[i] && !cf_base_copying_over(bases->copying[i]))
            return true;
    return bases->first < bases->count;
}

bool cf_bases_read(const cf_bases *bases, const cf_binding *binding)
{
    bool reads = bases->first < bases->count;

    for (size_t i = 0; i < AT_A_TIME; i++)
        reads |= bases->copying[i] && cf_base_copying_binding(bases->copying[i]) == binding;
    return reads;
}

void cf_bases_step(cf_bases *bases)
{
    for (size_t i = 0; i < AT_A_TIME; i++) {
        if (bases->copying[i] && cf_base_copying_over(bases->copying[i]))
            end_copying(bases, i);
        while (!bases->copying[i] && bases->first < bases->count) {
            const wish *wanted = &bases->wishes[bases->first++];

            start(bases, wanted, &bases->copying[i]);
            end_chain(bases, wanted);
        }
    }
}

void cf_bases_forget(cf_bases *bases, const cf_binding *binding)
{
    size_t kept = bases->first;

    for (size_t i = 0; i < AT_A_TIME; i++)
        if (bases->copying[i] && cf_base_copying_binding(bases->copying[i]) == binding)
            end_copying(bases, i);
    for (size_t i = bases->first; i < bases->count; i++)
        if (bases->wishes[i].binding != binding)
            bases->wishes[kept++] = bases->wishes[i];
    bases->count = kept;
}

/* ---- Sweeping ---- */

typedef struct {
    bool is_elsewhere; /* not in the home: only what is a copy is taken away */
    cf_hash *shown;
    size_t count, capacity;
    uint64_t bytes;
    cf_arena dropped;
    cf_bytes *names;
    size_t name_count, name_capacity;
} sweeping;

static void note_shown(void *context, const cf_node *node)
{
    sweeping *self = context;
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (node->kind != CF_KIND_FILE ||
        cf_content_identity_read(node->content, &hash, &size, &ignored) || size <= CF_INLINE_MAX)
        return;
    *cf_one_more(self->shown, self->count, self->capacity) = hash;
    self->bytes += size;
}

static int by_hash(const void *a, const void *b)
{
    return cf_hash_compare(a, b);
}

static bool is_of_prints(cf_bytes name)
{
    const size_t size = 2 * CF_HASH_SIZE;

    return name.size > size && cf_bytes_equal(cf_bytes_of(name.data + size, name.size - size),
                                              cf_bytes_of_text(CF_BASE_PRINTS));
}

static bool judge_copy(void *context, cf_bytes name)
{
    sweeping *self = context;
    const size_t size = 2 * CF_HASH_SIZE;
    char text[2 * CF_HASH_SIZE + 1] = "";
    cf_hash hash;

    if (self->is_elsewhere && !cf_base_place_owns(name))
        return true;
    if (name.size == size || is_of_prints(name))
        memcpy(text, name.data, size);
    if (cf_unhex(text, hash.bytes, CF_HASH_SIZE) && self->count &&
        bsearch(&hash, self->shown, self->count, sizeof hash, by_hash))
        return true;
    *cf_one_more(self->names, self->name_count, self->name_capacity) =
        cf_arena_copy(&self->dropped, name);
    return true;
}

static void drop_unshown(const cf_bases *bases, const cf_base_place *place, sweeping *self)
{
    const cf_peer *peer = bases->options.peer;
    const cf_base_cache cache = {peer->env, peer->home, place};
    cf_files *files = peer->env->files;
    cf_hold hold = {0};
    cf_error ignored;

    if (cf_base_hold(&cache, &hold, &ignored) == CF_OK) {
        if (self->count)
            qsort(self->shown, self->count, sizeof *self->shown, by_hash);
        files->list(files, hold.folder, judge_copy, self, &ignored);
        for (size_t i = 0; i < self->name_count; i++)
            files->unlink(files, hold.folder, self->names[i], &ignored);
        cf_hold_release(&hold, files);
    }
    cf_arena_release(&self->dropped);
    free(self->names);
    free(self->shown);
}

void cf_bases_sweep(cf_bases *bases, cf_binding *const *bindings, size_t count)
{
    const cf_base_place home = {0};
    sweeping in_home = {0};
    uint64_t elsewhere = 0;

    if (cf_bases_busy(bases))
        return;
    for (size_t i = 0; i < count; i++) {
        sweeping self = {.is_elsewhere = true};

        if (!bindings[i]->place.dir) {
            cf_nodes_each(bindings[i]->nodes, note_shown, &in_home);
            continue;
        }
        cf_nodes_each(bindings[i]->nodes, note_shown, &self);
        elsewhere += self.bytes;
        if (bindings[i]->answers)
            drop_unshown(bases, &bindings[i]->place, &self);
        else
            free(self.shown);
    }
    bases->shown = in_home.bytes + elsewhere;
    drop_unshown(bases, &home, &in_home);
    bases->copied = 0;
    bases->is_due = false;
}

void cf_bases_sweep_place(cf_bases *bases, const cf_binding *binding)
{
    sweeping self = {.is_elsewhere = true};

    if (!binding->place.dir || binding->meets || !cf_nodes_count(binding->nodes) ||
        cf_bases_busy(bases))
        return;
    cf_nodes_each(binding->nodes, note_shown, &self);
    drop_unshown(bases, &binding->place, &self);
}

void cf_bases_tidy(cf_bases *bases, cf_binding *const *bindings, size_t count)
{
    bases->is_due = true;
    cf_bases_sweep(bases, bindings, count);
}

bool cf_bases_overdue(const cf_bases *bases)
{
    return !cf_bases_busy(bases) && (bases->is_due || bases->copied > STALE_MAX + bases->shown);
}
