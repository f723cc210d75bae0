/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/base.h"

#include "broker/jobs.h"
#include "codec/content.h"
#include "peer/merge/node_stat.h"

#include <stdlib.h>

enum { AT_A_TIME = 2, COPY_WINDOW = 1 << 20 };
#define AUTO_MAX (64 * CF_MIB) /* a larger one is kept only where it shares its blocks */
#define ROOM_MIN (1 * CF_GIB)  /* of the disk, left free */
#define STALE_MAX (256 * CF_MIB)

typedef struct {
    const cf_binding *binding;
    uint64_t node;
} wish;

typedef struct {
    cf_job job;
    cf_bases *bases;
    cf_bytes *names;
    size_t depth;
    cf_bytes name;
    cf_arena arena;
    const cf_binding *binding;
    cf_hash hash;
    cf_stat stat;
    uint64_t size;
    bool any_size;
} copying;

struct cf_bases {
    cf_peer *peer;
    wish *wishes;
    size_t count, capacity, first;
    size_t busy;
    uint64_t copied; /* bytes since the last sweep */
    uint64_t shown;  /* bytes that it left */
};

cf_bases *cf_bases_new(cf_peer *peer)
{
    cf_bases *bases = cf_allocate(1, sizeof *bases);

    bases->peer = peer;
    return bases;
}

void cf_bases_destroy(cf_bases **bases)
{
    if (!*bases)
        return;
    while ((*bases)->busy)
        (*bases)->peer->env->jobs->deliver((*bases)->peer->env->jobs);
    free((*bases)->wishes);
    free(*bases);
    *bases = NULL;
}

static cf_bytes name_of(const cf_hash *hash, char text[2 * CF_HASH_SIZE + 5], const char *suffix)
{
    cf_hex(cf_bytes_of(hash->bytes, CF_HASH_SIZE), text);
    memcpy(text + (ptrdiff_t)(2 * CF_HASH_SIZE), suffix, strlen(suffix) + 1);
    return cf_bytes_of_text(text);
}

cf_status cf_base_open(const cf_env *env, const cf_home *home, const cf_hash *hash, cf_file **out,
                       cf_error *error)
{
    char text[2 * CF_HASH_SIZE + 5];

    return env->files->open_file(env->files, cf_home_base(home), name_of(hash, text, ""), out,
                                 error);
}

void cf_base_drop(const cf_env *env, const cf_home *home, const cf_hash *hash)
{
    char text[2 * CF_HASH_SIZE + 5];
    cf_error ignored;

    env->files->unlink(env->files, cf_home_base(home), name_of(hash, text, ""), &ignored);
}

/* ---- Copying ---- */

static cf_status copy_bytes(const copying *self, const cf_file *from, const cf_file *to,
                            cf_error *error)
{
    cf_files *files = self->bases->peer->env->files;
    uint8_t *window = cf_allocate(COPY_WINDOW, 1);
    cf_status status = CF_OK;

    for (uint64_t at = 0; !status && at < self->size; at += COPY_WINDOW) {
        size_t wanted = self->size - at < COPY_WINDOW ? (size_t)(self->size - at) : COPY_WINDOW,
               read;

        status = files->read_at(files, from, at, window, wanted, &read, error);
        if (!status && read != wanted)
            status = cf_fail(error, CF_CHANGED, "the file became shorter");
        if (!status)
            status = files->write_at(files, to, at, cf_bytes_of(window, wanted), error);
    }
    free(window);
    return status;
}

/* As far as a stat can tell: whoever uses the copy hashes it, so nobody needs to before. */
static cf_status check_unchanged(const copying *self, const cf_file *file, cf_error *error)
{
    cf_files *files = self->bases->peer->env->files;
    cf_stat now;

    cf_status status = files->stat_file(files, file, &now, error);
    if (!status && !cf_stat_unchanged(&now, &self->stat))
        status = cf_fail(error, CF_CHANGED, "the file was changed");
    return status;
}

