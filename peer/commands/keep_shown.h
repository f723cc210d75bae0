/* SPDX-License-Identifier: Apache-2.0 */
/* What this device keeps of the user's log (peer/log/keeping.h), as the user says and reads it. */
#ifndef CF_PEER_COMMANDS_KEEP_SHOWN_H
#define CF_PEER_COMMANDS_KEEP_SHOWN_H
#include "peer/log/catalog.h"
#include "peer/program/verb.h"

/* `set --keep all|bound`. */
cf_status cf_keep_choose(cf_run *run, cf_error *error);
/* Of a broker that was brought what this device keeps: what others have still to bring. */
cf_status cf_keep_say_unbrought(const cf_run *run, cf_error *error);
/* CF_MISSING where this device keeps nothing of the collection, and has nothing of it. */
cf_status cf_keep_check(const cf_run *run, const cf_catalog_collection *collection,
                        cf_error *error);
/* Says so where what is shown of the collection is old, or there is none yet. */
void cf_keep_say(const cf_run *run, const cf_id *collection);

#endif
