/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/base_moving.h"

#include "broker/platform/jobs.h"
#include "codec/content.h"
#include "peer/bindings/base_copying.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { WINDOW = 1 << 20 };

struct cf_base_moving {
    cf_job job;
    const cf_env *env;
    cf_hold from, to;
    cf_hash *contents;
    size_t count, capacity;
    uint8_t *window;
    atomic_bool is_broken_off;
    bool over;
    cf_base_moved moved;
    cf_status status;
    cf_error error;
};

/* ---- One copy ---- */

static bool has_room(const cf_base_moving *self, const cf_file *from)
{
    cf_files *files = self->env->files;
    uint64_t room, whole;
    cf_error ignored;
    cf_stat stat;

    return files->stat_file(files, from, &stat, &ignored) == CF_OK &&
           files->free_bytes(files, self->to.folder, &room, &whole, &ignored) == CF_OK &&
           room >= stat.size + cf_base_room_left(self->to.opened, whole);
}

/* CF_MISSING: the old copy can't be read to its end. */
static cf_status copy_bytes(cf_base_moving *self, const cf_file *from, const cf_file *to,
                            cf_error *error)
{
    cf_files *files = self->env->files;
    cf_status status = CF_OK;
    uint64_t at = 0;
    size_t read = 1;

    while (!status && read && !atomic_load(&self->is_broken_off)) {
        if (files->read_at(files, from, at, self->window, WINDOW, &read, error))
            return error->status = CF_MISSING;
        if (read)
            status = cf_files_write_sparse(files, to, at, cf_bytes_of(self->window, read), error);
        at += read;
    }
    if (!status && read)
        return cf_fail(error, CF_MISSING, "it was broken off");
    return status ? status : files->truncate(files, to, at, error);
}

static cf_status fill(cf_base_moving *self, const cf_file *from, const cf_file *to, cf_error *error)
{
    cf_files *files = self->env->files;
    bool cloned = false;

    cf_status status = files->clone(files, from, to, &cloned, error);
    if (!status && !cloned && !has_room(self, from))
        status = cf_fail(error, CF_FULL, "no room for a copy");
    return status || cloned ? status : copy_bytes(self, from, to, error);
}

static cf_status copy_file(cf_base_moving *self, const cf_hash *content, const cf_file *from,
                           cf_error *error)
{
    cf_files *files = self->env->files;
    char making[CF_BASE_NAME], name[CF_BASE_NAME];
    cf_bytes temporary = cf_base_name(content, CF_BASE_MAKING, making);
    cf_file *to = NULL;
    cf_error ignored;

    files->unlink(files, self->to.folder, temporary, &ignored);
    cf_status status = files->create_file(files, self->to.folder, temporary, 0600, &to, error);
    if (!status)
        status = fill(self, from, to, error);
    files->close_file(files, &to);
    if (!status)
        status = files->replace(files, self->to.folder, temporary, self->to.folder,
                                cf_base_name(content, "", name), error);
    if (status)
        files->unlink(files, self->to.folder, temporary, &ignored);
    return status;
}

static cf_status move(cf_base_moving *self, const cf_hash *content, cf_error *error)
{
    cf_files *files = self->env->files;
    char text[CF_BASE_NAME];
    cf_bytes name = cf_base_name(content, "", text);
    cf_file *from = NULL;
    cf_error ignored;
    cf_stat stat;

    if (files->stat(files, self->to.folder, name, &stat, &ignored) == CF_OK ||
        files->open_file(files, self->from.folder, name, &from, &ignored))
        return CF_OK;
    cf_status status = copy_file(self, content, from, error);
    files->close_file(files, &from);
    self->moved.moved += !status;
    self->moved.left_out += status == CF_FULL || status == CF_MISSING;
    return status == CF_FULL || status == CF_MISSING ? CF_OK : status;
}

/* ---- The job ---- */

static void work(cf_job *job)
{
    cf_base_moving *self = (cf_base_moving *)job;

    for (size_t i = 0; i < self->count && !self->status && !atomic_load(&self->is_broken_off); i++)
        self->status = move(self, &self->contents[i], &self->error);
}

static void done(cf_job *job)
{
    cf_base_moving *self = (cf_base_moving *)job;

    if (job->dropped)
        self->status = cf_fail(&self->error, CF_CHANGED, "the program ends");
    self->over = true;
}

static void gather(void *context, const cf_node *node)
{
    cf_base_moving *self = context;
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (node->kind != CF_KIND_FILE ||
        cf_content_identity_read(node->content, &hash, &size, &ignored) || size <= CF_INLINE_MAX)
        return;
    *cf_one_more(self->contents, self->count, self->capacity) = hash;
}

cf_status cf_base_moving_start(cf_peer *peer, const cf_binding *binding, const cf_base_place *to,
                               cf_base_moving **out, cf_error *error)
{
    const cf_base_cache from = {peer->env, peer->home, &binding->place};
    const cf_base_cache target = {peer->env, peer->home, to};
    cf_base_moving *self = cf_allocate(1, sizeof *self);
    cf_error ignored;

    self->env = peer->env;
    cf_status status = cf_base_hold(&target, &self->to, error);
    if (status) {
        free(self);
        return status;
    }
    self->moved.was_away = cf_base_hold(&from, &self->from, &ignored) != CF_OK;
    if (!self->moved.was_away)
        cf_nodes_each(binding->nodes, gather, self);
    self->window = cf_allocate(WINDOW, 1);
    self->job = (cf_job){.work = work, .done = done, .memory = WINDOW};
    peer->env->jobs->submit(peer->env->jobs, &self->job);
    *out = self;
    return CF_OK;
}

bool cf_base_moving_over(const cf_base_moving *moving)
{
    return moving->over;
}

cf_status cf_base_moving_result(const cf_base_moving *moving, cf_base_moved *out, cf_error *error)
{
    if (moving->status) {
        *error = moving->error;
        return moving->status;
    }
    *out = moving->moved;
    return CF_OK;
}

void cf_base_moving_destroy(cf_base_moving **moving)
{
    cf_base_moving *self = *moving;

    if (!self)
        return;
    atomic_store(&self->is_broken_off, true);
    while (!self->over)
        cf_jobs_await(self->env->jobs);
    cf_hold_release(&self->from, self->env->files);
    cf_hold_release(&self->to, self->env->files);
    free(self->contents);
    free(self->window);
    free(self);
    *moving = NULL;
}
