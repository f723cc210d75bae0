/* SPDX-License-Identifier: Apache-2.0 */
/* Intents: what is about to be done to a disk, durable before it is done. After a crash an intent
 * whose file is at its place becomes base; so nothing of our own writing passes for an edit of the
 * user's, and nothing that was on its way out is lost. */
#ifndef CF_PEER_SOURCES_FILES_INTENTS_H
#define CF_PEER_SOURCES_FILES_INTENTS_H
#include "peer/bindings/binding.h"

typedef enum {
    CF_INTENT_PLACE,  /* `after` will stand at its place, as the file that its stat is of */
    CF_INTENT_STAMP,  /* the mode and time of `after` will be set on the file in its place */
    CF_INTENT_DELETE, /* `after` is the node that goes; a file by way of the temporary folder */
    CF_INTENT_MAKE,   /* `after` is a directory that will be made in its place */
} cf_intent_kind;

typedef struct {
    cf_intent_kind kind;
    cf_node after;
    cf_bytes temporary; /* PLACE: the name in the temporary folder from which it comes, and to which
                           goes what it replaces; none for a node that only moves */
} cf_intent;

void cf_intent_put(const cf_binding *binding, uint64_t number, const cf_intent *intent,
                   cf_kv_list *records);
void cf_intent_drop(const cf_binding *binding, uint64_t number, cf_kv_list *records);

/* After a crash: settles what was on its way, and empties the temporary folder. The root is held.
 */
cf_status cf_intents_recover(cf_peer *peer, cf_binding *binding, cf_error *error);

#endif
