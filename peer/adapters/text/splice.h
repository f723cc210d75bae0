/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a text: which bytes of the text give way to which others. They are collected, in any
 * order, and written at once; bytes that no edit names are written as they were. */
#ifndef CF_PEER_ADAPTERS_TEXT_SPLICE_H
#define CF_PEER_ADAPTERS_TEXT_SPLICE_H
#include "codec/arena.h"

typedef struct {
    size_t offset, length; /* in the text that was read; length 0: an insertion before `offset` */
    cf_bytes replacement;
    const char *line_end; /* where the edit would go on with a line, this ends that line first;
                             NULL: the edit may be anywhere */
    size_t order;         /* in which the edits came: set by cf_splice_put */
} cf_splice_edit;

typedef struct {
    cf_splice_edit *edits;
    size_t count, capacity;
    cf_arena arena;
} cf_splice; /* {0} has none */

void cf_splice_release(cf_splice *splice);

/* Copies the replacement, and borrows `line_end`. Insertions before one byte are written as they
 * came, before what becomes of the byte. Of other edits that begin at one byte the longest counts,
 * of equally long ones the last. What begins within bytes that give way already is void:
 *     "abcdef", with bc -> X, c -> Y, an insertion of Z before d and of W before c: "aXZdef" */
void cf_splice_put(cf_splice *splice, cf_splice_edit edit);

/* Appends the whole text. `line_ends` are the bytes that can be the last of a line; a byte order
 * mark is no line. */
void cf_splice_write(cf_splice *splice, cf_bytes text, const char *line_ends, cf_buffer *out);

#endif
