/* SPDX-License-Identifier: Apache-2.0 */
/* Conflicts of fields, and of whole rows, that end by their user's word, many at once: first it is
 * chosen, by what he sees, how each ends (records/record_resolve.h), then all is asked and settled.
 *
 *     name: Anna by laptop, Anne by desktop, which is shown; Anna is chosen
 *     another device writes Anni before it is settled: Anne goes, Anna and Anni stay in conflict
 *     another device has chosen Anna as well:          nothing is left to do, it counts as ended */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_SETTLING_H
#define CF_PEER_SOURCES_RECORDS_RECORD_SETTLING_H
#include "peer/bindings/binding.h"
#include "peer/locks/locks.h"
#include "peer/records/record_resolve.h"
#include "peer/sources/records/record_choice.h"

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
    size_t ended;  /* by another device, since it was chosen */
    size_t locked; /* another device has the record */
} cf_record_settled;

/* Chooses by what the user sees: to be called before anybody is asked what is new. */
cf_status cf_record_choose(const cf_record_settling *settling, cf_record_choice *out,
                           cf_error *error);
/* Publishes it, as one changeset; the sources are to be looked at then. What was written since it
 * was chosen stays beside what is kept. CF_DENIED: nothing may be published. */
cf_status cf_record_settle(const cf_record_settling *settling, const cf_record_choice *choice,
                           cf_record_settled *out, cf_error *error);

#endif
