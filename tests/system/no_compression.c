/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: a libzstd with which contents don't shrink. */
#include <stddef.h>

size_t ZSTD_compressCCtx(void *context, void *out, size_t room, const void *bytes, size_t size,
                         int level);

size_t ZSTD_compressCCtx(void *context, void *out, size_t room, const void *bytes, size_t size,
                         int level)
{
    (void)context, (void)out, (void)room, (void)bytes, (void)size, (void)level;
    return (size_t)-70; /* ZSTD_error_dstSize_tooSmall */
}
