/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there is room on the disk for what RocksDB is about to write. It is asked before, because
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

#endif
