/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/transfer/depot_inside.h"

#include "broker/platform/jobs.h"
#include "peer/merge/node_stat.h"
#include "tests/support/quiet.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const uint8_t content_key[CF_KEY_SIZE] = "the key of all contents";

static void some_random(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 7, size);
}

static uint64_t some_time(void *context)
{
    return 1700000000000 + ((depot *)context)->past_ms;
}

static uint64_t some_steady_time(void *context)
{
    return ((depot *)context)->steady_ms;
}

/* ---- Opening ---- */

static cf_binding *const *bindings_of(void *context, size_t *count)
{
    *count = 1;
    return ((depot *)context)->bindings;
}

static void begin_downloads(depot *self)
{
    self->downloads = cf_downloads_new(
        &(cf_downloads_options){.peer = &self->peer, .bindings = bindings_of, .context = self});
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
    expect_ok(cf_log_open(self->store, &header->user, NULL, &peer->log, &error), error);
    expect_ok(self->store->acquire(self->store, &header->user, &self->epoch, &error), error);
    peer->contents = cf_contents_new(peer->log, peer->ring);
    peer->link = depot_link(self);
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
    self->env = (cf_env){.random = some_random,
                         .now_ms = some_time,
                         .steady_ms = some_steady_time,
                         .context = self,
                         .report = no_report,
                         .files = self->disk->files,
                         .jobs = cf_jobs_inline_new(0)};
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
    self->peer.link = depot_link(self);
}

void depot_restart(depot *self)
{
    cf_downloads_destroy(&self->downloads);
    depot_replace_link(self);
    begin_downloads(self);
    self->serve_max = SIZE_MAX;
}

/* ---- The folder ---- */

uint8_t *noise(uint64_t seed, size_t size)
{
    uint8_t *bytes = cf_allocate(size, 1);
    uint64_t state = seed * 2654435769 + 1;

    for (size_t i = 0; i < size; i += sizeof state) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(bytes + i, &state, size - i < sizeof state ? size - i : sizeof state);
    }
    return bytes;
}

uint8_t *version_of_noise(size_t size, uint8_t number)
{
    uint8_t *bytes = noise(1, size);

    memset(bytes + 70000 * (size_t)number, number, 500);
    return bytes;
}

void depot_spoil(depot *self, const char *path, size_t at)
{
    int file = scratch_open(self->disk, path, O_WRONLY);

    cr_assert_eq(pwrite(file, "spoiled", 7, (off_t)at), 7);
    close(file);
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
