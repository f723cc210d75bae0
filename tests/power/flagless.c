/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a real program: rename takes no flags, as on most of FUSE and on network shares.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    __typeof__(&renameat2) next = (__typeof__(&renameat2))dlsym(RTLD_NEXT, "renameat2");

    if (flags)
        errno = EINVAL;
    return flags ? -1 : next(a, from, b, to, flags);
}
