/* SPDX-License-Identifier: Apache-2.0 */
/* The option --recovery-file: where the account's phrase comes from. */
#ifndef CF_PEER_COMMANDS_RECOVERY_FILE_H
#define CF_PEER_COMMANDS_RECOVERY_FILE_H
#include "peer/program/verb.h"

/* For `prepare`: puts the phrase itself in the option's place, since who serves the home can't read
 * this process's files; on a terminal it is asked for. `broker`, unless NULL, gets the broker's
 * line that the file holds, if it holds one. CF_MISSING: the file can't be read. */
cf_status cf_recovery_file_take(cf_run *run, const char **broker, cf_error *error);

#endif
