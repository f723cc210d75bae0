/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/depot.h"

#include "broker/jobs.h"
#include "codec/blob.h"
#include "codec/delta.h"
#include "peer/node_stat.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t content_key[CF_KEY_SIZE] = "the key of all contents";

static void some_random(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 7, size);
}

static uint64_t some_time(void *context)
{
    (void)context;
    return 1700000000000;
}

static void no_report(void *context, cf_report_level level, const char *text)
{
    (void)context, (void)level, (void)text;
}

/* ---- The link's events ---- */

static void on_connected(void *context, const cf_link_welcome *welcome)
{
    (void)context, (void)welcome;
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    (void)context, (void)loss;
}

static void on_entry(void *context, const cf_entry *entry)
{
    (void)context, (void)entry;
}

static void on_accepted(void *context, const cf_head *entry)
{
    (void)context, (void)entry;
}

static void on_refused(void *context, const cf_link_refusal *refusal)
{
    (void)context, (void)refusal;
}

static void on_wanted(void *context, const cf_hash *blobs, size_t count)
{
    (void)context, (void)blobs, (void)count;
}

static void on_idle(void *context)
{
    (void)context;
}

static bool on_piece(void *context, const cf_hash *blob, uint64_t offset, size_t size,
                     cf_buffer *out)
{
    (void)context, (void)blob, (void)offset, (void)size, (void)out;
    return false;
}

static void on_stored(void *context, const cf_hash *blob)
{
    (void)context, (void)blob;
}

static void on_blob_refused(void *context, const cf_hash *blob, const cf_error *why)
{
    cf_downloads_refused(((depot *)context)->downloads, blob, why);
}

static void on_delayed(void *context, const cf_hash *blob, cf_bytes code, cf_bytes text)
{
    (void)context, (void)blob, (void)code, (void)text;
}

static void on_received(void *context, const cf_hash *blob, uint64_t offset, uint64_t total,
                        cf_bytes bytes)
{
    cf_downloads_received(((depot *)context)->downloads, blob, offset, total, bytes);
}

static void on_absent(void *context, const cf_hash *blob)
{
    cf_downloads_absent(((depot *)context)->downloads, blob);
}

static cf_link *a_link(depot *self)
{
    cf_link_options options = {
        .env = &self->env,
        .store = self->store,
        .user = *cf_peer_user(&self->peer),
        .events = {on_connected,
                   on_lost,
                   on_entry,
                   on_accepted,
                   on_refused,
                   on_wanted,
                   on_idle,
                   NULL,
                   NULL,
                   NULL,
                   NULL,
                   NULL,
                   {on_piece, on_stored, on_blob_refused, on_delayed, on_received, on_absent},
                   self},
    };

    return cf_link_new(&options);
}

/* ---- Opening ---- */

static cf_binding *const *bindings_of(void *context, size_t *count)
{
    *count = 1;
    return ((depot *)context)->bindings;
}

static void begin_downloads(depot *self)
{
    self->downloads = cf_downloads_new(&(cf_downloads_options){&self->peer, bindings_of, self});
}

static void open_peer(depot *self)
{
    cf_error error;
    char path[96];
    cf_peer *peer = &self->peer;
    const cf_header *header = &self->author.next;

    snprintf(path, sizeof path, "%s/home", self->disk->path);
    peer->env = &self->env;
    expect_ok(cf_home_open(&(cf_home_options){.env = &self->env, .path = path, .create = true},
                           &peer->home, &error),
              error);
    self->store = cf_home_store(peer->home);
    peer->ring = cf_ring_new(&header->user);
    cf_hash commitment = cf_commitment(&header->user, content_key);
    cf_ring_expect(peer->ring, &header->epoch, &commitment);
    expect_ok(cf_ring_give(peer->ring, &header->epoch, content_key, &error), error);
    expect_ok(cf_log_open(self->store, &header->user, &peer->log, &error), error);
    expect_ok(self->store->acquire(self->store, &header->user, &self->epoch, &error), error);
    peer->contents = cf_contents_new(peer->log, peer->ring);
    peer->link = a_link(self);
    self->outbox = cf_outbox_new();
}

static void open_binding(depot *self)
{
    cf_files *files = self->disk->files;
    cf_error error;
    char path[96];
    cf_binding *made;

    scratch_mkdir(self->disk, "folder");
    scratch_mkdir(self->disk, "folder/tmp");
    snprintf(path, sizeof path, "%s/folder", self->disk->path);
    cf_binding_options options = {
        .number = 1, .collection = self->author.next.collection, .path = path};
    expect_ok(cf_binding_new(&options, &made, &error), error);
    expect_ok(files->open_root(files, path, &made->root, &error), error);
    expect_ok(
        files->open_folder(files, made->root, cf_bytes_of_text("tmp"), &made->temporary, &error),
        error);
    self->bindings[0] = made;
}

