/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/base_copying.h"

#include "broker/platform/jobs.h"
#include "codec/content.h"
#include "peer/merge/node_stat.h"

#include <stdlib.h>
#include <string.h>

enum { COPY_WINDOW = 1 << 20 };
#define AUTO_MAX (64 * CF_MIB) /* a larger one is kept only where it shares its blocks */
#define ROOM_MIN (1 * CF_GIB)  /* of the home's disk, left free; of another one a part of it, */
enum { ROOM_PART = 16 };       /* the 16th, if that is less */

struct cf_base_copying {
    cf_job job;
    const cf_env *env;
    const cf_folder *base;
    cf_hold cache; /* it, while this lives */
    const cf_binding *binding;
    cf_bytes *names; /* of the directories above the file */
    size_t depth;
    cf_bytes name;
    cf_arena arena;
    cf_stat stat;
    cf_base_content now, before;
    bool is_lent;    /* the copy of what was before is this job's */
    bool is_touched; /* and is not what it was any more */
    bool any_size, no_copies;
    uint8_t print_key[CF_BLOCK_KEY];
    bool over;
    uint64_t size;
};

uint64_t cf_base_room_left(bool is_elsewhere, uint64_t whole)
{
    const uint64_t part = whole / ROOM_PART;

    return is_elsewhere && part < ROOM_MIN ? part : ROOM_MIN;
}

/* ---- All of it ---- */

static cf_status copy_bytes(cf_base_copying *self, const cf_file *from, const cf_file *to,
                            cf_error *error)
{
    cf_files *files = self->env->files;
    uint8_t *window = cf_allocate(COPY_WINDOW, 1);
    cf_status status = CF_OK;

    for (uint64_t at = 0; !status && at < self->now.size; at += COPY_WINDOW) {
        uint64_t left = self->now.size - at;
        size_t wanted = left < COPY_WINDOW ? (size_t)left : COPY_WINDOW, read;

        status = files->read_at(files, from, at, window, wanted, &read, error);
        if (!status && read != wanted)
            status = cf_fail(error, CF_CHANGED, "the file became shorter");
        if (!status)
            status = cf_files_write_sparse(files, to, at, cf_bytes_of(window, wanted), error);
    }
    free(window);
    return status ? status : files->truncate(files, to, self->now.size, error);
}

/* As far as a stat can tell: whoever uses the copy hashes it, so nobody needs to before. */
static cf_status check_unchanged(const cf_base_copying *self, const cf_file *file, cf_error *error)
{
    cf_files *files = self->env->files;
    cf_stat now;

    cf_status status = files->stat_file(files, file, &now, error);
    if (!status && !cf_stat_unchanged(&now, &self->stat))
        status = cf_fail(error, CF_CHANGED, "the file was changed");
    return status;
}

static bool has_room(const cf_base_copying *self, uint64_t needed)
{
    cf_files *files = self->env->files;
    uint64_t room = 0, whole = 0;
    cf_error ignored;

    return files->free_bytes(files, self->base, &room, &whole, &ignored) == CF_OK &&
           room >= needed + cf_base_room_left(self->cache.opened, whole);
}

/* A copy that shares its blocks costs nothing; another one only room that is there. */
static cf_status check_room(const cf_base_copying *self, uint64_t needed, cf_error *error)
{
    if ((self->now.size > AUTO_MAX && !self->any_size && !self->cache.opened) ||
        !has_room(self, needed))
        return cf_fail(error, CF_FULL, "no room for a copy");
    return CF_OK;
}

static cf_status fill(cf_base_copying *self, const cf_file *from, const cf_file *to,
                      cf_error *error)
{
    cf_files *files = self->env->files;
    bool cloned = false;

    cf_status status = check_unchanged(self, from, error);
    if (!status)
        status = files->clone(files, from, to, &cloned, error);
    if (!status && !cloned && self->is_lent)
        return cf_fail(error, CF_USAGE, "the disk shares no blocks");
    if (!status && !cloned)
        status = check_room(self, self->now.size, error);
    if (!status && !cloned)
        status = copy_bytes(self, from, to, error);
    return status ? status : check_unchanged(self, from, error);
}

static cf_status make(cf_base_copying *self, const cf_file *from, cf_error *error)
{
    cf_files *files = self->env->files;
    char making[CF_BASE_NAME], name[CF_BASE_NAME];
    cf_bytes temporary = cf_base_name(&self->now.hash, CF_BASE_MAKING, making);
    cf_file *to = NULL;
    cf_error ignored;

    files->unlink(files, self->base, temporary, &ignored);
    cf_status status = files->create_file(files, self->base, temporary, 0600, &to, error);
    if (!status)
        status = fill(self, from, to, error);
    files->close_file(files, &to);
    if (!status)
        status = files->replace(files, self->base, temporary, self->base,
                                cf_base_name(&self->now.hash, "", name), error);
    if (status)
        files->unlink(files, self->base, temporary, &ignored);
    else
        self->size = self->now.size;
    return status;
}

