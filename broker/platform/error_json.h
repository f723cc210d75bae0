/* SPDX-License-Identifier: Apache-2.0 */
/* A failure as both programs say it with --json. */
#ifndef CF_BROKER_PLATFORM_ERROR_JSON_H
#define CF_BROKER_PLATFORM_ERROR_JSON_H
#include <jansson.h>

/* {"error": {"code": 5, "message": "...", "hint": "..."}}, in the place of what was asked for. The
 * code is the program's exit code; the hint, null where there is none, is of the message. */
json_t *cf_error_json(int code, const char *message);

#endif
