/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/network_news.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    GROUPS = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
    FAR_S = 100 * 365 * 24 * 3600u, /* never comes */
};

static int listen_to_routes(void)
{
    struct sockaddr_nl here = {.nl_family = AF_NETLINK, .nl_groups = GROUPS};
    int routes = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (routes >= 0 && bind(routes, (struct sockaddr *)&here, sizeof here) != 0) {
        close(routes);
        routes = -1;
    }
    return routes;
}

/* One cancellation is told once. */
static void arm_clock(int clock)
{
    struct itimerspec far = {.it_value.tv_sec = FAR_S};
    struct timespec now;

    if (clock < 0 || clock_gettime(CLOCK_REALTIME, &now) != 0)
        return;
    far.it_value.tv_sec += now.tv_sec;
    timerfd_settime(clock, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

cf_network_news cf_network_news_open(void)
{
    cf_network_news news = {.routes = listen_to_routes(),
                            .clock = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)};

    arm_clock(news.clock);
    return news;
}

void cf_network_news_close(cf_network_news *news)
{
    if (news->routes >= 0)
        close(news->routes);
    if (news->clock >= 0)
        close(news->clock);
    *news = (cf_network_news){-1, -1};
}

static bool is_news(const struct nlmsghdr *message)
{
    return message->nlmsg_type == RTM_NEWADDR || message->nlmsg_type == RTM_NEWROUTE;
}

/* More than the socket holds is news as well (ENOBUFS). */
static bool take_routes(int routes)
{
    _Alignas(struct nlmsghdr) char buffer[16384];
    bool any = false;
    ssize_t got;

    while ((got = recv(routes, buffer, sizeof buffer, 0)) > 0 || (got < 0 && errno == ENOBUFS)) {
        unsigned left = got > 0 ? (unsigned)got : 0;

        any |= got < 0;
        for (const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
             NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
            any |= is_news(message);
    }
    return any;
}

static bool take_clock(int clock)
{
    uint64_t times;
    bool was_set = read(clock, &times, sizeof times) < 0 && errno == ECANCELED;

    if (was_set)
        arm_clock(clock);
    return was_set;
}

bool cf_network_news_take(cf_network_news *news)
{
    bool routes = news->routes >= 0 && take_routes(news->routes);
    bool clock = news->clock >= 0 && take_clock(news->clock);

    return routes || clock;
}
