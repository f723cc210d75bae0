/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `patch SOURCE PATCH TARGET`: applies what `delta` or the xdelta3 command made. */
#ifndef CF_PEER_COMMANDS_PATCH_H
#define CF_PEER_COMMANDS_PATCH_H
#include "codec/error.h"

/* "-" is standard input (of source or patch, not both) and standard output. `target` may be
 * `source`. CF_MALFORMED when the patch is damaged or, as far as it has checksums, made for another
 * source. */
cf_status cf_patch_files(const char *source, const char *patch, const char *target,
                         cf_error *error);

#endif
