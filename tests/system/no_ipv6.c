/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: a kernel that was built, or started, without IPv6. */
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>

int socket(int domain, int type, int protocol)
{
    static int (*real)(int, int, int);

    if (domain == AF_INET6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "socket");
    return real(domain, type, protocol);
}
