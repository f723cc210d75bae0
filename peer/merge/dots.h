/* SPDX-License-Identifier: Apache-2.0 */
/* Dots by small numbers, with the time of their entry, as long as something uses them. */
#ifndef CF_PEER_MERGE_DOTS_H
#define CF_PEER_MERGE_DOTS_H
#include "codec/clock.h"
#include "codec/hash_table.h"

typedef struct cf_dots cf_dots;

cf_dots *cf_dots_new(void);
void cf_dots_destroy(cf_dots **dots);

/* The dot's number, used once more from now on. */
uint32_t cf_dots_use(cf_dots *dots, const cf_dot *dot);
void cf_dots_use_again(cf_dots *dots, uint32_t number);
/* The number is used once less; the last use frees it. */
void cf_dots_drop(cf_dots *dots, uint32_t number);
/* False when nothing uses the dot. */
bool cf_dots_find(const cf_dots *dots, const cf_dot *dot, uint32_t *number);

const cf_dot *cf_dots_at(const cf_dots *dots, uint32_t number);
/* Zero until it is known. */
cf_time cf_dots_time(const cf_dots *dots, uint32_t number);
void cf_dots_set_time(cf_dots *dots, uint32_t number, cf_time time);

#endif
