/* SPDX-License-Identifier: Apache-2.0 */
/* What can be read of a damaged store. Its files are copied, or linked where they never change, and
 * the copy is opened in whatever way it can be: with what is damaged in its logs passed over; else,
 * where a table, the manifest or what names it is gone or unreadable, with a manifest that is made
 * from the tables and logs that are left. A sector that can't be read is a hole of zeros. The
 * damaged store itself is only read.
 *
 * What is read from the copy is no log yet: entries may lack those that they come after, and
 * records may be older than others. */
#ifndef CF_BROKER_STORE_STORE_SALVAGE_H
#define CF_BROKER_STORE_STORE_SALVAGE_H
#include "broker/store/store.h"

/* `copy` is a folder beside it, on the same file system if links are to save room; what is there is
 * replaced. All users that anything is left of are the copy's. CF_BROKEN: nothing can be read, or
 * it is of a newer format; CF_FULL: there is no room for the copy. */
cf_status cf_store_salvage_open(const char *path, const char *copy, cf_store **out,
                                cf_error *error);
/* Removes such a folder, once it is closed; CF_OK when there is none. */
cf_status cf_store_salvage_remove(const char *copy, cf_error *error);

#endif
