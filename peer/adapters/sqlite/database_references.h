/* SPDX-License-Identifier: Apache-2.0 */
/* How the tables of a database refer to each other. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_REFERENCES_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_REFERENCES_H
#include "peer/adapters/sqlite/database_tables.h"

/* Foreign keys, what refers to which table, and what kind of key each has. */
cf_status cf_schema_find_references(cf_schema_reading *self, const cf_database_choice *choice,
                                    cf_error *error);

#endif
