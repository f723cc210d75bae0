/* SPDX-License-Identifier: Apache-2.0 */
/* How limits are shown, and what is carried within them: by `limit`, `status` and `sync`. */
#ifndef CF_PEER_COMMANDS_LIMIT_SHOWN_H
#define CF_PEER_COMMANDS_LIMIT_SHOWN_H
#include "peer/engine/engine.h"
#include "peer/engine/limits.h"
#include "peer/program/output.h"

#include <jansson.h>

/* One line: "limits: up 100.0 KiB/s, down none". */
void cf_limits_print(const cf_limits *limits, const cf_output *output);
/* {"up": bytes in a second or null, "down": …}. */
json_t *cf_limits_json(const cf_limits *limits);

/* What a relay has of what it is to carry, and what it lacks, in one line. */
void cf_carried_print(const cf_carried_shown *carried, const cf_output *output);
/* {"blobs", "bytes", "max_size": bytes or null, "lacks", "broker_lacks", "drops_older", "trouble":
 * text or null}. */
json_t *cf_carried_json(const cf_carried_shown *carried);

#endif
