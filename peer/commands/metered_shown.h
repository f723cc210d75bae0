/* SPDX-License-Identifier: Apache-2.0 */
/* `set --metered`, and how that is shown: by itself, by `status` and by `sync`. */
#ifndef CF_PEER_COMMANDS_METERED_SHOWN_H
#define CF_PEER_COMMANDS_METERED_SHOWN_H
#include "peer/program/verb.h"

#include <jansson.h>

/* The user gave --metered: keeps it, for this device. CF_USAGE beside a source or another option.
 */
cf_status cf_metered_set(cf_run *run, cf_error *error);

/* Why contents wait; NULL: none does for a metered network. */
const char *cf_metered_line(const cf_metered_status *status);
/* {"set": "pause" or "send", "is_metered": null where nobody says, "deferred": contents that wait}.
 */
json_t *cf_metered_json(const cf_metered_status *status);

#endif