void depot_open(depot *self)
{
    *self = (depot){.disk = scratch_new(), .author = an_author(1), .serve_max = SIZE_MAX};
    self->env =
        (cf_env){NULL, some_random, some_time, no_report, self->disk->files, cf_jobs_inline_new(0)};
    open_peer(self);
    open_binding(self);
    begin_downloads(self);
}

void depot_close(depot *self)
{
    cf_downloads_destroy(&self->downloads);
    for (size_t i = 0; i < self->blob_count; i++)
        cf_buffer_release(&self->blobs[i].sealed);
    cf_buffer_release(&self->identity);
    cf_binding_destroy(&self->bindings[0], self->disk->files);
    cf_link_destroy(&self->peer.link);
    cf_outbox_destroy(&self->outbox);
    cf_contents_destroy(&self->peer.contents);
    cf_log_destroy(&self->peer.log);
    cf_ring_destroy(&self->peer.ring);
    cf_home_close(&self->peer.home);
    cf_jobs_destroy(&self->env.jobs);
    scratch_destroy(&self->disk);
}

void depot_replace_link(depot *self)
{
    depot_cut(self);
    cf_link_destroy(&self->peer.link);
    self->peer.link = a_link(self);
}

void depot_restart(depot *self)
{
    cf_downloads_destroy(&self->downloads);
    depot_replace_link(self);
    begin_downloads(self);
    self->serve_max = SIZE_MAX;
}

/* ---- The broker ---- */

void depot_damage(depot *self, size_t blob)
{
    self->blobs[blob].sealed.data[self->blobs[blob].sealed.size / 2] ^= 1;
}

static void reply(depot *self, const cf_message *message)
{
    cf_frames frames = {0};
    cf_bytes parts[CF_MESSAGE_FRAMES];

    cf_message_write(message, &frames);
    for (size_t i = 0; i < frames.count; i++)
        parts[i] = cf_buffer_view(&frames.frame[i]);
    cf_link_handle(self->peer.link, parts, frames.count, 0, self->outbox);
    cf_frames_release(&frames);
}

static void serve(depot *self, const cf_hash *id, uint64_t offset)
{
    size_t i = 0;

    while (i < self->blob_count && !cf_hash_equal(&self->blobs[i].id, id))
        i++;
    if (self->served == self->serve_max)
        return;
    if (i == self->blob_count || self->blobs[i].lacks) {
        reply(self, &(cf_message){.command = CF_COMMAND_ABSENT, .absent = {*id}});
        return;
    }
    cf_bytes sealed = cf_buffer_view(&self->blobs[i].sealed);
    size_t left = sealed.size - offset, size = left < CF_BLOB_STEP ? left : CF_BLOB_STEP;
    self->served++;
    self->served_bytes += size;
    reply(self, &(cf_message){
                    .command = CF_COMMAND_BLOB,
                    .blob = {*id, offset, sealed.size, cf_bytes_of(sealed.data + offset, size)}});
}

typedef struct {
    cf_frames *at;
    size_t count, capacity;
} letters;

static cf_send_answer keep_letter(void *context, cf_bytes destination, cf_frames *frames)
{
    letters *all = context;

    (void)destination;
    all->at = cf_grow(all->at, &all->capacity, all->count + 1, sizeof *all->at);
    all->at[all->count++] = *frames;
    *frames = (cf_frames){0};
    return CF_SEND_DONE;
}

static void answer(depot *self, const cf_frames *frames)
{
    cf_arena arena = {0};
    cf_bytes parts[CF_MESSAGE_FRAMES];
    cf_message message;
    cf_error error;

    for (size_t i = 0; i < frames->count; i++)
        parts[i] = cf_buffer_view(&frames->frame[i]);
    expect_ok(cf_message_read(parts, frames->count, &arena, &message, &error), error);
    if (message.command == CF_COMMAND_HELLO)
        reply(self,
              &(cf_message){.command = CF_COMMAND_WELCOME,
                            .welcome = {.version = CF_PROTOCOL_VERSION, .window = CF_WINDOW}});
    else if (message.command == CF_COMMAND_SUBSCRIBE)
        reply(self, &(cf_message){.command = CF_COMMAND_SUBSCRIBED});
    else if (message.command == CF_COMMAND_GET)
        serve(self, &message.get.id, message.get.offset);
    cf_arena_release(&arena);
}

void depot_pass(depot *self)
{
    letters all = {0};

    cf_downloads_step(self->downloads);
    cf_link_tick(self->peer.link, 0, self->outbox);
    cf_outbox_send(self->outbox, keep_letter, &all);
    for (size_t i = 0; i < all.count; i++) {
        answer(self, &all.at[i]);
        cf_frames_release(&all.at[i]);
    }
    free(all.at);
}

