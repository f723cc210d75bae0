/* SPDX-License-Identifier: Apache-2.0 */
/* Devices as users name them, and as they are shown to them. */
#ifndef CF_PEER_COMMANDS_DEVICE_NAMED_H
#define CF_PEER_COMMANDS_DEVICE_NAMED_H
#include "peer/log/peer.h"
#include "peer/program/output.h"
#include "peer/program/verb.h"

/* A device by its fingerprint, or at least eight letters of the beginning of its id in hexadecimal,
 * or, where no device answers to that, in or out, its name. Among those that are in, or, with
 * `out`, those that are not. CF_MISSING; CF_USAGE: several answer to it. */
cf_status cf_device_named(cf_peer *peer, const char *given, bool out, cf_hash *found,
                          cf_error *error);
/* {name, fingerprint, id}. */
json_t *cf_device_json(cf_peer *peer, const cf_hash *device);
/* Whom a device let in, and those whom they let in, as far as they are in; freed by the caller. */
void cf_device_admitted(const cf_peer *peer, const cf_hash *device, cf_hash **out, size_t *count);

/* ---- What a new device is called ---- */

/* --name, else the machine's name. CF_USAGE: that is no name. In the arena. */
cf_status cf_device_name_of(const cf_run *run, cf_arena *arena, const char **out, cf_error *error);

#endif
