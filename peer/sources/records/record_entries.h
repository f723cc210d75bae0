/* SPDX-License-Identifier: Apache-2.0 */
/* The changes of one scan of records as entries: parts of one changeset, which counts elsewhere as
 * a whole or not at all.
 *
 *     4,000 rows are deleted at once: as many entries as hold that, parts 1 to n of n */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_ENTRIES_H
#define CF_PEER_SOURCES_RECORDS_RECORD_ENTRIES_H
#include "peer/sources/records/record_values.h"

typedef struct {
    cf_peer *peer;
    cf_id collection;
    cf_record_values *values; /* which say how contents are to be had */
    const cf_change *changes; /* ascending by (item, field), at least one */
    size_t count;
    uint64_t now_ms;
} cf_record_entries;

/* Adds them to the publication. `dots` gets for each change the dot of its entry. CF_MISSING: a
 * content can't be named at present; nothing was added. */
cf_status cf_record_entries_add(const cf_record_entries *entries, cf_publication *publication,
                                cf_dot *dots, cf_error *error);

#endif
