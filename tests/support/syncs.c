/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/syncs.h"

#include "tests/support/named.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SYNCS_MAX = 65536 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *synced[SYNCS_MAX];
static size_t count;
static const char *fails, *meets;
static void (*meet)(void *context);
static void *meet_context;

static int note(int file, long call)
{
    char name[64], path[PATH_MAX] = "";

    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    if (readlink(name, path, sizeof path - 1) < 0)
        path[0] = '\0';
    pthread_mutex_lock(&mutex);
    bool failing = fails && ends_with(path, fails), meeting = meets && ends_with(path, meets);
    if (failing)
        fails = NULL;
    else if (count < SYNCS_MAX)
        synced[count++] = strdup(path);
    if (meeting)
        meets = NULL;
    pthread_mutex_unlock(&mutex);
    if (meeting)
        meet(meet_context);
    if (!failing)
        return (int)syscall(call, file);
    errno = EIO;
    return -1;
}

int fsync(int file)
{
    return note(file, SYS_fsync);
}

int fdatasync(int file)
{
    return note(file, SYS_fdatasync);
}

void syncs_forget(void)
{
    pthread_mutex_lock(&mutex);
    while (count)
        free(synced[--count]);
    pthread_mutex_unlock(&mutex);
}

size_t syncs_count(const char *ending)
{
    size_t found = 0;

    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < count; i++)
        found += ends_with(synced[i], ending);
    pthread_mutex_unlock(&mutex);
    return found;
}

bool syncs_had(const char *ending)
{
    return syncs_count(ending) > 0;
}

void syncs_fail(const char *ending)
{
    pthread_mutex_lock(&mutex);
    fails = ending;
    pthread_mutex_unlock(&mutex);
}

void syncs_meet(const char *ending, void (*act)(void *context), void *context)
{
    pthread_mutex_lock(&mutex);
    meets = ending;
    meet = act;
    meet_context = context;
    pthread_mutex_unlock(&mutex);
}
