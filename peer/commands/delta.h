/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `delta SOURCE TARGET PATCH`: the delta engine by itself. */
#ifndef CF_PEER_COMMANDS_DELTA_H
#define CF_PEER_COMMANDS_DELTA_H
#include "codec/error.h"

/* Writes to `patch` what makes `target` out of `source`, for `patch` and for the xdelta3 command.
 * "-" is standard input (of one of the two only) and standard output. */
cf_status cf_delta_files(const char *source, const char *target, const char *patch,
                         cf_error *error);

#endif
