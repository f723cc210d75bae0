/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/coroutine.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "codec/bytes.h"

struct cf_coroutine {
    cf_job job; /* the first: a job is its coroutine */
    cf_coroutine_options options;
    pthread_mutex_t lock; /* guards all up to `turned` */
    bool is_lent;         /* the owner waits: what is his may be used */
    bool is_away;
    bool is_over;
    bool is_due;        /* the owner has waited for long enough, and goes on at the next call */
    uint64_t calls;     /* so many times it was away */
    uint64_t looked_at; /* the call that it was in when the owner had waited last */
    pthread_cond_t turned;
    bool hangs;             /* it was in that one already when he began to */
    cf_files files, *asked; /* cf_coroutine_files; NULL: nobody has asked for them */
};

#define NO_CALL UINT64_MAX

static struct timespec time_in(unsigned ms)
{
    enum { NS_A_MS = 1000000, NS_A_SECOND = 1000000000 };
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * NS_A_MS;
    at.tv_sec += at.tv_nsec / NS_A_SECOND;
    at.tv_nsec %= NS_A_SECOND;
    return at;
}

void cf_coroutine_leave(cf_coroutine *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_away = true;
    self->calls++;
    if (self->is_due)
        pthread_cond_broadcast(&self->turned);
    pthread_mutex_unlock(&self->lock);
}

void cf_coroutine_enter(cf_coroutine *self)
{
    cf_jobs *jobs = self->options.jobs;

    pthread_mutex_lock(&self->lock);
    self->is_away = false;
    if (!self->is_lent && jobs->wake)
        jobs->wake(jobs);
    while (!self->is_lent && jobs->wake)
        pthread_cond_wait(&self->turned, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

/* He has waited for this call. */
static bool is_looked_at(const cf_coroutine *self)
{
    return self->is_away && self->calls == self->looked_at;
}

/* Until it is over, or the time has come and it is away, or it still is where it was. */
static void wait_for(cf_coroutine *self, unsigned patience_ms)
{
    const bool forever = patience_ms == CF_COROUTINE_FOREVER;
    const struct timespec until = time_in(forever ? 0 : patience_ms);

    self->is_due = false;
    while (!self->is_over &&
           (forever || !(self->is_away && (self->is_due || is_looked_at(self))))) {
        if (forever || self->is_due)
            pthread_cond_wait(&self->turned, &self->lock);
        else
            self->is_due = pthread_cond_timedwait(&self->turned, &self->lock, &until) == ETIMEDOUT;
    }
    self->is_due = false;
}

bool cf_coroutine_resume(cf_coroutine *self, unsigned patience_ms)
{
    pthread_mutex_lock(&self->lock);
    const uint64_t at_first = self->is_away ? self->calls : NO_CALL;
    self->is_lent = true;
    pthread_cond_broadcast(&self->turned);
    if (self->options.jobs->wake)
        wait_for(self, patience_ms);
    self->looked_at = self->is_away ? self->calls : NO_CALL;
    self->hangs = self->looked_at != NO_CALL && self->looked_at == at_first;
    self->is_lent = false;
    const bool is_over = self->is_over;
    pthread_mutex_unlock(&self->lock);
    return is_over;
}

bool cf_coroutine_hangs(const cf_coroutine *self)
{
    return self->hangs;
}

static void work(cf_job *job)
{
    cf_coroutine *self = (cf_coroutine *)job;

    if (self->is_over)
        return; /* a world may call it twice */
    cf_coroutine_enter(self);
    self->options.run(self->options.context);
    pthread_mutex_lock(&self->lock);
    self->is_over = true;
    pthread_cond_broadcast(&self->turned);
    pthread_mutex_unlock(&self->lock);
}

static void done(cf_job *job)
{
    cf_coroutine *self = (cf_coroutine *)job;

    self->options.ended(self->options.context);
}

/* What is waited for is so by a clock that nobody sets. */
static void make_condition(pthread_cond_t *out)
{
    pthread_condattr_t of;

    pthread_condattr_init(&of);
    pthread_condattr_setclock(&of, CLOCK_MONOTONIC);
    pthread_cond_init(out, &of);
    pthread_condattr_destroy(&of);
}

cf_coroutine *cf_coroutine_new(const cf_coroutine_options *options)
{
    cf_coroutine *self = cf_allocate(1, sizeof *self);

    self->job = (cf_job){.work = work, .done = done, .alone = true};
    self->options = *options;
    self->is_away = true; /* it has not begun */
    self->looked_at = NO_CALL;
    pthread_mutex_init(&self->lock, NULL);
    make_condition(&self->turned);
    return self;
}

cf_job *cf_coroutine_job(cf_coroutine *self)
{
    return &self->job;
}

void cf_coroutine_destroy(cf_coroutine **self)
{
    if (!*self)
        return;
    pthread_cond_destroy(&(*self)->turned);
    pthread_mutex_destroy(&(*self)->lock);
    free(*self);
    *self = NULL;
}

/* ---- Files ---- */

/* What asks a disk, each call away from the coroutine's owner. All of it: who implements files may
 * know them by where they lie. */
static cf_coroutine *of(cf_files *files)
{
    return (cf_coroutine *)((char *)files - offsetof(cf_coroutine, files));
}

static cf_files *leave(cf_files *files)
{
    cf_coroutine_leave(of(files));
    return of(files)->asked;
}

static cf_status enter(cf_files *files, cf_status status)
{
    cf_coroutine_enter(of(files));
    return status;
}

static cf_status make_root(cf_files *files, const char *path, uint32_t mode, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->make_root(real, path, mode, error));
}

static cf_status open_root(cf_files *files, const char *path, cf_folder **out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->open_root(real, path, out, error));
}

