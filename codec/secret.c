/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

void *cf_secret_allocate(size_t size)
{
    /* sodium_malloc needs sodium_init, which may be called again, and by any thread. */
    void *secret = sodium_init() < 0 ? NULL : sodium_malloc(size);

    if (!secret) {
        fputs("counterfoil: out of locked memory\n", stderr);
        abort();
    }
    memset(secret, 0, size);
    return secret;
}

void cf_secret_free(void *secret)
{
    sodium_free(secret);
}

void cf_wipe(void *secret, size_t size)
{
    sodium_memzero(secret, size);
}

void cf_buffer_wipe(cf_buffer *buffer)
{
    if (buffer->data)
        sodium_memzero(buffer->data, buffer->capacity);
    cf_buffer_release(buffer);
}
