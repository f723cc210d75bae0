/* SPDX-License-Identifier: Apache-2.0 */
/* Lets Criterion run with ThreadSanitizer. Criterion's library BoxFort 0.1 draws with rand_r where
 * the memory lies that a test's process inherits: at 0x200000000000 + 16 MiB * the number modulo
 * 2^22, of which ThreadSanitizer has nearly all for itself, and refuses that. This rand_r stands
 * before libc's, and draws from what is free: the end of the stretch around a program's own
 * addresses. */
#include <stdlib.h>

enum {
    FIRST = 0x367f00, /* 0x567f00000000; ThreadSanitizer's own begins at 0x568000000000 */
    COUNT = 0xf0
};

int rand_r(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return FIRST + (int)(*seed >> 16) % COUNT;
}
