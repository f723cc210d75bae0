/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "codec/bytes.h"

enum { NONE = -1 };

struct cf_watchdog {
    pthread_t thread;
    int signals;     /* borrowed */
    int noted;       /* readable: the loop has taken one */
    int stopped;     /* readable: the loop has ended */
    atomic_int code; /* NONE: the signal that waits says it */
};

/* Which of them is readable first; NULL: none for so long. */
static const struct pollfd *await(struct pollfd *of, size_t count, int wait_ms)
{
    int ready;

    while ((ready = poll(of, count, wait_ms)) < 0 && errno == EINTR)
        continue;
    for (size_t i = 0; ready > 0 && i < count; i++)
        if (of[i].revents)
            return &of[i];
    return NULL;
}

/* That the loop has said, or else of the signal that waits for it. */
static int code_of(cf_watchdog *self)
{
    const int noted = atomic_load(&self->code);
    struct signalfd_siginfo information;

    if (noted != NONE)
        return noted;
    return 128 + (read(self->signals, &information, sizeof information) == sizeof information
                      ? (int)information.ssi_signo
                      : SIGTERM);
}

static void *watch(void *context)
{
    cf_watchdog *self = context;
    struct pollfd all[] = {{.fd = self->stopped, .events = POLLIN},
                           {.fd = self->noted, .events = POLLIN},
                           {.fd = self->signals, .events = POLLIN}};

    if (await(all, 3, -1) == &all[0] || await(all, 1, CF_WATCHDOG_STOP_MS))
        return NULL;
    _exit(code_of(self));
}

static void free_all(cf_watchdog *self)
{
    if (self->noted >= 0)
        close(self->noted);
    if (self->stopped >= 0)
        close(self->stopped);
    free(self);
}

cf_status cf_watchdog_start(int signals, cf_watchdog **out, cf_error *error)
{
    cf_watchdog *self = cf_allocate(1, sizeof *self);

    self->signals = signals;
    atomic_init(&self->code, NONE);
    self->noted = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->stopped = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int failed = self->noted < 0 || self->stopped < 0
                     ? errno
                     : pthread_create(&self->thread, NULL, watch, self);
    if (failed) {
        free_all(self);
        return cf_fail_errno(error, failed, "starting a watchdog");
    }
    *out = self;
    return CF_OK;
}

void cf_watchdog_note(cf_watchdog *watchdog, int code)
{
    int none = NONE;

    atomic_compare_exchange_strong(&watchdog->code, &none, code);
    eventfd_write(watchdog->noted, 1);
}

void cf_watchdog_stop(cf_watchdog **watchdog)
{
    if (!*watchdog)
        return;
    eventfd_write((*watchdog)->stopped, 1);
    pthread_join((*watchdog)->thread, NULL);
    free_all(*watchdog);
    *watchdog = NULL;
}
