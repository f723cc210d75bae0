/* SPDX-License-Identifier: Apache-2.0 */
/* How it is shown what of contents is on its way to the broker and from it: by `status`, and by
 * `sync` while it goes on. */
#ifndef CF_PEER_COMMANDS_FLOWS_SHOWN_H
#define CF_PEER_COMMANDS_FLOWS_SHOWN_H
#include "peer/program/verb.h"

/* {"sending": {"done": bytes, "size": bytes, "rate": bytes in a second or null, "seconds_left": n
 * or null} or null, "receiving": …} */
json_t *cf_flows_json(const cf_flows *flows);
/* For what has taken some seconds, a line for each way:
 *   sending: 12.3 MiB of 60.0 MiB, 118.0 KiB/s, 7 min left */
void cf_flows_print(const cf_flows *flows, const cf_output *output);
/* The same in one line on stderr, which the next line overwrites; `*shown`: there is such a line.
 * Nothing on its way: none, and the one before is taken away. */
void cf_flows_rewrite(const cf_flows *flows, bool *shown, const cf_output *output);
/* On stderr, at the end of a sync: what was not sent, or has not come. */
void cf_flows_say_left(const cf_flows *flows, const cf_output *output);

#endif
