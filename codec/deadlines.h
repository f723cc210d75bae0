/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines in a heap: the next one is known at once, and setting one costs a few steps, however
 * many there are. What has a deadline embeds a cf_deadline (cf_container_of of bytes.h leads back).
 */
#ifndef CF_CODEC_DEADLINES_H
#define CF_CODEC_DEADLINES_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t at_ms;
    size_t place; /* in the heap, from 1; 0: it is not set */
} cf_deadline;    /* {0} is not set */

typedef struct {
    cf_deadline **all; /* none is before the one at half its place */
    size_t count, capacity;
} cf_deadlines; /* {0} is empty */

/* Sets it, also anew; UINT64_MAX takes it out. It stays where it lies in memory while it is set. */
void cf_deadlines_set(cf_deadlines *deadlines, cf_deadline *deadline, uint64_t at_ms);
/* When the first one is; UINT64_MAX: none is set. */
uint64_t cf_deadlines_next(const cf_deadlines *deadlines);
/* The first one, if its time has come; it stays set. Else NULL. */
cf_deadline *cf_deadlines_due(const cf_deadlines *deadlines, uint64_t now_ms);
/* Frees the heap, not what is in it. */
void cf_deadlines_release(cf_deadlines *deadlines);

#endif
