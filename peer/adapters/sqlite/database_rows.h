/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a database: read as of one moment, and made to be others. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_ROWS_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_ROWS_H
#include "peer/adapters/record_file.h"
#include "peer/adapters/sqlite/database_schema.h"

/* ---- Reading ---- */

/* Every row of every table of the schema, within a transaction of the caller's. Places are indexes
 * of tables. Integers, reals, texts and blobs as they are; what is text but no UTF-8 is in trouble.
 * Keys that are tuples get their numbers from the base (cf_database_give_keys). Pins are the rows
 * to which those of other tables refer. */
cf_status cf_database_rows_read(sqlite3 *database, const cf_database_schema *schema,
                                const cf_rows *base, cf_record_file *out, cf_error *error);

/* ---- Writing ---- */

/* What could not be done to a row, and why; it is as it was before. */
typedef struct {
    cf_bytes table, key;
    const char *reason;
} cf_database_refusal;

typedef struct {
    size_t written;                /* rows inserted, updated or deleted */
    bool gave;                     /* a default stands where a row says nothing */
    uint32_t writes;               /* of the file, with this one; 0: nothing was written */
    cf_database_refusal *refusals; /* each row once; borrows keys from the rows given */
    size_t count, capacity;
    cf_arena arena;
} cf_database_outcome; /* {0} is empty */
void cf_database_outcome_release(cf_database_outcome *outcome);

/* Makes the database show `wanted` where it shows `before` (what was read, by this schema), in one
 * transaction: whole, but for rows which it refuses (a constraint; a value that it can't hold or
 * would alter; a tie to a row that isn't there) and those that need them, as a reference to a row
 * that was refused. What stays because of that isn't shown elsewhere too: the base knows which
 * record it is. CF_CHANGED: a row that is to be changed is not as it was read; nothing was done.
 * CF_LOCKED, CF_FULL, CF_IO: nothing was done either. On CF_OK it is durable. Where nothing is to
 * be changed, it is not even opened. */
cf_status cf_database_rows_write(const char *path, const cf_database_schema *schema,
                                 const cf_rows *base, const cf_record_file *before,
                                 const cf_row *wanted, size_t count, cf_database_outcome *out,
                                 cf_error *error);

#endif
