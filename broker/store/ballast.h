/* SPDX-License-Identifier: Apache-2.0 */
/* Ballast: room on the disk that a running broker holds in a file of its data directory, as much as
 * opening its store needs. A proper end drops it, since opening needs next to nothing then. After a
 * crash it is still there, and where others have filled the disk meanwhile, whoever opens the store
 * drops it first. So does the removal of a user, whom there is no room to remove without it. Where
 * the file system can't give room without its being written, there is none.
 */
#ifndef CF_BROKER_STORE_BALLAST_H
#define CF_BROKER_STORE_BALLAST_H

/* Makes it, or enlarges it, in the data directory `path`, if that leaves enough to others: now and
 * then, as the store's logs grow. */
void cf_ballast_keep(const char *path);
/* Before the store is opened: drops it where there is too little room for that. */
void cf_ballast_use(const char *path);
void cf_ballast_drop(const char *path);

#endif
