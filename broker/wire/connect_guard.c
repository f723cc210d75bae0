/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/connect_guard.h"

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KEPT = 64 }; /* connections; more are made at once by no program of ours */

typedef struct {
    struct sockaddr_in6 address; /* one of IPv4 as ::ffff:192.0.2.1 */
    int descriptor;              /* that the connection was begun with */
    int why;
} note;

/* libzmq's calls bring no context: there is one for the process, and it never ends. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static note notes[KEPT];
static size_t noted; /* ever: the last KEPT of them are there */

static bool as_ipv6(const struct sockaddr *address, struct sockaddr_in6 *out)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    struct sockaddr_in old;

    *out = (struct sockaddr_in6){.sin6_family = AF_INET6};
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 whole;

        memcpy(&whole, address, sizeof whole);
        out->sin6_addr = whole.sin6_addr;
        out->sin6_port = whole.sin6_port;
    } else if (address->sa_family == AF_INET) {
        memcpy(&old, address, sizeof old);
        memcpy(out->sin6_addr.s6_addr, prefix, sizeof prefix);
        memcpy(out->sin6_addr.s6_addr + sizeof prefix, &old.sin_addr, 4);
        out->sin6_port = old.sin_port;
    }
    return address->sa_family == AF_INET6 || address->sa_family == AF_INET;
}

/* That of the connection which was begun `back` connections before the last one; NULL: there was
 * none, or it is forgotten. */
static note *note_before(size_t back)
{
    return back < noted && back < KEPT ? &notes[(noted - 1 - back) % KEPT] : NULL;
}

static void begun(int descriptor, const struct sockaddr *address, int why)
{
    struct sockaddr_in6 plain;

    if (!as_ipv6(address, &plain))
        return;
    pthread_mutex_lock(&mutex);
    notes[noted++ % KEPT] = (note){plain, descriptor, why};
    pthread_mutex_unlock(&mutex);
}

static void ended(int descriptor, int why)
{
    note *it = NULL;

    pthread_mutex_lock(&mutex);
    for (size_t back = 0; (it = note_before(back)); back++)
        if (it->descriptor == descriptor)
            break;
    if (it)
        it->why = why;
    pthread_mutex_unlock(&mutex);
}

int cf_connect_guard_why(const struct sockaddr *address)
{
    struct sockaddr_in6 plain;
    note *it = NULL;

    if (!as_ipv6(address, &plain))
        return 0;
    pthread_mutex_lock(&mutex);
    for (size_t back = 0; (it = note_before(back)); back++)
        if (memcmp(&it->address, &plain, sizeof plain) == 0)
            break;
    int why = it ? it->why : 0;
    pthread_mutex_unlock(&mutex);
    return why;
}

/* The C library's are not called: the kernel is. */
int connect(int descriptor, const struct sockaddr *address, socklen_t size)
{
    int failed = (int)syscall(SYS_connect, descriptor, address, size);
    int why = errno;

    if (address && size >= (address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                           : sizeof(struct sockaddr_in))) {
        begun(descriptor, address, failed && why != EINPROGRESS ? why : 0);
        errno = why;
    }
    return failed;
}

int getsockopt(int descriptor, int level, int option, void *value, socklen_t *size)
{
    int failed = (int)syscall(SYS_getsockopt, descriptor, level, option, value, size);

    if (!failed && level == SOL_SOCKET && option == SO_ERROR && *size == sizeof(int)) {
        int why = 0;

        memcpy(&why, value, sizeof why);
        ended(descriptor, why);
    }
    return failed;
}

bool cf_connect_guard_stands(void)
{
    return dlsym(RTLD_DEFAULT, "connect") == (void *)connect &&
           dlsym(RTLD_DEFAULT, "getsockopt") == (void *)getsockopt;
}
