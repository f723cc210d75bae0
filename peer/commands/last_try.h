/* SPDX-License-Identifier: Apache-2.0 */
/* What the last try to reach the broker came to, kept in the home for processes that don't try. */
#ifndef CF_PEER_COMMANDS_LAST_TRY_H
#define CF_PEER_COMMANDS_LAST_TRY_H
#include "peer/log/home.h"
#include "peer/engine/engine.h"

cf_status cf_last_try_keep(cf_home *home, const cf_broker_status *broker, cf_error *error);
/* When it was last heard, alone. */
cf_status cf_last_heard_keep(cf_home *home, const cf_broker_status *broker, cf_error *error);
/* Where this process hasn't tried, or heard. */
cf_status cf_last_try_recall(cf_home *home, cf_broker_status *broker, cf_error *error);

#endif
