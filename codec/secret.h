/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for secrets: locked, between guard pages, wiped when it is freed. */
#ifndef CF_CODEC_SECRET_H
#define CF_CODEC_SECRET_H
#include "codec/bytes.h"

/* Zeroed; aborts when there is none. */
void *cf_secret_allocate(size_t size);
/* Wipes and frees; NULL is fine. */
void cf_secret_free(void *secret);

/* Overwrites a secret on the stack; the compiler does not take it away. */
void cf_wipe(void *secret, size_t size);
/* Wipes what a buffer holds, then releases it. Reserve enough before filling it: growing leaves a
 * copy behind. */
void cf_buffer_wipe(cf_buffer *buffer);

#endif
