/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/resupply_inside.h"

#include "peer/transfer/download_chain.h"

static cf_file *open_nothing(void *context, const cf_hash *content)
{
    (void)context, (void)content;
    return NULL;
}

/* A file on this device that should have the content. */
cf_file *cf_resupply_open(cf_resupply *self)
{
    cf_peer *peer = self->options.peer;
    cf_chain_places places = {
        .peer = peer, .collection = self->now.collection, .open = open_nothing};
    cf_chain chain = {0};
    cf_error ignored;

    places.bindings = self->options.bindings(self->options.context, &places.binding_count);
    if (cf_chain_find(&places, &self->now.hash, &chain, &ignored))
        return NULL;
    cf_chain_release(&chain);
    if (chain.count)
        peer->env->files->close_file(peer->env->files, &chain.base);
    return chain.base;
}

static cf_status seal(cf_resupply *self, const cf_hash *epoch, const cf_sealed_piece *again,
                      size_t count, cf_error *error)
{
    cf_peer *peer = self->options.peer;
    cf_sealing_options options = {
        .env = peer->env,
        .transfer = cf_link_transfer(peer->link),
        .in_hand = &self->in_hand,
        .epoch = *epoch,
        .collection = self->now.collection,
        .size = self->now.size,
        .leaves = cf_buffer_view(&self->leaves),
        .again = again,
        .again_count = count,
    };

    cf_status status = cf_ring_extract(peer->ring, epoch, &options.ring, error);
    if (status)
        return status;
    options.file = cf_resupply_open(self);
    if (!options.file) {
        cf_ring_destroy(&options.ring);
        return cf_fail(error, CF_MISSING, "its file is gone");
    }
    self->sealing = cf_sealing_new(&options);
    self->step = count ? CF_RESUPPLY_AGAIN : CF_RESUPPLY_WHOLE;
    return CF_OK;
}

cf_status cf_resupply_seal_whole(cf_resupply *self, cf_error *error)
{
    cf_hash epoch;

    cf_status status = cf_peer_epoch(self->options.peer, &epoch, error);
    return status ? status : seal(self, &epoch, NULL, 0, error);
}

/* The pieces of the whole that are lacking; none when not all of them can come out again. */
static size_t find_pieces(const cf_resupply *self, const cf_content_source *source,
                          cf_sealed_piece *out)
{
    cf_slice_reader reader = cf_slice_reader_of(source->content.how.slices);
    cf_slice slice;
    uint64_t at = 0;
    size_t count = 0;

    for (; cf_slice_next(&reader, &slice); at += slice.length) {
        if (slice.zeros ||
            !cf_contents_lacks(self->options.peer->contents, &source->blobs[slice.blob]))
            continue;
        if (slice.offset)
            return 0;
        out[count++] = (cf_sealed_piece){at, slice.length, source->blobs[slice.blob]};
    }
    return count;
}

cf_status cf_resupply_seal_pieces(cf_resupply *self, cf_error *error)
{
    cf_arena arena = {0};
    cf_content_source source;
    size_t count = 0;

    cf_status status = cf_contents_get(self->options.peer->contents, &self->now.collection,
                                       &self->now.hash, &arena, &source, error);
    if (!status && !source.content.how.is_patch && !source.content.how.is_inline) {
        cf_slice_reader slices = cf_slice_reader_of(source.content.how.slices);
        cf_sealed_piece *pieces = cf_arena_allocate(&arena, slices.left, sizeof *pieces);

        count = find_pieces(self, &source, pieces);
        if (count)
            status = seal(self, &source.epoch, pieces, count, error);
    }
    cf_arena_release(&arena);
    return status || count ? status : cf_resupply_seal_whole(self, error);
}

/* ---- The supply ---- */

static cf_status publish(cf_resupply *self, const cf_how *how, const cf_hash *blobs, size_t count,
                         cf_error *error)
{
    cf_peer *peer = self->options.peer;
    const cf_env *env = peer->env;
    cf_buffer packed = {0};
    cf_collection *collection;
    cf_dot dot;

    cf_how_pack(&packed, how);
    cf_supply supply = {self->now.hash, cf_buffer_view(&packed)};
    cf_body body = {.part = 1, .parts = 1, .supplies = &supply, .supply_count = 1};
    cf_status status = cf_peer_collection(peer, &self->now.collection, &collection, error);
    if (!status) {
        cf_publication *publication = cf_publication_new(peer, collection);

        body.time = cf_publication_time(publication, env->now_ms(env->context));
        status = cf_publication_add(publication, &body, blobs, count, &dot, error);
        if (!status)
            status = cf_publication_commit(publication, NULL, error);
        cf_publication_destroy(&publication);
    }
    cf_buffer_release(&packed);
    return status == CF_DENIED ? CF_OK : status; /* no content key now */
}

cf_status cf_resupply_supply(cf_resupply *self, cf_error *error)
{
    cf_contents *contents = self->options.peer->contents;
    cf_slices slices = {0};
    cf_buffer packed = {0};
    cf_arena arena = {0};
    cf_hash *blobs;
    size_t count;
    cf_status status = CF_OK;

    cf_sealing_result(self->sealing, &slices, &blobs, &count, &arena);
    cf_slices_pack(&slices, &packed);
    cf_how how = {.slices = cf_buffer_view(&packed), .length = slices.length};
    /* Another device may have been faster. */
    if (!cf_contents_available(contents, &self->now.collection, &self->now.hash))
        status = publish(self, &how, blobs, count, error);
    cf_slices_release(&slices);
    cf_buffer_release(&packed);
    cf_arena_release(&arena);
    return status;
}
