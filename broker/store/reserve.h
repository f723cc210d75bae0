/* SPDX-License-Identifier: Apache-2.0 */
/* Room on the disk that users can't fill, so that the operator can do something about one who does:
 * contents stop first, then entries, which may be deletions; verbs and the start need a little of
 * what is left then. */
#ifndef CF_BROKER_STORE_RESERVE_H
#define CF_BROKER_STORE_RESERVE_H
#include <stdbool.h>
#include <stdint.h>

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
