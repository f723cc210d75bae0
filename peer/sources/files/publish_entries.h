/* SPDX-License-Identifier: Apache-2.0 */
/* One batch on its way: its records, and its changes, which are cut into entries. For the files of
 * publishing alone. */
#ifndef CF_PEER_SOURCES_FILES_PUBLISH_ENTRIES_H
#define CF_PEER_SOURCES_FILES_PUBLISH_ENTRIES_H
#include "peer/sources/files/meeting.h"
#include "peer/sources/files/publish.h"

/* One batch on its way. All lives in the arena. */
typedef struct {
    const cf_publishing *with;
    cf_arena arena;
    cf_collection *collection;
    cf_finding *found;
    size_t found_count;
    const uint64_t *gone;
    size_t gone_count;
    const cf_prepared **prepared; /* of those found; NULL: no content of its own */
    cf_bytes *before;             /* what the base had in their places: none where it is new */
    cf_diff scan;
    cf_dot *dots; /* by change */
    cf_publication *publication;
    cf_kv_list records;

    /* The directory in which things were last adopted, and what is shown there, once it is listed:
     * what a plain group shows is found by name. */
    bool has_group, is_plain, is_listed;
    uint64_t group_of;
    cf_group group;
    const cf_shown *shown;
    size_t shown_count;
    /* The directory in which things were last met, and those that ever were there. */
    bool has_within;
    uint64_t within_of;
    cf_met_directories within;
} cf_publishing_batch;

/* The node is to be planned where it lies. */
void cf_publish_mark(cf_publishing_batch *self, const cf_node *node);
/* Writes the records alone, where nothing is published. */
cf_status cf_publish_write(cf_publishing_batch *self, cf_error *error);
/* Adds the changes of the scan to the publication, and says which dot each has got. */
cf_status cf_publish_entries(cf_publishing_batch *self, cf_error *error);

#endif
