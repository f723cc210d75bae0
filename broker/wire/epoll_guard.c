/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/epoll_guard.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/wire/inflow_guard.h"

static int control(int epoll, int operation, int descriptor, struct epoll_event *event)
{
    return (int)syscall(SYS_epoll_ctl, epoll, operation, descriptor, event);
}

static int wait_for(int epoll, int descriptor, struct epoll_event *event)
{
    int failed = control(epoll, EPOLL_CTL_MOD, descriptor, event);

    return failed && errno == ENOENT ? control(epoll, EPOLL_CTL_ADD, descriptor, event) : failed;
}

static int leave(int epoll, int descriptor, struct epoll_event *event)
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
        cf_inflow_guard_opened(descriptor);
    else if (operation == EPOLL_CTL_DEL)
        cf_inflow_guard_closed(descriptor);
    return waits ? wait_for(epoll, descriptor, event) : leave(epoll, descriptor, event);
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
