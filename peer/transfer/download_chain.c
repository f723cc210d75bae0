/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_chain.h"

#include "peer/bindings/base.h"
#include "peer/merge/node_stat.h"

/* ---- In the log ---- */

/* In the place of a whole, a patch that makes the same. */
static void take_supply(const cf_chain_places *places, const cf_hash *content, cf_arena *arena,
                        cf_content_source *source, cf_chain *chain)
{
    cf_content_source patch;
    cf_error ignored;

    if (source->content.how.is_patch ||
        cf_contents_get_patch(places->peer->contents, &places->collection, content, NULL, arena,
                              &patch, &ignored))
        return;
    *source = patch;
    chain->by_supplies = true;
}

/* `far`: beyond a whole, by what supplies it as a patch. */
static cf_status follow(const cf_chain_places *places, const cf_hash *content, bool far,
                        cf_chain *chain, cf_error *error)
{
    cf_hash at = *content;
    cf_status status = CF_OK;

    for (bool whole = false; !status && !whole;) {
        cf_arena arena = {0};
        cf_content_source source;

        if (chain->count > CF_DELTA_DEPTH_MAX)
            return cf_fail(error, CF_MALFORMED, "a chain of more than %d patches",
                           CF_DELTA_DEPTH_MAX);
        status = cf_contents_get(places->peer->contents, &places->collection, &at, &arena, &source,
                                 error);
        if (!status && far)
            take_supply(places, &at, &arena, &source, chain);
        if (!status) {
            const cf_how *how = &source.content.how;

            chain->at[chain->count++] =
                (cf_link_of_chain){at, source.content.size, !how->is_inline, how->length,
                                   cf_content_is_pieced(&source.content)};
            whole = !how->is_patch;
            at = how->base;
        }
        cf_arena_release(&arena);
    }
    return status;
}

/* ---- On the disk ---- */

typedef struct {
    const cf_chain_places *places;
    const cf_binding *binding;
    const cf_chain *chain;
    size_t found; /* the place in the chain; the chain's count: none yet */
    cf_file *file;
    const cf_base_place *cache; /* it is of this cache; NULL: of none */
} search;

static void take(search *self, size_t place, cf_file *file, const cf_base_place *cache)
{
    cf_files *files = self->places->peer->env->files;

    files->close_file(files, &self->file);
    self->file = file;
    self->found = place;
    self->cache = cache;
}

static cf_file *open_node(const search *self, const cf_node *node)
{
    cf_files *files = self->places->peer->env->files;
    cf_hold hold = {0};
    cf_file *file = NULL;
    cf_stat stat;
    cf_error ignored;

    if (cf_binding_hold(self->binding, files, node->parent, &hold, &ignored) == CF_OK &&
        files->open_file(files, hold.folder, node->name, &file, &ignored) == CF_OK &&
        (files->stat_file(files, file, &stat, &ignored) || node->stat.is_racy ||
         !cf_node_stat_untouched(&node->stat, &stat)))
        files->close_file(files, &file);
    cf_hold_release(&hold, files);
    return file;
}

static void look_in_binding(search *self)
{
    const cf_nodes *nodes = self->binding->nodes;

    for (size_t i = 0; i < self->found; i++) {
        const cf_link_of_chain *one = &self->chain->at[i];
        const cf_node *node = NULL;
        cf_file *file = NULL;

        while (!file && (node = cf_nodes_next_of_content(nodes, &one->content, node)))
            file = node->stat.size == one->size ? open_node(self, node) : NULL;
        if (file)
            take(self, i, file, NULL);
    }
}

/* A disk that is known to answer is asked for another source's sake; else one that can't but do. */
static bool may_ask(const cf_chain_places *places, const cf_binding *binding, bool hangs)
{
    return !binding->silence &&
           (!places->own || binding == places->own || binding->answers || !hangs);
}

static void look_beside(search *self)
{
    const cf_chain_places *places = self->places;

    for (size_t i = 0; i < self->found; i++) {
        cf_file *file = places->open(places->context, &self->chain->at[i].content);

        if (file)
            take(self, i, file, NULL);
    }
}

static void look_in_cache(search *self, const cf_base_place *place)
{
    const cf_peer *peer = self->places->peer;
    const cf_base_cache cache = {peer->env, peer->home, place};
    cf_file *file;
    cf_error ignored;

    for (size_t i = 0; i < self->found; i++)
        if (cf_base_open(&cache, &self->chain->at[i].content, &file, &ignored) == CF_OK)
            take(self, i, file, place);
}

static void look_in_caches(search *self)
{
    static const cf_base_place home;
    const cf_chain_places *places = self->places;

    look_in_cache(self, &home);
    for (size_t i = 0; i < places->binding_count; i++)
        if (places->bindings[i]->place.dir && may_ask(places, places->bindings[i], true))
            look_in_cache(self, &places->bindings[i]->place);
}

static void search_disk(const cf_chain_places *places, cf_chain *chain)
{
    search self = {.places = places, .chain = chain, .found = chain->count};

    look_beside(&self);
    for (size_t i = 0; !places->afresh && i < places->binding_count; i++) {
        self.binding = places->bindings[i];
        if (self.binding->root && may_ask(places, self.binding, self.binding->is_remote))
            look_in_binding(&self);
    }
    if (!places->afresh)
        look_in_caches(&self);
    if (!self.file)
        return;
    chain->base = self.file;
    chain->base_size = chain->at[self.found].size;
    chain->base_content = chain->at[self.found].content;
    chain->base_is_cached = self.cache;
    if (self.cache)
        chain->cache = cf_base_place_copy(self.cache);
    chain->count = self.found;
}

cf_status cf_chain_find(const cf_chain_places *places, const cf_hash *content, cf_chain *out,
                        cf_error *error)
{
    cf_chain chain = {0};

    cf_status status = follow(places, content, true, &chain, error);
    search_disk(places, &chain);
    if (chain.by_supplies && !chain.base) {
        chain = (cf_chain){0};
        status = follow(places, content, false, &chain, error);
        search_disk(places, &chain);
    }
    if (status && !chain.base)
        return status;
    for (size_t i = 0; i < chain.count; i++) {
        chain.by_blobs |= chain.at[i].by_blobs;
        chain.length += chain.at[i].by_blobs ? chain.at[i].length : 0;
    }
    *out = chain;
    return CF_OK;
}

void cf_chain_release(cf_chain *chain)
{
    cf_base_place_release(&chain->cache);
}
