/* SPDX-License-Identifier: Apache-2.0 */
/* Ballast: room on the disk that a running broker holds in a file of its data directory, as much as
 * opening its store needs. A proper end drops it, since opening needs next to nothing then. After a
 * crash it is still there, and where others have filled the disk meanwhile, whoever opens the store
 * drops it first. So does the removal of a user, whom there is no room to remove without it. Where
 * the file system can't give room without its being written, there is none.
 *
 * What a disk keeps for root is filled first when ballast is dropped, if root had filled it: of up
 * to 64 MiB that much more is held.
 *
 * `folder` is the descriptor of the data directory: its path may lead elsewhere by now.
 */
#ifndef CF_BROKER_STORE_BALLAST_H
#define CF_BROKER_STORE_BALLAST_H
#include <stdbool.h>
#include <stdint.h>

/* Makes it, or enlarges it, if that leaves enough to others: now and then, as the store's logs
 * grow. False: there is too little room for it. */
bool cf_ballast_keep(int folder);
/* Before the store is opened: drops it where there is too little room for that. */
uint64_t cf_ballast_use(int folder);
/* Returns how much was held. */
uint64_t cf_ballast_drop(int folder);
/* As much as was dropped, where that didn't help. */
void cf_ballast_take_back(int folder, uint64_t size);

/* How large it is: of a store that needs `needed`, on a disk that has `room` and keeps `kept`
 * beside that; 0: there is too little room. */
uint64_t cf_ballast_size(uint64_t needed, uint64_t room, uint64_t kept);

#endif