void depot_connect(depot *self)
{
    cf_link_start(self->peer.link);
    for (int i = 0; i < 4; i++)
        depot_pass(self);
    cr_assert(cf_link_is_connected(self->peer.link));
}

void depot_cut(depot *self)
{
    cf_link_stop(self->peer.link);
    cf_outbox_discard(self->outbox, (cf_bytes){0});
}

static bool wait_for_jobs(depot *self)
{
    struct pollfd at = {self->env.jobs->descriptor(self->env.jobs), POLLIN, 0};

    return at.fd >= 0 && cf_downloads_busy(self->downloads) && poll(&at, 1, 1000) > 0;
}

/* As the program's loop does it: a step only when something came. */
void depot_run(depot *self)
{
    bool moved;

    do {
        size_t served = self->served;

        depot_pass(self);
        moved = self->env.jobs->deliver(self->env.jobs) > 0 || self->served > served ||
                wait_for_jobs(self);
    } while (moved);
}

/* ---- Entries ---- */

static cf_hash keep_blob(depot *self, cf_bytes piece)
{
    cf_seal_place place = {self->peer.ring, &self->author.next.epoch,
                           &self->author.next.collection};
    cf_error error;

    cr_assert_lt(self->blob_count, DEPOT_BLOBS);
    cf_buffer *sealed = &self->blobs[self->blob_count].sealed;
    expect_ok(cf_blob_seal(&place, piece, sealed, &self->blobs[self->blob_count].id, &error),
              error);
    return self->blobs[self->blob_count++].id;
}

static void write_entry(depot *self, const cf_content *content, const cf_hash *blobs, size_t count)
{
    cf_header *header = &self->author.next;
    cf_seal_place place = {self->peer.ring, &header->epoch, &header->collection};
    cf_buffer value = {0}, plain = {0}, open = {0}, sealed = {0}, wire = {0};
    cf_records records = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    cf_content_pack(&value, content);
    cf_change change = {.item = {"file"},
                        .field = cf_bytes_of_text(CF_FIELD_CONTENT),
                        .value = cf_buffer_view(&value)};
    cf_body body = {.time = {1, header->sequence},
                    .part = 1,
                    .parts = 1,
                    .changes = &change,
                    .change_count = 1};
    cf_body_pack(&body, &plain);
    header->blobs = blobs;
    header->blob_count = count;
    cf_header_pack_open(header, &open);
    expect_ok(cf_body_seal(&place, cf_buffer_view(&open), cf_buffer_view(&plain), &sealed, &error),
              error);
    author_write(&self->author, cf_buffer_view(&sealed), &wire);
    expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), error);
    cf_contents_note(self->peer.contents, &entry, content, &records);
    cf_append append = {.user = header->user,
                        .epoch = self->epoch,
                        .entry = &entry,
                        .records = records.at,
                        .record_count = records.count};
    self->store->append(self->store, &append);
    expect_ok(self->store->commit(self->store, &error), error);
    cf_records_release(&records);
    cf_arena_release(&arena);
    cf_buffer_release(&value);
    cf_buffer_release(&plain);
    cf_buffer_release(&open);
    cf_buffer_release(&sealed);
    cf_buffer_release(&wire);
}

static bool is_zero(cf_bytes piece)
{
    return piece.data[0] == 0 && memcmp(piece.data, piece.data + 1, piece.size - 1) == 0;
}

/* Keeps the bytes in blobs; the packed list of slices. */
static void cut(depot *self, cf_bytes bytes, cf_buffer *slices, cf_hash *blobs, size_t *count)
{
    cf_slices list = {0};
    size_t piece = cf_blob_piece_size(bytes.size);

    for (size_t at = 0; at < bytes.size; at += piece) {
        size_t size = bytes.size - at < piece ? bytes.size - at : piece;
        cf_bytes part = cf_bytes_of(bytes.data + at, size);
        bool zeros = is_zero(part);

        cf_slices_add(&list, (cf_slice){.zeros = zeros, .blob = *count, .length = size});
        if (!zeros)
            blobs[(*count)++] = keep_blob(self, part);
    }
    cf_slices_pack(&list, slices);
    cf_slices_release(&list);
}

cf_bytes depot_named(depot *self, cf_bytes content)
{
    cf_hash hash = cf_content_hash(content);

    cf_buffer_clear(&self->identity);
    cf_content_identity_pack(&self->identity, &hash, content.size);
    return cf_buffer_view(&self->identity);
}

