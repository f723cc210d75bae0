/* SPDX-License-Identifier: Apache-2.0 */
/* Own changes that no broker takes any more: they were made while this device had not heard yet
 * that it got another role, by which they count for nothing, and nobody had them then, as far as it
 * knows. They stay in the own log, and are sent to nobody; this device goes on as a new writer
 * behind the last entry before them, so that what it may write later reaches the others. Operations
 * of the member log are none of them: some act even where they are void.
 *
 *   the tablet edits a note offline: entry 7 of its writer w; meanwhile it became a reader
 *   as it hears of that, 7 is withheld; as a member again it writes entry 1 of writer v,
 *   which comes after w's entry 6
 *
 * Owned by the engine's thread. */
#ifndef CF_PEER_LOG_WITHHELD_H
#define CF_PEER_LOG_WITHHELD_H
#include "codec/heads.h"

/* The end of one writer's chain. */
typedef struct {
    uint64_t first; /* sequence */
    cf_head last;
    cf_head before; /* the entry before the first; sequence 0: there is none */
} cf_withheld_part;

typedef struct {
    cf_withheld_part *at;
    size_t count, capacity;
} cf_withheld; /* {0} is empty */
void cf_withheld_release(cf_withheld *withheld);

size_t cf_withheld_count(const cf_withheld *withheld); /* entries */
bool cf_withheld_has(const cf_withheld *withheld, const cf_head *entry);
/* Of the heads that the log has, those that others can know of. */
void cf_withheld_leave_out(const cf_withheld *withheld, cf_heads *heads);

#endif
