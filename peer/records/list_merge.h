/* SPDX-License-Identifier: Apache-2.0 */
/* Two edits of one list, whose elements are objects with an `id`, made one: element by element, and
 * of an element that both changed member by member. A pure function: every device makes the same
 * value of the same versions.
 *
 *     before                shown                 other
 *     a: port 1, b: port 2  a: port 9, b: port 2  b: port 2, c: port 3
 *     merged: a: port 9, b: port 2, c: port 3
 *
 * What one took away and the other changed stays, as `a` above. Where both did something else to
 * one thing, they clash, and the shown one's counts there:
 *
 *     before: a: port 1; shown: a: port 9; other: a: port 8, b: port 2
 *     merged: a: port 9, b: port 2 */
#ifndef CF_PEER_RECORDS_LIST_MERGE_H
#define CF_PEER_RECORDS_LIST_MERGE_H
#include "codec/bytes.h"

/* Values. */
typedef struct {
    cf_bytes before; /* that both were made from; nothing: they were made apart */
    cf_bytes shown, other;
} cf_list_versions;

/* An array of objects, each with a member `id` that is a text or an integer, which no other one
 * has. */
bool cf_list_is_mergeable(cf_bytes value);

/* Appends the list; `*clash`: they clash. False: a version is no such list; nothing was appended.
 * Where neither moved what was there, what is new stands behind what it was
 * put behind, that of the shown one first; where one version moved something, that one's order
 * counts, of both the shown one's.
 *
 *     before a b, shown a x b, other a y b     a x y b
 *     before a b, shown a x b, other b a       b a x */
bool cf_list_merge(const cf_list_versions *versions, bool *clash, cf_buffer *out);

#endif