static void publish(depot *self, cf_content *content, cf_bytes bytes, bool in_blobs)
{
    cf_hash blobs[DEPOT_BLOBS];
    cf_buffer slices = {0};
    size_t count = 0;

    content->how.is_inline = !in_blobs;
    content->how.bytes = bytes;
    content->how.length = bytes.size;
    if (in_blobs) {
        cut(self, bytes, &slices, blobs, &count);
        content->how.slices = cf_buffer_view(&slices);
    }
    write_entry(self, content, blobs, count);
    cf_buffer_release(&slices);
}

cf_bytes depot_whole(depot *self, cf_bytes content)
{
    cf_content made = {.hash = cf_content_hash(content), .size = content.size};

    publish(self, &made, content, content.size > CF_INLINE_MAX);
    return depot_named(self, content);
}

static cf_bytes patch_of(depot *self, cf_bytes base, cf_bytes content, cf_bytes claimed,
                         bool in_blobs)
{
    cf_buffer patch = {0};
    cf_error error;
    cf_delta_encoding encoding = {
        .source = cf_source_of_bytes(&base),
        .target = cf_source_of_bytes(&content),
        .patch = cf_sink_of_buffer(&patch),
        .form = CF_DELTA_LOG,
    };
    cf_content made = {.hash = cf_content_hash(claimed),
                       .size = claimed.size,
                       .depth = 1,
                       .how = {.is_patch = true, .base = cf_content_hash(base)}};

    expect_ok(cf_delta_encode(&encoding, &error), error);
    publish(self, &made, cf_buffer_view(&patch), in_blobs);
    cf_buffer_release(&patch);
    return depot_named(self, claimed);
}

cf_bytes depot_patch(depot *self, cf_bytes base, cf_bytes content, bool in_blobs)
{
    return patch_of(self, base, content, content, in_blobs);
}

cf_bytes depot_liar(depot *self, cf_bytes base, cf_bytes content, cf_bytes claimed)
{
    return patch_of(self, base, content, claimed, false);
}

/* ---- The folder ---- */

uint8_t *noise(uint64_t seed, size_t size)
{
    uint8_t *bytes = cf_allocate(size, 1);
    uint64_t state = seed * 2654435769 + 1;

    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (uint8_t)(state >> 32);
    }
    return bytes;
}

void depot_lay(depot *self, const char *name, cf_bytes content)
{
    cf_files *files = self->disk->files;
    cf_binding *binding = self->bindings[0];
    cf_file *file;
    cf_stat stat;
    cf_error error;

    expect_ok(files->create_file(files, binding->root, cf_bytes_of_text(name), 0644, &file, &error),
              error);
    expect_ok(files->write_at(files, file, 0, content, &error), error);
    expect_ok(files->stat_file(files, file, &stat, &error), error);
    files->close_file(files, &file);
    cf_node node = {.number = cf_binding_new_number(binding),
                    .parent = CF_NODE_ROOT,
                    .name = cf_bytes_of_text(name),
                    .kind = CF_KIND_FILE,
                    .content = depot_named(self, content),
                    .stat = cf_node_stat_of(&stat)};
    cf_nodes_put(binding->nodes, &node);
}

static bool count_name(void *context, cf_bytes name)
{
    (void)name;
    ++*(size_t *)context;
    return true;
}

size_t depot_temporaries(depot *self)
{
    size_t count = 0;
    cf_error error;

    expect_ok(self->disk->files->list(self->disk->files, self->bindings[0]->temporary, count_name,
                                      &count, &error),
              error);
    return count;
}

cf_download_answer depot_want(depot *self, cf_bytes content, cf_download *out)
{
    cf_buffer kept = {0}; /* `content` may be ours */

    cf_buffer_append(&kept, content.data, content.size);
    cf_download_answer said =
        cf_downloads_want(self->downloads, self->bindings[0], cf_buffer_view(&kept), out);
    if (said == CF_DOWNLOAD_STARTED) {
        depot_run(self);
        said = cf_downloads_want(self->downloads, self->bindings[0], cf_buffer_view(&kept), out);
    }
    cf_buffer_release(&kept);
    return said;
}

void expect_ready(depot *self, cf_bytes identity, cf_bytes content)
{
    cf_files *files = self->disk->files;
    cf_download got;
    cf_buffer bytes = {0};
    cf_hash hash = cf_content_hash(content);
    cf_error error;

    cf_download_answer said = depot_want(self, identity, &got);
    cr_assert_eq(said, CF_DOWNLOAD_READY, "%d: %s", (int)said, got.reason);
    expect_ok(cf_files_read(files, self->bindings[0]->temporary, got.name, content.size + 1, &bytes,
                            &error),
              error);
    cr_expect(cf_bytes_equal(cf_buffer_view(&bytes), content), "the file has other bytes");
    expect_ok(cf_leaves_check(got.leaves, content.size, &hash, &error), error);
    cr_expect_not(cf_downloads_busy(self->downloads) && !cf_downloads_finished(self->downloads));
    cf_buffer_release(&bytes);
}
