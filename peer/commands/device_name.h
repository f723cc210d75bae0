/* SPDX-License-Identifier: Apache-2.0 */
/* What a new device is called. */
#ifndef CF_PEER_COMMANDS_DEVICE_NAME_H
#define CF_PEER_COMMANDS_DEVICE_NAME_H
#include "peer/program/verb.h"

/* --name, else the machine's name. CF_USAGE: that is no name. In the arena. */
cf_status cf_device_name_of(const cf_run *run, cf_arena *arena, const char **out, cf_error *error);

#endif
