/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/inflow_guard.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libzmq's calls bring no context: there is one for the process, and it never ends. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static cf_inflow *inflow;

static cf_inflow *enter(void)
{
    pthread_mutex_lock(&mutex);
    if (!inflow)
        inflow = cf_inflow_new();
    return inflow;
}

static void leave(void)
{
    pthread_mutex_unlock(&mutex);
}

static void note_opened(int descriptor)
{
    cf_inflow_opened(enter(), descriptor);
    leave();
}

static void note_closed(int descriptor)
{
    cf_inflow_closed(enter(), descriptor);
    leave();
}

void cf_inflow_guard_taken(int descriptor, uint64_t cost)
{
    cf_inflow_taken(enter(), descriptor, cost);
    leave();
}

void cf_inflow_guard_grant(int descriptor, uint64_t window)
{
    cf_inflow_grant(enter(), descriptor, window);
    leave();
}

unsigned cf_inflow_guard_count_quiet(int descriptor)
{
    unsigned quiet = cf_inflow_count_quiet(enter(), descriptor);

    leave();
    return quiet;
}

bool cf_inflow_guard_has_ended(int descriptor)
{
    bool has_ended = cf_inflow_is_over(enter(), descriptor);

    leave();
    return has_ended;
}

bool cf_inflow_guard_is_broken_off(int descriptor)
{
    bool is_broken_off = cf_inflow_is_broken_off(enter(), descriptor);

    leave();
    return is_broken_off;
}

cf_greeting cf_inflow_guard_greeting(int descriptor)
{
    cf_greeting greeting = cf_inflow_greeting(enter(), descriptor);

    leave();
    return greeting;
}

/* Whether the reader's own connection goes on. Another one that is to end is shut before the lock
 * is given back: libzmq takes a descriptor out of epoll, which waits for the lock, before it closes
 * it. */
static bool may_go_on(int descriptor, cf_bytes read)
{
    int ended = cf_inflow_read(enter(), descriptor, read);

    if (ended >= 0 && ended != descriptor)
        shutdown(ended, SHUT_RDWR);
    leave();
    return ended != descriptor;
}

static void note_broken_off(int descriptor)
{
    cf_inflow_broken_off(enter(), descriptor);
    leave();
    errno = ECONNRESET;
}

/* The C library's is not called: the kernel is. */
ssize_t recv(int descriptor, void *buffer, size_t size, int flags)
{
    ssize_t got = syscall(SYS_recvfrom, descriptor, buffer, size, flags, NULL, NULL);

    if (got < 0 && errno == ECONNRESET)
        note_broken_off(descriptor);
    if (got > 0 && !may_go_on(descriptor, cf_bytes_of(buffer, (size_t)got))) {
        errno = ECONNRESET;
        return -1;
    }
    return got;
}

bool cf_inflow_guard_stands(void)
{
    return dlsym(RTLD_DEFAULT, "recv") == (void *)recv;
}

/* ---- epoll ---- */

static int control(int epoll, int operation, int descriptor, struct epoll_event *event)
{
    return (int)syscall(SYS_epoll_ctl, epoll, operation, descriptor, event);
}

static int wait_for(int epoll, int descriptor, struct epoll_event *event)
{
    int failed = control(epoll, EPOLL_CTL_MOD, descriptor, event);

    return failed && errno == ENOENT ? control(epoll, EPOLL_CTL_ADD, descriptor, event) : failed;
}

static int stop_waiting(int epoll, int descriptor, struct epoll_event *event)
{
    int failed = control(epoll, EPOLL_CTL_DEL, descriptor, event);

    return failed && errno == ENOENT ? 0 : failed;
}

/* The C library's are not called: the kernel is. */
int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event)
{
    const uint32_t wanted = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP;
    bool waits = operation != EPOLL_CTL_DEL && event && event->events & wanted;

    if (operation == EPOLL_CTL_ADD)
        note_opened(descriptor);
    else if (operation == EPOLL_CTL_DEL)
        note_closed(descriptor);
    return waits ? wait_for(epoll, descriptor, event) : stop_waiting(epoll, descriptor, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    int count = (int)syscall(SYS_epoll_pwait, epoll, events, most, timeout_ms, NULL, 0);

    for (int i = 0; i < count; i++)
        if (events[i].events & (EPOLLIN | EPOLLOUT))
            events[i].events &= ~(uint32_t)(EPOLLERR | EPOLLHUP);
    return count;
}

bool cf_epoll_guard_stands(void)
{
    return dlsym(RTLD_DEFAULT, "epoll_ctl") == (void *)epoll_ctl &&
           dlsym(RTLD_DEFAULT, "epoll_wait") == (void *)epoll_wait;
}