/* A copy that shares its blocks costs nothing; another one only room that is there. */
static cf_status fill(copying *self, const cf_file *from, const cf_file *to, cf_error *error)
{
    cf_files *files = self->bases->peer->env->files;
    uint64_t room = 0;
    bool cloned = false;

    cf_status status = files->clone(files, from, to, &cloned, error);
    if (status || cloned)
        return status;
    status = files->free_bytes(files, cf_home_base(self->bases->peer->home), &room, NULL, error);
    if (!status && ((self->size > AUTO_MAX && !self->any_size) || room < self->size + ROOM_MIN))
        return cf_fail(error, CF_FULL, "no room for a copy");
    return status ? status : copy_bytes(self, from, to, error);
}

static void work(cf_job *job)
{
    copying *self = (copying *)job;
    const cf_peer *peer = self->bases->peer;
    cf_files *files = peer->env->files;
    const cf_folder *base = cf_home_base(peer->home);
    char name[2 * CF_HASH_SIZE + 5], new_name[2 * CF_HASH_SIZE + 5];
    cf_file *from = NULL, *to = NULL;
    cf_hold hold = {0};
    cf_error error;

    cf_bytes temporary = name_of(&self->hash, new_name, ".new");
    cf_status status =
        cf_hold_path(files, self->binding->root, self->names, self->depth, &hold, &error);
    if (!status)
        status = files->open_file(files, hold.folder, self->name, &from, &error);
    if (!status)
        status = check_unchanged(self, from, &error);
    if (!status) {
        files->unlink(files, base, temporary, &error);
        status = files->create_file(files, base, temporary, 0600, &to, &error);
    }
    if (!status)
        status = fill(self, from, to, &error);
    if (!status)
        status = check_unchanged(self, from, &error);
    if (!status)
        status =
            files->replace(files, base, temporary, base, name_of(&self->hash, name, ""), &error);
    if (status && to)
        files->unlink(files, base, temporary, &error);
    files->close_file(files, &to);
    files->close_file(files, &from);
    cf_hold_release(&hold, files);
}

static void done(cf_job *job)
{
    copying *self = (copying *)job;

    self->bases->busy--;
    self->bases->copied += self->size;
    cf_arena_release(&self->arena);
    free(self);
}

static void fill_place(copying *self, const cf_binding *binding, const cf_node *node)
{
    for (uint64_t at = node->parent; at != CF_NODE_ROOT;
         at = cf_nodes_find(binding->nodes, at)->parent)
        self->depth++;
    self->names = cf_arena_allocate(&self->arena, self->depth, sizeof *self->names);
    size_t i = self->depth;
    for (uint64_t at = node->parent; at != CF_NODE_ROOT;
         at = cf_nodes_find(binding->nodes, at)->parent)
        self->names[--i] = cf_arena_copy(&self->arena, cf_nodes_find(binding->nodes, at)->name);
    self->name = cf_arena_copy(&self->arena, node->name);
}

static bool start(cf_bases *bases, const wish *wanted)
{
    const cf_env *env = bases->peer->env;
    const cf_node *node = cf_nodes_find(wanted->binding->nodes, wanted->node);
    cf_file *have = NULL;
    cf_error ignored;

    if (!node || !wanted->binding->root)
        return false;
    copying *self = cf_allocate(1, sizeof *self);
    if (cf_content_identity_read(node->content, &self->hash, &self->size, &ignored) ||
        cf_base_open(env, bases->peer->home, &self->hash, &have, &ignored) == CF_OK) {
        env->files->close_file(env->files, &have);
        free(self);
        return false;
    }
    self->job = (cf_job){.work = work, .done = done, .memory = COPY_WINDOW};
    self->bases = bases;
    self->binding = wanted->binding;
    self->stat = cf_stat_of_node(node);
    self->any_size = wanted->binding->base == CF_BASE_FULL;
    fill_place(self, wanted->binding, node);
    bases->busy++;
    env->jobs->submit(env->jobs, &self->job);
    return true;
}