/* ---- What has changed ---- */

/* The file may have grown again since: what its leaf says is still there then. */
static cf_status bring_leaf(cf_base_copying *self, const cf_file *from, const cf_file *to,
                            uint64_t leaf, uint8_t *window, cf_error *error)
{
    cf_files *files = self->env->files;
    const uint64_t at = leaf * CF_LEAF_SIZE;
    size_t size = cf_base_leaf_size(&self->now, leaf), read;

    cf_status status = files->read_at(files, from, at, window, size, &read, error);
    if (!status && !cf_leaf_fits(self->now.leaves, leaf, cf_bytes_of(window, read)))
        status = cf_fail(error, CF_CHANGED, "the file was changed");
    if (status)
        return status;
    self->is_touched = true;
    self->size += size;
    return at < self->before.size
               ? files->write_at(files, to, at, cf_bytes_of(window, size), error)
               : cf_files_write_sparse(files, to, at, cf_bytes_of(window, size), error);
}

static cf_status bring_leaves(cf_base_copying *self, const cf_file *from, const cf_file *to,
                              cf_error *error)
{
    cf_files *files = self->env->files;
    uint8_t *window = cf_allocate(CF_LEAF_SIZE, 1);
    cf_status status = CF_OK;

    for (uint64_t leaf = 0; !status && leaf < cf_leaf_count(self->now.size); leaf++)
        if (cf_base_leaf_changed(&self->before, &self->now, leaf))
            status = bring_leaf(self, from, to, leaf, window, error);
    free(window);
    if (!status && self->now.size != self->before.size) {
        self->is_touched = true;
        status = files->truncate(files, to, self->now.size, error);
    }
    return status;
}

static cf_status bring_up_to_date(cf_base_copying *self, const cf_file *from, cf_error *error)
{
    cf_files *files = self->env->files;
    char lent[CF_BASE_NAME], name[CF_BASE_NAME];
    cf_bytes was = cf_base_name(&self->before.hash, CF_BASE_LENT, lent);
    cf_file *to = NULL;

    cf_status status = check_room(
        self, self->now.size > self->before.size ? self->now.size - self->before.size : 0, error);
    if (!status)
        status = files->reopen_file(files, self->base, was, &to, error);
    if (!status)
        status = bring_leaves(self, from, to, error);
    files->close_file(files, &to);
    if (!status)
        status = files->replace(files, self->base, was, self->base,
                                cf_base_name(&self->now.hash, "", name), error);
    self->is_lent = status != CF_OK;
    return status;
}

/* What is half of each is no copy of either. */
static void give_back(cf_base_copying *self)
{
    cf_files *files = self->env->files;
    char lent[CF_BASE_NAME], name[CF_BASE_NAME];
    cf_bytes was = cf_base_name(&self->before.hash, CF_BASE_LENT, lent);
    cf_error ignored;

    if (self->is_touched)
        files->unlink(files, self->base, was, &ignored);
    else
        files->replace(files, self->base, was, self->base,
                       cf_base_name(&self->before.hash, "", name), &ignored);
}

/* ---- Prints ---- */

static void keep_prints(cf_base_copying *self, const cf_file *from)
{
    cf_base_prints_options options = {.files = self->env->files,
                                      .folder = self->base,
                                      .file = from,
                                      .now = self->now,
                                      .before = self->before};
    cf_error ignored;

    memcpy(options.key, self->print_key, sizeof options.key);
    if (cf_base_prints_fit(self->now.size) &&
        has_room(self, cf_base_prints_bytes(self->now.size)) &&
        cf_base_prints_make(&options, &ignored) == CF_OK)
        self->size = cf_base_prints_bytes(self->now.size);
}

/* ---- The job ---- */

static void work(cf_job *job)
{
    cf_base_copying *self = (cf_base_copying *)job;
    cf_files *files = self->env->files;
    cf_file *from = NULL;
    cf_hold hold = {0};
    cf_error error;

    cf_status status =
        cf_hold_path(files, self->binding->root, self->names, self->depth, &hold, &error);
    if (!status)
        status = files->open_file(files, hold.folder, self->name, &from, &error);
    if (!status && !self->no_copies)
        status = make(self, from, &error);
    if (status && from && self->is_lent)
        status = bring_up_to_date(self, from, &error);
    if (self->is_lent)
        give_back(self);
    if (from && (self->no_copies || status == CF_FULL))
        keep_prints(self, from);
    files->close_file(files, &from);
    cf_hold_release(&hold, files);
}