static cf_status open_folder(cf_files *files, const cf_folder *parent, cf_bytes name,
                             cf_folder **out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->open_folder(real, parent, name, out, error));
}

static cf_status open_below(cf_files *files, const cf_folder *parent, const cf_bytes *names,
                            size_t count, cf_folder **out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->open_below(real, parent, names, count, out, error));
}

static cf_status make_folder(cf_files *files, const cf_folder *parent, cf_bytes name, uint32_t mode,
                             cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->make_folder(real, parent, name, mode, error));
}

static void close_folder(cf_files *files, cf_folder **folder)
{
    cf_files *real = leave(files);

    real->close_folder(real, folder);
    enter(files, CF_OK);
}

static void rest_folder(cf_files *files, cf_folder *folder, const cf_folder *above)
{
    cf_files *real = leave(files);

    real->rest_folder(real, folder, above);
    enter(files, CF_OK);
}

static cf_status stat_folder(cf_files *files, const cf_folder *folder, cf_stat *out,
                             cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->stat_folder(real, folder, out, error));
}

static cf_status is_below(cf_files *files, const cf_folder *folder, const cf_folder *root,
                          bool *out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->is_below(real, folder, root, out, error));
}

static cf_status list_names(cf_files *files, const cf_folder *folder, cf_name_visit *visit,
                            void *context, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->list(real, folder, visit, context, error));
}

static cf_status sync_folder(cf_files *files, const cf_folder *folder, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->sync_folder(real, folder, error));
}

static cf_status free_bytes(cf_files *files, const cf_folder *folder, uint64_t *out,
                            uint64_t *whole, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->free_bytes(real, folder, out, whole, error));
}

static cf_status filesystem(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                            cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->filesystem(real, folder, out, error));
}

static int descriptor(cf_files *files, const cf_folder *folder)
{
    return of(files)->asked->descriptor(of(files)->asked, folder);
}

static const char *shown(cf_files *files, const cf_folder *folder)
{
    return of(files)->asked->shown(of(files)->asked, folder);
}

static cf_status stat_name(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                           cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->stat(real, folder, name, out, error));
}

static cf_status stat_now(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                          cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->stat_now(real, folder, name, out, error));
}

static bool readable(cf_files *files, const cf_folder *folder, cf_bytes name)
{
    cf_files *real = leave(files);

    const bool answer = real->readable(real, folder, name);
    enter(files, CF_OK);
    return answer;
}

static cf_status read_link(cf_files *files, const cf_folder *folder, cf_bytes name,
                           cf_buffer *target, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->read_link(real, folder, name, target, error));
}

static cf_status make_link(cf_files *files, const cf_folder *folder, cf_bytes name, cf_bytes target,
                           cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->make_link(real, folder, name, target, error));
}

static cf_status link_name(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                           const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->link(real, from_folder, from, to_folder, to, error));
}

static cf_status rename_name(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                             const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->rename(real, from_folder, from, to_folder, to, error));
}

static cf_status exchange(cf_files *files, const cf_folder *a_folder, cf_bytes a,
                          const cf_folder *b_folder, cf_bytes b, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->exchange(real, a_folder, a, b_folder, b, error));
}

static cf_status replace(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                         const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->replace(real, from_folder, from, to_folder, to, error));
}

static cf_status unlink_name(cf_files *files, const cf_folder *folder, cf_bytes name,
                             cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->unlink(real, folder, name, error));
}

