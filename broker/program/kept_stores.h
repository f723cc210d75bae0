/* SPDX-License-Identifier: Apache-2.0 */
/* The stores that repairs leave beside the broker's own, in its data directory: the damaged ones,
 * which stay until the operator removes them, and what an interrupted repair had not finished. They
 * have what users had that were removed since. Any thread, while no repair can begin. */
#ifndef CF_BROKER_PROGRAM_KEPT_STORES_H
#define CF_BROKER_PROGRAM_KEPT_STORES_H
#include "broker/platform/files.h"
#include "codec/ids.h"

#define CF_KEPT_STORE "store.damaged" /* and .2, .3 and so on behind it */

typedef struct {
    const char *name;
    uint64_t bytes;
    bool has_removed; /* something of a user who was removed, as cf_kept_stores_forget found */
} cf_kept_store;

typedef void cf_kept_store_visit(void *context, const cf_kept_store *store);

/* Those that stay. */
cf_status cf_kept_stores_each(cf_files *files, const char *data, cf_kept_store_visit *visit,
                              void *context, cf_error *error);

/* Of a user who was removed: removes what an interrupted repair left, which the next one would, and
 * looks into those that stay, which takes as long as reading them. CF_CHANGED: some of them have
 * something of the user, or can't be read; the text says which, and what to type. */
cf_status cf_kept_stores_forget(cf_files *files, const char *data, const cf_hash *user,
                                cf_error *error);

#endif
