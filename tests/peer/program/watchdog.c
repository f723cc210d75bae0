/* SPDX-License-Identifier: Apache-2.0 */
/* A process whose thread comes to no end is ended: with the code that it was about to end with, or
 * that of the signal that it has not taken. */
#include "peer/program/watchdog.h"

#include "tests/support/expect.h"

#include <assert.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static_assert(CF_WATCHDOG_STOP_MS < 10000, "a signal ends serve within 10 s");

enum { STUCK_S = 60 }; /* so that the test has an end where nothing ends it */

/* Stuck in a call; `code` below 0: it has said none. */
static pid_t begin_stuck(int code)
{
    cf_watchdog *watchdog;
    sigset_t set;
    cf_error error;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL); /* before it can come */
    pid_t child = fork();
    if (child)
        return child;
    if (cf_watchdog_start(signalfd(-1, &set, SFD_NONBLOCK), &watchdog, &error))
        _exit(99);
    if (code >= 0)
        cf_watchdog_note(watchdog, code);
    if (code > 0)
        cf_watchdog_note(watchdog, 98); /* the first one holds */
    alarm(STUCK_S);
    for (;;)
        pause();
}

static int code_of(pid_t child)
{
    int outcome;

    cr_assert_eq(waitpid(child, &outcome, 0), child);
    return WIFEXITED(outcome) ? WEXITSTATUS(outcome) : -1;
}

Test(watchdog, ends_what_comes_to_no_end)
{
    const pid_t failed = begin_stuck(1), well = begin_stuck(0), told = begin_stuck(-1);

    cr_assert_eq(kill(told, SIGTERM), 0);
    cr_expect_eq(code_of(failed), 1);
    cr_expect_eq(code_of(well), 0);
    cr_expect_eq(code_of(told), 128 + SIGTERM);
}

Test(watchdog, ends_nothing_that_ends_by_itself)
{
    cf_watchdog *watchdog;
    sigset_t set;
    cf_error error;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    expect_ok(cf_watchdog_start(signalfd(-1, &set, SFD_NONBLOCK), &watchdog, &error), error);
    cf_watchdog_note(watchdog, 1);
    cf_watchdog_stop(&watchdog);
    cr_assert_null(watchdog);
}
