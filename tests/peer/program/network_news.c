/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's news of addresses and routes, in a network of the test's own; and of clocks that
 * were set, which are the test's. */
#include "peer/program/network_news.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* False: this machine gives nobody a network of his own. */
static bool enter_own_network(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 || unshare(CLONE_NEWNET) == 0;
}

static void control(unsigned long request, struct ifreq *of)
{
    int any = socket(AF_INET, SOCK_DGRAM, 0);

    strcpy(of->ifr_name, "lo");
    cr_assert_eq(ioctl(any, request, of), 0);
    close(any);
}

static void set_up(bool up)
{
    struct ifreq lo = {.ifr_flags = (short)(up ? IFF_UP : 0)};

    control(SIOCSIFFLAGS, &lo);
}

static void add_address(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct ifreq lo = {0};

    inet_pton(AF_INET, text, &address.sin_addr);
    memcpy(&lo.ifr_addr, &address, sizeof address);
    control(SIOCSIFADDR, &lo);
}

static bool is_told(const cf_network_news *news)
{
    struct pollfd routes = {.fd = news->routes, .events = POLLIN};

    return poll(&routes, 1, 2000) == 1;
}

Test(network_news, tell_of_a_new_address_and_of_no_old_one)
{
    if (!enter_own_network())
        cr_skip_test("no network of one's own here");
    cf_network_news news = cf_network_news_open();

    cr_assert_geq(news.routes, 0);
    cr_expect_not(cf_network_news_take(&news));
    set_up(true);
    cr_expect(is_told(&news));
    cr_expect(cf_network_news_take(&news));
    cr_expect_not(cf_network_news_take(&news), "once");
    add_address("127.0.0.9");
    cr_expect(is_told(&news));
    cr_expect(cf_network_news_take(&news));
    set_up(false);
    cr_expect(is_told(&news));
    cr_expect_not(cf_network_news_take(&news), "what goes is no reason to try");
    cf_network_news_close(&news);
}

Test(network_news, are_taken_however_many_came)
{
    char address[16];

    if (!enter_own_network())
        cr_skip_test("no network of one's own here");
    cf_network_news news = cf_network_news_open();
    set_up(true);
    for (int i = 0; i < 2000; i++) {
        snprintf(address, sizeof address, "127.0.%d.%d", i / 250, 1 + i % 250);
        add_address(address);
    }
    cr_expect(cf_network_news_take(&news));
    cr_expect_not(cf_network_news_take(&news));
    cf_network_news_close(&news);
}

/* ---- A machine that sleeps ---- */

static int clock_of_test = -1;
static bool woke;
static int armed, flags_of_last;

ssize_t __real_read(int descriptor, void *bytes, size_t size);
ssize_t __wrap_read(int descriptor, void *bytes, size_t size);
int __real_timerfd_settime(int clock, int flags, const struct itimerspec *next,
                           struct itimerspec *before);
int __wrap_timerfd_settime(int clock, int flags, const struct itimerspec *next,
                           struct itimerspec *before);

/* As the kernel answers after a suspend, as after a step of the clock. */
ssize_t __wrap_read(int descriptor, void *bytes, size_t size)
{
    if (descriptor != clock_of_test || !woke)
        return __real_read(descriptor, bytes, size);
    errno = ECANCELED;
    return -1;
}

/* What is armed anew tells of no earlier one. */
int __wrap_timerfd_settime(int clock, int flags, const struct itimerspec *next,
                           struct itimerspec *before)
{
    woke = false;
    armed++;
    flags_of_last = flags;
    return __real_timerfd_settime(clock, flags, next, before);
}

Test(network_news, tell_of_each_wake_once)
{
    cf_network_news news = cf_network_news_open();

    cr_assert_geq(news.clock, 0);
    clock_of_test = news.clock;
    cr_expect_eq(armed, 1);
    cr_expect_eq(flags_of_last, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
    cf_network_news_take(&news);
    cr_expect_eq(armed, 1, "a timer that tells nothing is left alone");
    for (int wakes = 1; wakes <= 3; wakes++) {
        woke = true;
        cr_expect(cf_network_news_take(&news), "the wake %d", wakes);
        cr_expect_eq(armed, 1 + wakes, "it would not tell of the next one");
        cr_expect_not(cf_network_news_take(&news), "once");
    }
    cf_network_news_close(&news);
}

/* A real clock that is told to end at once is no wake: it has come, nobody set it. */
Test(network_news, take_no_end_of_a_timer_for_a_wake)
{
    const struct itimerspec soon = {.it_value.tv_nsec = 1};
    cf_network_news news = cf_network_news_open();

    cr_assert_eq(timerfd_settime(news.clock, TFD_TIMER_ABSTIME, &soon, NULL), 0);
    struct pollfd clock = {.fd = news.clock, .events = POLLIN};
    cr_assert_eq(poll(&clock, 1, 2000), 1);
    cr_expect_not(cf_network_news_take(&news));
    cf_network_news_close(&news);
}
