/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a directory is. What root makes in another's directory its owner can't read: so root
 * becomes the owner first, or does nothing there. */
#ifndef CF_BROKER_PLATFORM_OWNER_H
#define CF_BROKER_PLATFORM_OWNER_H
#include "codec/error.h"

#include <sys/types.h>

enum { CF_OWNER_NAME = 64 };

typedef struct {
    uid_t user;
    gid_t group; /* the directory's, unless the system knows the user, and so the user's */
    char name[CF_OWNER_NAME]; /* "ann", or "65534" of whom the system doesn't know */
} cf_owner;

/* Whether this process is root's, and the directory at `path` is not: `*out` is its owner. */
bool cf_owner_is_other_than_root(const char *path, cf_owner *out);

/* Gives up the rights of root for the owner's, for good. Before there are threads. After CF_IO
 * there is nothing to be done but to end. */
cf_status cf_owner_become(const cf_owner *owner, cf_error *error);

/* Where `error` is of a permission that was denied, and a file in the directory at `path`, or one
 * folder below, is another's than the directory, or the directory's mode shuts out its owner: names
 * it, both owners and the command that helps, in the place of what the error said. */
void cf_owner_explain(const char *path, cf_error *error);

#endif
