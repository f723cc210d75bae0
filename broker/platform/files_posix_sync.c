/* SPDX-License-Identifier: Apache-2.0 */
/* Several files at once. Each is synced by itself, so that its errors are its own and nobody else's
 * writes are waited for, as syncfs(2) would; the journal of a file system takes those that come
 * together as one. */
#include "broker/platform/files_posix.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum { THREADS = 16 };

typedef struct {
    cf_files *files;
    cf_file_sync *syncs;
    size_t count;
    atomic_size_t next;
} syncing;

static void *sync_some(void *context)
{
    syncing *self = context;

    for (size_t i; (i = atomic_fetch_add(&self->next, 1)) < self->count;)
        self->syncs[i].status =
            self->files->sync_file(self->files, self->syncs[i].file, &self->syncs[i].error);
    return NULL;
}

/* What threads can't be had for, this one does. Signals are the main thread's. */
void cf_posix_sync_files(cf_files *files, cf_file_sync *syncs, size_t count)
{
    syncing self = {.files = files, .syncs = syncs, .count = count};
    pthread_t threads[THREADS];
    size_t started = 0;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < THREADS && started + 1 < count &&
           pthread_create(&threads[started], NULL, sync_some, &self) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sync_some(&self);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}
