/* SPDX-License-Identifier: Apache-2.0 */
/* Which log of a user it is: who is removed and comes back by an invitation has another, in which
 * positions begin anew and nothing was acknowledged yet. */
#ifndef CF_BROKER_GATEWAY_LOG_INSTANCE_H
#define CF_BROKER_GATEWAY_LOG_INSTANCE_H
#include "broker/store/store.h"

enum { CF_LOG_INSTANCE_SIZE = 16 };

/* The record with which a new log's first entry is committed. */
cf_kv cf_log_instance_record(const uint8_t random[CF_LOG_INSTANCE_SIZE]);
/* Of this record and the store; of the store alone where there is none. One that can't be read is
 * an error: devices would take another instance for a log that went back. */
cf_status cf_log_instance(cf_store *store, const cf_hash *user, uint8_t out[CF_LOG_INSTANCE_SIZE],
                          cf_error *error);

#endif
