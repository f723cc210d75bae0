/* SPDX-License-Identifier: Apache-2.0 */
/* Which triggers fire while rows are applied. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_TRIGGERS_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_TRIGGERS_H
#include "peer/adapters/sqlite/database_tables.h"

/* Which triggers are to be followed; tables whose triggers can't be are refused. */
cf_status cf_schema_find_followers(cf_schema_reading *self, cf_error *error);

#endif
