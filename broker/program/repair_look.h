/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a broker's store is damaged, before it is repaired. */
#ifndef CF_BROKER_PROGRAM_REPAIR_LOOK_H
#define CF_BROKER_PROGRAM_REPAIR_LOOK_H
#include "broker/program/datadir.h"

/* Looks twice where it finds damage: a disk that fails once, and gives all the next time, has not
 * damaged the store in the folder `store`. */
cf_status cf_repair_is_needed(const cf_env *env, const cf_datadir *datadir, const char *store,
                              bool *is_damaged, cf_error *error);

#endif
