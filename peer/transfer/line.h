/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive list in the order of coming: what stands in it embeds a cf_place_in_line. */
#ifndef CF_PEER_TRANSFER_LINE_H
#define CF_PEER_TRANSFER_LINE_H
#include <stddef.h>

typedef struct cf_place_in_line {
    struct cf_place_in_line *before, *after;
} cf_place_in_line;

typedef struct {
    cf_place_in_line *first, *last;
    size_t count;
} cf_line; /* {0} is empty */

/* The structure of type `type` whose member `member` is `place`. */
#define cf_standing(place, type, member) ((type *)((char *)(place)-offsetof(type, member)))

/* At the end. */
void cf_line_add(cf_line *line, cf_place_in_line *place);
void cf_line_remove(cf_line *line, cf_place_in_line *place);

#endif
