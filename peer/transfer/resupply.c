/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/resupply.h"

#include "broker/platform/hash_set.h"
#include "codec/content.h"
#include "codec/deadlines.h"
#include "codec/limits.h"
#include "peer/transfer/download_chain.h"
#include "peer/transfer/download_jobs.h"
#include "peer/transfer/upload_sealing.h"

#include <stdlib.h>

typedef enum { CF_RESUPPLY_PROVING, CF_RESUPPLY_AGAIN, CF_RESUPPLY_WHOLE } making_step;

/* A content that can't be had. */
typedef struct {
    cf_id collection;
    cf_hash hash;
    uint64_t size;
} need;

struct cf_resupply {
    cf_resupply_options options;
    uint64_t due_ms; /* when to look what can be made; 0: nothing new is wanted */
    need *needs;
    size_t count, capacity;
    cf_hash_set tried;   /* in this session */
    cf_hash_set brought; /* what was lacking, in this session; what is stored stays so */
    cf_head *blocked;
    size_t blocked_count, blocked_capacity;

    need now; /* the one in hand */
    making_step step;
    cf_file *file;
    cf_file_job *proof;
    cf_sealing *sealing;
    cf_in_hand in_hand;
    cf_buffer leaves;
};

/* All are about the need in hand. */

/* What is wanted comes in many messages; and several devices, who are all asked, need not all begin
 * at once. What this device's own entries wait for nobody else is asked for. */
enum { GATHER_MS = 200, SPREAD_MS = 600, GATHER_OWN_MS = 20 };

cf_resupply *cf_resupply_new(const cf_resupply_options *options)
{
    cf_resupply *resupply = cf_allocate(1, sizeof *resupply);

    resupply->options = *options;
    return resupply;
}

static void end_making(cf_resupply *self)
{
    cf_files *files = self->options.peer->env->files;

    cf_sealing_destroy(&self->sealing);
    cf_file_job_destroy(&self->proof);
    files->close_file(files, &self->file);
    cf_buffer_release(&self->leaves);
}

void cf_resupply_destroy(cf_resupply **resupply)
{
    if (!*resupply)
        return;
    end_making(*resupply);
    cf_hash_set_release(&(*resupply)->tried);
    cf_hash_set_release(&(*resupply)->brought);
    free((*resupply)->needs);
    free((*resupply)->blocked);
    free(*resupply);
    *resupply = NULL;
}

/* ---- One content, out of its file ---- */

static cf_file *open_nothing(void *context, const cf_hash *content)
{
    (void)context, (void)content;
    return NULL;
}

/* A file on this device that should have the content; NULL: there is none. */
/* A file on this device that should have the content. */
static cf_file *resupply_open(cf_resupply *self)
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
    options.file = resupply_open(self);
    if (!options.file) {
        cf_ring_destroy(&options.ring);
        return cf_fail(error, CF_MISSING, "its file is gone");
    }
    self->sealing = cf_sealing_new(&options);
    self->step = count ? CF_RESUPPLY_AGAIN : CF_RESUPPLY_WHOLE;
    return CF_OK;
}

/* Begins to seal it under the present epoch. */
static cf_status resupply_seal_whole(cf_resupply *self, cf_error *error)
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

/* Begins to seal the pieces that are lacking as they were, or the whole where that can't be. */
static cf_status resupply_seal_pieces(cf_resupply *self, cf_error *error)
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
    return status || count ? status : resupply_seal_whole(self, error);
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

/* Publishes where the content is found that was sealed as a whole. A failure leaves the peer
 * unusable. */
static cf_status resupply_supply(cf_resupply *self, cf_error *error)
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

static bool is_connected(const cf_resupply *self)
{
    const cf_link *link = self->options.peer->link;

    return link && cf_link_is_connected(link);
}

/* ---- What is wanted ---- */

void cf_resupply_begin(cf_resupply *resupply)
{
    end_making(resupply);
    cf_hash_set_release(&resupply->tried);
    cf_hash_set_release(&resupply->brought);
    resupply->count = resupply->blocked_count = 0;
    resupply->due_ms = 0;
    if (resupply->options.peer->link)
        cf_link_await_blobs(resupply->options.peer->link, false);
    cf_contents_lack_nothing(resupply->options.peer->contents);
}

static void look_soon(cf_resupply *self, uint64_t now_ms)
{
    const cf_env *env = self->options.peer->env;
    uint8_t random[2];

    if (self->due_ms)
        return;
    env->random(env->context, random, sizeof random);
    self->due_ms = now_ms + GATHER_MS + (uint64_t)(random[0] << 8 | random[1]) % SPREAD_MS;
}