void cf_bases_keep(cf_bases *bases, const cf_binding *binding, const cf_node *node)
{
    cf_error ignored;
    cf_hash hash;
    uint64_t size;

    if (node->kind != CF_KIND_FILE || binding->base == CF_BASE_LEAVES ||
        cf_content_identity_read(node->content, &hash, &size, &ignored) || size <= CF_INLINE_MAX)
        return; /* small ones stand in the log */
    if (bases->first && bases->first == bases->count)
        bases->first = bases->count = 0;
    bases->wishes = cf_grow(bases->wishes, &bases->capacity, bases->count + 1, sizeof(wish));
    bases->wishes[bases->count++] = (wish){binding, node->number};
}

void cf_bases_wrote(cf_bases *bases, uint64_t size)
{
    bases->copied += size;
}

bool cf_bases_busy(const cf_bases *bases)
{
    return bases->busy || bases->first < bases->count;
}

void cf_bases_step(cf_bases *bases)
{
    while (bases->busy < AT_A_TIME && bases->first < bases->count)
        start(bases, &bases->wishes[bases->first++]);
}

void cf_bases_forget(cf_bases *bases, const cf_binding *binding)
{
    size_t kept = bases->first;

    while (bases->busy)
        bases->peer->env->jobs->deliver(bases->peer->env->jobs);
    for (size_t i = bases->first; i < bases->count; i++)
        if (bases->wishes[i].binding != binding)
            bases->wishes[kept++] = bases->wishes[i];
    bases->count = kept;
}

/* ---- Sweeping ---- */

typedef struct {
    cf_bases *bases;
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
    self->shown = cf_grow(self->shown, &self->capacity, self->count + 1, sizeof hash);
    self->shown[self->count++] = hash;
    self->bytes += size;
}

static int by_hash(const void *a, const void *b)
{
    return cf_hash_compare(a, b);
}

static bool judge_copy(void *context, cf_bytes name)
{
    sweeping *self = context;
    char text[2 * CF_HASH_SIZE + 1] = "";
    cf_hash hash;

    if (name.size == 2 * CF_HASH_SIZE)
        memcpy(text, name.data, name.size);
    if (cf_unhex(text, hash.bytes, CF_HASH_SIZE) && self->count &&
        bsearch(&hash, self->shown, self->count, sizeof hash, by_hash))
        return true;
    self->names = cf_grow(self->names, &self->name_capacity, self->name_count + 1, sizeof name);
    self->names[self->name_count++] = cf_arena_copy(&self->dropped, name);
    return true;
}

void cf_bases_sweep(cf_bases *bases, cf_binding *const *bindings, size_t count)
{
    sweeping self = {.bases = bases};
    cf_files *files = bases->peer->env->files;
    const cf_folder *base = cf_home_base(bases->peer->home);
    cf_error ignored;

    if (cf_bases_busy(bases))
        return;
    for (size_t i = 0; i < count; i++)
        cf_nodes_each(bindings[i]->nodes, note_shown, &self);
    if (self.count)
        qsort(self.shown, self.count, sizeof *self.shown, by_hash);
    files->list(files, base, judge_copy, &self, &ignored);
    for (size_t i = 0; i < self.name_count; i++)
        files->unlink(files, base, self.names[i], &ignored);
    cf_arena_release(&self.dropped);
    free(self.names);
    free(self.shown);
    bases->copied = 0;
    bases->shown = self.bytes;
}

bool cf_bases_overdue(const cf_bases *bases)
{
    return !cf_bases_busy(bases) && bases->copied > STALE_MAX + bases->shown;
}

/* ---- Leaves ---- */

cf_status cf_leaves_get(cf_peer *peer, const cf_hash *hash, cf_buffer *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};

    cf_status status = store->get(store, cf_peer_user(peer),
                                  cf_key_hash(&arena, CF_TABLE_LEAVES, hash), out, error);
    cf_arena_release(&arena);
    return status;
}

void cf_leaves_put(const cf_hash *hash, cf_bytes leaves, cf_records *records)
{
    cf_arena arena = {0};

    cf_records_put(records, cf_key_hash(&arena, CF_TABLE_LEAVES, hash), leaves);
    cf_arena_release(&arena);
}
