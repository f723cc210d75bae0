/* SPDX-License-Identifier: Apache-2.0 */
/* Conflicts of fields that end by their user's word, many at once. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_SETTLING_H
#define CF_PEER_SOURCES_RECORDS_RECORD_SETTLING_H
#include "peer/bindings/binding.h"
#include "peer/locks/locks.h"
#include "peer/records/record_resolve.h"

typedef struct {
    cf_peer *peer;
    cf_locks *locks;
    const cf_binding *binding; /* a source of records that may publish */
    const char *pattern;       /* of paths as `status` has them, KEY/FIELD; as in fnmatch(3) */
    cf_keep keep;              /* its writer is found here */
    uint64_t now_ms;
    bool tries; /* only says what it would do */
} cf_record_settling;

/* So many fields. */
typedef struct {
    size_t settled;
    size_t lacking; /* there is no such version, or it is the key, or of a set */
    size_t locked;  /* another device has the record */
} cf_record_settled;

/* Publishes it, as one changeset; the sources are to be looked at then. CF_DENIED: nothing may be
 * published. */
cf_status cf_record_settle(const cf_record_settling *settling, cf_record_settled *out,
                           cf_error *error);

#endif