void cf_resupply_wanted(cf_resupply *resupply, const cf_hash *blobs, size_t count, uint64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        cf_contents_lack(resupply->options.peer->contents, &blobs[i]);
        cf_hash_set_remove(&resupply->brought, &blobs[i]);
    }
    if (count == CF_ENTRY_BLOBS_MAX) /* as many as a message holds */
        cf_contents_lack_unnamed(resupply->options.peer->contents);
    look_soon(resupply, now_ms);
}

void cf_resupply_asked(cf_resupply *resupply, uint64_t now_ms)
{
    look_soon(resupply, now_ms);
}

void cf_resupply_looked(cf_resupply *resupply, uint64_t now_ms, uint64_t *deadline)
{
    if (!is_connected(resupply) || !cf_contents_lacking(resupply->options.peer->contents))
        return;
    if (!resupply->due_ms)
        resupply->due_ms = now_ms;
    cf_deadline_lower(deadline, resupply->due_ms);
}

static void look_at_once(cf_resupply *self, uint64_t now_ms)
{
    if (!self->due_ms || self->due_ms > now_ms + GATHER_OWN_MS)
        self->due_ms = now_ms + GATHER_OWN_MS;
}

/* A refusal doesn't say which: some may have come since it was sent. */
static cf_status lack_blobs_of(const cf_resupply *self, const cf_head *head, cf_error *error)
{
    cf_peer *peer = self->options.peer;
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;

    cf_status status = cf_log_get(peer->log, head, &wire, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    for (size_t i = 0; !status && i < entry.header.blob_count; i++)
        if (!cf_hash_set_contains(&self->brought, &entry.header.blobs[i]))
            cf_contents_lack(peer->contents, &entry.header.blobs[i]);
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return status;
}

void cf_resupply_blocked(cf_resupply *resupply, const cf_head *entry, uint64_t now_ms)
{
    cf_error error;

    if (lack_blobs_of(resupply, entry, &error)) {
        cf_report(resupply->options.peer->env, CF_REPORT_WARNING, "an entry that waits: %s",
                  error.text);
        return;
    }
    *cf_one_more(resupply->blocked, resupply->blocked_count, resupply->blocked_capacity) = *entry;
    look_at_once(resupply, now_ms);
}

void cf_resupply_behind(cf_resupply *resupply, const cf_head *entry, uint64_t now_ms)
{
    cf_error ignored; /* it is told when the entry itself is blocked */

    if (resupply->blocked_count && !lack_blobs_of(resupply, entry, &ignored))
        look_at_once(resupply, now_ms);
}

/* ---- What can be made ---- */

typedef struct {
    cf_resupply *resupply;
    const cf_binding *binding;
} look;

static void look_at(void *context, const cf_node *node)
{
    const look *self = context;
    cf_resupply *resupply = self->resupply;
    need found = {.collection = self->binding->collection};
    cf_error ignored;

    if (node->kind != CF_KIND_FILE || node->stat.size <= CF_INLINE_MAX ||
        cf_content_identity_read(node->content, &found.hash, &found.size, &ignored) ||
        cf_hash_set_contains(&resupply->tried, &found.hash) ||
        cf_contents_available(resupply->options.peer->contents, &found.collection, &found.hash))
        return;
    *cf_one_more(resupply->needs, resupply->count, resupply->capacity) = found;
}

static void look_around(cf_resupply *self)
{
    size_t count;
    cf_binding *const *bindings = self->options.bindings(self->options.context, &count);

    self->due_ms = 0;
    self->count = 0;
    for (size_t i = 0; i < count; i++)
        if (bindings[i]->root && !bindings[i]->silence)
            cf_nodes_each(bindings[i]->nodes, look_at, &(look){self, bindings[i]});
}

/* ---- Going on ---- */

static void begin_next(cf_resupply *self)
{
    cf_peer *peer = self->options.peer;

    while (self->count && !self->proof) {
        self->now = self->needs[--self->count];
        if (cf_hash_set_contains(&self->tried, &self->now.hash))
            continue; /* it stands in several places */
        self->file = resupply_open(self);
        if (!self->file)
            continue;
        cf_hash_set_insert(&self->tried, &self->now.hash);
        self->proof = cf_file_job_verify(peer->env, self->file, &self->now.hash, self->now.size);
        self->step = CF_RESUPPLY_PROVING;
    }
}

static void give_up(cf_resupply *self, const cf_error *why)
{
    cf_report(self->options.peer->env, CF_REPORT_DETAIL, "sealing a content again: %s", why->text);
    end_making(self);
}

static void end_proof(cf_resupply *self)
{
    cf_files *files = self->options.peer->env->files;
    cf_error error;

    if (!cf_file_job_over(self->proof))
        return;
    cf_status status = cf_file_job_result(self->proof, &error);
    if (!status)
        cf_file_job_leaves(self->proof, &self->leaves);
    cf_file_job_destroy(&self->proof);
    files->close_file(files, &self->file);
    if (!status)
        status = resupply_seal_pieces(self, &error);
    if (status)
        give_up(self, &error);
}

static cf_status end_sealing(cf_resupply *self, bool silent, cf_error *error)
{
    cf_error why;

    switch (cf_sealing_step(self->sealing, &why)) {
    case CF_SEALING_WORKING:
        return CF_OK;
    case CF_SEALING_FAILED:
        cf_sealing_destroy(&self->sealing);
        if (self->step != CF_RESUPPLY_AGAIN || resupply_seal_whole(self, &why))
            give_up(self, &why);
        return CF_OK;
    case CF_SEALING_DONE:
        break;
    }
    cf_status status =
        self->step == CF_RESUPPLY_WHOLE && !silent ? resupply_supply(self, error) : CF_OK;
    end_making(self);
    return status;
}

/* What could not be made, entries have to do without. */
static void release_blocked(cf_resupply *self)
{
    cf_peer *peer = self->options.peer;

    for (size_t i = 0; i < self->blocked_count; i++) {
        cf_buffer wire = {0};
        cf_arena arena = {0};
        cf_entry entry;
        cf_error ignored;

        if (cf_log_get(peer->log, &self->blocked[i], &wire, &ignored) == CF_OK &&
            cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK)
            for (size_t k = 0; k < entry.header.blob_count; k++)
                if (cf_contents_lacks(peer->contents, &entry.header.blobs[k]))
                    cf_link_publish_without(peer->link, &entry.header.blobs[k]);
        cf_arena_release(&arena);
        cf_buffer_release(&wire);
    }
    self->blocked_count = 0;
}

static bool is_making(const cf_resupply *self)
{
    return self->proof || self->sealing;
}

cf_status cf_resupply_step(cf_resupply *resupply, bool silent, uint64_t now_ms, uint64_t *deadline,
                           cf_error *error)
{
    cf_status status = CF_OK;

    if (!is_connected(resupply))
        return CF_OK;
    if (resupply->due_ms && resupply->due_ms <= now_ms)
        look_around(resupply);
    do {
        if (!is_making(resupply))
            begin_next(resupply);
        if (resupply->proof)
            end_proof(resupply);
        if (resupply->sealing)
            status = end_sealing(resupply, silent, error);
    } while (!status && !is_making(resupply) && resupply->count);
    if (resupply->due_ms)
        cf_deadline_lower(deadline, resupply->due_ms);
    if (!status && !resupply->due_ms && !is_making(resupply) && resupply->blocked_count)
        release_blocked(resupply);
    cf_link_await_blobs(resupply->options.peer->link,
                        is_making(resupply) || resupply->count || resupply->due_ms);
    return status;
}

bool cf_resupply_busy(const cf_resupply *resupply)
{
    return is_connected(resupply) &&
           (is_making(resupply) || resupply->count || resupply->due_ms || resupply->blocked_count);
}

bool cf_resupply_reads(const cf_resupply *resupply, const cf_hash *hash)
{
    return is_making(resupply) && cf_hash_equal(&resupply->now.hash, hash);
}

/* ---- Events of the transfer ---- */

bool cf_resupply_piece(cf_resupply *resupply, const cf_hash *blob, uint64_t offset, size_t size,
                       cf_buffer *out)
{
    return resupply->sealing && cf_sealing_piece(resupply->sealing, blob, offset, size, out);
}

void cf_resupply_stored(cf_resupply *resupply, const cf_hash *blob)
{
    cf_contents *contents = resupply->options.peer->contents;
    uint64_t size;

    if (cf_contents_lacks(contents, blob))
        cf_hash_set_insert(&resupply->brought, blob);
    cf_contents_lack_no_more(contents, blob);
    if (resupply->sealing)
        cf_sealing_stored(resupply->sealing, blob, &size);
}

void cf_resupply_refused(cf_resupply *resupply, const cf_hash *blob, const cf_error *why)
{
    if (resupply->sealing)
        cf_sealing_refused(resupply->sealing, blob, why);
}

/* ---- Elsewhere ---- */

bool cf_has_other_copies(const cf_peer *peer, const cf_id *collection, cf_bytes identity)
{
    cf_error ignored;
    cf_hash hash;
    uint64_t size;

    if (cf_content_identity_read(identity, &hash, &size, &ignored) || size <= CF_INLINE_MAX)
        return true;
    return peer->link && cf_link_is_idle_in(peer->link, collection) &&
           !cf_contents_lacks_unnamed(peer->contents) &&
           cf_contents_available(peer->contents, collection, &hash);
}
