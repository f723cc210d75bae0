/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/model/trial.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { QUIET_SECONDS = 20 };

bool trial_passes(trial_run *run, void *context, bool quiet)
{
    int outcome;

    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        struct rlimit none = {0, 0};
        int nowhere = open("/dev/null", O_WRONLY);

        setrlimit(RLIMIT_CORE, &none);
        if (quiet) {
            dup2(nowhere, STDOUT_FILENO);
            dup2(nowhere, STDERR_FILENO);
            alarm(QUIET_SECONDS);
        }
        run(context);
        fflush(NULL);
        _exit(0);
    }
    return waitpid(child, &outcome, 0) == child && WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0;
}

static bool fails_without(size_t first, size_t end, trial_fails *fails, void *context, bool *kept,
                          bool *tried)
{
    bool any = false;

    for (size_t i = first; i < end; i++) {
        any |= kept[i];
        tried[i] = false;
    }
    if (any && fails(context, tried)) {
        for (size_t i = first; i < end; i++)
            kept[i] = false;
        return true;
    }
    for (size_t i = first; i < end; i++)
        tried[i] = kept[i];
    return false;
}

void trial_shrink(size_t count, trial_fails *fails, void *context, bool *kept)
{
    bool *tried = calloc(count + 1, sizeof *tried);

    if (!tried)
        abort();
    for (size_t i = 0; i < count; i++)
        kept[i] = tried[i] = true;
    for (size_t size = count / 2 + 1; size;) {
        bool shorter = false;

        for (size_t first = 0; first < count; first += size) {
            size_t end = first + size < count ? first + size : count;
            shorter |= fails_without(first, end, fails, context, kept, tried);
        }
        if (size > 1 || !shorter)
            size /= 2;
    }
    free(tried);
}

void *trial_shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

double trial_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void trial_print_rate(uint64_t steps)
{
    struct rusage used;

    getrusage(RUSAGE_CHILDREN, &used);
    double seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                     (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("%" PRIu64 " steps in %.1f s, %.1f million a minute\n", steps, seconds,
           seconds > 0 ? (double)steps / seconds * 60 / 1e6 : 0);
}
