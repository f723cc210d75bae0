/* SPDX-License-Identifier: Apache-2.0 */
/* How limits are shown: by `limit` and by `status`. */
#ifndef CF_PEER_COMMANDS_LIMIT_SHOWN_H
#define CF_PEER_COMMANDS_LIMIT_SHOWN_H
#include "peer/engine/limits.h"
#include "peer/program/output.h"

#include <jansson.h>

/* One line: "limits: up 100.0 KiB/s, down none". */
void cf_limits_print(const cf_limits *limits, const cf_output *output);
/* {"up": bytes in a second or null, "down": …}. */
json_t *cf_limits_json(const cf_limits *limits);

#endif
