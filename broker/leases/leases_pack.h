/* SPDX-License-Identifier: Apache-2.0 */
/* The leases of one thing, and the token of all, as records. */
#ifndef CF_BROKER_LEASES_LEASES_PACK_H
#define CF_BROKER_LEASES_LEASES_PACK_H
#include "broker/leases/leases.h"

/* The record of one thing's leases: empty when there are none. */
void cf_leases_pack(const cf_leases *leases, const cf_id *collection, const cf_id *name,
                    cf_buffer *out);
/* Takes a record back; each lease runs its full time from the first `now_ms` that is heard. */
cf_status cf_leases_read(cf_leases *leases, const cf_id *collection, const cf_id *name,
                         cf_bytes record, cf_error *error);
void cf_leases_pack_token(const cf_leases *leases, cf_buffer *out);
cf_status cf_leases_read_token(cf_leases *leases, cf_bytes record, cf_error *error);

#endif