static void done(cf_job *job)
{
    cf_base_copying *self = (cf_base_copying *)job;

    if (job->dropped && self->is_lent)
        give_back(self);
    self->over = true;
}

static void fill_place(cf_base_copying *self, const cf_nodes *nodes, const cf_node *node)
{
    for (uint64_t at = node->parent; at != CF_NODE_ROOT; at = cf_nodes_find(nodes, at)->parent)
        self->depth++;
    self->names = cf_arena_allocate(&self->arena, self->depth, sizeof *self->names);
    size_t i = self->depth;
    for (uint64_t at = node->parent; at != CF_NODE_ROOT; at = cf_nodes_find(nodes, at)->parent)
        self->names[--i] = cf_arena_copy(&self->arena, cf_nodes_find(nodes, at)->name);
    self->name = cf_arena_copy(&self->arena, node->name);
}

/* Most of it is to stay: who gives up the one for the other gains little else. */
static bool is_worth_it(const cf_base_content *before, const cf_base_content *now)
{
    uint64_t changed = 0;

    if (!cf_base_content_has_leaves(before) || !cf_base_content_has_leaves(now))
        return false;
    for (uint64_t leaf = 0; leaf < cf_leaf_count(now->size); leaf++)
        if (cf_base_leaf_changed(before, now, leaf))
            changed += cf_base_leaf_size(now, leaf);
    return changed <= now->size / 2;
}

/* Out of its place, so that whoever looks for it there from now on finds nothing. Where another job
 * has one of the same content lent, that stays the other's. */
static void borrow(cf_base_copying *self)
{
    const cf_base_content *before = &self->before;
    cf_files *files = self->env->files;
    char lent[CF_BASE_NAME], name[CF_BASE_NAME];
    cf_bytes from = cf_base_name(&before->hash, "", name);
    cf_error ignored;
    cf_stat stat;

    self->is_lent =
        is_worth_it(before, &self->now) &&
        files->stat(files, self->base, from, &stat, &ignored) == CF_OK &&
        stat.kind == CF_FILE_REGULAR && stat.size == before->size &&
        files->rename(files, self->base, from, self->base,
                      cf_base_name(&before->hash, CF_BASE_LENT, lent), &ignored) == CF_OK;
}

static cf_base_content copy_content(cf_base_copying *self, const cf_base_content *content)
{
    return (cf_base_content){content->hash, content->size,
                             cf_arena_copy(&self->arena, content->leaves)};
}

cf_base_copying *cf_base_copying_start(const cf_base_copying_options *options)
{
    cf_base_copying *self = cf_allocate(1, sizeof *self);

    self->job = (cf_job){.work = work, .done = done, .memory = COPY_WINDOW};
    self->env = options->peer->env;
    self->cache = options->cache;
    self->base = self->cache.folder;
    self->binding = options->binding;
    self->stat = cf_stat_of_node(options->node);
    self->any_size = options->any_size;
    self->no_copies = options->no_copies;
    self->now = copy_content(self, &options->now);
    self->before = copy_content(self, &options->before);
    fill_place(self, options->binding->nodes, options->node);
    if (options->gives_up_before)
        borrow(self);
    if (cf_base_prints_fit(self->now.size)) {
        self->env->random(self->env->context, self->print_key, sizeof self->print_key);
        self->job.memory += 2 * cf_base_prints_bytes(self->now.size);
    }
    self->env->jobs->submit(self->env->jobs, &self->job);
    return self;
}

bool cf_base_copying_over(const cf_base_copying *copying)
{
    return copying->over;
}

const cf_binding *cf_base_copying_binding(const cf_base_copying *copying)
{
    return copying->binding;
}

const cf_hash *cf_base_copying_content(const cf_base_copying *copying)
{
    return &copying->now.hash;
}

uint64_t cf_base_copying_size(const cf_base_copying *copying)
{
    return copying->size;
}

void cf_base_copying_destroy(cf_base_copying **copying)
{
    if (!*copying)
        return;
    while (!(*copying)->over)
        cf_jobs_await((*copying)->env->jobs);
    cf_hold_release(&(*copying)->cache, (*copying)->env->files);
    cf_arena_release(&(*copying)->arena);
    free(*copying);
    *copying = NULL;
}