static cf_status remove_folder(cf_files *files, const cf_folder *folder, cf_bytes name,
                               cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->remove_folder(real, folder, name, error));
}

static cf_status set_mode(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                          cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->set_mode(real, folder, name, mode, error));
}

static cf_status set_mtime(cf_files *files, const cf_folder *folder, cf_bytes name,
                           int64_t mtime_ns, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->set_mtime(real, folder, name, mtime_ns, error));
}

static cf_status open_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                           cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->open_file(real, folder, name, out, error));
}

static cf_status create_file(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                             cf_file **out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->create_file(real, folder, name, mode, out, error));
}

static cf_status reopen_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                             cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->reopen_file(real, folder, name, out, error));
}

static cf_status lock_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                           cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->lock(real, folder, name, out, error));
}

static void close_file(cf_files *files, cf_file **file)
{
    cf_files *real = leave(files);

    real->close_file(real, file);
    enter(files, CF_OK);
}

static cf_status stat_file(cf_files *files, const cf_file *file, cf_stat *out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->stat_file(real, file, out, error));
}

static cf_status read_at(cf_files *files, const cf_file *file, uint64_t offset, void *buffer,
                         size_t size, size_t *read, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->read_at(real, file, offset, buffer, size, read, error));
}

static cf_status write_at(cf_files *files, const cf_file *file, uint64_t offset, cf_bytes bytes,
                          cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->write_at(real, file, offset, bytes, error));
}

static cf_status cut(cf_files *files, const cf_file *file, uint64_t size, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->truncate(real, file, size, error));
}

static cf_status set_file_mode(cf_files *files, const cf_file *file, uint32_t mode, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->set_file_mode(real, file, mode, error));
}

static cf_status set_file_mtime(cf_files *files, const cf_file *file, int64_t mtime_ns,
                                cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->set_file_mtime(real, file, mtime_ns, error));
}

static cf_status sync_file(cf_files *files, const cf_file *file, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->sync_file(real, file, error));
}

static void sync_files(cf_files *files, cf_file_sync *syncs, size_t count)
{
    cf_files *real = leave(files);

    real->sync_files(real, syncs, count);
    enter(files, CF_OK);
}

static cf_status next_data(cf_files *files, const cf_file *file, uint64_t offset, uint64_t *from,
                           uint64_t *to, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->next_data(real, file, offset, from, to, error));
}

static cf_writer_answer writer(cf_files *files, const cf_file *file)
{
    cf_files *real = leave(files);

    const cf_writer_answer answer = real->writer(real, file);
    enter(files, CF_OK);
    return answer;
}

static cf_status clone_file(cf_files *files, const cf_file *source, const cf_file *target,
                            bool *cloned, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->clone(real, source, target, cloned, error));
}

/* Where there is no shorter way, or nothing to rest, that stays so. */
cf_files *cf_coroutine_files(cf_coroutine *self, cf_files *files)
{
    assert(!self->asked || self->asked == files);
    self->asked = files;
    self->files = (cf_files){
        .make_root = make_root,
        .open_root = open_root,
        .open_folder = open_folder,
        .open_below = files->open_below ? open_below : NULL,
        .make_folder = make_folder,
        .close_folder = close_folder,
        .rest_folder = files->rest_folder ? rest_folder : NULL,
        .stat_folder = stat_folder,
        .is_below = is_below,
        .list = list_names,
        .sync_folder = sync_folder,
        .free_bytes = free_bytes,
        .filesystem = filesystem,
        .descriptor = descriptor,
        .shown = shown,
        .stat = stat_name,
        .stat_now = stat_now,
        .readable = readable,
        .read_link = read_link,
        .make_link = make_link,
        .link = link_name,
        .rename = rename_name,
        .exchange = exchange,
        .replace = replace,
        .unlink = unlink_name,
        .remove_folder = remove_folder,
        .set_mode = set_mode,
        .set_mtime = set_mtime,
        .open_file = open_file,
        .create_file = create_file,
        .reopen_file = reopen_file,
        .lock = lock_file,
        .close_file = close_file,
        .stat_file = stat_file,
        .read_at = read_at,
        .write_at = write_at,
        .truncate = cut,
        .set_file_mode = set_file_mode,
        .set_file_mtime = set_file_mtime,
        .sync_file = sync_file,
        .sync_files = sync_files,
        .next_data = next_data,
        .writer = writer,
        .clone = clone_file,
        .tick_ns = files->tick_ns,
    };
    return &self->files;
}
