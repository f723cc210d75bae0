/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there is room on the disk for what RocksDB is about to write, and ballast, which a
 * running broker holds for it; and the room that users can't fill. It is asked before, because
 * RocksDB as Debian builds it ends the process when a file that could not be written is closed. */
#ifndef CF_BROKER_STORE_STORE_ROOM_H
#define CF_BROKER_STORE_STORE_ROOM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes free on the disk of `path`, or of the directory that it will be made in; without what the
 * disk keeps for root. */
uint64_t cf_store_room(const char *path);
/* Whether this process can write that much: also into what the disk keeps, where it may. */
bool cf_store_room_has(const char *path, uint64_t needed);
/* For opening the store in the directory `path`: what its logs hold is written into tables. */
uint64_t cf_store_room_needed(const char *path);
bool cf_store_room_to_open(const char *path);
/* For writing what a verb does, now and then, and for opening it then. */
uint64_t cf_store_room_to_go_on(const char *path);
/* For making another of what is whole of it. */
uint64_t cf_store_room_to_repair(const char *path);
/* For writing `size` bytes, and, later, what is in memory. */
uint64_t cf_store_room_needed_to_write(const char *path, size_t size);
bool cf_store_room_to_write(const char *path, size_t size);

/* ---- Ballast ---- */

/* Room on the disk that a running broker holds in a file of its data directory, as much as
 * opening its store needs. A proper end drops it, since opening needs next to nothing then. After a
 * crash it is still there, and where others have filled the disk meanwhile, whoever opens the store
 * drops it first. So does the removal of a user, whom there is no room to remove without it. Where
 * the file system can't give room without its being written, there is none.
 *
 * What a disk keeps for root is filled first when ballast is dropped, if root had filled it: of up
 * to 64 MiB that much more is held.
 *
 * `folder` is the descriptor of the data directory: its path may lead elsewhere by now. */
/* Makes it, or enlarges it, if that leaves enough to others: now and then, as the store's logs
 * grow. False: there is too little room for it. */
bool cf_ballast_keep(int folder);
/* Before the store is opened: drops it where there is too little room for that, and enough with
 * it. Returns how much was held; 0: it stays. */
uint64_t cf_ballast_use_to_open(int folder);
/* Where there is too little room to write to the store: drops it if there is enough with it. */
uint64_t cf_ballast_use_to_write(int folder);
/* Returns how much was held. */
uint64_t cf_ballast_drop(int folder);
/* As much as was dropped, where that didn't help. */
void cf_ballast_take_back(int folder, uint64_t size);

/* How large it is: of a store that needs `needed`, on a disk that has `room` and keeps `kept`
 * beside that; 0: there is too little room. */
uint64_t cf_ballast_size(uint64_t needed, uint64_t room, uint64_t kept);

/* ---- The reserve ---- */

/* Room on the disk that users can't fill, so that the operator can do something about one who does:
 * contents stop first, then entries, which may be deletions; verbs and the start need a little of
 * what is left then. */

typedef struct {
    uint64_t room, whole; /* of the disk, in bytes */
    uint64_t needed;      /* of the room: to write to the store, and to open it again */
} cf_reserve;

/* What is left now. */
typedef cf_reserve cf_room_left(void *context);

/* How much contents leave: a hundredth, or 256 MiB if that is more, but of a small file system no
 * more than an eighth. */
uint64_t cf_reserve_of_contents(uint64_t whole);
/* Whether so many bytes more may be taken. */
bool cf_reserve_takes_contents(const cf_reserve *reserve, uint64_t size);
/* An entry leaves a tenth of that; a small one, as deletions are, a fortieth, so that they go
 * through where larger ones have filled the disk. */
bool cf_reserve_takes_entries(const cf_reserve *reserve, uint64_t size);
enum { CF_RESERVE_SMALL = 4096 };

/* Whether so little is left that the operator is told: less than a tenth of the disk, or a quarter
 * more than that at which contents are refused. */
bool cf_reserve_is_scarce(const cf_reserve *reserve);
/* What that means for users: "users may be refused soon". */
const char *cf_reserve_effect(const cf_reserve *reserve);

#endif
